"""Jacobians of vectors by vectors, as matrices: from the tangent graph, which is linear."""

from __future__ import annotations

from backprop_cli.ir.graph import Graph, Shape
from backprop_cli.transform.forward import forward
from backprop_cli.transform.matrices import linear_rules
from backprop_cli.transform.matrices.linear_map import LinearMaps, inexpressible
from backprop_cli.transform.matrices.normal import reading
from backprop_cli.transform.prune import prune

TANGENT = " tangent"  # no name of the language
RULES = linear_rules.RULES


def jacobian_matrix(graph: Graph, output: int, wrt: int) -> Graph:
    """The graph of the Jacobian of a vector (or scalar) node by a vector input, as a matrix.

    It is of shape output + wrt. Raises ShapeFault where it cannot be written with matrices alone.
    """
    tangent = forward(graph, {wrt: TANGENT}, [output])
    moved = tangent.graph.with_outputs([(None, tangent.tangents[output])])
    return matrix_of(moved, TANGENT, graph.shape(wrt))


def matrix_of(
    graph: Graph, name: str, shape: Shape, symmetric: frozenset[str] = frozenset()
) -> Graph:
    """The graph of the M with output = M v, for an output that is linear in an input v.

    `name` and `shape` are those of v, a vector.
    """
    reader = reading(prune(graph)[0], symmetric)
    algebra = reader.algebra
    maps = LinearMaps(algebra, algebra.builder.input(name, shape))
    value = reader.values[reader.graph.outputs[0][1]]
    if len(value.shape) > 1 or value.tensor is not None:
        raise inexpressible()
    found = maps.map_of(value.total)
    result = algebra.node(found)
    wanted = (*value.shape, *shape)
    if algebra.builder.shape(result) != wanted:
        result = algebra.add("reshape", result, static=wanted)
    made = algebra.builder.graph([(None, result)], graph.parameters, graph.notes)
    whole = prune(made, [i for i in made.inputs if made.names[i] != name])[0]
    if name in whole.by_name:
        raise inexpressible()
    return whole
