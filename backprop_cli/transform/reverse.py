"""Reverse mode as a transform from graph to graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import OPERATIONS, Expr
from backprop_cli.ir.ops.contribution import Adjoint, combine, contributions


class AdjointGraph(NamedTuple):
    """A graph with its adjoint nodes appended.

    `gradient` has the adjoint node of each node of `wrt`; `adjoints` that of each node that the
    sweep reached, which may be a node of the graph itself or another one's adjoint; `adjoint_of`
    maps each appended adjoint node to (the first of) the nodes whose adjoint it is.
    """

    graph: Graph
    gradient: dict[int, int]
    adjoint_of: dict[int, int]
    adjoints: dict[int, int]


def append_adjoints(
    builder: Builder,
    output: int,
    wrt: Sequence[int],
    seed: Adjoint,
    active: bytearray,
    settle: Callable[[int, Adjoint], Adjoint] | None = None,
) -> dict[int, Adjoint]:
    """Appends the reverse sweep from `output` to a builder; the adjoint of each node it reaches.

    Only nodes with `active` set get an adjoint. An adjoint has the shape of its node. What `settle`
    makes of a node and its adjoint is handed on in its place: the same, under a name.
    """
    context = builder.context
    pending: dict[int, list[Adjoint]] = {}
    adjoints: dict[int, Adjoint] = {}
    lowest = min(wrt, default=0)
    if output < len(active) and active[output]:
        pending[output] = [seed]
    for i in range(output, lowest - 1, -1):
        parts = pending.pop(i, None)
        if parts is None:
            continue
        g = combine(parts) if settle is None else settle(i, combine(parts))
        adjoints[i] = g
        arguments = builder.arguments(i)
        x = [Expr(context, a) for a in arguments]
        flags = [bool(active[a]) for a in arguments]
        varies = [bool(active[a] or builder.active[a]) for a in arguments]
        row = OPERATIONS[builder.codes[i]]
        static = builder.static.get(i)
        for position, contribution in contributions(
            row, x, Expr(context, i), g, flags, static, varies
        ):
            pending.setdefault(arguments[position], []).append(contribution)
    return adjoints


def reverse(
    graph: Graph, output: int | None = None, wrt: Sequence[int] | None = None
) -> AdjointGraph:
    """The graph with the adjoints of `wrt` (all inputs by default) as its outputs.

    The seed is 1, in the shape of the output (its elements are summed if it is not a scalar). A
    node that no path reaches has the adjoint 0.
    """
    if output is None:
        output = graph.outputs[0][1]
    wanted = list(graph.inputs if wrt is None else wrt)
    builder = Builder(graph=graph)
    context = builder.context
    one = context.lift(1.0)
    if graph.shape(output):
        one = context.apply("broadcast_to", (one,), graph.shape(output))
    active = graph.activity(wanted)
    adjoints = append_adjoints(builder, output, wanted, Adjoint(one), active)
    gradient: dict[int, int] = {}
    for node in wanted:
        found = adjoints.get(node)
        if found is None:
            zero = context.lift(0.0)
            if graph.shape(node):
                zero = context.apply("broadcast_to", (zero,), graph.shape(node))
            gradient[node] = zero.value
        else:
            gradient[node] = found.value.value
    outputs = [(None, gradient[node]) for node in wanted]
    reached = {i: adjoint.value.value for i, adjoint in adjoints.items()}
    adjoint_of = {adjoint: i for i, adjoint in reached.items() if adjoint >= len(graph)}
    whole = builder.graph(outputs, graph.parameters, graph.notes)
    return AdjointGraph(whole, gradient, adjoint_of, reached)
