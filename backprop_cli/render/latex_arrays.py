r"""Vectors, matrices and other tensors in LaTeX: products, transposes, indices, literals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backprop_cli.ir.graph import CONST
from backprop_cli.render.latex_functions import (
    ATOM,
    CALL,
    CASES,
    MOD,
    POWER,
    PRODUCT,
    SUM,
    Part,
    Parts,
    Writer,
    listed,
)
from backprop_cli.syntax import unparse


def matrix_product(writer: Writer, node: int, args: Sequence[int]) -> Parts:
    graph = writer.graph
    left, right = args
    text: list[Part] = [(left, writer.factor(left, "mul"), False)]
    if len(graph.shape(left)) == 1 and not is_row(writer, left):
        text = [(left, ATOM, True), r"^{\top}"]
    if transposed(writer, right) and len(graph.shape(right)) == 1:
        right = graph.arguments(right)[0]
    chained = is_product(writer, right) and not is_row(writer, right)
    return PRODUCT, [*text, r" \, ", (right, PRODUCT + (not chained), True)]


def is_product(writer: Writer, node: int) -> bool:
    """Whether a vector or a matrix is written as a product: A (B x) is A B x."""
    graph = writer.graph
    return graph.op(node).name == "matmul" and bool(graph.shape(node)) and node not in writer.names


def outer(writer: Writer, node: int, args: Sequence[int]) -> Parts:
    left, right = args
    row: list[Part] = [(right, ATOM, True), r"^{\top}"]
    return PRODUCT, [(left, writer.factor(left, "mul"), False), r" \, ", *row]


def is_matrix(writer: Writer, node: int) -> bool:
    """Whether functions and powers of a node would look like those of a matrix."""
    return len(writer.graph.shape(node)) > 1


def exponential(writer: Writer, node: int, args: Sequence[int]) -> Parts:
    """e^x; of a matrix exp(X), for e^X is another function."""
    if is_matrix(writer, node):
        return CALL, [r"\exp\left(", (args[0], CASES, False), r"\right)"]
    return POWER, ["e^{", (args[0], CASES, False), "}"]


def add(writer: Writer, node: int, args: Sequence[int]) -> Parts:
    return SUM, [
        *summand(writer, node, args[0], False),
        " + ",
        *summand(writer, node, args[1], True),
    ]


def sub(writer: Writer, node: int, args: Sequence[int]) -> Parts:
    right = summand(writer, node, args[1], True, MOD)
    return SUM, [*summand(writer, node, args[0], False), " - ", *right]


def summand(writer: Writer, node: int, operand: int, bare: bool, least: int = SUM) -> list[Part]:
    """A term; a number beside a matrix as a matrix of that number, for A + 1 is no A + I."""
    graph = writer.graph
    if not is_matrix(writer, node) or graph.shape(operand):
        return [(operand, least, bare)]
    ones = filled(writer, node, 1.0)
    one = graph.codes[operand] == CONST and graph.static[operand] == 1
    return [ones] if one else [(operand, PRODUCT, bare), " ", ones]


def filled(writer: Writer, node: int, value: float) -> str:
    """The matrix of ones, or zeros, of a node's shape."""
    sizes = r" \times ".join(map(str, writer.graph.shape(node)))
    return rf"{{\mathbf{{{value:.0f}}}}}_{{{sizes}}}"


def is_row(writer: Writer, node: int) -> bool:
    """Whether a vector is written as a row: a transpose, or a product that begins with one."""
    graph = writer.graph
    if node in writer.names or graph.op(node).name != "matmul":
        return transposed(writer, node)
    return len(graph.shape(graph.arguments(node)[0])) == 1


def transposed(writer: Writer, node: int) -> bool:
    return writer.graph.op(node).name == "transpose" and node not in writer.names


def norm(writer: Writer, node: int, args: Sequence[int]) -> Parts:
    axes, _ = writer.graph.static[node]
    under = "" if axes is None else rf"_{{\text{{axis {', '.join(map(str, axes))}}}}}"
    return ATOM, [r"\left\lVert ", (args[0], CASES, False), rf" \right\rVert{under}"]


def transpose(writer: Writer, node: int, args: Sequence[int]) -> Parts:
    static = writer.graph.static.get(node)
    if static is not None and tuple(static) != tuple(reversed(range(len(static)))):
        return writer.call(node)
    return POWER, [(args[0], ATOM, True), r"^{\top}"]


def index(writer: Writer, node: int, args: Sequence[int]) -> Parts:
    static: Any = writer.graph.static[node]
    if not static:
        return writer.operand(args[0])
    inside = ", ".join(unparse.entries(static, writer.graph.shape(args[0])))
    _, inner = writer.operand(args[0])
    if len(inner) == 1 and "_" not in str(inner[0]):
        return ATOM, [*inner, f"_{{{inside}}}"]
    return ATOM, ["{", (args[0], CALL, True), f"}}_{{{inside}}}"]


def stack(writer: Writer, node: int, args: Sequence[int]) -> Parts:
    """A column of scalars, or the rows of a matrix."""
    graph = writer.graph
    if graph.static[node] != 0 or len(graph.shape(node)) > 2:
        return call_list(writer, node, args)
    text: list[Part] = []
    for row in args:
        if graph.op(row).name == "stack" and row not in writer.names:
            text += [r" \\ ", *listed(graph.arguments(row), " & ")]
        elif graph.shape(row) and not is_row(writer, row):
            text += [r" \\ ", (row, ATOM, True), r"^{\top}"]
        else:
            text += [r" \\ ", (row, CASES + 1, False)]
    return ATOM, [r"\begin{bmatrix} ", *text[1:], r" \end{bmatrix}"]


def call_list(writer: Writer, node: int, args: Sequence[int]) -> Parts:
    axis = writer.graph.static[node]
    after = "" if not axis else rf",\ \text{{axis}}={axis}"
    name = writer.graph.op(node).name
    return CALL, [
        rf"\operatorname{{{name}}}\left(",
        *listed(args, ", "),
        rf"{after}\right)",
    ]


def eye(writer: Writer, node: int, args: Sequence[int]) -> Parts:
    n, m = writer.graph.static[node]
    return ATOM, [f"I_{{{n}}}" if n == m else rf"I_{{{n} \times {m}}}"]


def broadcast(writer: Writer, node: int, args: Sequence[int]) -> Parts:
    graph = writer.graph
    value = graph.static.get(args[0]) if graph.codes[args[0]] == CONST else None
    if value in (0.0, 1.0) and args[0] not in writer.names:
        return ATOM, [filled(writer, node, value)]
    return writer.call(node)
