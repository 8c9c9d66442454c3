"""Schedules: worked by hand, and the bounds that hold for every graph."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
import strategies as own
from hypothesis import given
from hypothesis import strategies as st

import backprop_cli as bp
from backprop_cli.engine.backward import lean_graph
from backprop_cli.engine.schedule import Schedule, elements, schedule
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.traverse import ancestors


def of(text: str, **shapes: tuple[int, ...]) -> Schedule:
    return schedule(bp.parse(text, shapes).graph())


def labels(found: Schedule, nodes: list[int]) -> list[str]:
    return [found.graph.labels()[i] for i in nodes]


def test_a_balanced_tree() -> None:
    """The sum of 8 in pairs: 4 + 2 + 1 operations in three levels."""
    found = of("((a + b) + (c + d)) + ((e + f) + (g + h))")
    assert (found.work, found.span, found.width) == (7, 3, 4)
    assert [len(level) for level in found.levels] == [4, 2, 1]
    assert found.parallelism == 7 / 3
    assert all(found.slack(i) == 0 for i in found.operations)
    assert [tuple(s) for s in found.speedups()] == [
        (1, 7, 7, 7, 1.0),
        (2, 4, 4, 5, 7 / 4),
        (4, 3, 3, 4, 7 / 3),
    ]


def test_a_chain() -> None:
    """The sum of 8 from the left: no operation can wait, and none has company."""
    found = of("a + b + c + d + e + f + g + h")
    assert (found.work, found.span, found.width, found.parallelism) == (7, 7, 1, 1.0)
    assert [s.greedy for s in found.speedups()] == [7]
    assert found.speedup(8) == (8, 7, 7, 7, 1.0)
    assert len(found.critical_path) == 7


def test_a_diamond_and_a_short_branch() -> None:
    """p = x*x; q = sin(p); r = cos(p); q*r + (x + 1): the short branch can wait."""
    found = of("p = x*x; q = sin(p); r = cos(p); s = x + 1; t = q*r; t + s")
    names = found.graph.by_name
    level = {name: found.earliest[i] for name, i in names.items()}
    assert level == {"x": 0, "p": 1, "q": 2, "r": 2, "s": 1, "t": 3}
    assert [found.slack(names[name]) for name in "pqrst"] == [0, 0, 0, 2, 0]
    assert labels(found, found.critical_path) == ["p", "q", "t", found.graph.labels()[-1]]
    assert found.latest[names["s"]] == 3
    assert found.speedup(2).greedy == 4  # s fits beside p
    assert found.speedup(1).greedy == found.work == 6


def test_one_edge_twice_is_waited_for_once() -> None:
    found = of("a = x + 1; b = y + 1; a*a + b*b + a*b")
    assert found.span == 4
    assert [s.greedy for s in found.speedups()] == [7, 4, 4]


def test_constants_and_variables_cost_nothing() -> None:
    assert of("x").work == of("3").work == of("eye(3)").work == 0
    found = of("3")
    assert (found.span, found.width, found.parallelism) == (0, 0, None)
    assert found.speedups() == found.critical_path == []
    assert of("n = 3; x^n").work == 1


def test_a_second_name_costs_nothing_and_stands_for_its_value() -> None:
    """b = a; also through stop_grad: levels, slack, path and greedy schedule see through it."""
    assert of("y = x; y + 1").work == 1
    found = of("a = x*x; b = a; c = stop_grad(b); d = sin(c); d + a")
    names = found.graph.by_name
    assert (found.work, found.span) == (3, 3)
    assert labels(found, found.critical_path)[:2] == ["a", "d"]
    assert [found.earliest[names[n]] for n in "abcd"] == [1, 1, 1, 2]
    assert found.speedup(2).greedy == 3
    assert [found.stands[names[n]] for n in "bc"] == [names["a"]] * 2


def test_only_what_the_outputs_need() -> None:
    graph = bp.parse("a = x + 1; b = sin(a); (a, b)").graph()
    assert schedule(graph).work == 2
    assert schedule(graph.with_outputs(graph.outputs[:1])).work == 1


def test_several_outputs_share_a_schedule() -> None:
    found = of("(x + y, sin(x), x*y)")
    assert (found.work, found.span, found.width) == (3, 1, 3)


def test_the_gradient_is_counted_without_what_computes_nothing() -> None:
    """e = (a + b)(b + 1): c̄ is d, d̄ is c, and b̄ = c + d is one operation more."""
    graph = bp.parse("c = a + b; d = b + 1; e = c*d").graph()
    found = schedule(lean_graph(graph))
    assert (found.work, found.span) == (4, 2)
    assert labels(found, found.levels[1]) == ["e", "b_bar"]
    found = schedule(lean_graph(bp.parse("log(x)").graph()))
    assert found.work == 2  # log and 1/x: the guard of the domain is not counted
    found = schedule(lean_graph(bp.parse("x*y + sin(x)").graph()))
    assert (found.work, found.span, found.width) == (5, 2, 3)


@pytest.mark.parametrize(
    ("text", "shapes", "wanted"),
    [
        ("A @ B", {"A": (2, 3), "B": (3, 4)}, 2 * 3 * 4),
        ("A @ x", {"A": (2, 3), "x": (3,)}, 6),
        ("x @ y", {"x": (5,), "y": (5,)}, 5),
        ("sum(A)", {"A": (2, 3)}, 6),
        ("A + x", {"A": (2, 3), "x": (3,)}, 6),
        ("det(A)", {"A": (4, 4)}, 64),
        ("solve(A, x)", {"A": (4, 4), "x": (4,)}, 64),
        ("x*y", {}, 1),
    ],
)
def test_elements(text: str, shapes: dict[str, tuple[int, ...]], wanted: int) -> None:
    graph = bp.parse(text, shapes).graph()
    assert elements(graph, graph.outputs[0][1]) == wanted
    assert schedule(graph).element_work == wanted


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Random graphs with some of their last nodes as outputs, or with a gradient."""
    graph = draw(own.scalar_graphs(size=25) | own.tensor_graphs(size=10))
    if draw(st.booleans()):
        return lean_graph(graph)
    count = draw(st.integers(1, min(4, len(graph))))
    return graph.with_outputs([(None, i) for i in range(len(graph) - count, len(graph))])


