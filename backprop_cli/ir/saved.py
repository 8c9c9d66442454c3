"""A graph as JSON (`bprop.graph/1`), columns as in memory, and back.

`codes` index into `ops`, the names of the operations used, so that a saved graph outlives a change
of the operation table. A constant's inf and nan are the texts "inf", "-inf" and "nan".
"""

from __future__ import annotations

import math
import operator
from array import array
from itertools import pairwise
from typing import Any

from backprop_cli.errors import GraphFault, Span
from backprop_cli.ir.graph import INPUT, MORE, NONE, Graph, activity
from backprop_cli.ir.ops import BY_NAME, OPERATIONS
from backprop_cli.ir.verify import verify

SCHEMA = "bprop.graph/1"


def to_document(graph: Graph) -> dict[str, Any]:
    """The graph as a JSON document."""
    used = sorted(set(graph.codes))
    place = {code: k for k, code in enumerate(used)}
    offsets, args = [0], list[int]()
    for i in range(len(graph)):
        args.extend(graph.arguments(i))
        offsets.append(len(args))
    document = {
        "schema": SCHEMA,
        "source": graph.source,
        "ops": [OPERATIONS[code].name for code in used],
        "codes": [place[code] for code in graph.codes],
        "offsets": offsets,
        "args": args,
        "static": {str(i): _plain(value) for i, value in graph.static.items()},
        "names": {str(i): name for i, name in graph.names.items()},
        "shapes": {str(i): list(shape) for i, shape in graph.shapes.items()},
        "spans": {str(i): [list(span) for span in spans] for i, spans in graph.spans.items()},
        "outputs": [[name, node] for name, node in graph.outputs],
        "parameters": graph.parameters,
    }
    if graph.adjoint_of:
        document["adjoint_of"] = {str(i): node for i, node in graph.adjoint_of.items()}
    return document


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _static(value: Any, depth: int = 0) -> Any:
    if depth > 4:
        raise TypeError
    if isinstance(value, list):
        return tuple(_static(item, depth + 1) for item in value)
    if value is not None and not isinstance(value, (int, float, str)):
        raise TypeError
    return value


def from_document(document: Any) -> Graph:
    """The graph of a JSON document; raises GraphFault where it is not one."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise GraphFault(
            f"this JSON is not a graph: its 'schema' is not '{SCHEMA}'",
            help="save one with: bprop render EXPR -o graph.json",
        )
    try:
        graph = _read(document)
    except KeyError as missing:
        raise GraphFault(f"the graph has no {missing}") from None
    except (TypeError, ValueError, OverflowError, AttributeError, IndexError):
        raise GraphFault("the graph is malformed: a column has entries of the wrong kind") from None
    verify(graph)
    return graph


def _read(document: dict[str, Any]) -> Graph:
    table = []
    for name in document["ops"]:
        if name not in BY_NAME:
            raise GraphFault(f"the graph uses an operation '{name}' that is not known here")
        table.append(BY_NAME[name].code)
    codes = array("H", (table[k] for k in document["codes"] if k >= 0))
    if len(codes) != len(document["codes"]):
        raise GraphFault("an operation is negative")
    first, second, rest = _columns(document["offsets"], document["args"], len(codes))
    static = {int(i): _static(value) for i, value in document.get("static", {}).items()}
    inputs = [i for i, code in enumerate(codes) if code == INPUT]
    const = BY_NAME["const"].code
    for i, value in static.items():
        if 0 <= i < len(codes) and codes[i] == const:
            static[i] = float(value)
    return Graph(
        codes,
        first,
        second,
        rest,
        activity(first, second, rest, inputs),
        static,
        {int(i): name for i, name in document.get("names", {}).items()},
        {int(i): tuple(map(operator.index, s)) for i, s in document.get("shapes", {}).items()},
        {
            int(i): [Span(operator.index(a), operator.index(b)) for a, b in spans]
            for i, spans in document.get("spans", {}).items()
        },
        inputs,
        [(name, operator.index(node)) for name, node in document["outputs"]],
        str(document.get("source", "")),
        {str(k): float(v) for k, v in document.get("parameters", {}).items()},
        adjoint_of={
            int(i): operator.index(node) for i, node in document.get("adjoint_of", {}).items()
        },
    )


def _columns(
    offsets: list[int], args: list[int], count: int
) -> tuple[array[int], array[int], dict[int, tuple[int, ...]]]:
    """The argument columns of a graph; every argument is an earlier node."""
    first, second = array("i", [NONE]) * count, array("i", [NONE]) * count
    rest: dict[int, tuple[int, ...]] = {}
    if len(offsets) != count + 1 or offsets[0] != 0 or offsets[-1] != len(args):
        raise GraphFault("the offsets do not fit the arguments")
    flat = array("i", args)
    for i, (start, end) in enumerate(pairwise(offsets)):
        size = end - start
        if size < 0 or start < 0:
            raise GraphFault(f"node {i}: its offsets go backwards")
        if size > 0:
            first[i] = a = flat[start]
            in_order = 0 <= a < i
            if size == 2:
                second[i] = b = flat[start + 1]
                in_order = in_order and 0 <= b < i
            elif size > 2:
                second[i] = MORE
                rest[i] = own = tuple(flat[start:end])
                in_order = min(own) >= 0 and max(own) < i
            if not in_order:
                raise GraphFault(f"node {i}: an argument is not an earlier node")
    return first, second, rest
