"""Taylor coefficients: against mpmath, SymPy, forward mode again and again, and by hand."""

from __future__ import annotations

import math
import time
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import strategies as own
import symbolic_oracle
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import backprop_cli as bp
from backprop_cli.engine.evaluate import evaluate
from backprop_cli.engine.selection import Place
from backprop_cli.engine.series import Series
from backprop_cli.engine.taylor import Taylor, expansion_place, taylor
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import OPERATIONS
from backprop_cli.render.taylor_tables import polynomial
from backprop_cli.transform.forward import forward

SYMBOLIC = [row for row in own.SMOOTH if row.name in symbolic_oracle.ROWS]
MPMATH = {
    "exp(sin(x))": lambda x: mp.exp(mp.sin(x)),
    "sqrt(x)/(1 + x)": lambda x: mp.sqrt(x) / (1 + x),
    "x^2.5": lambda x: mp.power(x, 2.5),
    "x^x": lambda x: mp.power(x, x),
    "2^x": lambda x: mp.power(2, x),
    "log(x)*cbrt(x)": lambda x: mp.log(x) * mp.cbrt(x),
    "gamma(x)": mp.gamma,
    "lgamma(x)": mp.loggamma,
    "digamma(x)": mp.digamma,
    "tanh(x) + tan(x)": lambda x: mp.tanh(x) + mp.tan(x),
    "atan(x)*asinh(x)": lambda x: mp.atan(x) * mp.asinh(x),
    "asin(x/2) + acos(x/3)": lambda x: mp.asin(x / 2) + mp.acos(x / 3),
    "acosh(2x) + atanh(x/3)": lambda x: mp.acosh(2 * x) + mp.atanh(x / 3),
    "erf(x) - erfc(x)": lambda x: mp.erf(x) - mp.erfc(x),
    "sigmoid(x)": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus(x)": lambda x: mp.log1p(mp.exp(x)),
    "silu(x) + gelu(x)": lambda x: x / (1 + mp.exp(-x)) + x * mp.ncdf(x),
    "hypot(x, 2) + atan2(x, 3)": lambda x: mp.sqrt(x * x + 4) + mp.atan2(x, 3),
    "xlogy(x, x) + logaddexp(x, 1)": lambda x: x * mp.log(x) + mp.log(mp.exp(x) + mp.e),
    "sinc(x)": lambda x: mp.sin(mp.pi * x) / (mp.pi * x),
    "exp2(x) + expm1(x) + log1p(x)": lambda x: mp.power(2, x) + mp.expm1(x) + mp.log1p(x),
    "log2(x) + log10(x) + 1/x": lambda x: mp.log(x, 2) + mp.log(x, 10) + 1 / x,
}


def found(text: str, order: int = 5, wrt: str | None = None, **point: Any) -> Taylor:
    bound = bp.parse(text)._at(None, point)
    name, place = expansion_place(bound.graph, [] if wrt is None else [wrt])
    return taylor(bound.graph, bound.point, bound.graph.outputs[0][1], place, name, order)


@pytest.mark.parametrize("text", MPMATH)
def test_agrees_with_mpmath(text: str) -> None:
    """To order 12, at a point where everything is regular."""
    ours = found(text, 12, x=0.7).coefficients
    with mp.workdps(60):
        exact = mp.taylor(MPMATH[text], mp.mpf(0.7), 12)
        for k, (a, b) in enumerate(zip(ours, exact, strict=True)):
            assert abs(a - b) <= 1e-11 * max(abs(b), mp.mpf(10) ** -4), (k, a, b)


@given(st.data())
@settings(max_examples=25)
def test_agrees_with_sympy(data: st.DataObject) -> None:
    """Random programs of several variables, expanded in the first."""
    graph = data.draw(own.scalar_graphs(rows=SYMBOLIC, variables=2, size=5))
    point = data.draw(own.points(graph))
    expression, symbols = symbolic_oracle.expression(graph)
    assume(expression.count_ops() < 40)
    name = graph.names[graph.inputs[0]]
    place = Place(graph.inputs[0], None)
    ours = taylor(graph, point, graph.outputs[0][1], place, name, 4).derivatives
    for k, derivative in enumerate(ours):
        exact = symbolic_oracle.number(expression, symbols, point)
        scale = max(1.0, *map(abs, ours[: k + 1]))
        assert derivative == pytest.approx(exact, rel=1e-9, abs=1e-11 * scale)
        expression = sp.diff(expression, symbols[name])


