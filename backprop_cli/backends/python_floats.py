"""The `python` backend: one point, floats, no imports beyond `math`. The reference for the others.

`TOTAL` gives each elementwise operation as a function that never raises: IEEE values, as NumPy has
them. `FAST` has the functions of `math` that are faster and raise; see `float_sweeps`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from backprop_cli.backends import float_functions as of
from backprop_cli.ir.ops import Expr, Operand

TOTAL: dict[str, Callable[..., float]] = {
    "identity": lambda x: x,
    "stop_grad": lambda x: x,
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": of.div,
    "mod": of.mod,
    "neg": lambda x: -x,
    "pow": of.power,
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
    "maximum": of.maximum,
    "minimum": of.minimum,
    "clip": of.clip,
    "sqrt": of.positive_sqrt,
    "cbrt": math.cbrt,
    "square": of.square,
    "reciprocal": lambda x: of.div(1.0, x),
    "hypot": math.hypot,
    "exp": of.exp,
    "exp2": of.total(math.exp2),
    "expm1": of.expm1,
    "log": of.log,
    "log2": of.total(math.log2, poles={0.0: -math.inf}),
    "log10": of.total(math.log10, poles={0.0: -math.inf}),
    "log1p": of.total(math.log1p, poles={-1.0: -math.inf}),
    "xlogy": of.xlogy,
    "logaddexp": of.logaddexp,
    "sin": of.sin,
    "cos": of.cos,
    "tan": of.total(math.tan),
    "asin": of.total(math.asin),
    "acos": of.total(math.acos),
    "atan": math.atan,
    "atan2": math.atan2,
    "sinc": of.sinc,
    "sinh": of.sinh,
    "cosh": of.cosh,
    "tanh": math.tanh,
    "asinh": math.asinh,
    "acosh": of.total(math.acosh),
    "atanh": of.total(math.atanh, poles={1.0: math.inf, -1.0: -math.inf}),
    "erf": math.erf,
    "erfc": math.erfc,
    "gamma": of.gamma,
    "lgamma": of.lgamma,
    "digamma": of.digamma,
    "polygamma": of.polygamma,
    "sigmoid": of.sigmoid,
    "log_sigmoid": of.log_sigmoid,
    "softplus": of.softplus,
    "relu": of.relu,
    "leaky_relu": of.leaky_relu,
    "elu": of.elu,
    "gelu": of.gelu,
    "silu": of.silu,
    "abs": abs,
    "sign": of.sign,
    "floor": of.floor,
    "ceil": of.ceil,
    "round": of.whole(round),
    "heaviside": of.heaviside,
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
