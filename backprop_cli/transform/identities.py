"""Identities of sums and products, where the operands stand in any order.

sin^2 + cos^2 = 1 and cosh^2 - sinh^2 = 1 in sums; sin/cos = tan in products (Abramowitz and Stegun
1964, 4.3 and 4.5).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from backprop_cli.ir.ops import OPERATIONS
from backprop_cli.transform import selections
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
    linear,
    quotient,
    scaled,
    times,
    whole,
)

if TYPE_CHECKING:
    from backprop_cli.transform.algebra import Algebra

TWO = Fraction(2)
# numerator, denominator, their quotient: sin(u)/cos(u) = tan(u)
QUOTIENTS = (("sin", "cos", "tan"), ("sinh", "cosh", "tanh"))
# the sign of s in: a + b*cos^2 = (a + b) + s*b*sin^2
SQUARES = (("sin", "cos", -1), ("sinh", "cosh", 1))
NAMES = frozenset(("sin", "cos", "tan", "sinh", "cosh", "tanh", "abs", "sign", "hypot"))
Called = dict[tuple[str, int], int]


def operation(algebra: Algebra, node: int) -> str:
    return "" if node == E else OPERATIONS[algebra.builder.codes[node]].name


def called(algebra: Algebra, factors: dict[int, Exponent]) -> Called:
    """The bases that are calls of NAMES, by function and argument."""
    found: Called = {}
    for base, e in factors.items():
        name = operation(algebra, base)
        if name in NAMES and whole(e):  # a root of sin(u) is not one of tan(u)*cos(u)
            found[name, algebra.builder.arguments(base)[0]] = base
    return found


def product(algebra: Algebra, given: Product) -> Product | None:
    """The product after the first identity that fits; None if none does."""
    if E in given.factors:
        for found in _logarithms(algebra, given):
            return found
    for found in _exponentials(algebra, given):
        return found
    calls = called(algebra, given.factors)
    for (name, u), base in calls.items():
        for found in _fitting(algebra, given, calls, name, u, base):
            return found
    return None


def _fitting(
    algebra: Algebra, given: Product, calls: Called, name: str, u: int, base: int
) -> Iterator[Product]:
    factors = given.factors
    e: Any = factors[base]
    if name == "abs":
        yield from _absolute(algebra, given, calls, u, base)
    if name == "sign":
        yield from _signed(algebra, given, u, base)
    if name == "hypot" and e % 2 == 0:  # hypot(u, v)^2 = u^2 + v^2
        squares = [(ONE, algebra.product([(a, TWO)])) for a in algebra.builder.arguments(base)]
        yield replaced(algebra, given, base, algebra.total(squares), quotient(e, 2))
    for top, bottom, ratio in QUOTIENTS:
        other = calls.get((bottom, u))
        if other is None or name not in (top, ratio):
            continue
        f: Any = factors[other]
        if name == top and e * f < 0:  # sin(u)/cos(u) = tan(u)
            power = min(abs(e), abs(f)) * (1 if e > 0 else -1)
            tan = algebra.make(ratio, (u,))
            yield moved(algebra, given, {base: -power, other: power, tan: power})
        elif name == ratio and e * f > 0:  # tan(u)*cos(u) = sin(u)
            power = min(abs(e), abs(f)) * (1 if e > 0 else -1)
            sin = algebra.make(top, (u,))
            yield moved(algebra, given, {base: -power, other: -power, sin: power})
        elif e == f and abs(e) == 1 and (e < 0 or given.coefficient.numerator % 2 == 0):
            double = algebra.make(top, (algebra.product([(u, ONE)], TWO),))
            # 2*sin(u)*cos(u) = sin(2*u)
            half = Product(scaled(given.coefficient, HALF if e > 0 else TWO), factors)
            yield moved(algebra, half, {base: -e, other: -e, double: e})


def _logarithms(algebra: Algebra, given: Product) -> Iterator[Product]:
    """e^(c*log(u)) = u^c, where u cannot be negative."""
    top = given.factors[E]
    if not isinstance(top, Linear):
        return
    for term, c in top.terms:
        if operation(algebra, term) != "log":
            continue
        (u,) = algebra.builder.arguments(term)
        if algebra.free(u):
            rest = tuple((t, k) for t, k in top.terms if t != term)
            factors = {b: e for b, e in given.factors.items() if b != E}
            left = linear(top.const, dict(rest))
            if left != 0:
                factors[E] = left
            yield _times_power(algebra, given.coefficient, factors, u, c)


def exponential(algebra: Algebra, base: int) -> tuple[Exponent, Sum] | None:
    """The u of a sum b + a*e^u, and the sum."""
    inner = algebra.sums.get(base) if base != E else None
    if inner is None or not inner.const or len(inner.terms) != 1:
        return None
    (term,) = inner.terms
    coefficient, factors = algebra.factored(term)
    return (factors[E], inner) if coefficient == 1 and [*factors] == [E] else None


def _exponentials(algebra: Algebra, given: Product) -> Iterator[Product]:
    """1/(b + a*e^-u)^n = e^(n*u)/(b*e^u + a)^n."""
    for base, e in given.factors.items():
        negative = not isinstance(e, Linear) and e < 0 and e.denominator == 1
        found = exponential(algebra, base) if negative else None
        if found is None:
            continue
        top, inner = found
        if not isinstance(top, Linear) or any(k > 0 for _, k in top.terms):
            continue
        (a,) = inner.terms.values()
        inverse = algebra.product_node(Product(ONE, {E: times(top, -ONE)}))
        turned = algebra.total([(inner.const, inverse), (a, algebra.number_node(ONE))])
        rest = {b: k for b, k in given.factors.items() if b != base}
        coefficient = given.coefficient * algebra.merge(rest, E, times(top, e))  # type: ignore[arg-type]
        yield moved(algebra, Product(coefficient, rest), {turned: e})  # type: ignore[dict-item]


def _absolute(
    algebra: Algebra, given: Product, calls: Called, u: int, base: int
) -> Iterator[Product]:
    e: Any = given.factors[base]
    if e % 2 == 0:  # |u|^2 = u^2
        yield replaced(algebra, given, base, u, e)
    sign = calls.get(("sign", u))
    if sign is not None and given.factors[sign] == 1 and e == 1:  # sign(u)*|u| = u
        rest = moved(algebra, given, {sign: -ONE, base: -ONE})
        yield replaced(algebra, rest, base, u, ONE)
    power = given.factors.get(u)
    if power is not None and not isinstance(power, Linear) and power == -e and whole(e):
        sign = algebra.make("sign", (u,))  # |u|/u = u/|u| = sign(u)
        yield moved(algebra, given, {base: -e, u: -power, sign: ONE})


def _signed(algebra: Algebra, given: Product, u: int, base: int) -> Iterator[Product]:
    """u*sign(u) = |u|, u*sign(u)^2 = u."""
    e: Any = given.factors[base]
    power = given.factors.get(u)
    if power is None or isinstance(power, Linear) or power <= 0:
        return
    if e >= 2:
        yield moved(algebra, given, {base: -TWO})
    elif e == power == 1:
        size = algebra.make("abs", (u,))
        yield moved(algebra, given, {base: -ONE, u: -ONE, size: ONE})


def replaced(algebra: Algebra, given: Product, base: int, node: int, power: Number) -> Product:
    """The product with node^power in the place of a base."""
    factors = {b: e for b, e in given.factors.items() if b != base}
    return _times_power(algebra, given.coefficient, factors, node, power)


def _times_power(
    algebra: Algebra, number: Number, factors: dict[int, Exponent], node: int, power: Number
) -> Product:
    raised = algebra.raised(node, power)
    number *= raised.coefficient
    for b, e in raised.factors.items():
        number *= algebra.merge(factors, b, e)
    return Product(number, factors)


def moved(algebra: Algebra, given: Product, powers: dict[int, Number]) -> Product:
    """The product times base^power for each of `powers`."""
    factors = dict(given.factors)
    coefficient = given.coefficient
    for base, power in powers.items():
        form = algebra.factored(base)
        if form.coefficient != 1:
            exact = algebra.number_power(form.coefficient, power)
            if exact is None:
                algebra.merge(factors, algebra.number_node(form.coefficient), power)
            else:
                coefficient *= exact
        for b, e in form.factors.items():
            assert not isinstance(e, Linear)
            coefficient *= algebra.merge(factors, b, e * power)
    return Product(coefficient, factors)


def total(algebra: Algebra, given: Sum) -> Sum:
    """The sum with squares of sine and cosine met, and selections of one condition as one."""
    given = _squares(algebra, given)
    return selections.met(algebra, given)


def _squares(algebra: Algebra, given: Sum) -> Sum:
    """sin(u)^2 + cos(u)^2 = 1, cosh(u)^2 - sinh(u)^2 = 1, with any common factor."""
    for term in list(given.terms):
        factors = algebra.factored(term).factors
        for (name, u), base in called(algebra, factors).items():
            power: Any = factors[base]
            if power < 2:
                continue
            if name == "tan" and power == 2:
                found = _secant(algebra, given, factors, u, base)
                if found is not None:
                    return _squares(algebra, found)
                continue
            rest = {b: e for b, e in factors.items() if b != base}
            if power > 2:
                rest[base] = power - 2
            for top, bottom, sign in SQUARES:
                if name in (top, bottom):
                    found = _pair(algebra, given, rest, u, (top, bottom, sign))
                    if found is not None:
                        return _squares(algebra, found)
    return given


def _secant(
    algebra: Algebra, given: Sum, factors: dict[int, Exponent], u: int, base: int
) -> Sum | None:
    """1 + tan(u)^2 = 1/cos(u)^2, with any common factor."""
    rest = {b: e for b, e in factors.items() if b != base}
    one = algebra.product_node(Product(ONE, rest))
    square = algebra.product_node(Product(ONE, factors))
    c = given.terms[square]
    if (given.terms.get(one, ZERO) if rest else given.const) != c:
        return None
    over = dict(rest)
    if algebra.merge(over, algebra.make("cos", (u,)), -TWO) != 1:
        return None
    terms = {t: k for t, k in given.terms.items() if t not in (one, square)}
    node = algebra.product_node(Product(ONE, over))
    terms[node] = terms.get(node, ZERO) + c
    return Sum(given.const if rest else ZERO, terms)


def _pair(
    algebra: Algebra,
    given: Sum,
    rest: dict[int, Exponent],
    u: int,
    kind: tuple[str, str, int],
) -> Sum | None:
    """a + s*sin^2 + c*cos^2 with fewer terms; None if there is no such form."""
    top, bottom, sign = kind
    keys = [rest]
    for name in (top, bottom):
        base = algebra.make(name, (u,))
        factors = dict(rest)
        if algebra.merge(factors, base, TWO) != 1:
            return None
        keys.append(factors)
    nodes = [algebra.product_node(Product(ONE, factors)) for factors in keys]
    plain = not rest
    a = given.const if plain else given.terms.get(nodes[0], ZERO)
    s, c = (given.terms.get(node, ZERO) for node in nodes[1:])
    if a == 0 and c == sign * s and c:  # cos^2 - sin^2 = cos(2*u), cosh^2 + sinh^2 = cosh(2*u)
        double = algebra.make(bottom, (algebra.product([(u, ONE)], TWO),))
        factors = dict(rest)
        if algebra.merge(factors, double, ONE) == 1:
            terms = {t: k for t, k in given.terms.items() if t not in nodes}
            node = algebra.product_node(Product(ONE, factors))
            terms[node] = terms.get(node, ZERO) + c
            return Sum(given.const, terms)
    ways = [(a, s, c), (a - sign * s, ZERO, c + sign * s), (a + c, s + sign * c, ZERO)]
    counts = [(sum(map(bool, way)), sum(map(bool, way[1:]))) for way in ways]
    best = counts.index(min(counts))
    if best == 0:
        return None
    terms = {t: k for t, k in given.terms.items() if t not in nodes}
    const = ways[best][0] if plain else given.const
    kept = zip(nodes, ways[best], strict=True)
    terms.update({node: k for node, k in kept if k and not (plain and node == nodes[0])})
    return Sum(const, terms)
