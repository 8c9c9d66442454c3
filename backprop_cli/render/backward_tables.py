"""The adjoint graph beside the forward nodes, as a table and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backprop_cli.engine.backward_trace import BackwardTrace
from backprop_cli.engine.trace import display_labels
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.ir.traverse import ancestors, levels
from backprop_cli.render.backward import barred_labels
from backprop_cli.render.numbers import value
from backprop_cli.render.sheet import Column, Sheet

MOST_OPERATIONS = 40  # of an adjoint that is written out; a longer one is one operation deep

_COLUMNS = [
    Column("node", style="name"),
    Column("is"),
    Column("value", style="quiet"),
    Column("adjoint", style="name"),
    Column("is"),
    Column("derivative", style="derivative"),
]
_MACHINE = ["id", "adjoint_of", "op", "expression", "level"]


def board(found: BackwardTrace, digits: int) -> list[Sheet]:
    """A line for each forward node: what it is, and what its adjoint is."""
    graph, values = found.graph, found.values or []
    shown = barred_labels(graph)
    adjoints = {node: adjoint for adjoint, node in found.pairs.items()}
    own = ancestors(graph, [graph.outputs[0][1], *graph.inputs, *adjoints])
    writer = _Writer(graph, own, shown)
    rows = []
    for i in range(len(graph)):
        if not own[i] or (graph.codes[i] == CONST and i not in graph.names):
            continue
        said = "" if graph.codes[i] == INPUT else f"= {writer.one_deep(i)}"
        row = [shown[i], said, f"= {value(values[i], digits)}", "", "", ""]
        adjoint = adjoints.get(i)
        if adjoint is not None:
            number = f"= {value(values[adjoint], digits)}"
            text = f"= {writer.whole(adjoint)}"
            row[3:] = [shown[adjoint], "" if text == number else text, number]
        rows.append(row)
    return [Sheet(_COLUMNS, rows, "Forward, and backward beside it", header=False)]


class _Writer:
    """Texts of nodes over the labels of forward nodes and adjoints."""

    def __init__(self, graph: Graph, own: bytearray, shown: Sequence[str]) -> None:
        from backprop_cli.syntax.unparse import Writer

        self.graph, self.shown = graph, shown
        unnamed = [i not in graph.names for i in range(len(graph))]
        names = {
            i: shown[i]
            for i in range(len(graph))
            if not unnamed[i] or (own[i] and graph.codes[i] != CONST)
        }
        self.sizes = [1] * len(graph)
        for i in range(len(graph)):
            parts = [1 if a in names else self.sizes[a] for a in graph.arguments(i)]
            self.sizes[i] = min(1 + sum(parts), MOST_OPERATIONS + 1)
        self.writer = Writer(graph, names)

    def one_deep(self, node: int) -> str:
        from backprop_cli.syntax.unparse import expression, number

        if self.graph.codes[node] == CONST:
            return number(self.graph.static[node])
        return expression(self.graph, node, self.shown)

    def whole(self, node: int) -> str:
        if self.sizes[node] > MOST_OPERATIONS:
            return self.one_deep(node)
        return self.writer.write(node)


def document(found: BackwardTrace) -> list[dict[str, Any]]:
    """The nodes of the adjoint graph in execution order, one operation deep."""
    from backprop_cli.syntax.unparse import expression

    graph, values = found.graph, found.values or []
    own = ancestors(graph, [graph.outputs[0][1], *graph.inputs])
    ids, shown, height = graph.labels(), display_labels(graph), levels(graph)
    return [
        {
            "id": ids[i],
            "adjoint_of": ids[found.pairs[i]] if i in found.pairs else None,
            "op": graph.op(i).name,
            "expression": expression(graph, i, shown),
            "shape": graph.shape(i),
            "value": values[i],
            "level": height[i],
        }
        for i in range(len(graph))
        if not own[i] and (graph.codes[i] != CONST or i in graph.names)
    ]


def columns(found: BackwardTrace) -> Sheet:
    """The nodes of the adjoint graph with one row each, for machines."""
    rows = [
        [*(item[key] for key in _MACHINE[:-1]), str(item["level"]), item["value"]]
        for item in document(found)
    ]
    return Sheet([*map(Column, _MACHINE), Column("value", True)], rows, index_at=5)
