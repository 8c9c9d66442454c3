"""Reductions and shaping of arrays of node numbers: a row for every operation not elementwise."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, prod
from typing import Any

from backprop_cli.ir.ops import Expr
from backprop_cli.ir.ops.notation import apply, exp, log, sqrt, where
from backprop_cli.transform import scalar_algebra as algebra
from backprop_cli.transform.elements import Elements

Shape = tuple[int, ...]
Array = Any  # an array of node numbers
Reduced = tuple[tuple[int, ...] | None, bool]


def groups(x: Array, static: Reduced) -> tuple[list[Array], Shape]:
    """The elements that go into each element of a reduction, and the reduction's shape."""
    import numpy as np

    axes, keepdims = static
    rank = np.ndim(x)
    gone = tuple(range(rank)) if axes is None else tuple(a % rank for a in axes)
    kept = tuple(a for a in range(rank) if a not in gone)
    count = prod(x.shape[a] for a in gone)
    outer = tuple(x.shape[a] for a in kept)
    moved = np.transpose(x, (*kept, *gone)).reshape((prod(outer), count))
    shape = tuple(1 if a in gone else n for a, n in enumerate(x.shape)) if keepdims else outer
    return list(moved), shape


def reduction(rule: Callable[[Elements, list[int]], int]) -> Callable[..., Array]:
    def reduced(elements: Elements, static: Reduced, x: Array) -> Array:
        import numpy as np

        parts, shape = groups(x, static)
        nodes = [rule(elements, [int(k) for k in part]) for part in parts]
        return np.array(nodes, dtype=np.int64).reshape(shape)

    return reduced


def mean(elements: Elements, nodes: list[int]) -> int:
    count = elements.const(float(len(nodes)))
    if not nodes:
        return elements.const(float("nan"))
    return elements.apply("div", [elements.total(nodes), count])


def variance(elements: Elements, nodes: list[int]) -> int:
    middle = mean(elements, nodes)
    off = [elements.apply("sub", [node, middle]) for node in nodes]
    return mean(elements, [elements.apply("square", [node]) for node in off])


def deviation(elements: Elements, nodes: list[int]) -> int:
    return elements.apply("sqrt", [variance(elements, nodes)])


def norm(elements: Elements, nodes: list[int]) -> int:
    """The root of the sum of squares, scaled so that squares neither over- nor underflow."""
    if len(nodes) < 2:
        return elements.apply("abs", nodes) if nodes else elements.const(0.0)
    if len(nodes) == 2:
        return elements.apply("hypot", nodes)
    sizes = [elements.apply("abs", [node]) for node in nodes]
    top = elements.expr(elements.extreme("maximum", sizes))
    scale = where((top > 0) & (top < inf), top, 1.0)
    squares = [apply("square", elements.expr(node) / scale).value for node in nodes]
    result: int = (scale * sqrt(elements.expr(elements.total(squares)))).value
    return result


def shift_of(elements: Elements, nodes: list[int]) -> Expr:
    """The largest element where that is finite, else 0."""
    top = elements.expr(elements.extreme("maximum", nodes))
    return where((top > -inf) & (top < inf), top, 0.0)


def logsumexp(elements: Elements, nodes: list[int]) -> int:
    if not nodes:
        return elements.const(-inf)
    shift = shift_of(elements, nodes)
    weights = [exp(elements.expr(node) - shift).value for node in nodes]
    result: int = (log(elements.expr(elements.total(weights))) + shift).value
    return result


def along(rule: Callable[[Elements, list[int]], list[int]]) -> Callable[..., Array]:
    """A rule for the elements along one axis."""

    def applied(elements: Elements, axis: int, x: Array) -> Array:
        import numpy as np

        if np.ndim(x) == 0:
            return np.array(rule(elements, [int(x)])[0])
        moved = np.moveaxis(x, axis, -1)
        flat = moved.reshape((-1, moved.shape[-1])) if moved.size else moved
        rows = [rule(elements, [int(k) for k in row]) for row in flat] if moved.size else []
        result = np.array(rows, dtype=np.int64).reshape(moved.shape)
        return np.moveaxis(result, -1, axis)

    return applied


