"""Whether two programs are equal: verdicts, counterexamples, domains, derivatives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import strategies as own
from hypothesis import given
from hypothesis import strategies as st

import backprop_cli as bp
from backprop_cli.engine import pair as pairs
from backprop_cli.engine.compare import Comparison, compare
from backprop_cli.engine.program import open_program
from backprop_cli.engine.sample_points import (
    filled,
    random_points,
    simple_points,
    simpler,
    telling_numbers,
    telling_points,
)
from backprop_cli.ir.builder import Builder

M2 = {"A": (2, 2), "B": (2, 2), "x": (2,)}


def compared(a: str, b: str, /, shapes: Any = None, points: int = 20, **given: Any) -> Comparison:
    return compare(open_program(a), open_program(b), given, shapes, points)


def used(text: str, shapes: dict[str, Any]) -> dict[str, Any]:
    return {name: shape for name, shape in shapes.items() if name in text}


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("(x + y)^2", "x^2 + 2*x*y + y^2"),
        ("x*y", "y*x"),
        ("sin(x)^2 + cos(x)^2", "1 + 0*x"),
        ("(1 + x) - 1", "x"),
        ("x + 0*y", "x"),
        ("0.1*x*3", "0.3*x"),
    ],
)
def test_shown_symbolically(a: str, b: str) -> None:
    found = compared(a, b)
    assert (found.equal, found.verdict, found.shown) == (True, "equal", "symbolically")
    assert found.counterexample is None
    assert all(g.equal and g.reason is None for g in found.gradients.values())


@pytest.mark.parametrize(
    ("a", "b", "shapes"),
    [
        ("exp(x) - 1", "expm1(x)", {}),
        ("log(1 + exp(x))", "softplus(x)", {}),
        ("1/(1 + exp(-x))", "sigmoid(x)", {}),
        ("gamma(x + 1)", "x*gamma(x)", {}),
        ("x > 0 ? x : 0", "relu(x)", {}),
        ("sinh(x)", "(exp(x) - exp(-x))/2", {}),
        ("x' @ A @ x", "x' @ A' @ x", {"x": (2,), "A": (2, 2)}),
        ("det(A @ B)", "det(A)*det(B)", {"A": (2, 2), "B": (2, 2)}),
        ("(A @ B)'", "B' @ A'", {"A": (2, 2), "B": (2, 2)}),
        ("norm(x)", "sqrt(sum(x^2))", {"x": (2,)}),
        ("logsumexp(x)", "log(sum(exp(x)))", {"x": (2,)}),
        ("trace(A @ B)", "sum(A*B')", {"A": (2, 2), "B": (2, 2)}),
    ],
)
def test_equal_beyond_rounding(a: str, b: str, shapes: dict[str, Any]) -> None:
    found = compared(a, b, shapes)
    assert found.equal
    assert found.verdict in ("equal", "equal at 20 random points")
    assert all(g.equal for g in found.gradients.values())


# a, b, the counterexample, both values, why, the remark
DIFFERENT: list[tuple[str, str, dict[str, float], Any, Any, str, str | None]] = [
    ("sin(x)", "x", {"x": 1.0}, math.sin(1), 1.0, "value", None),
    ("x + 1", "x", {"x": 1.0}, 2.0, 1.0, "value", None),
    ("x", "x + 1e-9", {"x": 1.0}, 1.0, 1 + 1e-9, "value", None),
    ("3.14159*x", "pi*x", {"x": 1.0}, 3.14159, math.pi, "value", None),
    ("x^2", "x^3", {"x": 2.0}, 4.0, 8.0, "value", None),
    ("x^y", "y^x", {"x": 1.0, "y": 2.0}, 1.0, 2.0, "value", "both"),
    ("abs(x)", "x", {"x": -1.0}, 1.0, -1.0, "value", None),
    ("log(x^2)", "2*log(x)", {"x": -1.0}, 0.0, math.nan, "domain",
     "only the first has a value for x < 0"),
    ("sqrt(x)^2", "x", {"x": -1.0}, math.nan, -1.0, "domain",
     "only the second has a value for x < 0"),
    ("exp(log(x))", "x", {"x": -1.0}, math.nan, -1.0, "domain",
     "only the second has a value for x < 0"),
    ("acos(x) + asin(x)", "pi/2", {"x": 2.0}, math.nan, math.pi / 2, "domain",
     "only the second has a value for |x| > 1"),
    ("log(-x^2 - 1)", "x", {"x": 1.0}, math.nan, 1.0, "domain",
     "only the second has a value at every point that was tried"),
    ("x < 7.25 ? 0 : x - 7.25", "0*x", {"x": 10.0}, 2.75, 0.0, "value", None),
    ("stop_grad(x)", "x", {"x": 1.0}, 0.0, 1.0, "gradient", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("a", "b", "at", "first", "second", "reason", "remark"),
    DIFFERENT,
    ids=[f"{case[0]} and {case[1]}" for case in DIFFERENT],
)
def test_counterexamples_are_simple(
    a: str, b: str, at: Any, first: Any, second: Any, reason: str, remark: str | None
) -> None:
    found = compared(a, b)
    assert (found.equal, found.verdict) == (False, "differ")
    example = found.counterexample
    assert example is not None
    assert example.at == at
    assert (example.first, example.second) == pytest.approx((first, second), nan_ok=True)
    assert example.reason == reason
    assert found.remark == remark or remark == "both"


def test_counterexample_that_only_a_random_point_shows() -> None:
    found = compared("x > 4.3 and x < 4.9 ? 1 : 0", "0*x", points=500)
    assert found.counterexample is not None
    assert found.counterexample.at["x"] == 4.5


def test_counterexample_of_matrices() -> None:
    found = compared("A @ B", "B @ A", {"A": (2, 2), "B": (2, 2)})
    assert found.counterexample is not None
    at = found.counterexample.at
    assert all(float(x) in (-2, -1, 0, 0.5, 1, 2, 3) for v in at.values() for x in v.ravel())
    np.testing.assert_allclose(found.counterexample.first, at["A"] @ at["B"])
    np.testing.assert_allclose(found.counterexample.second, at["B"] @ at["A"])


@pytest.mark.parametrize(
    ("a", "b", "remark"),
    [
        ("x/x", "1 + 0*x", "only the second has a value at x = 0"),
        ("(x^2 - 1)/(x - 1)", "x + 1", "only the second has a value at x = 1"),
    ],
)
def test_single_points_without_a_value(a: str, b: str, remark: str) -> None:
    found = compared(a, b)
    assert found.equal
    assert found.remark == remark


def test_overflow_is_no_difference() -> None:
    """At x = 1000 the second is inf/inf in floats, and 1 in truth."""
    assert compared("1/(1 + exp(-x))", "exp(x)/(1 + exp(x))", x=1000.0).equal


def test_a_convention_is_no_difference_but_said() -> None:
    found = compared("relu(x)", "max(x, 0)")
    assert found.equal
    verdict = found.gradients["x"]
    assert verdict == (True, "convention", {"x": 0.0}, 0.0, 0.5, None)
    assert [(w.kind, w.message) for w in found.warnings] == [
        ("kink", "the derivatives by 'x' differ at x = 0")
    ]


def test_derivatives_of_values_that_differ() -> None:
    found = compared("x*y + 1", "x*y + y")
    assert {name: g.equal for name, g in found.gradients.items()} == {"x": True, "y": False}


def test_different_variables() -> None:
    found = compared("x + 0*y", "x + 0*z")
    assert [w.message for w in found.warnings] == [
        "only the first has the variable y",
        "only the second has the variable z",
    ]
    assert list(found.gradients) == ["x", "y", "z"]


def test_the_point_given_is_tried_too() -> None:
    hidden = "log(x^2) > 90 ? 1 : 0"
    assert compared(hidden, "0*x").equal
    found = compared(hidden, "0*x", x=1e20)
    assert not found.equal
    assert found.counterexample is not None
    assert found.counterexample.at == {"x": 1e20}


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("x", "x > 100 ? 0 : x"),
        ("x", "x == 7 ? 8 : x"),
        ("min(x, 1e6)", "x"),
        ("max(x, -50)", "x"),
        ("clip(x, -20, 20)", "x"),
        ("relu(x - 20) + x", "x"),
        ("relu(x + y - 35)", "0*x*y"),
        ("x + relu(x - 1e9)", "x"),
        ("exp(-1e3*(x - 20)^2) + x", "x"),
        ("tanh(1000*x)", "sign(x)"),
        ("sigmoid(1e6*x)", "heaviside(x)"),
        ("x + where(abs(x) < 1e-5 and x != 0, 1e-3, 0)", "x"),
    ],
)
def test_points_at_constants_and_far_away_tell(a: str, b: str) -> None:
    assert not compared(a, b).equal


def test_arrays_at_constants_and_far_away() -> None:
    assert not compared("clip(x, -20, 20)", "x", {"x": (3,)}).equal
    assert not compared("relu(sum(x) - 100)", "0*sum(x)", {"x": (3,)}).equal


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("1e-50*x", "0*x"),
        ("1e-300*x", "0*x"),
        ("1e-200*sin(x)", "2e-200*sin(x)"),
        ("exp(-1000)", "0"),
        ("x", "x*(1 + 1e-45)"),
    ],
)
def test_tiny_numbers_differ(a: str, b: str) -> None:
    assert not compared(a, b).equal


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("exp(x)*log(1 + exp(-x))", "exp(x)*softplus(-x)"),
        ("log(1 + exp(-x))/exp(-x)", "softplus(-x)*exp(x)"),
        ("cos(exp(x))^2 + sin(exp(x))^2", "1 + 0*x"),
        ("log(exp(exp(x)))", "exp(x)"),
        ("(1 + 1/x)^x", "exp(x*log(1 + 1/x))"),
    ],
)
def test_equal_where_digits_run_out(a: str, b: str) -> None:
    """At 100 and 1000 the two forms have no digit in common, whatever 60 or 400 digits say."""
    assert compared(a, b).equal


def test_numbers_too_far_apart_are_not_called_equal() -> None:
    found = compared("exp(-1e6 - x^2)", "0*x")
    assert not found.equal
    assert found.remark is not None
    assert "too large or too small" in found.remark


def test_tiny_derivatives_are_told_apart() -> None:
    found = compared("1e-13*x", "1e-13*stop_grad(x)")
    assert not found.equal
    assert found.counterexample is not None
    assert found.counterexample.reason == "gradient"


def test_parameters_are_given() -> None:
    assert compared("sum(i=1..n, i*x)", "n*(n + 1)/2*x", n=5.0).equal
    with pytest.raises(bp.BpropError, match="'n' is used in"):
        compared("sum(i=1..n, i*x)", "x")


def test_numbers() -> None:
    assert compared("0.1 + 0.2", "0.3").equal
    assert compared("sin(pi)", "0").equal
    assert not compared("22/7", "pi").equal


def test_shapes() -> None:
    found = compared("sum(x)", "x", {"x": (2,)})
    assert (found.equal, found.remark) == (False, "the first is a scalar, the second (2,)")
    both = bp.parse("x' @ A @ x", shapes={"x": (2,), "A": (2, 2)})
    assert both.compare("x' @ A' @ x").equal


@pytest.mark.parametrize(
    ("a", "b", "given", "message"),
    [
        ("x", "y", {"z": 1.0}, "'z' is bound, but neither program uses it"),
        ("(x, y)", "x", {}, "compare takes programs of one output, and the first has 2"),
        ("x", "(x, y)", {}, "compare takes programs of one output, and the second has 2"),
    ],
)
def test_errors(a: str, b: str, given: Any, message: str) -> None:
    with pytest.raises(bp.BpropError) as caught:
        compared(a, b, **given)
    assert caught.value.message == message


ARRAYS: list[tuple[str, str, dict[str, Any], str, tuple[str, float, float]]] = [
    ("[x, y]", "[y, x]", {}, "x", ("∂value[0]/∂x", 1.0, 0.0)),
    ("[x, y]", "[y, x]", {}, "y", ("∂value[0]/∂y", 0.0, 1.0)),
    ("[x, stop_grad(y)]", "[x, y]", {}, "y", ("∂value[1]/∂y", 0.0, 1.0)),
    ("A @ x", "x @ A", {"A": (2, 2), "x": (2,)}, "A", ("∂value[0]/∂A[0,1]", 1.0, 0.0)),
    ("sum(x)", "x[0] + 3*x[1]", {"x": (2,)}, "x", ("∂value/∂x[1]", 1.0, 3.0)),
]


@pytest.mark.parametrize(("a", "b", "shapes", "name", "shown"), ARRAYS)
def test_one_derivative_of_arrays_is_shown(
    a: str, b: str, shapes: Any, name: str, shown: tuple[str, float, float]
) -> None:
    verdict = compared(a, b, shapes).gradients[name]
    assert not verdict.equal
    assert (verdict.element, verdict.first, verdict.second) == shown


@pytest.mark.parametrize("form", ["{}", "[{}, x]", "[x, {}]"])
def test_derivatives_of_arrays_are_told_from_rounding(form: str) -> None:
    """In floats the two derivatives at 1e-7 have no digit in common."""
    found = compared(form.format("(1 - cos(x))/x^2"), form.format("2*(sin(x/2)/x)^2"), x=1e-7)
    assert found.equal
    assert found.given == "equal"


def test_a_convention_of_arrays_names_the_element() -> None:
    found = compared("[x, relu(x)]", "[x, max(x, 0)]")
    assert found.equal
    expected = (True, "convention", {"x": 0.0}, 0.0, 0.5, "∂value[1]/∂x")
    assert found.gradients["x"] == expected


def test_the_given_point_is_the_counterexample_where_they_differ_there() -> None:
    found = compared("x^2", "x^3", x=3.5)
    assert found.given == "differ"
    assert found.counterexample is not None
    assert found.counterexample.at == {"x": 3.5}
    found = compared("sin(x)", "x", x=0.0)
    assert (found.equal, found.given) == (False, "equal")


def test_some_variables_given_are_fixed() -> None:
    assert not compared("x^n", "x*x").equal
    found = compared("x^n", "x*x", n=2.0)
    assert (found.equal, found.fixed, found.given) == (True, {"n": 2.0}, None)
    assert list(found.gradients) == ["x"]
    differ = compared("x*n", "x*n + w[1] - 3", w=[1.0, 4.0])
    assert differ.counterexample is not None
    assert sorted(differ.counterexample.at) == ["n", "x"]
    assert list(differ.gradients) == ["x", "n"]
    np.testing.assert_array_equal(differ.fixed["w"], [1.0, 4.0])


def test_a_difference_that_floats_do_not_show() -> None:
    example = compared("x", "x + 1e-25").counterexample
    assert example is not None
    assert (example.first, example.second) == (1.0, 1.0)
    assert example.difference == pytest.approx(-1e-25)
    shown = compared("x", "x + 1e-15").counterexample
    assert shown is not None
    assert shown.difference is None


def test_without_mpmath(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "_has_mpmath", lambda: False)
    found = compared("exp(x) - 1", "expm1(x)")
    assert found.equal
    assert [w.message for w in found.warnings] == [
        "small differences are judged in floats; for more, pip install 'backprop-cli[check]'"
    ]
    assert not compared("sin(x)", "x").equal
    domain = compared("log(x^2)", "2*log(x)")
    assert domain.remark == "only the first has a value for x < 0"


def test_saved_graphs_compare() -> None:
    builder = Builder()
    x = builder.input("x")
    graph = builder.graph([(None, builder.add("mul", x, x))])
    assert bp.from_graph(graph).compare("x^2").equal
    assert bp.parse("x^2").compare(bp.from_graph(graph)).equal


@given(st.data())
def test_a_program_equals_itself_and_differs_from_itself_plus_one(data: st.DataObject) -> None:
    graph = data.draw(own.scalar_graphs(own.SMOOTH))
    same = compare(graph, graph, points=5)
    assert same.equal
    builder = Builder(graph=graph)
    top = builder.add("add", graph.outputs[0][1], builder.const(1.0))
    other = compare(graph, builder.graph([(None, top)]), points=5)
    assert not other.equal
    assert other.counterexample is not None
    assert other.counterexample.reason == "value"


def test_simple_points_come_first() -> None:
    first = list(simple_points({"x": (), "y": ()}))
    assert first[0] == {"x": 1.0, "y": 1.0}
    assert len(first) == len({(p["x"], p["y"]) for p in first}) == 80
    assert {"x": 0.0, "y": 0.0} in first


def test_telling_points() -> None:
    numbers = telling_numbers([7.0, 1000.0])
    assert {7.0, 8.0, 6.0, 1000.0, 1001.0, 1e-3, 1e6, -100.0} <= set(numbers)
    assert [p["x"] for p in telling_points({"x": ()}, numbers)] == numbers
    assert {"x": 7.0, "y": 7.0} in list(telling_points({"x": (), "y": ()}, numbers))
    assert list(telling_points({}, numbers)) == []


def test_random_points_repeat_and_keep_to_the_centre() -> None:
    shapes = {"x": (), "v": (3,)}
    streams = [random_points(shapes, {"x": 100.0}) for _ in range(2)]
    for _ in range(5):
        one, two = (next(stream) for stream in streams)
        assert one["x"] == two["x"]
        np.testing.assert_array_equal(one["v"], two["v"])
    assert any(abs(next(streams[0])["x"] - 100) < 10 for _ in range(2))


def test_simpler_keeps_what_holds() -> None:
    shapes = {"x": (), "v": (2,)}
    start = filled(shapes, [7.3891, -0.123456, 12.5])
    found = simpler(start, shapes, lambda p: p["x"] > 7.2 and p["v"][0] < 0)
    assert found["x"] == 10.0
    assert found["v"].tolist() == [-1.0, 1.0]
