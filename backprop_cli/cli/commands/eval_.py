"""`bprop eval`: the forward pass."""

from __future__ import annotations

from backprop_cli.cli.answer import Answer, respond
from backprop_cli.cli.environment import Environment
from backprop_cli.cli.options import (
    ANSWER,
    AT,
    EXPRESSION,
    OF,
    STABLE,
    Command,
    Options,
)
from backprop_cli.engine.evaluate import evaluate
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import select_outputs
from backprop_cli.engine.warning import Warning_
from backprop_cli.render import documents


def run(environment: Environment, options: Options) -> None:
    def solve(bound: Bound) -> Answer:
        from backprop_cli.engine.findings import said, value_warnings
        from backprop_cli.engine.lost_values import lost_values
        from backprop_cli.engine.stability import value_stability
        from backprop_cli.render import sheets

        graph, outputs = select_outputs(bound.graph, options.names("of"))
        found = evaluate(graph, bound.point, options.backend)
        warnings = [Warning_("note", None, None, note) for note in graph.notes]
        several = len(outputs) > 1
        paths = [(f"outputs.{name}" if several else "value", node) for name, node in outputs]
        for path, node in paths:
            warnings += value_warnings(found, node, path)
        unstable = value_stability(found, [node for _, node in outputs], said)
        warnings += unstable or lost_values(found, paths)
        if bound.sigmas:
            from backprop_cli.cli.commands.uncertain import evaluation_answer

            return evaluation_answer(bound, found, outputs, warnings, options.significant)
        return Answer(
            lambda: documents.evaluation(found, outputs),
            lambda form: sheets.evaluation(found, outputs, form, options.significant),
            warnings,
        )

    respond(environment, options, "eval", solve)


COMMAND = Command(
    name="eval",
    summary="The value of an expression, and of every named node.",
    argument=EXPRESSION,
    options=(AT, OF, STABLE, *ANSWER),
    examples=(
        ('bprop eval "x*y + sin(x)" --at x=1,y=2', ""),
        ('bprop eval "A @ x" --at "A=[[1,2],[3,4]],x=[1,1]"', ""),
        ('bprop eval "a = x^2; a + 1" --at x=pi/4 --json', "every named node, as JSON"),
        ('bprop eval "m*g*h" --at "m=2±0.1,g=9.81,h=3±0.05"', "with its standard deviation"),
        ("bprop eval @model.bprop --at @points.jsonl", "one line of JSON for each point"),
    ),
    run=run,
)
