"""Special functions, activations and steps."""

from __future__ import annotations

from math import pi, sqrt

from backprop_cli.ir.ops.arithmetic import elementwise, no_nan
from backprop_cli.ir.ops.elementary import LINE, POSITIVE, unary
from backprop_cli.ir.ops.notation import (
    Expr,
    Operand,
    apply,
    digamma,
    erfc,
    exp,
    expm1,
    floor,
    sigmoid,
    sign,
    where,
)
from backprop_cli.ir.ops.operation import Note, Operation, Rule

TWO_OVER_SQRT_PI = 2 / sqrt(pi)
SQRT_HALF = sqrt(0.5)
SQRT_2PI = sqrt(2 * pi)


def normal_cdf(x: Expr) -> Expr:
    """The normal distribution function, accurate in the lower tail."""
    return 0.5 * erfc(-SQRT_HALF * x)


def normal_density(x: Expr) -> Operand:
    return exp(-0.5 * (x * x)) / SQRT_2PI


SPECIAL = [
    unary(
        "erf",
        "special",
        "error function",
        "2/sqrt(pi)*exp(-x^2)",
        lambda x, out: TWO_OVER_SQRT_PI * exp(-(x * x)),
    ),
    unary(
        "erfc",
        "special",
        "1 - erf(x), exact in the tail",
        "-2/sqrt(pi)*exp(-x^2)",
        lambda x, out: -TWO_OVER_SQRT_PI * exp(-(x * x)),
    ),
    unary(
        "gamma",
        "special",
        "gamma function",
        "out*digamma(x)",
        lambda x, out: out * digamma(x),
        (*POSITIVE, (-1.5,)),
    ),
    unary(
        "lgamma",
        "special",
        "log of |gamma(x)|",
        "digamma(x)",
        lambda x, out: digamma(x),
        (*POSITIVE, (-1.5,)),
    ),
    unary(
        "digamma",
        "special",
        "derivative of lgamma",
        "polygamma(1, x)",
        lambda x, out: apply("polygamma", x, static=1),
        POSITIVE,
    ),
    Operation(
        "polygamma",
        "elementwise",
        "special",
        "x",
        summary="derivative of digamma, n times: polygamma(n, x)",
        static="n",
        derivative="polygamma(n + 1, x)",
        shape=lambda s, static: s[0],
        partials=(lambda x, out, n: apply("polygamma", x, static=n + 1),),
        probes=POSITIVE,
    ),
]


def relu_like(name: str, summary: str, derivative: str, **fields: object) -> Operation:
    return elementwise(name, "activation", "x", summary=summary, derivative=derivative, **fields)


ACTIVATIONS = [
    unary(
        "sigmoid",
        "activation",
        "1/(1 + exp(-x))",
        "out*sigmoid(-x)",
        lambda x, out: out * sigmoid(-x),
        (*LINE, (40.0,)),
        aliases=("logistic",),
    ),
    unary(
        "log_sigmoid",
        "activation",
        "log(sigmoid(x)) without overflow",
        "sigmoid(-x)",
        lambda x, out: sigmoid(-x),
        (*LINE, (-40.0,)),
    ),
    unary(
        "softplus",
        "activation",
        "log(1 + exp(x)) without overflow",
        "sigmoid(x)",
        lambda x, out: sigmoid(x),
        (*LINE, (40.0,)),
    ),
    relu_like(
        "relu",
        "x where positive, else 0",
        "1 where x > 0",
        partials=(lambda x, out: 1.0,),
        exists=(lambda x, out: x > 0,),
        domain=no_nan,
        selects=True,
        probes=LINE,
        notes=(
            Note(
                "kink", lambda x, out: x == 0, "relu has a kink at 0; the derivative is taken as 0"
            ),
        ),
    ),
    elementwise(
        "leaky_relu",
        "activation",
        "x slope",
        summary="x where positive, else slope*x",
        derivative="1 where x > 0 else slope, 0 where x > 0 else x",
        partials=(lambda x, a, out: where(x > 0, 1.0, a), lambda x, a, out: where(x > 0, 0.0, x)),
        domain=no_nan,
        notes=(
            Note(
                "kink",
                lambda x, a, out: x == 0,
                "leaky_relu has a kink at 0; the slope of the negative side is taken",
            ),
        ),
        probes=((0.7, 0.01), (-1.3, 0.2)),
    ),
    elementwise(
        "elu",
        "activation",
        "x alpha",
        summary="x where positive, else alpha*(exp(x) - 1)",
        derivative="1 where x > 0 else alpha*exp(x), 0 where x > 0 else exp(x) - 1",
        partials=(
            lambda x, a, out: where(x > 0, 1.0, a * exp(x)),
            lambda x, a, out: where(x > 0, 0.0, expm1(x)),
        ),
        domain=no_nan,
        notes=(
            Note(
                "kink",
                lambda x, a, out: (x == 0) & (a != 1),
                "elu with alpha other than 1 has a kink at 0; the negative side is taken",
            ),
        ),
        probes=((0.7, 1.0), (-1.3, 0.5)),
    ),
    unary(
        "gelu",
        "activation",
        "x times the normal distribution function of x",
        "Phi(x) + x*phi(x)",
        lambda x, out: normal_cdf(x) + x * normal_density(x),
    ),
    unary(
        "silu",
        "activation",
        "x*sigmoid(x)",
        "sigmoid(x)*(1 + x*sigmoid(-x))",
        lambda x, out: sigmoid(x) * (1 + x * sigmoid(-x)),
        aliases=("swish",),
    ),
]


def step(name: str, summary: str, jump: Rule, **fields: object) -> Operation:
    message = f"{name} jumps here; the derivative is taken as 0"
    return unary(
        name,
        "step",
        summary,
        "0",
        None,
        ((0.7,), (-1.3,)),
        notes=(Note("jump", jump, message),),
        **fields,
    )


STEPS = [
    unary(
        "abs",
        "step",
        "absolute value",
        "sign(x)",
        lambda x, out: sign(x),
        notes=(
            Note(
                "kink",
                lambda x, out: x == 0,
                "|x| has a kink at 0, subdifferential [-1, 1]; the derivative is taken as 0",
            ),
        ),
    ),
    step("sign", "-1, 0 or 1", lambda x, out: x == 0, aliases=("sgn",)),
    step("floor", "largest whole number not above x", lambda x, out: x == out),
    step("ceil", "smallest whole number not below x", lambda x, out: x == out),
    step("round", "nearest whole number, halves to even", lambda x, out: x - floor(x) == 0.5),
    step("heaviside", "0 below 0, 0.5 at 0, 1 above", lambda x, out: x == 0),
]

ROWS = [*SPECIAL, *ACTIVATIONS, *STEPS]
