"""Stable forms: found where they are needed, named, and applied with nothing else changed."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import ordinary, points, scalar_graphs

import backprop_cli as bp
from backprop_cli.engine import stability
from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.engine.findings import said
from backprop_cli.engine.stable_text import stable_notes
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import BY_NAME
from backprop_cli.ir.verify import verify
from backprop_cli.syntax.unparse import unparse
from backprop_cli.transform import stable_search
from backprop_cli.transform.stabilise import stabilise, stabilised

EXPRESSIONS = [
    ("log(1 + exp(x))", "softplus(x)"),
    ("log(exp(2*x) + 1)", "softplus(2*x)"),
    ("log(sum(exp(v)))", "logsumexp(v)"),
    ("log(sum(exp(A), axis=1))", "logsumexp(A, axis=1)"),
    ("log(mean(exp(v)))", "logsumexp(v) - 0.6931471805599453"),
    ("1/(1 + exp(-x))", "sigmoid(x)"),
    ("1/(exp(x) + 1)", "sigmoid(-x)"),
    ("L/(1 + exp(-k*(x - 1)))", "L*sigmoid(k*(x - 1))"),
    ("exp(x)/(1 + exp(x))", "sigmoid(x)"),
    ("exp(x)/(exp(x) + exp(y))", "sigmoid(x - y)"),
    ("exp(v)/sum(exp(v))", "softmax(v)"),
    ("exp(A)/sum(exp(A), axis=0)", "softmax(A, axis=0)"),
    ("exp(A)/sum(exp(A))", "exp(A)/sum(exp(A))"),
    ("log(exp(v)/sum(exp(v)))", "log_softmax(v)"),
    ("log(1/(1 + exp(-x)))", "log_sigmoid(x)"),
    ("log(1 - 1/(1 + exp(-x)))", "log_sigmoid(-x)"),
    ("exp(x) - 1", "expm1(x)"),
    ("1 - exp(x)", "-expm1(x)"),
    ("log(1 + x)", "log1p(x)"),
    ("log(1 - x)", "log1p(-x)"),
    ("x*log(x)", "xlogy(x, x)"),
    ("log(y)*x", "xlogy(x, y)"),
    ("log(exp(x) + exp(y))", "logaddexp(x, y)"),
    ("sqrt(x^2 + y^2)", "hypot(x, y)"),
    ("sqrt(x*x + y*y + z*z)", "hypot(hypot(x, y), z)"),
    ("sqrt(sum(v^2))", "norm(v)"),
    ("1 - cos(x)", "2*square(sin(x/2))"),
    ("1 - erf(x)", "erfc(x)"),
    ("(exp(x) - exp(-x))/2", "sinh(x)"),
    ("0.5*(exp(x) + exp(-x))", "cosh(x)"),
    ("(exp(x) - exp(-x))/(exp(x) + exp(-x))", "tanh(x)"),
    ("(exp(x) - 1)/(exp(x) + 1)", "tanh(x/2)"),
    ("x^2 - y^2", "(x - y)*(x + y)"),
    ("mean(v^2) - mean(v)^2", "var(v)"),
    ("sqrt(x + 3) - sqrt(x)", "3/(sqrt(x + 3) + sqrt(x))"),
    ("sqrt(x + y) - sqrt(x)", "sqrt(x + y) - sqrt(x)"),
    ("log(x + sqrt(x^2 - 1))", "acosh(x)"),
    ("0.5*log((1 + x)/(1 - x))", "0.5*(2*atanh(x))"),
    ("log(x^2)", "log(x^2)"),
    ("x*y + sin(x)", "x*y + sin(x)"),
]
SHAPES: dict[str, Any] = {"v": [1.0, 2.0], "A": [[1.0, 2.0], [3.0, 4.0]]}


def graph_of(text: str) -> Graph:
    f = bp.parse(text)
    return f.graph({name: SHAPES.get(name, 0.5) for name in f.variables})


@pytest.mark.parametrize(("written", "stable"), EXPRESSIONS)
def test_what_is_written_is_computed_as(written: str, stable: str) -> None:
    made = stabilise(graph_of(written))
    verify(made)
    assert unparse(made) == stable


def test_the_triggers_are_those_of_the_rules() -> None:
    assert set(stability.TRIGGERS) == stable_search.triggers()


@pytest.mark.parametrize(("written", "stable"), EXPRESSIONS)
def test_what_is_rewritten_is_searched_for(written: str, stable: str) -> None:
    """The search without rewriting finds each form too, with the same text."""
    graph = graph_of(written)
    found = list(stable_search.search(graph, stability.operations_of(graph)))
    assert bool(found) == (written.replace("log(y)*x", "") != stable)


@pytest.mark.parametrize(
    ("text", "point", "stable"),
    [
        ("log(1 + exp(x))", {"x": 1000.0}, "softplus(x)"),
        ("log(1 + exp(x))", {"x": -30.0}, "softplus(x)"),
        ("log(1 + exp(x))", {"x": 3.0}, None),
        ("1/(1 + exp(-x))", {"x": -1000.0}, "sigmoid(x)"),
        ("1/(1 + exp(x + y))", {"x": 1000.0, "y": 1.0}, "sigmoid(-(x + y))"),
        ("x*log(x)", {"x": 0.0}, "xlogy(x, x)"),
        ("x*log(x)", {"x": 1e-300}, None),
        ("log(1 + x)", {"x": 1e-12}, "log1p(x)"),
        ("log(1 + x)", {"x": -1.0}, None),
        ("log(1 + x)", {"x": -2.0}, None),
        ("log(1 + x)", {"x": 0.0}, None),
        ("exp(x) - 1", {"x": 1e-12}, "expm1(x)"),
        ("exp(x) - 1", {"x": 800.0}, None),
        ("(x + y)^2 - y^2", {"x": 1e-12, "y": 3.3}, "((x + y) - y)*((x + y) + y)"),
        ("sqrt(x^2 + y^2)", {"x": 1e200, "y": 1.0}, "hypot(x, y)"),
        ("sqrt(x^2 + y^2)", {"x": 1e-200, "y": 1e-200}, "hypot(x, y)"),
        ("1 - cos(x)", {"x": 1e-5}, "2*square(sin(x/2))"),
        ("1 - cos(x)", {"x": math.inf}, None),
        ("log(exp(x) + exp(y))", {"x": -math.log(2), "y": -math.log(2)}, None),
        ("where(x > 1, log(1 + x), x)", {"x": 1e-12}, None),
        ("x > 1 ? x : log(1 + x)", {"x": 1e-12}, "log1p(x)"),
        ("log(1 + exp(x))", {"x": math.nan}, None),
    ],
)
def test_forms_are_named_where_they_fail(
    text: str, point: dict[str, float], stable: str | None
) -> None:
    """By eval and by grad alike."""
    graph = bp.parse(text).graph(point)
    sweep = differentiate(graph, point)
    by_grad = stability.stability_warnings(sweep, said)
    by_value = stability.value_stability(
        evaluate(graph, point), [node for _, node in graph.outputs], said
    )
    assert by_grad == by_value
    assert [w.message for w in by_value] == (
        []
        if stable is None
        else [f"{part_of(text)} overflows or loses digits here; {stable} does not"]
    )


def part_of(text: str) -> str:
    return "log(1 + x)" if "log(1 + x)" in text else text


@pytest.mark.parametrize(
    ("text", "value", "named"),
    [
        ("log(sum(exp(v)))", [1000.0, 1.0], ["logsumexp(v)"]),
        ("log(sum(exp(v)))", [-1000.0, -1001.0], ["logsumexp(v)"]),
        ("log(sum(exp(v)))", [1.0, 2.0], []),
        ("sum(log(1 + v))", [1.0, 1e-12], ["log1p(v)"]),
        ("sum(exp(v)/sum(exp(v)))", [1000.0, 1.0], ["softmax(v)"]),
        ("mean(v^2) - mean(v)^2", [1e8, 1e8 + 1], ["var(v)"]),
        ("sum(log(1 + v))", [math.inf, 1e-12], []),
    ],
)
def test_forms_of_arrays(text: str, value: list[float], named: list[str]) -> None:
    graph = bp.parse(text).graph(v=value)
    warnings = differentiate(graph, {"v": np.array(value)}).warnings
    told = [w.message for w in warnings if w.kind == "accuracy"]
    assert [message.split("; ")[1].removesuffix(" does not") for message in told] == named


_CURVED = "add sub mul div neg exp log sqrt square cos tanh erf sigmoid cosh"
CURVED = [BY_NAME[name] for name in _CURVED.split()]
ONES = st.sampled_from([1.0, 1.0, 2.0, 0.5])


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_nothing_else_changes(data: st.DataObject) -> None:
    """Where no form is inaccurate, stable forms give the same values and derivatives."""
    graph = data.draw(scalar_graphs(rows=CURVED, constants=ONES, variables=2, size=12))
    point = data.draw(points(graph, ordinary()))
    done = stabilised(graph)
    verify(done.graph)
    assert set(graph.names.values()) == set(done.graph.names.values())
    before, after = differentiate(graph, point), differentiate(done.graph, point)
    plain = [v for v in before.values if not math.isfinite(v)] == []
    told = [w for w in (*before.warnings, *after.warnings) if w.kind in ("accuracy", "kink")]
    size = max(map(abs, before.values))
    if told or not plain or size > 1e4 or not math.isfinite(before.value):
        return
    smallest = min((abs(v) for v in before.values if v), default=1.0)
    if smallest > 1e-4:
        assert math.isclose(before.value, after.value, rel_tol=1e-6, abs_tol=1e-8)
    again = stabilised(done.graph)
    assert len(again.graph) <= len(done.graph) + 1


def test_names_and_spans_stay() -> None:
    graph = graph_of("u = exp(x); f = log(1 + u); g = f^2; g + u")
    done = stabilised(graph)
    assert unparse(done.graph) == "u = exp(x)\nf = softplus(x)\ng = f^2\ng + u"
    f = done.graph.by_name["f"]
    assert done.graph.spans[f] == graph.spans[graph.by_name["f"]]
    assert stable_notes(graph, done) == ["log(1 + u) is computed as softplus(x)"]


def test_named_nodes_that_are_not_needed_any_more_stay() -> None:
    f = bp.parse("u = exp(x); log(1 + u)").stable()
    assert f.values(x=1000) == {"x": 1000.0, "u": math.inf}
    assert f(x=1000) == 1000.0
    assert f.grad(x=1000) == {"x": 1.0}


def test_a_form_is_not_looked_for_across_a_node_to_keep() -> None:
    f = bp.parse("u = exp(x); log(1 + u)")
    assert f.stable("u").grad(x=1.0, wrt="u") == f.grad(x=1.0, wrt="u")
    assert f.stable("u").graph().op(f.stable("u").graph().outputs[0][1]).name == "log1p"
    assert f.stable("nothing", "x").graph().op(1).name in ("exp", "softplus")


def test_the_library_draws_and_evaluates_the_stable_form() -> None:
    f = bp.parse("log(sum(exp(v)))", {"v": (2,)}).stable()
    assert f(v=[1000, 1000]) == 1000 + math.log(2)
    assert bp.parse("log(sum(exp(v)))").stable()(v=[0, 0, 0]) == math.log(3)
    assert "logsumexp" in str(f.render("dot"))
    assert f.paths(v=[1.0, 2.0]).count == 1
    assert bp.from_graph(bp.parse("exp(x) - 1").graph()).stable()(x=1e-12) == math.expm1(1e-12)


def test_long_forms_are_told_of_by_their_last_operation() -> None:
    text = "log(1 + exp(" + " + ".join(f"sin({k}*x)" for k in range(80)) + "))"
    graph = graph_of(text)
    (note,) = stable_notes(graph, stabilised(graph))
    assert note.startswith("log (v")
    assert "is computed as softplus(v" in note
    many = graph_of(" + ".join(f"log(1 + {k}*x)" for k in range(2, 70)))
    notes = stable_notes(many, stabilised(many))
    assert len(notes) == 51
    assert notes[-1] == "18 more forms are computed as stable ones"


def test_deep_graphs() -> None:
    builder = Builder()
    x = builder.input("x")
    last = x
    for _ in range(20_000):
        one = builder.const(1.0)
        last = builder.add("log", builder.add("add", one, builder.add("exp", last)))
    graph = builder.graph([(None, last)])
    assert len(stabilise(graph)) == 20_001
    warnings = differentiate(graph, {"x": -50.0}).warnings
    assert [w.message[-30:] for w in warnings] == ["digits here; softplus(x) does not"[-30:]]


def test_no_rules_are_read_without_need() -> None:
    """`grad` of what has no such form imports none of the modules of rules."""
    code = (
        "import sys; import backprop_cli as bp; f = bp.parse('x*y + sin(x)/y - exp(x)*z');"
        "f.sweep(x=1, y=2, z=3).warnings;"
        "print([m for m in sys.modules if 'stable_' in m or 'rewrite' in m])"
    )
    text = code.replace("exp(x)*z", "tanh(x)*z")
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_search_costs_little_beside_the_sweep() -> None:
    """A graph full of exponentials that are no forms."""
    builder = Builder()
    nodes = [builder.input("x"), builder.input("y")]
    for k in range(30_000):
        nodes.append(builder.add(("mul", "exp", "neg", "log", "add")[k % 5], *_two(nodes, k)))
    graph = builder.graph([(None, nodes[-1])])
    start = time.process_time()
    found = list(stable_search.search(graph, stability.operations_of(graph)))
    assert time.process_time() - start < 3
    assert len(found) < 30_000


def _two(nodes: list[int], k: int) -> tuple[int, ...]:
    return (nodes[-1], nodes[k // 2]) if k % 5 in (0, 4) else (nodes[-1],)
