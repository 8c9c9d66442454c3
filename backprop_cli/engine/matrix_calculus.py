"""Derivatives of programs with vectors and matrices, in matrix notation.

Gradients of scalars by anything, Hessians of scalars by vectors, Jacobians of vectors by vectors,
and derivatives of anything by a scalar. What needs more than two axes is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from backprop_cli.errors import UsageFault
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.shapes import show
from backprop_cli.ir.sizes import sizes_in
from backprop_cli.transform import preparation
from backprop_cli.transform.forward import forward
from backprop_cli.transform.matrices.jacobian import matrix_of
from backprop_cli.transform.matrices.normal import simplify_matrices
from backprop_cli.transform.prune import prune
from backprop_cli.transform.reverse import reverse
from backprop_cli.transform.rewrite import Rewriter, copied, rewrite
from backprop_cli.transform.simplify import simplify, without_guards

DIRECTION = " direction"  # no name of the language


def matrix_derivative(
    graph: Graph, output: int, wrt: int, order: int = 1, formal: bool = False
) -> Graph:
    """The derivative of a node by a named node, of the given order; see `matrix_derivative_by`."""
    return matrix_derivative_by(graph, output, [wrt] * order, formal)


def matrix_derivative_by(
    graph: Graph,
    output: int,
    wrt: Sequence[int],
    formal: bool = False,
    symmetric: frozenset[str] = frozenset(),
) -> Graph:
    """The derivative of a node by named nodes in turn, simplified.

    Inputs in `symmetric` are taken to equal their transposes. The one output has the name of the
    first, and the shape of output + each of wrt. Raises UsageFault for derivatives of more than two
    axes, ShapeFault where matrices cannot write it.
    """
    names = [graph.labels()[node] for node in wrt]
    graph = isolated(graph.with_outputs([(names[0], output)]), wrt)
    check(graph, names)
    graph = rewrite(graph, preparation.RULES)
    for name in names:
        source, node = graph.outputs[0][1], graph.by_name[name]
        if not graph.shape(node):
            graph = bound(tangent(graph, node), DIRECTION, 1.0)
        elif not graph.shape(source):
            graph = gradient(graph, node)
        else:
            along = tangent(graph, node)
            graph = matrix_of(along, DIRECTION, graph.shape(node), symmetric)
        whole = graph.with_outputs([(names[0], graph.outputs[0][1])])
        graph = shortest(whole, formal, symmetric)
    return graph


def remarks(graph: Graph) -> list[str]:
    """What matrix notation leaves out of the derivatives of a program."""
    if graph.shapes and any(node.op.name == "prod" for node in graph):
        return ["prod(x)/x has no value where an element of x is 0; bprop grad has one there"]
    return []


def shortest(graph: Graph, formal: bool = False, symmetric: frozenset[str] = frozenset()) -> Graph:
    """Matrix notation, with the elementwise parts simplified."""
    return simplify_matrices(simplify(simplify_matrices(graph, symmetric), formal), symmetric)


def gradient(graph: Graph, wrt: int) -> Graph:
    """The derivative of the output, a scalar, in the shape of an input."""
    name = graph.names[wrt]
    graph, products = logarithmic(graph)
    start = len(graph)
    found = reverse(graph, wrt=[graph.by_name[name]])
    return without_guards(*restored(found.graph, products, start))


def tangent(graph: Graph, wrt: int) -> Graph:
    """The derivative of the output along a direction of an input, which is a new input."""
    name = graph.names[wrt]
    graph, products = logarithmic(graph)
    start, output = len(graph), graph.outputs[0][1]
    found = forward(graph, {graph.by_name[name]: DIRECTION})
    whole = found.graph.with_outputs([(None, found.tangents[output])])
    return without_guards(*restored(whole, products, start))


def check(graph: Graph, names: Sequence[str]) -> None:
    """Raises UsageFault where the derivative is no scalar, vector or matrix, or there is none."""
    refuse_sizes(graph, names)
    output = graph.shape(graph.outputs[0][1])
    shapes = [graph.shape(graph.by_name[name]) for name in names]
    shape = sum(shapes, output)
    if any(shapes) and len(shape) > 2:
        raise UsageFault(
            f"the derivative has {len(shape)} axes: its shape is {show(shape)}",
            help=f"matrix notation has two; {way_out(graph, names)}",
        )


def way_out(graph: Graph, names: Sequence[str]) -> str:
    """What a user can do where matrices do not write a derivative."""
    way = "take an element of the program, as in --of f[0]"
    if len(names) == 1 or (len(names) == 2 and not graph.shape(graph.outputs[0][1])):
        command = "hessian" if len(names) == 2 else "jacobian"
        way = f"its numbers at a point: bprop {command} ... --at ..."
    if not sizes_in(graph.shapes.values()):
        return way
    axes = graph.shape(graph.by_name[names[-1]])
    example = f"{names[-1]}={','.join('2' for _ in axes)}"
    return f"small sizes in numbers are written out: --shape {example}; {way}"


def refuse_sizes(graph: Graph, names: Sequence[str]) -> None:
    sizes = sizes_in(graph.shape(i) for i in graph.inputs)
    for name in names:
        if name in sizes:
            raise UsageFault(
                f"'{name}' is the size of an array here: a whole number",
                help="there is no derivative with respect to it",
            )


def isolated(graph: Graph, nodes: Sequence[int]) -> Graph:
    """The graph with named nodes as inputs, which do not depend on others."""
    opened = {node: graph.labels()[node] for node in nodes if node not in graph.inputs}
    return anew(graph, opened, {}) if opened else graph


def bound(graph: Graph, name: str, value: float) -> Graph:
    """The graph with a number in the place of an input."""
    node = graph.by_name.get(name)
    return graph if node is None else anew(graph, {}, {node: value})


def anew(graph: Graph, opened: dict[int, str], bindings: dict[int, float]) -> Graph:
    """The graph with some nodes as inputs by these names, and some inputs as numbers."""
    builder = Builder(graph.source)
    maker = Rewriter(builder, {})
    place: dict[int, int] = {}
    inputs = set(graph.inputs)
    for i in range(len(graph)):
        if i in bindings:
            place[i] = builder.const(bindings[i])
        elif i in opened or i in inputs:
            place[i] = builder.input(opened.get(i) or graph.names[i], graph.shape(i))
        else:
            place[i] = copied(maker, graph, i, place, keep_names=False)
    outputs = [(name, place[node]) for name, node in graph.outputs]
    made = builder.graph(outputs, graph.parameters, graph.notes)
    return prune(made, made.inputs)[0]


def logarithmic(graph: Graph) -> tuple[Graph, dict[int, int]]:
    """The graph with prod(x) as exp(sum(log(x))), whose derivative is prod(x)/x.

    The second result has the argument of each such product, by its node.
    """
    if all(node.op.name != "prod" for node in graph):
        return graph, {}
    builder = Builder(graph.source)
    maker = Rewriter(builder, {})
    place: dict[int, int] = {}
    products: dict[int, int] = {}
    inputs = set(graph.inputs)
    for i in range(len(graph)):
        if i in inputs:
            place[i] = builder.input(graph.names[i], graph.shape(i))
        elif graph.op(i).name == "prod":
            argument = place[graph.arguments(i)[0]]
            logs = builder.add("log", argument)
            place[i] = builder.add("exp", builder.add("sum", logs, static=graph.static[i]))
            products[place[i]] = argument
        else:
            place[i] = copied(maker, graph, i, place, keep_names=False)
    outputs = [(name, place[node]) for name, node in graph.outputs]
    return builder.graph(outputs, graph.parameters, graph.notes), products


def restored(graph: Graph, products: dict[int, int], start: int) -> tuple[Graph, int]:
    """The graph with its products as prod(x) again, and the new place of node `start`."""
    if not products:
        return graph, start
    builder = Builder(graph.source)
    maker = Rewriter(builder, {})
    place: dict[int, int] = {}
    begin = len(graph)
    inputs = set(graph.inputs)
    for i in range(len(graph)):
        begin = len(builder) if i == start else begin
        if i in inputs:
            place[i] = builder.input(graph.names[i], graph.shape(i))
        elif i in products:
            static = graph.static[graph.arguments(i)[0]]
            place[i] = builder.add("prod", place[products[i]], static=static)
        else:
            place[i] = copied(maker, graph, i, place, keep_names=False)
    outputs = [(name, place[node]) for name, node in graph.outputs]
    return builder.graph(outputs, graph.parameters, graph.notes), begin
