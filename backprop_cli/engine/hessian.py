"""Hessians: forward over reverse, with as few products as the sparsity of the graph allows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.engine.colouring import Colouring, colour_columns, members
from backprop_cli.engine.evaluate import Value, differentiate
from backprop_cli.engine.findings import bad_elements, number
from backprop_cli.engine.gradient_graph import GradientGraph, joined
from backprop_cli.engine.guards import higher_warnings
from backprop_cli.engine.sparsity import dependence
from backprop_cli.engine.tangents import Tangents
from backprop_cli.engine.warning import Warning_
from backprop_cli.errors import UsageFault
from backprop_cli.ir.graph import Graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_ENTRIES = 10**8  # of a matrix that is written out: 0.8 GB
MOST_EIGENVALUES = 12  # variables of a Hessian whose eigenvalues are given


class Hessian(NamedTuple):
    """Second derivatives of a scalar output by each pair of nodes of `wrt`.

    `blocks[i][j]` has the shape of node i followed by that of node j. `nonzeros` entries of the
    `size` by `size` matrix can differ from 0 at some point; `products` are the passes it took.
    """

    graph: Graph
    output: int
    wrt: list[int]
    value: Value
    gradient: dict[int, Value]
    blocks: dict[int, dict[int, Value]]
    size: int
    nonzeros: int
    products: int
    eigenvalues: list[float] | None
    warnings: list[Warning_]

    @property
    def definiteness(self) -> str | None:
        """What the signs of the eigenvalues say; None where there are none."""
        return None if not self.eigenvalues else definiteness(self.eigenvalues)


def hessian(
    graph: Graph,
    point: Mapping[str, Value],
    output: int,
    wrt: Sequence[int] | None = None,
    backend: str = "auto",
) -> Hessian:
    """The Hessian of a scalar output by the nodes of `wrt` (by default all variables).

    Raises UsageFault where the matrix would have more than 10^8 entries.
    """
    wanted = list(dict.fromkeys(graph.inputs if wrt is None else wrt))
    size = sum(math.prod(graph.shape(i)) for i in wanted)
    if size * size > MOST_ENTRIES:
        raise UsageFault(
            f"the Hessian by {size:,} numbers has {size * size:,} entries",
            help="products of it with vectors need no matrix: bprop hvp",
        )
    sweep = differentiate(graph, point, output, wanted, backend=backend)
    curvature = _Curvature(GradientGraph(graph, point, output, wanted, wanted, backend))
    matrix = curvature.matrix()
    labels = [graph.labels()[i] for i in wanted]
    blocks = _blocks(graph, wanted, matrix)
    return Hessian(
        graph,
        output,
        wanted,
        sweep.value,
        sweep.gradient,
        blocks,
        size,
        curvature.nonzeros,
        curvature.products,
        _eigenvalues(matrix),
        [*higher_warnings(sweep), *_not_finite(labels, wanted, blocks, curvature.reasons)],
    )


class _Curvature:
    """The matrix of second derivatives of a gradient graph."""

    def __init__(self, first: GradientGraph) -> None:
        self.first = first
        self.pattern = symmetric_pattern(first)
        self.nonzeros = sum(row.bit_count() for row in self.pattern)
        self.products = 0
        self.reasons: list[str] = []  # why entries are not finite

    def matrix(self) -> NDArray[Any]:
        import numpy as np

        size = len(self.pattern)
        matrix = np.zeros((size, size))
        if not self.nonzeros:
            return matrix
        if self.first.is_nested():
            self.products = size
            return self._by_rows(range(size), matrix)
        colouring = colour_columns(self.pattern)
        self.products = len(colouring.groups)
        self._recover(colouring, matrix)
        finite = np.isfinite(matrix).all(axis=1)
        return matrix if finite.all() else self._by_rows(np.flatnonzero(~finite).tolist(), matrix)

    def _recover(self, colouring: Colouring, matrix: NDArray[Any]) -> None:
        """Fills in each entry from the product that holds it alone."""
        import numpy as np

        products = self._products(colouring.groups)
        if self.products == len(matrix):
            matrix[:, [group[0] for group in colouring.groups]] = products.T
            lower = np.tril_indices(len(matrix), -1)
            matrix[lower] = matrix.T[lower]
            return
        for i, row in enumerate(self.pattern):
            for j in members(row):
                if i <= j:
                    matrix[i, j] = matrix[j, i] = products[colouring.source(i, j)]

    def _products(self, groups: list[list[int]]) -> NDArray[Any]:
        """The matrix times the sum of the columns of each group, as rows."""
        import numpy as np

        first = self.first
        tangents = Tangents(first.graph, first.point, first.columns, first.gradient, first.backend)
        directions = []
        for group in groups:
            flat = np.zeros(len(self.pattern))
            flat[group] = 1.0
            directions.append(first.parted(flat))
        return np.array([joined(product) for product in tangents.along(directions)])

    def _by_rows(self, rows: Sequence[int], matrix: NDArray[Any]) -> NDArray[Any]:
        """Some rows anew by reverse over reverse, which minds what is no edge at the point."""
        import numpy as np

        for row in rows:
            matrix[row], reasons = self.first.reversed_row(row)
            self.reasons += reasons
        for row in rows:  # one number on both sides, where the two differ by rounding
            other = matrix[:, row]
            both = np.isfinite(matrix[row]) & np.isfinite(other)
            matrix[row] = np.where(both, other, matrix[row])
        return matrix


def symmetric_pattern(first: GradientGraph) -> list[int]:
    """For each row the set of columns in which it can differ from 0."""
    found = [row for node in dependence(first.graph, first.columns, first.gradient) for row in node]
    if all(row == (1 << len(found)) - 1 for row in found):
        return found
    result = list(found)
    for i, row in enumerate(found):
        for j in members(row):
            result[j] |= 1 << i
    return result


def _blocks(graph: Graph, wrt: Sequence[int], matrix: NDArray[Any]) -> dict[int, dict[int, Value]]:
    """The matrix by pairs of nodes, each in their shapes."""
    spans, start = {}, 0
    for i in wrt:
        end = start + math.prod(graph.shape(i))
        spans[i] = slice(start, end)
        start = end
    return {
        i: {j: matrix[spans[i], spans[j]].reshape(graph.shape(i) + graph.shape(j))[()] for j in wrt}
        for i in wrt
    }


def _eigenvalues(matrix: NDArray[Any]) -> list[float] | None:
    """In ascending order; None for a large matrix, or one that is not finite or symmetric."""
    import numpy as np

    small = 0 < len(matrix) <= MOST_EIGENVALUES
    if not small or not np.isfinite(matrix).all() or not np.array_equal(matrix, matrix.T):
        return None
    found: list[float] = np.linalg.eigvalsh(matrix).tolist()
    return found


def definiteness(eigenvalues: Sequence[float]) -> str:
    """What the signs of eigenvalues say, those that are 0 to rounding taken as 0.

    >>> definiteness([1.0, 2.0]), definiteness([-1.0, 1e-20]), definiteness([-1.0, 1.0])
    ('positive definite', 'negative semidefinite', 'indefinite')
    """
    rounding = len(eigenvalues) * 2.3e-16 * max(abs(v) for v in eigenvalues)
    below = any(v < -rounding for v in eigenvalues)
    above = any(v > rounding for v in eigenvalues)
    if above and below:
        return "indefinite"
    if not above and not below:
        return "zero"
    kind = "definite" if all(abs(v) > rounding for v in eigenvalues) else "semidefinite"
    return f"{'positive' if above else 'negative'} {kind}"


def _not_finite(
    labels: Sequence[str],
    wrt: Sequence[int],
    blocks: Mapping[int, Mapping[int, Value]],
    reasons: Sequence[str],
) -> list[Warning_]:
    """A warning for each entry that is not finite."""
    found = []
    why = f": {reasons[0]}" if reasons else ""
    for i, a in zip(wrt, labels, strict=True):
        for j, b in zip(wrt, labels, strict=True):
            for path, bad in bad_elements(blocks[i][j], f"hessian.{a}.{b}"):
                message = f"the second derivative by '{a}' and '{b}' is {number(bad)}{why}"
                found.append(Warning_("non-finite", None, None, message, path, bad))
    return found
