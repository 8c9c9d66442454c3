"""Static values as what operations need: whole numbers, axes, shapes and indices."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from backprop_cli.errors import ShapeFault
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.shapes import has_names, indexed, normal_axis


def whole_axes(b: Builder, node: int, axis: Any) -> tuple[int, ...] | None:
    """The axes of a reduction, counted from 0."""
    if axis is None:
        return None
    rank = len(b.shape(node))
    axes = axis if isinstance(axis, tuple) else (axis,)
    found = tuple(normal_axis(whole(a, "an axis"), rank) for a in axes)
    if len(set(found)) != len(found):
        raise ShapeFault(f"axis {found[-1]} is named twice")
    return found


LARGEST = 2**53  # beyond, floats do not tell whole numbers apart


def whole(value: Any, what: str) -> int:
    """A static value as a whole number; raises ShapeFault."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST:
        return int(value)
    if isinstance(value, int):
        return value  # a named size stays one
    shown = f"{value:g}" if isinstance(value, float) else "several"
    if isinstance(value, Slice):
        shown = "a slice"
    elif isinstance(value, float) and abs(value) > LARGEST:
        raise ShapeFault(f"{what} cannot be {shown}")
    raise ShapeFault(f"{what} must be a whole number, not {shown}")


MOST_ELEMENTS = 1_000_000_000


def shape_of(entries: Any, what: str = "a size") -> tuple[int, ...]:
    """A shape from sizes, or from one list of them."""
    if len(entries) == 1 and isinstance(entries[0], tuple):
        entries = entries[0]
    sizes = tuple(whole(size, what) for size in entries)
    if any(size < 0 for size in sizes):
        raise ShapeFault(f"a size cannot be negative: {sizes}")
    count = prod(sizes)
    if count > MOST_ELEMENTS:
        raise ShapeFault(
            f"an array of shape {sizes} has {count:,} elements",
            help=f"at most {MOST_ELEMENTS:,} are made",
        )
    return sizes


class Slice(NamedTuple):
    """A slice as written, its parts None where they are left out."""

    start: Any
    stop: Any
    step: Any


def index_of(entries: list[Any], shape: tuple[int, ...]) -> tuple[Any, ...]:
    """The static index of entries into an array: counted from 0, slices cut to the axis."""
    raw: list[Any] = []
    for axis, entry in enumerate(entries):
        if not isinstance(entry, Slice):
            raw.append(whole(entry, "an index"))
        elif axis < len(shape):
            parts = [None if p is None else whole(p, "the part of a slice") for p in entry]
            if parts[2] == 0:
                raise ShapeFault("the step of a slice cannot be 0")
            cut = slice(*parts).indices(shape[axis])
            if has_names((shape[axis],)):  # indices() makes plain numbers of named sizes
                names = {int(p): p for p in (*parts, shape[axis]) if p is not None}
                cut = (names.get(cut[0], cut[0]), names.get(cut[1], cut[1]), cut[2])
            raw.append(("slice", *cut))
        else:
            raw.append(("slice", 0, 0, 1))
    indexed(shape, tuple(raw))
    return tuple(
        entry % shape[axis]
        if isinstance(entry, int)
        else (entry if len(range(*entry[1:])) else ("slice", 0, 0, 1))
        for axis, entry in enumerate(raw)
    )
