"""The state of a lowering, and how calls and sums over an index are expanded."""

from __future__ import annotations

from typing import Any

from backprop_cli.engine.lowering.form import REQUIRED
from backprop_cli.engine.lowering.names import STATIC, VALUE, Names
from backprop_cli.engine.lowering.statics import Statics, loop_range
from backprop_cli.errors import SyntaxFault
from backprop_cli.ir.builder import Builder
from backprop_cli.syntax.code import Function, Loop

MOST_STEPS = 10_000_000  # of functions and sums together: half a minute, and gigabytes


class Expansion:
    """One lowering: two stacks, of nodes and of what is being expanded."""

    def __init__(
        self, names: Names, builder: Builder, statics: Statics, table: dict[str, int]
    ) -> None:
        self.names = names
        self.code = names.code
        self.builder = builder
        self.statics = statics
        self.table = table  # the nodes of variables and of what is assigned so far
        self.stack: list[Any] = []
        self.frames: list[Any] = []
        self.local: dict[str, int] = {}  # parameters of the function that is being expanded
        self.local_static: dict[str, Any] = {}  # its static parameters, and indices
        self.outputs: list[tuple[str | None, int]] = []
        self.ops = bytearray(self.code.ops)
        self.steps = 0  # taken in expansions

    def _spend(self, steps: int) -> None:
        """Counts the steps of an expansion; functions that call twice double at each level."""
        self.steps += steps
        if self.steps > MOST_STEPS:
            raise SyntaxFault(
                f"the functions and sums of this program expand to more than {MOST_STEPS:,} steps",
                help="give a value that is used twice a name: a = f(x); a + a",
            )

    def _add(self, made: Any, name: str | None, pc: int) -> int:
        op, operands, static = made
        place: Any = self.code.spans[pc]
        return self.builder.add(op, *operands, static=static, name=name, span=place)

    def _pop(self, count: int) -> list[Any]:
        at = len(self.stack) - count
        popped = self.stack[at:]
        del self.stack[at:]
        return popped

    def _call(self, call: Any, name: str | None, pc: int) -> int:
        built = self.names.built.get(pc)
        if built is None:
            return self._expand(self.code.functions[call.name], call, name, pc)
        evaluate, local = self.statics.evaluate, self.local_static
        statics: dict[str, Any] = {"rest": []}
        for parameter, start, end in built.statics:
            value = evaluate(start, end, local)
            if parameter is None:
                statics["rest"].append(value)
            else:
                statics[parameter] = value
        operands = self._pop(len(built.values))
        given = dict(zip(built.values, operands, strict=True))
        values: list[Any] = []
        for parameter, default, is_static in built.form.parameters:
            if is_static:
                statics.setdefault(parameter, default)
            elif parameter in given:
                values.append(given[parameter])
            else:
                assert default is not REQUIRED
                values.append(None if default is None else self.builder.const(default))
        rest = zip(built.values, operands, strict=True)
        values += [node for parameter, node in rest if parameter is None]
        made = built.form.build(self.builder, values, statics)
        self.stack.append(self._add(made, name, pc))
        return pc

    def _expand(self, function: Function, call: Any, name: str | None, pc: int) -> int:
        """Goes on in the function's body, with its parameters bound."""
        uses = self.names.uses.get(function.name)
        local: dict[str, int] = {}
        local_static: dict[str, Any] = {}
        for k in range(len(function.parameters) - 1, -1, -1):
            use = uses[k] if uses else VALUE
            if use & STATIC:
                local_static[function.parameters[k]] = self.statics.evaluate(
                    call.bounds[k], call.bounds[k + 1], self.local_static
                )
            if use != STATIC:
                node = self.stack.pop()
                if function.parameters[k] in self.names.differentiated:
                    # a node of its own: diff(f, u) must not see other uses of the argument
                    node = self.builder.add("identity", node)
                local[function.parameters[k]] = node
        self._spend(function.end - function.start)
        self.frames.append((pc, self.local, self.local_static, name))
        self.local, self.local_static = local, local_static
        return function.start - 1

    # sums and products over an index

    def _loop(self, loop: Loop, pc: int) -> int:
        low = self.statics.evaluate(loop.low, loop.high, self.local_static)
        high = self.statics.evaluate(loop.high, pc, self.local_static)
        first, last = loop_range(low, high, loop)
        if last < first:
            self.stack.append(self.builder.const(0.0 if loop.call.value == "sum" else 1.0))
            return loop.end
        # the fourth place is a function's wish for a name, which is not the terms'
        self.frames.append([first, last, None, None, self.local, self.local_static])
        self.local = {k: v for k, v in self.local.items() if k != loop.index}
        self.local_static = {**self.local_static, loop.index: float(first)}
        return loop.start - 1

    def _loop_end(self, loop: Loop, name: str | None, pc: int) -> int:
        frame: list[Any] = self.frames[-1]
        first, last, total = frame[:3]
        term = self.stack.pop()
        if total is not None:
            operation = "add" if loop.call.value == "sum" else "mul"
            wanted = name if first == last else None
            term = self._add((operation, (total, term), None), wanted, pc)
        if first < last:
            self._spend(pc - loop.start)
            frame[0], frame[2] = first + 1, term
            self.local_static[loop.index] = float(first + 1)
            return loop.start - 1
        self.frames.pop()
        self.local, self.local_static = frame[4], frame[5]
        self.stack.append(term)
        return pc
