"""Warnings of a result: choices it rests on, numbers that are not finite and where they began."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backprop_cli.engine import classes
from backprop_cli.engine.stability import may_lose_digits, stability_warnings
from backprop_cli.engine.warning import Warning_
from backprop_cli.errors import Span
from backprop_cli.ir.graph import CONST, INPUT, Graph

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Evaluation, Sweep, Value

MOST = 50  # warnings of one kind that are listed
MOST_SEARCHES = 20  # variables whose derivative's cause is looked for; more share the last one


def place(graph: Graph, node: int) -> Span | None:
    """Where the source says the node."""
    spans = graph.spans.get(node)
    return Span(*spans[0]) if spans else None


def said(graph: Graph, node: int) -> str:
    """The node as the source has it, or its operation and label."""
    span = place(graph, node)
    label = graph.labels()[node]
    if span is not None and graph.source:
        text = " ".join(graph.source[span.start : span.end].split())
        if text and len(text) <= 60:
            return text
    return label if node in graph.names else f"{graph.op(node).name} ({label})"


def number(value: float) -> str:
    return f"{value:.6g}"


def is_finite(value: Value) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    import numpy as np

    return bool(np.isfinite(value).all())


def bad_elements(value: Value, path: str) -> list[tuple[str, float]]:
    """The path and value of each element that is not finite."""
    if isinstance(value, float):
        return [] if math.isfinite(value) else [(path, value)]
    import numpy as np

    array = np.asarray(value)
    return [
        (path + "".join(f"[{k}]" for k in where), float(array[tuple(where)]))
        for where in np.argwhere(~np.isfinite(array))[:MOST].tolist()
    ]


def sweep_warnings(sweep: Sweep) -> list[Warning_]:
    """Everything a user should know about the value and the gradient of a sweep."""
    graph = sweep.graph
    found = [Warning_("note", None, None, note) for note in graph.notes]
    found += value_warnings(sweep.evaluation, sweep.output)
    found += derivative_warnings(sweep)
    if not any(w.kind in ("accuracy", "non-finite") for w in found):
        found += lost_digits(sweep)
    return found


def lost_digits(sweep: Sweep) -> list[Warning_]:
    """Warnings where rounding took more than half of the digits, and no stable form is known."""
    if not isinstance(sweep.seed, float) or sweep.seed != 1 or not may_lose_digits(sweep):
        return []
    from backprop_cli.engine.lost_digits import sweep_losses

    return sweep_losses(sweep, said)


def derivative_warnings(sweep: Sweep, index: tuple[int, ...] | None = None) -> list[Warning_]:
    """What the gradient, or one element of it, rests on: choices, and forms that are inaccurate.

    And its numbers that are not finite.
    """
    return [
        *choice_warnings(sweep),
        *gradient_warnings(sweep, index),
        *stability_warnings(sweep, said),
    ]


def choice_warnings(sweep: Sweep) -> list[Warning_]:
    """The conventions that the gradient rests on, by node."""
    graph = sweep.graph
    found = []
    for node, k in sorted(set(sweep.flags))[:MOST]:
        note = graph.op(node).notes[k]
        message = f"{note.message}: {said(graph, node)}"
        hint = suggestion(sweep, node)
        found.append(Warning_(note.kind, graph.labels()[node], place(graph, node), message + hint))
    return found


def value_warnings(evaluation: Evaluation, output: int, path: str = "value") -> list[Warning_]:
    """The elements of an output that are not finite, and the first node that was not."""
    values, graph = evaluation.values, evaluation.graph
    if is_finite(values[output]):
        return []
    culprit = first_bad(evaluation, output)
    about = said(graph, culprit)
    if graph.codes[culprit] in (INPUT, CONST):
        message = f"{about} is {number(_worst(values[culprit]))} itself"
    else:
        message = f"{about} is {number(_worst(values[culprit]))}" + _at(evaluation, culprit)
    return [
        Warning_("non-finite", graph.labels()[culprit], place(graph, culprit), message, where, bad)
        for where, bad in bad_elements(values[output], path)
    ]


def _worst(value: Value) -> float:
    bad = bad_elements(value, "")
    return bad[0][1] if bad else float("nan")


def _at(evaluation: Evaluation, node: int) -> str:
    """' at u = 0', for scalar arguments."""
    graph, values = evaluation.graph, evaluation.values
    parts = [
        f"{said(graph, argument)} = {number(float(values[argument]))}"
        for argument in graph.arguments(node)
        if graph.shape(argument) == () and graph.codes[argument] != CONST
    ]
    return " at " + ", ".join(dict.fromkeys(parts)) if parts else ""


def first_bad(evaluation: Evaluation, output: int) -> int:
    """Where a value that is not finite began, followed down from `output`."""
    graph, values = evaluation.graph, evaluation.values
    node = output
    while True:
        arguments = graph.arguments(node)
        if graph.op(node).name == "where":
            arguments = branches(values, arguments)
        bad = [a for a in arguments if not is_finite(values[a])]
        if not bad:
            return node
        node = bad[0]


def branches(values: list[Value], arguments: tuple[int, ...]) -> tuple[int, ...]:
    """The branches of `where` that an element comes from."""
    condition, yes, no = arguments
    if isinstance(values[condition], float):
        return (yes,) if values[condition] != 0 else (no,)
    import numpy as np

    chosen = np.asarray(values[condition]) != 0
    return ((yes,) if chosen.any() else ()) + (() if chosen.all() else (no,))


def gradient_warnings(sweep: Sweep, index: tuple[int, ...] | None = None) -> list[Warning_]:
    """The elements of the gradient that are not finite, why, and variables without a path."""
    graph = sweep.graph
    found = []
    searches = 0
    for node, value in sweep.gradient.items():
        label = graph.labels()[node]
        if sweep.adjoints[node] is None:
            message = f"no path leads from '{label}' to the output; its derivative is 0"
            found.append(Warning_("no-path", label, place(graph, node), message))
            continue
        chosen = value if index is None else value[index]
        bad = bad_elements(chosen, f"gradient.{label}")
        if not bad:
            continue
        searches += 1
        if searches <= MOST_SEARCHES:
            culprit, why = bad_edge(sweep, node)
        for where, element in bad:
            message = f"the derivative by '{label}' is {number(element)}: {why}"
            message += _classes_text(sweep, node, element)
            found.append(
                Warning_(
                    "non-finite",
                    graph.labels()[culprit],
                    place(graph, culprit),
                    message,
                    where,
                    element,
                )
            )
    return found


def _classes_text(sweep: Sweep, node: int, element: float) -> str:
    known = sweep.path_classes.get(node)
    if element == element or not isinstance(known, int):
        return ""
    names = classes.names(known)
    if "nan" in names:
        return ""
    return " (paths with products " + " and ".join(n for n in names if "inf" in n) + ")"


def bad_edge(sweep: Sweep, source: int) -> tuple[int, str]:
    """The highest node above `source` where a partial or an adjoint is not finite, and why."""
    graph = sweep.graph
    above = graph.activity([source])
    for i in range(sweep.output, source, -1):
        if sweep.adjoints[i] is None or not above[i]:
            continue
        for position, argument in enumerate(graph.arguments(i)):
            slope = sweep.partial(i, position) if above[argument] else None
            if slope is None or is_finite(slope):
                continue
            return i, _edge_text(sweep, i, argument, slope)
    for i in range(sweep.output, source - 1, -1):
        if above[i] and sweep.adjoints[i] is not None and not is_finite(sweep.adjoints[i]):
            return i, f"the adjoint of {said(graph, i)} is not finite"
    return sweep.output, "the seed is not finite"


def _edge_text(sweep: Sweep, node: int, argument: int, slope: Any) -> str:
    graph = sweep.graph
    factor = _worst(slope)
    text = (
        f"the partial of {said(graph, node)} by {said(graph, argument)} is {number(factor)}"
        + _at(sweep.evaluation, node)
    )
    zero = _meets_zero(sweep, node, argument)
    if not math.isnan(factor) and zero is not None:
        text = f"0 × inf at {said(graph, node)}: " + text + f", and {zero}"
    return text + suggestion(sweep, node)


def _meets_zero(sweep: Sweep, node: int, argument: int) -> str | None:
    """The zero that an infinite partial meets: the adjoint above it or a partial below."""
    graph = sweep.graph
    adjoint = sweep.adjoints[node]
    if isinstance(adjoint, float) and adjoint == 0:
        return f"the adjoint of {said(graph, node)} is 0"
    i = argument
    for _ in range(100):
        slopes = [
            (a, sweep.partial(i, k)) for k, a in enumerate(graph.arguments(i)) if sweep.active[a]
        ]
        for a, slope in slopes:
            if isinstance(slope, float) and slope == 0:
                return f"the partial of {said(graph, i)} by {said(graph, a)} is 0"
        if len(slopes) != 1:
            return None
        i = slopes[0][0]
    return None


def suggestion(sweep: Sweep, node: int) -> str:
    """The function that is defined where this one is not, if a known one fits."""
    graph, values = sweep.graph, sweep.values
    op, arguments = graph.op(node).name, graph.arguments(node)
    if op == "pow" and graph.codes[arguments[1]] != INPUT:
        exponent = values[arguments[1]]
        if isinstance(exponent, float) and abs(exponent - 1 / 3) < 1e-12:
            return f"; cbrt({said(graph, arguments[0])}) is real for every sign"
    if op == "div" and graph.op(arguments[0]).name == "sin":
        inner = graph.arguments(arguments[0])[0]
        if inner == arguments[1]:
            return f"; sinc({said(graph, inner)}/pi) is defined at 0"
    if op == "sqrt":
        inner = arguments[0]
        for parent in _parents(graph, node):
            if graph.op(parent).name == "mul" and inner in graph.arguments(parent):
                return f"; {said(graph, inner)}^1.5 has a derivative at 0"
    return ""


def _parents(graph: Graph, node: int) -> list[int]:
    return [i for i in range(node + 1, len(graph)) if node in graph.arguments(i)]
