"""`bprop taylor`: the Taylor polynomial of an output in one variable."""

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
    TAYLOR_ORDER,
    WRT,
    Command,
    Options,
)
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import one_output
from backprop_cli.engine.taylor import expansion_place, taylor
from backprop_cli.render import taylor_tables

if TYPE_CHECKING:
    from backprop_cli.render.sheet import Sheet

ORDER = 5


def run(environment: Environment, options: Options) -> None:
    order = ORDER if options.order is None else options.order

    def solve(bound: Bound) -> Answer:
        graph, _, output = one_output(bound.graph, options.names("of"), "taylor")
        name, place = expansion_place(graph, options.names("wrt"))
        found = taylor(graph, bound.point, output, place, name, order, options.backend)

        def sheets(form: str) -> list[Sheet]:
            return taylor_tables.sheets(found, options.significant)

        return Answer(lambda: taylor_tables.document(found), sheets, found.warnings)

    respond(environment, options, "taylor", solve)


COMMAND = Command(
    name="taylor",
    summary="The Taylor polynomial of an output in one variable.",
    argument=EXPRESSION,
    options=(AT, WRT, TAYLOR_ORDER, OF, STABLE, *ANSWER),
    examples=(
        ('bprop taylor "exp(x)*y" --at x=0,y=2 --wrt x --order 4', ""),
        ('bprop taylor "sqrt(1 + x)" --at x=0 --json', ""),
    ),
    run=run,
)
