"""Symbolic derivatives: against SymPy, against the sweep, and as people write them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import symbolic_oracle as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import ELEMENTWISE, points, scalar_graphs

from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.engine.lower import load, lower
from backprop_cli.engine.symbolic import symbolic
from backprop_cli.errors import BpropError, ShapeFault, SyntaxFault, UsageFault
from backprop_cli.ir.ops import OPERATIONS
from backprop_cli.ir.sizes import named_sizes
from backprop_cli.syntax.unparse import unparse

ORACLE_ROWS = [row for row in ELEMENTWISE if row.name in oracle.ROWS]
SMOOTH = [row for row in ELEMENTWISE if row.kind == "elementwise" and row.rule(0) and row.probes]


def derivative(text: str, name: str | None = None, order: int = 1) -> str:
    graph = lower(load(text))
    node = graph.inputs[0] if name is None else graph.by_name[name]
    return unparse(symbolic(graph, graph.outputs[0][1], [node], order)[-1].graph)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("x*y + sin(x)", "y + cos(x)"),
        ("x^2*log(x)", "x + 2*x*log(x)"),
        ("x*sqrt(x)", "3*sqrt(x)/2"),
        ("0.3*x^2 + 0.25*x*y", "0.6*x + 0.25*y"),
        ("x*sqrt(x)*1.0 + 0.25*x^2", "0.5*x + 1.5*sqrt(x)"),
        ("tanh(x + 0.044715*x^3)", "(0.134145*x^2 + 1)/cosh(0.044715*x^3 + x)^2"),
        ("x/(y - z) - v/(sqrt(x)*y)", "1/(y - z) + v/(2*x^(3/2)*y)"),
        ("sqrt((1 + x)/(1 - x))", "sqrt((x + 1)/(1 - x))/(1 - x^2)"),
        ("log((x + 1)/(x - 1))", "2/(1 - x^2)"),
        ("log((1 + sin(x))/(1 - sin(x)))/2", "1/cos(x)"),
        ("atan(x/sqrt(1 - x^2))", "1/sqrt(1 - x^2)"),
        ("exp(-1/x)/sqrt(x*y)", "(2 - x)*exp(-1/x)/(2*x^2*sqrt(x*y))"),
        ("x/(1 + exp(-x))", "(x + exp(x) + 1)/(4*cosh(x/2)^2)"),
        ("exp(x)/(exp(x) - 1)^2", "(exp(x) + 1)*exp(x)/(1 - exp(x))^3"),
        ("x^(y - 1)*exp(-x^y)", "(y - y*x^y - 1)*x^(y - 2)*exp(-x^y)"),
        ("x^(1 - y)*z", "z*(1 - y)/x^y"),
        ("5^(x^2)", "2*x*5^(x^2)*log(5)"),
        ("asinh(x)", "1/sqrt(x^2 + 1)"),
        ("acosh(x)", "1/sqrt(x^2 - 1)"),
        ("atan2(y, x)", "x/(y^2 + x^2)"),
        ("tanh(x*sqrt(2)/sqrt(pi))", "sqrt(2/pi)/cosh(x*sqrt(2/pi))^2"),
        ("erf(sqrt(x)/sqrt(2))", "exp(-x/2)/(sqrt(x)*sqrt(2*pi))"),
        ("sqrt(x^2 + 1)", "x/sqrt(x^2 + 1)"),
        ("(x^2 - 1)/(x^2 + 1)", "4*x/(x^2 + 1)^2"),
        ("x/(1 + x^2)", "(1 - x^2)/(x^2 + 1)^2"),
        ("exp(-x^2)", "-2*x*exp(-x^2)"),
        ("x^y", "y*x^(y - 1)"),
        ("2^x", "2^x*log(2)"),
        ("log2(x)", "1/(x*log(2))"),
        ("erf(x)", "2*exp(-x^2)/sqrt(pi)"),
        ("x^(1/3)", "1/(3*x^(2/3))"),
        ("asin(x)", "1/sqrt(1 - x^2)"),
        ("tanh(x)", "1/cosh(x)^2"),
        ("softplus(x)", "sigmoid(x)"),
        ("abs(x)", "sign(x)"),
        ("relu(x)*y", "where(x > 0, y, 0)"),
        ("max(x, y)", "where(x >= y, 1, 0)"),
        ("max(x, y)*min(x, y)", "y"),
        ("max(x, 0)^2", "where(x >= 0, 2*x, 0)"),
        ("abs(x)*sign(x)*x", "2*x"),
        ("sqrt(x)^2*abs(x)", "2*abs(x)"),
        ("(x^6)^(1/6)", "sign(x)"),
        ("hypot(x, y)", "x/hypot(x, y)"),
        ("where(x > 0, x^2, sin(x))", "where(x > 0, 2*x, cos(x))"),
        ("huber(x, y)", "where(abs(x - y) <= 1, x - y, sign(x - y))"),
        ("sinc(x)", "(cos(pi*x) - sinc(x))/x"),
        ("gamma(x)", "gamma(x)*digamma(x)"),
        ("stop_grad(x)*x", "stop_grad(x)"),
        ("where(3 < 0.5, 2, x)", "1"),
        ("where(2 - 2, x^2, x)", "1"),
        ("where(sin(0), x^2, x)", "1"),
        ("where(sin(1), x^2, x)", "2*x"),
        ("min(x, x)", "1"),
        ("max(sin(x), sin(x))", "cos(x)"),
        ("sqrt(cos(x))", "-sin(x)/(2*sqrt(cos(x)))"),
        ("sqrt(x^2) + log(y)*y", "sign(x)"),
        ("floor(x)", "0"),
        ("y", "1"),
        # a condition that has no value at 0 keeps none
        ("where(x/x > 0.25, 0, x)", "where(x/x > 0.25, 0, 1)"),
        ("where(x^2/x < 5, x, 3*x)", "where(x^2/x < 5, 1, 3)"),
        ("where(x > 0, x^2/x, 2*x)", "where(x > 0, 1, 2)"),
        # constants keep their names, and whole numbers their quotients
        ("e^x", "e^x"),
        ("x*e", "e"),
        ("x/pi", "1/pi"),
        ("x^pi", "pi*x^(pi - 1)"),
        ("sin(x*pi/180)", "pi*cos(pi*x/180)/180"),
        ("x^2/3", "2*x/3"),
    ],
)
def test_as_a_person_writes_it(text: str, written: str) -> None:
    assert derivative(text) == written


FORMULAS = """\
x^2/sqrt(4 - x^2)
(x + 1)^3*(x - 1)^2
y*sqrt(x/y)
1/(1/x + 1/y)
exp(-(x - y)^2/(2*y^2))/(y*sqrt(2*pi))
8*pi*y/(x^5*(exp(y/x) - 1))
1/(exp((x - y)/2) + 1)
3/(1 + (3 - y)/y*exp(-x))
2/sqrt(9 + (x*y - 1/(x*y))^2)
sin(x)^3*cos(x)^2
sin(2*x)^2/cos(2*x)
log(tan(x))*tan(x)^3
(exp(x) - exp(-x))/(exp(x) + exp(-x))
sqrt(x + sqrt(x))
x^x*log(x)^2/x^3
abs(x - 3)*(x - 3)*sign(x)
abs(x)^3/x
sqrt(x^2*y)*(x - y)/(y - x)^3
where(x > 1, x^2, where(x > 0 and y > 1, x*y, y)) - max(x^2, y)
cbrt(x^2 + 1)^5/hypot(x, y)
(0.1*x + 0.7*y)^2/(0.3*x - y/3)
exp(2*log(x*y))/x^1.5
asin(x/3)*acos(y/9) - atan2(y, x)
""".splitlines()


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_have_the_derivatives_of_the_sweep(text: str) -> None:
    """First and mixed second derivatives, written out and parsed back, at two points."""
    graph = lower(load(text))
    first = symbolic(graph, graph.outputs[0][1], graph.inputs)
    for point in ({"x": 0.7, "y": 1.9}, {"x": 1.6, "y": 0.45}):
        found = differentiate(graph, point).gradient
        for node, d in zip(graph.inputs, first, strict=True):
            again = lower(load(unparse(d.graph)))
            bound = {name: point[name] for name in point if name in again.by_name}
            assert evaluate(again, bound).value == pytest.approx(found[node], 1e-9, nan_ok=True)
            seconds = differentiate(again, bound)
            for other in graph.inputs:
                name = graph.names[other]
                twice = symbolic(graph, graph.outputs[0][1], [node, other], 2)
                key = tuple(graph.names[i] for i in dict.fromkeys([node, other]))
                mixed = next(e.graph for e in twice if set(e.wrt) == set(key))
                value = evaluate(mixed, point).value
                wanted = 0.0
                if name in again.by_name:
                    wanted = seconds.gradient[again.by_name[name]]
                assert value == pytest.approx(wanted, 1e-8, 1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "order", "most"),
    [
        ("sin(x)*exp(x)/(1 + x^2)", 10, 400),
        ("*".join(f"sin(x + {k})" for k in range(400)), 1, 40 * 400),
        ("*".join(f"(x + {k})" for k in range(400)), 1, 40 * 400),
        ("x" + "".join(f"/(x + {k})" for k in range(400)), 1, 40 * 400),
    ],
)
def test_large_derivatives_stay_small(text: str, order: int, most: int) -> None:
    """Shared products stay shared: no derivative has a part for each pair of factors."""
    graph = lower(load(text))
    assert len(symbolic(graph, graph.outputs[0][1], graph.inputs, order)[0].graph) < most


@pytest.mark.parametrize(
    "text",
    [
        "sinc((0.3*x)^y*x^2)",
        "(0.3*x)^(y - 1)*(0.3*x)^-y*sinc(x)",
        "(((x*y)*(x*y))*softplus(2))^(3/2)",
        "R/(3 - x) - y/(sqrt(x)*3*(3 + x))",
        "exp(-x^2/(4*R*x))/sqrt(4*pi*R*x)",
    ],
)
def test_higher_orders_are_the_derivatives_of_lower_ones(text: str) -> None:
    graph = lower(load(text))
    point = {"x": 2.28, "y": -1.0, "R": 0.7}
    node = graph.by_name["x"]
    lower_one = graph
    for order in (1, 2, 3):
        bound = {name: point[name] for name in map(lower_one.names.get, lower_one.inputs)}
        wanted = differentiate(lower_one, bound).gradient[lower_one.by_name["x"]]
        lower_one = symbolic(graph, graph.outputs[0][1], [node], order)[0].graph
        bound = {name: point[name] for name in map(lower_one.names.get, lower_one.inputs)}
        assert evaluate(lower_one, bound).value == pytest.approx(wanted, 1e-9, nan_ok=True)


def test_a_power_of_a_product_is_finite_where_the_program_is() -> None:
    graph = lower(load("(x^2*y^2*softplus(2))^(3/2)"))
    first = symbolic(graph, graph.outputs[0][1], [graph.by_name["x"]])[0].graph
    assert evaluate(first, {"x": 0.0, "y": 2.0}).value == 0


def test_higher_orders() -> None:
    assert derivative("x^5", order=3) == "60*x^2"
    assert derivative("exp(2*x)", order=10) == "1024*exp(2*x)"
    assert derivative("x^3", order=4) == "0"


def test_mixed_derivatives_of_several_variables() -> None:
    graph = lower(load("x^2*y^3"))
    found = symbolic(graph, graph.outputs[0][1], graph.inputs, 2)
    texts = {d.wrt: unparse(d.graph) for d in found}
    assert texts == {("x", "x"): "2*y^3", ("x", "y"): "6*x*y^2", ("y", "y"): "6*x^2*y"}


def test_a_named_node_stands_as_a_variable() -> None:
    assert derivative("a = x*y; a + sin(a)*x", "a") == "x*cos(a) + 1"


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_random_programs_against_sympy(data: st.DataObject) -> None:
    """First and second derivatives agree with SymPy's, to 40 digits there."""
    graph = data.draw(scalar_graphs(rows=ORACLE_ROWS, size=5))
    point = data.draw(points(graph))
    item, symbols = oracle.expression(graph)
    name = graph.names[graph.inputs[0]]
    for order in (1, 2):
        found = symbolic(graph, graph.outputs[0][1], graph.inputs[:1], order)[0].graph
        numbers = evaluate(found, point).values
        if not all(math.isfinite(value) and abs(value) < 1e8 for value in numbers):
            return
        try:
            wanted = oracle.number(item.diff(symbols[name], order), symbols, point)
        except (TypeError, ValueError, OverflowError):
            return  # SymPy finds no number: the point is a pole
        value = numbers[found.outputs[0][1]]
        assert abs(value - wanted) <= 1e-6 * max(1, abs(wanted)), (unparse(graph), unparse(found))


