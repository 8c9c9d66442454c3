"""Other ways to write a sum or a product, of which the shortest is kept."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from backprop_cli.transform.factoring import (
    common_factors,
    divided,
    expanded,
    multiplied_out,
    shared_factor,
)
from backprop_cli.transform.forms import ONE, ZERO, E, Product, Sum, times, whole

if TYPE_CHECKING:
    from backprop_cli.transform.algebra import Algebra

MOST_TERMS = 40  # of a sum that is tried over one denominator
MOST_OPENED = 4  # terms of a product that is multiplied out


def of_product(algebra: Algebra, node: int, product: Product) -> Iterator[int]:
    """Other nodes of the same value as a product."""
    for way in (opened(algebra, node), rooted(algebra, product), over_one(algebra, product)):
        if way is not None:
            yield way


def opened(algebra: Algebra, node: int) -> int | None:
    """A product of several sums multiplied out: (x - 1)*(x + 1) as x^2 - 1."""
    c, factors = algebra.products[node]
    if sum(base in algebra.sums for base in factors) < 2:
        return None
    rows = multiplied_out(algebra, node)
    if rows is None or len(rows) > MOST_OPENED:
        return None
    return algebra.total((c * k, algebra.product_node(Product(ONE, inner))) for inner, k in rows)


def rooted(algebra: Algebra, product: Product) -> int | None:
    """1/(g*sqrt(L/g)) as sqrt(L/g)/L."""
    for base, e in product.factors.items():
        inner = algebra.products.get(base) if base != E else None
        if inner is None or not isinstance(e, Fraction) or e.denominator == 1:
            continue
        if len(inner.factors) == 1 or inner.coefficient < 0:
            continue
        step = -ONE if e > 0 else ONE
        factors = {**product.factors, base: e + step}
        number = product.coefficient * inner.coefficient ** int(-step)
        for b, k in inner.factors.items():
            number *= algebra.merge(factors, b, times(k, -step))
        return algebra.write_product(Product(number, factors))
    return None


def over_one(algebra: Algebra, product: Product) -> int | None:
    """1/(a^2*(1/a + 1/b)^2) as b^2/(a + b)^2: a sum among the factors over one denominator."""
    for base, e in product.factors.items():
        inner = algebra.sums.get(base) if base != E else None
        if inner is None or not whole(e) or len(inner.terms) > MOST_TERMS:
            continue
        common = common_factors(algebra, inner, True)
        if not common:
            continue
        top = algebra.sum_node(divided(algebra, inner, common))
        rest = {b: k for b, k in product.factors.items() if b != base}
        parts = [
            (algebra.product_node(Product(ONE, common)), e),
            (top, e),
            (algebra.product_node(Product(ONE, rest)), ONE),
        ]
        return algebra.product(parts, product.coefficient)
    return None


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
        yield grouped(algebra, total, *shared)


def grouped(algebra: Algebra, total: Sum, factor: Product, members: list[int]) -> int:
    """A sum with what some of its terms share in front of them."""
    group = Sum(ZERO, {term: total.terms[term] for term in members})
    inner = algebra.sum_node(divided(algebra, group, factor.factors))
    together = algebra.product([(algebra.product_node(factor), ONE), (inner, ONE)])
    rest = {term: c for term, c in total.terms.items() if term not in group.terms}
    left = algebra.sum_node(Sum(total.const, rest))
    if algebra.factored(together).coefficient < 0:
        return algebra.builder.add("sub", left, algebra.product([(together, ONE)], -ONE))
    first, second = (left, together) if left in algebra.sums else (together, left)
    return algebra.builder.add("add", first, second)
