"""`diff(f, x)` and `grad(f, [x, y])` inside a program: adjoints appended to its graph."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

from backprop_cli.engine.lowering.arguments import whole
from backprop_cli.engine.lowering.form import Made
from backprop_cli.errors import ShapeFault, UsageFault
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import activity
from backprop_cli.ir.ops import OPERATIONS
from backprop_cli.ir.ops.contribution import Adjoint
from backprop_cli.ir.shapes import show
from backprop_cli.ir.sizes import sizes_in

MOST_ROWS = 1_000  # of a Jacobian
MOST_NODES = 1_000_000  # that derivatives of a high order may add


def diff(b: Builder, values: list[Any], statics: dict[str, Any]) -> Made:
    """The derivative of a node by another, `n` times; of an array by an array, the Jacobian."""
    f, x = values
    order = whole(statics["n"], "the order of a derivative")
    if order < 0:
        raise ShapeFault(f"the order of a derivative cannot be {order}")
    for _ in range(order):
        f = derivative(b, f, x)
        if len(b) > MOST_NODES:
            raise UsageFault(
                f"the derivative of order {order} takes more than {MOST_NODES:,} operations",
                help="bprop taylor gives high orders at a point",
            )
    return made(b, f)


def grad(b: Builder, values: list[Any], statics: dict[str, Any]) -> Made:
    """The derivatives of a scalar by nodes of one shape, as the elements of an array."""
    f, *wrt = values
    if b.shape(f):
        raise ShapeFault(
            f"grad needs a scalar, and this is {show(b.shape(f))}",
            help="name an element, as in grad(f[0], [x, y]), or take its sum",
        )
    shapes = [b.shape(x) for x in wrt]
    if len(set(shapes)) > 1:
        raise ShapeFault(
            f"grad makes one array, and these have several shapes: {', '.join(map(show, shapes))}",
            help="take them one by one, as in diff(f, x)",
        )
    found = gradient(b, f, wrt)
    if len(wrt) == 1:
        return made(b, found[0])
    return "stack", tuple(found), 0


def derivative(b: Builder, f: int, x: int) -> int:
    """The node of the derivative of `f` by `x`, of shape f + x."""
    if not b.shape(f):
        return gradient(b, f, [x])[0]
    return jacobian(b, f, x) if b.shape(x) else tangent(b, f, x)


def jacobian(b: Builder, f: int, x: int) -> int:
    """The node of the Jacobian of an array by an array: a reverse sweep for each element of `f`."""
    shape = b.shape(f)
    named = sizes_in([shape])
    if named or prod(shape) > MOST_ROWS or not prod(shape):
        raise ShapeFault(
            f"the derivative of {show(shape)} by {show(b.shape(x))} is a Jacobian",
            help=f"it needs sizes in numbers: --at {next(iter(named))}=3"
            if named
            else "name an element, as in diff(f[0], x); the command 'bprop jacobian' gives all",
        )
    places = product(*map(range, shape))
    rows = [gradient(b, b.add("index", f, static=place), [x])[0] for place in places]
    flat = b.add("stack", *rows, static=0)
    whole = (*shape, *b.shape(x))
    return flat if b.shape(flat) == whole else b.add("reshape", flat, static=whole)


def gradient(b: Builder, f: int, wrt: list[int]) -> list[int]:
    """The adjoint nodes of `wrt` for a scalar `f`: one reverse sweep."""
    from backprop_cli.transform.reverse import append_adjoints

    active = activity(b.first, b.second, b.rest, wrt)
    adjoints = append_adjoints(b, f, wrt, Adjoint(b.context.lift(1.0)), active)
    return [adjoints[x].value.value if x in adjoints else zero(b, x) for x in wrt]


def tangent(b: Builder, f: int, x: int) -> int:
    """The node of the tangent of an array along a scalar: one forward sweep."""
    from backprop_cli.transform.forward import tangent_of

    active = activity(b.first, b.second, b.rest, [x])
    tangents = {x: Adjoint(b.context.lift(1.0))}
    for i in range(x + 1, f + 1):
        if active[i]:
            found = tangent_of(b, b, i, tangents, active)
            if found is not None:
                tangents[i] = found
    if f not in tangents:
        return zero(b, f)
    result = tangents[f].value
    if result.shape != b.shape(f):
        result = b.context.apply("broadcast_to", (result,), b.shape(f))
    node: int = result.value
    return node


def zero(b: Builder, like: int) -> int:
    node = b.const(0.0)
    return b.add("broadcast_to", node, static=b.shape(like)) if b.shape(like) else node


def made(b: Builder, node: int) -> Made:
    """A node that is there already, as the last operation of a call."""
    row = OPERATIONS[b.codes[node]]
    if row.kind == "source" or node in b.names:
        return "identity", (node,), None
    return row.name, b.arguments(node), b.static.get(node)