def forward_again_and_again(graph: Graph, point: dict[str, Any], order: int) -> list[Any]:
    """Derivatives by differentiating the tangent graph: exponential, and right."""
    output, results = graph.outputs[0][1], []
    for k in range(order + 1):
        results.append(evaluate(graph, point).values[output])
        made = forward(graph, {graph.by_name["x"]: f"d{k}"}, [output])
        graph, output = made.graph, made.tangents[output]
        point = {**point, f"d{k}": 1.0}
        if graph.by_name.get(f"d{k}") is None:
            return results + [0.0] * (order - k)
    return results


TENSOR = {
    "sum(softmax(a*x) * a)": {"a": [1, 2, 3]},
    "sum(inv(A + x*[1, 0; 0, 2]) @ [1, 2])": {"A": [[1, 2], [3, 4]]},
    "sum(solve(A + x*[1, 0; 0, 2], [1, 2]))": {"A": [[1, 2], [3, 4]]},
    "det(A*x + [1, 0; 0, 2])": {"A": [[1, 2], [3, 4]]},
    "logdet([2, x; x, 3])": {},
    "norm(a*x + 1) + logsumexp(x*a) + prod(a + x) + std(a*x + a^2)": {"a": [1, 2, 3]},
    "max(a*x) + sum(relu(a - 2x)) + var(a*x)": {"a": [1, 2, 3]},
    "sum(concat(a*x, [x, x^2])^3) + cross(a*x, [1, x, 2])[1]": {"a": [1, 2, 3]},
    "trace(outer(a*x, sin(a*x)))": {"a": [1, 2, 3]},
}


@pytest.mark.parametrize("text", TENSOR)
def test_through_arrays(text: str) -> None:
    bound = bp.parse(text)._at(None, {"x": 0.2, **TENSOR[text]})
    graph = bound.graph
    place = Place(graph.by_name["x"], None)
    ours = taylor(graph, bound.point, graph.outputs[0][1], place, "x", 3).derivatives
    wanted = forward_again_and_again(graph, bound.point, 3)
    for a, b in zip(ours, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * (1 + abs(float(ours[1]))))


def test_by_hand() -> None:
    assert found("exp(x)", 4, x=0).coefficients == [1, 1, 1 / 2, 1 / 6, 1 / 24]
    assert found("x^5", 7, x=0).coefficients == [0, 0, 0, 0, 0, 1, 0, 0]
    assert found("(1 + x)^3", 5, x=0).derivatives == [1, 3, 6, 6, 0, 0]
    assert found("1/(1 - x)", 6, x=0).coefficients == [1] * 7
    assert found("x*y", 2, "y", x=3, y=2).coefficients == [6, 3, 0]
    assert found("a = x*y; a^2 + x", 3, "a", x=3, y=2).coefficients == [39, 12, 1, 0]
    assert found("w @ w", 3, "w[-1]", w=[2, 3]).coefficients == [13, 6, 1, 0]
    assert found("stop_grad(x)*x", 2, x=3).coefficients == [9, 3, 0]
    assert found("0*log(x) + x", 2, x=0).coefficients[1:] == [1, 0]
    assert found("relu(x) + abs(-x) + floor(x)", 2, x=1.5).coefficients == [4, 2, 0]
    assert found("where(x > 0, x^2, log(x))", 2, x=3).coefficients == [9, 6, 1]
    tensor = found("[x, x^2, exp(x)]", 2, x=0).coefficients
    assert [c.tolist() for c in tensor] == [[0, 0, 1], [1, 0, 1], [0, 1, 0.5]]


def test_a_variable_without_a_path() -> None:
    result = found("a = x + 1; y^2 + 0*a", 2, "a", x=1, y=3)
    assert result.coefficients == [9, 0, 0]


def test_high_orders_are_quick() -> None:
    """The graph does not grow with the order; repeated differentiation would square it."""
    text = "x"
    for _ in range(10):
        text = f"exp(sin({text})/2)"
    start = time.process_time()
    ours = found(text, 40, x=0.3).coefficients
    assert time.process_time() - start < 2
    assert len(ours) == 41
    with mp.workdps(80):
        exact = mp.taylor(lambda x: mp.exp(mp.sin(x)), mp.mpf(0.3), 40)
    errors = [
        abs(a - b) / max(abs(b), mp.mpf(10) ** -12)
        for a, b in zip(found("exp(sin(x))", 40, x=0.3).coefficients, exact, strict=True)
    ]
    assert max(errors) < 1e-3
    assert max(errors[:20]) < 1e-10


