"""Programs by index, rolled up into slices: the same values, derivatives and Hessians."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import backprop_cli as bp
from backprop_cli.engine import directional, hessian_product
from backprop_cli.engine import hessian as hessians
from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.transform.gathering import Irregular, gathered
from backprop_cli.transform.rolled import rolled

N = 120
MATRIX = (N, N)
PROGRAMS = {
    "sum(i=0..n-2, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)": 20,
    "sum(i=1..n-1, x[0]*x[i]^2 + sin(x[i]))": 20,
    "sum(i=0..n-3, (x[i+2] - 2*x[i+1] + x[i])^2) + sum(i=0..n-1, i*exp(x[i]))": 24,
    "sum(i=0..n-2, (x[i+1]^2 - x[i]^2)^3)": 16,
    "sum(i=0..n/2-1, x[2*i]*exp(x[n-1-2*i]))": 16,
    "sum(i=0..n-1, 0.5^i*x[i]^i) + sum(i=0..n-1, x[i]^3)": 150,
    "log(sum(i=0..9, exp(sum(j=0..n-1, A[i,j]*x[j]))))": 20,
    "sum(i=0..19, tanh(1 + sum(j=0..9, A[j,i]*x[j]))^2)": 40,
    "sum(i=0..18, sum(j=0..18, (A[i+1,j] - A[i,j])^2*(A[i,j+1] - A[i,j])^2))": 40,
    "sum(i=0..n-9, sum(k=0..7, x[i+k]*A[0,k])^2)": 40,
    "sum(i=0..19, sum(j=0..19, where(x[i] > x[j], x[i]*A[i,j], sin(x[j]))))": 40,
    "s = sum(i=0..n-1, x[i]); sum(i=0..n-1, (x[i] - s/n)^2*max(x[i], s))": 30,
    "sum(i=0..38, sum(j=i+1..39, (x[i] - x[j])^2*exp(x[i]*x[j])))": 180,
    "B = A + eye(n); sum(i=0..n-2, (B[i,i] - B[i,i+1])^2) + sum(arange(n)*x)": 40,
    "y = A @ x; sum(i=0..n-2, y[i]*y[i+1]^2 + 3)": 24,
}


def bound(text: str) -> tuple[Graph, dict[str, Any]]:
    random = np.random.default_rng(4)
    values = {"x": random.normal(size=N), "A": random.normal(size=MATRIX), "n": N}
    point = {name: values[name] for name in re.findall(r"\b[xAn]\b", text)}
    made = bp.parse(text)._at(None, point)
    return made.graph, {k: np.asarray(v, dtype=float) for k, v in made.point.items()}


@pytest.mark.parametrize("text", PROGRAMS)
def test_the_same_function_in_fewer_nodes(text: str) -> None:
    graph, point = bound(text)
    output = graph.outputs[0][1]
    found = rolled(graph, [output])
    assert found is not None
    assert len(found.graph) <= min(PROGRAMS[text], len(graph) // 4)
    ours = differentiate(found.graph, point, found.place[output])
    wanted = differentiate(graph, point, output)
    assert ours.value == pytest.approx(wanted.value, rel=1e-12)
    for i in graph.inputs:
        scale = np.abs(wanted.gradient[i]).max()
        np.testing.assert_allclose(
            ours.gradient[found.place[i]], wanted.gradient[i], rtol=1e-9, atol=1e-12 * scale
        )


@pytest.mark.parametrize("text", PROGRAMS)
def test_hessians_and_products_are_those_of_the_program_as_written(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, point = bound(text)
    output, x = graph.outputs[0][1], graph.by_name.get("x", graph.inputs[0])
    wrt = [x] if graph.shape(x) == (N,) else graph.inputs[:0]
    direction = {i: np.random.default_rng(5).normal(size=graph.shape(i)) for i in wrt}
    ours = hessians.hessian(graph, point, output, wrt)
    products = [
        hessian_product.hvp(graph, point, output, direction, wrt),
        directional.jvp(graph, point, direction, [("", output)]),
        directional.vjp(graph, point, output, 2.0, wrt),
    ]
    for module in (hessians, hessian_product, directional):
        monkeypatch.setattr(module, "on_arrays", lambda *_: None)
    wanted = hessians.hessian(graph, point, output, wrt)
    scale = max(1.0, np.abs(wanted.matrix).max(initial=0.0))
    np.testing.assert_allclose(ours.matrix, wanted.matrix, rtol=1e-9, atol=1e-12 * scale)
    assert (ours.nonzeros, ours.wrt, ours.graph) == (wanted.nonzeros, wanted.wrt, graph)
    assert ours.warnings == wanted.warnings
    again = [
        hessian_product.hvp(graph, point, output, direction, wrt),
        directional.jvp(graph, point, direction, [("", output)]),
        directional.vjp(graph, point, output, 2.0, wrt),
    ]
    for product, other in zip(products, again, strict=True):
        assert list(product.parts) == list(other.parts)
        for i, part in product.parts.items():
            np.testing.assert_allclose(part, other.parts[i], rtol=1e-9, atol=1e-10 * scale)


def test_what_is_flagged_is_said_of_the_program_as_written() -> None:
    found = bp.parse("sum(i=0..59, x[i]^1.5)").hessian
    at = np.linspace(0.0, 1.0, 60)
    assert found(x=at)["x"]["x"][0, 0] == np.inf
    bound_ = bp.parse("sum(i=0..59, (i + 1)*relu(x[i])^2) + sum(i=0..59, exp(x[i]*i/60))")._at(
        None, {"x": at}
    )
    result = hessians.hessian(bound_.graph, bound_.point, bound_.graph.outputs[0][1])
    assert rolled(bound_.graph) is not None
    assert [(w.kind, w.message) for w in result.warnings] == [
        ("kink", "relu has a kink at 0; the derivative is taken as 0: relu(x[i])")
    ]


EDGES = {
    "sum(i=0..n-1, i*sqrt(x[i]) + x[i]^2)": [],
    "sum(i=0..n-1, x[i]^i + exp(x[i]))": [],
    "sum(i=0..n-1, where(i > 0, x[i]*log(x[i]), 0) + exp(x[i]))": [],
    "sum(i=0..n-1, where(x[i] > 0, x[i]*log(x[i]), 0) + exp(x[i]))": ["jump"],
    "sum(i=0..n-1, xlogy(x[i], x[i]) + x[i]^2)": ["non-finite", "non-finite"],
    "norm([x[0], x[0]]) + sum(i=1..n-1, x[i]^3 + 2*x[i])": ["kink"],
}


@pytest.mark.parametrize("text", EDGES)
def test_the_conventions_hold_element_by_element(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At x[0] = 0, where an edge does not exist or a choice is made."""
    made = bp.parse(text)._at(None, {"x": np.linspace(0.0, 1.0, N), "n": N})
    graph, output = made.graph, made.graph.outputs[0][1]
    assert rolled(graph, [output]) is not None
    ours = hessians.hessian(graph, made.point, output)
    assert [w.kind for w in ours.warnings] == EDGES[text]
    monkeypatch.setattr(hessians, "on_arrays", lambda *_: None)
    wanted = hessians.hessian(graph, made.point, output)
    np.testing.assert_allclose(ours.matrix, wanted.matrix, rtol=1e-9, atol=1e-12)
    assert ours.warnings == wanted.warnings