@pytest.mark.parametrize("row", SMOOTH, ids=lambda row: row.name)
@pytest.mark.parametrize("order", [1, 2])
def test_every_rows_derivative_parses_back(row: object, order: int) -> None:
    """Its simplified text means the same graph, and at its probes the sweep's number."""
    from backprop_cli.ir.builder import Builder
    from backprop_cli.ir.ops import Operation

    assert isinstance(row, Operation)
    count = len(row.probes[0])
    builder = Builder()
    inputs = [builder.input(f"x{k}") for k in range(count)]
    static = 1 if row.name == "polygamma" else None
    graph = builder.graph([(None, builder.add(row.name, *inputs, static=static))])
    found = symbolic(graph, graph.outputs[0][1], [graph.inputs[0]], order)[0].graph
    text = unparse(found)
    again = lower(load(text))
    assert unparse(again) == text
    if order == 2:
        return
    for probe in row.probes:
        point = {f"x{k}": float(value) for k, value in enumerate(probe)}
        wanted = differentiate(graph, point).gradient[graph.inputs[0]]
        bound = {name: value for name, value in point.items() if name in again.by_name}
        value = evaluate(again, bound).value
        assert value == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def test_a_comparison_hides_what_has_no_value() -> None:
    """log(x) > 2 is 0 where x < 0, so nothing is known of the sign of x."""
    assert derivative("(log(x) > 2)*y + sqrt(x^2)*y", "y") == "(log(x) > 2) + abs(x)"
    assert derivative("a = log(x); sqrt(x^2)") == "sign(x)"
    assert derivative("log(x)*y + sqrt(x^2)*y", "y") == "x + log(x)"


