"""What the commands share: one answer for each point, printed as asked, with its warnings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.cli.environment import Environment
from backprop_cli.cli.inputs import Inputs
from backprop_cli.cli.options import Options
from backprop_cli.cli.output import Output
from backprop_cli.engine.warning import Warning_
from backprop_cli.errors import EXIT_NO, BpropError, NumbersFault, UsageFault
from backprop_cli.render import documents

if TYPE_CHECKING:
    from backprop_cli.engine.program import Bound
    from backprop_cli.render.sheet import Sheet

FLAGGED = ("kink", "jump", "domain", "non-finite")
MOST_TOLD = 20  # warnings printed; all of them are in the JSON


class Answer(NamedTuple):
    """What a command found at one point, with the ways to show it."""

    document: Callable[[], documents.Document]
    sheets: Callable[[str], list[Sheet]]  # by format
    warnings: Sequence[Warning_]
    # instead of sheets: the text by format, width and colour
    text: Callable[[str, int | None, bool], str] | None = None
    passed: bool = True  # False where the answer is no: exit code 1


def respond(
    environment: Environment,
    options: Options,
    command: str,
    solve: Callable[[Bound], Answer],
) -> None:
    """Solves at each point and prints; many points give one line of JSON each."""
    if options.json and options.format not in (None, "json"):
        raise UsageFault(f"--json and --format {options.format} exclude each other")
    form = "json" if options.json else options.format or "table"
    inputs = Inputs(environment, options, named_sizes=command == "diff")
    if inputs.points.many and options.format not in (None, "json"):
        raise UsageFault(f"many points are printed as JSON Lines, not as {form}")
    flagged: Warning_ | None = None
    passed = True
    told: set[str] = set()
    with inputs.errors(), Output(environment, options.output) as output:
        for point in inputs.points:
            try:
                bound = inputs.bind(point, command)
                answer = solve(bound)
                entries = [
                    *(Warning_("note", None, None, text) for text in bound.notes),
                    *answer.warnings,
                ]
                if inputs.points.many or form == "json":
                    output.write(_json(command, bound, answer, entries, inputs.points.many))
                else:
                    output.write(_shown(environment, options, form, answer, output.is_file))
            except BpropError as fault:
                if point.place and fault.source is None:
                    fault.message = f"{point.place}: {fault.message}"
                raise
            output.flush()
            tell(environment, options, entries, inputs.text.content, told)
            flagged = flagged or next((w for w in entries if w.kind in FLAGGED), None)
            passed = passed and answer.passed
    if not passed:
        raise SystemExit(EXIT_NO)
    if options.strict and flagged is not None:
        what = "is not finite" if flagged.kind == "non-finite" else "rests on a convention"
        raise NumbersFault(f"--strict: a result {what}")


def _json(command: str, bound: Bound, answer: Answer, entries: list[Warning_], line: bool) -> str:
    from backprop_cli.render import json_text

    content = documents.head(command, bound) | answer.document()
    content["warnings"] = documents.warnings(entries)
    return json_text.document(content, line=line)


def _shown(
    environment: Environment, options: Options, form: str, answer: Answer, is_file: bool
) -> str:
    width = None if is_file else environment.width
    color = not is_file and environment.color(environment.stdout, options.color)
    if answer.text is not None:
        return answer.text(form, width, color)
    return shown(answer.sheets(form), form, options.significant, width, color)


def shown(
    sheets: list[Sheet], form: str, digits: int, width: int | None = None, color: bool = False
) -> str:
    """Tables in one of the formats."""
    if form == "csv":
        from backprop_cli.render import delimited

        return delimited.text(sheets)
    if form == "markdown":
        from backprop_cli.render import markdown

        return markdown.text(sheets, digits)
    if form == "latex":
        from backprop_cli.render import latex_tables

        return latex_tables.text(sheets, digits)
    from backprop_cli.render import tables

    return tables.text(sheets, digits, width=width, color=color)


def tell(
    environment: Environment,
    options: Options,
    entries: list[Warning_],
    source: str,
    told: set[str],
) -> None:
    """Prints notes and warnings to stderr, each once."""
    if not entries:
        return
    from backprop_cli.render import diagnostics

    color = environment.color(environment.stderr, options.color)
    for entry in entries:
        text = diagnostics.warning(entry, source, color=color)
        if text in told:
            continue
        told.add(text)
        if len(told) <= MOST_TOLD:
            environment.stderr.write(text)
        elif len(told) == MOST_TOLD + 1:
            environment.stderr.write(diagnostics.note("more warnings are in the JSON (--json)"))
