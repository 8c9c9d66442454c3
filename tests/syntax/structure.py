"""What two graphs must share to be the same program, whatever the order of their nodes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from backprop_cli.ir.graph import Graph


def structure(graph: Graph, names: Collection[str] | None = None) -> list[Any]:
    """The nodes that the outputs need, renumbered in the order of a depth-first walk.

    With `names`, other names count as none.
    """
    number: dict[int, int] = {}
    rows: list[Any] = []
    for _, output in graph.outputs:
        stack = [(output, False)]
        while stack:
            node, ready = stack.pop()
            if node in number:
                continue
            arguments = graph.arguments(node)
            if ready:
                number[node] = len(number)
                inner = [number[a] for a in arguments]
                name = graph.names.get(node)
                if names is not None and name not in names:
                    name = None
                static = repr(graph.static.get(node))
                rows.append((graph.op(node).name, inner, static, name, graph.shape(node)))
            else:
                stack.append((node, True))
                stack.extend((a, False) for a in reversed(arguments))
    return [*rows, [number[node] for _, node in graph.outputs]]
