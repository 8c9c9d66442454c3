"""Rewriting a graph by rules, each one line: `Rule(left, right)`, written as derivative rules are.

A pattern is a function of its variables, over operands that carry operators:

    Rule(lambda x: log(1 + exp(x)), lambda x: apply("softplus", x))  # log(1 + e^x) = softplus(x)

A variable called c, d or n matches unnamed scalar constants only, any other one matches any node;
one that occurs twice must match the same node. In the place of a static parameter a variable
matches any. Sums, products and comparisons of equality match in either order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.ir.graph_context import GraphContext
from backprop_cli.ir.ops import BY_NAME, OPERATIONS, Expr, Operand
from backprop_cli.ir.shapes import Shape
from backprop_cli.transform.prune import prune

CONSTANTS = frozenset("cdn")
COMMUTATIVE = frozenset(("add", "mul", "maximum", "minimum", "hypot", "logaddexp", "eq", "ne"))
DEEPEST = 40  # rules applied within one another: beyond it a node stays as it is


class Rule(NamedTuple):
    """`left` may be replaced by `right`; `when` gets the operands that matched, by name."""

    left: Callable[..., Any]
    right: Callable[..., Any]
    when: Callable[..., bool] | None = None


class Variable(NamedTuple):
    name: str


class Pattern(NamedTuple):
    """An operation on patterns; a bare float stands for a constant."""

    op: str
    static: Any
    children: tuple[Pattern | Variable | float, ...]


class PatternContext:
    """Where the left side of a rule is read: operators make patterns. No shapes are known."""

    def apply(self, op: str, operands: tuple[Operand, ...], static: Any = None) -> Expr:
        if op == "const":
            return Expr(self, float(static))
        children = tuple(o.value if isinstance(o, Expr) else float(o) for o in operands)
        if isinstance(static, Expr):
            static = static.value
        return Expr(self, Pattern(op, static, children))

    def shape(self, value: Any) -> Shape:
        raise LookupError("the left side of a rule knows no shapes")


def parameters(rule: Callable[..., Any]) -> tuple[str, ...]:
    code = rule.__code__
    return code.co_varnames[: code.co_argcount]


def pattern(left: Callable[..., Any]) -> Pattern:
    """The pattern that a left side means."""
    context = PatternContext()
    found = left(*(Expr(context, Variable(name)) for name in parameters(left)))
    value = found.value
    assert isinstance(value, Pattern), "the left side of a rule is an operation"
    return value


Compiled = tuple[Rule, Pattern, tuple[str, ...]]


def compiled(rules: Iterable[Rule]) -> dict[str, list[Compiled]]:
    """The rules by the operation at the root of their left side, in order."""
    table: dict[str, list[Compiled]] = {}
    for rule in rules:
        found = pattern(rule.left)
        table.setdefault(found.op, []).append((rule, found, parameters(rule.left)))
    return table


class Rewriter(GraphContext):
    """Makes nodes in a Builder, each one rewritten by the first rule that fits, to a fixpoint.

    The right sides of rules are made here too. Constants are folded as in every derived graph.
    """

    __slots__ = ("applied", "depth", "done", "rules")

    def __init__(self, builder: Builder, rules: dict[str, list[Compiled]]) -> None:
        super().__init__(builder)
        self.rules = rules
        self.done: dict[Any, int] = {}
        self.depth = 0
        self.applied: list[tuple[Rule, int]] = []

    def apply(self, op: str, operands: tuple[Operand, ...], static: Any = None) -> Expr:
        if op == "const":
            return self.lift(static)
        folded = self._fold(op, operands)
        if folded is not None:
            return self.lift(folded)
        nodes = tuple(self.lift(operand).value for operand in operands)
        return Expr(self, self.make(op, nodes, static))

    def make(self, op: str, args: tuple[int, ...], static: Any = None) -> int:
        """The node of an operation on nodes, after the rules."""
        key = (op, args, static)
        known = self.done.get(key)
        if known is None:
            known = self._ruled(op, args, static)
            if known is None:
                known = self.builder.add(op, *args, static=static)
            self.done[key] = known
        return known

    def _ruled(self, op: str, args: tuple[int, ...], static: Any) -> int | None:
        """The result of the first rule that fits; None if none does."""
        rules = self.rules.get(op)
        if rules is None or self.depth >= DEEPEST:
            return None
        shape: Shape | None = None
        for rule, left, names in rules:
            for bound in self.matches(left, op, args, static):
                operands = {
                    name: Expr(self, value) if isinstance(value, int) else value[0]
                    for name, value in bound.items()
                }
                chosen = [operands[name] for name in names]
                if rule.when is not None and not rule.when(*chosen):
                    continue
                if shape is None:
                    row = BY_NAME[op]
                    shape = row.shape([self.builder.shape(a) for a in args], static)
                self.depth += 1
                made = self.lift(rule.right(*chosen))
                self.depth -= 1
                if made.shape != shape:
                    made = self.apply("broadcast_to", (made,), shape)
                self.applied.append((rule, made.value))
                result: int = made.value
                return result
        return None

    def matches(
        self, left: Pattern, op: str, args: Sequence[int], static: Any
    ) -> Iterator[dict[str, Any]]:
        """What the variables may stand for: nodes; statics as tuples of one."""
        if left.op != op or len(left.children) != len(args):
            return
        bound: dict[str, Any] = {}
        if isinstance(left.static, Variable):
            bound[left.static.name] = (static,)
        elif left.static != static:
            return
        orders = [tuple(args)]
        if op in COMMUTATIVE and len(args) == 2 and args[0] != args[1]:
            orders.append((args[1], args[0]))
        for order in orders:
            yield from self._match_all(left.children, order, bound)

    def _match_all(
        self, patterns: Sequence[Any], nodes: Sequence[int], bound: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        if not patterns:
            yield bound
            return
        for first in self._match(patterns[0], nodes[0], bound):
            yield from self._match_all(patterns[1:], nodes[1:], first)

    def _match(
        self, wanted: Pattern | Variable | float, node: int, bound: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        builder = self.builder
        if isinstance(wanted, float):
            if builder.codes[node] == CONST and builder.static[node] == wanted:
                yield bound
        elif isinstance(wanted, Variable):
            known = bound.get(wanted.name)
            if known == node:
                yield bound
            elif known is None and (wanted.name not in CONSTANTS or self._is_number(node)):
                yield {**bound, wanted.name: node}
        else:
            row = OPERATIONS[builder.codes[node]]
            if row.name == wanted.op:
                static = builder.static.get(node)
                for found in self.matches(wanted, row.name, builder.arguments(node), static):
                    if all(bound.get(name, value) == value for name, value in found.items()):
                        yield {**bound, **found}

    def _is_number(self, node: int) -> bool:
        return self.builder.codes[node] == CONST and node not in self.builder.names


class Rewritten(NamedTuple):
    """A rewritten graph, the new place of old nodes, and what was applied where."""

    graph: Graph
    place: dict[int, int]  # by the old node; only nodes that are still needed
    applied: list[tuple[Rule | None, int, int]]  # rule (None: another form), old node, new node


def rewritten(
    graph: Graph, rules: Iterable[Rule] | dict[str, list[Compiled]], keep_names: bool = True
) -> Rewritten:
    """The graph with rules applied from the inputs up, pruned; `rewrite` with its record.

    Inputs and outputs stay. Without `keep_names`, names of inner nodes go, and second names with
    them.
    """
    table = rules if isinstance(rules, dict) else compiled(rules)
    builder = Builder(graph.source)
    maker = Rewriter(builder, table)
    place: dict[int, int] = {}
    applied: list[tuple[Rule, int, int]] = []
    inputs = set(graph.inputs)
    for i in range(len(graph)):
        before = len(maker.applied)
        if i in inputs:
            place[i] = builder.input(graph.names[i], graph.shape(i))
        else:
            place[i] = copied(maker, graph, i, place, keep_names)
        applied += [(rule, i, place[i]) for rule, _ in maker.applied[before:]]
        for span in graph.spans.get(i, ()):
            builder.mark(place[i], span)
    outputs = [(name, place[node]) for name, node in graph.outputs]
    made = builder.graph(outputs, graph.parameters, graph.notes)
    result, moved = prune(made, made.inputs)
    return Rewritten(
        result,
        {i: moved[new] for i, new in place.items() if new in moved},
        [(rule, i, moved[new]) for rule, i, new in applied if new in moved],
    )


def copied(
    maker: Rewriter, graph: Graph, i: int, place: dict[int, int], keep_names: bool = True
) -> int:
    """The node made for node `i` of another graph, whose arguments were made before."""
    builder = maker.builder
    code, static = graph.codes[i], graph.static.get(i)
    name = graph.names.get(i) if keep_names else None
    if code == CONST:
        return builder.const(graph.static[i], name=name)
    op = OPERATIONS[code].name
    args = tuple(place[a] for a in graph.arguments(i))
    if op == "identity" and not keep_names:
        return args[0]
    node = maker.make(op, args, static) if op != "identity" else args[0]
    if name is None:
        return node
    return named(builder, node, name)


def named(builder: Builder, node: int, name: str) -> int:
    """A node of its own with a name, of the operation that `node` has."""
    code = builder.codes[node]
    if code in (CONST, INPUT) or node in builder.names:
        return builder.add("identity", node, name=name)
    static = builder.static.get(node)
    return builder.add(OPERATIONS[code].name, *builder.arguments(node), static=static, name=name)


def rewrite(graph: Graph, rules: Iterable[Rule]) -> Graph:
    """The graph with rules applied from the inputs up, to a fixpoint; unneeded nodes go.

    >>> from backprop_cli.ir.ops.notation import exp
    >>> b = Builder()
    >>> g = b.graph([(None, b.add("log", b.add("exp", b.input("x"))))])
    >>> from backprop_cli.ir.ops.notation import log
    >>> rewrite(g, [Rule(lambda x: log(exp(x)), lambda x: x)])
    <Graph of 1 nodes in x>
    """
    return rewritten(graph, rules).graph
