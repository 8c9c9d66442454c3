"""Parses a program: Lark's callbacks append flat postfix code with spans; there is no tree."""

from __future__ import annotations

import gc

from backprop_cli.errors import NameFault, SyntaxFault
from backprop_cli.syntax.code import Code
from backprop_cli.syntax.grammar import grammar
from backprop_cli.syntax.lexer import Tokens
from backprop_cli.syntax.operands import Operands
from backprop_cli.syntax.operators import Operators
from backprop_cli.syntax.statements import Statements

LARGE = 20_000  # characters from which the garbage collector is worth stopping


class Emitter(Statements, Operators, Operands):
    """Appends the code of each production as Lark reduces it."""


def parse(text: str) -> Code:
    """The code of a program. Raises SyntaxFault and NameFault with their places."""
    tokens = Tokens(text)
    emitter = Emitter(text)
    pause = len(text) > LARGE and gc.isenabled()
    if pause:
        gc.disable()
    try:
        try:
            grammar().parse(tokens, emitter)
        except (SyntaxFault, NameFault):
            raise
        except Exception as failure:
            from lark.exceptions import UnexpectedToken

            from backprop_cli.syntax import diagnose

            if not isinstance(failure, UnexpectedToken):
                raise
            raise diagnose.unexpected(tokens, failure) from None
        if not emitter.code.ops:
            raise SyntaxFault(
                "there is nothing but comments" if "#" in text else "there is no expression",
                help="write an expression, such as x*y + sin(x)",
            )
        emitter.finish()
    except (SyntaxFault, NameFault) as fault:
        raise fault.at(None, text) from None
    finally:
        if pause:
            gc.enable()
    return emitter.code
