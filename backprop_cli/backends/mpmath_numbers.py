"""The `mpmath` backend: the value of a graph to any number of digits, scalars and arrays.

Scalars are numbers of mpmath; arrays are NumPy arrays of such numbers. Values are those of the
real function: where it is not real they are nan, and nothing overflows. Importing this module
raises UsageFault where mpmath is not installed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from backprop_cli.errors import UsageFault
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.ir.ops import BY_NAME, OPERATIONS

try:
    import mpmath
except ImportError:
    raise UsageFault(
        "numbers of high precision need mpmath, which is not installed",
        help="pip install 'backprop-cli[check]'",
    ) from None

mp = mpmath.mp
Number = Any  # mpmath.mpf
Value = Any  # a Number, or an array of them
HUGE = mp.mpf(10) ** 300  # beyond, exp and sin would take memory for as many digits
NAN, INF, ZERO, ONE = mp.nan, mp.inf, mp.mpf(0), mp.mpf(1)
STOP_GRAD = BY_NAME["stop_grad"].code


def real(function: Callable[..., Number]) -> Callable[..., Number]:
    """The function where it is real; nan at nan, at poles and outside the domain."""

    def total(*x: Number) -> Number:
        if any(v != v for v in x):
            return NAN
        try:
            result = function(*x)
        except (ValueError, ZeroDivisionError, OverflowError):
            return NAN
        return result if isinstance(result, mp.mpf) else NAN

    return total


def truth(condition: bool) -> Number:
    return ONE if condition else ZERO


def divide(x: Number, y: Number) -> Number:
    if y == 0:
        return NAN if x == 0 or x != x else INF * mp.sign(x)
    return x / y


def exponential(x: Number) -> Number:
    if abs(x) > HUGE:
        return INF if x > 0 else ZERO
    return mp.exp(x)


def exponential_minus_one(x: Number) -> Number:
    return exponential(x) - 1 if abs(x) > HUGE else mp.expm1(x)


def logarithm(x: Number) -> Number:
    return -INF if x == 0 else mp.log(x)


def power(x: Number, y: Number) -> Number:
    if x == 0:
        return ZERO if y > 0 else INF
    if abs(y) > HUGE:
        return exponential(y * mp.log(abs(x)))
    return mp.power(x, y)


def wave(function: Callable[..., Number]) -> Callable[..., Number]:
    """A periodic function, nan where reducing its argument would take too many digits."""
    return real(lambda x: NAN if abs(x) > HUGE else function(x))


def hyperbolic(function: Callable[..., Number], far: Callable[[Number], Number]) -> Any:
    """A function of exp(x), with its limit beyond HUGE."""
    return real(lambda x: far(x) if abs(x) > HUGE else function(x))


def artanh(x: Number) -> Number:
    return INF * x if abs(x) == 1 else mp.atanh(x)


def sinc(x: Number) -> Number:
    return ONE if x == 0 else mp.sinpi(x) / (mp.pi * x)


def lgamma(x: Number) -> Number:
    if x <= 0 and x == mp.floor(x):
        return INF
    return mp.loggamma(x) if x > 0 else mp.log(abs(mp.gamma(x)))


def sigmoid(x: Number) -> Number:
    z = exponential(-abs(x))
    return 1 / (1 + z) if x >= 0 else z / (1 + z)


def softplus(x: Number) -> Number:
    return max(x, ZERO) + mp.log1p(exponential(-abs(x)))


def logaddexp(x: Number, y: Number) -> Number:
    top = max(x, y)
    return top if x == y == -INF or top == INF else top + mp.log1p(exponential(-abs(x - y)))


def largest(*x: Number) -> Number:
    return NAN if any(v != v for v in x) else max(x)


def smallest(*x: Number) -> Number:
    return NAN if any(v != v for v in x) else min(x)


# The value of each elementwise operation, on numbers.
ELEMENTWISE: dict[str, Callable[..., Number]] = {
    "identity": lambda x: x,
    "stop_grad": lambda x: x,
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": divide,
    "mod": real(lambda x, y: x - y * mp.floor(x / y)),
    "neg": lambda x: -x,
    "pow": lambda x, y: ONE if y == 0 or x == 1 else real(power)(x, y),
    "lt": lambda x, y: truth(x < y),
    "le": lambda x, y: truth(x <= y),
    "gt": lambda x, y: truth(x > y),
    "ge": lambda x, y: truth(x >= y),
    "eq": lambda x, y: truth(x == y),
    "ne": lambda x, y: truth(x != y),
    "and": lambda x, y: truth(x != 0 and y != 0),
    "or": lambda x, y: truth(x != 0 or y != 0),
    "not": lambda x: truth(x == 0),
    "where": lambda c, x, y: x if c != 0 else y,
    "maximum": largest,
    "minimum": smallest,
    "clip": lambda x, lo, hi: smallest(largest(x, lo), hi),
    "sqrt": real(mp.sqrt),
    "cbrt": real(lambda x: mp.sign(x) * mp.cbrt(abs(x))),
    "square": lambda x: x * x,
    "reciprocal": lambda x: divide(ONE, x),
    "hypot": real(lambda x, y: mp.sqrt(x * x + y * y)),
    "exp": real(exponential),
    "exp2": real(lambda x: exponential(x * mp.log(2))),
    "expm1": real(exponential_minus_one),
    "log": real(logarithm),
    "log2": real(lambda x: logarithm(x) / mp.log(2)),
    "log10": real(lambda x: logarithm(x) / mp.log(10)),
    "log1p": real(lambda x: -INF if x == -1 else mp.log1p(x)),
    "xlogy": real(lambda x, y: ZERO if x == 0 else x * logarithm(y)),
    "logaddexp": real(logaddexp),
    "sin": wave(mp.sin),
    "cos": wave(mp.cos),
    "tan": wave(mp.tan),
    "asin": real(mp.asin),
    "acos": real(mp.acos),
    "atan": real(mp.atan),
    "atan2": real(mp.atan2),
    "sinc": wave(sinc),
    "sinh": hyperbolic(mp.sinh, lambda x: INF * mp.sign(x)),
    "cosh": hyperbolic(mp.cosh, lambda x: INF),
    "tanh": hyperbolic(mp.tanh, mp.sign),
    "asinh": real(mp.asinh),
    "acosh": real(mp.acosh),
    "atanh": real(artanh),
    "erf": hyperbolic(mp.erf, mp.sign),
    "erfc": hyperbolic(mp.erfc, lambda x: 1 - mp.sign(x)),
    "gamma": real(lambda x: INF if x > HUGE else mp.gamma(x)),
    "lgamma": real(lgamma),
    "digamma": real(mp.digamma),
    "sigmoid": real(sigmoid),
    "log_sigmoid": real(lambda x: -softplus(-x)),
    "softplus": real(softplus),
    "relu": lambda x: largest(x, ZERO),
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
    "elu": lambda x, alpha: x if x > 0 else alpha * exponential_minus_one(x),
    "gelu": real(lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2),
    "silu": real(lambda x: x * sigmoid(x)),
    "abs": abs,
    "sign": real(mp.sign),
    "floor": real(mp.floor),
    "ceil": real(mp.ceil),
    "round": real(mp.nint),
    "heaviside": real(lambda x: (1 + mp.sign(x)) / 2),
}


def each(function: Callable[..., Number], *x: Value) -> Value:
    """A function of numbers on numbers, or element by element with broadcasting."""
    if not any(isinstance(v, np.ndarray) for v in x):
        return function(*x)
    return np.frompyfunc(function, len(x), 1)(*x)


def numbers(x: Any) -> Value:
    """Floats as numbers, element by element."""
    if np.ndim(x) == 0:
        return mp.mpf(x.item() if isinstance(x, (np.ndarray, np.generic)) else x)
    return np.frompyfunc(mp.mpf, 1, 1)(np.asarray(x, dtype=object))


def compute(op: str, static: Any, x: list[Value]) -> Value:
    """The value of one operation at the precision that is set."""
    function = ELEMENTWISE.get(op)
    if function is not None:
        return each(function, *x)
    from backprop_cli.backends.mpmath_arrays import OTHER

    value = OTHER[op](static, *x)
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def constant(value: float, decimal: bool) -> Number:
    """A constant of a program: the float, or what its digits say (0.1 is one tenth)."""
    if not decimal:
        return mp.mpf(value)
    exact = next((c for c in irrational() if float(c) == abs(value)), None)
    return mp.mpf(repr(value)) if exact is None else mp.sign(value) * exact


def irrational() -> tuple[Number, ...]:
    """The constants of the language and of derivative rules, at the precision that is set."""
    two = mp.mpf(2)
    roots = (two / mp.sqrt(mp.pi), mp.sqrt(1 / two), mp.sqrt(2 * mp.pi))
    return (mp.pi, 2 * mp.pi, mp.exp(1), mp.log(2), mp.log(10), *roots)


def forward(graph: Graph, point: Mapping[int, Any], decimal: bool = False) -> list[Value]:
    """The value of every node, given the inputs' by node, at mpmath's precision.

    `decimal` constants are what their digits say, not the nearest floats.
    """
    values: list[Value] = []
    for i, code in enumerate(graph.codes):
        if code == CONST:
            values.append(constant(graph.static[i], decimal))
        elif code == INPUT:
            values.append(point[i])
        else:
            x = [values[a] for a in graph.arguments(i)]
            values.append(compute(OPERATIONS[code].name, graph.static.get(i), x))
    return values


def dependents(graph: Graph, node: int, output: int) -> list[int]:
    """The nodes between `node` and `output` whose value changes with that of `node`.

    `stop_grad` keeps its value: a derivative does not see through it.
    """
    moves = bytearray(len(graph))
    moves[node] = 1
    found = []
    for i in range(node + 1, output + 1):
        if graph.codes[i] != STOP_GRAD and any(moves[a] for a in graph.arguments(i)):
            moves[i] = 1
            found.append(i)
    return found


def moved(
    graph: Graph, values: list[Value], node: int, value: Value, order: list[int], output: int
) -> Value:
    """The output with one node at another value; `order` is that of `dependents`."""
    changed = {node: value}
    for i in order:
        x = [changed[a] if a in changed else values[a] for a in graph.arguments(i)]
        changed[i] = compute(OPERATIONS[graph.codes[i]].name, graph.static.get(i), x)
    return changed.get(output, values[output])
