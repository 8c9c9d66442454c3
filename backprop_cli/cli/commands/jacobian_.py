"""`bprop jacobian`: the derivatives of outputs that are not scalars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.cli.answer import Answer, respond
from backprop_cli.cli.environment import Environment
from backprop_cli.cli.options import ANSWER, AT, EXPRESSION, OF, STABLE, WRT, Command, Options
from backprop_cli.engine.jacobian import jacobian
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import find_node, select_outputs
from backprop_cli.engine.warning import Warning_
from backprop_cli.render import documents

if TYPE_CHECKING:
    from backprop_cli.render.sheet import Sheet


def run(environment: Environment, options: Options) -> None:
    def solve(bound: Bound) -> Answer:
        graph, outputs = select_outputs(bound.graph, options.names("of"))
        wrt = [find_node(graph, name) for name in options.names("wrt")] or None
        found = jacobian(graph, bound.point, outputs, wrt, options.backend)
        warnings: list[Warning_] = found.warnings

        def sheets(form: str) -> list[Sheet]:
            from backprop_cli.render import sheets

            return sheets.jacobian(found, form, options.significant)

        return Answer(lambda: documents.jacobian(found), sheets, warnings)

    respond(environment, options, "jacobian", solve)


COMMAND = Command(
    name="jacobian",
    summary="All derivatives of outputs that are not scalars.",
    argument=EXPRESSION,
    options=(AT, WRT, OF, STABLE, *ANSWER),
    examples=(
        ('bprop jacobian "[x*y, x + y]" --at x=1,y=2', ""),
        ('bprop jacobian "softmax(z)" --at "z=[1,2,3]" --json', ""),
        ('bprop jacobian "u = x*y; v = x/y; (u, v)" --at x=1,y=2', "several outputs"),
    ),
    run=run,
)
