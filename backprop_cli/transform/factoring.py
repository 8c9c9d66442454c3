"""What the terms of a sum share, and what it is multiplied out."""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd, lcm
from typing import TYPE_CHECKING, Any

from backprop_cli.transform.forms import (
    ONE,
    ZERO,
    E,
    Exponent,
    Linear,
    Number,
    Product,
    Sum,
    difference,
    lower,
    magnitude,
    quotient,
    scaled,
    times,
    whole,
)

if TYPE_CHECKING:
    from backprop_cli.transform.algebra import Algebra

MOST_EXPANDED = 60  # terms of a sum that is multiplied out
LARGEST_EXPANDED = 6  # its largest power
LONGEST_WHOLE = 1000  # among coefficients that were written as decimals


def content(total: Sum, decimals: bool) -> Number:
    """The number in front of a sum, of the sign of the first term, and the same for its multiples.

    It divides all coefficients; among decimals that would become long, it is one of them.
    """
    numbers = [c for c in (total.const, *total.terms.values()) if c]
    shared = quotient(gcd(*(c.numerator for c in numbers)), lcm(*(c.denominator for c in numbers)))
    if decimals and max(magnitude(quotient(c, shared)) for c in numbers) > LONGEST_WHOLE:
        short = (magnitude(n) for n in numbers if all(10**6 * c % n == 0 for c in numbers))
        shared = next(short, shared)
    return shared if total.terms[min(total.terms)] > 0 else -shared


def units(algebra: Algebra, total: Sum) -> list[dict[int, Exponent]]:
    """The factors of every term, the constant among them."""
    found = [algebra.factored(term).factors for term in total.terms]
    return [*found, {}] if total.const else found


def common_factors(algebra: Algebra, total: Sum, over: bool) -> dict[int, Exponent]:
    """The bases that all terms share, with their lowest exponents.

    With `over`, denominators of some terms count as shared by all.
    """
    terms = units(algebra, total)
    bases: dict[int, None] = {}
    for factors in terms if over else terms[:1]:  # what all share is in the first as well
        for base, e in factors.items():
            if not over or (not isinstance(e, Linear) and e < 0):
                bases.setdefault(base)
    shared: dict[int, Exponent] = {}
    for base in bases:
        if not over and any(base not in factors for factors in terms):
            continue
        least: Exponent | None = terms[0].get(base, ZERO)
        for factors in terms[1:]:
            assert least is not None
            least = lower(least, factors.get(base, ZERO), base == E)
            if least is None:
                break
        if least is not None and least != 0:
            shared[base] = least
    return shared


def divided(algebra: Algebra, total: Sum, common: Mapping[int, Exponent]) -> Sum:
    """The sum divided by common factors, each term anew."""
    terms: dict[int, Number] = {}
    const: Number = ZERO
    inverse = [(base, times(e, -ONE)) for base, e in common.items()]
    for term, c in [*total.terms.items(), (None, total.const)]:
        if c == 0:
            continue
        factors = dict(algebra.factored(term).factors) if term is not None else {}
        for base, e in inverse:
            new = difference(factors.get(base, ZERO), times(e, -ONE))
            if new == 0:
                factors.pop(base, None)
            else:
                factors[base] = new
        const += algebra.gather(terms, c, algebra.product_node(Product(ONE, factors)))
    return Sum(const, terms)


def shared_factor(algebra: Algebra, total: Sum) -> tuple[Product, list[int]] | None:
    """The factor of some terms whose sharing saves most, and those terms."""
    members: dict[tuple[int, Exponent], list[int]] = {}
    for term in total.terms:
        for base, e in algebra.factored(term).factors.items():
            members.setdefault((base, e), []).append(term)
    best, most = None, 0
    for (base, e), terms in members.items():
        if len(terms) < 2 or (len(terms) == len(total.terms) and not total.const):
            continue
        own = 1 if base == E or e != 1 else algebra.cost(base)
        saving = (len(terms) - 1) * (own + 1)
        if saving > most:
            best, most = (Product(ONE, {base: e}), terms), saving
    return best


def expanded(algebra: Algebra, total: Sum) -> Sum | None:
    """The sum with products of sums multiplied out; None where there are none, or too large."""
    terms: dict[int, Number] = {}
    const = total.const
    changed = False
    for term, c in total.terms.items():
        opened = multiplied_out(algebra, algebra.factored(term).factors)
        if opened is None:
            const += algebra.gather(terms, c, term)
            continue
        changed = True
        for factors, k in opened:
            const += algebra.gather(
                terms, scaled(c, k), algebra.product_node(Product(ONE, factors))
            )
        if len(terms) > MOST_EXPANDED:
            return None
    return Sum(const, terms) if changed else None


def multiplied_out(
    algebra: Algebra, factors: Mapping[int, Exponent]
) -> list[tuple[dict[int, Exponent], Number]] | None:
    """A product of sums as terms of factors and coefficient; None where it is none."""
    opened = [
        (base, int(e))  # type: ignore[arg-type]
        for base, e in factors.items()
        if base != E and base in algebra.sums and whole(e) and 0 < e <= LARGEST_EXPANDED  # type: ignore[operator]
    ]
    if not opened:
        return None
    outside = {base: e for base, e in factors.items() if base not in dict(opened)}
    rows: list[tuple[dict[int, Exponent], Number]] = [(outside, ONE)]
    for base, power in opened:
        inner = algebra.sums[base]
        for _ in range(power):
            rows = _times_sum(algebra, rows, inner)
            if len(rows) > MOST_EXPANDED:
                return None
    return rows


def _times_sum(
    algebra: Algebra, rows: list[tuple[dict[int, Exponent], Number]], inner: Sum
) -> list[tuple[dict[int, Exponent], Number]]:
    result: dict[Any, tuple[dict[int, Exponent], Number]] = {}
    pieces = [(algebra.factored(term).factors, c) for term, c in inner.terms.items()]
    if inner.const:
        pieces.append(({}, inner.const))
    for left, k in rows:
        for right, c in pieces:
            factors = dict(left)
            number = scaled(k, c)
            for base, e in right.items():
                number = scaled(number, algebra.merge(factors, base, e))
            key = frozenset(factors.items())
            known = result.get(key)
            result[key] = (factors, number if known is None else known[1] + number)
    return [row for row in result.values() if row[1]]
