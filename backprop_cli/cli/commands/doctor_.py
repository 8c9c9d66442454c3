"""`bprop doctor`: why a result is not finite or accurate, and what to write instead."""

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
    STRICT,
    WRT,
    Command,
    Options,
)
from backprop_cli.engine.diagnosis import diagnose
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import find_node, scalar_output

REPORT = LESSON._replace(help="How to write the report.")
DIGITS_SHOWN = 6


def run(environment: Environment, options: Options) -> None:
    def solve(bound: Bound) -> Answer:
        graph, output = scalar_output(bound.graph, options.names("of"), "doctor")
        wrt = [find_node(graph, name) for name in options.names("wrt")] or None
        found = diagnose(graph, bound.point, output, wrt, options.backend)

        def text(form: str, width: int | None, color: bool) -> str:
            from backprop_cli.render import doctor_report, lesson_formats

            blocks = doctor_report.report(found, options.digits or DIGITS_SHOWN)
            return lesson_formats.written(blocks, form, graph.source, width, color)

        def document() -> dict[str, object]:
            from backprop_cli.render import doctor_document

            return doctor_document.document(found)

        # the report itself says where digits are lost, and what to write instead
        warnings = [entry for entry in found.sweep.warnings if entry.kind != "accuracy"]
        return Answer(document, lambda form: [], warnings, text, found.healthy)

    respond(environment, options, "doctor", solve)


COMMAND = Command(
    name="doctor",
    summary="Why a result is not finite or not accurate, and a cure.",
    argument=EXPRESSION,
    options=(AT, WRT, OF, JSON, REPORT, STRICT, DIGITS, COLOR, BACKEND, OUTPUT),
    examples=(
        ('bprop doctor "x*sqrt(x)" --at x=0', ""),
        ('bprop doctor "log(1 + exp(x))" --at x=1000', "exit code 1: something is wrong"),
        ('bprop doctor "sqrt(x + 1) - sqrt(x)" --at x=1e12 --json', "where digits are lost"),
    ),
    run=run,
)
