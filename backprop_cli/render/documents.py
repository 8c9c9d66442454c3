"""The JSON documents of the commands, as plain data; `json_text` writes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backprop_cli.engine.jacobian import Jacobian
    from backprop_cli.engine.paths import PathReport
    from backprop_cli.engine.program import Bound
    from backprop_cli.engine.sweep import Evaluation, Sweep
    from backprop_cli.engine.trace import Trace
    from backprop_cli.engine.warning import Warning_
    from backprop_cli.ir.ops import Operation

Document = dict[str, Any]


def head(command: str, bound: Bound) -> Document:
    """What every document begins with."""
    return {"schema": f"bprop.{command}/1", "expression": bound.graph.source, "at": bound.point}


def warnings(entries: Iterable[Warning_]) -> list[Document]:
    return [
        {
            "kind": entry.kind,
            "node": entry.node,
            "span": None if entry.span is None else list(entry.span),
            "message": entry.message,
            "path": entry.path,
            "value": None if entry.value is None else str(float(entry.value)),
        }
        for entry in entries
    ]


def evaluation(found: Evaluation, outputs: list[tuple[str, int]]) -> Document:
    values, names = found.values, found.graph.names
    named = {name: values[node] for node, name in sorted(names.items())}
    if len(outputs) == 1:
        return {"value": values[outputs[0][1]], "values": named}
    return {"outputs": {name: values[node] for name, node in outputs}, "values": named}


def gradient(sweep: Sweep) -> Document:
    labels = sweep.graph.labels()
    return {
        "value": sweep.value,
        "gradient": {labels[node]: part for node, part in sweep.gradient.items()},
    }


def trace(found: Trace) -> Document:
    nodes = [
        {
            "id": node.id,
            "name": node.name,
            "op": node.op,
            "expression": node.expression,
            "shape": list(node.shape),
            "value": node.value,
            "adjoint": node.adjoint,
            "level": node.level,
            "span": None if node.span is None else list(node.span),
        }
        for node in found.nodes
    ]
    edges = [
        {
            "from": edge.source,
            "to": edge.target,
            "position": edge.position,
            "rule": edge.rule,
            "partial": edge.partial,
            "contribution": edge.contribution,
        }
        for edge in found.edges
    ]
    return {
        "value": found.value,
        "output": found.output,
        "wrt": found.wrt,
        "nodes": nodes,
        "edges": edges,
    }


def paths(report: PathReport) -> Document:
    return {
        "from": report.from_,
        "to": report.to,
        "through": report.through_label,
        "count": report.count,
        "count_log10": report.count_log10,
        "paths": [
            {
                "nodes": path.labels,
                "partials": path.partials,
                "product": path.product,
                "share": path.share,
            }
            for path in report.paths
        ],
        "listed_sum": report.listed_sum,
        "sum": report.sum,
        "gradient": report.gradient,
        "agree": report.agree,
        "cancellation": report.cancellation._asdict(),
        "cost": report.cost,
        "open_bound": report.open_bound,
    }


def jacobian(found: Jacobian) -> Document:
    labels = found.graph.labels()
    blocks = {
        name or labels[node]: {labels[i]: part for i, part in found.blocks[node].items()}
        for name, node in found.outputs
    }
    if len(found.outputs) == 1:
        return {"value": found.values[0], "jacobian": next(iter(blocks.values()))}
    outputs = {name: value for (name, _), value in zip(found.outputs, found.values, strict=True)}
    return {"outputs": outputs, "jacobian": blocks}


def operations(rows: Iterable[Operation]) -> Document:
    return {
        "schema": "bprop.ops/1",
        "operations": [
            {
                "name": row.name,
                "aliases": list(row.aliases),
                "family": row.family,
                "kind": row.kind,
                "signature": list(row.signature),
                "arity": list(row.arity),
                "notation": row.notation,
                "summary": row.summary,
                "derivative": row.derivative,
                "static": row.static,
                "notes": [{"kind": note.kind, "message": note.message} for note in row.notes],
            }
            for row in rows
        ],
    }
