"""Forward mode as a transform from graph to graph, from the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import OPERATIONS, Expr
from backprop_cli.ir.ops.contribution import (
    Adjoint,
    combine,
    contributions,
    elementwise,
)
from backprop_cli.ir.ops.notation import broadcast_to, fit
from backprop_cli.transform.prune import prune
from backprop_cli.transform.reverse import append_adjoints

if TYPE_CHECKING:
    from backprop_cli.ir.graph_context import GraphContext

FEW = 4  # joined operands; of more, a tangent as large as the result for each would be too many


class TangentGraph(NamedTuple):
    """A graph with its tangent nodes appended; `tangents` has the tangent node of each output."""

    graph: Graph
    tangents: dict[int, int]


def forward(
    graph: Graph,
    along: Mapping[int, str],
    outputs: Sequence[int] | None = None,
) -> TangentGraph:
    """The directional derivative of the outputs along new inputs.

    `along` names, for each input node that moves, the new input that holds its tangent, of the same
    shape. Elementwise rows give sum(partial * tangent); the others are transposed, each on its own
    node, with a fresh cotangent.
    """
    wanted = [node for _, node in graph.outputs] if outputs is None else list(outputs)
    builder = Builder(graph=graph)
    context = builder.context
    active = graph.activity(along)
    tangents: dict[int, Adjoint] = {
        node: Adjoint(Expr(context, builder.input(name, graph.shape(node))))
        for node, name in along.items()
    }
    for i in range(max(wanted, default=-1) + 1):
        if i in tangents or not active[i]:
            continue
        tangent = tangent_of(builder, graph, i, tangents, active)
        if tangent is not None:
            tangents[i] = tangent
    result: dict[int, int] = {}
    for node in wanted:
        found = tangents.get(node)
        value = found.value if found is not None else context.lift(0.0)
        result[node] = broadcast_to(value, graph.shape(node)).value
    whole = builder.graph([(None, result[node]) for node in wanted], graph.parameters, graph.notes)
    pruned, place = prune(whole, keep=range(len(graph)))
    return TangentGraph(pruned, {node: place[tangent] for node, tangent in result.items()})


def tangent_of(
    builder: Builder,
    graph: Graph | Builder,
    i: int,
    tangents: Mapping[int, Adjoint],
    active: bytearray,
) -> Adjoint | None:
    """The tangent of node `i` of a graph from those of its arguments, appended to the builder.

    None where no argument has a tangent that reaches it. The graph may be that of the builder.
    """
    context = builder.context
    row = OPERATIONS[graph.codes[i]]
    arguments = graph.arguments(i)
    x = [Expr(context, a) for a in arguments]
    out = Expr(context, i)
    varies = [bool(active[a] or graph.active[a]) for a in arguments]
    static = graph.static.get(i)
    if row.name == "concat" and len(x) > FEW and _are_everywhere(tangents, arguments):
        return _joined(context, x, [tangents.get(a) for a in arguments], static)
    parts = []
    for position, argument in enumerate(arguments):
        tangent = tangents.get(argument)
        if tangent is None or row.rule(position) is None:
            continue
        if row.elementwise:
            part = elementwise(row, position, x, out, tangent, varies, static)
        else:
            part = _transposed(builder, i, position, x, out, tangent, varies)
        if part is not None:
            shape = graph.shape(i)
            mask = part.mask
            if mask is not None and mask.shape not in ((), shape):
                mask = broadcast_to(mask, shape)
            parts.append(Adjoint(fit(part.value, shape), mask))
    return combine(parts) if parts else None


def _are_everywhere(tangents: Mapping[int, Adjoint], nodes: Sequence[int]) -> bool:
    return all(tangents[i].mask is None for i in nodes if i in tangents)


def _joined(
    context: GraphContext,
    x: Sequence[Expr],
    tangents: Sequence[Adjoint | None],
    static: Any,
) -> Adjoint | None:
    """The tangents of joined operands, joined: what transposing one after another comes to."""
    if not any(tangents):
        return None
    values = [context.lift(0.0) if t is None else t.value for t in tangents]
    full = (broadcast_to(value, a.shape) for value, a in zip(values, x, strict=True))
    return Adjoint(context.apply("concat", tuple(full), static))


def _transposed(
    builder: Builder,
    i: int,
    position: int,
    x: list[Expr],
    out: Expr,
    tangent: Adjoint,
    varies: list[bool],
) -> Adjoint | None:
    """J t for a pullback g -> J' g: the derivative by g of <J' g, t>, which g does not occur in."""
    context = builder.context
    row, static = OPERATIONS[builder.codes[i]], builder.static.get(i)
    start = len(builder)
    fresh = builder.input(f" cotangent {start}", out.shape)
    builder.inputs.remove(fresh)
    only = [k == position for k in range(len(x))]
    g = Adjoint(Expr(context, fresh))
    pulled = list(contributions(row, x, out, g, only, static, varies))
    if not pulled:
        return None
    contribution = pulled[0][1]
    active = bytearray(len(builder))
    active[fresh] = 1
    for node in range(fresh + 1, len(builder)):
        active[node] = any(active[a] for a in builder.arguments(node))
    seed = Adjoint(broadcast_to(tangent.value, x[position].shape), _full(tangent.mask, x[position]))
    adjoints = append_adjoints(builder, contribution.value.value, [fresh], seed, active)
    return adjoints.get(fresh)


def _full(mask: Expr | None, like: Expr) -> Expr | None:
    return None if mask is None else broadcast_to(mask, like.shape)
