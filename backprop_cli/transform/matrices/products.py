"""How products, inverses and shapes are read."""

from __future__ import annotations

from math import prod
from typing import Any

from backprop_cli.ir.graph import Shape
from backprop_cli.transform.matrices import units
from backprop_cli.transform.matrices.algebra import Algebra
from backprop_cli.transform.matrices.reader import Reader, Value, extent, rule
from backprop_cli.transform.matrices.terms import Factor, Sum, Term

MOST_ROWS = 16  # of a matrix that is taken for a sum of its rows


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
    if total.is_scalar and prod(shape) == 1:
        return total
    parts = [r.algebra.scattered(term, static) for term in total.terms]
    if any(part is None for part in parts) or len(shape) > 1 or not parts:
        return None
    return r.algebra.total([part for part in parts if part is not None], *extent(shape))


@rule("stack", "concat")
def _stack(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    """Vectors as rows, e_0 r_0' + e_1 r_1' + ...; an array of one element is that element."""
    if len(x) == prod(shape) == 1:
        return x[0].total
    vectors = len(shape) == 2 and len(x) == shape[0] <= MOST_ROWS
    if not vectors or 1 in shape or static != 0:
        return None
    algebra = r.algebra
    units_ = [algebra.atom(units.unit(algebra, shape[0], k)) for k in range(len(x))]
    parts = [algebra.distributed(e, v.total.T) for e, v in zip(units_, x, strict=True)]
    return algebra.total(parts, *shape)


@rule("scatter")
def _scatter(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    """A number at one place of a matrix: s e_i e_j'; a row, e_i r'."""
    index, algebra = static[0], r.algebra
    if prod(shape) == prod(x[0].shape) == 1:
        return x[0].total
    if len(shape) != 2 or 1 in shape or not all(isinstance(k, int) for k in index):
        return None
    if len(index) == 1:
        row = algebra.atom(units.unit(algebra, shape[0], index[0]))
        return algebra.distributed(row, x[0].total.T)
    row, column = (
        algebra.atom(units.unit(algebra, size, place))
        for size, place in zip(shape, index, strict=True)
    )
    return algebra.times(x[0].total, algebra.product(row, column.T))


@rule("inv")
def _inv(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    return inverted(r.algebra, x[0].total)


def inverted(algebra: Algebra, matrix: Sum) -> Sum | None:
    """inv(c A) = inv(A)/c, inv(inv(A)) = A, inv(A') = inv(A)', inv(diag(x)) = diag(1/x)."""
    term = algebra.single(matrix)
    if not term.number:
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


@rule("det")
def _det(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    """det([[a]]) = a."""
    return x[0].total if x[0].total.is_scalar else None


@rule("logdet")
def _logdet(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    """logdet([[a]]) = log|a|."""
    algebra = r.algebra
    if not x[0].total.is_scalar:
        return None
    size = algebra.add("abs", algebra.node(x[0].total))
    return algebra.atom(algebra.add("log", size))


@rule("cofactor")
def _cofactor(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    """cofactor([[a]]) = [[1]]."""
    return r.algebra.constant(1.0) if x[0].total.is_scalar else None


@rule("solve")
def _solve(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    """solve(A, b) = inv(A) b."""
    inverse = inverted(r.algebra, x[0].total)
    return None if inverse is None else r.algebra.product(inverse, x[1].total)


@rule("eye")
def _eye(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    return r.algebra.eye(shape[0]) if shape[0] == shape[1] else None
