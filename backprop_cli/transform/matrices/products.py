"""How products, inverses and shapes are read."""

from __future__ import annotations

from typing import Any

from backprop_cli.ir.graph import Shape
from backprop_cli.transform.matrices.algebra import Algebra
from backprop_cli.transform.matrices.reader import Reader, Value, extent, rule
from backprop_cli.transform.matrices.terms import Factor, Sum, Term


@rule("matmul")
def _matmul(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    left, right = x
    first = left.total.T if len(left.shape) == 1 else left.total
    return oriented(r.algebra.product(first, right.total), shape)


def oriented(total: Sum, shape: Shape) -> Sum:
    """A vector is held as a column."""
    return total.T if len(shape) < 2 and total.rows == 1 else total


@rule("outer")
def _outer(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    return r.algebra.product(x[0].total, x[1].total.T)


@rule("transpose")
def _transpose(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    if len(shape) < 2 or static == (0, 1):
        return x[0].total
    turned = x[0].total.T
    return turned._replace(terms=tuple(map(r.algebra.settled, turned.terms)))


@rule("reshape")
def _reshape(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    """A vector as a column or a row."""
    total = x[0].total
    if extent(shape) == (total.rows, total.cols):
        return total
    return total.T if extent(shape) == (total.cols, total.rows) and 1 in extent(shape) else None


@rule("broadcast_to")
def _broadcast_to(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    total = x[0].total
    if len(x[0].shape) == 1 and len(shape) == 2:
        total = total.T
    return r.spread(total, *extent(shape))


@rule("index")
def _index(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    """What was scattered to a place is found there again."""
    total = x[0].total
    parts = [r.algebra.scattered(term, static) for term in total.terms]
    if any(part is None for part in parts) or len(shape) > 1 or not parts:
        return None
    return r.algebra.total([part for part in parts if part is not None], *extent(shape))


@rule("inv")
def _inv(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    return inverted(r.algebra, x[0].total)


def inverted(algebra: Algebra, matrix: Sum) -> Sum | None:
    """inv(c A) = inv(A)/c, inv(inv(A)) = A, inv(A') = inv(A)', inv(diag(x)) = diag(1/x)."""
    term = algebra.single(matrix)
    if not term.number or matrix.rows == 1:
        return None
    if len(term.chain) > 1:
        inner = Sum((Term(1.0, (), term.chain),), matrix.rows, matrix.cols)
        node = algebra.node(inner)
        term = term._replace(chain=(Factor(node, "matrix", matrix.rows, matrix.cols),))
    chain = tuple(factor._replace(inverse=not factor.inverse) for factor in term.chain)
    if chain and chain[0].kind == "diagonal":
        node = algebra.add("div", algebra.number(1.0), chain[0].node)
        chain = (chain[0]._replace(node=node, inverse=False),)
    scalars = tuple((s, -p) for s, p in term.scalars)
    return Sum((Term(1 / term.number, scalars, chain),), matrix.rows, matrix.cols)


@rule("solve")
def _solve(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    """solve(A, b) = inv(A) b."""
    inverse = inverted(r.algebra, x[0].total)
    return None if inverse is None else r.algebra.product(inverse, x[1].total)


@rule("eye")
def _eye(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    return r.algebra.eye(shape[0]) if shape[0] == shape[1] else None
