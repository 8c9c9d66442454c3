"""What second and higher derivatives rest on: choices, and guards that stand at their edge.

A kink below an adjoint of 0 changes no first derivative, and a condition has no derivative at all;
beyond the first order both decide which side's derivatives are given.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from backprop_cli.engine.findings import MOST, place, said
from backprop_cli.engine.warning import Warning_
from backprop_cli.ir.ops.contribution import Adjoint

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Sweep


def higher_warnings(sweep: Sweep) -> list[Warning_]:
    """The warnings of the first order, and those that matter beyond it only."""
    told = {(w.kind, w.node) for w in sweep.warnings}
    found = [w for w in sweep.warnings if w.kind != "no-path"]
    for node, k in list(guards(sweep))[:MOST]:
        note, label = sweep.graph.op(node).notes[k], sweep.graph.labels()[node]
        if (note.kind, label) not in told:
            message = f"{note.message}: {said(sweep.graph, node)}"
            found.append(Warning_(note.kind, label, place(sweep.graph, node), message))
    return distinct(found)


def beside_gradient(warnings: Iterable[Warning_]) -> tuple[list[Warning_], list[str]]:
    """The warnings that are not about entries of the gradient, and the reasons that those give."""
    found, reasons = [], []
    for entry in warnings:
        if entry.path is not None and entry.path.startswith("gradient"):
            reasons.append(entry.message.partition(": ")[2])
        else:
            found.append(entry)
    return found, reasons


def distinct(warnings: Iterable[Warning_]) -> list[Warning_]:
    """Each warning once: the first of those with one kind, place and message."""
    told: dict[tuple[Any, ...], Warning_] = {}
    for entry in warnings:
        told.setdefault((*entry[:4], entry.path), entry)
    return list(told.values())


def guards(sweep: Sweep) -> Iterable[tuple[int, int]]:
    """The notes that hold at the nodes below the output, conditions included."""
    graph = sweep.graph
    conditions = _conditions(sweep)
    for node in range(sweep.output + 1):
        if not sweep.active[node] or not graph.op(node).notes:
            continue
        reached = sweep.adjoints[node] is not None
        if not reached and not conditions[node]:
            continue
        for k, note in enumerate(graph.op(node).notes):
            if (reached or note.kind == "jump") and _holds(sweep, node, k):
                yield node, k


def _conditions(sweep: Sweep) -> bytearray:
    """1 for the nodes that a reached node reads without a derivative, and all below them."""
    graph = sweep.graph
    marked = bytearray(len(graph))
    for node in range(sweep.output, -1, -1):
        row, reached = graph.op(node), sweep.adjoints[node] is not None
        for position, argument in enumerate(graph.arguments(node)):
            if marked[node] or (reached and row.selects and row.rule(position) is None):
                marked[argument] = 1
    return marked


def _holds(sweep: Sweep, node: int, k: int) -> bool:
    graph, note = sweep.graph, sweep.graph.op(node).notes[k]
    arguments = graph.arguments(node)
    if note.needs is not None and not sweep.active[arguments[note.needs]]:
        return False
    x, out, _ = sweep.operands(node)
    if sweep.backend == "python":
        return bool(note.condition(*x, out).value)
    from backprop_cli.backends.numpy_arrays import notes_at

    one = out.context.apply("broadcast_to", (out.context.apply("const", (), 1.0),), out.shape)
    adjoint = sweep.adjoint_of(node)
    everywhere = Adjoint(one, None if adjoint is None else adjoint.mask)
    return (node, k) in notes_at(graph, sweep.values, node, everywhere, sweep.active)
