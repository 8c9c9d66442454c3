"""`bprop ops`: the operations with their derivative rules."""

from __future__ import annotations

from backprop_cli.cli.answer import shown
from backprop_cli.cli.environment import Environment
from backprop_cli.cli.options import COLOR, FORMAT, JSON, OUTPUT, Argument, Command, Options
from backprop_cli.cli.output import Output
from backprop_cli.errors import NameFault, UsageFault
from backprop_cli.ir.ops import OPERATIONS, Operation


def run(environment: Environment, options: Options) -> None:
    if options.json and options.format not in (None, "json"):
        raise UsageFault(f"--json and --format {options.format} exclude each other")
    rows = chosen(options.expression)
    with Output(environment, options.output) as output:
        if options.json or options.format == "json":
            from backprop_cli.render import documents, json_text

            output.write(json_text.document(documents.operations(rows)))
            return
        from backprop_cli.render import sheets

        form = options.format or "table"
        width = None if output.is_file else environment.width
        color = not output.is_file and environment.color(environment.stdout, options.color)
        output.write(shown(sheets.operations(rows, form), form, options.significant, width, color))


def chosen(name: str | None) -> list[Operation]:
    """The operation or the family with a name, or those of a symbol; all of them without."""
    rows = [row for row in OPERATIONS if row.kind != "source"]
    if name is None:
        return rows
    word = name.strip().lower()
    found = [row for row in rows if word in _words(row)]
    if not found:
        from difflib import get_close_matches

        known = [word for row in rows for word in (row.name, row.family.lower(), *row.aliases)]
        near = get_close_matches(word, known, 1)
        raise NameFault(
            f"there is no operation '{name}'",
            help=f"did you mean '{near[0]}'?" if near else "bprop ops lists all",
        )
    return found


def _words(row: Operation) -> tuple[str, ...]:
    """What a row can be looked up by."""
    symbol = () if row.notation is None else (row.notation,)
    return (row.name, row.family.lower(), *symbol, *row.aliases)


COMMAND = Command(
    name="ops",
    summary="The operations and their derivative rules.",
    argument=Argument("NAME", "An operation, its symbol or a family; all without.", "tanh"),
    options=(JSON, FORMAT, COLOR, OUTPUT),
    examples=(("bprop ops", ""), ("bprop ops tanh", ""), ("bprop ops --format markdown", "")),
    run=run,
    optional=True,
)
