"""Sums and products as the algebra of the simplifier holds them: coefficients and exponents.

Numbers are exact fractions: a constant that was written as 0.1 counts as 1/10.
"""

from __future__ import annotations

from fractions import Fraction
from math import inf
from typing import NamedTuple

ONE = Fraction(1)
ZERO = Fraction(0)
LONGEST = 40  # digits of a fraction's parts: beyond it arithmetic goes on with the nearest float
E = -1  # the base of exp(u), in the place of a node


class Linear(NamedTuple):
    """const + sum of coefficient*node: an exponent that is not just a number."""

    const: Fraction
    terms: tuple[tuple[int, Fraction], ...]  # by node, sorted


Exponent = Fraction | Linear


class Product(NamedTuple):
    """coefficient * product of base^exponent, by node; E is the base of exp."""

    coefficient: Fraction
    factors: dict[int, Exponent]


class Sum(NamedTuple):
    """const + sum of coefficient*node."""

    const: Fraction
    terms: dict[int, Fraction]


def scaled(a: Fraction, b: Fraction) -> Fraction:
    """The product of two numbers, of bounded length; most often one of them is 1."""
    return b if a is ONE else a if b is ONE else tidy(a * b)


def over(total: Sum, number: Fraction) -> Sum:
    """The sum divided by a number."""
    terms = {term: tidy(c / number) for term, c in total.terms.items()}
    return Sum(tidy(total.const / number), terms)


def fraction(value: float) -> Fraction | None:
    """A finite constant as the shortest decimal that reads back equal; None for inf and nan."""
    if value != value or value in (inf, -inf):
        return None
    return Fraction(int(value)) if value == int(value) else Fraction(repr(value))


def tidy(value: Fraction) -> Fraction:
    """A fraction of bounded length: the nearest float's where exact arithmetic has grown long."""
    if value.denominator < 10**LONGEST and abs(value.numerator) < 10**LONGEST:
        return value
    try:
        near = fraction(float(value))
    except OverflowError:
        return value
    return value if near is None or (near == 0) != (value == 0) else near


def linear(const: Fraction, terms: dict[int, Fraction]) -> Exponent:
    kept = tuple(sorted((node, c) for node, c in terms.items() if c))
    return Linear(const, kept) if kept else const


def plus(a: Exponent, b: Exponent) -> Exponent:
    """The sum of two exponents."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return tidy(a + b)
    first = a if isinstance(a, Linear) else Linear(a, ())
    second = b if isinstance(b, Linear) else Linear(b, ())
    terms = dict(first.terms)
    for node, c in second.terms:
        terms[node] = terms.get(node, ZERO) + c
    return linear(first.const + second.const, terms)


def times(a: Exponent, by: Fraction) -> Exponent:
    """An exponent multiplied by a number."""
    if by is ONE:
        return a
    if isinstance(a, Fraction):
        return scaled(a, by)
    return linear(a.const * by, {node: c * by for node, c in a.terms})


def difference(a: Exponent, b: Exponent) -> Exponent:
    return plus(a, times(b, -ONE))


def whole(a: Exponent) -> bool:
    return isinstance(a, Fraction) and a.denominator == 1


def lower(a: Exponent, b: Exponent, free: bool) -> Exponent | None:
    """The lower of two exponents, term by term; None where that is neither, unless `free`."""
    gap = difference(a, b)
    if isinstance(gap, Fraction):
        return b if gap > 0 else a
    above = linear(max(gap.const, ZERO), {node: c for node, c in gap.terms if c > 0})
    least = difference(a, above)
    return least if free or least in (a, b) else None
