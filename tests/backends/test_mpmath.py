"""The mpmath backend: every row has a value there, the same as the other backends to rounding."""

from __future__ import annotations

import math

import numpy as np
import oracles
import pytest
import strategies as own
from hypothesis import assume, given
from hypothesis import strategies as st
from mpmath import mp

from backprop_cli.backends import mpmath_arrays, mpmath_numbers, tensor_functions
from backprop_cli.engine.evaluate import evaluate
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import OPERATIONS, Operation

ROWS = [row for row in OPERATIONS if row.elementwise and row.name != "polygamma"]
SOURCES = ("input", "const")


def test_every_row_has_a_value() -> None:
    table = {*mpmath_numbers.ELEMENTWISE, *mpmath_arrays.OTHER, *SOURCES}
    assert {row.name for row in OPERATIONS} - table == set()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_elementwise_rows_agree_with_definitions(row: Operation) -> None:
    for probe in row.probes:
        with mp.workdps(60):
            found = mpmath_numbers.compute(row.name, None, [mp.mpf(x) for x in probe])
            exact = oracles.value(row.name, probe)
            assert abs(found - exact) <= mp.mpf(10) ** -50 * max(1, abs(exact))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_edges_agree_with_numpy(row: Operation) -> None:
    """What is nan, infinite or finite is so in both, where floats do not overflow."""
    edges = [0.0, 1.0, -1.0, 2.0, -2.0, 0.5, math.inf, -math.inf, math.nan]
    count = row.arity[0]
    for point in np.array(np.meshgrid(*[edges] * count)).reshape(count, -1).T[:400].tolist():
        if any(map(math.isinf, point)) and row.name not in ("add", "exp", "where", "relu"):
            continue
        with np.errstate(all="ignore"):
            wanted = float(tensor_functions.compute(row.name, None, list(map(np.float64, point))))
        found = float(mpmath_numbers.compute(row.name, None, list(map(mp.mpf, point))))
        if row.name == "mod" and point[1] == 0:
            continue
        if math.isinf(wanted) and row.name in ("gamma", "digamma") and math.isnan(found):
            continue  # a pole has no value
        assert found == pytest.approx(wanted, rel=1e-13, abs=1e-15, nan_ok=True), point


def both(graph: Graph, point: dict[str, object]) -> None:
    done = evaluate(graph, point, "numpy")
    with mp.workdps(40):
        bound = {i: mpmath_numbers.numbers(point[graph.names[i]]) for i in graph.inputs}
        values = mpmath_numbers.forward(graph, bound)
    for i, value in enumerate(values):
        wanted = np.asarray(done.values[i])
        found = np.asarray(value).astype(np.float64)
        assert found.shape == wanted.shape
        scale = np.max(np.abs(wanted), initial=1.0)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * scale)


@given(st.data())
def test_tensor_programs_agree_with_numpy(data: st.DataObject) -> None:
    graph = data.draw(own.tensor_graphs())
    assume(all(all(shape) for shape in graph.shapes.values()))  # NumPy warns of empty means
    both(graph, data.draw(own.points(graph)))


RANDOM = np.random.default_rng(1)
SQUARE, STACK, VECTOR = RANDOM.random((3, 3)), RANDOM.random((2, 3, 3)), RANDOM.random(3)
CASES = [
    ("inv", [SQUARE], None), ("inv", [STACK], None), ("inv", [np.ones((2, 2))], None),
    ("det", [SQUARE], None), ("det", [STACK], None), ("logdet", [STACK], None),
    ("logdet", [np.diag([-1.0, 2.0])], None), ("solve", [SQUARE, VECTOR], None),
    ("solve", [STACK, SQUARE], None), ("cofactor", [STACK], None),
    ("det", [np.array([[0.0, 1.0], [0.0, 1.0]])], None), ("det", [np.eye(3)[[1, 0, 2]]], None),
    ("cofactor", [np.ones((1, 1))], None), ("cross", [VECTOR, SQUARE], None),
    ("trace", [SQUARE], None), ("diag", [VECTOR], None), ("diag", [SQUARE], None),
    ("matmul", [STACK, VECTOR], None), ("outer", [VECTOR, VECTOR], None),
    ("norm", [SQUARE], ((0,), True)), ("std", [SQUARE], (None, False)),
    ("log_softmax", [SQUARE], 0), ("softmax", [np.float64(2.0)], 0),
    ("logsumexp", [SQUARE], ((1,), False)), ("polygamma", [VECTOR], 2),
    ("scatter", [VECTOR], ((1,), (2, 3))), ("sum_to", [STACK], (1, 3)),
    ("eye", [], (2, 3)), ("arange", [], (0.0, 2.0, 0.5)),
]  # fmt: skip


@pytest.mark.parametrize(("op", "x", "static"), CASES, ids=[str(c[0]) for c in CASES])
def test_array_rows_agree_with_numpy(op: str, x: list[np.ndarray], static: object) -> None:
    builder = Builder()
    nodes = [builder.input(f"x{k}", np.shape(v)) for k, v in enumerate(x)]
    graph = builder.graph([(None, builder.add(op, *nodes, static=static))])
    both(graph, {f"x{k}": v for k, v in enumerate(x)})


def test_nothing_overflows() -> None:
    with mp.workdps(30):
        tower = mpmath_numbers.compute("exp", None, [mp.mpf(1e300)])
        assert mp.isfinite(tower)
        assert mpmath_numbers.compute("exp", None, [tower]) == mp.inf
        assert mpmath_numbers.compute("tanh", None, [tower]) == 1
        assert mp.isnan(mpmath_numbers.compute("sin", None, [tower]))


def test_constants_as_digits() -> None:
    with mp.workdps(40):
        assert mpmath_numbers.constant(0.1, True) == mp.mpf(1) / 10
        assert mpmath_numbers.constant(0.1, False) != mp.mpf(1) / 10
        assert mpmath_numbers.constant(-math.pi, True) == -mp.pi
