"""What a target language is: a row an operation, its words, and the texts of what it lacks.

A row is a template: `{0:5} + {1:6}` takes the operands, in brackets where they bind looser than the
level after the colon; `{0:c5}` takes a condition, a truth value of the language's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

ATOM = 100
_WORD = re.compile(r"[A-Za-z_]\w*")
_FIELD = re.compile(r"\{\w+(:\w+)?\}")


class Row(NamedTuple):
    """How a language writes one operation."""

    template: str
    level: int = ATOM  # how tightly the result binds
    truth: bool = False  # whether the result is a truth value
    note: str = ""  # why there is no such function, where the template is empty


def infix(symbol: str, level: int, truth: bool = False) -> Row:
    """A left-associative operator, its operands numbers."""
    return Row(f"{{0:{level}}} {symbol} {{1:{level + 1}}}", level, truth)


def test(symbol: str, level: int) -> Row:
    """A comparison, which never stands beside another without brackets."""
    return Row(f"{{0:{level + 1}}} {symbol} {{1:{level + 1}}}", level, True)


def call(name: str, count: int = 1) -> Row:
    return Row(f"{name}({', '.join(f'{{{k}}}' for k in range(count))})")


Shape = tuple[int, ...]
# the fields of a template from a static parameter, the shapes of the arguments and of the result
Statics = Mapping[str, Callable[[Any, list[Shape], Shape], dict[str, str]]]


class Language(NamedTuple):
    """A target: `helpers` are functions that are put into the file where they are called."""

    name: str
    title: str
    rows: Mapping[str, Row]
    number: Callable[[float], str]
    as_number: Row  # of a truth value
    as_truth: Row  # of a number
    negative: int  # the level of a negative number
    helpers: Mapping[str, str]
    keywords: frozenset[str]
    comment: str  # what a line of a comment begins with
    arrays: bool = False  # whether a name may hold an array
    loops: bool = False  # whether large arrays are taken element by element in loops
    statics: Statics = MappingProxyType({})
    most: int = 0  # nodes, beyond which they stand in an array `t` and variables in `x`

    def reserved(self) -> set[str]:
        """Every word that a name of the program must not be."""
        texts = [_FIELD.sub("", row.template) for row in self.rows.values()]
        texts += [self.as_number.template, self.as_truth.template, self.number(float("nan"))]
        texts += [self.number(float("inf")), *self.helpers]
        return {*self.keywords, *(word for text in texts for word in _WORD.findall(text))}

    def needed(self, body: str) -> list[str]:
        """The helpers that a text calls, directly or not, each after those it calls."""
        order: list[str] = []
        waiting = [(name, False) for name in reversed(self._called(body))]
        while waiting:
            name, ready = waiting.pop()
            if ready:
                order.append(name)
            elif name not in order:
                waiting.append((name, True))
                inner = self._called(self.helpers[name])
                waiting += [(other, False) for other in reversed(inner) if other != name]
        return list(dict.fromkeys(order))

    def _called(self, text: str) -> list[str]:
        words = set(_WORD.findall(text))
        return [name for name in self.helpers if name in words]


class Text:
    """An expression of a language, to be put into a template."""

    __slots__ = ("code", "depth", "language", "level", "truth")

    def __init__(
        self, language: Language, code: str, level: int = ATOM, truth: bool = False, depth: int = 0
    ) -> None:
        self.language = language
        self.code = code
        self.level = level
        self.truth = truth
        self.depth = depth

    def __format__(self, spec: str) -> str:
        wants_truth = spec[:1] == "c"
        text = self
        if wants_truth and not self.truth:
            text = fill(self.language, self.language.as_truth, [self])
        elif self.truth and not wants_truth:
            row = self.language.as_number
            text = Text(self.language, row.template.format(_Bare(self)), row.level)
        least = int(spec[wants_truth:] or 0)
        return text.code if text.level >= least else f"({text.code})"


class _Bare:
    """A truth value inside the template that makes a number of it."""

    def __init__(self, text: Text) -> None:
        self.text = text

    def __format__(self, spec: str) -> str:
        least = int(spec or 0)
        return self.text.code if self.text.level >= least else f"({self.text.code})"


def fill(language: Language, row: Row, x: list[Text], **static: str) -> Text:
    """The template of a row with its operands."""
    depth = 1 + max((operand.depth for operand in x), default=0)
    return Text(language, row.template.format(*x, **static), row.level, row.truth, depth)
