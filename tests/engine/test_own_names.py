"""Nodes that we make have names that no variable can have."""

from __future__ import annotations

import backprop_cli as bp


def test_variables_with_odd_names_are_only_variables() -> None:
    point = {"x": 2.0, "__tangent_0": 3.0}
    f = bp.parse("x^2*__tangent_0^2")
    assert f.jvp({"x": 1.0}, point) == 36
    assert f.hessian(point)["x"] == {"x": 18, "__tangent_0": 24}
    assert f.hvp({"x": 1.0}, point) == {"x": 18, "__tangent_0": 24}
    g = bp.parse("tan(x)*__derivative_0")
    again = bp.parse("tan(x)*y")
    odd = g.taylor({"x": 1.0, "__derivative_0": 2.0}, wrt="x", order=3)
    assert odd == again.taylor({"x": 1.0, "y": 2.0}, wrt="x", order=3)
    matrix = bp.parse("A @ x*__direction", {"A": (2, 2), "x": (2,)})
    assert matrix.diff("x").source == "__direction*A"
    arrays = {"A": [[1, 2], [3, 4]], "x": [1, 2], "__tangent": 3}
    assert bp.parse("sum(A @ (__tangent*x))").paths(arrays, start="x").count == 1
