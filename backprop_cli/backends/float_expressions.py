"""Operations and rules of rows as Python expressions of floats."""

from __future__ import annotations

import math
from typing import Any

from backprop_cli.ir.ops import Expr, Operand

# the node at hand in the text of the loops: values grow by one a node; `left`, the adjoints in
# reverse, knows how many are left, and reads each when its turn comes
FORWARD, BACKWARD = "len(values)", "left.__length_hint__()"

_INFIX = {"add": "+", "sub": "-", "mul": "*"}
COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}


class TextContext:
    """Rules applied in this context print Python expressions. Conditions print as booleans."""

    def __init__(self, safe: bool) -> None:
        self.safe = safe

    def shape(self, value: str) -> tuple[int, ...]:
        return ()

    def text(self, operand: Operand) -> str:
        if isinstance(operand, Expr):
            return str(operand.value)
        return number_text(float(operand))

    def apply(self, op: str, operands: tuple[Operand, ...], static: Any = None) -> Expr:
        x = [self.text(operand) for operand in operands]
        if op in COMPARISONS:
            return Expr(self, f"({x[0]} {COMPARISONS[op]} {x[1]})")
        if op == "where":
            return Expr(self, f"({x[1]} if {x[0]} else {x[2]})")
        if op in ("and", "or"):
            return Expr(self, f"({x[0]} {op} {x[1]})")
        if op == "not":
            return Expr(self, f"(not {x[0]})")
        if op == "mul":
            one = [i for i in (0, 1) if x[i] == "1.0"]
            if one:
                return Expr(self, x[1 - one[0]])
        return Expr(self, value_text(op, x, self.safe, static))


def number_text(value: float) -> str:
    return repr(value) if math.isfinite(value) else f"({value})"


def value_text(op: str, x: list[str], safe: bool, static: Any = None) -> str:
    """The value of `op` on argument texts, as Python."""
    if op in _INFIX:
        return f"({x[0]} {_INFIX[op]} {x[1]})"
    match op:
        case "neg":
            return f"(-{x[0]})"
        case "div" if not safe:
            return f"({x[0]} / {x[1]})"
        case "square":
            return f"({x[0]} * {x[0]})"
        case "identity" | "stop_grad":
            return x[0]
        case "where":
            return f"({x[1]} if {x[0]} else {x[2]})"
        case "polygamma" if isinstance(static, int):
            return f"op_polygamma({x[0]}, {static})"
        case "polygamma":
            return f"op_polygamma({x[0]}, {static or f'static[{FORWARD}]'})"
    return f"op_{op}({', '.join(x)})"


class StaticOrder:
    """polygamma's order in generated text, where the rule adds 1 to it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __add__(self, k: int) -> StaticOrder:
        return StaticOrder(f"({self.text} + {k})")

    def __str__(self) -> str:
        return self.text