def test_solutions_are_quotients_of_series() -> None:
    """By Cramer's rule, of vectors, of matrices, and of a vector for each matrix of a stack."""
    wanted = found("(3 - x)/(5 + 3*x) + (2*x + x^2 - 1)/(5 + 3*x)", 30, x=0.1).coefficients
    for text in (
        "sum(solve([2 + x, 1; 1, 3], [1, x]))",
        "sum(solve([2 + x, 1; 1, 3], [[1], [x]]))",
        "sum(solve(stack([2 + x, 1; 1, 3], [2 + x, 1; 1, 3]), [1, x]))/2",
        "sum(inv([2 + x, 1; 1, 3]) @ [1, x])",
    ):
        ours = found(text, 30, x=0.1).coefficients
        np.testing.assert_allclose(ours, wanted, rtol=1e-9, atol=1e-15, err_msg=text)


@pytest.mark.parametrize(
    "text", ["gamma(1 + x)^x", "x^x", "det([2 + x, 1; 1, 3])", "prod([x, 1 + x, 2])", "x^2.5"]
)
def test_the_graph_grows_no_more_than_linearly(text: str) -> None:
    bound = bp.parse(text)._at(None, {"x": 0.3})
    graph, sizes = bound.graph, []
    done = evaluate(graph, bound.point)
    for order in (5, 10, 20):
        series = Series(graph, bound.point, graph.inputs[0], 1.0, done.values, done.backend)
        series.coefficient(graph.outputs[0][1], order)
        sizes.append(len(series.builder))
    assert sizes[2] - sizes[1] <= 2 * (sizes[1] - sizes[0])


def test_by_index_as_on_slices() -> None:
    """A long program by index is expanded in one of its elements as the one on slices is."""
    at = np.linspace(-1.0, 2.0, 200)
    by_index = found("sum(i=0..198, exp(x[i]*x[i+1]) + sin(x[i])^2)", 8, "x[7]", x=at)
    at_once = found("sum(exp(x[:-1]*x[1:]) + sin(x[:-1])^2)", 8, "x[7]", x=at)
    assert by_index.coefficients == pytest.approx(at_once.coefficients, rel=1e-12)
    assert (by_index.name, by_index.at, by_index.warnings) == ("x[7]", at[7], [])
    [warning] = found("sum(i=0..198, abs(x[i])*x[i+1])", 2, "x[0]", x=at - at[0]).warnings[-1:]
    assert warning.message == "abs(x[i]) has no Taylor series at x[0] = 0, where it has a kink"


def test_a_long_sum_does_not_recurse() -> None:
    chain = " + ".join(["sin(x)"] + ["x"] * 20_000)
    assert found(chain, 2, x=0).coefficients == [0, 20_001, 0]
    nested = "sin(" * 3_000 + "x" + ")" * 3_000
    assert found(nested, 1, x=0).coefficients == [0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sqrt(x)", "sqrt(x) has no Taylor series at x = 0: its coefficient of order 1 is inf"),
        ("1 + x^2.5", "x^2.5 has no Taylor series at x = 0: its coefficient of order 3 is inf"),
        ("log(x)", "log(x) has no Taylor series at x = 0: its coefficient of order 0 is -inf"),
    ],
)
def test_singular_points_are_explained(text: str, message: str) -> None:
    result = found(text, 4, x=0)
    assert message in [w.message for w in result.warnings]
    assert not math.isfinite(result.coefficients[-1])
    assert polynomial(result.coefficients, "x", 0.0) is None
    arrays = found(f"[{text}, 1]", 4, x=0)
    assert [w.kind for w in arrays.warnings][-1] == "non-finite"


