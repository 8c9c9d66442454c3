"""Derivatives of programs with small arrays, element by element: `[[2*x[0], 1], [0, x[1]]]`.

For programs that read their arrays by element, and for what matrices alone do not write.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import NamedTuple

from backprop_cli.engine.matrix_calculus import isolated
from backprop_cli.engine.symbolic import gradient
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph, Shape
from backprop_cli.ir.ops.notation import Expr, apply, exp, log, sqrt, square
from backprop_cli.ir.sizes import sizes_in
from backprop_cli.transform.prune import prune
from backprop_cli.transform.rewrite import Rewriter, Rule, copied, rewrite
from backprop_cli.transform.scalarise import scalarise

MOST = 64  # elements of a derivative
MOST_NODES = 2_000  # elements of all that a program computes
LONG = frozenset(("inv", "solve", "cofactor", "det", "logdet"))  # of which elements are no answer


def summed(x: Expr, axes: object, kept: bool = False) -> Expr:
    return apply("sum", x, static=(axes, kept))


PLAIN = [  # without the scales that keep numbers from overflowing
    Rule(lambda x, s: apply("norm", x, static=s), lambda x, s: sqrt(summed(square(x), *s))),
    Rule(lambda x, s: apply("logsumexp", x, static=s), lambda x, s: log(summed(exp(x), *s))),
    Rule(
        lambda x, s: apply("softmax", x, static=s),
        lambda x, s: exp(x) / summed(exp(x), (s,), kept=True),
    ),
    Rule(
        lambda x, s: apply("log_softmax", x, static=s),
        lambda x, s: x - log(summed(exp(x), (s,), kept=True)),
    ),
]


class Place(NamedTuple):
    """An element of an array."""

    array: str
    at: tuple[int, ...]


def reads_elements(graph: Graph) -> bool:
    """Whether a program is on scalars and elements of arrays, but for the array that it makes."""
    output, inputs = graph.output(), set(graph.inputs)
    for i in range(len(graph)):
        if i in inputs:
            continue
        whole = any(graph.shape(a) for a in graph.arguments(i))
        if graph.op(i).name == "stack" and i == output and not whole:
            continue
        if graph.shape(i) or (whole and graph.op(i).name != "index"):
            return False
    return output not in inputs or not graph.shape(output)


def element_derivative(
    graph: Graph, output: int, wrt: Sequence[int], formal: bool = False
) -> Graph | None:
    """The derivative of a node by named nodes in turn, as an array of its elements.

    Its shape is that of output + each of wrt. None where it has too many elements, or sizes that
    are names, would take determinants and inverses apart, or is of a higher order of an array.
    """
    names = [graph.labels()[node] for node in wrt]
    graph = isolated(graph.with_outputs([(None, output)]), wrt)
    graph = prune(graph, graph.inputs)[0]
    shape = sum((graph.shape(graph.by_name[name]) for name in names), graph.shape(graph.output()))
    repeated = len(names) > 1 and len(shape) > 2 and graph.shape(graph.output())
    if prod(shape) > MOST or repeated or not is_small(graph):
        return None
    if 0 in shape:
        return written(graph, [], shape)
    return written(graph, elements_by(graph, names, formal), shape)


def is_small(graph: Graph) -> bool:
    """Whether a program can be spelled out."""
    if sizes_in(graph.shapes.values()) or LONG & {node.op.name for node in graph}:
        return False
    return sum(prod(graph.shape(i)) for i in range(len(graph))) <= MOST_NODES


def elements_by(graph: Graph, names: Sequence[str], formal: bool) -> list[Graph]:
    """The graphs of all elements of a derivative, on the elements of its arrays."""
    whole, place = spelled(graph)
    output = graph.output()
    found = [whole.with_outputs([(None, node)]) for node in place[output]]
    for name in names:
        wanted = [whole.names[node] for node in place[graph.by_name[name]]]
        found = [part for one in found for part in gradient(one, wanted, formal)]
    return found


def spelled(graph: Graph) -> tuple[Graph, dict[int, list[int]]]:
    """The program on scalars; the new nodes of the elements of its inputs and its output."""
    plain = rewrite(graph, PLAIN)
    made, elements = scalarise(plain)
    place = {graph.by_name[plain.names[i]]: elements(i) for i in plain.inputs}
    place[graph.output()] = elements(plain.output())
    return made, place


def written(graph: Graph, parts: Sequence[Graph], shape: Shape) -> Graph:
    """The elements of one array in one graph of the arrays that they are elements of."""
    builder = Builder(graph.source)
    inputs = {graph.names[i]: graph.shape(i) for i in graph.inputs}
    arrays = {name: builder.input(name, inputs[name]) for name in inputs}
    maker = Rewriter(builder, {})
    nodes = [_copied(maker, part, places(inputs), arrays) for part in parts]
    return builder.graph([(None, _stacked(builder, nodes, shape))], graph.parameters, graph.notes)


def places(inputs: dict[str, Shape]) -> dict[str, Place]:
    """What an input of a program that was spelled out is an element of."""
    return {
        f"{name}[{','.join(map(str, index))}]" if shape else name: Place(name, index)
        for name, shape in inputs.items()
        for index in product(*map(range, shape))
    }


def _copied(maker: Rewriter, graph: Graph, named: dict[str, Place], arrays: dict[str, int]) -> int:
    builder, place, inputs = maker.builder, dict[int, int](), set(graph.inputs)
    for i in range(len(graph)):
        if i in inputs:
            array, at = named[graph.names[i]]
            node = arrays[array]
            place[i] = builder.add("index", node, static=at) if at else node
        else:
            place[i] = copied(maker, graph, i, place, keep_names=False)
    return place[graph.output()]


def _stacked(builder: Builder, nodes: Sequence[int], shape: Shape) -> int:
    if not shape:
        return nodes[0]
    if 0 in shape:
        return builder.add("broadcast_to", builder.const(0.0), static=shape)
    size = len(nodes) // shape[0]
    rows = [_stacked(builder, nodes[k * size : (k + 1) * size], shape[1:]) for k in range(shape[0])]
    return builder.add("stack", *rows, static=0)