def costs(graph: Graph, i: int) -> bool:
    return bool(graph.arguments(i)) and graph.op(i).name not in ("identity", "stop_grad")


@given(graphs())
def test_levels_respect_every_dependency(graph: Graph) -> None:
    found = schedule(graph)
    needed = ancestors(graph, [node for _, node in graph.outputs])
    assert sorted(found.operations) == [
        i for i in range(len(graph)) if needed[i] and costs(graph, i)
    ]
    assert sorted(i for level in found.levels for i in level) == sorted(found.operations)
    for i in found.operations:
        before = [found.earliest[a] for a in graph.arguments(i)]
        assert found.earliest[i] == 1 + max(before)
        assert found.earliest[i] <= found.latest[i] <= found.span
        for a in graph.arguments(i):
            assert not found.earliest[a] or found.latest[a] < found.latest[i]


@given(graphs())
def test_the_critical_path_is_a_path_of_span_operations(graph: Graph) -> None:
    found = schedule(graph)
    path = found.critical_path
    assert len(path) == found.span
    for a, b in pairwise(path):
        assert a in [found.stands[k] for k in graph.arguments(b)]
    assert all(found.slack(i) == 0 and costs(graph, i) for i in path)


@given(graphs(), st.integers(1, 12))
def test_the_bounds_of_brent(graph: Graph, p: int) -> None:
    """max(T1/p, Tinf) <= T_p <= Tinf + (T1 - Tinf)/p, for a schedule that is one."""
    found = schedule(graph)
    if not found.work:
        return
    bound = found.speedup(p)
    assert bound.lower <= bound.greedy <= bound.upper
    assert max(found.work / p, found.span) <= bound.greedy
    assert bound.greedy <= found.span + (found.work - found.span) / p
    assert bound.greedy == replay(found, p)
    assert found.speedups(p) == [bound]
    assert found.greedy(found.width) == found.span


def replay(found: Schedule, p: int) -> int:
    """The steps of the same policy, by looking at every operation at every step."""
    graph, done, left, steps = found.graph, set[int](), list(found.operations), 0

    def free(a: int, done: set[int]) -> bool:
        return found.stands[a] in done or not costs(graph, found.stands[a])

    while left:
        ready = [i for i in left if all(free(a, done) for a in graph.arguments(i))]
        running = sorted(ready, key=lambda i: (found.latest[i], i))[:p]
        done |= set(running)
        left = [i for i in left if i not in done]
        steps += 1
    return steps


@pytest.mark.parametrize("kind", ["chain", "wide"])
def test_large_graphs_take_linear_time(kind: str) -> None:
    b = Builder()
    x = b.input("x")
    if kind == "chain":
        for _ in range(100_000):
            x = b.add("sin", x)
        outputs = [x]
    else:
        outputs = [b.add("mul", x, b.const(float(k))) for k in range(50_000)]
    start = time.process_time()
    found = schedule(b.graph([(None, i) for i in outputs]))
    bounds = found.speedups()
    assert time.process_time() - start < 8
    assert found.work == (100_000 if kind == "chain" else 50_000)
    assert bounds[-1].greedy == found.span


def test_from_python() -> None:
    f = bp.parse("sum(tanh(W @ x))", {"W": (2, 3), "x": (3,)})
    assert f.schedule().work == 3
    both = f.schedule(backward=True)
    assert both.work > 6
    assert {"W_bar", "x_bar"} <= set(both.graph.names.values())
    assert bp.parse("sum(v)").schedule(v=[1, 2, 3]).element_work == 3
