"""Values and gradients of whole programs against mpmath; what a sweep reports and refuses."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import oracles
import pytest
import strategies as own
from hypothesis import assume, given
from hypothesis import strategies as st

from backprop_cli.engine.evaluate import choose_backend, differentiate, evaluate
from backprop_cli.engine.lower import load, lower
from backprop_cli.errors import NameFault, ShapeFault, UsageFault
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph


def steps(graph: Graph) -> list[tuple[str, tuple[int, ...], Any]]:
    """The program up to its output, as the oracle takes it."""
    top = graph.outputs[0][1]
    return [
        (graph.op(i).name, tuple(graph.arguments(i)), graph.static.get(i)) for i in range(top + 1)
    ]


def well_conditioned(graph: Graph, at: list[float], exact: list[Any]) -> bool:
    """Whether errors of one part in 10^14, in the point and at every node, stay small."""
    program = steps(graph)
    with mp.workdps(oracles.DIGITS):
        shaken: list[tuple[str, tuple[int, ...], Any]] = []
        place: dict[int, int] = {}
        for i, step in enumerate(program):
            op, arguments, static = step
            shaken.append((op, tuple(place[a] for a in arguments), static))
            shaken.append(("const", (), 1 + (1 if i % 2 else -1) * mp.mpf(10) ** -14))
            shaken.append(("mul", (len(shaken) - 2, len(shaken) - 1), None))
            place[i] = len(shaken) - 1
        _, moved = oracles.program_gradient(shaken, at)
        return all(
            abs(a - b) <= mp.mpf(10) ** -13 * abs(a) and (a == 0 or abs(a) > mp.mpf(10) ** -30)
            for a, b in zip(exact, moved, strict=True)
        )


@given(st.data())
def test_gradients_of_programs_are_exact(data: st.DataObject) -> None:
    """To 10^-12 where the program is well conditioned, in both backends."""
    graph = data.draw(own.scalar_graphs(rows=own.SMOOTH, size=7))
    point = data.draw(own.points(graph))
    assume(not differentiate(graph, point).flags)  # a kink
    at = [point[graph.names[i]] for i in graph.inputs]
    _, exact = oracles.program_gradient(steps(graph), at)
    assume(well_conditioned(graph, at, exact))
    for backend in ("python", "numpy"):
        sweep = differentiate(graph, point, backend=backend)
        for node, wanted in zip(graph.inputs, exact, strict=True):
            found = float(sweep.gradient[node])
            assert oracles.close(found, wanted, 1e-12), (backend, found, wanted)


def graph_of(text: str, **shapes: tuple[int, ...]) -> Graph:
    return lower(load(text), shapes)


# Formulas of practice, with numbers that strain them.
PROGRAMS: list[tuple[str, dict[str, float]]] = [
    ("x*y + sin(x)", {"x": 1.0, "y": 2.0}),
    ("log(1 + x^2/(v*s^2)) * (v + 1)/2", {"x": 3.0, "v": 4.0, "s": 0.1}),
    ("exp(-(x - m)^2/(2*s^2))/(s*sqrt(2*pi))", {"x": 8.0, "m": 0.5, "s": 1.5}),
    ("-(t*log_sigmoid(z) + (1 - t)*log_sigmoid(-z))", {"t": 1.0, "z": -37.0}),
    ("s*0.5*erfc(-a/sqrt(2)) - k*exp(-r)*0.5*erfc(-b/sqrt(2))",
     {"s": 100.0, "a": 0.3, "k": 95.0, "r": 0.05, "b": 0.1}),
    ("(a + b)*(b + 1)", {"a": 2.0, "b": 1.0}),
    ("x^5 - 3x^4 + x^-2", {"x": -1.7}),
    ("tanh(w*x + c)^2 + softplus(-w*x)", {"w": 2.5, "x": 7.0, "c": 1.0}),
    ("atan2(y, x) + hypot(x, y)", {"x": -3e5, "y": 1e-5}),
    ("lgamma(a + b) - lgamma(a) - lgamma(b)", {"a": 0.3, "b": 7.5}),
    ("gelu(x)*silu(y) + elu(x, 1.5)", {"x": -4.0, "y": -30.0}),
    ("log1p(x) - xlogy(x, y) + expm1(x*y)", {"x": 1e-9, "y": 3.0}),
    ("x^y^x", {"x": 1.3, "y": 2.1}),
    ("cosh(x)*asinh(y) + acosh(cosh(x)) + atanh(y/10)", {"x": 2.0, "y": 3.0}),
    ("logaddexp(x, y) + sigmoid(x - y)*cbrt(z)", {"x": 30.0, "y": -5.0, "z": -8.5}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "point"), PROGRAMS, ids=[text for text, _ in PROGRAMS])
def test_formulas(text: str, point: dict[str, float]) -> None:
    """Value and gradient to 10^-12, and by the numpy backend the same."""
    graph = graph_of(text)
    at = [point[graph.names[i]] for i in graph.inputs]
    value, exact = oracles.program_gradient(steps(graph), at)
    for backend in ("python", "numpy"):
        sweep = differentiate(graph, point, backend=backend)
        assert oracles.close(sweep.value, value, 1e-13), backend
        for node, wanted in zip(graph.inputs, exact, strict=True):
            assert oracles.close(sweep.gradient[node], wanted, 1e-12), (backend, node)


def test_unbound_variables_are_named() -> None:
    graph = graph_of("x*y + z")
    with pytest.raises(NameFault, match="'y', 'z'") as caught:
        evaluate(graph, {"x": 1.0})
    assert caught.value.span == (2, 3)


def test_a_value_of_another_shape_is_refused() -> None:
    graph = graph_of("sum(x)", x=(2, 3))
    with pytest.raises(ShapeFault, match=r"'x' is \(3, 2\)"):
        evaluate(graph, {"x": np.ones((3, 2))})


def test_the_backend_follows_the_graph() -> None:
    scalar, tensor = graph_of("x*y"), graph_of("sum(x)", x=(2,))
    assert choose_backend(scalar) == "python"
    assert choose_backend(tensor) == choose_backend(scalar, "numpy") == "numpy"
    with pytest.raises(UsageFault):
        choose_backend(tensor, "python")
    with pytest.raises(UsageFault):
        choose_backend(scalar, "abacus")


def test_edges_multiply_out_to_the_adjoints() -> None:
    """adjoint × partial is the contribution, and contributions add up to the adjoint."""
    graph = graph_of("a = x*y; b = sin(a) + a/y; b*a")
    point = {"x": 1.25, "y": -0.5}
    for backend in ("python", "numpy"):
        sweep = differentiate(graph, point, backend=backend)
        sums = dict.fromkeys(range(len(graph)), 0.0)
        sums[sweep.output] = 1.0
        for node in range(len(graph)):
            for position, argument in enumerate(graph.arguments(node)):
                partial = sweep.partial(node, position)
                if partial is None:
                    assert not sweep.active[argument]
                    assert not sweep.has_edge(node, position)
                    continue
                part = sweep.contribution(node, position)
                assert math.isclose(part, sweep.adjoints[node] * partial)
                sums[argument] += part
        for node, total in sums.items():
            if sweep.adjoints[node] is not None:
                assert math.isclose(sweep.adjoints[node], total)


def test_edges_that_do_not_exist() -> None:
    graph = graph_of("where(x > 0, sqrt(x), y)")
    sweep = differentiate(graph, {"x": -1.0, "y": 2.0})
    chosen = graph.arguments(sweep.output)
    assert sweep.partial(sweep.output, 1) is None
    assert sweep.contribution(sweep.output, 1) is None
    assert sweep.adjoints[chosen[1]] is None
    assert sweep.partial(sweep.output, 2) == 1.0
    assert sweep.gradient[graph.by_name["x"]] == 0.0


def test_pullback_rows_have_contributions_but_no_partial() -> None:
    graph = graph_of("W @ x", W=(2, 3), x=(3,))
    seed = np.array([1.0, -2.0])
    point = {"W": np.arange(6.0).reshape(2, 3), "x": np.ones(3)}
    sweep = differentiate(graph, point, seed=seed)
    assert sweep.partial(sweep.output, 0) is None
    assert sweep.has_edge(sweep.output, 0)
    np.testing.assert_array_equal(sweep.contribution(sweep.output, 0), np.outer(seed, np.ones(3)))
    np.testing.assert_array_equal(sweep.gradient[graph.by_name["x"]], seed @ point["W"])


def test_a_constant_that_is_named_has_a_derivative() -> None:
    """`--wrt` takes any named node, a constant too."""
    graph = graph_of("a = 0; x*a + a^2")
    for backend in ("python", "numpy"):
        node = graph.by_name["a"]
        sweep = differentiate(graph, {"x": 3.0}, wrt=[node], backend=backend)
        assert sweep.gradient == {node: 3.0}


def test_an_evaluation_is_used_again() -> None:
    graph = graph_of("x^2")
    done = evaluate(graph, {"x": 3.0})
    assert done.value == 9.0
    sweep = differentiate(graph, {}, evaluation=done)
    assert sweep.value == 9.0
    assert list(sweep.gradient.values()) == [6.0]


def test_many_terms() -> None:
    """A sum of many terms is added up in time linear in its size, by both backends."""
    builder = Builder()
    x = builder.input("x")
    top = x
    for _ in range(5_000):
        top = builder.add("add", top, x)
    graph = builder.graph([(None, top)])
    for backend in ("python", "numpy"):
        assert differentiate(graph, {"x": 1.0}, backend=backend).gradient[x] == 5_001.0
