"""`bprop hvp`: the Hessian times a direction, without the Hessian."""

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
    WRT,
    Command,
    Options,
)
from backprop_cli.engine.directional import read_direction
from backprop_cli.engine.hessian_product import hvp
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import find_node, scalar_output
from backprop_cli.render import product_tables


def run(environment: Environment, options: Options) -> None:
    along = read_along(options, "hvp")

    def solve(bound: Bound) -> Answer:
        graph, output = scalar_output(bound.graph, options.names("of"), "hvp")
        wrt = [find_node(graph, name) for name in options.names("wrt")] or None
        direction = read_direction(graph, along)
        found = hvp(graph, bound.point, output, direction, wrt, options.backend)
        return Answer(
            lambda: product_tables.backward_document(found, "hvp"),
            lambda _: product_tables.backward_sheets(found, "product", options.significant),
            found.warnings,
        )

    respond(environment, options, "hvp", solve)


COMMAND = Command(
    name="hvp",
    summary="The Hessian times a direction, without the Hessian.",
    argument=EXPRESSION,
    options=(AT, ALONG, WRT, OF, STABLE, *ANSWER),
    examples=(
        ('bprop hvp "x^2*y + sin(y)" --at x=1,y=2 --along x=1', ""),
        ('bprop hvp "sum(x^4)" --at "x=[1,2,3]" --along "x=[1,0,0]" --json', ""),
    ),
    run=run,
)
