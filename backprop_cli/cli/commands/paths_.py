"""`bprop paths`: the chain rule path by path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.cli.answer import Answer, respond
from backprop_cli.cli.environment import Environment
from backprop_cli.cli.options import (
    ANSWER,
    AT,
    EXPRESSION,
    FROM,
    LIST,
    STABLE,
    THROUGH,
    TO,
    TOP,
    Command,
    Options,
)
from backprop_cli.engine.evaluate import evaluate
from backprop_cli.engine.findings import value_warnings
from backprop_cli.engine.paths import path_report
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import Place, find_node, find_place, only_output
from backprop_cli.engine.warning import Warning_
from backprop_cli.errors import UsageFault
from backprop_cli.ir.graph import Graph
from backprop_cli.render import documents

if TYPE_CHECKING:
    from backprop_cli.render.sheet import Sheet


def run(environment: Environment, options: Options) -> None:
    def solve(bound: Bound) -> Answer:
        graph = bound.graph
        source = start(graph, options.source)
        target = end(graph, options.target)
        through = None if options.through is None else find_node(graph, options.through)
        done = evaluate(graph, bound.point, options.backend)
        report = path_report(
            graph,
            bound.point,
            source.node,
            target.node,
            through=through,
            top=options.top,
            limit=options.list,
            source_index=source.element,
            target_index=target.element,
            backend=options.backend,
            evaluation=done,
        )

        def sheets(form: str) -> list[Sheet]:
            from backprop_cli.render import path_table

            if form == "csv":
                return path_table.listing(report)
            return path_table.paths(report, options.significant)

        notes = [Warning_("note", None, None, text) for text in (*graph.notes, *report.notes)]
        warnings = [*notes, *value_warnings(done, target.node), *report.warnings]
        return Answer(lambda: documents.paths(report), sheets, warnings)

    respond(environment, options, "paths", solve)


def start(graph: Graph, text: str | None) -> Place:
    """Where paths begin: `--from`, or the only variable."""
    if text is not None:
        return find_place(graph, text)
    if len(graph.inputs) == 1:
        return Place(graph.inputs[0], None)
    names = [graph.names[i] for i in graph.inputs]
    if not names:
        raise UsageFault("paths needs a variable to begin at, and this program has none")
    raise UsageFault(
        f"paths begin at one node, and there are {len(names)} variables: {', '.join(names)}",
        help=f"choose one: --from {names[0]}",
    )


def end(graph: Graph, text: str | None) -> Place:
    """Where paths end: `--to`, or the only output."""
    return find_place(graph, text) if text is not None else Place(only_output(graph, "paths"), None)


COMMAND = Command(
    name="paths",
    summary="The paths between two nodes, their products and their sum.",
    argument=EXPRESSION,
    options=(AT, FROM, TO, THROUGH, TOP, LIST, STABLE, *ANSWER),
    examples=(
        ('bprop paths "c = a + b; d = b + 1; c*d" --at a=2,b=1 --from b', ""),
        ('bprop paths "y = x*x; y*y" --at x=3 --through y', ""),
        ('bprop paths "softmax(z)" --at "z=[1,2]" --from "z[0]" --to "v1[1]"', ""),
    ),
    run=run,
)
