"""What is wrong with a result at a point: where it began, by what factors, and a remedy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.engine import classes
from backprop_cli.engine.accuracy import Accuracy, accuracy, beyond_floats
from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.findings import bad_elements, choice_warnings, first_bad, is_finite
from backprop_cli.engine.remedy import Suggestion, suggestions
from backprop_cli.engine.sweep import Value
from backprop_cli.ir.graph import CONST, Graph

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Evaluation, Sweep
    from backprop_cli.engine.warning import Warning_


class BadValue(NamedTuple):
    """The first node that is not finite; `element` of it is named for an array."""

    node: int
    element: str
    value: float
    arguments: list[tuple[int, Value]]


class BadEdge(NamedTuple):
    """The first edge, from the output down, that hands on what is not finite."""

    node: int
    position: int
    source: int
    element: str
    adjoint: Value
    partial: Value | None  # None for a pullback, which is no number
    factors: list[Factor]
    towards: list[int]  # the nodes of `wrt` that it spoils


class Factor(NamedTuple):
    """A number that takes part in the product: a partial of `node`, or its adjoint."""

    value: float
    node: int
    what: str  # 'partial', 'adjoint' or 'argument'


class Diagnosis(NamedTuple):
    sweep: Sweep
    healthy: bool
    bad_elements: list[tuple[str, float]]  # of the value and the gradient
    first_bad_value: BadValue | None
    first_bad_edge: BadEdge | None
    classes: dict[str, list[str]]  # of path products, by variable
    conventions: list[Warning_]
    accuracy: Accuracy | None  # of a finite result
    conditions: dict[str, float | None]
    suggestions: list[Suggestion]
    beyond: str | None  # the value where it is too large for a float


def diagnose(
    graph: Graph,
    point: Mapping[str, Value],
    output: int,
    wrt: Sequence[int] | None = None,
    backend: str = "auto",
) -> Diagnosis:
    """What is wrong with a scalar output and its gradient at a point, if anything is."""
    sweep = differentiate(graph, point, output, wrt, backend=backend)
    bad = bad_numbers(sweep)
    value = edge = found = None
    if not is_finite(sweep.value):
        value = bad_value(sweep.evaluation, first_bad(sweep.evaluation, output))
    spoiled = [i for i, part in sweep.gradient.items() if not is_finite(part)]
    if spoiled:
        edge = bad_edge(sweep, spoiled)
    if not bad:
        found = accuracy(sweep, point)
    healthy = not bad and not (found and found.losses)
    return Diagnosis(
        sweep,
        healthy,
        bad,
        value,
        edge,
        {graph.labels()[i]: _classes(sweep, i) for i in spoiled if i in sweep.path_classes},
        choice_warnings(sweep),
        found,
        {} if bad else conditions(sweep),
        [] if healthy else suggestions(sweep, point),
        None if value is None else beyond_floats(sweep, point),
    )


def bad_numbers(sweep: Sweep) -> list[tuple[str, float]]:
    """The elements of the value and the gradient that are not finite, by path."""
    labels = sweep.graph.labels()
    found = bad_elements(sweep.value, "value")
    for node, part in sweep.gradient.items():
        found += bad_elements(part, f"gradient.{labels[node]}")
    return found


def bad_value(evaluation: Evaluation, node: int) -> BadValue:
    graph, values = evaluation.graph, evaluation.values
    element, number = (bad_elements(values[node], "") or [("", math.nan)])[0]
    arguments = [(a, values[a]) for a in dict.fromkeys(graph.arguments(node))]
    return BadValue(
        node, element, number, [(a, v) for a, v in arguments if graph.codes[a] != CONST]
    )


def bad_edge(sweep: Sweep, spoiled: Sequence[int]) -> BadEdge | None:
    """The first edge on the way from the output to bad derivatives whose factor is not finite."""
    graph = sweep.graph
    above = graph.activity(spoiled)
    for i in range(sweep.output, min(spoiled) - 1, -1):
        if sweep.adjoints[i] is None or not above[i]:
            continue
        for position, argument in enumerate(graph.arguments(i)):
            if not above[argument]:
                continue
            partial = sweep.partial(i, position) if graph.op(i).elementwise else None
            number = partial if partial is not None else sweep.contribution(i, position)
            if number is None or is_finite(number):
                continue
            element, value = bad_elements(number, "")[0]
            towards = [k for k in spoiled if graph.activity([k])[argument] or k == argument]
            factors = _factors(sweep, i, argument, value, element)
            return BadEdge(
                i, position, argument, element, sweep.adjoints[i], partial, factors, towards
            )
    return None


def _factors(sweep: Sweep, node: int, argument: int, value: float, element: str) -> list[Factor]:
    """What meets at a bad edge: the bad partial, and the zero that makes nan of an infinity."""
    graph = sweep.graph
    if not graph.op(node).elementwise:
        return [Factor(value, node, "partial")]
    factors = [Factor(value, node, "partial")]
    zero = _zero(sweep, node, argument, element)
    return [zero, *factors] if zero is not None and math.isinf(value) else factors


def _zero(sweep: Sweep, node: int, argument: int, element: str) -> Factor | None:
    """A zero on the same path: the adjoint above, or a partial or an adjoint below."""
    graph = sweep.graph
    if _at(sweep.adjoints[node], element) == 0:
        return Factor(0.0, node, "adjoint")
    seen, waiting = {argument}, [argument]
    while waiting and len(seen) < 1000:
        i = waiting.pop(0)
        for position, a in enumerate(graph.arguments(i)):
            partial = sweep.partial(i, position) if sweep.active[a] else None
            if partial is None:
                continue
            if _at(partial, element) == 0:
                return Factor(0.0, i, "partial")
            if a not in seen:
                seen.add(a)
                waiting.append(a)
    return None


def _at(value: Value, element: str) -> float:
    """A number, or the element that an index text names, where shapes allow it."""
    if isinstance(value, float):
        return value
    import numpy as np

    array = np.asarray(value)
    index = tuple(int(k) for k in element.strip("[]").split("][")) if element else ()
    if array.ndim == len(index):
        return float(array[index])
    return float(array) if array.ndim == 0 else math.nan


def _classes(sweep: Sweep, node: int) -> list[str]:
    """The classes of the path products of a node; of an array, those of its bad elements."""
    known: Any = sweep.path_classes[node]
    if isinstance(known, int):
        return classes.names(known)
    import numpy as np

    bad = ~np.isfinite(np.asarray(sweep.gradient[node]))
    return classes.names(int(np.bitwise_or.reduce(np.atleast_1d(np.asarray(known)[bad]).ravel())))


def conditions(sweep: Sweep) -> dict[str, float | None]:
    """The condition number by each variable: a relative change of it times this is the output's."""
    import numpy as np

    size = abs(float(sweep.value))
    result: dict[str, float | None] = {}
    for node, part in sweep.gradient.items():
        with np.errstate(all="ignore"):
            total = float(np.sum(np.abs(np.multiply(part, sweep.values[node]))))
            number = float(np.float64(total) / np.float64(size)) if total else 0.0
        result[sweep.graph.labels()[node]] = number if math.isfinite(number) else None
    return result
