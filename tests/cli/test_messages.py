"""The whole message for every kind of mistake: exit code 2, nothing on stdout."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from cli.running import Bprop

MESSAGES = Path(__file__).with_name("messages.txt")


def cases() -> list[tuple[str, str]]:
    """The command lines of the golden file, each with the message under it."""
    found = []
    for block in MESSAGES.read_text("utf-8").split("\n$ bprop ")[1:]:
        line, _, message = block.partition("\n")
        found.append((line, message.rstrip("\n") + "\n"))
    return found


@pytest.mark.parametrize(("line", "message"), cases())
def test_message(bprop: Bprop, line: str, message: str) -> None:
    result = bprop(*shlex.split(line))
    assert result.err == message
    assert (result.code, result.out) == (2, "")


def test_mistakes_in_a_file_name_it_and_the_line(bprop: Bprop, tmp_path: Path) -> None:
    path = tmp_path / "model.bprop"
    path.write_text("# a model\na = x*y\nb = sine(a)\n")
    assert bprop("grad", f"@{path}").err == (
        f"error: unknown function 'sine' ({path}, line 3)\n"
        "  b = sine(a)\n"
        "      ^^^^\n"
        "help: did you mean 'sin'?\n"
    )


def test_mistakes_in_the_default_point_of_a_file(bprop: Bprop, tmp_path: Path) -> None:
    path = tmp_path / "model.bprop"
    path.write_text("# at: x=1, y=\nx*y\n")
    assert bprop("grad", f"@{path}").err == (
        "error: 'y' gets no value (the '# at:' line)\n  x=1, y=\n       ^^\nhelp: write y=1\n"
    )


def test_mistakes_in_a_line_of_points_name_it(bprop: Bprop, tmp_path: Path) -> None:
    path = tmp_path / "points.jsonl"
    path.write_text('{"x": 1}\n{"y": 1}\n')
    result = bprop("grad", "x^2", "--at", f"@{path}")
    assert len(result.lines()) == 1
    assert result.err == (
        f"error: {path}, line 2: no value for 'x'\n  x^2\n  ^\nhelp: bind it: --at x=...\n"
    )


def test_files_that_are_not_there(bprop: Bprop, tmp_path: Path) -> None:
    assert bprop("grad", f"@{tmp_path}/none.bprop").err == (
        f"error: cannot read {tmp_path}/none.bprop: No such file or directory\n"
    )
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert bprop("grad", f"@{tmp_path}/binary").err == (
        f"error: {tmp_path}/binary is not text in UTF-8\n"
    )
    assert bprop("grad", "@").err == ("error: @ needs the name of a file\nhelp: @model.bprop\n")


@pytest.mark.parametrize("name", ["eval", "grad", "trace", "paths", "jacobian", "render"])
def test_every_command_shows_the_place(bprop: Bprop, name: str) -> None:
    result = bprop(
        name,
        "x * sine(y)",
        "--at",
        "x=1,y=2",
        *(["-o", "-", "--format", "dot"] * (name == "render")),
    )
    assert result.err == (
        "error: unknown function 'sine'\n  x * sine(y)\n      ^^^^\nhelp: did you mean 'sin'?\n"
    )
    assert (result.code, result.out) == (2, "")
