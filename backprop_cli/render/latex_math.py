r"""A node's expression as LaTeX: fractions, powers, roots, matrices, cases.

Needs the packages amsmath and amssymb, as KaTeX and MathJax have them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.render import latex_arrays
from backprop_cli.render.latex_functions import (
    AND,
    ATOM,
    CALL,
    CASES,
    COMPARISON,
    FRACTION,
    LISTED,
    POWER,
    POWERED,
    PRODUCT,
    REDUCTIONS,
    SUM,
    TEMPLATES,
    UNSIGNED,
    Part,
    Parts,
    listed,
)
from backprop_cli.render.latex_names import escaped, latex_name, latex_names, latex_number
from backprop_cli.syntax import unparse

__all__ = ["latex", "latex_name", "latex_number"]

_WORDS = ("\\math", "\\text")


def latex(graph: Graph, node: int, names: dict[int, str] | None = None) -> str:
    r"""The expression of a node, without the `$` around it.

    `names` are nodes that stand as given LaTeX; the node itself is always written out. Where the
    text would pass 2,000 operations, shared nodes stand as their ids (`Graph.labels`).

    >>> from backprop_cli.engine.lower import load, lower
    >>> g = lower(load("x^2/sqrt(1 + y) - 3*sin(x)"))
    >>> print(latex(g, g.output()))
    \frac{x^{2}}{\sqrt{1 + y}} - 3 \sin\left(x\right)
    """
    return "".join(_Writer(graph, names).write(node))


class _Writer:
    """Writes expressions of one graph with a stack of parts: depth is no limit."""

    def __init__(self, graph: Graph, names: dict[int, str] | None) -> None:
        self.graph = graph
        self.names = dict(names or {})
        self.variables = latex_names(graph.names[i] for i in sorted(graph.names))

    def write(self, node: int) -> list[str]:
        self.names |= _shared(self.graph, node, self.names)
        text: list[str] = []
        stack: list[Part] = self.parts(node)[1][::-1]
        while stack:
            part = stack.pop()
            if isinstance(part, str):
                text.append(part)
                continue
            operand, least, bare = part
            level, inner = self.operand(operand)
            if level < least or (bare and _signed(inner)):
                logic = AND - 1 <= level <= COMPARISON
                text.append(r"\left[" if logic else r"\left(")
                stack.append(r"\right]" if logic else r"\right)")
            stack.extend(inner[::-1])
        return text

    def operand(self, node: int) -> Parts:
        """The level and the parts of a node below the top one."""
        name = self.names.get(node)
        return (ATOM, [name]) if name is not None else self.parts(node)

    def parts(self, node: int) -> Parts:
        """The level of a node's operation, and its text with the operands as places."""
        graph = self.graph
        op, args = graph.op(node).name, graph.arguments(node)
        if graph.codes[node] == INPUT:
            return ATOM, [self.variables[graph.names[node]]]
        if graph.codes[node] == CONST:
            return _constant(graph.static[node])
        special = _SPECIAL.get(op)
        if special is not None:
            return special(self, node, args)
        template = TEMPLATES.get(op)
        if template is not None:
            return template.level, _filled(template.text, args, template.least, UNSIGNED.get(op))
        if op in REDUCTIONS:
            return self.reduction(REDUCTIONS[op], node, args)
        if op in LISTED:
            return CALL, [rf"{LISTED[op]}\left(", *listed(args, ", "), r"\right)"]
        return self.call(node)

    def call(self, node: int) -> Parts:
        """Any other operation, as it is called in the language."""
        _, pieces = unparse.parts(self.graph, node)
        first, last = str(pieces[0]), str(pieces[-1])
        name, _, before = first.partition("(")
        if len(pieces) == 1:
            inside = before.removesuffix(")")
            return CALL, [rf"\operatorname{{{escaped(name)}}}\left({_plain(inside)}\right)"]
        middle: list[Part] = [
            piece if isinstance(piece, str) else (piece[0], CASES, False) for piece in pieces[1:-1]
        ]
        return CALL, [
            rf"\operatorname{{{escaped(name)}}}\left({_plain(before)}",
            *middle,
            rf"{_plain(last.removesuffix(')'))}\right)",
        ]

    def reduction(self, command: str, node: int, args: Sequence[int]) -> Parts:
        axes, _ = self.graph.static[node]
        under = ""
        if axes is not None:
            under = rf"_{{\text{{axis {escaped(', '.join(map(str, axes)))}}}}}"
        return CALL, [rf"{command}{under}\left(", (args[0], CASES, False), r"\right)"]

    def product(self, node: int, args: Sequence[int]) -> Parts:
        left, right = args
        sign, least = " ", PRODUCT
        if self._ends_in_dot(left):
            least = PRODUCT + 1  # (x' y) z, for x' y z could be x' (y z)
        if all(self.graph.shape(a) for a in args):
            sign, least = r" \odot ", self.factor(left, "matmul")
        elif self._digit(right) or self._brackets(right):
            sign = r" \cdot "
        elif self._word(left) or self._word(right):
            sign = r" \, "
        return PRODUCT, [(left, least, False), sign, (right, PRODUCT, True)]

    def _ends_in_dot(self, node: int) -> bool:
        """Whether a number is a product of vectors, or ends in one."""
        graph = self.graph
        while node not in self.names and graph.op(node).name == "mul":
            node = graph.arguments(node)[1]
        dot = graph.op(node).name == "matmul" and not graph.shape(node)
        return dot and node not in self.names

    def factor(self, node: int, other: str) -> int:
        """The least level of a left factor; the other kind of product needs brackets."""
        graph = self.graph
        mixed = graph.op(node).name == other and node not in self.names
        return PRODUCT + (mixed and all(map(graph.shape, graph.arguments(node))))

    def _word(self, node: int) -> bool:
        """Whether a factor is a variable of several letters."""
        return self.graph.codes[node] == INPUT and self.operand(node)[1][0][:5] in _WORDS

    def _digit(self, node: int) -> bool:
        """Whether the text of a right factor begins with a digit."""
        while True:
            graph = self.graph
            name = self.names.get(node)
            if name is not None:
                return name[:1].isdigit()
            if graph.codes[node] == CONST:
                return _constant(graph.static[node])[1][0] not in (r"\pi", r"\tau", "e", r"\infty")
            op = graph.op(node).name
            if op == "exp2":
                return True
            if op not in ("mul", "matmul", "pow", "square", "identity"):
                return False
            node = graph.arguments(node)[0]

    def _brackets(self, node: int) -> bool:
        """Whether a right factor stands in brackets, and so would look like an argument."""
        level, inner = self.operand(node)
        return level < PRODUCT or _signed(inner)

    def power(self, node: int, args: Sequence[int]) -> Parts:
        graph = self.graph
        base, exponent = args
        op = graph.op(base).name
        count = graph.static.get(exponent) if graph.codes[exponent] == CONST else None
        if op in POWERED and base not in self.names and count in range(2, 10):
            command = TEMPLATES[op].text.partition(r"\left")[0]
            inner = graph.arguments(base)[0]
            return CALL, [f"{command}^{{{count:.0f}}}\\left(", (inner, CASES, False), r"\right)"]
        elementwise = r"\circ " if latex_arrays.is_matrix(self, base) else ""
        return POWER, [(base, ATOM, True), f"^{{{elementwise}", (exponent, CASES, False), "}"]

    def identity(self, node: int, args: Sequence[int]) -> Parts:
        return self.operand(args[0])

    def cases(self, node: int, args: Sequence[int]) -> Parts:
        """`where`, and one in its other branch as a further case."""
        graph = self.graph
        text: list[Part] = [r"\begin{cases} "]
        while True:
            condition, yes, no = args
            text += [(yes, CASES + 1, False), r" & \text{if } ", (condition, CASES + 1, False)]
            text.append(r" \\ ")
            if graph.op(no).name != "where" or no in self.names:
                break
            args = graph.arguments(no)
        return CASES, [*text, (no, CASES + 1, False), r" & \text{otherwise} \end{cases}"]

    def polygamma(self, node: int, args: Sequence[int]) -> Parts:
        order = self.graph.static[node]
        return CALL, [rf"\psi^{{({order})}}\left(", (args[0], CASES, False), r"\right)"]

    def quotient(self, node: int, args: Sequence[int]) -> Parts:
        """A fraction, with the sign of its numerator before it."""
        top, bottom = args
        if latex_arrays.is_matrix(self, bottom):
            return PRODUCT, [(top, FRACTION, False), r" \oslash ", (bottom, FRACTION, True)]
        rest: list[Part] = ["}{", (bottom, CASES, False), "}"]
        if self.graph.op(top).name == "neg" and top not in self.names:
            inner = self.graph.arguments(top)[0]
            return PRODUCT, [r"-\frac{", (inner, SUM, True), *rest]
        return FRACTION, [r"\frac{", (top, CASES, False), *rest]


