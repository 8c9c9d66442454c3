"""What all parts of an explanation share: the symbols, the digits, what was said before."""

from __future__ import annotations

from typing import Any

from backprop_cli.engine.explanation import Explanation
from backprop_cli.render.explained.terms import Symbols
from backprop_cli.render.lesson import (
    Math,
    amount,
)


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


def listed(names: list[Math]) -> list[str | Math]:
    """`a, b and c`."""
    words: list[str | Math] = []
    for k, name in enumerate(names):
        if k:
            words.append(" and " if k == len(names) - 1 else ", ")
        words.append(name)
    return words


def times(count: int) -> str:
    return {2: "twice", 3: "three times"}.get(count, f"{count} times")
