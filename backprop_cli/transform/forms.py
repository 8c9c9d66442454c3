"""Sums and products as the algebra of the simplifier holds them: coefficients and exponents.

Numbers are exact fractions: a constant that was written as 0.1 counts as 1/10.
"""

from __future__ import annotations

from fractions import Fraction
from math import inf
from typing import NamedTuple

ONE, ZERO = 1, 0
HALF = Fraction(1, 2)
TOO_LONG = 10**40  # for a fraction's parts: from it on arithmetic uses the nearest float
E = -1  # the base of exp(u), in the place of a node


Number = int | Fraction  # whole numbers are ints, which are many times faster


class Linear(NamedTuple):
    """const + sum of coefficient*node: an exponent that is not just a number."""

    const: Number
    terms: tuple[tuple[int, Number], ...]  # by node, sorted


Exponent = Number | Linear


class Product(NamedTuple):
    """coefficient * product of base^exponent, by node; E is the base of exp."""

    coefficient: Number
    factors: dict[int, Exponent]


class Sum(NamedTuple):
    """const + sum of coefficient*node."""

    const: Number
    terms: dict[int, Number]


def scaled(a: Number, b: Number) -> Number:
    """The product of two numbers, of bounded length; most often one of them is 1."""
    return b if a is ONE else a if b is ONE else tidy(a * b)


def over(total: Sum, number: Number) -> Sum:
    """The sum divided by a number."""
    terms = {term: quotient(c, number) for term, c in total.terms.items()}
    return Sum(quotient(total.const, number), terms)


def fraction(value: float) -> Number | None:
    """A finite constant as the shortest decimal that reads back equal; None for inf and nan."""
    if value != value or value in (inf, -inf):
        return None
    return int(value) if value == int(value) else Fraction(repr(value))


def quotient(a: Number, b: Number) -> Number:
    if type(a) is type(b) is int and a % b == 0:
        return a // b
    return tidy(Fraction(a, b))


def magnitude(value: Number) -> Number:
    return value if value >= 0 else -value


def tidy(value: Number) -> Number:
    """A number of bounded length: the nearest float's where exact arithmetic has grown long."""
    top, bottom = value.numerator, value.denominator
    if bottom < TOO_LONG and -TOO_LONG < top < TOO_LONG:
        return top if bottom == 1 else value
    try:
        near = fraction(float(value))
    except OverflowError:
        return value
    return value if near is None or (near == 0) != (value == 0) else near


def linear(const: Number, terms: dict[int, Number]) -> Exponent:
    kept = tuple(sorted((node, c) for node, c in terms.items() if c))
    return Linear(const, kept) if kept else const


def plus(a: Exponent, b: Exponent) -> Exponent:
    """The sum of two exponents."""
    if type(a) is type(b) is int:
        return a + b
    if not isinstance(a, Linear) and not isinstance(b, Linear):
        return tidy(a + b)
    first = a if isinstance(a, Linear) else Linear(a, ())
    second = b if isinstance(b, Linear) else Linear(b, ())
    terms = dict(first.terms)
    for node, c in second.terms:
        terms[node] = terms.get(node, ZERO) + c
    return linear(first.const + second.const, terms)


def times(a: Exponent, by: Number) -> Exponent:
    """An exponent multiplied by a number."""
    if by is ONE:
        return a
    if not isinstance(a, Linear):
        return scaled(a, by)
    return linear(a.const * by, {node: c * by for node, c in a.terms})


def difference(a: Exponent, b: Exponent) -> Exponent:
    return plus(a, times(b, -ONE))


def whole(a: Exponent) -> bool:
    return type(a) is int or (not isinstance(a, Linear) and a.denominator == 1)


def lower(a: Exponent, b: Exponent, free: bool) -> Exponent | None:
    """The lower of two exponents, term by term; None where that is neither, unless `free`."""
    gap = difference(a, b)
    if not isinstance(gap, Linear):
        return b if gap > 0 else a
    above = linear(max(gap.const, ZERO), {node: c for node, c in gap.terms if c > 0})
    least = difference(a, above)
    return least if free or least in (a, b) else None
