"""Makes `table_data.py` from the grammar: `python -m backprop_cli.syntax.tables` after each change.

Building the LALR tables costs a hundred milliseconds, loading them two. The grammar stays the one
source; a test fails while the tables are out of step with it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

HEADER = '''"""Tables of grammar/expression.lark, made by `python -m backprop_cli.syntax.tables`."""

# ruff: noqa
# fmt: off
from typing import Any

'''


def grammar_path() -> Path:
    """Where the grammar is: in the package (wheel), or beside it (sdist, editable install)."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package, package.parent):
        path = folder / "grammar" / "expression.lark"
        if path.is_file():
            return path
    raise FileNotFoundError("grammar/expression.lark")


class KeepBars:
    """Tells Lark that the filter, not the parser, takes the terminal BAR."""

    always_accept = ("BAR",)

    def process(self, stream: Any) -> Any:
        return stream


def reference_parser() -> Any:
    """Lark's own parser of the grammar, built from the text."""
    from lark import Lark

    text = grammar_path().read_text("utf-8")
    return Lark(text, parser="lalr", lexer="basic", postlex=KeepBars())


def build(skip: bool = True) -> dict[str, Any]:
    """The tables as plain data. Raises GrammarError on a conflict."""
    from lark.parsers.lalr_analysis import LALR_Analyzer

    lark = reference_parser()
    analyzer: Any = LALR_Analyzer(lark.parser.parser_conf, strict=True)
    analyzer.compute_lalr()
    table = lark.parser.parser._parse_table
    rules = sorted(
        (str(rule.origin.name), tuple(str(s.name) for s in rule.expansion), callback(rule), rule)
        for rule in lark.rules
    )
    number = {rule: k for k, (*_, rule) in enumerate(rules)}
    states = {
        # a shift or goto is the next state, a reduction by rule k is -1 - k
        state: {
            str(name): target if action.name == "Shift" else -1 - number[target]
            for name, (action, target) in sorted(actions.items())
        }
        for state, actions in table.states.items()
    }
    plain = [rule[:3] for rule in rules]
    if skip:
        states = skip_units(states, plain)
    start, end = table.start_states["start"], table.end_states["start"]
    order = reachable(states, start)
    return {
        **lexer_data(lark),
        "rules": plain,
        "states": [
            {name: order[to] if to >= 0 else to for name, to in states[state].items()}
            for state in order
        ],
        "start": order[start],
        "end": order[end],
    }


def skip_units(
    states: dict[int, dict[str, int]], rules: list[tuple[Any, ...]]
) -> dict[int, dict[str, int]]:
    """Tables for the same language that make no reduction by a rule that passes its child on.

    Where a goto leads to a state that would only climb the levels of precedence, it leads to a new
    state with the action that the climb ends in, for each terminal (Anderson, Eve and Horning
    1973). An operand takes one reduction instead of up to eight.
    """
    rows = {state: dict(actions) for state, actions in states.items()}
    known: dict[Any, int] = {}
    result: dict[int, dict[str, int]] = {}
    queue = list(rows)
    for state in queue:
        result[state] = dict(rows[state])
        for name in filter(str.islower, rows[state]):
            row = climbed(rows, rules, state, name)
            if row is not None:
                key = frozenset(row.items())
                if key not in known:
                    known[key] = len(rows)
                    rows[known[key]] = row
                    queue.append(known[key])
                result[state][name] = known[key]
    return result


def climbed(
    rows: dict[int, dict[str, int]], rules: list[tuple[Any, ...]], state: int, name: str
) -> dict[str, int] | None:
    """The actions after `name` was put on top of `state`, without passing on; None: no change."""
    levels = [rows[state][name]]
    row: dict[str, int] = {}
    changed = False
    for level in levels:
        for symbol, target in rows[level].items():
            rule = -1 - target
            if target < 0 and rules[rule][2] == "":
                changed = True
                above = rows[state][rules[rule][0]]
                if above not in levels:
                    levels.append(above)
            elif level == levels[0] or symbol.islower():
                assert row.setdefault(symbol, target) == target
    for symbol in {symbol for level in levels for symbol in rows[level] if symbol.isupper()}:
        action = rows[levels[0]].get(symbol)
        while action is not None and action < 0 and rules[-1 - action][2] == "":
            action = rows[rows[state][rules[-1 - action][0]]].get(symbol)
        if action is not None:
            row[symbol] = action
    return dict(sorted(row.items())) if changed else None


def reachable(states: dict[int, dict[str, int]], start: int) -> dict[int, int]:
    """A number for each state in use, in an order that depends on the grammar only."""
    order = {start: 0}
    queue = [start]
    for state in queue:
        for target in states[state].values():
            if target >= 0 and target not in order:
                order[target] = len(order)
                queue.append(target)
    return order


def callback(rule: Any) -> str:
    """The method that a reduction calls; '' where the only child is passed on."""
    if rule.options.expand1 and len(rule.expansion) == 1 and not rule.alias:
        return ""
    return str(rule.alias or rule.origin.name)


def lexer_data(lark: Any) -> dict[str, Any]:
    """One pattern for all terminals in the order that Lark's basic lexer tries them.

    Fixed texts are one alternative, the last; those that look like a name are told afterwards.
    """
    from lark.lexer import BasicLexer, PatternStr

    conf = lark.lexer_conf
    terminals = BasicLexer(conf).terminals
    name = next(t for t in terminals if t.name == "NAME")
    texts = {t.pattern.value: t.name for t in terminals if isinstance(t.pattern, PatternStr)}
    keywords = {s: kind for s, kind in texts.items() if re.fullmatch(name.pattern.value, s)}
    signs = {s: kind for s, kind in texts.items() if s not in keywords}
    patterns = [
        f"(?P<{t.name}>{t.pattern.value})" for t in terminals if t.name not in texts.values()
    ]
    longest_first = sorted(signs, key=lambda s: (-len(s), s))
    patterns.append(f"(?P<SIGN>{'|'.join(map(re.escape, longest_first))})")
    return {
        "pattern": "|".join(patterns),
        "keywords": keywords,
        "signs": signs,
    }


def source() -> str:
    """The text of `table_data.py`."""
    lines = [HEADER]
    for key, value in build().items():
        if isinstance(value, list):
            inner = "".join(f"    {item!r},\n" for item in value)
            lines.append(f"{key.upper()}: list[Any] = [\n{inner}]\n")
        else:
            lines.append(f"{key.upper()}: Any = {value!r}\n")
    return "".join(lines)


if __name__ == "__main__":
    Path(__file__).with_name("table_data.py").write_text(source(), "utf-8")
