"""Warnings where rounding has taken more than half of the digits of a value or a derivative.

They are given only where it is so: with mpmath the numbers are computed again to 60 digits, without
it the rounding errors of sums and products are found exactly (Dekker 1971; Langlois 2001, Automatic
linear correction of rounding errors).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from backprop_cli.engine.accuracy import HALF, NOTHING, UNIT, cause_of, digits_lost, measured
from backprop_cli.engine.stability import MOST_NODES, ROUNDS
from backprop_cli.engine.warning import Warning_
from backprop_cli.errors import Span
from backprop_cli.ir.graph import INPUT, Graph

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Sweep

Said = Callable[[Graph, int], str]

MOST_WORK = 20_000  # elements computed to 60 digits, for a warning
MOST = 5  # warnings
TYPICAL = 1 / 16  # of the largest error of a rounding, what one of unknown size at least may be
ADVICE = "; 'bprop doctor' looks for a form that keeps them"

EXACTLY: dict[str, Callable[..., Fraction]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "square": lambda x: x * x,
}
LARGEST_POWER = 64
WAVES, FAR = ("sin", "cos", "tan", "sinc"), 1e6


def sweep_losses(sweep: Sweep, said: Said, value_only: bool = False) -> list[Warning_]:
    """A warning for each number of a sweep that lost more than half of its digits."""
    graph = sweep.graph
    point = {graph.names[i]: sweep.values[i] for i in graph.inputs}
    found = measured(sweep, point, MOST_WORK)
    if found is None:
        return _without_mpmath(sweep, said)
    losses = [loss for loss in found.losses if not value_only or loss.what == "value"]
    return [
        _warning(graph, loss.what, loss.relative_error, loss.node, loss.cause, said)
        for loss in losses[:MOST]
    ]


def _warning(graph: Graph, what: str, error: float, node: int, cause: str, said: Said) -> Warning_:
    """`node` may be one of the adjoint graph, which has no place in the source."""
    name = "the value" if what == "value" else f"the derivative by '{what.partition('.')[2]}'"
    lost = f"{digits_lost(error):.0f} of 16 digits are lost"
    inside = node < len(graph)
    where = f"in {said(graph, node)}" if inside else "in a step of the derivative"
    reason = f"{'rounding' if cause == 'amplified rounding' else cause} {where}"
    spans = graph.spans.get(node) if inside else None
    return Warning_(
        "accuracy",
        graph.labels()[node] if inside else None,
        Span(*spans[0]) if spans else None,
        f"{lost} of {name}: {reason}{ADVICE}",
        what,
    )


def _without_mpmath(sweep: Sweep, said: Said) -> list[Warning_]:
    """The value's loss from the errors of each operation, of a scalar program."""
    from backprop_cli.engine.accuracy import most_cancelling

    graph, values = sweep.graph, sweep.values
    if sweep.backend != "python" or len(graph) > MOST_NODES:
        return []
    known, unknown = Fraction(0), [0.0]
    for i, adjoint in enumerate(sweep.adjoints):
        if adjoint is None or not ROUNDS[graph.codes[i]] or graph.codes[i] == INPUT:
            continue
        if graph.op(i).name in WAVES and abs(values[graph.first[i]]) > FAR:
            return []  # what an error in its argument does there is not seen by a derivative
        local = local_error(graph, values, i)
        if local is None:
            unknown.append(adjoint * values[i])
        else:
            known += Fraction(adjoint) * local
    error = float(abs(known)) + TYPICAL * UNIT * math.hypot(*unknown)
    size = abs(sweep.value)
    if not max(HALF * size, 0.0 if size else NOTHING) < error < math.inf:
        return []
    node, lost = most_cancelling(graph, sweep), min(error / (size or error), 1.0)
    return [_warning(graph, "value", lost, node, cause_of(graph, node), said)]


def local_error(graph: Graph, values: list[Any], node: int) -> Fraction | None:
    """What a scalar operation's result is too large by; None where that is not known.

    >>> from backprop_cli.ir.builder import Builder
    >>> b = Builder()
    >>> g = b.graph([(None, b.add("add", b.input("x"), b.const(1.0)))])
    >>> local_error(g, [1e16, 1.0, 1e16], 2)
    Fraction(-1, 1)
    """
    name, x = graph.op(node).name, [values[a] for a in graph.arguments(node)]
    if not all(map(math.isfinite, [*x, values[node]])):
        return None
    result = Fraction(values[node])
    if name == "pow":
        if x[1] != int(x[1]) or not 0 <= x[1] <= LARGEST_POWER:
            return None
        return result - Fraction(x[0]) ** int(x[1])
    exactly = EXACTLY.get(name)
    if exactly is None or (name == "div" and x[1] == 0):
        return None
    return result - exactly(*map(Fraction, x))
