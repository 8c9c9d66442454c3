"""The two backends and the generated sweeps give the same numbers, on the edge grid too."""

from __future__ import annotations

import itertools
import math
import struct
from typing import Any

import numpy as np
import pytest
import strategies as own
from hypothesis import given
from hypothesis import strategies as st

from backprop_cli.backends import float_sweeps
from backprop_cli.backends.array_functions import ELEMENTWISE
from backprop_cli.backends.python_floats import TOTAL, FloatContext
from backprop_cli.backends.tensor_functions import OTHER
from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import OPERATIONS, Expr, Operation
from backprop_cli.ir.ops.contribution import Adjoint, combine, contributions

ROWS = [row for row in OPERATIONS if row.elementwise]
GRID = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, math.inf, -math.inf, math.nan, 1e300, -1e300, 1e-300, -1e-300,
    5e-324, 2.0, -2.0, 3.0, 0.1, 1e17, 709.9, -745.2, 30.5, -30.5,
]  # fmt: skip
TRIPLES = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 1e300]
# Special functions of SciPy against those of the C library: a few more rounding errors.
LOOSE = {"gamma": 12, "lgamma": 12, "erfc": 12, "gelu": 12}


def grid(row: Operation) -> list[tuple[float, ...]]:
    count = row.arity[0]
    return list(itertools.product(GRID if count < 3 else TRIPLES, repeat=count))


def ordinal(x: float) -> int:
    """A float's place among all floats, so that neighbours differ by 1; -0 and 0 share theirs."""
    bits: int = struct.unpack("<q", struct.pack("<d", x))[0]
    return bits if bits >= 0 else -(bits & 0x7FFFFFFFFFFFFFFF)


def near(a: float, b: float, ulps: int = 4) -> bool:
    if a != a or b != b:
        return a != a and b != b
    return abs(ordinal(a) - ordinal(b)) <= ulps


def alone(row: Operation, count: int) -> Graph:
    builder = Builder()
    x = [builder.input(f"x{k}") for k in range(count)]
    static = 1 if row.name == "polygamma" else None
    return builder.graph([(None, builder.add(row.name, *x, static=static))])


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
def test_every_row_has_a_place_in_each_backend(row: Operation) -> None:
    if row.name in ("input", "const"):
        return
    assert (row.name in TOTAL) == row.elementwise
    assert (row.name in ELEMENTWISE) != (row.name in OTHER)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_values_on_the_edge_grid(row: Operation) -> None:
    """Within 4 ulp, with the same inf, nan and (but for sums of zeros) sign of zero."""
    graph = alone(row, row.arity[0])
    wrong = []
    for x in grid(row):
        point = {f"x{k}": v for k, v in enumerate(x)}
        a = evaluate(graph, point, "python").value
        b = float(evaluate(graph, point, "numpy").value)
        ulps = LOOSE.get(row.name, 4)
        signs = math.copysign(1, a) == math.copysign(1, b) if a == 0 else True
        if not near(a, b, ulps) or not signs:
            wrong.append((x, a, b))
    assert not wrong, wrong[:8]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_gradients_on_the_edge_grid(row: Operation) -> None:
    """The python sweep and the numpy sweep agree, in edges as well as numbers."""
    graph = alone(row, row.arity[0])
    wrong = []
    for x in grid(row):
        point = {f"x{k}": v for k, v in enumerate(x)}
        one = differentiate(graph, point, backend="python")
        two = differentiate(graph, point, backend="numpy")
        for node in graph.inputs:
            a, b = one.gradient[node], float(two.gradient[node])
            edges = (one.adjoints[node] is None) == (two.adjoints[node] is None)
            if (not near(a, b, 64) and not (abs(a) < 1e-290 and abs(b) < 1e-290)) or not edges:
                wrong.append((x, graph.names[node], a, b, edges))
        if one.flags != two.flags:
            wrong.append((x, "flags", one.flags, two.flags))
    assert not wrong, wrong[:8]