_SPECIAL: dict[str, Callable[[Any, int, Sequence[int]], Parts]] = {
    "mul": _Writer.product,
    "div": _Writer.quotient,
    "polygamma": _Writer.polygamma,
    "add": latex_arrays.add,
    "sub": latex_arrays.sub,
    "exp": latex_arrays.exponential,
    "matmul": latex_arrays.matrix_product,
    "outer": latex_arrays.outer,
    "pow": _Writer.power,
    "identity": _Writer.identity,
    "where": _Writer.cases,
    "norm": latex_arrays.norm,
    "transpose": latex_arrays.transpose,
    "index": latex_arrays.index,
    "stack": latex_arrays.stack,
    "concat": latex_arrays.call_list,
    "eye": latex_arrays.eye,
    "broadcast_to": latex_arrays.broadcast,
}


def _constant(value: float) -> Parts:
    text = latex_number(value)
    return (PRODUCT if text.startswith("-") or "cdot" in text else ATOM), [text]


def _signed(inner: list[Part]) -> bool:
    return isinstance(inner[0], str) and inner[0].startswith("-")


def _filled(
    text: str, args: Sequence[int], least: tuple[int, ...], unsigned: tuple[int, ...] | None
) -> list[Part]:
    """A template's text with the operands in its places `#0`, `#1`."""
    first, *pieces = text.split("#")
    result: list[Part] = [first] if first else []
    for piece in pieces:
        k = int(piece[0])
        result.append((args[k], least[k], k in (unsigned or ())))
        if piece[1:]:
            result.append(piece[1:])
    return result


def _plain(text: str) -> str:
    """Static parameters, as they are typed."""
    return rf"\text{{{escaped(text)}}}" if text.strip() else ""


def _shared(graph: Graph, node: int, names: dict[int, str]) -> dict[int, str]:
    """Names for the shared nodes below, where the text would be too long without."""
    size = [0] * (node + 1)
    uses = [0] * (node + 1)
    uses[node] = 1
    order = []
    for i in range(node, -1, -1):
        if uses[i] and (i == node or i not in names):
            order.append(i)
            for a in graph.arguments(i):
                uses[a] += 1
    for i in reversed(order):
        total = 1 + sum(size[a] for a in graph.arguments(i))
        size[i] = min(total, unparse.TREE_LIMIT + 1)
    if size[node] <= unparse.TREE_LIMIT:
        return {}
    labels = graph.labels()
    return {
        i: latex_name(labels[i]) for i in order if uses[i] > 1 and i != node and graph.arguments(i)
    }
