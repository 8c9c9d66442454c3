"""What one node hands back to its arguments: the chain rule on one row, in any context.

Used by the graph-to-graph transform (operands are nodes) and the NumPy sweep (operands are arrays).
An adjoint may carry a mask of where it exists; without selections there is none, and no extra work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from backprop_cli.ir.ops.notation import (
    Expr,
    Operand,
    broadcast_to,
    fit,
    reshape,
    total,
    where,
)
from backprop_cli.ir.ops.operation import Operation, edge_condition, partial

Shape = tuple[int, ...]


class Adjoint(NamedTuple):
    """An adjoint, and where it exists (None: everywhere); zero where it does not."""

    value: Expr
    mask: Expr | None = None


def lift(operand: Operand, like: Expr) -> Expr:
    """A bare number as an operand of the context of `like`."""
    if isinstance(operand, Expr):
        return operand
    return like.context.apply("const", (), operand)


def combine(adjoints: Sequence[Adjoint]) -> Adjoint:
    """The sum of contributions; it exists where one of them does."""
    value = adjoints[0].value
    mask = adjoints[0].mask
    for other in adjoints[1:]:
        value = value + other.value
        mask = None if mask is None or other.mask is None else mask | other.mask
    return Adjoint(value, mask)


def both(a: Expr | None, b: Expr | None) -> Expr | None:
    if a is None:
        return b
    return a if b is None else a & b


def masked(value: Operand, mask: Expr | None, like: Expr) -> Adjoint:
    """Zero outside the mask: what does not exist is never multiplied."""
    lifted = lift(value, like)
    return Adjoint(lifted if mask is None else where(mask, lifted, 0.0), mask)


def fit_mask(mask: Expr | None, shape: Shape) -> Expr | None:
    """A mask after broadcasting is undone: an element exists where one of its copies does."""
    if mask is None or mask.shape == shape or mask.shape == ():
        return mask
    return fit(mask, shape) != 0


def contributions(
    row: Operation,
    x: list[Expr],
    out: Expr,
    g: Adjoint,
    active: list[bool],
    static: Any,
    varies: list[bool],
) -> Iterator[tuple[int, Adjoint]]:
    """The adjoint that `out` hands to each active argument, in the argument's shape.

    An argument whose partial is the constant 0 gets nothing: that edge does not exist. `varies`
    says which arguments are not constants: more than `active` where not all variables are wanted.
    """
    for position, operand in enumerate(x):
        if not active[position] or row.rule(position) is None:
            continue
        if row.elementwise:
            contribution = elementwise(row, position, x, out, g, varies, static)
        else:
            contribution = pulled_back(row, position, x, out, g, static)
        if contribution is not None:
            shape = operand.shape
            yield (
                position,
                Adjoint(fit(contribution.value, shape), fit_mask(contribution.mask, shape)),
            )


def is_zero(operand: Operand) -> bool:
    """Whether a partial is the constant 0."""
    if not isinstance(operand, Expr):
        return operand == 0
    constant = getattr(operand.context, "constant", None)
    return constant is not None and constant(operand) == 0


def elementwise(
    row: Operation,
    position: int,
    x: list[Expr],
    out: Expr,
    g: Adjoint,
    varies: list[bool],
    static: Any,
) -> Adjoint | None:
    """adjoint * partial where the edge exists."""
    slope = partial(row, position, x, out, static)
    if is_zero(slope):
        return None
    condition = edge_condition(row, position, x, out, varies)
    if condition is not None:
        always = getattr(condition.context, "constant", lambda _: None)(condition)
        if always == 0:
            return None
        if always is not None:
            condition = None
    mask = both(g.mask, condition)
    if isinstance(slope, float) and abs(slope) == 1:
        value = g.value if slope == 1 else -g.value
    else:
        value = g.value * slope
    return masked(value, mask, g.value)


def pulled_back(
    row: Operation, position: int, x: list[Expr], out: Expr, g: Adjoint, static: Any
) -> Adjoint | None:
    """The row's pullback, with existence flowing back as the row says."""
    if row.masks == "reduce":
        return reduced(row, x[0], out, g, static)
    rule = row.rule(position)
    assert rule is not None

    def pull(cotangent: Expr) -> Expr:
        if row.variadic:
            return lift(rule(cotangent, position, x, out, static), cotangent)
        return lift(rule(cotangent, *x, out, static), cotangent)

    if row.masks == "route":
        mask = g.mask
        if mask is None and row.selects:
            mask = g.value.context.apply("const", (), 1.0)
        if mask is None:
            return Adjoint(pull(g.value))
        return Adjoint(pull(g.value), pull(broadcast_to(mask, out.shape)) != 0)
    if g.mask is None:
        return Adjoint(pull(g.value))
    reached = total(g.mask) != 0
    return masked(pull(g.value), reached, g.value)


def reduced(row: Operation, x: Expr, out: Expr, g: Adjoint, static: Any) -> Adjoint:
    """A reduction's pullback, of cotangent and output with their axes kept."""
    axes, _ = static
    gone = set(range(x.ndim)) if axes is None else {axis % x.ndim for axis in axes}
    kept = tuple(1 if axis in gone else size for axis, size in enumerate(x.shape))
    out_kept, g_kept = reshape(out, kept), reshape(g.value, kept)
    mask = (
        None
        if g.mask is None
        else broadcast_to(reshape(broadcast_to(g.mask, out.shape), kept), x.shape)
    )
    exists = row.existence(0)
    rule = row.rule(0)
    assert rule is not None
    value = lift(rule(g_kept, x, out_kept, static), g_kept)
    if row.domain is not None:
        value = where(row.domain(x, out_kept), value, float("nan"))
    if exists is not None:
        selected = exists(x, out_kept)
        if row.domain is not None:
            selected = selected | ~row.domain(x, out_kept)
        mask = both(mask, selected)
    return masked(fit(value, x.shape), mask, g.value)
