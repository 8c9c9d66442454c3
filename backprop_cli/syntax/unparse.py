"""Graphs back to text of the language: one operation, or a program that parses to the same."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.ir.shapes import Shape

ATOM = 100
SIGN = 7  # the level of a leading '-'
COMPARISON = 4
TREE_LIMIT = 2_000  # operations from which shared subexpressions get names
LEFT_ASSOCIATIVE = frozenset(("add", "sub", "mul", "div", "mod", "matmul", "and", "or"))
SPACED = frozenset(("add", "sub", "matmul", "and", "or", "mod"))
REDUCTIONS = frozenset(("sum", "prod", "mean", "var", "std", "max", "min", "norm", "logsumexp"))
ELEMENTWISE_NAMES = {"maximum": "max", "minimum": "min"}
FILLED = {"0.0": "zeros", "1.0": "ones"}
CONSTANTS = {math.pi: "pi", math.tau: "tau", math.inf: "inf"}

# An operand of a text: its node, the least level that needs no brackets, and whether a sign does.
Operand = tuple[int, int, bool]
Part = str | Operand


def number(value: float) -> str:
    """A constant as text that reads back equal; inf and nan are names.

    >>> number(3.0), number(-0.1), number(float("-inf"))
    ('3', '-0.1', '-inf')
    """
    if value != value:
        return "nan"
    name = CONSTANTS.get(value)
    if name is not None:
        return name
    if value == -math.inf:
        return "-inf"
    if value == int(value) and abs(value) < 1e16:
        return f"{value:.0f}"
    return repr(value)


def constant(graph: Graph, node: int) -> str:
    """A constant of a graph as text; Euler's number is `e` where nothing else has that name."""
    value = graph.static[node]
    return "e" if value == math.e and "e" not in graph.by_name else number(value)


def sizes(shape: Iterable[Any]) -> str:
    return f"[{', '.join(str(size) for size in shape)}]"


def slice_text(entry: Any, size: int | None) -> str:
    """One entry of an index: a number, or a slice as it would be typed for an axis of that size."""
    if isinstance(entry, int):
        return str(entry)
    _, start, stop, step = entry
    if step > 0:
        first = "" if start == 0 else str(start)
        last = "" if stop == size else str(stop)
        if size is not None and type(size) is not int and last:  # a named size: n, not its number
            named = type(stop) is not int or stop < size // 2
            last = str(stop) if named else str(stop - int(size))
    else:
        first = "" if size is not None and start == size - 1 else str(start)
        last = "" if stop < 0 else str(stop)
    return f"{first}:{last}" + ("" if step == 1 else f":{step}")


def entries(index: Iterable[Any], shape: Shape) -> list[str]:
    return [
        slice_text(entry, shape[axis] if axis < len(shape) else None)
        for axis, entry in enumerate(index)
    ]


def parts(graph: Graph, node: int) -> tuple[int, list[Part]]:
    """The level of a node's operation, and its text with the operands as places."""
    row = graph.op(node)
    name = row.name
    static: Any = graph.static.get(node)
    operands = list(graph.arguments(node))
    if name == "const":
        text = constant(graph, node)
        return (SIGN if text.startswith("-") else ATOM), [text]
    if name == "input":
        return ATOM, [graph.names[node]]
    if row.notation is not None:
        return _infix(graph, name, row.notation, row.precedence, operands)
    if name == "transpose" and static is None:
        return ATOM, [(operands[0], ATOM, True), "'"]
    if name == "index" and static:
        inside = ", ".join(entries(static, graph.shape(operands[0])))
        return ATOM, [(operands[0], ATOM, True), f"[{inside}]"]
    if name == "stack" and static == 0:
        return ATOM, ["[", *_listed(operands), "]"]
    if name == "broadcast_to" and static and operands[0] not in graph.names:
        filled = FILLED.get(repr(graph.static.get(operands[0])))
        if filled is not None and graph.codes[operands[0]] == CONST:
            return ATOM, [f"{filled}({sizes(static)[1:-1]})"]
    before, after = _static_arguments(graph, node, name, static, operands)
    listed = _listed(operands)
    return ATOM, [f"{ELEMENTWISE_NAMES.get(name, name)}({before}", *listed, f"{after})"]


