"""A graph as a Mermaid flowchart, as Markdown of many sites shows it."""

from __future__ import annotations

from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.ir.ops import Operation
from backprop_cli.ir.traverse import ancestors
from backprop_cli.render import labels

LONGEST = 60  # letters of a label


def text(graph: Graph) -> str:
    """What the outputs depend on; arguments point to results, derivatives pass dashed edges."""
    needed = ancestors(graph, [node for _, node in graph.outputs])
    names = graph.labels()
    outputs = {node for _, node in graph.outputs}
    adjoints = getattr(graph, "adjoint_of", {})
    lines = ["flowchart BT"]
    for i, wanted in enumerate(needed):
        if wanted:
            lines.append(f"    n{i}{_box(graph, i, names[i], i in outputs)}")
    for i, wanted in enumerate(needed):
        if wanted:
            arrow = "-.->" if graph.op(i).name == "stop_grad" else "-->"
            lines += [f"    n{a} {arrow} n{i}" for a in graph.arguments(i)]
    lines.append("    classDef output stroke-width:3px")
    lines += [f"    class n{i} output" for i in sorted(outputs)]
    told = [i for i in adjoints if needed[i]]
    if told:
        lines.append("    classDef adjoint stroke-dasharray:4 2")
        lines.append(f"    class {','.join(f'n{i}' for i in sorted(told))} adjoint")
    return "\n".join(lines) + "\n"


def _box(graph: Graph, i: int, name: str, is_output: bool) -> str:
    """A rounded box for a variable, a plain one for a number, and a named operation."""
    if graph.codes[i] == INPUT:
        return f'(["{escaped(name)}"])'
    if graph.codes[i] == CONST:
        number = labels.pretty(labels.number(graph.static[i], 6))
        named = f"{escaped(name)} = " if i in graph.names else ""
        return f'["{named}{escaped(number)}"]'
    row: Operation = graph.op(i)
    symbol = row.notation if row.notation and not row.notation.isalpha() else row.name
    shown = f"{escaped(name)}: {escaped(symbol)}" if i in graph.names else escaped(symbol)
    return f'[["{shown}"]]' if is_output else f'["{shown}"]'


def escaped(label: str) -> str:
    """Text in a quoted label: Mermaid reads `#35;` as the letter of that number.

    >>> escaped('a "b" <c> #1 `x`')
    'a #34;b#34; #60;c#62; #35;1 #96;x#96;'
    """
    plain = labels.short(labels.plain(label), LONGEST)
    return "".join(f"#{ord(c)};" if c in '"<>#`&|[]{}()*_~\\%;' else c for c in plain)
