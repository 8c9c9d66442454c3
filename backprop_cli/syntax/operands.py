"""The callbacks of operands: numbers, names, brackets, arrays, calls and subscripts."""

from __future__ import annotations

from typing import Any

from backprop_cli.errors import Span, SyntaxFault
from backprop_cli.syntax.code import (
    APPLY1,
    CALL,
    LOOP,
    LOOP_END,
    NAME,
    NUMBER,
    SLICE,
    STACK,
    SUBSCRIPT,
    TUPLE,
    Call,
    Loop,
)
from backprop_cli.syntax.columns import Columns, Place
from backprop_cli.syntax.lexer import Lexeme
from backprop_cli.syntax.numerals import float_of


class Operands(Columns):
    def number(self, s: list[Any]) -> Place:
        token = s[0]
        digits = token.value
        try:
            value = float(digits)
            if value == float("inf"):
                raise ValueError
        except ValueError:
            value = float_of(digits, token)
        place = (token.start_pos, token.end_pos)
        self.ops.append(NUMBER)
        self.args.append(value)
        self.spans.append(place)
        return place

    def name(self, s: list[Any]) -> Place:
        token = s[0]
        place = (token.start_pos, token.end_pos)
        self.ops.append(NAME)
        self.args.append(token.value)
        self.spans.append(place)
        return place

    def bracketed(self, s: list[Any]) -> Place:
        return s[0].start_pos, s[2].end_pos

    def two_items(self, s: list[Any]) -> Any:
        return [s[0][:2], s[2][:2]]

    def more_items(self, s: list[Any]) -> Any:
        s[0].append(s[2][:2])
        return s[0]

    def several(self, s: list[Any]) -> Place:
        """Items are told apart by their places: the last code of each ends where it does."""
        place = (s[0].start_pos, s[2].end_pos)
        self.emit(TUPLE, self._items(s[1]), place)
        return place

    def _items(self, places: list[tuple[int, int]]) -> list[tuple[int, int, tuple[int, int]]]:
        """(first instruction, end, place) of each item, found from the last one back."""
        end, found = len(self.ops), []
        for k in range(len(places) - 1, -1, -1):
            start = end
            while start > 0 and self.spans[start - 1][0] >= places[k][0]:
                start -= 1
            found.append((start, end, places[k]))
            end = start
        return found[::-1]

    def first_element(self, s: list[Any]) -> Any:
        return [1, s[0][0]]

    def next_element(self, s: list[Any]) -> Any:
        s[0][0] += 1
        return s[0]

    def empty(self, s: list[Any]) -> Place:
        """`[]`: the shape of a scalar."""
        place = (s[0].start_pos, s[1].end_pos)
        self.emit(STACK, 0, place)
        return place

    def vector(self, s: list[Any]) -> Place:
        place = (s[0].start_pos, s[2].end_pos)
        self.emit(STACK, s[1][0], place)
        return place

    def first_row(self, s: list[Any]) -> Any:
        (count, start), semicolon = s
        self.emit(STACK, count, (start, semicolon.start_pos))
        return [1]

    def next_row(self, s: list[Any]) -> Any:
        self.first_row(s[1:])
        s[0][0] += 1
        return s[0]

    def matrix(self, s: list[Any]) -> Place:
        opening, rows, (count, start), closing = s
        self.emit(STACK, count, (start, closing.start_pos))
        place = (opening.start_pos, closing.end_pos)
        self.emit(STACK, rows[0] + 1, place)
        return place

    def absolute(self, s: list[Any]) -> Place:
        return self.apply(APPLY1, "abs", (s[0].start_pos, s[2].end_pos))

    def transpose(self, s: list[Any]) -> Place:
        return self.apply(APPLY1, "transpose", (s[0][0], s[1].end_pos))

    # calls, sums over an index, subscripts

    def call_open(self, s: list[Any]) -> Any:
        return s[0], len(self.ops)

    def positional(self, s: list[Any]) -> Any:
        return len(self.ops), None

    def keyword(self, s: list[Any]) -> Any:
        return len(self.ops), s[0]

    def first_argument(self, s: list[Any]) -> Any:
        return [s[0]]

    def next_argument(self, s: list[Any]) -> Any:
        arguments, _, argument = s
        if argument[1] is None and arguments[-1][1] is not None:
            raise SyntaxFault(
                f"an argument without a name follows '{arguments[-1][1].value}='",
                Span(*self.spans[-1]),
                help="named arguments come last",
            )
        arguments.append(argument)
        return arguments

    def call(self, s: list[Any]) -> Place:
        (name, start), arguments = s[0], s[1] if len(s) == 3 else ()
        place = (name.start_pos, s[-1].end_pos)
        keywords = tuple((key.value, key.span) for _, key in arguments if key is not None)
        self.code.calls.append(len(self.ops))
        bounds = (start, *[end for end, _ in arguments])
        self.emit(CALL, Call(name.value, name.span, bounds, keywords), place)
        return place

    def index_start(self, s: list[Any]) -> Any:
        (call, start), index = s[0], s[1]
        if call.value not in ("sum", "prod"):
            raise SyntaxFault(
                f"'{call.value}' takes no index: only sum and prod do",
                call.span,
                help=f"sum({index.value}=0..n, ...)",
            )
        return Loop(call, index.value, start, len(self.ops))

    def index_head(self, s: list[Any]) -> Loop:
        loop: Loop = s[0]
        self.code.loops.append(len(self.ops))
        self.emit(LOOP, loop, loop.call.span)
        loop.start = len(self.ops)
        return loop

    def index_sum(self, s: list[Any]) -> Place:
        loop: Loop = s[0]
        place = (loop.call.start_pos, s[2].end_pos)
        loop.end = len(self.ops)
        self.emit(LOOP_END, loop, place)
        return place

    def subscript_open(self, s: list[Any]) -> int:
        return len(self.ops)

    def subscript(self, s: list[Any]) -> Place:
        operand, start, entries, closing = s
        place = (operand[0], closing.end_pos)
        self.code.subscripts.append(len(self.ops))
        self.emit(SUBSCRIPT, (start, *[end for end, _ in entries]), place)
        return place

    def slice(self, s: list[Any]) -> Place:
        mask, part = 0, 1
        for item in s:
            if isinstance(item, Lexeme):
                part <<= 1
            else:
                mask |= part
        first, last = s[0], s[-1]
        start = first.start_pos if isinstance(first, Lexeme) else first[0]
        end = last.end_pos if isinstance(last, Lexeme) else last[1]
        self.emit(SLICE, mask, (start, end))
        return start, end
