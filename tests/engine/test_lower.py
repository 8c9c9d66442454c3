"""Lowering at size, and whatever a text may hold."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_cli.engine.evaluate import evaluate
from backprop_cli.engine.lower import load, lower
from backprop_cli.engine.lowering.functions import FORMS
from backprop_cli.errors import BpropError
from backprop_cli.ir.graph import Graph

ATOMS = [
    "x",
    "y",
    "v",
    "A",
    "n",
    "1",
    "2",
    "0",
    "-1",
    "e",
    "pi",
    "[1,2]",
    "[[1,2],[3,4]]",
    "v[0]",
    "A[0,1]",
    "v[n]",
    "x'",
    "A.T",
    "i",
]


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = ["+", "-", "*", "/", "%", "@", "^", "<", "<=", "==", "!=", "and", "or", ".*", "**", ";"]
    names = sorted([*FORMS, "f", "g", "h"])
    return st.one_of(
        st.tuples(inner, st.sampled_from(signs), inner).map(" ".join),
        st.tuples(st.sampled_from(["-", "not ", "√", "+", ""]), inner).map("".join),
        inner.map(lambda text: f"({text})"),
        st.tuples(st.sampled_from(names), st.lists(inner, max_size=3)).map(
            lambda call: f"{call[0]}({', '.join(call[1])})"
        ),
        st.tuples(inner, inner, inner).map(lambda t: f"{t[0]} ? {t[1]} : {t[2]}"),
        st.tuples(inner, inner).map(lambda t: f"{t[0]}[{t[1]}]"),
        st.tuples(inner, inner).map(lambda t: f"sum(i=0..{t[0]}, {t[1]})"),
        st.tuples(inner, st.integers(-1, 2)).map(lambda t: f"sum({t[0]}, axis={t[1]})"),
    )


expressions = st.recursive(st.sampled_from(ATOMS), _joined, max_leaves=8)
programs = st.tuples(
    st.lists(
        st.tuples(st.sampled_from(["f(u)", "g(u, v)", "a", "b", "k"]), expressions).map(" = ".join),
        max_size=3,
    ),
    expressions,
).map(lambda parts: "\n".join([*parts[0], parts[1]]))
SHAPES = {"v": (2,), "A": (2, 2)}


@given(programs)
def test_any_program_is_a_graph_or_an_error_of_ours(program: str) -> None:
    try:
        graph = lower(load(program), SHAPES, {"n": 1.0, "x": 2.0})
    except BpropError as error:
        fault = error
    else:
        check_graph(graph, program)
        return
    assert fault.message
    assert fault.span is None or 0 <= fault.span.start < fault.span.end <= len(program)


def check_graph(graph: Graph, program: str) -> None:
    assert graph.outputs
    for places in graph.spans.values():
        assert all(0 <= start < end <= len(program) for start, end in places)


@pytest.mark.parametrize("name", sorted(FORMS))
@pytest.mark.parametrize("count", range(5))
def test_every_function_takes_or_refuses_any_number_of_arguments(name: str, count: int) -> None:
    places: list[object] = []
    for argument in ("x", "v", "A", "1", "[2]"):
        text = f"{name}({', '.join([argument] * count)})"
        try:
            lower(load(text), SHAPES, {"x": 1.0})
        except BpropError as error:
            places.append(error.span)
    assert None not in places


def large(name: str) -> str:
    return {
        "brackets": "(" * 100_000 + "x" + ")" * 100_000,
        "calls": "sin(" * 100_000 + "x" + ")" * 100_000,
        "terms": " + ".join(f"x{k % 100}*y{k % 7}" for k in range(200_000)),
        "statements": "v0 = x\n" + "\n".join(f"v{k + 1} = v{k}*x" for k in range(100_000)),
        "functions": "f0(u) = u*x\n"
        + "\n".join(f"f{k + 1}(u) = f{k}(u) + 1" for k in range(20_000))
        + "\nf20000(x)",
        "index": "sum(i=0..99999, x*i)",
        "comparisons": "<".join(["x"] * 20_000),
        "parameters": "k0 = n\n"
        + "\n".join(f"k{j + 1} = k{j} + 1" for j in range(5_000))
        + "\nsum(i=0..k5000 - 5000, x)",
    }[name]


@pytest.mark.parametrize(
    "name",
    ["brackets", "calls", "terms", "statements", "functions", "index", "comparisons", "parameters"],
)
def test_size_is_bounded_by_memory_only(name: str) -> None:
    limit = sys.getrecursionlimit()
    graph = lower(load(large(name)), {}, {"n": 1.0})
    assert sys.getrecursionlimit() == limit
    assert len(evaluate(graph, {graph.names[i]: 1.0 for i in graph.inputs}).values) == len(graph)


def test_time_is_linear_in_the_text() -> None:
    """Eight times the text takes about eight times as long."""

    def seconds(count: int) -> float:
        text = " + ".join(f"sin(x)*{k % 50} - (x + y{k % 7})^2" for k in range(count))
        best = float("inf")
        for _ in range(2):
            begin = time.process_time()
            lower(load(text))
            best = min(best, time.process_time() - begin)
        return best

    assert seconds(8_000) < 20 * seconds(1_000)


def test_spans_of_every_node() -> None:
    source = "a = x*y\nf(u) = sin(u)\na + f(a) - |x|"
    graph = lower(load(source))
    texts: dict[str, list[str]] = {}
    for i in range(len(graph)):
        texts[graph.labels()[i]] = [source[p.start : p.end] for p in graph.spans[i]]
    assert texts == {
        "x": ["x", "x"],
        "y": ["y"],
        "a": ["x*y", "a", "a"],
        "v1": ["sin(u)"],
        "v2": ["a + f(a)"],
        "v3": ["|x|"],
        "v4": ["a + f(a) - |x|"],
    }


def test_the_program_can_be_lowered_again_for_other_shapes() -> None:
    program = load("s = sum(i=0..n-1, x[i]*w); s")
    sizes = []
    for n in (1, 2, 5):
        graph = lower(program, {"x": (n,)}, {"n": n})
        sizes.append(len(graph))
        assert graph.parameters == {"n": n}
    assert sizes == sorted(set(sizes))


def test_values_of_variables_do_not_matter() -> None:
    program = load("x*y[0]")
    graphs: list[Any] = [lower(program, {"y": (2,)}, values) for values in ({}, {"x": 2.5})]
    assert graphs[0].codes == graphs[1].codes
