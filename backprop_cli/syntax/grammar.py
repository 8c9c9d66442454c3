"""Lark's parser, from the tables that were made from the grammar."""

from __future__ import annotations

import sys
from collections.abc import Callable
from operator import itemgetter
from types import ModuleType
from typing import Any


def spare_lark() -> None:
    """Puts off what `import lark` runs until someone asks for it.

    The parser is three of Lark's modules; the rest of the package (grammar loader, trees, Earley)
    costs 20 ms that no run of ours needs. Whoever uses `lark` in this process gets all of it.
    """
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec("lark")
    if "lark" in sys.modules or spec is None or spec.loader is None:
        return
    loader = spec.loader
    package = ModuleType("lark", None)
    package.__spec__ = spec
    package.__loader__ = loader
    package.__file__ = spec.origin
    package.__path__ = list(spec.submodule_search_locations or ())
    package.__package__ = "lark"

    def load(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        del package.__getattr__
        loader.exec_module(package)
        return getattr(package, name)

    package.__getattr__ = load  # type: ignore[method-assign]
    sys.modules["lark"] = package


class Grammar:
    """The rules and tables as Lark's parser wants them, made once."""

    def __init__(self) -> None:
        spare_lark()
        from lark.grammar import NonTerminal, Rule, Terminal
        from lark.parsers.lalr_analysis import IntParseTable, Reduce, Shift

        from backprop_cli.syntax import table_data

        class Production(Rule):
            """A rule that is equal to itself only: Lark looks up and compares one a reduction."""

            __slots__ = ()
            __hash__ = object.__hash__
            __eq__ = object.__eq__

        def symbol(name: str) -> Any:
            return NonTerminal(name) if name.islower() else Terminal(name)

        self.rules = [
            (Production(NonTerminal(origin), [symbol(name) for name in expansion], k), method)
            for k, (origin, expansion, method) in enumerate(table_data.RULES)
        ]
        reductions = [(Reduce, rule) for rule, _ in self.rules]
        states = {
            k: {
                name: (Shift, to) if to >= 0 else reductions[-1 - to]
                for name, to in actions.items()
            }
            for k, actions in enumerate(table_data.STATES)
        }
        make_table: Any = IntParseTable
        self.table = make_table(states, {"start": table_data.START}, {"start": table_data.END})

    def callbacks(self, receiver: object) -> dict[Any, Callable[[list[Any]], Any]]:
        """What each reduction calls: a method of `receiver`, given the values of its symbols."""
        only = itemgetter(0)
        return {rule: getattr(receiver, method) if method else only for rule, method in self.rules}

    def parse(self, tokens: Any, receiver: object) -> Any:
        """Feeds the tokens to Lark's LALR parser. Raises lark's UnexpectedToken."""
        from lark.parsers.lalr_parser import _Parser

        return _Parser(self.table, self.callbacks(receiver)).parse(tokens, "start")


_GRAMMAR: Grammar | None = None


def grammar() -> Grammar:
    global _GRAMMAR
    if _GRAMMAR is None:
        _GRAMMAR = Grammar()
    return _GRAMMAR
