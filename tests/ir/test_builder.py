"""Interning, activity, copies of a graph to append to, and pruning."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import strategies as own
from hypothesis import given
from hypothesis import strategies as st

from backprop_cli.engine.evaluate import evaluate
from backprop_cli.errors import ArityFault, NameFault, ShapeFault, Span
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import BY_NAME, OPERATIONS, Operation
from backprop_cli.ir.traverse import ancestors, levels
from backprop_cli.ir.verify import verify
from backprop_cli.transform.prune import prune


def test_the_same_operation_is_one_node() -> None:
    b = Builder()
    x, y = b.input("x"), b.input("y")
    assert b.input("x") == x
    assert b.add("mul", x, y) == b.add("mul", x, y)
    assert b.add("mul", x, y) != b.add("mul", y, x)
    assert b.add("sin", x) == b.add("sin", x) != b.add("cos", x)
    assert b.add("maximum", x, y, x) == b.add("maximum", x, y, x) != b.add("maximum", x, y)
    assert b.add("sum", x, static=(None, False)) != b.add("sum", x, static=(None, True))


def test_names_make_their_own_nodes() -> None:
    b = Builder()
    x, y = b.input("x"), b.input("y")
    first, second = b.add("mul", x, y, name="a"), b.add("mul", x, y, name="b")
    assert len({first, second, b.add("mul", x, y)}) == 3
    graph = b.graph([(None, second)])
    assert graph.by_name == {"x": x, "y": y, "a": first, "b": second}


def test_constants_keep_sign_and_nan() -> None:
    b = Builder()
    assert b.const(0.0) != b.const(-0.0)
    assert b.const(math.nan) == b.const(math.nan)
    assert b.const(1.0) == b.const(1.0) != b.const(1.0, name="one")


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
def test_wrong_arity_is_refused(row: Operation) -> None:
    if row.name in ("input", "const"):
        return
    b = Builder()
    x = b.input("x")
    least, most = row.arity
    for count in {least - 1, (most or least) + (most is not None)}:
        if count >= 0 and (count < least or most is not None):
            with pytest.raises(ArityFault, match=row.name):
                b.add(row.name, *[x] * count)
    assert len(b) == 1  # nothing was left behind


def test_a_refused_node_leaves_nothing() -> None:
    b = Builder()
    x, y = b.input("x", (2,)), b.input("y", (3,))
    for _ in range(2):
        with pytest.raises(ShapeFault):
            b.add("add", x, y)
    assert len(b) == 2
    verify(b.graph([(None, x)]))


@given(own.scalar_graphs() | own.tensor_graphs())
def test_no_two_unnamed_nodes_are_alike(graph: Graph) -> None:
    seen: set[Any] = set()
    for i in range(len(graph)):
        if i not in graph.names:
            key = (graph.codes[i], tuple(graph.arguments(i)), repr(graph.static.get(i)))
            assert key not in seen
            seen.add(key)


@given(own.scalar_graphs() | own.tensor_graphs())
def test_a_builder_on_a_graph_adds_nothing_that_is_there(graph: Graph) -> None:
    b = Builder(graph=graph)
    for i in range(len(graph)):
        if i in graph.names or graph.op(i).name == "const":
            continue
        assert b.add(graph.op(i).name, *graph.arguments(i), static=graph.static.get(i)) == i
    for i in graph.inputs:
        assert b.input(graph.names[i], graph.shape(i)) == i
    assert len(b) == len(graph)
    x = graph.inputs[0]
    assert b.add("exp2", x) >= len(graph)
    assert len(graph) < len(b)  # the graph itself never changes
    verify(graph)


@given(st.data())
def test_activity_is_dependence(data: st.DataObject) -> None:
    """A node is active just if one of the chosen nodes is among its ancestors."""
    graph = data.draw(own.scalar_graphs(size=12) | own.tensor_graphs())
    chosen = data.draw(st.sets(st.integers(0, len(graph) - 1), min_size=1, max_size=3))
    for active, wrt in ((graph.activity(chosen), chosen), (graph.active, set(graph.inputs))):
        for i in range(len(graph)):
            below = ancestors(graph, [i])
            assert bool(active[i]) == any(below[k] for k in wrt), (i, wrt)


@given(st.data())
def test_pruning_keeps_values(data: st.DataObject) -> None:
    """The outputs keep their values, names and places; every node left is needed."""
    graph = data.draw(own.scalar_graphs(size=12))
    wanted = data.draw(st.integers(0, len(graph) - 1))
    whole = Builder(graph=graph).graph([("f", wanted)], graph.parameters)
    small, place = prune(whole)
    verify(small)
    point = data.draw(own.points(graph))
    mine = evaluate(whole, point, "python").values
    theirs = evaluate(small, point, "python").values
    for old, new in place.items():
        assert mine[old] == theirs[new] or mine[old] != mine[old]
        assert whole.names.get(old) == small.names.get(new)
    assert all(ancestors(small, [node for _, node in small.outputs]))
    assert len(small) == sum(ancestors(graph, [wanted]))


@given(own.scalar_graphs() | own.tensor_graphs())
def test_labels_are_short_stable_and_unique(graph: Graph) -> None:
    labels = graph.labels()
    assert len(set(labels)) == len(graph)
    for i, label in enumerate(labels):
        assert graph.find(label) == i
    assert graph.find("nothing") is None


def test_labels_step_round_names() -> None:
    b = Builder()
    v1 = b.input("v1")
    graph = b.graph([(None, b.add("sin", b.add("cos", v1)))])
    assert len(set(graph.labels())) == 3
    assert graph.find("v1") == v1


def test_levels() -> None:
    b = Builder()
    x = b.input("x")
    s = b.add("sin", x)
    graph = b.graph([(None, b.add("mul", s, x))])
    assert levels(graph) == [0, 1, 2]


def test_views() -> None:
    b = Builder("x*2")
    x = b.input("x", (2,), Span(0, 1))
    product = b.add("mul", x, b.const(2.0), name="p", span=Span(0, 3))
    graph = b.graph([("p", product)])
    node = graph.node(product)
    assert (node.op, tuple(node.arguments), node.name, node.shape) == (
        BY_NAME["mul"], (0, 1), "p", (2,),
    )  # fmt: skip
    assert [n.index for n in graph] == [0, 1, 2]
    assert graph.output() == graph.output("p") == product
    with pytest.raises(NameFault):
        graph.output("q")
    assert not graph.is_scalar
    assert "3 nodes in x" in repr(graph)
    assert graph.spans == {0: [Span(0, 1)], 2: [Span(0, 3)]}


@pytest.mark.parametrize("kind", ["input", "const", "add"])
def test_a_name_is_that_of_one_node(kind: str) -> None:
    """A second node of a name is refused, and leaves the builder as it was."""
    b = Builder()
    x = b.input("x")
    b.add("sin", x, name="a")
    size = len(b)
    make: dict[str, Callable[[], int]] = {
        "input": lambda: b.input("a"),
        "const": lambda: b.const(1.0, name="a"),
        "add": lambda: b.add("cos", x, name="a"),
    }
    with pytest.raises(NameFault):
        make[kind]()
    assert len(b) == size
