"""Products in normal form: like bases meet, and powers keep the domain they had."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import floor, isqrt, lcm
from typing import Any

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph_context import NAMED_CONSTANTS
from backprop_cli.ir.ops import OPERATIONS
from backprop_cli.transform.forms import (
    ONE,
    ZERO,
    E,
    Exponent,
    Linear,
    Number,
    Product,
    Sum,
    linear,
    magnitude,
    plus,
    scaled,
    tidy,
    times,
    whole,
)
from backprop_cli.transform.rewrite import Compiled
from backprop_cli.transform.written import MOST_FACTORS, Written

LARGEST_POWER = 64  # of numbers that are multiplied out
# operations whose values are never negative
NOT_NEGATIVE = frozenset(
    ("abs", "cosh", "sigmoid", "softplus", "norm", "hypot", "relu", "square", "sqrt", "exp", "exp2")
)
POSITIVE_CONSTANTS = (*NAMED_CONSTANTS, float("inf"))


class Products(Written):
    """Makes products. `formal` allows what changes the domain: sqrt(x)^2 = x."""

    __slots__ = ("_products",)

    def __init__(
        self, builder: Builder, rules: dict[str, list[Compiled]], formal: bool = False
    ) -> None:
        super().__init__(builder, rules, formal)
        self._products: dict[Any, int] = {}

    def exponent(self, node: int) -> Exponent:
        """A node as an exponent: a number, or a sum."""
        found = self.number(node)
        if found is not None:
            return found
        total = self.sums.get(node)
        if total is not None:
            return linear(total.const, total.terms)
        product = self.products.get(node)
        if product is not None and product.coefficient != 1:
            monic = self.product_node(Product(ONE, product.factors))
            if monic in self.sums:
                return times(self.exponent(monic), product.coefficient)
            return Linear(ZERO, ((monic, product.coefficient),))
        return Linear(ZERO, ((node, ONE),))

    def exponent_node(self, value: Exponent) -> int:
        if not isinstance(value, Linear):
            return self.number_node(value)
        return self.sum_node(Sum(value.const, dict(value.terms)))

    def product(self, parts: Iterable[tuple[int, Exponent]], coefficient: Number = ONE) -> int:
        """The product of base^exponent."""
        factors: dict[int, Exponent] = {}
        for node, power in parts:
            raised = self.raised(node, power)
            coefficient = scaled(coefficient, raised.coefficient)
            for base, e in raised.factors.items():
                coefficient = scaled(coefficient, self.merge(factors, base, e))
        return self.product_node(Product(coefficient, factors))

    def raised(self, node: int, power: Exponent) -> Product:
        """A node to a power, as a product."""
        form = self.factored(node)
        if len(form.factors) > MOST_FACTORS:
            return Product(ONE, {node: power})
        if not form.factors:
            return self._number_raised(node, form.coefficient, power)
        c, factors = form
        if power is ONE:
            return form
        if not isinstance(power, Linear) and power.denominator == 1:
            if self._keeps_domain(factors, power):
                top = self.number_power(c, power)
                if top is not None:
                    return Product(top, {b: times(e, power) for b, e in factors.items()})
            return Product(ONE, {node: power})
        if isinstance(power, Linear):
            return Product(ONE, {node: power})
        return self._root(node, form, power)

    def _root(self, node: int, form: Product, power: Number) -> Product:
        """A product to a broken power: what is never negative comes out."""
        c, factors = form
        outside: dict[int, Exponent] = {}
        inside: dict[int, Exponent] = {}
        for base, e in factors.items():
            even = not isinstance(e, Linear) and e % 2 == 0
            if base == E or (not isinstance(e, Linear) and self.not_negative(base)):
                outside[base] = times(e, power)
            elif even and len(factors) == 1 and c > 0:
                outside[self.make("abs", (base,))] = times(e, power)
            else:
                inside[base] = e
        root = _exact_root(c, power) if c > 0 else None
        if root is None:
            root, inner = ONE, c
        else:
            inner = ONE
        if inner < 0 and not inside:
            return Product(ONE, {node: power})
        if not inside:
            if inner != 1:
                outside[self.number_node(inner)] = power
            return Product(root, outside)
        if not outside and root == 1:
            return Product(ONE, {node: power})
        outside[self.product_node(Product(inner, inside))] = power
        return Product(root, outside)

    def _number_raised(self, node: int, value: Number, power: Exponent) -> Product:
        if not isinstance(power, Linear):
            exact = self.number_power(value, power) if whole(power) else _exact_root(value, power)
            if exact is not None:
                return Product(exact, {})
        if value == 1:
            return Product(ONE, {})
        return Product(ONE, {node: power})

    def number_power(self, value: Number, power: Number) -> Number | None:
        if value == 1:
            return ONE
        if magnitude(power) > LARGEST_POWER or (value == 0 and power <= 0):
            return None
        result = tidy(Fraction(value) ** int(power))
        digits = max(abs(result.numerator), result.denominator)
        return result if digits < 10**30 else None

    def _keeps_domain(self, factors: dict[int, Exponent], power: Number) -> bool:
        """Whether (b^e)^power = b^(e*power) for all factors, where b < 0 too."""
        return all(
            whole(e) or not whole(times(e, power)) or self.free(base) for base, e in factors.items()
        )

    def free(self, base: int) -> bool:
        return self.formal or base == E or self.not_negative(base)

    def settled(self, product: Product) -> Product:
        """(a*b)^1.5 as a*b*sqrt(a*b): of what is a product itself, a root between 0 and 1 stays."""
        for base, e in product.factors.items():
            if base == E or isinstance(e, Linear) or 0 < e < 1:
                continue
            form = self.composite(base)
            number = None if form is None else self.number_power(form.coefficient, floor(e))
            if form is None or number is None:
                continue
            factors = {b: k for b, k in product.factors.items() if b != base}
            if e != floor(e):
                factors[base] = e - floor(e)
            number *= product.coefficient
            for b, k in form.factors.items():
                number *= self.merge(factors, b, times(k, floor(e)))
            return self.settled(Product(number, factors))
        return product

    def merge(self, factors: dict[int, Exponent], base: int, power: Exponent) -> Number:
        """Multiplies base^power into factors; returns a number that came of it."""
        old = factors.get(base)
        if old is None:
            if power != 0:
                factors[base] = power
            return ONE
        new = plus(old, power)
        if whole(new) and not (whole(old) and whole(power)) and not self.free(base):
            if isinstance(old, Linear) or isinstance(power, Linear):
                if base in self.powers:
                    return self._merged(factors, base, new)
                factors[base] = power  # x^y*x^-y has no value where x is negative: both stay
                return self.merge(factors, self.product_node(Product(ONE, {base: old})), ONE)
            root = lcm(old.denominator, power.denominator)
            del factors[base]
            node = self.product_node(Product(ONE, {base: Fraction(1, root)}))
            return self.merge(factors, node, times(new, root))
        return self._merged(factors, base, new)

    def _merged(self, factors: dict[int, Exponent], base: int, new: Exponent) -> Number:
        """Puts a new exponent in the place of an old one; returns a number that came of it."""
        del factors[base]
        value = None if base == E else self.number(base)
        if value is not None and not isinstance(new, Linear) and whole(new):
            exact = self.number_power(value, new)
            if exact is not None:
                return exact
        if new != 0:
            factors[base] = new
        return ONE

    # signs

    def not_negative(self, node: int) -> bool:
        """Whether a node cannot be negative (it may be nan)."""
        if node == E or node in self.known:
            return True
        value = self.number(node)
        if value is not None:
            return value >= 0
        total = self.sums.get(node)
        if total is not None and total.const >= 0:
            return all(c > 0 and self._sign_of(term) for term, c in total.terms.items())
        return self._sign_of(node)

    def _sign_of(self, node: int) -> bool:
        if node in self.known or OPERATIONS[self.builder.codes[node]].name in NOT_NEGATIVE:
            return True
        product = self.products.get(node)
        if product is None:
            return self.builder.static.get(node) in POSITIVE_CONSTANTS
        return product.coefficient > 0 and all(
            base == E
            or base in self.known
            or (not isinstance(e, Linear) and (e.denominator != 1 or e % 2 == 0))
            or OPERATIONS[self.builder.codes[base]].name in NOT_NEGATIVE
            for base, e in product.factors.items()
        )

    # what makes the parts

    def sum_node(self, total: Sum) -> int:
        raise NotImplementedError


def _exact_root(value: Number, power: Number) -> Number | None:
    """value^power where the root is exact."""
    if value == 1:
        return ONE
    if value <= 0 or power.denominator != 2 or magnitude(power) > 8:
        return None
    top, bottom = isqrt(value.numerator), isqrt(value.denominator)
    if top * top != value.numerator or bottom * bottom != value.denominator:
        return None
    return tidy(Fraction(top, bottom) ** int(power * 2))
