"""Runs static code: the numbers, lists and slices that bounds, indices, axes and shapes need."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from backprop_cli.backends.python_floats import TOTAL
from backprop_cli.engine.lowering.arguments import Slice, whole
from backprop_cli.engine.lowering.calls import NOP
from backprop_cli.engine.lowering.names import Names
from backprop_cli.errors import BpropError, NameFault, ShapeFault, Span
from backprop_cli.syntax.code import (
    APPLY1,
    APPLY2,
    APPLY3,
    CALL,
    COMPARE,
    LOOP,
    LOOP_END,
    NAME,
    NUMBER,
    RETURN,
    SLICE,
    STACK,
    SUBSCRIPT,
    TUPLE,
    Loop,
)

CONSTANTS = {
    "pi": math.pi,
    "π": math.pi,
    "tau": math.tau,
    "τ": math.tau,
    "inf": math.inf,
    "nan": math.nan,
    "e": math.e,
}
MOST_TERMS = 10_000_000
Local = Mapping[str, Any]


def number(value: float) -> float:
    """A parameter's value; a named size (ir/sizes.py) stays one."""
    return value if hasattr(value, "text") else float(value)


def loop_range(low: Any, high: Any, loop: Loop) -> tuple[int, int]:
    """The bounds of a sum or product over an index."""
    first = whole(low, f"the lower bound of '{loop.index}'")
    last = whole(high, f"the upper bound of '{loop.index}'")
    if last - first >= MOST_TERMS:
        raise ShapeFault(
            f"'{loop.index}' takes {last - first + 1} values", help="at most ten million are built"
        )
    return first, last


class Statics:
    """The static values of one lowering."""

    def __init__(self, names: Names, values: Mapping[str, float]) -> None:
        self.names = names
        self.code = names.code
        self.values = {name: number(values[name]) for name in names.parameters}
        self.assigned: dict[str, Any] = {}

    def evaluate(self, start: int, end: int, local: Local) -> Any:
        """The value of the code from `start` to `end`: a float, a tuple or a Slice."""
        code = self.code
        if end == start + 1:
            if code.ops[start] == NUMBER:
                return code.args[start]
            if code.ops[start] == NAME:
                return self._name(start, local)
        return _Run(self, local).run(start, end)

    def _name(self, pc: int, local: Local) -> Any:
        name = self.code.args[pc]
        for place in (local, self.assigned, self.values):
            if name in place:
                return place[name]
        if name in CONSTANTS and name not in self.code.assigned:
            return CONSTANTS[name]
        span = Span(*self.code.spans[pc])
        if name in self.code.assigned:
            raise NameFault(
                f"'{name}' is used before it is assigned", span, help="assign it further up"
            )
        raise NameFault(
            f"'{name}' has no value that is known when the graph is made",
            span,
            help="an index, a bound, an axis or a shape is made of numbers and parameters",
        )


