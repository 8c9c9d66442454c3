"""Rewrites for code keep every value: at edge values too, infinities and nan with them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import strategies as own
from hypothesis import given, settings
from hypothesis import strategies as st
from render.source_code.exporting import near

import backprop_cli as bp
from backprop_cli.engine.evaluate import evaluate
from backprop_cli.engine.export import prepared
from backprop_cli.ir.graph import Graph

EDGES = [*own.EDGES, 1e200, -1e200, 1e-200, -1e-200, 7.3]


def outputs(graph: Graph, point: dict[str, float]) -> list[float]:
    with np.errstate(all="ignore"):
        values = evaluate(graph, point).values
    return [float(x) for _, node in graph.outputs for x in np.ravel(values[node])]


TEXTS = [
    "x^0", "x^1", "x^2", "x^3", "x^4", "x^-1", "square(x)", "-(-x)", "x + -y", "x - -y", "x + 0",
    "x/1", "2*(3*x)", "-1*x", "x*1", "where(x > 0, where(x > 0, y, 1), 2)",
    "where(x > 0, 2, where(x > 0, y, x))", "where(x > 0, where(x > 0, y, 1)*y, x)",
    "where(x > 0, -where(x > 0, y, 1), x)", "where(x > 0, where(x > 0, y, 1)/y, x)", "sqrt(x)",
    "1/sqrt(x)", "1/(sqrt(x) + 0)", "1/(sqrt(x*x) + 0)", "1/(sqrt(x*y) + 0)", "1/(x + 0)",
    "1/(x*y + 0)", "1/(x - y + 0)", "1/(abs(x) - y + 0)", "where((x > 0) != 0, x, y)",
    "where((x > 0) == 0, x, y)", "max(x, y, 1)",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_rules_on_edge_values(text: str) -> None:
    graph = bp.parse(text).graph()
    tidy, _ = prepared(graph)
    names = [graph.names[i] for i in graph.inputs]
    for values in itertools.product(EDGES, repeat=len(names)):
        point = dict(zip(names, values, strict=True))
        for a, b in zip(outputs(graph, point), outputs(tidy, point), strict=True):
            assert near(a, b, 2), (point, a, b)


KEPT = [row for row in own.ELEMENTWISE if row.name not in ("pow", "polygamma")]


@settings(max_examples=40)
@given(st.data())
def test_random_programs_on_edge_values(data: st.DataObject) -> None:
    graph = data.draw(own.scalar_graphs(rows=KEPT, size=8))
    tidy, _ = prepared(graph)
    point = data.draw(own.points(graph, own.edge_values()))
    for a, b in zip(outputs(graph, point), outputs(tidy, point), strict=True):
        assert near(a, b, 64) or abs(a - b) < 1e-12


@settings(max_examples=40)
@given(st.data())
def test_random_array_programs(data: st.DataObject) -> None:
    graph = data.draw(own.tensor_graphs())
    tidy, _ = prepared(graph)
    point = data.draw(own.points(graph))
    a, b = outputs(graph, point), outputs(tidy, point)
    np.testing.assert_allclose(b, a, rtol=1e-11, atol=1e-11 * (1 + np.nanmax(np.abs(a))))
