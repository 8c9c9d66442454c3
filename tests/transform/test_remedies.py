"""Every remedy has the value of what it replaces, wherever both are real numbers."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from backprop_cli.engine.accuracy import precise
from backprop_cli.errors import BpropError
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.transform.remedies import RULES
from backprop_cli.transform.rewrite import Rule, parameters, rewritten


def program(rule: Rule, right: bool, shape: tuple[int, ...]) -> Graph:
    """A side of a rule as a program; a variable called c is the constant 0.75."""
    builder = Builder()
    operands = [
        builder.context.lift(0.75) if name == "c" else builder.expr(builder.input(name, shape))
        for name in parameters(rule.left)
    ]
    made = (rule.right if right else rule.left)(*operands)
    return builder.graph([(None, builder.context.lift(made).value)])


def sides(rule: Rule) -> tuple[Graph, Graph]:
    """On scalars, or else on square matrices."""
    for shape in ((), (2, 2)):
        try:
            return program(rule, False, shape), program(rule, True, shape)
        except (BpropError, IndexError):
            continue
    raise AssertionError("no shape fits")


def drawn(graph: Graph, random: Random) -> dict[str, Any]:
    point: dict[str, Any] = {}
    for i in graph.inputs:
        shape = graph.shape(i)
        flat = [random.gauss(0, 2) for _ in range(max(1, int(np.prod(shape))))]
        point[graph.names[i]] = np.array(flat).reshape(shape) if shape else flat[0]
    return point


def finite(value: Any) -> bool:
    return all(np.isfinite(float(v)) for v in np.ravel(value))


@pytest.mark.parametrize("number", range(len(RULES)))
def test_both_sides_agree(number: int) -> None:
    left, right = sides(RULES[number])
    random = Random(number)
    checked = 0
    for _ in range(60):
        point = drawn(left, random)
        a = precise(left, point)[left.output()]
        b = precise(right, point)[right.output()]
        if finite(a) and finite(b):
            checked += 1
            for x, y in zip(np.ravel(a), np.ravel(b), strict=True):
                # sinc(x/pi): the float pi is not the number
                assert abs(x - y) <= 1e-14 * (1 + abs(x))
    assert checked >= 5


@pytest.mark.parametrize("number", range(len(RULES)))
def test_the_left_side_is_found(number: int) -> None:
    left, _ = sides(RULES[number])
    # 1/3 is one constant here, and the rule before that of the typed 1/3 finds it
    assert rewritten(left, [RULES[number], *RULES[:number]]).applied