class _Run:
    """One run of static code, with its own stack; functions and loops are frames on it."""

    def __init__(self, statics: Statics, local: Local) -> None:
        self.statics = statics
        self.code = statics.code
        self.local: Local = local
        self.stack: list[Any] = []
        self.frames: list[Any] = []

    def run(self, start: int, end: int) -> Any:
        ops = self.code.ops
        pc = start
        try:
            while pc < end or self.frames:
                pc = self._step(ops[pc], pc) + 1
        except BpropError as fault:
            raise fault.at(Span(*self.code.spans[pc]), self.code.source) from None
        return self.stack[-1]

    def _step(self, op: int, pc: int) -> int:
        arg, stack = self.code.args[pc], self.stack
        if op == NUMBER:
            stack.append(arg)
        elif op == NAME:
            stack.append(self.statics._name(pc, self.local))
        elif op in (APPLY1, APPLY2, APPLY3):
            self._apply(arg, {APPLY1: 1, APPLY2: 2, APPLY3: 3}[op])
        elif op == COMPARE:
            operands = self._pop(len(arg) + 1)
            stack.append(
                float(all(self._total(name)(*operands[k : k + 2]) for k, name in enumerate(arg)))
            )
        elif op in (STACK, TUPLE):
            stack.append(tuple(self._pop(arg if op == STACK else len(arg))))
        elif op == SLICE:
            given = self._pop(arg.bit_count())
            parts = [given.pop(0) if arg >> k & 1 else None for k in range(3)]
            stack.append(Slice(*parts))
        elif op == SUBSCRIPT:
            self._subscript(len(arg) - 1)
        elif op == CALL:
            return self._call(pc)
        elif op == RETURN:
            pc, self.local = self.frames.pop()
        elif op == LOOP:
            return self._loop(arg)
        elif op == LOOP_END:
            return self._loop_end(arg, pc)
        elif op != NOP:
            raise ShapeFault("this cannot stand in an index, a bound, an axis or a shape")
        return pc

    def _pop(self, count: int) -> list[Any]:
        popped = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return popped

    def _total(self, name: str) -> Any:
        function = TOTAL.get(name)
        if function is None:
            raise ShapeFault(f"'{name}' cannot stand in an index, a bound, an axis or a shape")
        return function

    def _apply(self, name: str, count: int) -> None:
        operands = self._pop(count)
        if any(isinstance(operand, (tuple, Slice)) for operand in operands):
            if name == "neg" and isinstance(operands[0], tuple):
                self.stack.append(tuple(-part for part in operands[0]))
                return
            raise ShapeFault("arithmetic on lists cannot stand in an index or a shape")
        self.stack.append(self._total(name)(*operands))

    def _subscript(self, count: int) -> None:
        entries = self._pop(count)
        value = self.stack.pop()
        for entry in entries:
            if not isinstance(value, tuple):
                raise ShapeFault("only a list has elements")
            k = whole(entry, "an index")
            if not -len(value) <= k < len(value):
                raise ShapeFault(
                    f"index {k} is out of range: {len(value)} elements, 0 to {len(value) - 1}",
                    help="indices count from 0; -1 is the last",
                )
            value = value[k]
        self.stack.append(value)

    def _call(self, pc: int) -> int:
        call = self.code.args[pc]
        function = self.code.functions.get(call.name)
        if function is not None:
            operands = self._pop(len(function.parameters))
            self.frames.append((pc, self.local))
            self.local = dict(zip(function.parameters, operands, strict=True))
            return function.start - 1
        operands = self._pop(call.size)
        name = {"piecewise": "piecewise", "max": "maximum", "min": "minimum"}.get(
            call.name, call.name
        )
        if name == "piecewise":
            chosen = [case.stop for case in operands[:-1] if case.start != 0]
            self.stack.append(chosen[0] if chosen else operands[-1])
        elif call.keywords or name not in ("maximum", "minimum"):
            raise ShapeFault(f"'{call.name}' cannot stand in an index, a bound, an axis or a shape")
        else:
            if len(operands) == 1 and isinstance(operands[0], tuple):
                operands = list(operands[0])
            self.stack.append(self._total(name)(*operands))
        return pc

    def _loop(self, loop: Loop) -> int:
        low, high = self._pop(2)
        first, last = loop_range(low, high, loop)
        total = 0.0 if loop.call.value == "sum" else 1.0
        if last < first:
            self.stack.append(total)
            return loop.end
        self.frames.append([first, last, total, self.local])
        self.local = {**self.local, loop.index: float(first)}
        return loop.start - 1

    def _loop_end(self, loop: Loop, pc: int) -> int:
        frame = self.frames[-1]
        term = self.stack.pop()
        frame[2] = frame[2] + term if loop.call.value == "sum" else frame[2] * term
        frame[0] += 1
        if frame[0] <= frame[1]:
            self.local = {**self.local, loop.index: float(frame[0])}
            return loop.start - 1
        self.frames.pop()
        self.local = frame[3]
        self.stack.append(frame[2])
        return pc
