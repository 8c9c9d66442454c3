"""The chain rule on one graph, as steps: values, local derivatives, adjoints, paths.

With a sweep every step has its numbers; without one the same steps are symbols alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.engine.explained_paths import Way, numeric_way, symbolic_way
from backprop_cli.engine.trace import barred, display_labels, pieces, rule_text
from backprop_cli.errors import BpropError
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.ir.traverse import ancestors

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Sweep, Value

MOST_STEPS = 60
MOST_USES = 8  # terms of one adjoint that are written out
MOST_WAYS = 6  # variables whose paths are listed
DEEP = 100_000  # nodes above which no paths are counted


class Use(NamedTuple):
    """An edge: one term of its source's adjoint. `contribution` is None where none flows."""

    source: int
    target: int
    position: int
    place: int  # which of the places of the target's operation the node stands in, from 1
    places: int  # how many there are: 2 in x*x
    rule: str  # the local partial in names; of a pullback row, the contribution; '' for none
    partial: Value | None
    contribution: Value | None
    reason: str  # why nothing flows; '' where something may


class Step(NamedTuple):
    """One node. `value` and `adjoint` are None without a point, or where nothing reaches it."""

    node: int
    id: str
    kind: str  # 'variable', 'constant', 'operation'
    expression: str  # one operation deep, over ids
    shape: tuple[int, ...]
    value: Value | None
    adjoint: Value | None
    active: bool  # whether it lies between `wrt` and the output
    uses: list[Use]  # the edges to what uses it: the first MOST_USES of use_count
    use_count: int
    locals: list[Use]  # the edges from its arguments: the first MOST_USES of local_count
    local_count: int
    remarks: list[str]  # conventions that its derivative rests on


class Explanation(NamedTuple):
    """The steps in execution order; `omitted` steps are left out after index `gap`."""

    graph: Graph
    output: int
    wrt: list[int]
    steps: list[Step]
    omitted: int
    gap: int | None
    ways: list[Way]
    more_ways: int
    edges: int  # between `wrt` and the output: what backpropagation visits
    gradient: dict[int, Value] | None
    formulas: dict[int, Graph]  # without a point, the derivatives put together and simplified
    sweep: Sweep | None


def explain(
    graph: Graph,
    output: int,
    wrt: Sequence[int] | None = None,
    sweep: Sweep | None = None,
    most: int = MOST_STEPS,
) -> Explanation:
    """The steps from the variables to the output and back; at a point, with its `sweep`.

    Above `most` nodes only those between `wrt` and the output count; of more, the first and last.
    """
    wanted = list(graph.inputs if wrt is None else wrt)
    needed = ancestors(graph, [output])
    depends = graph.activity(wanted)
    active = bytearray(a and b and 1 for a, b in zip(needed, depends, strict=True))
    numbers = bytearray(c == CONST for c in graph.codes)
    shown = [i for i in range(len(graph)) if needed[i] and not _plain_number(graph, numbers, i)]
    total = len(shown)
    if total > most:
        shown = [i for i in shown if active[i]]
    gap = None
    if len(shown) > most:
        gap = most // 2
        shown = [*shown[:gap], *shown[len(shown) - (most - gap) :]]
    uses = uses_of(graph, active, shown, output)
    labels = display_labels(graph)
    steps = [_step(graph, i, uses.get(i, []), labels, active, sweep) for i in shown]
    ways = [_way(graph, output, i, active, sweep) for i in wanted[:MOST_WAYS]]
    return Explanation(
        graph,
        output,
        wanted,
        steps,
        total - len(shown),
        gap,
        [way for way in ways if way is not None],
        max(len(wanted) - MOST_WAYS, 0),
        count_edges(graph, active),
        None if sweep is None else sweep.gradient,
        formulas(graph, output, wanted[:MOST_WAYS]) if sweep is None and total <= most else {},
        sweep,
    )


def formulas(graph: Graph, output: int, wrt: Sequence[int]) -> dict[int, Graph]:
    """The derivatives as simplified programs, of those variables for which one can be written."""
    from backprop_cli.engine.symbolic import symbolic

    found = {}
    for node in wrt:
        try:
            found[node] = symbolic(graph, output, [node])[0].graph
        except BpropError:
            continue
    return found


def _plain_number(graph: Graph, numbers: bytearray, node: int) -> bool:
    return bool(numbers[node]) and node not in graph.names


def count_edges(graph: Graph, active: bytearray) -> int:
    """The edges that have a derivative between active nodes."""
    return sum(
        graph.op(i).rule(k) is not None
        for i in range(len(graph))
        if active[i]
        for k, a in enumerate(graph.arguments(i))
        if active[a]
    )


def uses_of(
    graph: Graph, active: bytearray, nodes: Iterable[int], output: int
) -> dict[int, list[tuple[int, int]]]:
    """For each node the edges out of it, towards the output, as (target, position)."""
    found: dict[int, list[tuple[int, int]]] = {i: [] for i in nodes}
    for i in range(output + 1):
        if active[i]:
            for position, a in enumerate(graph.arguments(i)):
                if a in found:
                    found[a].append((i, position))
    return found


