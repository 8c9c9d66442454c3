"""Shape rules: the shape of a result, or a ShapeFault that says why there is none.

Every rule takes the arguments' shapes and the operation's static parameter.
"""

from __future__ import annotations

from math import prod
from typing import Any

from backprop_cli.errors import ShapeFault

Shape = tuple[int, ...]


def show(shape: Shape) -> str:
    """`(2, 3)`, or 'a scalar'."""
    return "a scalar" if shape == () else str(shape)


def has_names(shape: Shape) -> bool:
    """Whether a size is a name (`sizes.Size`, which only commands that take one import)."""
    return any(type(size) is not int for size in shape)


def broadcast(shapes: list[Shape], static: object = None) -> Shape:
    """NumPy's broadcasting of any number of shapes."""
    first = shapes[0] if shapes else ()
    if all(s == first for s in shapes):
        return first
    rank = max(map(len, shapes))
    result = [1] * rank
    for shape in shapes:
        for axis, size in enumerate(shape, rank - len(shape)):
            if size == 1 or size == result[axis]:
                continue
            if result[axis] != 1:
                listed = " and ".join(show(s) for s in shapes)
                raise ShapeFault(
                    f"shapes {listed} do not broadcast",
                    help=f"axis {axis} would need {result[axis]} and {size} elements; one of "
                    "them must be 1, or both the same",
                )
            result[axis] = size
    return tuple(result)


def source(shapes: list[Shape], static: object = None) -> Shape:
    return ()


def same(shapes: list[Shape], static: object = None) -> Shape:
    return shapes[0]


def scalar(shapes: list[Shape], static: object = None) -> Shape:
    return ()


LARGEST = 2**40  # elements: 8 TiB


def sized(shape: Shape) -> Shape:
    """A shape that an array can have."""
    if (len(shape) > 32 or prod(shape) > LARGEST) and not has_names(shape):
        raise ShapeFault(f"an array of shape {show(shape)} is too large")
    return shape


def normal_axis(axis: int, rank: int) -> int:
    """`axis` counted from 0; a negative one counts from the end."""
    if not -rank <= axis < rank:
        raise ShapeFault(
            f"axis {axis} does not exist: the argument has "
            + (f"axes 0 to {rank - 1}" if rank else "no axes"),
        )
    return axis % rank


def reduced(shapes: list[Shape], static: tuple[tuple[int, ...] | None, bool]) -> Shape:
    """Static is (axes or None for all, keepdims)."""
    axes, keepdims = static
    shape = shapes[0]
    gone = (
        set(range(len(shape))) if axes is None else {normal_axis(axis, len(shape)) for axis in axes}
    )
    if keepdims:
        return tuple(1 if axis in gone else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in gone)


def reduced_nonempty(shapes: list[Shape], static: tuple[tuple[int, ...] | None, bool]) -> Shape:
    result = reduced(shapes, static)
    if prod(shapes[0]) == 0:
        raise ShapeFault(f"there is no least or greatest element in an array of shape {shapes[0]}")
    return result


def along_axis(shapes: list[Shape], static: int) -> Shape:
    """An operation along one axis that keeps the shape; a scalar counts as one element."""
    if shapes[0]:
        normal_axis(static, len(shapes[0]))
    return shapes[0]


def matmul(shapes: list[Shape], static: object = None) -> Shape:
    a, b = shapes
    if not a or not b:
        raise ShapeFault(
            f"{show(a)} @ {show(b)}: '@' needs vectors or matrices",
            help="multiply by a scalar with '*'",
        )
    inner = b[0] if len(b) == 1 else b[-2]
    if a[-1] != inner:
        wanted = None
        if len(a) == 2 and len(b) == 2:
            if a[0] == inner:
                wanted = "transpose the first operand with '"
            elif a[-1] == b[-1]:
                wanted = "transpose the second operand with '"
        elif len(a) == 2 and len(b) == 1 and a[0] == inner:
            wanted = "transpose the matrix with '"
        raise ShapeFault(f"{a} @ {b}: the inner sizes {a[-1]} and {inner} differ", help=wanted)
    batch = broadcast([a[:-2], b[:-2]])
    return batch + (a[-2:-1] if len(a) > 1 else ()) + (b[-1:] if len(b) > 1 else ())


def outer(shapes: list[Shape], static: object = None) -> Shape:
    a, b = shapes
    if len(a) != 1 or len(b) != 1:
        raise ShapeFault(f"outer takes two vectors, not {show(a)} and {show(b)}")
    return (a[0], b[0])


def cross(shapes: list[Shape], static: object = None) -> Shape:
    a, b = shapes
    if a[-1:] != (3,) or b[-1:] != (3,):
        raise ShapeFault(f"cross takes vectors of 3 elements, not {show(a)} and {show(b)}")
    return broadcast(shapes)


def square_matrix(shapes: list[Shape], static: object = None) -> Shape:
    """The shape of a square matrix, or of a stack of them."""
    shape = shapes[0]
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ShapeFault(f"a square matrix is needed, not {show(shape)}")
    return shape


def of_square(shapes: list[Shape], static: object = None) -> Shape:
    """One number for each square matrix."""
    return square_matrix(shapes)[:-2]


def trace(shapes: list[Shape], static: object = None) -> Shape:
    if len(shapes[0]) != 2:
        raise ShapeFault(f"trace takes a matrix, not {show(shapes[0])}")
    return ()


