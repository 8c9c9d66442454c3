"""Reductions over axes, and the softmax family along one axis.

A reduction's static parameter is (axes or None for all, keepdims); its pullback gets the cotangent
and the output with the reduced axes kept, so that both broadcast against the argument.
"""

from __future__ import annotations

from math import prod
from typing import Any

from backprop_cli.ir import shapes
from backprop_cli.ir.ops.notation import Expr, Operand, apply, exp, reshape, total, where
from backprop_cli.ir.ops.operation import Note, Operation, Rule, Shape

Static = tuple[tuple[int, ...] | None, bool]


def kept_shape(shape: Shape, static: Static) -> Shape:
    """The shape of the reduction with its axes kept."""
    return shapes.reduced([shape], (static[0], True))


def ratio(x: Expr, out: Expr) -> float:
    """How many elements of `x` go into one element of `out`."""
    return prod(x.shape) / max(prod(out.shape), 1)


def mean_of(x: Expr, static: Static) -> Expr:
    return apply("mean", x, static=(static[0], True))


def running_products(x: Expr, reverse: bool) -> Expr:
    """Products of all elements before (after, if reverse) each one, along the last axis.

    Doubling steps (Hillis and Steele 1986): no division, so zeros are exact to every order.
    """
    *lead, n = x.shape
    whole = tuple(("slice", 0, m, 1) for m in lead)

    def shifted(y: Expr, by: int) -> Expr:
        one = y.context.apply("const", (), 1.0)
        ones = apply("broadcast_to", one, static=(*lead, by))
        keep = y[(*whole, ("slice", by, n, 1))] if reverse else y[(*whole, ("slice", 0, n - by, 1))]
        parts = (keep, ones) if reverse else (ones, keep)
        return apply("concat", *parts, static=len(lead))

    result = shifted(x, 1)
    step = 1
    while step < n:
        result = result * shifted(result, step)
        step *= 2
    return result


def prod_pullback(g: Expr, x: Expr, out: Expr, static: Static) -> Operand:
    """The cotangent times the product of all the others, exact where elements are 0."""
    axes, _ = static
    rank = x.ndim
    gone = tuple(range(rank)) if axes is None else tuple(a % rank for a in axes)
    kept = tuple(a for a in range(rank) if a not in gone)
    order = (*kept, *gone)
    moved = apply("transpose", x, static=order)
    flat = reshape(moved, (*(x.shape[a] for a in kept), prod(x.shape[a] for a in gone)))
    if flat.shape[-1] == 0:
        return g
    others = running_products(flat, False) * running_products(flat, True)
    back = tuple(order.index(a) for a in range(rank))
    return g * apply("transpose", reshape(others, moved.shape), static=back)


def std_pullback(g: Expr, x: Expr, out: Expr, static: Static) -> Operand:
    deviation = (x - mean_of(x, static)) / (ratio(x, out) * out)
    return g * where(out == 0, 0.0, deviation)


def share(g: Expr, x: Expr, out: Expr, static: Static) -> Operand:
    """1/k to each of the k elements of a tie."""
    return g / total(x == out, static[0], keepdims=True)


def reduction(
    name: str, summary: str, derivative: str, pullback: Rule, **fields: object
) -> Operation:
    rule: Any = fields.pop("shape", shapes.reduced)
    return Operation(
        name,
        "pullback",
        "reduction",
        "x",
        summary=summary,
        derivative=derivative,
        shape=rule,
        pullbacks=(pullback,),
        masks="reduce",
        static="axis keepdims",
        **fields,  # type: ignore[arg-type]
    )


def extreme(name: str, word: str) -> Operation:
    return reduction(
        name,
        f"the {word} element",
        "out̄ to the elements that attain it, 1/k to each of k",
        share,
        shape=shapes.reduced_nonempty,
        exists=(lambda x, out: x == out,),
        selects=True,
        domain=lambda x, out: out == out,
        notes=(
            Note(
                "kink",
                lambda x, out: attained(x, out) > 1,
                f"a tie of {name}; each of the k elements that attain it gets 1/k",
            ),
        ),
    )


def attained(x: Expr, out: Expr) -> Expr:
    """How many elements attain the extremum, which has its axes kept."""
    axes = tuple(k for k, (m, n) in enumerate(zip(x.shape, out.shape, strict=True)) if m != n)
    return total(x == out, axes, keepdims=True)


def softmax_pullback(g: Expr, x: Expr, out: Expr, static: int) -> Operand:
    return out * (g - along(g * out, static))


def along(x: Expr, axis: int) -> Expr:
    """The sum along one axis, kept; a scalar is one element."""
    return total(x, (axis,), keepdims=True) if x.ndim else x


ROWS = [
    reduction("sum", "sum of the elements", "out̄", lambda g, x, out, s: g),
    reduction("prod", "product of the elements", "out̄*(product of the others)", prod_pullback),
    reduction("mean", "mean of the elements", "out̄/n", lambda g, x, out, s: g / ratio(x, out)),
    reduction(
        "var",
        "variance, divided by n",
        "out̄*2*(x - mean(x))/n",
        lambda g, x, out, s: g * (2 / ratio(x, out)) * (x - mean_of(x, s)),
    ),
    reduction(
        "std",
        "standard deviation, divided by n",
        "out̄*(x - mean(x))/(n*out)",
        std_pullback,
        notes=(
            Note(
                "kink",
                lambda x, out: out == 0,
                "std has a kink where all elements are equal; the derivative is taken as 0",
            ),
        ),
    ),
    extreme("max", "largest"),
    extreme("min", "smallest"),
    reduction(
        "norm",
        "Euclidean norm; of a matrix, Frobenius",
        "out̄*x/out",
        lambda g, x, out, s: g * where(out == 0, 0.0, x / out),
        notes=(
            Note(
                "kink",
                lambda x, out: out == 0,
                "norm has a kink at 0; the derivative is taken as 0",
            ),
        ),
    ),
    reduction(
        "logsumexp",
        "log(sum(exp(x))) without overflow",
        "out̄*exp(x - out)",
        lambda g, x, out, s: g * exp(x - out),
    ),
    Operation(
        "softmax",
        "pullback",
        "activation",
        "x",
        summary="exp(x)/sum(exp(x)) along an axis",
        derivative="out*(out̄ - sum(out̄*out))",
        shape=shapes.along_axis,
        static="axis",
        pullbacks=(softmax_pullback,),
    ),
    Operation(
        "log_softmax",
        "pullback",
        "activation",
        "x",
        summary="log(softmax(x)), stable",
        derivative="out̄ - exp(out)*sum(out̄)",
        shape=shapes.along_axis,
        static="axis",
        pullbacks=(lambda g, x, out, s: g - exp(out) * along(g, s),),
    ),
]
