"""Scalar nodes as elements of arrays: what spelling out an operation is made of."""

from __future__ import annotations

from typing import Any

from backprop_cli.errors import UsageFault
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST
from backprop_cli.ir.ops import Expr

MOST = 300_000  # scalar nodes


class Elements:
    """The scalar graph under construction; an array is an array of its node numbers."""

    def __init__(self, source: str) -> None:
        self.builder = Builder(source)
        self.context = self.builder.context
        self.zero = self.builder._source(CONST, 0.0, None, 0)  # of elements that nothing was put in

    def const(self, value: float) -> int:
        return self.builder.const(value)

    def expr(self, node: int) -> Expr:
        return Expr(self.context, int(node))

    def apply(self, op: str, x: list[int], static: Any = None, name: str | None = None) -> int:
        """One operation on scalars, with nothing added to a zero that stands for no element."""
        if op == "add" and name is None:
            if x[0] == self.zero:
                return x[1]
            if x[1] == self.zero:
                return x[0]
        if name is not None:
            return self.builder.add(op, *x, static=static, name=name)
        if op in ("and", "or"):
            known = [self.builder.static[node] != 0 for node in x if self.is_constant(node)]
            if (op == "or") in known:
                return self.const(float(op == "or"))
        found = self.context.apply(op, tuple(map(self.expr, x)), static)
        node: int = found.value
        if op == "where" and node == self.const(0.0) and self.is_constant(x[0]):
            return self.zero
        self.limit()
        return node

    def is_constant(self, node: int) -> bool:
        return self.builder.codes[node] == CONST

    def limit(self) -> None:
        if len(self.builder) > MOST:
            raise UsageFault(
                f"element by element, this program takes more than {MOST:,} operations",
                help="--to numpy, jax, torch, c, javascript or python keeps arrays whole",
            )

    def total(self, nodes: list[int]) -> int:
        """The sum, left to right; 0 of nothing."""
        present = [int(node) for node in nodes if node != self.zero]
        if not present:
            return self.zero
        result = present[0]
        for node in present[1:]:
            result = self.apply("add", [result, node])
        return result

    def product(self, nodes: list[int]) -> int:
        result = None
        for node in nodes:
            result = int(node) if result is None else self.apply("mul", [result, int(node)])
        return self.const(1.0) if result is None else result

    def extreme(self, op: str, nodes: list[int]) -> int:
        result = int(nodes[0])
        for node in nodes[1:]:
            result = self.apply(op, [result, int(node)])
        return result
