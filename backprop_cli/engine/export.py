"""What an export is made of: one graph of the value and the gradient, from the adjoint graph."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from backprop_cli.backends.python_floats import TOTAL
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.ir.ops import BY_NAME, OPERATIONS, Expr
from backprop_cli.transform.exact import Exact, never_minus_zero
from backprop_cli.transform.prune import prune
from backprop_cli.transform.reverse import reverse
from backprop_cli.transform.rewrite import named
from backprop_cli.transform.scalarise import scalarise

Shape = tuple[int, ...]


class Block(NamedTuple):
    """A variable or a derivative: one node, or one an element in the order of its indices."""

    name: str
    shape: Shape
    nodes: tuple[int, ...]

    @property
    def size(self) -> int:
        return prod(self.shape)


class Export(NamedTuple):
    """Value and gradient as one graph; `adjoint_of` names the node that an adjoint belongs to."""

    graph: Graph
    value: int
    arguments: list[Block]
    gradient: list[Block]
    adjoint_of: dict[int, str]
    source: str


def export(
    graph: Graph, output: int, wrt: Sequence[int] | None = None, scalars: bool = False
) -> Export:
    """The graph of a scalar output and its derivatives by `wrt`, by default all variables.

    With `scalars`, arrays are taken apart into their elements; raises UsageFault where that cannot
    be done.
    """
    wanted = list(graph.inputs if wrt is None else wrt)
    labels = graph.labels()
    adjoint = reverse(graph, output, wanted)
    roots = [output, *(adjoint.gradient[node] for node in wanted)]
    whole = adjoint.graph.with_outputs([(None, node) for node in roots])
    pruned, place = prune(whole, keep=graph.inputs)
    tidy, nodes = prepared(pruned)
    owners = {nodes[place[a]]: labels[node] for a, node in adjoint.adjoint_of.items() if a in place}
    inputs = [nodes[place[i]] for i in graph.inputs]
    outputs = [nodes[place[i]] for i in roots]
    value, *derivatives = outputs
    arguments = [
        Block(graph.names[i], graph.shape(i), (node,))
        for i, node in zip(graph.inputs, inputs, strict=True)
    ]
    gradient = [
        Block(labels[i], graph.shape(i), (node,))
        for i, node in zip(wanted, derivatives, strict=True)
    ]
    found = Export(tidy, value, arguments, gradient, owners, graph.source)
    return apart(found) if scalars and not tidy.is_scalar else found


def apart(whole: Export) -> Export:
    """The same on scalars: each array is taken apart into its elements."""
    graph, elements = scalarise(whole.graph)

    def split(blocks: list[Block]) -> list[Block]:
        return [Block(b.name, b.shape, tuple(elements(b.nodes[0]))) for b in blocks]

    arguments, gradient = split(whole.arguments), split(whole.gradient)
    value = next(iter(elements(whole.value)))
    roots = [value, *(node for block in gradient for node in block.nodes)]
    kept = [node for block in arguments for node in block.nodes]
    pruned, place = prune(graph.with_outputs([(None, node) for node in roots]), keep=kept)
    final, nodes = prepared(pruned)

    def moved(blocks: list[Block]) -> list[Block]:
        return [
            block._replace(nodes=tuple(nodes[place[node]] for node in block.nodes))
            for block in blocks
        ]

    return Export(final, nodes[place[value]], moved(arguments), moved(gradient), {}, whole.source)


def prepared(graph: Graph) -> tuple[Graph, list[int]]:
    """The graph as code should have it: constants computed, and rewritten by exact rules.

    Also the new place of each node. Constants are computed with our own functions, so that a
    target's rounding does not matter.
    """
    builder = Builder(graph.source)
    maker = Exact(builder)
    constants = Constants()
    place: list[int] = []
    for i, code in enumerate(graph.codes):
        if code == INPUT:
            place.append(builder.input(graph.names[i], graph.shape(i)))
        elif code == CONST:
            place.append(builder.const(graph.static[i]))
        else:
            number = constants.number(graph, i)
            if number is not None:
                place.append(builder.const(number))
            else:
                place.append(_prepared(maker, graph, i, [place[a] for a in graph.arguments(i)]))
    outputs = [(name, place[node]) for name, node in graph.outputs]
    return builder.graph(outputs, graph.parameters, graph.notes), place


def _prepared(maker: Exact, graph: Graph, i: int, x: list[int]) -> int:
    """The node made for node `i`, `max(x, y, z)` as `max(max(x, y), z)`."""
    builder, row = maker.builder, graph.op(i)
    name, static = graph.names.get(i), graph.static.get(i)
    if row.elementwise and x and all(builder.codes[a] == CONST for a in x):
        extra = [] if static is None else [static]
        return builder.const(TOTAL[row.name](*(builder.static[a] for a in x), *extra))
    same = _same(builder, row.name, x, graph.shape(i))
    if same is not None and name is None:
        return same
    if row.elementwise and row.variadic:
        while len(x) > 2:
            x = [maker.make(row.name, (x[0], x[1])), *x[2:]]
    node = x[0] if row.name == "identity" else maker.made(row.name, tuple(x), static)
    if row.name == "sqrt" and OPERATIONS[builder.codes[node]].name == "sqrt":
        node = _unsigned_root(maker, node)
    return node if name is None else named(builder, node, name)


def _unsigned_root(maker: Exact, node: int) -> int:
    """A root with 0 added where that makes a 0 of a -0."""
    builder = maker.builder
    if never_minus_zero(Expr(maker, node)):
        return node
    return builder.add("add", node, builder.const(0.0))


_TRUTHS = ("lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not")
TRUTHS = frozenset(BY_NAME[op].code for op in _TRUTHS)


class Constants:
    """Numbers that come of constant arrays, such as whether a mask has any element."""

    MOST = 10_000  # elements of an array that is looked into

    def __init__(self) -> None:
        self.known: dict[int, Any] = {}

    def number(self, graph: Graph, i: int) -> float | None:
        """The value of a node that is a scalar and depends on no variable."""
        if graph.is_scalar or graph.active[i]:
            return None
        arguments = graph.arguments(i)
        for a in arguments:
            if graph.codes[a] == CONST:
                self.known[a] = graph.static[a]
        if prod(graph.shape(i)) > self.MOST or any(a not in self.known for a in arguments):
            return None
        import numpy as np

        from backprop_cli.backends.tensor_functions import compute

        with np.errstate(all="ignore"):
            x = [np.asarray(self.known[a], dtype=np.float64)[()] for a in arguments]
            self.known[i] = compute(graph.op(i).name, graph.static.get(i), x)
        return None if graph.shape(i) else float(self.known[i])


def _same(builder: Builder, op: str, x: list[int], shape: Shape) -> int | None:
    """`c != 0` as `c` itself, where c is a comparison; a branch that a constant chooses."""
    if op == "ne" and builder.codes[x[0]] in TRUTHS and builder.static.get(x[1]) == 0.0:
        return x[0]
    if op == "where" and builder.codes[x[0]] == CONST:
        chosen = x[1] if builder.static[x[0]] != 0 else x[2]
        return chosen if builder.shape(chosen) == shape else None
    return None
