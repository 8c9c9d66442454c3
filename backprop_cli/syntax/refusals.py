"""What the lexer, the filter and the productions refuse, as SyntaxFaults that help."""

from __future__ import annotations

from typing import Any

from backprop_cli.errors import Span, SyntaxFault
from backprop_cli.syntax.lexer import Lexeme

CLOSERS = {"LPAR": ")", "LSQB": "]", "BAR_OPEN": "|"}
CHARACTERS = {
    '"': "there are no strings; names and numbers are written without quotes",
    "“": "there are no strings; names and numbers are written without quotes",
    "”": "there are no strings; names and numbers are written without quotes",
    "`": "there are no strings; names and numbers are written without quotes",
    "’": "the transpose is written x' or x.T",
    "‘": "the transpose is written x' or x.T",
    "′": "the transpose is written x' or x.T",
    "&": "'and' is written: and, or &&",
    "∧": "'and' is written: and, or &&",
    "∨": "'or' is written: or, or ||",
    "~": "'not' is written: not, or !",
    "¬": "'not' is written: not, or !",
    "{": "brackets are ( ) for expressions and [ ] for arrays",
    "}": "brackets are ( ) for expressions and [ ] for arrays",
    "∞": "infinity is written inf",
    "∛": "the cube root is written cbrt(x)",
    "∑": "a sum is written sum(i=0..n-1, x[i])",
    "∏": "a product is written prod(i=0..n-1, x[i])",
    "⊙": "the product element by element is written *",
    "∘": "the product element by element is written *",
    "⊗": "the outer product is written outer(x, y)",
    "‖": "the norm is written norm(x)",
    "$": "names are made of letters, digits and _",
    "\\": "the solution of A @ x = b is solve(A, b)",
    ".": "names contain no '.'; A.T transposes, and 0.5 or .5 is a number",
}


def excerpt(text: str, start: int, end: int, most: int = 40) -> str:
    """The source from start to end on one line, the middle left out where it is long."""
    shown = " ".join(text[start:end].split())
    half = most // 2
    return shown if len(shown) <= most else f"{shown[:half]} … {shown[1 - half :]}"


# from the lexer and the filter


def unknown_character(text: str, place: int, previous: Lexeme) -> SyntaxFault:
    letter = text[place]
    span = Span(place, place + 1)
    if letter in '"“”`':
        return SyntaxFault("there are no strings in the language", span, CHARACTERS[letter][22:])
    hint = CHARACTERS.get(letter)
    if hint is None:
        from unicodedata import decomposition

        form = decomposition(letter)
        plain = chr(int(form.split()[-1], 16)) if form.startswith(("<su", "<sub")) else ""
        base = previous.value if previous.type == "NAME" and previous.end_pos == place else "x"
        if form.startswith("<sub>"):
            hint = f"names have no subscripts: write {base}_{plain}, or {base}[{plain}]"
        elif form.startswith("<super>"):
            hint = f"superscripts are whole numbers: write {base}^{plain}"
    shown = f"'{letter}'" if letter.isprintable() else f"U+{ord(letter):04X}"
    return SyntaxFault(f"the character {shown} is not part of the language", span, hint)


def closes_nothing(text: str, token: Lexeme, opened: list[Lexeme]) -> SyntaxFault:
    sign = text[token.start_pos]
    if not opened:
        return SyntaxFault(
            f"'{sign}' closes nothing", token.span, help="remove it, or open a bracket before it"
        )
    opening = opened[-1]
    return SyntaxFault(
        f"'{text[opening.start_pos]}' is not closed before '{sign}'",
        Span(opening.start_pos, opening.start_pos + 1),
        help=f"add the missing '{CLOSERS[opening.type]}'",
    )


