"""`bprop explain`: the chain rule on this graph, step by step."""

from __future__ import annotations

from backprop_cli.cli.answer import Answer, respond
from backprop_cli.cli.environment import Environment
from backprop_cli.cli.options import (
    AT,
    BACKEND,
    COLOR,
    DIGITS,
    EXPRESSION,
    JSON,
    LESSON,
    OF,
    OUTPUT,
    SHAPE,
    STEPS,
    STRICT,
    WRT,
    Command,
    Options,
)
from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.explanation import MOST_STEPS, explain
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import find_node, scalar_output
from backprop_cli.engine.warning import Warning_

DIGITS_SHOWN = 6


def run(environment: Environment, options: Options) -> None:
    def solve(bound: Bound) -> Answer:
        graph, output = scalar_output(bound.graph, options.names("of"), "explain")
        wrt = [find_node(graph, name) for name in options.names("wrt")] or None
        # without any value for its variables a program is explained in symbols alone
        bare = bool(graph.inputs) and not any(graph.names[i] in bound.point for i in graph.inputs)
        sweep = None
        if not bare:
            sweep = differentiate(graph, bound.point, output, wrt, backend=options.backend)
        found = explain(graph, output, wrt, sweep, options.steps or MOST_STEPS)

        def text(form: str, width: int | None, color: bool) -> str:
            from backprop_cli.render import lesson_formats
            from backprop_cli.render.explained.whole import lesson

            blocks = lesson(found, options.digits or DIGITS_SHOWN)
            return lesson_formats.written(blocks, form, graph.source, width, color)

        def document() -> dict[str, object]:
            from backprop_cli.render.explained import document as made

            return made.document(found)

        notes = [Warning_("note", None, None, note) for note in graph.notes]
        warnings = notes if sweep is None else sweep.warnings
        return Answer(document, lambda form: [], warnings, text)

    respond(environment, options, "explain", solve)


COMMAND = Command(
    name="explain",
    summary="The chain rule on this graph, step by step.",
    argument=EXPRESSION,
    options=(AT, WRT, OF, SHAPE, STEPS, JSON, LESSON, STRICT, DIGITS, COLOR, BACKEND, OUTPUT),
    examples=(
        ('bprop explain "c = a + b; d = b + 1; c*d" --at a=2,b=1', ""),
        ('bprop explain "x*y + sin(x)"', "in symbols, without numbers"),
        ('bprop explain "sum(W @ x)" --at "W=[[1,2],[3,4]],x=[1,1]" --format latex', ""),
        ('bprop explain "x^2*y" --at x=1,y=2 --format markdown -o lesson.md', ""),
    ),
    run=run,
)
