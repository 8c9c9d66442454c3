"""Reads a command line by the table of options.

A word is an option only if it is exactly a declared one (`-o`, `--at`, `--at=...`). All else, also
`-x` and `-o*x`, is the expression; so short options are never bundled, and no `--` is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backprop_cli.cli.options import Command, Option, Options
from backprop_cli.errors import UsageFault


def read(command: Command, words: Sequence[str]) -> Options:
    """What the words ask of the command; raises UsageFault."""
    options, given, arguments = Options(), set[str](), list[str]()
    flags = command.flags
    queue = list(reversed(words))
    while queue:
        word = queue.pop()
        option, flag, value = match(flags, word)
        if word == "--":
            arguments += reversed(queue)
            break
        if option is None:
            arguments.append(word)
            continue
        if value is None and not option.is_flag:
            if not queue or (queue[-1] != "-" and match(flags, queue[-1])[0] is not None):
                raise UsageFault(f"{flag} needs a value", help=_usage(option))
            value = queue.pop()
        _store(options, option, flag, value, given)
    _take_arguments(command, options, arguments)
    return options


def match(flags: dict[str, Option], word: str) -> tuple[Option | None, str, str | None]:
    """The option a word is, with its flag and the value that follows '='."""
    option = flags.get(word)
    if option is not None:
        return option, word, None
    flag, equals, value = word.partition("=")
    option = flags.get(flag) if equals and flag.startswith("--") else None
    if option is None or option.is_flag:
        return None, word, None
    return option, flag, value


def _store(options: Options, option: Option, flag: str, value: str | None, given: set[str]) -> None:
    if option.is_flag:
        setattr(options, option.name, True)
        return
    assert value is not None
    if option.many:
        getattr(options, option.name).append(value)
        return
    if option.name in given:
        raise UsageFault(f"{flag} is given twice")
    given.add(option.name)
    setattr(options, option.name, _convert(option, flag, value))


def _convert(option: Option, flag: str, value: str) -> Any:
    if option.choices and value not in option.choices:
        raise UsageFault(
            f"{flag} cannot be '{value}'", help=f"it is one of {', '.join(option.choices)}"
        )
    if option.least is None:
        return value
    if not (value.isascii() and value.removeprefix("-").isdecimal()):
        raise UsageFault(f"{flag} needs a whole number, not '{value}'", help=_usage(option))
    number = int(value) if len(value) < 19 else None
    most = option.most
    if number is None or number < option.least or (most is not None and number > most):
        top = f"between {option.least} and {option.most}"
        raise UsageFault(
            f"{flag} {value} is out of range",
            help=f"it is {top if option.most is not None else f'at least {option.least}'}",
        )
    return number


def _usage(option: Option) -> str:
    return f"{option.flags[-1]} {option.metavar}: {option.help.split('  [')[0]}"


def _take_arguments(command: Command, options: Options, arguments: list[str]) -> None:
    taken = [command.argument] + ([command.second] if command.second else [])
    if len(arguments) > len(taken):
        raise _stray(command, arguments, len(taken))
    for field, word in zip(("expression", "other"), arguments, strict=False):
        setattr(options, field, word)
    if len(arguments) < len(taken) and not command.optional:
        what = _article(command.argument.metavar)
        if len(taken) > 1:
            what = "two expressions" + (", and there is one" if arguments else "")
        raise UsageFault(
            f"bprop {command.name} needs {what}",
            help=" ".join(["bprop", command.name, *(argument.example for argument in taken)]),
        )


def _article(metavar: str) -> str:
    return "an expression" if metavar == "EXPR" else f"a {metavar.lower()}"


def _stray(command: Command, arguments: list[str], most: int) -> UsageFault:
    """The error for an argument too many: an unknown option, or an expression without quotes."""
    for word in arguments:
        name = word.partition("=")[0]
        if name == "-h" or (name.startswith("--") and name[2:].replace("-", "").isalnum()):
            return _unknown(command, name)
    joined = " ".join(arguments)
    return UsageFault(
        f"unexpected argument '{arguments[most]}'",
        help=f'is the expression quoted? bprop {command.name} "{joined}"'
        if most == 1
        else "are both expressions quoted?",
    )


def _unknown(command: Command, name: str) -> UsageFault:
    from difflib import get_close_matches

    near = ["--help"] if name == "-h" else get_close_matches(name, command.flags, 1)
    if name == "--json" and name not in command.flags:
        near = [f"{flag} json" for flag in ("--to", "--format") if flag in command.flags][:1]
    hint = f"did you mean {near[0]}?" if near else f"bprop {command.name} --help lists them"
    return UsageFault(f"bprop {command.name} has no option {name}", help=hint)
