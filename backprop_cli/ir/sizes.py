"""Sizes known by name only, for derivatives of matrix expressions: `--shape A=n,m`.

A named size is a whole number, a prime of its own, so that every shape rule works on it unchanged:
sizes are equal where their names are. Sums and products of sizes keep their text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations_with_replacement, count, product
from math import isqrt
from typing import Any, NamedTuple

FIRST = 10_007  # three axes stay below the limits of `shapes.sized` and of `shape_of`
NEAR = 1_000  # n - 3 is found again as a size, up to here
MOST_POWER = 2
MOST_FACTOR = 64  # the largest part of a ratio beside sizes: 2/n, 3*n/4


class Size(int):
    """A whole number that is written as a name, or as a sum or product of names.

    >>> n, m = named_sizes(["n", "m"]).values()
    >>> (n, m), n + 1, n + m - n, 2 * n * m
    ((n, m), n + 1, m, 2*n*m)
    >>> n == m, n == int(n)
    (False, True)
    """

    parts: tuple[tuple[str, int], ...]  # names with their coefficients; '' for the number

    def __new__(cls, value: int, parts: tuple[tuple[str, int], ...]) -> Size:
        self = super().__new__(cls, value)
        self.parts = parts
        return self

    def __getnewargs__(self) -> tuple[int, tuple[tuple[str, int], ...]]:  # type: ignore[override]
        return int(self), self.parts

    @property
    def text(self) -> str:
        words = ""
        for name, k in sorted(self.parts, key=lambda part: part[0] == ""):
            number = f"{abs(k)}*" if name and abs(k) != 1 else ("" if name else f"{abs(k)}")
            sign = (" - " if k < 0 else " + ") if words else ("-" if k < 0 else "")
            words += f"{sign}{number}{name}"
        return words

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__

    def __add__(self, other: float) -> Any:
        k = whole(other)
        return float(self) + other if k is None else combined(self, k, 1)

    def __radd__(self, other: float) -> Any:
        k = whole(other)
        return other + float(self) if k is None else combined(k, self, 1)

    def __sub__(self, other: float) -> Any:
        k = whole(other)
        return float(self) - other if k is None else combined(self, k, -1)

    def __rsub__(self, other: float) -> Any:
        k = whole(other)
        return other - float(self) if k is None else combined(k, self, -1)

    def __mul__(self, other: float) -> Any:
        k = whole(other)
        return float(self) * other if k is None else multiplied(self, k)

    def __rmul__(self, other: float) -> Any:
        k = whole(other)
        return other * float(self) if k is None else multiplied(k, self)

    def __floordiv__(self, other: int) -> int:
        return self if other == 1 else int(self) // int(other)


def parts_of(size: int) -> tuple[tuple[str, int], ...]:
    if isinstance(size, Size):
        return size.parts
    return (("", int(size)),) if size else ()


def combined(first: int, second: int, sign: int) -> int:
    """The sum or difference of two sizes; a plain number where the names cancel."""
    parts = dict(parts_of(first))
    for name, k in parts_of(second):
        parts[name] = parts.get(name, 0) + sign * k
    left = tuple((name, k) for name, k in parts.items() if k)
    value = int(first) + sign * int(second)
    return Size(value, left) if any(name for name, _ in left) else value


def multiplied(first: int, second: int) -> int:
    value = int(first) * int(second)
    for size, other in ((first, second), (second, first)):
        if not isinstance(other, Size) and isinstance(size, Size):
            return Size(value, tuple((name, k * other) for name, k in size.parts)) if other else 0
    return Size(value, ((f"{bracketed(first)}*{bracketed(second)}", 1),))


def whole(value: float) -> int | None:
    """A number as a whole one; None where it is none."""
    if isinstance(value, int):
        return value
    return int(value) if value.is_integer() else None


def bracketed(size: int) -> str:
    text = str(size)
    return f"({text})" if " " in text else text


def primes() -> Iterator[int]:
    """Primes so far apart that n + k is not another one for a small k."""
    least = FIRST
    for n in count(FIRST, 2):
        if n >= least and all(n % k for k in range(3, isqrt(n) + 1, 2)):
            yield n
            least = n + 4 * NEAR


def named_sizes(names: Iterable[str]) -> dict[str, Size]:
    """A size for each name."""
    return {name: Size(value, ((name, 1),)) for name, value in zip(names, primes(), strict=False)}


def sizes_in(shapes: Iterable[Iterable[Any]]) -> dict[str, Size]:
    """The named sizes that occur in shapes, by name."""
    found = (n for shape in shapes for n in shape if isinstance(n, Size))
    return {n.text: n for n in found if n.text.isidentifier()}


class Monomial(NamedTuple):
    """A number times powers of named sizes."""

    number: float
    powers: tuple[tuple[str, int], ...]


def monomial(value: float, sizes: dict[str, Size]) -> Monomial:
    """A constant that was computed from sizes, as powers of their names times a small ratio.

    >>> sizes = named_sizes(["n"])
    >>> monomial(2 / 10_007, sizes), monomial(0.1, sizes)
    (Monomial(number=2.0, powers=(('n', -1),)), Monomial(number=0.1, powers=()))
    """
    if not sizes or value == 0 or value * 0 != 0 or small_ratio(value) is not None:
        return Monomial(value, ())
    exponents = range(-MOST_POWER, MOST_POWER + 1)
    for powers in product(exponents, repeat=min(len(sizes), 4)):
        scale = 1.0
        for size, power in zip(sizes.values(), powers, strict=False):
            scale *= float(size) ** power
        near = small_ratio(value / scale) if any(powers) else None
        if near is not None:
            named = zip(sizes, powers, strict=False)
            return Monomial(near, tuple((name, k) for name, k in named if k))
    return Monomial(value, ())


def small_ratio(value: float) -> float | None:
    """A number as a ratio of whole numbers up to MOST_FACTOR, to rounding; None for others."""
    if not 1 / MOST_FACTOR <= abs(value) <= MOST_FACTOR:
        return None
    from fractions import Fraction

    near = Fraction(value).limit_denominator(MOST_FACTOR)
    return float(near) if abs(float(near) - value) <= 1e-13 * abs(value) else None


def renamed(static: Any, sizes: dict[str, Size]) -> Any:
    """A static parameter with its whole numbers written as the sizes that they equal."""
    if not sizes:
        return static
    if isinstance(static, tuple):
        return tuple(renamed(part, sizes) for part in static)
    if type(static) is int and static > FIRST - NEAR:
        for size in sizes.values():
            offset = static - int(size)
            if abs(offset) < NEAR:
                return size + offset if offset >= 0 else size - -offset
        for n, m in combinations_with_replacement(sizes.values(), 2):
            if static in (n + m, n * m):
                return n + m if static == n + m else n * m
    return static
