"""A backward graph at a point, as it is shown: tidied, with a value for every node."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import NamedTuple

from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.sweep import Sweep, Value
from backprop_cli.engine.warning import Warning_
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.traverse import ancestors
from backprop_cli.transform.tidy import tidied


class BackwardTrace(NamedTuple):
    """A tidied backward graph; `values` and `warnings` are None and empty without a point."""

    graph: Graph
    pairs: dict[int, int]  # the adjoints of what the first output depends on, to their nodes
    values: list[Value] | None
    warnings: dict[int, list[Warning_]]  # by node


def shown_backward(graph: Graph) -> BackwardTrace:
    """A graph of `backward_graph`, tidied."""
    plain = tidied(graph).graph
    return BackwardTrace(plain, pairs(plain), None, {})


def backward_trace(
    graph: Graph, point: Mapping[str, Value], backend: str = "auto"
) -> tuple[BackwardTrace, Sweep]:
    """A graph of `backward_graph` at a point, and both passes of its forward part.

    Values are those of the graph before it is tidied. Where an adjoint is not finite, it is the sum
    over paths, as in `grad`. Raises NameFault for an unbound variable.
    """
    top = graph.outputs[0][1]
    ours = pairs(graph)
    wrt = [ours[node] for _, node in graph.outputs[1:] if node in ours]
    sweep = differentiate(graph, point, top, wrt or None, _seed(graph, top), backend)
    plain, origin = tidied(graph)
    values = [_value(sweep, origin[i], ours) for i in range(len(plain))]
    found: dict[int, list[Warning_]] = {}
    places = {label: i for i, label in enumerate(plain.labels())}
    for entry in sweep.warnings:
        if entry.node in places:
            found.setdefault(places[entry.node], []).append(entry)
    return BackwardTrace(plain, pairs(plain), values, found), sweep


def pairs(graph: Graph) -> dict[int, int]:
    """The adjoints that the first output does not depend on itself, each with its node."""
    own = ancestors(graph, [graph.outputs[0][1]])
    return {adjoint: node for adjoint, node in graph.adjoint_of.items() if not own[adjoint]}


def _seed(graph: Graph, output: int) -> Value | None:
    """Ones in the shape of an output that is not a scalar."""
    if not graph.shape(output):
        return None
    import numpy as np

    return np.ones(graph.shape(output))


def _value(sweep: Sweep, node: int, ours: Mapping[int, int]) -> Value:
    value = sweep.values[node]
    summed = sweep.adjoints[ours[node]] if node in ours else None
    if summed is None or _is_finite(value):
        return value
    return summed


def _is_finite(value: Value) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    import numpy as np

    return bool(np.isfinite(value).all())
