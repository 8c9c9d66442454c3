"""Matrix expressions in the shortest form that products, transposes and inverses give."""

from __future__ import annotations

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.sizes import sizes_in
from backprop_cli.ir.traverse import ancestors
from backprop_cli.transform.matrices import elementwise, products, reductions, selections
from backprop_cli.transform.matrices.algebra import Algebra
from backprop_cli.transform.matrices.reader import Reader
from backprop_cli.transform.prune import prune

READ = (elementwise, products, reductions, selections)  # the modules whose rules a Reader has


def simplify_matrices(graph: Graph, symmetric: frozenset[str] = frozenset()) -> Graph:
    """The graph in matrix notation; names of inner nodes go. A graph of scalars stays as it is.

    `symmetric` has the names of inputs that equal their transposes. Divisors are taken not to be
    0: `norm(x)^2/norm(x)` is `norm(x)`.
    """
    if not graph.shapes:
        return graph
    reader = reading(graph, symmetric)
    outputs = [(name, reader.node(reader.values[node])) for name, node in graph.outputs]
    made = reader.algebra.builder.graph(outputs, graph.parameters, graph.notes)
    return prune(made, made.inputs)[0]


def reading(graph: Graph, symmetric: frozenset[str] = frozenset()) -> Reader:
    """What the outputs need, read."""
    algebra = Algebra(
        Builder(graph.source),
        sizes_in(graph.shapes.values()),
        solves=any(node.op.name == "solve" for node in graph),
    )
    reader = Reader(graph, algebra, symmetric)
    needed = ancestors(graph, [*graph.inputs, *(node for _, node in graph.outputs)])
    for i in range(len(graph)):
        if needed[i]:
            reader.read(i)
    return reader
