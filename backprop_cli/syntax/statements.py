"""The callbacks of statements: outputs, assignments and definitions of functions."""

from __future__ import annotations

from typing import Any

from backprop_cli.errors import NameFault, Span, SyntaxFault
from backprop_cli.syntax.code import (
    CALL,
    FUNCTION,
    NAME,
    OUTPUT,
    RETURN,
    STORE,
    TUPLE,
    Call,
    Function,
)
from backprop_cli.syntax.columns import Columns, Place
from backprop_cli.syntax.lexer import Lexeme

CONSTANTS = frozenset(("pi", "π", "tau", "τ", "inf", "nan"))


class Statements(Columns):
    def finish(self) -> None:
        """Checks that the program has a value."""
        if self.value_place is None and self.stored is not None and self.ops[-1] == RETURN:
            function: Function = self.stored
            call = f"{function.name}({', '.join(function.parameters)})"
            raise SyntaxFault(
                f"the last statement defines the function '{function.name}', which is no value",
                function.span,
                help=f"end with an expression, such as {call}",
            )

    def start(self, s: list[Any]) -> None:
        return None

    pass_over = start

    def value_statement(self, s: list[Any]) -> None:
        self._one_value_only()
        place = s[0][:2]
        if self.ops[-1] == TUPLE:
            items = self.args.pop()
            self.ops.pop()
            self.spans.pop()
            outputs = tuple(self._output(*item) for item in items)
        else:
            outputs = (self._output(self.begun, len(self.ops), place),)
        self.emit(OUTPUT, outputs, place)
        self.value_place = place
        self.begun = len(self.ops)

    def _output(self, start: int, end: int, place: tuple[int, int]) -> tuple[str | None, Span]:
        named = end - start == 1 and self.ops[start] == NAME
        return (self.args[start] if named else None), Span(*place)

    def _one_value_only(self) -> None:
        if self.value_place is not None:
            from backprop_cli.syntax import refusals

            raise refusals.value_goes_nowhere(self.text, Span(*self.value_place))

    def target(self, s: list[Any]) -> None:
        """What stands left of '=': its code was emitted as an expression, and is taken back."""
        self._one_value_only()
        place, equal = s
        start = self.begun
        ops, args = self.ops, self.args
        last = len(ops) - 1
        if self.spans[last] != place[:2]:
            raise self._bad_target(place, equal)
        if last == start and ops[last] == NAME:
            name = args[last]
            self.take_back(start)
            self._define(name, Span(*place))
        elif (
            ops[last] == CALL
            and args[last].size == args[last].positional == last - start
            and all(op == NAME for op in ops[start:last])
        ):
            call: Call = args[last]
            self._define_function(call, args[start:last], self.spans[start:last])
        else:
            raise self._bad_target(place, equal)

    def _bad_target(self, place: Place, equal: Lexeme) -> SyntaxFault:
        from backprop_cli.syntax import refusals

        return refusals.bad_target(self.text, Span(*place[:2]), equal)

    def _define(self, name: str, place: Span) -> None:
        if name in CONSTANTS:
            raise NameFault(
                f"'{name}' is a constant and cannot be assigned", place, help="choose another name"
            )
        first = self.code.assigned.get(name)
        if first is not None:
            line = self.text.count("\n", 0, first[0]) + 1
            where = f" in line {line}" if "\n" in self.text.strip() else ""
            raise NameFault(
                f"'{name}' is assigned twice",
                place,
                help=f"each name is one node, and '{name}' has its value{where}; choose another "
                f"name, such as {name}2",
            )
        self.code.assigned[name] = place
        self.stored = name

    def _define_function(
        self, call: Call, parameters: list[str], places: list[tuple[int, int]]
    ) -> None:
        name, place = call.name, call.name_span
        if name in self.code.functions:
            raise NameFault(
                f"the function '{name}' is defined twice", place, help="choose another name"
            )
        for k, parameter in enumerate(parameters):
            if parameter in parameters[:k]:
                raise NameFault(f"two parameters are called '{parameter}'", Span(*places[k]))
            if parameter in CONSTANTS:
                raise NameFault(f"'{parameter}' is a constant, no parameter", Span(*places[k]))
        self.take_back(self.begun)
        function = Function(name, place, tuple(parameters), len(self.ops) + 1)
        self.emit(FUNCTION, function, place)
        self.code.functions[name] = function
        self.stored = function

    def definition(self, s: list[Any]) -> None:
        stored, place = self.stored, s[1][:2]
        if self.ops[-1] == TUPLE:
            raise SyntaxFault(
                "several values in brackets can stand only at the end, as the outputs",
                Span(*place),
                help="an array is written with square brackets: [a, b]",
            )
        if isinstance(stored, str):
            self.code.values[stored] = (self.begun, len(self.ops))
            self.emit(STORE, stored, self.code.assigned[stored])
        else:
            stored.end = len(self.ops)
            self.emit(RETURN, None, place)
        self.begun = len(self.ops)
