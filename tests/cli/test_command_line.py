"""How a command line is read, and what help and completion say about it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli.running import Bprop, run_bprop
from hypothesis import given
from hypothesis import strategies as st

from backprop_cli.cli.commands import SUMMARIES, load
from backprop_cli.cli.options import Option, Options
from backprop_cli.cli.reader import match, read
from backprop_cli.errors import UsageFault

COMMANDS = {name: load(name) for name in SUMMARIES}
WITH_EXPRESSION = [n for n, c in COMMANDS.items() if c.argument.metavar == "EXPR"]
GRAD = COMMANDS["grad"]


@pytest.mark.parametrize("name", WITH_EXPRESSION)
@pytest.mark.parametrize(
    "word", ["-x", "-o*x", "-cos(x)", "-1", "--x", "-at", "-x^2", "-", "-j", "--atan(x)", "-xo"]
)
def test_what_is_no_declared_option_is_the_expression(name: str, word: str) -> None:
    more = [] if COMMANDS[name].second is None else ["y"]
    assert read(COMMANDS[name], [word, *more]).expression == word
    options = read(COMMANDS[name], [word, "--at", "x=1", *more])
    assert (options.expression, options.at) == (word, ["x=1"])
    options = read(COMMANDS[name], ["--at", "x=1", word, *more])
    assert (options.expression, options.at) == (word, ["x=1"])


@pytest.mark.parametrize("name", ["eval", "grad", "trace", "paths", "jacobian"])
@pytest.mark.parametrize("text", ["-x", "-o*x", "-cos(x)"])
def test_expressions_with_a_sign_run(bprop: Bprop, name: str, text: str) -> None:
    point = "x=3,o=2" if "o*" in text else "x=3"
    more = ["--from", "x"] if name == "paths" else []
    result = bprop(name, text, "--at", point, *more, "--json")
    assert result.code == 0, result.err
    assert result.json()["expression"] == text


@pytest.mark.parametrize("text", ["-x", "-o*x", "-cos(x)"])
def test_expressions_with_a_sign_are_drawn(bprop: Bprop, text: str) -> None:
    result = bprop("render", text, "--format", "dot")
    assert result.code == 0, result.err
    assert "digraph" in result.out


def test_options_stand_anywhere_and_take_values_with_or_without_an_equals_sign() -> None:
    options = read(GRAD, ["--at=x=1", "--json", "x*y", "--at", "y=2", "-o", "-", "--wrt", "x,y"])
    assert options.at == ["x=1", "y=2"]
    assert options.json
    assert options.output == "-"
    assert options.names("wrt") == ["x", "y"]


def test_after_two_dashes_all_is_the_expression() -> None:
    assert read(GRAD, ["--at", "x=1", "--", "--json"]).expression == "--json"


def test_names_may_have_an_index() -> None:
    options = Options()
    options.of = ["f[1, 0],g", "h"]
    assert options.names("of") == ["f[1, 0]", "g", "h"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["x", "+", "y"],
            "unexpected argument '+'\nhelp: is the expression quoted? bprop grad \"x + y\"",
        ),
        (["x", "--jsno"], "bprop grad has no option --jsno\nhelp: did you mean --json?"),
        (["x", "-h"], "bprop grad has no option -h\nhelp: did you mean --help?"),
        (
            ["x", "--qqqq=3"],
            "bprop grad has no option --qqqq\nhelp: bprop grad --help lists them",
        ),
        (
            ["x", "--at"],
            "--at needs a value\nhelp: --at POINT: Values: x=1,y=pi/4, 'w=[1,2,3]', @point.json, "
            "@points.jsonl, or - for stdin.",
        ),
        (["x", "--wrt", "--json"], "--wrt needs a value\nhelp: --wrt NAMES: With respect to these"),
        (["x", "--digits", "many"], "--digits needs a whole number, not 'many'\nhelp: --digits N"),
        (["x", "--digits", "99"], "--digits 99 is out of range\nhelp: it is between 1 and 17"),
        (["x", "--digits", "-1"], "--digits -1 is out of range\nhelp: it is between 1 and 17"),
        (["x", "--digits", "9" * 5000], f"--digits {'9' * 5000} is out of range"),
        (["x", "--digits", "³"], "--digits needs a whole number, not '³'"),
        (
            ["x", "--format", "xml"],
            "--format cannot be 'xml'\nhelp: it is one of table, json, csv, markdown, latex",
        ),
        (["x", "--format", "csv", "--format", "csv"], "--format is given twice"),
        ([], 'bprop grad needs an expression\nhelp: bprop grad "x*y"'),
        (["--json"], 'bprop grad needs an expression\nhelp: bprop grad "x*y"'),
        (
            ["x", "--json", "--format", "csv"],
            "--json and --format csv exclude each other",
        ),
    ],
)
def test_usage_errors(bprop: Bprop, words: list[str], message: str) -> None:
    result = bprop("grad", *words)
    assert result.err.startswith(f"error: {message}")
    assert (result.code, result.out) == (2, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x*y"], "error: bprop has no command 'x*y'\nhelp: for its derivatives: bprop grad x*y\n"),
        (
            ["x * y", "--at", "x=1"],
            "error: bprop has no command 'x * y'\n"
            'help: for its derivatives: bprop grad "x * y" --at x=1\n',
        ),
        (["-x"], "error: bprop has no command '-x'\nhelp: for its derivatives: bprop grad -x\n"),
        (["gard", "x"], "error: bprop has no command 'gard'\nhelp: did you mean 'grad'?\n"),
        (
            ["--verison"],
            "error: bprop has no option '--verison'\nhelp: bprop --help lists what there is\n",
        ),
    ],
)
def test_a_first_word_that_is_no_command(bprop: Bprop, words: list[str], message: str) -> None:
    result = bprop(*words)
    assert result.err.replace('"x*y"', "x*y") == message
    assert (result.code, result.out) == (2, "")


@given(
    st.lists(
        st.sampled_from(
            ["x", "-x", "-o*x", "--json", "--strict", "--", "--at", "--at=x=1", "-o", "-", "--wrt"]
        ),
        max_size=7,
    )
)
def test_every_word_is_read_once(words: list[str]) -> None:
    """A line is refused, or each of its words is an option, the value of one, or the expression."""
    try:
        options = read(GRAD, words)
    except UsageFault:
        return
    found = [options.expression or "", *options.at, *options.wrt, options.output or ""]
    for word in words:
        option, _, value = match(GRAD.flags, word)
        assert word == "--" or option is not None or word in found
        assert value is None or value in found


def test_version(bprop: Bprop) -> None:
    assert re.fullmatch(r"bprop \d+\.\d+\.\d+\n", bprop("--version").out)


def test_help_lists_the_commands(bprop: Bprop) -> None:
    for words in ([], ["--help"]):
        result = bprop(*words)
        assert result.code == 0
        for name, summary in SUMMARIES.items():
            assert re.search(rf"{name} +{re.escape(summary)}", result.out)
        assert "--show-completion SHELL" in result.out


@pytest.mark.parametrize("name", SUMMARIES)
def test_help_of_a_command(bprop: Bprop, name: str) -> None:
    """Its summary, every option with its help, and its examples, each on a line as it is typed."""
    command = COMMANDS[name]
    result = bprop(name, "--help")
    assert result.code == 0
    assert command.summary == SUMMARIES[name]
    assert command.summary in " ".join(result.out.split())
    for option in command.options:
        assert all(flag in result.out for flag in option.flags)
        assert " ".join(option.help.split()) in " ".join(result.out.split())
    assert command.examples
    for line, _ in command.examples:
        assert f"  {line}\n" in result.out + "\n"
    assert bprop(name, "x", "--help").out == result.out


EXAMPLES = [
    (name, line)
    for name, command in COMMANDS.items()
    for line, _ in command.examples
    if "@" not in line.replace(" @ ", "") and "|" not in line
]


@pytest.mark.parametrize(("name", "line"), EXAMPLES)
def test_examples_run(
    bprop: Bprop, name: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = bprop(*shlex.split(line)[1:])
    assert result.code in (0, 1), result.err  # 1: the answer is no
    assert "error" not in result.err
    assert result.out or list(tmp_path.iterdir())


def test_every_option_is_used_and_has_a_field() -> None:
    for command in COMMANDS.values():
        for option in command.options:
            assert isinstance(option, Option)
            assert hasattr(Options(), option.name)
            assert option.help.endswith((".", "]"))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(bprop: Bprop, shell: str, tmp_path: Path) -> None:
    result = bprop("--show-completion", shell)
    assert result.code == 0
    assert "_BPROP_COMPLETE" in result.out
    assert bprop(f"--show-completion={shell}").out == result.out
    program = shutil.which(shell)
    if program is not None:
        script = tmp_path / "script"
        script.write_text(result.out)
        subprocess.run([program, "-n", str(script)], check=True)


def test_completion_of_an_unknown_shell(bprop: Bprop) -> None:
    for words in (["--show-completion"], ["--install-completion", "csh"]):
        result = bprop(*words)
        assert result.err == (
            f"error: {words[0]} needs the name of a shell\nhelp: one of bash, zsh, fish\n"
        )
        assert result.code == 2


def complete(line: str, cwd: Path) -> list[str]:
    """What bash is offered for the last word of a line."""
    words = line.split(" ")
    environment = {
        **os.environ,
        "_BPROP_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    run = [sys.executable, "-m", "backprop_cli"]
    done = subprocess.run(
        run, env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )
    return done.stdout.split()


def test_completion(tmp_path: Path) -> None:
    (tmp_path / "model.bprop").write_text("x")
    assert complete("bprop gr", tmp_path) == ["grad"]
    assert complete("bprop grad --js", tmp_path) == ["--json"]
    assert complete("bprop grad x --format m", tmp_path) == ["markdown"]
    assert complete("bprop schema jac", tmp_path) == ["jacobian"]
    assert complete("bprop grad @mo", tmp_path) == ["@model.bprop"]


def test_install_completion(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path)}
    run = [sys.executable, "-m", "backprop_cli", "--install-completion", "fish"]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
    path = Path(done.stdout.strip().removeprefix("installed in "))
    assert path.is_relative_to(tmp_path)
    assert "_BPROP_COMPLETE" in path.read_text()


def test_the_typer_app_runs_commands_too() -> None:
    """The app reads words by the same reader, and calls the same command."""
    from typer.testing import CliRunner

    from backprop_cli.cli.app import application

    result = CliRunner().invoke(application(), ["ops", "tanh"])
    assert result.exit_code == 0
    assert result.output == run_bprop("ops", "tanh").out
