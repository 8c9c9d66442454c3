"""Our gradient against differences of high precision, component by component."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.sweep import Sweep, Value
from backprop_cli.engine.warning import Warning_
from backprop_cli.errors import UsageFault
from backprop_cli.ir.graph import INPUT, Graph
from backprop_cli.ir.ops import BY_NAME

if TYPE_CHECKING:
    from backprop_cli.engine.differences import Slope

TOLERANCE = 1e-9
MOST = 200  # components; of more, a sample is checked
WORK = 2_000_000  # elements computed at high precision, in all
UNIT = 2.0**-53  # the rounding error of one operation
KNOWN = 1e-24  # the relative error of the reference itself, at most
SEED = 0

ELIMINATIONS = {BY_NAME[name].code for name in ("det", "logdet", "inv", "solve", "cofactor")}

Index = tuple[int, ...]


class Component(NamedTuple):
    """One number of the gradient beside its reference.

    `kind` is that of `differences.Slope`. `passed` is None where there is nothing to compare with.
    """

    node: int
    label: str  # 'x', or 'x[0,1]'
    derivative: float
    reference: float | None
    digits: str | None  # the reference to 25 digits
    left: float | None
    right: float | None
    error: float | None  # relative to the reference
    condition: float | None
    kind: str
    passed: bool | None
    note: str


class Check(NamedTuple):
    """The components that were checked, `total` in all, and whether all of them passed."""

    sweep: Sweep
    components: list[Component]
    total: int
    worst: Component | None
    passed: bool
    tolerance: float
    warnings: list[Warning_]


def check(
    graph: Graph,
    point: Mapping[str, Value],
    output: int,
    wrt: Sequence[int] | None = None,
    tolerance: float | None = None,
    backend: str = "auto",
) -> Check:
    """Our gradient of a scalar output against differences. Raises UsageFault without mpmath."""
    tolerance = TOLERANCE if tolerance is None else tolerance
    from backprop_cli.engine.differences import Differences
    from backprop_cli.engine.rounding import Rounding

    wanted = list(graph.inputs if wrt is None else wrt)
    refuse_inner(graph, wanted)
    sweep = differentiate(graph, point, output, wanted, backend=backend)
    differences = Differences(graph, point, output)
    places, count = sample(graph, wanted)
    rounding = Rounding(graph, point, output, len(places))
    gradient = sweep.gradient
    labels = graph.labels()
    found = []
    for node, index in places:
        ours = float(gradient[node][index] if index else gradient[node])
        start = float(sweep.values[node][index] if index else sweep.values[node])
        scale = abs(float(sweep.value)) / (abs(start) or 1.0)
        slope, terms = differences.slope(node, index), rounding.sum(node, index)
        judged = judge(ours, slope, terms, scale, tolerance)
        if judged.passed is False and math.isfinite(ours):
            finer = differences.resolved(node, index, ours)
            judged = (
                judged._replace(passed=None, note="its numbers are too far apart to tell")
                if finer is None
                else judge(ours, finer, terms, scale, tolerance)
            )
        if judged.passed is False and sweep.flags:
            beside = differences.beside(node, index)
            if beside is not None:  # the floats are at a kink that the exact numbers just miss
                judged = judge(ours, beside, terms, scale, 1e-6)
        label = labels[node] + (f"[{','.join(map(str, index))}]" if index else "")
        if judged.kind == "undefined":
            judged = judged._replace(note=no_slope(start, float(sweep.value)))
        found.append(judged._replace(node=node, label=label))
    told = [*sweep.warnings]
    if len(found) < count:
        text = f"{len(found):,} of {count:,} components were checked, chosen at random"
        told.append(Warning_("note", None, None, text))
    checked = [c.passed for c in found if c.passed is not None]
    passed = all(checked) and (bool(checked) or not found)
    return Check(sweep, found, count, worst(found), passed, tolerance, told)


def no_slope(variable: float, value: float) -> str:
    """Why there is nothing to compare a derivative with."""
    if not math.isfinite(variable):
        return "the variable is not finite here"
    return f"the value is not finite {'beside this point' if math.isfinite(value) else 'here'}"


def refuse_inner(graph: Graph, wanted: Sequence[int]) -> None:
    """Raises UsageFault for a node that is no variable: differences move variables only."""
    for node in wanted:
        if graph.codes[node] != INPUT:
            raise UsageFault(
                f"'{graph.labels()[node]}' is not a variable, and a check moves variables",
                help="its variables are " + ", ".join(graph.names[i] for i in graph.inputs),
            )


def sample(graph: Graph, wanted: Sequence[int]) -> tuple[list[tuple[int, Index]], int]:
    """The elements to check, all of them or a random sample, and how many there are in all."""
    counts = [math.prod(graph.shape(node)) for node in wanted]
    total = sum(counts)
    most = min(MOST, max(4, WORK // (4 * max(work(graph), 1))))
    chosen: Sequence[int] = range(total)
    if total > most:
        chosen = sorted(Random(SEED).sample(chosen, most))
    return list(_places(graph, wanted, counts, chosen)), total


def work(graph: Graph) -> int:
    """About how many elements one evaluation computes, an elimination as 4 n^3."""
    size = len(graph) + sum(math.prod(shape) for shape in graph.shapes.values())
    for i, code in enumerate(graph.codes):
        if code in ELIMINATIONS:
            shape = graph.shape(graph.first[i])
            size += 4 * math.prod(shape) * shape[-1]
    return size


def _places(
    graph: Graph, wanted: Sequence[int], counts: list[int], chosen: Sequence[int]
) -> Iterator[tuple[int, Index]]:
    start, k = 0, 0
    for flat in chosen:
        while flat >= start + counts[k]:
            start, k = start + counts[k], k + 1
        yield wanted[k], unravel(flat - start, graph.shape(wanted[k]))


def unravel(flat: int, shape: tuple[int, ...]) -> Index:
    """The index of an element, from its place in row-major order."""
    index: list[int] = []
    for size in reversed(shape):
        flat, k = divmod(flat, size)
        index.append(k)
    return tuple(reversed(index))


def judge(
    ours: float, slope: Slope, rounding: float | None, scale: float, tolerance: float
) -> Component:
    """One component: whether our number is the derivative, or one that a convention allows."""
    sides = [None if s is None else float(s) for s in (slope.left, slope.right)]
    reference = None if slope.reference is None else float(slope.reference)
    blank = Component(
        0, "", ours, reference, None, sides[0], sides[1], None, None, slope.kind, None, ""
    )
    if slope.kind == "undefined":
        return blank
    if slope.kind in ("kink", "jump"):
        slack = 8 * UNIT * rounding if rounding is not None else 0.0
        return _at_kink(blank, [s for s in sides if s is not None], tolerance, slack)
    assert slope.reference is not None
    if slope.kind == "infinite":
        agrees = ours == reference
        return blank._replace(
            passed=agrees, note="infinite" if agrees else "the derivative is infinite here"
        )
    return _compared(blank, slope.reference, rounding, scale, tolerance)


def _at_kink(blank: Component, sides: list[float], tolerance: float, slack: float) -> Component:
    """At a kink our choice must lie between the derivatives from both sides."""
    ours, low, high = blank.derivative, min(sides), max(sides)
    slack = max(slack, tolerance * max((abs(s) for s in sides if math.isfinite(s)), default=0.0))
    if math.isnan(ours):
        return blank._replace(passed=True, note=f"{blank.kind}, no derivative: ours is nan")
    inside = low - slack <= ours <= high + slack
    if blank.kind == "jump":
        note = "jump, ours is a slope beside it" if inside else "jump"
    else:
        note = "kink, ours lies between both sides" if inside else "kink, and ours is outside"
    return blank._replace(passed=inside, note=note)


def _compared(
    blank: Component, exact: Any, rounding: float | None, scale: float, tolerance: float
) -> Component:
    """Our number beside the exact one."""
    from backprop_cli.backends.mpmath_numbers import mp

    ours, reference = blank.derivative, float(exact)
    digits = mp.nstr(exact, 25)
    notes = ["one side only"] if blank.kind == "edge" else []
    condition = None
    if rounding is not None and 0 < abs(reference) < math.inf and math.isfinite(ours):
        condition = max(1.0, rounding / abs(reference))
    if not math.isfinite(ours):
        beyond = ours == reference  # the exact number rounds to infinity
        notes.append("beyond the range of floats" if beyond else "ours is not finite")
        return blank._replace(
            digits=digits, condition=condition, passed=beyond, note="; ".join(notes)
        )
    miss = abs(mp.mpf(ours) - exact)
    error = 0.0 if miss <= KNOWN * abs(exact) else float(miss / abs(exact)) if exact else math.inf
    passed = error <= tolerance
    if not passed and miss < mp.mpf(2) ** -1022:
        passed = True
        notes.append("below the range of floats")
    if not passed and rounding is not None and miss <= 8 * UNIT * rounding:
        passed = bool(max(miss, abs(exact)) <= tolerance * scale)
        notes.append("0 to rounding" if passed else "lost to rounding; the rule is not at fault")
    return blank._replace(
        digits=digits, error=error, condition=condition, passed=passed, note="; ".join(notes)
    )


def worst(components: Sequence[Component]) -> Component | None:
    """The component that fails worst, or else the least accurate one."""

    def badness(component: Component) -> tuple[bool, float]:
        error = component.error
        return component.passed is False, -1.0 if error is None else error

    return max(components, key=badness, default=None)
