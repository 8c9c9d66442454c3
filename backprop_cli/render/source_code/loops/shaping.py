"""How making, shaping, indexing and joining arrays are written in loops.

Where it can be, the result is no array: the other one is read at another index.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from backprop_cli.render.source_code.language import Text
from backprop_cli.render.source_code.loops.affine import ZERO, Affine, Index, fitted, sliced
from backprop_cli.render.source_code.loops.emitter import Emitter
from backprop_cli.render.source_code.loops.rows import Row


def transpose(e: Emitter, node: int) -> None:
    x, rank = e.graph.first[node], len(e.graph.shape(node))
    static = e.graph.static.get(node)
    order = tuple(range(rank))[::-1] if static is None else static

    def read(index: Index) -> Text:
        return e.at(x, tuple(index[order.index(axis)] for axis in range(rank)))

    e.lazy(node, read, [x])


def broadcast_to(e: Emitter, node: int) -> None:
    x = e.graph.first[node]
    e.lazy(node, lambda index: e.at(x, fitted(index, e.graph.shape(x))), [x])


def reshape(e: Emitter, node: int) -> None:
    x = e.graph.first[node]
    name = e.forms[x].name
    if not e.graph.shape(node):
        e.settle(node, e.at(x, tuple(ZERO for _ in e.graph.shape(x))))
    elif name is None:
        broadcast_to(e, node)  # of one number
    else:
        e.keep(node, name)


def index(e: Emitter, node: int) -> None:
    x, static = e.graph.first[node], e.graph.static[node]

    def read(place: Index) -> Text:
        return e.at(x, sliced(place, static, e.graph.shape(x)))

    if e.graph.shape(node):
        e.lazy(node, read, [x])
    else:
        e.settle(node, read(()))


def diag(e: Emitter, node: int) -> None:
    x = e.graph.first[node]
    if len(e.graph.shape(x)) == 2:
        e.lazy(node, lambda index: e.at(x, (index[0], index[0])), [x])
        return
    _filled(e, node, lambda k: (e.at(x, (k,)), (k, k)))


def eye(e: Emitter, node: int) -> None:
    _filled(e, node, lambda k: (e.number(1.0), (k, k)))


def _filled(e: Emitter, node: int, diagonal: Callable[[Affine], tuple[Text, Index]]) -> None:
    """A matrix of zeros but for its diagonal."""
    shape = e.graph.shape(node)
    name = e.own(node)
    e.clear(name, prod(shape))
    with e.loop(min(shape)) as k:
        value, place = diagonal(k)
        e.assign(e.element(name, place, shape), value)


def arange(e: Emitter, node: int) -> None:
    import numpy as np

    name = e.own(node)
    for k, value in enumerate(np.arange(*e.graph.static[node], dtype=np.float64)):
        e.assign(f"{name}[{k}]", e.number(float(value)))


def concat(e: Emitter, node: int) -> None:
    shape, start = e.graph.shape(node), 0
    axis = e.graph.static[node] % len(shape)
    name = e.own(node)
    for x in e.graph.arguments(node):
        own = e.graph.shape(x)
        with e.nest(own) as index:
            moved = (*index[:axis], index[axis] + Affine((), start), *index[axis + 1 :])
            e.assign(e.element(name, moved, shape), e.at(x, index))
        start += own[axis]


def stack(e: Emitter, node: int) -> None:
    shape = e.graph.shape(node)
    axis = e.graph.static[node] % len(shape)
    name = e.own(node)
    for k, x in enumerate(e.graph.arguments(node)):
        with e.nest(e.graph.shape(x)) as index:
            moved = (*index[:axis], Affine((), k), *index[axis:])
            e.assign(e.element(name, moved, shape), e.at(x, index))


def scatter(e: Emitter, node: int) -> None:
    x, shape = e.graph.first[node], e.graph.shape(node)
    static = e.graph.static[node][0]
    name = e.own(node)
    e.clear(name, prod(shape))
    with e.nest(e.graph.shape(x)) as place:
        e.assign(e.element(name, sliced(place, static, shape), shape), e.at(x, place))


ROWS: dict[str, Row] = {
    "transpose": transpose,
    "broadcast_to": broadcast_to,
    "reshape": reshape,
    "index": index,
    "diag": diag,
    "eye": eye,
    "arange": arange,
    "concat": concat,
    "stack": stack,
    "scatter": scatter,
}
