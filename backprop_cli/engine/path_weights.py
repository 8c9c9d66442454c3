"""The weights of edges as logarithms of so many digits that products are ranked exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

_EXACT_EDGES = 12  # paths that differ in so many edges are compared exactly


class Network(NamedTuple):
    """Edges between states 0, 1, ... in topological order, the start 0, sorted by head.

    `origin` says which edge of the graph each one is.
    """

    size: int
    sink: int
    tails: list[int]
    heads: list[int]
    weights: Sequence[float]  # or exact whole numbers
    origin: Sequence[int]


def exact_weights(network: Network, partials: list[float]) -> tuple[list[int], int]:
    """Logarithms as whole numbers of so many digits that they tell any two products apart.

    Also the difference up to which two products are equal. Products of n floats that differ, differ
    by 2^(-53 n) or more; beyond 12 edges the digits stop growing. Edges that all paths share, by
    themselves or by equals, weigh nothing.
    """
    import decimal

    shared = _shared(network, partials)
    open_nodes = {tail for tail, same in zip(network.tails, shared, strict=True) if not same}
    bits = 54 * min(len(open_nodes) + 1, _EXACT_EDGES) + 64
    digits = math.ceil(bits * math.log10(2.0))
    context = decimal.Context(prec=digits + 4)

    @cache
    def weight(size: float) -> int:
        return int(context.ln(decimal.Decimal(size)).scaleb(digits, context))

    weights = [
        0 if same else weight(abs(slope)) for slope, same in zip(partials, shared, strict=True)
    ]
    return weights, 10**9


def _shared(network: Network, partials: list[float]) -> list[bool]:
    """Which edges every path has to take, or one between the same states that weighs the same."""
    alike: dict[tuple[int, int], list[float]] = {}
    for tail, head, slope in zip(network.tails, network.heads, partials, strict=True):
        alike.setdefault((tail, head), []).append(abs(slope))
    over = [0] * (network.size + 1)  # the pairs of states with edges that lead on past a state
    for tail, head in alike:
        over[tail] += 1
        over[head] -= 1
    crossing, total = [], 0
    for change in over:
        total += change
        crossing.append(total)
    return [
        crossing[tail] == 1 and min(alike[tail, head]) == max(alike[tail, head])
        for tail, head in zip(network.tails, network.heads, strict=True)
    ]
