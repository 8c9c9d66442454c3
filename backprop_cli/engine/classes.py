"""The classes of path products: what a gradient is where IEEE arithmetic does not distribute.

A path product is the IEEE product of the partials on its edges, so it is one of 0, +, -, inf, -inf
and nan. A sweep carries, for each node, the set of classes of all its path products to the output,
as six bits; that takes one visit an edge. Where the set holds a class that is not finite, the sum
over the paths follows from the set alone.
"""

from __future__ import annotations

import math

ZERO, POSITIVE, NEGATIVE, INFINITE, MINUS_INFINITE, NAN = (1 << k for k in range(6))
_SAMPLES = (0.0, 1.0, -1.0, math.inf, -math.inf, math.nan)
NAMES = ("0", "+", "-", "inf", "-inf", "nan")


def class_of(value: float) -> int:
    """The class of a number, as a set of one."""
    if value != value:
        return NAN
    if value == 0:
        return ZERO
    if value in (math.inf, -math.inf):
        return INFINITE if value > 0 else MINUS_INFINITE
    return POSITIVE if value > 0 else NEGATIVE


def _times(classes: int, factor: float) -> int:
    result = 0
    for k, sample in enumerate(_SAMPLES):
        if classes >> k & 1:
            result |= class_of(sample * factor)
    return result


# TIMES[class index of a factor][set]: the set of the products
TIMES = tuple(tuple(_times(classes, sample) for classes in range(64)) for sample in _SAMPLES)


def times(classes: int, factor: float) -> int:
    """The classes of products by `factor`."""
    return TIMES[class_of(factor).bit_length() - 1][classes]


def total(classes: int, finite: float) -> float:
    """The sum over paths with these classes, `finite` if all of them are."""
    if classes & NAN or (classes & INFINITE and classes & MINUS_INFINITE):
        return math.nan
    if classes & INFINITE:
        return math.inf
    if classes & MINUS_INFINITE:
        return -math.inf
    return finite


def names(classes: int) -> list[str]:
    return [name for k, name in enumerate(NAMES) if classes >> k & 1]
