"""Indices of loops: sums of loop variables with whole coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Shape = tuple[int, ...]


class Affine(NamedTuple):
    """`constant` plus each variable times its coefficient.

    >>> f"{Affine.of('i').times(20) + Affine.of('j') + Affine((), 3)}", f"{Affine((), 0)}"
    ('20 * i + j + 3', '0')
    """

    terms: tuple[tuple[str, int], ...]
    constant: int = 0

    @staticmethod
    def of(variable: str) -> Affine:
        return Affine(((variable, 1),))

    def times(self, factor: int) -> Affine:
        if factor == 0:
            return ZERO
        return Affine(tuple((v, c * factor) for v, c in self.terms), self.constant * factor)

    def __add__(self, other: object) -> Affine:
        assert isinstance(other, Affine)
        coefficients = dict(self.terms)
        for variable, c in other.terms:
            coefficients[variable] = coefficients.get(variable, 0) + c
        terms = tuple((v, c) for v, c in coefficients.items() if c)
        return Affine(terms, self.constant + other.constant)

    def coefficient(self, variable: str) -> int:
        return dict(self.terms).get(variable, 0)

    def __format__(self, spec: str) -> str:
        text = ""
        numbers = [(v if abs(c) == 1 else f"{abs(c)} * {v}", c) for v, c in self.terms]
        if self.constant or not numbers:
            numbers.append((str(abs(self.constant)), self.constant))
        for word, sign in sorted(numbers, key=lambda pair: pair[1] < 0):
            if text:
                text += f" {'-' if sign < 0 else '+'} {word}"
            else:
                text = f"-{word}" if sign < 0 else word
        return text


ZERO = Affine(())
Index = tuple[Affine, ...]


def strides(shape: Shape) -> list[int]:
    """How far apart neighbours along each axis are, row by row."""
    found, step = [], 1
    for size in reversed(shape):
        found.append(step)
        step *= size
    return found[::-1]


def offset(index: Index, shape: Shape) -> Affine:
    """The place of an element of an array that is kept row by row."""
    result = ZERO
    for part, step in zip(index, strides(shape), strict=True):
        result = result + part.times(step)
    return result


def fitted(index: Index, shape: Shape) -> Index:
    """The index of an operand that was broadcast to the shape of `index`."""
    own = index[len(index) - len(shape) :]
    return tuple(ZERO if n == 1 else part for part, n in zip(own, shape, strict=True))


def sliced(index: Index, entries: Sequence[object], shape: Shape) -> Index:
    """The index in an array of `shape` of an element of its part at `entries`."""
    rest, found = iter(index), []
    for entry, size in zip(entries, shape, strict=False):
        if isinstance(entry, tuple):
            _, start, _, step = entry
            found.append(next(rest).times(step) + Affine((), start))
        else:
            assert isinstance(entry, int)
            found.append(Affine((), entry % size))
    return (*found, *rest)
