"""The typer app: made from the tables of commands and options, it prints help and completes.

It is imported only for these; a command line that asks for neither never waits for typer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from glob import glob
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from backprop_cli.cli.commands import SUMMARIES, load
from backprop_cli.cli.environment import Environment
from backprop_cli.cli.main import COMPLETION, version
from backprop_cli.cli.options import Argument, Command, Option
from backprop_cli.cli.reader import read

SHELLS = ("bash", "zsh", "fish")
HELP = "The calculus of computational graphs: values, derivatives and paths, made visible."
EPILOG = """\b
Examples:
  bprop grad "x*y + sin(x)" --at x=1,y=2
  bprop trace "c = a + b; d = b + 1; c*d" --at a=2,b=1
  bprop render "(a + b)*(b + 1)" --at a=2,b=1 -o graph.svg
"""


class Group(TyperGroup):
    """The commands by name; a command's file is imported when the command is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(SUMMARIES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return typer_command(load(cmd_name)) if cmd_name in SUMMARIES else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


def invoke(words: Sequence[str], environment: Environment) -> None:
    """Lets typer run a command line: help or completion. May raise SystemExit."""
    _completion().completion_init()
    with redirect_stdout(environment.stdout):
        typer.main.get_command(application()).main(
            list(words), prog_name="bprop", complete_var=COMPLETION
        )


def application() -> typer.Typer:
    """The app, with `--version` and completion before the commands."""
    app = typer.Typer(
        cls=Group,
        help=HELP,
        epilog=EPILOG,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        no_args_is_help=True,
        context_settings={"max_content_width": 100},
    )
    app.callback()(options_of_bprop)
    return app


def options_of_bprop(
    show_version: Annotated[
        bool, typer.Option("--version", is_eager=True, help="Print the version.")
    ] = False,
    show: Annotated[
        str,
        typer.Option(
            "--show-completion", metavar="SHELL", help="Print completion for bash, zsh or fish."
        ),
    ] = "",
    install: Annotated[
        str,
        typer.Option(
            "--install-completion",
            metavar="SHELL",
            help="Install completion for bash, zsh or fish.",
        ),
    ] = "",
) -> None:
    """The options that stand before a command."""
    if show_version:
        typer.echo(f"bprop {version()}")


def show_completion(shell: str) -> str:
    """The script that a shell sources to complete `bprop`."""
    return str(
        _completion().get_completion_script(prog_name="bprop", complete_var=COMPLETION, shell=shell)
    )


def install_completion(shell: str) -> str:
    """Installs completion for a shell; returns where."""
    return str(_completion().install(shell=shell, prog_name="bprop", complete_var=COMPLETION)[1])


def _completion() -> Any:
    from typer import completion

    return completion


def typer_command(command: Command) -> Any:
    """The command as typer has it."""
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    app.command(
        command.name,
        cls=reading(command),
        help=command.summary,
        epilog=epilog(command),
        context_settings={"max_content_width": 100},
    )(callback(command))
    return typer.main.get_command(app)


def reading(command: Command) -> type[TyperCommand]:
    """A typer command that reads its words by our reader, and hands them to ours."""

    class ReadingCommand(TyperCommand):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            if ctx.resilient_parsing or "--help" in args:
                words = ["--help"] if "--help" in args else args
                return list(super().parse_args(ctx, words))
            ctx.obj = read(command, args)
            return []

        def invoke(self, ctx: Any) -> None:
            command.run(Environment.system(), ctx.obj)

    return ReadingCommand


def callback(command: Command) -> Callable[..., None]:
    """A function whose signature is the command's line in the table of options."""

    def function() -> None:
        raise NotImplementedError("ReadingCommand runs the command")

    parameters = [argument_parameter("expression", command.argument, command.optional)]
    if command.second is not None:
        parameters.append(argument_parameter("other", command.second, command.optional))
    parameters += [option_parameter(option) for option in command.options]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in parameters}
    return function


def argument_parameter(name: str, argument: Argument, optional: bool) -> inspect.Parameter:
    declared = typer.Argument(
        metavar=argument.metavar,
        help=argument.help,
        show_default=False,
        autocompletion=complete_files if argument.metavar == "EXPR" else complete_commands,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default="" if optional else inspect.Parameter.empty,
        annotation=Annotated[str, declared],
    )


def option_parameter(option: Option) -> inspect.Parameter:
    kind: Any = bool if option.is_flag else list[str] if option.many else str
    default: Any = False if option.is_flag else [] if option.many else ""
    declared = typer.Option(
        *option.flags,
        metavar="|".join(option.choices) if 0 < len(option.choices) < 6 else option.metavar or None,
        help=option.help,
        show_default=False,
        autocompletion=completer(option),
    )
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, declared],
    )


def completer(option: Option) -> Callable[[str], list[str]] | None:
    if option.is_flag:
        return None
    if option.name in ("at", "output"):
        return complete_files
    return lambda incomplete: [c for c in option.choices if c.startswith(incomplete)]


def complete_files(incomplete: str) -> list[str]:
    """Files, after the '@' that asks for one."""
    at = "@" if incomplete.startswith("@") else ""
    return [at + name for name in glob(incomplete.removeprefix("@") + "*")]


def complete_commands(incomplete: str) -> list[str]:
    return [name for name in SUMMARIES if name.startswith(incomplete)]


def epilog(command: Command) -> str:
    """The examples, each kept on its lines."""
    lines = ["\b", "Examples:"]
    for line, shows in command.examples:
        lines += [f"  {line}"] + ([f"      {shows}"] if shows else [])
    return "\n".join(lines)
