"""Derivatives in matrix notation: what is printed, and that it is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matrix_oracle import derivative, graph_of, numbers_of, point_of, value_of
from oracles import jax_numpy

from backprop_cli.engine.lower import load, lower
from backprop_cli.engine.matrix_calculus import matrix_derivative
from backprop_cli.errors import BpropError, ShapeFault, UsageFault

# program, variable, order, shapes, the derivative as it is printed: after Petersen and Pedersen
# (2012), "The Matrix Cookbook", and matrixcalculus.org (Laue, Mitterreiter, Giesen 2018)
TABLE = [
    # linear and quadratic forms
    ("a' @ x", "x", 1, "a=n x=n", "a"),
    ("dot(a, x)", "x", 1, "a=n x=n", "a"),
    ("x' @ x", "x", 1, "x=n", "2*x"),
    ("x' @ x", "x", 2, "x=n", "2*eye(n)"),
    ("x' @ A @ x", "x", 1, "x=n A=n,n", "(A + A') @ x"),
    ("x' @ A @ x", "x", 2, "x=n A=n,n", "A + A'"),
    ("x' @ A @ x", "A", 1, "x=n A=n,n", "outer(x, x)"),
    ("c*x' @ x", "x", 1, "x=n c=", "2*c*x"),
    ("x' @ A @ y", "y", 1, "x=n A=n,m y=m", "A' @ x"),
    ("x' @ A @ x - 2*b' @ x", "x", 1, "x=n A=n,n b=n", "(A + A') @ x - 2*b"),
    ("(x - s)' @ W @ (x - s)", "s", 1, "x=n s=n W=n,n", "-(W + W') @ (x - s)"),
    ("(a' @ x)*(b' @ x)", "x", 2, "x=n a=n b=n", "outer(a, b) + outer(b, a)"),
    ("(x' @ y)^2", "x", 2, "x=n y=n", "2*outer(y, y)"),
    ("exp(a' @ x)", "x", 2, "x=n a=n", "exp(a' @ x)*outer(a, a)"),
    # products with vectors by the matrix
    ("a' @ X @ b", "X", 1, "a=n X=n,m b=m", "outer(a, b)"),
    ("a' @ X' @ b", "X", 1, "a=m X=n,m b=n", "outer(b, a)"),
    ("a' @ X' @ X @ b", "X", 1, "a=m X=n,m b=m", "X @ (outer(a, b) + outer(b, a))"),
    ("a' @ X @ X' @ a", "X", 1, "a=n X=n,m", "2*outer(a, X' @ a)"),
    ("a' @ inv(X) @ b", "X", 1, "a=n X=n,n b=n", "-outer(inv(X)' @ a, inv(X) @ b)"),
    ("a' @ solve(X, b)", "X", 1, "a=n X=n,n b=n", "-outer(solve(X', a), solve(X, b))"),
    ("a' @ solve(X, b)", "b", 1, "a=n X=n,n b=n", "solve(X', a)"),
    # norms and least squares
    ("norm(x)", "x", 1, "x=n", "x/norm(x)"),
    ("norm(x)", "x", 2, "x=n", "(eye(n) - outer(x, x)/norm(x)^2)/norm(x)"),
    ("norm(x - y)", "x", 1, "x=n y=n", "(x - y)/norm(x - y)"),
    ("norm(A @ x - b)", "x", 1, "A=m,n x=n b=m", "A' @ (A @ x - b)/norm(A @ x - b)"),
    ("norm(A @ x - b)^2", "x", 1, "A=m,n x=n b=m", "2*A' @ (A @ x - b)"),
    ("norm(A @ x - b)^2", "x", 2, "A=m,n x=n b=m", "2*A' @ A"),
    ("norm(A @ x - b)^2", "A", 1, "A=m,n x=n b=m", "2*outer(A @ x - b, x)"),
    ("norm(b - A @ x)^2", "x", 2, "A=m,n x=n b=m", "2*A' @ A"),
    ("sum((A @ x - b)^2)", "x", 1, "A=m,n x=n b=m", "2*A' @ (A @ x - b)"),
    ("norm(X)", "X", 1, "X=n,m", "X/norm(X)"),
    ("norm(A @ X - B)^2", "X", 1, "A=k,n X=n,m B=k,m", "2*A' @ (A @ X - B)"),
    ("norm(A @ diag(x) @ b)^2", "x", 2, "x=n A=m,n b=n", "2*diag(b) @ A' @ A @ diag(b)"),
    # determinants and traces
    ("logdet(X)", "X", 1, "X=n,n", "inv(X)'"),
    ("log(det(X))", "X", 1, "X=n,n", "inv(X)'"),
    ("logdet(X' @ X)", "X", 1, "X=n,m", "2*X @ inv(X' @ X)"),
    ("det(X)", "X", 1, "X=n,n", "cofactor(X)"),
    ("det(X)^2", "X", 1, "X=n,n", "2*det(X)*cofactor(X)"),
    ("det(A @ X @ B)", "X", 1, "X=n,n A=n,n B=n,n", "det(A)*det(B)*cofactor(X)"),
    ("logdet(A + diag(x))", "x", 1, "A=n,n x=n", "diag(inv(A + diag(x)))"),
    ("logdet(A + t*B)", "t", 1, "A=n,n B=n,n t=", "trace(inv(A + t*B) @ B)"),
    ("tr(X)", "X", 1, "X=n,n", "eye(n)"),
    ("tr(A @ X)", "X", 1, "A=m,n X=n,m", "A'"),
    ("tr(A @ X')", "X", 1, "A=n,m X=n,m", "A"),
    ("tr(A @ X @ B)", "X", 1, "A=k,n X=n,m B=m,k", "(B @ A)'"),
    ("tr(X @ X)", "X", 1, "X=n,n", "2*X'"),
    ("tr(X @ X @ X)", "X", 1, "X=n,n", "3*(X @ X)'"),
    ("tr(X' @ X)", "X", 1, "X=n,m", "2*X"),
    ("tr(X' @ A @ X)", "X", 1, "X=n,m A=n,n", "(A + A') @ X"),
    ("tr(X @ A @ X')", "X", 1, "X=n,m A=m,m", "X @ (A + A')"),
    ("tr(A @ X @ B @ X')", "X", 1, "A=n,n B=m,m X=n,m", "A @ X @ B + A' @ X @ B'"),
    ("tr(A @ inv(X) @ B)", "X", 1, "A=n,n B=n,n X=n,n", "-(inv(X) @ B @ A @ inv(X))'"),
    ("tr(A @ diag(x) @ B @ diag(x))", "x", 2, "A=n,n B=n,n x=n", "A*B' + B*A'"),
    # sums, means and statistics: the sizes by name
    ("sum(x)", "x", 1, "x=n", "ones(n)"),
    ("sum(X @ w)", "w", 1, "X=m,n w=n", "X' @ ones(m)"),
    ("mean(x)", "x", 1, "x=n", "ones(n)/n"),
    ("mean(X)", "X", 1, "X=n,m", "ones(n, m)/(n*m)"),
    ("mean((X @ w - y)^2)", "w", 1, "X=m,n w=n y=m", "2*X' @ (X @ w - y)/m"),
    ("mean((X @ w - y)^2)", "w", 2, "X=m,n w=n y=m", "2*X' @ X/m"),
    ("mse(X @ W, Y)", "W", 1, "X=m,n W=n,k Y=m,k", "2*X' @ (X @ W - Y)/(m*k)"),
    ("mae(X @ w, y)", "w", 1, "X=m,n w=n y=m", "X' @ sign(X @ w - y)/m"),
    ("var(x)", "x", 1, "x=n", "2*(x - mean(x))/n"),
    ("var(x)", "x", 2, "x=n", "2*(eye(n) - 1/n)/n"),
    ("std(x)", "x", 1, "x=n", "(x - mean(x))/(n*std(x))"),
    ("prod(x)", "x", 1, "x=n", "prod(x)/x"),
    # elementwise functions
    ("sum(exp(x))", "x", 1, "x=n", "exp(x)"),
    ("sum(exp(x))", "x", 2, "x=n", "diag(exp(x))"),
    ("sum(sin(A @ X))", "X", 1, "A=k,n X=n,m", "A' @ cos(A @ X)"),
    ("logsumexp(x)", "x", 1, "x=n", "softmax(x)"),
    ("logsumexp(x)", "x", 2, "x=n", "diag(softmax(x)) - outer(softmax(x), softmax(x))"),
    ("logsumexp(A @ x)", "x", 1, "A=m,n x=n", "A' @ softmax(A @ x)"),
    ("sum(softplus(-y*(X @ w)))", "w", 1, "X=m,n w=n y=m", "-X' @ (y*sigmoid(-y*(X @ w)))"),
    # Jacobians
    ("A @ x", "x", 1, "A=m,n x=n", "A"),
    ("x' @ A", "x", 1, "A=n,m x=n", "A'"),
    ("sin(x)", "x", 1, "x=n", "diag(cos(x))"),
    ("x*y", "x", 1, "x=n y=n", "diag(y)"),
    ("c*x", "x", 1, "x=n c=", "c*eye(n)"),
    ("relu(A @ x)", "x", 1, "A=m,n x=n", "diag(A @ x > 0) @ A"),
    ("softmax(x)", "x", 1, "x=n", "diag(softmax(x)) - outer(softmax(x), softmax(x))"),
    ("log_softmax(x)", "x", 1, "x=n", "eye(n) - outer(ones(n), softmax(x))"),
    ("inv(A) @ x", "x", 1, "A=n,n x=n", "inv(A)"),
    ("solve(A, B @ x)", "x", 1, "x=n A=m,m B=m,n", "solve(A, B)"),
    ("cross(a, x)", "x", 1, "a=3 x=3", "cross(a, eye(3))'"),
    ("outer(x, x) @ a", "x", 1, "x=n a=n", "outer(x, a) + (x' @ a)*eye(n)"),
    ("x*(x' @ A @ x)", "x", 1, "x=n A=n,n", "outer(x, (A + A') @ x) + (x' @ A @ x)*eye(n)"),
    ("x[1:3]", "x", 1, "x=n", "eye(n)[1:3]"),
    ("concat(x, 2*x)", "x", 1, "x=n", "concat(eye(n), 2*eye(n))"),
    ("[sin(x[0]), x[1]]", "x", 1, "x=n", "[cos(x[0])*eye(n)[0], eye(n)[1]]"),
    # stacked vectors
    ("stack(A @ x, B @ x) @ y", "x", 1, "A=m,n B=m,n x=n y=m", "[A' @ y, B' @ y]"),
    ("[x, y] @ y", "x", 1, "x=n y=n", "outer(eye(2)[0], y)"),
    ("norm([A @ x, y])^2", "x", 1, "A=m,n x=n y=m", "2*A' @ (A @ x)"),
    ("norm([A @ x, y])^2", "x", 2, "A=m,n x=n y=m", "2*A' @ A"),
    ("[x, y]' @ [1, 2]", "x", 1, "x=n y=n", "eye(n)"),
    ("A[0] @ x + A[1] @ y", "A", 1, "A=2,n x=n y=n", "[x, y]"),
    ("outer(x, y)[0] @ y", "x", 1, "x=n y=m", "(y' @ y)*eye(n)[0]"),
    ("inv(A)[0] @ x", "A", 1, "A=n,n x=n", "-outer(inv(A)[0], inv(A) @ x)"),
    ("log(x)[0]", "x", 2, "x=n", "-(1/x^2)[0]*outer(eye(n)[0], eye(n)[0])"),
    ("max(x)*x", "x", 1, "x=n", "outer(x, x == max(x))/sum(x == max(x)) + max(x)*eye(n)"),
    ("diag(A @ X)[0]", "X", 1, "A=n,m X=m,n", "A' @ diag(eye(n)[0])"),
    ("sum(2/(3*X))", "X", 1, "X=n,m", "-2/(3*X^2)"),
    # by a scalar
    ("A*exp(t)", "t", 1, "A=n,m t=", "exp(t)*A"),
    ("inv(A + t*B)", "t", 1, "A=n,n B=n,n t=", "-inv(A + t*B) @ B @ inv(A + t*B)"),
]

# the same, where what is printed may still get shorter
NUMERIC = [
    ("x' @ A @ x/(x' @ x)", "x", 1, "x=n A=n,n"),
    ("x' @ A @ x/(x' @ x)", "x", 2, "x=n A=n,n"),
    ("sum(log(1 + exp(-y*(X @ w))))", "w", 1, "X=m,n w=n y=m"),
    ("sum(log(1 + exp(-y*(X @ w))))", "w", 2, "X=m,n w=n y=m"),
    ("cross_entropy(X @ W, Y)", "W", 1, "X=m,n W=n,k Y=m,k"),
    ("cross_entropy(A @ x, p)", "x", 2, "x=n A=m,n p=m"),
    ("bce_logits(X @ w, y)", "w", 1, "X=m,n w=n y=m"),
    ("huber(X @ w, y)", "w", 1, "X=m,n w=n y=m"),
    ("mean(relu(1 - y*(X @ w)))", "w", 1, "X=m,n w=n y=m"),
    ("a' @ sigmoid(W @ tanh(V @ x))", "W", 1, "a=m W=m,k V=k,n x=n"),
    ("a' @ sigmoid(W @ tanh(V @ x))", "V", 1, "a=m W=m,k V=k,n x=n"),
    ("a' @ sigmoid(W @ tanh(V @ x))", "x", 2, "a=m W=m,k V=k,n x=n"),
    ("exp(-(x - a)' @ A @ (x - a)/2)", "x", 2, "x=n a=n A=n,n"),
    ("x' @ y/(norm(x)*norm(y))", "x", 2, "x=n y=n"),
    ("softmax(x) @ a", "x", 2, "x=n a=n"),
    ("logdet(X @ A @ X')", "X", 1, "X=m,n A=n,n"),
    ("tr(cofactor(X))", "X", 1, "X=n,n"),
    ("logdet(A + diag(x))", "x", 2, "A=n,n x=n"),
    ("a' @ inv(A + diag(x)) @ a", "x", 2, "A=n,n x=n a=n"),
    ("norm(A - outer(x, x))^2", "x", 1, "x=n A=n,n"),
    ("sum(exp(A*outer(x, x)))", "x", 1, "x=n A=n,n"),
    ("std(x)", "x", 2, "x=n"),
    ("var(A @ x)", "x", 2, "A=m,n x=n"),
    ("sum((x[1:] - x[:-1])^2)", "x", 2, "x=n"),
    ("sum(concat(x, y)^2)", "x", 2, "x=n y=m"),
    ("x[0]*x[1]", "x", 2, "x=n"),
    ("A[:, 1] @ x", "A", 1, "A=n,m x=n"),
    ("where(x > 1, x^2, sin(x)) @ a", "x", 2, "x=n a=n"),
    ("max(x, y) @ a", "x", 1, "x=n y=n a=n"),
    ("max(X, axis=1) @ a", "X", 1, "X=n,m a=n"),
    ("std(X, axis=0) @ a", "X", 1, "X=n,m a=m"),
    ("var(X, axis=1) @ a", "X", 1, "X=n,m a=n"),
    ("prod(X, axis=0) @ a", "X", 1, "X=n,m a=m"),
    ("prod(x)", "x", 2, "x=n"),
    ("norm(X - mean(X, axis=0, keepdims=True))^2", "X", 1, "X=n,m"),
    ("sum(norm(X, axis=1))", "X", 1, "X=n,m"),
    ("sum(logsumexp(X, axis=1))", "X", 1, "X=n,m"),
    ("sum(softmax(X)*Y)", "X", 1, "X=n,m Y=n,m"),
    ("sum(tanh(X @ W + b))", "b", 1, "X=k,n W=n,m b=m"),
    ("sum(tanh(X @ W + b))", "W", 1, "X=k,n W=n,m b=m"),
    ("sum(cross(X, Y))", "X", 1, "X=n,3 Y=n,3"),
    ("norm(cross(a, x))^2", "x", 2, "a=3 x=3"),
    ("tr(reshape(x, [2, 2]) @ A)", "x", 1, "x=4 A=2,2"),
    ("reshape(X, [6]) @ z", "X", 1, "X=2,3 z=6"),
    ("X @ w", "w", 1, "X=1,n w=n"),
    ("x' @ A @ x", "x", 2, "x=1 A=1,1"),
    ("A @ x", "x", 1, "A=n,1 x=1"),
    ("logdet(A + t*B)", "t", 2, "A=n,n B=n,n t="),
    ("tr(inv(A + t*B))", "t", 2, "A=n,n B=n,n t="),
    ("x' @ (A + 2*eye(n)) @ x", "x", 2, "x=n A=n,n"),
    ("sum((x - ones(n))^2)", "x", 1, "x=n"),
    ("sum(t/(s*X))", "X", 1, "X=n,m t= s="),
    ("where(x > 0, 3*x^2, 3*y)", "x", 1, "x=n y=n"),
    ("sum(where(X > 0, t*X, t*X^2))", "X", 1, "X=n,m t="),
    ("b' @ (exp(A @ x) - exp(x[0]))", "x", 1, "A=m,n x=n b=m"),
    ("-norm(1 - exp(A @ x))^2", "x", 2, "A=m,n x=n"),
    ("logdet(A' @ A)", "A", 1, "A=n,n"),
    ("1/sqrt(det(A))", "A", 1, "A=n,n"),
    ("(eye(n)[0] + eye(n)[1])' @ A @ x", "x", 1, "A=n,n x=n"),
    ("solve(A, x)[0]", "A", 1, "A=n,n x=n"),
    ("concat(x, A @ x)[0]*x", "x", 1, "A=m,n x=n"),
    ("sum(i=0..2, (A[i] @ x)^2)", "A", 1, "A=3,n x=n"),
    ("sum(i=0..2, A[i, i]^2)", "A", 1, "A=3,3"),
    ("norm(X[0] - X[-1])^2", "X", 1, "X=n,m"),
    ("norm(X[0])*X[1] @ y", "X", 1, "X=n,m y=m"),
    ("(X @ X')[0] @ y", "X", 1, "X=n,m y=n"),
    ("softmax(X @ W)[0] @ y", "W", 1, "X=n,m W=m,k y=k"),
    ("max(X[0], y) @ y", "X", 1, "X=n,m y=m"),
    ("sum(X[1:]*Y[:-1])", "X", 1, "X=n,m Y=n,m"),
    ("sum(relu(X)[0])", "X", 1, "X=n,m"),
    ("norm(solve(A' @ A + t*eye(n), A' @ b))^2", "t", 1, "A=m,n b=m t="),
    ("softmax(x)[0]*x[1]", "x", 2, "x=n"),
    ("norm(x)*x[0]", "x", 2, "x=n"),
    ("stack(A @ x, sin(B @ x))' @ [1, 2]", "x", 1, "A=m,n B=m,n x=n"),
    ("max(x)", "x", 2, "x=n"),
    # a condition says nothing of the other elements of a norm
    ("norm(where(x > 1, x, y))", "y", 1, "x=n y=n"),
    ("logsumexp(where(x > 1, y, x^2))", "x", 1, "x=n y=n"),
    ("var(where(x > 1, y, x))", "y", 2, "x=n y=n"),
    ("norm(A @ where(x > 1, x, y))", "x", 1, "A=m,n x=n y=n"),
    ("where(x > 1, sum(where(x > 1, x^2, y^3)), y) @ y", "y", 1, "x=n y=n"),
]
ALL = [*(row[:4] for row in TABLE), *NUMERIC]


@pytest.mark.parametrize(("program", "wrt", "order", "shapes", "expected"), TABLE)
def test_classical_derivatives_print_as_in_the_books(
    program: str, wrt: str, order: int, shapes: str, expected: str
) -> None:
    assert derivative(program, wrt, shapes, order) == expected


@pytest.mark.parametrize("named", [True, False], ids=["names", "numbers"])
@pytest.mark.parametrize(("program", "wrt", "order", "shapes"), ALL)
def test_what_is_printed_agrees_with_reverse_mode(
    program: str, wrt: str, order: int, shapes: str, named: bool
) -> None:
    """The text is read back, with n given as a number, and evaluated at random points."""
    text = derivative(program, wrt, shapes, order, named)
    for seed in (0, 1):
        point = point_of(shapes, seed)
        found, wanted = value_of(text, point), numbers_of(program, wrt, shapes, point, order)
        wanted = np.broadcast_to(wanted, found.shape) if not wanted.shape else wanted
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-11)


def test_hessians_agree_with_jax() -> None:
    jnp = jax_numpy()
    import jax

    programs: list[tuple[str, str, Any]] = [
        ("x' @ A @ x", "x=n A=n,n", lambda x, A: x @ A @ x),
        ("norm(A @ x)", "x=n A=n,n", lambda x, A: jnp.linalg.norm(A @ x)),
        ("x' @ A @ x/(x' @ x)", "x=n A=n,n", lambda x, A: x @ A @ x / (x @ x)),
        ("logsumexp(A @ x)", "x=n A=n,n", lambda x, A: jax.nn.logsumexp(A @ x)),
        ("sum(tanh(A @ x)^2)", "x=n A=n,n", lambda x, A: jnp.sum(jnp.tanh(A @ x) ** 2)),
        ("logdet(A + diag(x))", "x=n A=n,n", lambda x, A: jnp.linalg.slogdet(A + jnp.diag(x))[1]),
        ("softmax(A @ x) @ x", "x=n A=n,n", lambda x, A: jax.nn.softmax(A @ x) @ x),
        ("std(A @ x)", "x=n A=n,n", lambda x, A: jnp.std(A @ x)),
        ("x' @ solve(A, x)", "x=n A=n,n", lambda x, A: x @ jnp.linalg.solve(A, x)),
        ("det(A + outer(x, x))", "x=n A=n,n", lambda x, A: jnp.linalg.det(A + jnp.outer(x, x))),
    ]
    for program, shapes, function in programs:
        point = point_of(shapes, seed=3)
        wanted = jax.hessian(function)(point["x"], point["A"])
        found = value_of(derivative(program, "x", shapes, 2), point)
        np.testing.assert_allclose(found, np.asarray(wanted), rtol=1e-8, atol=1e-10)


def test_a_named_node_is_a_variable_of_the_derivative() -> None:
    program = "u = A @ x; v = tanh(u); sum(v)"
    assert derivative(program, "v", "x=n A=m,n") == "ones(m)"
    assert "x" not in derivative(program, "u", "x=n A=m,n")


def fault(program: str, wrt: str, shapes: str, order: int = 1) -> BpropError:
    with pytest.raises(BpropError) as caught:
        derivative(program, wrt, shapes, order)
    return caught.value


def test_what_needs_more_than_two_axes_is_refused() -> None:
    found = fault("A*x", "x", "A=n,n x=n")
    assert isinstance(found, UsageFault)
    assert found.message == "the derivative has 3 axes: its shape is (n, n, n)"
    assert found.help == (
        "matrix notation has two; small sizes in numbers are written out: --shape x=2; "
        "its numbers at a point: bprop jacobian ... --at ..."
    )
    found = fault("norm(X)", "X", "X=n,m", order=2)
    assert found.message == "the derivative has 4 axes: its shape is (n, m, n, m)"
    assert found.help is not None
    assert "bprop hessian" in found.help
    found = fault("sum(x^4)", "x", "x=n", order=3)
    assert found.help is not None
    assert "take an element of the program" in found.help


def test_what_matrices_cannot_write_is_refused() -> None:
    found = fault("reshape(x, [2, 2]) @ y", "x", "x=4 y=2")
    assert isinstance(found, ShapeFault)
    assert found.message == (
        "this derivative cannot be written with matrices alone: "
        "reshape of a matrix that depends on the variable"
    )
    assert found.help == "its numbers are there at any point: bprop jacobian ... --at ..."


def test_a_size_has_no_derivative() -> None:
    assert fault("sum(x)/n", "n", "x=n n=").message == (
        "'n' is the size of an array here: a whole number"
    )


def test_the_graph_of_a_derivative_has_its_name_and_shape() -> None:
    graph = graph_of("x' @ A @ x", "x=n A=n,n", named=True)
    found = matrix_derivative(graph, graph.outputs[0][1], graph.by_name["x"], 2)
    ((name, node),) = found.outputs
    assert (name, str(found.shape(node))) == ("x", "(n, n)")


def test_a_deep_nest_of_products_is_no_problem() -> None:
    """Sums within sums 400 deep: what is factored within one another is bounded."""
    depth = 400
    text = "sum(" + "(" * depth + "A" + " @ B + A)" * depth + ")"
    graph = lower(load(text), {"A": (2, 2), "B": (2, 2)})
    found = matrix_derivative(graph, graph.outputs[0][1], graph.by_name["A"])
    assert found.shape(found.outputs[0][1]) == (2, 2)
