"""Every form on the page that defines the language, with its value."""

from __future__ import annotations

from math import e, inf, isnan, log, nan, pi, sin, tau
from typing import Any

import numpy as np
import pytest

from backprop_cli.engine.evaluate import evaluate
from backprop_cli.engine.lower import load, lower
from backprop_cli.errors import BpropError
from backprop_cli.ir.graph import Graph

A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]])
S = np.array([[2.0, 1.0], [0.5, 3.0]])
v = np.array([3.0, -1.0, 2.0])
POINT: dict[str, Any] = {
    "x": 0.5, "y": 2.0, "z": -3.0, "a": 1.5, "b": -0.5, "c": 1.0, "n": 3.0, "A": A, "S": S, "v": v,
    "w": np.array([1.0, 0.5, -2.0]), "p": np.array([0.2, 0.7]), "t": np.array([0.0, 1.0]),
}  # fmt: skip


def graph_of(program: str, **values: Any) -> Graph:
    point = {**POINT, **values}
    shapes = {name: np.shape(value) for name, value in point.items() if np.shape(value)}
    scalars = {name: value for name, value in point.items() if not np.shape(value)}
    if "e" not in values:
        scalars.pop("e", None)
    return lower(load(program), shapes, scalars)


def values_of(program: str, **values: Any) -> list[Any]:
    graph = graph_of(program, **values)
    point = {**POINT, **values}
    bound = {graph.names[i]: point[graph.names[i]] for i in graph.inputs}
    result = evaluate(graph, bound)
    return [result.values[node] for _, node in graph.outputs]


x, y, z, a, b, c = (POINT[name] for name in "xyzabc")

