"""Which operations are independent: levels, work, span, width, and what p processors can gain.

The cost model: every operation takes one unit of time, whatever it does. Variables, constants,
arrays without arguments (`eye`, `arange`), a second name for a value (`b = a`) and `stop_grad` take
none, and neither does moving a value.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import prod
from typing import NamedTuple

from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import BY_NAME
from backprop_cli.ir.traverse import ancestors

MOST_ROWS = 8  # numbers of processors that are tried unasked
FREE = frozenset(BY_NAME[name].code for name in ("identity", "stop_grad"))
CUBIC = frozenset(("det", "logdet", "inv", "solve", "cofactor"))


class Speedup(NamedTuple):
    """What p processors make of it, in units of time.

    No schedule is shorter than `lower` = max(T1/p, Tinf); every greedy one, which never lets a
    processor wait while an operation is ready, is at most `upper` = Tinf + (T1 - Tinf)/p (Brent
    1974). `greedy` is the length of the greedy schedule that takes what is most urgent first.
    """

    processors: int
    lower: int
    greedy: int
    upper: int
    speedup: float  # T1 / greedy


class Waits(NamedTuple):
    """By node: the operations that wait for it (once for each edge), and for how many it waits."""

    users: list[list[int]]
    counts: list[int]


class Schedule(NamedTuple):
    """The operations that the outputs of a graph need, and when each can run.

    `earliest` is a node's level: 0 for a variable or constant, else one above its highest argument
    (a second name has the level of what it names). `latest` is the last level at which it can run
    without making the whole longer. `stands` has, for each node, the one that computes its value.
    """

    graph: Graph
    operations: list[int]
    earliest: list[int]
    latest: list[int]
    levels: list[list[int]]  # the operations of level 1, 2, ...
    critical_path: list[int]  # operations; each is an argument of the next
    stands: list[int]

    @property
    def work(self) -> int:
        """T1: how many operations there are."""
        return len(self.operations)

    @property
    def span(self) -> int:
        """Tinf: how many of them depend on one another in a row."""
        return len(self.levels)

    @property
    def width(self) -> int:
        """How many operations the widest level has."""
        return max(map(len, self.levels), default=0)

    @property
    def parallelism(self) -> float | None:
        """T1 / Tinf, the average number at work where there are always enough processors."""
        return self.work / self.span if self.span else None

    def slack(self, node: int) -> int:
        """By how many levels a node can be late: 0 on every critical path."""
        return self.latest[node] - self.earliest[node]

    @property
    def element_work(self) -> int:
        """Operations on elements, roughly: see `elements`."""
        return sum(elements(self.graph, i) for i in self.operations)

    def speedups(self, processors: int | None = None) -> list[Speedup]:
        """The bounds for some numbers of processors: 1, 2, 4, ... until more gain nothing."""
        if not self.work:
            return []
        counts = [2**k for k in range(MOST_ROWS - 1) if 2**k < self.width]
        wanted = [*counts, self.width] if processors is None else [processors]
        waits = self.waits()
        return [self.speedup(p, waits) for p in wanted]

    def speedup(self, processors: int, waits: Waits | None = None) -> Speedup:
        work, span = self.work, self.span
        length = self.greedy(processors, waits)
        return Speedup(
            processors,
            max(-(-work // processors), span),
            length,
            span + (work - span) // processors,
            work / length,
        )

    def greedy(self, processors: int, waits: Waits | None = None) -> int:
        """The length of a list schedule: of what is ready, the least `latest` first."""
        if processors == 1:
            return self.work
        if processors >= self.width:
            return self.span  # level by level
        users, counts = waits or self.waits()
        size, waiting = len(self.graph), counts[:]
        ready: list[int] = []
        for i in self.operations:
            if not waiting[i]:
                heappush(ready, self.latest[i] * size + i)
        time = 0
        while ready:
            time += 1
            running = [heappop(ready) % size for _ in range(min(processors, len(ready)))]
            for i in running:
                for user in users[i]:
                    waiting[user] -= 1
                    if not waiting[user]:
                        heappush(ready, self.latest[user] * size + user)
        return time

    def waits(self) -> Waits:
        size = len(self.graph)
        users: list[list[int]] = [[] for _ in range(size)]
        counts = [0] * size
        for i in self.operations:
            for a in self.graph.arguments(i):
                if self.earliest[a]:
                    users[self.stands[a]].append(i)
                    counts[i] += 1
        return Waits(users, counts)


def schedule(graph: Graph) -> Schedule:
    """When each operation can run that the outputs need, in time linear in the graph's size."""
    needed = ancestors(graph, [node for _, node in graph.outputs])
    earliest, stands = [0] * len(graph), list(range(len(graph)))
    operations = []
    for i in range(len(graph)):
        arguments = graph.arguments(i) if needed[i] else ()
        if graph.codes[i] in FREE:
            stands[i] = stands[graph.first[i]]
            earliest[i] = earliest[stands[i]]
        elif arguments:
            earliest[i] = 1 + max(earliest[a] for a in arguments)
            operations.append(i)
    levels: list[list[int]] = [[] for _ in range(max(earliest, default=0))]
    for i in operations:
        levels[earliest[i] - 1].append(i)
    latest = _latest(graph, operations, stands, len(levels))
    path = _critical(graph, earliest, stands, levels)
    return Schedule(graph, operations, earliest, latest, levels, path, stands)


def _latest(graph: Graph, operations: list[int], stands: list[int], span: int) -> list[int]:
    latest = [span] * len(graph)
    for i in reversed(operations):
        for a in graph.arguments(i):
            latest[stands[a]] = min(latest[stands[a]], latest[i] - 1)
    return [latest[i] for i in stands]


def _critical(
    graph: Graph, earliest: list[int], stands: list[int], levels: list[list[int]]
) -> list[int]:
    """The operations of a longest path, from its beginning; of several, the first ones."""
    path: list[int] = []
    for k in range(len(levels), 0, -1):
        candidates = [stands[a] for a in graph.arguments(path[-1])] if path else levels[-1]
        path.append(next(i for i in candidates if earliest[i] == k))
    return path[::-1]


def elements(graph: Graph, node: int) -> int:
    """How many elements an operation computes or reads, whichever is more.

    A product of matrices counts its multiplications, and what factorises a matrix of n rows n^3: a
    measure to compare programs by, not the time of a machine.
    """
    name = graph.op(node).name
    shapes = [graph.shape(a) for a in graph.arguments(node)]
    most = max(prod(shape) for shape in (graph.shape(node), *shapes))
    if name == "matmul":
        return prod(graph.shape(node)) * shapes[0][-1]
    if name in CUBIC:
        return max(most, prod(shapes[0]) * shapes[0][-1])
    return most
