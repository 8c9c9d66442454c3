"""How many paths there are, and what it would cost to go through them one by one."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

from backprop_cli.engine.path_graph import PathGraph

DIGITS = 4000  # a count with more digits is given by its logarithm alone
LIMIT = 10**DIGITS
_BITS = LIMIT.bit_length()
_STEP = 512  # rescaling, in powers of two


class Count(NamedTuple):
    """A whole number that may be too long to write down: exact is None above 4,000 digits."""

    exact: int | None
    log10: float | None  # None for 0

    @classmethod
    def of(cls, number: int) -> Count:
        if number == 0:
            return cls(0, None)
        return cls(number if number < LIMIT else None, math.log10(number))


class Work(NamedTuple):
    """The multiplications and additions of a method."""

    multiplications: Count
    additions: Count


class Counts(NamedTuple):
    """The number of paths, and the work of enumeration beside that of backpropagation."""

    paths: Count
    enumeration: Work
    backpropagation: Work


def count_paths(graph: PathGraph) -> Counts:
    """Counts by one visit to each edge, exactly up to 4,000 digits.

    A path of n edges takes n - 1 multiplications; its product takes an addition to the others.
    Backpropagation takes a multiplication for each edge, save those by the seed of 1, and an
    addition for each edge after the first into the same adjoint.
    """
    edges = len(graph.heads)
    last = len(graph.nodes) - 1
    seeded = graph.heads.count(last) if edges else 0
    backward = Work(Count.of(edges - seeded), Count.of(max(edges - last, 0)))
    if not edges:
        none = Work(Count.of(0), Count.of(0))
        return Counts(Count.of(int(graph.trivial)), none, none)
    exact = _exactly(graph)
    if exact is not None:
        paths, steps = exact
        forward = Work(Count.of(steps - paths), Count.of(paths - 1))
        return Counts(Count.of(paths), forward, backward)
    mantissa, mean, exponent = _scaled(graph)
    digits = math.log10(mantissa) + exponent * math.log10(2.0)
    count = Count(None, digits)
    forward = Work(Count(None, digits + math.log10(mean - 1)), count)
    return Counts(count, forward, backward)


def first_edges(graph: PathGraph) -> list[int]:
    """For each node, where its incoming edges begin; and the number of edges."""
    starts = [0] * (len(graph.nodes) + 1)
    for head in graph.heads:
        starts[head + 1] += 1
    for k in range(1, len(starts)):
        starts[k] += starts[k - 1]
    return starts


def _exactly(graph: PathGraph) -> tuple[int, int] | None:
    """The number of paths and of all their edges; None when there are too many digits.

    No node has more paths to it than the last one, since all of them go on.
    """
    tails = graph.tails
    count, steps = [1], [0]
    for start, end in pairwise(first_edges(graph)[1:]):
        if end - start == 1:
            tail = tails[start]
            paths = count[tail]
            count.append(paths)
            steps.append(steps[tail] + paths)
            continue
        paths = length = 0
        for k in range(start, end):
            tail = tails[k]
            paths += count[tail]
            length += steps[tail]
        if paths.bit_length() > _BITS:
            return None
        count.append(paths)
        steps.append(length + paths)
    return count[-1], steps[-1]


def _scaled(graph: PathGraph) -> tuple[float, float, int]:
    """The number of paths as mantissa and power of two, and their mean number of edges."""
    tails = graph.tails
    mantissas, means, powers = [1.0], [0.0], [0]
    for start, end in pairwise(first_edges(graph)[1:]):
        into = tails[start:end]
        power = max(powers[tail] for tail in into)
        shares = [math.ldexp(mantissas[tail], powers[tail] - power) for tail in into]
        total = sum(shares)
        mean = sum(share * means[tail] for share, tail in zip(shares, into, strict=True)) / total
        if total > 2.0**_STEP:
            total, power = math.ldexp(total, -_STEP), power + _STEP
        mantissas.append(total)
        means.append(mean + 1.0)
        powers.append(power)
    return mantissas[-1], means[-1], powers[-1]
