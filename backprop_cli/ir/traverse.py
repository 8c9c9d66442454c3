"""Walks over a graph, none of which recurses."""

from __future__ import annotations

from collections.abc import Iterable

from backprop_cli.ir.graph import Graph


def ancestors(graph: Graph, nodes: Iterable[int]) -> bytearray:
    """1 for every node that one of `nodes` depends on, themselves included."""
    needed = bytearray(len(graph))
    top = -1
    for i in nodes:
        needed[i] = 1
        top = max(top, i)
    for i in range(top, -1, -1):
        if needed[i]:
            for a in graph.arguments(i):
                needed[a] = 1
    return needed


def levels(graph: Graph) -> list[int]:
    """Each node's level: 0 without arguments, else one above its highest argument."""
    result: list[int] = []
    for i in range(len(graph)):
        result.append(max((result[a] + 1 for a in graph.arguments(i)), default=0))
    return result
