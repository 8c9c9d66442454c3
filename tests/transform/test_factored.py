"""Polynomials of one operand in factors: the same function, in a form that keeps digits."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

import backprop_cli as bp
from backprop_cli.engine.accuracy import precise
from backprop_cli.syntax.unparse import unparse
from backprop_cli.transform.factored import factored
from backprop_cli.transform.polynomials import Poly, divided, factors, plus, times, trimmed

EXAMPLES = [
    ("(x + 1)^3 - x^3 - 3*x^2 - 3*x - 1", "0"),
    ("(x^2 - 4)/(x - 2)", "x + 2"),
    ("(x^3 - 1)/(x - 1)", "(x + 1)*x + 1"),
    ("x^3 - 3*x^2 + 3*x - 1", "(x - 1)^3"),
    ("(x + 1)^3 - x^3", "(3*x + 3)*x + 1"),
    ("4*x^2 - 12*x + 9", "4*(x - 1.5)^2"),
    ("1/x - 1/(x + 1)", "1/(x*(x + 1))"),
    ("exp(x)^2 - 2*exp(x) + 1", "(exp(x) - 1)^2"),
    ("sin(x^2 - 2*x + 1)*y", "sin((x - 1)^2)*y"),
    ("0.1*x^2 - 0.1", "0.1*((x + 1)*(x - 1))"),
    ("1 - x^2", "-((x + 1)*(x - 1))"),
    ("x*y - x", "x*y - x"),
    ("x*1e3 - (x + 7)", "x*1000 - (x + 7)"),
    ("3*x^2 - 2*x - 5", "3*x^2 - 2*x - 5"),
    ("x^99 - x", "x^99 - x"),
    ("a = x^2 - 2*x; a + 1", "(x - 1)^2"),
]


@pytest.mark.parametrize(("text", "shown"), EXAMPLES)
def test_forms(text: str, shown: str) -> None:
    graph = bp.parse(text).graph()
    made = factored(graph).graph
    assert unparse(made).replace("\n", "; ") == shown
    point = {graph.names[i]: 0.7 + i for i in graph.inputs}
    before = precise(graph, point, decimal=True)[graph.output()]
    after = precise(made, point, decimal=True)[made.output()]
    assert abs(before - after) <= 1e-30


def test_arrays_stay() -> None:
    graph = bp.parse("sum(v^2 - 2*v + 1)", shapes={"v": (3,)}).graph({"v": [1.0, 2.0, 3.0]})
    assert factored(graph).applied == []


NUMBERS = st.integers(-6, 6).map(Fraction)
POLYNOMIALS = st.lists(NUMBERS, min_size=2, max_size=5).map(trimmed).filter(lambda p: len(p) > 1)


@given(POLYNOMIALS, POLYNOMIALS)
def test_quotient_and_rest(a: Poly, b: Poly) -> None:
    quotient, rest = divided(a, b)
    assert plus(times(quotient, b), rest) == a
    assert len(rest) < len(b)


@given(st.lists(POLYNOMIALS, min_size=1, max_size=3), st.integers(1, 3))
def test_factors_make_the_polynomial(parts: list[Poly], power: int) -> None:
    p = reduce(times, parts * power)
    made: Poly = (p[-1],)
    for factor, k in factors(p):
        assert factor[-1] == 1
        made = reduce(times, [factor] * k, made)
    assert made == p
