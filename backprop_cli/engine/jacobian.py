"""Jacobians: the derivatives of every element of the outputs, one reverse pass an element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.engine.sweep import Value
from backprop_cli.engine.warning import Warning_
from backprop_cli.ir.graph import Graph


class Jacobian(NamedTuple):
    """For each output (by node) the derivatives by each node of `wrt`: output shape + wrt shape."""

    graph: Graph
    outputs: list[tuple[str, int]]
    wrt: list[int]
    values: list[Value]
    blocks: dict[int, dict[int, Value]]
    warnings: list[Warning_]


def jacobian(
    graph: Graph,
    point: Mapping[str, Value],
    outputs: Sequence[tuple[str, int]],
    wrt: Sequence[int] | None = None,
    backend: str = "auto",
) -> Jacobian:
    """The Jacobian of each output with respect to each node of `wrt` (by default all variables)."""
    done = evaluate(graph, point, backend)
    wanted = list(graph.inputs if wrt is None else wrt)
    blocks: dict[int, dict[int, Value]] = {}
    warnings: list[Warning_] = []
    for _, node in outputs:
        shape = graph.shape(node)
        if not shape:
            sweep = differentiate(graph, point, node, wanted, backend=backend, evaluation=done)
            blocks[node] = dict(sweep.gradient)
            warnings += sweep.warnings
            continue
        import numpy as np

        rows: dict[int, list[Any]] = {i: [] for i in wanted}
        for place in np.ndindex(*shape):
            seed = np.zeros(shape)
            seed[place] = 1.0
            sweep = differentiate(graph, point, node, wanted, seed, backend, done)
            for i, part in sweep.gradient.items():
                rows[i].append(part)
            warnings += sweep.warnings
        blocks[node] = {i: np.reshape(rows[i], shape + graph.shape(i)) for i in wanted}
    return Jacobian(
        graph,
        list(outputs),
        wanted,
        [done.values[node] for _, node in outputs],
        blocks,
        _distinct(warnings),
    )


def _distinct(warnings: list[Warning_]) -> list[Warning_]:
    """Each warning once, without the paths of single gradients, which are not those of blocks."""
    told: dict[tuple[Any, ...], Warning_] = {}
    for entry in warnings:
        if entry.kind != "no-path":
            told.setdefault(entry[:4], entry._replace(path=None))
    return list(told.values())
