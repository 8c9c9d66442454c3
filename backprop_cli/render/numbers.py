"""Numbers and tensors as text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

DIGITS = 10  # significant digits in tables, unless --digits says otherwise
MOST = 6  # elements shown of an axis


def number(value: float, digits: int = DIGITS) -> str:
    """A number with at most `digits` significant digits.

    >>> number(2.5403023058681398, 6), number(1e-7), number(3.0)
    ('2.5403', '1e-7', '3')
    """
    text = f"{value:.{digits}g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        return f"{mantissa}e{int(exponent)}"
    return text


def value(item: Any, digits: int = DIGITS) -> str:
    """A number or tensor; an axis of many elements is shown by its first and last ones.

    >>> value([[1.0, 2.0], [3.0, 4.0]])
    '[[1, 2], [3, 4]]'
    """
    item = nested(item, whole=False)
    if not isinstance(item, list):
        return item if isinstance(item, str) else number(item, digits)
    if len(item) > MOST:
        shown = [value(x, digits) for x in item[: MOST - 2]]
        return f"[{', '.join(shown)}, …, {value(item[-1], digits)}]"
    return f"[{', '.join(value(x, digits) for x in item)}]"


def nested(item: Any, *, whole: bool = True) -> Any:
    """A float, or a tensor as nested lists; unless `whole`, only those elements that are shown."""
    if isinstance(item, (float, int, str)) or item is None:
        return item
    if isinstance(item, (list, tuple)):
        return list(item)
    if not whole and item.ndim and item.size > 4 * MOST:
        return _corner(item)
    return item.tolist()


def _corner(array: Any) -> Any:
    """An array with the middle of long axes left out, each long axis still longer than MOST."""
    for axis, size in enumerate(array.shape):
        if size > MOST + 1:
            kept = [*range(MOST), size - 1]
            array = array.take(kept, axis=axis)
    return array.tolist()


def elements(item: Any) -> Iterator[tuple[str, float]]:
    """Each element of a number or tensor, with its index as text ('' for a scalar, '0,1')."""
    item = nested(item)
    stack: list[tuple[tuple[int, ...], Any]] = [((), item)]
    while stack:
        index, part = stack.pop()
        if isinstance(part, list):
            stack.extend(((*index, k), part[k]) for k in reversed(range(len(part))))
        else:
            yield ",".join(map(str, index)), part


def exact(item: float) -> str:
    """The shortest text that reads back as the same number."""
    return repr(float(item))


def finite(item: Any) -> bool:
    """Whether every element is finite."""
    if isinstance(item, (float, int)):
        return math.isfinite(item)
    return all(math.isfinite(x) for _, x in elements(item))


def shape_text(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
