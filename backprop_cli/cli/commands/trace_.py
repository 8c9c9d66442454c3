"""`bprop trace`: both passes, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.cli.answer import Answer, respond
from backprop_cli.cli.environment import Environment
from backprop_cli.cli.options import ANSWER, AT, EXPRESSION, OF, SEED, WRT, Command, Options
from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.point import Value, constant_option, shape_of
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import find_node, scalar_output, select_outputs
from backprop_cli.engine.trace import trace
from backprop_cli.errors import ShapeFault
from backprop_cli.ir.shapes import show
from backprop_cli.render import documents

if TYPE_CHECKING:
    from backprop_cli.render.sheet import Sheet


def run(environment: Environment, options: Options) -> None:
    seed: Value = None
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

        def sheets(form: str) -> list[Sheet]:
            from backprop_cli.render import board

            return (
                board.columns(found) if form == "csv" else board.board(found, options.significant)
            )

        return Answer(lambda: documents.trace(found), sheets, found.warnings)

    respond(environment, options, "trace", solve)


COMMAND = Command(
    name="trace",
    summary="Both passes, step by step, as on a board.",
    argument=EXPRESSION,
    options=(AT, WRT, OF, SEED, *ANSWER),
    examples=(
        ('bprop trace "c = a + b; d = b + 1; c*d" --at a=2,b=1', ""),
        ('bprop trace "x*y + sin(x)" --at x=1,y=2 --json', "every node and every edge"),
        ('bprop trace "W @ x" --at "W=[[1,2],[3,4]],x=[1,1]" --seed "[1,0]"', ""),
    ),
    run=run,
)
