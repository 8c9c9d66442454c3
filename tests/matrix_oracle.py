"""Derivatives of matrix programs in two ways: printed with named sizes, and by numbers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.engine.lower import load, lower
from backprop_cli.engine.matrix_calculus import matrix_derivative_by
from backprop_cli.engine.program import bind
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.sizes import named_sizes
from backprop_cli.syntax.unparse import unparse
from backprop_cli.transform.reverse import reverse

NUMBERS = {"n": 4, "m": 3, "k": 2}
Sizes = dict[str, int]


def shapes_of(text: str, named: bool, numbers: Sizes = NUMBERS) -> dict[str, tuple[int, ...]]:
    """`x=n A=m,n` as shapes, of names or of numbers."""
    sizes: Sizes = dict(named_sizes(numbers)) if named else numbers
    pairs = (part.split("=") for part in text.split())
    return {
        name: tuple(sizes[s] if s in sizes else int(s) for s in shape.split(",") if s)
        for name, shape in pairs
    }


def graph_of(program: str, shapes: str, named: bool, numbers: Sizes = NUMBERS) -> Graph:
    declared = shapes_of(shapes, named, numbers)
    sizes: dict[str, Any] = dict(named_sizes(numbers)) if named else numbers
    return lower(load(program), {name: s for name, s in declared.items() if s}, sizes)


def derivative(
    program: str,
    wrt: str,
    shapes: str,
    order: int = 1,
    named: bool = True,
    symmetric: str = "",
    numbers: Sizes = NUMBERS,
) -> str:
    """The derivative as it is printed; by `x y` in turn, or `order` times by `x`."""
    graph = graph_of(program, shapes, named, numbers)
    nodes = [graph.find(name) or 0 for name in wrt.split()] * order
    alike = frozenset(symmetric.split())
    return unparse(matrix_derivative_by(graph, graph.outputs[0][1], nodes, symmetric=alike))


def point_of(
    shapes: str, seed: int = 0, symmetric: str = "", numbers: Sizes = NUMBERS
) -> dict[str, Any]:
    """Random values; matrices near the identity, so that none is singular."""
    rng = np.random.default_rng(seed)
    point: dict[str, Any] = {}
    for name, shape in shapes_of(shapes, False, numbers).items():
        value = rng.uniform(0.2, 1.8, shape)
        if len(shape) == 2 and shape[0] == shape[1]:
            value = value / 4 + np.eye(shape[0])
        if name in symmetric.split():
            value = (value + value.T) / 2
        point[name] = value if shape else float(value)
    return point


def value_of(text: str, point: dict[str, Any], numbers: Sizes = NUMBERS) -> Any:
    """A printed expression at a point, with numbers for the sizes that it names."""
    program = load(text)
    words = {*re.findall(r"\w+", text)}
    needed = {name: value for name, value in point.items() if name in words}
    needed |= {name: float(size) for name, size in numbers.items() if name in words}
    bound = bind(program, needed)
    return np.asarray(evaluate(bound.graph, bound.point, "numpy").values[bound.graph.output()])


def numbers_of(
    program: str,
    wrt: str,
    shapes: str,
    point: dict[str, Any],
    order: int,
    numbers: Sizes = NUMBERS,
) -> Any:
    """The same derivative by reverse mode, one pass an element."""
    graph = graph_of(program, shapes, False, numbers)
    *earlier, last = wrt.split() * order
    for name in earlier:
        found = reverse(graph, wrt=[graph.by_name[name]])
        graph = found.graph.with_outputs([(None, found.gradient[graph.by_name[name]])])
    node, output = graph.by_name[last], graph.outputs[0][1]
    shape = graph.shape(output)
    rows = []
    for place in np.ndindex(*shape):
        seed = np.zeros(shape)
        seed[place] = 1.0
        sweep = differentiate(graph, point, output, [node], seed if shape else None, "numpy")
        rows.append(np.asarray(sweep.gradient[node]))
    return np.reshape(rows, shape + graph.shape(node))