def _listed(operands: Sequence[int]) -> list[Part]:
    result: list[Part] = []
    for operand in operands:
        result += [", ", (operand, 0, False)]
    return result[1:]


def _infix(
    graph: Graph, name: str, sign: str, level: int, operands: list[int]
) -> tuple[int, list[Part]]:
    if name == "neg":
        # brackets keep -(3), the negation of 3, from being the number -3
        digits = graph.codes[operands[0]] == CONST and operands[0] not in graph.names
        digits = digits and graph.static[operands[0]] not in (math.pi, math.tau, math.e)
        return level, ["-", (operands[0], ATOM + 1 if digits else level, True)]
    if name == "not":
        return level, ["not ", (operands[0], level, False)]
    left, right = operands
    if name == "pow":
        return level, [(left, ATOM, True), "^", (right, _exponent_level(graph, right), False)]
    spaced = f" {sign} " if name in SPACED or level == COMPARISON else sign
    least = level if name in LEFT_ASSOCIATIVE else level + 1
    if _looks_otherwise(graph, name, left):
        least = level + 1
    return level, [(left, least, False), spaced, (right, level + 1, level > COMPARISON)]


def _exponent_level(graph: Graph, node: int) -> int:
    """The level that needs no brackets in an exponent: 2^-x, but 2^(x^2) and 2^(-x^2)."""
    if graph.op(node).name == "neg":
        (node,) = graph.arguments(node)
    return ATOM if graph.op(node).name == "pow" else SIGN


def _looks_otherwise(graph: Graph, name: str, left: int) -> bool:
    """Products from left to right that a reader groups otherwise: (x @ y)*z, (A*B) @ x."""
    inner = graph.op(left).name
    if name == "matmul":
        return inner == "div" or (inner == "mul" and bool(graph.shape(graph.arguments(left)[0])))
    return name == "mul" and inner == "matmul"


def _static_arguments(
    graph: Graph, node: int, name: str, static: Any, operands: list[int]
) -> tuple[str, str]:
    """The static parameters as text: before the operands, and after them."""
    rank = len(graph.shape(operands[0])) if operands else 0
    if name in REDUCTIONS:
        axes, keepdims = static
        axis = ""
        if axes is not None:
            axis = f", axis={axes[0] if len(axes) == 1 else sizes(axes)}"
        return "", axis + (", keepdims=True" if keepdims else "")
    if name in ("softmax", "log_softmax"):
        last = static in (-1, rank - 1)
        return "", "" if last else f", axis={static}"
    if name in ("concat", "stack"):
        return "", f", axis={static}" if static else ""
    if name == "polygamma":
        return f"{static}, ", ""
    if name in ("reshape", "broadcast_to", "sum_to", "transpose"):
        return "", f", {sizes(static)}"
    if name == "scatter":
        index, shape = static
        return "", "".join(f", {text}" for text in (sizes(shape), *entries(index, shape)))
    if name == "eye":
        n, m = static
        return "", f"{n}" if n == m else f"{n}, {m}"
    if name == "arange":
        start, stop, step = static
        if step != 1:
            return "", ", ".join(map(number, static))
        return "", number(stop) if start == 0 else f"{number(start)}, {number(stop)}"
    return "", ""


