"""The bounds that rank paths of arrays: never below the norm they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backprop_cli.engine import tensor_search
from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.lower import load, lower
from backprop_cli.engine.paths import path_report
from backprop_cli.engine.tensor_search import edge_norm

RNG = np.random.default_rng(3)
POINT = {"x": RNG.normal(size=4), "A": RNG.normal(size=(3, 4)), "S": RNG.normal(size=(3, 3))}

PROGRAMS = [
    "sin(x)", "A * x", "x + 2*A", "A @ x", "x @ x", "sum(A)", "sum(A, axis=0)", "mean(A, axis=1)",
    "A'", "A[1]", "A[:, 1:3]", "softmax(x)", "log_softmax(x)", "logsumexp(x)", "norm(x)", "max(A)",
    "prod(x)", "var(x)", "trace(S)", "det(S)", "inv(S)", "solve(S, A)", "outer(x, x)",
    "concat(x, x)", "stack(x, x)", "reshape(A, (4, 3))", "where(x > 0, x, 2)", "max(x, 0.1)",
]  # fmt: skip


def jacobian_of(sweep: Any, node: int, position: int) -> Any:
    """An edge's Jacobian, from a pullback of each unit cotangent."""
    shape = sweep.graph.shape(node)
    rows = []
    for place in np.ndindex(*shape):
        unit = np.zeros(shape)
        unit[place] = 1.0
        back = tensor_search._pull(sweep, node, position, unit)
        argument = sweep.graph.arguments(node)[position]
        rows.append(np.zeros(sweep.graph.shape(argument)) if back is None else back)
    return np.reshape(rows, (len(rows), -1))


@pytest.mark.parametrize("small", [0, 256])
@pytest.mark.parametrize("text", PROGRAMS)
def test_no_edge_is_larger_than_its_bound(
    text: str, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensor_search, "SMALL", small)
    point = {name: POINT[name] for name in load(text).variables()}
    graph = lower(load(text), {name: value.shape for name, value in point.items()})
    target = graph.outputs[0][1]
    sweep = differentiate(graph, point, target, seed=np.ones(graph.shape(target))[()])
    tested = 0
    for node in range(len(graph)):
        for position, argument in enumerate(graph.arguments(node)):
            if graph.active[argument]:
                norm = float(np.linalg.norm(jacobian_of(sweep, node, position), 2))
                assert norm <= edge_norm(sweep, node, position) * (1 + 1e-12)
                tested += 1
    assert tested


def test_a_search_that_ends_at_its_budget_says_what_is_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Loose bounds keep the search from being sure; every path is within what it says."""
    stages = "; ".join(f"a{k} = S @ a{k - 1} + U @ a{k - 1}" for k in range(1, 11))
    point = {"x": RNG.normal(size=3), "S": POINT["S"], "U": RNG.normal(size=(3, 3))}
    text = f"a0 = x; {stages}; sum(a10)"
    graph = lower(load(text), {name: value.shape for name, value in point.items()})
    every = path_report(graph, point, graph.by_name["x"], top=2000)
    norms = [float(np.linalg.norm(path.product)) for path in every.paths]
    assert len(norms) == every.count == 1024
    assert norms == sorted(norms, reverse=True)
    monkeypatch.setattr(tensor_search.search, "__defaults__", (40,))
    found = path_report(graph, point, graph.by_name["x"], top=3)
    assert len(found.paths) == 3
    assert found.agree
    assert found.open_bound is not None
    assert "budget" in found.notes[0]
    listed = {tuple(path.edges) for path in found.paths}
    for path in every.paths:
        if tuple(path.edges) not in listed:
            assert np.linalg.norm(path.product) <= found.open_bound
    exact = path_report(graph, point, graph.by_name["x"], top=3, source_index=(1,))
    best = sorted((abs(path.product[1]) for path in every.paths), reverse=True)
    if exact.open_bound is None:
        assert [abs(path.product) for path in exact.paths] == pytest.approx(best[:3])


def test_a_source_of_many_elements_is_checked_along_its_gradient() -> None:
    point = {"x": RNG.normal(size=50)}
    graph = lower(load("sum(sin(x)*x)"), {"x": (50,)})
    found = path_report(graph, point, graph.by_name["x"])
    assert found.agree
    np.testing.assert_allclose(found.sum, np.sin(point["x"]) + point["x"] * np.cos(point["x"]))


def test_infinite_partials_keep_to_their_elements() -> None:
    point = {"v": np.array([0.0, 4.0])}
    graph = lower(load("sum(sqrt(v)*v)"), {"v": (2,)})
    found = path_report(graph, point, graph.by_name["v"])
    np.testing.assert_array_equal(found.sum, [np.nan, 3.0])
    assert found.agree
