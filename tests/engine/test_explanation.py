"""Properties of explanations: what is said adds up to the gradient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from latex_checks import assert_sound
from strategies import SMOOTH, points, scalar_graphs, tensor_graphs

from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.explanation import explain
from backprop_cli.ir.graph import Graph
from backprop_cli.render import lesson_formats
from backprop_cli.render.explained.whole import lesson


@given(st.data(), scalar_graphs(SMOOTH))
def test_the_terms_of_every_adjoint_add_up(data: st.DataObject, graph: Graph) -> None:
    """The contributions of a step's uses are its adjoint, and the path sums are the gradient."""
    sweep = differentiate(graph, data.draw(points(graph)))
    found = explain(graph, sweep.output, sweep=sweep)
    for step in found.steps:
        if step.adjoint is None or step.node == sweep.output or step.use_count > len(step.uses):
            continue
        terms = [use.contribution for use in step.uses if use.contribution is not None]
        size = sum(map(abs, terms))
        assert math.isclose(sum(terms), step.adjoint, rel_tol=1e-9, abs_tol=1e-12 * size)
    for way in found.ways:
        if way.sum is not None:
            assert math.isclose(way.sum, sweep.gradient[way.node], rel_tol=1e-6, abs_tol=1e-6)


@given(scalar_graphs(SMOOTH))
def test_symbols_need_no_point(graph: Graph) -> None:
    """The same steps and terms without numbers; as many paths as are drawn."""
    bare = explain(graph, graph.output())
    assert all(step.value is None and step.adjoint is None for step in bare.steps)
    for way in bare.ways:
        assert way.exact == count(graph, way.node, graph.output())
        assert len(way.paths) == min(way.exact or 0, 5)
        for path in way.paths:
            assert path.nodes[0] == way.node
            assert path.nodes[-1] == graph.output()
            for source, (target, position) in zip(path.nodes, path.edges, strict=False):
                assert graph.arguments(target)[position] == source


def count(graph: Graph, source: int, target: int) -> int:
    """How many paths of edges with a derivative lead from one node to another."""
    if source == target:
        return 1
    return sum(
        count(graph, source, a)
        for k, a in enumerate(graph.arguments(target))
        if a >= source and graph.op(target).rule(k) is not None
    )


@given(st.data(), st.one_of(scalar_graphs(), tensor_graphs()))
@settings(max_examples=60)
def test_every_format_is_written(data: st.DataObject, graph: Graph) -> None:
    point: dict[str, Any] = data.draw(points(graph))
    sweep = differentiate(graph, point) if data.draw(st.booleans()) else None
    blocks = lesson(explain(graph, graph.output(), sweep=sweep), 6)
    assert_sound(lesson_formats.latex(blocks))
    assert lesson_formats.markdown(blocks).count("```") % 2 == 0
    text = lesson_formats.text(blocks)
    assert "None" not in text
    if sweep is not None and all(np.all(np.isfinite(v)) for v in sweep.gradient.values()):
        assert "5. The gradient" in text
