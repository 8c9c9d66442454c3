"""Functions that are made of several operations: losses, logarithms to a base, cases."""

from __future__ import annotations

from typing import Any

from backprop_cli.engine.lowering.arguments import whole
from backprop_cli.engine.lowering.form import Made
from backprop_cli.errors import ShapeFault
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.shapes import show


def linspace(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
    count = whole(s["n"], "the number of points")
    if count < 1:
        raise ShapeFault(f"linspace makes at least one point, not {count}")
    steps = b.add("arange", static=(0.0, float(count), 1.0))
    if count > 1:
        steps = b.add("div", steps, b.const(count - 1.0))
    return "add", (v[0], b.add("mul", b.add("sub", v[1], v[0]), steps)), None


def dot(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
    left, right = b.shape(v[0]), b.shape(v[1])
    if left == () or right == ():
        return "mul", (v[0], v[1]), None
    return "matmul", (v[0], v[1]), None


def log(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
    if v[1] is None:
        return "log", (v[0],), None
    return "div", (b.add("log", v[0]), b.add("log", v[1])), None


def piecewise(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
    """Nested selections, the first condition outermost."""
    *cases, otherwise = v
    for condition, value in reversed(cases[1:]):
        otherwise = b.add("where", condition, value, otherwise)
    return "where", (*cases[0], otherwise), None


MEAN = (None, False)


def _error(b: Builder, v: list[Any]) -> int:
    """Prediction minus target, of the same shape."""
    left, right = b.shape(v[0]), b.shape(v[1])
    if left != right and () not in (left, right):
        raise ShapeFault(
            f"the prediction is {show(left)}, the target {show(right)}",
            help="a loss compares arrays of one shape",
        )
    return b.add("sub", v[0], v[1])


def mse(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
    return "mean", (b.add("square", _error(b, v)),), MEAN


def mae(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
    return "mean", (b.add("abs", _error(b, v)),), MEAN


def huber(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
    """error^2/2 up to delta, and delta*(|error| - delta/2) beyond (Huber 1964)."""
    error, delta, half = _error(b, v), v[2], b.const(0.5)
    size = b.add("abs", error)
    near = b.add("mul", half, b.add("square", error))
    far = b.add("mul", delta, b.add("sub", size, b.add("mul", half, delta)))
    return "mean", (b.add("where", b.add("le", size, delta), near, far),), MEAN


def bce(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
    """-(t*log(p) + (1 - t)*log(1 - p)), where 0*log(0) is 0."""
    _error_shapes(b, v)
    p, t = v
    one = b.const(1.0)
    yes = b.add("xlogy", t, p)
    no = b.add("xlogy", b.add("sub", one, t), b.add("sub", one, p))
    return "neg", (b.add("mean", b.add("add", yes, no), static=MEAN),), None


def _error_shapes(b: Builder, v: list[Any]) -> None:
    left, right = b.shape(v[0]), b.shape(v[1])
    if left != right and () not in (left, right):
        raise ShapeFault(
            f"the prediction is {show(left)}, the target {show(right)}",
            help="a loss compares arrays of one shape",
        )


def bce_logits(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
    """t*softplus(-z) + (1 - t)*softplus(z): no term cancels another."""
    _error_shapes(b, v)
    z, t = v
    yes = b.add("mul", t, b.add("softplus", b.add("neg", z)))
    no = b.add("mul", b.add("sub", b.const(1.0), t), b.add("softplus", z))
    return "mean", (b.add("add", yes, no),), MEAN


def cross_entropy(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
    """-sum(t*log_softmax(z)) over the last axis; the mean of it over the others."""
    _error_shapes(b, v)
    z, t = v
    rank = len(b.shape(z))
    terms = b.add("mul", t, b.add("log_softmax", z, static=rank - 1 if rank else -1))
    rank = len(b.shape(terms))
    total = b.add("sum", terms, static=((rank - 1,) if rank else None, False))
    if rank > 1:
        total = b.add("mean", total, static=MEAN)
    return "neg", (total,), None
