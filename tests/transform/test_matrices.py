"""Matrix notation: every rewriting keeps the value, and the text is short."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matrix_oracle import derivative, graph_of, numbers_of, point_of, value_of

from backprop_cli.errors import ShapeFault
from backprop_cli.ir.builder import Builder
from backprop_cli.syntax.unparse import unparse
from backprop_cli.transform.matrices.jacobian import jacobian_matrix, matrix_of
from backprop_cli.transform.matrices.normal import simplify_matrices

SHAPES = "x=n y=n u=m A=n,n B=n,n C=m,n D=m,m c= s="

# program, shapes, its normal form
IDENTITIES = [
    ("A''", "A=n,m", "A"),
    ("(A @ B)' @ x", "A=n,m B=m,k x=n", "B' @ (A' @ x)"),
    ("(A + B)'", "A=n,m B=n,m", "A' + B'"),
    ("(c*A)'", "A=n,m c=", "c*A'"),
    ("x'", "x=n", "x"),
    ("x @ A", "x=n A=n,m", "A' @ x"),
    ("(c*A) @ (s*B)", "A=n,m B=m,k c= s=", "c*s*A @ B"),
    ("-(A) @ B", "A=n,m B=m,k", "-A @ B"),
    ("A @ x + B @ x", "A=n,m B=n,m x=m", "(A + B) @ x"),
    ("A @ x + A @ y", "A=n,m x=m y=m", "A @ (x + y)"),
    ("A @ x + x @ A", "A=n,n x=n", "(A + A') @ x"),
    ("2*A @ x + 2*A' @ x", "A=n,n x=n", "2*(A + A') @ x"),
    ("A @ x - A @ x", "A=n,n x=n", "zeros(n)"),
    ("A @ eye(n) @ x", "A=n,n x=n", "A @ x"),
    ("eye(n)'", "x=n", "eye(n)"),
    ("inv(inv(A))", "A=n,n", "A"),
    ("inv(A')", "A=n,n", "inv(A)'"),
    ("inv(c*A)", "A=n,n c=", "inv(A)/c"),
    ("inv(A) @ A @ x", "A=n,n x=n", "x"),
    ("A @ solve(A, x)", "A=n,n x=n", "x"),
    ("inv(A) @ x", "A=n,n x=n", "inv(A) @ x"),
    ("solve(A, x) + inv(A) @ y", "A=n,n x=n y=n", "solve(A, x + y)"),
    ("inv(diag(x))", "x=n", "diag(1/x)"),
    ("det(A)*inv(A)'", "A=n,n", "det(A)*inv(A)'"),
    ("cofactor(A)/det(A)", "A=n,n", "inv(A)'"),
    ("diag(x) @ diag(y) @ A", "x=n y=n A=n,n", "diag(x*y) @ A"),
    ("diag(x) @ y", "x=n y=n", "x*y"),
    ("diag(x)'", "x=n", "diag(x)"),
    ("diag(2*x) @ A", "x=n A=n,n", "2*diag(x) @ A"),
    ("diag(diag(x))", "x=n", "x"),
    ("diag(outer(x, y))", "x=n y=n", "x*y"),
    ("diag(A @ diag(x) @ B)", "x=m A=n,m B=m,n", "(A*B') @ x"),
    ("diag(eye(n))", "x=n", "ones(n)"),
    ("diag(A' + B')", "A=n,n B=n,n", "diag(A) + diag(B)"),
    ("diag(x) + diag(y)", "x=n y=n", "diag(x + y)"),
    ("outer(x, y) @ z", "x=n y=m z=m", "(y' @ z)*x"),
    ("outer(x, y)'", "x=n y=m", "outer(y, x)"),
    ("outer(x, y)*A", "x=n y=m A=n,m", "diag(x) @ A @ diag(y)"),
    ("outer(x, y) + outer(x, z)", "x=n y=m z=m", "outer(x, y + z)"),
    ("reshape(x, [4, 1]) @ reshape(y, [1, 3])", "x=4 y=3", "outer(x, y)"),
    ("reshape(A @ reshape(x, [3, 1]), [4])", "x=3 A=4,3", "A @ x"),
    ("x*broadcast_to(2, [n])", "x=n", "2*x"),
    ("x + ones(n)", "x=n", "x + 1"),
    ("A*reshape(x, [4, 1])", "x=4 A=4,3", "diag(x) @ A"),
    ("A/reshape(x, [1, 3])", "x=3 A=4,3", "A @ diag(1/x)"),
    ("sum(x*y)", "x=n y=n", "x' @ y"),
    ("sum(2*x)", "x=n", "2*sum(x)"),
    ("sum(outer(x, y))", "x=n y=m", "sum(x)*sum(y)"),
    ("sum(A @ x)", "A=m,n x=n", "sum(A @ x)"),
    ("sum(diag(x))", "x=n", "sum(x)"),
    ("sum(eye(n))", "x=n", "n"),
    ("sum(A*inv(B))", "A=n,n B=n,n", "trace(A' @ inv(B))"),
    ("trace(A + 2*B)", "A=n,n B=n,n", "trace(A) + 2*trace(B)"),
    ("trace(A')", "A=n,n", "trace(A)"),
    ("trace(outer(x, y))", "x=n y=n", "x' @ y"),
    ("trace(eye(n))", "x=n", "n"),
    ("trace(diag(x))", "x=n", "sum(x)"),
    ("sum_to(A, [3])", "A=4,3", "A' @ ones(4)"),
    ("sum_to(A, [4, 1])", "A=4,3", "reshape(A @ ones(3), [4, 1])"),
    ("sum(sin(A), axis=0)", "A=n,m", "sum(sin(A), axis=0)"),
    ("x*norm(x)^2/norm(x)", "x=n", "norm(x)*x"),
    ("exp(log_softmax(x))", "x=n", "softmax(x)"),
    ("exp(A - reshape(logsumexp(A, axis=1), [4, 1]))", "A=4,3", "softmax(A)"),
    ("where(norm(x) == 0, 0, x/norm(x))", "x=n", "x/norm(x)"),
    ("cross(2*x, 3*y)", "x=3 y=3", "6*cross(x, y)"),
    ("scatter(x[1:3], [n], 1:3)[1:3]", "x=n", "x[1:3]"),
    ("scatter(x[0], [n], 0) + scatter(x[1], [n], 1)", "x=n", "x[0]*eye(n)[0] + x[1]*eye(n)[1]"),
    ("scatter(x[1], [2], 0) + scatter(x[0], [2], 1)", "x=n", "[x[1], x[0]]"),
    ("reciprocal(x' @ x)*x", "x=n", "x/(x' @ x)"),
    ("square(x' @ x)*x", "x=n", "(x' @ x)^2*x"),
    ("(x' @ x)^0.5/(x' @ x)^0.5", "x=n", "1"),
    ("A/2 - B/4", "A=n,n B=n,n", "(A - B/2)/2"),
    ("x*inf", "x=n", "inf*x"),
]


# selections of the program's own, that look like those of derivatives
OWN = [
    ("where(sum(x > 1) != 0, 5*x, 0)", "x=n"),
    ("where(norm(x) == 0, 0, 5*x)", "x=n"),
    ("where(scatter(x - x, [n], :) != 0, scatter(2*x, [n], :), 0)", "x=n"),
    ("exp(A - logsumexp(A, axis=1))", "A=4,4"),
    ("exp(A - reshape(logsumexp(A, axis=1), [1, 4]))", "A=4,4"),
    ("where(x > 5, 1, 0) + (x > 5 and x > 6)", "x=n"),
    ("A/x + x*A - A*reshape(x, [4, 1])", "A=4,4 x=4"),
    ("reshape(x, [4, 1])*y", "x=4 y=3"),
    ("reshape(x, [4, 1]) + y", "x=4 y=3"),
    ("x/(2*y)*(3*y)", "x=n y=n"),
    ("0*x/y + x*0 + y", "x=n y=n"),
    ("(x' @ x)^-2*(c - c)", "x=n c="),
    ("diag(A) + diag(outer(x, x) + A')", "A=n,n x=n"),
]


@pytest.mark.parametrize(("program", "shapes"), OWN)
@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_selections_and_broadcasts_keep_their_values(
    program: str, shapes: str, scale: float
) -> None:
    text = unparse(simplify_matrices(graph_of(program, shapes, named=False)))
    point = {name: value * scale for name, value in point_of(shapes, seed=4).items()}
    np.testing.assert_allclose(value_of(text, point), value_of(program, point), rtol=1e-12)


@pytest.mark.parametrize(("program", "shapes", "expected"), IDENTITIES)
def test_identities(program: str, shapes: str, expected: str) -> None:
    graph = simplify_matrices(graph_of(program, shapes, named=True))
    assert unparse(graph) == expected


@pytest.mark.parametrize(("program", "shapes"), [row[:2] for row in IDENTITIES])
def test_identities_hold(program: str, shapes: str) -> None:
    graph = simplify_matrices(graph_of(program, shapes, named=False))
    point = point_of(shapes, seed=5)
    np.testing.assert_allclose(
        value_of(unparse(graph), point), value_of(program, point), rtol=1e-10, atol=1e-13
    )


@pytest.mark.parametrize(("program", "shapes"), [row[:2] for row in IDENTITIES])
def test_a_normal_form_stays(program: str, shapes: str) -> None:
    once = simplify_matrices(graph_of(program, shapes, named=True))
    assert unparse(simplify_matrices(once)) == unparse(once)


def test_scalar_graphs_are_left_alone() -> None:
    graph = graph_of("x*y + sin(x)", "x= y=", named=False)
    assert simplify_matrices(graph) is graph


def test_arrays_of_three_axes_pass_through() -> None:
    program, shapes = "sum(reshape(x, [2, 2, 2])*A, axis=0) @ y", "x=8 A=2,2,2 y=2"
    graph = simplify_matrices(graph_of(program, shapes, named=False))
    point = point_of(shapes)
    np.testing.assert_allclose(value_of(unparse(graph), point), value_of(program, point))


def test_a_long_sum_and_a_deep_program() -> None:
    terms = " + ".join(f"{k}*x" for k in range(1, 1_500))
    assert unparse(simplify_matrices(graph_of(terms, "x=n", named=True))) == "1124250*x"
    deep = "sin(" * 1_500 + "A @ x" + ")" * 1_500
    assert len(simplify_matrices(graph_of(deep, "x=n A=n,n", named=True))) == 1_503


def test_the_jacobian_of_a_node() -> None:
    graph = graph_of("sin(A @ x)", "x=n A=m,n", named=True)
    found = jacobian_matrix(graph, graph.outputs[0][1], graph.by_name["x"])
    assert unparse(found) == "diag(cos(A @ x)) @ A"
    scalar = graph_of("sum(x)", "x=n", named=True)
    found = jacobian_matrix(scalar, scalar.outputs[0][1], scalar.by_name["x"])
    assert unparse(found) == "ones(n)"


def test_the_jacobian_of_a_matrix_is_refused() -> None:
    graph = graph_of("outer(x, x)", "x=n", named=True)
    with pytest.raises(ShapeFault, match="cannot be written with matrices alone"):
        jacobian_matrix(graph, graph.outputs[0][1], graph.by_name["x"])


def test_the_jacobian_of_a_constant_is_zero() -> None:
    b = Builder()
    x = b.input("x", (3,))
    y = b.input("y", (2,))
    graph = b.graph([(None, b.add("sin", y))])
    assert unparse(jacobian_matrix(graph, graph.outputs[0][1], x)) == "zeros(2, 3)"


def vector(random: Random, depth: int, size: str) -> str:
    """A random vector of n or m elements."""

    def v() -> str:
        return vector(random, depth - 1, size)

    matrix = {"n": "A", "m": "D"}[size]
    if depth == 0:
        return random.choice(["x", "y"] if size == "n" else ["C @ x", "u"])
    other = "m" if size == "n" else "n"
    across = "C'" if size == "n" else "C"
    forms = [
        lambda: f"({v()} + {v()})",
        lambda: f"({v()} - {v()})",
        lambda: f"{random.choice(['sin', 'tanh', 'sigmoid', 'cos'])}({v()})",
        lambda: f"({v()})*({v()})",
        lambda: f"{random.choice([matrix, matrix + chr(39)])} @ ({v()})",
        lambda: f"({scalar(random, depth - 1)})*({v()})",
        lambda: f"inv({matrix}) @ ({v()})",
        lambda: f"{across} @ ({vector(random, depth - 1, other)})",
        lambda: f"outer({v()}, {v()}) @ ({v()})",
        lambda: f"diag({v()}) @ ({v()})",
        lambda: f"({v()})/(2 + ({scalar(random, depth - 1)})^2)",
        lambda: f"solve({matrix}, {v()})",
    ]
    return random.choice(forms)()


def scalar(random: Random, depth: int) -> str:
    """A random scalar."""
    size = random.choice("nm")

    def v() -> str:
        return vector(random, depth - 1, size)

    if depth == 0:
        return random.choice(["c", "s", "sum(x)", "x' @ y", "x' @ A @ x", "norm(x)"])
    matrix = {"n": "A", "m": "D"}[size]
    forms = [
        lambda: f"({v()})' @ ({v()})",
        lambda: f"sum({v()})",
        lambda: f"mean({v()})",
        lambda: f"norm({v()})^2",
        lambda: f"({v()})' @ {matrix} @ ({v()})",
        lambda: f"{scalar(random, depth - 1)} + {scalar(random, depth - 1)}",
        lambda: f"({scalar(random, depth - 1)})*({scalar(random, depth - 1)})",
        lambda: f"logsumexp({v()})",
        lambda: f"var({v()})",
    ]
    return random.choice(forms)()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["gradient", "hessian", "jacobian"]))
def test_derivatives_of_random_programs_agree_with_reverse_mode(seed: int, kind: str) -> None:
    random = Random(seed)
    depth = random.choice([1, 2, 2, 3])
    if kind == "jacobian":
        program = vector(random, depth, random.choice("nm"))
    else:
        program = scalar(random, depth)
    wrt = random.choice("xACD") if kind == "gradient" else "x"
    program = f"{program} + 0*sum({wrt})"
    shapes = " ".join(part for part in SHAPES.split() if part.split("=")[0] in program)
    order = 2 if kind == "hessian" else 1
    point = point_of(shapes, seed % 1000)
    found = value_of(derivative(program, wrt, shapes, order), point)
    wanted = numbers_of(program, wrt, shapes, point, order)
    scale = max(1.0, float(np.abs(wanted).max()))
    if np.isfinite(wanted).all() and scale < 1e9:
        np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-8 * scale)


# programs that are linear in v, and their matrices
LINEAR = [
    ("v", "v=n", "eye(n)"),
    ("2*v - A @ v", "v=n A=n,n", "2*eye(n) - A"),
    ("(A @ v)/x", "v=n A=m,n x=m", "diag(1/x) @ A"),
    ("x*v", "v=n x=n", "diag(x)"),
    ("x*(a' @ v)", "v=n x=m a=n", "outer(x, a)"),
    ("x*a*(a' @ v)", "v=n x=n a=n", "outer(x*a, a)"),
    ("(a' @ v) + x*0", "v=n x=m a=n", "outer(ones(m), a)"),
    ("a' @ v", "v=n a=n", "a"),
    ("sum(v)", "v=n", "ones(n)"),
    ("mean(v)", "v=n", "ones(n)/n"),
    ("mean(A @ v)", "v=n A=m,n", "A' @ ones(m)/m"),
    ("sum(x*sin(x)*v)", "v=n x=n", "x*sin(x)"),
    ("sum(where(x > 1, v, 0))", "v=n x=n", "x > 1"),
    ("where(x > 1, v, 0)", "v=n x=n", "diag(x > 1)"),
    ("where(x > 1, 0, v)", "v=n x=n", "diag(not x > 1)"),
    ("where(x, v, 0)", "v=n x=n", "diag(x != 0)"),
    ("where(x > 1, x*v, 2*v)", "v=n x=n", "diag(where(x > 1, x, 0) + where(x > 1, 0, 2))"),
    ("where(x > 1, A @ v, 0)", "v=n A=m,n x=m", "diag(x > 1) @ A"),
    ("where(c > 1, A @ v, 0)", "v=n A=m,n c=", "(c > 1)*A"),
    ("v[0]", "v=n", "eye(n)[0]"),
    ("(A @ v)[0]", "v=n A=m,n", "A[0]"),
    ("(A @ v)[1:3]", "v=n A=m,n", "A[1:3]"),
    ("scatter(v, [6], 1:5)", "v=4", "scatter(eye(4), [6, 4], 1:5)"),
    ("scatter(v[0], [m], 2)", "v=n", "outer(eye(m)[2], eye(n)[0])"),
    ("concat(v, A @ v, x)", "v=n A=m,n x=m", "concat(eye(n), A, zeros(m, n))"),
    ("stack(sum(v), c)", "v=n c=", "outer(eye(2)[0], ones(n))"),
    ("reshape(v, [4, 1]) @ [2]", "v=4", "2*eye(4)"),
    ("outer(v, x) @ a", "v=n x=m a=m", "(x' @ a)*eye(n)"),
    ("x @ outer(v, y)", "v=n x=n y=m", "outer(y, x)"),
    ("(A + outer(x, v) - A) @ x", "v=n x=n A=n,n", "outer(x, x)"),
    ("(outer(x, v) + outer(v, x)) @ a", "v=n x=n a=n", "outer(x, a) + (x' @ a)*eye(n)"),
    ("(outer(x, v) + outer(v, x))' @ a", "v=n x=n a=n", "(x' @ a)*eye(n) + outer(x, a)"),
    ("A @ diag(v) @ x", "v=n x=n A=m,n", "A @ diag(x)"),
    ("diag(A @ diag(v) @ B)", "v=n A=m,n B=n,m", "A*B'"),
    ("(A*outer(x, v)) @ y", "v=n x=m y=n A=m,n", "diag(x) @ A @ diag(y)"),
    ("cross(x, v)", "v=3 x=3", "cross(x, eye(3))'"),
    ("cross(v, x)", "v=3 x=3", "cross(eye(3), x)'"),
    ("solve(A, v)", "v=n A=n,n", "inv(A)"),
    ("broadcast_to(sum(v), [m])", "v=n", "ones(m, n)"),
    ("sum(outer(v, x), axis=1)", "v=n x=m", "sum(x)*eye(n)"),
    ("trace(outer(v, x))", "v=n x=n", "x"),
    ("-(v)", "v=n", "-eye(n)"),
]


@pytest.mark.parametrize(("program", "shapes", "expected"), LINEAR)
def test_the_matrix_of_a_linear_map(program: str, shapes: str, expected: str) -> None:
    graph = graph_of(program, shapes, named=True)
    found = matrix_of(graph, "v", graph.shape(graph.by_name["v"]))
    assert unparse(simplify_matrices(found)) == expected


@pytest.mark.parametrize(("program", "shapes"), [row[:2] for row in LINEAR])
def test_the_matrix_times_the_direction_is_the_map(program: str, shapes: str) -> None:
    graph = graph_of(program, shapes, named=False)
    matrix = unparse(matrix_of(graph, "v", graph.shape(graph.by_name["v"])))
    point = point_of(shapes, seed=2)
    zero = value_of(program, {**point, "v": 0 * point["v"]})
    np.testing.assert_allclose(
        value_of(matrix, point) @ point["v"], value_of(program, point) - zero, atol=1e-13
    )


NOT_LINEAR = [
    ("v*v", "v=n", "a product"),
    ("x/v", "v=n x=n", "a quotient"),
    ("where(v > 0, x, 0)", "v=n x=n", "where"),
    ("sin(v)", "v=n", "sin"),
    ("A @ (v*sum(v))", "v=n A=n,n", ""),
    ("(a' @ v)^2*a", "v=n a=n", ""),
    ("exp(outer(v, x)) @ x", "v=n x=n", "exp"),
    ("sum(x)*ones(n)", "v=n x=n", ""),
    ("outer(v, x)", "v=n x=n", ""),
    ("reshape(outer(v, x), [16])", "v=4 x=4", "reshape"),
]


@pytest.mark.parametrize(("program", "shapes", "operation"), NOT_LINEAR)
def test_what_is_no_linear_map_is_refused(program: str, shapes: str, operation: str) -> None:
    program = program if "v" in program else f"{program} + 0*v"
    graph = graph_of(program, shapes, named=True)
    with pytest.raises(ShapeFault, match=f"cannot be written with matrices alone.*{operation}"):
        matrix_of(graph, "v", graph.shape(graph.by_name["v"]))
