"""Powers, roots, exponentials, logarithms, trigonometric and hyperbolic functions.

Derivatives are those of Abramowitz and Stegun (1964), chapters 3 and 4, in forms that keep their
accuracy in the tails and the sign of an infinite value at either zero.
"""

from __future__ import annotations

from math import log as real_log
from math import pi

from backprop_cli.ir.ops.arithmetic import elementwise
from backprop_cli.ir.ops.notation import (
    Expr,
    Operand,
    apply,
    cos,
    cosh,
    exp,
    hypot,
    log,
    sin,
    sinh,
    sqrt,
    unsigned,
    where,
)
from backprop_cli.ir.ops.operation import Note, Operation, Rule

LINE = ((0.7,), (-1.3,), (2.2,))
POSITIVE = ((0.35,), (1.7,), (12.0,))
UNIT = ((0.3,), (-0.8,), (0.95,))


def unary(
    name: str,
    family: str,
    summary: str,
    derivative: str,
    partial: Rule | None,
    probes: tuple[tuple[float, ...], ...] = LINE,
    **fields: object,
) -> Operation:
    return elementwise(
        name,
        family,
        "x",
        summary=summary,
        derivative=derivative,
        partials=(partial,),
        probes=probes,
        **fields,
    )


def outside(condition: Rule, what: str) -> Note:
    return Note("domain", condition, what)


def zero_at_zero(ratio: Operand, out: Expr) -> Operand:
    """0 where out is 0: the subgradient of least norm of a norm."""
    return where(out == 0, 0.0, ratio)


def sinc_slope(x: Expr, out: Expr) -> Operand:
    """(cos(pi x) - sinc(x))/x, by its series near 0, where the difference cancels.

    The series is sinc'(x) = sum_k (-1)^k 2k pi^(2k) x^(2k-1) / (2k+1)!, to k = 8.
    """
    u = (pi * x) * (pi * x)
    series: Operand = 0.0
    factorial = 1.0
    coefficients = []
    for k in range(1, 10):
        factorial *= 2 * k * (2 * k + 1)
        coefficients.append((-1) ** k * 2 * k / factorial)
    for c in reversed(coefficients):
        series = c if isinstance(series, float) and series == 0.0 else series * u + c
    near = pi * pi * x * series
    return where((x < 0.4) & (x > -0.4), near, (cos(pi * x) - out) / x)


POWERS = [
    unary(
        "sqrt",
        "power",
        "square root",
        "1/(2*out)",
        lambda x, out: 0.5 / unsigned(out),
        POSITIVE,
        notes=(outside(lambda x, out: x < 0, "sqrt is not real for x < 0"),),
    ),
    unary(
        "cbrt",
        "power",
        "cube root, real for every sign",
        "1/(3*out^2)",
        lambda x, out: 1 / (3 * (out * out)),
    ),
    unary("square", "power", "x^2", "2*x", lambda x, out: 2 * x),
    unary("reciprocal", "power", "1/x", "-1/x^2", lambda x, out: -(out * out)),
    elementwise(
        "hypot",
        "power",
        "x y",
        summary="sqrt(x^2 + y^2) without overflow",
        derivative="x/out, y/out",
        partials=(
            lambda x, y, out: zero_at_zero(x / out, out),
            lambda x, y, out: zero_at_zero(y / out, out),
        ),
        notes=(
            Note(
                "kink",
                lambda x, y, out: out == 0,
                "hypot has a kink at the origin; the derivative is taken as 0",
            ),
        ),
        probes=((3.0, 4.0), (-0.5, 1.2)),
    ),
]

EXPONENTIALS = [
    unary("exp", "exponential", "e^x", "out", lambda x, out: out),
    unary("exp2", "exponential", "2^x", "out*log(2)", lambda x, out: out * real_log(2)),
    unary("expm1", "exponential", "exp(x) - 1, exact near 0", "exp(x)", lambda x, out: exp(x)),
    unary(
        "log",
        "exponential",
        "natural logarithm",
        "1/x",
        lambda x, out: 1 / unsigned(x),
        POSITIVE,
        aliases=("ln",),
        domain=lambda x, out: x >= 0,
        notes=(outside(lambda x, out: x < 0, "log is not real for x < 0"),),
    ),
    unary(
        "log2",
        "exponential",
        "logarithm to base 2",
        "1/(x*log(2))",
        lambda x, out: 1 / (unsigned(x) * real_log(2)),
        POSITIVE,
        domain=lambda x, out: x >= 0,
        notes=(outside(lambda x, out: x < 0, "log2 is not real for x < 0"),),
    ),
    unary(
        "log10",
        "exponential",
        "logarithm to base 10",
        "1/(x*log(10))",
        lambda x, out: 1 / (unsigned(x) * real_log(10)),
        POSITIVE,
        domain=lambda x, out: x >= 0,
        notes=(outside(lambda x, out: x < 0, "log10 is not real for x < 0"),),
    ),
    unary(
        "log1p",
        "exponential",
        "log(1 + x), exact near 0",
        "1/(1 + x)",
        lambda x, out: 1 / (1 + x),
        POSITIVE,
        domain=lambda x, out: x >= -1,
        notes=(outside(lambda x, out: x < -1, "log1p is not real for x < -1"),),
    ),
    elementwise(
        "xlogy",
        "exponential",
        "x y",
        summary="x*log(y), 0 where x is 0",
        derivative="log(y), x/y",
        partials=(lambda x, y, out: log(y), lambda x, y, out: where(x == 0, 0.0, x / y)),
        vanishes=(None, (lambda x, y, out: x == 0, (0,))),
        notes=(outside(lambda x, y, out: y < 0, "xlogy is not real for y < 0"),),
        probes=((1.5, 0.4), (-0.7, 2.5)),
    ),
    elementwise(
        "logaddexp",
        "exponential",
        "x y",
        summary="log(exp(x) + exp(y)) without overflow",
        derivative="sigmoid(x - y), sigmoid(y - x)",
        partials=(
            lambda x, y, out: apply("sigmoid", x - y),
            lambda x, y, out: apply("sigmoid", y - x),
        ),
        probes=((0.5, -1.0), (30.0, 2.0)),
    ),
]

