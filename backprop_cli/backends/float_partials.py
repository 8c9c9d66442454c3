"""The local partials of scalar operations, one small function for each, printed from its row."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

from backprop_cli.backends.float_expressions import StaticOrder, TextContext
from backprop_cli.backends.python_floats import TOTAL, FloatContext
from backprop_cli.ir.ops import OPERATIONS, Expr, Operand, edge_condition, partial
from backprop_cli.ir.ops.contribution import is_zero

Slopes = tuple[float | None, ...]
FLOATS = FloatContext()
_NAMES: dict[str, Any] = {f"op_{name}": function for name, function in TOTAL.items()}


@cache
def slopes_of(
    code: int, active: tuple[bool, ...], wanted: tuple[bool, ...]
) -> Callable[..., Slopes]:
    """A function of the arguments' values, the result and the static parameter, printed from a row.

    It gives the partial by each wanted argument, None where the edge does not exist at the point,
    and never raises. `active` says which arguments depend on a variable. For few arguments: the
    text of a variadic row grows with the square of their number.
    """
    arity = len(active)
    row = OPERATIONS[code]
    context = TextContext(safe=True)
    x = [Expr(context, f"x{k}") for k in range(arity)]
    out = Expr(context, "out")
    parts = []
    for k in range(arity):
        if not wanted[k] or row.rule(k) is None:
            parts.append("None")
            continue
        slope = partial(row, k, x, out, StaticOrder("static") if row.static else None)
        condition = edge_condition(row, k, x, out, list(active))
        text = "None" if is_zero(slope) else context.text(slope)
        if condition is not None:
            text = f"{text} if {condition.value} else None"
        parts.append(text)
    names = ", ".join([*(f"x{k}" for k in range(arity)), "out", "static"])
    space = dict(_NAMES, inf=math.inf, nan=math.nan)
    exec(compile(f"def slopes({names}): return ({', '.join(parts)},)", "<partials>", "exec"), space)
    return space["slopes"]  # type: ignore[no-any-return]


def slopes_at(
    code: int,
    active: tuple[bool, ...],
    wanted: tuple[bool, ...],
    x: list[float],
    out: float,
    static: Any,
) -> Slopes:
    """The partials by the wanted arguments of an operation, of any number of arguments."""
    if len(x) <= 3:
        return slopes_of(code, active, wanted)(*x, out, static)
    row = OPERATIONS[code]
    operands, result = [Expr(FLOATS, value) for value in x], Expr(FLOATS, out)
    found: list[float | None] = []
    shared: Operand | None = None
    for k, want in enumerate(wanted):
        found.append(None)
        if not want or row.rule(k) is None:
            continue
        condition = edge_condition(row, k, operands, result, list(active))
        if condition is not None and condition.value == 0:
            continue
        slope = partial(row, k, operands, result, static) if shared is None else shared
        if row.variadic:  # one rule for all arguments
            shared = slope
        if not is_zero(slope):
            found[-1] = slope.value if isinstance(slope, Expr) else slope
    return tuple(found)
