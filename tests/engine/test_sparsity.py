"""What saves products: who depends on whom, columns that share one, arrays read by element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import strategies as own
from hypothesis import given, settings
from hypothesis import strategies as st

import backprop_cli as bp
from backprop_cli.engine.colouring import colour_columns, members
from backprop_cli.engine.evaluate import evaluate
from backprop_cli.engine.sparsity import dependence
from backprop_cli.engine.tangents import Tangents
from backprop_cli.transform.forward import forward
from backprop_cli.transform.indexed import by_element
from backprop_cli.transform.reverse import reverse


@given(st.integers(1, 9), st.data())
def test_every_entry_can_be_read_off(size: int, data: st.DataObject) -> None:
    """Of a random symmetric pattern each entry comes back from the products of the colouring."""
    cells = [(i, j) for i in range(size) for j in range(i + 1)]
    chosen = data.draw(st.lists(st.sampled_from(cells), unique=True))
    full = np.zeros((size, size))
    for k, (i, j) in enumerate(chosen):
        full[i, j] = full[j, i] = 1.0 + k
    rows = [sum(1 << j for j in range(size) if full[i, j]) for i in range(size)]
    colouring = colour_columns(rows)
    products = [full[:, group].sum(axis=1) for group in colouring.groups]
    for i in range(size):
        for j in members(rows[i]):
            [c], [row] = colouring.sources(np.array([i]), np.array([j]))
            assert products[c][row] == full[i, j]
    assert len(products) <= size


@pytest.mark.parametrize("count", [1, 3, 20])
def test_tangents_by_floats_and_by_stacks_agree(count: int) -> None:
    graph = bp.parse("sin(x*y)*x").graph()
    point = {"x": 0.3, "y": 0.7}
    random = np.random.default_rng(1).normal(size=(count, 2))
    output = [graph.outputs[0][1]]
    ways = []
    for backend in ("auto", "numpy"):
        tangents = Tangents(graph, point, graph.inputs, output, backend)
        ways.append(tangents.products(random)[:, 0].tolist())
        ways.append([float(tangents.along(row)[0]) for row in random.tolist()])
    for way in ways[1:]:
        np.testing.assert_allclose(way, ways[0], rtol=1e-14)


@given(st.data())
@settings(max_examples=60)
def test_stacks_of_directions_are_the_directions_one_by_one(data: st.DataObject) -> None:
    """Of the second derivatives of random programs on arrays, against the tangent graph itself."""
    graph = data.draw(own.tensor_graphs())
    point = data.draw(own.points(graph))
    first = reverse(graph)
    outputs = list(first.gradient.values())
    tangents = Tangents(first.graph, point, graph.inputs, outputs, "numpy")
    sizes = [math.prod(graph.shape(i)) for i in graph.inputs]
    directions = np.random.default_rng(2).normal(size=(4, sum(sizes)))
    found = tangents.products(directions)
    for row, flat in zip(found, directions, strict=True):
        parts = np.split(flat, np.cumsum(sizes)[:-1])
        moved = {
            tangents.names[i]: part.reshape(graph.shape(i))
            for i, part in zip(graph.inputs, parts, strict=True)
        }
        values = evaluate(tangents.graph, {**point, **moved}, "numpy").values
        wanted = np.concatenate([np.ravel(values[place]) for place in tangents.places])
        np.testing.assert_allclose(row, wanted, rtol=1e-9, atol=1e-9 * (1 + np.abs(wanted).max()))


def test_the_tangent_of_joined_arrays_is_no_larger_than_they_are() -> None:
    """Not one array of the whole size for each part that is joined."""
    graph = bp.parse("concat(x, y^2, x*y, [1, 2], y)").graph(x=[1, 2], y=[3, 4])
    made = forward(graph, {i: f"d{i}" for i in graph.inputs})
    assert [n.op.name for n in made.graph].count("concat") == 2
    assert "scatter" not in [n.op.name for n in made.graph]
    point = {"x": [1.0, 2.0], "y": [3.0, 4.0], "d0": [1.0, 0.0], "d1": [0.0, 1.0]}
    value = evaluate(made.graph, point).value
    assert value.tolist() == [1.0, 0.0, 0.0, 8.0, 3.0, 2.0, 0.0, 0.0, 0.0, 1.0]


def test_arrays_by_element() -> None:
    """`x[0]` and `x[-1, 1]` as variables of their own; None where an array is used as a whole."""
    graph = bp.parse("a = x[0]*x[-1]; a*A[-1, 0] + sin(y)").graph(x=[1, 2], A=[[1, 2], [3, 4]], y=5)
    split = by_element(graph)
    assert split is not None
    assert split.graph.is_scalar
    values = {"x[0]": 1, "x[1]": 2, "A[0,0]": 1, "A[0,1]": 2, "A[1,0]": 3, "A[1,1]": 4, "y": 5}
    assert evaluate(split.graph, values).value == pytest.approx(6 + math.sin(5))
    assert by_element(bp.parse("x*y").graph()) is None
    assert by_element(bp.parse("sum(x) + x[0]").graph(x=[1, 2])) is None
    assert by_element(bp.parse("(2*x)[0]").graph(x=[1, 2])) is None


def test_what_an_element_depends_on() -> None:
    def of(text: str, **point: Any) -> list[list[int]]:
        graph = bp.parse(text).graph(**point)
        [rows] = dependence(graph, graph.inputs, [graph.outputs[0][1]])
        return [members(row) if row else [] for row in rows]

    assert of("x[1:]*x[0]", x=[1, 2, 3]) == [[0, 1], [0, 2]]
    assert of("sum(A, axis=0)", A=[[1, 2], [3, 4]]) == [[0, 2], [1, 3]]
    assert of("A @ x", A=[[1, 2], [3, 4]], x=[1, 1]) == [[0, 1, 4, 5], [2, 3, 4, 5]]
    assert of("x @ A", x=[1, 1], A=[[1, 2], [3, 4]]) == [[0, 1, 2, 4], [0, 1, 3, 5]]
    assert of("softmax(A)", A=[[1, 2], [3, 4]]) == [[0, 1], [0, 1], [2, 3], [2, 3]]
    assert of("A.T", A=[[1, 2], [3, 4]]) == [[0], [2], [1], [3]]
    assert of("diag(x)", x=[1, 2]) == [[0], [], [], [1]]
    assert of("[x, x + y]", x=1, y=2) == [[0], [0, 1]]
    assert of("inv(A)", A=[[1, 2], [3, 4]]) == [[0, 1, 2, 3]] * 4
    assert of("where(x > 0, y, 2)", x=1, y=1) == [[1]]
    assert of("outer(x, y)", x=[1, 2], y=[3, 4]) == [[0, 2], [0, 3], [1, 2], [1, 3]]
