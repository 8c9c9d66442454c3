"""How sums of elements, traces and diagonals are read."""

from __future__ import annotations

from math import prod
from typing import Any

from backprop_cli.ir.graph import Shape
from backprop_cli.ir.ops import BY_NAME, OPERATIONS
from backprop_cli.transform.matrices.algebra import Algebra
from backprop_cli.transform.matrices.products import oriented
from backprop_cli.transform.matrices.reader import Reader, Value, rule
from backprop_cli.transform.matrices.terms import (
    Chain,
    Factor,
    Sum,
    Term,
    reversed_chain,
    segments,
)


@rule("sum_to")
def _sum_to(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    have, total = x[0].shape, x[0].total
    rows = len(shape) < len(have) or shape[0] < have[0] if have else False
    if len(have) == 1:
        return _summed(r, total, True, False) if prod(shape) == 1 else total
    cols = not shape or shape[-1] < have[-1]
    return oriented(_summed(r, total, rows, cols), shape)


def _summed(r: Reader, total: Sum, rows: bool, cols: bool) -> Sum:
    """ones' A, A ones: term by term."""
    algebra = r.algebra
    if rows:
        total = algebra.distributed(algebra.ones(total.rows).T, total)
    return algebra.distributed(total, algebra.ones(total.cols)) if cols else total


@rule("sum")
def _sum_over(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    axes, _ = static
    rank, total = len(x[0].shape), x[0].total
    gone = set(range(rank)) if axes is None else {axis % rank for axis in axes}
    if total.is_scalar:
        return total
    if rank == 1:
        return _dot(r, total) if gone else total
    if len(gone) == 2:
        return r.algebra.total((_element_sum(r, t, total) for t in total.terms), 1, 1)
    return oriented(_summed(r, total, 0 in gone, 1 in gone), shape)


def _element_sum(r: Reader, term: Term, total: Sum) -> Sum:
    """sum(A*B) = tr(A' B) where A or B is a product, an inverse or a transpose; ones' A ones."""
    algebra, builder = r.algebra, r.algebra.builder
    alone = Sum((term,), total.rows, total.cols)
    if len(term.chain) == 1 and builder.codes[term.chain[0].node] == BY_NAME["mul"].code:
        pair = builder.arguments(term.chain[0].node)
        if any(OPERATIONS[builder.codes[a]].name in FACTORED for a in pair):
            left, right = (algebra.meaning.get(a) or algebra.atom(a) for a in pair)
            inside = algebra.product(left.T, right)
            trace = (_trace_of(algebra, t, total.cols) for t in inside.terms)
            outside = Sum((term._replace(chain=()),), 1, 1)
            return algebra.times(outside, algebra.total(trace, 1, 1))
    return _summed(r, alone, True, True)


FACTORED = frozenset(("inv", "matmul", "transpose", "solve"))


def _dot(r: Reader, total: Sum) -> Sum:
    """sum(x) = ones' x, and sum(x*y) = x' y where x and y are no products themselves."""
    algebra, builder = r.algebra, r.algebra.builder
    if len(total.terms) == 1 and len(total.terms[0].chain) == 1:
        (factor,) = total.terms[0].chain
        if OPERATIONS[builder.codes[factor.node]].name == "mul":
            pair = [algebra.vector(a) for a in builder.arguments(factor.node) if builder.shape(a)]
            plain = all(OPERATIONS[builder.codes[f.node]].name in PLAIN for f in pair)
            if len(pair) == 2 and plain:
                left, right = (_meant(algebra, f) for f in pair)
                dot = algebra.product(left.T, right)
                outside = total.terms[0]._replace(chain=())
                return algebra.times(Sum((outside,), 1, 1), dot)
    return _summed(r, total, True, False)


def _meant(algebra: Algebra, factor: Factor) -> Sum:
    alone = Sum((Term(1.0, (), (factor,)),), factor.rows, 1)
    return algebra.meaning.get(factor.node, alone)


PLAIN = frozenset(("input", "matmul", "add", "sub", "index", "solve"))


@rule("trace")
def _trace(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    """tr(A + B) = tr(A) + tr(B), tr(c A) = c tr(A), tr(x y') = y' x, tr(I) = n."""
    algebra = r.algebra
    return algebra.total((_trace_of(algebra, t, x[0].total.rows) for t in x[0].total.terms), 1, 1)


def _trace_of(algebra: Algebra, term: Term, rows: int) -> Sum:
    outside = Sum((term._replace(chain=()),), 1, 1)
    parts = segments(term.chain)
    if not term.chain:
        inner = algebra.size(rows)
    elif len(parts) == 2:
        inner = Sum((algebra.scalar_term((*parts[1], *parts[0])),), 1, 1)
    elif len(term.chain) == 1 and term.chain[0].kind == "diagonal":
        column = Sum((Term(1.0, (), (algebra.vector(term.chain[0].node),)),), rows, 1)
        inner = algebra.distributed(algebra.ones(rows).T, column)
    else:
        chain = min(term.chain, reversed_chain(term.chain), key=_transposes)  # tr(A') = tr(A)
        inner = algebra.atom(algebra.add("trace", algebra.chain(chain)))
    return algebra.times(outside, inner)


def _transposes(chain: Chain) -> int:
    return sum(factor.transposed for factor in chain)


@rule("diag")
def _diag(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    total = x[0].total
    if len(shape) == 2:
        return r.algebra.diagonal(total) if total.rows > 1 else total
    if total.rows != total.cols:
        return None
    if total.is_scalar:
        return total
    parts = (diagonal_of(r.algebra, term, total.rows) for term in total.terms)
    return r.algebra.total(parts, total.rows, 1)


def diagonal_of(algebra: Algebra, term: Term, rows: int) -> Sum:
    """diag(I) = ones, diag(diag(x)) = x, diag(x y') = x*y."""
    outside, parts = Sum((term._replace(chain=()),), 1, 1), segments(term.chain)
    if not term.chain:
        inner = algebra.ones(rows)
    elif len(parts) == 2:
        left = Sum((Term(1.0, (), parts[0]),), rows, 1)
        right = Sum((Term(1.0, (), parts[1]),), 1, rows)
        inner = algebra.distributed(algebra.diagonal(left), right.T)
    else:
        inner = diagonal_of_chain(algebra, term.chain, rows)
    return algebra.times(outside, inner)


def diagonal_of_chain(algebra: Algebra, chain: Chain, rows: int) -> Sum:
    """diag(diag(x) A) = x*diag(A), diag(A diag(x) B) = (A*B') x, diag(A') = diag(A)."""
    for part, rest in ((chain[0], chain[1:]), (chain[-1], chain[:-1])):
        if part.kind == "diagonal":
            column = diagonal_of_chain(algebra, rest, rows) if rest else algebra.ones(rows)
            return algebra.distributed(Sum((Term(1.0, (), (part,)),), rows, rows), column)
    for k, factor in enumerate(chain):
        if factor.kind == "diagonal":
            left, right = algebra.chain(chain[:k]), algebra.chain(reversed_chain(chain[k + 1 :]))
            matrix = algebra.atom(algebra.add("mul", left, right))
            return algebra.distributed(matrix, algebra.atom(factor.node))
    chain = min(chain, reversed_chain(chain), key=_transposes)
    return algebra.atom(algebra.add("diag", algebra.chain(chain)))
