"""Reverse, forward, the numeric sweep and the sum over paths are one derivative."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import strategies as own
from hypothesis import assume, given
from hypothesis import strategies as st

from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.engine.sweep import Sweep
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.verify import verify
from backprop_cli.transform.forward import forward
from backprop_cli.transform.reverse import reverse

INFINITE = (math.inf, -math.inf)


def path_products(sweep: Sweep, target: int) -> list[float]:
    """Every path's product of partials by brute force, from the output down."""
    graph = sweep.graph
    found = []
    stack = [(sweep.output, float(sweep.seed))]
    while stack:
        node, product = stack.pop()
        if node == target:
            found.append(product)
            continue
        for position, argument in enumerate(graph.arguments(node)):
            partial = sweep.partial(node, position)
            if partial is not None:
                stack.append((argument, product * float(partial)))
        assume(len(stack) + len(found) < 5000)
    return found


def same(a: float, b: float, scale: float = 0.0, relative: float = 1e-9) -> bool:
    """Equal as IEEE answers: to rounding, and in kind where not finite."""
    if a != a or b != b:
        return a != a and b != b
    return a == b or abs(a - b) <= relative * max(abs(a), abs(b), scale)


def finite_edges(sweep: Sweep) -> bool:
    """Whether every partial on existing edges, and every product on the way, is finite."""
    graph = sweep.graph
    for node in range(len(graph)):
        if sweep.adjoints[node] is None:
            continue
        if not np.all(np.isfinite(sweep.adjoints[node])):
            return False
        for position in range(len(graph.arguments(node))):
            partial = sweep.partial(node, position)
            if partial is not None and not np.all(np.isfinite(partial)):
                return False
    return True


@given(st.data())
def test_sweep_is_the_sum_over_paths(data: st.DataObject) -> None:
    """At any edge value: to rounding where path products are finite, else by their classes."""
    graph = data.draw(own.scalar_graphs(size=8))
    point = data.draw(own.points(graph, own.edge_values()))
    for backend in ("python", "numpy"):
        sweep = differentiate(graph, point, backend=backend)
        for node in graph.inputs:
            products = path_products(sweep, node)
            # a product that overflows on the way depends on the order of its factors
            assume(
                all(
                    p == 0 or 1e-200 < abs(p) < 1e200 or abs(p) == math.inf or p != p
                    for p in products
                )
            )
            if any(p != p for p in products) or all(s in products for s in INFINITE):
                wanted = math.nan
            else:
                wanted = sum(products)
            scale = max((abs(p) for p in products if math.isfinite(p)), default=0.0)
            found = float(sweep.gradient[node])
            assert same(found, wanted, scale * len(products)), (backend, products)
            assert (sweep.adjoints[node] is None) == (not products)


