"""`bprop compare`: whether two expressions are equal."""

from __future__ import annotations

from backprop_cli.cli.answer import shown, tell
from backprop_cli.cli.environment import Environment
from backprop_cli.cli.inputs import Inputs, Placing, Text, read_shapes, read_text
from backprop_cli.cli.options import (
    AT,
    COLOR,
    DIGITS,
    EXPRESSION,
    FORMAT,
    JSON,
    OUTPUT,
    POINTS,
    SHAPE,
    STRICT,
    Argument,
    Command,
    Options,
)
from backprop_cli.cli.output import Output
from backprop_cli.engine.compare import POINTS as MANY
from backprop_cli.engine.compare import Comparison, compare
from backprop_cli.engine.points import Point
from backprop_cli.engine.program import open_program
from backprop_cli.errors import EXIT_NO, NumbersFault, UsageFault
from backprop_cli.render import compare_tables, documents, json_text


def run(environment: Environment, options: Options) -> None:
    if options.json and options.format not in (None, "json"):
        raise UsageFault(f"--json and --format {options.format} exclude each other")
    if [options.expression, options.other, *(text.strip() for text in options.at)].count("-") > 1:
        raise UsageFault(
            "standard input can be read once only", help="put the others into files: @FILE"
        )
    inputs = Inputs(environment, options)
    if inputs.points.many:
        raise UsageFault("compare takes one point", help="it draws points of its own: --points N")
    text = read_text(options.other or "", environment)
    with Placing(text):
        other = open_program(text.content)
    point = next(iter(inputs.points))
    count = MANY if options.points is None else options.points
    shapes = read_shapes(options.names("shape"))
    found = compare(inputs.binder.program, other, point.values, shapes, count)
    with Output(environment, options.output) as output:
        output.write(_written(environment, options, inputs.text, text, point, found))
        output.flush()
    tell(environment, options, found.warnings, "", set())
    if not found.equal:
        raise SystemExit(EXIT_NO)
    if options.strict and any(warning.kind == "kink" for warning in found.warnings):
        raise NumbersFault("--strict: a result rests on a convention")


def _written(
    environment: Environment,
    options: Options,
    first: Text,
    second: Text,
    point: Point,
    found: Comparison,
) -> str:
    """The answer in the format that was asked for."""
    form = "json" if options.json else options.format or "table"
    if form == "json":
        head = {
            "schema": "bprop.compare/1",
            "expression": first.content,
            "other": second.content,
            "at": point.values,
        }
        tail = {"warnings": documents.warnings(found.warnings)}
        return json_text.document(head | compare_tables.document(found) | tail)
    is_file = options.output not in (None, "-")
    width = None if is_file else environment.width
    color = not is_file and environment.color(environment.stdout, options.color)
    sheets = compare_tables.comparison(found, form, options.significant)
    return shown(sheets, form, options.significant, width, color)


POINT = AT._replace(help="A point to try first: x=1,y=2; of some variables: values they keep.")
COMMAND = Command(
    name="compare",
    summary="Whether two expressions are equal, and their derivatives.",
    argument=EXPRESSION,
    second=Argument("EXPR", "The other expression.", '"y*x"'),
    options=(POINT, SHAPE, POINTS, JSON, FORMAT, STRICT, DIGITS, COLOR, OUTPUT),
    examples=(
        ('bprop compare "(x + y)^2" "x^2 + 2*x*y + y^2"', ""),
        ('bprop compare "log(x^2)" "2*log(x)"', "differ for x < 0"),
        ('bprop compare "x\' @ A @ x" "x\' @ A\' @ x" --shape x=3 --shape A=3,3', ""),
    ),
    run=run,
)