def test_programs_that_stay_as_they_are() -> None:
    """Short ones, ones of long recurrences, and ones of no regular order."""
    assert rolled(bp.parse("x^2 + sin(x)").graph()) is None
    recurrence = "y = 1\n" + "\n".join(f"y{k} = sin(y{k - 1}*x)" for k in range(1, 400))
    assert rolled(bp.parse(recurrence.replace("y0", "y")).graph()) is None
    places = np.random.default_rng(6).permutation(N)
    terms = " + ".join(
        f"x[{i}]*exp(x[{j}])*y[{places[k]}]"
        for k, (i, j) in enumerate(zip(places, places[::-1], strict=True))
    )
    assert rolled(bp.parse(f"({terms})^2").graph(x=np.ones(N), y=np.ones(N))) is None


@given(st.data())
def test_gathered_elements(data: st.DataObject) -> None:
    """Runs, repeated, spread, in rows, or joined: the elements in their order, or a refusal."""
    size = data.draw(st.integers(1, 24))
    first, step = data.draw(st.integers(0, size - 1)), data.draw(st.integers(-3, 3))
    row, height = data.draw(st.integers(-6, 6)), data.draw(st.integers(1, 4))
    run = [first + k * step for k in range(data.draw(st.integers(1, 6)))]
    places = [place + k * row for k in range(height) for place in run]
    places = [place % size for place in places + data.draw(st.sampled_from([[], [0], run]))]
    builder = Builder()
    x = builder.input("x", (size,))
    try:
        node = gathered(builder, x, places)
    except Irregular:
        return
    graph = builder.graph([(None, node)])
    values = np.random.default_rng(7).normal(size=size)
    found = evaluate(graph, {"x": values}, "numpy").value
    wanted = values[places]
    np.testing.assert_array_equal(np.broadcast_to(found, wanted.shape), wanted)
