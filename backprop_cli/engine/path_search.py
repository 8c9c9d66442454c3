"""The paths with the largest |product|, without going through the rest.

Weights are logarithms, so a path's weight is that of its product. From every node a best path leads
on; any other path is told by its sidetracks, the edges at which it leaves the best path, and loses
what they lose (Eppstein 1998, Finding the k shortest paths). What a best edge loses is exactly 0:
it is the same expression. Each path found is walked once, as it has to be to show it.

Products that are nan, infinite, finite and zero are ranked in this order, each class by a network
of states (node, class of the product so far).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from backprop_cli.engine.path_graph import PathGraph
from backprop_cli.engine.path_weights import Network, exact_weights

FINITE, ZERO, INFINITE, NAN = range(4)
_ORDER = (NAN, INFINITE, FINITE, ZERO)
_TIMES = (  # class of a product, by those of its factors
    (FINITE, ZERO, INFINITE, NAN),
    (ZERO, ZERO, NAN, NAN),
    (INFINITE, NAN, INFINITE, NAN),
    (NAN, NAN, NAN, NAN),
)


class _Detour(NamedTuple):
    """A path: that of `parent`, but leaving it at an edge."""

    parent: _Detour | None
    edge: int


def largest_paths(graph: PathGraph, most: int) -> list[list[int]]:
    """At most `most` paths as lists of edges, largest |product| first.

    Ties stand in the order of their edges.
    """
    if not graph.heads or most < 1:
        return [[]] if graph.trivial and most > 0 else []
    partials = graph.partials
    if all(partials) and all(map(math.isfinite, partials)):
        size = len(graph.nodes)
        weights = list(map(math.log2, map(abs, partials)))
        everything = range(len(weights))
        network = Network(size, size - 1, graph.tails, graph.heads, weights, everything)
        return _largest(graph, network, most)
    kinds = [_class_of(slope) for slope in partials]
    weights = [
        math.log2(abs(slope)) if kind == FINITE else 0.0
        for slope, kind in zip(partials, kinds, strict=True)
    ]
    found: list[list[int]] = []
    networks = _networks(graph, kinds, weights)
    for kind in _ORDER:
        count = most - len(found)
        if kind not in networks or not count:
            continue
        if kind == FINITE:
            found += _largest(graph, networks[kind], count)
        else:
            search = Search(networks[kind], count)
            found += sorted(search.origins(way) for _, way in search.paths())
    return found


def _class_of(slope: float) -> int:
    if slope == 0:
        return ZERO
    if slope != slope:
        return NAN
    return INFINITE if slope in (math.inf, -math.inf) else FINITE


def _networks(graph: PathGraph, kinds: list[int], weights: list[float]) -> dict[int, Network]:
    """The network of states for each class that a path has; only their sinks differ."""
    classes: list[list[int]] = [[] for _ in graph.nodes]  # of the paths to each node
    classes[0].append(FINITE)
    for tail, head, kind in zip(graph.tails, graph.heads, kinds, strict=True):
        for before in classes[tail]:
            if _TIMES[before][kind] not in classes[head]:
                classes[head].append(_TIMES[before][kind])
    place: dict[tuple[int, int], int] = {}
    for node, found in enumerate(classes):
        for kind in found:
            place[node, kind] = len(place)
    tails, heads, origin = [], [], []
    for e, (tail, head) in enumerate(zip(graph.tails, graph.heads, strict=True)):
        for before in classes[tail]:
            tails.append(place[tail, before])
            heads.append(place[head, _TIMES[before][kinds[e]]])
            origin.append(e)
    own = [weights[e] for e in origin]
    last = len(graph.nodes) - 1
    return {
        kind: Network(len(place), place[last, kind], tails, heads, own, origin)
        for kind in classes[last]
    }


def _largest(graph: PathGraph, network: Network, most: int) -> list[list[int]]:
    """The largest paths of the finite class, exactly where logarithms cannot tell them apart."""
    search = Search(network, most + 1)
    found = list(search.paths())
    losses = [loss for loss, _ in found]
    doubt = search.doubt(losses[-1]) if found else 0.0
    chosen = found[:most]
    if not any(later - earlier <= doubt for earlier, later in pairwise(losses)):
        return [search.origins(way) for _, way in chosen]
    if not chosen:
        return []
    kept = search.within(chosen[-1][0] + doubt)
    narrow = Network(
        network.size,
        network.sink,
        [network.tails[e] for e in kept],
        [network.heads[e] for e in kept],
        [],
        [network.origin[e] for e in kept],
    )
    weights, tie = exact_weights(narrow, [graph.partials[e] for e in narrow.origin])
    search = Search(narrow._replace(weights=weights), most)
    paths = []
    rank = 0
    last: float = 0
    for loss, way in search.paths():
        if loss - last > tie:
            rank += 1
        last = loss
        paths.append((rank, search.origins(way)))
    paths.sort()
    return [edges for _, edges in paths]


class Search:
    """The paths of a network from its start to its sink, heaviest first, at most `most` of them."""

    def __init__(self, network: Network, most: int) -> None:
        self.network = network
        self.most = most
        size, sink, tails, heads, weights, _ = network
        best: list[float] = [-math.inf] * size  # of the paths that lead on to the sink
        follow = [-1] * size
        best[sink] = 0
        for e in range(len(tails) - 1, -1, -1):
            onward = weights[e] + best[heads[e]]
            tail = tails[e]
            if onward > best[tail]:
                best[tail] = onward
                follow[tail] = e
        self.best = best
        self.follow = follow
        # what each edge loses; infinite or nan where it does not lead to the sink
        self.losses = [
            best[t] - (w + best[h]) for t, h, w in zip(tails, heads, weights, strict=True)
        ]
        self.sidetracks: dict[int, list[int]] = {}
        for e, (tail, loss) in enumerate(zip(tails, self.losses, strict=True)):
            if e != follow[tail] and loss < math.inf:
                self.sidetracks.setdefault(tail, []).append(e)

    def paths(self) -> Iterator[tuple[float, _Detour | None]]:
        """Every path as its loss against the heaviest and its sidetracks, in order of loss."""
        if self.best[0] == -math.inf:
            return
        self._lay_spine()
        left = self.most
        losses, heads = self.losses, self.network.heads
        serial = 0
        # the loss of a path, that of its parent, and where its last sidetrack stands among those
        # that leave the same part of the parent
        waiting: list[tuple[float, int, float, int, list[int], _Detour | None]] = []

        def offer(base: float, rank: int, turns: list[int], parent: _Detour | None) -> None:
            nonlocal serial
            if rank < len(turns):
                serial += 1
                loss = base + losses[turns[rank]]
                heapq.heappush(waiting, (loss, serial, base, rank, turns, parent))

        yield 0, None
        left -= 1
        offer(0, 0, self._turns(0, left), None)
        while waiting and left > 0:
            loss, _, base, rank, turns, parent = heapq.heappop(waiting)
            detour = _Detour(parent, turns[rank])
            yield loss, detour
            left -= 1
            offer(base, rank + 1, turns, parent)
            offer(loss, 0, self._turns(heads[turns[rank]], left), detour)

    def _lay_spine(self) -> None:
        """The heaviest path, which the others leave and mostly come back to."""
        heads, follow, sink = self.network.heads, self.follow, self.network.sink
        self.spine: list[int] = []
        self.place: dict[int, int] = {}  # of a state on it
        self.turns: list[int] = []  # the sidetracks along it,
        self.turns_from: list[int] = []  # and where those from a place on begin
        state = 0
        while state != sink:
            self.place[state] = len(self.spine)
            self.turns_from.append(len(self.turns))
            self.turns += self.sidetracks.get(state, ())
            self.spine.append(follow[state])
            state = heads[follow[state]]
        self.place[sink] = len(self.spine)
        self.turns_from.append(len(self.turns))

    def _turns(self, state: int, most: int) -> list[int]:
        """The sidetracks along the best path from a state that lose least, in order."""
        follow, heads, place = self.follow, self.network.heads, self.place
        found: list[int] = []
        while state not in place:
            found += self.sidetracks.get(state, ())
            state = heads[follow[state]]
        found += self.turns[self.turns_from[place[state]] :]
        return heapq.nsmallest(most, found, key=self.losses.__getitem__)

    def origins(self, detour: _Detour | None) -> list[int]:
        """The edges of a path, as those of the graph."""
        turns = []
        while detour is not None:
            turns.append(detour.edge)
            detour = detour.parent
        path: list[int] = []
        state = 0
        for turn in reversed(turns):
            self._go_on(path, state, self.network.tails[turn])
            path.append(turn)
            state = self.network.heads[turn]
        self._go_on(path, state, self.network.sink)
        return list(map(self.network.origin.__getitem__, path))

    def _go_on(self, path: list[int], state: int, end: int) -> None:
        """Appends the edges of the best path from a state up to another on it."""
        follow, heads, place = self.follow, self.network.heads, self.place
        while state != end:
            if state in place:  # and so is what follows
                path += self.spine[place[state] : place[end]]
                return
            path.append(follow[state])
            state = heads[follow[state]]

    def doubt(self, loss: float) -> float:
        """How far apart rounded losses up to `loss` may be when those of the products are not."""
        largest = max(abs(weight) for weight in self.best if weight > -math.inf)
        largest += max(map(abs, self.network.weights), default=0.0) + loss
        return 2.0**-49 * (self.network.size + 8) * (largest + 1.0)

    def within(self, loss: float) -> list[int]:
        """The edges of paths that lose no more than `loss`."""
        tails, heads = self.network.tails, self.network.heads
        least: list[float] = [math.inf] * self.network.size  # lost on the way to a state
        least[0] = 0.0
        kept = []
        for e, own in enumerate(self.losses):
            lost = least[tails[e]] + own
            if lost <= loss:
                kept.append(e)
                if lost < least[heads[e]]:
                    least[heads[e]] = lost
        return kept
