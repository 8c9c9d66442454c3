"""Forward and reverse sweeps over scalar graphs as two generated loops.

Each operation's row is printed once as Python expressions into a loop with an if-chain on the
operation code, the commonest first: one text for all graphs with the same operations, whatever
their size. The text comes from our own rows, never from the user. A node whose fast function raises
is redone, with all that follow, by a second text of functions that never raise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from typing import Any

from backprop_cli.backends.float_text import Key, forward_text, keys_of, reverse_text
from backprop_cli.backends.python_floats import FAST, TOTAL, FloatContext
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import OPERATIONS, Expr, edge_condition, partial

# what of `Graph.active` the loops ask: which of up to two arguments depend on a variable
_ARGUMENT_BITS = bytes(k & 3 for k in range(256))

FLOATS = FloatContext()

Flag = tuple[int, int]  # a node and the index of the note that holds there


def wide_slopes(
    code: int, nodes: tuple[int, ...], values: list[float], active: bytearray, out: float
) -> tuple[list[tuple[int, float]], list[int]]:
    """The partials by the arguments that have an edge, and the notes that hold, of a wide node."""
    row = OPERATIONS[code]
    x, result = [Expr(FLOATS, values[k]) for k in nodes], Expr(FLOATS, out)
    slope = partial(row, 0, x, result).value  # one rule for all arguments
    inside = [True] * len(x)
    slopes = []
    for k, node in enumerate(nodes):
        if active[node]:
            condition = edge_condition(row, k, x, result, inside)
            if condition is None or condition.value:
                slopes.append((node, slope))
    holds = [k for k, note in enumerate(row.notes) if note.condition(*x, result).value]
    return slopes, holds


@lru_cache(maxsize=256)
def _compiled(keys: tuple[Key, ...], kind: str, safe: bool) -> Callable[..., Any]:
    """The loop for the operations `keys`, compiled."""
    text = forward_text(keys, safe) if kind == "forward" else reverse_text(keys, safe)
    functions = TOTAL if safe else TOTAL | FAST
    names: dict[str, Any] = {f"op_{name}": f for name, f in functions.items()}
    names |= {"inf": math.inf, "nan": math.nan, "islice": islice, "wide_slopes": wide_slopes}
    exec(compile(text, f"<{kind} sweep>", "exec"), names)
    return names[kind]  # type: ignore[no-any-return]


def forward(graph: Graph, bound: dict[int, float]) -> list[float]:
    """The value of every node, given those of the inputs."""
    keys = keys_of(graph)
    values: list[float] = []
    columns = (graph.codes, graph.first, graph.second, graph.rest, graph.static, bound, values)
    _compiled(keys, "forward", False)(*columns)
    if len(values) < len(graph):
        _compiled(keys, "forward", True)(*columns)
    return values


def reverse(
    graph: Graph, values: list[float], active: bytearray, output: int, seed: float
) -> tuple[list[float | None], list[Flag]]:
    """The adjoint of every node that is reached, else None; and the notes that hold on the way."""
    keys = keys_of(graph)
    adjoints: list[float | None] = [None] * (output + 1)
    flags: list[Flag] = []
    if seed != 0 and active[output]:
        adjoints[output] = seed
    patterns = active.translate(_ARGUMENT_BITS)
    graph_columns = (graph.codes, graph.first, graph.second, graph.rest, graph.static)
    columns = (*graph_columns, active, patterns, values)
    at = _compiled(keys, "reverse", False)(*columns, adjoints, flags)
    above: list[float | None] = []
    if at >= 0:
        flags[:] = [flag for flag in flags if flag[0] != at]
        above = adjoints[at + 1 :]
        del adjoints[at + 1 :]
        _compiled(keys, "reverse", True)(*columns, adjoints, flags)
    adjoints += above
    adjoints += [None] * (len(graph) - len(adjoints))
    if active is not graph.active:
        # a node of `wrt` with one argument hands on to what does not depend on `wrt`
        for i, depends in enumerate(active):
            if not depends:
                adjoints[i] = None
        flags = [flag for flag in flags if active[flag[0]]]
    return adjoints, flags
