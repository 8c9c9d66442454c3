"""Roots of products: sqrt(L*C)/(L*C) and 1/sqrt(L*C) are one normal form, and one is written."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from backprop_cli.transform.forms import (
    HALF,
    ONE,
    ZERO,
    E,
    Exponent,
    Linear,
    Number,
    Product,
    magnitude,
    quotient,
    whole,
)

if TYPE_CHECKING:
    from backprop_cli.transform.written import Written


def shortest_roots(written: Written, product: Product) -> Product:
    """sqrt(L*C)/(L*C) as 1/sqrt(L*C): roots of products in the fewest operations."""
    for base, e in product.factors.items():
        form = None if type(e) is int else written.composite(base)
        if form is not None and not isinstance(e, Linear) and e.denominator != 1:
            product = min(_shifted(product, base, e, form), key=lambda way: _length(written, way))
    return product


def _shifted(product: Product, base: int, e: Number, form: Product) -> list[Product]:
    """The product with base^(e + k) instead of base^e, for the whole k that may serve.

    Where the product is finite, those that are not are left out: x*sqrt(x^2*y), not sqrt(..)^3/x.
    """
    powers: list[tuple[int, Number, Number]] = []
    for b, n in form.factors.items():
        f = product.factors.get(b, ZERO)
        assert not isinstance(n, Linear)
        if isinstance(f, Linear) or f.denominator != 1:
            return [product]
        powers.append((b, f, n))
    every: list[Product] = []
    finite: list[Product] = []
    ratios = (quotient(f, n) for _, f, n in powers)
    for k in sorted({ZERO, -ONE, *filter(whole, ratios)}, key=magnitude):
        shifted = {**product.factors, base: e + k, **{b: f - k * n for b, f, n in powers}}
        left: dict[int, Exponent] = {b: f for b, f in shifted.items() if f != 0}
        number = quotient(product.coefficient, Fraction(form.coefficient) ** int(k))
        every.append(Product(number, left))
        if all(f + e * n < 0 or (f - k * n >= 0 and (e + k) * n >= 0) for _, f, n in powers):
            finite.append(every[-1])
    return finite or every


def _length(written: Written, product: Product) -> int:
    """The operations of a product, those of its bases included."""
    top, bottom = written.number_parts(product.coefficient)
    above = [e for e in product.factors.values() if isinstance(e, Linear) or e > 0]
    count = len(product.factors) + (abs(top) != 1) + (bottom != 1) + (top < 0)
    count += not above and abs(top) == 1
    for base, e in product.factors.items():
        count += written.cost(base) if base != E else 1
        count += abs(e) != 1 if not isinstance(e, Linear) else 1
        count += not isinstance(e, Linear) and e.denominator != 1 and abs(e) != HALF
    return count
