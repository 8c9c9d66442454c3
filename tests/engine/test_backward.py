"""The backward graph as a graph of its own: named, saved, read back, differentiated again."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import strategies as own
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st
from ir import test_rules_scalar as scalar_rules
from ir import test_rules_tensor as tensor_rules
from transform.test_modes import finite_edges

import backprop_cli as bp
from backprop_cli.backends.tensor_functions import compute
from backprop_cli.engine.backward import backward_graph, lean_graph
from backprop_cli.engine.backward_trace import backward_trace, pairs, shown_backward
from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import OPERATIONS, Operation
from backprop_cli.ir.saved import from_document, to_document
from backprop_cli.ir.verify import verify
from backprop_cli.render.backward import backward_source
from backprop_cli.syntax.unparse import expression, unparse
from backprop_cli.transform.prune import prune
from backprop_cli.transform.tidy import tidied

ROWS = [row for row in OPERATIONS if row.partials or row.pullbacks]


def saved(graph: Graph) -> Graph:
    """The graph through JSON and back."""
    return from_document(json.loads(json.dumps(to_document(graph), allow_nan=False)))


def text_of(graph: Graph) -> dict[str, str]:
    """What each adjoint is, one operation deep."""
    labels = graph.labels()
    return {labels[i]: expression(graph, i, labels) for i in sorted(graph.adjoint_of)}


def gradient_of(graph: Graph, point: dict[str, Any]) -> dict[str, Any]:
    """The adjoints that are outputs, evaluated, by the node that they belong to."""
    done = evaluate(graph, point)
    return {graph.names[graph.adjoint_of[node]]: done.values[node] for _, node in graph.outputs[1:]}


def check_row(graph: Graph, point: dict[str, Any], what: object) -> None:
    sweep = differentiate(graph, point)
    backward = backward_graph(graph)
    verify(backward)
    read = saved(backward)
    assert read.adjoint_of == backward.adjoint_of
    for found in (backward, read, lean_graph(graph), tidied(read).graph):
        verify(found)
        done = evaluate(found, point)
        np.testing.assert_allclose(done.value, sweep.value, rtol=1e-12, err_msg=str(what))
        for (_, node), wanted in zip(found.outputs[1:], sweep.gradient.values(), strict=True):
            np.testing.assert_allclose(
                done.values[node], wanted, rtol=1e-9, atol=1e-12, err_msg=str(what)
            )
            assert np.shape(done.values[node]) == np.shape(wanted)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_saved_and_read_back_is_the_gradient(row: Operation) -> None:
    """As built, as read back, as counted and as displayed, at every probe of the row."""
    if row.elementwise:
        for probe, static in scalar_rules.cases(row):
            graph = scalar_rules.program(row, len(probe), static)
            check_row(graph, scalar_rules.point(probe), (row.name, probe))
        return
    generator = np.random.default_rng(3)
    for case in (case for case in tensor_rules.CASES if case.op == row.name):
        x = tensor_rules.arguments(case, generator)
        weight = generator.normal(size=np.shape(compute(case.op, case.static, x)))
        graph, point, _ = tensor_rules.program(case, x, weight)
        check_row(graph, point, case)


def test_adjoints_are_named_after_their_nodes() -> None:
    graph = backward_graph(bp.parse("c = a + b; d = b + 1; e = c*d").graph())
    assert text_of(graph) == {
        "e_bar": "1",
        "d_bar": "e_bar*c",
        "c_bar": "e_bar*d",
        "b_bar": "d_bar + c_bar",
        "a_bar": "c_bar",
    }
    assert [name for name, _ in graph.outputs] == ["e", "a_bar", "b_bar"]
    labels = graph.labels()
    assert {labels[i]: labels[j] for i, j in graph.adjoint_of.items()} == {
        f"{name}_bar": name for name in "abcde"
    }


def test_names_that_are_taken_get_underscores() -> None:
    graph = backward_graph(bp.parse("x_bar = 3*x; value = x_bar*x; value + 1").graph())
    assert [name for name, _ in graph.outputs] == ["value_", "x_bar_"]
    assert "x_bar_bar" in graph.by_name
    assert evaluate(graph, {"x": 2.0}).values[graph.by_name["x_bar_"]] == 12.0


def test_unnamed_nodes_are_called_by_their_ids() -> None:
    graph = backward_graph(bp.parse("x*y + sin(x)").graph())
    assert set(text_of(graph)) == {"x_bar", "y_bar", "v1_bar", "v2_bar", "v3_bar"}
    assert graph.outputs[0][0] == "value"


def test_an_element_as_output_has_a_name_that_can_be_read_back() -> None:
    found = bp.parse("f = [x, y]*x; f").backward(of="f[1]")
    read = saved(found.graph())
    assert evaluate(read, {"x": 2.0, "y": 3.0}).value == 6.0
    assert {"f_1", "f_1_bar", "f_bar"} <= set(read.by_name)


def test_wrt_chooses_and_what_no_path_reaches_is_zero() -> None:
    graph = bp.parse("a = x*y; b = a + sin(a); z = w + 1; b").graph()
    found = backward_graph(graph, wrt=[graph.by_name["a"], graph.by_name["w"]])
    assert [name for name, _ in found.outputs] == ["b", "a_bar", "w_bar"]
    assert "x_bar" not in found.by_name
    assert [found.names[i] for i in found.inputs] == ["x", "y", "w"]
    assert "z" not in found.by_name
    point = {"x": 0.5, "y": 2.0, "w": 7.0}
    assert gradient_of(found, point) == {"a": 1 + math.cos(1.0), "w": 0.0}


def test_an_output_without_variables() -> None:
    assert backward_graph(bp.parse("3").graph()).outputs == (("value", 0),)
    found = backward_graph(bp.parse("x").graph())
    assert gradient_of(found, {"x": 5.0}) == {"x": 1.0}
    assert saved(found).adjoint_of == {1: 0}


def test_an_array_as_output_is_summed() -> None:
    graph = bp.parse("x*y", {"x": (3,), "y": (3,)}).graph()
    x, y = np.array([1.0, 2, 3]), np.array([4.0, 5, 6])
    found = gradient_of(backward_graph(graph), {"x": x, "y": y})
    np.testing.assert_array_equal(found["x"], y)


def test_the_adjoint_of_a_branch_not_taken_stays_unreached() -> None:
    """The where trap stays solved in what is saved."""
    graph = saved(backward_graph(bp.parse("where(x > 0, sqrt(x), x^2)").graph()))
    assert gradient_of(graph, {"x": 0.0}) == {"x": 0.0}
    assert gradient_of(graph, {"x": -3.0}) == {"x": -6.0}


def test_a_saved_graph_keeps_its_guards_and_display_drops_them() -> None:
    graph = backward_graph(bp.parse("log(x)").graph())
    assert math.isnan(gradient_of(graph, {"x": -2.0})["x"])
    plain = tidied(graph).graph
    assert text_of(plain) == {"v1_bar": "1", "x_bar": "v1_bar*v2"}
    view, _ = backward_trace(graph, {"x": -2.0})
    assert view.values is not None
    shown = {view.graph.labels()[i]: value for i, value in enumerate(view.values)}
    assert shown["v2"] != shown["v2"]  # the partial: nan, as the graph that is saved computes it
    assert shown["x_bar"] != shown["x_bar"]


def test_matrix_products_of_vectors_are_shown_without_reshaping() -> None:
    shapes = {"x": (2,), "A": (2, 3), "y": (3,)}
    plain = tidied(backward_graph(bp.parse("x @ A @ y", shapes).graph())).graph
    assert text_of(plain) == {
        "v2_bar": "1",
        "v1_bar": "v2_bar*y",
        "y_bar": "v2_bar*v1",
        "A_bar": "outer(x, v1_bar)",
        "x_bar": "v1_bar @ v3",
    }
    assert unparse(plain, [(None, plain.by_name["x_bar"])]).endswith("x_bar = v1_bar @ A'")
    shapes = {"W": (2, 3), "x": (3,)}
    plain = tidied(backward_graph(bp.parse("sum(tanh(W @ x))", shapes).graph())).graph
    assert text_of(plain)["x_bar"].endswith("@ v1_bar")
    assert text_of(plain)["W_bar"] == "outer(v1_bar, x)"
    assert all(plain.op(i).name != "reshape" for i in range(len(plain)))


def test_what_the_user_wrote_is_not_rewritten() -> None:
    """`x + 0` and a guard of one's own stay; only the backward part is tidied."""
    graph = bp.parse("where(x > 0, x + 0, nan)").graph()
    plain = tidied(backward_graph(graph)).graph
    assert [plain.op(i).name for i in range(5)] == [graph.op(i).name for i in range(5)]
    assert unparse(plain, plain.outputs[:1]) == unparse(graph)


