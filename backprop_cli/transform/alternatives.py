"""Other ways to write a sum or a product, of which the shortest is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from backprop_cli.transform.factoring import (
    common_factors,
    divided,
    expanded,
    multiplied_out,
    shared_factor,
)
from backprop_cli.transform.forms import (
    HALF,
    ONE,
    ZERO,
    E,
    Exponent,
    Linear,
    Number,
    Product,
    Sum,
    magnitude,
    quotient,
    times,
    whole,
)
from backprop_cli.transform.identities import TWO, exponential

if TYPE_CHECKING:
    from backprop_cli.transform.algebra import Algebra

MOST_TERMS = 80  # of a sum that is tried over one denominator
MOST_OPENED = 4  # sums of a product that is multiplied out, and terms that come of it


def of_product(algebra: Algebra, node: int, product: Product) -> Iterator[int]:
    """Other nodes of the same value as a product."""
    for way in (opened(algebra, node), algebra.spread(product), over_one(algebra, product)):
        if way is not None:
            yield way


def preferred(algebra: Algebra, product: Product) -> Iterator[int]:
    """Other nodes of the same value as a product, to be taken if they are no longer than others."""
    for way in (paired(algebra, product), bounded(algebra, product)):
        if way is not None:
            yield way


def bounded(algebra: Algebra, product: Product) -> int | None:
    """A product of exponentials as functions that do not overflow; None if it is no such product.

    e^u/(b + a*e^u) = 1/(a + b*e^-u), e^u/(1 + e^u)^2 = 1/(4*cosh(u/2)^2), with sinh for e^u - 1.
    """
    top = product.factors.get(E)
    if top is None or not isinstance(top, Linear):
        return None
    for base, e in product.factors.items():
        found = exponential(algebra, base) if e in (-ONE, -TWO) else None
        if found is None or found[0] != top:
            continue
        (a,), b = found[1].terms.values(), found[1].const
        rest = {other: k for other, k in product.factors.items() if other not in (E, base)}
        if e == -ONE:
            inverse = algebra.product_node(Product(ONE, {E: times(top, -ONE)}))
            algebra.merge(rest, algebra.write_sum(Sum(a, {inverse: b})), e)
            return algebra.write_product(Product(product.coefficient, rest))
        if abs(a) == abs(b):
            half = algebra.exponent_node(times(top, HALF))
            algebra.merge(rest, algebra.make("cosh" if a == b else "sinh", (half,)), e)
            return algebra.write_product(Product(quotient(product.coefficient, 4 * a * a), rest))
    return None


def paired(algebra: Algebra, product: Product) -> int | None:
    """1/((x - 1)*(x + 1)) as 1/(x^2 - 1): a sum and a difference of the same, to one power."""
    met: dict[tuple[Exponent, frozenset[tuple[int, Number]]], int] = {}
    for base, e in product.factors.items():
        inner = algebra.sums.get(base)
        if inner is None or not whole(e) or len(inner.terms) + bool(inner.const) != 2:
            continue
        sizes = {term: magnitude(c) for term, c in inner.terms.items()}
        other = met.setdefault((e, frozenset({**sizes, E: magnitude(inner.const)}.items())), base)
        rows = multiplied_out(algebra, {base: ONE, other: ONE}) if other != base else None
        if rows is None:
            continue
        both = algebra.total((k, algebra.product_node(Product(ONE, f))) for f, k in rows)
        rest = {b: k for b, k in product.factors.items() if b not in (base, other)}
        if both in algebra.sums:
            algebra.merge(rest, both, e)
            return algebra.write_product(Product(product.coefficient, rest))
        parts = [(both, e), (algebra.product_node(Product(ONE, rest)), ONE)]
        return algebra.product(parts, product.coefficient)
    return None


def opened(algebra: Algebra, node: int) -> int | None:
    """A product of several sums multiplied out: (x - 1)*(x + 1) as x^2 - 1."""
    c, factors = algebra.products[node]
    if not 2 <= sum(base in algebra.sums for base in factors) <= MOST_OPENED:
        return None
    rows = multiplied_out(algebra, factors)
    if rows is None or len(rows) > MOST_OPENED:
        return None
    return algebra.total((c * k, algebra.product_node(Product(ONE, inner))) for inner, k in rows)


def over_one(algebra: Algebra, product: Product) -> int | None:
    """1/(a^2*(1/a + 1/b)^2) as b^2/(a + b)^2: a sum among the factors over one denominator."""
    for base, e in product.factors.items():
        inner = algebra.sums.get(base) if base != E else None
        if inner is None or not whole(e) or len(inner.terms) > MOST_TERMS:
            continue
        if base not in algebra.fractions:
            algebra.fractions[base] = fraction_of(algebra, inner)
        both = algebra.fractions[base]
        if both is None:
            continue
        rest = {b: k for b, k in product.factors.items() if b != base}
        parts = [
            *((node, e) for node in both),
            (algebra.product_node(Product(ONE, rest)), ONE),
        ]
        return algebra.product(parts, product.coefficient)
    return None


def fraction_of(algebra: Algebra, total: Sum) -> tuple[int, int] | None:
    """What all terms share, denominators included, and the sum without it; None for nothing."""
    common = common_factors(algebra, total, True)
    if not common:
        return None
    top = algebra.sum_node(divided(algebra, total, common))
    return algebra.product_node(Product(ONE, common)), top


def of_sum(algebra: Algebra, total: Sum) -> Iterator[int]:
    """Other nodes of the same value as a sum."""
    spread = expanded(algebra, total)
    if spread is not None:
        yield algebra.sum_node(spread)
    for over in (False, True):
        common = common_factors(algebra, total, over)
        if common:
            inner = algebra.sum_node(divided(algebra, total, common))
            outer = algebra.product_node(Product(ONE, common))
            yield algebra.product([(outer, ONE), (inner, ONE)])
    shared = shared_factor(algebra, total)
    if shared is not None:
        way = grouped(algebra, total, *shared)
        if way is not None:
            yield way


def is_polynomial(algebra: Algebra, node: int, variable: int) -> bool:
    """Whether a node is a polynomial in one variable, multiplied out."""
    terms = algebra.sums[node].terms if node in algebra.sums else (node,)
    return all(algebra.factored(term).factors.keys() <= {variable} for term in terms)


def grouped(algebra: Algebra, total: Sum, factor: Product, members: list[int]) -> int | None:
    """A sum with what some of its terms share in front of them; None for 6 - x*(4 - x)."""
    group = Sum(ZERO, {term: total.terms[term] for term in members})
    inner = algebra.sum_node(divided(algebra, group, factor.factors))
    together = algebra.product([(algebra.product_node(factor), ONE), (inner, ONE)])
    rest = {term: c for term, c in total.terms.items() if term not in group.terms}
    left = algebra.sum_node(Sum(total.const, rest))
    if all(is_polynomial(algebra, node, *factor.factors) for node in (inner, left)):
        return None
    if inner not in algebra.sums and not algebra.sums.keys() & algebra.factored(inner).factors:
        return algebra.total([(ONE, left), (ONE, together)])
    for part, other in ((together, left), (left, together)):
        if algebra.is_negative(part):
            return algebra.builder.add("sub", other, algebra.product([(part, ONE)], -ONE))
    first, second = (left, together) if left in algebra.sums else (together, left)
    return algebra.builder.add("add", first, second)
