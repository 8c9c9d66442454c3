"""The sum of all path products by forward accumulation, and how much of it cancels."""

from __future__ import annotations

import math
from typing import NamedTuple

from backprop_cli.engine import classes
from backprop_cli.engine.path_graph import PathGraph

_SMALL, _LARGE = 1e-290, 1e290  # beyond these, a float may have lost digits on the way
_SAFE = 960.0  # powers of two that a product stays within
Scaled = tuple[float, int]  # mantissa and power of two; 0.0 has power 0


class Sums(NamedTuple):
    """The sum over all paths, with the parts that are positive and negative.

    The parts are None where a product is not finite.
    """

    total: float
    positive: float | None
    negative: float | None  # not above 0
    depth: int  # the most edges on a path
    ranged: bool = False  # whether a float would have over- or underflowed on the way

    @property
    def magnitude(self) -> float | None:
        """The sum of |product|."""
        if self.positive is None or self.negative is None:
            return None
        return self.positive - self.negative

    @property
    def condition(self) -> float | None:
        """The sum of |product| over |sum|: 1 without cancellation; None where that says nothing."""
        whole = self.magnitude
        if whole is None or not math.isfinite(whole) or self.total != self.total or whole == 0:
            return None
        return whole / abs(self.total) if self.total else math.inf


def sum_paths(graph: PathGraph) -> Sums:
    """The sums by one visit to each edge."""
    if not graph.heads:
        return Sums(float(graph.trivial), float(graph.trivial), 0.0, 0)
    size = len(graph.nodes)
    total, up, down = [0.0] * size, [0.0] * size, [0.0] * size
    depth = [0] * size
    total[0] = up[0] = 1.0
    for tail, head, slope in zip(graph.tails, graph.heads, graph.partials, strict=True):
        total[head] += slope * total[tail]
        if slope >= 0:
            up[head] += slope * up[tail]
            down[head] += slope * down[tail]
        else:
            up[head] += slope * down[tail]
            down[head] += slope * up[tail]
        if depth[tail] >= depth[head]:
            depth[head] = depth[tail] + 1
    if all(_SMALL < u - d < _LARGE for u, d in zip(up, down, strict=True)):
        return Sums(total[-1], up[-1], down[-1], depth[-1])
    if not all(map(math.isfinite, graph.partials)):  # every edge is on a path
        return Sums(classes.total(_classes(graph), 0.0), None, None, depth[-1])
    return _ranged(graph, total[-1], up[-1], down[-1], depth[-1])


def _classes(graph: PathGraph) -> int:
    """The classes of all path products."""
    sets = [0] * len(graph.nodes)
    sets[0] = classes.POSITIVE
    for tail, head, slope in zip(graph.tails, graph.heads, graph.partials, strict=True):
        sets[head] |= classes.times(sets[tail], slope)
    return sets[-1]


def _ranged(graph: PathGraph, total: float, up: float, down: float, depth: int) -> Sums:
    """The sums with exponents of their own, if floats left their range on the way."""
    wide = [_float(number) for number in _scaled_sums(graph)]
    same = all(
        a == b or (a != 0 and math.isclose(a, b, rel_tol=1e-9))
        for a, b in zip((total, up, down), wide, strict=True)
    )
    return Sums(total, up, down, depth) if same else Sums(wide[0], wide[1], wide[2], depth, True)


def _scaled_sums(graph: PathGraph) -> tuple[Scaled, Scaled, Scaled]:
    """Total, positive and negative part at the last node."""
    size = len(graph.nodes)
    zero: Scaled = (0.0, 0)
    total, up, down = [zero] * size, [zero] * size, [zero] * size
    total[0] = up[0] = (1.0, 0)
    for tail, head, slope in zip(graph.tails, graph.heads, graph.partials, strict=True):
        factor = math.frexp(slope)
        total[head] = _plus(total[head], _times(total[tail], factor))
        plus, minus = (up, down) if slope >= 0 else (down, up)
        up[head] = _plus(up[head], _times(plus[tail], factor))
        down[head] = _plus(down[head], _times(minus[tail], factor))
    return total[-1], up[-1], down[-1]


def _times(a: Scaled, b: Scaled) -> Scaled:
    mantissa, power = math.frexp(a[0] * b[0])
    return mantissa, power + a[1] + b[1] if mantissa else 0


def _plus(a: Scaled, b: Scaled) -> Scaled:
    if a[1] < b[1] or not a[0]:
        a, b = b, a
    if not b[0]:
        return a
    mantissa, power = math.frexp(a[0] + math.ldexp(b[0], max(b[1] - a[1], -2000)))
    return mantissa, power + a[1] if mantissa else 0


def _float(number: Scaled) -> float:
    """The float, infinite or zero where it is out of range."""
    mantissa, power = number
    if power > 1100:
        return math.copysign(math.inf, mantissa)
    try:
        return math.ldexp(mantissa, max(power, -1200))
    except OverflowError:
        return math.copysign(math.inf, mantissa)


def product(partials: list[float]) -> float:
    """The IEEE product of the partials, but neither over- nor underflowing on the way."""
    if not partials:
        return 1.0
    if not all(map(math.isfinite, partials)):
        reached = classes.POSITIVE
        for slope in partials:
            reached = classes.times(reached, slope)
        return classes.total(reached, 0.0)
    if 0.0 in partials:
        return 0.0
    widest = max(map(abs, map(math.log2, map(abs, partials))))
    step = max(int(_SAFE / max(widest, 1e-9)), 1)  # so many factors stay within range
    if step >= len(partials):
        return math.prod(partials)
    result: Scaled = (1.0, 0)
    for k in range(0, len(partials), step):
        result = _times(result, math.frexp(math.prod(partials[k : k + step])))
    return _float(result)
