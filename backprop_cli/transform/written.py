"""How sums and products in normal form are written as operations of the language."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from math import pi, tau
from typing import Any

from backprop_cli.ir.graph import CONST, INPUT, Builder
from backprop_cli.transform.forms import (
    ONE,
    ZERO,
    E,
    Exponent,
    Linear,
    Product,
    Sum,
    fraction,
)
from backprop_cli.transform.rewrite import Compiled, Rewriter

HALF = Fraction(1, 2)
OPAQUE = (pi, tau)  # constants with names, which stay as they are
LARGEST_PART = 10**6  # of a fraction that is written as a quotient
MOST_COST = 10**9


def terminates(value: Fraction, digits: int) -> bool:
    """Whether a number is a decimal of at most so many digits after the point."""
    return bool(10**digits % value.denominator == 0)


def number_parts(value: Fraction) -> tuple[float, int]:
    """A number as a person writes it: a decimal, or the two parts of a quotient."""
    p, q = value.numerator, value.denominator
    if q == 1 or (terminates(value, 4) and (abs(p) != 1 or q in (10, 100, 1000, 10000))):
        return float(value), 1
    if abs(p) <= LARGEST_PART and q <= LARGEST_PART:
        return float(p), q
    return float(value), 1


class Written(Rewriter):
    """The tables of normal forms, and the nodes that they are written as."""

    __slots__ = ("_costs", "formal", "known", "numbers", "products", "sums")

    def __init__(
        self, builder: Builder, rules: dict[str, list[Compiled]], formal: bool = False
    ) -> None:
        super().__init__(builder, rules)
        self.products: dict[int, Product] = {}
        self.sums: dict[int, Sum] = {}
        self.numbers: dict[int, Fraction] = {}
        self.known: set[int] = set()  # nodes that cannot be negative where the program has a value
        self.formal = formal
        self._costs: list[int] = []

    def number(self, node: int) -> Fraction | None:
        """The number that a node is; None for others, for pi, inf and nan."""
        found = self.numbers.get(node)
        if found is None and self.builder.codes[node] == CONST:
            value = self.builder.static[node]
            if node not in self.builder.names and value not in OPAQUE:
                found = fraction(value)
                if found is not None:
                    self.numbers[node] = found
        return found

    def number_node(self, value: Fraction) -> int:
        """A number as a constant, or as a quotient of two."""
        top, bottom = number_parts(value)
        node = self.builder.const(top)
        if bottom != 1:
            node = self.builder.add("div", node, self.builder.const(bottom))
        self.numbers[node] = value
        return node

    def factored(self, node: int) -> Product:
        """A node as a product, if only of itself."""
        value = self.number(node)
        if value is not None:
            return Product(value, {})
        return self.products.get(node) or Product(ONE, {node: ONE})

    def cost(self, node: int) -> int:
        """The operations of a node's expression, written out as a tree."""
        costs, builder = self._costs, self.builder
        for i in range(len(costs), node + 1):
            if builder.codes[i] in (CONST, INPUT):
                costs.append(0)
            else:
                costs.append(min(1 + sum(costs[a] for a in builder.arguments(i)), MOST_COST))
        return costs[node]

    # products

    def write_product(self, product: Product) -> int:
        """The node of a product: a fraction of what has positive and negative exponents."""
        add = self.builder.add
        top: list[int] = []
        bottom: list[int] = []
        product = self._sign_inside(self._one_root(product))
        for base, e in sorted(product.factors.items(), key=self._factor_rank):
            if base == E:
                top.append(add("exp", self.exponent_node(e)))
            elif isinstance(e, Linear) or e > 0:
                top.append(self._power(base, e))
            else:
                bottom.append(self._power(base, -e))
        number, divisor = number_parts(product.coefficient)
        if divisor != 1:
            bottom.insert(0, self.builder.const(divisor))
        if not top or abs(number) != 1:
            top.insert(0, self.builder.const(number))
        elif number == -1:
            top[0] = add("neg", top[0])
        node = reduce(lambda a, b: add("mul", a, b), top)
        if bottom:
            node = add("div", node, reduce(lambda a, b: add("mul", a, b), bottom))
        return node

    def _sign_inside(self, product: Product) -> Product:
        """-(a - b)*c as (b - a)*c."""
        c, factors = product
        for base, e in factors.items():
            if c < 0 and e == 1 and base in self.sums:
                const, terms = self.sums[base]
                if const < 0 or any(k < 0 for k in terms.values()):
                    turned = Sum(-const, {term: -k for term, k in terms.items()})
                    node = self.write_sum(turned)
                    self.sums.setdefault(node, turned)
                    if node in factors:
                        return product
                    return Product(-c, {node if b == base else b: k for b, k in factors.items()})
        return product

    def _one_root(self, product: Product) -> Product:
        """sqrt(2)*sqrt(pi) as sqrt(2*pi)."""
        factors = dict(product.factors)
        for power in (HALF, -HALF):
            roots = sorted(b for b, e in factors.items() if e == power and self._is_constant(b))
            if len(roots) > 1:
                for base in roots:
                    del factors[base]
                factors[reduce(lambda a, b: self.builder.add("mul", a, b), roots)] = power
        return Product(product.coefficient, factors)

    def _is_constant(self, node: int) -> bool:
        return node != E and self.builder.codes[node] == CONST

    def _power(self, base: int, e: Exponent) -> int:
        if e == 1:
            return base
        if e == HALF:
            return self.builder.add("sqrt", base)
        return self.builder.add("pow", base, self.exponent_node(e))

    def _factor_rank(self, item: tuple[int, Exponent]) -> Any:
        """Constants, variables, sums, functions."""
        base, e = item
        if base == E:
            return (4, 0)
        code = self.builder.codes[base]
        if code == CONST or base in self.numbers:
            return (0, base)
        if code == INPUT and isinstance(e, Fraction):
            return (1, base)
        return (2 if base in self.sums else 3, base)

    # sums

    def write_sum(self, total: Sum) -> int:
        """The node of a sum as a chain of '+' and '-', a positive term first if there is one."""
        parts = [(c, term) for term, c in sorted(total.terms.items(), key=self._term_rank)]
        texts = [(c > 0, self.scaled(abs(c), term)) for c, term in parts]
        if total.const or not texts:
            texts.append((total.const >= 0, self.number_node(abs(total.const))))
        lead = next((k for k, (positive, _) in enumerate(texts) if positive), None)
        if lead is None:
            (c, term), texts = parts[0], texts[1:]
            node = self.scaled(c, term)
        else:
            _, node = texts.pop(lead)
        for positive, part in texts:
            node = self.builder.add("add" if positive else "sub", node, part)
        return node

    def scaled(self, c: Fraction, term: int) -> int:
        coefficient, factors = self.factored(term)
        return self.product_node(Product(coefficient * c, factors))

    def _term_rank(self, item: tuple[int, Fraction]) -> Any:
        """Monomials by falling degree, then functions in the order in which they were made."""
        term, _ = item
        factors = self.factored(term).factors
        if len(factors) == 1:
            ((base, e),) = factors.items()
            if base != E and self.builder.codes[base] != INPUT and isinstance(e, Fraction):
                return (1, 0, [], base, -e)  # powers of one function side by side
        degree = 0
        for base, e in factors.items():
            if base == E or self.builder.codes[base] != INPUT:
                return (1, 0, [], term, ZERO)
            if not isinstance(e, Fraction) or e.denominator != 1 or e < 0:
                return (1, 0, [], term, ZERO)
            degree += int(e)
        return (0, -degree, sorted((base, -float(e)) for base, e in factors.items()), term, ZERO)  # type: ignore[arg-type]

    # what makes the parts

    def product_node(self, product: Product) -> int:
        raise NotImplementedError

    def exponent_node(self, value: Exponent) -> int:
        raise NotImplementedError
