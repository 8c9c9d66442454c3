"""A function of arrays in loops, for languages without arithmetic of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from backprop_cli.engine.export import Export
from backprop_cli.ir.graph import CONST, INPUT
from backprop_cli.render.source_code.language import Language, Text
from backprop_cli.render.source_code.lines import Argument, labels, use_counts
from backprop_cli.render.source_code.loops import matrices, rows, shaping
from backprop_cli.render.source_code.loops.affine import ZERO, Affine, Index
from backprop_cli.render.source_code.loops.emitter import (
    DEEPEST,
    LONGEST,
    VARIABLES,
    Emitter,
    Form,
)
from backprop_cli.render.source_code.loops.plan import inside, own_arrays
from backprop_cli.render.source_code.loops.statements import Statement
from backprop_cli.render.source_code.names import Names
from backprop_cli.transform.selections import TRUTHS

ROWS = rows.ROWS | shaping.ROWS | matrices.ROWS
CHEAP = TRUTHS | {"neg"}
VIEWS = 20  # most views of one another that are read through


class ArrayFunction(NamedTuple):
    """A function in loops; `gradient` has an expression for each number, a name for each array."""

    export: Export
    language: Language
    name: str
    arguments: list[Argument]
    body: list[Statement]
    value: str
    gradient: list[str]


def array_function(found: Export, language: Language, name: str) -> ArrayFunction:
    """The statements of an export of whole arrays."""
    graph = found.graph
    outputs = [found.value, *(block.nodes[0] for block in found.gradient)]
    uses = use_counts(graph, outputs)
    names = Names({*language.reserved(), name})
    e = Emitter(graph, language, names, labels(found))
    arguments = []
    for block in found.arguments:
        node, word = block.nodes[0], names.take(block.name)
        arguments.append(Argument(block, word, [word], [uses[node] > 0]))
        if block.shape:
            e.keep(node, word)
        else:
            e.forms[node] = _constant(Text(language, word))
    if "value" in language.keywords:
        names.release("value")
    e.places = _places(found)
    e.kept = own_arrays(graph, uses, outputs)
    e.within = inside(graph, uses, e.kept)
    for i, code in enumerate(graph.codes):
        if code == CONST and uses[i]:
            e.forms[i] = _constant(e.number(graph.static[i]))
        elif code != INPUT and uses[i]:
            _emit(e, i)
            form = e.forms[i]
            if graph.shape(i) and form.name is None and (i in e.kept or form.depth > VIEWS):
                e.store(i, form.read)
    gradient = _results(e, found)
    return ArrayFunction(
        found, language, name, arguments, e.body, f"{e.scalar(found.value)}", gradient
    )


def _constant(text: Text) -> Form:
    return Form(lambda index: text)


def _emit(e: Emitter, i: int) -> None:
    """One node: a number, an array in a loop of its own, or what is computed where it is read."""
    row, shape = e.graph.op(i), e.graph.shape(i)
    if not row.elementwise:
        ROWS[row.name](e, i)
        return
    if e.is_single(i):
        e.settle(i, e.apply(i, tuple(ZERO for _ in shape)))
        return

    def read(index: Index) -> Text:
        return e.apply(i, index)

    if (e.within[i] or _is_cheap(e, i)) and _is_short(e, read, len(shape)):
        e.lazy(i, read, e.graph.arguments(i))
    else:
        e.store(i, read)


def _is_cheap(e: Emitter, i: int) -> bool:
    """Whether an element costs no more than reading it from an array would."""
    graph = e.graph
    stored = all(not graph.shape(a) or e.forms[a].name for a in graph.arguments(i))
    return stored and graph.op(i).name in CHEAP


def _is_short(e: Emitter, read: Callable[[Index], Text], rank: int) -> bool:
    with e.aside():
        sample = read(tuple(Affine.of(VARIABLES[k]) for k in range(rank)))
    return len(sample.code) <= LONGEST and sample.depth <= DEEPEST


def _places(found: Export) -> dict[int, int]:
    """Where a derivative stands in the gradient, for those that are arrays of their own."""
    graph, places, place = found.graph, dict[int, int](), 0
    for block in found.gradient:
        node = block.nodes[0]
        if block.shape and graph.codes[node] != INPUT and graph.op(node).name != "reshape":
            places.setdefault(node, place)
        place += block.size
    return places


def _results(e: Emitter, found: Export) -> list[str]:
    """The derivatives: the texts of numbers, the names of arrays, none of them an argument's."""
    results, place = [], 0
    for block in found.gradient:
        node = block.nodes[0]
        if not block.shape:
            results.append(f"{e.scalar(node)}")
        elif e.places.get(node) == place:
            results.append(str(e.forms[node].name))
        else:
            name = e.array(block.shape, f"d_{block.name}", place)
            with e.nest(block.shape) as index:
                e.assign(e.element(name, index, block.shape), e.at(node, index))
            results.append(name)
        place += block.size
    return results
