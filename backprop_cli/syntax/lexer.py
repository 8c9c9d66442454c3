"""From text to the tokens that the parser reads: a basic lexer and the filter behind it.

The filter puts in the product that is not written (IMPLICIT), drops newlines inside brackets, and
tells by a stack whether a bar opens or closes, and whether `||` is 'or' or two bars.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from backprop_cli.errors import Span, SyntaxFault
from backprop_cli.syntax import table_data

PATTERN = re.compile(table_data.PATTERN + "|(?P<UNKNOWN>.)", re.DOTALL)
SIGNS: dict[str, str] = table_data.SIGNS
KEYWORDS: dict[str, str] = table_data.KEYWORDS
CLOSING = {"RPAR": "LPAR", "RSQB": "LSQB", "BAR_CLOSE": "BAR_OPEN"}
OPENING = frozenset(CLOSING.values())
NESTING = OPENING | frozenset(CLOSING) | {"BAR", "BARS", "ROOT"}
# what ends an operand; the other tokens want one to follow
OPERAND_ENDS = frozenset(
    ("NUMBER", "NAME", "RPAR", "RSQB", "BAR_CLOSE", "TRANSPOSE", "SUPERSCRIPT")
)


class _Token(NamedTuple):
    type: str
    value: str
    start_pos: int
    end_pos: int


class Lexeme(_Token):
    """A token with its place: what Lark's parser needs of one, and no more."""

    __slots__ = ()

    line = column = end_line = end_column = None  # Lark copies them to the end of the input

    @property
    def span(self) -> Span:
        return Span(self.start_pos, self.end_pos)


START = Lexeme("", "", 0, 0)  # before the first token


class Tokens:
    """The tokens of one text, and what is open where the parser stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.open: list[Lexeme] = []  # brackets and bars, outermost first

    def lex(self, parser_state: object = None) -> Iterator[Lexeme]:
        """The tokens, filtered. Raises SyntaxFault for what can be no part of a program."""
        signs, nesting = SIGNS, NESTING
        new: Any = tuple.__new__  # half the time of Lexeme(...)
        opened = self.open
        previous = START
        before = ""  # its type
        end = 0
        for match in PATTERN.finditer(self.text):
            kind: str = match.lastgroup or ""
            start, end = end, match.end()
            if kind == "SPACE" or kind == "COMMENT":
                continue
            value = match[0]
            if kind == "SIGN":
                kind = signs[value]
                if kind in nesting:
                    if kind == "BAR":
                        kind = self._bar(previous, start)
                    elif kind == "BARS" and (before not in OPERAND_ENDS or self._closes(start)):
                        kind = "BAR_CLOSE" if before in OPERAND_ENDS else "BAR_OPEN"
                        first = Lexeme(kind, value, start, end)
                        self._nest(first)
                        yield first
                    elif (kind == "LPAR" or kind == "ROOT") and (
                        before == "NUMBER" or before == "RPAR"
                    ):
                        yield Lexeme("IMPLICIT", "", start, start)
                    previous = Lexeme(kind, value, start, end)
                    self._nest(previous)
                    before = kind
                    yield previous
                    continue
            elif kind == "NAME":
                if value in KEYWORDS:
                    kind = KEYWORDS[value]
                else:
                    if not value.isascii():
                        value = normal_name(value, start)
                    if before == "NUMBER" or before == "RPAR":
                        if value == "e" or value == "E":
                            self._refuse_cut_exponent(previous, start, end)
                        yield Lexeme("IMPLICIT", "", start, start)
            elif kind == "NEWLINE":
                if opened:
                    continue
            elif kind == "UNKNOWN":
                raise self._unknown_character(start, previous)
            before = kind
            previous = new(Lexeme, (kind, value, start, end))
            yield previous

    def _nest(self, token: Lexeme) -> None:
        """Opens or closes a bracket or bar; other tokens do neither."""
        if token.type in OPENING:
            self.open.append(token)
        elif token.type in CLOSING:
            if self.open and self.open[-1].type == CLOSING[token.type]:
                self.open.pop()
                return
            from backprop_cli.syntax import refusals

            raise refusals.closes_nothing(self.text, token, self.open)

    def _bar(self, previous: Lexeme, start: int) -> str:
        """Whether a bar opens or closes."""
        if previous.type not in OPERAND_ENDS:
            return "BAR_OPEN"
        if self.open and self.open[-1].type == "BAR_OPEN":
            return "BAR_CLOSE"
        from backprop_cli.syntax import refusals

        raise refusals.product_with_bar(self.text, previous, start)

    def _closes(self, start: int) -> bool:
        """Whether `||` after an operand closes two bars; if not, it is 'or'."""
        from backprop_cli.syntax import refusals

        if not self.open or self.open[-1].type != "BAR_OPEN":
            return False
        bars = [token for token in self.open[-2:] if token.type == "BAR_OPEN"]
        if len(bars) == 1:
            raise refusals.bars_between(self.text, bars[0], start)
        if bars[0].start_pos == bars[1].start_pos:
            raise refusals.double_bars(self.text, bars[0], start)
        return True

    def _refuse_cut_exponent(self, number: Lexeme, start: int, end: int) -> None:
        if (
            number.type == "NUMBER"
            and number.end_pos == start
            and self.text[end : end + 1] in ("+", "-", "−")
        ):
            from backprop_cli.syntax import refusals

            raise refusals.cut_exponent(self.text, number, end)

    def _unknown_character(self, place: int, previous: Lexeme) -> SyntaxFault:
        from backprop_cli.syntax import refusals

        return refusals.unknown_character(self.text, place, previous)


def normal_name(name: str, start: int) -> str:
    """The name in normal form C, with µ (micro) as μ (mu). Raises SyntaxFault if it is no name."""
    from unicodedata import normalize

    result = normalize("NFC", name.replace("\u00b5", "\u03bc"))
    if not result.isidentifier():
        for place, letter in enumerate(name, start):
            if not f"x{letter}".isidentifier():
                raise SyntaxFault(
                    f"'{letter}' cannot stand in a name",
                    Span(place, place + 1),
                    help="names are made of letters, digits and _",
                )
        raise SyntaxFault(f"'{name}' is not a name", Span(start, start + len(name)))
    return result
