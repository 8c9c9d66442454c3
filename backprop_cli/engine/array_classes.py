"""The classes of path products per element of arrays; see `classes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backprop_cli.engine import classes

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Sweep

_TIMES = np.array(classes.TIMES, dtype=np.uint8)


def index_of(values: Any) -> Any:
    """The index of each number's class: 0, +, -, inf, -inf, nan."""
    values = np.asarray(values, dtype=np.float64)
    kind = np.where(values > 0, 1, np.where(values < 0, 2, 0))
    kind = np.where(np.isinf(values), kind + 2, kind)
    return np.where(np.isnan(values), 5, kind)


def unbroadcast(sets: Any, shape: tuple[int, ...]) -> Any:
    """The union over the copies that broadcasting made, in the shape `shape`."""
    lead = sets.ndim - len(shape)
    if lead > 0:
        sets = np.bitwise_or.reduce(sets, axis=tuple(range(lead)))
    axes = tuple(k for k, n in enumerate(shape) if n == 1 and sets.shape[k] != 1)
    if axes:
        sets = np.bitwise_or.reduce(sets, axis=axes, keepdims=True)
    return np.broadcast_to(sets, shape)


def resolve_arrays(sweep: Sweep) -> None:
    """Replaces adjoints by the sums over paths where a path product is not finite.

    Exact through elementwise rows and rows that route elements; through rows that mix elements the
    class is that of the contribution.
    """
    graph, adjoints = sweep.graph, sweep.adjoints
    shape = graph.shape(sweep.output)
    seeds = np.broadcast_to(np.asarray(sweep.seed, dtype=np.float64), shape)
    sets: dict[int, Any] = {sweep.output: (1 << index_of(seeds)).astype(np.uint8)}
    for i in range(sweep.output, -1, -1):
        here = sets.get(i)
        if here is None or adjoints[i] is None:
            continue
        for position, argument in enumerate(graph.arguments(i)):
            part = _through(sweep, i, position, here)
            if part is not None:
                known = sets.get(argument)
                sets[argument] = part if known is None else known | part
    for i, found in sets.items():
        value = adjoints[i]
        if value is None:
            continue
        bad = (found & classes.NAN != 0) | (
            (found & classes.INFINITE != 0) & (found & classes.MINUS_INFINITE != 0)
        )
        result = np.where(
            found & classes.INFINITE,
            np.inf,
            np.where(found & classes.MINUS_INFINITE, -np.inf, value),
        )
        adjoints[i] = np.where(bad, np.nan, result)[()]
    sweep.path_classes = sets


def _through(sweep: Sweep, node: int, position: int, here: Any) -> Any:
    """The sets that one edge hands to its argument, in the argument's shape."""
    graph = sweep.graph
    row = graph.op(node)
    argument = graph.arguments(node)[position]
    shape = graph.shape(argument)
    if row.elementwise:
        edge = sweep.edge(node, position)
        if edge is None:
            return None
        slope = np.broadcast_to(index_of(edge.value.value), here.shape)
        sets = _TIMES[slope, here]
        mask = sweep.masks[node]
        if edge.mask is not None:
            sets = np.where(edge.mask.value != 0, sets, 0)
        if mask is not None:
            sets = np.where(mask != 0, sets, 0)
        return unbroadcast(sets.astype(np.uint8), shape)
    found = sweep.contribution_of(node, position, sweep.adjoint_of(node))
    if found is None:
        return None
    if row.masks == "route" or row.name == "sum":
        return _routed(sweep, node, position, here)
    value = np.broadcast_to(found.value.value, shape)
    sets = (1 << index_of(value)).astype(np.uint8)
    if found.mask is not None:
        sets = np.where(np.broadcast_to(found.mask.value, shape) != 0, sets, 0).astype(np.uint8)
    return sets


def _routed(sweep: Sweep, node: int, position: int, here: Any) -> Any:
    """Sets through a row of coefficients 0 and 1: each class is routed as a mask."""
    from backprop_cli.ir.ops import Expr
    from backprop_cli.ir.ops.contribution import Adjoint

    _, out, _ = sweep.operands(node)
    result: Any = None
    for k in range(6):
        member = ((here >> k) & 1).astype(np.float64)
        if not member.any():
            continue
        g = Adjoint(Expr(out.context, member[()]), Expr(out.context, member[()]))
        found = sweep.contribution_of(node, position, g)
        if found is None:
            continue
        shape = sweep.graph.shape(sweep.graph.arguments(node)[position])
        part = (np.broadcast_to(found.value.value, shape) != 0).astype(np.uint8) << k
        result = part if result is None else result | part
    return result
