"""What a picture of a graph shows: boxes and arrows with their texts, before any format."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from backprop_cli.engine.trace import Trace, TraceEdge, TraceNode, display_labels
from backprop_cli.engine.warning import Warning_
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.ir.traverse import ancestors
from backprop_cli.render import labels
from backprop_cli.render.numbers import shape_text

MOST_NAME = 24  # characters of a name, an expression and a rule in a picture
MOST_EXPRESSION = 44
MOST_RULE = 26
MOST_TOOLTIP = 1000
SILENT = ("note", "no-path")  # warnings that are not about a node's number

Run = tuple[str, str]  # the role of a piece of text (see theme.ROLES, or 'name') and the text


class Box(NamedTuple):
    """A node, or one use of a constant."""

    id: str
    kind: str  # 'variable', 'constant', 'operation' or 'output'
    classes: str
    title: list[Run]
    cells: list[Run]  # value and adjoint
    flags: str  # the kinds of warnings
    tooltip: str
    highlighted: bool = False


class Arrow(NamedTuple):
    """An argument position."""

    source: str
    target: str
    position: int
    kind: str  # 'bare', 'partial', 'constant' (nothing to derive) or 'none' (no edge here)
    classes: str
    label: str
    tooltip: str
    highlighted: bool = False


def drawn_nodes(graph: Graph) -> list[int]:
    """The nodes of a bare graph: what the outputs depend on, and all variables."""
    needed = ancestors(graph, [*(node for _, node in graph.outputs), *graph.inputs])
    return [i for i in range(len(graph)) if needed[i]]


def repeated(graph: Graph, node: int) -> bool:
    """Whether a node is drawn once per use: an unnamed constant."""
    return graph.codes[node] == CONST and node not in graph.names


class Names:
    """Ids and classes of the elements of one picture."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.labels = graph.labels()
        self.ids = labels.identifiers(self.labels)
        self.outputs = {node for _, node in graph.outputs}

    def source(self, argument: int, target: int, position: int) -> str:
        """The id of the box where an edge begins."""
        if repeated(self.graph, argument):
            return f"{self.ids[argument]}.{self.ids[target]}.{position}"
        return self.ids[argument]

    def kind(self, node: int) -> str:
        if node in self.outputs:
            return "output"
        code = self.graph.codes[node]
        return "variable" if code == INPUT else "constant" if code == CONST else "operation"

    def classes(self, node: int) -> str:
        code = self.graph.codes[node]
        base = "variable" if code == INPUT else "constant" if code == CONST else "operation"
        extra = " output" if node in self.outputs else ""
        return f"{base}{extra} op-{self.graph.op(node).name}"

    def title(self, node: int, expression: str) -> list[Run]:
        """A name or id, and what it is."""
        name = self.graph.names.get(node)
        first = ("name", labels.short(name, MOST_NAME)) if name else ("muted", self.labels[node])
        code = self.graph.codes[node]
        if code == INPUT:
            return [first]
        said = labels.short(labels.pretty(expression), MOST_EXPRESSION)
        return [("text", said)] if repeated(self.graph, node) else [first, ("text", f" = {said}")]

    def about(self, node: int, expression: str) -> list[str]:
        """The lines of a tooltip that need no point: the whole expression, shape, source text."""
        graph = self.graph
        label = self.labels[node]
        alone = graph.codes[node] == INPUT or expression == label
        lines = [label if alone else f"{label} = {expression}"]
        if repeated(graph, node):
            lines = [expression]
        if graph.shape(node):
            lines.append(f"shape {shape_text(graph.shape(node))}")
        for span in graph.spans.get(node, [])[:3]:
            text = " ".join(graph.source[span[0] : span[1]].split())
            if text and text not in lines[0] and text not in lines:
                lines.append(text)
        return [labels.short(line, MOST_TOOLTIP) for line in lines]


def bare(graph: Graph, highlight: Collection[tuple[int, int]] = ()) -> Iterator[Box | Arrow]:
    """The graph without a point: names, expressions and shapes."""
    from backprop_cli.syntax.unparse import expression

    names, shown = Names(graph), display_labels(graph)
    marked = ends(graph, highlight)
    for i in drawn_nodes(graph):
        if graph.codes[i] == CONST:
            said = number_of(graph, i)
        else:
            said = shown[i] if graph.codes[i] == INPUT else expression(graph, i, shown)
        title = names.title(i, said)
        if graph.shape(i):
            title.append(("muted", f"  {shape_text(graph.shape(i))}"))
        tooltip = "\n".join(names.about(i, said))
        if not repeated(graph, i) or i in names.outputs:
            kind, classes = names.kind(i), names.classes(i)
            yield Box(names.ids[i], kind, classes, title, [], "", tooltip, i in marked)
        stopped = graph.op(i).name == "stop_grad"
        for position, argument in enumerate(graph.arguments(i)):
            source = names.source(argument, i, position)
            if repeated(graph, argument):
                yield _use(source, shown[argument])
            kind, classes = ("none", "edge-none edge-stop") if stopped else ("bare", "edge-bare")
            hint = f"{shown[argument]} → {names.labels[i]}"
            on = (i, position) in highlight
            yield Arrow(source, names.ids[i], position, kind, classes, "", hint, on)


