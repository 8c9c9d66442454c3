"""How sums and products in normal form are written as operations of the language."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import reduce
from typing import Any

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST, INPUT
from backprop_cli.ir.graph_context import NAMED_CONSTANTS
from backprop_cli.ir.ops import OPERATIONS
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
    fraction,
    magnitude,
    over,
    scaled,
    times,
    whole,
)
from backprop_cli.transform.rewrite import Compiled, Rewriter
from backprop_cli.transform.roots import shortest_roots

HALVES = (HALF, -HALF)
LARGEST_PART = 10**6  # of a fraction that is written as a quotient
LONG_DIVISOR = 1000  # from which a fraction is written as a decimal of up to twelve digits
MOST_COST = 10**9
MOST_FACTORS = 40  # of a shared product that a larger one takes up one by one


class Written(Rewriter):
    """The tables of normal forms, and the nodes that they are written as."""

    __slots__ = (
        *("_costs", "_written", "decimals", "formal"),
        *("known", "numbers", "powers", "products", "sums"),
    )

    def __init__(
        self, builder: Builder, rules: dict[str, list[Compiled]], formal: bool = False
    ) -> None:
        super().__init__(builder, rules)
        self.products: dict[int, Product] = {}
        self.sums: dict[int, Sum] = {}
        self.numbers: dict[int, Number] = {}
        self.known: set[int] = set()  # nodes that cannot be negative where the program has a value
        self.powers: set[int] = set()  # bases that it raises to exponents that are no numbers
        self.formal = formal
        self.decimals = False  # whether numbers are written as decimals where they can be
        self._costs: list[int] = []
        self._written: dict[Any, int] = {}  # sums as chains

    def number(self, node: int) -> Number | None:
        """The number that a node is; None for others, for pi, inf and nan."""
        found = self.numbers.get(node)
        if found is None and self.builder.codes[node] == CONST:
            value = self.builder.static[node]
            if node not in self.builder.names and value not in NAMED_CONSTANTS:
                found = fraction(value)
                if found is not None:
                    self.numbers[node] = found
        return found

    def number_parts(self, value: Number) -> tuple[float, int]:
        """A number as a person writes it: the two parts of a quotient, or a decimal."""
        p, q = value.numerator, value.denominator
        short = self.decimals and 10 ** (4 if q < LONG_DIVISOR else 12) % q == 0
        if q == 1 or short:
            return float(value), 1
        if abs(p) <= LARGEST_PART and q <= LARGEST_PART:
            return float(p), q
        return float(value), 1

    def number_node(self, value: Number) -> int:
        """A number as a constant, or as a quotient of two."""
        top, bottom = self.number_parts(value)
        node = self.builder.const(top)
        if bottom != 1:
            node = self.builder.add("div", node, self.builder.const(bottom))
        self.numbers[node] = value
        return node

    def factored(self, node: int) -> Product:
        """A node as a product, if only of itself."""
        form = self.products.get(node)
        if form is None:
            value = self.number(node)
            form = Product(ONE, {node: ONE}) if value is None else Product(value, {})
        return form

    def cost(self, node: int) -> int:
        """The operations of a node's expression, written out as a tree."""
        costs, builder = self._costs, self.builder
        for i in range(len(costs), node + 1):
            if builder.codes[i] in (CONST, INPUT):
                costs.append(0)
            elif builder.second[i] >= 0:  # the case of most nodes, without a loop
                own = 1 + costs[builder.first[i]] + costs[builder.second[i]]
                costs.append(min(own, MOST_COST))
            else:
                costs.append(min(1 + sum(costs[a] for a in builder.arguments(i)), MOST_COST))
        return costs[node]

    # products

    def write_product(self, product: Product) -> int:
        """The node of a product: a fraction of what has positive and negative exponents."""
        add = self.builder.add
        top: list[int] = []
        bottom: list[int] = []
        product = self._sign_inside(self._one_root(shortest_roots(self, product)))
        factors = sorted(product.factors.items(), key=self._factor_rank)
        below = [base for base, e in factors if self._is_below(base, e)]
        if len(below) == len(factors):  # 1/x, but x^-n
            below = [base for base in below if not isinstance(product.factors[base], Linear)]
        for base, e in factors:
            if base == E:
                top.append(add("exp", self.exponent_node(e)))
            elif base in below:
                bottom.append(self._power(base, times(e, -ONE)))
            else:
                top.append(self._power(base, e))
        number, divisor = self.number_parts(product.coefficient)
        if divisor != 1:
            bottom.insert(0, self.builder.const(divisor))
        if not top or abs(number) != 1:
            top.insert(0, self.builder.const(number))
        elif number == -1:
            top[0] = add("neg", top[0])
        node = self._chain(top)
        if bottom:
            node = add("div", node, self._chain(bottom))
        return node

    def _is_below(self, base: int, e: Exponent) -> bool:
        """Whether a factor stands in the denominator: 1/x, a/x^n, but e^-x and 2^-x."""
        if not isinstance(e, Linear):
            return base != E and e < 0
        negative = e.const <= 0 and all(c < 0 for _, c in e.terms)
        return negative and base != E and not self._is_constant(base)

    def composite(self, base: int) -> Product | None:
        """The product of whole powers that a base is; None for a base that is none but itself."""
        form = self.products.get(base) if base != E else None
        if form is None or base in form.factors or len(form.factors) > MOST_FACTORS:
            return None
        return form if all(map(whole, form.factors.values())) else None

    def _sign_inside(self, product: Product) -> Product:
        """-(a - b)*c as (b - a)*c, -1/(x - 1) as 1/(1 - x)."""
        c, factors = product
        if c > 0:
            return product
        odd = [b for b, e in factors.items() if b in self.sums and whole(e) and e % 2]  # type: ignore[operator]
        for base in sorted(odd, key=lambda b: factors[b] != 1):
            const, terms = self.sums[base]
            if const < 0 or any(k < 0 for k in terms.values()):
                node = self._turned(base)
                if node in factors:
                    return product
                if self.cost(node) > self.cost(base) + 1:
                    continue  # the sum is written in a shorter way than term by term
                return Product(-c, {node if b == base else b: k for b, k in factors.items()})
        return product

    def _turned(self, base: int) -> int:
        """A sum with all signs the other way round."""
        turned = over(self.sums[base], -ONE)
        ways = [self.write_sum(turned)]
        name = OPERATIONS[self.builder.codes[base]].name
        if name in ("add", "sub"):
            left, right = self.builder.arguments(base)
            if name == "sub" and left not in self.sums:
                ways.append(self.builder.add("sub", right, left))
            for a, b in ((left, right), (right, left)) if name == "add" else ():
                node = self.scaled(-ONE, a)
                if a not in self.sums and not self.is_negative(node):
                    ways.append(self.builder.add("sub", node, b))
        node = min(ways, key=self.cost)
        self.sums.setdefault(node, turned)
        return node

    def _one_root(self, product: Product) -> Product:
        """sqrt(2)*sqrt(pi) as sqrt(2*pi), sqrt(2)/sqrt(pi) as sqrt(2/pi)."""
        factors = product.factors
        if len(factors) < 2:
            return product
        roots = {
            b: e
            for b, e in factors.items()
            if type(e) is Fraction and e in HALVES and self._is_constant(b)
        }
        if len(roots) < 2:
            return product
        ordered = sorted(
            roots, key=lambda b: (self.builder.static[b] in NAMED_CONSTANTS, b)
        )  # 2*pi
        above, below = ([b for b in ordered if roots[b] == power] for power in HALVES)
        factors = {b: e for b, e in factors.items() if b not in roots}
        node = self._chain(above or below)
        if above and below:
            node = self.builder.add("div", node, self._chain(below))
        factors[node] = HALF if above else -HALF
        return Product(product.coefficient, factors)

    def _chain(self, nodes: Iterable[int]) -> int:
        return reduce(lambda a, b: self.builder.add("mul", a, b), nodes)

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
        if isinstance(e, Linear):
            return (3, base)
        code = self.builder.codes[base]
        if code == CONST or base in self.numbers:
            return (0, base)
        if code == INPUT:
            return (1, base)
        return (2 if base in self.sums else 3, base)

    # sums

    def write_sum(self, total: Sum) -> int:
        """The node of a sum as a chain of '+' and '-', a positive term first if there is one."""
        key = (total.const, frozenset(total.terms.items()))
        node = self._written.get(key)
        if node is None:
            node = self._written[key] = self._write_sum(total)
        return node

    def _write_sum(self, total: Sum) -> int:
        parts = [(c, term) for term, c in sorted(total.terms.items(), key=self._term_rank)]
        texts = [self._signed(c, term) for c, term in parts]
        if total.const or not texts:
            texts.append((total.const >= 0, self.number_node(magnitude(total.const))))
        lead = next((k for k, (positive, _) in enumerate(texts) if positive), None)
        if lead is None:
            (c, term), texts = parts[0], texts[1:]
            node = self.scaled(c, term)
        else:
            _, node = texts.pop(lead)
        for positive, part in texts:
            node = self.builder.add("add" if positive else "sub", node, part)
        return node

    def _signed(self, c: Number, term: int) -> tuple[bool, int]:
        """c*term as whether it is added, and what is added or taken away."""
        node = self.scaled(magnitude(c), term)
        if not self.is_negative(node):
            return c > 0, node
        return c < 0, self.scaled(-magnitude(c), term)

    def is_negative(self, node: int) -> bool:
        """Whether a node is written with a sign in front, or as a sum of which all terms are."""
        known = self.sums.get(node)
        name = OPERATIONS[self.builder.codes[node]].name
        if known is not None and name in ("add", "sub"):
            return known.const <= 0 and all(k < 0 for k in known.terms.values())
        while name in ("mul", "div"):
            node = self.builder.first[node]
            name = OPERATIONS[self.builder.codes[node]].name
        return name == "neg" or (name == "const" and self.builder.static[node] < 0)

    def scaled(self, c: Number, term: int) -> int:
        coefficient, factors = self.factored(term)
        return self.product_node(Product(scaled(c, coefficient), factors))

    def _term_rank(self, item: tuple[int, Number]) -> Any:
        """Monomials by falling degree, then functions in the order in which they were made.

        Matrices stay in the order of the program, the identity last: A + t*B + eye(n).
        """
        term, _ = item
        factors = self.factored(term).factors
        if len(self.builder.shape(term)) > 1:
            names = {OPERATIONS[self.builder.codes[base]].name for base in factors if base != E}
            return (0, 2 * ("eye" in names) + ("transpose" in names), [], 0, ZERO)
        if len(factors) == 1:
            ((base, e),) = factors.items()
            if base != E and self._degree(base) == 0 and not isinstance(e, Linear):
                return (1, 0, [], base, -e)  # powers of one function side by side
        degree = 0
        for base, e in factors.items():
            if base == E or self._degree(base) == 0:
                return (1, 0, [], term, ZERO)
            if isinstance(e, Linear) or e.denominator != 1 or e < 0:
                return (1, 0, [], term, ZERO)
            degree += int(e) * self._degree(base)
        return (0, -degree, sorted((base, -float(e)) for base, e in factors.items()), term, ZERO)  # type: ignore[arg-type]

    def _degree(self, base: int) -> int:
        """1 for a variable, 2 for a product of matrices, 0 for functions."""
        code = self.builder.codes[base]
        return 1 if code == INPUT else 2 * (OPERATIONS[code].name in ("matmul", "outer"))

    # what makes the parts

    def product_node(self, product: Product) -> int:
        raise NotImplementedError

    def exponent_node(self, value: Exponent) -> int:
        raise NotImplementedError