def solve(shapes: list[Shape], static: object = None) -> Shape:
    a, b = shapes
    square_matrix([a])
    if not b:
        raise ShapeFault(f"solve({show(a)}, {show(b)}): the right side must be a vector or matrix")
    rows = b[-1] if len(b) == 1 else b[-2]
    if rows != a[-1]:
        raise ShapeFault(f"solve: a matrix {a} does not fit a right side {b}: {a[-1]} != {rows}")
    if len(b) == 1:
        return a[:-2] + b
    return broadcast([a[:-2], b[:-2]]) + b[-2:]


def diag(shapes: list[Shape], static: object = None) -> Shape:
    shape = shapes[0]
    if len(shape) == 1:
        return (shape[0], shape[0])
    if len(shape) == 2:
        if shape[0] != shape[1] and has_names(shape):
            raise ShapeFault(f"diag of {show(shape)}: which of the sizes is less is not known")
        return (min(shape),)
    raise ShapeFault(f"diag takes a vector or a matrix, not {show(shape)}")


def transpose(shapes: list[Shape], static: tuple[int, ...] | None) -> Shape:
    shape = shapes[0]
    if static is None:
        return shape[::-1]
    if sorted(static) != list(range(len(shape))):
        raise ShapeFault(f"{static} is not an order of the axes of {show(shape)}")
    return tuple(shape[axis] for axis in static)


def reshape(shapes: list[Shape], static: Shape) -> Shape:
    if prod(shapes[0]) != prod(static) or min(static, default=0) < 0:
        raise ShapeFault(
            f"{show(shapes[0])} has {prod(shapes[0])} elements, the shape {static} {prod(static)}"
        )
    return sized(static)


def concat(shapes: list[Shape], static: int) -> Shape:
    first = shapes[0]
    if not first:
        raise ShapeFault("concat takes vectors or arrays, not scalars", help="use stack or [a, b]")
    axis = normal_axis(static, len(first))
    for shape in shapes[1:]:
        if len(shape) != len(first) or any(
            m != n for i, (m, n) in enumerate(zip(first, shape, strict=True)) if i != axis
        ):
            raise ShapeFault(f"concat: {show(first)} and {show(shape)} differ beside axis {axis}")
    return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])


def stack(shapes: list[Shape], static: int) -> Shape:
    first = shapes[0]
    for position, shape in enumerate(shapes):
        if shape != first:
            raise ShapeFault(
                f"the elements of one array have one shape: element 0 is {show(first)}, "
                f"element {position} is {show(shape)}"
            )
    axis = normal_axis(static, len(first) + 1)
    return sized((*first[:axis], len(shapes), *first[axis:]))


def broadcast_to(shapes: list[Shape], static: Shape) -> Shape:
    if broadcast([shapes[0], static]) != static:
        raise ShapeFault(f"{show(shapes[0])} does not broadcast to {static}")
    return sized(static)


def sum_to(shapes: list[Shape], static: Shape) -> Shape:
    if broadcast([shapes[0], static]) != shapes[0]:
        raise ShapeFault(f"{show(shapes[0])} does not sum to {static}")
    return static


Index = tuple[Any, ...]  # of int, and of ('slice', start, stop, step) normalised to the axis


def _sliced(size: int, word: str, start: int, stop: int, step: int) -> int:
    """How many of `size` elements a normalised slice takes."""
    taken = range(start, stop, step)
    if word != "slice" or (taken and not (0 <= taken[0] < size and 0 <= taken[-1] < size)):
        raise ShapeFault(f"the slice {start}:{stop}:{step} does not fit an axis of {size} elements")
    if has_names((stop,)) and step == 1:
        return stop - start
    if has_names((size,)) and len(taken) > size // 2:
        return size - (int(size) - len(taken))
    return len(taken)


def indexed(shape: Shape, index: Index) -> Shape:
    """The shape of `x[index]`; entries beyond the index are taken whole."""
    if len(index) > len(shape):
        count = f"{len(index)} indices" if len(index) > 1 else "an index"
        raise ShapeFault(
            f"{count} into {show(shape)}, which has {len(shape)} "
            + ("axis" if len(shape) == 1 else "axes")
        )
    result = []
    for axis, entry in enumerate(index):
        if isinstance(entry, int):
            if not -shape[axis] <= entry < shape[axis]:
                axis_text = f" on axis {axis}" if len(shape) > 1 else ""
                raise ShapeFault(
                    f"index {entry} is out of range{axis_text}: "
                    + (
                        f"{shape[axis]} elements, 0 to {shape[axis] - 1}"
                        if shape[axis]
                        else "there are no elements"
                    ),
                    help="indices count from 0; -1 is the last",
                )
        else:
            result.append(_sliced(shape[axis], *entry))
    return (*result, *shape[len(index) :])


def index(shapes: list[Shape], static: Index) -> Shape:
    return indexed(shapes[0], static)


def scatter(shapes: list[Shape], static: tuple[Index, Shape]) -> Shape:
    where, shape = static
    if indexed(shape, where) != shapes[0]:
        raise ShapeFault(f"scatter: {show(shapes[0])} does not fit that place in {show(shape)}")
    return sized(shape)


def eye(shapes: list[Shape], static: tuple[int, int]) -> Shape:
    return sized(static)


def arange(shapes: list[Shape], static: tuple[float, float, float]) -> Shape:
    start, stop, step = static
    if step == 0:
        raise ShapeFault("arange: the step is 0")
    from math import ceil, isfinite

    count = (stop - start) / step
    if not isfinite(count):
        raise ShapeFault(f"arange: from {start} to {stop} by {step} has no end")
    return sized((max(0, ceil(count)),))
