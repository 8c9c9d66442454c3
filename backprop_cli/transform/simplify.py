"""Simplification: a graph with the same outputs in the fewest operations that are found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from math import log, pi, sqrt

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.ir.graph_context import NAMED_CONSTANTS
from backprop_cli.ir.traverse import ancestors
from backprop_cli.transform.algebra import Algebra
from backprop_cli.transform.forms import ONE, Exponent, Number
from backprop_cli.transform.prune import prune
from backprop_cli.transform.rewrite import Compiled, Rewriter, compiled, copied
from backprop_cli.transform.rules import FORMAL, GUARDS, RULES
from backprop_cli.transform.selections import COMPARED, TRUTHS

SUMS = frozenset(("add", "sub"))
PRODUCTS = frozenset(("mul", "div"))
# operations that may hide an argument that has no value
SELECTING = frozenset(("where", "maximum", "minimum", "clip", "index", *TRUTHS))
# operations without a value for some arguments
PARTIAL = frozenset(
    (
        *("div", "reciprocal", "pow", "sqrt", "log", "log2", "log10", "log1p"),
        *("asin", "acos", "acosh", "atanh"),
    )
)
# functions whose argument is not negative where they have a value
ROOTS = frozenset(("sqrt", "log", "log2", "log10"))
TELLING = ROOTS | {"pow"}  # operations that say something of their argument
# constants of derivative rules, by what they are
LOGARITHMS = {log(2): ("log", 2.0), log(10): ("log", 10.0)}
SHORT = 12  # operations of a derivative that stays as it is
LARGEST_AGAIN = 2_000  # nodes of a derivative that is simplified once more
TWO_OVER_SQRT_PI, SQRT_HALF, SQRT_2PI = 2 / sqrt(pi), sqrt(0.5), sqrt(2 * pi)


@cache
def rules(formal: bool) -> dict[str, list[Compiled]]:
    return compiled([*RULES, *FORMAL] if formal else RULES)


@cache
def guards() -> dict[str, list[Compiled]]:
    return compiled(GUARDS)


def simplify(graph: Graph, formal: bool = False, program: int = 0) -> Graph:
    """The graph in the fewest operations found, with the same inputs and outputs.

    Names of inner nodes go. The result is equal wherever `graph` is finite; it may have a value at
    single points where `graph` has none (x/x at 0), and with `formal` elsewhere (sqrt(x)^2). The
    first `program` nodes are those of a program that has a value only where all of them have.

    >>> b = Builder()
    >>> x = b.input("x")
    >>> len(simplify(b.graph([(None, b.add("add", x, b.add("sub", x, x)))])))
    1
    """
    builder = Builder(graph.source)
    algebra = Algebra(builder, rules(formal), formal)
    algebra.decimals = has_decimals(graph, program or len(graph))
    place = {i: builder.input(graph.names[i], graph.shape(i)) for i in graph.inputs}
    kept = conditions(graph)
    inside = interior(graph, kept)
    needed = domain(graph, program)
    told = [i for i in range(len(graph)) if needed[i] and graph.op(i).name in TELLING]
    used = ancestors(graph, [*told, *(node for _, node in graph.outputs)])
    for i in range(len(graph)):
        if i in place or inside[i] or not used[i]:
            continue
        place[i] = made(algebra, graph, i, place, inside, kept)
        if needed[i]:
            remember(algebra, graph, i, place)
    outputs = [(name, place[node]) for name, node in graph.outputs]
    made_graph = builder.graph(outputs, graph.parameters, graph.notes)
    return prune(made_graph, made_graph.inputs)[0]


def shorter(graph: Graph, formal: bool = False) -> Graph:
    """The graph of one output simplified once more, alone, if that makes it shorter.

    Sums deep within others, of which few ways to write are tried, are then nearer to the top.
    """
    if len(graph) > LARGEST_AGAIN or length(graph) < SHORT:
        return graph
    again = simplify(graph, formal)
    return again if length(again) < length(graph) else graph


def length(graph: Graph) -> int:
    """The operations of the first output, written out as a tree."""
    lengths: list[int] = []
    for i in range(len(graph)):
        own = 0 if graph.codes[i] in (CONST, INPUT) else 1
        lengths.append(own + sum(lengths[a] for a in graph.arguments(i)))
    return lengths[graph.outputs[0][1]]


def has_decimals(graph: Graph, count: int) -> bool:
    """Whether one of the first `count` nodes is a number like 0.3: 1/3 is none, nor is pi."""
    return any(
        node < count and value not in NAMED_CONSTANTS and value % 1 != 0
        for node, value in graph.static.items()
        if graph.codes[node] == CONST
    )


def remember(algebra: Algebra, graph: Graph, i: int, place: dict[int, int]) -> None:
    """Notes what a node's having a value says of its argument: roots are not of negative ones."""
    name = graph.op(i).name
    if name in ROOTS:
        algebra.known.add(place[graph.arguments(i)[0]])
    elif name == "pow":
        base, exponent = (place[a] for a in graph.arguments(i))
        power = algebra.number(exponent)
        if power is None:
            algebra.powers.add(base)
        elif power.denominator != 1:
            algebra.known.add(base)


def domain(graph: Graph, program: int) -> bytearray:
    """1 for the nodes without whose value there is none: of a program, or of an only output."""
    used = ancestors(graph, [node for _, node in graph.outputs])
    used[:program] = b"\1" * program
    if any(used[i] and graph.op(i).name in SELECTING for i in range(len(graph))):
        return bytearray(len(graph))
    if len(graph.outputs) > 1:
        used[program:] = bytes(len(graph) - program)
    return used


