"""The formulas of an explanation: names, adjoints, derivatives and rules, as text and as LaTeX."""

from __future__ import annotations

import re

from backprop_cli.engine.explanation import Use
from backprop_cli.engine.trace import barred, display_labels
from backprop_cli.ir.graph import CONST, Graph
from backprop_cli.render.labels import pretty
from backprop_cli.render.latex_math import latex
from backprop_cli.render.latex_names import latex_names, latex_number
from backprop_cli.render.lesson import Math, factor, join, product
from backprop_cli.render.rule_latex import BAR, rule_latex

_WORD = re.compile(r"[^\W\d][\w\u0304\u0305]*")
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def latex_bar(name: str) -> str:
    r"""A name's LaTeX with a bar over its letter.

    >>> print(latex_bar("v_{1}"), latex_bar(r"\mathit{price}"))
    \bar{v}_{1} \overline{\mathit{price}}
    """
    head, mark, index = name.partition("_{")
    if "{" in head or "{" in index.rstrip("}"):
        return rf"\overline{{{name}}}"
    return rf"\bar{{{head}}}{mark}{index}"


class Symbols:
    """The formulas of one graph and its output."""

    def __init__(self, graph: Graph, output: int) -> None:
        self.graph = graph
        self.output = output
        self.texts = display_labels(graph)
        self._latex = latex_names(graph.labels())

    def name(self, node: int) -> Math:
        graph = self.graph
        if graph.codes[node] == CONST and node not in graph.names:
            return Math(self.texts[node], latex_number(graph.static[node]))
        return Math(self.texts[node], self._latex[self.texts[node]])

    def bar(self, node: int) -> Math:
        name = self.name(node)
        return Math(barred(name.text), latex_bar(name.tex))

    def derivative(self, node: int) -> Math:
        """The derivative of the output by a node, along all paths."""
        top, bottom = self.name(self.output), self.name(node)
        tex = rf"\frac{{\mathrm{{d}} {top.tex}}}{{\mathrm{{d}} {bottom.tex}}}"
        return Math(f"d{top.text}/d{bottom.text}", tex)

    def local(self, use: Use) -> Math:
        return self.edge(use.source, use.target, use.position)

    def edge(self, source: int, target: int, position: int) -> Math:
        """The local derivative on an edge; places are numbered where a node stands in several."""
        top = self.name(target)
        bottom = self.name(source).then(self.place(source, target, position))
        return Math(
            f"∂{top.text}/∂{bottom.text}",
            rf"\frac{{\partial {top.tex}}}{{\partial {bottom.tex}}}",
        )

    def place(self, source: int, target: int, position: int) -> Math:
        """The raised number of an argument's place; nothing where it stands in one only."""
        same = [k for k, a in enumerate(self.graph.arguments(target)) if a == source]
        if len(same) < 2:
            return Math("", "")
        place = same.index(position) + 1
        return Math(f"⁽{place}⁾".translate(_RAISED), f"^{{({place})}}")

    def expression(self, node: int) -> Math:
        """A node's operation, over the names of its arguments."""
        from backprop_cli.syntax.unparse import expression

        graph = self.graph
        names = {a: self.name(a).tex for a in graph.arguments(node)}
        plain = {a: tex for a, tex in names.items() if not self._is_number(a)}
        return Math(pretty(expression(graph, node, self.texts)), latex(graph, node, plain))

    def program(self, graph: Graph) -> Math:
        """The output of another graph in the same variables."""
        from backprop_cli.syntax.unparse import Writer

        top = graph.output()
        names = {i: self._latex.get(graph.names[i], graph.names[i]) for i in graph.inputs}
        text = Writer(graph, {}).write(top)
        return Math(pretty(text), names[top] if top in names else latex(graph, top, names))

    def _is_number(self, node: int) -> bool:
        return self.graph.codes[node] == CONST and node not in self.graph.names

    def rule(self, use: Use) -> Math:
        """The local derivative of an elementwise row, what a pullback hands down of another."""
        graph, node = self.graph, use.target
        row = graph.op(node)
        bar = self.bar(node).tex
        names = {"out": self.name(node).tex, BAR: bar}
        if not row.variadic:
            pairs = zip(row.signature, graph.arguments(node), strict=False)
            names |= {word: self._operand(a) for word, a in pairs}
        return Math(pretty(use.rule), rule_latex(graph, node, use.position, names))

    def _operand(self, node: int) -> str:
        tex = self.name(node).tex
        return rf"\left({tex}\right)" if tex.startswith("-") else tex

    def chained(self, use: Use) -> Math:
        """dz/dv times the local derivative."""
        return product([self.derivative(use.target), self.local(use)])

    def contribution(self, use: Use) -> Math:
        """The same by the rules: an adjoint times a partial, or a pullback."""
        rule = self.rule(use)
        if not self.graph.op(use.target).elementwise:
            return rule
        sign = r" \odot " if self._is_array(use) else r" \cdot "
        return join(" · ", sign, [self.bar(use.target), factor(rule)])

    def _is_array(self, use: Use) -> bool:
        """Whether a local derivative has an element for each one of its step."""
        words = set(_WORD.findall(use.rule))
        near = (use.target, *self.graph.arguments(use.target))
        return any(self.graph.shape(i) and self.texts[i] in words for i in near)