def reference(graph: Graph, values: list[float], output: int) -> list[float | None]:
    """The reverse sweep by the rows themselves, with floats: what the generated text must give."""
    context = FloatContext()
    pending: list[list[Adjoint]] = [[] for _ in range(len(graph))]
    adjoints: list[float | None] = [None] * len(graph)
    pending[output].append(Adjoint(Expr(context, 1.0)))
    for i in range(output, -1, -1):
        parts = [p for p in pending[i] if p.mask is None or p.mask.value]
        if not parts or not graph.active[i]:
            continue
        g = Adjoint(combine(parts).value)
        adjoints[i] = g.value.value
        arguments = graph.arguments(i)
        x = [Expr(context, values[a]) for a in arguments]
        flags = [bool(graph.active[a]) for a in arguments]
        out = Expr(context, values[i])
        row, static = graph.op(i), graph.static.get(i)
        for position, part in contributions(row, x, out, g, flags, static, flags):
            pending[arguments[position]].append(part)
    return adjoints


@given(st.data())
def test_generated_sweep_is_the_rows(data: st.DataObject) -> None:
    """The printed text, fast or safe, gives bit for bit what the rows give with floats."""
    graph = data.draw(own.scalar_graphs(size=14))
    point = data.draw(own.points(graph, st.sampled_from(own.EXTREMES) | own.ordinary()))
    bound = {i: point[graph.names[i]] for i in graph.inputs}
    values = float_sweeps.forward(graph, bound)
    context = FloatContext()
    for i in range(len(graph)):
        if graph.arguments(i):
            x = tuple(Expr(context, values[a]) for a in graph.arguments(i))
            alone = context.apply(graph.op(i).name, x, graph.static.get(i)).value
            assert near(values[i], alone, 0), (graph.op(i), [e.value for e in x], values[i], alone)
    output = graph.outputs[0][1]
    found, _ = float_sweeps.reverse(graph, values, graph.active, output, 1.0)
    wanted = reference(graph, values, output)
    for i, (a, b) in enumerate(zip(found, wanted, strict=True)):
        if a is None or b is None:
            assert a is b, (i, a, b)
        else:
            assert near(a, b, 2), (i, a, b)


@given(st.data())
def test_backends_agree_on_programs(data: st.DataObject) -> None:
    """Random programs at ordinary points, where errors are not amplified."""
    graph = data.draw(own.scalar_graphs(rows=own.SMOOTH, size=8))
    point = data.draw(own.points(graph))
    one = differentiate(graph, point, backend="python")
    two = differentiate(graph, point, backend="numpy")
    for a, b in zip(one.values, two.values, strict=True):
        assert math.isclose(a, float(b), rel_tol=1e-11, abs_tol=1e-11)
    for node in graph.inputs:
        a, b = one.gradient[node], float(two.gradient[node])
        assert math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


BROADCAST = [((2, 3), (3,), (2, 1)), ((2, 1), (1, 3), ()), ((), (2, 3), (1, 3))]


@pytest.mark.parametrize("shapes", BROADCAST, ids=str)
@pytest.mark.parametrize("row", [row for row in ROWS if row.arity != (1, 1)], ids=lambda r: r.name)
def test_broadcasting_is_a_sum_of_scalar_gradients(
    row: Operation, shapes: tuple[tuple[int, ...], ...]
) -> None:
    """On arrays each row is the scalar row for each element, and adjoints sum over the copies."""
    count = row.arity[0] if row.arity[1] is not None else 3
    generator = np.random.default_rng(3)
    x = [generator.choice([0.25, 0.5, 1.5, 2.0], size=shape) for shape in shapes[:count]]
    if row.name == "clip":
        x[2] = x[2] + x[1].max()
    builder = Builder()
    inputs = [builder.input(f"x{k}", v.shape) for k, v in enumerate(x)]
    node = builder.add(row.name, *inputs)
    graph = builder.graph([(None, builder.add("sum", node, static=(None, False)))])
    sweep = differentiate(graph, {f"x{k}": v for k, v in enumerate(x)})
    wanted = [np.zeros(v.shape) for v in x]
    scalar = alone(row, count)
    for place in np.ndindex(np.broadcast_shapes(*(v.shape for v in x))):
        at = [
            tuple(
                0 if n == 1 else p
                for p, n in zip(place[len(place) - v.ndim :], v.shape, strict=True)
            )
            for v in x
        ]
        point = {f"x{k}": float(v[a]) for k, (v, a) in enumerate(zip(x, at, strict=True))}
        one = differentiate(scalar, point, backend="python")
        assert np.isclose(np.asarray(sweep.values[node])[place], one.value, rtol=1e-13)
        for k, input_ in enumerate(scalar.inputs):
            wanted[k][at[k]] += one.gradient[input_]
    for k, input_ in enumerate(inputs):
        np.testing.assert_allclose(sweep.gradient[input_], wanted[k], rtol=1e-12, atol=1e-13)
        assert np.shape(sweep.gradient[input_]) == np.shape(x[k])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_rules_are_linear_in_the_cotangent(row: Operation) -> None:
    """A contribution scales with the adjoint (powers of 2, so exactly), its mask never changes."""
    context = FloatContext()
    static = 1 if row.name == "polygamma" else None
    for probe in row.probes:
        x = [Expr(context, v) for v in probe]
        out = context.apply(row.name, tuple(x), static)
        active = [True] * len(probe)
        results: list[list[Any]] = []
        for scale in (1.0, 4.0, -0.5):
            g = Adjoint(Expr(context, scale))
            found = contributions(row, x, out, g, active, static, active)
            results.append([(k, a.value.value / scale, a.mask and a.mask.value) for k, a in found])
        assert results[0] == results[1] == results[2]


