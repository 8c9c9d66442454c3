"""An explanation as a JSON document: one object for each step, in the order of the lesson."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backprop_cli.render.explained.adjoints import adjoint_chain
from backprop_cli.render.explained.voice import Voice
from backprop_cli.render.numbers import DIGITS

if TYPE_CHECKING:
    from backprop_cli.engine.explained_paths import Way
    from backprop_cli.engine.explanation import Explanation, Step, Use

Document = dict[str, Any]


def document(found: Explanation) -> Document:
    """Values, local derivatives, adjoints, paths and gradient; numbers are null without a point."""
    labels = found.graph.labels()
    voice = Voice(found, DIGITS)
    steps = [_value(step) for step in found.steps]
    steps += [_partial(found, use) for step in found.steps for use in step.locals]
    steps += [
        _adjoint(voice, step)
        for step in reversed(found.steps)
        if step.active or step.node == found.output
    ]
    steps += [_paths(found, way) for way in found.ways]
    steps += _gradient(voice)
    return {
        "output": labels[found.output],
        "wrt": [labels[i] for i in found.wrt],
        "omitted": found.omitted,
        "edges": found.edges,
        "steps": steps,
    }


def _gradient(voice: Voice) -> list[Document]:
    """With a point its numbers, without one the formulas."""
    from backprop_cli.syntax.unparse import unparse

    found, labels = voice.found, voice.graph.labels()
    if found.gradient is None:
        texts = {i: unparse(graph) for i, graph in found.formulas.items()}
        return [_derivative(labels[i], None, text) for i, text in texts.items()]
    return [_derivative(labels[i], value, None) for i, value in found.gradient.items()]


def _derivative(by: str, value: Any, formula: str | None) -> Document:
    return {"step": "gradient", "by": by, "value": value, "formula": formula}


def _value(step: Step) -> Document:
    return {
        "step": "value",
        "id": step.id,
        "kind": step.kind,
        "expression": step.expression,
        "shape": list(step.shape),
        "value": step.value,
        "remarks": step.remarks,
    }


def _partial(found: Explanation, use: Use) -> Document:
    labels = found.graph.labels()
    return {
        "step": "partial",
        "of": labels[use.target],
        "by": labels[use.source],
        "position": use.position,
        "rule": use.rule,
        "partial": use.partial,
        "remark": use.reason or None,
    }


def _adjoint(voice: Voice, step: Step) -> Document:
    found = voice.found
    labels = found.graph.labels()
    flowing = [use for use in step.uses if not use.reason]
    if step.node == found.output:
        rule = "seed"
    elif not flowing and step.use_count == len(step.uses):
        rule = "none"
    else:
        rule = "single path" if step.use_count == 1 else "several paths"
    shown = bool(flowing) and rule != "seed"
    more = step.use_count - len(step.uses)
    uses = [use for use in step.uses if use.rule]
    chain = adjoint_chain(voice, step, uses, more) if shown else []
    texts = [link.text for link in chain[1:]] + [None] * 3
    return {
        "step": "adjoint",
        "of": step.id,
        "chain_rule": rule,
        "symbols": texts[0],
        "rules": texts[1],
        "numbers": texts[2],
        "value": step.adjoint,
        "uses": step.use_count,
        "terms": [
            {
                "through": labels[use.target],
                "position": use.position,
                "rule": use.rule,
                "contribution": use.contribution,
                "remark": use.reason or None,
            }
            for use in step.uses
        ],
    }


def _paths(found: Explanation, way: Way) -> Document:
    labels = found.graph.labels()
    return {
        "step": "paths",
        "from": labels[way.node],
        "to": labels[found.output],
        "count": way.exact if way.log10 is not None else 0,
        "count_log10": way.log10,
        "paths": [
            {
                "nodes": [labels[i] for i in path.nodes],
                "partials": path.partials,
                "product": path.product,
            }
            for path in way.paths
        ],
        "sum": way.sum,
        "gradient": way.gradient,
    }
