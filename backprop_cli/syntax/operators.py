"""The callbacks of operators, loosest first."""

from __future__ import annotations

from typing import Any

from backprop_cli.syntax.code import (
    APPLY1,
    APPLY2,
    APPLY3,
    COMPARE,
    MATMUL,
    NAME,
    NUMBER,
)
from backprop_cli.syntax.columns import Columns, Place
from backprop_cli.syntax.numerals import float_of

COMPARISONS = {
    "<": "lt", "<=": "le", "≤": "le", ">": "gt", ">=": "ge", "≥": "ge",
    "==": "eq", "!=": "ne", "≠": "ne",
}  # fmt: skip
SUPERSCRIPTS = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")


class Operators(Columns):
    def conditional(self, s: list[Any]) -> Place:
        return self.apply(APPLY3, "where", (s[0][0], s[4][1]))

    def disjunction(self, s: list[Any]) -> Place:
        return self.apply(APPLY2, "or", (s[0][0], s[2][1]))

    def conjunction(self, s: list[Any]) -> Place:
        return self.apply(APPLY2, "and", (s[0][0], s[2][1]))

    def inversion(self, s: list[Any]) -> Place:
        return self.apply(APPLY1, "not", (s[0].start_pos, s[1][1]))

    def first_comparison(self, s: list[Any]) -> Place:
        return s[0][0], s[2][1], [COMPARISONS[s[1].value]]

    def next_comparison(self, s: list[Any]) -> Place:
        start, _, names = s[0]
        names.append(COMPARISONS[s[1].value])
        return start, s[2][1], names

    def comparison(self, s: list[Any]) -> Place:
        start, end, names = s[0]
        if len(names) == 1:
            return self.apply(APPLY2, names[0], (start, end))
        self.emit(COMPARE, tuple(names), (start, end))
        return start, end

    def addition(self, s: list[Any]) -> Place:
        place = (s[0][0], s[2][1])
        self.ops.append(APPLY2)
        self.args.append("add")
        self.spans.append(place)
        return place

    def subtraction(self, s: list[Any]) -> Place:
        return self.apply(APPLY2, "sub", (s[0][0], s[2][1]))

    def multiplication(self, s: list[Any]) -> Place:
        right = s[2]
        place = (s[0][0], right[1])
        self.ops.append(APPLY2)
        self.args.append("mul")
        self.spans.append(place)
        return place if len(right) == 2 else place + right[2:]

    def implicit_product(self, s: list[Any]) -> Place:
        if len(s[0]) > 2:
            from backprop_cli.syntax import refusals

            raise refusals.two_readings(self.text, s[0], s[2])
        return self.multiplication(s)

    def division(self, s: list[Any]) -> Place:
        return self._quotient("div", s)

    def remainder(self, s: list[Any]) -> Place:
        return self._quotient("mod", s)

    def matrix_product(self, s: list[Any]) -> Place:
        return self._quotient("matmul", s, MATMUL)

    def _quotient(self, name: str, s: list[Any], op: int = APPLY2) -> Place:
        left, sign, right = s
        place = self.apply(op, name, (left[0], right[1]))
        return (*place, left[:2], sign.value, right[:2])

    def negation(self, s: list[Any]) -> Place:
        sign, operand = s
        place = (sign.start_pos, operand[1])
        if self.ops[-1] == NUMBER and self.spans[-1] == operand:
            self.args[-1] = -self.args[-1]
            self.spans[-1] = place
            return place
        if self.ops[-1] == NAME and self.args[-1] == "inf" and self.spans[-1] == operand:
            self.take_back(len(self.ops) - 1)
            self.emit(NUMBER, float("-inf"), place)
            return place
        self.apply(APPLY1, "neg", place)
        return place + operand[2:]

    def bracketless(self, s: list[Any]) -> Place:
        return (s[0].start_pos, *s[1][1:])

    def power(self, s: list[Any]) -> Place:
        left, sign, right = s
        place = self.apply(APPLY2, "pow", (left[0], right[1]))
        return (*place, left[:2], sign.value, right[:2])

    def superscript(self, s: list[Any]) -> Place:
        base, exponent = s
        digits = exponent.value.translate(SUPERSCRIPTS)
        self.emit(NUMBER, float_of(digits, exponent), exponent.span)
        return self.apply(APPLY2, "pow", (base[0], exponent.end_pos))

    def root(self, s: list[Any]) -> Place:
        return self.apply(APPLY1, "sqrt", (s[0].start_pos, s[1][1]))
