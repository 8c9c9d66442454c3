"""Independent oracles: mpmath to 60 digits for scalar rows, JAX in float64 for arrays."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np

DIGITS = 60
STEP = 18  # central differences with a step of 10^-18 err by about 10^-36


def _mod(x: Any, y: Any) -> Any:
    return x - y * mp.floor(x / y)


def _cbrt(x: Any) -> Any:
    return mp.sign(x) * mp.cbrt(abs(x))


def _round(x: Any) -> Any:
    return mp.nint(x)


def _sinc(x: Any) -> Any:
    return mp.mpf(1) if x == 0 else mp.sin(mp.pi * x) / (mp.pi * x)


def _lgamma(x: Any) -> Any:
    return mp.log(abs(mp.gamma(x)))


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _softplus(x: Any) -> Any:
    return mp.log1p(mp.exp(x))


def _truth(condition: bool) -> Any:
    return mp.mpf(1 if condition else 0)


# The value of each elementwise operation, from its definition.
MPMATH: dict[str, Callable[..., Any]] = {
    "identity": lambda x: x,
    "stop_grad": lambda x: x,
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "mod": _mod,
    "neg": lambda x: -x,
    "pow": lambda x, y: mp.power(x, y),
    "lt": lambda x, y: _truth(x < y),
    "le": lambda x, y: _truth(x <= y),
    "gt": lambda x, y: _truth(x > y),
    "ge": lambda x, y: _truth(x >= y),
    "eq": lambda x, y: _truth(x == y),
    "ne": lambda x, y: _truth(x != y),
    "and": lambda x, y: _truth(x != 0 and y != 0),
    "or": lambda x, y: _truth(x != 0 or y != 0),
    "not": lambda x: _truth(x == 0),
    "where": lambda c, x, y: x if c != 0 else y,
    "maximum": max,
    "minimum": min,
    "clip": lambda x, lo, hi: min(max(x, lo), hi),
    "sqrt": mp.sqrt,
    "cbrt": _cbrt,
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "hypot": lambda x, y: mp.sqrt(x * x + y * y),
    "exp": mp.exp,
    "exp2": lambda x: mp.power(2, x),
    "expm1": mp.expm1,
    "log": mp.log,
    "log2": lambda x: mp.log(x) / mp.log(2),
    "log10": mp.log10,
    "log1p": mp.log1p,
    "xlogy": lambda x, y: mp.mpf(0) if x == 0 else x * mp.log(y),
    "logaddexp": lambda x, y: mp.log(mp.exp(x) + mp.exp(y)),
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "asin": mp.asin,
    "acos": mp.acos,
    "atan": mp.atan,
    "atan2": lambda y, x: mp.atan2(y, x),
    "sinc": _sinc,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "asinh": mp.asinh,
    "acosh": mp.acosh,
    "atanh": mp.atanh,
    "erf": mp.erf,
    "erfc": mp.erfc,
    "gamma": mp.gamma,
    "lgamma": _lgamma,
    "digamma": mp.digamma,
    "polygamma": lambda x, n: mp.polygamma(n, x),
    "sigmoid": _sigmoid,
    "log_sigmoid": lambda x: -_softplus(-x),
    "softplus": _softplus,
    "relu": lambda x: max(x, mp.mpf(0)),
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
    "elu": lambda x, alpha: x if x > 0 else alpha * mp.expm1(x),
    "gelu": lambda x: x * mp.ncdf(x),
    "silu": lambda x: x * _sigmoid(x),
    "abs": abs,
    "sign": mp.sign,
    "floor": mp.floor,
    "ceil": mp.ceil,
    "round": _round,
    "heaviside": lambda x: (1 + mp.sign(x)) / 2,
}


def value(op: str, point: Sequence[float], *extra: int) -> Any:
    """The operation's value to 60 digits."""
    with mp.workdps(int(DIGITS + min(max(map(abs, point)), 1000))):
        return MPMATH[op](*map(mp.mpf, point), *extra)


