"""The operation table: one row an operation, in files by family.

A new operation is one row here, and one row in each backend's table.
"""

from __future__ import annotations

from backprop_cli.ir.ops import (
    arithmetic,
    elementary,
    linear_algebra,
    reductions,
    shaping,
    special,
)
from backprop_cli.ir.ops.notation import Expr, Operand
from backprop_cli.ir.ops.operation import Note, Operation, edge_condition, partial

OPERATIONS: list[Operation] = [
    *arithmetic.ROWS,
    *elementary.ROWS,
    *special.ROWS,
    *reductions.ROWS,
    *linear_algebra.ROWS,
    *shaping.ROWS,
]
BY_NAME: dict[str, Operation] = {}
for _code, _row in enumerate(OPERATIONS):
    _row.code = _code
    BY_NAME[_row.name] = _row

__all__ = [
    "BY_NAME",
    "OPERATIONS",
    "Expr",
    "Note",
    "Operand",
    "Operation",
    "edge_condition",
    "partial",
]