def expression(graph: Graph, node: int, labels: Sequence[str]) -> str:
    """The operation of one node over the labels of its arguments.

    >>> from backprop_cli.ir.builder import Builder
    >>> b = Builder(); v = b.add("mul", b.input("x"), b.const(-2.0)); g = b.graph([(None, v)])
    >>> expression(g, v, ["x", "-2"])
    'x*(-2)'
    """
    if graph.op(node).name == "identity":
        return labels[graph.arguments(node)[0]]
    _, text = parts(graph, node)
    result = []
    for part in text:
        if isinstance(part, str):
            result.append(part)
            continue
        operand, least, bare = part
        label = labels[operand]
        signed = label.startswith("-")
        level = SIGN if signed else ATOM
        result.append(f"({label})" if level < min(least, ATOM) or (bare and signed) else label)
    return "".join(result)


class Writer:
    """Writes the expressions of one graph, without recursion; some nodes stand as names."""

    def __init__(self, graph: Graph, names: dict[int, str]) -> None:
        self.graph = graph
        self.names = names

    def write(self, node: int) -> str:
        """The expression of a node, down to the named ones."""
        graph, names = self.graph, self.names
        text: list[str] = []
        level, first = parts(graph, node)
        if graph.op(node).name == "identity" and node in names:
            named = graph.arguments(node)[0]
            if named in names or graph.codes[named] == CONST:
                first = [(named, 0, False)]
        stack: list[Part] = first[::-1]
        while stack:
            part = stack.pop()
            if isinstance(part, str):
                text.append(part)
                continue
            operand, least, bare = part
            name = names.get(operand)
            if name is not None:
                text.append(name)
                continue
            level, inner = parts(graph, operand)
            stack_brackets = level < least or (bare and level == SIGN)
            if stack_brackets:
                text.append("(")
                stack.append(")")
            stack.extend(inner[::-1])
        return "".join(text)


def unparse(graph: Graph, outputs: Sequence[tuple[str | None, int]] | None = None) -> str:
    """A program for the outputs (by default the graph's) that parses to the same operations.

    Unnamed nodes that occur often are written out at each place, until the text would pass 2,000
    operations; then they get the names of `Graph.labels`.
    """
    results = list(graph.outputs if outputs is None else outputs)
    needed, uses = _needed(graph, [node for _, node in results])
    names = {i: name for i, name in graph.names.items() if needed[i]}
    if _tree_size(graph, needed, names, results) > TREE_LIMIT:
        labels = graph.labels()
        for i in range(len(graph)):
            if needed[i] and uses[i] > 1 and i not in names and graph.codes[i] != CONST:
                names[i] = labels[i]
    writer = Writer(graph, names)
    lines = [
        f"{names[i]} = {writer.write(i)}"
        for i in range(len(graph))
        if i in names and graph.codes[i] != INPUT
    ]
    last = [names.get(node) or writer.write(node) for _, node in results]
    if len(last) > 1:
        lines.append(f"({', '.join(last)})")
    elif not lines or not lines[-1].startswith(f"{last[0]} = "):
        lines += last
    return "\n".join(lines)


def _needed(graph: Graph, outputs: list[int]) -> tuple[bytearray, list[int]]:
    """Which nodes the outputs depend on, and how often each is used among them."""
    needed = bytearray(len(graph))
    uses = [0] * len(graph)
    for node in outputs:
        needed[node] = 1
        uses[node] += 1
    for i in range(max(outputs, default=-1), -1, -1):
        if needed[i]:
            for argument in graph.arguments(i):
                needed[argument] = 1
                uses[argument] += 1
    return needed, uses


def _tree_size(
    graph: Graph, needed: bytearray, names: dict[int, str], outputs: list[tuple[str | None, int]]
) -> int:
    """How many operations the text would have with every unnamed node written out."""
    sizes_of = [0] * len(graph)
    total = 0
    for i in range(len(graph)):
        if needed[i]:
            size = 1 + sum(
                sizes_of[argument] for argument in graph.arguments(i) if argument not in names
            )
            sizes_of[i] = min(size, TREE_LIMIT + 1)
            if i in names:
                total += size
    return total + sum(sizes_of[node] for _, node in outputs if node not in names)
