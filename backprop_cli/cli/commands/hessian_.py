"""`bprop hessian`: the second derivatives of a scalar output."""

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
from backprop_cli.engine.hessian import hessian
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import find_node, scalar_output
from backprop_cli.render import hessian_tables

if TYPE_CHECKING:
    from backprop_cli.render.sheet import Sheet

MOST_WRITTEN = 10**7  # entries


def run(environment: Environment, options: Options) -> None:
    def solve(bound: Bound) -> Answer:
        graph, output = scalar_output(bound.graph, options.names("of"), "hessian")
        wrt = [find_node(graph, name) for name in options.names("wrt")] or None
        found = hessian(graph, bound.point, output, wrt, options.backend, MOST_WRITTEN)

        def sheets(form: str) -> list[Sheet]:
            return hessian_tables.sheets(found, form, options.significant)

        return Answer(lambda: hessian_tables.document(found), sheets, found.warnings)

    respond(environment, options, "hessian", solve)


COMMAND = Command(
    name="hessian",
    summary="The second derivatives of a scalar output, in few products.",
    argument=EXPRESSION,
    options=(AT, WRT, OF, STABLE, *ANSWER),
    examples=(
        ('bprop hessian "x^2*y + sin(y)" --at x=1,y=2', ""),
        ('bprop hessian "sum(x^4) + x[0]*x[1]" --at "x=[1,2,3]" --json', ""),
        ('bprop hessian "a = x*y; a^2 + x" --at x=1,y=2 --wrt a,x', "by any named node"),
    ),
    run=run,
)
