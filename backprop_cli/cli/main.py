"""The entry point: dispatch, and the one boundary where errors become messages and exit codes."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from backprop_cli.cli.commands import SUMMARIES, load
from backprop_cli.cli.environment import Environment
from backprop_cli.errors import (
    EXIT_BUG,
    EXIT_INTERRUPTED,
    EXIT_OK,
    BpropError,
    FileFault,
    UsageFault,
)

WRITING = (errno.ENOSPC, errno.EIO, errno.EFBIG)  # standard output goes to a full disk, say
COMPLETION = "_BPROP_COMPLETE"  # the variable by which shells ask for completions


def run() -> None:
    """Runs the command line of this process, and exits."""
    environment = Environment.system()
    code = main(sys.argv[1:], environment)
    with suppress(OSError):
        environment.stderr.flush()
    # nothing is left to clean up; freeing a graph of a million nodes takes time
    os._exit(code)


def main(words: Sequence[str], environment: Environment) -> int:
    """Runs one command line; returns its exit code."""
    try:
        dispatch(list(words), environment)
        environment.stdout.flush()
    except BrokenPipeError:
        return EXIT_OK  # who reads has had enough
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else EXIT_OK
    except Exception as failure:
        fault = as_fault(failure)
        if fault is None:
            from backprop_cli.render import diagnostics

            environment.stderr.write(diagnostics.bug(failure, command_line(words)))
            return EXIT_BUG
        report(fault, words, environment)
        return fault.exit_code
    return EXIT_OK


def as_fault(failure: Exception) -> BpropError | None:
    """The failure as one to tell the user about; None where it is a bug of ours."""
    if isinstance(failure, BpropError):
        return failure
    if isinstance(failure, MemoryError):
        return BpropError("there is not enough memory for this")
    if isinstance(failure, OSError) and failure.errno in WRITING:
        return FileFault(f"cannot write standard output: {os.strerror(failure.errno or 0)}")
    return None


def dispatch(words: list[str], environment: Environment) -> None:
    """Runs the command that the words name; help and completion are typer's."""
    first = words[0] if words else "--help"
    if environment.variables.get(COMPLETION) or first == "--help":
        typer_app(["--help"], environment)
    elif first.partition("=")[0] in ("--show-completion", "--install-completion"):
        completion(words, environment)
    elif first == "--version":
        environment.stdout.write(f"bprop {version()}\n")
    elif first not in SUMMARIES:
        raise unknown_command(words)
    elif asks_help(words[1:]):
        typer_app([first, "--help"], environment)
    else:
        from backprop_cli.cli.reader import read

        command = load(first)
        command.run(environment, read(command, words[1:]))


def asks_help(words: Sequence[str]) -> bool:
    """Whether `--help` stands among the words, not as what follows `--`."""
    end = words.index("--") if "--" in words else len(words)
    return "--help" in words[:end]


def typer_app(words: Sequence[str], environment: Environment) -> None:
    from backprop_cli.cli.app import invoke

    invoke(words, environment)


def completion(words: Sequence[str], environment: Environment) -> None:
    """`--show-completion SHELL` and `--install-completion SHELL`."""
    from backprop_cli.cli import app

    flag, _, shell = " ".join(words).replace(" ", "=", 1).partition("=")
    if shell not in app.SHELLS:
        raise UsageFault(
            f"{flag} needs the name of a shell", help=f"one of {', '.join(app.SHELLS)}"
        )
    if flag == "--show-completion":
        environment.stdout.write(app.show_completion(shell).strip("\n") + "\n")
    else:
        environment.stdout.write(f"installed in {app.install_completion(shell)}\n")


def version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("backprop-cli")
    except PackageNotFoundError:
        return "(not installed)"


def unknown_command(words: Sequence[str]) -> UsageFault:
    """The error for a first word that is no command: perhaps it is the expression."""
    from difflib import get_close_matches

    first = words[0]
    near = get_close_matches(first, SUMMARIES, 1, 0.7)
    if near:
        hint = f"did you mean '{near[0]}'?"
    elif first.startswith("--"):
        hint = "bprop --help lists what there is"
    else:
        hint = f"for its derivatives: bprop grad {command_line(words)[6:]}"
    kind = "option" if first.startswith("--") else "command"
    return UsageFault(f"bprop has no {kind} '{first}'", help=hint)


def command_line(words: Sequence[str]) -> str:
    """The command as it may be typed again."""
    plain = "+-./=_,@:%"
    quoted = [
        word
        if word and all(c.isalnum() or c in plain for c in word)
        else '"' + word.replace('"', '\\"') + '"'
        for word in words
    ]
    return " ".join(["bprop", *quoted])


def report(fault: BpropError, words: Sequence[str], environment: Environment) -> None:
    from backprop_cli.render import diagnostics

    color = environment.color(environment.stderr, color_choice(words))
    _flush(environment)
    environment.stderr.write(diagnostics.error(fault, color=color))


def color_choice(words: Sequence[str]) -> str:
    """What `--color` asks, for errors that occur before or while options are read."""
    for k, word in enumerate(words):
        choice = words[k + 1] if word == "--color" and k + 1 < len(words) else word
        if word == "--color" or word.startswith("--color="):
            choice = choice.removeprefix("--color=")
            return choice if choice in ("always", "never") else "auto"
    return "auto"


def _flush(environment: Environment) -> None:
    """Puts what was written before an error before its message."""
    with suppress(OSError):
        environment.stdout.flush()
