"""Turns a failure of Lark's parser into a SyntaxFault that helps."""

from __future__ import annotations

from typing import Any

from backprop_cli.errors import Span, SyntaxFault
from backprop_cli.syntax.lexer import CLOSING, OPENING, OPERAND_ENDS, Lexeme, Tokens
from backprop_cli.syntax.refusals import CLOSERS, excerpt, is_function

OPERAND_STARTS = frozenset(("NUMBER", "NAME", "LPAR", "LSQB", "BAR_OPEN", "ROOT", "NOT"))
ENDS = frozenset(("$END", "NEWLINE", "SEMICOLON"))
PAIRS = {  # two operators side by side that other languages have
    "//": "the whole part of a quotient is floor(x/y)",
    "<>": "'unequal' is written !=",
    "=>": "'at least' is written >=",
    "=<": "'at most' is written <=",
    "===": "'equal' is written ==",
    ":=": "a name is given with =",
    "++": "there is no increment: each name is one node, assigned once",
    "+=": "each name is one node, assigned once",
    "-=": "each name is one node, assigned once",
    "*=": "each name is one node, assigned once",
    "/=": "each name is one node, assigned once; 'unequal' is written !=",
    "->": "a function is written f(u) = ...",
}


class Failure:
    """Where the parser stood: the tokens before, the one it refused, and the open brackets."""

    def __init__(self, text: str, failure: Any) -> None:
        self.text = text
        self.expected: set[str] = failure.expected
        self.token = failure.token
        self.history: list[Lexeme] = []
        tokens = Tokens(text)
        self.opened: list[Lexeme] = []
        for token in tokens.lex():
            if self.token.type == token.type and self.token.start_pos == token.start_pos:
                self.token = token
                break
            self.history.append(token)
            if token.type in CLOSERS:
                self.opened.append(token)
            elif token.type in CLOSING:
                self.opened.pop()
        else:
            self.token = Lexeme("$END", "", len(text.rstrip()), len(text))

    @property
    def previous(self) -> Lexeme | None:
        return self.history[-1] if self.history else None

    def shown(self, token: Lexeme) -> str:
        return self.text[token.start_pos : token.end_pos]

    def across_lines(self) -> bool:
        """Whether a newline was dropped before the refused token."""
        end = self.previous.end_pos if self.previous else 0
        return "\n" in self.text[end : self.token.start_pos]

    def closed_later(self) -> bool:
        """Whether the innermost open bracket is closed in the rest of the text."""
        depth = 0
        for letter in self.text[self.token.start_pos :]:
            if letter in "([":
                depth += 1
            elif letter in ")]":
                depth -= 1
                if depth < 0:
                    return True
        return False


def unexpected(tokens: Tokens, failure: Any) -> SyntaxFault:
    """The fault for a token that the grammar does not have there."""
    at = Failure(tokens.text, failure)
    previous, token = at.previous, at.token
    if previous is not None and previous.type == "IMPLICIT" and len(at.history) > 1:
        previous = at.history[-2]
    after_operand = previous is not None and previous.type in OPERAND_ENDS
    unclosed = _unclosed(at, previous, after_operand)
    if unclosed is not None:
        return unclosed
    if after_operand:
        assert previous is not None
        return _after_operand(at, previous, token)
    return _operand_missing(at, previous, token)


def _unclosed(at: Failure, previous: Lexeme | None, after_operand: bool) -> SyntaxFault | None:
    """A bracket that is never closed, if that is what stopped the parser."""
    if not at.opened or previous is None:
        return None
    ended = at.token.type in ENDS or at.token.type == "EQUAL" or at.across_lines()
    if not ended or not (after_operand or previous.type in OPENING or previous.type == "IMPLICIT"):
        return None
    if at.token.type != "$END" and at.closed_later():
        return None
    opening = at.opened[-1]
    sign = at.text[opening.start_pos]
    return SyntaxFault(
        f"'{sign}' is never closed",
        Span(opening.start_pos, opening.start_pos + 1),
        help=f"add the missing '{CLOSERS[opening.type]}'",
    )


