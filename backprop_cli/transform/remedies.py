"""Rewrites that keep a value, or keep its digits, where the form as written does not.

Unlike those of `stable_rules` some hold on a part of the numbers only: they are candidates, to be
tried in numbers before anyone hears of them. See Higham (2002), Accuracy and Stability of Numerical
Algorithms, chapter 1.
"""

from __future__ import annotations

from math import pi
from typing import Any

from backprop_cli.ir.ops import Expr
from backprop_cli.ir.ops.notation import (
    absolute,
    apply,
    cos,
    exp,
    log,
    sin,
    sqrt,
    square,
    total,
)
from backprop_cli.transform.rewrite import Rule

WHOLE = (None, False)  # a reduction over all axes


def power(x: Expr, exponent: float) -> Expr:
    return apply("pow", x, exponent)


def reduce(op: str, x: Expr, static: Any = WHOLE) -> Expr:
    return apply(op, x, static=static)


def atan(x: Expr) -> Expr:
    return apply("atan", x)


def third(x: Expr) -> Expr:
    """1/3 as it is typed."""
    one = x.context.apply("const", (), 1.0)
    return one / 3.0


ROOTS = [
    Rule(lambda x: x * sqrt(x), lambda x: power(x, 1.5)),
    Rule(lambda x: sqrt(x) * sqrt(x), lambda x: x),
    Rule(lambda x: power(sqrt(x), 2), lambda x: x),
    Rule(lambda x: power(x, 1 / 3), lambda x: apply("cbrt", x)),
    Rule(lambda x: apply("pow", x, third(x)), lambda x: apply("cbrt", x)),
    Rule(lambda x: power(apply("cbrt", x), 3), lambda x: x),
    Rule(lambda x: power(reduce("norm", x), 2), lambda x: total(x * x)),  # |x|² = Σx²
    Rule(lambda x: reduce("norm", x) * reduce("norm", x), lambda x: total(x * x)),
]


def half_square_of_sinc(x: Expr) -> Expr:
    """(1 - cos(x))/x² = 2 sin(x/2)²/x²."""
    return square(apply("sinc", x / (2 * pi))) / 2


def gamma(x: Expr) -> Expr:
    return apply("gamma", x)


QUOTIENTS = [
    Rule(lambda x: sin(x) / x, lambda x: apply("sinc", x / pi)),
    Rule(lambda x: x / x, lambda x: x.context.apply("const", (), 1.0)),
    Rule(lambda x, y: x * y / y, lambda x, y: x),
    Rule(lambda x: power(x, 2) / x, lambda x: x),
    Rule(lambda x: x * x / x, lambda x: x),
    Rule(lambda x, y, z: x * y / z, lambda x, y, z: x * (y / z)),
    Rule(lambda x: (1 - cos(x)) / power(x, 2), half_square_of_sinc),
    Rule(lambda x: (1 - cos(x)) / (x * x), half_square_of_sinc),
    Rule(lambda x: gamma(x + 1) / gamma(x), lambda x: x),
]

# u - v as (u² - v²)/(u + v), and other differences of near numbers
DIFFERENCES = [
    Rule(lambda x: x - x, lambda x: x.context.apply("const", (), 0.0)),
    Rule(lambda x, c: c * x - x, lambda x, c: (c - 1) * x),
    Rule(lambda x, y: sqrt(x + y) - sqrt(x), lambda x, y: y / (sqrt(x + y) + sqrt(x))),
    Rule(lambda x, y: sqrt(x) - sqrt(y), lambda x, y: (x - y) / (sqrt(x) + sqrt(y))),
    Rule(lambda x: sqrt(x + 1) - 1, lambda x: x / (sqrt(x + 1) + 1)),
    Rule(lambda x: 1 - sqrt(1 - x), lambda x: x / (1 + sqrt(1 - x))),
    Rule(lambda x: 1 - sqrt(x + 1), lambda x: -x / (1 + sqrt(x + 1))),
    Rule(lambda x, c: sqrt(power(x, 2) + c) - x, lambda x, c: c / (sqrt(power(x, 2) + c) + x)),
    Rule(lambda x, c: x - sqrt(power(x, 2) - c), lambda x, c: c / (x + sqrt(power(x, 2) - c))),
    # the roots of a quadratic equation
    Rule(lambda x, y: -x + sqrt(power(x, 2) - y), lambda x, y: -y / (x + sqrt(power(x, 2) - y))),
    Rule(lambda x, y: -x - sqrt(power(x, 2) - y), lambda x, y: y / (sqrt(power(x, 2) - y) - x)),
    Rule(lambda x, y: sqrt(power(x, 2) - y) - x, lambda x, y: -y / (x + sqrt(power(x, 2) - y))),
    Rule(lambda x, y: sqrt(power(x, 2) + y) - x, lambda x, y: y / (x + sqrt(power(x, 2) + y))),
    Rule(lambda x, y: power(x, 3) - power(y, 3), lambda x, y: (x - y) * (x * x + x * y + y * y)),
    Rule(
        lambda x, y: power(x, 2) - 2 * x * y + power(y, 2), lambda x, y: square(x - y)
    ),  # (x - y)²
    Rule(lambda x: power(x, 2) - 2 * x + 1, lambda x: square(x - 1)),
    Rule(lambda x, c: 1 / x - 1 / (x + c), lambda x, c: c / (x * (x + c))),
    Rule(lambda x, c: 1 / (x + c) - 1 / x, lambda x, c: -c / (x * (x + c))),
    Rule(lambda x, y: x + y - x, lambda x, y: y),
    Rule(lambda x, y: x + y - y, lambda x, y: x),
]

# differences of functions at near arguments, as products
OF_FUNCTIONS = [
    Rule(lambda x: apply("tan", x) - sin(x), lambda x: 2 * apply("tan", x) * square(sin(x / 2))),
    Rule(lambda x, y: sin(x) - sin(y), lambda x, y: 2 * cos((x + y) / 2) * sin((x - y) / 2)),
    Rule(lambda x, y: cos(x) - cos(y), lambda x, y: -2 * sin((x + y) / 2) * sin((x - y) / 2)),
    Rule(lambda x, y: atan(x) - atan(y), lambda x, y: apply("atan2", x - y, 1 + x * y)),
    Rule(lambda x, y: log(x) - log(y), lambda x, y: apply("log1p", (x - y) / y)),
    Rule(lambda x: apply("softplus", x) - x, lambda x: apply("softplus", -x)),
    Rule(lambda x: apply("atanh", apply("tanh", x)), lambda x: x),
]

LOGARITHMS = [
    Rule(lambda x: exp(log(x)), lambda x: x),
    Rule(lambda x, y: exp(x) - exp(y), lambda x, y: exp(y) * apply("expm1", x - y)),
    Rule(lambda x, y: log(x * y), lambda x, y: log(absolute(x)) + log(absolute(y))),
    Rule(lambda x, y: log(x + y) - log(x), lambda x, y: apply("log1p", y / x)),
    Rule(lambda x: log(reduce("prod", x)), lambda x: total(log(absolute(x)))),
    Rule(lambda x: log(apply("det", x)), lambda x: apply("logdet", x)),
    Rule(lambda x: log(gamma(x)), lambda x: apply("lgamma", x)),
]

RULES = [*ROOTS, *QUOTIENTS, *DIFFERENCES, *OF_FUNCTIONS, *LOGARITHMS]
