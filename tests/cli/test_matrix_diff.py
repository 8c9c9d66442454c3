"""`bprop diff` of programs with vectors and matrices, as a user meets it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from cli.running import Bprop
from engine.test_matrix_cookbook import COOKBOOK, MODELS
from latex_checks import assert_sound

QUADRATIC = ("diff", "x' @ A @ y", "--shape", "x=n,A=n,m,y=m")
COVARIANCE = ("diff", "logdet(S) + tr(inv(S) @ C)", "--shape", "S=n,n,C=n,n")


def test_mixed_second_derivatives(bprop: Bprop) -> None:
    found = bprop(*QUADRATIC, "--wrt", "x,y", "--order", "2")
    assert found.out == "d_x_x = zeros(n, n)\nd_x_y = A\nd_y_y = zeros(m, m)\n"
    document = bprop(*QUADRATIC, "--wrt", "x,y", "--order", "2", "--json").json()
    assert document["derivative"]["x,y"] == "A"
    page = bprop("diff", "exp(-t)*x' @ x", "--shape", "x=n", "--order", "2", "--format", "latex")
    assert r"\frac{\partial^{2} f}{\partial t\,\partial x} &= -2 e^{-t} x" in page.out


def test_what_is_left_out_is_said(bprop: Bprop) -> None:
    """Without --wrt, what matrices do not write is a note; with it, an error."""
    found = bprop(*QUADRATIC, "--order", "2")
    assert found.code == 0
    assert found.out.startswith("d_x_x = zeros(n, n)\nd_x_y = A\n")
    assert found.err == (
        "note: by x, A: the derivative has 3 axes: its shape is (n, n, m)\n"
        "note: by A, A: the derivative has 4 axes: its shape is (n, m, n, m)\n"
        "note: by A, y: the derivative has 3 axes: its shape is (n, m, m)\n"
    )
    asked = bprop(*QUADRATIC, "--wrt", "A", "--order", "2")
    assert (asked.code, asked.out) == (2, "")
    assert asked.err == (
        "error: the derivative has 4 axes: its shape is (n, m, n, m)\n"
        "help: matrix notation has two; small sizes in numbers are written out: --shape A=2,2; "
        "its numbers at a point: bprop hessian ... --at ...\n"
    )
    all_of_it = bprop("diff", "X @ X", "--shape", "X=n,n")
    assert all_of_it.code == 2
    assert all_of_it.err.startswith("error: the derivative has 4 axes")


def test_small_sizes_in_numbers_are_written_out(bprop: Bprop) -> None:
    found = bprop("diff", "X @ b", "--wrt", "X", "--shape", "X=2,2,b=2")
    assert found.out == "[[[b[0], b[1]], [0, 0]], [[0, 0], [b[0], b[1]]]]\n"
    again = bprop("eval", found.out.strip(), "--at", "b=[5,7]", "--json").json()
    assert again["value"] == [[[5, 7], [0, 0]], [[0, 0], [5, 7]]]
    rosenbrock = "100*(x[1] - x[0]^2)^2 + (1 - x[0])^2"
    found = bprop("diff", rosenbrock, "--shape", "x=2", "--order", "2", "--format", "latex")
    assert found.out == (
        r"\begin{bmatrix} 1200 x_{0}^{2} - 400 x_{1} + 2 & -400 x_{0} \\ -400 x_{0} & 200 "
        "\\end{bmatrix}\n"
    )


def test_symmetric_matrices(bprop: Bprop) -> None:
    assert bprop(*COVARIANCE, "--wrt", "S").out == "inv(S)' - (inv(S) @ C @ inv(S))'\n"
    found = bprop(*COVARIANCE, "--wrt", "S", "--symmetric", "S,C")
    assert found.out == "inv(S) - inv(S) @ C @ inv(S)\n"
    twice = bprop("diff", "x' @ S @ x", "--shape", "x=n,S=n,n", "--symmetric", "S", "--wrt", "x")
    assert twice.out == "2*S @ x\n"
    wrong = bprop("diff", "x' @ S @ x", "--shape", "x=n,S=n,n", "--symmetric", "T")
    assert wrong.code == 2
    assert wrong.err == (
        "error: --symmetric: 'T' is no variable\nhelp: a square matrix: --shape T=n,n\n"
    )
    oblong = bprop("diff", "sum(X)", "--shape", "X=n,m", "--symmetric", "X")
    assert oblong.err.startswith("error: --symmetric: 'X' is of shape (n, m)\n")


# the command prints a mixed derivative among others; those are in test_matrix_cookbook alone
BY_ONE = [row for row in (*COOKBOOK.values(), *MODELS) if len(set(row[1].split())) == 1]


@pytest.mark.parametrize("row", BY_ONE)
def test_the_command_prints_it_and_its_latex_is_sound(
    bprop: Bprop, row: tuple[str, str, str, str, str]
) -> None:
    program, wrt, shapes, symmetric, answer = row
    arrays = ",".join(part for part in shapes.split() if part[-1] != "=")
    words = ["--shape", arrays] if arrays else []
    words += ["--wrt", wrt.split()[0], "--order", str(len(wrt.split()))]
    words += ["--symmetric", symmetric.replace(" ", ",")] if symmetric else []
    assert bprop("diff", program, *words).out == answer + "\n"
    tex = bprop("diff", program, *words, "--format", "latex").out
    assert_sound(tex.strip())


def test_numbers_of_an_answer_that_is_fed_back(bprop: Bprop) -> None:
    """Text, names of sizes, a point: as a user does it."""
    program, shapes = "mean((X @ w - y)^2) + c*norm(w)^2", "X=m,n,w=n,y=m"
    text = bprop("diff", program, "--wrt", "w", "--shape", shapes).out.strip()
    point = {"X": [[1, 2], [3, 4], [5, 7]], "w": [1, -1], "y": [2, 0, 1], "c": 0.5}
    values = ",".join(f"{name}={json.dumps(value)}" for name, value in point.items())
    wanted = bprop("grad", program, "--wrt", "w", "--at", values, "--json").json()
    found = bprop("eval", text, "--at", f"{values},m=3", "--json").json()["value"]
    np.testing.assert_allclose(found, wanted["gradient"]["w"], rtol=1e-12)
