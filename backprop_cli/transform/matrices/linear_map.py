"""Matrices of linear maps: M with u(v) = M v, for nodes u of an Algebra that are linear in v."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from backprop_cli.errors import BpropError, ShapeFault
from backprop_cli.ir.ops import OPERATIONS
from backprop_cli.transform.matrices.algebra import Algebra
from backprop_cli.transform.matrices.terms import Sum, Term, collected

DEEPEST = 50  # matrices within matrices that are multiplied out
MOST_TERMS = 12  # a longer map is one factor in what is built on it


def inexpressible(op: str | None = None) -> ShapeFault:
    return ShapeFault(
        "this derivative cannot be written with matrices alone"
        + (f": {op} of a matrix that depends on the variable" if op else ""),
        help="its numbers are there at any point: bprop jacobian ... --at ...",
    )


class LinearMaps:
    """The matrices of the nodes of an Algebra that are linear in one vector input."""

    def __init__(self, algebra: Algebra, direction: int) -> None:
        self.algebra = algebra
        self.direction = direction
        self.size = algebra.builder.shape(direction)[0]
        self.maps: dict[int, Sum | BpropError] = {direction: algebra.eye(self.size)}
        self.depth = 0
        self._depends: dict[int, bool] = {}

    def depends(self, node: int) -> bool:
        """Whether a node of the builder depends on the direction."""
        builder, known = self.algebra.builder, self._depends
        known[self.direction] = True
        stack = [node]
        while stack:
            top = stack[-1]
            arguments = builder.arguments(top)
            unknown = [a for a in arguments if a not in known and a > self.direction]
            if top in known or not unknown:
                stack.pop()
                known.setdefault(top, any(known.get(a, False) for a in arguments))
            else:
                stack += unknown
        return known[node]

    def map_of(self, total: Sum) -> Sum:
        """The matrix of a sum that is a column or a scalar; the nodes below it first."""
        stack: list[int | None] = list(self._below(total))
        while stack:
            node = stack[-1]
            assert node is not None
            below = [n for n in self._needs(node) if n not in self.maps]
            if node in self.maps or not below:
                stack.pop()
                if node not in self.maps:
                    self.maps[node] = self._made(node)
            else:
                stack += below
        return self._of_sum(total)

    def _below(self, total: Sum) -> list[int]:
        """The nodes of a sum that depend on the direction."""
        nodes = [f.node for term in total.terms for f in term.chain]
        nodes += [s for term in total.terms for s, _ in term.scalars]
        return [node for node in dict.fromkeys(nodes) if self.depends(node)]

    def _needs(self, node: int) -> list[int]:
        meaning = self.algebra.meaning.get(node)
        if meaning is not None:
            return self._below(meaning)
        return [a for a in self.algebra.builder.arguments(node) if self.depends(a)]

    def _made(self, node: int) -> Sum | BpropError:
        """The matrix of a node, or why there is none."""
        algebra = self.algebra
        if len(algebra.builder.shape(node)) > 1:
            return inexpressible(OPERATIONS[algebra.builder.codes[node]].name)
        try:
            meaning = algebra.meaning.get(node)
            found = self._of_sum(meaning) if meaning is not None else self._of_operation(node)
        except BpropError as fault:
            return fault
        if len(found.terms) > MOST_TERMS:
            return Sum((algebra.single(found),), found.rows, found.cols)
        return found

    def of(self, node: int) -> Sum:
        """The matrix of a scalar or vector node, found before."""
        found = self.maps[node]
        if isinstance(found, BpropError):
            raise found
        return found

    def _of_sum(self, total: Sum) -> Sum:
        if total.cols > 1:
            if total.rows > 1:
                raise inexpressible()
            return self._of_sum(total.T)
        parts: list[Term] = []
        for term in total.terms:
            parts += self._of_term(term, total.rows).terms
        return Sum(collected(parts), total.rows, self.size)

    def _of_term(self, term: Term, rows: int) -> Sum:
        """One term: the factor or scalar that depends on v, replaced by its matrix."""
        algebra = self.algebra
        for k, (scalar, power) in enumerate(term.scalars):
            if self.depends(scalar):
                if power != 1:
                    raise inexpressible()
                rest = term._replace(scalars=term.scalars[:k] + term.scalars[k + 1 :])
                return algebra.distributed(Sum((rest,), rows, 1), self.of(scalar))
        places = [k for k, f in enumerate(term.chain) if self.depends(f.node)]
        if not places:
            raise inexpressible()
        k = places[0]
        chain, factor = term.chain, term.chain[k]
        if factor.is_column and k == len(chain) - 1:
            before = Sum((term._replace(chain=chain[:k]),), rows, factor.rows)
            return algebra.distributed(before, self.of(factor.node))
        if factor.is_row and k == 0 and rows == 1:
            return self._of_term(term.T, 1)
        return self._inside(term, k, rows)

    def _inside(self, term: Term, k: int, rows: int) -> Sum:
        """A matrix within a product: (x y' + B) z = (y' z) x + B z."""
        algebra, factor = self.algebra, term.chain[k]
        meaning = algebra.meaning.get(factor.node)
        if meaning is None or factor.kind != "matrix" or factor.inverse:
            raise inexpressible(OPERATIONS[algebra.builder.codes[factor.node]].name)
        inner = meaning.T if factor.transposed else meaning
        before = Sum((term._replace(chain=term.chain[:k]),), rows, inner.rows)
        after = Sum((Term(1.0, (), term.chain[k + 1 :]),), inner.cols, 1)
        whole = algebra.distributed(algebra.distributed(before, inner), after)
        if self.depth >= DEEPEST:
            raise inexpressible("a sum")
        self.depth += 1
        found = self.map_of(whole)
        self.depth -= 1
        return found

    def _of_operation(self, node: int) -> Sum:
        builder = self.algebra.builder
        op = OPERATIONS[builder.codes[node]].name
        rule = RULES.get(op)
        if rule is None:
            raise inexpressible(op)
        return rule(self, node, builder.arguments(node), builder.static.get(node))

    # what rules are made of

    def held(self, node: int) -> Sum:
        """A scalar or vector node that does not depend on the direction."""
        return self.algebra.atom(node)

    def scaled(self, node: int, matrix: Sum, rows: int) -> Sum:
        """c M for a scalar node, diag(c) M for a vector; M spread where the result is larger."""
        algebra = self.algebra
        matrix = self.spread(matrix, rows)
        factor = self.held(node)
        if factor.is_scalar:
            return algebra.times(factor, matrix)
        return algebra.distributed(algebra.diagonal(factor), matrix)

    def spread(self, matrix: Sum, rows: int) -> Sum:
        """The map of a scalar that is repeated to a vector."""
        if matrix.rows == rows:
            return matrix
        return self.algebra.distributed(self.algebra.ones(rows), matrix)

    def written(self, node: int) -> int:
        """The matrix of a vector, or the row of a scalar, as a node; zeros where it is constant."""
        builder, algebra = self.algebra.builder, self.algebra
        shape = (*builder.shape(node), self.size)
        if self.depends(node):
            return algebra.shaped(self.of(node), shape)
        return algebra.add("broadcast_to", algebra.number(0.0), static=shape)

    def from_node(self, node: int) -> Sum:
        """A matrix as a map; a vector is the row of a scalar."""
        found = self.algebra.atom(node)
        if found.is_scalar:
            return found
        return found if len(self.algebra.builder.shape(node)) == 2 else found.T


Rule = Callable[[LinearMaps, int, Sequence[int], Any], Sum]
RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    def enter(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return enter