TRIGONOMETRIC = [
    unary("sin", "trigonometric", "sine, of radians", "cos(x)", lambda x, out: cos(x)),
    unary("cos", "trigonometric", "cosine, of radians", "-sin(x)", lambda x, out: -sin(x)),
    unary("tan", "trigonometric", "tangent, of radians", "1 + out^2", lambda x, out: 1 + out * out),
    unary(
        "asin",
        "trigonometric",
        "arc sine, in radians",
        "1/sqrt(1 - x^2)",
        lambda x, out: 1 / sqrt((1 - x) * (1 + x)),
        UNIT,
        aliases=("arcsin",),
        notes=(outside(lambda x, out: (x < -1) | (x > 1), "asin is real from -1 to 1 only"),),
    ),
    unary(
        "acos",
        "trigonometric",
        "arc cosine, in radians",
        "-1/sqrt(1 - x^2)",
        lambda x, out: -1 / sqrt((1 - x) * (1 + x)),
        UNIT,
        aliases=("arccos",),
        notes=(outside(lambda x, out: (x < -1) | (x > 1), "acos is real from -1 to 1 only"),),
    ),
    unary(
        "atan",
        "trigonometric",
        "arc tangent, in radians",
        "1/(1 + x^2)",
        lambda x, out: 1 / (1 + x * x),
        aliases=("arctan",),
    ),
    elementwise(
        "atan2",
        "trigonometric",
        "y x",
        summary="the angle of the point (x, y), in radians",
        aliases=("arctan2",),
        derivative="x/(x^2 + y^2), -y/(x^2 + y^2)",
        partials=(
            lambda y, x, out: x / hypot(x, y) / hypot(x, y),
            lambda y, x, out: -y / hypot(x, y) / hypot(x, y),
        ),
        notes=(
            outside(lambda y, x, out: (x == 0) & (y == 0), "atan2 has no derivative at the origin"),
        ),
        probes=((1.0, 2.0), (-0.5, -1.5), (0.7, -0.2)),
    ),
    unary(
        "sinc",
        "trigonometric",
        "sin(pi*x)/(pi*x), 1 at 0",
        "(cos(pi*x) - out)/x",
        sinc_slope,
        ((0.7,), (-1.3,), (0.01,), (0.39,)),
    ),
]

HYPERBOLIC = [
    unary("sinh", "hyperbolic", "hyperbolic sine", "cosh(x)", lambda x, out: cosh(x)),
    unary("cosh", "hyperbolic", "hyperbolic cosine", "sinh(x)", lambda x, out: sinh(x)),
    # 1 - out^2 loses every digit in the tails
    unary(
        "tanh",
        "hyperbolic",
        "hyperbolic tangent",
        "1/cosh(x)^2",
        lambda x, out: 1 / cosh(x) / cosh(x),
        (*LINE, (9.0,), (-20.0,)),
    ),
    unary(
        "asinh",
        "hyperbolic",
        "inverse hyperbolic sine",
        "1/sqrt(1 + x^2)",
        lambda x, out: 1 / hypot(1.0, x),
        aliases=("arcsinh",),
    ),
    unary(
        "acosh",
        "hyperbolic",
        "inverse hyperbolic cosine",
        "1/sqrt(x^2 - 1)",
        lambda x, out: 1 / (sqrt(x - 1) * sqrt(x + 1)),
        ((1.2,), (3.5,)),
        aliases=("arccosh",),
        notes=(outside(lambda x, out: x < 1, "acosh is not real for x < 1"),),
    ),
    unary(
        "atanh",
        "hyperbolic",
        "inverse hyperbolic tangent",
        "1/(1 - x^2)",
        lambda x, out: 1 / ((1 - x) * (1 + x)),
        UNIT,
        aliases=("arctanh",),
        domain=lambda x, out: (x >= -1) & (x <= 1),
        notes=(outside(lambda x, out: (x < -1) | (x > 1), "atanh is real from -1 to 1 only"),),
    ),
]

ROWS = [*POWERS, *EXPONENTIALS, *TRIGONOMETRIC, *HYPERBOLIC]
