"""Points to compare programs at: simple, telling and random ones, and simpler ones of a kind.

A point is a dictionary of floats and, for arrays, NumPy arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from math import prod
from random import Random
from typing import Any

Shape = tuple[int, ...]
Point = dict[str, Any]

SIMPLE = (1.0, 2.0, -1.0, 0.5, 0.0, 3.0, -2.0, -0.5, 4.0, 10.0, -3.0, 1.5)  # simplest first
FAR = (100.0, 1e-3, 30.0, 1e3, 1e-6, 1e6)  # of either sign
GRID = 4096  # simple points that are sorted
MOST = 80  # simple points that are used
SHRUNK = 24  # numbers of a point that are made simpler
SEED = 0


def simple_points(shapes: Mapping[str, Shape]) -> Iterator[Point]:
    """Points of small whole numbers and halves, the simplest first."""
    count = sum(prod(shape) for shape in shapes.values())
    if len(SIMPLE) ** count <= GRID:
        places = sorted(
            product(range(len(SIMPLE)), repeat=count), key=lambda p: (sum(p), max(p, default=0))
        )
    else:
        random = Random(SEED)
        places = [(k,) * count for k in range(7)]
        places += [tuple(random.choices(range(8), k=count)) for _ in range(MOST)]
    for place in places[:MOST]:
        yield filled(shapes, [SIMPLE[k] for k in place])


def telling_numbers(constants: Iterable[float]) -> list[float]:
    """Numbers where programs with these constants may change: at them, beside them, beyond them.

    >>> telling_numbers([7.0])[:6]
    [7.0, 8.0, 6.0, 14.0, -7.0, 3.5]
    """
    found: dict[float, None] = {}
    for c in constants:
        size = 1.0 if abs(c) >= 2 else 0.5 * abs(c)
        found |= dict.fromkeys((c, c + size, c - size, 2 * c, -c, c / 2, -2 * c))
        if abs(c) > 1e2:
            found |= dict.fromkeys((1 / c, -1 / c))
    found |= dict.fromkeys(sign * x for x in FAR for sign in (1, -1))
    return [x for x in found if x not in SIMPLE]


def telling_points(shapes: Mapping[str, Shape], numbers: list[float]) -> Iterator[Point]:
    """Points of telling numbers: in one variable, in all of them, mixed with simple ones."""
    count = sum(prod(shape) for shape in shapes.values())
    if count == 1:
        yield from (filled(shapes, [x]) for x in numbers)
        return
    random = Random(SEED)
    for turn, x in enumerate(numbers if count else []):
        one = [random.choice(SIMPLE) for _ in range(count)]
        one[turn % count] = x
        yield filled(shapes, one)
        yield filled(shapes, [x] * count)
        yield filled(shapes, [random.choice((*SIMPLE, *numbers)) for _ in range(count)])


def random_points(shapes: Mapping[str, Shape], centre: Mapping[str, Any]) -> Iterator[Point]:
    """Random points without end: around the centre, of either sign, positive, large."""
    random = Random(SEED)
    draws: tuple[Callable[[], float], ...] = (
        lambda: random.uniform(-2, 2),
        lambda: random.uniform(0, 3),
        lambda: random.uniform(-10, 10),
        lambda: random.uniform(0, 1),
    )
    count = sum(prod(shape) for shape in shapes.values())
    middle = _flat(centre, shapes)
    turn = 0
    while True:
        draw = draws[turn % len(draws)]
        near = turn % 2 == 0
        moves = [draw() for _ in range(count)]
        turn += 1
        yield filled(
            shapes,
            [x if m is None or not near else m + x for m, x in zip(middle, moves, strict=True)],
        )


def _flat(point: Mapping[str, Any], shapes: Mapping[str, Shape]) -> list[float | None]:
    """The numbers of a point in order, None for those of variables it does not have."""
    import numpy as np

    found: list[float | None] = []
    for name, shape in shapes.items():
        value = point.get(name)
        found += [None] * prod(shape) if value is None else np.ravel(value).tolist()
    return found


def filled(shapes: Mapping[str, Shape], numbers: list[float]) -> Point:
    """The point of these numbers, in the order of the variables."""
    point: Point = {}
    start = 0
    for name, shape in shapes.items():
        if not shape:
            point[name] = float(numbers[start])
            start += 1
            continue
        import numpy as np

        end = start + prod(shape)
        point[name] = np.array(numbers[start:end]).reshape(shape)
        start = end
    return point


def simpler(point: Point, shapes: Mapping[str, Shape], holds: Callable[[Point], bool]) -> Point:
    """A point of shorter numbers for which `holds` is still true, found number by number."""
    numbers = [0.0 if x is None else x for x in _flat(point, shapes)]
    for k in range(min(len(numbers), SHRUNK)):
        for candidate in shorter(numbers[k]):
            trial = [*numbers[:k], candidate, *numbers[k + 1 :]]
            if holds(filled(shapes, trial)):
                numbers = trial
                break
    return filled(shapes, numbers)


def shorter(x: float) -> Iterator[float]:
    """Numbers that are easier to read than `x`, the easiest first.

    >>> list(shorter(7.3891))[-4:]
    [7.0, 7.5, 7.4, 7.39]
    """
    for candidate in (*SIMPLE, float(round(x)), round(2 * x) / 2, round(x, 1), round(x, 2)):
        if candidate == x:
            return
        yield candidate
