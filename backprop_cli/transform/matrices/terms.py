"""Matrix expressions as sums of products, each a number, scalars and a chain of factors.

Vectors stand as columns (n, 1) or rows (1, n), so that a product, a dot product, an outer product
and a sum of elements are all chains: x'Ay is (row x, A, column y), and sum(x) is (row of ones, x).
Sums inside a product are factors of their own; products are never multiplied out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import gcd
from typing import NamedTuple

MOST_FACTOR = 1e15  # of which whole numbers are exact
MOST_DENOMINATOR = 64  # a number is written as a ratio up to here: x/3, 2*x/5


class Factor(NamedTuple):
    """A matrix, a vector or a diagonal matrix as it stands in a chain; `node` is in a Builder."""

    node: int
    kind: str  # 'matrix', 'vector' (a column unless transposed), 'diagonal' (diag of a vector)
    rows: int
    cols: int
    transposed: bool = False
    inverse: bool = False

    @property
    def is_column(self) -> bool:
        return self.kind == "vector" and not self.transposed

    @property
    def is_row(self) -> bool:
        return self.kind == "vector" and self.transposed

    @property
    def T(self) -> Factor:
        """diag(x)' = diag(x), (A')' = A, inv(A)' is a factor of its own."""
        if self.kind == "diagonal":
            return self
        return self._replace(rows=self.cols, cols=self.rows, transposed=not self.transposed)


Chain = tuple[Factor, ...]
Scalars = tuple[tuple[int, float], ...]  # scalar nodes with their powers, by node


class Term(NamedTuple):
    """number * scalars * chain; the empty chain is an identity matrix, or the number 1."""

    number: float
    scalars: Scalars = ()
    chain: Chain = ()

    @property
    def T(self) -> Term:
        """(A B)' = B' A'."""
        return self._replace(chain=reversed_chain(self.chain))


class Sum(NamedTuple):
    """A sum of terms, of `rows` and `cols`; a scalar is (1, 1)."""

    terms: tuple[Term, ...]
    rows: int
    cols: int

    @property
    def T(self) -> Sum:
        """(A + B)' = A' + B'."""
        return Sum(tuple(term.T for term in self.terms), self.cols, self.rows)

    @property
    def is_scalar(self) -> bool:
        return self.rows == self.cols == 1

    @property
    def is_vector(self) -> bool:
        """Whether it is a column or a row, and no scalar."""
        return (self.rows == 1) != (self.cols == 1)


def reversed_chain(chain: Chain) -> Chain:
    return tuple(factor.T for factor in reversed(chain))


def combined(first: Scalars, second: Scalars) -> Scalars:
    """The product of two products of powers: s^a s^b = s^(a + b)."""
    powers = dict(first)
    for node, power in second:
        powers[node] = powers.get(node, 0) + power
    return tuple(sorted((node, power) for node, power in powers.items() if power))


def scaled(term: Term, number: float, scalars: Scalars = ()) -> Term:
    return term._replace(number=term.number * number, scalars=combined(term.scalars, scalars))


def collected(terms: Iterable[Term]) -> tuple[Term, ...]:
    """Like terms added up, in order of first appearance: a A + b A = (a + b) A."""
    numbers: dict[tuple[Scalars, Chain], float] = {}
    for term in terms:
        key = (term.scalars, term.chain)
        numbers[key] = numbers.get(key, 0.0) + term.number
    return tuple(Term(number, *key) for key, number in numbers.items() if number)


def segments(chain: Chain) -> list[Chain]:
    """The chain cut where a column is followed by a row, as in the outer product x y'."""
    cuts = [k + 1 for k in range(len(chain) - 1) if chain[k].is_column]
    return [chain[a:b] for a, b in zip([0, *cuts], [*cuts, len(chain)], strict=True)]


def is_scalar(segment: Chain) -> bool:
    """Whether a segment is a number, as x' A y."""
    return bool(segment) and segment[0].is_row and segment[-1].is_column


def canonical(segment: Chain) -> Chain:
    """x' A y or y' A' x, which are the same number: the one with fewer transposed matrices."""
    return min(segment, reversed_chain(segment), key=_weight)


def _weight(segment: Chain) -> tuple[int, tuple[int, ...]]:
    transposed = sum(f.transposed for f in segment if f.kind == "matrix")
    return transposed, tuple(f.node for f in segment)


def is_diagonal(term: Term) -> bool:
    """Whether a term of a square matrix is a multiple of the identity, or of one diag(x)."""
    return not term.chain or (len(term.chain) == 1 and term.chain[0].kind == "diagonal")


def common_scalars(terms: Sequence[Term]) -> Scalars:
    """The powers of scalars that every term has: the least of each."""
    powers = [dict(term.scalars) for term in terms]
    nodes = set(powers[0]).intersection(*powers[1:])
    shared = {}
    for node in nodes:
        least, most = min(p[node] for p in powers), max(p[node] for p in powers)
        if least > 0 or most < 0:
            shared[node] = least if least > 0 else most
    return tuple(sorted(shared.items()))


def content(terms: Sequence[Term]) -> float:
    """The number that all terms have: 2 in 2 A + 2 B, -1 in -A - B."""
    sizes = {abs(term.number) for term in terms}
    number = 1.0
    if len(sizes) == 1 or all(size < 1 and ratio_of(size)[1] > 1 for size in sizes):
        number = max(sizes)  # A/2 - B/4 = (A - B/2)/2
    elif all(size.is_integer() and size < MOST_FACTOR for size in sizes):
        number = float(gcd(*map(int, sizes)))  # 2 A - 4 B = 2 (A - 2 B)
    return -number if all(term.number < 0 for term in terms) else number


def ratio_of(number: float) -> tuple[float, float]:
    """A number as a ratio of small whole numbers where it is one, else over 1."""
    if number == int(number) or not abs(number) < MOST_DENOMINATOR:
        return number, 1.0
    near = Fraction(number).limit_denominator(MOST_DENOMINATOR)
    if near.numerator / near.denominator == number:
        return float(near.numerator), float(near.denominator)
    return number, 1.0
