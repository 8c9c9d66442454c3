"""`bprop grad`: the reverse pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.cli.answer import Answer, respond
from backprop_cli.cli.environment import Environment
from backprop_cli.cli.options import (
    ANSWER,
    AT,
    EXPRESSION,
    OF,
    STABLE,
    WRT,
    Command,
    Options,
)
from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import find_node, scalar_output
from backprop_cli.render import documents

if TYPE_CHECKING:
    from backprop_cli.render.sheet import Sheet


def run(environment: Environment, options: Options) -> None:
    def solve(bound: Bound) -> Answer:
        graph, output = scalar_output(bound.graph, options.names("of"), "grad")
        wrt = [find_node(graph, name) for name in options.names("wrt")] or None
        sweep = differentiate(graph, bound.point, output, wrt, backend=options.backend)
        if bound.sigmas:
            from backprop_cli.cli.commands.uncertain import gradient_answer

            return gradient_answer(bound, sweep, wrt, options.significant)

        def sheets(form: str) -> list[Sheet]:
            from backprop_cli.render import sheets

            return sheets.gradient(sweep, options.significant)

        return Answer(lambda: documents.gradient(sweep), sheets, sweep.warnings)

    respond(environment, options, "grad", solve)


COMMAND = Command(
    name="grad",
    summary="The derivatives of an expression, by backpropagation.",
    argument=EXPRESSION,
    options=(AT, WRT, OF, STABLE, *ANSWER),
    examples=(
        ('bprop grad "x*y + sin(x)" --at x=1,y=2', ""),
        ('bprop grad "-x^2" --at x=3 --json', ""),
        ('bprop grad "a = x*y; b = a^2; a + b" --at x=1,y=2 --wrt a,x', "by any named node"),
        ('bprop grad "sum(sigmoid(W @ x))" --at "W=[[1,2],[3,4]],x=[0.5,-1]"', ""),
        ('bprop grad "m*g*h" --at "m=2±0.1,g=9.81,h=3±0.05"', "propagation of uncertainty"),
        ("cat points.jsonl | bprop grad @model.bprop --at -", "one line of JSON for each point"),
    ),
    run=run,
)
