"""Which nodes are written inside their reader's loop, and which are arrays of their own."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from math import prod

from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.transform.scalar_algebra import LARGEST

UNROLLED = 500  # operations, up to which a program is spelled out element by element
PER_MATRIX = frozenset(("solve", "inv", "det", "logdet", "cofactor"))
VIEWS = frozenset(("transpose", "broadcast_to", "index"))
# operations that read each element of an operand once
ONCE = frozenset(
    ("sum", "prod", "mean", "max", "min", "trace", "concat", "stack", "scatter", *PER_MATRIX)
)


def own_arrays(graph: Graph, uses: array[int], outputs: Iterable[int]) -> set[int]:
    """Nodes that are arrays of their own: results, those with a name, and what is reshaped."""
    reshaped = (graph.first[i] for i in range(len(graph)) if graph.op(i).name == "reshape")
    return {i for i in (*outputs, *graph.names, *reshaped) if graph.shape(i) and uses[i]}


def inside(graph: Graph, uses: array[int], own: set[int]) -> bytearray:
    """1 for what may be computed where it is read: once, an element at a time."""
    found = bytearray(len(graph))
    readers: dict[int, int] = {}
    for i in range(len(graph) - 1, -1, -1):
        if not uses[i]:
            continue
        if uses[i] == 1 and i not in own:
            found[i] = _reads_once(graph, readers[i], i, found, own)
        for a in graph.arguments(i):
            readers[a] = i
    return found


def _reads_once(graph: Graph, reader: int, i: int, found: bytearray, own: set[int]) -> bool:
    row = graph.op(reader)
    if not graph.shape(i):
        return row.elementwise and not graph.shape(reader)  # else it would be in a loop
    if row.elementwise:
        return prod(graph.shape(reader)) == prod(graph.shape(i))
    if row.name in VIEWS or row.name == "diag":
        return row.name != "broadcast_to" and (found[reader] > 0 or reader in own)
    return row.name in ONCE


def is_large(graph: Graph) -> bool:
    """Whether loops are shorter, or all there is: a matrix beyond what is spelled out."""
    spelled = all(
        graph.shape(graph.first[i])[-1] <= LARGEST
        for i in range(len(graph))
        if graph.op(i).name in PER_MATRIX
    )
    return not spelled or unrolled_size(graph) > UNROLLED


def unrolled_size(graph: Graph) -> int:
    """About how many operations on numbers the program takes, element by element."""
    count = 0
    for i, code in enumerate(graph.codes):
        if code in (INPUT, CONST):
            count += prod(graph.shape(i))
            continue
        name, first = graph.op(i).name, graph.first[i]
        if name in PER_MATRIX:
            count += prod(graph.shape(first)) * max(graph.shape(first)[-1:], default=1) ** 2
        elif name == "matmul":
            count += 2 * prod(graph.shape(i)) * graph.shape(first)[-1]
        else:
            count += max(prod(graph.shape(a)) for a in (i, *graph.arguments(i)))
    return count
