"""Which columns of a symmetric sparse matrix one product with a vector gives together.

Columns share a colour, and a product, where every entry can still be read off one of the products:
a star colouring (Coleman and Moré 1984, "Estimation of sparse Hessian matrices and graph coloring
problems", after Curtis, Powell and Reid 1974), found greedily as in Gebremedhin, Manne and Pothen
(2005), "What color is your Jacobian?", algorithm 4.1, the columns of most entries first.

Sets of columns are whole numbers: bit k is column k.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

FEW = 8  # of so many digits one is set where picking them one by one is quicker than reading all


class Colouring(NamedTuple):
    """`colour` of each column, None where no product holds it; `groups`, the columns of each.

    `alone[c]` are the rows in which exactly one column of colour `c` has an entry.
    """

    colour: list[int | None]
    groups: list[list[int]]
    alone: list[int]

    def sources(self, i: Any, j: Any) -> tuple[Any, Any]:
        """The colours of the products that hold entries (i, j), and in which of their rows."""
        import numpy as np

        size = len(self.colour)
        colour = np.array([-1 if c is None else c for c in self.colour])
        alone = np.zeros((len(self.groups) + 1, size), dtype=bool)  # the last: of no product
        for c, bits in enumerate(self.alone):
            alone[c, members(bits)] = True
        own = (colour[j] >= 0) & ((i == j) | alone[colour[j], i])
        return np.where(own, colour[j], colour[i]), np.where(own, i, j)


def members(bits: int) -> list[int]:
    """The elements of a set.

    >>> members(0b10110)
    [1, 2, 4]
    """
    if bits.bit_count() * FEW > bits.bit_length():
        return [k for k, digit in enumerate(reversed(bin(bits)[2:])) if digit == "1"]
    found = []
    while bits:
        lowest = bits & -bits
        found.append(lowest.bit_length() - 1)
        bits ^= lowest
    return found


def colour_columns(rows: Sequence[int]) -> Colouring:
    """The colouring of a symmetric pattern; `rows[i]` are the columns with an entry in row i.

    >>> tridiagonal = [0b00011, 0b00111, 0b01110, 0b11100, 0b11000]
    >>> colour_columns(tridiagonal).groups
    [[1, 3], [2], [0, 4]]
    """
    near = [row & ~(1 << v) for v, row in enumerate(rows)]
    colour: list[int | None] = [None] * len(near)
    groups: list[int] = []
    once: list[int] = []  # rows in which a column of the colour has an entry,
    twice: list[int] = []  # and those in which several have
    used = [v for v, row in enumerate(rows) if row]
    for v in sorted(used, key=lambda v: -near[v].bit_count()):
        forbidden = near[v]
        for w in members(near[v]):
            c = colour[w]
            forbidden |= near[w] if c is None else near[w] & twice[c]
        chosen = next((c for c, group in enumerate(groups) if not group & forbidden), len(groups))
        if chosen == len(groups):
            for column in (groups, once, twice):
                column.append(0)
        colour[v] = chosen
        groups[chosen] |= 1 << v
        twice[chosen] |= once[chosen] & near[v]
        once[chosen] |= near[v]
    alone = [a & ~b for a, b in zip(once, twice, strict=True)]
    return _without_needless(rows, near, colour, groups, alone)


def _without_needless(
    rows: Sequence[int],
    near: Sequence[int],
    colour: list[int | None],
    groups: list[int],
    alone: list[int],
) -> Colouring:
    """Leaves out colours whose every entry another product holds, as in the Hessian of `x*y`."""
    kept = set(range(len(groups)))
    for c in sorted(kept, key=lambda c: -groups[c].bit_count()):
        columns = members(groups[c])
        if any(rows[j] >> j & 1 for j in columns):
            continue
        others = ((colour[i], j) for j in columns for i in members(near[j]))
        if all(k is not None and k in kept and alone[k] >> j & 1 for k, j in others):
            kept.remove(c)
    place = {c: k for k, c in enumerate(sorted(kept))}
    return Colouring(
        [None if c is None else place.get(c) for c in colour],
        [members(groups[c]) for c in sorted(kept)],
        [alone[c] for c in sorted(kept)],
    )
