"""Arithmetic of polynomials in one unknown, with exact fractions, and their factors.

Factors come from the square-free factorisation (Yun 1976) and the rational roots of its parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import reduce
from math import gcd, isqrt, lcm

LARGEST = 10**6  # first and last coefficient of a polynomial whose roots are looked for

Poly = tuple[Fraction, ...]  # by power, the lowest first; the last is not 0
NOTHING: Poly = ()
UNITY: Poly = (Fraction(1),)


def trimmed(p: list[Fraction]) -> Poly:
    while p and p[-1] == 0:
        p.pop()
    return tuple(p)


def plus(a: Poly, b: Poly, sign: int = 1) -> Poly:
    """a + sign*b.

    >>> plus((Fraction(1), Fraction(2)), (Fraction(1), Fraction(2)), -1)
    ()
    """
    found = [Fraction(0)] * max(len(a), len(b))
    for k, c in enumerate(a):
        found[k] += c
    for k, c in enumerate(b):
        found[k] += sign * c
    return trimmed(found)


def times(a: Poly, b: Poly) -> Poly:
    found = [Fraction(0)] * max(len(a) + len(b) - 1, 0)
    for i, x in enumerate(a):
        for k, y in enumerate(b):
            found[i + k] += x * y
    return trimmed(found)


def divided(a: Poly, b: Poly) -> tuple[Poly, Poly]:
    """Quotient and rest."""
    rest, found = list(a), [Fraction(0)] * max(len(a) - len(b) + 1, 0)
    for k in range(len(a) - len(b), -1, -1):
        c = found[k] = rest[k + len(b) - 1] / b[-1]
        for i, y in enumerate(b):
            rest[k + i] -= c * y
    return trimmed(found), trimmed(rest)


def common(a: Poly, b: Poly) -> Poly:
    """The greatest common divisor, its highest coefficient 1."""
    while b:
        a, b = b, divided(a, b)[1]
    return tuple(c / a[-1] for c in a)


def slope(p: Poly) -> Poly:
    return tuple(k * c for k, c in enumerate(p))[1:]


def factors(p: Poly) -> list[tuple[Poly, int]]:
    """Factors and their powers; the product is p over its highest coefficient.

    >>> [(tuple(map(int, q)), k) for q, k in factors(tuple(map(Fraction, (1, -2, 1))))]
    [((-1, 1), 2)]
    """
    return [(q, power) for part, power in square_free(p) for q in by_roots(part)]


def square_free(p: Poly) -> Iterator[tuple[Poly, int]]:
    """Factors without multiple roots and their powers, but for a constant (Yun 1976)."""
    shared = common(p, slope(p))
    b, c = divided(p, shared)[0], divided(slope(p), shared)[0]
    power = 0
    while len(b) > 1:
        power += 1
        d = plus(c, slope(b), -1)
        factor = common(b, d)
        if len(factor) > 1:
            yield factor, power
        b, c = divided(b, factor)[0], divided(d, factor)[0]


def by_roots(p: Poly) -> Iterator[Poly]:
    """The linear factors of a polynomial's rational roots, and what is left."""
    for root in rational_roots(p):
        factor = (-root, Fraction(1))
        p = divided(p, factor)[0]
        yield factor
    if len(p) > 1:
        yield p


def rational_roots(p: Poly) -> list[Fraction]:
    """The roots of a polynomial without multiple ones; only 0 where its coefficients are large."""
    scale = lcm(*(c.denominator for c in p))
    whole = [int(c * scale) for c in p]
    shared = gcd(*whole)
    lowest = next(c for c in whole if c)
    found = [] if whole[0] else [Fraction(0)]
    first, last = abs(lowest // shared), abs(whole[-1] // shared)
    if max(first, last) > LARGEST:
        return found
    tried = {Fraction(s * a, b) for a in divisors(first) for b in divisors(last) for s in (1, -1)}
    return found + [x for x in sorted(tried) if value(p, x) == 0]


def value(p: Poly, x: Fraction) -> Fraction:
    return reduce(lambda v, c: v * x + c, reversed(p), Fraction(0))


def divisors(n: int) -> list[int]:
    small = [k for k in range(1, isqrt(n) + 1) if n % k == 0]
    return sorted({*small, *(n // k for k in small)})
