"""The columns that the callbacks of Lark's parser append to."""

from __future__ import annotations

from typing import Any

from backprop_cli.syntax.code import Code

# The value of a parsed operand is its place (start, end). That of a quotient or a power adds what
# an implicit product behind it could be read into: (start, end, left, sign, right).
Place = Any


class Columns:
    """The code of one program while it grows; `s` of a callback is the values of its symbols."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.code = Code(text)
        self.ops = self.code.ops
        self.args = self.code.args
        self.spans = self.code.spans
        self.begun = 0  # where the code of the current statement starts
        self.stored: Any = None  # what the current statement defines
        self.value_place: tuple[int, int] | None = None  # of an expression statement

    def emit(self, op: int, arg: Any, place: tuple[int, int]) -> None:
        self.ops.append(op)
        self.args.append(arg)
        self.spans.append(place)

    def apply(self, op: int, name: str, place: tuple[int, int]) -> Place:
        """Appends an operation on what stands before; returns its place."""
        self.ops.append(op)
        self.args.append(name)
        self.spans.append(place)
        return place

    def take_back(self, start: int) -> None:
        """Removes the code from `start`."""
        del self.ops[start:], self.args[start:], self.spans[start:]
        for places in (self.code.calls, self.code.subscripts):
            while places and places[-1] >= start:
                places.pop()
