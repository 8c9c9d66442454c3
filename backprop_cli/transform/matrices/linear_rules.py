"""The matrices of operations on vectors that are linear in one input; see `linear_map`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backprop_cli.ir.ops import OPERATIONS
from backprop_cli.transform.matrices.algebra import LOGICAL, Algebra
from backprop_cli.transform.matrices.linear_map import RULES, LinearMaps, inexpressible, rule
from backprop_cli.transform.matrices.terms import Sum, Term, is_diagonal


def rows_of(maps: LinearMaps, node: int) -> int:
    shape = maps.algebra.builder.shape(node)
    return shape[0] if shape else 1


@rule("mul")
def _mul(maps: LinearMaps, node: int, x: Sequence[int], static: Any) -> Sum:
    """c*u(v) = diag(c) M v."""
    moving, still = (x[0], x[1]) if maps.depends(x[0]) else (x[1], x[0])
    if maps.depends(still):
        raise inexpressible("a product")
    return maps.scaled(still, maps.of(moving), rows_of(maps, node))


@rule("div")
def _div(maps: LinearMaps, node: int, x: Sequence[int], static: Any) -> Sum:
    """u(v)/c = diag(1/c) M v."""
    if maps.depends(x[1]):
        raise inexpressible("a quotient")
    algebra = maps.algebra
    inverse = algebra.add("div", algebra.number(1.0), x[1])
    return maps.scaled(inverse, maps.of(x[0]), rows_of(maps, node))


@rule("where")
def _where(maps: LinearMaps, node: int, x: Sequence[int], static: Any) -> Sum:
    """where(c, u, w) = diag(c) M_u v + diag(not c) M_w v, where no masked number is infinite."""
    algebra, rows = maps.algebra, rows_of(maps, node)
    condition, *branches = x
    if maps.depends(condition):
        raise inexpressible("where")
    total = algebra.zero(rows, maps.size)
    for branch, yes in zip(branches, (True, False), strict=True):
        if maps.depends(branch):
            part = selected(maps, condition, maps.spread(maps.of(branch), rows), yes)
            total = algebra.plus(total, part)
    return total


def selected(maps: LinearMaps, condition: int, matrix: Sum, yes: bool) -> Sum:
    """The rows where a condition holds (or does not); of diag(a), diag(where(c, a, 0))."""
    algebra = maps.algebra
    diagonal = all(map(is_diagonal, matrix.terms))
    if diagonal and matrix.rows == matrix.cols > 1 and algebra.builder.shape(condition):
        column = algebra.node(algebra.distributed(matrix, algebra.ones(matrix.rows)))
        if not algebra.is_ones(column):
            zero = algebra.number(0.0)
            branches = (column, zero) if yes else (zero, column)
            chosen = algebra.add("where", condition, *branches)
            return algebra.diagonal(algebra.atom(chosen))
    mask = as_number(algebra, condition) if yes else algebra.add("not", condition)
    return maps.scaled(mask, matrix, matrix.rows)


def as_number(algebra: Algebra, condition: int) -> int:
    """A condition as 0 or 1."""
    if OPERATIONS[algebra.builder.codes[condition]].name in LOGICAL:
        return condition
    return algebra.add("ne", condition, algebra.number(0.0))


@rule("mean")
def _mean(maps: LinearMaps, node: int, x: Sequence[int], static: Any) -> Sum:
    """mean(u(v)) = (ones' M) v/n."""
    algebra, matrix = maps.algebra, maps.of(x[0])
    size = algebra.single(algebra.size(matrix.rows))
    inverse = Term(1 / size.number, tuple((s, -p) for s, p in size.scalars))
    row = algebra.distributed(algebra.ones(matrix.rows).T, matrix)
    return algebra.times(Sum((inverse,), 1, 1), row)


@rule("index")
def _index(maps: LinearMaps, node: int, x: Sequence[int], static: Any) -> Sum:
    """u[i](v) = M[i] v."""
    return maps.from_node(maps.algebra.add("index", maps.written(x[0]), static=static))


@rule("scatter")
def _scatter(maps: LinearMaps, node: int, x: Sequence[int], static: Any) -> Sum:
    where, shape = static
    place = (where, (*shape, maps.size))
    return maps.from_node(maps.algebra.add("scatter", maps.written(x[0]), static=place))


@rule("concat", "stack")
def _joined(maps: LinearMaps, node: int, x: Sequence[int], static: Any) -> Sum:
    """The rows of one map under those of the other."""
    op = OPERATIONS[maps.algebra.builder.codes[node]].name
    rows = [maps.written(argument) for argument in x]
    return maps.from_node(maps.algebra.add(op, *rows, static=0))


@rule("cross")
def _cross(maps: LinearMaps, node: int, x: Sequence[int], static: Any) -> Sum:
    """cross(a, M v) = cross(a, M')' v: the cross product of each column of M."""
    algebra = maps.algebra
    total = algebra.zero(3, maps.size)
    for k in (0, 1):
        if not maps.depends(x[k]):
            continue
        columns = algebra.node(maps.of(x[k]).T)
        pair = (columns, x[1]) if k == 0 else (x[0], columns)
        total = algebra.plus(total, algebra.atom(algebra.add("cross", *pair)).T)
    return total


__all__ = ["RULES"]