EXAMPLES: list[tuple[str, Any]] = [
    # programs
    ("x*y + sin(x)", x * y + sin(x)),
    ("a = x*y; a + sin(a)", 1 + sin(1)),
    ("a = x*y\na + sin(a)\n", 1 + sin(1)),
    ("f(u, v) = u*v + 1; f(x, y)", 2.0),
    ("f(u, v) = u*v + 1; g(u) = f(u, f(u, 1)); g(y)", 7.0),
    ("x*y # a comment", 1.0),
    ("# first\n\nr = x*y ; ; s = r + 1 # last\n", 2.0),
    ("k = 3", 3.0),
    ("-x^2", -0.25),
    # conditionals and logic
    ("c ? a : b", a),
    ("x > y ? a : z < 0 ? b : c", b),
    ("where(c, a, b) + if(0, a, b) + select(1, a, b)", a + b + a),
    ("piecewise(x < 0: 1, x < 1: 2, 3)", 2.0),
    ("piecewise(y < 0: 1, y < 1: 2, 3)", 3.0),
    ("0 < x < 1", 1.0),
    ("0 < x < 1 < y != 2", 0.0),
    ("x < 1 and y < 1 or not z > 0", 1.0),
    ("x < 1 && y < 1 || !(z > 0)", 1.0),
    ("!x == y", 1.0),
    ("x ≤ 1 and y ≥ 2 and z ≠ 0", 1.0),
    # arithmetic
    ("a - b - c", a - b - c),
    ("a / b / y", a / b / y),
    ("z % y", 1.0),
    ("-x^2 + +y", -0.25 + 2),
    ("2^3^2", 512.0),
    ("2^-x", 2**-x),
    ("2**-1", 0.5),
    ("-2^2", -4.0),
    ("v .* w", v * POINT["w"]),
    ("v ./ w + v .^ 2", v / POINT["w"] + v**2),
    ("A @ v", A @ v),
    ("v' @ A' @ A @ v", v @ A.T @ A @ v),
    ("A' - A.T - Aᵀ", -A.T),
    ("v'", v),
    ("v[0] + v[-1]", 5.0),
    ("A[0, 1] + A[1][2]", 9.0),
    ("A[:, 0]", A[:, 0]),
    ("A[1, ::-1]", A[1, ::-1]),
    ("A[0:2, 1:]", A[:2, 1:]),
    ("v[n-1]", 2.0),
    ("[1, 2, 3] + v", np.array([1, 2, 3]) + v),
    ("[[1, 2], [3, 4]] @ S", np.array([[1, 2], [3, 4]]) @ S),
    ("[1, 2; 3, 4] @ S", np.array([[1, 2], [3, 4]]) @ S),
    ("[x, x*y, 1 + y]", np.array([0.5, 1.0, 3.0])),
    ("[v; 2*v]", None),
    ("|z| + |x - |z||", 5.5),
    ("||z| - |x||", 2.5),
    ("|(x || y)|", 1.0),
    ("[1,\n 2,\n 3] + (v\n + v)", np.array([1, 2, 3]) + 2 * v),
    # products that are not written
    ("2x", 1.0), ("3(x+1)", 4.5), ("(a)(b)", a * b), ("2x^2", 0.5), ("2 x", 1.0), ("2pi", tau),
    ("sin(x)cos(x)", sin(x) * np.cos(x)), ("f(u) = u + 1; f(x)(y)", 3.0), ("-2x", -1.0),
    ("2(x)(y)z", -6.0), ("2√y", 2 * 2**0.5), ("y*2x", 2.0), ("2x*y/4", 0.5),
    # numbers
    ("1 + 1. + 1.5 + .5 + 1e-3 + 2.e3 + 1_000 + 0x1F", 3035.001),
    ("sum(i=1..n, i)", 6.0),
    # Unicode
    ("π - pi + τ - tau", 0.0),
    ("√y² · x × 4 ÷ 2 − 1", 1.0),
    ("y⁻¹ + y² + y³", 12.5),
    ("√(x + y²)", 4.5**0.5),
    # constants
    ("e", e), ("e^x", e**x), ("inf", inf), ("-inf", -inf), ("nan", nan), ("2e", 2 * e),
    # sums over an index
    ("sum(i=0..n-1, v[i]^2)", 14.0),
    ("prod(i=1..3, i*x)", 6 * x**3),
    ("sum(i=0..1, sum(j=0..2, A[i, j]*v[j]))", np.sum(A @ v)),
    ("sum(i=1..0, x)", 0.0),
    ("g(k) = v[k]*k; sum(i=0..2, g(i))", 3.0),
    ("i = 10; sum(i=0..1, i) + i", 11.0),
    # functions with defaults and aliases
    ("log(8, 2) + ln(e) + log10(100) + log2(8) + log1p(0)", 3.0 + 1 + 2 + 3),
    ("leaky_relu(z) + leaky_relu(z, 0.1)", -0.33),
    ("elu(z) + elu(z, alpha=2)", 3 * np.expm1(-3)),
    ("heaviside(0) + heaviside(x) + sgn(z) + sign(z)", -0.5),
    ("min(x, y, z) + max(x, y, z) + minimum(x, y) + maximum(x, y)", -3 + 2 + 0.5 + 2),
    ("min(v) + max(v)", 2.0),
    ("max(A, axis=1)", np.array([3.0, 7.0])),
    ("max(A, axis=[0, 1], keepdims=True)", np.array([[7.0]])),
    ("sum(A) + sum(A, axis=0)[0] + sum(A, 1)[1]", 22 + 5 + 16.0),
    ("mean(A, axis=-1, keepdims=1) @ [1]", np.array([2.0, 16 / 3])),
    ("var(v) + std(v)^2", 2 * np.var(v)),
    ("norm(v)^2 + norm(A)^2", 14 + 104.0),
    ("logsumexp(v)", np.log(np.sum(np.exp(v)))),
    ("softmax(v)", np.exp(v) / np.exp(v).sum()),
    ("exp(log_softmax(A, axis=0))", np.exp(A) / np.exp(A).sum(axis=0)),
    ("clip(z, -1, 1) + clip(x, lo=1, hi=2)", 0.0),
    ("logistic(x) - sigmoid(x) + swish(x) - silu(x)", 0.0),
    ("arcsin(x) - asin(x) + arctan2(x, y) - atan2(x, y) + arctanh(x) - atanh(x)", 0.0),
    ("polygamma(0, y) - digamma(y)", 0.0),
    ("pow(y, 3) + hypot(3, 4) + reciprocal(y) + square(z) + cbrt(8)", 8 + 5 + 0.5 + 9 + 2),
    ("xlogy(0, 0) + logaddexp(0, 0)", log(2)),
    ("stop_grad(x)", x),
    # linear algebra and shapes
    ("dot(v, w) + dot(x, y) + sum(outer(v, w))", -1.5 + 1 - 2.0),
    ("cross(v, w)", np.cross(v, POINT["w"])),
    ("tr(S) + trace(S) + det(S) + logdet(S)", 5 + 5 + 5.5 + log(5.5)),
    ("S @ inv(S) @ solve(S, [1, 2])", np.linalg.solve(S, [1, 2])),
    ("diag([1, 2])", np.diag([1.0, 2.0])),
    ("transpose(A) - A'", 0 * A.T),
    ("reshape(A, [3, 2]) + reshape(A, 3, 2) - 2*reshape(A, (-1, 2))", np.zeros((3, 2))),
    ("concat(v, w) + concat([w, v])", np.concatenate([v, POINT["w"]]) + np.r_[POINT["w"], v]),
    ("concat(A, A, axis=1)", np.hstack([A, A])),
    ("stack(v, w, axis=1)", np.stack([v, POINT["w"]], axis=1)),
    ("zeros(2, n) + ones([2, 3])", np.ones((2, 3))),
    ("eye(2) + eye(2, 2)", 2 * np.eye(2)),
    ("linspace(0, 1, 5)", np.linspace(0, 1, 5)),
    ("arange(3) + arange(1, 4) + arange(0, 1.5, 0.5)", np.array([1.0, 3.5, 6.0])),
    ("broadcast_to(v, [2, 3]) - sum_to(A, [1, 3])", v - A.sum(axis=0) + np.zeros((2, 3))),
    ("scatter(v, [5], 1:4) + scatter(x, 5, 0)", np.array([0.5, 3, -1, 2, 0])),
    ("cofactor(S)", np.array([[3, -0.5], [-1, 2]])),
    # losses
    ("mse(p, t)", (0.04 + 0.09) / 2),
    ("mae(p, t)", 0.25),
    ("huber(v, 0)", (2.5 + 0.5 + 1.5) / 3),
    ("huber(v, 0, delta=10)", 14 / 6),
    ("bce(p, t)", -(log(0.8) + log(0.7)) / 2),
    ("bce_logits(v, [0, 1, 1])", np.mean([np.log1p(np.exp(3)), np.log1p(e), np.log1p(np.exp(-2))])),
    ("cross_entropy(v, [0, 0, 1])", np.log(np.sum(np.exp(v))) - 2),
    ("cross_entropy(A, [[0, 0, 1], [1, 0, 0]])", None),
]  # fmt: skip


