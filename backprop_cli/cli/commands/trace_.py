"""`bprop trace`: both passes, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.cli.answer import Answer, respond
from backprop_cli.cli.environment import Environment
from backprop_cli.cli.options import (
    ANSWER,
    AT,
    BACKWARD,
    EXPRESSION,
    OF,
    SEED,
    STABLE,
    WRT,
    Command,
    Options,
)
from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.point import Value, constant_option, shape_of
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import find_node, scalar_output, select_outputs
from backprop_cli.engine.trace import trace
from backprop_cli.errors import ShapeFault, UsageFault
from backprop_cli.ir.shapes import show
from backprop_cli.render import documents

if TYPE_CHECKING:
    from backprop_cli.engine.backward_trace import BackwardTrace
    from backprop_cli.ir.graph import Graph
    from backprop_cli.render.sheet import Sheet


def run(environment: Environment, options: Options) -> None:
    seed: Value = None
    if options.backward and options.seed is not None:
        raise UsageFault("--backward has the seed 1", help="leave out --seed")
    if options.seed is not None:
        seed = constant_option("--seed", options.seed)

    def solve(bound: Bound) -> Answer:
        graph, chosen = select_outputs(bound.graph, options.names("of"))
        if seed is None or len(chosen) > 1:
            graph, output = scalar_output(graph, options.names("of"), "trace")
        else:
            output = chosen[0][1]
        if seed is not None and shape_of(seed) != graph.shape(output):
            given, wanted = show(shape_of(seed)), show(graph.shape(output))
            raise ShapeFault(
                f"the seed is {given}, and the output is {wanted}",
                help="the seed has the shape of the output: one adjoint for each element",
            )
        wrt = [find_node(graph, name) for name in options.names("wrt")] or None
        sweep = differentiate(graph, bound.point, output, wrt, seed, options.backend)
        found = trace(sweep)
        view = backward_view(bound, graph, output, wrt, options) if options.backward else None

        def sheets(form: str) -> list[Sheet]:
            from backprop_cli.render import backward_tables, board

            if form == "csv":
                more = [] if view is None else [backward_tables.columns(view)]
                return [*board.columns(found), *more]
            if view is not None:
                return backward_tables.board(view, options.significant)
            return board.board(found, options.significant)

        def document() -> documents.Document:
            from backprop_cli.render import backward_tables

            more = {} if view is None else {"backward": backward_tables.document(view)}
            return documents.trace(found) | more

        return Answer(document, sheets, found.warnings)

    respond(environment, options, "trace", solve)


def backward_view(
    bound: Bound, graph: Graph, output: int, wrt: list[int] | None, options: Options
) -> BackwardTrace:
    """The adjoint graph at the point."""
    from backprop_cli.engine.backward import backward_graph
    from backprop_cli.engine.backward_trace import backward_trace

    return backward_trace(backward_graph(graph, output, wrt), bound.point, options.backend)[0]


COMMAND = Command(
    name="trace",
    summary="Both passes, step by step, as on a board.",
    argument=EXPRESSION,
    options=(AT, WRT, OF, SEED, BACKWARD, STABLE, *ANSWER),
    examples=(
        ('bprop trace "c = a + b; d = b + 1; c*d" --at a=2,b=1', ""),
        ('bprop trace "x*y + sin(x)" --at x=1,y=2 --json', "every node and every edge"),
        (
            'bprop trace "x*y + sin(x)" --at x=1,y=2 --backward',
            "each adjoint beside its node",
        ),
        ('bprop trace "W @ x" --at "W=[[1,2],[3,4]],x=[1,1]" --seed "[1,0]"', ""),
    ),
    run=run,
)
