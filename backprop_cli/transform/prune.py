"""Drops the nodes that no output needs."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from backprop_cli.ir.graph import NONE, Graph
from backprop_cli.ir.traverse import ancestors


def prune(graph: Graph, keep: Iterable[int] = ()) -> tuple[Graph, dict[int, int]]:
    """The graph of what the outputs and `keep` need, and the new place of each node kept."""
    needed = ancestors(graph, [*(node for _, node in graph.outputs), *keep])
    place: dict[int, int] = {}
    codes, first, second = array("H"), array("i"), array("i")
    rest: dict[int, tuple[int, ...]] = {}
    for i, wanted in enumerate(needed):
        if wanted:
            place[i] = len(codes)
            codes.append(graph.codes[i])
            first.append(place.get(graph.first[i], NONE))
            second.append(place.get(graph.second[i], graph.second[i]))
            if i in graph.rest:
                rest[place[i]] = tuple(place[a] for a in graph.rest[i])
    return (
        Graph(
            codes,
            first,
            second,
            rest,
            bytearray(graph.active[i] for i in place),
            {place[i]: value for i, value in graph.static.items() if i in place},
            {place[i]: name for i, name in graph.names.items() if i in place},
            {place[i]: shape for i, shape in graph.shapes.items() if i in place},
            {place[i]: spans for i, spans in graph.spans.items() if i in place},
            [place[i] for i in graph.inputs if i in place],
            [(name, place[node]) for name, node in graph.outputs],
            graph.source,
            graph.parameters,
            graph.notes,
            {
                place[i]: place[node]
                for i, node in graph.adjoint_of.items()
                if i in place and node in place
            },
        ),
        place,
    )
