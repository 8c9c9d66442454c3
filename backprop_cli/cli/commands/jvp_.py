"""`bprop jvp`: derivatives along a direction, by forward mode."""

from __future__ import annotations

from backprop_cli.cli.answer import Answer, respond
from backprop_cli.cli.direction import read_along
from backprop_cli.cli.environment import Environment
from backprop_cli.cli.options import (
    ALONG,
    ANSWER,
    AT,
    EXPRESSION,
    OF,
    STABLE,
    Command,
    Options,
)
from backprop_cli.engine.directional import jvp, read_direction
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import select_outputs
from backprop_cli.render import product_tables


def run(environment: Environment, options: Options) -> None:
    along = read_along(options, "jvp")

    def solve(bound: Bound) -> Answer:
        graph, outputs = select_outputs(bound.graph, options.names("of"))
        direction = read_direction(graph, along)
        found = jvp(graph, bound.point, direction, outputs, options.backend)
        return Answer(
            lambda: product_tables.forward_document(found, outputs),
            lambda form: product_tables.forward_sheets(found, outputs, form, options.significant),
            found.warnings,
        )

    respond(environment, options, "jvp", solve)


COMMAND = Command(
    name="jvp",
    summary="Derivatives along a direction: the Jacobian times a vector.",
    argument=EXPRESSION,
    options=(AT, ALONG, OF, STABLE, *ANSWER),
    examples=(
        ('bprop jvp "[x*y, x + y]" --at x=1,y=2 --along x=1,y=3', ""),
        ('bprop jvp "softmax(z)" --at "z=[1,2,3]" --along "z=[1,0,0]" --json', ""),
    ),
    run=run,
)
