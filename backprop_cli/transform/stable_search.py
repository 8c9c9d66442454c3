"""Where a graph has forms that a stable rule could replace; the graph stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST, NONE, Graph
from backprop_cli.ir.ops import BY_NAME, Expr
from backprop_cli.transform.rewrite import CONSTANTS, Compiled, Pattern, Rewriter, Rule
from backprop_cli.transform.stabilise import table


class Match(NamedTuple):
    """A node with a form that has a stable one: what the variables of the rule stand for there."""

    node: int
    rule: Rule
    bound: dict[str, Any]  # nodes, and static parameters as tuples of one, by variable
    names: tuple[str, ...]  # the rule's variables, in order

    @property
    def operands(self) -> list[int]:
        """The nodes that the rule's variables stand for."""
        return [node for node in self.bound.values() if isinstance(node, int)]

    def stand_ins(self, operand: Callable[[int], Any]) -> list[Any]:
        """What the rule's functions get: an operand for each node, static parameters as they are.

        >>> from backprop_cli.transform.stable_rules import RULES
        >>> Match(3, RULES[0], {"x": 1, "s": (0,)}, ("x", "s")).stand_ins(str)
        ['1', 0]
        """
        found = [self.bound[name] for name in self.names]
        return [operand(item) if isinstance(item, int) else item[0] for item in found]

    def inner(self, graph: Graph) -> list[int]:
        """The nodes that the form is made of, without its operands and itself."""
        ends = set(self.operands)
        found: list[int] = []
        stack = list(graph.arguments(self.node))
        while stack:
            node = stack.pop()
            if node not in ends and node not in found:
                found.append(node)
                stack += graph.arguments(node)
        return found


def search(graph: Graph, codes: set[int]) -> Iterator[Match]:
    """The nodes that rules fit, in order, each with the first rule.

    `codes` are those of the graph's operations, and of square where it has x*x.
    """
    rules = _possible(codes)
    # a Graph has what matching reads of a Builder
    reader = Rewriter(cast(Builder, graph), {})
    all_codes, first, second = graph.codes, graph.first, graph.second
    fitting: dict[tuple[int, ...], list[Compiled]] = {}  # by the operations two levels down
    for node, code in enumerate(all_codes):
        known = rules.get(code)
        if known is None:
            continue
        below, compiled = known
        a, b = first[node], second[node]
        over = all_codes[a]
        other = all_codes[b] if b >= 0 else NONE
        if over not in below and other not in below:
            continue
        key = (code, over, other, *_codes_below(graph, a), *_codes_below(graph, b))
        fit = fitting.get(key)
        if fit is None:
            fit = fitting[key] = [entry for entry in compiled if _fits(entry[1], key)]
        match = _match(reader, graph, node, fit) if fit else None
        if match is not None:
            yield match


def _codes_below(graph: Graph, node: int) -> tuple[int, int]:
    """The operations of a node's arguments; NONE where there are fewer than two."""
    if node < 0:
        return NONE, NONE
    a, b = graph.first[node], graph.second[node]
    return (graph.codes[a] if a >= 0 else NONE), (graph.codes[b] if b >= 0 else NONE)


def _fits(left: Pattern, key: tuple[int, ...]) -> bool:
    """Whether the operations of the key may be those below the root of a pattern."""
    above, lower = set(key[1:3]), set(key[3:])
    parts = inside(left)
    return all(BY_NAME[part.op].code in above for part in parts) and all(
        BY_NAME[deeper.op].code in lower for part in parts for deeper in inside(part)
    )


def _match(reader: Rewriter, graph: Graph, node: int, rules: list[Compiled]) -> Match | None:
    arguments, static = graph.arguments(node), graph.static.get(node)
    for rule, left, names in rules:
        for bound in reader.matches(left, left.op, arguments, static):
            match = Match(node, rule, bound, names)
            if rule.when is None or rule.when(*match.stand_ins(lambda x: Expr(reader, x))):
                return match
    return None


def _possible(codes: set[int]) -> dict[int, tuple[set[int], list[Compiled]]]:
    """The rules all whose operations a graph has, by the code at their root.

    With them the operations of which an argument must have one.
    """
    found: dict[int, tuple[set[int], list[Compiled]]] = {}
    for root, rules in table().items():
        fit = [entry for entry in rules if operations(entry[1]) <= codes]
        if fit:
            below = {BY_NAME[child.op].code for _, left, _ in fit for child in inside(left)}
            found[BY_NAME[root].code] = (below, fit)
    return found


def inside(left: Pattern) -> list[Pattern]:
    """The operations right below the root of a pattern."""
    return [child for child in left.children if isinstance(child, Pattern)]


def operations(left: Pattern) -> frozenset[int]:
    """The codes of the operations that a pattern is made of, that of constants included.

    A product of one operand with itself counts as a square.
    """
    found, stack = set(), [left]
    while stack:
        part = stack.pop()
        squared = part.op == "mul" and part.children[0] == part.children[1]
        found.add(BY_NAME["square" if squared else part.op].code)
        stack += inside(part)
        if any(isinstance(c, float) or getattr(c, "name", "") in CONSTANTS for c in part.children):
            found.add(CONST)
    return frozenset(found)


def triggers() -> set[frozenset[int]]:
    """The least sets of operations without which no rule fits."""
    every = {operations(left) for rules in table().values() for _, left, _ in rules}
    return {one for one in every if not any(other < one for other in every)}
