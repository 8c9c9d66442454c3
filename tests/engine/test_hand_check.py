"""Gradients written by hand: how they are read, and the mistakes that are planted in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backprop_cli as bp
from backprop_cli.engine.hand_check import HandCheck, check_written
from backprop_cli.engine.hand_gradient import parts_of, read_parts

X2, A2 = [1.0, 2.0], [[1.0, 2.0], [3.0, 4.0]]
V3 = [1.0, 2.0, 3.0]
FORM = "write name: derivative, as in x: y + cos(x), y: x"


def checked(text: str, gradient: Any, wrt: Any = None, **point: Any) -> HandCheck:
    found = bp.parse(text).check(gradient=gradient, wrt=wrt, **point)
    assert isinstance(found, HandCheck)
    return found


@pytest.mark.parametrize(
    ("text", "gradient", "point"),
    [
        ("x*y + sin(x)", "x: y + cos(x), y: x", {"x": 1, "y": 2}),
        ("x*y + sin(x)", "y: x; x: y + cos(x)", {"x": 1, "y": 2}),
        ("x*y + sin(x)", "# by hand\nx: y + cos(x)  # product, sine\n\ny: x", {"x": 1, "y": 2}),
        ("x*y + sin(x)", '{"x": "y + cos(x)", "y": "x"}', {"x": 1, "y": 2}),
        ("x' @ A @ x", "x: (A + A') @ x, A: outer(x, x)", {"x": X2, "A": A2}),
        ("sum(v^2)", "v: 2*v", {"v": V3}),
        ("sum(v)", "v: [1, 1, 1]", {"v": V3}),
        ("sum(v)", '{"v": [1, "1", 1.0]}', {"v": V3}),
        ("x > 0 ? x^2 : -x", "x: x > 0 ? 2*x : -1", {"x": 0.3}),
        ("c = a + b; d = b + 1; c*d", "a: d, b: c + d", {"a": 2, "b": 1}),
        ("f(u) = u^2; f(x) + f(y)", "x: 2x, y: 2y", {"x": 1, "y": 2}),
        ("sum(i=0..n-1, x^i)", "x: sum(i=1..n-1, i*x^(i-1))", {"x": 2, "n": 4}),
        ("e*x", "x: e, e: x", {"e": 5, "x": 2}),
        ("exp(x)", "x: e^x", {"x": 2}),
        ("logdet(A)", "A: inv(A)'", {"A": A2}),
        ("sqrt(x)", "x: 1/(2*sqrt(x))", {"x": 0.01}),
    ],
)
def test_right_gradients_pass(text: str, gradient: str, point: dict[str, Any]) -> None:
    found = checked(text, gradient, **point)
    assert found.passed
    assert found.points == 21 or "[1, " in gradient
    assert found.mistake is None
    assert found.mistakes == {}


def test_a_mapping_is_a_gradient() -> None:
    assert checked("x*y", {"x": "y", "y": "x"}, x=1, y=2).passed
    assert checked("x*sum(v)", {"x": 6, "v": np.full(3, 2.0)}, x=2, v=V3).passed
    assert not checked("x*sum(v)", {"x": 5, "v": [2.0, 2.0, 2.0]}, x=2, v=V3).passed


# text, gradient, point, the worst variable, kind, message
PLANTED = [
    ("x*y + sin(x)", "x: -y - cos(x), y: x", {"x": 1, "y": 2}, "x", "sign", "the sign is flipped"),
    (
        "x*y + sin(x)", "x: y - cos(x), y: x", {"x": 1, "y": 2}, "x", "sign",
        "the path x → v2 → v3, whose product is cos(x), has the wrong sign",
    ),
    (
        "x*y + sin(x)", "x: cos(x), y: x", {"x": 1, "y": 2}, "x", "dropped path",
        "the path x → v1 → v3, whose product is y, is missing",
    ),
    (
        "c = a + b; d = b + 1; c*d", "a: d, b: d", {"a": 2, "b": 1}, "b", "dropped path",
        "the path b → d → v1, whose product is c, is missing",
    ),
    (
        "x*exp(x)", "x: exp(x) + 2*x*exp(x)", {"x": 1}, "x", "doubled path",
        "the path x → v1 → v2, whose product is x·exp(x), is counted twice",
    ),
    (
        "x*sin(y)", "x: sin(y), y: x", {"x": 1, "y": 2}, "y", "chain factor",
        "the factor cos(y), the derivative of sin(y) by y, is missing",
    ),
    (
        "sin(3x)", "x: cos(3x)", {"x": 1}, "x", "chain factor",
        "the factor 3, the derivative of 3x by x, is missing",
    ),
    (
        "log(1 + x^2)*y", "x: y/(1 + x^2), y: log(1 + x^2)", {"x": 1, "y": 2}, "x", "chain factor",
        "the factor 2*x, the derivative of x^2 by x, is missing",
    ),
    (
        "sin(x)*y", "x: y*sin(x), y: sin(x)", {"x": 1, "y": 2}, "x", "chain factor",
        "sin(x) stands where its derivative cos(x) belongs",
    ),
    (
        "x^3 + x*y", "x: x^2 + y, y: x", {"x": 1, "y": 2}, "x", "factor",
        "the exponent of x^3 is missing as a factor",
    ),
    (
        "x*y", "x: y/5, y: x", {"x": 1, "y": 2}, "x", "factor", "the factor 5 is missing",
    ),
    (
        "x*y", "x: 3*y, y: x", {"x": 1, "y": 2}, "x", "factor", "there is a factor 3 too many",
    ),
    (
        "x*y", "x: log(2)*y, y: x", {"x": 1, "y": 2}, "x", "factor",
        "the constant factor 1/log(2) is missing",
    ),
    (
        "x*y", "x: y + 1, y: x", {"x": 1, "y": 2}, "x", "constant", "the constant 1 is added to it",
    ),
    (
        "x^2*y", "x: x^2, y: 2*x*y", {"x": 1, "y": 2}, "x", "swapped",
        "the derivatives by x and y are swapped",
    ),
    (
        "x^2*y*z", "x: x^2*z, y: x^2*z, z: x^2*y", {"x": 1, "y": 2, "z": 3}, "x", "swapped",
        "it is the derivative by y, not by x",
    ),
    (
        "x^2*y^3", "x: 2*y*x^3, y: 3*x^2*y^2", {"x": 1, "y": 2}, "x", "swapped",
        "x and y are exchanged in it",
    ),
    (
        "x*y*z", "x: y*z, y: x*z, z: 0", {"x": 1, "y": 2, "z": 3}, "z", "zero",
        "the derivative by z is not 0: what depends on z was left out",
    ),
    (
        "mean(v^2)", "v: 2*v", {"v": V3}, "v", "mean",
        "the factor 1/3 of the mean is missing: it is the derivative of the sum",
    ),
    (
        "sum(v^2)", "v: 2*v/3", {"v": V3}, "v", "mean",
        "it is divided by n = 3, as if a mean were taken",
    ),
    (
        "sum((A @ x)^2)", "x: 2*A @ (A @ x), A: 2*outer(A @ x, x)", {"x": X2, "A": A2}, "x",
        "transposed", "a transpose is missing or too many: A at A @ x",
    ),
    (
        "sum((A @ x)^2)", "x: 2*A' @ A @ x, A: 2*outer(x, A @ x)", {"x": X2, "A": A2}, "A",
        "transposed", "it is the transpose of the derivative",
    ),
    (
        "x' @ A @ x", "x: 2*A @ x, A: outer(x, x)", {"x": X2, "A": A2}, "x", "transposed",
        "it is right only where A is symmetric: A and A' are taken as one",
    ),
    (
        "sum(solve(A, b))", "A: -outer(solve(A', ones(2)), solve(A, b)), b: solve(A, ones(2))",
        {"A": A2, "b": X2}, "b", "transposed",
        "a transpose is missing or too many: A at solve(A, b)",
    ),
    (
        "sum(exp(v)) + sum(v)^2", "v: exp(v)", {"v": V3}, "v", "dropped path",
        "the path v → v3 → v4 → v5, whose product is (2*v3)·v̄3, is missing",
    ),
    *[
        (text, gradient, point, gradient.partition(":")[0], kind, message)
        for text, gradient, point, kind, message in [
            ("x^3", "x: 3*x^3", {"x": 2}, "exponent", "x^3 stands where x^2 belongs"),
            ("x^3", "x: 3*x", {"x": 2}, "exponent", "x stands where x^2 belongs"),
            ("x^5*z", "x: 5*x^3*z, z: x^5", {"x": 2, "z": 3}, "exponent",
             "x^3 stands where x^4 belongs"),
            ("1/y", "y: -1/y", {"y": 2}, "exponent", "y stands where y^2 belongs"),
            ("atan(x)", "x: 1/(1 + x)", {"x": 2}, "exponent", "x stands where x^2 belongs"),
            ("tanh(w*x)", "w: x*(1 - tanh(w*x)), x: w*(1 - tanh(w*x)^2)", {"w": 0.5, "x": 1},
             "exponent", "tanh(w*x) stands where tanh(w*x)^2 belongs"),
            ("sigmoid(x)", "x: sigmoid(x)*(1 + sigmoid(x))", {"x": 0.4}, "sign",
             "1 + sigmoid(x) stands where 1 - sigmoid(x) belongs"),
            ("sin(x^2)", "x: 2*x*cos(x)", {"x": 1.3}, "operand",
             "cos(x) stands where cos(x^2) belongs"),
            ("x*log(x)", "x: log10(x) + 1", {"x": 2}, "function",
             "log10(x) stands where log(x) belongs"),
            ("log10(x)", "x: 1/x", {"x": 3}, "factor", "the constant factor 1/log(10) is missing"),
            ("sin(x)", "x: cos(x*pi/180)", {"x": 0.5}, "degrees",
             "the argument in cos(x*pi/180) lacks the factor 180/pi, between degrees and radians"),
            ("norm(v)", "v: v", {"v": V3}, "factor", "it is to be divided by norm(v)"),
            ("det(A)", "A: inv(A)'", {"A": A2}, "factor", "the factor det(A) is missing"),
            ("logdet(A)", "A: det(A)*inv(A)'", {"A": A2}, "operand",
             "det(A)*inv(A)' stands where inv(A)' belongs"),
            ("max(v)", "v: ones(3)*v/v", {"v": V3}, "chain factor",
             "the derivative of max(v) by v is taken as 1"),
            ("where(x > 0, x, x^2)*y", "x: y, y: where(x > 0, x, x^2)", {"x": 2, "y": 1},
             "condition", "it is right only where x > 0"),
            ("cross_entropy(v, t)", "v: softmax(v) - t, t: -log_softmax(v)",
             {"v": V3, "t": [0.0, 0.0, 1.0]}, "condition", "it is right only where t sums to 1"),
        ]
    ],
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "gradient", "point", "worst", "kind", "message"),
    PLANTED,
    ids=[f"{case[4]}: {case[0]}" for case in PLANTED],
)
def test_planted_mistakes_are_named(
    text: str, gradient: str, point: dict[str, Any], worst: str, kind: str, message: str
) -> None:
    found = checked(text, gradient, **point)
    assert not found.passed
    assert found.worst is not None
    assert found.worst.label.partition("[")[0] == worst
    assert found.mistake is not None
    assert (found.mistake.kind, found.mistake.message) == (kind, message)
    assert found.mistake.variable == worst


def test_a_term_of_many_paths() -> None:
    """8 paths lead through u^3; with all three ways into each factor no single path is it."""
    text = "u = x + sin(x) + x^2; u^3 + exp(u)*x"
    gradient = "x: exp(u) + x*exp(u)*(1 + cos(x) + 2*x)"
    found = checked(text, gradient, x=0.5)
    assert found.mistake is not None
    assert found.mistake.kind == "dropped term"
    assert found.mistake.message == "the term that comes through u^3 is missing"


def test_a_path_is_named_by_its_nodes() -> None:
    mistake = checked("c = a + b; d = b + 1; c*d", "a: d, b: d", a=2, b=1).mistake
    assert mistake is not None
    assert mistake.path == ["b", "d", "v1"]


def test_what_no_single_mistake_explains() -> None:
    found = checked("x^3*y", "x: sin(x*y) + 4, y: x^3", x=1, y=2)
    assert not found.passed
    assert found.mistake is None


def test_a_coincidence_at_the_point_is_no_mistake() -> None:
    """At x = y = 1 the derivative x of x*y looks right; elsewhere it is not."""
    found = checked("x*y", "x: x, y: x", x=1, y=1)
    assert not found.passed
    assert found.worst is not None
    assert (found.worst.derivative, found.worst.written) == (1.0, 1.0)
    assert found.worst.error > 0.1
    assert found.worst.at != {"x": 1.0, "y": 1.0}


def test_random_points_are_the_same_each_time_and_inside_the_domain() -> None:
    first = checked("log(x)*y", "x: y/x, y: -log(x)", x=0.01, y=1)
    assert first.points == 21
    assert first.worst == checked("log(x)*y", "x: y/x, y: -log(x)", x=0.01, y=1).worst
    assert first.worst is not None
    assert first.worst.at["x"] > 0


def test_how_many_points() -> None:
    bound = bp.parse("x*y")._at(None, {"x": 1, "y": 2})
    parts = read_parts("x: y, y: x")
    for count in (0, 1, 7):
        found = check_written(bound.graph, bound.point, 2, parts, points=count)
        assert found.points == count + 1


def test_numbers_are_compared_here_only() -> None:
    found = checked("x*y", "x: 2, y: 1", x=1, y=2)
    assert (found.passed, found.points) == (True, 1)
    assert [w.message for w in found.warnings] == ["numbers are compared at this point only"]
    wrong = checked("x*y", "x: 4, y: 1", x=1, y=2).mistake
    assert wrong is not None
    assert wrong.message == "perhaps there is a factor 2 too many"


def test_rounded_numbers_pass_to_their_decimals() -> None:
    assert checked("pi*sqrt(x)", "x: 1.571", x=1).passed
    assert not checked("pi*sqrt(x)", "x: 1.572", x=1).passed
    assert not checked("pi*sqrt(x)", "x: 1.6", x=1).passed


def test_not_finite_here() -> None:
    assert checked("sqrt(x)", "x: 1/(2*sqrt(x))", x=0).passed
    assert not checked("sqrt(x)", "x: 1/2", x=0).passed


def test_wrt_takes_some_variables_and_inner_nodes() -> None:
    assert checked("x*y", "x: y", wrt=["x"], x=1, y=2).passed
    assert checked("a = x*y; a^2", "a: 2*a", wrt=["a"], x=1, y=2).points >= 1


@pytest.mark.parametrize(
    ("gradient", "message", "place", "help"),
    [
        ("x: y", "no derivative is given by 'y'", None, "add y: ..., or check some: --wrt x"),
        ("x: y, y: x, z: 1", "the program has no variable 'z'", "z", "its variables are x, y"),
        ("x: y, y: x*q", "the program has no 'q'", "q", "its names are x, y"),
        ("x: y, yy: x", "the program has no variable 'yy'", "yy", "did you mean 'y'?"),
        ("x: y, y: x*sin(", "'(' is never closed", "(", "add the missing ')'"),
        ("x: y, y: x*sine(x)", "unknown function 'sine'", "sine", "did you mean 'sin'?"),
        ("x: y, x: y", "the derivative by 'x' is given twice", "x", None),
        ("x: y, y", "'y' says no variable", "y", FORM),
        ("x: y, y = x", "'y = x' says no variable", "y = x", FORM),
        ("x: y, y:", "'y' gets no derivative", "y", FORM),
        ("x: y, 2: x", "'2' is not the name of a variable", "2", FORM),
        ("", "--grad holds no derivative", None, FORM),
        ("x: [y, 1], y: x", "the derivative by 'x' is (2,), its variable a scalar", "[y, 1]",
         "a derivative has an entry for each element of 'x'"),
        ('{"x": "y", "y": true}', "the derivative by 'y' is no number, list or expression", None,
         'a gradient in JSON is {"x": "y + cos(x)", "y": 3}'),
        ('{"x": "y", "y": "x*("}', "'(' is never closed", "(", "add the missing ')'"),
        ('{"x": y}', "this is not JSON: Expecting value", "y",
         'a gradient in JSON is {"x": "y + cos(x)", "y": 3}'),
    ],
)  # fmt: skip
def test_errors_show_their_place(
    gradient: str, message: str, place: str | None, help: str | None
) -> None:
    with pytest.raises(bp.BpropError) as caught:
        checked("x*y", gradient, x=1, y=2)
    fault = caught.value
    assert (fault.message, fault.help) == (message, help)
    if place is not None:
        assert fault.source is not None
        assert fault.span is not None
        assert fault.source[fault.span.start : fault.span.end] == place


def test_shapes_inside_the_text() -> None:
    with pytest.raises(bp.BpropError) as caught:
        checked("sum(B @ x)", "B: outer(ones(2), x), x: B @ ones(2)", B=np.ones((2, 3)), x=V3)
    assert "the inner sizes 3 and 2 differ" in caught.value.message
    with pytest.raises(bp.BpropError) as caught:
        checked("sum(B @ x)", "B: outer(x, ones(2)), x: B' @ ones(2)", B=np.ones((2, 3)), x=V3)
    assert caught.value.help == "its transpose has the right shape"


def test_deep_json() -> None:
    with pytest.raises(bp.BpropError, match="nested"):
        checked("x*y", '{"x": ' + "[" * 5000 + "]" * 5000 + "}", x=1, y=2)
    with pytest.raises(bp.BpropError, match="nested more than 32 deep"):
        checked("x*y", '{"x": ' + "[" * 40 + "1" + "]" * 40 + "}", x=1, y=2)
    assert parts_of({"x": 2})["x"].text == "2"


def test_many_components_are_shown_by_the_worst() -> None:
    values = np.linspace(1, 2, 500)
    found = checked("sum(v^2)", "v: 2*v + zeros(500)", v=values)
    assert found.passed
    assert len(found.components) == 200
    assert found.total == 500
