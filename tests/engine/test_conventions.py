"""Every row of the conventions, in every mode and backend, with its warning."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest

from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.engine.lower import load, lower
from backprop_cli.ir.graph import Graph
from backprop_cli.transform.forward import forward
from backprop_cli.transform.reverse import reverse

inf, nan = math.inf, math.nan
CHOICES = {"kink", "jump", "domain", "non-finite"}


class Row(NamedTuple):
    """A program at a point, what it gives there, and what the user is told."""

    text: str
    point: dict[str, Any]
    value: Any
    gradient: dict[str, Any]
    flagged: str = ""  # a kind of warning, 'yes' for any of them, '' for none
    help: str = ""  # what one of the messages must name
    forward: Any = None  # what forward mode gives for x, where IEEE does not distribute


def unary(text: str, x: float, value: float, slope: float, flagged: str = "", help: str = "",
          forward: Any = None) -> Row:  # fmt: skip
    return Row(text, {"x": x}, value, {"x": slope}, flagged, help, forward)


def binary(text: str, x: float, y: float, value: float, slopes: tuple[float, float],
           flagged: str = "", help: str = "") -> Row:  # fmt: skip
    return Row(text, {"x": x, "y": y}, value, {"x": slopes[0], "y": slopes[1]}, flagged, help)


def both_zeros(text: str, value: float, slope: float, flagged: str = "", help: str = "",
               forward: Any = None) -> list[Row]:  # fmt: skip
    return [unary(text, zero, value, slope, flagged, help, forward) for zero in (0.0, -0.0)]


def vector(text: str, x: list[float], value: Any, slope: Any, flagged: str = "",
           help: str = "") -> Row:  # fmt: skip
    return Row(text, {"x": np.array(x)}, value, {"x": slope}, flagged, help)


BIG = 1000.0
ROWS: list[Row] = [
    *both_zeros("abs(x)", 0, 0, "kink", "[-1, 1]"),
    *(row for op in ("sign", "floor", "ceil", "round") for row in (
        unary(f"{op}(x)", 0.3, {"sign": 1, "ceil": 1}.get(op, 0), 0),
        unary(f"{op}(x)", {"round": 0.5}.get(op, 0.0), 0, 0, "jump"))),
    unary("round(x)", -0.5, 0, 0, "jump"),
    unary("round(x)", 2.0, 2, 0),
    unary("floor(x)", 2.0, 2, 0, "jump"),
    unary("ceil(x)", -3.0, -3, 0, "jump"),
    unary("heaviside(x)", 0.0, 0.5, 0, "jump"),
    *(binary(f"x {op} y", 1.0, 1.0, value, (0, 0), "jump")
      for op, value in (("<", 0), ("<=", 1), (">", 0), (">=", 1), ("==", 1), ("!=", 0))),
    binary("x < y", 1.0, 2.0, 1, (0, 0)),
    *both_zeros("relu(x)", 0, 0, "kink"),
    binary("max(x, y)", 2.0, 2.0, 2, (0.5, 0.5), "kink"),
    binary("min(x, y)", 2.0, 2.0, 2, (0.5, 0.5), "kink"),
    Row("max(x, y, z)", {"x": 2.0, "y": 2.0, "z": 2.0}, 2,
        {"x": 1 / 3, "y": 1 / 3, "z": 1 / 3}, "kink"),
    Row("max(x, y, z)", {"x": 2.0, "y": 1.0, "z": 2.0}, 2, {"x": 0.5, "y": 0, "z": 0.5}, "kink"),
    *both_zeros("max(x, 0)", 0, 0.5, "kink", "relu"),
    vector("max(x)", [3.0, 1.0, 3.0], 3, [0.5, 0, 0.5], "kink"),
    vector("min(x)", [1.0, 1.0, 3.0], 1, [0.5, 0.5, 0], "kink"),
    unary("relu(x)", nan, nan, nan, "yes"),
    binary("max(x, y)", nan, 1.0, nan, (nan, nan), "yes"),
    binary("min(x, y)", 1.0, nan, nan, (nan, nan), "yes"),
    unary("clip(x, -1, 1)", 1.0, 1, 0, "kink"),
    unary("clip(x, -1, 1)", -1.0, -1, 0, "kink"),
    unary("clip(x, -1, 1)", 0.5, 0.5, 1),
    Row("clip(x, y, 2)", {"x": 1.0, "y": 1.0}, 1, {"x": 0, "y": 0}, "kink"),
    Row("clip(x, 0, y)", {"x": 1.0, "y": 1.0}, 1, {"x": 0, "y": 0}, "kink"),
    Row("clip(x, 3, y)", {"x": 1.0, "y": 2.0}, 2, {"x": 0, "y": 1}),
    *both_zeros("leaky_relu(x)", 0, 0.01, "kink"),
    *both_zeros("leaky_relu(x, 0.2)", 0, 0.2, "kink"),
    *both_zeros("sqrt(x)", 0, inf, "yes"),
    *both_zeros("cbrt(x)", 0, inf, "yes"),
    *both_zeros("sqrt(x^2)", 0, nan, "yes", "0 × inf"),
    *both_zeros("where(x >= 0, sqrt(x^2), 0)", 0, nan, "yes", "0 × inf"),
    vector("norm(x)", [0.0, 0.0], 0, [0, 0], "kink"),
    vector("std(x)", [2.0, 2.0], 0, [0, 0], "kink"),
    binary("hypot(x, y)", 0.0, 0.0, 0, (0, 0), "kink"),
    vector("norm(x)^2", [0.0, 0.0], 0, [0, 0]),
    *both_zeros("log(x)", -inf, inf, "yes"),
    *both_zeros("log2(x)", -inf, inf, "yes"),
    *both_zeros("log10(x)", -inf, inf, "yes"),
    unary("log1p(x)", -1.0, -inf, inf, "yes"),
    *(unary(f"{op}(x)", x, nan, nan, "domain") for op, x in (
        ("log", -1.0), ("log2", -1.0), ("log10", -1.0), ("log1p", -2.0), ("sqrt", -1.0),
        ("asin", 2.0), ("acos", -2.0), ("acosh", 0.0), ("atanh", 2.0))),
    unary("1/x", 0.0, inf, -inf, "yes"),
    unary("reciprocal(x)", 0.0, inf, -inf, "yes"),
    binary("x/y", 1.0, 0.0, inf, (inf, -inf), "yes"),
    unary("x/x", 0.0, nan, nan, "yes"),
    unary("sin(x)/x", 0.0, nan, nan, "yes", "sinc"),
    *both_zeros("sinc(x)", 1, 0),
    binary("x^y", 0.0, 0.0, 1, (0, 0), "yes"),
    binary("x^y", 0.0, 1.0, 0, (1, 0)),
    binary("x^y", 0.0, 2.0, 0, (0, 0)),
    binary("x^y", 0.0, 0.5, 0, (inf, 0), "yes"),
    binary("x^y", 0.0, -1.0, inf, (-inf, -inf), "yes"),
    binary("x^y", -2.0, 3.0, -8, (12, nan), "yes"),
    unary("x^3", -2.0, -8, 12),
    unary("x^2", -3.0, 9, -6),
    unary("x^0", 0.0, 1, 0),
    unary("x^0", inf, 1, 0),
    unary("x^0", nan, 1, 0),
    unary("x^-1", -2.0, -0.5, -0.25),
    unary("x^(1/3)", -8.0, nan, nan, "yes", "cbrt"),
    *both_zeros("where(x > 0, log(x), 0)", 0, 0),
    *both_zeros("where(x > 0, sqrt(sin(sqrt(x))), x)", 0, 1),
    unary("where(x < 2000, x, exp(x))", BIG, BIG, 1),
    unary("relu(log(x))", 0.0, 0, 0),
    unary("max(log(x), 0)", 0.0, 0, 0),
    vector("sqrt(x)[1]", [0.0, 4.0], 2, [0, 0.25]),
    unary("s = sqrt(x); where(x > 0, s, 0) + s", 0.0, 0, inf, "yes"),
    *both_zeros("0 * sqrt(x)", 0, 0),
    *both_zeros("sqrt(x) * 0", 0, 0),
    *both_zeros("x * sqrt(x)", 0, nan, "yes", "x^1.5"),
    *both_zeros("sqrt(x - x)", 0, nan, "yes"),
    # 2 - 1 = 1 is found before the infinite partial, and 1 × inf is inf
    *both_zeros("sqrt(2*x - x)", 0, nan, "yes", forward=inf),
    unary("softplus(x)", BIG, BIG, 1),
    unary("softplus(x)", -BIG, 0, 0),
    unary("sigmoid(x)", BIG, 1, 0),
    unary("sigmoid(x)", -BIG, 0, 0),
    unary("log_sigmoid(x)", BIG, 0, 0),
    unary("log_sigmoid(x)", -BIG, -BIG, 1),
    vector("logsumexp(x)", [BIG, 0.0], BIG, [1, 0]),
    vector("logsumexp(x)", [-BIG, -BIG], -BIG + math.log(2), [0.5, 0.5]),
    binary("logaddexp(x, y)", BIG, -BIG, BIG, (1, 0)),
    binary("logaddexp(x, y)", -BIG, -BIG, -BIG + math.log(2), (0.5, 0.5)),
    vector("softmax(x)[0]", [BIG, -BIG], 1, [0, 0]),
    vector("log_softmax(x)[1]", [BIG, 0.0], -BIG, [-1, 1]),
    unary("expm1(x)", -BIG, -1, 0),
    unary("expm1(x)", BIG, inf, inf, "yes"),
    unary("log1p(x)", BIG, math.log1p(BIG), 1 / 1001),
    unary("log(1 + exp(x))", BIG, inf, nan, "yes", "softplus"),
    unary("1/(1 + exp(x))", BIG, 0, nan, "yes", "sigmoid"),
    unary("exp(x) - 1", 1e-12, math.exp(1e-12) - 1, math.exp(1e-12), "", "expm1"),
    unary("log(1 + x)", 1e-12, math.log(1 + 1e-12), 1 / (1 + 1e-12), "", "log1p"),
    vector("log(sum(exp(x)))", [BIG, 0.0], inf, [nan, 0], "yes", "logsumexp"),
    unary("x*log(x)", 0.0, nan, nan, "yes", "xlogy"),
    binary("xlogy(x, y)", 0.0, 0.0, 0, (-inf, 0), "yes"),
    binary("atan2(x, y)", 0.0, 0.0, 0, (nan, nan), "yes"),
    unary("asin(x)", 1.0, math.pi / 2, inf, "yes"),
    unary("asin(x)", -1.0, -math.pi / 2, inf, "yes"),
    unary("acos(x)", 1.0, 0, -inf, "yes"),
    unary("acosh(x)", 1.0, 0, inf, "yes"),
    unary("atanh(x)", 1.0, inf, inf, "yes"),
    unary("atanh(x)", -1.0, -inf, inf, "yes"),
    vector("prod(x)", [0.0, 2.0, 3.0], 0, [6, 0, 0]),
    vector("prod(x)", [0.0, 2.0, 0.0], 0, [0, 0, 0]),
    binary("x % y", 4.0, 2.0, 0, (1, -2), "jump"),
    binary("x % y", -6.0, 4.0, 2, (1, 2)),
    Row("det(A)", {"A": np.array([[1.0, 2.0], [2.0, 4.0]])}, 0, {"A": [[4, -2], [-2, 1]]}),
    Row("det(A)", {"A": np.zeros((3, 3))}, 0, {"A": np.zeros((3, 3))}),
    Row("det(A)", {"A": np.outer([1.0, 2.0, 3.0], [1.0, 0.0, 1.0])}, 0, {"A": np.zeros((3, 3))}),
    Row("det(A)", {"A": np.diag([2.0, 3.0, 0.0])}, 0, {"A": np.diag([0, 0, 6.0])}),
    Row("stop_grad(x) * y", {"x": 3.0, "y": 2.0}, 6, {"x": 0, "y": 3}),
]  # fmt: skip


def label(row: Row) -> str:
    at = ",".join(f"{k}={np.asarray(v).tolist()}" for k, v in row.point.items())
    return f"{row.text} at {at}".replace(" ", "")


def graph_of(row: Row) -> Graph:
    return lower(load(row.text), {name: np.shape(v) for name, v in row.point.items()})


def backends(graph: Graph) -> tuple[str, ...]:
    return ("python", "numpy") if graph.is_scalar else ("numpy",)


def agree(found: Any, wanted: Any, what: str) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-14, err_msg=what)


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_numeric_sweep(row: Row) -> None:
    graph = graph_of(row)
    for backend in backends(graph):
        sweep = differentiate(graph, row.point, backend=backend)
        agree(sweep.value, row.value, f"value, {backend}")
        for node, found in sweep.gradient.items():
            agree(found, row.gradient[graph.names[node]], f"{graph.names[node]}, {backend}")
        kinds = {warning.kind for warning in sweep.warnings}
        messages = [warning.message for warning in sweep.warnings]
        if row.flagged in ("", "yes"):
            assert bool(kinds & CHOICES) == bool(row.flagged), messages
        else:
            assert row.flagged in kinds, messages
        assert row.help in " ".join(messages), messages


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_reverse_transform(row: Row) -> None:
    """The adjoint graph, evaluated by each backend."""
    graph = graph_of(row)
    once = reverse(graph)
    for backend in backends(once.graph):
        values = evaluate(once.graph, row.point, backend).values
        for node, adjoint in once.gradient.items():
            name = graph.names[node]
            agree(values[adjoint], row.gradient[name], f"{name}, {backend}")


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_forward_transform(row: Row) -> None:
    """The tangent graph of one variable at a time, evaluated by each backend."""
    graph = graph_of(row)
    for node in graph.inputs:
        name = graph.names[node]
        along = forward(graph, {node: "tangent"})
        top = along.tangents[graph.outputs[0][1]]
        wanted = row.gradient[name] if row.forward is None else row.forward
        if graph.shape(node):
            # a zero in the direction is a value, and meets the infinite as one
            if not np.all(np.isfinite(wanted)):
                continue
            direction = np.linspace(1.0, 2.0, np.size(row.point[name])).reshape(graph.shape(node))
            wanted = np.sum(np.asarray(wanted) * direction)
        else:
            direction = 1.0
        for backend in backends(along.graph):
            values = evaluate(along.graph, row.point | {"tangent": direction}, backend).values
            agree(values[top], wanted, f"{name}, {backend}")


def test_second_order_of_det_of_a_singular_matrix() -> None:
    """First order exact, second order nan: the pullback of the cofactors needs the inverse."""
    graph = lower(load("det(A)"), {"A": (2, 2)})
    point = {"A": np.array([[1.0, 2.0], [2.0, 4.0]])}
    once = reverse(graph)
    node = once.gradient[graph.inputs[0]]
    sweep = differentiate(once.graph, point, node)
    assert np.isnan(sweep.gradient[graph.inputs[0]]).all()
    assert {w.kind for w in sweep.warnings} & CHOICES


def test_a_warning_has_its_place() -> None:
    graph = lower(load("y + abs(x)"))
    (warning,) = differentiate(graph, {"x": 0.0, "y": 1.0}).warnings
    assert warning.span is not None
    assert graph.source[warning.span.start : warning.span.end] == "abs(x)"


def test_an_undefined_choice_that_nothing_reaches_is_not_flagged() -> None:
    """A kink on a path that does not exist, or whose adjoint is 0, is no choice."""
    for text in ("where(x < 0, abs(x), x)", "abs(x)^2", "relu(x)^2", "max(x, 0)^2"):
        graph = lower(load(text))
        for backend in ("python", "numpy"):
            warnings = differentiate(graph, {"x": 0.0}, backend=backend).warnings
            assert not {w.kind for w in warnings} & CHOICES, text


def test_ties_of_a_reduction_are_flagged_where_they_are_reached() -> None:
    x = np.array([[1.0, 1.0], [1.0, 2.0]])
    for text, kinds in (
        ("max(x, axis=1)[0]", ["kink"]),
        ("max(x, axis=1)[1]", []),
        ("norm(x - 1, axis=0)[0]", ["kink"]),
        ("norm(x - 1, axis=0)[1]", []),
    ):
        graph = lower(load(text), {"x": (2, 2)})
        assert [w.kind for w in differentiate(graph, {"x": x}).warnings] == kinds, text
