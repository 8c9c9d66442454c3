"""Mistakes that one change of what is written repairs: another function, exponent, sign or operand.

A change of one place in the written derivative is tried at every sample point; where it makes the
whole right, that place and what belongs there are named, in the words of the writer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.engine.findings import said
from backprop_cli.engine.mistake_edges import single
from backprop_cli.errors import BpropError
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.syntax.unparse import Writer

if TYPE_CHECKING:
    from backprop_cli.engine.hand_gradient import Written
    from backprop_cli.engine.mistakes import Hypothesis, Sample

MOST = 600  # changes that are tried
NODES = 12  # of the program that are tried in the place of a variable
INSIDE = 3  # samples on one side of 0 that must agree
OTHER = "(other)"  # the input that stands for a node of the program
DEGREE = math.pi / 180

EXCHANGED = {
    "sin": ("cos",), "cos": ("sin",), "sinh": ("cosh",), "cosh": ("sinh",),
    "log": ("log10", "log2", "log1p"), "log10": ("log",), "log2": ("log",), "log1p": ("log",),
    "exp": ("exp2", "expm1"), "exp2": ("exp",), "maximum": ("minimum",), "minimum": ("maximum",),
    "add": ("sub",), "sub": ("add",), "mul": ("div",), "div": ("mul",), "tan": ("tanh",),
    "tanh": ("tan",), "sum": ("mean",), "mean": ("sum",),
}  # fmt: skip
WAVES = ("sin", "cos", "tan")

Make = Callable[[Builder, list[int]], int]  # the node made in the place of one, from its arguments


def repairs(samples: Sequence[Sample], text: Written, made: Any) -> Iterator[Hypothesis]:
    """Every change of one place that is tried."""
    if not text.symbolic:
        return
    yield from conditions(samples, text, made)
    for kind, node, make, source in islice(changes(samples[0], text), MOST):
        try:
            graph, new = altered(text.graph, node, make, samples[0], source)
        except BpropError:
            continue
        other = None if source is None else said(samples[0].sweep.graph, source)
        message = in_words(kind, said(text.graph, node), graph, new, other)
        yield made(kind, message), _prediction(text, graph, source)


def in_words(kind: str, old: str, graph: Graph, new: int, other: str | None) -> str:
    """What stands in a derivative, what belongs there, and a node of the program in it."""
    if kind == "degrees":
        by = "180/pi" if graph.static[graph.arguments(graph.arguments(new)[0])[1]] > 1 else "pi/180"
        return f"the argument in {old} lacks the factor {by}, between degrees and radians"
    if kind == "factor":
        missing = graph.op(new).name == "mul"
        return f"the factor {other} is missing" if missing else f"it is to be divided by {other}"
    names = dict(graph.names)
    if other is not None:
        names[graph.by_name[OTHER]] = other if other.isidentifier() else f"({other})"
    return f"{old} stands where {single(Writer(graph, names).write(new))} belongs"


def _prediction(text: Written, graph: Graph, source: int | None) -> Callable[[Sample], Any]:
    """What is written, where the changed text gives our derivative; else None."""

    def predict(sample: Sample) -> Any:
        from backprop_cli.engine.mistakes import fits

        done = sample.sweep.evaluation
        point = text.point(done)
        if source is not None:
            point[OTHER] = done.values[source]
        right = np.asarray(evaluate(graph, point).value, dtype=np.float64)
        return sample.theirs[text.node] if fits(sample.ours[text.node], right) else None

    return predict


def altered(
    graph: Graph, node: int, make: Make, sample: Sample, source: int | None
) -> tuple[Graph, int]:
    """The graph with one node made otherwise, and the new node; raises where shapes do not fit."""
    builder = Builder()
    if source is not None:
        builder.input(OTHER, sample.sweep.graph.shape(source))
    place: dict[int, int] = {}
    for i, code in enumerate(graph.codes):
        if i == node:
            place[i] = make(builder, [place[a] for a in graph.arguments(i)])
        elif code == INPUT:
            place[i] = builder.input(graph.names[i], graph.shape(i))
        elif code == CONST:
            place[i] = builder.const(graph.static[i])
        else:
            x = [place[a] for a in graph.arguments(i)]
            place[i] = builder.add(graph.op(i).name, *x, static=graph.static.get(i))
    end = place[graph.outputs[0][1]]
    return builder.graph([(None, end)], graph.parameters), place[node]


Change = tuple[str, int, Make, int | None]  # kind, node, how, and the node of the program it reads


def changes(sample: Sample, text: Written) -> Iterator[Change]:
    """Those of single nodes, then missing factors, then other operands."""
    graph = text.graph
    for i in range(len(graph)):
        yield from of_node(graph, i)
    program = sample.sweep.graph
    nodes = [i for i, code in enumerate(program.codes) if code != CONST][-NODES:]
    end = graph.outputs[0][1]
    shape = graph.shape(end)
    for source in reversed(nodes):
        if program.shape(source) in ((), shape):
            yield "factor", end, _around(graph, end, "mul"), source
            yield "factor", end, _around(graph, end, "div"), source
    for i in range(len(graph)):
        for position, argument in enumerate(graph.arguments(i)):
            if graph.codes[argument] == INPUT:
                for source in nodes:
                    if program.shape(source) == graph.shape(argument):
                        yield "operand", i, _with(graph, i, position), source


def of_node(graph: Graph, i: int) -> Iterator[Change]:
    """Another function, exponent, sign, a square or a reciprocal, or an operand left out."""
    name, arguments = graph.op(i).name, graph.arguments(i)
    for other in EXCHANGED.get(name, ()):
        kind = "sign" if name in ("add", "sub") else "function"
        yield kind, i, _as(graph, i, other), None
    if name in WAVES:
        yield "degrees", i, _scaled(graph, i, 1 / DEGREE), None
        yield "degrees", i, _scaled(graph, i, DEGREE), None
    if name == "pow" and graph.codes[arguments[1]] == CONST:
        exponent = graph.static[arguments[1]]
        for step in (1, -1):
            yield "exponent", i, _power(exponent + step), None
    if graph.codes[i] == CONST:
        return
    if graph.shape(i) == () or name != "index":
        yield "exponent", i, _around(graph, i, "pow"), None
        yield "exponent", i, _around(graph, i, "reciprocal"), None
    if name == "square":
        yield "exponent", i, lambda b, x: x[0], None
    if name in ("mul", "div"):
        yield "operand", i, lambda b, x: x[0], None
    if name == "mul":
        yield "operand", i, lambda b, x: x[1], None


def _as(graph: Graph, i: int, op: str) -> Make:
    return lambda b, x: b.add(op, *x, static=graph.static.get(i))


def _power(exponent: float) -> Make:
    return lambda b, x: x[0] if exponent == 1 else b.add("pow", x[0], b.const(exponent))


def _scaled(graph: Graph, i: int, by: float) -> Make:
    return lambda b, x: b.add(graph.op(i).name, b.add("mul", x[0], b.const(by)))


def _same(graph: Graph, i: int, b: Builder, x: list[int]) -> int:
    if graph.codes[i] == INPUT:
        return b.input(graph.names[i], graph.shape(i))
    return b.add(graph.op(i).name, *x, static=graph.static.get(i))


def _around(graph: Graph, i: int, op: str) -> Make:
    """The square or the reciprocal of the node, or it beside a node of the program."""

    def make(b: Builder, x: list[int]) -> int:
        node = _same(graph, i, b, x)
        if op == "pow":
            return b.add("pow", node, b.const(2.0))
        return b.add("div", b.const(1.0), node) if op == "reciprocal" else b.add(op, node, 0)

    return make


def _with(graph: Graph, i: int, position: int) -> Make:
    """The node with a node of the program, the first of the new graph, as one operand."""

    def make(b: Builder, x: list[int]) -> int:
        return _same(graph, i, b, [*x[:position], 0, *x[position + 1 :]])

    return make


def conditions(samples: Sequence[Sample], text: Written, made: Any) -> Iterator[Hypothesis]:
    """Right on one side of 0 only, or only where an array sums to 1."""
    from backprop_cli.engine.mistakes import fits

    graph = samples[0].sweep.graph
    for node in graph.inputs:
        name = graph.names[node]
        if graph.shape(node):
            message = f"it is right only where {name} sums to 1"
            yield made("condition", message, node=name), _normalised(text, node)
            continue
        for sign, words in ((1, f"{name} > 0"), (-1, f"{name} < 0")):
            inside = [s for s in samples if sign * float(s.sweep.values[node]) > 0]
            if len(inside) < INSIDE or len(inside) == len(samples):
                continue
            if all(fits(s.ours[text.node], s.theirs[text.node]) for s in inside):
                message = f"it is right only where {words}"
                yield made("condition", message, node=name), lambda s: s.theirs[text.node]


def _normalised(text: Written, node: int) -> Callable[[Sample], Any]:
    """What is written, where it is right once the elements of an input are made to sum to 1."""

    def predict(sample: Sample) -> Any:
        from backprop_cli.engine.mistakes import fits

        sweep, graph = sample.sweep, sample.sweep.graph
        point = {graph.names[i]: sweep.values[i] for i in graph.inputs}
        total = float(np.sum(sweep.values[node]))
        if not total:
            return None
        point[graph.names[node]] = sweep.values[node] / total
        other = differentiate(graph, point, sweep.output, [text.node])
        right = np.asarray(text.value(other.evaluation), dtype=np.float64)
        return sample.theirs[text.node] if fits(other.gradient[text.node], right) else None

    return predict
