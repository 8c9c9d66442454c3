"""Propagation of uncertainty beside closed forms, second derivatives by hand, and Monte Carlo."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import points, scalar_graphs

import backprop_cli as bp
from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.point import Uncertain
from backprop_cli.engine.points import read_points
from backprop_cli.engine.uncertain_point import from_json
from backprop_cli.engine.uncertainty import Uncertainty, root, uncertainty
from backprop_cli.errors import BpropError, NameFault, ShapeFault, UsageFault
from backprop_cli.render import diagnostics
from backprop_cli.render.uncertain import plus_minus


def propagate(text: str, sigma: dict[str, Any], **point: Any) -> Uncertainty:
    return bp.parse(text).uncertainty(sigma, point)


# closed forms


def test_sums_add_in_quadrature() -> None:
    assert propagate("x + y", {"x": 0.3, "y": 0.4}, x=1, y=2).sigma == pytest.approx(0.5, rel=1e-15)
    assert propagate("x - y", {"x": 0.3, "y": 0.4}, x=1, y=2).sigma == pytest.approx(0.5, rel=1e-15)


@pytest.mark.parametrize("text", ["x*y", "x/y", "x*y*3", "exp(log(x) - log(y))"])
def test_relative_errors_of_products_add_in_quadrature(text: str) -> None:
    found = propagate(text, {"x": 0.1, "y": 0.3}, x=2.0, y=5.0)
    assert found.sigma / abs(found.value) == pytest.approx(math.hypot(0.05, 0.06), rel=1e-12)


def test_powers_multiply_the_relative_error() -> None:
    found = propagate("x^5", {"x": 0.02}, x=2.0)
    assert found.sigma / found.value == pytest.approx(5 * 0.01, rel=1e-12)
    assert found.elasticities == {"x": pytest.approx(5)}
    assert found.condition == pytest.approx(5)


def test_paths_of_one_variable_are_added_before_the_square() -> None:
    """x - x is exact, and x*x has twice the relative error of x, not sqrt(2) times."""
    none = propagate("x - x", {"x": 0.5}, x=3.0)
    assert none.sigma == 0.0
    assert [path.contribution for path in none.paths] == [0.5, -0.5]
    assert none.budget[0].share is None
    assert none.warnings == []
    assert propagate("x*x", {"x": 0.1}, x=3.0).sigma == pytest.approx(2 * 3 * 0.1)
    assert propagate("a = x; a + x", {"x": 0.1}, x=3.0).sigma == pytest.approx(0.2)
    assert propagate("x + y", {"x": 0.1, "y": 0.1}, x=3.0, y=3.0).sigma == pytest.approx(
        0.1 * math.sqrt(2)
    )


def test_a_budget_has_shares_of_the_variance() -> None:
    found = propagate("m*g*h", {"m": 0.1, "h": 0.05}, m=2, g=9.81, h=3)
    assert [item.name for item in found.budget] == ["m", "h"]
    assert [item.contribution for item in found.budget] == [
        pytest.approx(2.943),
        pytest.approx(0.981),
    ]
    assert [item.share for item in found.budget] == [pytest.approx(0.9), pytest.approx(0.1)]
    assert found.elasticities == {
        "m": pytest.approx(1),
        "g": pytest.approx(1),
        "h": pytest.approx(1),
    }
    assert found.condition == pytest.approx(3)
    assert found.several is False


def test_paths_are_listed_the_largest_first() -> None:
    found = propagate("x*y + sin(x)", {"x": 0.1, "y": 0.05}, x=1, y=2)
    assert found.several
    assert [(p.name, p.nodes) for p in found.paths] == [
        ("x", ["x", "v1", "v3"]),
        ("x", ["x", "v2", "v3"]),
        ("y", ["y", "v1", "v3"]),
    ]
    of_x = math.fsum(path.contribution for path in found.paths if path.name == "x")
    assert of_x == pytest.approx(found.budget[0].contribution)
    assert len(propagate("sum(i=1..30, x/i)", {"x": 1.0}, x=1.0).paths) == 10


def test_tensors() -> None:
    w, s = np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.0, 0.2])
    found = propagate("sum(w^2)", {"w": s}, w=w)
    assert found.sigma == pytest.approx(math.hypot(0.2, 1.2))
    assert found.budget[0].share == 1.0
    assert found.elasticities["w"] == pytest.approx(2 * w * w / 14)
    assert found.second_order is not None
    assert found.second_order.mean_shift == pytest.approx(0.1**2 + 0.2**2)
    assert found.second_order.variance == pytest.approx(2 * (0.1**4 + 0.2**4))
    all_of_one = propagate("sum(w^2)", {"w": 0.1}, w=w)
    assert all_of_one.sigma == pytest.approx(0.2 * math.sqrt(14))
    matrix = propagate("sum(A @ x)", {"A": 0.1, "x": [0.2, 0.0]}, A=[[1, 2], [3, 4]], x=[1, 2])
    assert matrix.sigma == pytest.approx(math.sqrt(2 * 0.01 * (1 + 4) + (4 * 0.2) ** 2))


# terms of second order


def test_a_stationary_point_has_terms_of_second_order_alone() -> None:
    """x^2 of N(0, s^2) has the mean s^2 and the variance 2 s^4."""
    found = propagate("x^2", {"x": 0.1}, x=0.0)
    assert found.sigma == 0
    assert found.second_order is not None
    assert found.second_order.mean_shift == pytest.approx(0.01)
    assert found.second_order.sigma == pytest.approx(math.sqrt(2) * 0.01)
    assert [w.message for w in found.warnings] == [
        "first-order propagation is rough here: terms of second order shift the mean by 0.01 "
        "and make σ 0.014 instead of 0"
    ]


def test_a_product_has_the_exact_variance_to_second_order() -> None:
    """Goodman (1960): x^2 s_y^2 + y^2 s_x^2 + s_x^2 s_y^2."""
    found = propagate("x*y", {"x": 0.5, "y": 0.7}, x=2.0, y=3.0)
    assert found.second_order is not None
    assert found.second_order.mean_shift == 0
    assert found.second_order.variance == pytest.approx(0.25 * 0.49)


def test_a_lognormal_agrees_to_the_fourth_power() -> None:
    """(e^(s^2) - 1) e^(s^2) = s^2 + 3/2 s^4 + ..., and the mean is e^(s^2/2)."""
    s = 0.3
    found = propagate("exp(x)", {"x": s}, x=0.0)
    assert found.second_order is not None
    assert found.second_order.mean_shift == pytest.approx(s**2 / 2)
    assert found.second_order.variance == pytest.approx(1.5 * s**4)
    assert len(found.warnings) == 1
    assert "(15 % of σ)" in found.warnings[0].message
    assert propagate("exp(x)", {"x": 0.05}, x=0.0).warnings == []


def test_terms_of_second_order_beside_sympy() -> None:
    names = sp.symbols("x y z")
    x, y, z = names
    f = sp.sin(x * y) * sp.exp(z / 3) + x**3 / y
    at = dict(zip(names, (0.7, 1.3, -0.4), strict=True))
    s = dict(zip(names, (0.05, 0.08, 0.2), strict=True))
    shift = sum(sp.diff(f, a, 2) * s[a] ** 2 for a in names) / 2
    variance = sum(
        (sp.diff(f, a, b) ** 2 / 2 + sp.diff(f, a) * sp.diff(f, a, b, b)) * s[a] ** 2 * s[b] ** 2
        for a in names
        for b in names
    )
    found = propagate(
        "sin(x*y)*exp(z/3) + x^3/y",
        {str(a): value for a, value in s.items()},
        **{str(a): value for a, value in at.items()},
    )
    assert found.second_order is not None
    assert found.second_order.mean_shift == pytest.approx(float(shift.subs(at)), rel=1e-10)
    assert found.second_order.variance == pytest.approx(float(variance.subs(at)), rel=1e-10)


def test_a_negative_variance_is_said() -> None:
    found = propagate("sin(x)", {"x": 2.0}, x=0.1)
    assert found.second_order is not None
    assert found.second_order.sigma is None
    assert [w.message for w in found.warnings] == [
        "first-order propagation is rough here: the variance is 4 to first order, and the terms "
        "of second order are -16"
    ]


def test_second_derivatives_that_are_not_finite() -> None:
    found = propagate("x*sqrt(x)*sqrt(x)*sqrt(sqrt(x))", {"x": 0.1}, x=0.0)
    assert found.sigma != found.sigma or found.warnings


def test_graphs_that_are_too_large_for_second_order() -> None:
    found = propagate("sum(exp(v))", {"v": 0.1}, v=np.zeros(20_000))
    assert found.second_order is None
    assert found.warnings == []
    assert found.sigma == pytest.approx(0.1 * math.sqrt(20_000))


@pytest.mark.parametrize(
    ("text", "sigma", "point", "told"),
    [
        (
            "abs(x)",
            {"x": 0.1},
            {"x": 0.05},
            "one σ of x to either side moves the result by 0 and 0.1",
        ),
        ("floor(x) + x", {"x": 0.1}, {"x": 1.95}, "moves the result by -0.1 and 1.1"),
        ("sum(abs(v))", {"v": [0.1, 0.1]}, {"v": [1.0, 0.05]}, "one σ of v[1] to either side"),
        ("where(x > 0, x, log(x))", {"x": 0.1}, {"x": 0.05}, "by nan and 0.1"),
        ("abs(x)", {"x": 0.1}, {"x": 0.5}, None),
        ("exp(x)*y", {"x": 0.1, "y": 0.3}, {"x": 1.0, "y": 2.0}, None),
    ],
)
def test_kinks_and_jumps_within_reach(
    text: str, sigma: dict[str, Any], point: dict[str, Any], told: str | None
) -> None:
    """No derivative at the point sees them."""
    messages = [w.message for w in propagate(text, sigma, **point).warnings]
    assert len(messages) == (told is not None)
    assert told is None or told in messages[0]


def test_a_shift_of_many_sigmas_is_no_percentage() -> None:
    (warning,) = propagate("sin(x)", {"x": 0.1}, x=math.pi / 2).warnings
    assert "%" not in warning.message


def test_no_uncertain_number() -> None:
    found = propagate("x*y", {}, x=1, y=2)
    assert (found.sigma, found.budget, found.paths) == (0.0, [], [])
    exact = propagate("x*y", {"x": 0.0}, x=1, y=2)
    assert exact.sigma == 0.0
    assert exact.warnings == []


def test_an_exact_variable_contributes_nothing_even_at_a_pole() -> None:
    assert propagate("sqrt(x) + y", {"x": 0.0, "y": 0.1}, x=0.0, y=1.0).sigma == 0.1
    assert propagate("sqrt(x)", {"x": 0.1}, x=0.0).sigma == math.inf
    assert math.isnan(propagate("log(x)", {"x": 0.1}, x=-1.0).sigma)


def test_sums_of_squares_do_not_overflow() -> None:
    assert root([3e200, 4e200]) == pytest.approx(5e200)
    assert propagate("x + y", {"x": 3e200, "y": 4e200}, x=1.0, y=1.0).sigma == pytest.approx(5e200)
    assert propagate("x + y", {"x": 3e-200, "y": 4e-200}, x=1.0, y=1.0).sigma == pytest.approx(
        5e-200
    )


# by sampling


CASES: list[tuple[str, dict[str, float], dict[str, float]]] = [
    ("x*y + sin(x)", {"x": 1.0, "y": 2.0}, {"x": 0.01, "y": 0.02}),
    ("x/(y + z) - log(x)", {"x": 3.0, "y": 2.0, "z": 1.0}, {"x": 0.02, "y": 0.01, "z": 0.03}),
    ("a = x*x; a*x - a/y", {"x": 1.5, "y": 0.7}, {"x": 0.01, "y": 0.01}),
    ("sqrt(x^2 + y^2)*(x - y)", {"x": 2.0, "y": 1.0}, {"x": 0.02, "y": 0.02}),
]


@pytest.mark.parametrize(("text", "point", "sigma"), CASES)
def test_monte_carlo(text: str, point: dict[str, float], sigma: dict[str, float]) -> None:
    draw = np.random.default_rng(20)
    count = 400_000
    rows = {name: draw.normal(point[name], sigma[name], count) for name in point}
    sample = bp.parse(text).compile()(rows)[0]
    found = propagate(text, sigma, **point)
    # the relative error of a sample's deviation is 1/sqrt(2 n) = 0.11 %
    assert found.sigma == pytest.approx(float(sample.std()), rel=0.006)


def test_monte_carlo_of_the_terms_of_second_order() -> None:
    draw = np.random.default_rng(21)
    x, y = draw.normal(0.3, 0.2, 2_000_000), draw.normal(1.0, 0.15, 2_000_000)
    sample = np.exp(x) * y**2 + np.sin(x * y)
    found = propagate("exp(x)*y^2 + sin(x*y)", {"x": 0.2, "y": 0.15}, x=0.3, y=1.0)
    assert found.second_order is not None
    assert found.second_order.sigma is not None
    assert found.second_order.mean_shift == pytest.approx(sample.mean() - found.value, rel=0.05)
    first, second = (abs(s - sample.std()) for s in (found.sigma, found.second_order.sigma))
    assert second < first / 3


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_the_terms_are_those_of_the_hessian(data: st.DataObject) -> None:
    """The mean shift of any smooth program is half the trace of its Hessian times the variances."""
    from strategies import SMOOTH

    graph = data.draw(scalar_graphs(rows=[r for r in SMOOTH if r.name != "hypot"], size=6))
    point = data.draw(points(graph))
    sweep = differentiate(graph, point)
    assume(all(math.isfinite(v) and abs(v) < 1e3 for v in sweep.values))
    sigmas = {graph.names[i]: 0.1 * (k + 1) for k, i in enumerate(graph.inputs)}
    found = uncertainty(sweep, sigmas)
    hessian = bp.from_graph(graph).hessian(point)
    shift = sum(hessian[n][n] * s * s for n, s in sigmas.items()) / 2
    slopes = {graph.names[i]: part for i, part in sweep.gradient.items()}
    assert found.sigma == pytest.approx(math.hypot(*(slopes[n] * s for n, s in sigmas.items())))
    assert found.second_order is not None
    if math.isfinite(shift):
        assert found.second_order.mean_shift == pytest.approx(shift, rel=1e-9, abs=1e-9)


# texts


@pytest.mark.parametrize(
    ("text", "values", "sigmas"),
    [
        ("x=1±0.1,y=2±0.05", {"x": 1.0, "y": 2.0}, {"x": 0.1, "y": 0.05}),
        ("x=1 +/- 0.1, y=2", {"x": 1.0, "y": 2.0}, {"x": 0.1}),
        ("x=1+/-.1", {"x": 1.0}, {"x": 0.1}),
        ("x=-1e-3±1e-5", {"x": -1e-3}, {"x": 1e-5}),
        ("x=pi/4±pi/100", {"x": math.pi / 4}, {"x": math.pi / 100}),
        ("x=1±0", {"x": 1.0}, {"x": 0.0}),
        ("x=max(1, 2)±min(1, 2)", {"x": 2.0}, {"x": 1.0}),
        ("w=[1,2]±0.1", {"w": [1.0, 2.0]}, {"w": 0.1}),
        ("w=[1,2]±[0.1,0]", {"w": [1.0, 2.0]}, {"w": [0.1, 0.0]}),
        ("w=[1±0.1, 2±0.2]", {"w": [1.0, 2.0]}, {"w": [0.1, 0.2]}),
        ("w=[1 +/- 0.1, 2]", {"w": [1.0, 2.0]}, {"w": [0.1, 0.0]}),
        ("A=[[1±1,2],[3,4±2]]", {"A": [[1.0, 2.0], [3.0, 4.0]]}, {"A": [[1.0, 0.0], [0.0, 2.0]]}),
        ("A=[1±1,2;3,4]", {"A": [[1.0, 2.0], [3.0, 4.0]]}, {"A": [[1.0, 0.0], [0.0, 0.0]]}),
        ("w=[max(1, 2)±1, 3]", {"w": [2.0, 3.0]}, {"w": [1.0, 0.0]}),
    ],
)
def test_uncertain_points(text: str, values: dict[str, Any], sigmas: dict[str, Any] | None) -> None:
    (point,) = read_points([text])
    plain = {k: v.tolist() if hasattr(v, "tolist") else v for k, v in point.values.items()}
    assert plain == values
    if sigmas is None:
        assert point.sigmas is None
        return
    assert point.sigmas is not None
    assert {k: np.asarray(v).tolist() for k, v in point.sigmas.items()} == sigmas


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x=±1", "a number is missing before '±' (--at)\n  x=±1\n    ^\nhelp: x=1±0.1\n"),
        ("x=1±", "a number is missing after '±' (--at)\n  x=1±\n     ^\nhelp: x=1±0.1\n"),
        ("x=1,w=[1,±2]", "a number is missing before '±' (--at)\n  x=1,w=[1,±2]\n           ^\n"),
        ("y=0,x=1±2±3", "a second '±' in one value (--at)\n  y=0,x=1±2±3\n           ^\n"),
        ("w=[1±2, 3]±4", "a second '±' in one value (--at)\n  w=[1±2, 3]±4\n            ^\n"),
        (
            "x=1±-1",
            "an uncertainty is a standard deviation: -1 is not (--at)\n  x=1±-1\n     ^^^\n"
            "help: write a number that is not negative: x=1±0.1\n",
        ),
        ("x=1±inf", "an uncertainty is a standard deviation: inf is not (--at)\n  x=1±inf\n"),
        ("x=sin(1±2)", "'±' stands inside an expression (--at)\n  x=sin(1±2)\n         ^\n"),
        ("x=2*[1±2, 3]", "'±' stands inside an expression (--at)\n  x=2*[1±2, 3]\n        ^\n"),
        ("x=[1±2, 3]*2", "'±' stands inside an expression (--at)\n  x=[1±2, 3]*2\n      ^\n"),
        (
            "w=[1,2]±[1,2,3]",
            "the uncertainty is (3,), the value is (2,) (--at)\n  w=[1,2]±[1,2,3]\n"
            "         ^^^^^^^^\nhelp: one number after '±' is for every element\n",
        ),
        (
            "x=1±q",
            "the value of a variable must be constant, and 'q' is a variable (--at)\n  x=1±q\n"
            "      ^\n",
        ),
    ],
)
def test_mistakes_are_shown_in_their_place(text: str, message: str) -> None:
    with pytest.raises(BpropError) as raised:
        read_points([text])
    assert diagnostics.error(raised.value).startswith(f"error: {message}")


@given(st.text(alphabet="x=1.±+/-[],;() e", max_size=16))
def test_any_text_is_an_uncertain_value_or_a_mistake(text: str) -> None:
    try:
        (point,) = read_points([f"x={text}"])
    except BpropError as fault:
        diagnostics.error(fault)
    else:
        assert set(point.sigmas or {}) <= set(point.values)


def test_json() -> None:
    assert from_json({"value": 1, "sigma": 0.1}) == Uncertain(1.0, 0.1)
    assert from_json({"value": [1, 2], "sigma": 0.1}) == Uncertain([1.0, 2.0], 0.1)
    assert from_json("pi ± 0.1") == Uncertain(math.pi, 0.1)
    for wrong, message in [
        ({"value": 1}, "an uncertain value has a value and a sigma, this one differs in sigma"),
        ({"value": 1, "sigma": 1, "z": 1}, "an uncertain value has .* differs in z"),
        ({"value": 1, "sigma": -1}, "an uncertainty is a standard deviation: -1 is not"),
        ({"x": 1}, "an object is not a number"),
    ]:
        with pytest.raises(UsageFault, match=message):
            from_json(wrong)
    with pytest.raises(ShapeFault, match=r"the uncertainty is \(2,\), the value is a scalar"):
        from_json({"value": 1, "sigma": [1, 2]})


def test_names_that_are_no_variables() -> None:
    with pytest.raises(NameFault, match="'z' is no variable of the program"):
        propagate("x*y", {"z": 1.0}, x=1, y=2)
    with pytest.raises(UsageFault, match="'n' is a parameter, a whole number"):
        propagate("sum(i=1..n, x^i)", {"n": 1.0}, x=1, n=2)
    with pytest.raises(UsageFault, match="an uncertainty is a standard deviation: -1 is not"):
        propagate("x", {"x": -1.0}, x=1)
    with pytest.raises(ShapeFault, match="the uncertainty is"):
        propagate("sum(x)", {"x": [1.0, 2.0]}, x=[1, 2, 3])


@pytest.mark.parametrize(
    ("value", "sigma", "text"),
    [
        (2.8414709, 0.2589, "2.84 ± 0.26"),
        (3.1, 0.12, "3.10 ± 0.12"),
        (1.0, 0.0996, "1.00 ± 0.10"),
        (12345.6, 123.0, "12350 ± 120"),
        (5.0, 12.0, "5 ± 12"),
        (-2.0, 1.05, "-2.0 ± 1.1"),
        (0.0, 0.01, "0.000 ± 0.010"),
        (1e-12, 3e-14, "(1.000 ± 0.030)e-12"),
        (6.02214e23, 3e19, "(6.02214 ± 0.00030)e23"),
        (1.0, 3e-15, "(1.0000000000000000 ± 0.0000000000000030)e0"),
        (0.0, 2e300, "(0.0 ± 2.0)e300"),
        (2.5, 0.0, "2.5 ± 0"),
        (math.inf, 1.0, "inf ± 1"),
        (1.0, math.inf, "1 ± inf"),
        (1.0, math.nan, "1 ± nan"),
    ],
)
def test_a_value_is_rounded_as_its_deviation(value: float, sigma: float, text: str) -> None:
    assert plus_minus(value, sigma) == text


@pytest.mark.parametrize(
    ("text", "sigma", "told"),
    [
        ("abs(x)*y", {"x": 0.1}, True),
        ("abs(x)*y", {"y": 0.1}, False),
        ("abs(x)*y", {"x": 0.0, "y": 0.1}, False),
        ("abs(y)*x", {"x": 0.1, "y": 0.1}, False),
    ],
)
def test_a_kink_within_sigma_is_told(text: str, sigma: dict[str, float], told: bool) -> None:
    """Where an uncertain variable crosses a kink, the derivative there says nothing of its size."""
    warnings = propagate(text, sigma, x=0, y=1).warnings
    wanted = "abs(x) has a kink within σ: first-order propagation says nothing there"
    assert [w.message for w in warnings if w.kind == "accuracy"] == [wanted] * told
