"""A schedule as tables and as a JSON document, and the edges of its critical path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backprop_cli.engine.schedule import Schedule, Speedup
from backprop_cli.engine.trace import display_labels
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.traverse import ancestors
from backprop_cli.render.backward import barred_labels
from backprop_cli.render.labels import short
from backprop_cli.render.numbers import number
from backprop_cli.render.sheet import Column, Sheet

MOST_OPERATIONS = 60  # in a table for people
MOST_STEPS = 12  # of a critical path in one line
MOST_EXPRESSION = 60

_NODES = [
    Column("level", True, "quiet"),
    Column("node", style="name"),
    Column("operation"),
    Column("slack", True, "derivative"),
]
_SPEEDUPS = [
    Column("processors", True),
    Column("at least", True),
    Column("greedy", True),
    Column("at most", True),
    Column("speed-up", True, "derivative"),
]


def tables(found: Schedule, speedups: Sequence[Speedup], digits: int) -> list[Sheet]:
    """The operations by level with their slack, and the bounds by number of processors."""
    if not found.work:
        return [Sheet(_NODES, [], "work 0: there is no operation")]
    graph, shown = found.graph, barred_labels(found.graph)
    rows: list[list[Any]] = []
    for level, nodes in enumerate(found.levels, 1):
        for k, i in enumerate(nodes[: MOST_OPERATIONS - len(rows)]):
            said = short(_expression(graph, i, shown), MOST_EXPRESSION)
            rows.append(["" if k else str(level), shown[i], said, str(found.slack(i))])
        if len(rows) >= MOST_OPERATIONS:
            break
    foot = []
    if found.work > len(rows):
        foot.append(f"  ... and {found.work - len(rows):,} more (all: --json or --format csv)")
    bounds = [
        [str(s.processors), str(s.lower), str(s.greedy), str(s.upper), number(s.speedup, digits)]
        for s in speedups
    ]
    return [
        Sheet(_NODES, rows, _title(found, shown, digits), foot),
        Sheet(_SPEEDUPS, bounds, "Steps on p processors, one operation each a step"),
    ]


def _title(found: Schedule, shown: Sequence[str], digits: int) -> str:
    work = f"work {found.work} operation{'' if found.work == 1 else 's'}"
    if not found.graph.is_scalar:
        work += f" ({found.element_work} on elements)"
    path = [shown[i] for i in found.critical_path]
    if len(path) > MOST_STEPS:
        path[MOST_STEPS // 2 : -MOST_STEPS // 2] = [f"({len(path) - MOST_STEPS} more)"]
    return (
        f"{work}, span {found.span}, width {found.width}, "
        f"parallelism {number(found.work / found.span, digits)}\ncritical path: {' → '.join(path)}"
    )


def _expression(graph: Graph, node: int, shown: Sequence[str]) -> str:
    from backprop_cli.syntax.unparse import expression

    return expression(graph, node, shown)


def columns(found: Schedule, speedups: Sequence[Speedup]) -> list[Sheet]:
    """All operations and all bounds with one row each, for machines."""
    document_ = document(found, speedups, None)
    rows = [
        [str(item[key]) for key in ("id", "op", "expression", "level", "latest", "slack")]
        + [str(int(item["critical"]))]
        for item in document_["nodes"]
    ]
    titles = ["id", "op", "expression", "level", "latest", "slack", "critical"]
    bounds = [[str(value) for value in s] for s in speedups]
    return [
        Sheet([Column(title) for title in titles], rows, index_at=None),
        Sheet([Column(title) for title in Speedup._fields], bounds, index_at=None),
    ]


def document(found: Schedule, speedups: Sequence[Speedup], backward: bool | None) -> dict[str, Any]:
    """The whole schedule as plain data."""
    graph = found.graph
    ids, shown = graph.labels(), display_labels(graph)
    critical = set(found.critical_path)
    nodes = [
        {
            "id": ids[i],
            "name": graph.names.get(i),
            "op": graph.op(i).name,
            "expression": _expression(graph, i, shown),
            "level": found.earliest[i],
            "latest": found.latest[i],
            "slack": found.slack(i),
            "critical": i in critical,
            "adjoint_of": ids[graph.adjoint_of[i]] if i in graph.adjoint_of else None,
        }
        for level in found.levels
        for i in level
    ]
    return {
        "backward": bool(backward),
        "work": found.work,
        "span": found.span,
        "width": found.width,
        "parallelism": found.parallelism,
        "element_work": found.element_work,
        "levels": [
            {"level": k, "operations": len(level), "nodes": [ids[i] for i in level]}
            for k, level in enumerate(found.levels, 1)
        ],
        "nodes": nodes,
        "critical_path": [ids[i] for i in found.critical_path],
        "speedup": [s._asdict() for s in speedups],
    }


def critical_edges(found: Schedule) -> list[tuple[int, int]]:
    """The edges of the critical path as (target, position), with one from a variable before it."""
    graph, path, stands = found.graph, found.critical_path, found.stands
    edges: list[tuple[int, int]] = []
    inputs = set(graph.inputs)
    for before, i in zip([None, *path], path, strict=False):
        wanted = inputs if before is None else {before}
        sources = [stands[a] for a in graph.arguments(i)]
        position = next((k for k, source in enumerate(sources) if source in wanted), None)
        if position is None:
            continue
        edges.append((i, position))
        name = graph.arguments(i)[position]
        while name != stands[name]:  # through second names
            edges.append((name, 0))
            name = graph.first[name]
    return edges


def ranked(found: Schedule) -> list[list[int]]:
    """The nodes of each level from 0, where the variables stand that the outputs need."""
    graph = found.graph
    needed = ancestors(graph, [node for _, node in graph.outputs])
    return [[i for i in graph.inputs if needed[i]], *found.levels]