@pytest.mark.parametrize(("program", "value"), EXAMPLES, ids=[text for text, _ in EXAMPLES])
def test_value(program: str, value: Any) -> None:
    (found,) = values_of(program)
    if value is not None:
        np.testing.assert_allclose(found, value, rtol=1e-12, atol=1e-14)
        assert np.shape(found) == np.shape(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a-b", "a − b"), ("x^2", "x²"), ("2*x", "2x"), ("x.^2", "x**2"), ("(x)", "x"), ("+x", "x"),
        ("x and y", "x && y"), ("not x", "!x"), ("x != y", "x ≠ y"), ("|x|", "abs(x)"),
        ("√x", "sqrt(x)"), ("A.T", "A'"), ("[1,2;3,4]", "[[1,2],[3,4]]"), ("x?y:z", "where(x,y,z)"),
        ("a<b<c", "a<b and b<c"), ("mod(x, y)", "x % y"), ("matmul(A, v)", "A @ v"),
        ("f(u)=u^2;f(x)", "x^2"), ("sum(i=0..1,v[i])", "v[0]+v[1]"), ("-3", "(-3)"),
    ],
)  # fmt: skip
def test_two_spellings_are_one_graph(one: str, other: str) -> None:
    left, right = graph_of(one), graph_of(other)
    assert list(left) == list(right)


def test_variables_in_order_of_first_appearance() -> None:
    program = load("f(u) = u*w + i; s = y + f(x); s*e + sum(i=0..n, v[i + m]) + pi + z")
    assert program.variables() == ["w", "i", "y", "x", "v", "z"]
    assert program.parameters() == ["n", "m"]


def test_each_name_is_its_own_node() -> None:
    """Unnamed equal subexpressions are one node, named ones are not."""
    graph = graph_of("a = x*y; b = x*y; d = b; a + d + x*y + x*y")
    names = [graph.names[i] for i in range(len(graph)) if i in graph.names]
    assert names == ["x", "y", "a", "b", "d"]
    assert [row.op.name for row in graph].count("mul") == 3
    assert graph.op(graph.by_name["d"]).name == "identity"


def test_x_times_y_is_not_y_times_x() -> None:
    assert len(graph_of("x*y + y*x")) == len(graph_of("x*y + x*y")) + 1


def test_outputs() -> None:
    assert graph_of("x*y").outputs[0][0] is None
    assert graph_of("r = x*y").outputs[0][0] == "r"
    assert [name for name, _ in graph_of("f = x; g = y; (f, g, x, 2*x)").outputs] == [
        "f",
        "g",
        "x",
        None,
    ]
    assert [name for name, _ in graph_of("(x, y)").outputs] == ["x", "y"]


