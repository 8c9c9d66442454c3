"""Arrays that are read one element at a time, as one scalar variable for each element."""

from __future__ import annotations

import math
from typing import NamedTuple

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.ir.ops import BY_NAME

INDEX = BY_NAME["index"].code


class Indexed(NamedTuple):
    """A graph on scalars: the new place of each node, and the nodes of each array's elements.

    The elements of the array `x` are the inputs `x[0]`, ...; the array itself has no place.
    """

    graph: Graph
    place: dict[int, int]
    elements: dict[int, list[int]]


def by_element(graph: Graph) -> Indexed | None:
    """The same program on scalars, if arrays occur in it as `x[0]` only; else None.

    An adjoint of `x` would be as many arrays of its size as the program reads elements.
    """
    if not graph.shapes or not _is_read_by_element(graph):
        return None
    builder = Builder(graph.source)
    place: dict[int, int] = {}
    elements: dict[int, list[int]] = {}
    for i, code in enumerate(graph.codes):
        shape, name = graph.shape(i), graph.names.get(i)
        if code == INPUT and shape:
            elements[i] = _inputs(builder, graph.names[i], shape)
        elif code == INPUT:
            place[i] = builder.input(graph.names[i])
        elif code == INDEX:
            array = graph.first[i]
            element = elements[array][flat_place(graph.static[i], graph.shape(array))]
            place[i] = element if name is None else builder.add("identity", element, name=name)
        else:
            place[i] = _copied(builder, graph, i, place)
    outputs = [(name, place[node]) for name, node in graph.outputs]
    return Indexed(builder.graph(outputs, graph.parameters, graph.notes), place, elements)


def _is_read_by_element(graph: Graph) -> bool:
    for i, code in enumerate(graph.codes):
        if code in (INPUT, CONST):
            continue
        if graph.shape(i) or not (code == INDEX or graph.op(i).elementwise):
            return False
        arrays = [a for a in graph.arguments(i) if graph.shape(a)]
        if arrays and (code != INDEX or graph.codes[arrays[0]] != INPUT):
            return False
    return not any(graph.shape(node) for _, node in graph.outputs)


def _inputs(builder: Builder, name: str, shape: tuple[int, ...]) -> list[int]:
    made = []
    for k in range(math.prod(shape)):
        index = []
        for size in reversed(shape):
            k, digit = divmod(k, size)
            index.append(digit)
        made.append(builder.input(f"{name}[{','.join(map(str, reversed(index)))}]"))
    return made


def flat_place(index: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """The number of an element, counted row by row."""
    found = 0
    for k, size in zip(index, shape, strict=True):
        found = found * size + k % size
    return found


def _copied(builder: Builder, graph: Graph, i: int, place: dict[int, int]) -> int:
    static, name = graph.static.get(i), graph.names.get(i)
    if graph.codes[i] == CONST:
        return builder.const(graph.static[i], name=name)
    arguments = [place[a] for a in graph.arguments(i)]
    return builder.add(graph.op(i).name, *arguments, static=static, name=name)
