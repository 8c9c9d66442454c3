"""The simplifier's rules, each one line with its identity; sums and products are `algebra`'s.

A rule of RULES holds wherever its left side has a finite value. FORMAL ones give values where the
left side has none, and are applied only if that is asked for.
"""

from __future__ import annotations

from backprop_cli.ir.ops import OPERATIONS
from backprop_cli.ir.ops.notation import (
    Expr,
    absolute,
    apply,
    cos,
    cosh,
    exp,
    log,
    sigmoid,
    sin,
    sinh,
    sqrt,
    where,
)
from backprop_cli.transform.rewrite import Rule
from backprop_cli.transform.selections import TRUTHS


def truth(x: Expr, *_: Expr) -> bool:
    """Whether a value is 0 or 1."""
    return OPERATIONS[x.context.builder.codes[x.value]].name in TRUTHS  # type: ignore[attr-defined]


def minus(x: Expr) -> bool:
    """Whether an operand is a product with a negative number, which is no sum."""
    context = x.context
    product = context.products.get(x.value)  # type: ignore[attr-defined]
    return (
        product is not None and product.coefficient < 0 and x.value not in context.sums  # type: ignore[attr-defined]
    )


def odd(name: str) -> Rule:
    return Rule(lambda x: apply(name, x), lambda x: -apply(name, -x), minus)  # f(-x) = -f(x)


def even(name: str) -> Rule:
    return Rule(lambda x: apply(name, x), lambda x: apply(name, -x), minus)  # f(-x) = f(x)


