"""Takes arrays apart: a graph of arrays as a graph of scalars, one node an element.

Shaping moves node numbers about and makes no nodes; sums, products and the small cases of linear
algebra are spelled out. Zeros that stand where nothing was put (`scatter`, a mask that is false)
are not added to anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.transform.elements import Elements
from backprop_cli.transform.scalar_rows import ROWS

Shape = tuple[int, ...]
Array = Any  # an array of node numbers


def scalarise(graph: Graph) -> tuple[Graph, Callable[[int], list[int]]]:
    """The graph on scalars, and a function from an old node to the new nodes of its elements.

    Raises UsageFault where an operation is too large to spell out.
    """
    import numpy as np

    elements = Elements(graph.source)
    arrays: list[Array] = []
    for i, code in enumerate(graph.codes):
        shape, static, name = graph.shape(i), graph.static.get(i), graph.names.get(i)
        if code == INPUT:
            arrays.append(_input(elements, graph.names[i], shape))
        elif code == CONST:
            arrays.append(np.array(elements.const(graph.static[i])))
        elif graph.op(i).elementwise:
            x = [arrays[a] for a in graph.arguments(i)]
            arrays.append(_elementwise(elements, graph.op(i).name, x, static, shape, name))
        else:
            x = [arrays[a] for a in graph.arguments(i)]
            arrays.append(np.asarray(ROWS[graph.op(i).name](elements, static, *x)))
    made = elements.builder.graph([], graph.parameters, graph.notes)
    return made, lambda node: [int(k) for k in arrays[node].flat]


def _input(elements: Elements, name: str, shape: Shape) -> Array:
    import numpy as np

    if shape == ():
        return np.array(elements.builder.input(name))
    result = np.empty(shape, dtype=np.int64)
    for place in np.ndindex(*shape):
        result[place] = elements.builder.input(f"{name}[{','.join(map(str, place))}]")
    return result


def _elementwise(
    elements: Elements, op: str, x: list[Array], static: Any, shape: Shape, name: str | None
) -> Array:
    import numpy as np

    if shape == ():
        return np.array(elements.apply(op, [int(a) for a in x], static, name))
    flat = [np.broadcast_to(a, shape).ravel() for a in x]
    nodes = [elements.apply(op, [int(a) for a in row], static) for row in zip(*flat, strict=True)]
    return np.array(nodes, dtype=np.int64).reshape(shape)
