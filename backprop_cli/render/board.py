"""The two passes as a teacher writes them on the board: forward in order, then backward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from backprop_cli.engine.trace import barred
from backprop_cli.render.numbers import number, value
from backprop_cli.render.sheet import Column, Sheet

if TYPE_CHECKING:
    from backprop_cli.engine.trace import Trace, TraceEdge, TraceNode

_LEFT = Column("node", style="name")
_SYMBOLS = Column("as symbols")
_NUMBERS = Column("as numbers", style="quiet")
_FORWARD = [_LEFT, _SYMBOLS, _NUMBERS, Column("value", style="derivative")]
_BACKWARD = [_LEFT, _SYMBOLS, _NUMBERS, Column("adjoint", style="derivative")]

MOST_TERMS = 8  # contributions to an adjoint that are written; the JSON has all


def board(found: Trace, digits: int) -> list[Sheet]:
    """The forward and the backward pass, a line for each node."""
    forward = Sheet(_FORWARD, _forward(found, digits), "Forward", header=False)
    rows = _backward(found, digits)
    foot = [] if rows else ["  nothing: the output depends on no variable"]
    backward = Sheet(_BACKWARD, rows, "Backward", foot, header=False)
    return [forward, backward]


def columns(found: Trace) -> list[Sheet]:
    """The nodes and the edges with one row each, for machines."""
    nodes = [
        [n.id, n.name, n.op, n.expression, str(n.level), n.value, n.adjoint] for n in found.nodes
    ]
    edges = [
        [e.source, e.target, str(e.position), e.rule, e.partial, e.contribution]
        for e in found.edges
    ]
    titles = ["id", "name", "op", "expression", "level"]
    ends = [Column("value", True), Column("adjoint", True)]
    links = ["from", "to", "position", "rule"]
    shares = [Column("partial", True), Column("contribution", True)]
    return [
        Sheet([*map(Column, titles), *ends], nodes, index_at=5),
        Sheet([*map(Column, links), *shares], edges, index_at=4),
    ]


def _forward(found: Trace, digits: int) -> list[list[str]]:
    from backprop_cli.syntax.unparse import expression

    graph = found.graph
    operands, numbers = _Numbers(found, digits, True), _Numbers(found, digits, False)
    rows = []
    for node in found.nodes:
        result = f"= {value(node.value, digits)}"
        if node.op == "const" and node.name is None:
            continue  # a constant stands as its number in the lines that use it
        if node.op in ("input", "const"):
            rows.append([node.id, "", "", result])
            continue
        symbols = f"= {node.expression}"
        plain = all(graph.shape(a) == () for a in graph.arguments(node.index))
        infix = graph.op(node.index).notation is not None
        middle = ""
        if plain:
            middle = f"= {expression(graph, node.index, operands if infix else numbers)}"
        rows.append([node.id, symbols, "" if middle in (symbols, result) else middle, result])
    return rows


class _Numbers(Sequence[str]):
    """The value of each node as text, made on request; of operands, negative ones in brackets."""

    def __init__(self, found: Trace, digits: int, operands: bool) -> None:
        self.values = {node.index: node.value for node in found.nodes}
        self.digits = digits
        self.operands = operands

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, node: Any) -> Any:
        text = value(self.values[node], self.digits)
        return operand(text) if self.operands else text


def _backward(found: Trace, digits: int) -> list[list[str]]:
    arriving: dict[int, list[TraceEdge]] = {}
    for edge in found.edges:
        if edge.contribution is not None:
            arriving.setdefault(edge.source_index, []).append(edge)
    adjoints = {node.index: node.adjoint for node in found.nodes}
    rows = []
    for node in reversed(found.nodes):
        line = _adjoint_line(node, found, arriving.get(node.index, []), adjoints, digits)
        if line is not None:
            rows.append(line)
    return rows


def _adjoint_line(
    node: TraceNode,
    found: Trace,
    edges: list[TraceEdge],
    adjoints: dict[int, Any],
    digits: int,
) -> list[str] | None:
    name = barred(node.id)
    if node.id == found.output and node.adjoint is not None:
        return [name, "", "", f"= {value(node.adjoint, digits)}"]
    if node.adjoint is None:
        return [name, "= 0", "", "no path leads here"] if node.id in found.wrt else None
    if not edges:
        return None
    listed = edges if len(edges) <= MOST_TERMS + 1 else edges[:MOST_TERMS]
    rest = [f"… ({len(edges) - len(listed):,} more)"] if len(listed) < len(edges) else []
    symbols = " + ".join([*map(_term, listed), *rest])
    parts = [_product(edge, adjoints[edge.target_index], digits) for edge in listed] + rest
    numbers = " + ".join(part for part in parts if part is not None) if None not in parts else ""
    result = value(node.adjoint, digits)
    return [name, f"= {symbols}", f"= {numbers}" if numbers else "", f"= {result}"]


def _term(edge: TraceEdge) -> str:
    """`c̄·d`: an adjoint times a partial; of an operation with a pullback, that."""
    if edge.partial is None:
        return edge.rule
    return f"{barred(edge.target)}·{factor(edge.rule)}"


def _product(edge: TraceEdge, adjoint: Any, digits: int) -> str | None:
    """The term with numbers, where both are scalars."""
    if edge.partial is None or not (_scalar(edge.partial) and _scalar(adjoint)):
        return None
    left, right = (operand(number(float(x), digits)) for x in (adjoint, edge.partial))
    return f"{left}·{right}"


def _scalar(item: Any) -> bool:
    return isinstance(item, float) or item.shape == ()


def operand(text: str) -> str:
    """A number that may stand beside an operator."""
    return f"({text})" if text.startswith("-") else text


def factor(rule: str) -> str:
    """A rule that may stand in a product: a sum or a quotient in brackets."""
    depth = 0
    for k, letter in enumerate(rule):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0 and (
            rule.startswith(" where ", k)
            or (letter in "+-" and (k == 0 or rule[k - 1] != "e"))
            or letter in "/?<>="
        ):
            return f"({rule})"
    return rule
