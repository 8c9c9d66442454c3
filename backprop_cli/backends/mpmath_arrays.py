"""Reductions, linear algebra and shaping of arrays of numbers of high precision."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from backprop_cli.backends.mpmath_numbers import (
    INF,
    NAN,
    ONE,
    ZERO,
    Value,
    divide,
    each,
    exponential,
    largest,
    logarithm,
    mp,
    numbers,
    real,
    smallest,
)
from backprop_cli.backends.tensor_functions import entries

Static = tuple[tuple[int, ...] | None, bool]
exp, log, root = real(exponential), real(logarithm), real(mp.sqrt)


def reduction(function: Callable[[Value], Value]) -> Callable[..., Value]:
    """A function of vectors as a reduction over axes."""

    def reduced(static: Static, x: Value) -> Value:
        axes, keepdims = static
        x = np.asarray(x, dtype=object)
        gone = tuple(range(x.ndim)) if axes is None else tuple(a % x.ndim for a in axes)
        kept = tuple(a for a in range(x.ndim) if a not in gone)
        lead = tuple(x.shape[a] for a in kept)
        each_size = prod(x.shape[a] for a in gone)
        rows = np.transpose(x, (*kept, *gone)).reshape((*lead, each_size))
        result = np.empty(lead, dtype=object)
        for place in np.ndindex(*lead):
            result[place] = function(list(rows[place]))
        shape = tuple(1 if a in gone else n for a, n in enumerate(x.shape))
        return result.reshape(shape) if keepdims else result

    return reduced


def mean(x: list[Any]) -> Any:
    return divide(mp.fsum(x), mp.mpf(len(x)))


def variance(x: list[Any]) -> Any:
    centre = mean(x)
    return mean([(v - centre) ** 2 for v in x])


def logsumexp(x: list[Any]) -> Any:
    top = largest(*x)
    return top if not mp.isfinite(top) else top + mp.log(mp.fsum(exp(v - top) for v in x))


def softmax(axis: int, x: Value) -> Value:
    if not isinstance(x, np.ndarray):
        return ONE + ZERO * x
    return each(exp, log_softmax(axis, x))


def log_softmax(axis: int, x: Value) -> Value:
    if not isinstance(x, np.ndarray):
        return ZERO * x
    return x - reduction(logsumexp)(((axis,), True), x)


def per_matrix(function: Callable[[Value], Value]) -> Callable[..., Value]:
    """A function of a square matrix, along all leading axes."""

    def stacked(static: object, x: Value) -> Value:
        lead = x.shape[:-2]
        found = [np.asarray(function(x[place]), dtype=object) for place in np.ndindex(*lead)]
        shape = found[0].shape if found else ()
        full = np.empty((len(found), *shape), dtype=object)
        for k, result in enumerate(found):
            full[k] = result if result.ndim else result.item()
        return full.reshape((*lead, *shape))

    return stacked


def eliminate(x: Value, right: Value) -> tuple[Any, Value | None]:
    """The determinant, and the solution for the columns of `right`; None if x is singular.

    Gauss's elimination with the largest pivot of each column, none too small but 0.
    """
    n = len(x)
    rows = np.concatenate([x, right], axis=1)
    if any(v != v for v in rows.ravel()):
        return NAN, None
    product = ONE
    for k in range(n):
        top = max(range(k, n), key=lambda i: abs(rows[i, k]))
        if rows[top, k] == 0:
            return ZERO, None
        if top != k:
            rows[[k, top]] = rows[[top, k]]
            product = -product
        product = product * rows[k, k]
        rows[k] = rows[k] / rows[k, k]
        for i in range(n):
            if i != k and rows[i, k] != 0:
                rows[i] = rows[i] - rows[i, k] * rows[k]
    return product, rows[:, n:]


def determinant(x: Value) -> Any:
    return eliminate(x, x[:, :0])[0]


def inverse(x: Value) -> Value:
    """The inverse; nan where there is none."""
    found = eliminate(x, numbers(np.eye(len(x))))[1]
    return np.full(x.shape, NAN, dtype=object) if found is None else found


def logdet(x: Value) -> Any:
    return log(determinant(x))


def cofactor(x: Value) -> Value:
    """The matrix of signed minors, by their determinants."""
    result = np.empty(x.shape, dtype=object)
    for i, j in np.ndindex(*x.shape):
        minor = np.delete(np.delete(x, i, axis=0), j, axis=1)
        result[i, j] = (-1) ** (i + j) * determinant(minor)
    return result


def solve(static: object, a: Value, b: Value) -> Value:
    return np.matmul(per_matrix(inverse)(None, a), b)


def cross(static: object, a: Value, b: Value) -> Value:
    parts = [
        a[..., (k + 1) % 3] * b[..., (k + 2) % 3] - a[..., (k + 2) % 3] * b[..., (k + 1) % 3]
        for k in range(3)
    ]
    return np.stack(np.broadcast_arrays(*parts), axis=-1)


def scatter(static: tuple[Any, tuple[int, ...]], x: Value) -> Value:
    index, shape = static
    result = np.full(shape, ZERO, dtype=object)
    result[entries(index)] = x
    return result


def sum_to(shape: tuple[int, ...], x: Value) -> Value:
    extra = np.ndim(x) - len(shape)
    summed = reduction(mp.fsum)((tuple(range(extra)), False), x) if extra else x
    axes = tuple(k for k, n in enumerate(shape) if n == 1 and np.shape(summed)[k] != 1)
    return reduction(mp.fsum)((axes, True), summed) if axes else summed


# Each takes the static parameter first.
OTHER: dict[str, Callable[..., Value]] = {
    "polygamma": lambda n, x: each(real(lambda v: mp.polygamma(n, v)), x),
    "sum": reduction(mp.fsum),
    "prod": reduction(mp.fprod),
    "mean": reduction(mean),
    "var": reduction(variance),
    "std": reduction(lambda x: root(variance(x))),
    "max": reduction(lambda x: largest(*x) if x else -INF),
    "min": reduction(lambda x: smallest(*x) if x else INF),
    "norm": reduction(lambda x: root(mp.fsum(v * v for v in x))),
    "logsumexp": reduction(lambda x: logsumexp(x) if x else -INF),
    "softmax": softmax,
    "log_softmax": log_softmax,
    "matmul": lambda _, a, b: np.matmul(a, b),
    "outer": lambda _, a, b: np.outer(a, b),
    "cross": cross,
    "trace": lambda _, x: np.trace(x),
    "det": per_matrix(determinant),
    "logdet": per_matrix(logdet),
    "inv": per_matrix(inverse),
    "solve": solve,
    "cofactor": per_matrix(cofactor),
    "diag": lambda _, x: numbers(np.diag(x)),
    "transpose": lambda order, x: np.transpose(x, order),
    "reshape": lambda shape, x: np.reshape(np.asarray(x, dtype=object), shape),
    "concat": lambda axis, *x: np.concatenate(x, axis=axis),
    "stack": lambda axis, *x: np.stack([np.asarray(v, dtype=object) for v in x], axis=axis),
    "broadcast_to": lambda shape, x: np.broadcast_to(np.asarray(x, dtype=object), shape),
    "sum_to": sum_to,
    "index": lambda index, x: x[entries(index)],
    "scatter": scatter,
    "eye": lambda static: numbers(np.eye(*static)),
    "arange": lambda static: numbers(np.arange(*static, dtype=np.float64)),
}
