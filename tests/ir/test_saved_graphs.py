"""A graph through JSON and back; and whatever else comes from a file ends in a GraphFault."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import numpy as np
import pytest
import strategies as own
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop_cli.engine.evaluate import differentiate
from backprop_cli.errors import BpropError, GraphFault, Span
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.saved import from_document, to_document
from backprop_cli.ir.verify import verify

COLUMNS = [slot for slot in Graph.__slots__ if not slot.startswith("_") and slot != "notes"]


def same_graph(a: Graph, b: Graph) -> None:
    for column in COLUMNS:
        mine, theirs = getattr(a, column), getattr(b, column)
        assert repr(mine) == repr(theirs), column  # repr: nan is itself


def sample() -> Graph:
    """One of everything that a document holds."""
    b = Builder("A[1]*y + sum(A)")
    matrix, y = b.input("A", (2, 3), Span(0, 1)), b.input("y", (), Span(5, 6))
    part = b.add("index", matrix, static=(1, ("slice", 2, -1, -1)), name="part", span=Span(0, 4))
    total = b.add("sum", b.add("mul", part, y), static=((0,), False))
    weird = b.add("maximum", total, b.const(-math.inf), b.const(math.nan), b.const(-0.0))
    third = b.add("polygamma", y, static=2)
    return b.graph([("f", weird), (None, third)], {"n": 3.0})


def test_round_trip() -> None:
    graph = sample()
    verify(graph)
    text = json.dumps(to_document(graph), allow_nan=False)
    same_graph(graph, from_document(json.loads(text)))


@given(own.scalar_graphs() | own.tensor_graphs())
def test_round_trip_of_random_graphs(graph: Graph) -> None:
    verify(graph)
    text = json.dumps(to_document(graph), allow_nan=False)
    same_graph(graph, from_document(json.loads(text)))


def point_of(graph: Graph) -> dict[str, Any]:
    return {graph.names[i]: np.full(graph.shape(i), 0.7) for i in graph.inputs}


def use(graph: Graph) -> None:
    """A document that is accepted can be evaluated and differentiated."""
    if sum(math.prod(shape) for shape in graph.shapes.values()) > 10_000:
        return
    for _, node in graph.outputs:
        sweep = differentiate(graph, point_of(graph), node)
        assert isinstance(sweep.warnings, list)
    same_graph(graph, from_document(json.loads(json.dumps(to_document(graph)))))


@given(own.json_values())
def test_any_json_is_a_graph_or_a_fault(document: Any) -> None:
    with pytest.raises(GraphFault):
        from_document(document)


KEYS = ["ops", "codes", "offsets", "args", "static", "names", "shapes", "spans", "outputs",
        "parameters", "source"]  # fmt: skip


@st.composite
def broken(draw: st.DrawFn) -> Any:
    """A valid document with something in it replaced, removed or added."""
    graph = draw(st.just(sample()) | own.tensor_graphs() | own.scalar_graphs())
    document = json.loads(json.dumps(to_document(graph)))
    for _ in range(draw(st.integers(1, 2))):
        target = document
        key: Any = draw(st.sampled_from(KEYS))
        while key in target if isinstance(target, dict) else True:
            inner = target[key]
            if not isinstance(inner, dict | list) or not inner or draw(st.integers(0, 3)) == 0:
                break
            target = inner
            keys = list(inner) if isinstance(inner, dict) else range(len(inner))
            key = draw(st.sampled_from(keys))
        if draw(st.integers(0, 4)) == 0:
            del target[key]
            break
        target[key] = draw(own.json_values() | st.integers(-2, 8))
    return document


@settings(max_examples=250)
@given(broken())
def test_broken_documents_are_faults_or_graphs_that_work(document: Any) -> None:
    before = copy.deepcopy(document)
    try:
        graph = from_document(document)
    except GraphFault:
        graph = None
    assert repr(document) == repr(before)
    if graph is not None:
        use(graph)


def changed(**columns: Any) -> dict[str, Any]:
    document = json.loads(json.dumps(to_document(sample())))
    document.update(columns)
    return document


STATIC = to_document(sample())["static"]
INDEX, SUM = (key for key in STATIC if isinstance(STATIC[key], list))
REJECTED = {
    "another schema": changed(schema="bprop.graph/2"),
    "no codes": {k: v for k, v in changed().items() if k != "codes"},
    "unknown operation": changed(ops=["sine"]),
    "a negative operation": changed(codes=[-1] * 10),
    "offsets too short": changed(offsets=[0]),
    "offsets that go back": changed(offsets=[0, 0, 0, 2, 1, *[8] * 6]),
    "an argument that is later": changed(args=[9, *changed()["args"][1:]]),
    "an argument that is a fraction": changed(args=[0.5, *changed()["args"][1:]]),
    "no output": changed(outputs=[]),
    "an output that is no node": changed(outputs=[["f", 99]]),
    "an output's name": changed(outputs=[[3, 0]]),
    "a name that is none": changed(names={"0": "A", "1": "y z"}),
    "two nodes of one name": changed(names={"0": "A", "1": "A"}),
    "a variable without a name": changed(names={"0": "A"}),
    "a name of no node": changed(names={"0": "A", "1": "y", "77": "z"}),
    "a shape that is not the operation's": changed(shapes={"0": [2, 3], "2": [4]}),
    "a shape of an input": changed(shapes={"0": [2, -3]}),
    "an index out of range": changed(static=STATIC | {INDEX: [7, 0]}),
    "an index of fractions": changed(static=STATIC | {INDEX: [1.0]}),
    "a slice beyond the axis": changed(static=STATIC | {INDEX: [1, ["slice", 5, -1, -1]]}),
    "a slice of step 0": changed(static=STATIC | {INDEX: [1, ["slice", 0, 2, 0]]}),
    "an axis that does not exist": changed(static=STATIC | {SUM: [[3], False]}),
    "an axis that is a fraction": changed(static=STATIC | {SUM: [[0.0], False]}),
    "keepdims that is a number": changed(static=STATIC | {SUM: [[0], 0]}),
    "a constant without a value": changed(static={INDEX: STATIC[INDEX], SUM: STATIC[SUM]}),
    "a static parameter too many": changed(static=STATIC | {"1": 3}),
    "deep brackets": changed(static=STATIC | {INDEX: [[[[[[[[0]]]]]]]]}),
    "a place outside the source": changed(spans={"0": [[0, 99]]}),
    "a huge number": changed(parameters={"n": 10**400}),
    "a huge argument": changed(args=[2**40, *changed()["args"][1:]]),
}


@pytest.mark.parametrize("what", REJECTED)
def test_each_broken_invariant_is_named(what: str) -> None:
    with pytest.raises(GraphFault) as caught:
        from_document(REJECTED[what])
    assert caught.value.message


def test_a_scalar_graph_needs_its_static_parameter() -> None:
    b = Builder()
    graph = b.graph([(None, b.add("polygamma", b.input("x"), static=1))])
    for wrong in (None, -1, 1.0, "1", [1]):
        document = to_document(graph)
        document["static"] = {} if wrong is None else {"1": wrong}
        with pytest.raises(GraphFault):
            from_document(document)


@pytest.mark.parametrize("shape", [(2**41,), (2**21, 2**21), (1,) * 40])
def test_arrays_beyond_reason_are_refused(shape: tuple[int, ...]) -> None:
    b = Builder()
    with pytest.raises(BpropError):
        b.add("broadcast_to", b.input("x"), static=shape)
