"""Value and gradient as LaTeX: a line for each, shared parts as they come."""

from __future__ import annotations

from collections.abc import Sequence

from backprop_cli.engine.symbolic import derivatives
from backprop_cli.ir.graph import Graph
from backprop_cli.render.latex_math import latex
from backprop_cli.render.latex_names import latex_names
from backprop_cli.render.source_code.names import comment, source_lines


def text(graph: Graph, output: int, wrt: Sequence[int] | None = None) -> str:
    """An `align*` of amsmath: the value, then the derivative by each node of `wrt`, simplified."""
    wanted = list(graph.inputs if wrt is None else wrt)
    labels = graph.labels()
    named = latex_names(labels[i] for i in [*wanted, output])
    whole = labels[output] if output in graph.names else None
    left = "f" if whole is None else named[whole]
    rows = [f"{left} &= {latex(graph, output)}"]
    for node in wanted:
        found = derivatives(graph.with_outputs([(None, output)]), [node])
        by = rf"\frac{{\partial {left}}}{{\partial {named[labels[node]]}}}"
        rows.append(f"{by} &= {latex(found, found.outputs[0][1])}")
    body = " \\\\\n".join(f"  {row}" for row in rows)
    lines = source_lines(graph.source) or ["(a graph without a source)"]
    head = comment(["Value and gradient of", *(f"    {line}" for line in lines)], "%")
    return f"{head}\\begin{{align*}}\n{body}\n\\end{{align*}}\n"
