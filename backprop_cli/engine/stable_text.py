"""Stable forms as text, over what the source says of their operands."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from backprop_cli.engine.findings import said
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST, Graph
from backprop_cli.ir.ops import Expr

if TYPE_CHECKING:
    from backprop_cli.transform.stabilise import Stabilised
    from backprop_cli.transform.stable_search import Match

MOST = 50  # rewrites that are told of
LONGEST = 60  # operations of a form that is written out; of a larger one, the last operation
_FIRST = 0xE000  # letters for private use stand for the operands until the text is there


def stable_text(graph: Graph, match: Match, said: Callable[[Graph, int], str]) -> str:
    """The stable form of a match, such as `softplus(2*x)`."""
    from backprop_cli.syntax.unparse import Writer

    builder = Builder()
    texts: dict[str, str] = {}

    def operand(node: int) -> Expr:
        if graph.codes[node] == CONST and node not in graph.names:
            return builder.context.lift(graph.static[node])
        letter = chr(_FIRST + node % 0x1900)
        texts[letter] = said(graph, node)
        return Expr(builder.context, builder.input(letter, graph.shape(node)))

    made = builder.context.lift(match.rule.right(*match.stand_ins(operand))).value
    written = Writer(builder.graph([(None, made)]), {}).write(made)
    return re.sub("[\ue000-\uf8ff]", lambda found: _placed(found, texts[found[0]]), written)


def _placed(found: re.Match[str], text: str) -> str:
    """An operand in its place: in brackets, unless it is one word or call, or has brackets."""
    before, after = found.string[: found.start()][-2:], found.string[found.end() :][:1]
    alone = before[-1:] in ("", "(") or before == ", "
    if _is_atom(text) or (alone and after in ("", ")", ",")):
        return text
    return f"({text})"


def _is_atom(text: str) -> bool:
    """Whether a text is a name, a number, a call or an element."""
    depth = 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if depth == 0 and not (letter.isalnum() or letter in "_.)]"):
            return False
    return text[:1] != "("


def stable_notes(graph: Graph, done: Stabilised) -> list[str]:
    """What was rewritten: `log(1 + exp(x)) is computed as softplus(x)`."""
    told = [
        f"{said(graph, old)} is computed as {_written(done.graph, new)}"
        for old, new in done.applied[:MOST]
    ]
    if len(done.applied) > MOST:
        told.append(f"{len(done.applied) - MOST} more forms are computed as stable ones")
    return list(dict.fromkeys(told))


def _written(graph: Graph, node: int) -> str:
    """The expression of a node over named nodes, if it is short."""
    from backprop_cli.syntax.unparse import Writer, expression

    names = {i: name for i, name in graph.names.items() if i != node}
    size, stack = 0, [node]
    while stack and size <= LONGEST:
        here = stack.pop()
        size += 1
        if here not in names:
            stack += graph.arguments(here)
    if size > LONGEST:
        return expression(graph, node, graph.labels())
    return Writer(graph, names).write(node)
