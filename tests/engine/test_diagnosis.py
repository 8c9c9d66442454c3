"""Diagnoses against an independent oracle: mpmath to 60 digits, by differences."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles import program_gradient
from strategies import SMOOTH, edge_values, points, scalar_graphs, tensor_graphs

from backprop_cli import parse
from backprop_cli.engine.accuracy import estimated, largest_error
from backprop_cli.engine.diagnosis import diagnose
from backprop_cli.engine.evaluate import differentiate
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops.notation import apply, log, sqrt
from backprop_cli.render.doctor_document import document
from backprop_cli.render.doctor_report import report
from backprop_cli.render.lesson_formats import text
from backprop_cli.transform.rewrite import Rule


def oracle(graph: Graph, point: dict[str, float]) -> tuple[Any, list[Any]]:
    """The value and the derivatives, in the order of the inputs."""
    steps = [
        (graph.op(i).name, graph.arguments(i), graph.static.get(i))
        for i in range(graph.output() + 1)
    ]
    return program_gradient(steps, [point[graph.names[i]] for i in graph.inputs])


def worst(graph: Graph, point: dict[str, float]) -> float:
    """The largest relative error of value and gradient, by differences of 60 digits."""
    sweep = differentiate(graph, point)
    assume(not sweep.flags)  # at a kink differences are something else
    exact, gradient = oracle(graph, point)
    pairs = zip(sweep.gradient.values(), gradient, strict=True)
    return max([relative(sweep.value, exact), *(relative(*pair) for pair in pairs)])


def relative(value: float, exact: Any) -> float:
    if abs(exact) < mp.mpf(10) ** -30 or abs(value - exact) < 1e-300:
        return 0.0
    return float(abs(value - exact) / abs(exact))


@given(st.data(), scalar_graphs(SMOOTH))
@settings(max_examples=150)
def test_healthy_points_are_never_flagged_and_ill_ones_are(
    data: st.DataObject, graph: Graph
) -> None:
    """Where value and gradient have their digits there is nothing to say, and only there."""
    point = data.draw(points(graph))
    error = worst(graph, point)
    assume(error < 1e-9 or error > 1e-7)
    found = diagnose(graph, point, graph.output())
    assert found.healthy == (error < 1e-9), (error, found.accuracy)


@given(st.data(), scalar_graphs())
def test_what_is_not_finite_is_never_healthy(data: st.DataObject, graph: Graph) -> None:
    """At the edges of all operations: finite or not, with a place and a report."""
    point = data.draw(points(graph, edge_values()))
    found = diagnose(graph, point, graph.output())
    numbers = [found.sweep.value, *found.sweep.gradient.values()]
    assert (found.bad_elements == []) == all(map(math.isfinite, numbers))
    if found.bad_elements:
        assert not found.healthy
        assert (found.first_bad_value is None) == math.isfinite(found.sweep.value)
    assert text(report(found, 6))
    document(found)
    for entry in found.suggestions:
        assert entry.checks >= 3 or entry.at_point


@given(st.data(), tensor_graphs())
@settings(max_examples=60)
def test_programs_of_arrays(data: st.DataObject, graph: Graph) -> None:
    point: dict[str, Any] = data.draw(points(graph))
    found = diagnose(graph, point, graph.output())
    finite = all(np.all(np.isfinite(v)) for v in found.sweep.gradient.values())
    assert bool(found.bad_elements) == (not finite or not np.isfinite(found.sweep.value))
    assert text(report(found, 6))
    document(found)


@given(st.data(), scalar_graphs(SMOOTH))
@settings(max_examples=60)
def test_the_estimate_is_a_bound(data: st.DataObject, graph: Graph) -> None:
    """To first order no error is larger than the estimate of it."""
    point = data.draw(points(graph))
    sweep = differentiate(graph, point)
    bound = estimated(sweep, point).errors["value"]
    assume(bound is not None and bound < 1e-6)
    exact, _ = oracle(graph, point)
    assert relative(sweep.value, exact) <= 8 * (bound or 0.0) + 1e-15


@pytest.mark.parametrize(
    ("program", "point", "node", "digits"),
    [
        ("(1 + x) - 1", {"x": 1e-12}, "(1 + x) - 1", 11.9),
        ("a = cos(x); b = a - 1; b*3", {"x": 1e-5}, "a - 1", 9.5),
        ("exp(x) - 1", {"x": 1e-10}, "exp(x) - 1", 9.0),
    ],
)
def test_the_loss_is_where_the_numbers_cancel(
    program: str, point: dict[str, float], node: str, digits: float
) -> None:
    found = parse(program).doctor(point)
    assert found.accuracy is not None
    loss = next(loss for loss in found.accuracy.losses if loss.what == "value")
    spans = loss.graph.spans[loss.node]
    assert program[spans[0].start : spans[0].end] == node
    assert loss.cancels
    lost = math.log10(loss.relative_error / 2**-53)
    assert lost == pytest.approx(digits, abs=1)


@pytest.mark.parametrize(
    ("program", "point", "after"),
    [
        ("(x + 1)^3 - x^3 - 3*x^2 - 3*x - 1", {"x": 1e6}, "0"),
        ("(x^2 - 4)/(x - 2)", {"x": 2.0}, "x + 2"),
        ("x^4 - 4*x^3 + 6*x^2 - 4*x + 1", {"x": 1.0001}, "(x - 1)^4"),
        ("(x + y)^2 - (x - y)^2", {"x": 1e9, "y": 1e-9}, "4*x*y"),
        ("(1 - cos(x))/x^2", {"x": 1e-8}, "square(sinc(x/tau))/2"),
        ("tan(x) - sin(x)", {"x": 1e-6}, "2*tan(x)*square(sin(x/2))"),
        ("atan(x + 1) - atan(x)", {"x": 1e9}, "atan2(1, 1 + (x + 1)*x)"),
        ("log(x*y)", {"x": 1e-200, "y": 1e-200}, "log(abs(x)) + log(abs(y))"),
        ("softplus(x) - x", {"x": 50.0}, "softplus(-x)"),
        ("gamma(x + 1)/gamma(x)", {"x": 200.0}, "x"),
        ("1/(1/x)", {"x": 0.0}, "x"),
        ("exp(-x)*exp(x)", {"x": 800.0}, "1"),
    ],
)
def test_the_first_remedy_heals(program: str, point: dict[str, float], after: str) -> None:
    first = parse(program).doctor(point).suggestions[0]
    assert (first.after, first.healthy) == (after, True)


def test_the_root_of_a_quadratic() -> None:
    first = parse("(-b + sqrt(b^2 - 4*a*c))/(2*a)").doctor(a=1, b=1e8, c=1).suggestions[0]
    assert first.after == "-(4*a*c)/(b + sqrt(b^2 - 4*a*c))"
    assert first.value == pytest.approx(-1e-8, rel=1e-15)


def test_a_constant_of_a_remedy_is_what_it_stands_for() -> None:
    """The float of log(2) is not log(2), to 60 digits."""
    (first,) = parse("log(cosh(x))").doctor(x=800.0).suggestions
    assert first.at_point
    assert first.value == pytest.approx(800 - math.log(2))


@pytest.mark.parametrize(
    ("program", "x", "beyond"),
    [
        ("exp(1000*x)", 1.0, "1.97e434"),
        ("x*exp(-x)", -800.0, "-2.181e350"),
        ("log(exp(x))", 1000.0, None),
        ("1/x", 0.0, None),
        ("exp(exp(x))", 1000.0, None),
    ],
)
def test_values_beyond_floats_are_told(program: str, x: float, beyond: str | None) -> None:
    found = parse(program).doctor(x=x)
    assert found.beyond == beyond
    assert ("beyond the largest float" in text(report(found, 6))) == (beyond is not None)


def test_underflow_is_named_where_it_happens() -> None:
    found = parse("x*y*z").doctor(x=1e-200, y=1e-200, z=1e300)
    assert found.accuracy is not None
    (loss,) = found.accuracy.losses
    assert (loss.cause, loss.graph.arguments(loss.node)) == ("underflow", (0, 1))


def test_no_path_is_healthy() -> None:
    found = parse("x + 0*y").doctor(x=1, y=2)
    assert found.healthy
    assert found.conditions == {"x": 1.0, "y": 0.0}


def test_errors_of_what_is_not_real_do_not_count() -> None:
    assert largest_error(1.0, mp.nan) == (0.0, "")
    assert largest_error(np.array([1.0, 2.0]), np.array([mp.mpf(1), mp.mpf(4)])) == (0.5, "[1]")


@pytest.mark.parametrize(
    ("program", "rule"),
    [
        # finite, and another function
        ("log(x)", Rule(log, lambda x: x)),
        # the same function, and no better
        ("log(x)", Rule(log, lambda x: apply("log2", x) * math.log(2))),
        # finite, and nowhere to be compared
        ("sqrt(-1 - x^2)", Rule(lambda x: sqrt(-1 - x**2), lambda x: x)),
    ],
)
def test_what_is_wrong_idle_or_unproved_is_not_suggested(
    monkeypatch: pytest.MonkeyPatch, program: str, rule: Rule
) -> None:
    monkeypatch.setattr("backprop_cli.transform.remedies.RULES", [rule])
    monkeypatch.setattr("backprop_cli.transform.stable_rules.RULES", [])
    assert parse(program).doctor(x=0).suggestions == []


def test_from_python() -> None:
    found = parse("a = sin(x); a/x").doctor(x=0, wrt="x")
    assert [(s.before, s.after) for s in found.suggestions] == [("a/x", "sinc(x/pi)")]
    lesson = parse("x*y").explain(x=2, y=3, wrt="y", format="markdown")
    assert lesson.endswith("\\frac{\\mathrm{d} v_{1}}{\\mathrm{d} y} &= 2\n\\end{align*}\n```\n")
    assert "numbers" not in parse("x*y").explain()
