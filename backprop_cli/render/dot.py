"""Graphs in DOT, the language of Graphviz: a table for each node, an arrow for each edge."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from backprop_cli.engine.trace import Trace
from backprop_cli.ir.graph import Graph
from backprop_cli.render import labels
from backprop_cli.render.scene import Arrow, Box, Names, Run, bare, repeated, traced
from backprop_cli.render.theme import FONTS, Palette, palette

DIGITS = 4
SIZE, SMALL, TINY = 13, 11, 9  # of letters in nodes, on edges and of flags, in points
PADDING = 7
DOWNWARD = ("back", "below")
_LOOKS = {
    "none": {"color": "{colors.faint}", "style": "dashed"},
    # of a backward graph: among adjoints, from a value to where it is used, and to its own adjoint
    "back": {"color": "{colors.adjoint}", "dir": "back"},
    "below": {"dir": "back"},  # from a number
    "cross": {"color": "{colors.faint}", "constraint": "false"},
    "tie": {"color": "{colors.adjoint}", "style": "dashed", "dir": "none", "penwidth": "0.8"},
}


def graph_source(
    graph: Graph,
    trace: Trace | None = None,
    *,
    theme: str = "auto",
    digits: int = DIGITS,
    highlight: Iterable[tuple[int, int]] = (),
    levels: Sequence[Sequence[int]] = (),
) -> str:
    """A graph, with the values, adjoints and partials of a trace, as DOT source.

    `highlight` lists edges as (target node, argument position). The nodes of each of `levels`, the
    lowest first, stand on one rank. The same input gives the same text. Raises UsageFault for an
    unknown theme.
    """
    colors = palette(theme)
    chosen = frozenset(highlight)
    nodes, edges = [], []
    for part in bare(graph, chosen) if trace is None else traced(trace, digits, chosen):
        if isinstance(part, Box):
            nodes.append(node_line(part, colors))
        else:
            edges.append(edge_line(part, colors))
    return digraph([*ranks(graph, levels, colors), *nodes], edges, theme)


def ranks(graph: Graph, levels: Sequence[Sequence[int]], colors: Palette) -> list[str]:
    """Lines that put the nodes of a level on one rank, beside a column of the levels' numbers."""
    names = Names(graph)
    lines = []
    for k, nodes in enumerate(levels):
        count = f"{len(nodes)} operation{'' if len(nodes) == 1 else 's'}"
        hint = f"level {k}: {count}" if k else "level 0: variables"
        lines.append(
            f'\t"level {k}" [label="level {k}" fontcolor="{colors.muted}" class="level" '
            f'id="level-{k}" tooltip="{hint}"]\n'
        )
        if k:
            lines.append(f'\t"level {k - 1}" -> "level {k}" [style="invis"]\n')
        same = " ".join(f'"{names.ids[i]}"' for i in nodes if not repeated(graph, i))
        lines.append(f'\t{{rank="same" "level {k}" {same}}}\n')
    return lines


def digraph(
    nodes: Iterable[str], edges: Iterable[str], theme: str, more: Iterable[str] = (), **extra: str
) -> str:
    """DOT source of lines for nodes and edges, `more` lines, and `extra` attributes of the graph.

    Its first line says how many nodes and edges there are.
    """
    import graphviz

    colors = palette(theme)
    nodes, edges = list(nodes), list(edges)
    count = sum(' id="node-' in line for line in nodes)  # the rest are clusters and ranks
    picture = graphviz.Digraph(
        "bprop",
        comment=f"{count} nodes, {len(edges)} edges",
        graph_attr={
            "rankdir": "BT",
            "bgcolor": colors.background,
            "nodesep": "0.5",
            "ranksep": "0.65",
            "fontname": FONTS,
            "class": f"bprop theme-{theme}",
            **extra,
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
    picture.body += more
    source: str = picture.source
    return source


def node_line(box: Box, colors: Palette) -> str:
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
    """A cell wide enough for its text in any usual font; in a monospaced one it may be tight."""
    small = runs[0][0] == "flag"
    size, padding = (TINY, 3) if small else (SIZE, PADDING)
    width = sum(labels.points(text, size, bold=role == "name") for role, text in runs)
    tight = sum(labels.monospaced(text, size) for _, text in runs)
    attributes = f'width="{math.ceil(max(width + 2 * padding, tight + 2))}"'
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


def edge_line(arrow: Arrow, colors: Palette) -> str:
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
    elif arrow.kind in _LOOKS:
        look = " ".join(f'{key}="{value}"' for key, value in _LOOKS[arrow.kind].items())
        attributes += f" {look.format(colors=colors)}"
    if arrow.kind in DOWNWARD:  # its target stands below
        return f'\t"{arrow.target}" -> "{arrow.source}" [{attributes}]\n'
    return f'\t"{arrow.source}" -> "{arrow.target}" [{attributes}]\n'