ODD = ("sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "erf", "cbrt", "sign")
EVEN = ("cos", "cosh", "abs", "sinc")

SYMMETRIES = [*map(odd, ODD), *map(even, EVEN)]

ELEMENTARY = [
    Rule(lambda x: log(exp(x)), lambda x: x),  # log(e^x) = x
    Rule(lambda x: log(1 / x), lambda x: -log(x)),  # log(1/x) = -log(x)
    Rule(lambda x: apply("tan", apply("atan", x)), lambda x: x),  # tan(atan(x)) = x
    Rule(lambda x: sin(apply("asin", x)), lambda x: x),  # sin(asin(x)) = x where |x| <= 1
    Rule(lambda x: cos(apply("acos", x)), lambda x: x),  # cos(acos(x)) = x where |x| <= 1
    Rule(lambda x: sinh(apply("asinh", x)), lambda x: x),  # sinh(asinh(x)) = x
    Rule(lambda x: apply("asinh", sinh(x)), lambda x: x),  # asinh(sinh(x)) = x
    Rule(lambda x: apply("tanh", apply("atanh", x)), lambda x: x),  # tanh(atanh(x)) = x
    Rule(lambda x: apply("atanh", apply("tanh", x)), lambda x: x),  # atanh(tanh(x)) = x
    Rule(lambda x: cosh(apply("acosh", x)), lambda x: x),  # cosh(acosh(x)) = x where x >= 1
    Rule(lambda x: absolute(absolute(x)), lambda x: absolute(x)),  # ||x|| = |x|
    Rule(lambda x: absolute(exp(x)), lambda x: exp(x)),  # |e^x| = e^x
    Rule(lambda x: apply("expm1", apply("log1p", x)), lambda x: x),  # expm1(log1p(x)) = x
    Rule(lambda x: apply("log1p", apply("expm1", x)), lambda x: x),  # log1p(expm1(x)) = x
    Rule(lambda x: sigmoid(log(x)), lambda x: x / (1 + x)),  # sigmoid(log(x)) = x/(1 + x)
]

SELECTIONS = [
    Rule(lambda x, y: where(x, y, y), lambda x, y: y),  # where(c, y, y) = y
    Rule(lambda x, y, z: where(~x, y, z), lambda x, y, z: where(x, z, y)),  # where(not c, ...)
    # where(c, where(c, a, b), z) = where(c, a, z)
    Rule(lambda x, a, b, z: where(x, where(x, a, b), z), lambda x, a, b, z: where(x, a, z)),
    # where(c, z, where(c, a, b)) = where(c, z, b)
    Rule(lambda x, a, b, z: where(x, z, where(x, a, b)), lambda x, a, b, z: where(x, z, b)),
    Rule(lambda x: x != 0, lambda x: x, truth),  # (x > y) != 0 is x > y
    Rule(lambda x: x == 0, lambda x: ~x, truth),  # (x > y) == 0 is not x > y
    Rule(lambda x: ~~x, lambda x: x, truth),  # not not c = c
    Rule(lambda x: x & x, lambda x: x, truth),  # c and c = c
    Rule(lambda x: x | x, lambda x: x, truth),  # c or c = c
    Rule(lambda x: x & ~x, lambda x: 0.0),  # c and not c = 0
    Rule(lambda x: ~x & x, lambda x: 0.0),  # not c and c = 0
    Rule(lambda x: x | ~x, lambda x: 1.0),  # c or not c = 1
    Rule(lambda x: ~x | x, lambda x: 1.0),  # not c or c = 1
    Rule(lambda x: apply("maximum", x, x), lambda x: x),  # max(x, x) = x
    Rule(lambda x: apply("minimum", x, x), lambda x: x),  # min(x, x) = x
]

FORMAL = [
    Rule(lambda x, n: log(x**n), lambda x, n: n * log(x)),  # log(x^n) = n*log(x)
    Rule(lambda x, y: log(x * y), lambda x, y: log(x) + log(y)),  # log(x*y) = log(x) + log(y)
    Rule(lambda x, y: log(x / y), lambda x, y: log(x) - log(y)),  # log(x/y) = log(x) - log(y)
    Rule(lambda x: log(sqrt(x)), lambda x: log(x) / 2),  # log(sqrt(x)) = log(x)/2
]

# What derivative rules add for the sake of numbers, and a reader does without. Only in derived
# nodes: a program's own where(x == 0, ...) stays.
GUARDS = [
    Rule(lambda x, y, c: where(x, y, c), lambda x, y, c: y, lambda x, y, c: is_nan(c)),
    Rule(lambda x, y: where(x == 0, 0.0, y), lambda x, y: y),  # a norm at 0
    Rule(  # 0^y, where x is not always 0
        lambda x, z, y: where((x == 0) & (z >= 0), 0.0, y),
        lambda x, z, y: y,
        lambda x, z, y: varies(x),
    ),
    Rule(lambda x: x + 0.0, lambda x: x),  # -0 made 0
    # whether a constant is 0
    Rule(
        lambda x: x == 0, lambda x: float(of_constant(x) == 0), lambda x: of_constant(x) is not None
    ),
    Rule(
        lambda x: x != 0, lambda x: float(of_constant(x) != 0), lambda x: of_constant(x) is not None
    ),
    Rule(lambda c: ~c, lambda c: float(number(c) == 0)),
    Rule(lambda c, x, y: where(c, x, y), lambda c, x, y: x if number(c) != 0 else y),
    Rule(lambda x, y: x | ~(y == y), lambda x, y: x),  # selected, or nan
    # which of two wins; a tie goes to the first in max, to the second in min
    Rule(lambda x, z: x == z, lambda x, z: wins(x, z), lambda x, z: is_of_two(x, z)),
    Rule(lambda x: 1 / (x + ~x), lambda x: 1.0, truth),  # its share is all
    # forms that do not overflow, or lose no digits
    Rule(lambda x: apply("hypot", 1.0, x), lambda x: sqrt(1 + x**2)),
    Rule(lambda x: sqrt(x - 1) * sqrt(x + 1), lambda x: sqrt(x**2 - 1)),
    # sinc near 0, by its series
    Rule(lambda x, y, z: where((x < 0.4) & (x > -0.4), y, z), lambda x, y, z: z),
]


def is_of_two(x: Expr, extremum: Expr) -> bool:
    """Whether the second is max or min of the first and something else."""
    builder = x.context.builder  # type: ignore[attr-defined]
    row = OPERATIONS[builder.codes[extremum.value]]
    arguments = builder.arguments(extremum.value)
    return row.name in ("maximum", "minimum") and len(arguments) == 2 and x.value in arguments


def wins(x: Expr, extremum: Expr) -> Expr:
    """Where `x` is the one that max or min takes."""
    builder = x.context.builder  # type: ignore[attr-defined]
    first, second = (Expr(x.context, a) for a in builder.arguments(extremum.value))
    largest = OPERATIONS[builder.codes[extremum.value]].name == "maximum"
    at_first = first >= second
    return at_first if (x.value == first.value) == largest else ~at_first


def varies(x: Expr) -> bool:
    """Whether an operand depends on a variable."""
    return bool(x.context.builder.active[x.value])  # type: ignore[attr-defined]


def of_constant(x: Expr) -> float | None:
    """The number that an operand made of constants is, where it is known."""
    known: dict[int, float] = getattr(x.context, "constants", {})
    return known.get(x.value)


def is_known(x: Expr) -> bool:
    return of_constant(x) is not None


def number(c: Expr) -> float:
    """The value of a constant."""
    return float(c.context.constant(c))  # type: ignore[attr-defined]


def is_nan(c: Expr) -> bool:
    return number(c) != number(c)


RULES = [*SYMMETRIES, *ELEMENTARY, *SELECTIONS]
