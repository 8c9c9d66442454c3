"""Graphs in DOT, the language of Graphviz: a table for each node, an arrow for each edge."""

from __future__ import annotations

import math
from collections.abc import Iterable

from backprop_cli.engine.trace import Trace
from backprop_cli.ir.graph import Graph
from backprop_cli.render import labels
from backprop_cli.render.scene import Arrow, Box, Run, bare, traced
from backprop_cli.render.theme import FONTS, Palette, palette

DIGITS = 4
SIZE, SMALL, TINY = 13, 11, 9  # of letters in nodes, on edges and of flags, in points
PADDING = 7


def graph_source(
    graph: Graph,
    trace: Trace | None = None,
    *,
    theme: str = "auto",
    digits: int = DIGITS,
    highlight: Iterable[tuple[int, int]] = (),
) -> str:
    """A graph, with the values, adjoints and partials of a trace, as DOT source.

    `highlight` lists edges as (target node, argument position). The same input gives the same text.
    Raises UsageFault for an unknown theme.
    """
    import graphviz

    colors = palette(theme)
    chosen = frozenset(highlight)
    nodes, edges = [], []
    for part in bare(graph, chosen) if trace is None else traced(trace, digits, chosen):
        if isinstance(part, Box):
            nodes.append(_node(part, colors))
        else:
            edges.append(_edge(part, colors))
    picture = graphviz.Digraph(
        "bprop",
        comment=f"{len(nodes)} nodes, {len(edges)} edges",
        graph_attr={
            "rankdir": "BT",
            "bgcolor": colors.background,
            "nodesep": "0.5",
            "ranksep": "0.65",
            "fontname": FONTS,
            "class": f"bprop theme-{theme}",
        },
        node_attr={
            "shape": "plain",
            "fontname": FONTS,
            "fontsize": str(SIZE),
            "fontcolor": colors.text,
        },
        edge_attr={
            "fontname": FONTS,
            "fontsize": str(SMALL),
            "color": colors.edge,
            "fontcolor": colors.rule,
            "arrowsize": "0.7",
            "penwidth": "1.2",
        },
    )
    # quoted here: the package's own quoting takes ten times as long on a large graph
    picture.body += nodes
    picture.body += edges
    source: str = picture.source
    return source


def _node(box: Box, colors: Palette) -> str:
    border, filling = colors.boxes[box.kind]
    classes = box.classes
    if box.highlighted:
        border, classes = colors.highlight, f"{classes} highlight"
    cells = [[cell] for cell in box.cells]
    stacked = any("[" in text for _, text in box.cells)  # tensors are wide
    rows = [[box.title], *([[cell] for cell in cells] if stacked else [cells])]
    if box.flags:
        rows.append([[("flag", box.flags)]])
    columns = max(map(len, rows))
    text = f'<table border="0" cellborder="1" cellspacing="0" cellpadding="{PADDING}" '
    text += f'color="{border}" bgcolor="{filling}">'
    for row in rows:
        if row:
            span = columns if len(row) == 1 else 1
            text += f"<tr>{''.join(_cell(runs, span, colors) for runs in row)}</tr>"
    return (
        f'\t"{box.id}" [label=<{text}</table>> id="node-{box.id}" class="{classes}" '
        f"tooltip={labels.quoted(box.tooltip)}]\n"
    )


def _cell(runs: list[Run], span: int, colors: Palette) -> str:
    """A cell wide enough for its text in any usual font."""
    small = runs[0][0] == "flag"
    size, padding = (TINY, 3) if small else (SIZE, PADDING)
    width = sum(labels.points(text, size, bold=role == "name") for role, text in runs)
    attributes = f'width="{math.ceil(width) + 2 * padding}"'
    if span > 1:
        attributes += f' colspan="{span}"'
    if small:
        attributes += f' cellpadding="{padding}"'
    return f"<td {attributes}>{''.join(_run(role, text, colors) for role, text in runs)}</td>"


def _run(role: str, text: str, colors: Palette) -> str:
    if role == "name":
        return f"<b>{labels.html(text)}</b>"
    if role == "text":
        return labels.html(text)
    size = f' point-size="{TINY}"' if role == "flag" else ""
    return f'<font color="{getattr(colors, role)}"{size}>{labels.html(text)}</font>'


def _edge(arrow: Arrow, colors: Palette) -> str:
    classes = f"{arrow.classes} highlight" if arrow.highlighted else arrow.classes
    attributes = (
        f'id="edge-{arrow.source}-{arrow.target}-{arrow.position}" class="{classes}" '
        f"tooltip={labels.quoted(arrow.tooltip)}"
    )
    if arrow.label:
        width = math.ceil(labels.points(arrow.label, SMALL)) + 8
        attributes = (
            '\n\t\tlabel=<<table border="0" cellborder="0" cellspacing="0" cellpadding="3"><tr>'
            f'<td width="{width}">{labels.html(arrow.label)}</td></tr></table>>\n\t\t{attributes}'
        )
    if arrow.highlighted:
        attributes += f' color="{colors.highlight}" penwidth="2.6"'
    elif arrow.kind == "none":
        attributes += f' color="{colors.faint}" style="dashed"'
    return f'\t"{arrow.source}" -> "{arrow.target}" [{attributes}]\n'
