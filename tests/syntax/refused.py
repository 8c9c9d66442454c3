"""Blocks of `golden/refusals.txt`: a program, where needed its shapes, and the message it gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from backprop_cli.engine.lower import load, lower
from backprop_cli.errors import BpropError
from backprop_cli.render.diagnostics import error

GOLDEN = Path(__file__).parent.parent / "golden" / "refusals.txt"
Shapes = Mapping[str, tuple[int, ...]]


def refusal(program: str, shapes: Shapes, values: Mapping[str, float]) -> str:
    """The message as the command line shows it; fails where the program is accepted."""
    try:
        lower(load(program), shapes, values)
    except BpropError as fault:
        return error(fault, program)
    raise AssertionError(f"accepted: {program}")


def head(program: str, shapes: Shapes, values: Mapping[str, float]) -> str:
    """The lines of a block before the message."""
    lines = [f"> {line}" for line in program.split("\n")]
    given = [f"{name}={list(shape)}" for name, shape in shapes.items()]
    given += [f"{name}={value}" for name, value in values.items()]
    return "\n".join([*lines, *(f"@ {entry}" for entry in given), ""])


def blocks() -> Iterator[tuple[str, dict[str, tuple[int, ...]], dict[str, float], str]]:
    """(program, shapes, values, message) of each block."""
    for block in GOLDEN.read_text("utf-8").rstrip("\n").split("\n\n"):
        lines = block.split("\n")
        program = "\n".join(line[2:] for line in lines if line.startswith("> "))
        shapes, values = {}, {}
        for line in lines:
            if line.startswith("@ "):
                name, _, text = line[2:].partition("=")
                if text.startswith("["):
                    shapes[name] = tuple(map(int, text.strip("[]").split(",")))
                else:
                    values[name] = float(text)
        message = "\n".join(line for line in lines if line[:2] not in ("> ", "@ ")) + "\n"
        yield program, shapes, values, message
