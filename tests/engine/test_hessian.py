"""Hessians: against SymPy and JAX, and the products that structure saves."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import oracles
import pytest
import strategies as own
import symbolic_oracle
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import backprop_cli as bp
from backprop_cli.engine.hessian import Hessian, definiteness, hessian
from backprop_cli.engine.jacobian import jacobian
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.saved import to_document
from backprop_cli.transform.reverse import reverse

ROSENBROCK = "sum(i=0..n-2, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)"
AT_ONCE = "sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)"
SYMBOLIC = [row for row in own.SMOOTH if row.name in symbolic_oracle.ROWS]

ELEMENTWISE = {
    "add": lambda _, x, y: x + y,
    "sub": lambda _, x, y: x - y,
    "mul": lambda _, x, y: x * y,
    "pow": lambda _, x, y: x**y,
    "sin": lambda jnp, x: jnp.sin(x),
    "log": lambda jnp, x: jnp.log(x),
    "sigmoid": lambda jnp, x: 1 / (1 + jnp.exp(-x)),
}


def found(text: str, wrt: list[str] | None = None, **point: Any) -> Hessian:
    bound = bp.parse(text)._at(None, point)
    nodes = None if wrt is None else [bound.graph.by_name[name] for name in wrt]
    return hessian(bound.graph, bound.point, bound.graph.outputs[0][1], nodes)


def matrix(result: Hessian) -> Any:
    """All blocks as one matrix."""
    graph = result.graph
    sizes = {i: math.prod(graph.shape(i)) for i in result.wrt}
    return np.block(
        [
            [np.reshape(result.blocks[i][j], (sizes[i], sizes[j])) for j in result.wrt]
            for i in result.wrt
        ]
    )


def by_rows(graph: Graph, point: dict[str, Any]) -> Any:
    """The Hessian by reverse over reverse, one row after another, with nothing saved."""
    first = reverse(graph, graph.outputs[0][1])
    outputs = [(str(i), node) for i, node in first.gradient.items()]
    blocks = jacobian(first.graph, point, outputs).blocks
    sizes = [math.prod(graph.shape(i)) for i in graph.inputs]
    return np.block(
        [
            [
                np.reshape(blocks[first.gradient[i]][j], (m, n))
                for j, n in zip(graph.inputs, sizes, strict=True)
            ]
            for i, m in zip(graph.inputs, sizes, strict=True)
        ]
    )


def rosenbrock(x: Any) -> Any:
    """Its Hessian by hand."""
    n = len(x)
    result = np.zeros((n, n))
    for i in range(n - 1):
        result[i, i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        result[i + 1, i + 1] += 200
        result[i, i + 1] = result[i + 1, i] = -400 * x[i]
    return result


@given(st.data())
@settings(max_examples=30)
def test_agrees_with_sympy(data: st.DataObject) -> None:
    graph = data.draw(own.scalar_graphs(rows=SYMBOLIC, variables=3, size=6))
    point = data.draw(own.points(graph))
    expression, symbols = symbolic_oracle.expression(graph)
    assume(expression.count_ops() < 80)
    result = hessian(graph, point, graph.outputs[0][1])
    for (i, row), (j, a) in itertools.product(result.blocks.items(), enumerate(symbols.values())):
        name = graph.names[i]
        exact = symbolic_oracle.number(sp.diff(expression, symbols[name], a), symbols, point)
        scale = max(1.0, float(np.max(np.abs(matrix(result)))))
        assert float(row[graph.inputs[j]]) == pytest.approx(exact, rel=1e-9, abs=1e-11 * scale)


@given(st.data())
def test_agrees_with_what_saves_nothing(data: st.DataObject) -> None:
    """Random programs on arrays: the sparsity found never leaves out what is not 0."""
    graph = data.draw(own.tensor_graphs())
    point = data.draw(own.points(graph))
    wanted = by_rows(graph, point)
    assume(np.isfinite(wanted).all() and np.abs(wanted).max(initial=0.0) < 1e8)
    result = hessian(graph, point, graph.outputs[0][1])
    scale = max(1.0, float(np.abs(wanted).max(initial=0.0)))
    np.testing.assert_allclose(matrix(result), wanted, rtol=1e-7, atol=1e-9 * scale)
    assert np.array_equal(matrix(result), matrix(result).T)
    assert result.nonzeros >= np.count_nonzero(wanted)
    assert result.products <= result.size


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("sum(sigmoid(W @ x)^2)", {"W": (3, 2), "x": (2,)}),
        ("logsumexp(A @ x) + x' @ A' @ A @ x", {"A": (3, 2), "x": (2,)}),
        ("log(1 + sum(x^2)) * prod(x)", {"x": (4,)}),
        ("sum(softmax(A) * B)", {"A": (2, 3), "B": (2, 3)}),
        ("sum(inv(A + 3*eye(3)) @ x)", {"A": (3, 3), "x": (3,)}),
        ("det(A)", {"A": (3, 3)}),
        ("sum(solve(A + 3*eye(2), x)^2)", {"A": (2, 2), "x": (2,)}),
        ("sum(outer(x, y)^2) + sum(concat(x, y)^3)", {"x": (2,), "y": (3,)}),
    ],
)
def test_agrees_with_jax(text: str, point: dict[str, tuple[int, ...]]) -> None:
    jnp = oracles.jax_numpy()
    import jax

    random = np.random.default_rng(3)
    values = {name: random.normal(size=shape) for name, shape in point.items()}
    graph = bp.parse(text).graph(values)

    def function(parts: dict[str, Any]) -> Any:
        nodes: list[Any] = []
        for node in graph:
            if node.op.name == "input":
                nodes.append(parts[graph.names[node.index]])
            elif node.op.name == "const":
                nodes.append(jnp.asarray(node.static, dtype=jnp.float64))
            elif node.op.name == "eye":
                nodes.append(jnp.eye(*node.static))
            else:
                x = [nodes[a] for a in node.arguments]
                rule = oracles.JAX.get(node.op.name)
                nodes.append(
                    ELEMENTWISE[node.op.name](jnp, *x)
                    if rule is None
                    else rule(jnp, node.static, *x)
                )
        return nodes[graph.outputs[0][1]]

    wanted = jax.hessian(function)({name: jnp.asarray(v) for name, v in values.items()})
    ours = bp.parse(text).hessian(values)
    for a, b in itertools.product(point, point):
        np.testing.assert_allclose(ours[a][b], np.asarray(wanted[a][b]), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("text", [ROSENBROCK, AT_ONCE])
def test_rosenbrock_takes_three_products(text: str) -> None:
    x = np.linspace(-1.0, 2.0, 12)
    point = {"x": list(x)} | ({"n": 12} if "n-2" in text else {})
    result = found(text, **point)
    np.testing.assert_allclose(matrix(result), rosenbrock(x), rtol=1e-13)
    assert (result.size, result.nonzeros, result.products) == (12, 34, 3)


@pytest.mark.parametrize(
    ("text", "point", "counts"),
    [
        ("2*x + 3*y", {"x": 1, "y": 2}, (2, 0, 0)),
        ("sum(x^2)", {"x": [1, 2, 3, 4]}, (4, 4, 1)),
        ("sum(x)^2", {"x": [1, 2, 3]}, (3, 9, 3)),
        ("x*y", {"x": 1, "y": 2}, (2, 2, 1)),
        ("sum(i=1..5, x[0]*x[i]^2)", {"x": [1, 2, 3, 4, 5, 6]}, (6, 15, 2)),
        ("sum(x^4) + x[0]*x[1]", {"x": [1, 2, 3]}, (3, 5, 2)),
        ("x' @ A @ x", {"x": [1, 2], "A": [[1, 2], [3, 4]]}, (6, 16, 2)),
        ("sum(sin(W @ x))", {"x": [1, 2], "W": [[1, 2], [3, 4], [5, 6]]}, (8, 40, 4)),
        ("sum(concat(x, y)^2)", {"x": [1, 2], "y": [3, 4]}, (4, 4, 1)),
        ("x*stop_grad(x)", {"x": 3}, (1, 1, 1)),
        ("floor(x)*x", {"x": 3.5}, (1, 0, 0)),
        ("1 + 2", {}, (0, 0, 0)),
    ],
)
def test_products(text: str, point: dict[str, Any], counts: tuple[int, int, int]) -> None:
    result = found(text, **point)
    assert result.products <= result.size
    if text != "x*stop_grad(x)":
        assert (result.size, result.nonzeros, result.products) == counts
    graph = result.graph
    bound = bp.parse(text)._at(None, point)
    if graph.inputs:
        np.testing.assert_allclose(matrix(result), by_rows(graph, bound.point), atol=1e-12)


def test_by_inner_nodes() -> None:
    """Also where one node depends on the other, which moves the one without the other."""
    result = found("p = x*y; p^2 + x*p", ["x", "p"], x=2, y=3)
    # f = p^2 + x*p: by p twice 2, by p and x 2*y + 1 = 7, by x twice 2*y^2 + 2*y = 24
    assert matrix(result).tolist() == [[24.0, 7.0], [7.0, 2.0]]
    alone = found("p = x*y; p^3", ["p"], x=2, y=3)
    assert matrix(alone).tolist() == [[36.0]]
    element = found("q = x[0]; r = q*x[1]; q^2*r", ["x", "q"], x=[2, 3])
    assert element.blocks[element.wrt[1]][element.wrt[1]] == 36.0


def test_infinite_entries_are_those_of_the_sum_over_paths() -> None:
    result = found("sum(x^1.5) * x[1]", x=[0, 4])
    assert matrix(result).tolist() == [[math.inf, 0.0], [0.0, 7.5]]
    [warning] = [w for w in result.warnings if w.kind == "non-finite"]
    assert warning.path == "hessian.x.x[0][0]"
    assert warning.message == (
        "the second derivative by 'x' and 'x' is inf: the partial of x^0.5 by x is inf"
    )
    assert result.eigenvalues is None
    assert matrix(found("where(x > 0, x^1.5, 0) + y^2", x=0, y=1)).tolist() == [[0, 0], [0, 2]]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("relu(x)^2", ["kink"]),
        ("where(x > 0, x^2, 0)", ["jump"]),
        ("where(x > 0 and x < 5, x^2, 0)", ["jump"]),
        ("abs(x)", ["kink"]),
        ("max(x, 0)^2", ["kink"]),
        ("x^2", []),
        ("where(x < 1, x^2, abs(x))", []),
        ("where(abs(x) > -1, x^2, 0)", []),
    ],
)
def test_second_order_at_a_guard_is_flagged(text: str, kinds: list[str]) -> None:
    assert [w.kind for w in found(text, x=0).warnings] == kinds
    assert [w.kind for w in found(f"sum({text})", x=[0, 3]).warnings] == kinds


def test_the_hessian_of_a_saved_graph() -> None:
    graph = bp.parse("x^2*y + sin(y)").graph()
    again = bp.parse(json.dumps(to_document(graph)))
    assert again.hessian(x=1, y=2) == bp.parse("x^2*y + sin(y)").hessian(x=1, y=2)


def test_a_long_sum_does_not_recurse() -> None:
    chain = " + ".join(["x*y", *["sin(x)"] * 3, *["y"] * 20_000])
    assert found(chain, x=1, y=2).blocks[0][1] == 1.0


def test_too_large_a_matrix_is_refused() -> None:
    with pytest.raises(bp.BpropError) as caught:
        found("sum(x^2)", x=np.zeros(20_000))
    assert caught.value.message == "the Hessian by 20,000 numbers has 400,000,000 entries"
    assert caught.value.help == "products of it with vectors need no matrix: bprop hvp"


def test_sparse_blocks() -> None:
    text, point = "sum(x[1:]*x[:-1]^2) + y*x[0]*A[1, 0]", {"x": [1, 2, 3], "y": 4, "A": [[1], [2]]}
    dense, sparse = bp.parse(text).hessian(point), bp.parse(text).hessian(point, sparse=True)
    sizes = {"x": 3, "y": 1, "A": 2}
    for a, b in itertools.product(sizes, sizes):
        wanted = np.reshape(dense[a][b], (sizes[a], sizes[b]))
        np.testing.assert_array_equal(sparse[a][b].toarray(), wanted)
    large = bp.parse("sum(x[1:]*x[:-1]^2)").hessian(x=np.ones(10_000), sparse=True)["x"]["x"]
    assert (large.shape, large.nnz) == ((10_000, 10_000), 29_997)


def test_more_entries_than_wanted_are_refused() -> None:
    bound = bp.parse("sum(x)^2 + y^2")._at(None, {"x": np.ones(50), "y": 1})
    with pytest.raises(bp.BpropError) as caught:
        hessian(bound.graph, bound.point, bound.graph.outputs[0][1], most=2500)
    message = "the Hessian by 51 numbers has 2,501 entries that can differ from 0"
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sqrt(x)", "0.5/sqrt(x) is inf at sqrt(x) = 0"),
        ("hypot(x, y)^0.5", "hypot(x, y)^-0.5 is inf at hypot(x, y) = 0"),
        ("cbrt(x)*y", "1/(3*(cbrt(x)*cbrt(x))) is inf at 3*(cbrt(x)*cbrt(x)) = 0"),
        ("sum(i=0..1, sqrt(z[i]))", "0.5/sqrt(z[0]) is inf at sqrt(z[0]) = 0"),
    ],
)
def test_reasons_are_written_out(text: str, reason: str) -> None:
    """No ids of nodes that the program does not have."""
    point = {"x": 0, "y": 0, "z": [0, 1]}
    used = {name: value for name, value in point.items() if f"{name}" in text.replace("sqrt", "")}
    first = next(w for w in found(text, **used).warnings if "second" in w.message)
    assert first.message.endswith(f": {reason}")


@pytest.mark.parametrize(
    ("eigenvalues", "word"),
    [
        ([1.0, 2.0], "positive definite"),
        ([0.0, 2.0], "positive semidefinite"),
        ([-2.0, -1.0], "negative definite"),
        ([-2.0, 1e-17], "negative semidefinite"),
        ([-1.0, 1.0], "indefinite"),
        ([0.0], "zero"),
    ],
)
def test_definiteness(eigenvalues: list[float], word: str) -> None:
    assert definiteness(eigenvalues) == word
