"""Products of matrix expressions, with the identities that hold for any matrices.

A inv(A) = I, diag(a) diag(b) = diag(a*b), diag(a) x = a*x, (x y') z = (y' z) x, diag(a) ones = a,
ones' ones = n.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST
from backprop_cli.ir.ops import OPERATIONS
from backprop_cli.ir.sizes import Size, monomial
from backprop_cli.transform.matrices import units
from backprop_cli.transform.matrices.terms import (
    Chain,
    Factor,
    Sum,
    Term,
    canonical,
    collected,
    combined,
    is_scalar,
    reversed_chain,
    scaled,
    segments,
)
from backprop_cli.transform.matrices.writer import Writer

LOGICAL = frozenset(("lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"))
MOST_TERMS = 64  # a longer sum is a factor of its own, so that sums of sums cost no square


class Algebra(Writer):
    """Makes sums; nodes are appended to the builder only where an operation must be a factor."""

    def __init__(self, builder: Builder, sizes: dict[str, Size], solves: bool = False) -> None:
        super().__init__(builder, solves)
        self.sizes = sizes
        self._scalars: dict[Chain, Term] = {}

    # the simplest sums

    def zero(self, rows: int, cols: int) -> Sum:
        return Sum((), rows, cols)

    def eye(self, size: int) -> Sum:
        return Sum((Term(1.0),), size, size)

    def constant(self, value: float) -> Sum:
        """A number; where it was made from named sizes, in terms of their names."""
        if value != value or abs(value) == float("inf"):
            return Sum((Term(1.0, ((self.number(value), 1),)),), 1, 1)
        number, powers = monomial(value, self.sizes)
        scalars = tuple(sorted((self.builder.input(name), float(k)) for name, k in powers))
        return Sum((Term(number, scalars),) if number else (), 1, 1)

    def size(self, size: int) -> Sum:
        return self.constant(float(size))

    def ones(self, size: int) -> Sum:
        """A column of ones."""
        if size == 1:
            return self.constant(1.0)
        return Sum((Term(1.0, (), (self.vector(self.ones_node(size)),)),), size, 1)

    def vector(self, node: int) -> Factor:
        (size,) = self.builder.shape(node)
        return Factor(node, "vector", size, 1)

    def atom(self, node: int) -> Sum:
        """A node of at most two axes as a factor; an axis of one element makes it a vector."""
        shape = self.builder.shape(node)
        if all(size == 1 for size in shape):
            scalar = self.core(node)
            shape = self.builder.shape(scalar)
            if shape:
                scalar = self.add("index", scalar, static=(0,) * len(shape))
            if self.builder.codes[scalar] == CONST:
                return self.constant(self.builder.static[scalar])
            return Sum((Term(1.0, ((scalar, 1),)),), 1, 1)
        if len(shape) == 2 and 1 not in shape:
            return Sum((Term(1.0, (), (Factor(node, "matrix", *shape),)),), *shape)
        size = max(shape)
        flat = self.shaped_node(node, (size,))
        column = Sum((Term(1.0, (), (self.vector(flat),)),), size, 1)
        return column.T if len(shape) == 2 and shape[0] == 1 else column

    def diagonal(self, column: Sum) -> Sum:
        """diag(s*x) = s*diag(x), diag(ones) = I; a sum of vectors is one factor."""
        term = self.single(column)
        if not term.number:
            return self.zero(column.rows, column.rows)
        node = self.node(Sum((Term(1.0, (), term.chain),), column.rows, 1))
        if self.is_ones(node):
            return Sum((term._replace(chain=()),), column.rows, column.rows)
        factor = Factor(node, "diagonal", column.rows, column.rows)
        return Sum((term._replace(chain=(factor,)),), column.rows, column.rows)

    def scattered(self, term: Term, index: tuple[Any, ...]) -> Sum | None:
        """What a term put at an index of an array; None where it did no such thing."""
        row = units.row_of(self, term, index)
        if row is not None:
            return row
        if len(term.chain) != 1 or term.chain[0].transposed:
            return None
        node = term.chain[0].node
        if term.chain[0].kind == "diagonal":
            return units.row_of_diagonal(self, term, index)
        builder = self.builder
        op = OPERATIONS[builder.codes[node]].name
        if op == "scatter" and builder.static[node][0] == index:
            inner = builder.first[node]
        elif (
            op == "stack"
            and builder.static[node] == 0
            and len(index) == 1
            and isinstance(index[0], int)
        ):
            inner = builder.arguments(node)[index[0]]
        else:
            return None
        outside = Sum((term._replace(chain=()),), 1, 1)
        return self.times(outside, self.meaning.get(inner) or self.atom(inner))

    # arithmetic

    def plus(self, first: Sum, second: Sum, sign: float = 1.0) -> Sum:
        parts = [
            (self.single(part),) if len(part.terms) > MOST_TERMS else part.terms
            for part in (first, second)
        ]
        terms = collected(map(self.settled, (*parts[0], *(scaled(t, sign) for t in parts[1]))))
        return Sum(terms, first.rows, first.cols)

    def total(self, sums: Iterable[Sum], rows: int, cols: int) -> Sum:
        result = self.zero(rows, cols)
        for part in sums:
            result = self.plus(result, part)
        return result

    def times(self, scalar: Sum, array: Sum) -> Sum:
        """A scalar times an array, term by term; a sum of scalars is one factor."""
        factor = self.single(scalar)
        terms = (scaled(term, factor.number, factor.scalars) for term in array.terms)
        return Sum(collected(terms), array.rows, array.cols)

    def product(self, first: Sum, second: Sum) -> Sum:
        """The matrix product of two sums, each of which is one factor."""
        rows, cols = first.rows, second.cols
        left, right = self.single(first), self.single(second)
        if not left.number or not right.number:
            return self.zero(rows, cols)
        return Sum((self.joined(left, right),), rows, cols)

    def distributed(self, first: Sum, second: Sum) -> Sum:
        """The matrix product of two sums, multiplied out."""
        terms = [self.joined(a, b) for a in first.terms for b in second.terms]
        return Sum(collected(terms), first.rows, second.cols)

    def joined(self, left: Term, right: Term) -> Term:
        """The product of two terms."""
        chain = self._cancelled((*left.chain, *right.chain))
        number, scalars = left.number * right.number, combined(left.scalars, right.scalars)
        kept: Chain = ()
        for part in segments(chain):
            if is_scalar(part):
                value = self.scalar_term(part)
                number, scalars = number * value.number, combined(scalars, value.scalars)
            elif part and part[-1].is_column:
                kept += self.folded(part)
            elif part and part[0].is_row:
                kept += reversed_chain(self.folded(reversed_chain(part)))
            else:
                kept += part
        return Term(number, scalars, kept)

    def _cancelled(self, chain: Chain) -> Chain:
        """A inv(A) = I and diag(a) diag(b) = diag(a*b), wherever they meet."""
        stack: list[Factor] = []
        for factor in self.settled(Term(1.0, (), chain)).chain:
            top = stack[-1] if stack else None
            if top is not None and top == factor._replace(inverse=not factor.inverse):
                stack.pop()
            elif top is not None and top.kind == factor.kind == "diagonal":
                stack[-1] = top._replace(node=self.hadamard(top.node, factor.node))
            else:
                stack.append(factor)
        return tuple(stack)

    def folded(self, chain: Chain) -> Chain:
        """A chain that ends in a column without diagonal matrices: diag(a) x = a*x."""
        for k in range(len(chain) - 2, -1, -1):
            if chain[k].kind == "diagonal":
                rest = self.column(chain[k + 1 :])
                self.means(rest, Sum((Term(1.0, (), chain[k + 1 :]),), chain[k].rows, 1))
                chain = (*chain[:k], self.vector(self.hadamard(chain[k].node, rest)))
        place = units.place_of(self, chain[-1].node) if len(chain) > 1 else None
        column = None if place is None else units.selected(self, chain[-2], place)
        return chain if column is None else (*chain[:-2], self.vector(column))

    def hadamard(self, first: int, second: int) -> int:
        """The node of two vectors multiplied element by element."""
        if self.is_ones(first) or self.is_mask_of(first, second):
            return second
        if self.is_ones(second) or self.is_mask_of(second, first):
            return first
        return self.add("mul", first, second)

    def is_mask_of(self, mask: int, node: int) -> bool:
        """Whether one vector is 1 where another is not 0: x*(x != 0) = x; c*c = c for 0 and 1."""
        builder = self.builder
        name = OPERATIONS[builder.codes[mask]].name
        if mask == node:
            return name in LOGICAL
        if name == "not":
            mask, name = builder.first[mask], "eq not"
        if OPERATIONS[builder.codes[mask]].name not in ("eq", "ne"):
            return False
        compared, zero = builder.arguments(mask)
        sign = "ne" if name == "ne" else "eq not"
        same = name == sign and compared == node
        return same and builder.codes[zero] == CONST and builder.static[zero] == 0

    def scalar_term(self, chain: Chain) -> Term:
        """x' A y as a scalar node; ones' ones = n."""
        chain = canonical((chain[0], *self.folded(chain[1:])))
        known = self._scalars.get(chain)
        if known is None:
            known = self._scalar_term(chain)
            self._scalars[chain] = known
        return known

    def _scalar_term(self, chain: Chain) -> Term:
        element = units.element(self, chain)
        if element is not None:
            return self.single(self.atom(element))
        if len(chain) == 2 and self.is_ones(chain[0].node) and self.is_ones(chain[1].node):
            return self.single(self.size(chain[1].rows))
        node = self.scalar(chain)
        self.means(node, Sum((Term(1.0, (), chain),), 1, 1))
        return Term(1.0, ((node, 1),))