def _operand_missing(at: Failure, previous: Lexeme | None, token: Lexeme) -> SyntaxFault:
    """The parser wanted an operand, and found none."""
    shown = at.shown(token)
    if token.type == "TRANSPOSE":
        return SyntaxFault(
            f"{shown} transposes what stands before it, and nothing does",
            token.span,
            help="there are no strings; names and numbers are written without quotes",
        )
    if token.type == "SUPERSCRIPT":
        return SyntaxFault(f"the exponent '{shown}' has no base", token.span)
    starts = previous is None or previous.type in ("NEWLINE", "SEMICOLON")
    if starts and not at.opened:
        hint = None
        if previous is not None and previous.type == "NEWLINE":
            hint = (
                "a newline ends the statement; to continue on the next line, put the expression "
                "in brackets"
            )
        return SyntaxFault(f"an operand is missing before '{shown}'", token.span, hint)
    assert previous is not None
    before = at.shown(previous)
    if token.type in ("NOT", "BANG"):
        return SyntaxFault(
            f"'{shown}' binds looser than '{before}'",
            token.span,
            help=f"put it in brackets: {before} ({'not ' if token.type == 'NOT' else '!'}…)",
        )
    if previous.type == "LSQB" and token.type == "RSQB":
        return SyntaxFault(
            "an index is missing",
            Span(previous.start_pos, token.end_pos),
            help="indices count from 0: x[0], A[1, 2], A[:, 0]",
        )
    if previous.type in OPENING and token.type in CLOSING:
        inside = "array" if previous.type == "LSQB" else "pair of brackets"
        return SyntaxFault(f"this {inside} is empty", Span(previous.start_pos, token.end_pos))
    if previous.type in OPENING:
        return SyntaxFault(f"an operand is missing before '{shown}'", token.span)
    if token.type in ENDS:
        if token.type == "NEWLINE":
            return SyntaxFault(
                f"an operand is missing after '{before}': the statement ends with the line",
                previous.span,
                help="to continue on the next line, put the expression in brackets",
            )
        what = "the value is missing" if previous.type == "EQUAL" else "an operand is missing"
        return SyntaxFault(f"{what} after '{before}'", previous.span)
    hint = PAIRS.get(at.text[previous.start_pos : token.end_pos])
    if token.type in CLOSING:
        if previous.type == "COMMA":
            hint = "remove the ',', or write what follows it"
        return SyntaxFault(f"an operand is missing after '{before}'", previous.span, hint)
    return SyntaxFault(
        f"an operand is missing between '{before}' and '{shown}'",
        Span(previous.start_pos, token.end_pos),
        hint,
    )


def _after_operand(at: Failure, previous: Lexeme, token: Lexeme) -> SyntaxFault:
    """An operand ended, and what follows cannot."""
    question = _open_question(at)
    if question is not None and token.type in (ENDS | set(CLOSING) | {"COMMA"}):
        return SyntaxFault(
            "this '?' has no ':'", question.span, help="a conditional is written c ? a : b"
        )
    if token.type in OPERAND_STARTS or token.type in ("LSQB", "BANG", "SUPERSCRIPT"):
        return _side_by_side(at, previous, token)
    shown = at.shown(token)
    head = _index_head(at)
    if head is not None:
        name, index = head
        return SyntaxFault(
            f"the {'sum' if name == 'sum' else 'product'} over '{index}' has no terms",
            token.span,
            help=f"write what is added: {name}({index}=a..b, x[{index}])"
            if name == "sum"
            else f"write the factors: {name}({index}=a..b, x[{index}])",
        )
    hints = {
        "EQUAL": "to compare, write ==",
        "COMMA": "several outputs are written in brackets: (f, g)",
        "COLON": "a conditional is written c ? a : b; parts are taken as in x[1:3]",
        "RANGE": "a range stands only in sum(i=a..b, ...) and prod(i=a..b, ...)",
        "SEMICOLON": "arguments are separated by ','",
        "POWER": "put the power in brackets: (x²)^3, or x^(2^3)",
        "TRANSPOSE": "put the power in brackets first: (x²)'",
    }
    if token.type == "EQUAL" and not at.opened:
        start = _statement_start(at)
        left = excerpt(at.text, start, previous.end_pos)
        return SyntaxFault(
            f"'{left}' cannot be assigned: only a name, or a function such as f(u, v)",
            Span(start, previous.end_pos),
            help=PAIRS.get(at.text[token.start_pos : token.end_pos + 1], hints["EQUAL"]),
        )
    hint = PAIRS.get(at.text[token.start_pos : token.end_pos + 1], hints.get(token.type))
    if token.type in ("NEWLINE", "$END"):
        return SyntaxFault("the expression is not complete", previous.span)
    return SyntaxFault(f"'{shown}' cannot stand here", token.span, hint)


