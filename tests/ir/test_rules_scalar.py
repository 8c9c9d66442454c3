"""Every elementwise row against values and central differences of mpmath, to second order."""

from __future__ import annotations

import math
from itertools import combinations_with_replacement, product

import oracles
import pytest

from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import OPERATIONS, Operation
from backprop_cli.transform.forward import forward
from backprop_cli.transform.reverse import reverse

ROWS = [row for row in OPERATIONS if row.elementwise]

# Where careless formulas lose their digits.
TAILS: dict[str, list[tuple[float, ...]]] = {
    "acos": [(1 - 1e-10,), (-1 + 1e-12,), (1e-9,)],
    "acosh": [(1 + 1e-10,), (1e8,), (1e160,)],
    "asin": [(1 - 1e-10,), (-1 + 1e-12,), (1e-9,)],
    "asinh": [(1e-10,), (1e160,), (-1e160,)],
    "atan": [(1e8,), (1e160,), (1e-9,)],
    "atan2": [(1e-9, 1.0), (1e150, 1e150), (3e-150, -4e-150), (1.0, -1e-9)],
    "atanh": [(1 - 1e-10,), (-1 + 1e-12,), (1e-9,)],
    "cbrt": [(1e-12,), (-8.0,), (1e200,)],
    "digamma": [(-0.5,), (-3.7,), (30.0,), (1e-3,), (1e6,)],
    "elu": [(-40.0, 1.0), (-1e-10, 2.0), (3.0, 0.5)],
    "erf": [(1e-9,), (5.0,), (-5.0,)],
    "erfc": [(5.0,), (10.0,), (-3.0,), (20.0,)],
    "exp": [(-700.0,), (700.0,)],
    "exp2": [(-900.0,), (900.0,), (0.1,)],
    "expm1": [(1e-12,), (-40.0,), (40.0,)],
    "gamma": [(-0.5,), (-3.7,), (1e-5,), (20.0,), (150.0,)],
    "gelu": [(-6.0,), (-12.0,), (6.0,), (1e-9,), (-0.7517915246935645,)],
    "hypot": [(1e200, 1e200), (3e-200, 4e-200), (1.0, 1e-12)],
    "lgamma": [(-0.5,), (-3.7,), (1e-5,), (200.0,), (1e6,)],
    "log": [(1e-150,), (1 + 1e-12,), (1e300,)],
    "log1p": [(1e-12,), (-1 + 1e-10,), (1e15,), (-1e-9,)],
    "log_sigmoid": [(-40.0,), (40.0,), (-700.0,), (700.0,)],
    "logaddexp": [(800.0, 799.0), (-800.0, -801.5), (0.0, 40.0), (0.0, -300.0)],
    "polygamma": [(-0.5,), (-3.3,), (30.0,), (1e-3,)],
    "pow": [(1e-10, 3.0), (2.0, -900.0), (1 + 1e-9, 1e8), (1e-200, 0.5)],
    "sigmoid": [(40.0,), (-40.0,), (300.0,), (-300.0,)],
    "silu": [(-40.0,), (40.0,), (-300.0,), (1e-9,)],
    "sinc": [(1e-9,), (0.1,), (0.3999,), (0.4001,), (1.0,), (5.0,), (-0.5,), (0.0,), (-1e-3,)],
    "softplus": [(-40.0,), (40.0,), (-700.0,), (1e-9,)],
    "tan": [(1.57,), (1e-9,)],
    "tanh": [(20.0,), (-20.0,), (300.0,), (1e-9,)],
    "xlogy": [(1e-20, 1e-5), (3.0, 1 + 1e-12), (1.0, 1e300)],
}
# Near a zero of a derivative only the absolute error is small.
ROOTS = {("gelu", (-0.7517915246935645,))}


def statics(row: Operation) -> list[int | None]:
    return [0, 1, 2, 3] if row.name == "polygamma" else [None]


Case = tuple[tuple[float, ...], int | None]  # a probe and the static parameter


def cases(row: Operation) -> list[Case]:
    probes = dict.fromkeys((*row.probes, *TAILS.get(row.name, ())))
    return list(product(probes, statics(row)))


