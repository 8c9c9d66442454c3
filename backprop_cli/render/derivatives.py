"""Symbolic derivatives as text: in the input syntax, LaTeX, Markdown, CSV and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backprop_cli.engine.symbolic import Derivative, program, title
from backprop_cli.ir.graph import INPUT, Graph
from backprop_cli.syntax.unparse import unparse


def text(derivatives: Sequence[Derivative], form: str, share: bool = False) -> str:
    """All derivatives in one of the formats."""
    if form == "latex":
        return latex(derivatives, share)
    if form == "markdown":
        return markdown(derivatives)
    if form == "csv":
        from backprop_cli.render import delimited
        from backprop_cli.render.sheet import Column, Sheet

        rows = [[" ".join(d.wrt), unparse(d.graph)] for d in derivatives]
        return delimited.text([Sheet([Column("wrt"), Column("derivative")], rows, index_at=None)])
    return source(derivatives, share)


def source(derivatives: Sequence[Derivative], share: bool = False) -> str:
    """A program: the derivative alone, or one assignment each."""
    graph = program(derivatives, share)
    written = unparse(graph)
    if len(derivatives) > 1:
        written = written[: written.rindex("\n")]  # the line that lists the outputs
    return written + "\n"


def latex(derivatives: Sequence[Derivative], share: bool = False) -> str:
    r"""Lines of an `align*` environment, or for one derivative its expression alone."""
    from backprop_cli.render.latex_math import latex as expression
    from backprop_cli.render.latex_names import latex_names

    graph = program(derivatives, share)
    called = {title(d, _variables(d)): _fraction(d) for d in derivatives}
    names = latex_names(graph.names[i] for i in sorted(graph.names))
    spelled = {i: called.get(name) or names[name] for i, name in graph.names.items()}
    lines = []
    for i, name in graph.names.items():
        if graph.codes[i] != INPUT:
            shown = _below(graph, i) if name in called else i
            lines.append(f"{spelled[i]} &= {expression(graph, shown, spelled)}")
    if len(derivatives) > 1 or lines:
        if len(derivatives) == 1:
            output = graph.outputs[0][1]
            lines.append(f"{_fraction(derivatives[0])} &= {expression(graph, output, spelled)}")
        body = " \\\\\n".join(lines)
        return f"\\begin{{align*}}\n{body}\n\\end{{align*}}\n"
    return expression(graph, graph.outputs[0][1], spelled) + "\n"


def _below(graph: Graph, i: int) -> int:
    """What a named output is the second name of."""
    return graph.arguments(i)[0] if graph.op(i).name == "identity" else i


def _fraction(derivative: Derivative) -> str:
    r"""\frac{\partial f}{\partial x}, of any order."""
    from backprop_cli.render.latex_math import latex_name

    order = len(derivative.wrt)
    power = f"^{{{order}}}" if order > 1 else ""
    below: list[str] = []
    for name in dict.fromkeys(derivative.wrt):
        count = derivative.wrt.count(name)
        below.append(rf"\partial {latex_name(name)}" + (f"^{{{count}}}" if count > 1 else ""))
    bottom = r"\,".join(below)
    return rf"\frac{{\partial{power} f}}{{{bottom}}}"


def _variables(derivative: Derivative) -> list[str]:
    return [derivative.graph.names[i] for i in derivative.graph.inputs]


def markdown(derivatives: Sequence[Derivative]) -> str:
    """A block of mathematics for each derivative, with its source text below."""
    from backprop_cli.render.latex_math import latex as expression

    blocks = []
    for d in derivatives:
        formula = f"{_fraction(d)} = {expression(d.graph, d.graph.outputs[0][1])}"
        blocks.append(f"```math\n{formula}\n```\n\n```text\n{unparse(d.graph)}\n```\n")
    return "\n".join(blocks)


def document(derivatives: Sequence[Derivative], order: int) -> dict[str, Any]:
    """The fields of the JSON document: `derivative` by variable, by 'x,y' in higher orders."""
    single = all(len(set(d.wrt)) == 1 for d in derivatives)
    return {
        "order": order,
        "derivative": {
            d.wrt[0] if single else ",".join(d.wrt): unparse(d.graph) for d in derivatives
        },
    }
