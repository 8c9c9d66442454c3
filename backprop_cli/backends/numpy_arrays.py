"""The `numpy` backend: the sweeps over graphs of arrays of any rank."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from backprop_cli.backends.array_functions import Array, truth
from backprop_cli.backends.tensor_functions import compute, entries
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.ir.ops import BY_NAME, OPERATIONS, Expr, Operand
from backprop_cli.ir.ops.contribution import Adjoint, combine, contributions
from backprop_cli.ir.shapes import Index


class ArrayContext:
    """Rules applied in this context compute at once, with arrays."""

    __slots__ = ()

    def shape(self, value: Array) -> tuple[int, ...]:
        return np.shape(value)

    def apply(self, op: str, operands: tuple[Operand, ...], static: Any = None) -> Expr:
        if op == "const":
            return Expr(self, np.float64(static))
        values = [o.value if isinstance(o, Expr) else np.float64(o) for o in operands]
        return Expr(self, compute(op, static, values))


CONTEXT = ArrayContext()
INDEX = BY_NAME["index"].code


def forward(graph: Graph, bound: Mapping[int, Array]) -> list[Array]:
    """The value of every node, given those of the inputs."""
    values: list[Array] = []
    with np.errstate(all="ignore"):
        for i, code in enumerate(graph.codes):
            if code == CONST:
                values.append(np.float64(graph.static[i]))
            elif code == INPUT:
                values.append(np.asarray(bound[i], dtype=np.float64)[()])
            else:
                x = [values[a] for a in graph.arguments(i)]
                values.append(compute(OPERATIONS[code].name, graph.static.get(i), x))
    return values


def node_contributions(
    graph: Graph, values: list[Array], i: int, g: Adjoint, active: bytearray, varies: bytearray
) -> list[tuple[int, Adjoint]]:
    """What node `i` hands back, by argument position; see `contributions`."""
    arguments = graph.arguments(i)
    x = [Expr(CONTEXT, values[a]) for a in arguments]
    flags = [bool(active[a]) for a in arguments]
    moving = [bool(varies[a]) for a in arguments]
    out = Expr(CONTEXT, values[i])
    with np.errstate(all="ignore"):
        return list(contributions(graph.op(i), x, out, g, flags, graph.static.get(i), moving))


def seed_adjoint(seed: Array, shape: tuple[int, ...]) -> Adjoint:
    """A seed; what it multiplies by exactly 0 does not exist."""
    value = np.broadcast_to(np.asarray(seed, dtype=np.float64), shape)
    mask = Expr(CONTEXT, truth(value != 0)) if np.any(value == 0) else None
    return Adjoint(Expr(CONTEXT, value), mask)


class Collected:
    """The adjoints of the elements of one array, put in place as they come.

    What `scatter` would spread over a whole array for each element, in one array for all.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.value, self.mask = np.zeros(shape), np.zeros(shape)

    def add(self, index: Index, g: Adjoint) -> None:
        where = entries(index)
        with np.errstate(all="ignore"):
            self.value[where] += g.value.value
        self.mask[where] = 1.0 if g.mask is None else np.maximum(self.mask[where], g.mask.value)

    def adjoint(self) -> Adjoint:
        return Adjoint(Expr(CONTEXT, self.value), Expr(CONTEXT, self.mask))


def reverse(
    graph: Graph,
    values: list[Array],
    active: bytearray,
    varies: bytearray,
    output: int,
    seed: Array,
) -> tuple[list[Adjoint | None], list[tuple[int, int]]]:
    """The adjoint of every node that is reached, else None; and the notes that hold on the way.

    `active` marks what depends on the nodes asked for, `varies` what depends on any variable.
    """
    n = len(graph)
    pending: list[list[Adjoint] | None] = [None] * n
    collected: dict[int, Collected] = {}
    adjoints: list[Adjoint | None] = [None] * n
    flags: list[tuple[int, int]] = []
    if active[output]:
        pending[output] = [seed_adjoint(seed, graph.shape(output))]
    for i in range(output, -1, -1):
        parts = pending[i]
        if parts is None:
            continue
        if i in collected:
            parts.append(collected.pop(i).adjoint())
        with np.errstate(all="ignore"):
            g = combine(parts)
        pending[i] = None
        if g.mask is not None and not np.any(g.mask.value):
            continue
        adjoints[i] = g
        flags += notes_at(graph, values, i, g, active)
        if graph.codes[i] == INDEX:
            target = graph.first[i]
            if active[target]:
                pending[target] = pending[target] or []
                place = collected.setdefault(target, Collected(graph.shape(target)))
                place.add(graph.static[i], g)
            continue
        for position, contribution in node_contributions(graph, values, i, g, active, varies):
            target = graph.arguments(i)[position]
            waiting = pending[target]
            if waiting is None:
                pending[target] = [contribution]
            else:
                waiting.append(contribution)
    return adjoints, flags


def notes_at(
    graph: Graph, values: list[Array], i: int, g: Adjoint, active: bytearray
) -> list[tuple[int, int]]:
    """The notes of the row that hold at an element that the adjoint reaches."""
    row = graph.op(i)
    if not row.notes:
        return []
    arguments = graph.arguments(i)
    x, out = [values[a] for a in arguments], values[i]
    adjoint, mask = g.value.value, 1.0 if g.mask is None else g.mask.value
    if row.masks == "reduce":
        kept = row.shape([np.shape(x[0])], (graph.static[i][0], True))
        mask = np.reshape(np.broadcast_to(mask, np.shape(out)), kept)
        out, adjoint = np.reshape(out, kept), np.reshape(adjoint, kept)
    operands = [*(Expr(CONTEXT, value) for value in x), Expr(CONTEXT, out)]
    found = []
    with np.errstate(all="ignore"):
        for k, note in enumerate(row.notes):
            if note.needs is not None and not active[arguments[note.needs]]:
                continue
            holds = note.condition(*operands).value * mask
            if np.any(holds * (adjoint != 0) if note.kind == "kink" else holds):
                found.append((i, k))
    return found


def is_finite(value: Array) -> bool:
    return bool(np.all(np.isfinite(value)))


def inf_free(value: float) -> bool:
    return math.isfinite(value)
