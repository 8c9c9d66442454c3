"""Scalar paths against every path one by one: counts, sums, rankings, work."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from path_oracle import TAME, VALUES, every_path, random_graph, rank
from strategies import edge_values, ordinary, scalar_graphs

from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.lower import load, lower
from backprop_cli.engine.paths import PathReport, path_report, paths
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph


def report(text: str, source: str, **options: Any) -> PathReport:
    point = {k: v for k, v in options.items() if len(k) == 1}
    rest = {k: v for k, v in options.items() if len(k) > 1}
    graph = lower(load(text), {}, point)
    for key in ("target", "through"):
        if key in rest:
            rest[key] = graph.find(rest[key])
    node = graph.find(source)
    assert node is not None
    return path_report(graph, point, node, **rest)


def check(graph: Graph, point: dict[str, float], source: int, through: int | None, k: int) -> None:
    """A report says what going through every path says."""
    target = graph.outputs[0][1]
    sweep = differentiate(graph, point, target, [source, *set(graph.inputs) - {source}])
    every = every_path(sweep, source, target) if source <= target else []
    if through not in (None, source):
        every = [edges for edges in every if any(node == through for node, _, _ in edges)]
    found = path_report(graph, point, source, target, through=through, top=k)
    assert found.count == len(every)
    ranks = [rank(_steps(path.edges, path.partials)) for path in found.paths]
    assert ranks == sorted(map(rank, every))[:k]
    places = [tuple(path.edges) for path in found.paths]
    assert len(set(places)) == len(places)
    assert set(places) <= {tuple((n, p) for n, p, _ in edges) for edges in every}
    steps = sum(max(len(edges) - 1, 0) for edges in every)
    assert found.enumeration.multiplications.exact == steps
    assert found.enumeration.additions.exact == max(len(every) - 1, 0)
    _check_sum(found, [rank(edges)[0] for edges in every], [_product(edges) for edges in every])
    ranged = any("range of floats" in note for note in found.notes)
    assert found.agree or ranged or (through is not None and not math.isfinite(found.sum))


def _steps(edges: list[tuple[int, int]], partials: list[float]) -> list[tuple[int, int, float]]:
    return [(n, p, slope) for (n, p), slope in zip(edges, partials, strict=True)]


def _product(edges: list[tuple[int, int, float]]) -> Fraction:
    finite = [slope if math.isfinite(slope) else 0.0 for _, _, slope in edges]
    return math.prod(map(Fraction, finite), start=Fraction(1))


def _check_sum(found: PathReport, kinds: list[int], products: list[Fraction]) -> None:
    if 0 in kinds:
        assert math.isnan(found.sum)
    elif 1 in kinds:
        assert not math.isfinite(found.sum)
    else:
        size = sum(map(abs, products), Fraction(0))
        if size < Fraction(10) ** 300:
            error = abs(Fraction(found.sum) - sum(products, Fraction(0)))
            assert error <= size / 10**13 + Fraction(1, 10**305)
            assert found.cancellation.positive is not None
            assert found.cancellation.negative is not None
            whole = Fraction(found.cancellation.positive) - Fraction(found.cancellation.negative)
            assert abs(whole - size) <= size / 10**13 + Fraction(1, 10**305)


@pytest.mark.parametrize("start", range(0, 600, 50))
def test_random_graphs_agree_with_every_path(start: int) -> None:
    for seed in range(start, start + 50):
        rng = random.Random(seed)
        graph, point = random_graph(rng, rng.randint(1, 14), VALUES if seed % 2 else TAME)
        source = rng.choice([0, 0, 1, 2, rng.randrange(len(graph))])
        through = None if rng.random() < 0.6 else rng.randrange(len(graph))
        check(graph, point, source, through, rng.choice([1, 2, 3, 10, 1000]))


@given(graph=scalar_graphs(size=12), values=st.lists(edge_values(), min_size=3, max_size=3))
def test_every_operation_at_edge_values(graph: Graph, values: list[float]) -> None:
    point = dict(zip(("x0", "x1", "x2"), values, strict=True))
    check(graph, point, graph.inputs[0], None, 5)


@given(graph=scalar_graphs(size=12), values=st.lists(ordinary(), min_size=3, max_size=3))
def test_the_sum_is_the_gradient(graph: Graph, values: list[float]) -> None:
    point = dict(zip(("x0", "x1", "x2"), values, strict=True))
    sweep = differentiate(graph, point)
    for node in graph.inputs:
        found = paths(sweep, node, graph.outputs[0][1])
        assert found.agree or not math.isfinite(found.sum) or found.notes
        assert found.gradient == sweep.gradient[node] or math.isnan(found.gradient)


def test_the_readme_example() -> None:
    found = report("x*y+sin(x)", "x", x=1.0, y=2.0)
    assert [path.product for path in found.paths] == [2.0, math.cos(1.0)]
    assert [path.partials for path in found.paths] == [[2.0, 1.0], [math.cos(1.0), 1.0]]
    assert found.count == 2
    assert found.count_log10 == pytest.approx(math.log10(2))
    assert found.sum == found.gradient == found.listed_sum == 2.0 + math.cos(1.0)
    assert found.agree
    assert found.paths[0].share == pytest.approx(2 / found.sum)
    assert (found.from_, found.to, found.notes) == ("x", "v3", [])


def test_both_edges_of_a_square_are_paths() -> None:
    found = report("x*x", "x", x=3.0)
    assert [path.edges for path in found.paths] == [[(1, 0)], [(1, 1)]]
    assert [path.product for path in found.paths] == [3.0, 3.0]


def test_a_node_has_one_path_of_no_edges_to_itself() -> None:
    found = report("a = x*x; a + 1", "a", target="a", x=3.0)
    assert (found.count, found.sum, found.gradient, found.agree) == (1, 1.0, 1.0, True)
    assert found.paths[0].product == 1.0
    assert found.paths[0].edges == []
    assert found.cost["enumeration"]["multiplications"] == 0


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("where(x > 5, x, y)", "no path leads from 'x' to 'v2' at this point"),
        ("relu(-x) + y", "no path leads from 'x' to 'v3' at this point"),
        ("y + 0*x", "no path leads from 'x' to 'v2' at this point"),
        ("floor(x) + y", "no path leads from 'x' to 'v2' at this point"),
        ("a = x; y*y", "no path leads from 'x' to 'v1'"),
    ],
)
def test_edges_that_do_not_exist_are_on_no_path(text: str, note: str) -> None:
    found = report(text, "x", x=2.0, y=3.0)
    assert (found.count, found.sum, found.gradient, found.agree) == (0, 0.0, 0.0, True)
    assert found.count_log10 is None
    assert found.paths == []
    assert found.notes[0].startswith(note)
    assert ("at this point" in found.notes[0]) == ("at this point" in note)


def test_through_a_node() -> None:
    found = report("c = a + b; d = b + 1; c*d", "b", through="d", a=2.0, b=1.0)
    assert (found.count, found.sum, found.gradient, found.total_gradient) == (1, 3.0, 3.0, 5.0)
    assert found.agree
    assert found.through_label == "d"
    other = report("c = a + b; d = b + 1; c*d", "b", through="a", a=2.0, b=1.0)
    assert (other.count, other.sum, other.gradient, other.agree) == (0, 0.0, 0.0, True)
    assert "through 'a'" in other.notes[0]


def test_cancellation() -> None:
    found = report("exp(x) - x - 1", "x", x=1e-8)
    loss = found.cancellation
    assert loss.positive == pytest.approx(1.0)
    assert loss.negative == pytest.approx(-1.0)
    assert loss.condition == pytest.approx(2e8, rel=1e-6)
    assert report("x - x", "x", x=1.0).cancellation.condition == math.inf


def test_the_work_of_both_ways() -> None:
    found = report("c = a + b; d = b + 1; c*d", "b", a=2.0, b=1.0)
    assert found.cost == {
        "enumeration": {
            "multiplications": 2,
            "multiplications_log10": math.log10(2),
            "additions": 1,
            "additions_log10": 0.0,
        },
        "backpropagation": {
            "multiplications": 2,
            "multiplications_log10": math.log10(2),
            "additions": 1,
            "additions_log10": 0.0,
        },
    }


def test_how_many_are_listed() -> None:
    text = "a = x + x; b = a + a; c = b + b; c"
    assert len(report(text, "x", x=1.0).paths) == 8
    assert len(report(text, "x", x=1.0, top=3).paths) == 3
    assert len(report(text, "x", x=1.0, top=3, limit=5).paths) == 5
    assert report(text, "x", x=1.0, top=0).paths == []
    assert report(text, "x", x=1.0, top=0).count == 8


def test_products_out_of_range_are_summed_all_the_same() -> None:
    found = report("a = x*1e-200; b = a*1e-200; c = b*1e300; c*1e300", "x", x=1.0)
    assert found.paths[0].product == pytest.approx(1e200)
    assert found.sum == pytest.approx(1e200)
    assert "range of floats" in found.notes[0]


def test_infinite_and_missing_products() -> None:
    found = report("sqrt(x)*y + x", "x", x=0.0, y=2.0)
    assert [path.product for path in found.paths] == [math.inf, 1.0]
    assert found.sum == found.gradient == found.listed_sum == math.inf
    assert found.agree
    assert [path.share for path in found.paths] == [None, None]
    assert found.cancellation == (None, None, None)
    none = report("x*sqrt(x)", "x", x=0.0)
    assert math.isnan(none.sum)
    assert math.isnan(none.listed_sum)
    assert none.agree


def test_the_maximum_of_many() -> None:
    builder = Builder()
    names = [f"x{k}" for k in range(40)]
    nodes = [builder.input(name) for name in names]
    graph = builder.graph([("f", builder.add("maximum", *nodes))])
    found = path_report(graph, dict.fromkeys(names, 1.0), nodes[3], graph.outputs[0][1])
    assert [path.product for path in found.paths] == [1 / 40]


def test_a_scalar_program_on_the_numpy_backend() -> None:
    found = path_report(lower(load("x*y/x + 1/(x - 1)")), {"x": 1.0, "y": 2.0}, 0, backend="numpy")
    assert found.sum == -math.inf
    assert found.agree
