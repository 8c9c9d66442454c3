"""The gradient against high-precision differences: verdicts, kinds of points, samples, rounding."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import oracles
import pytest
import strategies as own
from hypothesis import assume, given
from hypothesis import strategies as st
from mpmath import mp

import backprop_cli as bp
from backprop_cli.engine import check as checks
from backprop_cli.engine.check import Check, Component, check, judge
from backprop_cli.engine.differences import Differences, Slope
from backprop_cli.engine.rounding import Rounding
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import OPERATIONS, Operation

ROWS = [row for row in OPERATIONS if row.elementwise and any(row.partials)]


def found(text: str, **point: Any) -> Check:
    result = bp.parse(text).check(**point)
    assert isinstance(result, Check)
    return result


def only(text: str, **point: Any) -> Component:
    [component] = found(text, **point).components
    return component


def alone(row: Operation, count: int) -> Graph:
    builder = Builder()
    x = [builder.input(f"x{k}") for k in range(count)]
    static = 1 if row.name == "polygamma" else None
    return builder.graph([(None, builder.add(row.name, *x, static=static))])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_rule_passes_and_the_reference_is_the_oracles(row: Operation) -> None:
    for probe in row.probes:
        graph = alone(row, len(probe))
        point = {f"x{k}": x for k, x in enumerate(probe)}
        result = check(graph, point, graph.outputs[0][1])
        assert result.passed
        for k, component in enumerate(result.components):
            if component.kind != "smooth" or row.name == "stop_grad":
                continue
            orders = [int(j == k) for j in range(len(probe))]
            extra = (1,) if row.name == "polygamma" else ()
            exact = oracles.difference(row.name, probe, orders, *extra)
            assert component.digits is not None
            with mp.workdps(40):
                miss = abs(mp.mpf(component.digits) - exact)
                assert miss <= mp.mpf(10) ** -23 * max(abs(exact), mp.mpf(10) ** -20)


@given(st.data())
def test_smooth_programs_pass(data: st.DataObject) -> None:
    graph = data.draw(own.scalar_graphs(own.SMOOTH))
    result = check(graph, data.draw(own.points(graph)), graph.outputs[0][1])
    for component in result.components:
        assert component.passed or component.note.startswith("lost to rounding"), component


@given(st.data())
def test_tensor_programs_pass(data: st.DataObject) -> None:
    graph = data.draw(own.tensor_graphs())
    assume(all(all(shape) for shape in graph.shapes.values()))  # NumPy warns of empty means
    result = check(graph, data.draw(own.points(graph)), graph.outputs[0][1], tolerance=1e-7)
    for component in result.components:
        if component.kind == "smooth" and component.passed is False:
            assert component.note.startswith(("lost to rounding", "ours is not finite"))


@pytest.mark.parametrize(
    ("text", "x", "kind", "passed", "left", "right"),
    [
        ("abs(x)", 0, "kink", True, -1, 1),
        ("relu(x)", 0, "kink", True, 0, 1),
        ("max(x, 0)", 0, "kink", True, 0, 1),
        ("clip(x, 0, 1)", 1, "kink", True, 1, 0),
        ("sqrt(x^2)", 0, "kink", True, -1, 1),
        ("floor(x)", 2, "jump", True, 0, 0),
        ("x % 2", 4, "jump", True, 1, 1),
        ("where(x > 0, log(x), 0)", 0, "jump", True, 0, None),
        ("sqrt(x)", 0, "infinite", True, None, math.inf),
        ("cbrt(x)", 0, "infinite", True, math.inf, math.inf),
        ("-cbrt(x)", 0, "infinite", True, -math.inf, -math.inf),
        ("xlogy(x, x)", 0, "infinite", True, None, -math.inf),
        ("cbrt(x^2)", 0, "kink", True, -math.inf, math.inf),
        ("x*sqrt(x)", 0, "edge", False, None, 0),
        ("relu(log(x))", 0, "edge", True, None, 0),
        ("asin(x)", 1, "infinite", True, math.inf, None),
        ("log(x)", 0, "undefined", None, None, None),
        ("sqrt(x)", -1, "undefined", None, None, None),
        ("x^3", 0, "smooth", True, 0, 0),
        ("x*abs(x)", 0, "smooth", True, 0, 0),
        ("sinc(x)", 0, "smooth", True, 0, 0),
        ("sin(x)^2 + cos(x)^2", 1.5, "smooth", True, 0, 0),
        ("(x + 1)^3 - x^3 - 3*x^2 - 3*x - 1", 1e6, "smooth", True, 0, 0),
        ("abs(x)*1e-80 + 1", 1, "smooth", True, 1e-80, 1e-80),
        ("relu(1e-40*x)", 0, "kink", True, 0, 1e-40),
    ],
)  # fmt: skip
def test_kinds_of_points(
    text: str, x: float, kind: str, passed: bool | None, left: float | None, right: float | None
) -> None:
    component = only(text, x=x)
    assert (component.kind, component.passed) == (kind, passed)
    for side, wanted in ((component.left, left), (component.right, right)):
        if wanted is not None:
            assert side == pytest.approx(wanted, abs=1e-12)


def test_a_kink_of_several_variables() -> None:
    result = found("max(x, y)", x=1, y=1)
    assert [(c.derivative, c.left, c.right, c.passed) for c in result.components] == [
        (0.5, 0.0, 1.0, True),
        (0.5, 0.0, 1.0, True),
    ]
    assert [w.kind for w in result.warnings] == ["kink"]


def test_a_kink_that_only_the_floats_are_at() -> None:
    """3*x rounds to 1 where x is the float below 1/3, so the floats see the kink of |3x - 1|."""
    component = only("abs(3*x - 1)", x=1 / 3)
    assert (component.derivative, component.kind, component.passed) == (0.0, "kink", True)


@pytest.mark.parametrize(
    ("ours", "passed"), [(2.0, True), (2.0 * (1 + 1e-8), False), (-2.0, False), (math.nan, False)]
)
def test_a_wrong_number_does_not_pass(ours: float, passed: bool) -> None:
    slope = Slope("smooth", mp.mpf(2), mp.mpf(2), mp.mpf(2))
    assert judge(ours, slope, 4.0, 1.0, 1e-9).passed is passed


@pytest.mark.parametrize(("ours", "passed"), [(0.5, True), (1.5, False), (-0.1, False)])
def test_outside_the_subdifferential_fails(ours: float, passed: bool) -> None:
    slope = Slope("kink", None, mp.mpf(0), mp.mpf(1))
    assert judge(ours, slope, None, 1.0, 1e-9).passed is passed
    assert judge(ours, Slope("infinite", mp.inf, None, mp.inf), None, 1.0, 1e-9).passed is False


def test_a_broken_rule_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    real = checks.differentiate

    def broken(*words: Any, **options: Any) -> Any:
        sweep = real(*words, **options)
        sweep.adjoints[0] *= 1 + 1e-6
        return sweep

    monkeypatch.setattr(checks, "differentiate", broken)
    result = found("x*y + sin(x)", x=1, y=2)
    assert not result.passed
    assert result.worst is not None
    assert result.worst.label == "x"
    assert result.worst.error == pytest.approx(1e-6)
    assert [c.passed for c in result.components] == [False, True]


def test_tolerance() -> None:
    component = only("(1 - cos(x))/x^2", x=1e-3)
    assert component.error is not None
    assert 1e-9 < component.error < 1e-3
    assert component.passed is False
    result = bp.parse("(1 - cos(x))/x^2").check(x=1e-3, tolerance=1e-2)
    assert result.passed


def test_rounding_is_told_from_a_wrong_rule() -> None:
    component = only("(1 - cos(x))/x^2", x=1e-5)
    assert component.reference == pytest.approx(-1e-5 / 12, rel=1e-9)
    assert component.note == "lost to rounding; the rule is not at fault"
    assert component.condition == pytest.approx(2.4e21, rel=0.1)
    assert component.error is not None
    assert component.error < 8 * 2.0**-53 * component.condition


def test_a_zero_to_rounding_passes() -> None:
    assert only("sin(x)^2 + cos(x)^2", x=0.3).passed
    assert only("(x + 0.1)^3 - x^3 - 0.3*x^2 - 0.03*x", x=0.7).passed


def test_the_condition_is_that_of_the_derivative() -> None:
    """For g = n*x^(n-1) it is the own condition |n - 1| and the rounding of each operation."""
    for n in (2, 5, 20):
        graph = bp.parse(f"x^{n}").graph(x=1.3)
        total = Rounding(graph, {"x": 1.3}, graph.outputs[0][1], 1).sum(graph.inputs[0])
        assert total is not None
        condition = total / (n * 1.3 ** (n - 1))
        assert n - 1 <= condition <= n + 2


def test_what_floats_cannot_hold() -> None:
    assert only("exp(x)", x=1000).note == "beyond the range of floats"
    assert only("exp(-x)", x=800).note == "below the range of floats"
    assert only("log(1 + exp(x))", x=800).passed is False


def test_stop_grad_is_not_seen_through() -> None:
    assert only("stop_grad(x)*x", x=3).reference == 3.0


def test_steep_and_tiny() -> None:
    steep = only("sin(1e20*x)", x=1e-3)
    with mp.workdps(60):
        exact = mp.mpf(10) ** 20 * mp.cos(mp.mpf(10) ** 20 * mp.mpf(1e-3))
    assert steep.reference == float(exact)
    assert steep.note == "lost to rounding; the rule is not at fault"
    assert only("sin(x)", x=1e22).passed
    assert only("tanh(x)", x=50).reference == pytest.approx(4 * math.exp(-100))
    assert only("log(x)", x=1e-300).reference == pytest.approx(1e300)
    assert only("erfc(x)", x=20).passed


@pytest.mark.parametrize(("text", "x"), [("sin(x)", 1e200), ("sin(1e40*x)", 1.0), ("cos(x)", 1e35)])
def test_waves_far_out(text: str, x: float) -> None:
    """A step relative to the variable would skip many periods."""
    component = only(text, x=x)
    assert (component.kind, component.passed) == ("smooth", True)


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("x - y^3", {"x": 1.0, "y": -6.5e188}),
        ("(y - x) + x", {"x": -1.5e192, "y": 0.0}),
        ("erf(20*y)", {"y": -1.2615731721327832}),
        ("y*x/(x - y) + 20", {"x": 1.256e-198, "y": 0.0}),
        ("x*max(x, y - x)", {"x": 1e-90, "y": 8.4e-88}),
        ("floor(y + y^3)", {"y": 8.721211269285924e76}),
        ("max(y, y - x) - pi", {"x": -6.2e-192, "y": 1.0}),
    ],
)
def test_numbers_far_apart(text: str, point: dict[str, float]) -> None:
    """At 100 digits small terms are lost beside large ones, and steps are larger than a number."""
    assert found(text, **point).passed


def test_numbers_too_far_apart_to_tell() -> None:
    result = found("x - exp(y)", x=2.0, y=1e6)
    assert [c.passed for c in result.components if c.label == "x"] == [None]
    assert result.components[0].note == "its numbers are too far apart to tell"


@pytest.mark.parametrize(
    ("text", "point", "note"),
    [
        ("1/x", {"x": math.inf}, "the variable is not finite here"),
        ("1/x", {"x": 0.0}, "the value is not finite here"),
        ("xlogy(x, 0*x)", {"x": 0.0}, "the value is not finite beside this point"),
    ],
)
def test_why_there_is_no_reference(text: str, point: Any, note: str) -> None:
    assert only(text, **point).note == note


@pytest.mark.filterwarnings("error")
def test_no_warning_of_numpy_comes_through() -> None:
    found("bce(p, t) + 0*sum(w)", p=0.0, t=0.0, w=[1.0])


def test_many_components_are_sampled() -> None:
    values = np.linspace(1, 2, 1000).reshape(20, 50)
    result = found("sum(v^2)", v=values)
    assert (len(result.components), result.total) == (200, 1000)
    assert result.components == found("sum(v^2)", v=values).components
    assert [w.message for w in result.warnings] == [
        "200 of 1,000 components were checked, chosen at random"
    ]
    for component in result.components:
        row, column = component.label[2:-1].split(",")
        assert component.derivative == 2 * values[int(row), int(column)]
        assert component.passed


def test_a_long_program() -> None:
    text = "\n".join(["s0 = x", *(f"s{k + 1} = sin(s{k})" for k in range(3000)), "s3000"])
    assert found(text, x=1).passed


def test_linear_algebra() -> None:
    a = [[2.0, 1.0, 0.0], [0.5, 3.0, 1.0], [1.0, 0.0, 4.0]]
    for text in ("logdet(A)", "det(A)", "trace(inv(A))", "sum(solve(A, [1, 2, 3])^2)"):
        result = found(text, A=a)
        assert result.passed
        assert len(result.components) == 9
    singular = found("det(A)", A=[[1, 2], [2, 4]])
    assert singular.passed
    assert [c.reference for c in singular.components] == [4.0, -2.0, -2.0, 1.0]


def test_nothing_to_check() -> None:
    assert found("1 + 2").passed
    assert not found("log(x)", x=0).passed
    assert found("log(x) + y", x=0, y=1).passed is False


def test_inner_nodes_are_refused() -> None:
    with pytest.raises(bp.BpropError, match="'a' is not a variable, and a check moves variables"):
        bp.parse("a = x*y; sin(a)").check(x=1, y=2, wrt=["a"])


def test_an_element_of_the_output() -> None:
    result = bp.parse("f = A @ x").check(A=[[1, 2], [3, 4]], x=[1, 1], of="f[1]", wrt=["x"])
    assert isinstance(result, Check)
    assert [c.reference for c in result.components] == [3.0, 4.0]


def test_without_mpmath(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] == "mpmath" or "mpmath" in name or "differences" in name:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mpmath", None)
    with pytest.raises(bp.BpropError) as caught:
        bp.parse("x*y").check(x=1, y=2)
    assert caught.value.message == ("numbers of high precision need mpmath, which is not installed")
    assert caught.value.help == "pip install 'backprop-cli[check]'"


def test_differences_are_right_to_25_digits() -> None:
    graph = bp.parse("exp(sin(x))*x").graph(x=0.7)
    slope = Differences(graph, {"x": 0.7}, graph.outputs[0][1]).slope(graph.inputs[0])
    with mp.workdps(60):
        x = mp.mpf(0.7)
        exact = mp.exp(mp.sin(x)) * (1 + x * mp.cos(x))
        assert abs(slope.reference - exact) < mp.mpf(10) ** -50
