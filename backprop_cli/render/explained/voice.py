"""What all parts of an explanation share: the symbols, the digits, what was said before."""

from __future__ import annotations

from typing import Any

from backprop_cli.engine.explanation import Explanation
from backprop_cli.render.explained.terms import Symbols
from backprop_cli.render.lesson import Math, amount
from backprop_cli.render.numbers import value

EXACT = 17  # digits that tell any two numbers apart


_WORDS = "one two three four five six seven eight nine ten"
SPELLED = dict(enumerate(_WORDS.split(), 1))


class Voice:
    """What is spoken of, in which symbols, and what has been said already."""

    def __init__(self, found: Explanation, digits: int) -> None:
        self.found = found
        self.graph = found.graph
        self.digits = digits
        self.symbols = Symbols(found.graph, found.output)
        self.at_point = found.sweep is not None
        self.told: set[str] = set()

    def once(self, key: str, full: str, short: str = "") -> str:
        """What is explained the first time and only named afterwards."""
        if key in self.told:
            return short
        self.told.add(key)
        return full

    def value(self, item: Any) -> Math:
        return amount(item, self.digits)

    def is_rounded(self, item: Any) -> bool:
        """Whether a number, or a shown element of a tensor, has more digits than are shown."""
        return item is not None and value(item, self.digits) != value(item, EXACT)


def listed(names: list[Math], more: int = 0) -> list[str | Math]:
    """`a, b and c`; with more to come, `a, b and others`."""
    words: list[str | Math] = []
    for k, name in enumerate(names):
        if k:
            words.append(" and " if k == len(names) - 1 and not more else ", ")
        words.append(name)
    return [*words, " and others"] if more else words


def times(count: int) -> str:
    return "twice" if count == 2 else f"{spelled(count)} times"


def spelled(count: int | None) -> str:
    """A small number in a word, any other in digits.

    >>> spelled(3), spelled(13)
    ('three', '13')
    """
    return SPELLED.get(count or 0, f"{count:,}")
