"""Unit vectors, the rows of an identity matrix, in products: A e_j = A[:, j], x' e_i = x[i]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backprop_cli.ir.graph import CONST
from backprop_cli.ir.ops import OPERATIONS
from backprop_cli.transform.matrices.terms import Chain, Factor, Sum, Term

if TYPE_CHECKING:
    from backprop_cli.transform.matrices.algebra import Algebra
    from backprop_cli.transform.matrices.nodes import Nodes


def unit(writer: Nodes, size: int, place: int) -> int:
    """The node of eye(size)[place]."""
    return writer.add("index", writer.add("eye", static=(size, size)), static=(place,))


def place_of(writer: Nodes, node: int) -> int | None:
    """Where a unit vector has its 1; None for other nodes."""
    builder = writer.builder
    op, inner = OPERATIONS[builder.codes[node]].name, builder.first[node]
    if op == "scatter" and builder.codes[inner] == CONST and builder.static[inner] == 1:
        index, shape = builder.static[node]
        return index[0] if len(shape) == 1 and isinstance(index[0], int) else None
    if op != "index" or OPERATIONS[builder.codes[inner]].name != "eye":
        return None
    index = builder.static[node]
    return index[0] if len(index) == 1 and isinstance(index[0], int) else None


def selected(writer: Nodes, factor: Factor, place: int) -> int | None:
    """A row or column of a matrix by the place of the 1 in e: A e, A' e; None for solve(A, e)."""
    if factor.kind != "matrix" or (factor.inverse and writer.solves):
        return None
    everything = ("slice", 0, factor.rows, 1)
    static = (place,) if factor.transposed else (everything, place)
    matrix = writer.add("inv", factor.node) if factor.inverse else factor.node
    return writer.add("index", matrix, static=static)


def element(writer: Nodes, chain: Chain) -> int | None:
    """x[i] for x' e_i; None where neither of two vectors is a unit vector."""
    if len(chain) != 2:
        return None
    for vector, other in (chain, chain[::-1]):
        place = place_of(writer, other.node)
        if place is not None and writer.is_ones(vector.node):
            return writer.number(1.0)
        if place is not None and place_of(writer, vector.node) is None:
            return writer.add("index", vector.node, static=(place,))
    return None


def row_of(algebra: Algebra, term: Term, index: Any) -> Sum | None:
    """The row i of e_j r', as a column: r where i is j, else 0; None for other terms."""
    if len(index) != 1 or not isinstance(index[0], int) or len(term.chain) < 2:
        return None
    first, *rest = term.chain
    place = place_of(algebra, first.node) if first.is_column else None
    if place is None:
        return None
    column = Sum((term._replace(chain=tuple(rest)),), 1, rest[-1].cols).T
    return column if place == index[0] else Sum((), column.rows, 1)


def row_of_diagonal(algebra: Algebra, term: Term, index: Any) -> Sum | None:
    """The row i of s*diag(x), as a column: s x[i] e_i."""
    if len(index) != 1 or not isinstance(index[0], int):
        return None
    (factor,) = term.chain
    column = algebra.atom(unit(algebra, factor.rows, index[0]))
    vector = Sum((term._replace(chain=(factor._replace(kind="vector"),)),), factor.rows, 1)
    return times(algebra, column, vector)


def times(algebra: Algebra, vector: Sum, array: Sum) -> Sum | None:
    """e_i*x = x[i] e_i, of columns; None where the first is no multiple of a unit vector."""
    chain = vector.terms[0].chain if len(vector.terms) == 1 else ()
    if len(chain) != 1 or (vector.cols, array.cols) != (1, 1) or vector.rows != array.rows:
        return None
    if not chain[0].is_column or place_of(algebra, chain[0].node) is None:
        return None
    column = Sum((Term(1.0, (), chain),), vector.rows, 1)
    return algebra.times(algebra.distributed(array.T, column), vector)


def is_reached(writer: Nodes, mask: int) -> bool:
    """Whether a mask is known to be true somewhere: that of a unit vector, an identity matrix."""
    builder, arguments = writer.builder, writer.builder.arguments(mask)
    op = OPERATIONS[builder.codes[mask]].name
    if op == "or":
        return any(is_reached(writer, a) for a in arguments)
    if op == "transpose":
        return is_reached(writer, arguments[0])
    if op == "index":
        return _row_is_reached(writer, arguments[0], builder.static[mask])
    if op == "eq":
        extreme = OPERATIONS[builder.codes[arguments[1]]].name in ("max", "min")
        return extreme and builder.first[arguments[1]] == arguments[0]  # x == max(x)
    if op == "not" and OPERATIONS[builder.codes[arguments[0]]].name == "eq":
        arguments = builder.arguments(arguments[0])
    elif op != "ne":
        return False
    return builder.static.get(arguments[1]) == 0 and _has(writer, arguments[0])


def _row_is_reached(writer: Nodes, mask: int, index: Any) -> bool:
    """The row i of e_i v' != 0."""
    builder = writer.builder
    outer = builder.first[mask]
    if OPERATIONS[builder.codes[mask]].name != "ne" or len(index) != 1:
        return False
    if OPERATIONS[builder.codes[outer]].name != "outer":
        return False
    left, right = builder.arguments(outer)
    return place_of(writer, left) == index[0] and _has(writer, right)


def _has(writer: Nodes, array: int) -> bool:
    """Whether an array is made of unit vectors, ones, identity matrices and masks of them."""
    op = OPERATIONS[writer.builder.codes[array]].name
    if op == "diag":
        return _has(writer, writer.builder.first[array])
    if op in ("ne", "not", "or", "transpose"):
        return is_reached(writer, array)
    if op == "outer":
        return all(_has(writer, a) for a in writer.builder.arguments(array))
    return op == "eye" or writer.is_ones(array) or place_of(writer, array) is not None
