"""The paths from one variable to the output: with products at a point, or as symbols."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.engine.path_counts import Count
from backprop_cli.ir.graph import Graph

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Sweep, Value

MOST_PATHS = 5


class WayPath(NamedTuple):
    """A path, and what it adds to the derivative; without a point `product` is None."""

    nodes: list[int]
    edges: list[tuple[int, int]]  # node and argument position
    partials: list[Value | None]  # None for a pullback, which is no number
    product: Value | None


class Way(NamedTuple):
    """All paths from a node to the output, counted, the largest listed."""

    node: int
    exact: int | None  # how many; None above 4,000 digits
    log10: float | None  # None for no path
    paths: list[WayPath]
    sum: Value | None
    gradient: Value | None
    blocked: bool  # whether paths are drawn, and none of them exists at this point


def numeric_way(sweep: Sweep, node: int, output: int) -> Way:
    """The paths with their products, the largest first, and their sum."""
    from backprop_cli.engine.path_graph import between
    from backprop_cli.engine.paths import paths

    if sweep.adjoints[node] is None:
        drawn = bool(between(sweep.graph, node, output))
        return Way(node, 0, None, [], None, sweep.gradient[node], drawn)
    report = paths(sweep, node, output, top=MOST_PATHS)
    listed = [
        WayPath(path.nodes, path.edges, list(path.partials), path.product) for path in report.paths
    ]
    return Way(
        node, report.count, report.count_log10, listed, report.sum, report.gradient, blocked=False
    )


def symbolic_way(graph: Graph, node: int, output: int, active: bytearray) -> Way:
    """The paths of the drawing, in the order in which a walk from the output finds them."""
    counts = {node: 1}
    for i in range(node + 1, output + 1):
        if active[i]:
            count = sum(counts.get(a, 0) for _, a in _edges(graph, i))
            if count:
                counts[i] = count
    number = Count.of(counts.get(output, 0))
    listed = _walk(graph, node, output, counts) if output in counts else []
    return Way(node, number.exact, number.log10, listed, None, None, blocked=False)


def _edges(graph: Graph, node: int) -> list[tuple[int, int]]:
    """The positions and arguments of a node that have a derivative."""
    row = graph.op(node)
    return [(k, a) for k, a in enumerate(graph.arguments(node)) if row.rule(k) is not None]


def _walk(graph: Graph, node: int, output: int, counts: dict[int, int]) -> list[WayPath]:
    """The first paths, each from `node` up to `output`. Every node in `counts` lies on one."""
    found: list[WayPath] = []
    stack: list[tuple[int, int]] = [(output, 0)]  # a node, and the next of its edges to try
    trail: list[tuple[int, int]] = []  # the edges taken down to the node on top of the stack
    while stack and len(found) < MOST_PATHS:
        here, tried = stack.pop()
        below = [(k, a) for k, a in _edges(graph, here) if a in counts] if here != node else []
        if here == node:
            edges = trail[::-1]
            nodes = [node, *(target for target, _ in edges)]
            found.append(WayPath(nodes, edges, [None] * len(edges), None))
        elif tried < len(below):
            position, argument = below[tried]
            stack += [(here, tried + 1), (argument, 0)]
            trail.append((here, position))
            continue
        if trail:
            trail.pop()
    return found
