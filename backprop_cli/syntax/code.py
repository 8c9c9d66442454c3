"""Flat postfix code: what the parser makes of a program, and what lowering runs."""

from __future__ import annotations

from typing import Any, NamedTuple

from backprop_cli.errors import Span

# Instructions, with what stands in `args`; operands are on a stack.
NUMBER = 1  # the float
NAME = 2  # the name
APPLY1 = 3  # the operation's name
APPLY2 = 4
APPLY3 = 5
COMPARE = 6  # the operations of a chain: ('lt', 'le') for a < b <= c
CALL = 7  # Call
STACK = 8  # how many elements
TUPLE = 9  # TupleItems
SUBSCRIPT = 10  # the bounds of the entries
SLICE = 11  # which of start, stop and step are there: bits 1, 2, 4
STORE = 12  # the name
FUNCTION = 13  # Function; the body follows
RETURN = 14
LOOP = 15  # Loop; the body follows
LOOP_END = 16
MATMUL = 18  # 'matmul', as an operator
OUTPUT = 17  # the outputs: (name or None, Span) each


class Call(NamedTuple):
    """A call as written. Argument k has the code from `bounds[k]` to `bounds[k + 1]`."""

    name: str
    name_span: Span
    bounds: tuple[int, ...]
    keywords: tuple[tuple[str, Span], ...]  # of the last arguments

    @property
    def size(self) -> int:
        return len(self.bounds) - 1

    @property
    def positional(self) -> int:
        return len(self.bounds) - 1 - len(self.keywords)


class Function:
    """A function of the program: its body is the code from `start` to the RETURN at `end`."""

    __slots__ = ("end", "name", "parameters", "span", "start")

    def __init__(self, name: str, span: Span, parameters: tuple[str, ...], start: int) -> None:
        self.name = name
        self.span = span
        self.parameters = parameters
        self.start = start
        self.end = start


class Loop:
    """A sum or product over an index: bounds at `low` and `high`, body from `start` to `end`."""

    __slots__ = ("call", "end", "high", "index", "low", "start")

    def __init__(self, call: Any, index: str, low: int, high: int) -> None:
        self.call = call  # the token of the function's name
        self.index = index
        self.low = low
        self.high = high
        self.start = 0
        self.end = 0


class Code:
    """The code of one program: three columns, an instruction a row."""

    __slots__ = (
        "args",
        "assigned",
        "calls",
        "functions",
        "loops",
        "ops",
        "source",
        "spans",
        "subscripts",
        "values",
    )

    def __init__(self, source: str) -> None:
        self.source = source
        self.ops = bytearray()
        self.args: list[Any] = []
        self.spans: list[Any] = []  # (start, end)
        self.functions: dict[str, Function] = {}
        self.assigned: dict[str, tuple[int, int]] = {}  # name -> its place, in order
        self.values: dict[str, tuple[int, int]] = {}  # name -> its value's code, and STORE
        self.calls: list[int] = []  # where CALL stands, and so on
        self.loops: list[int] = []
        self.subscripts: list[int] = []