def test_too_many_derivatives_are_refused() -> None:
    graph = lower(load("+".join(f"x{k}" for k in range(60))))
    with pytest.raises(UsageFault, match="37,820 derivatives of order 3"):
        symbolic(graph, graph.outputs[0][1], graph.inputs, 3)


def test_a_long_derivative_is_written_with_names() -> None:
    """Beyond 2,000 operations shared parts get names, and the text parses back."""
    text = "\n".join(["a0 = x", *(f"a{k + 1} = sin(a{k})*a{k} + {k}" for k in range(40)), "a40"])
    written = derivative(text)
    assert "\n" in written
    assert len(written) < 10_000
    value = evaluate(lower(load(written)), {"x": 0.3}).value
    graph = lower(load(text))
    assert value == pytest.approx(differentiate(graph, {"x": 0.3}).gradient[graph.inputs[0]])


# derivatives inside programs


def value(text: str, **point: float) -> object:
    return evaluate(lower(load(text), values=point), point).value


def test_diff_and_grad_inside_programs() -> None:
    assert value("diff(x^3*y, x)", x=2.0, y=3.0) == 36
    assert value("diff(sin(x), x, 4)", x=2.0) == pytest.approx(math.sin(2))
    assert value("diff(diff(x^3*y^2, x), y)", x=2.0, y=3.0) == 72
    assert value("f = x^2; diff(f, x)*f", x=2.0) == 16
    assert value("y = x^2; diff(sin(y), y)", x=2.0) == pytest.approx(math.cos(4))
    assert value("diff(x^2, y)", x=2.0, y=1.0) == 0
    assert value("diff(x^2, x, 0)", x=3.0) == 9
    assert list(value("grad(x^2*y, [x, y])", x=2.0, y=3.0)) == [12, 4]  # type: ignore[call-overload]
    assert value("grad(x^2, x)", x=3.0) == 6
    assert list(value("diff([x, x^2, y], x)", x=2.0, y=0.0)) == [1, 4, 0]  # type: ignore[call-overload]
    assert list(value("v = [x, y]; grad(v @ v, v)", x=2.0, y=3.0)) == [4, 6]  # type: ignore[call-overload]