def program(row: Operation, count: int, static: int | None) -> Graph:
    """The row alone, on variables."""
    builder = Builder()
    x = [builder.input(f"x{k}") for k in range(count)]
    return builder.graph([(None, builder.add(row.name, *x, static=static))])


def point(probe: tuple[float, ...]) -> dict[str, float]:
    return {f"x{k}": value for k, value in enumerate(probe)}


def extra(static: int | None) -> tuple[int, ...]:
    return () if static is None else (static,)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_elementwise_row_has_probes_and_an_oracle(row: Operation) -> None:
    """A row without probes, or without a value in mpmath, would be tested by nothing."""
    assert row.probes
    assert row.name in oracles.MPMATH


def test_every_tail_names_a_row() -> None:
    assert TAILS.keys() <= {row.name for row in ROWS}


BOTH = pytest.mark.parametrize("backend", ["python", "numpy"])


@BOTH
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_values(row: Operation, backend: str) -> None:
    """A value agrees with mpmath to a few rounding errors."""
    # the product pi*x is rounded, so sinc's zeros are as NumPy's
    absolute = 1e-16 if row.name == "sinc" else 1e-300
    for probe, static in cases(row):
        found = evaluate(program(row, len(probe), static), point(probe), backend).value
        exact = oracles.value(row.name, probe, *extra(static))
        assert oracles.close(found, exact, 1e-13, absolute), (probe, static, found, exact)


DIFFERENTIABLE = [row for row in ROWS if any(row.partials)]


@BOTH
@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=lambda row: row.name)
def test_partials(row: Operation, backend: str) -> None:
    """Each argument's rule agrees with central differences of high-precision values."""
    for probe, static in cases(row):
        graph = program(row, len(probe), static)
        gradient = differentiate(graph, point(probe), backend=backend).gradient
        absolute = 1e-13 if (row.name, probe) in ROOTS else 1e-300
        for k, node in enumerate(graph.inputs):
            orders = [int(k == other) for other in range(len(probe))]
            exact = oracles.difference(row.name, probe, orders, *extra(static))
            found = gradient[node]
            assert oracles.close(found, exact, 1e-12, absolute), (probe, static, k, found, exact)


@pytest.mark.parametrize("mode", ["reverse of reverse", "reverse of forward", "forward of reverse"])
@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=lambda row: row.name)
def test_second_derivatives(row: Operation, mode: str) -> None:
    """The rules' own derivatives agree with second differences, by every mode."""
    for probe, static in cases(row):
        graph = program(row, len(probe), static)
        for a, b in combinations_with_replacement(range(len(probe)), 2):
            if row.rule(a) is None or row.rule(b) is None:
                continue
            orders = [(a == k) + (b == k) for k in range(len(probe))]
            exact = oracles.difference(row.name, probe, orders, *extra(static))
            found = second_derivative(graph, point(probe), a, b, mode)
            # the terms of a second derivative may cancel to a small sum
            absolute = 1e-13 * max(1.0, abs(float(exact)))
            close = oracles.close(found, exact, 2e-11, absolute)
            assert close, (probe, static, a, b, found, exact)


def second_derivative(graph: Graph, at: dict[str, float], a: int, b: int, mode: str) -> float:
    """The derivative by variable `a`, then by variable `b`."""
    first, other = graph.inputs[a], graph.inputs[b]
    name = graph.names[other]
    if mode == "reverse of reverse":
        once = reverse(graph)
        again = reverse(once.graph, once.gradient[first], [other])
        found = evaluate(again.graph, at).values[again.gradient[other]]
        numeric = differentiate(once.graph, at, once.gradient[first]).gradient[
            once.graph.by_name[name]
        ]
        assert math.isclose(found, numeric, rel_tol=1e-12, abs_tol=1e-300)
        return found
    if mode == "reverse of forward":
        along = forward(graph, {first: "d"})
        tangent = along.tangents[graph.outputs[0][1]]
        sweep = differentiate(along.graph, at | {"d": 1.0}, tangent)
        return float(sweep.gradient[along.graph.by_name[name]])
    once = reverse(graph)
    along = forward(once.graph, {other: "d"}, [once.gradient[first]])
    tangent = along.tangents[once.gradient[first]]
    return float(evaluate(along.graph, at | {"d": 1.0}).values[tangent])
