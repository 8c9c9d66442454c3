"""The paths of a program with arrays, largest first: pullbacks composed from the target down.

A path's product is what the composed pullbacks make of the seed, in the shape of the source; no
large Jacobian is formed. The search goes best-first on an upper bound: the Frobenius norm of the
adjoint so far, times the largest product of edge norms on the way that is left. What it finds is
exact, up to a budget of pullbacks; beyond it, the bound that stayed open says how large a path that
is not listed can be.
"""

from __future__ import annotations

import heapq
import math
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backprop_cli.engine.path_graph import PathGraph
from backprop_cli.ir.ops.contribution import Adjoint

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Sweep

BUDGET = 4000  # pullbacks
SMALL = 256  # elements up to which an edge's norm is taken from its Jacobian, row by row
Index = tuple[int, ...] | None


class Found(NamedTuple):
    """A path's edges, from the source on, and its product."""

    edges: list[int]
    product: Any


class _Trail(NamedTuple):
    """The edges from the target down so far."""

    edge: int
    above: _Trail | None


# where it ranks, the node it has come to, a serial number, the adjoint there, and how it came
Prefix = tuple[tuple[int, float], int, int, Adjoint, _Trail | None]


class Outcome(NamedTuple):
    """The largest paths; whether they are all; what no other path's norm exceeds."""

    found: list[Found]
    complete: bool
    open_bound: float | None  # None where the order is exact


def edge_norm(sweep: Sweep, node: int, position: int) -> float:
    """An upper bound of the spectral norm of one edge's Jacobian; inf where there is none."""
    graph = sweep.graph
    row = graph.op(node)
    here = math.prod(graph.shape(node))
    there = math.prod(graph.shape(graph.arguments(node)[position]))
    if row.elementwise:
        edge = sweep.edge(node, position)
        if edge is None:
            return 0.0
        slope = np.asarray(edge.value.value)
        copies = here / there if there else 0.0  # broadcast elements are added up
        return _finite(float(np.max(np.abs(slope), initial=0.0)) * math.sqrt(copies))
    if row.masks == "route":
        back = _pull(sweep, node, position, np.ones(graph.shape(node)))
        rows = here and there / here if row.name in ("sum_to", "trace") else 1.0
        return 0.0 if back is None else math.sqrt(float(np.max(back, initial=0.0)) * rows)
    if here <= SMALL:
        norm = 0.0
        for k in range(here):
            unit = np.zeros(here)
            unit[k] = 1.0
            back = _pull(sweep, node, position, unit.reshape(graph.shape(node)))
            norm = math.hypot(norm, 0.0 if back is None else norm_of(back))
        return _finite(norm)
    if row.name == "matmul":
        other = graph.arguments(node)[1 - position]
        return _finite(norm_of(sweep.values[other]))
    return math.inf


def _pull(sweep: Sweep, node: int, position: int, cotangent: Any) -> Any:
    _, out, _ = sweep.operands(node)
    wrap = type(out)
    found = sweep.contribution_of(node, position, Adjoint(wrap(out.context, cotangent[()])))
    return None if found is None else found.value.value


def _finite(bound: float) -> float:
    return bound if bound == bound else math.inf


def _order(norm: float, digits: int | None = 9) -> tuple[int, float]:
    """Where a norm ranks: nan, inf, finite from the largest. Equal to `digits` digits is equal."""
    if norm != norm:
        return 0, 0.0
    if norm == math.inf:
        return 1, 0.0
    if norm == 0:
        return 3, 0.0
    return 2, -norm if digits is None else -round(math.log(norm), digits)


def search(
    sweep: Sweep, graph: PathGraph, seed: Adjoint, most: int, index: Index, budget: int = BUDGET
) -> Outcome:
    """At most `most` paths of the graph, whose partials are bounds of its edges' norms."""
    into, rest = _ways(graph)
    serial = count()
    waiting: list[Prefix] = []

    def offer(node: int, g: Adjoint, trail: _Trail | None) -> None:
        if node == 0:
            rank = _order(norm_of(_chosen(g, index)))
        else:
            bound = norm_of(g.value.value) * rest[node]
            rank = _order(bound) if math.isfinite(bound) else (0, 0.0)
        heapq.heappush(waiting, (rank, node, next(serial), g, trail))

    offer(len(graph.nodes) - 1, seed, None)
    found: list[Found] = []
    used = 0
    while waiting and len(found) < most:
        entry = heapq.heappop(waiting)
        if used > budget:  # no more choices: dive along the first of each
            entry = _deepest(entry, waiting)
        _, node, _, g, trail = entry
        if node == 0:
            found.append(Found(_edges(trail), _chosen(g, index)))
            continue
        for e in into[node]:
            used += 1
            below = sweep.contribution_of(graph.nodes[node], graph.positions[e], g)
            if below is not None:
                offer(graph.tails[e], below, _Trail(e, trail))
    open_ranks = [rank for rank, node, *_ in waiting if node]
    if used > budget:  # what was found beside the dives
        found += [Found(_edges(t), _chosen(g, index)) for _, node, _, g, t in waiting if not node]
    found.sort(key=lambda path: (_order(norm_of(path.product), None), path.edges))
    if used <= budget:
        return Outcome(found, not waiting, None)
    left = [*map(_bound, open_ranks), *(norm_of(path.product) for path in found[most:])]
    return Outcome(found[:most], not left, max(left, default=0.0))


def _ways(graph: PathGraph) -> tuple[list[list[int]], list[float]]:
    """For each node its incoming edges, and the largest product of norms from the source to it."""
    into: list[list[int]] = [[] for _ in graph.nodes]
    rest = [0.0] * len(graph.nodes)
    rest[0] = 1.0
    columns = zip(graph.tails, graph.heads, graph.partials, strict=True)
    for e, (tail, head, bound) in enumerate(columns):
        into[head].append(e)
        rest[head] = max(rest[head], _finite(bound * rest[tail]))
    return into, rest


def _chosen(g: Adjoint, index: Index) -> Any:
    return g.value.value if index is None else g.value.value[index]


def _deepest(entry: Prefix, waiting: list[Prefix]) -> Prefix:
    """What waits nearest to the source; the others stay."""
    heapq.heappush(waiting, entry)
    deepest = min(waiting, key=lambda item: (item[1], item[0], item[2]))
    waiting.remove(deepest)
    heapq.heapify(waiting)
    return deepest


def _bound(rank: tuple[int, float]) -> float:
    """The largest norm with a rank, which is rounded."""
    kind, size = rank
    return math.inf if kind < 2 else (math.exp(6e-10 - size) if kind == 2 else 0.0)


def _edges(trail: _Trail | None) -> list[int]:
    edges = []
    while trail is not None:
        edges.append(trail.edge)
        trail = trail.above
    return edges


def norm_of(value: Any) -> float:
    """The Frobenius norm of an array; nan where an element is."""
    flat = np.ravel(np.asarray(value, dtype=np.float64))
    if np.isnan(flat).any():
        return math.nan
    if np.isinf(flat).any():
        return math.inf
    top = float(np.max(np.abs(flat), initial=0.0))
    return top * float(np.linalg.norm(flat / top)) if top > 0 else 0.0
