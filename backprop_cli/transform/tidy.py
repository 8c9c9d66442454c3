"""The backward part of a graph as it is written on a board, for display and for counting."""

from __future__ import annotations

from typing import Any, NamedTuple

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST, IDENTITY, INPUT, Graph
from backprop_cli.ir.ops import OPERATIONS, Expr, Operand
from backprop_cli.ir.ops.notation import apply, where
from backprop_cli.ir.traverse import ancestors
from backprop_cli.transform.prune import prune
from backprop_cli.transform.rewrite import Rewriter, Rule, compiled, copied, named

CONDITIONS = frozenset(("lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"))


class Tidied(NamedTuple):
    """A tidied graph; `origin` maps its nodes to those of the graph with the same meaning."""

    graph: Graph
    origin: dict[int, int]


def _is_nan(condition: Expr, x: Expr, c: Expr) -> bool:
    value = c.context.constant(c)  # type: ignore[attr-defined]
    return bool(value != value)


def _holds(b: Expr, x: Expr, y: Expr) -> bool:
    """Whether a condition is written as one, and not just a number that is 0 or not."""
    builder: Builder = b.context.builder  # type: ignore[attr-defined]
    return OPERATIONS[builder.codes[b.value]].name in CONDITIONS


def _reshaped(x: Expr, shape: Any) -> Expr:
    return apply("reshape", x, static=shape)


def _transposed(x: Expr, axes: Any) -> Expr:
    return apply("transpose", x, static=axes)


def _outer(x: Expr, s: Any, y: Expr, t: Any, axes: Any) -> bool:
    return x.ndim == y.ndim == 1 and axes in (None, (1, 0)) and len(s) == len(t) == 2


# one condition for both branches
CONDITIONALS = [
    Rule(lambda b, x, y: where(b != 0.0, x, y), lambda b, x, y: where(b, x, y), _holds),
    Rule(lambda b, x, y: where(b == 0.0, x, y), lambda b, x, y: where(b, y, x), _holds),
]
# matrix products of vectors, which the pullback of `@` makes columns and rows
PRODUCTS = [
    Rule(
        lambda x, s, y, t, axes: _reshaped(x, s) @ _transposed(_reshaped(y, t), axes),
        lambda x, s, y, t, axes: apply("outer", x, y),  # x y'
        lambda x, s, y, t, axes: _outer(x, s, y, t, axes) and s[1] == t[1] == 1,
    ),
    Rule(
        lambda x, s, y, t, axes: _transposed(_reshaped(x, s), axes) @ _reshaped(y, t),
        lambda x, s, y, t, axes: apply("outer", x, y),  # x y'
        lambda x, s, y, t, axes: _outer(x, s, y, t, axes) and s[0] == t[0] == 1,
    ),
    Rule(
        lambda a, x, s, t: _reshaped(a @ _reshaped(x, s), t),
        lambda a, x, s, t: a @ x,
        lambda a, x, s, t: a.ndim == 2 and x.ndim == 1 and s[1:] == (1,) and len(t) == 1,
    ),
    Rule(
        lambda a, x, s, t: _reshaped(_reshaped(x, s) @ a, t),
        lambda a, x, s, t: x @ a,
        lambda a, x, s, t: a.ndim == 2 and x.ndim == 1 and s[:1] == (1,) and len(t) == 1,
    ),
    Rule(
        lambda g, s, a: _reshaped(g, s) @ a,  # of an inner product, whose adjoint is a number
        lambda g, s, a: g * a,
        lambda g, s, a: g.ndim == 0 and a.ndim == 2,
    ),
    Rule(
        lambda g, s, a: a @ _reshaped(g, s),
        lambda g, s, a: g * a,
        lambda g, s, a: g.ndim == 0 and a.ndim == 2,
    ),
    Rule(
        lambda g, x, s, t: _reshaped(g * _reshaped(x, s), t),
        lambda g, x, s, t: g * x,
        lambda g, x, s, t: g.ndim == 0 and x.shape == t,
    ),
    Rule(
        lambda g, x, s, axes, t: _reshaped(g * _transposed(_reshaped(x, s), axes), t),
        lambda g, x, s, axes, t: g * x,
        lambda g, x, s, axes, t: g.ndim == 0 and x.shape == t,
    ),
    Rule(
        lambda x, s, axes, t: _reshaped(_transposed(_reshaped(x, s), axes), t),
        lambda x, s, axes, t: x,
        lambda x, s, axes, t: x.ndim == 1 and x.shape == t,
    ),
    Rule(
        lambda x, axes: _transposed(x, axes),
        lambda x, axes: _transposed(x, None),
        lambda x, axes: axes == (1, 0),
    ),
    # copies of a number
    Rule(
        lambda x, s, t: apply("broadcast_to", _reshaped(x, s), static=t),
        lambda x, s, t: apply("broadcast_to", x, static=t),
        lambda x, s, t: x.ndim == 0,
    ),
]
RULES = [
    # what only matters where a result is nan, or the sign of a zero
    Rule(lambda b, x, c: where(b, x, c), lambda b, x, c: x, _is_nan),  # a point outside a domain
    Rule(lambda x: x + 0.0, lambda x: x),
    *CONDITIONALS,
    *PRODUCTS,
]


class _Board(Rewriter):
    """Rules with named constants left as they are: the seed is an adjoint like all others."""

    __slots__ = ()

    def constant(self, operand: Operand) -> float | None:
        if isinstance(operand, Expr) and operand.value in self.builder.names:
            return None
        return super().constant(operand)


def tidied(graph: Graph) -> Tidied:
    """The graph with its backward part rewritten by RULES; values are the same where defined.

    What the first output is computed from stays as it is, and so does every name.
    """
    own = ancestors(graph, [graph.outputs[0][1], *graph.inputs, *graph.adjoint_of.values()])
    builder = Builder(graph.source)
    plain, maker = Rewriter(builder, {}), _Board(builder, compiled(RULES))
    place: dict[int, int] = {}
    kept: set[int] = set()
    for i in range(len(graph)):
        if graph.codes[i] == INPUT:
            place[i] = builder.input(graph.names[i], graph.shape(i))
        elif graph.codes[i] == IDENTITY:
            place[i] = builder.add("identity", place[graph.first[i]], name=graph.names.get(i))
        elif own[i] or graph.codes[i] == CONST:
            place[i] = copied(plain, graph, i, place)
            kept.add(place[i])
        else:
            place[i] = copied(maker, graph, i, place, keep_names=False)
            name = graph.names.get(i)
            if place[i] in kept and name is not None:
                place[i] = builder.add("identity", place[i], name=name)
            elif name is not None:
                place[i] = named(builder, place[i], name)
        builder.spans.setdefault(place[i], graph.spans.get(i, []))
    builder.adjoint_of = {place[i]: place[node] for i, node in graph.adjoint_of.items()}
    outputs = [(name, place[node]) for name, node in graph.outputs]
    made = builder.graph(outputs, graph.parameters, graph.notes)
    pruned, moved = prune(made, keep=made.inputs)
    origin = {moved[new]: old for old, new in place.items() if new in moved}
    return Tidied(pruned, origin)