def _side_by_side(at: Failure, previous: Lexeme, token: Lexeme) -> SyntaxFault:
    left, right = at.shown(previous), at.shown(token)
    span = Span(previous.start_pos, token.end_pos)
    if previous.type in ("SUPERSCRIPT", "TRANSPOSE") and len(at.history) > 1:
        left = at.text[at.history[-2].start_pos : previous.end_pos]
        left = left if len(left) < 24 and left[0] not in ")]|" else f"…{at.shown(previous)}"
    if token.type == "BANG":
        return SyntaxFault(
            "'!' cannot follow an operand", token.span, help="a factorial is gamma(x + 1)"
        )
    if previous.type == "SUPERSCRIPT":
        base = at.history[-2] if len(at.history) > 1 else previous
        name = at.shown(base)
        if token.type == "LPAR" and base.type == "NAME" and is_function(name):
            return SyntaxFault(
                f"an exponent cannot stand between '{name}' and its argument",
                previous.span,
                help=f"write {name}(x){at.shown(previous)}",
            )
    if previous.type == "NAME" and token.type == "NAME":
        message = f"two names stand side by side: '{left}' and '{right}'"
        if is_function(left):
            return SyntaxFault(message, span, help=f"a call has brackets: {left}({right})")
        return SyntaxFault(message, span, help=f"a product is written {left}*{right}")
    if previous.type == "NUMBER" and token.type == "NUMBER":
        return SyntaxFault(
            f"two numbers stand side by side: '{left}' and '{right}'",
            span,
            help=f"a product is written {left}*{right}",
        )
    if previous.type == "NAME" and is_function(left) and token.type in ("NUMBER", "ROOT"):
        hint = f"a call has brackets: {left}({right}{'' if token.type == 'NUMBER' else '…'})"
    else:
        left = f"…{left}" if left in ")]|" else left
        right = right if token.type in ("NAME", "NUMBER") else f"{right}…"
        hint = f"a product is written {left}*{right}"
    return SyntaxFault(
        f"an operator is missing between '{at.shown(previous)}' and '{at.shown(token)}'", span, hint
    )


def _open_question(at: Failure) -> Lexeme | None:
    """The innermost '?' without ':' inside the brackets that are open."""
    stack: list[list[Lexeme]] = [[]]
    for token in at.history:
        if token.type in OPENING:
            stack.append([])
        elif token.type in CLOSING:
            stack.pop()
        elif token.type in ("NEWLINE", "SEMICOLON"):
            stack[-1].clear()
        elif token.type == "QUESTION":
            stack[-1].append(token)
        elif token.type == "COLON" and stack[-1]:
            stack[-1].pop()
    return stack[-1][-1] if stack[-1] else None


def _index_head(at: Failure) -> tuple[str, str] | None:
    """The function and index of `sum(i=a..b` where the terms are missing."""
    if at.expected & {"RPAR"} or "COMMA" not in at.expected or not at.opened:
        return None
    place = at.history.index(at.opened[-1])
    if place == 0 or not any(token.type == "RANGE" for token in at.history[place:]):
        return None
    return at.shown(at.history[place - 1]), at.shown(at.history[place + 1])


def _statement_start(at: Failure) -> int:
    for k in range(len(at.history) - 1, -1, -1):
        if at.history[k].type in ("NEWLINE", "SEMICOLON"):
            return at.history[k + 1].start_pos
    return at.history[0].start_pos
