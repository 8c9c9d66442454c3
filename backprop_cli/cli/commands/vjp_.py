"""`bprop vjp`: a weighted sum of gradients, by reverse mode."""

from __future__ import annotations

from backprop_cli.cli.answer import Answer, respond
from backprop_cli.cli.environment import Environment
from backprop_cli.cli.options import (
    ANSWER,
    AT,
    EXPRESSION,
    OF,
    SEED,
    STABLE,
    WRT,
    Command,
    Options,
)
from backprop_cli.engine.directional import vjp
from backprop_cli.engine.point import Value, constant_option
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import find_node, one_output
from backprop_cli.render import product_tables


def run(environment: Environment, options: Options) -> None:
    seed: Value = None
    if options.seed is not None:
        seed = constant_option("--seed", options.seed)

    def solve(bound: Bound) -> Answer:
        graph, _, output = one_output(bound.graph, options.names("of"), "vjp")
        wrt = [find_node(graph, name) for name in options.names("wrt")] or None
        found = vjp(graph, bound.point, output, seed, wrt, options.backend)
        return Answer(
            lambda: product_tables.backward_document(found, "vjp"),
            lambda _: product_tables.backward_sheets(found, "product", options.significant),
            found.warnings,
        )

    respond(environment, options, "vjp", solve)


COMMAND = Command(
    name="vjp",
    summary="Gradients weighted by a seed: a vector times the Jacobian.",
    argument=EXPRESSION,
    options=(AT, SEED, WRT, OF, STABLE, *ANSWER),
    examples=(
        ('bprop vjp "[x*y, x + y]" --at x=1,y=2 --seed "[1,0]"', ""),
        ('bprop vjp "A @ x" --at "A=[[1,2],[3,4]],x=[1,1]" --seed "[1,-1]" --wrt x', ""),
    ),
    run=run,
)
