"""`bprop schedule`: levels, work, span, and the speed-up that more processors can give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.cli.answer import Answer, respond
from backprop_cli.cli.environment import Environment
from backprop_cli.cli.options import (
    ANSWER,
    AT,
    BACKEND,
    BACKWARD,
    EXPRESSION,
    MAX_NODES,
    OF,
    PROCESSORS,
    SHAPE,
    STRICT,
    THEME,
    WRT,
    Command,
    Options,
)
from backprop_cli.cli.pictures import SUMMED, to_schedule
from backprop_cli.engine.program import Bound
from backprop_cli.engine.schedule import schedule
from backprop_cli.engine.selection import select_outputs
from backprop_cli.engine.warning import Warning_
from backprop_cli.errors import UsageFault

if TYPE_CHECKING:
    from backprop_cli.render.documents import Document
    from backprop_cli.render.sheet import Sheet

PICTURES = ("svg", "png", "pdf", "dot")
TEXT_SUFFIXES = {"table": "txt", "markdown": "md", "latex": "tex"}  # others are the format's name


def run(environment: Environment, options: Options) -> None:
    if options.wrt and not options.backward:
        raise UsageFault("--wrt is about derivatives: it needs --backward")
    suffix = (options.output or "").rpartition(".")[2].lower()
    if suffix in PICTURES:
        _refuse_formats(options, suffix)
        from backprop_cli.cli.commands import render_

        options.levels = True
        render_.run(environment, options)
        return

    def solve(bound: Bound) -> Answer:
        graph, outputs = select_outputs(bound.graph, options.names("of"))
        whole, note = to_schedule(graph, outputs, options)
        found = schedule(whole)
        speedups = found.speedups(options.processors)

        def sheets(form: str) -> list[Sheet]:
            from backprop_cli.render import schedule_tables

            if form == "csv":
                return schedule_tables.columns(found, speedups)
            return schedule_tables.tables(found, speedups, options.significant)

        def document() -> Document:
            from backprop_cli.render import schedule_tables

            return schedule_tables.document(found, speedups, options.backward)

        summed = SUMMED if options.backward and graph.shape(outputs[0][1]) else None
        notes = [Warning_("note", None, None, text) for text in (summed, note) if text]
        return Answer(document, sheets, notes)

    respond(environment, options, "schedule", solve)


def _refuse_formats(options: Options, suffix: str) -> None:
    """A file with a picture's suffix holds a picture. Raises UsageFault for text in it."""
    asked = "--json" if options.json else f"--format {options.format}"
    if options.json or options.format is not None:
        form = "json" if options.json else options.format
        raise UsageFault(
            f"{asked} is text, and -o {options.output} asks for a picture",
            help=f"leave out {asked} for the picture, or write to a file that does not end "
            f"in .{suffix}: -o schedule.{TEXT_SUFFIXES.get(str(form), form)}",
        )


COMMAND = Command(
    name="schedule",
    summary="Which operations are independent, and what more processors gain.",
    argument=EXPRESSION,
    options=(
        AT,
        OF,
        WRT,
        SHAPE,
        BACKWARD,
        PROCESSORS,
        THEME,
        MAX_NODES,
        *(option for option in ANSWER if option not in (STRICT, BACKEND)),
    ),
    examples=(
        ('bprop schedule "c = a + b; d = b + 1; c*d"', ""),
        ('bprop schedule "x*y + sin(x)" --backward', "the gradient as well"),
        ('bprop schedule "sum(tanh(A @ x))" --shape A=4,3,x=3 --json', ""),
        ('bprop schedule "(a + b)*(c + d)" --processors 2', ""),
        ('bprop schedule "(a + b)*(c + d)" -o levels.svg', "a picture, a rank for each level"),
    ),
    run=run,
)
