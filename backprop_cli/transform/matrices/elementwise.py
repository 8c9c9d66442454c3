"""How elementwise operations are read: sums, scalars, rows and columns of matrices."""

from __future__ import annotations

from typing import Any

from backprop_cli.ir.graph import Shape
from backprop_cli.ir.ops import BY_NAME, OPERATIONS
from backprop_cli.transform.matrices import units
from backprop_cli.transform.matrices.algebra import Algebra
from backprop_cli.transform.matrices.reader import Reader, Value, extent, rule
from backprop_cli.transform.matrices.reductions import diagonal_of
from backprop_cli.transform.matrices.terms import Sum, Term, is_diagonal, segments


@rule("identity")
def _identity(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    return x[0].total


@rule("neg")
def _neg(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    return r.algebra.times(Sum((Term(-1.0),), 1, 1), x[0].total)


@rule("add")
def _add(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    return _sum(r, x, shape, 1.0)


@rule("sub")
def _sub(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    return _sum(r, x, shape, -1.0)


def _sum(r: Reader, x: list[Value], shape: Shape, sign: float) -> Sum | None:
    """Arrays of one extent, or an array and a scalar: A + s = A + s ones ones'."""
    if not any((v.total.rows, v.total.cols) == extent(shape) for v in x):
        return None
    if not all(v.total.is_scalar or len(v.shape) == len(shape) for v in x):
        return None
    spread = [r.spread(v.total, *extent(shape)) if v.total.is_scalar else v.total for v in x]
    if any(s is None or (s.rows, s.cols) != extent(shape) for s in spread):
        return None
    first, second = spread
    assert first is not None
    assert second is not None
    return r.algebra.plus(first, second, sign)


@rule("mul")
def _mul(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    """s A; (s x)*(t y) = (s t) (x*y), s*ones is s."""
    algebra = r.algebra
    for scalar, array in ((x[0], x[1]), (x[1], x[0])):
        flat = scalar.total if scalar.total.is_scalar else r.flat(scalar.total)
        same = (array.total.rows, array.total.cols) == extent(shape)
        if flat is not None and same:
            return algebra.times(flat, array.total)
        found = units.times(algebra, scalar.total, array.total)
        if found is not None:
            return found
    for k, array in ((0, x[1]), (1, x[0])):
        lines = x[k].total if len(x[k].shape) == 2 or x[k].total.cols > 1 else x[k].total.T
        if not array.total.is_vector and lines.is_vector and array.shape == shape:
            matrix = array.total
            if lines.cols == 1:  # a column times a matrix: diag(x) A
                return algebra.distributed(algebra.diagonal(lines), matrix)
            return algebra.distributed(matrix, algebra.diagonal(lines.T))
    for k in (0, 1):
        square = x[k].total.rows == x[k].total.cols > 1 and x[1 - k].shape == shape
        if square and all(map(is_diagonal, x[k].total.terms)):
            return _times_diagonal(algebra, x[k].total, x[1 - k].total)
        full = x[k].total.rows > 1 and x[k].total.cols > 1 and x[1 - k].shape == shape
        if full and all(len(segments(term.chain)) == 2 for term in x[k].total.terms):
            return _times_outer(algebra, x[k].total, x[1 - k].total)
    return _parts(r, "mul", x, shape)


def _times_diagonal(algebra: Algebra, diagonal: Sum, matrix: Sum) -> Sum:
    """diag(x)*A = diag(x*diag(A))."""
    column = algebra.total(
        (diagonal_of(algebra, t, matrix.rows) for t in matrix.terms), matrix.rows, 1
    )
    return algebra.diagonal(algebra.distributed(diagonal, column))


def _times_outer(algebra: Algebra, outer: Sum, matrix: Sum) -> Sum:
    """(x y')*A = diag(x) A diag(y)."""
    parts = []
    for term in outer.terms:
        left, right = segments(term.chain)
        scale = Sum((term._replace(chain=()),), 1, 1)
        first = algebra.diagonal(Sum((Term(1.0, (), left),), outer.rows, 1))
        second = algebra.diagonal(Sum((Term(1.0, (), right),), 1, outer.cols).T)
        whole = algebra.distributed(algebra.distributed(first, matrix), second)
        parts.append(algebra.times(scale, whole))
    return algebra.total(parts, outer.rows, outer.cols)


@rule("div")
def _div(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    """A/s; (s x)/(t y) = (s/t) (x/y)."""
    algebra = r.algebra
    above, below = x
    flat = below.total if below.total.is_scalar else r.flat(below.total)
    same = (above.total.rows, above.total.cols) == extent(shape)
    lines = below.total if len(below.shape) == 2 else below.total.T
    if flat is None and lines.is_vector and not above.total.is_vector and above.shape == shape:
        scale = algebra.diagonal(_reciprocals(algebra, lines))
        if lines.cols == 1:  # a matrix over a column: diag(1/x) A
            return algebra.distributed(scale, above.total)
        return algebra.distributed(above.total, scale)
    if flat is None and above.total.is_scalar and below.shape == shape:
        return _over(r, above, below)
    if flat is None:
        return _parts(r, "div", x, shape)
    inverse = _inverted(algebra, flat)
    return algebra.times(inverse, above.total) if same and inverse is not None else None


def _over(r: Reader, above: Value, below: Value) -> Sum | None:
    """s/(t*x) = (s/t) (1/x)."""
    algebra, term = r.algebra, r.algebra.single(below.total)
    if not term.number:
        return None
    bare = Sum((Term(1.0, (), term.chain),), below.total.rows, below.total.cols)
    pair = [Value(algebra.constant(1.0), ()), below._replace(total=bare)]
    made = r.aligned("div", pair, None, below.shape)
    outside = _inverted(algebra, Sum((Term(term.number, term.scalars),), 1, 1))
    if made is None or outside is None:
        return None
    return algebra.times(above.total, algebra.times(outside, made.total))


def _reciprocals(algebra: Algebra, vector: Sum) -> Sum:
    """1/x of a column or row, as a column."""
    node = algebra.node(vector)
    return algebra.atom(algebra.add("div", algebra.number(1.0), node))


def _inverted(algebra: Algebra, scalar: Sum) -> Sum | None:
    term = algebra.single(scalar)
    if not term.number:
        return None
    return Sum((Term(1 / term.number, tuple((s, -p) for s, p in term.scalars)),), 1, 1)


def _parts(r: Reader, op: str, x: list[Value], shape: Shape) -> Sum | None:
    """Elementwise x*y or x/y of vectors or of matrices, with their numbers and scalars outside."""
    algebra = r.algebra
    if any((v.total.rows, v.total.cols) != extent(shape) for v in x) or extent(shape) == (1, 1):
        return None
    first, second = (algebra.single(v.total, op == "cross") for v in x)
    if not first.number or not second.number:
        return None
    bare = [
        Value(Sum((Term(1.0, (), t.chain),), v.total.rows, v.total.cols), v.shape)
        for t, v in ((first, x[0]), (second, x[1]))
    ]
    if op == "mul" and first.chain == second.chain and min(extent(shape)) > 1:
        op, bare = "pow", [bare[0], Value(algebra.constant(2.0), ())]
    made = r.aligned(op, bare, None, shape)
    if made is None:
        return None
    outside = Sum((Term(second.number, second.scalars),), 1, 1)
    if op == "div":
        inverse = _inverted(algebra, outside)
        assert inverse is not None
        outside = inverse
    number = Sum((Term(first.number, first.scalars),), 1, 1)
    return algebra.times(number, algebra.times(outside, made.total))


@rule("reciprocal")
def _reciprocal(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    return _inverted(r.algebra, x[0].total) if x[0].total.is_scalar else None


@rule("square")
def _square(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    return _power(r, x[0].total, 2.0) if x[0].total.is_scalar else None


@rule("pow")
def _pow(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    """(s^a)^k = s^(a k) for a whole k."""
    exponent = x[1].total
    if not x[0].total.is_scalar or not exponent.is_scalar or len(exponent.terms) != 1:
        return None
    if exponent.terms[0].scalars:
        return None
    return _power(r, x[0].total, exponent.terms[0].number)


def _power(r: Reader, base: Sum, power: float) -> Sum | None:
    term = r.algebra.single(base)
    if not term.number:
        return None
    whole = power == int(power) if abs(power) < 100 else False
    if not whole and (term.number != 1 or [p for _, p in term.scalars] != [1]):
        return None
    scalars = tuple((s, p * power) for s, p in term.scalars)
    return Sum((Term(term.number**power, scalars if power else ()),), 1, 1)


@rule("exp")
def _exp(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    """exp(log_softmax(x)) = softmax(x), exp(x - logsumexp(x)) = softmax(x)."""
    algebra, builder = r.algebra, r.algebra.builder
    node = algebra.node(x[0].total)
    if OPERATIONS[builder.codes[node]].name == "sub" and len(shape) in (1, 2):
        left, right = builder.arguments(node)
        wanted: tuple[Any, ...] = (None, (0,))
        if len(shape) == 2:  # a column of the rows' logsumexp
            if builder.shape(right) != (shape[0], 1):
                return None
            right, wanted = builder.first[right], ((1,),)
        whole = builder.codes[right] == BY_NAME["logsumexp"].code
        if whole and builder.arguments(right) == (left,) and builder.static[right][0] in wanted:
            return algebra.atom(algebra.add("softmax", left, static=len(shape) - 1))
    if builder.codes[node] == BY_NAME["log_softmax"].code:
        made = algebra.add("softmax", *builder.arguments(node), static=builder.static[node])
        return algebra.atom(made)
    return None


@rule("cross")
def _cross(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    return _parts(r, "cross", x, shape)  # cross(s x, t y) = s t cross(x, y)
