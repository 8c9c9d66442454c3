"""The Jacobian times a vector on either side, without the Jacobian."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.engine.findings import bad_elements, is_finite, number
from backprop_cli.engine.guards import beside_gradient, distinct
from backprop_cli.engine.jacobian import jacobian
from backprop_cli.engine.point import shape_of
from backprop_cli.engine.product import (
    Direction,
    Product,
    as_written,
    is_moved,
    on_arrays,
    zeros,
)
from backprop_cli.engine.sweep import Evaluation, Value
from backprop_cli.engine.tangents import Tangents
from backprop_cli.engine.warning import Warning_
from backprop_cli.errors import NameFault, ShapeFault, UsageFault
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.shapes import show


def read_direction(graph: Graph, tangents: Mapping[str, Value]) -> Direction:
    """A direction by node; raises NameFault for what is no variable, ShapeFault for a misfit."""
    direction: Direction = {}
    for name, tangent in tangents.items():
        node = graph.by_name.get(name)
        if node is None or node not in graph.inputs:
            raise _no_variable(graph, name)
        shape = shape_of(tangent)
        if shape != graph.shape(node):
            wanted = show(graph.shape(node))
            raise ShapeFault(
                f"the direction of '{name}' is {show(shape)}, and '{name}' is {wanted}",
                help="a direction has the shape of its variable: one number for each element",
            )
        if isinstance(tangent, list):
            import numpy as np

            tangent = np.array(tangent, dtype=np.float64)
        direction[node] = tangent
    return direction


def _no_variable(graph: Graph, name: str) -> NameFault:
    variables = [graph.names[i] for i in graph.inputs]
    if name in graph.parameters:
        return NameFault(
            f"'{name}' is a parameter: a whole number in a bound, an index, an axis or a shape",
            help="there is no derivative along it",
        )
    if not variables:
        return NameFault(f"there is no variable '{name}': this program has none")
    from difflib import get_close_matches

    near = get_close_matches(name, variables, 1)
    listed = ", ".join(variables[:12]) + (", ..." if len(variables) > 12 else "")
    if name in graph.by_name:
        return NameFault(
            f"'{name}' is assigned by the program, and a direction moves variables",
            help=f"its variables are {listed}",
        )
    return NameFault(
        f"the program has no variable '{name}'",
        help=f"did you mean '{near[0]}'?" if near else f"its variables are {listed}",
    )


def jvp(
    graph: Graph,
    point: Mapping[str, Value],
    direction: Direction,
    outputs: Sequence[tuple[str, int]],
    backend: str = "auto",
) -> Product:
    """The derivative of each output along a direction, in the output's shape, by forward mode."""
    nodes = [node for _, node in outputs]
    small = on_arrays(graph, nodes, backend)
    if small is not None:
        place = small.place
        moved = {place[i]: t for i, t in direction.items()}
        there = [(name, place[node]) for name, node in outputs]
        found = _jvp(small.graph, point, moved, there, backend)
        if not found.warnings:
            return as_written(found, graph, place, nodes, nodes)
    return _jvp(graph, point, direction, outputs, backend)


def _jvp(
    graph: Graph,
    point: Mapping[str, Value],
    direction: Direction,
    outputs: Sequence[tuple[str, int]],
    backend: str,
) -> Product:
    done = evaluate(graph, point, backend)
    nodes = [node for _, node in outputs]
    moving = {i: t for i, t in direction.items() if is_moved(t)}
    parts = {node: zeros(graph, node) for node in nodes}
    if moving:
        tangents = Tangents(graph, point, list(moving), nodes, backend)
        parts = dict(zip(nodes, tangents.along(list(moving.values())), strict=True))
    if not all(map(is_finite, parts.values())):
        found = jacobian(graph, point, outputs, list(moving), backend)
        parts = {node: _contracted(found.blocks[node], moving) for node in nodes}
    warnings: list[Warning_] = []
    for name, node in outputs:
        several = len(outputs) > 1
        path, product = (f"outputs.{name}", f"jvp.{name}") if several else ("value", "jvp")
        found_along, reasons = _along_warnings(graph, point, node, list(moving), done, path)
        warnings += found_along
        why = f": {reasons[0]}" if reasons else ""
        for where, bad in bad_elements(parts[node], product):
            message = f"the derivative along the direction is {number(bad)}{why}"
            warnings.append(Warning_("non-finite", None, None, message, where, bad))
    values = {node: done.values[node] for node in nodes}
    return Product(graph, values, parts, distinct(warnings))


def _contracted(blocks: Mapping[int, Value], direction: Direction) -> Value:
    """Derivatives times a direction; what it does not move is not multiplied."""
    import numpy as np

    total: Any = 0.0
    for node, tangent in direction.items():
        axes = tuple(range(-np.ndim(tangent), 0))
        with np.errstate(all="ignore"):
            terms = np.where(np.asarray(tangent) != 0, blocks[node] * tangent, 0.0)
            total = total + (terms.sum(axis=axes) if axes else terms)
    return np.asarray(total, dtype=np.float64)[()]


def _along_warnings(
    graph: Graph,
    point: Mapping[str, Value],
    node: int,
    moving: Sequence[int],
    done: Evaluation,
    path: str,
) -> tuple[list[Warning_], list[str]]:
    """What a derivative of one output rests on, and why some derivative of it is not finite.

    Values that are not finite are told under `path`.
    """
    seed: Value = None
    if graph.shape(node):
        import numpy as np

        seed = np.ones(graph.shape(node))
    sweep = differentiate(graph, point, node, moving, seed, done.backend, done)
    kept, reasons = beside_gradient(sweep.warnings)
    found = [
        w._replace(path=path + w.path.removeprefix("value")) if w.path else w
        for w in kept
        if w.kind != "no-path"
    ]
    return found, reasons


def vjp(
    graph: Graph,
    point: Mapping[str, Value],
    output: int,
    seed: Value,
    wrt: Sequence[int] | None = None,
    backend: str = "auto",
) -> Product:
    """The gradient of the output's elements weighted by `seed`, by reverse mode.

    Without a seed a scalar output has 1. Raises ShapeFault for a seed of another shape.
    """
    shape = graph.shape(output)
    if seed is None and shape:
        raise UsageFault(
            f"vjp needs --seed: the output has the shape {show(shape)}",
            help="one adjoint for each element of the output",
        )
    if seed is not None and shape_of(seed) != shape:
        raise ShapeFault(
            f"the seed is {show(shape_of(seed))}, and the output is {show(shape)}",
            help="the seed has the shape of the output: one adjoint for each element",
        )
    wanted = list(graph.inputs if wrt is None else wrt)
    small = on_arrays(graph, [output, *wanted], backend)
    if small is not None:
        place = small.place
        nodes = [place[i] for i in wanted]
        found = _vjp(small.graph, point, place[output], seed, nodes, backend)
        if not found.warnings:
            return as_written(found, graph, place, [output], wanted)
    return _vjp(graph, point, output, seed, wanted, backend)


def _vjp(
    graph: Graph,
    point: Mapping[str, Value],
    output: int,
    seed: Value,
    wanted: list[int],
    backend: str,
) -> Product:
    sweep = differentiate(graph, point, output, wanted, seed, backend)
    warnings = [
        w._replace(path=w.path.replace("gradient.", "vjp.", 1)) if w.path else w
        for w in sweep.warnings
    ]
    return Product(graph, {output: sweep.value}, sweep.gradient, warnings)
