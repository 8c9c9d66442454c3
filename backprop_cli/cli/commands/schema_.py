"""`bprop schema`: the JSON Schema of a command's JSON."""

from __future__ import annotations

from importlib.resources import files

from backprop_cli.cli.environment import Environment
from backprop_cli.cli.options import OUTPUT, Argument, Command, Options
from backprop_cli.cli.output import Output
from backprop_cli.errors import NameFault

KNOWN = (
    "eval",
    "grad",
    "diff",
    "trace",
    "paths",
    "explain",
    "jacobian",
    "hessian",
    "jvp",
    "vjp",
    "hvp",
    "taylor",
    "check",
    "compare",
    "doctor",
    "schedule",
    "export",
    "ops",
    "graph",
)


def run(environment: Environment, options: Options) -> None:
    name = options.expression or ""
    if name not in KNOWN:
        raise NameFault(f"there is no schema '{name}'", help=f"one of {', '.join(KNOWN)}")
    text = files("backprop_cli").joinpath("schemas", f"{name}.json").read_text("utf-8")
    with Output(environment, options.output) as output:
        output.write(text)


COMMAND = Command(
    name="schema",
    summary="The JSON Schema of what a command prints with --json.",
    argument=Argument("COMMAND", f"One of {', '.join(KNOWN)}.", "grad"),
    options=(OUTPUT,),
    examples=(("bprop schema grad", ""),),
    run=run,
)