def test_jacobians_and_hessians_inside_a_program() -> None:
    A, x = [[1.0, 2.0], [3.0, 4.0]], [1.0, 2.0]
    for text, expected in [
        ("diff(A @ x, x)", A),
        ("diff(x' @ A @ x, x, 2)", [[2, 5], [5, 8]]),
        ("diff(A @ x, A)", [[x, [0, 0]], [[0, 0], x]]),
        ("diff(sum(x^4), x, 3)", [[[24, 0], [0, 0]], [[0, 0], [0, 48]]]),
        ("f = x[0]^2*x[1]; x - solve(diff(f, x, 2), diff(f, x))", [0.5, 1]),  # a step of Newton
        ("v = A @ x; diff(v, v)", [[1, 0], [0, 1]]),
        ("grad(x' @ A @ x, x)", [12, 21]),
        ("y = 2*x; grad(x' @ A @ y, [x, y])", [[24, 42], [7, 10]]),
    ]:
        values = {"A": A, "x": x} if "A" in text else {"x": x}
        graph = lower(load(text), {name: np.shape(v) for name, v in values.items()})
        point = {name: np.array(v) for name, v in values.items()}
        found = evaluate(graph, point, "numpy").values[graph.output()]
        np.testing.assert_allclose(np.asarray(found, dtype=float), expected)


