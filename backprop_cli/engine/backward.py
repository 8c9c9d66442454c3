"""The backward graph as a graph of its own: every adjoint a named node, tied to its node."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.ir.ops import Expr
from backprop_cli.ir.ops.contribution import Adjoint
from backprop_cli.ir.traverse import ancestors
from backprop_cli.transform.prune import prune
from backprop_cli.transform.reverse import append_adjoints, reverse
from backprop_cli.transform.tidy import tidied


def backward_graph(
    graph: Graph, output: int | None = None, wrt: Sequence[int] | None = None
) -> Graph:
    """What `output` depends on, and the adjoints of its nodes, as one graph.

    The outputs are the value and the adjoint of each node of `wrt` (by default all variables). The
    adjoint of a node `c` is called `c_bar`, with underscores added where that name is taken, and
    `adjoint_of` maps it to `c`; the output's own adjoint is 1 (in its shape, which sums the
    elements of an array). Every adjoint is a node of its own, as on a board: `a_bar = c_bar` where
    the partial is 1. A node that no path reaches has the adjoint 0.

    >>> from backprop_cli.ir.builder import Builder
    >>> b = Builder()
    >>> x, y = b.input("x"), b.input("y")
    >>> backward = backward_graph(b.graph([("f", b.add("mul", x, y, name="f"))]))
    >>> [name for name, _ in backward.outputs], len(backward.adjoint_of)
    (['f', 'x_bar', 'y_bar'], 3)
    """
    graph, top, wanted = _part(graph, output, wrt)
    builder = Builder(graph=graph)
    labels, taken = graph.labels(), set(graph.names.values())
    made: dict[int, int] = {}

    def settle(node: int, adjoint: Adjoint) -> Adjoint:
        name = free_name(bar_name(labels[node]), taken)
        made[node] = builder.add("identity", adjoint.value.value, name=name)
        return Adjoint(builder.expr(made[node]), adjoint.mask)

    active = graph.activity(wanted)
    append_adjoints(builder, top, wanted, Adjoint(_full(builder, top, 1.0)), active, settle)
    for node in wanted:
        if node not in made:
            settle(node, Adjoint(_full(builder, node, 0.0)))
    builder.adjoint_of |= {adjoint: node for node, adjoint in made.items()}
    _move_names(builder, made.values(), len(graph))
    outputs = [graph.outputs[0], *((builder.names[made[node]], made[node]) for node in wanted)]
    whole = builder.graph(outputs, graph.parameters, graph.notes)
    return prune(whole, keep=graph.inputs)[0]


class Lean(NamedTuple):
    """A value and its gradient, without a node that computes nothing.

    `copies` has the adjoints that are another node, or a number, in the order of the backward
    pass: the node whose adjoint it is, and the other node or the number.
    """

    graph: Graph
    copies: list[tuple[int, int | float]]


def lean_graph(graph: Graph, output: int | None = None, wrt: Sequence[int] | None = None) -> Graph:
    """As `backward_graph`, but without a node that computes nothing: for counting operations.

    An adjoint that equals another one, or a node, is that node; products with the seed 1 are gone,
    and so are the guards that `tidied` drops.
    """
    return lean(graph, output, wrt).graph


def lean(graph: Graph, output: int | None = None, wrt: Sequence[int] | None = None) -> Lean:
    """The graph of `lean_graph`, and the adjoints that are no nodes of their own in it."""
    graph, top, wanted = _part(graph, output, wrt)
    found = reverse(graph, top, wanted)
    builder = Builder(graph=found.graph)
    builder.adjoint_of |= found.adjoint_of
    labels, taken = graph.labels(), set(graph.names.values())
    outputs = [graph.outputs[0]]
    for node, adjoint in found.gradient.items():
        outputs.append((free_name(bar_name(labels[node]), taken), adjoint))
    pairs = [(None, end) for pair in found.adjoints.items() for end in pair]
    whole = builder.graph([*outputs, *pairs], graph.parameters, graph.notes)
    made = tidied(prune(whole, keep=graph.inputs)[0]).graph
    ends = made.outputs[len(outputs) :]
    slim, place = prune(made.with_outputs(made.outputs[: len(outputs)]), keep=made.inputs)
    named = _with_names(slim, taken)
    copies: list[tuple[int, int | float]] = []
    for (_, node), (_, adjoint) in zip(ends[::2], ends[1::2], strict=True):
        end = place.get(adjoint)
        if made.codes[adjoint] == CONST:
            copies.append((place[node], float(made.static[adjoint])))
        elif end is not None and named.adjoint_of.get(end) != place[node]:
            copies.append((place[node], end))
    return Lean(named, copies)


def _with_names(graph: Graph, taken: set[str]) -> Graph:
    """A lean graph with a name for every adjoint that is a node of its own."""
    own = ancestors(graph, [graph.outputs[0][1]])
    graph.adjoint_of = {
        adjoint: node
        for adjoint, node in graph.adjoint_of.items()
        if not own[adjoint] and graph.codes[adjoint] not in (CONST, INPUT)
    }
    words = {node: name for name, node in graph.outputs[:0:-1]}
    labels = graph.with_outputs(graph.outputs).labels()  # of a copy: ours change with the names
    for adjoint, node in graph.adjoint_of.items():
        name = words.get(adjoint) or free_name(bar_name(labels[node]), taken)
        graph.names.setdefault(adjoint, name)
    return graph


def _part(
    graph: Graph, output: int | None, wrt: Sequence[int] | None
) -> tuple[Graph, int, list[int]]:
    """What an output and `wrt` need of a graph, and where these are in it."""
    top = graph.outputs[0][1] if output is None else output
    wanted = list(graph.inputs if wrt is None else wrt)
    taken = set(graph.names.values())
    given = next((name for name, node in graph.outputs if node == top and name), None)
    name = given or graph.names.get(top) or free_name("value", taken)
    part, place = prune(graph.with_outputs([(name, top)]), keep=[*graph.inputs, *wanted])
    for i, word in part.names.items():
        # an element that was asked for, f[1]; variables are bound by their names
        if not word.isidentifier() and part.codes[i] != INPUT:
            part.names[i] = free_name(_word(word), taken)
    return part, place[top], [place[node] for node in wanted]


def _word(label: str) -> str:
    """A label as a name: `f[1]` is `f_1`."""
    word = re.sub(r"\W+", "_", label).strip("_")
    return word if word.isidentifier() else f"v{word}"


def bar_name(label: str) -> str:
    """What the adjoint of a node is called in text: `c_bar`."""
    return f"{_word(label)}_bar"


def free_name(name: str, taken: set[str]) -> str:
    """The name, with underscores added until it is not among those taken; then it is."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _full(builder: Builder, node: int, value: float) -> Expr:
    """A number in the shape of a node."""
    number, shape = builder.const(value), builder.shape(node)
    return builder.expr(builder.add("broadcast_to", number, static=shape) if shape else number)


def _move_names(builder: Builder, named: Iterable[int], start: int) -> None:
    """Makes the operation that an adjoint names the adjoint itself, where only names use it.

    The unnamed node is left to be pruned. Nodes below `start` are the user's own, and stay.
    """
    names = set(named)
    shared = {a for i in range(start, len(builder)) if i not in names for a in builder.arguments(i)}
    for i in names:
        inner = builder.first[i]
        constant = builder.codes[inner] == CONST
        if inner not in builder.names and (constant or (inner >= start and inner not in shared)):
            _copy(builder, inner, i)


def _copy(builder: Builder, source: int, target: int) -> None:
    """Lets the node `target` do what the earlier node `source` does, under its own name."""
    builder.codes[target] = builder.codes[source]
    builder.first[target] = builder.first[source]
    builder.second[target] = builder.second[source]
    builder.active[target] = builder.active[source]
    for table in (builder.rest, builder.static):
        if source in table:
            table[target] = table[source]
