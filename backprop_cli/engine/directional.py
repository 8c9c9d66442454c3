"""Products of derivatives with vectors, without the matrices: Jacobians on both sides, Hessians."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from backprop_cli.engine.evaluate import Evaluation, Value, differentiate, evaluate
from backprop_cli.engine.findings import bad_elements, is_finite, number
from backprop_cli.engine.gradient_graph import GradientGraph, joined
from backprop_cli.engine.guards import beside_gradient, distinct, higher_warnings
from backprop_cli.engine.jacobian import jacobian
from backprop_cli.engine.point import shape_of
from backprop_cli.engine.tangents import Tangents
from backprop_cli.engine.warning import Warning_
from backprop_cli.errors import NameFault, ShapeFault, UsageFault
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.shapes import show

Direction = dict[int, Value]  # a tangent for each variable that moves


class Product(NamedTuple):
    """A product with a vector: `parts` by node, outputs for `jvp`, else what it is derived by."""

    graph: Graph
    values: dict[int, Value]  # of the outputs, by node
    parts: dict[int, Value]
    warnings: list[Warning_]


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
    done = evaluate(graph, point, backend)
    nodes = [node for _, node in outputs]
    moving = {i: t for i, t in direction.items() if _is_moved(t)}
    parts = {node: _zeros(graph, node) for node in nodes}
    if moving:
        tangents = Tangents(graph, point, list(moving), nodes, backend)
        parts = dict(zip(nodes, tangents.along([list(moving.values())])[0], strict=True))
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


def _is_moved(tangent: Value) -> bool:
    return bool(tangent != 0) if isinstance(tangent, float) else bool(tangent.any())


def _zeros(graph: Graph, node: int) -> Value:
    if graph.shape(node) == ():
        return 0.0
    import numpy as np

    return np.zeros(graph.shape(node))


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
    sweep = differentiate(graph, point, output, wrt, seed, backend)
    warnings = [
        w._replace(path=w.path.replace("gradient.", "vjp.", 1)) if w.path else w
        for w in sweep.warnings
    ]
    return Product(graph, {output: sweep.value}, sweep.gradient, warnings)


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
    sweep = differentiate(graph, point, output, wanted, backend=backend)
    moving = {i: t for i, t in direction.items() if _is_moved(t)}
    parts = {node: _zeros(graph, node) for node in wanted}
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
    flat = joined(tangents.along([first.parted(direction)])[0])
    reasons: list[str] = []
    for row in np.flatnonzero(~np.isfinite(flat)).tolist():
        entries, why = first.reversed_row(row)
        with np.errstate(all="ignore"):
            flat[row] = np.where(direction != 0, entries * direction, 0.0).sum()
        reasons += why
    return flat, reasons