@pytest.mark.parametrize(
    ("text", "known", "message"),
    [
        ("abs(x)", [0], "abs(x) has no Taylor series at x = 0, where it has a kink"),
        ("max(x, 0)", [0], "max(x, 0) has no Taylor series at x = 0, where it has a kink"),
        ("x*abs(x)", [0, 0], "abs(x) has no Taylor series at x = 0, where it has a kink"),
        ("x^2*abs(x) + x", [0, 1, 0], "abs(x) has no Taylor series at x = 0, where it has a kink"),
        ("relu(x)^2", [0, 0], "relu(x) has no Taylor series at x = 0, where it has a kink"),
        ("abs(x^3)", [0, 0, 0], "abs(x^3) has no Taylor series at x = 0, where it has a kink"),
        ("x*sign(x)", [0], "sign(x) has no Taylor series at x = 0, where it has a jump"),
        ("where(x > 0, x, 2)", [2], "x > 0 has no Taylor series at x = 0, where it has a jump"),
    ],
)
def test_there_is_no_series_at_a_kink_or_a_jump(
    text: str, known: list[float], message: str
) -> None:
    """From the order at which the two sides differ there is no coefficient."""
    result = found(text, 4, x=0)
    assert result.coefficients[: len(known)] == known
    assert all(math.isnan(c) for c in result.coefficients[len(known) :])
    assert message in [w.message for w in result.warnings]
    assert polynomial(result.coefficients, "x", 0.0) is None
    assert "no-path" not in [w.kind for w in result.warnings]


def test_a_kink_that_nothing_crosses_takes_no_series_away() -> None:
    """Beside it, along another element, behind a factor of 0, and below the order that is asked."""
    assert found("abs(x)", 2, x=1).coefficients == [1, 1, 0]
    assert found("0*abs(x)", 2, x=0).coefficients == [0, 0, 0]
    assert found("relu(x)^2", 1, x=0).coefficients == [0, 0]
    second = found("[abs(x), x^2]", 2, x=0).coefficients[2]
    np.testing.assert_array_equal(second, [math.nan, 1])
    bound = bp.parse("sum(abs(z)) + sum(z^2)")._at(None, {"z": [0.0, 1.0]})
    output = bound.graph.outputs[0][1]
    for k, known in ((0, [2, math.nan]), (1, [2, 3])):
        place = Place(bound.graph.inputs[0], (k,))
        ours = taylor(bound.graph, bound.point, output, place, f"z[{k}]", 1).coefficients
        np.testing.assert_array_equal(ours, known)


def test_kinks_and_jumps_are_told() -> None:
    assert [w.kind for w in found("abs(x)", x=0).warnings] == ["kink", "non-finite"]
    assert [w.kind for w in found("where(x > 0, x, x^2)", x=0).warnings] == ["jump", "non-finite"]


