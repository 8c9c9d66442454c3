"""Runs exported functions: in this process, or as their self-test does."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backprop_cli.engine import self_test
from backprop_cli.engine.evaluate import differentiate
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import OPERATIONS, Operation
from backprop_cli.render.source_code import targets

ROWS = [row for row in OPERATIONS if row.elementwise]
SCALAR = ("python", "c", "javascript")
ARRAY = ("numpy", "jax")
GRID = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, math.inf, -math.inf, math.nan, 1e300, -1e300, 1e-300, -1e-300,
    5e-324, 2.0, -2.0, 3.0, 0.1, 1e17, 709.9, -745.2, 30.5, -30.5, 2.5, -7.3,
]  # fmt: skip
TRIPLES = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 1e300]


def grid(row: Operation) -> list[tuple[float, ...]]:
    count = row.arity[0]
    return [
        *row.probes,
        *itertools.product(GRID if count < 3 else TRIPLES, repeat=count),
    ]


def alone(row: Operation) -> Graph:
    """A program of one operation."""
    builder = Builder()
    x = [builder.input(f"x{k}") for k in range(row.arity[0])]
    static = 1 if row.name == "polygamma" else None
    return builder.graph([(None, builder.add(row.name, *x, static=static))])


def ours(graph: Graph, points: Sequence[Sequence[float]]) -> list[list[float]]:
    """Value and gradient at each point, by our own sweep."""
    names = [graph.names[i] for i in graph.inputs]
    found = []
    for point in points:
        sweep = differentiate(graph, dict(zip(names, point, strict=True)))
        found.append([float(v) for v in (sweep.value, *sweep.gradient.values())])
    return found


def theirs(graph: Graph, target: str, points: Sequence[Sequence[float]]) -> list[list[float]]:
    """Value and gradient at each point, by the exported program."""
    _, layout = targets.written(graph, graph.outputs[0][1], None, target)
    if target in ("python", "numpy"):
        call = function(layout.code)
        return [flat(call(*point)) for point in points]
    if target == "jax":
        return all_at_once(layout.code, points)
    lines = "".join(" ".join(map(repr, point)) + "\n" for point in points)
    return self_test.runner(target)(layout.driver, lines)


def function(code: str, name: str = "f") -> Callable[..., Any]:
    """The function that a Python file defines."""
    scope: dict[str, Any] = {"__name__": "exported"}
    exec(compile(code, "exported.py", "exec"), scope)
    return scope[name]  # type: ignore[no-any-return]


def flat(result: Any) -> list[float]:
    value, gradient = result
    parts = [value, *gradient.values()]
    return [float(x) for part in parts for x in np.ravel(np.asarray(part, dtype=float))]


def all_at_once(code: str, points: Sequence[Sequence[float]]) -> list[list[float]]:
    """An elementwise JAX program on arrays, an element a point."""
    from oracles import jax_numpy

    jax_numpy()
    columns = [np.array(column) for column in zip(*points, strict=True)]
    value, gradient = function(code)(*columns)
    parts = [np.broadcast_to(p, (len(points),)) for p in (value, *gradient.values())]
    return [[float(x) for x in row] for row in zip(*parts, strict=True)]


def ordinal(x: float) -> int:
    bits: int = struct.unpack("<q", struct.pack("<d", x))[0]
    return bits if bits >= 0 else -(bits & 0x7FFFFFFFFFFFFFFF)


def near(a: float, b: float, ulps: int, tiny: float = 1e-290) -> bool:
    """Within some ulp, the same inf and nan; below `tiny`, underflow may differ."""
    if a != a or b != b:
        return a != a and b != b
    return abs(ordinal(a) - ordinal(b)) <= ulps or (abs(a) < tiny and abs(b) < tiny)