@cache
def _difference(
    op: str, point: tuple[float, ...], orders: tuple[int, ...], extra: tuple[int, ...]
) -> Any:
    function = MPMATH[op]

    def differ(x: list[Any], left: list[int]) -> Any:
        for k, order in enumerate(left):
            if order:
                rest = [*left[:k], order - 1, *left[k + 1 :]]
                h = mp.mpf(10) ** -STEP * (abs(x[k]) or 1)
                up = [*x[:k], x[k] + h, *x[k + 1 :]]
                down = [*x[:k], x[k] - h, *x[k + 1 :]]
                return (differ(up, rest) - differ(down, rest)) / (2 * h)
        return function(*x, *extra)

    # enough digits for 1 - exp(-x) in the tails, and for steps relative to tiny arguments
    large = min(max(map(abs, point)), 1000)
    small = min((abs(math.log10(abs(x))) for x in point if x), default=0)
    with mp.workdps(int(100 + large + 6 * small)):
        return differ([mp.mpf(p) for p in point], list(orders))


def difference(op: str, point: Sequence[float], orders: Sequence[int], *extra: int) -> Any:
    """A derivative by central differences; `orders` by argument, 2 in all at most."""
    return _difference(op, tuple(point), tuple(orders), extra)


def program_gradient(
    steps: Sequence[tuple[str, Sequence[int], Any]], point: Sequence[Any]
) -> tuple[Any, list[Any]]:
    """The value and gradient of a scalar program, given as operation, arguments and static.

    A step `input` takes the next coordinate of the point. Central differences to 60 digits.
    """

    def run(x: list[Any]) -> Any:
        values: list[Any] = []
        left = iter(x)
        for op, arguments, static in steps:
            if op == "input":
                values.append(next(left))
            elif op == "const":
                values.append(mp.mpf(static))
            else:
                values.append(MPMATH[op](*(values[a] for a in arguments)))
        return values[-1]

    with mp.workdps(DIGITS):
        x = [mp.mpf(p) for p in point]
        gradient = []
        for k, centre in enumerate(x):
            h = mp.mpf(10) ** -STEP * (abs(centre) or 1)
            up, down = (
                run([*x[:k], centre + h, *x[k + 1 :]]),
                run([*x[:k], centre - h, *x[k + 1 :]]),
            )
            gradient.append((up - down) / (2 * h))
        return run(x), gradient


def close(found: float, exact: Any, relative: float, absolute: float = 0.0) -> bool:
    """Whether a float is within a relative error of a number of mpmath."""
    found = float(found)
    if not math.isfinite(found):
        return False
    with mp.workdps(DIGITS):
        return bool(abs(mp.mpf(found) - exact) <= relative * abs(exact) + absolute)


