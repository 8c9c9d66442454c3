"""Products, determinants and inverses of arrays of node numbers, spelled out in scalars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backprop_cli.errors import UsageFault
from backprop_cli.ir.ops.notation import where
from backprop_cli.transform.elements import Elements

Array = Any  # an array of node numbers
LARGEST = 4  # rows of a matrix that is inverted by its cofactors


def matmul(elements: Elements, static: object, a: Array, b: Array) -> Array:
    import numpy as np

    left = a[np.newaxis, :] if a.ndim == 1 else a
    right = b[:, np.newaxis] if b.ndim == 1 else b
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    left = np.broadcast_to(left, (*batch, *left.shape[-2:]))
    right = np.broadcast_to(right, (*batch, *right.shape[-2:]))
    result = np.empty((*batch, left.shape[-2], right.shape[-1]), dtype=np.int64)
    for place in np.ndindex(*result.shape):
        *lead, i, j = place
        row, column = left[(*lead, i)], right[(*lead, slice(None), j)]
        pairs = zip(row, column, strict=True)
        result[place] = elements.total([times(elements, p, q) for p, q in pairs])
    result = result[..., 0] if b.ndim == 1 else result
    return (result[..., 0] if b.ndim == 1 else result[..., 0, :]) if a.ndim == 1 else result


def times(elements: Elements, a: int, b: int) -> int:
    return elements.apply("mul", [int(a), int(b)])


def outer(elements: Elements, static: object, a: Array, b: Array) -> Array:
    import numpy as np

    result = np.empty((len(a), len(b)), dtype=np.int64)
    for i, j in np.ndindex(*result.shape):
        result[i, j] = times(elements, a[i], b[j])
    return result


def cross(elements: Elements, static: object, a: Array, b: Array) -> Array:
    import numpy as np

    a, b = np.broadcast_arrays(a, b)
    result = np.empty(a.shape, dtype=np.int64)
    for place in np.ndindex(*a.shape[:-1]):
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            products = [
                times(elements, a[(*place, i)], b[(*place, j)]),
                times(elements, a[(*place, j)], b[(*place, i)]),
            ]
            result[(*place, k)] = elements.apply("sub", products)
    return result


def trace(elements: Elements, static: object, x: Array) -> Array:
    import numpy as np

    return np.array(elements.total([int(x[k, k]) for k in range(min(x.shape))]))


def per_matrix(op: str, rule: Callable[..., Array]) -> Callable[..., Array]:
    """A rule for one square matrix (and a right side), on stacks of them."""

    def applied(elements: Elements, static: object, x: Array, *more: Array) -> Array:
        import numpy as np

        n = x.shape[-1]
        if n > LARGEST:
            raise UsageFault(
                f"'{op}' of a matrix of {n} x {n} cannot be taken apart into scalars; "
                f"at most {LARGEST} x {LARGEST} can",
                help="--to numpy, jax, torch, c, javascript or python keeps arrays whole",
            )
        if x.ndim == 2 and all(b.ndim <= 2 for b in more):
            return np.asarray(rule(elements, x, *more))
        ranks = [np.ndim(b) if np.ndim(b) == 1 else 2 for b in more]
        leads = [b.shape[: b.ndim - r] for b, r in zip(more, ranks, strict=True)]
        batch = np.broadcast_shapes(x.shape[:-2], *leads)
        wide = np.broadcast_to(x, (*batch, n, n))
        others = [
            np.broadcast_to(b, (*batch, *b.shape[b.ndim - r :]))
            for b, r in zip(more, ranks, strict=True)
        ]
        parts = [rule(elements, wide[p], *(b[p] for b in others)) for p in np.ndindex(*batch)]
        return np.array(parts, dtype=np.int64).reshape((*batch, *np.shape(parts[0])))

    return applied


def determinant(elements: Elements, x: Array) -> int:
    """By the first row and its minors."""
    import numpy as np

    n = len(x)
    if n == 0:
        return elements.const(1.0)
    if n == 1:
        return int(x[0, 0])
    result: int | None = None
    for k in range(n):
        minor = np.delete(x[1:], k, axis=1)
        term = times(elements, x[0, k], determinant(elements, minor))
        if result is None:
            result = term
        else:
            result = elements.apply("sub" if k % 2 else "add", [result, term])
    assert result is not None
    return result


def cofactors(elements: Elements, x: Array) -> Array:
    import numpy as np

    result = np.empty(x.shape, dtype=np.int64)
    for i, j in np.ndindex(*x.shape):
        minor = determinant(elements, np.delete(np.delete(x, i, 0), j, 1))
        result[i, j] = elements.apply("neg", [minor]) if (i + j) % 2 else minor
    return result


def whole_inverse(elements: Elements, x: Array) -> tuple[Array, int]:
    """The transposed cofactors, and the determinant, nan where it is 0."""
    det = elements.expr(determinant(elements, x))
    return cofactors(elements, x).T, where(det == 0, float("nan"), det).value


def inverse(elements: Elements, x: Array) -> Array:
    import numpy as np

    adjugate, det = whole_inverse(elements, x)
    nodes = [elements.apply("div", [int(node), det]) for node in adjugate.flat]
    return np.array(nodes, dtype=np.int64).reshape(x.shape)


def solve(elements: Elements, a: Array, b: Array) -> Array:
    """By Cramer's rule."""
    import numpy as np

    adjugate, det = whole_inverse(elements, a)
    products = np.asarray(matmul(elements, None, adjugate, b))
    nodes = [elements.apply("div", [int(node), det]) for node in products.flat]
    return np.array(nodes, dtype=np.int64).reshape(products.shape)


def logdet(elements: Elements, x: Array) -> int:
    return elements.apply("log", [determinant(elements, x)])
