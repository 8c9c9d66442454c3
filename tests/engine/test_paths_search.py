"""The k largest paths, exactly, on networks of all kinds; and at sizes no enumeration reaches."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction

import pytest
from path_oracle import rank

from backprop_cli.engine.path_counts import count_paths
from backprop_cli.engine.path_graph import PathGraph, on_paths
from backprop_cli.engine.path_search import largest_paths
from backprop_cli.engine.path_sums import product, sum_paths
from backprop_cli.engine.paths import path_report
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph

ULP = 2.0**-52
PARTIALS = {
    "near ties": [1.0, 1 + ULP, 1 - ULP, 1 - ULP / 2, -1.0, -1 - ULP, 1 + 2 * ULP],
    "ties": [2.0, 3.0, 6.0, 1.0, 0.5, 1 / 3, -2.0],
    "all classes": [0.0, -0.0, 1.0, math.inf, -math.inf, math.nan, -2.0, 0.5],
    "rounded": [0.1 * 3, 0.3, 0.1, 3.0, 1 / 3],
    "out of range": [1e200, 1e-200, 1e300, 5e-324, 2.0],
    "zeros": [0.0, 1.0, 2.0, -1.0],
}


def network(rng: random.Random, values: list[float]) -> PathGraph:
    tails, heads, positions, partials = [], [], [], []
    size = rng.randint(2, 8)
    for head in range(1, size):
        position = 0
        for tail in range(max(0, head - 3), head):
            for _ in range(rng.choice([0, 1, 1, 2, 3])):
                tails.append(tail)
                heads.append(head)
                positions.append(position)
                partials.append(rng.choice(values))
                position += 1
    return on_paths((tails, heads, positions, partials), 0, size - 1)


def all_paths(graph: PathGraph) -> list[list[int]]:
    found = []
    stack: list[tuple[int, list[int]]] = [(0, [])]
    while stack:
        node, path = stack.pop()
        if node == len(graph.nodes) - 1:
            found.append(path)
            continue
        stack += [(graph.heads[e], [*path, e]) for e, t in enumerate(graph.tails) if t == node]
    return found


@pytest.mark.parametrize("kind", PARTIALS)
def test_rankings_are_exact(kind: str) -> None:
    for seed in range(60):
        rng = random.Random(seed)
        graph = network(rng, PARTIALS[kind])
        if not graph.nodes or count_paths(graph).paths.exact > 1500:  # type: ignore[operator]
            continue
        every = all_paths(graph)

        def key(edges: list[int], graph: PathGraph = graph) -> tuple[int, Fraction]:
            return rank([(0, 0, graph.partials[e]) for e in edges])

        k = rng.choice([1, 3, 10, 50, 5000])
        found = largest_paths(graph, k)
        assert [key(p) for p in found] == sorted(map(key, every))[:k], seed
        assert len(set(map(tuple, found))) == len(found)
        if k >= len(every):  # ties in the order of their edges
            assert found == sorted(every, key=lambda p: (key(p), p))


@pytest.mark.parametrize("kind", ["near ties", "out of range", "zeros"])
def test_sums_and_products_lose_nothing_on_the_way(kind: str) -> None:
    largest, least = Fraction(1.797e308), Fraction(5e-324)
    for seed in range(60):
        graph = network(random.Random(seed), PARTIALS[kind])
        if not graph.nodes or count_paths(graph).paths.exact > 500:  # type: ignore[operator]
            continue
        factors = [[graph.partials[e] for e in path] for path in all_paths(graph)]
        exact = [math.prod(map(Fraction, path), start=Fraction(1)) for path in factors]
        for partials, value in zip(factors, exact, strict=True):
            near(product(partials), value, abs(value), largest, least)
        size = sum(map(abs, exact), Fraction(0))
        near(sum_paths(graph).total, sum(exact, Fraction(0)), size, largest, 40 * least)


def near(found: float, value: Fraction, size: Fraction, largest: Fraction, least: Fraction) -> None:
    if abs(value) > largest:
        assert abs(found) >= 1.797e308
    else:
        assert abs(Fraction(found) - value) <= size / 10**13 + least


def chain(stages: int, stage: Callable[[Builder, int], int]) -> Graph:
    builder = Builder()
    node = builder.input("x")
    for _ in range(stages):
        node = stage(builder, node)
    return builder.graph([("f", node)])


def doubled(b: Builder, v: int) -> int:
    return b.add("add", v, v)


def squared(b: Builder, v: int) -> int:
    return b.add("mul", v, v)


def curved(b: Builder, v: int) -> int:
    return b.add("add", v, b.add("sin", v))


def test_two_to_the_64_paths() -> None:
    found = path_report(chain(64, doubled), {"x": 1.0}, 0)
    assert found.count == 2**64
    assert found.sum == found.gradient == 2.0**64
    assert len(found.paths) == 10
    assert {path.product for path in found.paths} == {1.0}
    assert found.enumeration.multiplications.exact == 63 * 2**64
    assert found.backpropagation.multiplications.exact == 126
    assert found.backpropagation.additions.exact == 64
    assert found.listed_sum == 10.0


@pytest.mark.parametrize("stage", [doubled, squared, curved])
def test_a_chain_of_ten_thousand_stages(stage: Callable[[Builder, int], int]) -> None:
    found = path_report(chain(10_000, stage), {"x": 1.0}, 0, top=3)
    assert found.count == 2**10_000
    assert found.count_log10 == pytest.approx(10_000 * math.log10(2))
    assert [len(path.partials) >= 10_000 for path in found.paths] == [True] * 3
    assert found.agree


def test_a_count_of_more_than_4000_digits() -> None:
    found = path_report(chain(20_000, squared), {"x": 1.0}, 0, top=1)
    assert found.count is None
    assert found.count_log10 == pytest.approx(20_000 * math.log10(2), rel=1e-12)
    work = found.enumeration
    assert work.multiplications.exact is None
    assert work.multiplications.log10 == pytest.approx(found.count_log10 + math.log10(19_999))
    assert found.backpropagation.multiplications.exact == 39_998


def test_a_sum_of_many_terms() -> None:
    builder = Builder()
    x = builder.input("x")
    total = x
    for k in range(20_000):
        total = builder.add("add", total, builder.add("mul", builder.const(k + 0.5), x))
    found = path_report(builder.graph([("f", total)]), {"x": 1.5}, 0)
    assert found.count == 20_001
    assert [path.product for path in found.paths] == [19_999.5 - k for k in range(10)]
    assert found.agree


def test_many_variables() -> None:
    builder = Builder()
    nodes = [builder.input(f"x{k}") for k in range(5000)]
    total = nodes[0]
    for node in nodes[1:]:
        total = builder.add("add", total, node)
    graph = builder.graph([("f", total)])
    found = path_report(graph, {f"x{k}": 1.0 for k in range(5000)}, nodes[0])
    assert (found.count, len(found.paths[0].nodes)) == (1, 5000)
