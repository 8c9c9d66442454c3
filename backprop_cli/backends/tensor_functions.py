"""Reductions, linear algebra and arrangements of arrays; `compute` gives the value of any row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from backprop_cli.backends.array_functions import ELEMENTWISE, Array
from backprop_cli.backends.polygamma import polygamma_values
from backprop_cli.ir.ops import BY_NAME
from backprop_cli.ir.shapes import Index


def reduction(function: Callable[..., Array]) -> Callable[..., Array]:
    def reduced(static: tuple[tuple[int, ...] | None, bool], x: Array) -> Array:
        axes, keepdims = static
        return function(x, axis=axes, keepdims=keepdims)

    return reduced


def logsumexp(x: Array, axis: Any, keepdims: bool) -> Array:
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(top), top, 0.0)
    value = np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=True)) + shift
    return value if keepdims else np.squeeze(value, axis=axis)


def norm(x: Array, axis: Any, keepdims: bool) -> Array:
    """The Euclidean norm, scaled so that squares neither over- nor underflow."""
    top = np.max(np.abs(x), axis=axis, keepdims=True, initial=0.0)
    scale = np.where((top > 0) & np.isfinite(top), top, 1.0)
    value = scale * np.sqrt(np.sum(np.square(x / scale), axis=axis, keepdims=True))
    return value if keepdims else np.squeeze(value, axis=axis)


def log_softmax(axis: int, x: Array) -> Array:
    if np.ndim(x) == 0:
        return np.float64(0.0) * x
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    shifted = x - np.where(np.isfinite(top), top, 0.0)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def softmax(axis: int, x: Array) -> Array:
    if np.ndim(x) == 0:
        return np.float64(1.0) + 0.0 * x
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    weights = np.exp(x - np.where(np.isfinite(top), top, 0.0))
    return weights / np.sum(weights, axis=axis, keepdims=True)


def entries(index: Index) -> tuple[Any, ...]:
    """An index of a graph as NumPy takes it."""
    result = []
    for entry in index:
        if isinstance(entry, tuple):
            _, start, stop, step = entry
            if not range(start, stop, step):
                start = stop = 0
            result.append(slice(start, None if stop < 0 else stop, step))
        else:
            result.append(entry)
    return tuple(result)


def scatter(static: tuple[Index, tuple[int, ...]], x: Array) -> Array:
    index, shape = static
    result = np.zeros(shape)
    result[entries(index)] = x
    return result


def sum_to(shape: tuple[int, ...], x: Array) -> Array:
    lead = np.ndim(x) - len(shape)
    summed = np.sum(x, axis=tuple(range(lead))) if lead else x
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and summed.shape[i] != 1)
    return np.sum(summed, axis=axes, keepdims=True) if axes else summed


def of_regular(
    function: Callable[..., Array], shape: Callable[..., tuple[int, ...]]
) -> Callable[..., Array]:
    """A function of LAPACK, with nan where it finds a singular matrix."""

    def total(static: object, *x: Array) -> Array:
        try:
            return function(*x)
        except np.linalg.LinAlgError:
            return np.full(shape([np.shape(a) for a in x]), np.nan)

    return total


def logdet(static: object, x: Array) -> Array:
    sign, log_abs = np.linalg.slogdet(x)
    return np.where(sign > 0, log_abs, np.where(sign == 0, -np.inf, np.nan))


def solve_columns(a: Array, b: Array) -> Array:
    if np.ndim(b) == 1:
        return np.linalg.solve(a, b[:, np.newaxis])[..., 0]
    return np.linalg.solve(a, b)


def cofactor(static: object, x: Array) -> Array:
    """The matrix of cofactors, from the singular value decomposition, exact if singular.

    With x = U diag(s) V', cof(x) = det(U) det(V) U diag(product of the other s) V'.
    """
    if x.shape[-1] == 0:
        return np.zeros(x.shape)
    if not np.all(np.isfinite(x)):
        return np.full(x.shape, np.nan)
    if x.shape[-1] == 1:
        return np.ones(x.shape)
    if x.shape[-1] == 2:
        flipped = x[..., ::-1, ::-1].copy()
        flipped[..., 0, 1] *= -1
        flipped[..., 1, 0] *= -1
        return np.swapaxes(flipped, -1, -2).swapaxes(-1, -2)
    u, s, vt = np.linalg.svd(x)
    n = s.shape[-1]
    others = np.stack([np.prod(np.delete(s, k, axis=-1), axis=-1) for k in range(n)], axis=-1)
    sign = np.linalg.det(u) * np.linalg.det(vt)
    return sign[..., np.newaxis, np.newaxis] * (u * others[..., np.newaxis, :]) @ vt


def _shape_of(name: str) -> Callable[..., tuple[int, ...]]:
    return BY_NAME[name].shape


def diag(static: object, x: Array) -> Array:
    return np.diag(x).copy()


# Each takes the static parameter first.
OTHER: dict[str, Callable[..., Array]] = {
    "polygamma": lambda n, x: polygamma_values(n, x),
    "sum": reduction(np.sum),
    "prod": reduction(np.prod),
    "mean": reduction(np.mean),
    "var": reduction(np.var),
    "std": reduction(np.std),
    "max": reduction(np.max),
    "min": reduction(np.min),
    "norm": reduction(norm),
    "logsumexp": reduction(logsumexp),
    "softmax": softmax,
    "log_softmax": log_softmax,
    "matmul": lambda _, a, b: np.matmul(a, b),
    "outer": lambda _, a, b: np.outer(a, b),
    "cross": lambda _, a, b: np.cross(a, b),
    "trace": lambda _, x: np.trace(x),
    "det": lambda _, x: np.linalg.det(x),
    "logdet": logdet,
    "inv": of_regular(np.linalg.inv, _shape_of("inv")),
    "solve": of_regular(solve_columns, _shape_of("solve")),
    "cofactor": cofactor,
    "diag": diag,
    "transpose": lambda order, x: np.transpose(x, order),
    "reshape": lambda shape, x: np.reshape(x, shape),
    "concat": lambda axis, *x: np.concatenate(x, axis=axis),
    "stack": lambda axis, *x: np.stack(x, axis=axis),
    "broadcast_to": lambda shape, x: np.broadcast_to(x, shape),
    "sum_to": sum_to,
    "index": lambda index, x: x[entries(index)],
    "scatter": scatter,
    "eye": lambda static: np.eye(*static),
    "arange": lambda static: np.arange(*static, dtype=np.float64),
}


def compute(op: str, static: Any, x: list[Array]) -> Array:
    """The value of one operation."""
    function = ELEMENTWISE.get(op)
    value = function(*x) if function is not None else OTHER[op](static, *x)
    return value[()]  # of an array without axes, the number
