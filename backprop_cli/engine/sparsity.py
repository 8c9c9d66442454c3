"""Which elements of a result depend on which elements of the variables, by the graph alone.

Element by element through elementwise operations, shaping, indexing, sums and matrix products;
through other operations that mix elements, all of the result depends on all of each argument. Of an
adjoint graph this is the sparsity of the Hessian: where the derivative by x does not depend on y,
the two never interact (Walther 2008, "Computing sparse Hessians with automatic differentiation").

A set of elements is a whole number with bit k set for element k; a node has one for each of its
elements, or a single one where all of them are alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from backprop_cli.ir.graph import CONST, INPUT, Graph

Sets = Any  # a whole number, or an array of them in the shape of the node
Shape = tuple[int, ...]
_PLACING = ("scatter", "diag", "stack", "concat")  # whose elements differ where operands' do not


def dependence(graph: Graph, wrt: Sequence[int], wanted: Sequence[int]) -> list[list[int]]:
    """For each node of `wanted` the elements of `wrt`, numbered through, that each element reads.

    An argument without a derivative, such as a condition, is not counted.
    """
    own = _numbered(graph, wrt)
    active = graph.activity(wrt)
    sets: list[Sets] = []
    for i in range(max(wanted, default=-1) + 1):
        found: Sets = 0
        if active[i] and graph.codes[i] not in (INPUT, CONST):
            found = _of_node(graph, i, sets)
        sets.append(found | own[i] if i in own else found)
    return [_flat(sets[node], graph.shape(node)) for node in wanted]


def _numbered(graph: Graph, wrt: Sequence[int]) -> dict[int, Sets]:
    own: dict[int, Sets] = {}
    start = 0
    for node in wrt:
        shape = graph.shape(node)
        size = math.prod(shape)
        own[node] = 1 << start if shape == () else _array(range(start, start + size), shape, True)
        start += size
    return own


def _array(items: Any, shape: Shape, as_bits: bool = False) -> Sets:
    import numpy as np

    result = np.empty(math.prod(shape), dtype=object)
    for k, item in enumerate(items):
        result[k] = 1 << item if as_bits else item
    return result.reshape(shape)


def _flat(sets: Sets, shape: Shape) -> list[int]:
    """The set of each element; a scalar has one."""
    if isinstance(sets, int):
        return [sets] * math.prod(shape)
    return list(_full(sets, shape).flat)


def _full(sets: Sets, shape: Shape) -> Any:
    import numpy as np

    if isinstance(sets, int):
        result = np.empty(shape, dtype=object)
        result.fill(sets)
        return result
    return np.broadcast_to(sets, shape)


def _union(sets: Sets, axes: Sequence[int], keepdims: bool) -> Sets:
    """The union along axes."""
    import numpy as np

    union: Any = np.bitwise_or.reduce
    for axis in sorted(axes, reverse=True):
        sets = union(sets, axis=axis, keepdims=keepdims)
    return sets


def _of_node(graph: Graph, i: int, sets: list[Sets]) -> Sets:
    row, shape = graph.op(i), graph.shape(i)
    static: Any = graph.static.get(i)
    arguments = graph.arguments(i)
    read = [sets[a] if row.rule(k) is not None else 0 for k, a in enumerate(arguments)]
    alike = all(isinstance(s, int) for s in read)
    if row.elementwise or (alike and (row.name not in _PLACING or not any(read))):
        found = read[0]
        for other in read[1:]:
            found = found | other
        return found
    shapes = [graph.shape(a) for a in arguments]
    full = [_full(s, n) for s, n in zip(read, shapes, strict=True)]
    if row.name == "sum_to":
        return _summed_to(full[0], shape)
    if row.masks == "route":
        return _moved(row.name, static, full, shape)
    if row.masks == "reduce":
        axes, keepdims = static
        rank = len(shapes[0])
        gone = range(rank) if axes is None else [axis % rank for axis in axes]
        return _union(full[0], list(gone), keepdims)
    if row.name in ("softmax", "log_softmax") and shapes[0]:
        return _full(_union(full[0], [static % len(shapes[0])], True), shape)
    if row.name == "matmul":
        return _product(full[0], full[1], shape)
    if row.name == "outer":
        return full[0][:, None] | full[1][None, :]
    every = 0
    for part in full:
        for item in part.flat:
            every |= item
    return every


def _summed_to(full: Any, shape: Shape) -> Sets:
    lead = full.ndim - len(shape)
    found = _union(full, range(lead), False)
    axes = [k for k, n in enumerate(shape) if n == 1 and found.shape[k] != 1]
    return _union(found, axes, True)


def _moved(op: str, static: Any, full: list[Any], shape: Shape) -> Sets:
    """Where each element of the result comes from: the operation on the numbers of the elements."""
    import numpy as np

    from backprop_cli.backends.tensor_functions import compute

    pool: list[int] = [0]
    numbers = []
    for part in full:
        count = math.prod(part.shape)
        numbers.append(np.arange(len(pool), len(pool) + count, dtype=float).reshape(part.shape))
        pool += part.flat
    places = np.asarray(compute(op, static, numbers)).astype(int)
    found = [pool[k] for k in places.flat]
    return found[0] if shape == () else _array(found, shape)


def _product(a: Any, b: Any, shape: Shape) -> Sets:
    """A row of the one factor and a column of the other."""
    rows = _union(a, [a.ndim - 1], a.ndim > 1)
    columns = _union(b, [max(b.ndim - 2, 0)], b.ndim > 1)
    if a.ndim > 1 and b.ndim == 1:
        rows = rows[..., 0]
    if a.ndim == 1 and b.ndim > 1:
        columns = columns[..., 0, :]
    found = rows | columns
    return found if shape == () else _full(found, shape)
