"""The elementwise operations on arrays of any rank, IEEE values throughout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from backprop_cli.backends.float_functions import SQRT_HALF

Array = Any  # np.ndarray or np.float64


def special(name: str) -> Callable[..., Array]:
    """A function of scipy.special, imported when it is first called."""

    def function(*x: Array) -> Array:
        import scipy.special

        return getattr(scipy.special, name)(*x)

    return function


def truth(condition: Array) -> Array:
    return np.asarray(condition, dtype=np.float64)


def stable_sigmoid(x: Array) -> Array:
    z = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + z), z / (1 + z))


def softplus(x: Array) -> Array:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def xlogy(x: Array, y: Array) -> Array:
    return np.where((x == 0) & (y == y), 0.0, x * np.log(y))


def logaddexp(x: Array, y: Array) -> Array:
    return np.logaddexp(x, y)


def nary(function: Callable[..., Array]) -> Callable[..., Array]:
    def folded(*x: Array) -> Array:
        result = x[0]
        for value in x[1:]:
            result = function(result, value)
        return result

    return folded


def larger(x: Array, y: Array) -> Array:
    """The first of equals, so that a tie of zeros keeps its sign; nan wins."""
    return np.where((y > x) | (y != y), y, x)


def smaller(x: Array, y: Array) -> Array:
    return np.where((y < x) | (y != y), y, x)


def power(x: Array, y: Array) -> Array:
    """C's pow: NumPy takes x^0.5 as sqrt(x), which differs at -0 and -inf."""
    return np.where((y == 0.5) & ((x == 0) | (x == -np.inf)), np.abs(x), np.power(x, y))


def erfc(x: Array) -> Array:
    """erfc with exp(-x^2) taken in two factors in the tail, where rounding x^2 costs digits."""
    head = np.round(x * 16) / 16
    tail = special("erfcx")(x) * (np.exp(-head * head) * np.exp((head - x) * (head + x)))
    return np.where((x > 1) & (x < 28), tail, special("erfc")(x))


def lgamma(x: Array) -> Array:
    tiny = np.abs(x) < 1e-20
    value = np.where(tiny, -np.log(np.abs(x)), special("gammaln")(x))
    return np.where(x == -np.inf, np.inf, value)


def sinc(x: Array) -> Array:
    u = np.pi * x
    return np.where(x == 0, 1.0, np.sin(u) / np.where(x == 0, 1.0, u))


def gamma(x: Array) -> Array:
    value = special("gamma")(x)
    return np.where((x < 0) & (x == np.floor(x)), np.nan, value)


ELEMENTWISE: dict[str, Callable[..., Array]] = {
    "identity": lambda x: x,
    "stop_grad": lambda x: x,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "mod": np.mod,
    "neg": np.negative,
    "pow": power,
    "lt": lambda x, y: truth(x < y),
    "le": lambda x, y: truth(x <= y),
    "gt": lambda x, y: truth(x > y),
    "ge": lambda x, y: truth(x >= y),
    "eq": lambda x, y: truth(x == y),
    "ne": lambda x, y: truth(x != y),
    "and": lambda x, y: truth((x != 0) & (y != 0)),
    "or": lambda x, y: truth((x != 0) | (y != 0)),
    "not": lambda x: truth(x == 0),
    "where": lambda c, x, y: np.where(c != 0, x, y),
    "maximum": nary(larger),
    "minimum": nary(smaller),
    "clip": lambda x, lo, hi: smaller(larger(x, lo), hi),
    "sqrt": lambda x: np.sqrt(x) + 0.0,
    "cbrt": np.cbrt,
    "square": np.square,
    "reciprocal": lambda x: 1.0 / x,
    "hypot": np.hypot,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "xlogy": xlogy,
    "logaddexp": logaddexp,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "sinc": sinc,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "erf": special("erf"),
    "erfc": erfc,
    "gamma": gamma,
    "lgamma": lgamma,
    "digamma": special("psi"),
    "sigmoid": stable_sigmoid,
    "log_sigmoid": lambda x: -softplus(-x),
    "softplus": softplus,
    "relu": lambda x: np.maximum(x, 0.0),
    "leaky_relu": lambda x, slope: np.where(x > 0, x, slope * x),
    "elu": lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)),
    "gelu": lambda x: 0.5 * x * erfc(-SQRT_HALF * x),
    "silu": lambda x: x * stable_sigmoid(x),
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.round,
    "heaviside": lambda x: np.heaviside(x, 0.5),
}