@pytest.mark.parametrize("x", [0.0, 1e-9, 0.1, -0.3, 0.32, 0.39, 0.7, 1.0, 1.5, -3.3, 10.0])
def test_sinc_keeps_its_digits_at_every_order(x: float) -> None:
    """Against its power series at 0, shifted: d^k/dx^k of sum (-1)^j (pi x)^(2j)/(2j + 1)!."""
    ours = found("sinc(x)", 60, x=x).coefficients
    with mp.workdps(120):
        for k, coefficient in enumerate(ours):
            bound = mp.pi**k / mp.factorial(k + 1)
            exact = mp.fsum(
                (-1) ** (n // 2)
                * mp.pi**n
                / mp.factorial(n + 1)
                * mp.binomial(n, k)
                * mp.mpf(x) ** (n - k)
                for n in range(k + k % 2, k + 240, 2)
            )
            assert abs(coefficient - exact) <= 1e-13 * max(abs(exact), bound / 100), k
    arrays = found("sinc([x, x + 1])", 60, x=x).coefficients
    assert [c[0] for c in arrays] == ours


def test_sinc_of_a_series() -> None:
    ours = found("sinc(x^2 + x/3)*exp(x)", 30, x=0.1).coefficients
    with mp.workdps(80):
        exact = mp.taylor(lambda x: mp.sincpi(x * x + x / 3) * mp.exp(x), mp.mpf(0.1), 30)
        for k, (a, b) in enumerate(zip(ours, exact, strict=True)):
            assert abs(a - b) <= 1e-12 * max(abs(b), mp.mpf(10) ** -9), k
    assert found("sinc(x)", 170, x=0).coefficients[1::2] == [0.0] * 85
    assert found("sinc(x)", 2, x=math.inf).coefficients[1:] == pytest.approx(
        [math.nan] * 2, nan_ok=True
    )


@pytest.mark.parametrize(
    ("coefficients", "name", "at", "text"),
    [
        ([0.0, 0.0], "x", 0.0, "0"),
        ([1.0, -1.0, 0.5], "x", 0.0, "1 - x + x^2/2"),
        ([-1.0, 2.0, -1 / 3], "x", 0.0, "-1 + 2*x - x^2/3"),
        ([0.25, 0.0, 1.5], "x", -2.0, "1/4 + 3*(x + 2)^2/2"),
        ([0.1, 0.7320508075688772], "y", 0.5, "1/10 + 0.7320508075688772*(y - 0.5)"),
        ([0.0] * 13 + [1 / math.factorial(13)], "x", 0.0, "x^13/6227020800"),
        ([1e300, 1e-300], "x", 0.0, "1e+300 + 1e-300*x"),
        ([np.array([1.0, 0.0]), np.array([0.0, 2.0])], "w[0]", 0.0, "[1, 2*w[0]]"),
    ],
)
def test_polynomials(coefficients: list[Any], name: str, at: float, text: str) -> None:
    assert polynomial(coefficients, name, at) == text


@given(
    st.lists(
        st.floats(-1e6, 1e6) | st.fractions(max_denominator=50).map(float), min_size=1, max_size=6
    ),
    st.sampled_from([0.0, 1.0, -0.75, 0.1]),
)
def test_a_polynomial_reads_back(coefficients: list[float], at: float) -> None:
    """As a program it has the same coefficients."""
    text = polynomial(coefficients, "x", at)
    assert text is not None
    if not any(coefficients[1:]):
        return
    again = bp.parse(text).taylor(x=at, order=len(coefficients) - 1)
    assert again == pytest.approx(coefficients, rel=1e-14, abs=1e-300)


def test_every_smooth_row_has_a_series() -> None:
    """The first two derivatives of every elementwise row are those of forward mode."""
    for row in OPERATIONS:
        if not row.elementwise or not row.probes or not any(row.partials):
            continue
        names = [f"x{k}" for k in range(len(row.probes[0]))]
        for k, name in enumerate(names):
            if row.rule(k) is None:
                continue
            builder = Builder()
            nodes = [builder.input(n) for n in names]
            static = 1 if row.name == "polygamma" else None
            graph = builder.graph([(None, builder.add(row.name, *nodes, static=static))])
            for probe in row.probes:
                point = dict(zip(names, map(float, probe), strict=True))
                ours = taylor(graph, point, len(graph) - 1, Place(nodes[k], None), name, 2)
                once = forward(graph, {nodes[k]: "d"})
                tangent = once.tangents[len(graph) - 1]
                twice = forward(once.graph, {nodes[k]: "e"}, [tangent])
                values = evaluate(twice.graph, point | {"d": 1.0, "e": 1.0}).values
                wanted = [values[tangent], values[twice.tangents[tangent]]]
                assert ours.derivatives[1:] == pytest.approx(wanted, rel=1e-10, abs=1e-13), row.name


@pytest.mark.parametrize(
    ("text", "at", "order", "true"),
    [
        ("sin(x)/x", 0.3, 15, lambda x: mp.sin(x) / x),
        ("expm1(x)/x", 0.3, 15, lambda x: mp.expm1(x) / x),
        ("log(1 + x)/x", 0.5, 30, lambda x: mp.log1p(x) / x),
        ("1/x", 0.01, 60, lambda x: 1 / x),
        ("sin(x)/cos(x)", 1.5, 60, mp.tan),
        ("x/(1 + x^2)", 0.0, 60, lambda x: x / (1 + x * x)),
    ],
)
def test_coefficients_are_right_or_said_to_be_doubtful(
    text: str, at: float, order: int, true: Any
) -> None:
    """A quotient by a number near 0 multiplies rounding at every order: from there on it warns."""
    graph = bp.parse(text).graph()
    found = taylor(graph, {"x": at}, graph.output(), Place(graph.by_name["x"], None), "x", order)
    with mp.workdps(60 + 2 * order):
        wanted = [float(c) for c in mp.taylor(true, mp.mpf(at), order)]
    sure = order + 1
    for warning in found.warnings:
        assert warning.kind == "accuracy"
        sure = int(warning.message.split()[2])
    scale = [
        max(abs(a), abs(b), 1e-300) for a, b in zip(wanted, [wanted[0], *wanted], strict=False)
    ]
    errors = [abs(a - b) / s for a, b, s in zip(found.coefficients, wanted, scale, strict=True)]
    assert max(errors[:sure]) < 2.0**-26
    assert (sure > order) == (text in ("1/x", "sin(x)/cos(x)", "x/(1 + x^2)"))
