"""Products of derivatives with vectors: against JAX, the matrices, and each other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import oracles
import strategies as own
from hypothesis import assume, given
from hypothesis import strategies as st

import backprop_cli as bp
from backprop_cli.engine.directional import jvp, read_direction, vjp
from backprop_cli.engine.hessian import hessian
from backprop_cli.engine.hessian_product import hvp
from backprop_cli.engine.jacobian import jacobian
from backprop_cli.engine.product import Product


def drawn_direction(data: st.DataObject, graph: Any) -> dict[int, Any]:
    values = data.draw(own.points(graph))
    return {graph.by_name[name]: value for name, value in values.items()}


def flat(parts: Any) -> Any:
    return np.concatenate([np.ravel(part) for part in parts])


@given(st.data())
def test_jvp_and_vjp_are_products_with_the_jacobian(data: st.DataObject) -> None:
    graph = data.draw(own.tensor_graphs())
    inner = graph.arguments(graph.outputs[0][1])[0]  # what is summed, of any shape
    point = data.draw(own.points(graph))
    block = jacobian(graph, point, [("f", inner)]).blocks[inner]
    assume(all(np.isfinite(part).all() for part in block.values()))
    direction = drawn_direction(data, graph)
    rank = len(graph.shape(inner))
    wanted = sum(
        np.tensordot(part, direction[i], axes=np.ndim(direction[i])) for i, part in block.items()
    )
    scale = 1.0 + float(np.abs(wanted).max(initial=0.0))
    found = jvp(graph, point, direction, [("f", inner)]).parts[inner]
    assert np.shape(found) == graph.shape(inner)
    np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-9 * scale)
    seed = np.array(np.random.default_rng(1).normal(size=graph.shape(inner)))
    seeded = vjp(graph, point, inner, seed if rank else float(seed)).parts
    for i, part in block.items():
        np.testing.assert_allclose(
            seeded[i], np.tensordot(seed, part, axes=rank), rtol=1e-8, atol=1e-9 * scale
        )


@given(st.data())
def test_hvp_is_the_product_with_the_hessian(data: st.DataObject) -> None:
    graph = data.draw(own.tensor_graphs())
    point = data.draw(own.points(graph))
    output = graph.outputs[0][1]
    whole = hessian(graph, point, output)
    assume(all(np.isfinite(b).all() for row in whole.blocks.values() for b in row.values()))
    direction = drawn_direction(data, graph)
    found = hvp(graph, point, output, direction).parts
    for i, row in whole.blocks.items():
        wanted = sum(
            np.tensordot(b, direction[j], axes=np.ndim(direction[j])) for j, b in row.items()
        )
        scale = 1.0 + float(np.abs(wanted).max(initial=0.0))
        np.testing.assert_allclose(found[i], wanted, rtol=1e-8, atol=1e-9 * scale)


def test_agree_with_jax() -> None:
    jnp = oracles.jax_numpy()
    import jax

    random = np.random.default_rng(5)
    W, x, v = random.normal(size=(3, 4)), random.normal(size=4), random.normal(size=4)
    seed = random.normal(size=3)

    def layer(x: Any) -> Any:
        return jnp.tanh(jnp.asarray(W) @ x) * jnp.sum(x)

    def loss(x: Any) -> Any:
        return jnp.sum(layer(x) ** 2)

    ours = bp.parse("tanh(W @ x) * sum(x)")
    value, along = jax.jvp(layer, (jnp.asarray(x),), (jnp.asarray(v),))
    np.testing.assert_allclose(ours.jvp({"x": v}, W=W, x=x), along, rtol=1e-12)
    np.testing.assert_allclose(ours(W=W, x=x), value, rtol=1e-12)
    back = jax.vjp(layer, jnp.asarray(x))[1](jnp.asarray(seed))[0]
    np.testing.assert_allclose(ours.vjp(seed, W=W, x=x)["x"], back, rtol=1e-12)
    curved = jax.jvp(jax.grad(loss), (jnp.asarray(x),), (jnp.asarray(v),))[1]
    found = bp.parse("sum((tanh(W @ x) * sum(x))^2)").hvp({"x": v}, W=W, x=x)["x"]
    np.testing.assert_allclose(found, curved, rtol=1e-11)


def product(kind: str, text: str, along: dict[str, Any], **point: Any) -> Product:
    bound = bp.parse(text)._at(None, point)
    output = bound.graph.outputs[0][1]
    direction = read_direction(bound.graph, along)
    if kind == "hvp":
        return hvp(bound.graph, bound.point, output, direction)
    return jvp(bound.graph, bound.point, direction, [("", output)])


def only(found: Product) -> Any:
    [part] = found.parts.values()
    return part


def test_what_does_not_move_is_not_multiplied() -> None:
    """The derivative is infinite at 0, and a tangent of exactly 0 is no edge."""
    found = product("jvp", "sqrt(x)", {"x": [0.0, 1.0]}, x=[0, 4])
    assert (only(found).tolist(), found.warnings) == ([0.0, 0.25], [])
    found = product("jvp", "sqrt(x)", {"x": 0.0}, x=0)
    assert (only(found), found.warnings) == (0.0, [])
    found = product("hvp", "sum(x^1.5)", {"x": [0.0, 1.0]}, x=[0, 4])
    assert (only(found).tolist(), found.warnings) == ([0.0, 0.375], [])
    found = product("hvp", "x^2*y", {"x": 0.0}, x=1, y=1)
    assert list(found.parts.values()) == [0.0, 0.0]


def test_what_is_not_finite_says_why() -> None:
    found = product("jvp", "sqrt(x)", {"x": 2.0}, x=0)
    assert only(found) == math.inf
    [warning] = found.warnings
    assert warning.path == "jvp"
    assert warning.message == (
        "the derivative along the direction is inf: the partial of sqrt(x) by x is inf at x = 0"
    )
    found = product("hvp", "sum(x^1.5)", {"x": [2.0, 1.0]}, x=[0, 4])
    assert only(found).tolist() == [math.inf, 0.375]
    [warning] = found.warnings
    assert warning.path == "hvp.x[0]"
    assert warning.message == "the product by 'x' is inf: the partial of x^0.5 by x is inf"


def test_choices_are_told() -> None:
    assert [w.kind for w in product("jvp", "abs(x)", {"x": 1.0}, x=0).warnings] == ["kink"]
    assert [w.kind for w in product("hvp", "relu(x)^2", {"x": 1.0}, x=0).warnings] == ["kink"]
    assert [w.kind for w in product("jvp", "[abs(x), 1]", {"x": 1.0}, x=0).warnings] == ["kink"]


def test_hvp_by_elements_and_by_inner_nodes() -> None:
    found = product("hvp", "x[0]^2*x[1]", {"x": [1.0, 0.0]}, x=[3, 5])
    assert only(found).tolist() == [10.0, 6.0]
    graph = bp.parse("p = x*y; p^2").graph()
    node = graph.by_name["p"]
    parts = hvp(graph, {"x": 2.0, "y": 3.0}, graph.outputs[0][1], {graph.inputs[0]: 1.0}, [node])
    assert parts.parts == {node: 6.0}  # 2*p by p, moved along x: 2*y