def jax_numpy() -> Any:
    """jax.numpy in float64 on the CPU, with little time spent on optimising what runs once."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    return jnp


def _slice(start: int, stop: int, step: int) -> slice:
    """A normalised slice as NumPy takes it: it counts no negative bound from the end."""
    if not range(start, stop, step):
        return slice(0, 0)
    return slice(start, None if stop < 0 else stop, step)


def _entries(index: Any) -> Any:
    return tuple(_slice(*e[1:]) if isinstance(e, tuple) else e for e in index)


def _jax_solve(jnp: Any, a: Any, b: Any) -> Any:
    return jnp.linalg.solve(a, b[..., None])[..., 0] if b.ndim == 1 else jnp.linalg.solve(a, b)


def _sum_to(jnp: Any, shape: tuple[int, ...], x: Any) -> Any:
    x = jnp.sum(x, axis=tuple(range(x.ndim - len(shape))))
    axes = tuple(k for k, n in enumerate(shape) if n == 1)
    return jnp.sum(x, axis=axes, keepdims=True)


def _logsumexp(jnp: Any, static: Any, x: Any) -> Any:
    top = jnp.max(x, axis=static[0], keepdims=True)
    result = jnp.log(jnp.sum(jnp.exp(x - top), axis=static[0], keepdims=True)) + top
    return result if static[1] else jnp.squeeze(result, axis=static[0])


def _softmax(jnp: Any, axis: int, x: Any) -> Any:
    weights = jnp.exp(x - jnp.max(x, axis=axis, keepdims=True))
    return weights / jnp.sum(weights, axis=axis, keepdims=True)


# Each takes jax.numpy, the static parameter and the arguments.
JAX: dict[str, Callable[..., Any]] = {
    "sum": lambda np_, s, x: np_.sum(x, axis=s[0], keepdims=s[1]),
    "prod": lambda np_, s, x: np_.prod(x, axis=s[0], keepdims=s[1]),
    "mean": lambda np_, s, x: np_.mean(x, axis=s[0], keepdims=s[1]),
    "var": lambda np_, s, x: np_.var(x, axis=s[0], keepdims=s[1]),
    "std": lambda np_, s, x: np_.std(x, axis=s[0], keepdims=s[1]),
    "max": lambda np_, s, x: np_.max(x, axis=s[0], keepdims=s[1]),
    "min": lambda np_, s, x: np_.min(x, axis=s[0], keepdims=s[1]),
    "norm": lambda np_, s, x: np_.sqrt(np_.sum(x * x, axis=s[0], keepdims=s[1])),
    "logsumexp": _logsumexp,
    "softmax": _softmax,
    "log_softmax": lambda np_, s, x: np_.log(_softmax(np_, s, x)),
    "matmul": lambda np_, s, a, b: np_.matmul(a, b),
    "outer": lambda np_, s, a, b: np_.outer(a, b),
    "cross": lambda np_, s, a, b: np_.cross(a, b),
    "trace": lambda np_, s, x: np_.trace(x),
    "det": lambda np_, s, x: np_.linalg.det(x),
    "logdet": lambda np_, s, x: np_.linalg.slogdet(x)[1],
    "inv": lambda np_, s, x: np_.linalg.inv(x),
    "solve": lambda np_, s, a, b: _jax_solve(np_, a, b),
    "cofactor": lambda np_, s, x: (
        np_.linalg.det(x)[..., None, None] * np_.swapaxes(np_.linalg.inv(x), -1, -2)
    ),
    "diag": lambda np_, s, x: np_.diag(x),
    "transpose": lambda np_, s, x: np_.transpose(x, s),
    "reshape": lambda np_, s, x: np_.reshape(x, s),
    "concat": lambda np_, s, *x: np_.concatenate(x, axis=s),
    "stack": lambda np_, s, *x: np_.stack(x, axis=s),
    "broadcast_to": lambda np_, s, x: np_.broadcast_to(x, s),
    "sum_to": _sum_to,
    "index": lambda np_, s, x: x[_entries(s)],
    "scatter": lambda np_, s, x: np_.zeros(s[1]).at[_entries(s[0])].set(x),
}


_LINEAR = "sum mean trace diag transpose reshape concat stack broadcast_to sum_to index scatter"
LINEAR = frozenset(_LINEAR.split())


class Problem(NamedTuple):
    """An operation on arrays, the weight of its result, and a direction for each argument."""

    op: str
    static: Any
    x: list[Any]
    weight: Any
    along: list[Any]


class Answer(NamedTuple):
    """Value, gradient of <weight, f(x)>, and gradient of that gradient's product with `along`."""

    value: Any
    first: list[Any]
    second: list[Any]


def jax_answers(problems: Sequence[Problem]) -> list[Answer]:
    """The derivatives of several operations, compiled together: compiling is what takes time."""
    jnp = jax_numpy()
    import jax

    def solved(problem: Problem, x: list[Any]) -> Answer:
        def weighted(x: list[Any]) -> Any:
            result = JAX[problem.op](jnp, problem.static, *x)
            return jnp.sum(problem.weight * result), result

        def product(x: list[Any]) -> Any:
            first, result = jax.grad(weighted, has_aux=True)(x)
            terms = (jnp.sum(g * u) for g, u in zip(first, problem.along, strict=True))
            return sum(terms), (first, result)

        if problem.op in LINEAR:
            first, result = jax.grad(weighted, has_aux=True)(x)
            return Answer(result, first, [jnp.zeros_like(v) for v in x])
        second, (first, result) = jax.grad(product, has_aux=True)(x)
        return Answer(result, first, second)

    def all_of_them(xs: list[list[Any]]) -> list[Answer]:
        return [solved(problem, x) for problem, x in zip(problems, xs, strict=True)]

    answers = jax.jit(all_of_them)([list(map(jnp.asarray, p.x)) for p in problems])
    return jax.tree.map(np.asarray, answers)  # type: ignore[no-any-return]
