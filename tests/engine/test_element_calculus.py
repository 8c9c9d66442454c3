"""Derivatives written element by element: what matrices alone do not write, for small sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matrix_oracle import graph_of, numbers_of, point_of, value_of

from backprop_cli.engine.element_calculus import element_derivative, reads_elements
from backprop_cli.engine.symbolic import symbolic
from backprop_cli.errors import BpropError, UsageFault
from backprop_cli.syntax.unparse import unparse

# program, variables, order, shapes, the answer
TABLE = [
    ("x[0]^2*x[1]", "x", 1, "x=2", "[2*x[0]*x[1], x[0]^2]"),
    ("x[0]^2*x[1]", "x", 2, "x=2", "[[2*x[1], 2*x[0]], [2*x[0], 0]]"),
    ("[x[0]*x[1], sin(x[1])]", "x", 1, "x=2", "[[x[1], x[0]], [0, cos(x[1])]]"),
    (
        "100*(x[1] - x[0]^2)^2 + (1 - x[0])^2",
        "x",
        2,
        "x=2",
        "[[1200*x[0]^2 - 400*x[1] + 2, -400*x[0]], [-400*x[0], 200]]",
    ),
    ("a*x[-1]*x[0]", "x", 1, "x=3 a=", "[a*x[2], 0, a*x[0]]"),
    ("reshape(x, [2, 2]) @ y", "x", 1, "x=4 y=2", "[[y[0], y[1], 0, 0], [0, 0, y[0], y[1]]]"),
    ("X @ b", "X", 1, "X=2,2 b=2", "[[[b[0], b[1]], [0, 0]], [[0, 0], [b[0], b[1]]]]"),
    ("outer(x, x)", "x", 1, "x=2", "[[[2*x[0], 0], [x[1], x[0]]], [[x[1], x[0]], [0, 2*x[1]]]]"),
    ("sum(X^3)", "X", 2, "X=1,2", "[[[[6*X[0, 0], 0]], [[0, 6*X[0, 1]]]]]"),
    ("x' @ x", "x", 1, "x=n", None),
    ("sum(x^4)", "x", 3, "x=2", "[[[24*x[0], 0], [0, 0]], [[0, 0], [0, 24*x[1]]]]"),
]
NUMERIC = [
    ("norm(reshape(w, [2, 3]) @ x)^2", "w", 2, "w=6 x=3"),
    ("softmax(reshape(x, [2, 2]))[0]", "x", 1, "x=4"),
    ("logsumexp(stack(x, x^2), axis=0)", "x", 1, "x=3"),
    ("log_softmax(stack(x, y))[:, 0]", "x", 1, "x=3 y=3"),
    ("norm(stack(x, y), axis=1)", "x", 1, "x=3 y=3"),
    ("A @ diag(x) @ A'", "x", 1, "A=2,3 x=3"),
    ("X @ X", "X", 1, "X=2,2"),
    ("norm(X)", "X", 2, "X=2,2"),
    ("x[0]*y", "x", 1, "x=2 y=3"),
    ("cross(stack(x, x^2)[0], stack(x, y)[1])", "x", 1, "x=3 y=3"),
]


def written(program: str, wrt: str, order: int, shapes: str) -> str:
    graph = graph_of(program, shapes, named=False)
    (found,) = symbolic(graph, graph.outputs[0][1], [graph.by_name[wrt]], order)
    return unparse(found.graph)


@pytest.mark.parametrize(("program", "wrt", "order", "shapes", "answer"), TABLE)
def test_elements_are_written_out(
    program: str, wrt: str, order: int, shapes: str, answer: str | None
) -> None:
    assert written(program, wrt, order, shapes) == (answer or "2*x")


@pytest.mark.parametrize(
    ("program", "wrt", "order", "shapes"),
    [*(row[:4] for row in TABLE if row[2] < 3), *NUMERIC],  # the oracle differentiates scalars
)
def test_they_have_the_numbers_of_reverse_mode(
    program: str, wrt: str, order: int, shapes: str
) -> None:
    text = written(program, wrt, order, shapes)
    point = point_of(shapes, 2)
    wanted = (
        tensor_hessian(program, wrt, shapes, point)
        if order == 2
        else numbers_of(program, wrt, shapes, point, 1)
    )
    found = value_of(text, point)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-11)


def tensor_hessian(program: str, wrt: str, shapes: str, point: dict[str, Any]) -> Any:
    return numbers_of(program, wrt, shapes, point, 2)


def test_programs_that_read_elements_are_told_from_others() -> None:
    for program, expected in [
        ("x[0]*x[1]", True),
        ("[x[0], sin(x[1])]", True),
        ("x[0]", True),
        ("a = x[0]; [a*x[1], a]", True),
        ("x' @ x", False),
        ("x[0]*x", False),
        ("[x, x]", False),
        ("x[1:]", False),
        ("x", False),
    ]:
        assert reads_elements(graph_of(program, "x=3", named=False)) is expected, program


def test_large_ones_stay_in_matrix_notation() -> None:
    assert written("x[0]*x[1]", "x", 1, "x=100") == "x[0]*eye(100)[1] + x[1]*eye(100)[0]"
    for program, shapes in [("X @ b", "X=9,9 b=9"), ("inv(X)", "X=2,2")]:
        with pytest.raises(UsageFault, match="axes: its shape is") as caught:
            written(program, "X", 1, shapes)
        assert caught.value.help == (
            "matrix notation has two; its numbers at a point: bprop jacobian ... --at ..."
        )


def test_names_for_sizes_are_not_written_out() -> None:
    graph = graph_of("x[0]*x[1]", "x=n", named=True)
    assert element_derivative(graph, graph.output(), [graph.by_name["x"]]) is None


def test_arrays_of_one_element_and_of_none() -> None:
    assert written("x' @ A @ x", "x", 1, "x=1 A=1,1") == "[2*x[0]*A[0, 0]]"
    assert written("x' @ A @ x", "x", 2, "x=1 A=1,1") == "[[2*A[0, 0]]]"
    assert written("logdet(X)", "X", 1, "X=1,1") == "[[1/X[0, 0]]]"
    assert written("diag(x) @ inv(A) @ x", "x", 1, "x=1 A=1,1") == "[[2*x[0]/A[0, 0]]]"
    assert written("x[1:] - x[:-1]", "x", 1, "x=1") == "zeros(0, 1)"


def test_inner_nodes_are_variables_of_their_own_derivatives_only() -> None:
    """`--wrt u,x` once held u still in the derivative by x."""
    graph = graph_of("u = x^2; u*x", "", named=False)
    nodes = [graph.by_name["u"], graph.by_name["x"]]
    found = symbolic(graph, graph.output(), nodes)
    assert [unparse(d.graph) for d in found] == ["x", "3*x^2"]
    twice = symbolic(graph, graph.output(), nodes, 2)
    assert {d.wrt: unparse(d.graph) for d in twice} == {
        ("u", "u"): "0",
        ("u", "x"): "1",
        ("x", "x"): "6*x",
    }


def test_what_cannot_be_written_is_left_out_if_asked() -> None:
    graph = graph_of("x' @ A @ x", "x=n A=n,n", named=True)
    nodes = [graph.by_name["x"], graph.by_name["A"]]
    left_out: list[str] = []
    found = symbolic(graph, graph.output(), nodes, 2, left_out=left_out)
    assert [d.wrt for d in found] == [("x", "x")]
    assert left_out == [
        "by x, A: the derivative has 3 axes: its shape is (n, n, n)",
        "by A, A: the derivative has 4 axes: its shape is (n, n, n, n)",
    ]
    with pytest.raises(BpropError):
        symbolic(graph, graph.output(), nodes, 2)
    with pytest.raises(BpropError):
        symbolic(graph, graph.output(), nodes[1:], 2, left_out=[])
