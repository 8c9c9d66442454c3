"""Exports of large arrays: loops in C, JavaScript and Python, and their linear algebra."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import strategies as own
from hypothesis import given, settings
from hypothesis import strategies as st
from render.source_code import exporting
from render.source_code.test_export import need, passes

import backprop_cli as bp
from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.export import export
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import OPERATIONS
from backprop_cli.render.source_code import targets
from backprop_cli.render.source_code.loops.affine import Affine
from backprop_cli.render.source_code.loops.function import ROWS, ArrayFunction, array_function

Shape = tuple[int, ...]
TARGETS = ("c", "javascript", "python")


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops for small arrays too."""
    monkeypatch.setattr("backprop_cli.render.source_code.loops.plan.UNROLLED", 0)


def graph_of(text: str, **shapes: Shape) -> Graph:
    return bp.parse(text).graph({name: np.ones(shape).tolist() for name, shape in shapes.items()})


def test_every_operation_has_loops() -> None:
    rows = {row.name for row in OPERATIONS if not row.elementwise}
    assert rows - {"input", "const", "sum_to"} == set(ROWS)  # sum_to is a sum by then


PROGRAMS: list[tuple[str, dict[str, Shape]]] = [
    ("sum(softmax(W @ x)[0:1]) + max(x) + norm(x) + logsumexp(W)", {"W": (2, 2), "x": (2,)}),
    ("det(A) + logdet(A @ A' + eye(3)) + sum(inv(A)*A) + trace(A)", {"A": (3, 3)}),
    ("sum(concat(x[::-1], x)*[1, 2, 3, 4, 5, 6]) + sum(cross(x, x*x))", {"x": (3,)}),
    ("sum(outer(x, x)*A.T) + sum(diag(A)*x) + sum(diag(x) @ A)", {"A": (3, 3), "x": (3,)}),
    ("sum(A[:, 0]*x) + sum(stack(x, x)[1]*x) + sum(reshape(A', 9)[2:8])", {"A": (3, 3), "x": (3,)}),
    ("sum(softmax(T, axis=1)*T) + sum(log_softmax(T, axis=0)[0])", {"T": (4, 3)}),
    ("sum(max(T, axis=0)*x) + sum(std(T, axis=0))", {"T": (4, 3), "x": (3,)}),
    ("sum(norm(T, axis=1)) + mean(T) + min(T)", {"T": (4, 3)}),
    ("sum(logsumexp(T, axis=1, keepdims=1)*T) + sum(prod(T, axis=0))", {"T": (4, 3)}),
    ("sum((T > 0)*x) + sum(where(T > x, T, x^2)) + sum(clip(T, -1, 1))", {"T": (4, 3), "x": (3,)}),
    ("sum((A' @ B)*B) + sum(A @ B') + x @ A @ B @ x", {"A": (3, 3), "B": (3, 3), "x": (3,)}),
    ("sum((C @ D)^2) + sum(C @ E)", {"C": (2, 3, 4), "D": (2, 4, 5), "E": (4, 5)}),
    ("sum(solve(M, R)*R) + sum(inv(M)) + sum(det(M))", {"M": (2, 3, 3), "R": (2, 3, 2)}),
    ("sum(u*v) + sum(u + u) + sum(u*w)", {"u": (5, 1), "v": (5, 1), "w": (1, 4)}),
    ("i = sum(x); total = 2*i + sum(k); total*sum(memory)", {"x": (3,), "k": (2,), "memory": (2,)}),
    ("sum(linspace(0, 1, 3)*x) + sum(x[0:0]) + polygamma(1, sum(x^2))", {"x": (3,)}),
    ("x[2]", {"x": (5,)}),
    ("y = 2*x; z = y'; sum(T @ z) + sum(z*y)", {"T": (4, 3), "x": (3,)}),
]  # fmt: skip


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("text", "shapes"), PROGRAMS, ids=lambda p: str(p)[:20])
def test_programs(text: str, shapes: dict[str, Shape], target: str) -> None:
    need(target)
    graph = graph_of(text, **shapes)
    made, _ = targets.written(graph, graph.output(), None, target)
    assert isinstance(made, ArrayFunction)
    passes(graph, target)


