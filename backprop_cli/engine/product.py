"""Products of derivatives with vectors: what they are, and of which form of the program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from backprop_cli.engine.sweep import Value
from backprop_cli.engine.warning import Warning_
from backprop_cli.ir.graph import Graph
from backprop_cli.transform.rolled import Rolled, rolled

Direction = dict[int, Value]  # a tangent for each variable that moves


class Product(NamedTuple):
    """A product with a vector: `parts` by node, outputs for `jvp`, else what it is derived by."""

    graph: Graph
    values: dict[int, Value]  # of the outputs, by node
    parts: dict[int, Value]
    warnings: list[Warning_]


def on_arrays(graph: Graph, keep: Sequence[int], backend: str) -> Rolled | None:
    """The program on arrays, where it reads many single elements; see `as_written`."""
    return None if backend == "python" else rolled(graph, keep)


def as_written(
    found: Product,
    graph: Graph,
    place: Mapping[int, int],
    outputs: Sequence[int],
    parts: Sequence[int],
) -> Product:
    """A product of the rolled program by the nodes of the program as written.

    It has no warnings: what is to be said is said of the program as written.
    """
    values = {i: found.values[place[i]] for i in outputs}
    return Product(graph, values, {i: found.parts[place[i]] for i in parts}, [])


def is_moved(tangent: Value) -> bool:
    return bool(tangent != 0) if isinstance(tangent, float) else bool(tangent.any())


def zeros(graph: Graph, node: int) -> Value:
    if graph.shape(node) == ():
        return 0.0
    import numpy as np

    return np.zeros(graph.shape(node))
