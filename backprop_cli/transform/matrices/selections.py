"""How conditions and selections are read: most of those in derivatives are decided."""

from __future__ import annotations

from typing import Any

from backprop_cli.ir.graph import CONST, Shape
from backprop_cli.ir.ops import BY_NAME, OPERATIONS
from backprop_cli.transform.matrices import units
from backprop_cli.transform.matrices.algebra import LOGICAL
from backprop_cli.transform.matrices.reader import Reader, Value, extent, rule
from backprop_cli.transform.matrices.terms import (
    Sum,
    Term,
    common_scalars,
    content,
    is_diagonal,
    scaled,
)


@rule("eq")
def _eq(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    """x == x is 1: where it is not, the derivative is nan. A size is not 0."""
    same = x[0].total == x[1].total and x[0].shape == x[1].shape
    if same:
        return r.spread(r.algebra.constant(1.0), *extent(shape))
    if not x[1].total.terms and _nonzero(r, x[0].total):
        return Sum((), *extent(shape))
    return None


@rule("ne")
def _ne(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    if not x[1].total.terms and (_nonzero(r, x[0].total) or _counts(r, x[0].total)):
        return r.spread(r.algebra.constant(1.0), *extent(shape))
    return Sum((), *extent(shape)) if not x[1].total.terms and not x[0].total.terms else None


def _nonzero(r: Reader, total: Sum) -> bool:
    """Whether all elements are one number that is not 0, or a product of sizes."""
    flat = total if total.is_scalar else r.flat(total)
    if flat is None or len(flat.terms) != 1:
        return False
    names = r.algebra.builder.names
    return all(names.get(scalar) in r.algebra.sizes for scalar, _ in flat.terms[0].scalars)


def _counts(r: Reader, total: Sum) -> bool:
    """Whether a number is how often a mask is true that is true somewhere."""
    if not total.is_scalar or len(total.terms) != 1 or len(total.terms[0].scalars) != 1:
        return False
    ((node, _),) = total.terms[0].scalars
    builder = r.algebra.builder
    counts = builder.codes[node] == BY_NAME["sum"].code
    return counts and units.is_reached(r.algebra, builder.first[node])


def _truth(r: Reader, value: Value) -> bool | None:
    """Whether a condition is a constant that holds; None where it is no constant."""
    if not value.total.terms:
        return False
    flat = value.total if value.total.is_scalar else r.flat(value.total)
    if flat is None or len(flat.terms) != 1 or flat.terms[0].scalars:
        return None
    return True


@rule("not")
def _not(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    truth = _truth(r, x[0])
    if truth is None:
        return None
    return r.spread(r.algebra.constant(float(not truth)), *extent(shape))


def _neutral(r: Reader, x: list[Value], shape: Shape, neutral: bool) -> Sum | None:
    """The other operand where one is the constant that changes nothing."""
    for known, other in ((x[0], x[1]), (x[1], x[0])):
        op = OPERATIONS[r.algebra.builder.codes[r.node(other)]].name
        same = (other.total.rows, other.total.cols) == extent(shape)
        if _truth(r, known) is neutral and same and op in LOGICAL:
            return other.total
    return None


@rule("or")
def _or(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    return _neutral(r, x, shape, False)  # c or 0 = c


@rule("and")
def _and(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    return _neutral(r, x, shape, True)  # c and 1 = c


@rule("where")
def _where(r: Reader, x: list[Value], static: Any, shape: Shape) -> Sum | None:
    """where(norm(x) == 0, 0, y) = y = where(x >= 0, y, nan): derivatives where they exist."""
    condition, yes, no = x
    if _is_nan(r, no) and (yes.total.rows, yes.total.cols) == extent(shape):
        return yes.total
    if _reached(r, condition, yes) and not no.total.terms:
        return yes.total
    if _off_diagonal(r, condition) and not yes.total.terms and _all_diagonal(no.total):
        return no.total
    if _same_place(r, condition, yes) and not no.total.terms:
        return yes.total
    if not no.total.terms and _is_zero_outside(r, condition, yes):
        return yes.total
    truth = _truth(r, condition)
    value = yes if no.total.terms == () else no
    guard = _guard(r, condition, value) if truth is None else not truth
    if guard is None:
        return _scaled_where(r, x, shape)
    chosen, other = (no, yes) if guard else (yes, no)
    if truth is not None:
        return r.spread(chosen.total, *extent(shape))
    if other.total.terms or (chosen.total.rows, chosen.total.cols) != extent(shape):
        return None
    return chosen.total


def _scaled_where(r: Reader, x: list[Value], shape: Shape) -> Sum | None:
    """where(c, s*x, s*y) = s*where(c, x, y)."""
    algebra, parts = r.algebra, [r.algebra.single(v.total) for v in x[1:]]
    shared = common_scalars(parts)
    number = content(parts) if all(p.number for p in parts) else 0.0
    if not number or (number == 1 and not shared) or not shape:
        return None
    inverse = tuple((node, -power) for node, power in shared)
    bare = [
        v._replace(total=v.total._replace(terms=(scaled(p, 1 / number, inverse),)))
        for p, v in zip(parts, x[1:], strict=True)
    ]
    made = r.aligned("where", [x[0], *bare], None, shape)
    return None if made is None else algebra.times(Sum((Term(number, shared),), 1, 1), made.total)


def _reached(r: Reader, condition: Value, value: Value) -> bool:
    """Whether a condition is that some element of a mask is 1, and the value is 0 where none is."""
    builder, node = r.algebra.builder, r.node(condition)
    if builder.codes[node] != BY_NAME["ne"].code:
        return False
    left, right = builder.arguments(node)
    if builder.codes[left] != BY_NAME["sum"].code or builder.static.get(right) != 0:
        return False
    mask = builder.first[left]
    if builder.codes[mask] == BY_NAME["not"].code and _is_off_diagonal(r, builder.first[mask]):
        return True

    def selected(node: int) -> bool:
        if builder.codes[node] != BY_NAME["where"].code:
            return node == mask
        chosen, _, other = builder.arguments(node)
        return chosen == mask and builder.static.get(other) == 0

    return all(any(selected(f.node) for f in term.chain) for term in value.total.terms)


def _off_diagonal(r: Reader, condition: Value) -> bool:
    return _is_off_diagonal(r, r.node(condition))


def _is_off_diagonal(r: Reader, node: int) -> bool:
    """Whether a node is `eye(n) == 0`."""
    builder = r.algebra.builder
    if builder.codes[node] != BY_NAME["eq"].code:
        return False
    left, right = builder.arguments(node)
    return builder.codes[left] == BY_NAME["eye"].code and builder.static.get(right) == 0


def _all_diagonal(total: Sum) -> bool:
    return total.rows == total.cols and all(map(is_diagonal, total.terms))


def _same_place(r: Reader, condition: Value, value: Value) -> bool:
    """Whether a condition is that of scatter(ones) != 0 for a scatter to the same place."""
    builder, terms = r.algebra.builder, value.total.terms
    mask = r.node(condition)
    if builder.codes[mask] != BY_NAME["ne"].code or len(terms) != 1 or len(terms[0].chain) != 1:
        return False
    place, array = builder.arguments(mask)[0], terms[0].chain[0].node
    if any(builder.codes[node] != BY_NAME["scatter"].code for node in (place, array)):
        return False
    whole = builder.first[place]
    number = builder.static[whole] if builder.codes[whole] == CONST else 0
    if not r.algebra.is_ones(whole) and not number:
        return False
    return bool(builder.static[place] == builder.static[array])


def _is_zero_outside(r: Reader, condition: Value, value: Value) -> bool:
    """Whether a condition is e != 0 for a unit vector of which a value is a multiple."""
    builder, mask, terms = r.algebra.builder, r.node(condition), value.total.terms
    if builder.codes[mask] != BY_NAME["ne"].code or len(terms) != 1:
        return False
    array, zero = builder.arguments(mask)
    if not terms[0].chain or builder.static.get(zero) != 0:
        return False
    if OPERATIONS[builder.codes[array]].name == "outer":  # e_i ones' != 0
        array, ones = builder.arguments(array)
        if not r.algebra.is_ones(ones):
            return False
    return array == terms[0].chain[0].node and units.place_of(r.algebra, array) is not None


def _is_nan(r: Reader, value: Value) -> bool:
    terms, builder = value.total.terms, r.algebra.builder
    if len(terms) != 1 or len(terms[0].scalars) != 1:
        return False
    ((node, _),) = terms[0].scalars
    return bool(builder.codes[node] == CONST and builder.static[node] != builder.static[node])


GUARDED = frozenset(("norm", "std"))


def uses(r: Reader, value: Value, node: int) -> bool:
    """Whether a value was made of a node."""
    builder = r.algebra.builder
    stack, seen = [r.node(value)], {node}
    while stack:
        top = stack.pop()
        if top == node:
            return True
        more = [a for a in builder.arguments(top) if a >= node and (a == node or a not in seen)]
        seen.update(more)
        stack += more
    return False


def _guard(r: Reader, condition: Value, value: Value) -> bool | None:
    """True for 'norm == 0', False for 'norm != 0' of a norm in a value, None for others."""
    algebra, builder = r.algebra, r.algebra.builder
    node, equal = r.node(condition), True
    while True:
        op, arguments = OPERATIONS[builder.codes[node]].name, builder.arguments(node)
        if op in ("not", "reshape", "broadcast_to"):
            equal = equal != (op == "not")
            node = arguments[0]
        elif op in ("eq", "ne") and builder.static.get(arguments[1]) == 0:
            inner = OPERATIONS[builder.codes[arguments[0]]].name
            if inner in GUARDED:
                return equal == (op == "eq") if uses(r, value, arguments[0]) else None
            equal = equal == (op == "ne")
            node = arguments[0]
        else:
            flat = r.flat(algebra.meaning[node]) if node in algebra.meaning else None
            if flat is None or algebra.node(flat) == node:
                return None
            node = algebra.node(flat)