def conditions(graph: Graph) -> bytearray:
    """1 for nodes of conditions that may have no value, which must not be given one.

    x/x > 0 is false where x is 0, as every comparison with nan is.
    """
    partial = bytearray(len(graph))
    compared = []
    for i, used in enumerate(ancestors(graph, [node for _, node in graph.outputs])):
        if not used:
            continue
        name, arguments = graph.op(i).name, graph.arguments(i)
        own = name in PARTIAL and not (
            name == "div" and graph.codes[arguments[1]] == CONST and graph.static[arguments[1]]
        )
        below = [a for a in arguments if partial[a]]
        if name in COMPARED:
            compared += below
        else:
            partial[i] = own or bool(below)
    if not compared:
        return bytearray(len(graph))
    return bytearray(a & b for a, b in zip(partial, ancestors(graph, compared), strict=True))


def interior(graph: Graph, kept: bytearray) -> bytearray:
    """1 for sums and products within a larger one that nothing else uses."""
    uses = [0] * len(graph)
    user = [-1] * len(graph)
    for i in range(len(graph)):
        for a in graph.arguments(i):
            uses[a] += 1
            user[a] = i
    for _, node in graph.outputs:
        uses[node] += 2
    inside = bytearray(len(graph))
    for i in range(len(graph)):
        if uses[i] == 1 and graph.shape(i) == graph.shape(user[i]) and not kept[i]:
            name, outer = graph.op(i).name, graph.op(user[i]).name
            for family in (SUMS, PRODUCTS):
                if name in family and outer in family:
                    inside[i] = 1
    return inside


def made(
    algebra: Algebra,
    graph: Graph,
    i: int,
    place: dict[int, int],
    inside: bytearray,
    kept: bytearray,
) -> int:
    """The node for node `i`, with the sums or products inside it."""
    name = graph.op(i).name
    if kept[i]:
        arguments = [place[a] for a in graph.arguments(i)]
        return algebra.builder.add(name, *arguments, static=graph.static.get(i))
    if name in SUMS:
        parts = [(c, place[leaf]) for leaf, c in leaves(graph, i, inside, "sub")]
        return algebra.shaped(algebra.total(parts), graph.shape(i))
    if name in PRODUCTS:
        factors: Iterable[tuple[int, Exponent]] = [
            (place[leaf], e) for leaf, e in leaves(graph, i, inside, "div")
        ]
        return algebra.shaped(algebra.product(factors), graph.shape(i))
    if graph.codes[i] == CONST:
        return algebra.builder.const(graph.static[i])
    return copied(algebra, graph, i, place, keep_names=False)


def leaves(graph: Graph, root: int, inside: bytearray, inverse: str) -> list[tuple[int, Number]]:
    """What a tree of sums (or products) adds up, in order, with its sign (or power)."""
    found: list[tuple[int, Number]] = []
    stack = [(root, ONE)]
    while stack:
        node, sign = stack.pop()
        if node != root and not inside[node]:
            found.append((node, sign))
            continue
        left, right = graph.arguments(node)
        stack.append((right, -sign if graph.op(node).name == inverse else sign))
        stack.append((left, sign))
    return found


class GuardRewriter(Rewriter):
    """Drops guards; `constants` are the numbers of nodes that are made of constants."""

    __slots__ = ("constants",)

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder, {})
        self.constants: dict[int, float] = {}


def without_guards(graph: Graph, start: int, constants: Mapping[int, float] | None = None) -> Graph:
    """The graph without what derivative rules add for the sake of numbers, from node `start` on.

    Their constants get the names a reader knows: log(2) for 0.693... `constants` has the values of
    nodes before `start` that depend on no variable; what is guarded by others stays.
    """
    return unguarded(graph, start, constants)[0]


def unguarded(
    graph: Graph, start: int, constants: Mapping[int, float] | None = None
) -> tuple[Graph, int]:
    """`without_guards`, and how many of its first nodes are those before `start`."""
    builder = Builder(graph.source)
    maker = GuardRewriter(builder)
    before = 0
    place: dict[int, int] = {}
    inputs = set(graph.inputs)
    for i in range(len(graph)):
        if i == start:
            maker.rules = guards()
            before = len(builder)
        if i in inputs:
            place[i] = builder.input(graph.names[i], graph.shape(i))
        elif i >= start and graph.codes[i] == CONST:
            place[i] = named_constant(builder, graph.static[i])
        else:
            place[i] = copied(maker, graph, i, place, keep_names=False)
        if constants is not None and i in constants:
            maker.constants[place[i]] = constants[i]
    outputs = [(name, place[node]) for name, node in graph.outputs]
    return builder.graph(outputs, graph.parameters, graph.notes), before


def named_constant(builder: Builder, value: float) -> int:
    """A constant of a derivative rule, written as what it is."""
    function = LOGARITHMS.get(abs(value))
    if function is not None:
        node = builder.add(function[0], builder.const(function[1]))
    elif abs(value) == TWO_OVER_SQRT_PI:
        node = builder.add("div", builder.const(2.0), builder.add("sqrt", builder.const(pi)))
    elif abs(value) == SQRT_HALF:
        node = builder.add("div", builder.const(1.0), builder.add("sqrt", builder.const(2.0)))
    elif abs(value) == SQRT_2PI:
        two_pi = builder.add("mul", builder.const(2.0), builder.const(pi))
        node = builder.add("sqrt", two_pi)
    else:
        return builder.const(value)
    return builder.add("neg", node) if value < 0 else node
