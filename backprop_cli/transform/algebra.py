"""Algebra: sums and products in one normal form, from which the shortest text is chosen.

Every node that is made knows its form: a sum is {term: coefficient}, a product {base: exponent},
both with exact numbers, so that like terms and like bases meet. A sum is written in the way that
takes the fewest operations: as it is, with what its terms share in front, over one denominator,
or multiplied out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.ops import BY_NAME, OPERATIONS
from backprop_cli.transform import alternatives, identities, selections
from backprop_cli.transform.factoring import content
from backprop_cli.transform.forms import (
    HALF,
    ONE,
    ZERO,
    E,
    Number,
    Product,
    Sum,
    over,
    quotient,
    scaled,
    tidy,
)
from backprop_cli.transform.products import Products
from backprop_cli.transform.rewrite import Compiled
from backprop_cli.transform.selections import TRUTHS

ARITHMETIC = frozenset(
    ("add", "sub", "neg", "mul", "div", "pow", "square", "reciprocal", "sqrt", "exp")
)
MOST_TERMS = 80  # of a sum for which other ways of writing it are tried
MOST_SPREAD = 200  # terms of a shared sum that a larger one takes up one by one
SHORTEST, LONGEST = 3, 1000  # operations of an expression, likewise
MOST_NODES = 20_000  # of a graph, likewise
DEEPEST = 3  # sums within sums that are tried at once
NO_SUM = (Product(ONE, {E: ZERO}), Sum(ZERO, {}))


class Algebra(Products):
    """Makes nodes by algebra where it can, by rules elsewhere."""

    __slots__ = ("_level", "_opening", "_spread", "_sums", "fractions")

    def __init__(
        self, builder: Builder, rules: dict[str, list[Compiled]], formal: bool = False
    ) -> None:
        super().__init__(builder, rules, formal)
        self._sums: dict[Any, int] = {}
        self._spread: dict[int, tuple[Product, Sum]] = {}  # products by a base: the sums they are
        self.fractions: dict[int, tuple[int, int] | None] = {}  # `fraction_of` sums, by node
        self._level = 0
        self._opening: set[int] = set()

    def make(self, op: str, args: tuple[int, ...], static: Any = None) -> int:
        if op in ARITHMETIC:
            if self.depth:
                args = tuple(self.normal(a) for a in args)
            node: int | None = self._arithmetic(op, args)
        elif op in TRUTHS or op == "where":
            node = selections.decided(self, op, args)
        else:
            node = None
        if node is None:
            return super().make(op, args, static)
        return self.shaped(node, BY_NAME[op].shape([self.builder.shape(a) for a in args], static))

    def normal(self, node: int) -> int:
        """A node with its form known: what a rule matched may be a part of a written product."""
        chain = [node]
        while self._is_part(chain[-1]):
            chain.append(self.builder.arguments(chain[-1])[0])
        made = chain.pop()
        for part in reversed(chain):
            args = (made, *self.builder.arguments(part)[1:])
            made = self._arithmetic(OPERATIONS[self.builder.codes[part]].name, args)
        return made

    def _is_part(self, node: int) -> bool:
        """Whether a node is a sum or product of unknown form."""
        if node in self.products or node in self.sums or node in self.numbers:
            return False
        return OPERATIONS[self.builder.codes[node]].name in ARITHMETIC

    def shaped(self, node: int, shape: tuple[int, ...]) -> int:
        """The node in a shape that it broadcasts to."""
        if self.builder.shape(node) == shape:
            return node
        return super().make("broadcast_to", (node,), shape)

    def _arithmetic(self, op: str, args: tuple[int, ...]) -> int:
        x = args[0]
        match op:
            case "add":
                return self.total([(ONE, x), (ONE, args[1])])
            case "sub":
                return self.total([(ONE, x), (-ONE, args[1])])
            case "neg":
                return self.product([(x, ONE)], -ONE)
            case "mul":
                return self.product([(x, ONE), (args[1], ONE)])
            case "div":
                return self.product([(x, ONE), (args[1], -ONE)])
            case "square":
                return self.product([(x, 2)])
            case "reciprocal":
                return self.product([(x, -ONE)])
            case "sqrt":
                return self.product([(x, HALF)])
            case "exp":
                return self.product_node(Product(ONE, {E: self.exponent(x)}))
        return self.product([(x, self.exponent(args[1]))])

    # products

    def product_node(self, product: Product) -> int:
        """The node of a product, with like bases met and identities applied."""
        key = (product.coefficient, frozenset(product.factors.items()))
        node = self._products.get(key)
        if node is None:
            node = self._products[key] = self._make_product(product)
        return node

    def _make_product(self, product: Product) -> int:
        factors = {b: e for b, e in product.factors.items() if e != 0}
        product = self.settled(Product(product.coefficient, factors))
        if product.coefficient == 0 or not product.factors:
            return self.number_node(product.coefficient)
        simpler = identities.product(self, product)
        if simpler is not None:
            return self.product_node(simpler)
        c, factors = product
        if len(factors) == 1:
            (base, e), *_ = factors.items()
            if e == 1 and c == 1 and base != E:
                return base
            if e == 1 and base in self.sums:
                return self._multiple(c, base)
        node = self.write_product(product)
        self.products.setdefault(node, product)
        best = node
        if self._tries(node) and node not in self._opening:
            self._opening.add(node)
            self._level += 1
            for other in alternatives.of_product(self, node, product):
                if self.cost(other) < self.cost(best):
                    best = other
            for other in alternatives.preferred(self, product):
                if self.cost(other) <= self.cost(best):
                    best = other
            self._level -= 1
            self._opening.discard(node)
            if best != node:
                self.products.setdefault(best, product)
        return best

    def _tries(self, node: int) -> bool:
        """Whether other ways to write a node are tried: not of short ones, nor in large graphs."""
        return (
            self._level < DEEPEST
            and SHORTEST <= self.cost(node) <= LONGEST
            and len(self.builder) <= MOST_NODES
        )

    def _multiple(self, c: Number, base: int) -> int:
        """A number times a sum: in front of it, or in each term, whichever is shorter."""
        product = Product(c, {base: ONE})
        scaled = over(self.sums[base], quotient(1, c))
        inside, outside = self.write_sum(scaled), self.write_product(product)
        node = outside if self.cost(outside) < self.cost(inside) else inside
        self.products.setdefault(node, product)
        if node not in scaled.terms:
            self.sums.setdefault(node, scaled)
        return node

    # sums

    def total(self, parts: Iterable[tuple[Number, int]]) -> int:
        """The sum of coefficient*node."""
        const: Number = ZERO
        terms: dict[int, Number] = {}
        for c, node in parts:
            const = tidy(const + self.gather(terms, c, node))
        return self.sum_node(Sum(const, terms))

    def gather(self, terms: dict[int, Number], c: Number, node: int) -> Number:
        """Adds c*node to terms; returns the number that came of it."""
        value = self.number(node)
        if value is not None:
            return scaled(c, value)
        inner = self.sums.get(node)
        if inner is not None and len(inner.terms) <= MOST_SPREAD:
            for term, k in inner.terms.items():
                terms[term] = tidy(terms.get(term, ZERO) + scaled(c, k))
            return scaled(c, inner.const)
        product = self.products.get(node)
        if inner is None and product is not None and product.coefficient != 1:
            monic = self.product_node(Product(ONE, product.factors))
            c = scaled(c, product.coefficient)
            if monic != node:
                return self.gather(terms, c, monic)
        terms[node] = tidy(terms.get(node, ZERO) + c)
        return ZERO

    def sum_node(self, total: Sum) -> int:
        """The node of a sum, written in the shortest way that is found."""
        terms = {term: c for term, c in total.terms.items() if c}
        key = (total.const, frozenset(terms.items()))
        node = self._sums.get(key)
        if node is None:
            node = self._sums[key] = self._make_sum(Sum(total.const, terms))
        return node

    def _make_sum(self, total: Sum) -> int:
        const, terms = identities.total(self, total)
        terms = {term: c for term, c in terms.items() if c}
        total = Sum(const, terms)
        if not terms:
            return self.number_node(const)
        if len(terms) == 1 and const == 0:
            ((term, c),) = terms.items()
            return self.scaled(c, term)
        gcd = content(total, self.decimals)
        if gcd != 1:
            monic = over(total, gcd)
            base = self.sum_node(monic)
            form = self.factored(base)
            return self.product_node(Product(gcd * form.coefficient, form.factors))
        plain = self.write_sum(total)
        if plain not in terms:
            self.sums.setdefault(plain, total)
        best = plain
        if len(terms) <= MOST_TERMS and self._tries(plain):
            self._level += 1
            for other in alternatives.of_sum(self, total):
                if self.cost(other) < self.cost(best):
                    best = other
            self._level -= 1
        if best not in self.numbers and best not in terms:
            self.sums.setdefault(best, total)
        also = self.products.get(best)
        if also is not None and also.factors:
            self._spread.setdefault(max(also.factors), (also, total))
        return best

    def spread(self, product: Product) -> int | None:
        """A product with a sum for those of its factors that are one; None if there are none."""
        if not self._spread:
            return None
        for base in product.factors:
            form, total = self._spread.get(base, NO_SUM)
            if all(product.factors.get(b) == e for b, e in form.factors.items()):
                c = quotient(product.coefficient, form.coefficient)
                rest = {b: e for b, e in product.factors.items() if b not in form.factors}
                if not rest:
                    return self.write_sum(over(total, quotient(1, c)))
                return self.write_product(
                    Product(c * self.merge(rest, self.write_sum(total), ONE), rest)
                )
        return None
