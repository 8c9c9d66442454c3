"""Random programs of vectors and matrices: what `diff` writes has the numbers of reverse mode."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from matrix_oracle import graph_of, numbers_of, point_of, value_of

from backprop_cli.engine.symbolic import symbolic
from backprop_cli.errors import BpropError
from backprop_cli.syntax.unparse import unparse

SHAPES = "x=n y=n A=n,n B=n,n C=m,n t="
SIZES = [{"n": 4, "m": 3}, {"n": 2, "m": 3}, {"n": 3, "m": 1}]
LEAVES = {"v": ["x", "y"], "M": ["A", "B", "C' @ C"], "s": ["t", "x[0]", "A[0, 1]"]}
# v is a vector, M a square matrix, s a number
FORMS = {
    "v": [
        *(
            "(M @ v)",
            "(v + v)",
            "(v - v)",
            "(v*v)",
            "(s*v)",
            "(v)^2",
            "exp(v)",
            "sin(v)",
            "relu(v)",
        ),
        *("softmax(v)", "v/(2 + norm(v))", "2/(3 + v^2)", "M[0]", "diag(M)", "[v, v][1]"),
        *("where(v > 0.5, v, v)", "solve(A + 3*eye(n), v)", "concat(x[1:], y[:1])"),
    ],
    "M": [
        *("(M @ M)", "(M + M)", "(M)'", "outer(v, v)", "diag(v)", "(M*M)", "inv(B + 3*eye(n))"),
        *("(s*M)", "sin(M)", "(M - 1)"),
    ],
    "s": [
        *("(v @ v)", "sum(v)", "tr(M)", "norm(v)", "sum(M)", "logsumexp(v)", "mean(v)", "(s*s)"),
        *("det(A/2 + B)", "logdet(A @ A' + 3*eye(n))", "var(v)", "norm(M)", "exp(-s^2)"),
    ],
}


def drawn(random: Random, kind: str, depth: int) -> str:
    form = random.choice(FORMS[kind] if depth else LEAVES[kind])
    alone = form.replace("solve", "S").replace("var", "V")  # letters that stand for no operand
    text = ""
    for k, letter in enumerate(alone):
        whole = not (alone[k - 1 : k].isalpha() or alone[k + 1 : k + 2].isalpha())
        operand = depth and whole and letter in FORMS
        text += f"({drawn(random, letter, depth - 1)})" if operand else letter
    return text.replace("S", "solve").replace("V", "var")


@pytest.mark.parametrize("seed", range(10))
def test_random_programs(seed: int) -> None:
    random, written = Random(seed), 0
    for _ in range(60):
        program, sizes = drawn(random, random.choice("ssv"), 2), random.choice(SIZES)
        wrt, order = random.choice("xAty"), 1
        graph = graph_of(program, SHAPES, random.random() < 0.5, sizes)
        if wrt not in graph.by_name:
            continue
        if not graph.shape(graph.output()):
            order = random.choice([1, 2])
        try:
            (found,) = symbolic(graph, graph.output(), [graph.by_name[wrt]], order)
        except BpropError:
            continue  # of more than two axes
        point = point_of(SHAPES, seed, numbers=sizes)
        wanted = numbers_of(program, wrt, SHAPES, point, order, sizes)
        value = value_of(unparse(found.graph), point, sizes)
        written += 1
        assert value.shape == wanted.shape, program
        if np.all(np.isfinite(wanted)):
            scale = 1 + np.abs(wanted).max(initial=0)
            np.testing.assert_allclose(value, wanted, rtol=1e-6, atol=1e-8 * scale, err_msg=program)
    assert written > 10
