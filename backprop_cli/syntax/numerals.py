"""Numbers as they are written."""

from __future__ import annotations

from math import isinf

from backprop_cli.errors import SyntaxFault
from backprop_cli.syntax.lexer import Lexeme


def float_of(digits: str, token: Lexeme) -> float:
    """The number that digits mean. Raises SyntaxFault where it is too large."""
    try:
        value = float(int(digits, 16)) if digits[:2] in ("0x", "0X") else float(digits)
    except OverflowError:
        value = float("inf")
    if isinf(value):
        shown = digits if len(digits) <= 24 else digits[:20] + "…"
        raise SyntaxFault(
            f"the number {shown} is too large for a 64-bit float",
            token.span,
            help="the largest is 1.797e308; infinity is written inf",
        )
    return value
