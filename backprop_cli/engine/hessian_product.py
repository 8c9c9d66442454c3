"""The Hessian times a vector, without the Hessian: forward over reverse, in one product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.findings import bad_elements, number
from backprop_cli.engine.gradient_graph import GradientGraph, joined
from backprop_cli.engine.guards import beside_gradient, higher_warnings
from backprop_cli.engine.product import (
    Direction,
    Product,
    as_written,
    is_moved,
    on_arrays,
    zeros,
)
from backprop_cli.engine.sweep import Value
from backprop_cli.engine.tangents import Tangents
from backprop_cli.engine.warning import Warning_
from backprop_cli.ir.graph import Graph


def hvp(
    graph: Graph,
    point: Mapping[str, Value],
    output: int,
    direction: Direction,
    wrt: Sequence[int] | None = None,
    backend: str = "auto",
) -> Product:
    """The Hessian of a scalar output times a direction, forward over reverse: one product."""
    wanted = list(graph.inputs if wrt is None else wrt)
    small = on_arrays(graph, [output, *wanted], backend)
    if small is not None:
        place = small.place
        moved, nodes = {place[i]: t for i, t in direction.items()}, [place[i] for i in wanted]
        found = _hvp(small.graph, point, place[output], moved, nodes, backend)
        if not found.warnings:
            return as_written(found, graph, place, [output], wanted)
    return _hvp(graph, point, output, direction, wanted, backend)


def _hvp(
    graph: Graph,
    point: Mapping[str, Value],
    output: int,
    direction: Direction,
    wanted: list[int],
    backend: str,
) -> Product:
    sweep = differentiate(graph, point, output, wanted, backend=backend)
    moving = {i: t for i, t in direction.items() if is_moved(t)}
    parts = {node: zeros(graph, node) for node in wanted}
    reasons: list[str] = []
    if moving:
        first = GradientGraph(graph, point, output, wanted, list(moving), backend)
        flat, reasons = _curved(first, joined(list(moving.values())))
        parts = _by_node(graph, wanted, flat)
    warnings, first_reasons = beside_gradient(higher_warnings(sweep))
    reasons += first_reasons
    why = f": {reasons[0]}" if reasons else ""
    for node in wanted:
        label = graph.labels()[node]
        for path, bad in bad_elements(parts[node], f"hvp.{label}"):
            message = f"the product by '{label}' is {number(bad)}{why}"
            warnings.append(Warning_("non-finite", None, None, message, path, bad))
    return Product(graph, {output: sweep.value}, parts, warnings)


def _by_node(graph: Graph, nodes: Sequence[int], flat: Any) -> dict[int, Value]:
    """A vector of the elements of all nodes, by node."""
    parts, start = {}, 0
    for node in nodes:
        end = start + prod(graph.shape(node))
        parts[node] = flat[start:end].reshape(graph.shape(node))[()]
        start = end
    return parts


def _curved(first: GradientGraph, direction: Any) -> tuple[Any, list[str]]:
    """The gradient's tangent along a direction of all columns; rows that are not finite anew."""
    import numpy as np

    tangents = Tangents(first.graph, first.point, first.columns, first.gradient, first.backend)
    flat = joined(tangents.along(first.parted(direction)))
    reasons: list[str] = []
    for row in np.flatnonzero(~np.isfinite(flat)).tolist():
        entries, why = first.reversed_row(row)
        with np.errstate(all="ignore"):
            flat[row] = np.where(direction != 0, entries * direction, 0.0).sum()
        reasons += why
    return flat, reasons
