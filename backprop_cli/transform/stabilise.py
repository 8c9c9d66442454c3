"""Rewrites a graph to forms that neither overflow nor lose digits where the written ones do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.transform.prune import prune
from backprop_cli.transform.rewrite import (
    Compiled,
    Pattern,
    Rewriter,
    Variable,
    compiled,
    copied,
)
from backprop_cli.transform.stable_rules import RULES


class Stabilised(NamedTuple):
    """A graph in stable forms, the new place of each old node that is kept, and what was done."""

    graph: Graph
    place: dict[int, int]
    applied: list[tuple[int, int]]  # the old node, and the new one of another form


@cache
def table() -> dict[str, list[Compiled]]:
    """The rules by the operation at their root."""
    return compiled(RULES)


class Stabiliser(Rewriter):
    """A Rewriter that does not look into the nodes of `opaque`, which someone asked for."""

    __slots__ = ("opaque",)

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder, table())
        self.opaque: set[int] = set()

    def _match(
        self, wanted: Pattern | Variable | float, node: int, bound: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        if isinstance(wanted, Pattern) and node in self.opaque:
            return iter(())
        return super()._match(wanted, node, bound)


def stabilised(graph: Graph, keep: Iterable[str] = ()) -> Stabilised:
    """The graph in stable forms, with the record of what was rewritten.

    Names and spans stay, and named nodes that are no longer needed. A form is not looked for across
    a node that `keep` names, so that derivatives by it are those of the program as written.
    """
    builder = Builder(graph.source)
    maker = Stabiliser(builder)
    kept = {graph.by_name[name] for name in keep if name in graph.by_name}
    place: dict[int, int] = {}
    applied: list[tuple[int, int]] = []
    inputs = set(graph.inputs)
    for i in range(len(graph)):
        before = len(maker.applied)
        if i in inputs:
            place[i] = builder.input(graph.names[i], graph.shape(i))
        else:
            place[i] = copied(maker, graph, i, place)
        if len(maker.applied) > before:
            applied.append((i, place[i]))
        if i in kept:
            maker.opaque.add(place[i])
        for span in graph.spans.get(i, ()):
            builder.mark(place[i], span)
    made = builder.graph(
        [(name, place[node]) for name, node in graph.outputs], graph.parameters, graph.notes
    )
    result, moved = prune(made, [*made.inputs, *made.names])
    return Stabilised(
        result,
        {i: moved[new] for i, new in place.items() if new in moved},
        [(i, moved[new]) for i, new in applied if new in moved],
    )


def stabilise(graph: Graph, keep: Collection[str] = ()) -> Graph:
    """The graph in stable forms.

    >>> b = Builder()
    >>> u = b.add("add", b.const(1.0), b.add("exp", b.input("x")))
    >>> [node.op for node in stabilise(b.graph([(None, b.add("log", u))]))]
    [<Operation input>, <Operation softplus>]
    """
    return stabilised(graph, keep).graph
