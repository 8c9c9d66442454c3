"""Paths through vectors and matrices: products in the shape of the variable, and their sum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backprop_cli.engine.jacobian import jacobian
from backprop_cli.engine.lower import load, lower
from backprop_cli.engine.path_result import PathReport
from backprop_cli.engine.paths import path_report
from backprop_cli.errors import ShapeFault
from backprop_cli.ir.graph import Graph

RNG = np.random.default_rng(7)
POINT = {"W": RNG.normal(size=(3, 3)), "x": RNG.normal(size=3), "v": RNG.normal(size=3)}
RESIDUAL = "h = tanh(W @ x); y = h + x; sum(W @ y * v)"


def graph_of(text: str, point: dict[str, Any]) -> Graph:
    return lower(load(text), {name: np.shape(value) for name, value in point.items()})


def report(text: str, start: str, point: dict[str, Any] = POINT, **options: Any) -> PathReport:
    used = {name: value for name, value in point.items() if name in load(text).variables()}
    graph = graph_of(text, used)
    if "through" in options:
        options["through"] = graph.by_name[options["through"]]
    return path_report(graph, used, graph.by_name[start], graph.outputs[0][1], **options)


@pytest.mark.parametrize(("start", "count"), [("x", 2), ("W", 2), ("v", 1), ("h", 1)])
def test_the_products_add_up_to_the_gradient(start: str, count: int) -> None:
    """All paths of a residual layer: as many as there are ways, and their sum is the gradient."""
    found = report(RESIDUAL, start)
    assert found.count == len(found.paths) == count
    assert found.agree
    assert found.open_bound is None
    total = sum(path.product for path in found.paths)
    np.testing.assert_allclose(total, found.gradient, rtol=1e-12)
    np.testing.assert_allclose(found.sum, found.gradient, rtol=1e-12)
    np.testing.assert_allclose(found.listed_sum, found.gradient, rtol=1e-12)


def test_a_product_has_the_shape_of_the_variable_and_is_that_path_alone() -> None:
    """The skip connection's path is the gradient of a program without the layer."""
    found = report(RESIDUAL, "x")
    alone = {tuple(path.labels)[1]: path.product for path in found.paths}
    skip = report("y = x; sum(W @ y * v)", "x").gradient
    np.testing.assert_allclose(alone["y"], skip, rtol=1e-12)
    assert all(path.product.shape == (3,) for path in found.paths)


def test_the_largest_norm_comes_first() -> None:
    found = report("a = 3*x; b = 0.1*x; c = -2*x; sum(a + b + c)", "x")
    norms = [float(np.linalg.norm(path.product)) for path in found.paths]
    assert norms == sorted(norms, reverse=True)
    assert norms == pytest.approx([3 * 3**0.5, 2 * 3**0.5, 0.1 * 3**0.5])
    assert len(report("a = 3*x; b = 0.1*x; sum(a + b)", "x", top=1).paths) == 1


@pytest.mark.parametrize("i", range(3))
@pytest.mark.parametrize("j", range(3))
def test_elements_are_a_scalar_question(i: int, j: int) -> None:
    """From one element to one element: the sum is that entry of the Jacobian."""
    text = "y = softmax(W @ x) + x^2; y"
    found = report(text, "x", source_index=(j,), target_index=(i,))
    point = {"W": POINT["W"], "x": POINT["x"]}
    graph = graph_of(text, point)
    output = graph.outputs[0][1]
    block = jacobian(graph, point, [("", output)]).blocks[output][graph.by_name["x"]]
    assert found.sum == pytest.approx(block[i, j], rel=1e-12)
    assert found.gradient == pytest.approx(block[i, j], rel=1e-12)
    assert sum(path.product for path in found.paths) == pytest.approx(block[i, j], rel=1e-12)


def test_paths_through_a_node() -> None:
    """Only those through the layer; the whole gradient is told beside them."""
    found = report(RESIDUAL, "x", through="h")
    assert found.count == 1
    np.testing.assert_allclose(found.paths[0].product, found.gradient, rtol=1e-12)
    np.testing.assert_allclose(found.total_gradient, report(RESIDUAL, "x").gradient, rtol=1e-12)


@pytest.mark.parametrize(
    "text", ["sum(stop_grad(x))", "sum(x > 0)", "sum(0*x)", "sum(v)*1 + 0*x[0]"]
)
def test_edges_that_do_not_exist_are_on_no_path(text: str) -> None:
    found = report(text, "x")
    assert found.count == 0
    assert found.paths == []
    assert not np.any(found.sum)
    assert found.notes


def test_elements_that_a_selection_left_out_get_nothing() -> None:
    """The path through the branch not taken ends, also where its partial is infinite."""
    found = report("sum(where(x > 0, sqrt(x), x))", "x", {"x": np.array([0.0, 4.0])})
    assert found.count == 2
    np.testing.assert_array_equal(found.gradient, [1.0, 0.25])
    np.testing.assert_array_equal(sum(path.product for path in found.paths), [1.0, 0.25])


def test_many_paths_are_counted_and_summed_without_listing_them() -> None:
    """2^40 paths of vectors: exact count, exact sum, and what the search left open is said."""
    stages = "; ".join(f"a{i} = a{i - 1} + 0.5*a{i - 1}" for i in range(1, 41))
    found = report(f"a0 = x; {stages}; sum(a40)", "x", top=3)
    assert found.count == 2**40
    np.testing.assert_allclose(found.sum, np.full(3, 1.5**40), rtol=1e-12)
    assert found.agree
    assert len(found.paths) == 3
    np.testing.assert_allclose(found.paths[0].product, np.ones(3))
    assert found.open_bound is None or found.open_bound <= 3**0.5 * (1 + 1e-9)


def test_an_output_that_is_not_a_scalar_needs_an_element() -> None:
    with pytest.raises(ShapeFault):
        report("W @ x", "x")
