"""Identities applied before a program is differentiated: both sides have one value."""

from __future__ import annotations

import numpy as np
import pytest
from matrix_oracle import graph_of, point_of

from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.syntax.unparse import unparse
from backprop_cli.transform.preparation import RULES
from backprop_cli.transform.rewrite import rewrite

# a program for each rule, and what it becomes
PROGRAMS = [
    ("x' @ y", "x=n y=n", "x @ y"),
    ("det(A')", "A=n,n", "det(A)"),
    ("log(abs(det(A)))", "A=n,n", "logdet(A)"),
    ("det(inv(A))", "A=n,n", "1/det(A)"),
    ("logdet(inv(A))", "A=n,n", "-logdet(A)"),
    ("det(A @ B @ A)", "A=n,n B=n,n", "det(A)*det(B)*det(A)"),
    ("logdet(A @ B)", "A=n,n B=n,n", "logdet(A) + logdet(B)"),
    ("y*log_sigmoid(x) + (1 - y)*log_sigmoid(-x)", "x=n y=n", "y*x - softplus(x)"),
    ("y*log(sigmoid(x)) + (1 - y)*log(1 - sigmoid(x))", "x= y=", "y*x - softplus(x)"),
    ("bce(sigmoid(x), y)", "x=n y=n", "-mean(y*x - softplus(x))"),
    (
        "y' @ log(sigmoid(x)) + (1 - y)' @ log(1 - sigmoid(x))",
        "x=n y=n",
        "y @ x - sum(softplus(x))",
    ),
    ("bce_logits(x, y)", "x=n y=n", "mean(softplus(x) - y*x)"),
]


@pytest.mark.parametrize(("program", "shapes", "written"), PROGRAMS)
def test_both_sides_are_equal(program: str, shapes: str, written: str) -> None:
    graph = graph_of(program, shapes, named=False)
    prepared = rewrite(graph, RULES)
    assert unparse(prepared) == written
    for seed in range(4):
        point = {
            name: np.asarray(v) - 0.6 * (name == "x") for name, v in point_of(shapes, seed).items()
        }
        value = evaluate(graph, point, "numpy").values[graph.output()]
        other = evaluate(prepared, point, "numpy").values[prepared.output()]
        np.testing.assert_allclose(other, value, rtol=1e-12)
        if np.shape(value):
            continue
        one = differentiate(graph, point, backend="numpy").gradient
        two = differentiate(prepared, point, backend="numpy").gradient
        names = {graph.names[i]: g for i, g in one.items()}
        for i, found in two.items():
            np.testing.assert_allclose(found, names[prepared.names[i]], rtol=1e-9, atol=1e-12)


def test_every_rule_has_a_program() -> None:
    used = set()
    from backprop_cli.transform.rewrite import rewritten

    for program, shapes, _ in PROGRAMS:
        graph = graph_of(program, shapes, named=False)
        used |= {id(rule) for rule, _, _ in rewritten(graph, RULES).applied}
    assert used == {id(rule) for rule in RULES}


def test_products_of_oblong_matrices_stay() -> None:
    graph = graph_of("det(X' @ X) + logdet(X' @ X)", "X=n,m", named=False)
    assert unparse(rewrite(graph, RULES)) == "det(X' @ X) + logdet(X' @ X)"
