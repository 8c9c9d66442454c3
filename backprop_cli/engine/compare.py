"""Whether two programs are equal, and their derivatives: symbolically, or at many points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.engine.compare_gradients import GradientVerdict, compare_gradients
from backprop_cli.engine.pair import Pair, Values
from backprop_cli.engine.sample_points import (
    Point,
    random_points,
    simple_points,
    simpler,
    telling_numbers,
    telling_points,
)
from backprop_cli.engine.warning import Warning_
from backprop_cli.ir.shapes import show

if TYPE_CHECKING:
    from backprop_cli.engine.lower import Program
    from backprop_cli.engine.sweep import Value
    from backprop_cli.ir.graph import Graph

POINTS = 20
TELLING = 120  # points at the programs' constants and far away, at most; fewer of large programs
WORK = 100_000  # nodes that are computed at them
TRIES = 20  # of finding each random point where both have a value
NO_VALUE = "neither has a value at any point that was tried"
NOT_KNOWN = "their numbers are too large or too small to tell at any point that was tried"
BESIDE, NEIGHBOURS = 1e-3, 6  # how far, and how many points around one are looked at
SEED = 1


class Counterexample(NamedTuple):
    """A point where the two differ: in 'value', in 'domain' (one has none), or in 'gradient'."""

    at: Point
    first: Value
    second: Value
    reason: str
    difference: float | None = None  # of two values that are the same float


class Comparison(NamedTuple):
    """Whether two programs are equal; `points` is how many random points were compared."""

    equal: bool
    shown: str  # 'symbolically' or 'numerically'
    points: int
    counterexample: Counterexample | None
    remark: str | None  # where only one has a value, or why they cannot be equal
    gradients: dict[str, GradientVerdict]
    warnings: list[Warning_]
    fixed: Mapping[str, Value] = {}  # what kept its value in all trials
    given: str | None = None  # at a point given: 'equal', 'differ', 'first', 'second', 'neither'

    @property
    def verdict(self) -> str:
        if not self.equal:
            return "differ"
        if self.shown == "symbolically":
            return "equal"
        if not self.gradients:
            return "equal to rounding"
        plural = "" if self.points == 1 else "s"
        return f"equal at {self.points} random point{plural}"


class Seen(NamedTuple):
    """The points that were tried, by what was found there; the simplest first."""

    agree: list[Point]
    differ: list[Point]
    first: list[Point]  # only the first program has a value
    second: list[Point]
    random: int  # how many of `agree` were drawn at random
    given: str | None  # the verdict at the given point, which is the first of its list
    unknown: bool  # whether there were points where no verdict was found


def compare(
    first: Program | Graph,
    second: Program | Graph,
    given: Mapping[str, Value] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    points: int = POINTS,
) -> Comparison:
    """Compares two programs over the variables of both.

    Where `given` has all variables, that point is tried first; where it has some, they are fixed.
    Raises NameFault for a name that neither has, UsageFault where one has several outputs.
    """
    pair = Pair(first, second, shapes or {}, given or {})
    notes = [Warning_("note", None, None, text) for text in _notes(pair)]
    one, two = pair.output_shapes
    if one != two:
        text = f"the first is {show(one)}, the second {show(two)}"
        return Comparison(False, "symbolically", 0, None, text, {}, notes)
    same = pair.is_same()
    zero = same or pair.is_zero()
    seen = look(pair, 1 if same else points)
    example = counterexample(pair, seen)
    remark = domain(seen)
    gradients = compare_gradients(pair, seen.agree + seen.differ)
    notes += _conventions(gradients)
    equal = example is None
    if not seen.agree and not zero and equal:
        remark = NO_VALUE if not seen.unknown else NOT_KNOWN
        equal = False
    wrong = next((g for g in gradients.values() if not g.equal), None)
    if equal and wrong is not None:
        equal = False
        example = Counterexample(wrong.at or {}, wrong.first, wrong.second, "gradient")
    shown = "symbolically" if zero and equal else "numerically"
    fixed = {**pair.parameters, **pair.fixed}
    return Comparison(
        equal, shown, seen.random, example, remark, gradients, notes, fixed, seen.given
    )


def _notes(pair: Pair) -> list[str]:
    notes = [
        f"only the {word} has the variable{'s' if len(names) > 1 else ''} {', '.join(names)}"
        for word, names in (("first", pair.lone(0)), ("second", pair.lone(1)))
        if names
    ]
    if not pair.precise:
        notes.append(
            "small differences are judged in floats; for more, pip install 'backprop-cli[check]'"
        )
    return notes


def _conventions(gradients: Mapping[str, GradientVerdict]) -> list[Warning_]:
    return [
        Warning_("kink", name, None, f"the derivatives by '{name}' differ at {at_text(verdict.at)}")
        for name, verdict in gradients.items()
        if verdict.reason == "convention" and verdict.at is not None
    ]


def look(pair: Pair, points: int) -> Seen:
    """Both values at the given point, at simple ones, telling ones and random ones."""
    seen = Seen([], [], [], [], 0, None, False)
    unknown: list[Point] = []
    lists = {
        "equal": seen.agree,
        "differ": seen.differ,
        "first": seen.first,
        "second": seen.second,
        "unknown": unknown,
    }

    def tried(point: Point) -> str:
        verdict = pair.values(point).verdict
        if verdict in lists:
            lists[verdict].append(point)
        return verdict

    given = pair.given if pair.given and not pair.fixed else {}
    verdict = tried(given) if given else None
    for point in simple_points(pair.shapes):
        tried(point)
    told = telling_points(pair.shapes, telling_numbers(pair.constants()))
    most = min(TELLING, WORK // sum(map(len, pair.graphs)))
    for point in islice(told, 0 if seen.differ else most):
        tried(point)
    found = 0
    tries = points * TRIES if pair.shapes else 0
    for point in islice(random_points(pair.shapes, given), tries):
        if found == points:
            break
        here = tried(point)
        found += here == "equal"
        if seen.differ and here == "differ":
            break
    return seen._replace(random=found, given=verdict, unknown=bool(unknown))


def counterexample(pair: Pair, seen: Seen) -> Counterexample | None:
    """The simplest point where the two differ, but for single points without a value."""
    for points, reason in ((seen.differ, "value"), (_wide(pair, seen), "domain")):
        if not points:
            continue
        wanted = pair.values(points[0]).verdict

        def holds(point: Point, wanted: str = wanted) -> bool:
            return pair.values(point).verdict == wanted

        at = points[0] if wanted == seen.given else simpler(points[0], pair.shapes, holds)
        values = pair.values(at)
        return Counterexample(at, values.first, values.second, reason, _hidden(pair, at, values))
    return None


def _hidden(pair: Pair, at: Point, values: Values) -> float | None:
    """The difference of two values that are the same in floats; None too where that overflows."""
    import numpy as np

    gap = pair.gap(at) if np.array_equal(values.first, values.second) else None
    return gap if gap is not None and np.isfinite(gap) else None


def _wide(pair: Pair, seen: Seen) -> list[Point]:
    """The points with one value around which there are others, not alone like x/x at 0."""
    return [point for point in (*seen.first, *seen.second) if not _alone(pair, point)]


def _alone(pair: Pair, point: Point) -> bool:
    """Whether the two are equal all around a point."""
    random = Random(SEED)
    for _ in range(NEIGHBOURS):
        near = {
            name: value + BESIDE * random.choice((-1, 1)) * random.uniform(0.5, 1)
            for name, value in point.items()
        }
        if pair.values(near).verdict not in ("equal", "neither"):
            return False
    return True


def domain(seen: Seen) -> str | None:
    """In words, where only one of the two has a value."""
    parts = []
    for word, points in (("first", seen.first), ("second", seen.second)):
        if points:
            rest = seen.agree + (seen.second if word == "first" else seen.first)
            parts.append(f"only the {word} has a value {_region(points, rest)}")
    return "; ".join(parts) or None


REGIONS: tuple[tuple[str, Callable[[float], bool]], ...] = (
    ("for {} < 0", lambda x: x < 0),
    ("for {} > 0", lambda x: x > 0),
    ("at {} = 0", lambda x: x == 0),
    ("for {} <= 0", lambda x: x <= 0),
    ("for {} >= 0", lambda x: x >= 0),
    ("for |{}| > 1", lambda x: abs(x) > 1),
    ("for |{}| >= 1", lambda x: abs(x) >= 1),
    ("for |{}| < 1", lambda x: abs(x) < 1),
    ("for {} < 1", lambda x: x < 1),
    ("for {} > 1", lambda x: x > 1),
    ("for {} < -1", lambda x: x < -1),
    ("for {} > -1", lambda x: x > -1),
)


def _region(points: list[Point], others: list[Point]) -> str:
    """'for x < 0', where that tells the points from the others; else one of them."""
    if not others:
        return "at every point that was tried"
    for name, value in points[0].items():
        if getattr(value, "shape", ()):
            continue
        for text, test in REGIONS:
            inside = all(test(point[name]) for point in points)
            if inside and not any(test(point[name]) for point in others):
                return text.format(name)
    return "at " + at_text(points[0])


def at_text(point: Mapping[str, Value], digits: int = 6) -> str:
    """A point as it would be typed, numbers shortened."""

    def text(value: Value) -> str:
        if getattr(value, "shape", ()):
            return "[" + ", ".join(text(part) for part in value) + "]"
        return f"{float(value):.{digits}g}"

    return ", ".join(f"{name} = {text(value)}" for name, value in point.items())