@given(st.data())
def test_tidying_keeps_values(data: st.DataObject) -> None:
    """Where everything is finite: of scalars and arrays, with selections."""
    graph = data.draw(own.scalar_graphs(size=8) | own.tensor_graphs())
    point = data.draw(own.points(graph))
    sweep = differentiate(graph, point)
    assume(finite_edges(sweep))
    backward = backward_graph(graph)
    verify(backward)
    plain, origin = tidied(backward)
    verify(plain)
    assert plain.outputs[0][0] == backward.outputs[0][0]
    exact, shown = evaluate(backward, point).values, evaluate(plain, point).values
    scale = max([1.0, *(float(np.max(np.abs(a))) for a in sweep.adjoints if a is not None
                        and np.size(a))])  # fmt: skip
    for i, value in enumerate(shown):
        if i in plain.adjoint_of:
            np.testing.assert_allclose(value, exact[origin[i]], rtol=1e-9, atol=1e-11 * scale)
    for node, adjoint in zip(graph.inputs, backward.outputs[1:], strict=True):
        np.testing.assert_allclose(
            exact[adjoint[1]], sweep.gradient[node], rtol=1e-8, atol=1e-10 * scale
        )


@given(own.scalar_graphs(size=8) | own.tensor_graphs())
def test_backward_graphs_are_read_back_and_printed(graph: Graph) -> None:
    backward = backward_graph(graph)
    read = saved(backward)
    for column in ("codes", "first", "second", "rest", "names", "shapes", "outputs", "adjoint_of"):
        assert repr(getattr(read, column)) == repr(getattr(backward, column)), column
    assert len(set(read.names.values())) == len(read.names)
    text = unparse(read)
    used = bp.parse(text).variables
    shapes = {name: read.shape(i) for i in read.inputs if (name := read.names[i]) in used}
    again = bp.parse(text, shapes).graph()
    assert len(again.outputs) == len(read.outputs)


