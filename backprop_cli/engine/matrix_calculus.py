"""Derivatives of programs with vectors and matrices, in matrix notation.

Gradients of scalars by anything, Hessians of scalars by vectors, Jacobians of vectors by vectors,
and derivatives of anything by a scalar. What needs more than two axes is refused.
"""

from __future__ import annotations

from backprop_cli.errors import UsageFault
from backprop_cli.ir.graph import Builder, Graph
from backprop_cli.ir.shapes import show
from backprop_cli.ir.sizes import sizes_in
from backprop_cli.transform.forward import forward
from backprop_cli.transform.matrices.jacobian import matrix_of
from backprop_cli.transform.matrices.normal import simplify_matrices
from backprop_cli.transform.prune import prune
from backprop_cli.transform.reverse import reverse
from backprop_cli.transform.rewrite import Rewriter, copied
from backprop_cli.transform.simplify import simplify, without_guards

DIRECTION = " direction"  # no name of the language


def matrix_derivative(
    graph: Graph, output: int, wrt: int, order: int = 1, formal: bool = False
) -> Graph:
    """The derivative of a node by a named node, of the given order, simplified.

    Its one output has the name of `wrt`, and the shape of output + wrt (+ wrt in order 2). Raises
    UsageFault for derivatives of more than two axes, ShapeFault where matrices cannot write it.
    """
    name = graph.labels()[wrt]
    graph = isolated(graph.with_outputs([(name, output)]), wrt)
    check(graph, name, order)
    for _ in range(order):
        source, node = graph.outputs[0][1], graph.by_name[name]
        if not graph.shape(node):
            graph = bound(tangent(graph, node), DIRECTION, 1.0)
        elif not graph.shape(source):
            graph = gradient(graph, node)
        else:
            graph = matrix_of(tangent(graph, node), DIRECTION, graph.shape(node))
        graph = shortest(graph.with_outputs([(name, graph.outputs[0][1])]), formal)
    return graph


def remarks(graph: Graph) -> list[str]:
    """What matrix notation leaves out of the derivatives of a program."""
    if graph.shapes and any(node.op.name == "prod" for node in graph):
        return ["prod(x)/x has no value where an element of x is 0; bprop grad has one there"]
    return []


def shortest(graph: Graph, formal: bool = False) -> Graph:
    """Matrix notation, with the elementwise parts simplified."""
    return simplify_matrices(simplify(simplify_matrices(graph), formal))


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


def check(graph: Graph, name: str, order: int) -> None:
    """Raises UsageFault where the derivative is no scalar, vector or matrix, or there is none."""
    if name in sizes_in(graph.shape(i) for i in graph.inputs):
        raise UsageFault(
            f"'{name}' is the size of an array here: a whole number",
            help="there is no derivative with respect to it",
        )
    output, wrt = graph.shape(graph.outputs[0][1]), graph.shape(graph.by_name[name])
    shape = output + order * wrt
    if wrt and len(shape) > 2:
        command = "hessian" if order == 2 and not output else "jacobian"
        raise UsageFault(
            f"the derivative has {len(shape)} axes: its shape is {show(shape)}",
            help="matrix notation has two; its numbers at a point: "
            + (f"bprop {command} ... --at ..." if order < 3 else "take an element, x[0]"),
        )


def isolated(graph: Graph, wrt: int) -> Graph:
    """The graph with a named node as an input, which does not depend on others."""
    if wrt in graph.inputs:
        return graph
    return anew(graph, {wrt: graph.labels()[wrt]}, {})


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
