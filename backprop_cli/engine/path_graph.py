"""The edges that lie on paths between two nodes at a point, with their partials."""

from __future__ import annotations

from collections.abc import Callable
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.backends.float_partials import Slopes, slopes_at, slopes_of
from backprop_cli.ir.graph import NONE

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Sweep
    from backprop_cli.ir.graph import Graph

# arguments, nodes, positions and partials of edges
Columns = tuple[list[int], list[int], list[int], list[float]]


class PathGraph(NamedTuple):
    """The nodes and existing edges on paths from the first node to the last, none of them idle.

    Nodes are renumbered in execution order; `nodes` says which they are in the graph. Edges are
    sorted by head, then by position. Without a path there are no edges.
    """

    nodes: list[int]
    tails: list[int]  # the argument of each edge
    heads: list[int]  # the node it is an argument of
    positions: list[int]
    partials: list[float]

    @property
    def trivial(self) -> bool:
        """Whether the two nodes are the same, so that the only path has no edges."""
        return len(self.nodes) == 1


def path_graph(sweep: Sweep, source: int, target: int, through: int | None = None) -> PathGraph:
    """The part of a graph that paths from `source` to `target` (through a node) use.

    Every node between must be a scalar of an elementwise row.
    """
    columns = _edges_down(sweep, source, target)
    if through is not None:  # what does not step over it must step on it
        tails, heads, positions, partials = columns
        kept = [h <= through or t >= through for t, h in zip(tails, heads, strict=True)]
        columns = (
            list(compress(tails, kept)),
            list(compress(heads, kept)),
            list(compress(positions, kept)),
            list(compress(partials, kept)),
        )
    return on_paths(columns, source, target, through)


def between(graph: Graph, source: int, target: int) -> list[int]:
    """The nodes on paths from `source` to `target`, whether or not the edges exist at the point."""
    below = graph.activity([source])
    needed = bytearray(target + 1)
    needed[target] = below[target] != 0
    arguments = graph.arguments
    found = []
    for i in range(target, source - 1, -1):
        if needed[i]:
            found.append(i)
            for a in arguments(i):
                if below[a] and a >= source:
                    needed[a] = 1
    return found[::-1]


def _edges_down(sweep: Sweep, source: int, target: int) -> Columns:
    """The existing edges that lead to the target, from nodes that depend on the source."""
    graph, values, varies = sweep.graph, sweep.values, sweep.varies
    codes, first, second, static = graph.codes, graph.first, graph.second, graph.static
    below = graph.activity([source])
    needed = bytearray(target + 1)
    needed[target] = below[target] != 0
    tails: list[int] = []
    heads: list[int] = []
    positions: list[int] = []
    partials: list[float] = []
    of_one: dict[tuple[int, bool, bool], Callable[..., Slopes]] = {}
    of_two: dict[tuple[int, bool, bool, bool, bool], Callable[..., Slopes]] = {}
    for i in range(target, source, -1):
        if not needed[i]:
            continue
        a, b = first[i], second[i]
        if b >= 0:
            pair = codes[i], varies[a] > 0, varies[b] > 0, below[a] > 0, below[b] > 0
            rule = of_two.get(pair)
            if rule is None:
                rule = of_two[pair] = slopes_of(pair[0], pair[1:3], pair[3:])
            slopes = rule(float(values[a]), float(values[b]), float(values[i]), static.get(i))
            slope = slopes[1]
            if slope is not None:
                needed[b] = 1
                tails.append(b)
                heads.append(i)
                positions.append(1)
                partials.append(float(slope))
            slope = slopes[0]
            if slope is not None:
                needed[a] = 1
                tails.append(a)
                heads.append(i)
                positions.append(0)
                partials.append(float(slope))
            continue
        if b == NONE:
            single = codes[i], varies[a] > 0, below[a] > 0
            rule = of_one.get(single)
            if rule is None:
                rule = of_one[single] = slopes_of(single[0], single[1:2], single[2:])
            slope = rule(float(values[a]), float(values[i]), static.get(i))[0]
            if slope is not None:
                needed[a] = 1
                tails.append(a)
                heads.append(i)
                positions.append(0)
                partials.append(float(slope))
            continue
        arguments = graph.arguments(i)
        slopes = slopes_at(
            codes[i],
            tuple([varies[k] > 0 for k in arguments]),
            tuple([below[k] > 0 for k in arguments]),
            [float(values[k]) for k in arguments],
            float(values[i]),
            static.get(i),
        )
        for position in range(len(slopes) - 1, -1, -1):
            slope = slopes[position]
            if slope is not None:
                argument = arguments[position]
                needed[argument] = 1
                tails.append(argument)
                heads.append(i)
                positions.append(position)
                partials.append(float(slope))
    for column in (tails, heads, positions, partials):
        column.reverse()
    return tails, heads, positions, partials


def on_paths(columns: Columns, source: int, target: int, through: int | None = None) -> PathGraph:
    """Drops edges that no path uses, and renumbers the nodes. Edges come sorted by head."""
    tails, heads, positions, partials = columns
    last = max(source, target) + 1
    reached = bytearray(last)
    reached[source] = 1
    for tail, head in zip(tails, heads, strict=True):  # edges into a node before those out of it
        if reached[tail]:
            reached[head] = 1
    if not reached[target] or (through is not None and (through >= last or not reached[through])):
        return PathGraph([], [], [], [], [])
    needed = bytearray(last)
    needed[target] = 1
    for tail, head in zip(reversed(tails), reversed(heads), strict=True):
        if needed[head] and reached[tail]:
            needed[tail] = 1
    nodes = [i for i in range(source, target + 1) if needed[i]]
    place = dict(zip(nodes, range(len(nodes)), strict=True))
    used = [needed[h] and reached[t] for t, h in zip(tails, heads, strict=True)]
    return PathGraph(
        nodes,
        [place[t] for t in compress(tails, used)],
        [place[h] for h in compress(heads, used)],
        list(compress(positions, used)),
        list(compress(partials, used)),
    )
