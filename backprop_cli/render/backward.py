"""The picture of a backward graph: the forward graph, and the adjoints beside their nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from backprop_cli.engine.backward import Lean
from backprop_cli.engine.backward_trace import BackwardTrace
from backprop_cli.engine.trace import barred, display_labels
from backprop_cli.ir.graph import CONST, Graph
from backprop_cli.ir.traverse import ancestors
from backprop_cli.render import labels
from backprop_cli.render.dot import DIGITS, digraph, edge_line, node_line, ranks
from backprop_cli.render.numbers import number, shape_text
from backprop_cli.render.scene import (
    MOST_NAME,
    MOST_TOOLTIP,
    SILENT,
    Arrow,
    Box,
    Names,
    Run,
    drawn_nodes,
    ends,
    number_of,
    repeated,
)
from backprop_cli.render.theme import palette

MOST_COPIES = 8  # that a note lists


def barred_labels(graph: Graph) -> list[str]:
    """The labels of a graph as on a board: the adjoint of `c` is c̄, constants are numbers."""
    plain, shown = graph.labels(), display_labels(graph)
    for adjoint, node in graph.adjoint_of.items():
        shown[adjoint] = barred(plain[node])
    return shown


def copies(found: Lean) -> str | None:
    """A note about the adjoints that are no operations; None where there are none."""
    shown, labels_ = barred_labels(found.graph), found.graph.labels()
    parts = [
        f"{barred(labels_[node])} = {shown[end] if isinstance(end, int) else number(end)}"
        for node, end in found.copies
    ]
    if not parts:
        return None
    more = len(parts) - MOST_COPIES
    if more > 0:
        parts[MOST_COPIES:] = [f"and {more:,} more"]
    return f"adjoints that are copies count as no operations: {', '.join(parts)}"


def backward_source(
    found: BackwardTrace,
    *,
    theme: str = "auto",
    digits: int = DIGITS,
    highlight: Collection[tuple[int, int]] = (),
    levels: Sequence[Sequence[int]] = (),
) -> str:
    """DOT source of a backward graph: each adjoint on the rank of its node, tied to it.

    Forward edges go up, edges among adjoints down; faint ones carry a value to where it is used.
    With `levels` their nodes stand on one rank instead, and all edges go up. `highlight` lists
    edges as (target, position). Raises UsageFault for an unknown theme.
    """
    colors = palette(theme)
    scene = Scene(found, digits, frozenset(highlight), bool(levels))
    nodes: dict[bool, list[str]] = {True: [], False: []}
    edges = []
    for part in scene.parts():
        if isinstance(part, Box):
            nodes["forward" in part.classes.split()].append(node_line(part, colors))
        else:
            edges.append(edge_line(part, colors))
    if levels:
        lines = ranks(found.graph, levels, colors)
        return digraph([*lines, *nodes[True], *nodes[False]], edges, theme)
    ids = scene.names.ids
    pairs = [
        f'\t{{rank="same" "{ids[node]}" "{ids[adjoint]}"}}\n'
        for adjoint, node in found.pairs.items()
    ]
    clusters = [*_cluster("forward", nodes[True]), *_cluster("backward", nodes[False])]
    return digraph(clusters, edges, theme, pairs, newrank="true")


def _cluster(name: str, lines: list[str]) -> list[str]:
    return [f'\tsubgraph "cluster_{name}" {{\n\t\tperipheries=0\n', *lines, "\t}\n"]


class Scene:
    """The boxes and arrows of a backward graph; with `upward`, all edges go up."""

    def __init__(
        self,
        found: BackwardTrace,
        digits: int,
        highlight: Collection[tuple[int, int]] = (),
        upward: bool = False,
    ) -> None:
        self.found, self.graph, self.digits = found, found.graph, digits
        self.highlight, self.upward = highlight, upward
        self.marked = ends(found.graph, highlight)
        self.names = Names(found.graph)
        self.names.outputs = {found.graph.outputs[0][1]}
        self.shown = barred_labels(found.graph)
        self.own = ancestors(found.graph, [found.graph.outputs[0][1], *found.graph.inputs])
        self.top = self.names.labels[found.graph.outputs[0][1]]

    def parts(self) -> Iterator[Box | Arrow]:
        for i in drawn_nodes(self.graph):
            if not repeated(self.graph, i) or i in self.names.outputs:
                yield self.box(i)
            for position, argument in enumerate(self.graph.arguments(i)):
                source = self.names.source(argument, i, position)
                if repeated(self.graph, argument):
                    yield self.use(source, argument, bool(self.own[i]))
                yield self.arrow(source, i, position, argument)
        for adjoint, node in () if self.upward else self.found.pairs.items():
            source, target = self.names.ids[node], self.names.ids[adjoint]
            hint = f"{self.shown[adjoint]} is the adjoint of {self.names.labels[node]}"
            yield Arrow(source, target, 0, "tie", "edge-tie", "", hint)

    def use(self, id: str, node: int, forward: bool) -> Box:
        text = number_of(self.graph, node)
        classes = "constant op-const" + (" forward" if forward else "")
        title: list[Run] = [("text", labels.short(labels.pretty(text), MOST_NAME))]
        return Box(id, "constant", classes, title, [], "", text)

    def arrow(self, source: str, target: int, position: int, argument: int) -> Arrow:
        if self.own[target]:
            kind = "none" if self.graph.op(target).name == "stop_grad" else "bare"
        elif self.upward:
            kind = "bare"
        elif repeated(self.graph, argument):
            kind = "below"
        else:
            kind = "cross" if self.own[argument] else "back"
        hint = f"{self.shown[argument]} → {self.shown[target]}"
        on = (target, position) in self.highlight
        classes = f"edge-{kind}"
        return Arrow(source, self.names.ids[target], position, kind, classes, "", hint, on)

    def box(self, i: int) -> Box:
        from backprop_cli.syntax.unparse import expression

        graph, names, values = self.graph, self.names, self.found.values
        adjoint, constant = i in graph.adjoint_of, graph.codes[i] == CONST
        said = number_of(graph, i) if constant else expression(graph, i, self.shown)
        title = names.title(i, said)
        classes = names.classes(i) + (" forward" if self.own[i] else " backward")
        if adjoint:
            title = [("name", labels.short(self.shown[i], MOST_NAME)), *title[1:]]
            classes += " adjoint"
        if graph.shape(i) and values is None:
            title.append(("muted", f"  {shape_text(graph.shape(i))}"))
        lines = names.about(i, said)
        cells: list[Run] = []
        if values is not None and (adjoint or not constant):
            role = "adjoint" if adjoint else "value"
            role = role if labels.finite(values[i]) else "bad"
            cells.append((role, labels.value(values[i], self.digits)))
            lines.append(f"{self.meaning(i)} {labels.whole(values[i])}")
        warnings = [w for w in self.found.warnings.get(i, []) if w.kind not in SILENT]
        lines += dict.fromkeys(labels.short(w.message, MOST_TOOLTIP) for w in warnings)
        flags = ", ".join(dict.fromkeys(w.kind for w in warnings))
        kind = "adjoint" if adjoint else names.kind(i)
        hint = "\n".join(lines)
        return Box(names.ids[i], kind, classes, title, cells, flags, hint, i in self.marked)

    def meaning(self, i: int) -> str:
        """What a node's number is."""
        if i not in self.found.pairs:
            return "value"
        return f"∂{self.top}/∂{self.names.labels[self.found.pairs[i]]} ="
