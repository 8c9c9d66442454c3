"""All paths one by one, and graphs at random: the oracle for path counts, sums and rankings."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import Any

from backprop_cli.engine.sweep import Sweep
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph

Edges = list[tuple[int, int, float]]  # node, position, partial
VALUES = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    -3.0,
    0.1,
    1.1,
    1e200,
    1e-200,
    math.inf,
    -math.inf,
    math.nan,
]
TAME = [0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 0.1, 1.1, 0.7]
UNARY = [
    "sin",
    "exp",
    "sqrt",
    "log",
    "relu",
    "abs",
    "neg",
    "identity",
    "square",
    "stop_grad",
    "tanh",
]
BINARY = ["add", "sub", "mul", "mul", "mul", "div", "maximum", "minimum", "pow"]


def every_path(sweep: Sweep, source: int, target: int) -> list[Edges]:
    """The paths from `source` to `target` over existing edges, each from its source on."""
    graph = sweep.graph
    below = graph.activity([source])
    found: list[Edges] = []
    stack: list[tuple[int, Edges]] = [(target, [])]
    while stack:
        node, tail = stack.pop()
        if node == source:
            found.append(tail)
            continue
        for position, argument in enumerate(graph.arguments(node)):
            if below[argument]:
                slope = sweep.partial(node, position)
                if slope is not None:
                    stack.append((argument, [(node, position, float(slope)), *tail]))
    return found


def rank(edges: Edges) -> tuple[int, Fraction]:
    """A key that sorts by |product|, largest first, exactly: nan, inf, finite, zero."""
    partials = [slope for _, _, slope in edges]
    zero = 0.0 in partials
    infinite = any(map(math.isinf, partials))
    if any(map(math.isnan, partials)) or (zero and infinite):
        return 0, Fraction(0)
    if infinite:
        return 1, Fraction(0)
    product = Fraction(1)
    for slope in partials:
        product *= Fraction(slope)
    return 2, -abs(product)


def random_graph(
    rng: random.Random, size: int, values: list[float]
) -> tuple[Graph, dict[str, Any]]:
    """A graph of up to three variables, and a point."""
    b = Builder()
    nodes = [b.input(name) for name in ("x", "y", "z")]
    for _ in range(size):
        recent = nodes[-5:]
        kind = rng.random()
        if kind < 0.1:
            nodes.append(b.const(rng.choice(values)))
        elif kind < 0.35:
            nodes.append(b.add(rng.choice(UNARY), rng.choice(recent)))
        elif kind < 0.9:
            nodes.append(b.add(rng.choice(BINARY), rng.choice(recent), rng.choice(recent)))
        elif kind < 0.95:
            three = [rng.choice(nodes) for _ in range(3)]
            nodes.append(b.add("where", *three))
        else:
            nodes.append(b.add("maximum", *(rng.choice(recent) for _ in range(3))))
    point = {name: rng.choice(values) for name in ("x", "y", "z")}
    return b.graph([("f", nodes[-1])]), point
