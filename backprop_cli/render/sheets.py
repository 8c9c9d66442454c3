"""The tables of the commands: what stands in which column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from backprop_cli.render.numbers import elements, nested, value
from backprop_cli.render.sheet import Column, Sheet

if TYPE_CHECKING:
    from backprop_cli.engine.jacobian import Jacobian
    from backprop_cli.engine.sweep import Evaluation, Sweep
    from backprop_cli.ir.graph import Graph
    from backprop_cli.ir.ops import Operation

TITLE = 60  # columns of source text that a title may repeat
WIDEST = 12  # columns of a matrix that is shown as one (in blocks where they do not fit)
MOST_ENTRIES = 1000  # of a larger matrix, in a table for people

NAME = Column("name", style="name")
VALUE = Column("value", numeric=True, style="value")
DERIVATIVE = Column("derivative", numeric=True, style="derivative")


def said(graph: Graph, node: int) -> str:
    """What to call an output: its name, else the source if it is one short expression."""
    name = graph.names.get(node)
    if name is not None:
        return name
    text = graph.source.strip()
    outputs = [output for _, output in graph.outputs]
    if outputs == [node] and 0 < len(text) <= TITLE and not any(c in text for c in ";#\n="):
        return text
    return "value" if outputs == [node] else graph.labels()[node]


def evaluation(
    found: Evaluation, outputs: Sequence[tuple[str, int]], form: str, digits: int
) -> list[Sheet]:
    """The outputs in the title, the named nodes below; in formats for machines all as rows."""
    graph, values = found.graph, found.values
    top = {node for _, node in outputs}
    if form == "table":
        title = "\n".join(
            f"{name or said(graph, node)} = {value(values[node], digits)}" for name, node in outputs
        )
        hidden = top.union(graph.inputs)
        named = [i for i in sorted(graph.names) if i not in hidden]
        rows = [[graph.names[i], values[i]] for i in named]
        return [Sheet([NAME, VALUE], rows, title)]
    rows = [[graph.names[i], values[i]] for i in sorted(graph.names)]
    rows += [[name or "value", values[i]] for name, i in outputs if i not in graph.names]
    return [Sheet([NAME, VALUE], rows)]


def gradient(sweep: Sweep, digits: int) -> list[Sheet]:
    graph = sweep.graph
    labels = graph.labels()
    rows = [[labels[i], sweep.values[i], part] for i, part in sweep.gradient.items()]
    title = f"{said(graph, sweep.output)} = {value(sweep.value, digits)}"
    return [Sheet([NAME, VALUE, DERIVATIVE], rows, title)]


def jacobian(found: Jacobian, form: str, digits: int) -> list[Sheet]:
    """A matrix for each output where it fits; in formats for machines one row a derivative."""
    if form == "csv":
        return [_long_jacobian(found)]
    return [
        _matrix(found, name or said(found.graph, node), node, item, digits)
        for (name, node), item in zip(found.outputs, found.values, strict=True)
    ]


def _entries(label: str, item: Any) -> list[tuple[str, float]]:
    """The elements of a tensor, each called as in the language."""
    return [(f"{label}[{i}]" if i else label, part) for i, part in elements(item)]


def _matrix(found: Jacobian, name: str, node: int, item: Any, digits: int) -> Sheet:
    graph, block = found.graph, found.blocks[node]
    labels = graph.labels()
    short = name if name.isidentifier() else "value"
    heads = [h for i in found.wrt for h, _ in _entries(labels[i], nested(_zeros(graph, i)))]
    rows = [[label] for label, _ in _entries(short, item)]
    table: list[list[Any]] = [list(row) for row in rows]
    for i in found.wrt:
        parts = [part for _, part in elements(block[i])]
        width = max(len(parts) // max(len(table), 1), 1)
        for k, row in enumerate(table):
            row += parts[k * width : (k + 1) * width]
    title = f"{name} = {value(item, digits)}"
    if len(heads) <= WIDEST:
        columns = [
            Column("", style="name"),
            *(Column(f"∂/∂{h}", True, "derivative") for h in heads),
        ]
        return Sheet(columns, table, title)
    long = [
        [row[0], head, part]
        for row in table
        for head, part in zip(heads, row[1:], strict=True)
        if part != 0
    ]
    columns = [Column("output", style="name"), Column("by", style="name"), DERIVATIVE]
    left_out = ["entries that are 0 are left out"] if len(long) < len(table) * len(heads) else []
    return entries(columns, long, title, left_out)


def entries(
    columns: Sequence[Column], rows: Sequence[Sequence[Any]], title: str, foot: Sequence[str]
) -> Sheet:
    """The entries of a matrix that is too wide to be shown as one, a row for each."""
    more = len(rows) - MOST_ENTRIES
    if more > 0:
        foot = [f"... and {more:,} more (all: --json or --format csv)", *foot]
    return Sheet(columns, rows[:MOST_ENTRIES], title, foot)


def _zeros(graph: Graph, node: int) -> Any:
    zeros: Any = 0.0
    for size in reversed(graph.shape(node)):
        zeros = [zeros] * size
    return zeros


def _long_jacobian(found: Jacobian) -> Sheet:
    graph = found.graph
    labels = graph.labels()
    rows: list[list[Any]] = []
    for name, node in found.outputs:
        depth = len(graph.shape(node))
        for i in found.wrt:
            for index, part in elements(found.blocks[node][i]):
                places = index.split(",") if index else []
                rows.append(
                    [
                        name or "value",
                        ",".join(places[:depth]),
                        labels[i],
                        ",".join(places[depth:]),
                        part,
                    ]
                )
    columns = [
        Column("output"),
        Column("output_index"),
        Column("input"),
        Column("input_index"),
        DERIVATIVE,
    ]
    return Sheet(columns, rows, index_at=None)


def operations(rows: Iterable[Operation], form: str) -> list[Sheet]:
    """The operation table, a sheet for each family; one sheet for machines."""
    columns = [
        Column("operation", style="name"),
        Column("derivative"),
        Column("meaning", style="quiet"),
    ]
    families: dict[str, list[list[Any]]] = {}
    for row in rows:
        call = f"{row.name}({', '.join(row.signature)}{', ...' if row.variadic else ''})"
        families.setdefault(row.family, []).append([call, row.derivative, row.summary])
    if form == "csv":
        lines = [[family, *row] for family, group in families.items() for row in group]
        return [Sheet([Column("family"), *columns], lines, index_at=None)]
    return [Sheet(columns, group, family) for family, group in families.items()]