LARGE: list[tuple[str, dict[str, Shape]]] = [
    ("b @ solve(A, b) + sum(inv(A)*A') + logdet(A @ A' + eye(12))", {"A": (12, 12), "b": (12,)}),
    ("det(A)", {"A": (30, 30)}),
    ("cross_entropy(W @ tanh(V @ x + b), softmax(y))",
     {"W": (10, 64), "V": (64, 20), "x": (20,), "b": (64,), "y": (10,)}),
    ("bce_logits(X @ w + c, y) + 0.1*sum(w^2)", {"X": (200, 20), "w": (20,), "c": (), "y": (200,)}),
    ("sum((A @ B)^2)", {"A": (100, 100), "B": (100, 100)}),
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("text", "shapes"), LARGE, ids=lambda p: str(p)[:20])
def test_large_programs_stay_short(text: str, shapes: dict[str, Shape], target: str) -> None:
    need(target)
    graph = graph_of(text, **shapes)
    _, layout = targets.written(graph, graph.output(), None, target)
    assert layout.code.count("\n") < 250
    if target != "python" or "A @ B" not in text:  # slow there
        passes(graph, target)


@settings(max_examples=60)
@given(st.data())
def test_random_programs(data: st.DataObject) -> None:
    graph = data.draw(own.tensor_graphs())
    point = data.draw(own.points(graph))
    sweep = differentiate(graph, point)
    wanted = [x for v in (sweep.value, *sweep.gradient.values()) for x in np.ravel(v)]
    if graph.is_scalar or not np.all(np.isfinite(wanted)):
        return
    module = targets.module_of("python")
    made = array_function(export(graph, graph.outputs[0][1]), module.LANGUAGE, "f")
    call = exporting.function(module.layout(made).code)
    found = exporting.flat(
        call(*(np.asarray(point[graph.names[i]]).tolist() for i in graph.inputs))
    )
    scale = max(map(abs, wanted)) + 1
    np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-10 * scale)


def run(text: str, **values: Any) -> list[float]:
    """Value and gradient of a program in Python, with loops."""
    graph = bp.parse(text).graph(values)
    module = targets.module_of("python")
    made = array_function(export(graph, graph.output()), module.LANGUAGE, "f")
    return exporting.flat(exporting.function(module.layout(made).code)(*values.values()))


def test_singular_matrices() -> None:
    singular = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]
    exact = [-3, 6, -3, 6, -12, 6, -3, 6, -3]
    np.testing.assert_allclose(run("det(A)", A=singular), [0, *exact], atol=1e-12)
    zero_column = [[0.0, 1.0], [0.0, 2.0]]
    np.testing.assert_allclose(run("det(A)", A=zero_column), [0, 2, 0, -1, 0], atol=1e-14)
    assert run("det(A)", A=[[0.0, 0.0], [0.0, 0.0]]) == [0.0] * 5
    assert np.isnan(run("sum(inv(A))", A=zero_column)[0])
    assert run("logdet(A)", A=zero_column)[0] == -np.inf
    assert np.isnan(run("logdet(A)", A=[[0.0, 1.0], [1.0, 0.0]])[0])
    assert run("logdet(A)", A=[[0.0, -2.0], [1.0, 0.0]])[0] == pytest.approx(np.log(2))


def test_affine_indices() -> None:
    i, j = Affine.of("i"), Affine.of("j")
    assert f"{i.times(-1) + Affine((), 4)}" == "4 - i"
    assert f"{i.times(3) + j.times(-2) + Affine((), -1)}" == "3 * i - 2 * j - 1"