def _step(
    graph: Graph,
    node: int,
    uses: list[tuple[int, int]],
    labels: list[str],
    active: bytearray,
    sweep: Sweep | None,
) -> Step:
    from backprop_cli.syntax.unparse import expression

    kind = "operation" if graph.active[node] else "constant"
    if graph.codes[node] == INPUT:
        kind = "variable"
    remarks = []
    if sweep is not None:
        notes = [graph.op(node).notes[k] for i, k in sorted(set(sweep.flags)) if i == node]
        remarks = [note.message for note in notes]
    below = [(k, a) for k, a in enumerate(graph.arguments(node)) if active[node] and active[a]]
    return Step(
        node,
        graph.labels()[node],
        kind,
        expression(graph, node, labels),
        graph.shape(node),
        None if sweep is None else sweep.values[node],
        None if sweep is None else sweep.adjoints[node],
        bool(active[node]),
        [_use(graph, node, target, k, labels, sweep) for target, k in uses[:MOST_USES]],
        len(uses),
        [_use(graph, a, node, k, labels, sweep) for k, a in below[:MOST_USES]],
        len(below),
        remarks,
    )


def _use(
    graph: Graph, node: int, target: int, position: int, labels: list[str], sweep: Sweep | None
) -> Use:
    same = [k for k, a in enumerate(graph.arguments(target)) if a == node]
    rule = rule_of(graph, target, position, labels)
    partial = contribution = None
    reason = _no_rule(graph, target) if graph.op(target).rule(position) is None else ""
    if sweep is not None and not reason:
        contribution = sweep.contribution(target, position)
        if contribution is None:
            reason = _no_edge(sweep, target, position)
        else:
            partial = sweep.partial(target, position)
    place = same.index(position) + 1
    return Use(node, target, position, place, len(same), rule, partial, contribution, reason)


# what a product hands down where an operand is a vector, by the numbers of axes
_VECTOR_PRODUCTS = {
    (1, 1): ("out\u0304*b", "out\u0304*a"),
    (2, 1): ("outer(out\u0304, b)", "a' @ out\u0304"),
    (1, 2): ("out\u0304 @ b'", "outer(a, out\u0304)"),
}


def rule_template(graph: Graph, node: int, position: int) -> str:
    """The derivative of a row by one argument, in the words of its signature."""
    row = graph.op(node)
    if row.name == "matmul":
        ranks = tuple(len(graph.shape(a)) for a in graph.arguments(node))
        if ranks in _VECTOR_PRODUCTS:
            return _VECTOR_PRODUCTS[ranks][position]
    parts = pieces(row.derivative)
    return parts[0] if row.variadic or len(parts) == 1 else parts[position]


def rule_of(graph: Graph, node: int, position: int, labels: list[str]) -> str:
    """`trace.rule_text`, exact for products with vectors too."""
    text = rule_template(graph, node, position)
    if graph.op(node).name != "matmul":
        return rule_text(graph, node, position, labels)
    names = dict(zip("ab", (labels[a] for a in graph.arguments(node)), strict=True))
    text = re.sub(r"\b[ab]\b", lambda found: names[found[0]], text)
    return text.replace("out\u0304", barred(labels[node]))


def _no_rule(graph: Graph, target: int) -> str:
    """Why an operation has no derivative for an argument, whatever the point."""
    row = graph.op(target)
    if row.name == "stop_grad":
        return "stop_grad lets the value through and stops the derivative"
    if row.name == "where":
        return "a condition chooses a branch; no derivative flows through it"
    if row.family in ("comparison", "logic"):
        return "a comparison is 0 or 1 and does not change with small steps"
    return f"{row.name} is flat between its jumps, so nothing flows"


def _no_edge(sweep: Sweep, target: int, position: int) -> str:
    """Why nothing flows along an edge at this point."""
    graph = sweep.graph
    row = graph.op(target)
    if sweep.adjoints[target] is None:
        return f"nothing reaches {graph.labels()[target]}, so nothing flows on"
    if row.name == "where":
        return "this branch was not taken, so nothing flows"
    if row.name in ("maximum", "minimum"):
        size = "largest" if row.name == "maximum" else "smallest"
        return f"this operand is not the {size}, so nothing flows"
    if row.name == "relu":
        return "relu is flat where its argument is not above 0, so nothing flows"
    if row.name == "clip":
        return "clip does not take its value from here, so nothing flows"
    if row.selects:
        return "this operand was not selected, so nothing flows"
    return "it is multiplied by the constant 0, so nothing flows"


def _way(
    graph: Graph, output: int, node: int, active: bytearray, sweep: Sweep | None
) -> Way | None:
    if len(graph) > DEEP:
        return None
    if sweep is None:
        return symbolic_way(graph, node, output, active)
    return numeric_way(sweep, node, output)
