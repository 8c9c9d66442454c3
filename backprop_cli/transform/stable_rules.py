"""The rules of `--stable`: forms that overflow or lose digits, and what has the same value.

Each holds wherever the left side is a number, to any precision; in the comments u is any operand.
Sources: Higham (2002), Accuracy and Stability of Numerical Algorithms, chapter 1; Maechler (2012),
Accurately computing log(1 - exp(-|a|)). A rule that reads a stable function on its left goes on
from what an earlier rule made.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from backprop_cli.ir.ops.notation import (
    Expr,
    Operand,
    absolute,
    apply,
    cos,
    cosh,
    erfc,
    exp,
    expm1,
    hypot,
    log,
    sigmoid,
    sin,
    sinh,
    sqrt,
    square,
    where,
)
from backprop_cli.transform.rewrite import Rule

LOG_2 = math.log(2)


def log1p(x: Operand) -> Expr:
    return apply("log1p", x)


def tanh(x: Operand) -> Expr:
    return apply("tanh", x)


def erf(x: Expr) -> Expr:
    return apply("erf", x)


def mean(x: Expr, s: Any) -> Expr:
    return apply("mean", x, static=s)


def summed(x: Expr, s: Any) -> Expr:
    return apply("sum", x, static=s)


def power_of_two(x: Expr) -> Expr:
    return x**2


def times_itself(x: Expr) -> Expr:
    return x * x


def log_softmax(x: Expr, axis: int | None) -> Expr:
    return apply("log_softmax", x, static=axis)


def softmax_axis(x: Expr, s: Any) -> int | None:
    """The axis along which exp(x)/sum(exp(x)) is a softmax; None if along none."""
    axes, keepdims = s
    axis = 0 if axes is None and x.ndim == 1 else axes[0] if axes and len(axes) == 1 else None
    return axis if axis is not None and x.ndim and (keepdims or axis % x.ndim == 0) else None


def log_count(x: Expr, s: Any) -> float:
    """The logarithm of how many elements a reduction takes together."""
    sizes = x.shape if s[0] is None else [x.shape[axis] for axis in s[0]]
    return math.log(math.prod(sizes))


def log_cosh(x: Expr) -> Expr:
    far = absolute(x) + (log1p(exp(-2 * absolute(x))) - LOG_2)
    return where((x < 1) & (x > -1), log1p(2 * square(sinh(x / 2))), far)


def log1mexp(x: Expr) -> Expr:
    # 0 - u and not -u: the negation is what the rule starts from
    return where(x > -LOG_2, log(0 - expm1(x)), log1p(-exp(x)))


LOGARITHMS = [
    # log(1 + e^u) = softplus(u)
    Rule(lambda x: log(1 + exp(x)), lambda x: apply("softplus", x)),
    # log(1 - e^u), by which of the two differences does not cancel
    Rule(lambda x: log(1 - exp(x)), log1mexp),
    Rule(lambda x: log(-expm1(x)), log1mexp),
    # log(u + sqrt(u^2 + 1)) = asinh(u), log(u + sqrt(u^2 - 1)) = acosh(u)
    Rule(lambda x: log(x + hypot(x, 1.0)), lambda x: apply("asinh", x)),
    Rule(lambda x: log(x + sqrt((x - 1) * (x + 1))), lambda x: apply("acosh", x)),
    # log((1 + u)/(1 - u)) = 2*atanh(u)
    Rule(lambda x: log(x + sqrt((x - 1) * (x + 1))), lambda x: apply("acosh", x)),
    Rule(lambda x: log((1 + x) / (1 - x)), lambda x: 2 * apply("atanh", x)),
    # log(1 - sigmoid(u)) = log_sigmoid(-u)
    Rule(lambda x: log(1 - sigmoid(x)), lambda x: apply("log_sigmoid", -x)),
    # log(1 + u) = log1p(u)
    Rule(lambda x: log(1 + x), lambda x: log1p(x)),
    Rule(lambda x: log(1 - x), lambda x: log1p(-x)),
    # log(1/(1 + e^-u)) = log_sigmoid(u)
    Rule(lambda x: log(sigmoid(x)), lambda x: apply("log_sigmoid", x)),
    Rule(lambda x: log(1 / (1 + exp(-x))), lambda x: apply("log_sigmoid", x)),
    Rule(lambda x: log(1 / (1 + exp(x))), lambda x: apply("log_sigmoid", -x)),
    # log(cosh(u)) = |u| + log(1 + e^(-2|u|)) - log(2)
    Rule(lambda x: log(cosh(x)), log_cosh),
    # log(e^u) = u
    Rule(lambda x: log(exp(x)), lambda x: x),
]


# logarithms of sums: what terms of both signs leave has the accuracy of the terms
LOG_SUMS = [
    # log(sum(e^u)) = logsumexp(u)
    Rule(lambda x, s: log(summed(exp(x), s)), lambda x, s: apply("logsumexp", x, static=s)),
    Rule(
        lambda x, s: log(mean(exp(x), s)),
        lambda x, s: apply("logsumexp", x, static=s) - log_count(x, s),
    ),
    # log(e^u + e^v) = logaddexp(u, v)
    Rule(lambda x, y: log(exp(x) + exp(y)), lambda x, y: apply("logaddexp", x, y)),
    Rule(
        lambda x, y, z: log(exp(x) + exp(y) + exp(z)),
        lambda x, y, z: apply("logaddexp", apply("logaddexp", x, y), z),
    ),
    # log(softmax(u)) = log_softmax(u)
    Rule(lambda x, s: log(apply("softmax", x, static=s)), lambda x, s: log_softmax(x, s)),
    Rule(
        lambda x, s: log(exp(x) / summed(exp(x), s)),
        lambda x, s: log_softmax(x, softmax_axis(x, s)),
        lambda x, s: softmax_axis(x, s) is not None,
    ),
]

QUOTIENTS = [
    # 1/(1 + e^-u) = e^u/(1 + e^u) = sigmoid(u)
    Rule(lambda x, y: 1 / (1 + exp(-x * y)), lambda x, y: sigmoid(x * y)),
    Rule(lambda x: 1 / (1 + exp(-x)), lambda x: sigmoid(x)),
    Rule(lambda x: 1 / (1 + exp(x)), lambda x: sigmoid(-x)),
    Rule(lambda x: exp(x) / (1 + exp(x)), lambda x: sigmoid(x)),
    Rule(lambda x, y: exp(x) / (exp(x) + exp(y)), lambda x, y: sigmoid(x - y)),
    # e^u/sum(e^u) = softmax(u)
    Rule(
        lambda x, s: exp(x) / summed(exp(x), s),
        lambda x, s: apply("softmax", x, static=softmax_axis(x, s)),
        lambda x, s: softmax_axis(x, s) is not None,
    ),
    # (e^u - e^-u)/(e^u + e^-u) = tanh(u)
    Rule(lambda x: (exp(x) - exp(-x)) / (exp(x) + exp(-x)), lambda x: tanh(x)),
    Rule(lambda x: (exp(x) - 1) / (exp(x) + 1), lambda x: tanh(x / 2)),
    Rule(lambda x: expm1(x) / (exp(x) + 1), lambda x: tanh(x / 2)),
    Rule(lambda x: (1 - exp(x)) / (1 + exp(x)), lambda x: -tanh(x / 2)),
    Rule(lambda x: -expm1(x) / (1 + exp(x)), lambda x: -tanh(x / 2)),
    # (e^u - e^-u)/2 = sinh(u), (e^u + e^-u)/2 = cosh(u)
    Rule(lambda x: (exp(x) - exp(-x)) / 2, lambda x: sinh(x)),
    Rule(lambda x: (exp(x) + exp(-x)) / 2, lambda x: cosh(x)),
    # v/(1 + e^-u) = v*sigmoid(u)
    Rule(lambda x, y, z: z / (1 + exp(-x * y)), lambda x, y, z: z * sigmoid(x * y)),
    Rule(lambda x, y: y / (1 + exp(-x)), lambda x, y: y * sigmoid(x)),
    Rule(lambda x, y: y / (1 + exp(x)), lambda x, y: y * sigmoid(-x)),
    # e^u/e^v = e^(u - v)
    Rule(lambda x, y: exp(x) / exp(y), lambda x, y: exp(x - y)),
]

PRODUCTS = [
    # (e^u - e^-u)/2 = sinh(u), (e^u + e^-u)/2 = cosh(u)
    Rule(lambda x: 0.5 * (exp(x) - exp(-x)), lambda x: sinh(x)),
    Rule(lambda x: 0.5 * (exp(x) + exp(-x)), lambda x: cosh(x)),
    # u*log(v) = xlogy(u, v), 0 where u is
    Rule(lambda x, y: x * log(y), lambda x, y: apply("xlogy", x, y)),
    # e^u*e^v = e^(u + v)
    Rule(lambda x, y: exp(x) * exp(y), lambda x, y: exp(x + y)),
]

DIFFERENCES = [
    # e^u - 1 = expm1(u)
    Rule(lambda x: exp(x) - 1, lambda x: expm1(x)),
    Rule(lambda x: 1 - exp(x), lambda x: -expm1(x)),
    # 1 - cos(u) = 2*sin(u/2)^2
    Rule(lambda x: 1 - cos(x), lambda x: 2 * square(sin(x / 2))),
    Rule(lambda x: cos(x) - 1, lambda x: -2 * square(sin(x / 2))),
    # cosh(u) - 1 = 2*sinh(u/2)^2
    Rule(lambda x: cosh(x) - 1, lambda x: 2 * square(sinh(x / 2))),
    # 1 - sigmoid(u) = sigmoid(-u)
    Rule(lambda x: 1 - sigmoid(x), lambda x: sigmoid(-x)),
    Rule(lambda x: 1 - 1 / (1 + exp(-x)), lambda x: sigmoid(-x)),
    # 1 - tanh(u) = 2*sigmoid(-2u)
    Rule(lambda x: 1 - tanh(x), lambda x: 2 * sigmoid(-2 * x)),
    # 1 - erf(u) = erfc(u)
    Rule(lambda x: 1 - erf(x), lambda x: erfc(x)),
    Rule(lambda x: 1 - erfc(x), lambda x: erf(x)),
    # sqrt(1 + u) - 1 = e^(log(1 + u)/2) - 1
    Rule(lambda x: sqrt(1 + x) - 1, lambda x: expm1(log1p(x) / 2)),
    Rule(lambda x: sqrt(1 - x) - 1, lambda x: expm1(log1p(-x) / 2)),
    Rule(lambda x: 1 - sqrt(1 - x), lambda x: -expm1(log1p(-x) / 2)),
    # sqrt(1 + u^2) - 1 = cosh(asinh(u)) - 1
    Rule(lambda x: hypot(x, 1.0) - 1, lambda x: 2 * square(sinh(apply("asinh", x) / 2))),
    # sqrt(u + c) - sqrt(u) = c/(sqrt(u + c) + sqrt(u))
    Rule(
        lambda x, c: sqrt(x + c) - sqrt(x),
        lambda x, c: c / (sqrt(x + c) + sqrt(x)),
        lambda x, c: 0 < abs(c.context.constant(c)) < math.inf,
    ),
]

SUMS = [
    # 1 + tanh(u) = 2*sigmoid(2u)
    Rule(lambda x: 1 + tanh(x), lambda x: 2 * sigmoid(2 * x)),
    # 1 + erf(u) = erfc(-u)
    Rule(lambda x: 1 + erf(x), lambda x: erfc(-x)),
]


def of_squares(sq: Callable[[Expr], Expr]) -> list[Rule]:
    """The rules with squares, in one of the ways to write them."""
    return [
        # log(u + sqrt(u^2 + 1)) = asinh(u), log(u + sqrt(u^2 - 1)) = acosh(u)
        Rule(lambda x: log(x + sqrt(sq(x) + 1)), lambda x: apply("asinh", x)),
        Rule(lambda x: log(x + sqrt(sq(x) - 1)), lambda x: apply("acosh", x)),
        # sqrt(u^2 + v^2) = hypot(u, v), and of three
        Rule(lambda x: sqrt(sq(x) + 1), lambda x: hypot(x, 1.0)),
        Rule(lambda x, y: sqrt(sq(x) + sq(y)), lambda x, y: hypot(x, y)),
        Rule(lambda x, y, z: sqrt(sq(x) + sq(y) + sq(z)), lambda x, y, z: hypot(hypot(x, y), z)),
        # sqrt(sum(u^2)) = norm(u)
        Rule(lambda x, s: sqrt(summed(sq(x), s)), lambda x, s: apply("norm", x, static=s)),
        # sqrt(u^2) = |u|
        Rule(lambda x: sqrt(sq(x)), lambda x: absolute(x)),
        # 1 - tanh(u)^2 = 1/cosh(u)^2, 1 - sin(u)^2 = cos(u)^2, 1 - cos(u)^2 = sin(u)^2
        Rule(lambda x: 1 - sq(tanh(x)), lambda x: square(1 / cosh(x))),
        Rule(lambda x: 1 - sq(sin(x)), lambda x: square(cos(x))),
        Rule(lambda x: 1 - sq(cos(x)), lambda x: square(sin(x))),
        # mean(u^2) - mean(u)^2 = var(u)
        Rule(
            lambda x, s: mean(sq(x), s) - sq(mean(x, s)),
            lambda x, s: apply("var", x, static=s),
        ),
        # u^2 - v^2 = (u - v)*(u + v)
        Rule(lambda x: 1 - sq(x), lambda x: (1 - x) * (1 + x)),
        Rule(lambda x: sq(x) - 1, lambda x: (x - 1) * (x + 1)),
        Rule(lambda x, y: sq(x) - sq(y), lambda x, y: (x - y) * (x + y)),
    ]


RULES: list[Rule] = [
    *of_squares(power_of_two),
    *of_squares(times_itself),
    *of_squares(square),
    *LOGARITHMS,
    *LOG_SUMS,
    *QUOTIENTS,
    *PRODUCTS,
    *DIFFERENCES,
    *SUMS,
]
