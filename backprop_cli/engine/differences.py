"""Derivatives by differences of values of high precision, and what the point is like.

A component is differenced at four steps around the point, -2h, -h, h and 2h, with h = 10^-30 of the
variable (of 1 where that is larger) and numbers of 100 digits: a central difference then errs by
about h^2, and Richardson's step by h^4. Where the two do not agree to 25 digits, both exponents are
doubled, twice at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from backprop_cli.backends import mpmath_numbers as high
from backprop_cli.backends.mpmath_numbers import mp
from backprop_cli.engine.exact_pair import Magnitudes
from backprop_cli.ir.graph import Graph

Number = Any  # mpmath.mpf
LEVELS = (100, 200, 400)  # digits of the numbers
STEP = 0.3  # digits of the step, of those of the numbers
NEAR = 1e-12  # relative to the variable: further than rounding moves a kink
SAME, VANISHED = 1e-6, 1e-15  # of slopes, relative to those with half the digits
MOST_DIGITS = 1_000
AGREEMENT = 25  # digits to which two differences agree before they are believed


class Slope(NamedTuple):
    """The derivative at a point, from both sides.

    `kind` is 'smooth', 'kink', 'jump', 'edge' (of the domain: one side only), 'infinite', or
    'undefined' where there is no value; `reference` is None for a kink, a jump, and no value.
    """

    kind: str
    reference: Number | None
    left: Number | None
    right: Number | None


NO_SLOPE = Slope("smooth", mp.mpf(0), mp.mpf(0), mp.mpf(0))


def vanishes(found: Slope, again: Slope) -> bool:
    """Whether with twice the digits there is next to nothing left of the slopes of both sides."""
    sides = [(found.left, again.left), (found.right, again.right)]
    return any(found[2:]) and all(
        a is not None and b is not None and abs(b) <= VANISHED * abs(a) < mp.inf for a, b in sides
    )


def alike(found: Slope, again: Slope) -> bool:
    """Whether the point is the same with twice the digits: of one kind, with the same slopes."""
    sides = [(found.left, again.left), (found.right, again.right)]
    return found.kind == again.kind and all(
        a == b or (a is not None and b is not None and abs(a - b) <= SAME * abs(b))
        for a, b in sides
    )


class Side(NamedTuple):
    """One side of the point: its slope, and whether the value jumps or the slope is infinite."""

    kind: str  # 'smooth', 'jump' or 'infinite'
    slope: Number


class Differences:
    """Differences of one output with respect to elements of nodes that are inputs."""

    def __init__(self, graph: Graph, point: Mapping[str, Any], output: int) -> None:
        self.graph = graph
        self.point = {i: point[graph.names[i]] for i in graph.inputs}
        self.output = output
        self._values: dict[int, list[Any]] = {}
        self._orders: dict[int, list[int]] = {}

    def value(self, digits: int = LEVELS[0]) -> Any:
        """The output at the point."""
        return self._at(digits)[self.output]

    def _at(self, digits: int) -> list[Any]:
        if digits not in self._values:
            with mp.workdps(digits):
                bound = {i: high.numbers(value) for i, value in self.point.items()}
                self._values[digits] = high.forward(self.graph, bound)
        return self._values[digits]

    def slope(self, node: int, index: tuple[int, ...] = ()) -> Slope:
        """The derivative by one element of an input.

        What is not smooth must be so with twice the digits; rounding is not.
        """
        found, certain = self._slope(LEVELS[0], node, index)
        for digits in LEVELS[1:]:
            if certain and found.kind in ("smooth", "undefined"):
                break
            again, sure = self._slope(digits, node, index)
            if vanishes(found, again):
                return NO_SLOPE
            certain = sure if again.kind == "smooth" else certain and alike(found, again)
            found = again
            if certain:
                break
        return found

    def resolved(self, node: int, index: tuple[int, ...], expected: float) -> Slope | None:
        """The derivative with digits for all numbers met, and steps that move the largest little.

        The digits show the expected derivative beside them; None where that takes too many.
        """
        values, span = self._at(LEVELS[0]), Magnitudes()
        for value in values:
            span.add_all(value)
        beside = Magnitudes()
        beside.add(mp.mpf(expected))
        more = 2 * abs(span.bottom) + 3 * span.top + abs(beside.bottom)
        if LEVELS[0] + more > MOST_DIGITS:
            return None
        size = mp.mpf(10) ** (span.bottom - span.top - 1)
        return self._slope(LEVELS[0], node, index, size, more)[0]

    def beside(self, node: int, index: tuple[int, ...] = ()) -> Slope | None:
        """The slopes to both sides, a little away; None unless they differ as at a kink.

        A little beside the variable, or beside the largest number, which rounding is relative to.
        """
        values, span = self._at(LEVELS[0]), Magnitudes()
        for value in values:
            span.add_all(value)
        with mp.workdps(LEVELS[0] + span.top - span.bottom):
            x = values[node][index] if index else values[node]
            for size in (abs(x) or mp.mpf(1), mp.mpf(10) ** span.top):
                h = NEAR * size
                f = [self._moved(values, node, index, k * h) for k in (-2, -1, 1, 2)]
                left, right = (f[1] - f[0]) / h, (f[3] - f[2]) / h
                apart = abs(left - right) > 1e-3 * max(abs(left), abs(right))
                if apart and all(map(mp.isfinite, f)):
                    return Slope("kink", None, left, right)
        return None

    def _slope(
        self,
        digits: int,
        node: int,
        index: tuple[int, ...],
        size: Number | None = None,
        more: int = 0,
    ) -> tuple[Slope, bool]:
        """The slope with steps relative to `size`, and with `more` digits."""
        start = self._at(digits)[node]
        x = start[index] if index else start
        if not mp.isfinite(x):
            return Slope("undefined", None, None, None), True
        if size is None:
            # relative to a small number, but not to a large one: a wave has many periods within it
            size = min(abs(x), mp.mpf(1)) if x else mp.mpf(1)
            more = 2 * abs(int(mp.floor(mp.log10(abs(x))))) if x else 0
        exact = digits + more
        values = self._at(exact)
        with mp.workdps(exact):
            h = mp.mpf(10) ** -int(STEP * digits) * size
            f = {k: self._moved(values, node, index, k * h) for k in (-2, -1, 1, 2)}
            return classified(f | {0: values[self.output]}, h, exact)

    def _moved(self, values: list[Any], node: int, index: tuple[int, ...], by: Number) -> Any:
        if node not in self._orders:
            self._orders[node] = high.dependents(self.graph, node, self.output)
        value = values[node]
        if index:
            value = value.copy()
            value[index] += by
        else:
            value = value + by
        return high.moved(self.graph, values, node, value, self._orders[node], self.output)


def classified(f: dict[int, Number], h: Number, digits: int) -> tuple[Slope, bool]:
    """The slope from values at -2h to 2h, and whether it is certain to enough digits."""
    if not mp.isfinite(f[0]):
        return Slope("undefined", None, None, None), True
    right = side(f[0], f[1], f[2], h, digits)
    left = side(f[0], f[-1], f[-2], -h, digits)
    if right is None or left is None:
        one = right or left
        if one is None:
            return Slope("undefined", None, None, None), True
        return at_edge(one, right is not None)
    slopes = (left.slope, right.slope)
    if "jump" in (right.kind, left.kind):
        return Slope("jump", None, *slopes), True
    if right.kind == left.kind == "infinite" and left.slope == right.slope:
        return Slope("infinite", right.slope, *slopes), True
    if "infinite" in (right.kind, left.kind) or has_kink(f, *slopes):
        return Slope("kink", None, *slopes), True
    return smooth(f, h, slopes)


def side(start: Number, near: Number, far: Number, step: Number, digits: int) -> Side | None:
    """What the values at one and two steps on one side say; None where they are not finite.

    From h to 2h a difference grows by 2 where the function has a slope, by 1 across a jump, by less
    than 2 where the slope is infinite (by sqrt(2) for sqrt(x) at 0), and by more where it is 0.
    """
    if not (mp.isfinite(near) and mp.isfinite(far)):
        return None
    one, two = near - start, far - start
    noise = mp.mpf(10) ** (10 - digits) * max(abs(start), abs(near), abs(far))
    slope = (4 * one - two) / (2 * step)  # its error is of the order of the step's square
    if abs(one) <= noise:
        return Side("smooth", slope if abs(two) > noise else mp.mpf(0))
    growth = two / one
    if growth < 1 + 1e-3:
        return Side("jump", (far - near) / step)
    if growth < 2 - 1e-6:
        return Side("infinite", mp.inf * mp.sign(one / step))
    return Side("smooth", slope if growth < 2 + 1e-3 else mp.mpf(0))


def at_edge(one: Side, from_right: bool) -> tuple[Slope, bool]:
    """The slope where the function is defined on one side only."""
    sides = (None, one.slope) if from_right else (one.slope, None)
    if one.kind == "jump":
        return Slope("jump", None, *sides), True
    if one.kind == "infinite":
        return Slope("infinite", one.slope, *sides), True
    return Slope("edge", one.slope, *sides), True


def has_kink(f: dict[int, Number], left: Number, right: Number) -> bool:
    """Whether the slopes differ, and the second difference grows like the step, not its square."""
    if abs(right - left) <= 1e-8 * max(abs(left), abs(right)):
        return False
    near, far = f[1] - 2 * f[0] + f[-1], f[2] - 2 * f[0] + f[-2]
    return bool(near != 0 and abs(far / near - 2) < 1e-3)


def smooth(f: dict[int, Number], h: Number, slopes: tuple[Number, Number]) -> tuple[Slope, bool]:
    """The central difference with Richardson's step, certain where two steps agree."""
    if slopes == (0, 0):
        return Slope("smooth", mp.mpf(0), *slopes), True
    near, far = (f[1] - f[-1]) / (2 * h), (f[2] - f[-2]) / (4 * h)
    reference = (4 * near - far) / 3
    certain = abs(near - far) <= mp.mpf(10) ** -AGREEMENT * abs(reference)
    return Slope("smooth", reference, *slopes), certain