@pytest.mark.parametrize("text", ["x*y + sin(x)", "exp(x*y)/(1 + x^2)", "log(x + y^2)*sqrt(x)"])
def test_second_derivatives_of_a_saved_graph_are_those_of_sympy(text: str) -> None:
    at = {"x": 0.7, "y": 1.3}
    symbols = {name: sympy.Symbol(name) for name in at}
    formula = sympy.sympify(text.replace("^", "**"), locals=symbols)
    function = bp.from_graph(saved(bp.parse(text).backward().graph()))
    for name in at:
        found = function.grad(at, of=f"{name}_bar")
        for other in at:
            wanted = sympy.diff(formula, symbols[name], symbols[other]).evalf(
                30, subs={symbols[k]: sympy.Rational(str(v)) for k, v in at.items()}
            )
            assert found[other] == pytest.approx(float(wanted), rel=1e-13)


def test_a_third_derivative_by_three_backward_graphs() -> None:
    function = bp.parse("x^5")
    for name in ("value", "x_bar"):
        graph = saved(function.backward(of=None if name == "value" else name).graph())
        function = bp.from_graph(graph)
    labels = function.graph().labels()
    assert function.grad(x=2.0, of=function.graph().outputs[1][0]) == {"x": 60 * 4.0}
    assert {"x_bar", "x_bar_"} <= set(labels)
    assert len(set(labels)) == len(labels)


def test_second_derivatives_of_arrays_are_those_of_jax() -> None:
    """sum(x̄ * u) differentiated, for a small network."""
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    generator = np.random.default_rng(5)
    w, x, u = (generator.normal(size=s) for s in ((2, 3), (3,), (3,)))
    shapes = {"W": (2, 3), "x": (3,)}
    graph = saved(bp.parse("sum(tanh(W @ x)^2)", shapes).backward().graph())
    builder = Builder(graph=graph)
    term = builder.add("mul", graph.by_name["x_bar"], builder.input("u", (3,)))
    top = builder.add("sum", term, static=(None, False))
    sweep = differentiate(builder.graph([(None, top)]), {"W": w, "x": x, "u": u})

    def first(w: Any, x: Any) -> Any:
        return jax.grad(lambda x: jnp.sum(jnp.tanh(w @ x) ** 2))(x) @ u

    by_w, by_x = jax.grad(first, (0, 1))(w, x)
    np.testing.assert_allclose(sweep.adjoints[graph.by_name["W"]], by_w, rtol=1e-11)
    np.testing.assert_allclose(sweep.adjoints[graph.by_name["x"]], by_x, rtol=1e-11)


def test_ties_survive_pruning_other_outputs_and_further_nodes() -> None:
    graph = backward_graph(bp.parse("a = x*y; sin(a)").graph())
    assert prune(graph)[0].adjoint_of == graph.adjoint_of
    assert graph.with_outputs(graph.outputs[:1]).adjoint_of == graph.adjoint_of
    builder = Builder(graph=graph)
    longer = builder.graph([(None, builder.add("neg", graph.by_name["x_bar"]))])
    assert longer.adjoint_of == graph.adjoint_of
    only = prune(graph.with_outputs(graph.outputs[:1]))[0]
    assert only.adjoint_of == {}