def traced(
    trace: Trace, digits: int, highlight: Collection[tuple[int, int]] = ()
) -> Iterator[Box | Arrow]:
    """The graph at a point: values and adjoints of the nodes, partials of the edges."""
    graph = trace.graph
    names = Names(graph)
    wanted = set(trace.wrt)
    active = graph.activity(node.index for node in trace.nodes if node.id in wanted)
    flags = _flags(trace.warnings)
    marked = ends(graph, highlight)
    edges = iter(trace.edges)
    edge = next(edges, None)
    for node in trace.nodes:
        while edge is not None and edge.target_index == node.index:
            on = (edge.target_index, edge.position) in highlight
            arrow = _arrow(names, edge, active, digits, on)
            if repeated(graph, edge.source_index):
                yield _use(arrow.source, number_of(graph, edge.source_index))
            yield arrow
            edge = next(edges, None)
        if not repeated(graph, node.index) or node.index in names.outputs:
            found = flags.get(node.id, [])
            box = _box(names, node, trace.output, bool(active[node.index]), found, digits)
            yield box._replace(highlighted=True) if node.index in marked else box


def number_of(graph: Graph, node: int) -> str:
    """The number of a constant as a user would write it."""
    from backprop_cli.syntax.unparse import constant

    return constant(graph, node)


def _use(id: str, text: str) -> Box:
    title = [("text", labels.short(labels.pretty(text), MOST_NAME))]
    return Box(id, "constant", "constant op-const", title, [], "", text)


def _box(
    names: Names,
    node: TraceNode,
    output: str,
    active: bool,
    warnings: list[Warning_],
    digits: int,
) -> Box:
    graph, i = names.graph, node.index
    constant = graph.codes[i] == CONST
    said = number_of(graph, i) if constant else node.expression
    lines = names.about(i, said)
    cells: list[Run] = []
    classes = names.classes(i)
    if not constant:
        cells.append((_role("value", node.value), labels.value(node.value, digits)))
        lines.append(f"value {labels.whole(node.value)}")
    if active and node.adjoint is None:
        cells.append(("muted", "∂ 0"))
        lines.append(f"no path to {output} at this point")
        classes += " unreached"
    elif active:
        cells.append((_role("adjoint", node.adjoint), f"∂ {labels.elements(node.adjoint, digits)}"))
        lines.append(f"∂{output}/∂{node.id} = {labels.whole(node.adjoint)}")
    lines += dict.fromkeys(labels.short(w.message, MOST_TOOLTIP) for w in warnings)
    kinds = list(dict.fromkeys(w.kind for w in warnings))
    classes += "".join(f" flag-{kind}" for kind in kinds)
    title = names.title(i, said)
    return Box(
        names.ids[i], names.kind(i), classes, title, cells, ", ".join(kinds), "\n".join(lines)
    )


def _role(role: str, value: object) -> str:
    return role if labels.finite(value) else "bad"


def _flags(warnings: Iterable[Warning_]) -> dict[str, list[Warning_]]:
    found: dict[str, list[Warning_]] = {}
    for warning in warnings:
        if warning.node is not None and warning.kind not in SILENT:
            found.setdefault(warning.node, []).append(warning)
    return found


def _arrow(
    names: Names, edge: TraceEdge, active: bytearray, digits: int, highlighted: bool
) -> Arrow:
    target = names.graph.op(edge.target_index)
    source = names.source(edge.source_index, edge.target_index, edge.position)
    start = names.graph.names.get(edge.source_index) or edge.source
    label, hint = "", f"{start} → {edge.target}"
    if target.name == "stop_grad":
        kind, classes, hint = "none", "edge-none edge-stop", f"{hint}: stop_grad, no edge"
    elif not active[edge.source_index]:
        kind, classes, hint = "constant", "edge-constant", f"{hint}: nothing to derive"
    elif edge.contribution is None:
        kind, classes, hint = "none", "edge-none", f"{hint}: no edge at this point"
    else:
        kind, classes = "partial", "edge-partial"
        rule = "" if target.variadic and target.elementwise else edge.rule
        label = partial_label(rule, edge.partial, digits)
        hint = _edge_hint(edge, start)
    id = names.ids[edge.target_index]
    return Arrow(source, id, edge.position, kind, classes, label, hint, highlighted)


def partial_label(rule: str, partial: object, digits: int) -> str:
    """The local partial on an edge: its rule and its number, once where they are the same."""
    said = labels.short(labels.pretty(rule).replace(" · ", "·"), MOST_RULE)
    if partial is None:
        return said
    one = labels.uniform(partial)
    number = labels.elements(partial, digits) if one is None else labels.number(one, digits)
    if not said or " where " in rule or _is_number(rule):
        return number
    return f"{said} = {number}"


def _is_number(rule: str) -> bool:
    try:
        float(rule.strip("()"))
    except ValueError:
        return False
    return True


def _edge_hint(edge: TraceEdge, start: str) -> str:
    partial = "" if edge.partial is None else labels.whole(edge.partial)
    rule = labels.short(edge.rule, MOST_TOOLTIP)
    if edge.partial is None:
        first = f"the adjoint of {start} gets {rule}"
    elif rule in ("", partial):
        first = f"∂{edge.target}/∂{start} = {partial}"
    else:
        first = f"∂{edge.target}/∂{start} = {rule} = {partial}"
    return f"{first}\nadds {labels.whole(edge.contribution)} to ∂ of {start}"


def ends(graph: Graph, edges: Iterable[tuple[int, int]]) -> set[int]:
    """The nodes at both ends of some edges, given as (target, position)."""
    return {
        end for target, position in edges for end in (target, graph.arguments(target)[position])
    }
