"""Operations on stacks: arrays with one more axis, the first, with an entry for each direction.

What does not depend on the direction has no such axis. Operations that are not spelled out here are
computed for one entry after another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backprop_cli.backends.array_functions import Array
from backprop_cli.backends.tensor_functions import compute, entries
from backprop_cli.ir.ops import BY_NAME

Shape = tuple[int, ...]


def stacked(
    op: str, static: Any, x: Sequence[Array], moves: Sequence[bool], shapes: Sequence[Shape]
) -> Array:
    """The stack of an operation's results; `moves` says which operands are stacks.

    `shapes` are those of one entry: of the operands, then of the result.
    """
    row = BY_NAME[op]
    *parts, shape = shapes
    if row.elementwise:
        operands = zip(x, moves, parts, strict=True)
        return compute(op, static, [_aligned(*operand, len(shape)) for operand in operands])
    if row.masks == "reduce":
        axes, keepdims = static
        rank = len(parts[0])
        gone = range(rank) if axes is None else (axis % rank for axis in axes)
        return compute(op, (tuple(axis + 1 for axis in gone), keepdims), list(x))
    rule = _RULES.get(op)
    if rule is not None:
        return rule(static, x, moves, parts, shape)
    count = next(len(array) for array, moved in zip(x, moves, strict=True) if moved)
    pick = [[a[k] if m else a for a, m in zip(x, moves, strict=True)] for k in range(count)]
    return np.stack([compute(op, static, one) for one in pick])


def _aligned(array: Array, moved: bool, shape: Shape, rank: int) -> Array:
    """A stack with axes of size 1 after the first, so that entries broadcast to a rank."""
    missing = rank - len(shape)
    if not moved or not missing:
        return array
    return array.reshape(len(array), *(1,) * missing, *shape)


def _summed_to(static: Any, x: Any, moves: Any, parts: list[Shape], shape: Shape) -> Array:
    (array,), (part,) = x, parts
    lead = len(part) - len(shape)
    thin = [lead + k for k, n in enumerate(shape) if n == 1]
    axes = tuple(axis + 1 for axis in [*range(lead), *thin])
    return np.sum(array, axis=axes).reshape(len(array), *shape)


def _broadcast(static: Any, x: Any, moves: Any, parts: list[Shape], shape: Shape) -> Array:
    return np.broadcast_to(_aligned(x[0], True, parts[0], len(shape)), (len(x[0]), *shape))


def _scattered(static: Any, x: Any, moves: Any, parts: Any, shape: Shape) -> Array:
    result = np.zeros((len(x[0]), *shape))
    result[(slice(None), *entries(static[0]))] = x[0]
    return result


def _joined(function: Callable[..., Array]) -> Callable[..., Array]:
    """Along an axis of the result (a negative one counts from the end there and here)."""

    def joined(axis: int, x: Any, moves: Any, parts: list[Shape], shape: Shape) -> Array:
        count = next(len(array) for array, moved in zip(x, moves, strict=True) if moved)
        full = [np.broadcast_to(a, (count, *p)) for a, p in zip(x, parts, strict=True)]
        return function(full, axis=axis % len(shape) + 1)

    return joined


def _product(static: Any, x: Any, moves: Any, parts: list[Shape], shape: Shape) -> Array:
    """matmul; a vector is a row on the left and a column on the right."""
    (a, b), (of_a, of_b) = x, parts
    if moves == [True, False] and len(of_a) == 1 and len(of_b) == 2:
        return a @ b
    if moves == [False, True] and len(of_a) == 2 and len(of_b) == 1:
        return b @ a.T
    if len(of_a) == 1:
        a, of_a = a[..., np.newaxis, :], (1, *of_a)
    if len(of_b) == 1:
        b, of_b = b[..., np.newaxis], (*of_b, 1)
    rank = max(len(of_a), len(of_b))
    product = np.matmul(_aligned(a, moves[0], of_a, rank), _aligned(b, moves[1], of_b, rank))
    return product.reshape(len(product), *shape)


def _solution(static: Any, x: Any, moves: Any, parts: list[Shape], shape: Shape) -> Array:
    """Of one matrix, with the stack's vectors as columns; else with axes in line."""
    (a, b), (of_a, of_b) = x, parts
    if not moves[0] and len(of_a) == 2 and len(of_b) == 1:
        return compute("solve", static, [a, b.T]).T
    if len(of_b) == 1:
        b, of_b = b[..., np.newaxis], (*of_b, 1)
    rank = max(len(of_a), len(of_b))
    operands = [_aligned(a, moves[0], of_a, rank), _aligned(b, moves[1], of_b, rank)]
    return compute("solve", static, operands).reshape(-1, *shape)


def _outer(static: Any, x: Any, moves: Any, parts: Any, shape: Any) -> Array:
    return x[0][..., :, np.newaxis] * x[1][..., np.newaxis, :]


def _diagonal(static: Any, x: Any, moves: Any, parts: list[Shape], shape: Shape) -> Array:
    if len(shape) == 1:
        return np.diagonal(x[0], axis1=1, axis2=2).copy()
    result = np.zeros((len(x[0]), *shape))
    np.einsum("kii->ki", result)[...] = x[0]
    return result


def _transposed(static: Any, x: Any, moves: Any, parts: list[Shape], shape: Any) -> Array:
    order = range(len(parts[0]))[::-1] if static is None else static
    return np.transpose(x[0], (0, *(axis + 1 for axis in order)))


# Each takes the static parameter, operands, which of them are stacks, their shapes, the result's.
_RULES: dict[str, Callable[..., Array]] = {
    "sum_to": _summed_to,
    "broadcast_to": _broadcast,
    "reshape": lambda static, x, moves, parts, shape: x[0].reshape(len(x[0]), *shape),
    "transpose": _transposed,
    "index": lambda static, x, moves, parts, shape: x[0][(slice(None), *entries(static))],
    "scatter": _scattered,
    "stack": _joined(np.stack),
    "concat": _joined(np.concatenate),
    "matmul": _product,
    "outer": _outer,
    "solve": _solution,
    "diag": _diagonal,
    "trace": lambda static, x, moves, parts, shape: np.trace(x[0], axis1=1, axis2=2),
}