def test_pairs_are_those_of_the_last_backward_graph() -> None:
    once = backward_graph(bp.parse("x^3").graph())
    twice = backward_graph(once, once.by_name["x_bar"])
    names = once.labels()
    assert {names[i]: names[j] for i, j in pairs(once).items()} == {"x_bar": "x", "v1_bar": "v1"}
    names = twice.labels()
    assert all(names[i] not in ("x_bar", "v1_bar") for i in pairs(twice))
    assert "x_bar" in {names[i] for i in twice.adjoint_of}


def test_infinite_adjoints_are_shown_as_grad_prints_them() -> None:
    """3v - v with v = sqrt(x) at 0: 2 * inf by IEEE, but 3 * inf - inf by the sum over paths."""
    for text in ("v = sqrt(x); 3*v - v", "sqrt(2*x - x)", "1/x^2", "sqrt(x)*y", "x*sqrt(x)"):
        point = {"x": 0.0, "y": 2.0} if "y" in text else {"x": 0.0}
        graph = bp.parse(text).graph()
        view, sweep = backward_trace(backward_graph(graph), point)
        assert view.values is not None
        wanted = differentiate(graph, point).gradient[graph.by_name["x"]]
        found = view.values[view.graph.by_name["x_bar"]]
        assert repr(found) == repr(wanted) == repr(sweep.gradient[0])


def test_a_view_without_a_point_has_no_values() -> None:
    view = shown_backward(backward_graph(bp.parse("x*y").graph()))
    assert view.values is None
    assert {view.graph.labels()[i] for i in view.pairs} == {"x_bar", "y_bar", "v1_bar"}


def test_a_long_chain_needs_no_recursion() -> None:
    b = Builder()
    node = b.input("x")
    for _ in range(20_000):
        node = b.add("sin", node)
    graph = backward_graph(b.graph([(None, node)]))
    assert len(graph.adjoint_of) == 20_001
    assert len(tidied(graph).graph) == len(graph)
    assert len(lean_graph(b.graph([(None, node)]))) > 40_000


def test_reading_refuses_ties_that_cannot_be() -> None:
    from backprop_cli.errors import GraphFault

    document = to_document(backward_graph(bp.parse("sum(x)", {"x": (3,)}).graph()))
    assert document["adjoint_of"]
    for wrong in ({"0": 99}, {"99": 0}, {"1": 0}, {"0": 0.5}, {"a": 0}, [1]):
        with pytest.raises(GraphFault):
            from_document(document | {"adjoint_of": wrong})


def test_from_python() -> None:
    f = bp.parse("a = x*y; a + sin(a)")
    only = f.backward(wrt="a")
    assert only.values(x=0.0, y=2.0)["a_bar"] == 2.0
    assert "x_bar" not in only.values(x=0.0, y=2.0)
    assert f.backward(wrt=["x", "y"], of="a").values(x=3, y=2)["x_bar"] == 2.0
    assert f.backward().variables == ["x", "y"]
    assert bp.parse("v^2").backward(v=[1, 2]).values(v=[1, 2])["v_bar"].tolist() == [2.0, 4.0]
    assert str(f.backward().render("dot")).count("edge-tie") == 5
    assert "svg" in str(bp.parse("sum(i=0..n-1, x^i)").render("svg", x=2, n=3))
    assert "∂v2/∂a" not in str(f.backward().render("dot"))
    assert "∂v2/∂a = 0.583" in str(f.backward().render("dot", x=1, y=2))
    assert "edge-tie" not in str(f.backward().render("dot", x=1, y=2, of="x_bar"))


@given(st.data())
def test_any_ties_that_can_be_read_can_be_drawn(data: st.DataObject) -> None:
    """A file may tie any nodes of one shape: also in circles, and to what is no adjoint."""
    graph = data.draw(own.scalar_graphs(size=6) | own.tensor_graphs(size=4))
    if data.draw(st.booleans()):
        graph = backward_graph(graph)
    top = data.draw(st.integers(0, len(graph) - 1))
    document = to_document(graph.with_outputs([(None, top)]))
    ties = {}
    for _ in range(data.draw(st.integers(1, 4))):
        node = data.draw(st.integers(0, len(graph) - 1))
        fits = [i for i in range(len(graph)) if graph.shape(i) == graph.shape(node)]
        ties[str(node)] = data.draw(st.sampled_from(fits))
    read = from_document(document | {"adjoint_of": ties})
    assert backward_source(shown_backward(read))
    view, _ = backward_trace(read, data.draw(own.points(read)))
    verify(view.graph)
    assert backward_source(view)
    again = backward_graph(read)
    verify(again)
    assert len(again.outputs) == 1 + len(again.inputs)
