"""Both passes, node by node and edge by edge, as a teacher would write them on the board."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.engine.warning import Warning_
from backprop_cli.errors import Span
from backprop_cli.ir.graph import CONST, Graph
from backprop_cli.ir.traverse import ancestors, levels
from backprop_cli.syntax.unparse import constant, expression, number

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Sweep, Value


class TraceNode(NamedTuple):
    """A node at a point; `adjoint` is None where nothing reaches it."""

    index: int  # type: ignore[assignment]
    id: str
    name: str | None
    op: str
    expression: str  # one operation deep, over names, ids and numbers
    shape: tuple[int, ...]
    value: Value
    adjoint: Value | None
    level: int
    span: Span | None


class TraceEdge(NamedTuple):
    """An argument position. `partial` is None where there is no edge, or its row has none."""

    source: str  # the argument's id
    target: str
    source_index: int
    target_index: int
    position: int
    rule: str  # the local partial, in names; of a pullback row, the contribution
    partial: Value | None
    contribution: Value | None  # adjoint of the target times the partial; None: no edge


class Trace(NamedTuple):
    """The nodes below an output in execution order, and the edges between them."""

    graph: Graph
    nodes: list[TraceNode]
    edges: list[TraceEdge]
    output: str
    wrt: list[str]
    value: Value
    warnings: list[Warning_]


def trace(sweep: Sweep) -> Trace:
    """The two passes of a sweep, of the nodes that the output depends on."""
    graph = sweep.graph
    ids = graph.labels()
    shown = display_labels(graph)
    height = levels(graph)
    needed = ancestors(graph, [sweep.output, *sweep.wrt])
    nodes, edges = [], []
    for i in range(len(graph)):
        if not needed[i]:
            continue
        spans = graph.spans.get(i)
        nodes.append(
            TraceNode(
                i,
                ids[i],
                graph.names.get(i),
                graph.op(i).name,
                expression(graph, i, shown),
                graph.shape(i),
                sweep.values[i],
                sweep.adjoints[i],
                height[i],
                Span(*spans[0]) if spans else None,
            )
        )
        for position, argument in enumerate(graph.arguments(i)):
            edges.append(
                TraceEdge(
                    ids[argument],
                    ids[i],
                    argument,
                    i,
                    position,
                    rule_text(graph, i, position, shown),
                    sweep.partial(i, position) if sweep.adjoints[i] is not None else None,
                    sweep.contribution(i, position),
                )
            )
    return Trace(
        graph,
        nodes,
        edges,
        ids[sweep.output],
        [ids[node] for node in sweep.wrt],
        sweep.value,
        sweep.warnings,
    )


def display_labels(graph: Graph) -> list[str]:
    """The labels, with unnamed constants as their numbers."""
    labels = list(graph.labels())
    for i in graph.static:
        if graph.codes[i] == CONST and i not in graph.names:
            labels[i] = constant(graph, i)
    return labels


@cache
def pieces(derivative: str) -> tuple[str, ...]:
    """A row's derivative text by argument: split at commas outside brackets."""
    parts, depth, start = [], 0, 0
    for k, letter in enumerate(derivative):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append(derivative[start:k].strip())
            start = k + 1
    return (*parts, derivative[start:].strip())


def rule_text(graph: Graph, node: int, position: int, labels: list[str]) -> str:
    """The local partial of one edge, in the labels of the arguments; '' where there is none."""
    row = graph.op(node)
    if row.rule(position) is None:
        return ""
    arguments = graph.arguments(node)
    if row.name == "pow" and position == 0 and graph.codes[arguments[1]] == CONST:
        return power_rule(labels[arguments[0]], graph.static[arguments[1]])
    if row.name in ("stack", "concat"):
        return part_text(graph, node, position, barred(labels[node]))
    parts = pieces(row.derivative)
    text = parts[0] if row.variadic or len(parts) == 1 else parts[position]
    words = {"out": labels[node], "out\u0304": barred(labels[node])}
    if not row.variadic:
        words |= {name: labels[a] for name, a in zip(row.signature, arguments, strict=False)}
        # one operand in the text for a constant: in brackets, if it is negative
        words = {k: f"({v})" if v.startswith("-") else v for k, v in words.items()}
    return re.sub("[A-Za-z_]+\u0304?(?!\\w*\\()", lambda m: words.get(m[0], m[0]), text)


def barred(label: str) -> str:
    """The adjoint of a node as it is written on a board: a bar over its letter.

    >>> barred("c") == "c\\u0304", barred("v1") == "v\\u03041", barred("f[1]") == "f\\u0304[1]"
    (True, True, True)
    """
    name, bracket, index = label.partition("[")
    head = name.rstrip("0123456789_")
    mark = "\u0304" if len(head) == 1 else "\u0305"
    return "".join(c + mark for c in head) + name[len(head) :] + bracket + index


def part_text(graph: Graph, node: int, position: int, bar: str) -> str:
    """The part of an adjoint that one operand of `stack` or `concat` gets."""
    axis = graph.static[node] % len(graph.shape(node))
    if graph.op(node).name == "stack":
        part = str(position)
    else:
        widths = [graph.shape(a)[axis] for a in graph.arguments(node)[: position + 1]]
        part = f"{sum(widths[:-1])}:{sum(widths)}"
    return f"{bar}[{', '.join([':'] * axis + [part])}]"


def power_rule(base: str, exponent: float) -> str:
    """n*x^(n-1), with the numbers put together."""
    if exponent == 0:
        return "0"
    if exponent == 1:
        return "1"
    n, m = number(exponent), exponent - 1
    if m == 1:
        return f"{n}*{base}"
    return f"{n}*{base}^{number(m)}" if m > 0 else f"{n}*{base}^({number(m)})"
