"""Functions of floats that never raise: IEEE values, as NumPy has them."""

from __future__ import annotations

import math
from collections.abc import Callable

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
    from backprop_cli.backends.polygamma import polygamma_values

    return float(polygamma_values(0, x))


def polygamma(x: float, order: int) -> float:
    from backprop_cli.backends.polygamma import polygamma_values

    return float(polygamma_values(order, x))


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