def cut_exponent(text: str, number: Lexeme, end: int) -> SyntaxFault:
    from re import match

    rest = match(r"[+\-−]\s*\w*", text[end:])
    tail = rest[0] if rest else text[end]
    whole = text[number.start_pos : end] + tail
    name, sign, exponent = text[end - 1], tail[0], tail[1:].strip() or "x"
    power = f"(-{exponent})" if sign != "+" else exponent
    return SyntaxFault(
        f"'{whole}' has two readings: a product with '{name}', or a power of ten",
        Span(number.start_pos, end + len(tail)),
        help=f"write {number.value}*{name} {sign} {exponent}, or {number.value}*10^{power}",
    )


def product_with_bar(text: str, previous: Lexeme, start: int) -> SyntaxFault:
    end = text.find("|", start + 1) + 1
    left, right = text[previous.start_pos : previous.end_pos], excerpt(text, start, end)
    return SyntaxFault(
        f"an operator is missing between '{left}' and '|'",
        Span(previous.start_pos, start + 1),
        help=f"write {left}*{right}" if end else "'or' is written: or, or ||",
    )


def double_bars(text: str, opening: Lexeme, start: int) -> SyntaxFault:
    inner = excerpt(text, opening.start_pos + 2, start)
    return SyntaxFault(
        "'||' is no bracket",
        Span(opening.start_pos, start + 2),
        help=f"the norm is norm({inner}); for |x| inside |x|, leave a space between the bars",
    )


def bars_between(text: str, opening: Lexeme, start: int) -> SyntaxFault:
    """`|a||b|`: a product of two absolute values, or the absolute value of 'a or b'."""
    end = text.find("|", start + 2)
    left = excerpt(text, opening.start_pos + 1, start)
    right = excerpt(text, start + 2, end if end >= 0 else len(text)).strip()
    return SyntaxFault(
        f"'{excerpt(text, opening.start_pos, end + 1 or len(text))}' has two readings",
        Span(opening.start_pos, end + 1 or len(text)),
        help=f"write |{left}|*|{right}|, or |{left} or {right}|",
    )


# from the productions


def two_readings(text: str, left: Any, right: Any) -> SyntaxFault:
    """An implicit product behind a quotient or an exponent."""
    start, end = left[0], right[1]
    inner, sign, last = left[2], left[3], left[4]
    a = excerpt(text, start, inner[1])
    b = excerpt(text, *last)
    c = excerpt(text, right[0], right[1])
    if sign in ("^", "**", ".^"):
        first, second = f"{a}{sign}{b}*{c}", f"{a}{sign}({b}*{c})"
        name = text[inner[0] : inner[1]]
        if is_function(name):
            return SyntaxFault(
                f"an exponent cannot stand between '{name}' and its argument",
                Span(inner[1], last[1]),
                help=f"write {name}{c}{sign}{b}",
            )
    else:
        gap = " " if sign == "@" else ""
        first = f"({a}{gap}{sign}{gap}{b})*{c}"
        second = f"{a}{gap}{sign}{gap}({b}*{c})"
    return SyntaxFault(
        f"'{excerpt(text, start, end)}' has two readings",
        Span(start, end),
        help=f"write {first}, or {second}",
    )


def is_function(name: str) -> bool:
    from backprop_cli.ir.ops import OPERATIONS

    return any(name == row.name or name in row.aliases for row in OPERATIONS)


def value_goes_nowhere(text: str, span: Span) -> SyntaxFault:
    shown = excerpt(text, span.start, span.end, 24)
    rest = text[span.end :].lstrip()
    if rest[:1] in ("+", "-", "−"):
        return SyntaxFault(
            "the value of this expression goes nowhere: the statement ends with the line",
            span,
            help="to continue on the next line, put the expression in brackets",
        )
    return SyntaxFault(
        "the value of this expression goes nowhere: only the last statement may be one",
        span,
        help=f"give it a name (v = {shown}), or write the outputs as the last: (f, g)",
    )


def bad_target(text: str, span: Span, equal: Lexeme) -> SyntaxFault:
    shown = excerpt(text, span.start, span.end)
    return SyntaxFault(
        f"'{shown}' cannot be assigned: only a name, or a function such as f(u, v)",
        span,
        help="to compare, write ==",
    )
