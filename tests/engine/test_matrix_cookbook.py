"""Derivatives as the books and matrixcalculus.org have them, in form and in numbers.

The equations are those of Petersen and Pedersen (2012), "The Matrix Cookbook", chapter 2. A row is
program, variable (or two, for a mixed second derivative), shapes, symmetric matrices, the answer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matrix_oracle import derivative, graph_of, numbers_of, point_of, value_of

from backprop_cli.engine.evaluate import evaluate
from backprop_cli.errors import BpropError

SIZES = [
    {"n": 4, "m": 3, "k": 2},
    {"n": 1, "m": 1, "k": 1},
    {"n": 3, "m": 1, "k": 4},
    {"n": 5, "m": 2, "k": 1},
]

COOKBOOK = {
    # determinants
    "43": ("logdet(X)", "X", "X=n,n", "", "inv(X)'"),
    "46": ("det(A + t*B)", "t", "A=n,n B=n,n t=", "", "sum(B*cofactor(A + t*B))"),
    "49": ("det(X)", "X", "X=n,n", "", "cofactor(X)"),
    "51": ("det(A @ X @ B)", "X", "A=n,n X=n,n B=n,n", "", "det(A)*det(B)*cofactor(X)"),
    "52": ("det(X' @ A @ X)", "X", "X=n,n A=n,n", "", "2*det(X)*det(A)*cofactor(X)"),
    "53": ("det(X' @ A @ X)", "X", "X=n,m A=n,n", "A", "2*A @ X @ cofactor(X' @ A @ X)"),
    "54": (
        "det(X' @ A @ X)",
        "X",
        "X=n,m A=n,n",
        "",
        "A' @ X @ cofactor(X' @ A @ X) + A @ X @ cofactor(X' @ A @ X)'",
    ),
    "55": ("logdet(X' @ X)", "X", "X=n,m", "", "2*X @ inv(X' @ X)"),
    "57": ("log(abs(det(X)))", "X", "X=n,n", "", "inv(X)'"),
    "58": ("det(X @ X @ X)", "X", "X=n,n", "", "3*det(X)^2*cofactor(X)"),
    # inverses
    "59": ("inv(A + t*B)", "t", "A=n,n B=n,n t=", "", "-inv(A + t*B) @ B @ inv(A + t*B)"),
    "60": ("inv(X)[0, 0]", "X", "X=n,n", "", "-outer(inv(X)[0], inv(X)[:, 0])"),
    "61": ("a' @ inv(X) @ b", "X", "X=n,n a=n b=n", "", "-outer(inv(X)' @ a, inv(X) @ b)"),
    "62": ("det(inv(X))", "X", "X=n,n", "", "-inv(X)'/det(X)"),
    "63": ("tr(A @ inv(X) @ B)", "X", "X=n,n A=m,n B=n,m", "", "-(inv(X) @ B @ A @ inv(X))'"),
    "64": ("tr(inv(X + A))", "X", "X=n,n A=n,n", "", "-(inv(X + A) @ inv(X + A))'"),
    # forms of the first and second order
    "69": ("x' @ a", "x", "x=n a=n", "", "a"),
    "70": ("a' @ X @ b", "X", "a=n X=n,m b=m", "", "outer(a, b)"),
    "71": ("a' @ X' @ b", "X", "a=m X=n,m b=n", "", "outer(b, a)"),
    "72": ("a' @ X @ a", "X", "a=n X=n,n", "", "outer(a, a)"),
    "73": ("X[0, 0]", "X", "X=n,m", "", "outer(eye(n)[0], eye(m)[0])"),
    "74": ("(X @ A)[0, 0]", "X", "X=n,m A=m,k", "", "outer(eye(n)[0], A[:, 0])"),
    "75": ("(X' @ A)[0, 0]", "X", "X=n,m A=n,k", "", "outer(A[:, 0], eye(m)[0])"),
    "76": ("sum(X)^2", "X", "X=n,m", "", "2*sum(X)*ones(n, m)"),
    "77": ("b' @ X' @ X @ c", "X", "X=n,m b=m c=m", "", "X @ (outer(b, c) + outer(c, b))"),
    "78": (
        "(B @ x + b)' @ C @ (D @ x + d)",
        "x",
        "x=n B=m,n b=m C=m,k D=k,n d=k",
        "",
        "D' @ (C' @ (B @ x + b)) + B' @ (C @ (D @ x + d))",
    ),
    "79": (
        "(X' @ B @ X)[0, 0]",
        "X",
        "X=n,m B=n,n",
        "",
        "outer((B + B') @ X[:, 0], eye(m)[0])",
    ),
    "81": ("x' @ B @ x", "x", "x=n B=n,n", "", "(B + B') @ x"),
    "82": (
        "b' @ X' @ D @ X @ c",
        "X",
        "X=n,m b=m c=m D=n,n",
        "",
        "outer(D' @ (X @ b), c) + outer(D @ (X @ c), b)",
    ),
    "83": (
        "(X @ b + c)' @ D @ (X @ b + c)",
        "X",
        "X=n,m b=m c=n D=n,n",
        "",
        "outer((D + D') @ (X @ b + c), b)",
    ),
    "84": (
        "(x - A @ s)' @ W @ (x - A @ s)",
        "s",
        "x=n A=n,m s=m W=n,n",
        "W",
        "-2*A' @ (W @ (x - A @ s))",
    ),
    "85": ("(x - s)' @ W @ (x - s)", "x", "x=n s=n W=n,n", "W", "2*W @ (x - s)"),
    "86": ("(x - s)' @ W @ (x - s)", "s", "x=n s=n W=n,n", "W", "-2*W @ (x - s)"),
    "87": (
        "(x - A @ s)' @ W @ (x - A @ s)",
        "x",
        "x=n A=n,m s=m W=n,n",
        "W",
        "2*W @ (x - A @ s)",
    ),
    "88": (
        "(x - A @ s)' @ W @ (x - A @ s)",
        "A",
        "x=n A=n,m s=m W=n,n",
        "W",
        "-2*outer(W @ (x - A @ s), s)",
    ),
    "91": ("a' @ X @ X @ b", "X", "X=n,n a=n b=n", "", "outer(X' @ a, b) + outer(a, X @ b)"),
    "97": ("x' @ A @ x + b' @ x", "x", "x=n A=n,n b=n", "", "(A + A') @ x + b"),
    "98": ("x' @ A @ x + b' @ x", "x x", "x=n A=n,n b=n", "", "A + A'"),
    # traces
    "99": ("tr(X)", "X", "X=n,n", "", "eye(n)"),
    "100": ("tr(X @ A)", "X", "X=n,m A=m,n", "", "A'"),
    "101": ("tr(A @ X @ B)", "X", "A=k,n X=n,m B=m,k", "", "(B @ A)'"),
    "102": ("tr(A @ X' @ B)", "X", "A=k,m X=n,m B=n,k", "", "B @ A"),
    "103": ("tr(X' @ A)", "X", "X=n,m A=n,m", "", "A"),
    "104": ("tr(A @ X')", "X", "X=n,m A=n,m", "", "A"),
    "106": ("tr(X @ X)", "X", "X=n,n", "", "2*X'"),
    "107": ("tr(X @ X @ B)", "X", "X=n,n B=n,n", "", "(X @ B + B @ X)'"),
    "108": ("tr(X' @ B @ X)", "X", "X=n,m B=n,n", "", "(B + B') @ X"),
    "109": ("tr(B @ X @ X')", "X", "X=n,m B=n,n", "", "(B + B') @ X"),
    "110": ("tr(X @ X' @ B)", "X", "X=n,m B=n,n", "", "(B + B') @ X"),
    "111": ("tr(X @ B @ X')", "X", "X=n,m B=m,m", "", "X @ (B + B')"),
    "112": ("tr(B @ X' @ X)", "X", "X=n,m B=m,m", "", "X @ (B + B')"),
    "113": ("tr(X' @ X @ B)", "X", "X=n,m B=m,m", "", "X @ (B + B')"),
    "114": ("tr(A @ X @ B @ X)", "X", "A=m,n X=n,m B=m,n", "", "(A @ X @ B + B @ X @ A)'"),
    "115": ("tr(X' @ X)", "X", "X=n,m", "", "2*X"),
    "116": ("tr(B' @ X' @ C @ X @ B)", "X", "X=n,m B=m,k C=n,n", "", "(C + C') @ X @ B @ B'"),
    "117": ("tr(X' @ B @ X @ C)", "X", "X=n,m B=n,n C=m,m", "", "B' @ X @ C' + B @ X @ C"),
    "118": (
        "tr(A @ X @ B @ X' @ C)",
        "X",
        "A=k,n X=n,m B=m,m C=n,k",
        "",
        "C @ A @ X @ B + A' @ C' @ X @ B'",
    ),
    "119": (
        "tr((A @ X @ B + C) @ (A @ X @ B + C)')",
        "X",
        "A=k,n X=n,m B=m,m C=k,m",
        "",
        "2*A' @ (A @ X @ B + C) @ B'",
    ),
    "121": ("tr(X @ X @ X @ X)", "X", "X=n,n", "", "4*(X @ X @ X)'"),
    "122": (
        "tr(A @ X @ X @ X)",
        "X",
        "X=n,n A=n,n",
        "",
        "((A @ X + X @ A) @ X + X @ X @ A)'",
    ),
    "124": ("tr(A @ inv(X) @ B)", "X", "X=n,n A=n,n B=n,n", "", "-(inv(X) @ B @ A @ inv(X))'"),
    "125": (
        "tr(inv(X' @ C @ X) @ A)",
        "X",
        "X=n,m C=n,n A=m,m",
        "C",
        "-C @ X @ inv(X' @ C @ X) @ (A + A') @ inv(X' @ C @ X)",
    ),
    "126": (
        "tr(inv(X' @ C @ X) @ (X' @ B @ X))",
        "X",
        "X=n,m C=n,n B=n,n",
        "C B",
        "-2*(C @ X @ inv(X' @ C @ X) @ X' @ B - B) @ X @ inv(X' @ C @ X)",
    ),
    # norms
    "129": ("norm(x - a)", "x", "x=n a=n", "", "(x - a)/norm(x - a)"),
    "130": (
        "(x - a)/norm(x - a)",
        "x",
        "x=n a=n",
        "",
        "(eye(n) - outer(x - a, x - a)/norm(x - a)^2)/norm(x - a)",
    ),
    "131": ("norm(x)^2", "x", "x=n", "", "2*x"),
    "132": ("norm(X)^2", "X", "X=n,m", "", "2*X"),
}

# the examples of matrixcalculus.org, and models that are fitted in practice
MODELS = [
    ("0.5*x' @ A @ x", "x", "x=n A=n,n", "", "(A + A') @ x/2"),
    ("A @ exp(x)", "x", "A=m,n x=n", "", "A @ diag(exp(x))"),
    ("sin(x)' @ y", "x", "x=n y=n", "", "y*cos(x)"),
    ("(y*v)' @ x", "x", "x=n y=n v=n", "", "y*v"),
    ("a^b", "a", "a= b=", "", "b*a^(b - 1)"),
    ("sum(abs(A @ x - y))", "x", "A=m,n x=n y=m", "", "A' @ sign(A @ x - y)"),
    ("norm(A @ x - y)^2", "x", "A=m,n x=n y=m", "", "2*A' @ (A @ x - y)"),
    (
        "tr(A @ X' @ B @ X @ C)",
        "X",
        "A=k,m X=n,m B=n,n C=m,k",
        "",
        "B' @ X @ A' @ C' + B @ X @ C @ A",
    ),
    ("log(det(inv(X)))", "X", "X=n,n", "", "-inv(X)'"),
    ("norm(A @ x - b)^2 + c*norm(x)^2", "x", "A=m,n x=n b=m c=", "", "2*(c*x + A' @ (A @ x - b))"),
    ("norm(A @ x - b)^2 + c*norm(x)^2", "x x", "A=m,n x=n b=m c=", "", "2*(A' @ A + c*eye(n))"),
    ("bce_logits(X @ w, y)", "w", "X=m,n w=n y=m", "", "X' @ (sigmoid(X @ w) - y)/m"),
    ("bce(sigmoid(X @ w), y)", "w", "X=m,n w=n y=m", "", "X' @ (sigmoid(X @ w) - y)/m"),
    ("sum(softplus(X @ w)) - y' @ X @ w", "w", "X=m,n w=n y=m", "", "X' @ (sigmoid(X @ w) - y)"),
    (
        "sum(softplus(X @ w) - y*(X @ w))",
        "w w",
        "X=m,n w=n y=m",
        "",
        "X' @ diag(sigmoid(X @ w)*sigmoid(-X @ w)) @ X",
    ),
    (
        "sum(logsumexp(X @ W, axis=1)) - sum(Y*(X @ W))",
        "W",
        "X=m,n W=n,k Y=m,k",
        "",
        "X' @ (softmax(X @ W) - Y)",
    ),
    ("log(sum(exp(A @ x)))", "x", "A=m,n x=n", "", "A' @ exp(A @ x)/sum(exp(A @ x))"),
    (
        "logsumexp(A @ x + b)",
        "x x",
        "A=m,n x=n b=m",
        "",
        "A' @ (diag(softmax(A @ x + b)) - outer(softmax(A @ x + b), softmax(A @ x + b))) @ A",
    ),
    ("x' @ inv(A) @ x", "x", "A=n,n x=n", "A", "2*inv(A) @ x"),
    ("x' @ inv(A) @ x", "A", "A=n,n x=n", "A", "-outer(inv(A) @ x, inv(A) @ x)"),
    (
        "(logdet(S) + (x - u)' @ inv(S) @ (x - u))/2",
        "S",
        "S=n,n x=n u=n",
        "S",
        "(inv(S) - outer(inv(S) @ (x - u), inv(S) @ (x - u)))/2",
    ),
    ("(logdet(S) + (x - u)' @ inv(S) @ (x - u))/2", "u", "S=n,n x=n u=n", "S", "-inv(S) @ (x - u)"),
    ("(logdet(S) + (x - u)' @ inv(S) @ (x - u))/2", "u u", "S=n,n x=n u=n", "S", "inv(S)"),
    ("logdet(S) + tr(inv(S) @ C)", "S", "S=n,n C=n,n", "S C", "inv(S) - inv(S) @ C @ inv(S)"),
    ("logdet(L @ L' + t*eye(n))", "L", "L=n,k t=", "", "2*inv(L @ L' + t*eye(n)) @ L"),
    (
        "inv(A + t*eye(n)) @ b",
        "t",
        "A=n,n b=n t=",
        "",
        "-inv(A + t*eye(n)) @ (inv(A + t*eye(n)) @ b)",
    ),
    ("norm(X - U @ V)^2", "U", "X=n,m U=n,k V=k,m", "", "-2*(X - U @ V) @ V'"),
    ("norm(X - U @ V)^2", "V", "X=n,m U=n,k V=k,m", "", "-2*U' @ (X - U @ V)"),
    ("norm(X' @ X - eye(m))^2", "X", "X=n,m", "", "4*X @ (X' @ X - eye(m))"),
    ("norm(X - U @ U')^2", "U", "X=n,n U=n,k", "X", "-4*(X - U @ U') @ U"),
    ("x' @ A @ x/(x' @ x)", "x", "A=n,n x=n", "A", "2*(A @ x - (x' @ A @ x)*x/(x' @ x))/(x' @ x)"),
    (
        "x' @ y/(norm(x)*norm(y))",
        "x",
        "x=n y=n",
        "",
        "(y - (x' @ y)*x/norm(x)^2)/(norm(x)*norm(y))",
    ),
    ("a' @ tanh(W @ x + b)", "W", "a=m W=m,n x=n b=m", "", "outer(a/cosh(W @ x + b)^2, x)"),
    ("tanh(W @ x + b)", "x", "W=m,n x=n b=m", "", "diag(1/cosh(W @ x + b)^2) @ W"),
    (
        "huber(X @ w, y)",
        "w",
        "X=m,n w=n y=m",
        "",
        "X' @ where(abs(X @ w - y) <= 1, X @ w - y, sign(X @ w - y))/m",
    ),
    ("logdet(A + diag(x))", "x x", "A=n,n x=n", "", "-inv(A + diag(x))*inv(A + diag(x))'"),
    ("logdet(A + diag(x))", "x x", "A=n,n x=n", "A", "-inv(A + diag(x))^2"),
    (
        "sum(lgamma(x)) - lgamma(sum(x))",
        "x x",
        "x=n",
        "",
        "diag(polygamma(1, x)) - polygamma(1, sum(x))",
    ),
    ("x*(A @ x)", "x", "x=n A=n,n", "", "diag(A @ x) + diag(x) @ A"),
    ("diag(x) @ A @ x", "x", "x=n A=n,n", "", "diag(A @ x) + diag(x) @ A"),
    (
        "inv(A + diag(x)) @ b",
        "x",
        "x=n A=n,n b=n",
        "",
        "-inv(A + diag(x)) @ diag(inv(A + diag(x)) @ b)",
    ),
    ("sin(A @ x)[0]", "x", "A=m,n x=n", "", "cos(A @ x)[0]*A[0]"),
    # mixed second derivatives
    ("x' @ A @ y", "x y", "x=n A=n,m y=m", "", "A"),
    ("x' @ A @ y", "y x", "x=n A=n,m y=m", "", "A'"),
    ("norm(A @ x - b)^2", "x b", "A=m,n x=n b=m", "", "-2*A'"),
    ("exp(-t)*x' @ A @ x", "t x", "x=n A=n,n t=", "", "-exp(-t)*(A + A') @ x"),
    ("t*tr(A @ X)", "t X", "A=m,n X=n,m t=", "", "A'"),
    ("exp(x' @ y)", "x y", "x=n y=n", "", "exp(x' @ y)*(outer(y, x) + eye(n))"),
    ("exp(t)*b' @ A @ x", "t x", "b=m A=m,n x=n t=", "", "exp(t)*A' @ b"),
]
ROWS = [*(pytest.param(*row, id=name) for name, row in COOKBOOK.items()), *MODELS]


@pytest.mark.parametrize(("program", "wrt", "shapes", "symmetric", "answer"), ROWS)
def test_it_is_written_as_in_the_books(
    program: str, wrt: str, shapes: str, symmetric: str, answer: str
) -> None:
    assert derivative(program, wrt, shapes, symmetric=symmetric) == answer


@pytest.mark.parametrize("numbers", SIZES, ids=lambda sizes: "x".join(map(str, sizes.values())))
@pytest.mark.parametrize(("program", "wrt", "shapes", "symmetric", "answer"), ROWS)
def test_it_has_the_numbers_of_reverse_mode_and_of_differences(
    program: str, wrt: str, shapes: str, symmetric: str, answer: str, numbers: dict[str, int]
) -> None:
    """What was derived for named sizes, and what is derived for these numbers."""
    if "inv(X'" in answer and numbers["m"] > numbers["n"]:
        pytest.skip("X' @ X is singular")
    point = point_of(shapes, 1, symmetric, numbers)
    wanted = numbers_of(program, wrt, shapes, point, 1, numbers)
    own = derivative(program, wrt, shapes, named=False, symmetric=symmetric, numbers=numbers)
    for text in (answer, own):
        found = value_of(text, point, numbers)
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-10)
    if " " not in wrt:
        near = differences(program, wrt, shapes, point, numbers)
        np.testing.assert_allclose(wanted, near, rtol=1e-5, atol=1e-6)


def differences(
    program: str, wrt: str, shapes: str, point: dict[str, Any], numbers: dict[str, int]
) -> Any:
    """Central differences, of shape output + variable."""
    graph, step = graph_of(program, shapes, False, numbers), 1e-5
    place = np.asarray(point[wrt], dtype=float)
    columns = []
    for index in np.ndindex(*place.shape):
        values = []
        for sign in (1, -1):
            moved = place.copy()
            moved[index] += sign * step
            whole = {**point, wrt: moved if place.shape else float(moved)}
            values.append(np.asarray(evaluate(graph, whole, "numpy").values[graph.output()]))
        columns.append((values[0] - values[1]) / (2 * step))
    return np.stack(columns, axis=-1).reshape((*columns[0].shape, *place.shape))


def test_a_symmetric_matrix_stays_symmetric_through_functions() -> None:
    for program, answer in [
        ("tr(cofactor(S) @ X)", "cofactor(S)"),
        ("tr(exp(S) @ X)", "exp(S)"),
        ("tr((S + 2*S') @ X)", "3*S"),
        ("tr(inv(S + eye(n)) @ X)", "inv(S + eye(n))"),
        ("tr(inv(A' @ S @ A) @ X)", "inv(A' @ S @ A)"),
    ]:
        found = derivative(program, "X", "S=n,n X=n,n A=n,n", symmetric="S")
        assert found == answer


def test_scatters_to_elements_of_a_matrix_are_no_stack() -> None:
    """A number at a place of a matrix once was taken for a row of it."""
    text = derivative("tr(X @ X) + X[0, 0] + X[1, 1]", "X", "X=2,2", named=False)
    found = value_of(text, {"X": np.array([[1.0, 2.0], [3.0, 4.0]])})
    np.testing.assert_allclose(found, [[3, 6], [4, 9]])


def test_what_stays_refused() -> None:
    for program, wrt, shapes in [
        ("outer(x, x)", "x", "x=n"),
        ("X @ b", "X", "X=n,m b=m"),
        ("inv(X)", "X", "X=n,n"),
        ("x' @ A @ x", "A x", "x=n A=n,n"),
    ]:
        with pytest.raises(BpropError) as caught:
            derivative(program, wrt, shapes)
        assert "axes: its shape is (n" in caught.value.message
        assert caught.value.help is not None
        assert "small sizes in numbers are written out: --shape" in caught.value.help