def modes(graph: Graph, point: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The gradient by every mode and backend, by variable."""
    output = graph.outputs[0][1]
    scalar = graph.is_scalar
    names = [graph.names[node] for node in graph.inputs]
    backends = ("python", "numpy") if scalar else ("numpy",)
    found: dict[str, dict[str, Any]] = {}
    once = reverse(graph)
    verify(once.graph)
    for backend in backends:
        sweep = differentiate(graph, point, backend=backend)
        found[f"sweep, {backend}"] = {graph.names[i]: v for i, v in sweep.gradient.items()}
        if once.graph.is_scalar or backend == "numpy":
            values = evaluate(once.graph, point, backend).values
            found[f"reverse, {backend}"] = {
                graph.names[i]: values[node] for i, node in once.gradient.items()
            }
    tangent = forward(graph, {i: f"d{graph.names[i]}" for i in graph.inputs})
    verify(tangent.graph)
    rest = {f"d{name}": np.zeros(np.shape(point[name])) for name in names}
    result: dict[str, Any] = {}
    for name in names:
        size = int(np.size(point[name]))
        columns = []
        for k in range(size):
            unit = np.zeros(size)
            unit[k] = 1.0
            moved = rest | {f"d{name}": unit.reshape(np.shape(point[name]))}
            values = evaluate(tangent.graph, point | moved).values
            columns.append(float(values[tangent.tangents[output]]))
        result[name] = np.array(columns).reshape(np.shape(point[name]))
    found["forward"] = result
    return found


@given(st.data())
def test_modes_agree_on_scalars(data: st.DataObject) -> None:
    """Where every partial is finite, at edge values too."""
    graph = data.draw(own.scalar_graphs(size=8))
    point = data.draw(own.points(graph, own.edge_values() | own.ordinary()))
    sweep = differentiate(graph, point, backend="python")
    assume(finite_edges(sweep))
    found = modes(graph, point)
    wanted = found.pop("sweep, python")
    scale = max((abs(a) for a in sweep.adjoints if a is not None), default=0.0)
    for mode, gradient in found.items():
        for name, value in gradient.items():
            assert same(float(value), float(wanted[name]), scale), (mode, name, value, wanted)


@given(st.data())
def test_modes_agree_on_arrays(data: st.DataObject) -> None:
    """Random programs on arrays, with broadcasting, reductions, indices and selections."""
    graph = data.draw(own.tensor_graphs())
    point = data.draw(own.points(graph))
    sweep = differentiate(graph, point, backend="numpy")
    assume(finite_edges(sweep))
    found = modes(graph, point)
    wanted = found.pop("sweep, numpy")
    scale = max(
        (float(np.max(np.abs(a))) for a in sweep.adjoints if a is not None and np.size(a)),
        default=0.0,
    )
    for mode, gradient in found.items():
        for name, value in gradient.items():
            np.testing.assert_allclose(
                value, wanted[name], rtol=1e-8, atol=1e-10 * max(scale, 1.0), err_msg=mode
            )
            assert np.shape(value) == np.shape(point[name])


@given(st.data())
def test_second_order_is_symmetric(data: st.DataObject) -> None:
    """Mixed second derivatives agree in either order, by reverse of reverse."""
    graph = data.draw(own.scalar_graphs(rows=own.SMOOTH, variables=2, size=6))
    assume(len(graph.inputs) == 2)
    point = data.draw(own.points(graph))
    x, y = graph.inputs
    once = reverse(graph)
    mixed = []
    for first, second in ((x, y), (y, x)):
        again = reverse(once.graph, once.gradient[first], [second])
        mixed.append(evaluate(again.graph, point).values[again.gradient[second]])
    assume(all(map(math.isfinite, mixed)))
    assert same(mixed[0], mixed[1], 1.0, 1e-7)


def test_gradient_of_a_middle_node() -> None:
    """The derivative by any node: the rest of the graph is held constant."""
    b = Builder()
    x, y = b.input("x"), b.input("y")
    p = b.add("mul", x, y, name="p")
    graph = b.graph([(None, b.add("mul", b.add("add", p, x), p))])
    point = {"x": 2.0, "y": 3.0}
    for backend in ("python", "numpy"):
        sweep = differentiate(graph, point, wrt=[p, x], backend=backend)
        assert sweep.gradient == {p: 14.0, x: 48.0}
        sweep = differentiate(graph, point, wrt=[p], backend=backend)
        assert sweep.gradient == {p: 14.0}
    once = reverse(graph, wrt=[p])
    assert evaluate(once.graph, point).values[once.gradient[p]] == 14.0


def test_an_output_that_is_the_variable() -> None:
    b = Builder()
    x = b.input("x")
    graph = b.graph([(None, x)])
    assert differentiate(graph, {"x": 5.0}).gradient == {x: 1.0}
    once = reverse(graph)
    assert evaluate(once.graph, {"x": 5.0}).values[once.gradient[x]] == 1.0
    along = forward(graph, {x: "d"})
    assert evaluate(along.graph, {"x": 5.0, "d": 3.0}).values[along.tangents[x]] == 3.0


def test_no_path() -> None:
    """A variable that the output does not depend on has the derivative 0, in its own shape."""
    b = Builder()
    x, y = b.input("x"), b.input("y", (2,))
    graph = b.graph([(None, b.add("sin", x))])
    sweep = differentiate(graph, {"x": 0.5, "y": np.ones(2)})
    assert np.array_equal(sweep.gradient[y], np.zeros(2))
    assert [w.kind for w in sweep.warnings] == ["no-path"]
    once = reverse(graph)
    values = evaluate(once.graph, {"x": 0.5, "y": np.ones(2)}).values
    assert np.array_equal(values[once.gradient[y]], np.zeros(2))
    along = forward(graph, {y: "d"})
    result = evaluate(along.graph, {"x": 0.5, "y": np.ones(2), "d": np.ones(2)})
    assert result.values[along.tangents[graph.outputs[0][1]]] == 0.0


@pytest.mark.parametrize("seed", [0.0, 2.0, -3.0])
def test_seeds(seed: float) -> None:
    """The seed scales the gradient; a seed of exactly 0 has no edges below it."""
    b = Builder()
    x = b.input("x")
    graph = b.graph([(None, b.add("sqrt", x))])
    for backend in ("python", "numpy"):
        sweep = differentiate(graph, {"x": 4.0}, seed=seed, backend=backend)
        assert sweep.gradient[x] == seed / 4
        if seed == 0:
            assert differentiate(graph, {"x": 0.0}, seed=seed, backend=backend).gradient[x] == 0


def test_seed_elements_of_zero_do_not_exist() -> None:
    b = Builder()
    v = b.input("v", (2,))
    graph = b.graph([(None, b.add("sqrt", v))])
    sweep = differentiate(graph, {"v": np.array([0.0, 4.0])}, seed=np.array([0.0, 1.0]))
    assert sweep.gradient[v].tolist() == [0.0, 0.25]


def test_what_is_no_edge_does_not_depend_on_wrt() -> None:
    """Only a factor that is a constant 0 is no edge; a variable that happens to be 0 is one."""
    b = Builder()
    a, x = b.input("a"), b.input("x")
    graph = b.graph([(None, b.add("mul", a, b.add("sqrt", x)))])
    point = {"a": 0.0, "x": 0.0}
    for backend in ("python", "numpy"):
        for wrt in ([a, x], [x]):
            sweep = differentiate(graph, point, wrt=wrt, backend=backend)
            assert math.isnan(sweep.gradient[x]), (backend, wrt)
    # and d2/dadx of a*x is 1 where a is 0, whichever comes first
    b = Builder()
    a, x = b.input("a"), b.input("x")
    graph = b.graph([(None, b.add("mul", a, x))])
    for first, second in ((a, x), (x, a)):
        once = reverse(graph, wrt=[first])
        again = reverse(once.graph, once.gradient[first], [second])
        assert evaluate(again.graph, point).values[again.gradient[second]] == 1.0
        along = forward(graph, {first: "d"})
        tangent = along.tangents[graph.outputs[0][1]]
        name = graph.names[second]
        sweep = differentiate(along.graph, point | {"d": 1.0}, tangent)
        assert sweep.gradient[along.graph.by_name[name]] == 1.0
