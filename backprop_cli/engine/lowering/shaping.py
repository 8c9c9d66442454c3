"""What calls of operations with static parameters become."""

from __future__ import annotations

from typing import Any

from backprop_cli.engine.lowering.arguments import Slice, index_of, shape_of, whole, whole_axes
from backprop_cli.engine.lowering.form import Build, Made
from backprop_cli.errors import ArityFault, ShapeFault
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.shapes import normal_axis

MOST_POLYGAMMA = 100  # its values grow like the factorial of the order


def reduction(name: str) -> Build:
    def build(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
        return name, (v[0],), (whole_axes(b, v[0], s["axis"]), bool(s["keepdims"]))

    return build


def along(name: str) -> Build:
    def build(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
        axis, rank = whole(s["axis"], "an axis"), len(b.shape(v[0]))
        return name, (v[0],), normal_axis(axis, rank) if rank else -1

    return build


def operation(name: str) -> Build:
    return lambda b, v, s: (name, tuple(v), None)


def polygamma(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
    order = whole(s["n"], "the order of polygamma")
    if not 0 <= order <= MOST_POLYGAMMA:
        raise ShapeFault(f"the order of polygamma is 0 to {MOST_POLYGAMMA}, not {order}")
    return "polygamma", (v[0],), order


def transpose(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
    axes = s["axes"]
    if axes is None:
        return "transpose", (v[0],), None
    return "transpose", (v[0],), whole_axes(b, v[0], axes)


def reshape(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
    from math import prod

    entries = s["rest"]
    if len(entries) == 1 and isinstance(entries[0], tuple):
        entries = list(entries[0])
    sizes = [whole(size, "a size") for size in entries]
    if sizes.count(-1) == 1:
        known = prod(size for size in sizes if size != -1)
        count = prod(b.shape(v[0]))
        if known > 0 and count % known == 0:
            sizes[sizes.index(-1)] = count // known
    return "reshape", (v[0],), tuple(sizes)


def to_shape(name: str) -> Build:
    return lambda b, v, s: (name, (v[0],), shape_of(s["rest"]))


def filled(value: float) -> Build:
    return lambda b, v, s: ("broadcast_to", (b.const(value),), shape_of(s["rest"]))


def eye(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
    rows = s["n"]
    if isinstance(rows, tuple) and s["m"] is None:
        shape = shape_of(rows)
    else:
        shape = shape_of((rows, rows if s["m"] is None else s["m"]))
    if len(shape) != 2:
        raise ShapeFault(f"eye makes a matrix, not an array of shape {shape}")
    return "eye", (), shape


def _number(value: Any) -> float:
    if isinstance(value, (tuple, Slice)):
        raise ShapeFault("arange takes numbers, not lists")
    result = float(value)
    if not abs(result) < 1e15:
        raise ShapeFault(f"arange cannot go to {result:g}")
    return result


def arange(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
    entries = [_number(entry) for entry in s["rest"]]
    if len(entries) > 3:
        raise ArityFault(f"'arange' takes 1 to 3 arguments, not {len(entries)}")
    if len(entries) == 1:
        entries.insert(0, 0.0)
    if len(entries) == 2:
        entries.append(1.0)
    return "arange", (), tuple(entries)


def joined(name: str) -> Build:
    def build(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
        axis, rank = whole(s["axis"], "an axis"), len(b.shape(v[0]))
        if name == "stack" or rank:
            axis = normal_axis(axis, rank + (name == "stack"))
        return name, tuple(v), axis

    return build


def scatter(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
    shape = s["shape"] if isinstance(s["shape"], tuple) else (s["shape"],)
    sizes = shape_of(shape)
    return "scatter", (v[0],), (index_of(s["rest"], sizes), sizes)


def index(b: Builder, v: list[Any], s: dict[str, Any]) -> Made:
    return "index", (v[0],), index_of(s["rest"], b.shape(v[0]))
