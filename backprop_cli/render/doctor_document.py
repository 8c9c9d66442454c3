"""A diagnosis as a JSON document; numbers that may not be finite stand as text."""

from __future__ import annotations

from typing import Any

from backprop_cli.engine.accuracy import Loss, digits_lost
from backprop_cli.engine.diagnosis import BadEdge, BadValue, Diagnosis, Factor
from backprop_cli.engine.findings import place, said
from backprop_cli.engine.remedy import Suggestion
from backprop_cli.ir.graph import Graph
from backprop_cli.render.doctor_report import columns, factors_text, loss_text, operation, verdict
from backprop_cli.render.numbers import value

Document = dict[str, Any]


def document(found: Diagnosis) -> Document:
    """Everything the report says, and the numbers behind it."""
    sweep, accuracy = found.sweep, found.accuracy
    graph, labels = sweep.graph, sweep.graph.labels()
    gradient = {labels[i]: part for i, part in sweep.gradient.items()}
    edge = found.first_bad_edge
    losses = accuracy.losses if accuracy is not None else []
    before = _result(sweep.value, gradient)
    return {
        "value": sweep.value,
        "gradient": gradient,
        "healthy": found.healthy,
        "verdict": verdict(found),
        "first_bad_value": _bad_value(graph, found.first_bad_value),
        "first_bad_edge": _bad_edge(graph, edge),
        "factors": [] if edge is None else [_factor(graph, factor) for factor in edge.factors],
        "classes": found.classes,
        "conventions": [entry.message for entry in found.conventions],
        "measured": accuracy.measured if accuracy is not None else None,
        "relative_errors": accuracy.errors if accuracy is not None else {},
        "conditions": found.conditions,
        "cancellation": [_loss(graph, loss) for loss in losses],
        "suggestions": [_suggestion(entry, before) for entry in found.suggestions],
        "beyond": found.beyond,
    }


def _placed(graph: Graph, node: int) -> Document:
    return {
        "node": graph.labels()[node],
        "expression": said(graph, node),
        "span": _span(graph, node),
        "columns": columns(graph, node) or None,
    }


def _span(graph: Graph, node: int) -> list[int] | None:
    span = place(graph, node)
    return None if span is None else list(span)


def _bad_value(graph: Graph, bad: BadValue | None) -> Document | None:
    if bad is None:
        return None
    return {**_placed(graph, bad.node), "element": bad.element or None, "value": str(bad.value)}


def _bad_edge(graph: Graph, bad: BadEdge | None) -> Document | None:
    if bad is None:
        return None
    labels = graph.labels()
    return {
        **_placed(graph, bad.node),
        "from": labels[bad.source],
        "position": bad.position,
        "element": bad.element or None,
        "text": factors_text(graph, bad.factors),
        "spoils": [labels[i] for i in bad.towards],
    }


def _factor(graph: Graph, factor: Factor) -> Document:
    return {**_placed(graph, factor.node), "what": factor.what, "value": str(factor.value)}


def _loss(graph: Graph, loss: Loss) -> Document:
    return {
        "of": loss.what,
        "node": loss.graph.labels()[loss.node],
        "expression": operation(loss),
        "span": _span(graph, loss.node) if loss.node < len(graph) else None,
        "cancels": loss.cancels,
        "digits_lost": round(digits_lost(loss.relative_error), 1),
        "relative_error": loss.relative_error,
        "text": loss_text(loss),
    }


def _suggestion(entry: Suggestion, before: Document) -> Document:
    return {
        "replaces": entry.before,
        "rewrite": entry.after,
        "program": entry.program,
        "verified": True,
        "checks": entry.checks,
        "at_point": entry.at_point,
        "healthy": entry.healthy,
        "before": before,
        "after": _result(entry.value, entry.gradient),
    }


def _result(result: Any, gradient: dict[str, Any]) -> Document:
    """Value and gradient as text, which inf and nan have."""
    return {
        "value": value(result, 17),
        "gradient": {name: value(part, 17) for name, part in gradient.items()},
    }
