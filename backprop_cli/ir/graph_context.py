"""Rules applied to nodes of a graph under construction."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backprop_cli.ir.ops import BY_NAME, Expr, Operand

if TYPE_CHECKING:
    from backprop_cli.ir.builder import Builder

Shape = tuple[int, ...]
CONST = BY_NAME["const"].code
NAMED_CONSTANTS = frozenset((math.pi, math.tau, math.e))  # constants that stay what they are called


class GraphContext:
    """Rules applied in this context append nodes to a Builder.

    Folds what is exact at any point: operations on two constants without names, a product with the
    constant 1, a selection by a constant. Never `0*x`, which is nan where x is infinite.
    """

    __slots__ = ("builder",)

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def shape(self, value: int) -> Shape:
        return self.builder.shape(value)

    def constant(self, operand: Operand) -> float | None:
        """The value of a scalar constant, else None."""
        if not isinstance(operand, Expr):
            return float(operand)
        node = operand.value
        if self.builder.codes[node] != CONST:
            return None
        value: float = self.builder.static[node]
        return value

    def lift(self, operand: Operand) -> Expr:
        if isinstance(operand, Expr):
            return operand
        return Expr(self, self.builder.const(float(operand)))

    def apply(self, op: str, operands: tuple[Operand, ...], static: Any = None) -> Expr:
        if op == "const":
            return self.lift(static)
        folded = self._fold(op, operands)
        if folded is not None:
            return self.lift(folded)
        nodes = [self.lift(operand).value for operand in operands]
        return Expr(self, self.builder.add(op, *nodes, static=static))

    def _fold(self, op: str, operands: tuple[Operand, ...]) -> Operand | None:
        if op == "where":
            condition, yes, no = operands
            value = self.constant(condition)
            if value is None:
                return None
            chosen, other = (yes, no) if value != 0 else (no, yes)
            return chosen if self._same_shape(chosen, other) else None
        if len(operands) == 1:
            value = self.constant(operands[0])
            if value is not None and op == "neg":
                return -value
            if value is not None and op == "not":
                return float(value == 0)
            if value == math.e and op == "log":
                return 1.0
            return None
        if len(operands) != 2:
            return None
        x, y = operands
        a, b = self.constant(x), self.constant(y)
        if a is not None and b is not None:
            named = a in NAMED_CONSTANTS or b in NAMED_CONSTANTS
            return _compared(op, a, b) if named else _arithmetic(op, a, b)
        if (op == "mul" and b == 1) or (op in ("div", "pow") and b == 1):
            return x
        if op == "mul" and a == 1:
            return y
        if op == "mul" and b == -1:
            return -x
        if op == "mul" and a == -1:
            return -y
        return None

    def _same_shape(self, chosen: Operand, other: Operand) -> bool:
        shapes = [e.shape if isinstance(e, Expr) else () for e in (chosen, other)]
        return shapes[0] == shapes[1] or shapes[1] == ()


def _arithmetic(op: str, a: float, b: float) -> float | None:
    """Operations on two constants, where IEEE and Python agree."""
    match op:
        case "add":
            return a + b
        case "sub":
            return a - b
        case "mul":
            return a * b
        case "div" if b != 0 and (a % b == 0 or abs(math.frexp(b)[0]) == 0.5):
            return a / b  # a whole number, or exact: 1/3 stays a quotient
    return _compared(op, a, b)


def _compared(op: str, a: float, b: float) -> float | None:
    """Comparisons and logic of two constants."""
    match op:
        case "eq":
            return float(a == b)
        case "ne":
            return float(a != b)
        case "lt":
            return float(a < b)
        case "le":
            return float(a <= b)
        case "gt":
            return float(a > b)
        case "ge":
            return float(a >= b)
        case "and":
            return float(a != 0 and b != 0)
        case "or":
            return float(a != 0 or b != 0)
    return None
