"""Warnings where rounding took more than half of the digits, and no stable form is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import strategies as own
from hypothesis import given
from hypothesis import strategies as st

import backprop_cli as bp
from backprop_cli.engine import lost_digits
from backprop_cli.engine.accuracy import HALF, measured
from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.engine.lost_digits import local_error
from backprop_cli.engine.lost_values import lost_values
from backprop_cli.engine.stability import may_lose_digits
from backprop_cli.engine.sweep import Sweep
from backprop_cli.engine.warning import Warning_

CUBE = "(x + 1)^3 - x^3 - 3*x^2 - 3*x - 1"
LOST: list[tuple[str, dict[str, Any], list[str]]] = [
    (CUBE, {"x": 1e6}, ["value"]),
    ("tan(x) - sin(x)", {"x": 1e-6}, ["value", "gradient.x"]),
    ("(x + y) - x*z", {"x": 1e16, "y": 1.0, "z": 1.0}, ["value"]),
    ("x*y*z", {"x": 1e-200, "y": 1e-200, "z": 1e300}, ["value"]),
    ("sum(v)", {"v": [1e20, 1.0, -1e20]}, ["value"]),
    ("w @ v", {"v": [1e10, 1.0, -1e10], "w": [1e10, 1.0, 1e10]}, ["value"]),
    ("y + atan(x + 1) - atan(x)", {"x": 1e9, "y": 5.0}, ["gradient.x"]),
]
KEPT: list[tuple[str, dict[str, Any]]] = [
    ("x^2 - 4", {"x": 2.0}),
    ("x - y", {"x": 1e8 + 1, "y": 1e8}),
    ("x*x - y*y + z", {"x": 94906265.0, "y": 94906264.0, "z": 0.0}),
    ("(x - 99)^5", {"x": 100.0}),
    ("x^5 - 495*x^4 + 98010*x^3 - 9702990*x^2 + 480298005*x - 9509900499", {"x": 100.0}),
    ("sin(x)^2 + cos(x)^2 - 1", {"x": 1.3}),
    ("sin(x)", {"x": math.pi}),
    ("x - x", {"x": 0.1}),
    ("1 + exp(x)", {"x": -800.0}),
    ("sum((p - t)^2)", {"p": [1.0, 2.0], "t": [1.0, 2.0]}),
    ("exp(x)", {"x": 1000.0}),
]


def swept(text: str, point: dict[str, Any]) -> Sweep:
    return differentiate(bp.parse(text).graph(point), point)


def lost(sweep: Sweep) -> list[Warning_]:
    return [w for w in sweep.warnings if "digits are lost" in w.message]


def by_value(sweep: Sweep) -> list[str | None]:
    found = evaluate(
        sweep.graph, {sweep.graph.names[i]: sweep.values[i] for i in sweep.graph.inputs}
    )
    return [w.path for w in lost_values(found, [("value", sweep.output)])]


@pytest.mark.parametrize(("text", "point", "paths"), LOST)
def test_lost_digits_are_told(text: str, point: dict[str, Any], paths: list[str]) -> None:
    """By grad, and of the value by eval too."""
    sweep = swept(text, point)
    found = lost(sweep)
    assert [w.path for w in found] == paths
    assert all(w.kind == "accuracy" and "'bprop doctor'" in w.message for w in found)
    assert by_value(sweep) == [path for path in paths if path == "value"]


@pytest.mark.parametrize(("text", "point"), KEPT)
def test_no_false_alarm(text: str, point: dict[str, Any]) -> None:
    sweep = swept(text, point)
    assert lost(sweep) == []
    assert by_value(sweep) == []


def test_the_message() -> None:
    (found,) = lost(swept(CUBE, {"x": 1e6}))
    assert found.message == (
        "16 of 16 digits are lost of the value: cancellation in (x + 1)^3 - x^3 - 3*x^2; "
        "'bprop doctor' looks for a form that keeps them"
    )
    (under,) = lost(swept("x*y*z", {"x": 1e-200, "y": 1e-200, "z": 1e300}))
    assert "underflow in x*y;" in under.message


def test_a_form_that_is_known_is_named_instead() -> None:
    sweep = swept("sqrt(x + 1) - sqrt(x)", {"x": 1e12})
    assert lost(sweep) == []
    assert len(sweep.warnings) == 1


def test_large_arrays_are_not_looked_at() -> None:
    x = np.ones(20_000)
    x[0], x[1] = 1e20, -1e20
    assert lost(swept("sum(x)", {"x": x})) == []
    assert len(lost(swept("sum(x)", {"x": x[:100]}))) == 1


def test_more_digits_are_carried_where_sixty_are_too_few() -> None:
    """At 60 digits x is lost beside exp(210)."""
    point = {"x": -1.0, "y": 210.0}
    sweep = swept("exp(y) + x - exp(y)", point)
    found = measured(sweep, point)
    assert found is not None
    assert found.errors["value"] == 1.0


@given(st.data())
def test_only_what_is_lost_is_told(data: st.DataObject) -> None:
    graph = data.draw(own.scalar_graphs(own.SMOOTH))
    point = {graph.names[i]: data.draw(st.floats(-3, 3)) for i in graph.inputs}
    sweep = differentiate(graph, point)
    told = {w.path for w in lost(sweep)}
    if not told:
        return
    found = measured(sweep, point)
    assert found is not None
    assert all((found.errors[str(path)] or 0) > HALF for path in told)


@pytest.mark.parametrize(("text", "point"), [(t, p) for t, p, _ in LOST[:3]])
def test_without_mpmath(monkeypatch: pytest.MonkeyPatch, text: str, point: dict[str, Any]) -> None:
    monkeypatch.setattr(lost_digits, "measured", lambda *_: None)
    found = lost(swept(text, point))
    assert [w.path for w in found] == ["value"]


@pytest.mark.parametrize(("text", "point"), [case for case in KEPT if "sum" not in case[0]])
def test_no_false_alarm_without_mpmath(
    monkeypatch: pytest.MonkeyPatch, text: str, point: dict[str, Any]
) -> None:
    monkeypatch.setattr(lost_digits, "measured", lambda *_: None)
    assert lost(swept(text, point)) == []


def test_errors_of_single_operations() -> None:
    graph = bp.parse("x/3 + x^7 - sin(x)").graph({"x": 0.1})
    sweep = differentiate(graph, {"x": 0.1})
    errors = {graph.op(i).name: local_error(graph, sweep.values, i) for i in range(len(graph))}
    assert errors["sin"] is None
    for name in ("div", "pow", "add", "sub"):
        assert abs(errors[name]) <= 2**-53  # type: ignore[arg-type]
    assert may_lose_digits(sweep) is False