def test_chosen_outputs() -> None:
    graph = lower(load("f = x*y; g = f + 1"), of=["f", "x"])
    assert [(name, graph.names[node]) for name, node in graph.outputs] == [("f", "f"), ("x", "x")]
    with pytest.raises(BpropError, match="no node is called 'h'"):
        lower(load("f = x*y"), of=["h"])


def test_e_is_eulers_number_unless_bound() -> None:
    assert values_of("e*x") == [e * x]
    assert graph_of("e*x").notes == ()
    assert values_of("e*x", e=3.0) == [1.5]
    assert "not Euler's number" in graph_of("e*x", e=3.0).notes[0]
    assert values_of("e = 4; e*x") == [2.0]
    assert [graph_of("y*e*x", e=1.0).names[i] for i in range(3)] == ["y", "e", "x"]


def test_a_name_is_a_function_only_before_a_bracket() -> None:
    graph = graph_of("beta = 2; gamma = beta*sin; gamma + lambda + E + I + S2 + sum")
    assert {"beta", "gamma", "lambda", "E", "I", "sin", "sum"} <= set(graph.by_name)


def test_own_functions_stand_before_those_of_the_language() -> None:
    assert values_of("relu(u) = 7*u; relu(x)") == [3.5]
    assert values_of("sum(u, v) = u - v; sum(x, y)") == [-1.5]


def test_names_are_normalised() -> None:
    """NFC, and the micro sign is mu."""
    graph = lower(load("\u00b5*e\u0301 + \u03bc*\u00e9 + x\u0302"))
    assert [graph.names[i] for i in graph.inputs] == ["μ", "é", "x\u0302"]


def test_parameters_are_whole_numbers_without_derivative() -> None:
    graph = graph_of("n*v[n - 1]")
    assert graph.parameters == {"n": 3.0}
    assert [graph.names[i] for i in graph.inputs] == ["v"]
    node = graph.by_name["n"]
    assert (graph.op(node).name, graph.static[node], graph.active[node]) == ("const", 3.0, 0)


@pytest.mark.parametrize(
    ("program", "value"),
    [
        ("f(k) = v[k]; f(n - 1)", 2.0),
        ("f(k) = k*v[k]; f(n - 1) + f(0)", 4.0),
        ("f(k) = v[k]; g(j) = f(j + 1) + j; g(n - 2)", 3.0),
        ("k = n - 1; v[k] + k", 4.0),
        ("k = n - 1; j = k - 1; f(u) = u*v[j]; f(x)", -0.5),
        ("f(m) = sum(i=1..m, i*x); f(n)", 3.0),
        ("sum(i=0..max(0, n - 2), sum(j=i..n - 1, v[j]*i))", 1.0),
        ("sum(i=0..n - 1, (i % 2 == 0 ? 1 : -1)*v[i])", 6.0),
        ("s = [1, n]; sum(reshape(v, s)*ones(s))", 4.0),
        ("f(s) = sum(zeros(s)); f([2, 3])", 0.0),
        ("f(k, u) = u; f(v[0], x)", 0.5),
        ("v[piecewise(n < 2: 0, n < 5: 1, 2)]", -1.0),
        ("v[floor(n/2)] + v[sum(i=0..1, i)]", -2.0),
        ("v[[0, 2][1]]", 2.0),
        ("v[(0 < n < 5) + (n == 3)]", 2.0),
        ("v[max([0, 2, 1])] + v[min(2, n, 5)]", 4.0),
        ("v[prod(i=1..2, i)] + v[prod(i=2..1, i)]", 1.0),
        ("sum(sum_to(v, -[-1]))", 4.0),
        ("sum(reshape(v, shape=[n, 1]))", 4.0),
        ("v[pi > 3 ? 1 : 0] + v[piecewise(n > 5: 2, 0)]", 2.0),
    ],
)
def test_parameters_reach_through_names_and_functions(program: str, value: float) -> None:
    assert values_of(program) == [pytest.approx(value)]


def test_static_code_leaves_no_node() -> None:
    graph = graph_of("v[n - 2] + x")
    assert [row.op.name for row in graph] == ["input", "input", "index", "add"]


def test_what_is_written_is_what_is_built() -> None:
    """Nothing is simplified."""
    assert [row.op.name for row in graph_of("0*x + 1*x^1")] == (
        ["input", "const", "mul", "const", "pow", "mul", "add"]
    )


def test_nan_and_inf_are_values() -> None:
    (found,) = values_of("inf - inf")
    assert isnan(found)
    assert pi == values_of("pi")[0]
