"""Runs postfix code: each instruction takes nodes from a stack and puts one there.

Functions are expanded, and sums over an index unrolled, by frames on a second stack; so the depth
of calls is bounded by memory only.
"""

from __future__ import annotations

from typing import Any

from backprop_cli.engine.lowering.arguments import index_of
from backprop_cli.engine.lowering.calls import NOP
from backprop_cli.engine.lowering.expansion import Expansion
from backprop_cli.engine.lowering.statics import CONSTANTS
from backprop_cli.errors import BpropError, NameFault, ShapeFault, Span, SyntaxFault
from backprop_cli.ir.ops import BY_NAME
from backprop_cli.syntax.code import (
    APPLY1,
    APPLY2,
    APPLY3,
    CALL,
    COMPARE,
    FUNCTION,
    LOOP,
    LOOP_END,
    MATMUL,
    NAME,
    NUMBER,
    OUTPUT,
    RETURN,
    SLICE,
    STACK,
    STORE,
    SUBSCRIPT,
    TUPLE,
    Function,
)

SKIP = 63  # static code: its value is taken where it is needed
LAST = 64  # a bit: the instruction's result is what a name or a function stands for
TRANSPOSE = BY_NAME["transpose"].code


class Machine(Expansion):
    """One lowering."""

    def _mark(self) -> None:
        """Puts SKIP where static code starts, and LAST at the end of values."""
        ops = self.ops
        for start in self.names.skips:
            ops[start] = SKIP
        for _, end in self.code.values.values():
            ops[end - 1] |= LAST
        for function in self.code.functions.values():
            ops[function.end - 1] |= LAST

    def run(self) -> None:
        """Runs the whole code. Errors get the place of the instruction."""
        self._mark()
        ops, args, spans = self.ops, self.code.args, self.code.spans
        stack, table = self.stack, self.table
        pop, push = stack.pop, stack.append
        builder = self.builder
        add, const, mark = builder.add, builder.const, builder.mark
        numbers: dict[float, int] = {}
        step = self._step
        pc, end = 0, len(ops)
        try:
            while pc < end:
                op = ops[pc]
                if op == NAME:
                    name = args[pc]
                    node = self.local.get(name)
                    if node is None:
                        node = table.get(name)
                        if node is None or self.local_static:
                            node = self._name(pc)
                        else:
                            mark(node, spans[pc])
                    push(node)
                elif op == NUMBER:
                    value = args[pc]
                    found = numbers.get(value)
                    if found is None:
                        found = const(value, spans[pc])
                        if value:  # not 0.0, which is equal to -0.0
                            numbers[value] = found
                    else:
                        mark(found, spans[pc])
                    push(found)
                elif op == APPLY2:
                    right = pop()
                    stack[-1] = add(args[pc], stack[-1], right, span=spans[pc])
                elif op == APPLY1:
                    stack[-1] = add(args[pc], stack[-1], span=spans[pc])
                else:
                    pc = step(op, pc)
                pc += 1
        except BpropError as fault:
            raise self._placed(fault, pc) from None

    def _placed(self, fault: BpropError, pc: int) -> BpropError:
        """The error with the place of its instruction; of shapes, with the text in front."""
        start, end = self.code.spans[pc]
        if fault.span is None and isinstance(fault, ShapeFault):
            text = " ".join(self.code.source[start:end].split())
            if len(text) <= 40:
                fault.message = f"{text}: {fault.message}"
                fault.args = (fault.message,)
        return fault.at(Span(start, end), self.code.source)

    # names

    def _name(self, pc: int) -> int:
        """The node of a name that is neither a local value nor, outside of an index, a global."""
        name, span = self.code.args[pc], Span(*self.code.spans[pc])
        if name in self.local_static:
            value = self.local_static[name]
            if isinstance(value, float):
                return self.builder.const(value, span)
            raise ShapeFault(f"'{name}' is a list of sizes here, no value", span)
        node = self.table.get(name)
        if node is None:
            if name in self.statics.values:
                node = self.builder.const(self.statics.values[name], name=name)
                self.table[name] = node
            elif name in CONSTANTS and name not in self.code.assigned:
                return self.builder.const(CONSTANTS[name], span)
            else:
                raise NameFault(
                    f"'{name}' is used before it is assigned",
                    span,
                    help="move its assignment further up",
                )
        self.builder.mark(node, span)
        return node

    def _wanted(self, pc: int) -> str | None:
        """The name for the result of a LAST instruction."""
        if self.code.ops[pc + 1] == STORE:
            name: str = self.code.args[pc + 1]
            return name
        wanted: str | None = self.frames[-1][3]
        return wanted

    # the instructions that are not the commonest

    def _step(self, op: int, pc: int) -> int:
        name = None
        if op & LAST:
            op ^= LAST
            name = self._wanted(pc)
        arg, stack = self.code.args[pc], self.stack
        if op in (APPLY1, APPLY2, APPLY3, MATMUL):
            self._apply(op, arg, name, pc)
        elif op in (NAME, NUMBER):
            self._operand(op, arg, name, pc)
        elif op == STORE:
            self._store(arg, pc)
        elif op == SKIP:
            return self.names.skips[pc][0] - 1
        elif op == SUBSCRIPT:
            self._subscript(arg, name, pc)
        elif op == CALL:
            return self._call(arg, name, pc)
        elif op == RETURN:
            pc, self.local, self.local_static, _ = self.frames.pop()
        elif op == LOOP:
            return self._loop(arg, pc)
        elif op == LOOP_END:
            return self._loop_end(arg, name, pc)
        elif op == COMPARE:
            self._compare(arg, name, pc)
        elif op == STACK:
            if not arg:
                raise SyntaxFault("this array is empty", help="[] is the shape of a scalar only")
            nodes = self._pop(arg)
            stack.append(self._add(("stack", tuple(nodes), 0), name, pc))
        elif op == FUNCTION:
            function: Function = arg
            return function.end
        elif op == SLICE:
            stack.append(tuple(self._pop(2)))
        elif op == OUTPUT:
            self._output(arg)
        elif op == TUPLE:
            raise SyntaxFault(
                "several values in brackets are the outputs at the end, or a shape",
                help="an array is written with square brackets: [a, b]",
            )
        else:
            assert op == NOP
        return pc

    def _apply(self, op: int, operation: str, name: str | None, pc: int) -> None:
        count = 2 if op == MATMUL else {APPLY1: 1, APPLY2: 2, APPLY3: 3}[op]
        operands = self._pop(count)
        if op == MATMUL:
            self._check_transposed(*operands)
        self.stack.append(self._add((operation, operands, None), name, pc))

    def _check_transposed(self, left: int, right: int) -> None:
        """`x @ x'` of vectors would be the inner product, where the outer one is meant."""
        shape = self.builder.shape
        codes = self.builder.codes
        if len(shape(left)) == 1 and len(shape(right)) == 1 and codes[right] == TRANSPOSE:
            raise ShapeFault(
                "the transpose of a vector is itself, so this is no outer product",
                help="write outer(x, y), or for the inner product dot(x, y)",
            )

    def _operand(self, op: int, arg: Any, name: str | None, pc: int) -> None:
        """A name or number that is all of a value: with a new name it is an identity node."""
        place: Any = self.code.spans[pc]
        if op == NUMBER:
            node = self.builder.const(arg, place)
        else:
            local = self.local.get(arg)
            node = self._name(pc) if local is None else local
        if name is not None:
            node = self.builder.add("identity", node, name=name, span=place)
        self.stack.append(node)

    def _store(self, name: str, pc: int) -> None:
        node = self.stack.pop()
        place: Any = self.code.spans[pc]
        if self.builder.names.get(node) != name:
            node = self.builder.add("identity", node, name=name, span=place)
        self.table[name] = node
        if name in self.names.static_assigned:
            start, end = self.code.values[name]
            self.statics.assigned[name] = self.statics.evaluate(start, end, {})

    def _output(self, outputs: Any) -> None:
        nodes = self._pop(len(outputs))
        for (name, _), node in zip(outputs, nodes, strict=True):
            named = name is not None and self.builder.names.get(node) == name
            self.outputs.append((name if named else None, node))

    def _compare(self, operations: tuple[str, ...], name: str | None, pc: int) -> None:
        """`a < b < c` is `a < b and b < c`, with one b."""
        operands = self._pop(len(operations) + 1)
        chain = self._add((operations[0], operands[:2], None), None, pc)
        for k in range(1, len(operations)):
            link = self._add((operations[k], operands[k : k + 2], None), None, pc)
            last = name if k == len(operations) - 1 else None
            chain = self._add(("and", (chain, link), None), last, pc)
        self.stack.append(chain)

    def _subscript(self, bounds: tuple[int, ...], name: str | None, pc: int) -> None:
        evaluate, local = self.statics.evaluate, self.local_static
        entries = [evaluate(bounds[k], bounds[k + 1], local) for k in range(len(bounds) - 1)]
        node = self.stack[-1]
        index = index_of(entries, self.builder.shape(node))
        self.stack[-1] = self._add(("index", (node,), index), name, pc)