def test_python_backend_needs_no_numpy() -> None:
    """Scalar programs run without importing numpy, but for special functions."""
    import subprocess
    import sys

    text = (
        "import sys\n"
        "from backprop_cli.ir.builder import Builder\n"
        "from backprop_cli.engine.evaluate import differentiate\n"
        "b = Builder(); x = b.input('x')\n"
        "g = b.graph([(None, b.add('mul', x, b.add('sin', x)))])\n"
        "assert differentiate(g, {'x': 2.0}).gradient[x] != 0\n"
        "assert 'numpy' not in sys.modules and 'scipy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", text], check=True, timeout=60)


def test_variadic_ties() -> None:
    """A tie of k operands gives 1/k to each, in every arity."""
    for count in (2, 3, 5):
        builder = Builder()
        x = [builder.input(f"x{k}") for k in range(count)]
        graph = builder.graph([(None, builder.add("maximum", *x))])
        point = {f"x{k}": 2.0 for k in range(count)}
        for backend in ("python", "numpy"):
            sweep = differentiate(graph, point, backend=backend)
            assert list(sweep.gradient.values()) == [1 / count] * count


def test_deep_chain() -> None:
    """Depth is bounded by memory, not by Python's recursion limit."""
    builder = Builder()
    node = builder.input("x")
    for _ in range(3_000):
        node = builder.add("sin", node)
    graph = builder.graph([(None, node)])
    for backend in ("python", "numpy"):
        assert math.isfinite(differentiate(graph, {"x": 1.0}, backend=backend).gradient[0])


def test_safe_functions_never_raise() -> None:
    """Each function of TOTAL answers on the whole grid."""
    for row in ROWS:
        for x in grid(row):
            extra = (1,) if row.name == "polygamma" else ()
            assert isinstance(TOTAL[row.name](*x, *extra), float)


@pytest.mark.parametrize("count", [8, 9, 10, 1000])
def test_the_maximum_of_many_arguments(count: int) -> None:
    """However wide, it gives 1/k to each of the k that attain it, and nothing to the others."""
    b = Builder()
    nodes = [b.input(f"x{k}") for k in range(count)]
    graph = b.graph([(None, b.add("maximum", *nodes))])
    point = {f"x{k}": float(min(k, count - 2)) for k in range(count)}
    for backend in ("python", "numpy"):
        sweep = differentiate(graph, point, backend=backend)
        assert sweep.value == count - 2
        assert [sweep.adjoints[k] for k in nodes[-3:]] == [None, 0.5, 0.5]
        assert [w.kind for w in sweep.warnings if w.kind != "no-path"] == ["kink"]


def test_polygamma_left_of_0() -> None:
    """Where the cotangent of the reflection is 0; the numbers are mpmath's."""
    from backprop_cli.backends.polygamma import polygamma_values

    assert polygamma_values(2, -30.5) == pytest.approx(-0.001040312187353783, rel=1e-15)
    assert polygamma_values(2, -0.5) == pytest.approx(-0.82879664423432, rel=1e-15)
