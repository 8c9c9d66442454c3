"""The `python` backend: one point, floats, no imports beyond `math`. The reference for the others.

`TOTAL` gives each elementwise operation as a function that never raises: IEEE values, as NumPy has
them. `FAST` has the functions of `math` that are faster and raise; see `float_sweeps`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

from backprop_cli.ir.ops import Expr, Operand

inf, nan = math.inf, math.nan
SQRT_HALF = math.sqrt(0.5)


def total(
    function: Callable[..., float], overflow: float = inf, poles: dict[float, float] | None = None
) -> Callable[..., float]:
    """`function` of `math` without exceptions: nan outside its domain, `poles` at given points."""
    at_poles = poles or {}

    def safe(*x: float) -> float:
        try:
            return function(*x)
        except OverflowError:
            return overflow
        except ValueError:
            return at_poles.get(x[0], nan)

    return safe


def div(x: float, y: float) -> float:
    try:
        return x / y
    except ZeroDivisionError:
        if x == 0 or x != x:
            return nan
        return math.copysign(inf, x) * math.copysign(1.0, y)


def mod(x: float, y: float) -> float:
    try:
        return x % y
    except ZeroDivisionError:
        return nan


def power(x: float, y: float) -> float:
    try:
        return math.pow(x, y)
    except OverflowError:
        return -inf if x < 0 and y % 2 == 1 else inf
    except ValueError:
        if x == 0:
            return math.copysign(inf, x) if y % 2 == 1 else inf
        return nan


def whole(function: Callable[[float], int]) -> Callable[[float], float]:
    """A rounding that keeps inf, nan and the sign of zero."""

    def rounded(x: float) -> float:
        return math.copysign(float(function(x)), x) if math.isfinite(x) else x

    return rounded


def ceil(x: float) -> float:
    return (float(math.ceil(x)) or x * 0.0) if math.isfinite(x) else x


def floor(x: float) -> float:
    return (float(math.floor(x)) or x * 0.0) if math.isfinite(x) else x


def sign(x: float) -> float:
    return math.copysign(1.0, x) if x != 0 and x == x else x + 0.0


def heaviside(x: float) -> float:
    if x != x:
        return nan
    return 0.5 if x == 0 else float(x > 0)


def maximum(*x: float) -> float:
    best = x[0]
    for value in x:
        if value != value:
            return nan
        if value > best:
            best = value
    return best


def minimum(*x: float) -> float:
    best = x[0]
    for value in x:
        if value != value:
            return nan
        if value < best:
            best = value
    return best


def clip(x: float, lo: float, hi: float) -> float:
    return minimum(maximum(x, lo), hi)


def square(x: float) -> float:
    return x * x


def sinc(x: float) -> float:
    if x == 0:
        return 1.0
    return div(sin(math.pi * x), math.pi * x)


def xlogy(x: float, y: float) -> float:
    if x == 0 and y == y:
        return 0.0
    return x * log(y)


def sigmoid(x: float) -> float:
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    z = math.exp(x) if x == x else nan
    return z / (1.0 + z)


def softplus(x: float) -> float:
    if x != x:
        return nan
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def log_sigmoid(x: float) -> float:
    return -softplus(-x)


def logaddexp(x: float, y: float) -> float:
    if x == y:
        return x + math.log(2.0)
    difference = x - y
    if difference != difference:
        return nan
    return max(x, y) + math.log1p(math.exp(-abs(difference)))


def relu(x: float) -> float:
    return x if x > 0 or x != x else 0.0


def leaky_relu(x: float, slope: float) -> float:
    return x if x > 0 else slope * x


def elu(x: float, alpha: float) -> float:
    return x if x > 0 else alpha * math.expm1(x)


def gelu(x: float) -> float:
    return 0.5 * x * math.erfc(-SQRT_HALF * x)


def silu(x: float) -> float:
    return x * sigmoid(x)


def gamma(x: float) -> float:
    try:
        return math.gamma(x)
    except OverflowError:
        return inf
    except ValueError:
        return math.copysign(inf, x) if x == 0 else nan


def lgamma(x: float) -> float:
    try:
        return math.lgamma(x)
    except (OverflowError, ValueError):
        return inf


def digamma(x: float) -> float:
    return float(_special().psi(x))


def polygamma(x: float, order: int) -> float:
    return float(polygamma_values(order, x))


def polygamma_values(order: int, x: Any) -> Any:
    """polygamma(order, x) for a float or an array.

    By the Hurwitz zeta function right of 0, left of it by reflection (Abramowitz and Stegun 1964,
    6.4.10 and 6.4.7).
    """
    special = _special()
    if order == 0:
        return special.psi(x)
    import numpy as np

    x = np.asarray(x, dtype=np.float64)
    sign = (-1.0) ** order
    with np.errstate(all="ignore"):
        positive = np.where(x > 0, x, 1.0 - x)
        zeta = special.gamma(order + 1.0) * special.zeta(order + 1.0, positive)
        cotangent = 1.0 / np.tan(np.pi * (x - np.round(x)))
        left = -zeta - np.pi ** (order + 1) * np.polyval(_cot_derivative(order), cotangent)
        value = np.where(x > 0, -sign * zeta, np.where(x == np.floor(x), np.nan, left))
        value = np.where(x == 0, np.inf, value)
    return value[()]


@cache
def _cot_derivative(order: int) -> list[float]:
    """The derivative of cot(u), `order` times, as a polynomial in cot(u), highest power first."""
    coefficients = [0.0, 1.0]  # lowest power first
    for _ in range(order):
        slopes = [k * c for k, c in enumerate(coefficients)][1:]
        coefficients = [0.0] * (len(slopes) + 2)
        for k, slope in enumerate(slopes):  # d cot = -(1 + cot^2) du
            coefficients[k] -= slope
            coefficients[k + 2] -= slope
    return coefficients[::-1]


@cache
def _special() -> Any:
    import scipy.special

    return scipy.special


sqrt = total(math.sqrt)
exp = total(math.exp)
expm1 = total(math.expm1)
log = total(math.log, poles={0.0: -inf})
sin = total(math.sin)
cos = total(math.cos)


def positive_sqrt(x: float) -> float:
    """sqrt, with sqrt(-0) = 0."""
    return sqrt(x) + 0.0


def cosh(x: float) -> float:
    try:
        return math.cosh(x)
    except OverflowError:
        return inf


def sinh(x: float) -> float:
    try:
        return math.sinh(x)
    except OverflowError:
        return math.copysign(inf, x)


TOTAL: dict[str, Callable[..., float]] = {
    "identity": lambda x: x,
    "stop_grad": lambda x: x,
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": div,
    "mod": mod,
    "neg": lambda x: -x,
    "pow": power,
    "lt": lambda x, y: float(x < y),
    "le": lambda x, y: float(x <= y),
    "gt": lambda x, y: float(x > y),
    "ge": lambda x, y: float(x >= y),
    "eq": lambda x, y: float(x == y),
    "ne": lambda x, y: float(x != y),
    "and": lambda x, y: float(x != 0 and y != 0),
    "or": lambda x, y: float(x != 0 or y != 0),
    "not": lambda x: float(x == 0),
    "where": lambda c, x, y: x if c != 0 else y,
    "maximum": maximum,
    "minimum": minimum,
    "clip": clip,
    "sqrt": positive_sqrt,
    "cbrt": math.cbrt,
    "square": square,
    "reciprocal": lambda x: div(1.0, x),
    "hypot": math.hypot,
    "exp": exp,
    "exp2": total(math.exp2),
    "expm1": expm1,
    "log": log,
    "log2": total(math.log2, poles={0.0: -inf}),
    "log10": total(math.log10, poles={0.0: -inf}),
    "log1p": total(math.log1p, poles={-1.0: -inf}),
    "xlogy": xlogy,
    "logaddexp": logaddexp,
    "sin": sin,
    "cos": cos,
    "tan": total(math.tan),
    "asin": total(math.asin),
    "acos": total(math.acos),
    "atan": math.atan,
    "atan2": math.atan2,
    "sinc": sinc,
    "sinh": sinh,
    "cosh": cosh,
    "tanh": math.tanh,
    "asinh": math.asinh,
    "acosh": total(math.acosh),
    "atanh": total(math.atanh, poles={1.0: inf, -1.0: -inf}),
    "erf": math.erf,
    "erfc": math.erfc,
    "gamma": gamma,
    "lgamma": lgamma,
    "digamma": digamma,
    "polygamma": polygamma,
    "sigmoid": sigmoid,
    "log_sigmoid": log_sigmoid,
    "softplus": softplus,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "gelu": gelu,
    "silu": silu,
    "abs": abs,
    "sign": sign,
    "floor": floor,
    "ceil": ceil,
    "round": whole(round),
    "heaviside": heaviside,
}


# The functions of `math` that raise where the ones above return inf or nan, but run faster.
FAST: dict[str, Callable[..., float]] = {
    name: getattr(math, name)
    for name in (
        *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan"),
        *("asin", "acos", "sinh", "cosh", "acosh", "atanh"),
    )
} | {"pow": math.pow}


class FloatContext:
    """Rules applied in this context compute at once, with floats."""

    __slots__ = ()

    def shape(self, value: float) -> tuple[int, ...]:
        return ()

    def apply(self, op: str, operands: tuple[Operand, ...], static: Any = None) -> Expr:
        if op == "const":
            return Expr(self, float(static))
        values = [o.value if isinstance(o, Expr) else float(o) for o in operands]
        if op == "polygamma":
            values.append(static)
        return Expr(self, TOTAL[op](*values))
