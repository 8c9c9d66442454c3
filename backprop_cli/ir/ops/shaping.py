"""Making, shaping, indexing and joining arrays: coefficients are 0 and 1, existence flows along."""

from __future__ import annotations

from backprop_cli.ir import shapes
from backprop_cli.ir.ops.notation import Expr, apply, broadcast_to, reshape, sum_to
from backprop_cli.ir.ops.operation import Operation, Rule, Shape


def inverse_order(static: tuple[int, ...] | None) -> tuple[int, ...] | None:
    return None if static is None else tuple(static.index(axis) for axis in range(len(static)))


def concat_slice(g: Expr, widths: list[int], position: int, axis: int) -> Expr:
    """The part of `g` that came from the operand at `position`."""
    start = sum(widths[:position])
    entries = [("slice", 0, n, 1) for n in g.shape]
    entries[axis] = ("slice", start, start + widths[position], 1)
    return g[tuple(entries)]


def concat_pullback(g: Expr, position: int, x: list[Expr], out: Expr, static: int) -> Expr:
    axis = static % g.ndim
    return concat_slice(g, [operand.shape[axis] for operand in x], position, axis)


def stack_pullback(g: Expr, position: int, x: list[Expr], out: Expr, static: int) -> Expr:
    axis = static % g.ndim
    return g[(*(("slice", 0, n, 1) for n in g.shape[:axis]), position)]


def shaping(
    name: str,
    summary: str,
    derivative: str,
    shape: object,
    pullback: Rule,
    static: str,
    **fields: object,
) -> Operation:
    return Operation(
        name,
        "pullback",
        "shaping",
        "x",
        summary=summary,
        derivative=derivative,
        shape=shape,  # type: ignore[arg-type]
        pullbacks=(pullback,),
        masks="route",
        static=static,
        **fields,  # type: ignore[arg-type]
    )


def scatter_back(g: Expr, x: Expr, out: Expr, static: tuple[shapes.Index, Shape]) -> Expr:
    return g[static[0]]


ROWS = [
    shaping(
        "transpose",
        "axes in reverse, or in a given order",
        "transpose(out̄)",
        shapes.transpose,
        lambda g, x, out, s: apply("transpose", g, static=inverse_order(s)),
        "axes",
    ),
    shaping(
        "reshape",
        "the same elements in another shape",
        "reshape(out̄)",
        shapes.reshape,
        lambda g, x, out, s: reshape(g, x.shape),
        "shape",
    ),
    shaping(
        "concat",
        "arrays joined along an axis",
        "out̄'s part of each",
        shapes.concat,
        concat_pullback,
        "axis",
        arity=(1, None),
        variadic=True,
    ),
    shaping(
        "stack",
        "arrays of one shape as the elements of a new axis",
        "out̄'s element of each",
        shapes.stack,
        stack_pullback,
        "axis",
        arity=(1, None),
        variadic=True,
    ),
    shaping(
        "broadcast_to",
        "repeated to a larger shape",
        "sum_to(out̄)",
        shapes.broadcast_to,
        lambda g, x, out, s: sum_to(g, x.shape),
        "shape",
    ),
    shaping(
        "sum_to",
        "summed to a smaller shape, the transpose of broadcasting",
        "broadcast_to(out̄)",
        shapes.sum_to,
        lambda g, x, out, s: broadcast_to(g, x.shape),
        "shape",
    ),
    shaping(
        "index",
        "an element or a part of an array",
        "scatter(out̄)",
        shapes.index,
        lambda g, x, out, s: apply("scatter", g, static=(s, x.shape)),
        "index",
        selects=True,
    ),
    shaping(
        "scatter",
        "zeros with x at an index, the transpose of indexing",
        "out̄[index]",
        shapes.scatter,
        scatter_back,
        "index shape",
    ),
    Operation(
        "eye", "source", "shaping", "", summary="identity matrix", shape=shapes.eye, static="n m"
    ),
    Operation(
        "arange",
        "source",
        "shaping",
        "",
        summary="evenly spaced numbers",
        shape=shapes.arange,
        static="start stop step",
    ),
]