def softmax(elements: Elements, nodes: list[int]) -> list[int]:
    shift = shift_of(elements, nodes)
    weights = [exp(elements.expr(node) - shift).value for node in nodes]
    total = elements.total(weights)
    return [elements.apply("div", [weight, total]) for weight in weights]


def log_softmax(elements: Elements, nodes: list[int]) -> list[int]:
    shift = shift_of(elements, nodes)
    shifted = [elements.expr(node) - shift for node in nodes]
    weights = [exp(part).value for part in shifted]
    log_total = log(elements.expr(elements.total(weights)))
    return [(part - log_total).value for part in shifted]


def entries(index: Any) -> tuple[Any, ...]:
    """An index of a graph as NumPy takes it."""
    result: list[Any] = []
    for entry in index:
        if not isinstance(entry, tuple):
            result.append(entry)
            continue
        _, start, stop, step = entry
        if not range(start, stop, step):
            start = stop = 0
        result.append(slice(start, None if stop < 0 else stop, step))
    return tuple(result)


def scatter(elements: Elements, static: Any, x: Array) -> Array:
    import numpy as np

    index, shape = static
    result = np.full(shape, elements.zero, dtype=np.int64)
    result[entries(index)] = x
    return result


def sum_to(elements: Elements, shape: Shape, x: Array) -> Array:
    import numpy as np

    lead = np.ndim(x) - len(shape)
    axes = tuple(range(lead)) + tuple(
        lead + k for k, n in enumerate(shape) if n == 1 and x.shape[lead + k] != 1
    )
    return summed(elements, (axes, True), x).reshape(shape) if axes else x


def diag(elements: Elements, static: object, x: Array) -> Array:
    import numpy as np

    if np.ndim(x) == 2:
        return np.diag(x)
    result = np.full((len(x), len(x)), elements.zero, dtype=np.int64)
    np.fill_diagonal(result, x)
    return result


def eye(elements: Elements, static: tuple[int, int]) -> Array:
    import numpy as np

    return np.where(np.eye(*static) != 0, elements.const(1.0), elements.zero)


def arange(elements: Elements, static: tuple[float, float, float]) -> Array:
    import numpy as np

    values = np.arange(*static, dtype=np.float64)
    return np.array([elements.const(float(v)) for v in values], dtype=np.int64)


def shaped(function: str) -> Callable[..., Array]:
    """A function of NumPy on node numbers."""

    def applied(elements: Elements, static: Any, x: Array) -> Array:
        import numpy as np

        return getattr(np, function)(x, static)

    return applied


def joined(function: str) -> Callable[..., Array]:
    def applied(elements: Elements, static: int, *x: Array) -> Array:
        import numpy as np

        return getattr(np, function)(x, axis=static)

    return applied


summed = reduction(lambda e, nodes: e.total(nodes))

# Every operation that is not elementwise.
ROWS: dict[str, Callable[..., Array]] = {
    "sum": summed,
    "prod": reduction(lambda e, nodes: e.product(nodes)),
    "mean": reduction(mean),
    "var": reduction(variance),
    "std": reduction(deviation),
    "max": reduction(lambda e, nodes: e.extreme("maximum", nodes)),
    "min": reduction(lambda e, nodes: e.extreme("minimum", nodes)),
    "norm": reduction(norm),
    "logsumexp": reduction(logsumexp),
    "softmax": along(softmax),
    "log_softmax": along(log_softmax),
    "matmul": algebra.matmul,
    "outer": algebra.outer,
    "cross": algebra.cross,
    "trace": algebra.trace,
    "det": algebra.per_matrix("det", algebra.determinant),
    "logdet": algebra.per_matrix("logdet", algebra.logdet),
    "inv": algebra.per_matrix("inv", algebra.inverse),
    "solve": algebra.per_matrix("solve", algebra.solve),
    "cofactor": algebra.per_matrix("cofactor", algebra.cofactors),
    "diag": diag,
    "transpose": shaped("transpose"),
    "reshape": shaped("reshape"),
    "broadcast_to": shaped("broadcast_to"),
    "sum_to": sum_to,
    "concat": joined("concatenate"),
    "stack": joined("stack"),
    "index": lambda elements, static, x: x[entries(static)],
    "scatter": scatter,
    "eye": eye,
    "arange": arange,
}
