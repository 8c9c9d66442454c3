"""Elements of a vector in a given order, by slices and copies."""

from __future__ import annotations

from backprop_cli.ir.builder import Builder

PIECES = 8  # slices that a gathered vector may be joined of; more where they are long:
LENGTH = 16  # elements a slice, on average,
MOST = 256  # and no more than so many
SLICES = 32  # slices that a matrix may be made of


class Irregular(Exception):
    """The elements stand in no order that a few slices give."""


def gathered(builder: Builder, vector: int, places: list[int]) -> int:
    """The node of the elements at some places of a vector: a scalar for a single one.

    Raises Irregular where the order is none of: one slice, a slice repeated as a whole or element
    by element, rows of equal length and distance, or a few of those joined.
    """
    (size,) = builder.shape(vector)
    count, first = len(places), places[0]
    if count == 1:
        return builder.add("index", vector, static=(first,))
    step = places[1] - first
    if _is_run(places, step):
        return _run(builder, vector, first, step, count, size)
    period = _period(places)
    if period:
        once = gathered(builder, vector, places[:period])
        return _copied(builder, once, (count // period, period), (period,))
    same = _repeats(places)
    if same:
        once = gathered(builder, vector, places[::same])
        return _copied(builder, once, (count // same, same), (count // same, 1))
    found = _of_grid(builder, vector, places, size)
    return found if found is not None else _joined(builder, vector, places, size)


def _is_run(places: list[int], step: int) -> bool:
    first, count = places[0], len(places)
    if step == 0:
        return places.count(first) == count
    return places == list(range(first, first + step * count, step))


def _run(builder: Builder, vector: int, first: int, step: int, count: int, size: int) -> int:
    if step == 0:
        return builder.add("index", vector, static=(first,))
    if (first, step, count) == (0, 1, size):
        return vector
    cut = _cut(first, step, count)
    return builder.add("index", vector, static=(cut,))


def _cut(first: int, step: int, count: int) -> tuple[str, int, int, int]:
    last = first + step * (count - 1)
    return ("slice", first, last + (1 if step > 0 else -1), step)


def _period(places: list[int]) -> int:
    """After how many elements the same ones follow again; 0 where they do not."""
    try:
        period = places.index(places[0], 1)
    except ValueError:
        return 0
    if period == 1 or len(places) % period:
        return 0
    return period if places[period:] == places[:-period] else 0


def _repeats(places: list[int]) -> int:
    """How often each element stands in a row; 0 where not all do equally often, or once."""
    same = next(k for k, place in enumerate(places) if place != places[0])
    if same == 1 or len(places) % same:
        return 0
    return same if all(places[k::same] == places[::same] for k in range(1, same)) else 0


def _copied(builder: Builder, once: int, shape: tuple[int, int], like: tuple[int, ...]) -> int:
    """A vector, or a scalar, spread over a matrix whose rows are then joined."""
    if builder.shape(once) and len(like) > 1:
        once = builder.add("reshape", once, static=like)
    spread = builder.add("broadcast_to", once, static=shape)
    return builder.add("reshape", spread, static=(shape[0] * shape[1],))


def _of_grid(builder: Builder, vector: int, places: list[int], size: int) -> int | None:
    """Rows of equal length, each as far from the one before; None where they are not that."""
    first, step = places[0], places[1] - places[0]
    width = next(k for k in range(1, len(places)) if places[k] - places[k - 1] != step)
    row, height = places[width] - first, len(places) // width
    run = [first + k * step for k in range(width)]
    if len(places) % width or places != [k * row + place for k in range(height) for place in run]:
        return None
    part = _of_matrix(builder, vector, (first, row, height), (step, width), size)
    if part is None and width <= SLICES:
        columns = [_run(builder, vector, place, row, height, size) for place in run]
        part = builder.add("stack", *columns, static=1)
    elif part is None and height <= SLICES:
        starts = [first + k * row for k in range(height)]
        rows = [_run(builder, vector, start, step, width, size) for start in starts]
        part = builder.add("stack", *rows, static=0)
    return None if part is None else builder.add("reshape", part, static=(len(places),))


def _of_matrix(
    builder: Builder,
    vector: int,
    down: tuple[int, int, int],
    across: tuple[int, int],
    size: int,
) -> int | None:
    """A slice of the matrix that the vector is when cut in rows as long as the distance of rows."""
    (first, row, height), (step, width) = down, across
    if row <= 0 or step <= 0 or size % row or first % row + step * (width - 1) >= row:
        return None
    matrix = builder.add("reshape", vector, static=(size // row, row))
    cuts = (_cut(first // row, 1, height), _cut(first % row, step, width))
    return builder.add("index", matrix, static=cuts)


def _joined(builder: Builder, vector: int, places: list[int], size: int) -> int:
    parts = []
    start, count = 0, len(places)
    most = max(PIECES, min(MOST, count // LENGTH))
    while start < count:
        end = min(start + 2, count)
        step = places[end - 1] - places[start]
        while end < count and places[end] - places[end - 1] == step:
            end += 1
        piece = places[start:end]
        if len(piece) == 1 or step == 0:
            one = builder.add("index", vector, static=(piece[0],))
            parts.append(builder.add("broadcast_to", one, static=(len(piece),)))
        else:
            parts.append(_run(builder, vector, piece[0], step, len(piece), size))
        start = end
        if len(parts) > most:
            raise Irregular
    return builder.add("concat", *parts, static=0)
