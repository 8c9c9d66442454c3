"""From a graph to the statements of a function: shared nodes by name, the others inside them."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from itertools import product
from typing import NamedTuple

from backprop_cli.engine.export import Block, Export
from backprop_cli.errors import UsageFault
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.render.source_code.language import Language, Text, fill
from backprop_cli.render.source_code.names import Names

LONGEST, DEEPEST = 44, 4  # letters and depth of what is written inside a statement


class Statement(NamedTuple):
    name: str
    code: str
    truth: bool


class Function(NamedTuple):
    """A function before it is laid out: identifiers of arguments, statements, results."""

    export: Export
    language: Language
    name: str
    arguments: list[Argument]
    statements: list[Statement]
    value: str
    gradient: list[list[str]]  # for each block, an expression for each of its nodes
    large: bool = False  # whether variables and statements are elements of arrays, `x` and `t`


class Argument(NamedTuple):
    """A parameter, and the identifiers of its elements (its own, if it is kept whole)."""

    block: Block
    name: str
    elements: list[str]
    used: list[bool]  # which of them a statement or result reads


def function(found: Export, language: Language, name: str) -> Function:
    """The statements of an export in a language; raises UsageFault for what it cannot write."""
    graph = found.graph
    names = Names({*language.reserved(), name})
    outputs = [found.value, *(node for block in found.gradient for node in block.nodes)]
    uses = use_counts(graph, outputs)
    large = 0 < language.most < sum(map(bool, uses))
    if large:
        names = Names({*language.reserved(), name, "x", "t"})
    arguments, texts = _arguments(found, language, names, uses, large)
    if "value" in language.keywords:  # of a script: its result, but no argument
        names.release("value")
    label_of = labels(found)
    statements: list[Statement] = []
    for i, code in enumerate(graph.codes):
        if code == INPUT or not uses[i]:
            continue
        text = _text(language, graph, i, texts)
        if code == CONST or _stays_inside(graph, i, text, uses):
            texts[i] = text
            continue
        word = f"t[{len(statements)}]" if large else names.take(label_of(i))
        truth = text.truth and not large
        statements.append(Statement(word, f"{text:c}" if truth else f"{text}", truth))
        texts[i] = Text(language, word, truth=truth)
    gradient = [[f"{texts[node]}" for node in block.nodes] for block in found.gradient]
    value = f"{texts[found.value]}"
    return Function(found, language, name, arguments, statements, value, gradient, large)


def _arguments(
    found: Export, language: Language, names: Names, uses: array[int], large: bool
) -> tuple[list[Argument], dict[int, Text]]:
    arguments = []
    words = [names.take(block.name) for block in found.arguments]
    for block, word in zip(found.arguments, words, strict=True):
        whole = len(block.nodes) == 1 and (not block.shape or bool(found.graph.shapes))
        parts = [] if whole else [found.graph.names[node] for node in block.nodes]
        elements = [word] if whole else list(map(names.take, parts))
        used = [uses[node] > 0 for node in block.nodes]
        arguments.append(Argument(block, word, elements, used))
    nodes = [node for argument in arguments for node in argument.block.nodes]
    words = [word for argument in arguments for word in argument.elements]
    if large:
        words = [f"x[{k}]" for k in range(len(nodes))]
    return arguments, {n: Text(language, w) for n, w in zip(nodes, words, strict=True)}


def use_counts(graph: Graph, outputs: list[int]) -> array[int]:
    """How often each node is read; an output counts as read twice, so that it has a name."""
    uses = array("i", bytes(4 * len(graph)))
    for node in outputs:
        uses[node] += 2
    for i in range(len(graph) - 1, -1, -1):
        if uses[i]:
            for a in graph.arguments(i):
                uses[a] += 1
    return uses


def labels(found: Export) -> Callable[[int], str]:
    """What to call a node: its name, d_x for the adjoint of x, t1, t2, ... for others."""
    count = 0
    graph = found.graph
    gradient = {
        node: name
        for block in found.gradient
        for node, name in zip(block.nodes, _element_names(block), strict=True)
    }

    def label(i: int) -> str:
        nonlocal count
        if i in graph.names:
            return graph.names[i]
        if i == found.value:
            return "value"
        if i in gradient:
            return f"d_{gradient[i]}"
        if i in found.adjoint_of and found.adjoint_of[i] in graph.by_name:
            return f"d_{found.adjoint_of[i]}"
        count += 1
        return f"t{count}"

    return label


def _element_names(block: Block) -> list[str]:
    if len(block.nodes) == 1:
        return [block.name]
    places = product(*map(range, block.shape))
    return ["_".join([block.name, *map(str, place)]) for place in places]


def _stays_inside(graph: Graph, i: int, text: Text, uses: array[int]) -> bool:
    """Whether a node is written where it is used: once, and short."""
    return (
        uses[i] == 1
        and i not in graph.names
        and text.depth <= DEEPEST
        and len(text.code) <= LONGEST
    )


def _text(language: Language, graph: Graph, i: int, texts: dict[int, Text]) -> Text:
    static = graph.static.get(i)
    if graph.codes[i] == CONST:
        code = language.number(graph.static[i])
        return Text(language, code, language.negative if code[:1] == "-" else 100)
    row = graph.op(i)
    written = language.rows[row.name]
    if not written.template:
        raise UsageFault(f"{language.title} has no '{row.name}': {written.note}")
    x = [texts[a] for a in graph.arguments(i)]
    fields: dict[str, str] = {}
    if row.name in language.statics:
        shapes = [graph.shape(a) for a in graph.arguments(i)]
        fields = language.statics[row.name](static, shapes, graph.shape(i))
    if row.variadic:
        fields["all"] = ", ".join(f"{operand}" for operand in x)
    return fill(language, written, x, **fields)