def test_a_jacobian_inside_a_program_needs_sizes_in_numbers() -> None:
    sizes = named_sizes(["n"])
    with pytest.raises(ShapeFault, match="is a Jacobian") as caught:
        lower(load("diff(x^2, x)"), {"x": (sizes["n"],)}, dict(sizes))
    assert caught.value.help == "it needs sizes in numbers: --at n=3"


def test_a_function_that_differentiates_by_its_parameter() -> None:
    """The parameter is a node of its own, whatever the argument is."""
    assert evaluate(lower(load("f(u) = diff(u*2, u); f(2)")), {}).value == 2
    assert value("f(u) = diff(u*x, u); f(x)", x=5.0) == 5
    assert value("f(u) = diff(u^3, u); f(2*x)", x=1.0) == 12


def test_derivatives_inside_are_differentiated_again() -> None:
    graph = lower(load("diff(x^3*y, x)*x"))
    found = differentiate(graph, {"x": 2.0, "y": 3.0}).gradient
    assert list(found.values()) == [108, 24]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("diff(x^2, x + 1)", SyntaxFault, "'diff' differentiates by names"),
        ("diff(x^2, 2)", SyntaxFault, "'diff' differentiates by names"),
        ("grad(x^2, [x, 1])", SyntaxFault, "'grad' differentiates by names"),
        ("diff(x)", BpropError, "'diff' takes 2 to 3 arguments, not 1"),
        ("grad(x)", BpropError, "'grad' takes at least 2 arguments, not 1"),
        ("diff(x, x, -1)", ShapeFault, "the order of a derivative cannot be -1"),
        ("diff(x, x, 1.5)", ShapeFault, "the order of a derivative must be a whole number"),
        ("grad([x, x], x)", ShapeFault, "grad needs a scalar, and this is \\(2,\\)"),
        ("v = [x, x]; grad(v[0], [v, x])", ShapeFault, "have several shapes: \\(2,\\), a scalar"),
        ("diff(x^2, x, k=2)", BpropError, "no argument 'k'"),
    ],
)
def test_refusals(text: str, kind: type[BpropError], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        lower(load(text))
    assert caught.value.span is not None


def test_every_operation_has_a_symbolic_derivative_or_none() -> None:
    """No elementwise row is left out of the tests above."""
    differentiable = {row.name for row in OPERATIONS if row.elementwise and row.rule(0)}
    assert differentiable == {row.name for row in SMOOTH} | {
        row.name for row in OPERATIONS if row.elementwise and row.rule(0) and not row.probes
    }
