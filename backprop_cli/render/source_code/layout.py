"""What every file of code begins with, and how elements stand in nested brackets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from backprop_cli.ir.shapes import show
from backprop_cli.render.source_code.lines import Function
from backprop_cli.render.source_code.loops.function import ArrayFunction
from backprop_cli.render.source_code.names import comment, source_lines

Shape = tuple[int, ...]


class Layout(NamedTuple):
    """A file; and the same with a main part that reads points (a line each) and prints results."""

    code: str
    driver: str


def nested(parts: Sequence[str], shape: Shape, brackets: str) -> str:
    """Elements in the order of their indices, as nested brackets.

    >>> nested(["a", "b", "c", "d"], (2, 2), "[]"), nested(["a"], (1,), "()")
    ('[[a, b], [c, d]]', '(a,)')
    """
    if not shape or (len(parts) == 1 and shape != (1,) * len(shape)):
        return parts[0]
    rows = list(parts)
    for size in reversed(shape):
        rows = [_row(rows[k : k + size], brackets) for k in range(0, len(rows), size)]
    return rows[0] if rows else brackets


def _row(parts: list[str], brackets: str) -> str:
    comma = "," if len(parts) == 1 and brackets == "()" else ""
    return f"{brackets[0]}{', '.join(parts)}{comma}{brackets[1]}"


def heading(made: Function | ArrayFunction) -> list[str]:
    """The lines that say what a file computes, of what, and which argument is which."""
    lines = source_lines(made.export.source) or ["(a graph without a source)"]
    lines = ["Value and gradient of", *(f"    {line}" for line in lines)]
    for argument in made.arguments:
        block = argument.block
        facts = []
        if argument.name != block.name:
            facts.append(f"is {source_lines(block.name)[0]}")
        if block.shape:
            facts.append(f"has the shape {show(block.shape)}")
        if facts:
            lines.append(f"{argument.name} {' and '.join(facts)}")
    return lines


def parts_of(made: Function | ArrayFunction, mark: str, *more: str) -> str:
    return comment([*heading(made), *more], mark)
