"""The graph's checker: every invariant that the rest of the program relies on."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

from backprop_cli.errors import ArityFault, GraphFault, ShapeFault
from backprop_cli.ir.builder import arity_fault
from backprop_cli.ir.graph import INPUT, NONE, Graph
from backprop_cli.ir.ops import OPERATIONS


def _whole(value: Any) -> bool:
    return type(value) is int


def _wholes(value: Any) -> bool:
    return type(value) is tuple and all(map(_whole, value))


def _sizes(value: Any) -> bool:
    return _wholes(value) and min(value, default=0) >= 0


def _reduction(value: Any) -> bool:
    axes, keepdims = value
    return type(keepdims) is bool and (axes is None or _wholes(axes))


def _index(value: Any) -> bool:
    """Whole numbers and ('slice', start, stop, step)."""
    return type(value) is tuple and all(
        _whole(e) or (type(e) is tuple and len(e) == 4 and e[0] == "slice" and _wholes(e[1:]))
        for e in value
    )


def _range(value: Any) -> bool:
    return len(value) == 3 and all(type(v) in (int, float) and isfinite(v) for v in value)


# What a static parameter may be, by the names that its row gives it.
_STATICS: dict[str, Callable[[Any], bool]] = {
    "axis keepdims": _reduction,
    "axis": _whole,
    "axes": lambda value: value is None or _wholes(value),
    "shape": _sizes,
    "index": _index,
    "index shape": lambda value: len(value) == 2 and _index(value[0]) and _sizes(value[1]),
    "n": lambda value: _whole(value) and value >= 0,
    "n m": lambda value: _sizes(value) and len(value) == 2,
    "start stop step": _range,
}


def verify(graph: Graph) -> None:
    """Raises GraphFault where an invariant is broken: order, arity, shapes, names, outputs.

    The shape rules run again for every node, so a graph from a file is as sound as a built one.
    """
    n = len(graph)
    codes = graph.codes
    if not n == len(graph.first) == len(graph.second) == len(graph.active):
        raise GraphFault("the columns differ in length")
    shapes, static = graph.shapes, graph.static
    scalar = graph.is_scalar
    columns = zip(range(n), codes, graph.first, graph.second, strict=True)
    for i, code, a, b in columns:
        if b >= 0:
            fits = bool(_TAKES[2][code]) and 0 <= a < i and b < i
        elif b == NONE:
            fits = bool(_TAKES[0][code] if a == NONE else _TAKES[1][code] and 0 <= a < i)
        else:
            fits = False
        if not fits:
            _check_arguments(graph, i)
        if _WITH_STATIC[code]:
            _check_static(graph, i)
        if not scalar and code != INPUT:
            _check_shape(graph, i)
    for i in static:
        if 0 <= i < n and not _WITH_STATIC[codes[i]]:
            _check_static(graph, i)
    _check_tables(graph)
    if not scalar and min((min(s) for s in shapes.values() if s), default=0) < 0:
        raise GraphFault("a shape has a negative size")


_WITH_STATIC = bytes(bool(row.static) or row.name == "const" for row in OPERATIONS)
# by a number of arguments up to two: which operations take so many
_TAKES = [
    bytes(row.arity[0] <= count <= (row.arity[1] or count) for row in OPERATIONS)
    for count in range(3)
]


def _check_arguments(graph: Graph, i: int) -> None:
    arguments, row = graph.arguments(i), graph.op(i)
    count = len(arguments)
    if count < row.arity[0] or (row.arity[1] is not None and count > row.arity[1]):
        raise GraphFault(f"node {i}: {arity_fault(row, count)}")
    for a in arguments:
        if not 0 <= a < i:
            raise GraphFault(f"node {i}: argument {a} is not an earlier node")


def _check_static(graph: Graph, i: int) -> None:
    row, value = graph.op(i), graph.static.get(i)
    if row.name == "const":
        if not isinstance(value, float):
            raise GraphFault(f"node {i}: a constant needs a number")
        return
    if not row.static:
        raise GraphFault(f"node {i}: '{row.name}' has no static parameter")
    try:
        fits = _STATICS[row.static](value)
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise GraphFault(f"node {i}: '{row.name}' needs its static parameter ({row.static})")


def _check_shape(graph: Graph, i: int) -> None:
    row = graph.op(i)
    try:
        shape = row.shape([graph.shape(a) for a in graph.arguments(i)], graph.static.get(i))
    except (ShapeFault, ArityFault) as fault:
        raise GraphFault(f"node {i}: {fault}", help=fault.help) from None
    except ValueError:  # a slice with step 0
        raise GraphFault(f"node {i}: '{row.name}' has a malformed static parameter") from None
    if shape != graph.shape(i):
        raise GraphFault(f"node {i}: its shape is {shape}, not {graph.shape(i)}")


def _check_tables(graph: Graph) -> None:
    n = len(graph)
    for name in graph.names.values():
        if not isinstance(name, str) or not name.isidentifier():
            raise GraphFault(f"{name!r} is not a name")
    if len(set(graph.names.values())) != len(graph.names):
        raise GraphFault("two nodes have one name")
    for table in (graph.names, graph.shapes, graph.static, graph.spans, graph.adjoint_of):
        for i in table:
            if not 0 <= i < n:
                raise GraphFault(f"a side table names node {i}, of {n}")
    for i, node in graph.adjoint_of.items():
        if not 0 <= node < n or graph.shape(i) != graph.shape(node):
            raise GraphFault(f"node {i} cannot be the adjoint of node {node}")
    if not graph.outputs:
        raise GraphFault("the graph has no output")
    for label, node in graph.outputs:
        if not 0 <= node < n:
            raise GraphFault(f"output {node} is not a node")
        if not (label is None or isinstance(label, str)):
            raise GraphFault(f"output {node}: {label!r} is not a name")
    length = len(graph.source)
    for i, spans in graph.spans.items():
        if not all(0 <= start <= end <= length for start, end in spans):
            raise GraphFault(f"node {i}: its place is not in the source")
    for i, code in enumerate(graph.codes):
        if code == INPUT and i not in graph.names:
            raise GraphFault(f"node {i}: a variable needs a name")
