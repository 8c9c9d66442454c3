"""Exported code: every operation in every language, on the edge grid, and programs as a whole."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest
import strategies as own
from hypothesis import given, settings
from hypothesis import strategies as st
from render.source_code import exporting

import backprop_cli as bp
from backprop_cli.engine import self_test
from backprop_cli.engine.export import export
from backprop_cli.errors import UsageFault
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import OPERATIONS, Operation
from backprop_cli.render.source_code import targets
from backprop_cli.render.source_code.names import source_lines
from backprop_cli.transform.scalar_rows import ROWS as SCALAR_ROWS

TOOLS = {"c": "cc", "javascript": "node"}
# ulp: special functions by other methods than ours; some libraries' are less accurate
LOOSE = {"gamma": 10, "lgamma": 10, "gelu": 40}
LOOSER = {
    "jax": {
        **dict.fromkeys(("gamma", "lgamma", "digamma", "exp2"), 200),
        "tanh": 40,
        "sinh": 400,
        "cosh": 400,
    },
    "torch": {"gamma": 200, "digamma": 20},
}


def need(target: str) -> None:
    if target in TOOLS and shutil.which(TOOLS[target]) is None:
        pytest.skip(f"no {TOOLS[target]}")
    if target == "torch":
        pytest.importorskip("torch")


@pytest.mark.parametrize("target", targets.LANGUAGES)
@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
def test_every_operation_has_a_row_in_every_language(row: Operation, target: str) -> None:
    language = targets.module_of(target).LANGUAGE
    if row.name in ("input", "const"):
        return
    if language.arrays or row.elementwise:
        written = language.rows[row.name]
        assert written.template or written.note
    else:
        assert row.name in SCALAR_ROWS


@pytest.mark.parametrize("target", [*exporting.SCALAR, *exporting.ARRAY, "torch"])
@pytest.mark.parametrize("row", exporting.ROWS, ids=lambda row: row.name)
def test_on_the_edge_grid(row: Operation, target: str) -> None:
    """Value and gradient as ours, with the same inf and nan."""
    need(target)
    points = exporting.grid(row)
    if target == "jax":  # XLA takes numbers below 1e-308 for 0; its remainder loses a sign
        points = [p for p in points if 5e-324 not in p]
        points = [p for p in points if row.name != "mod" or 1e17 not in p]
    graph = exporting.alone(row)
    ulps = LOOSER.get(target, {}).get(row.name, LOOSE.get(row.name, 4))
    wrong = []
    with np.errstate(all="ignore"):
        found = exporting.theirs(graph, target, points)
    for point, a, b in zip(points, exporting.ours(graph, points), found, strict=True):
        for k, (x, y) in enumerate(zip(a, b, strict=True)):
            close = abs(x - y) < 1e-15 if row.name == "lgamma" else False
            if not exporting.near(x, y, ulps) and not close:
                wrong.append((point, k, x, y))
    assert not wrong, wrong[:6]


def passes(graph: Graph, target: str, point: dict[str, Any] | None = None) -> None:
    output = graph.outputs[0][1]
    _, layout = targets.written(graph, output, None, target)
    outcome = self_test.self_test(graph, output, None, target, layout.driver, point)
    assert outcome.worst < 1e-9


ALL = "sum(softmax(W @ x)[0:1]) + max(x) + norm(x) + logsumexp(W) + prod(x) + std(x)"
LINEAR = "det(A) + logdet(A @ A' + eye(3)) + sum(inv(A)*A) + x' @ solve(A, x) + trace(A)"
SHAPING = "sum(concat(x[::-1], x)*[1, 2, 3, 4, 5, 6]) + sum(outer(x, x)*A.T) + sum(cross(x, x*x))"
PROGRAMS = [
    ("x*y + sin(x)*digamma(y) + gamma(x)", {}),
    (ALL, {"W": (2, 2), "x": (2,)}),
    (LINEAR, {"A": (3, 3), "x": (3,)}),
    (SHAPING, {"A": (3, 3), "x": (3,)}),
    ("3", {}),
    ("a = x*y; b = max(a, x, y); where(b > 1 and not (x > y), b^2, polygamma(2, a))", {}),
]


@pytest.mark.parametrize("target", targets.LANGUAGES)
@pytest.mark.parametrize(("text", "shapes"), PROGRAMS, ids=lambda p: str(p)[:20])
def test_programs(text: str, shapes: dict[str, tuple[int, ...]], target: str) -> None:
    need(target)
    f = bp.parse(text)
    graph = f.graph({name: np.ones(shape).tolist() for name, shape in shapes.items()})
    passes(graph, target)


TRAPS = [
    ("where(x > 0, sqrt(x), 0)", 0.0),
    ("where(x > 0, log(x), 0)", 0.0),
    ("where(x < 2000, x, exp(x))", 1.0),
    ("relu(log(x + 0*x))", 0.0),
]


@pytest.mark.parametrize("target", [*exporting.SCALAR, *exporting.ARRAY, "torch"])
@pytest.mark.parametrize(("text", "slope"), TRAPS)
def test_a_branch_not_taken_leaks_nothing(text: str, slope: float, target: str) -> None:
    need(target)
    at = 1000.0 if "2000" in text else 0.0
    [[_, found]] = exporting.theirs(bp.parse(text).graph(), target, [(at,)])
    assert found == slope


@settings(max_examples=15)
@given(st.data())
def test_random_programs(data: st.DataObject) -> None:
    graph = data.draw(own.scalar_graphs(rows=own.SMOOTH, size=10))
    for target in ("python", "numpy"):
        point = data.draw(own.points(graph))
        numbers = [point[graph.names[i]] for i in graph.inputs]
        [ours] = exporting.ours(graph, [numbers])
        [theirs] = exporting.theirs(graph, target, [numbers])
        np.testing.assert_allclose(theirs, ours, rtol=1e-9, atol=1e-9)


@settings(max_examples=15)
@given(st.data())
def test_random_array_programs(data: st.DataObject) -> None:
    """Whole, and taken apart into scalars."""
    graph = data.draw(own.tensor_graphs())
    point = data.draw(own.points(graph))
    from backprop_cli.engine.evaluate import differentiate

    sweep = differentiate(graph, point)
    wanted = [x for v in (sweep.value, *sweep.gradient.values()) for x in np.ravel(v)]
    if not np.all(np.isfinite(wanted)):
        return
    arguments = [point[graph.names[i]] for i in graph.inputs]
    for target in ("python", "numpy"):
        _, layout = targets.written(graph, graph.outputs[0][1], None, target)
        call = exporting.function(layout.code)
        with np.errstate(all="ignore"):
            found = exporting.flat(call(*(np.asarray(a).tolist() for a in arguments)))
        scale = max(map(abs, wanted)) + 1
        np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-10 * scale)


HOSTILE = 'x*y # */ int main; """ \\u202e \\\n# ??/ {% -->\n'


@pytest.mark.parametrize("target", targets.LANGUAGES)
def test_a_hostile_source_stays_in_its_comment(target: str) -> None:
    need(target)
    graph = bp.parse("x*y").graph()
    graph.source = HOSTILE
    passes(graph, target)
    assert source_lines("a*//b \u202e") == ["a* //b <U+202E>"]


@pytest.mark.parametrize("target", targets.LANGUAGES)
def test_hostile_names(target: str) -> None:
    need(target)
    passes(
        bp.parse("λ*lambda*int*function*math*value*np*gradient*f*__proto__*t1 + x0").graph(), target
    )


def test_shared_parts_are_written_once() -> None:
    text = "\n".join(["s0 = x", *(f"s{k + 1} = s{k}*sin(s{k})" for k in range(300))])
    _, layout = targets.written(
        bp.parse(text).graph(), bp.parse(text).graph().output(), None, "python"
    )
    assert len(layout.code) < 60_000
    assert exporting.function(layout.code)(0.5)[0] == bp.parse(text)(x=0.5)


def test_large_programs_in_c_stand_in_parts() -> None:
    need("c")
    text = "\n".join(["s0 = x", *(f"s{k + 1} = sin(s{k})*y + {k}" for k in range(700))])
    graph = bp.parse(text).graph()
    _, layout = targets.written(graph, graph.output(), None, "c")
    assert "bp_parts[]" in layout.code
    passes(graph, "c")


def test_what_cannot_be_exported_is_refused() -> None:
    graph = bp.parse("sum(inv(A))").graph(A=np.eye(9).tolist())
    with pytest.raises(UsageFault, match="'inv' of a matrix of 9 x 9 cannot be taken apart"):
        targets.written(graph, graph.output(), None, "sympy")
    with pytest.raises(UsageFault, match="'int' has a meaning of its own in C"):
        targets.written(graph, graph.output(), None, "c", "int")


def test_a_wrong_program_fails_its_test() -> None:
    graph = bp.parse("x*y").graph()
    _, layout = targets.written(graph, graph.output(), None, "python")
    wrong = layout.driver.replace("x * y", "x + y")
    with pytest.raises(self_test.SelfTestFault, match="self-test failed: the value is"):
        self_test.self_test(graph, graph.output(), None, "python", wrong)
    with pytest.raises(self_test.SelfTestFault, match="stops with code 1"):
        self_test.self_test(graph, graph.output(), None, "python", "1/0")


def test_constants_are_computed_and_kept_masks_too() -> None:
    graph = bp.parse("x*(2 + 3)").graph()
    found = export(graph, graph.output())
    assert 5.0 in found.graph.static.values()


def code_of(text: str, target: str, **shapes: tuple[int, ...]) -> str:
    graph = bp.parse(text).graph({name: np.ones(shape).tolist() for name, shape in shapes.items()})
    return targets.written(graph, graph.output(), None, target)[1].code


def test_names_of_a_template_are_no_words_of_the_language() -> None:
    """`{n}` and `{to}` in a row reserve nothing."""
    assert "double f(double n, double c, double gradient[2])" in code_of("n*c", "c")
    assert "def f(to, options):" in code_of("to*options", "numpy")


def test_code_as_a_person_writes_it() -> None:
    rosenbrock = code_of("(1-x)^2 + 100*(y-x^2)^2", "c")
    assert "const double value = t1 * t1 + 100.0 * (t2 * t2);" in rosenbrock
    assert "const double d_x = -d_y * (2.0 * x) - 2.0 * t1;" in rosenbrock
    assert "sqrt(x * x + y * y);" in code_of("sqrt(x^2 + y^2)", "c")
    assert "sqrt(x) + 0.0" in code_of("sqrt(x)", "c")  # of -0 it is 0
    layer = code_of("sum(tanh(W @ x + b))", "numpy", W=(5, 4), x=(4,), b=(5,))
    assert "d_W = np.outer(d_b, x)" in layer
    assert "d_x = W.T @ d_b" in layer
    assert "np.where" not in layer
    assert "broadcast_to" not in layer
    masked = code_of("where(x > 0, log(sin(x)), 0)", "c")
    assert "? 1.0 : 0.0" not in masked


def test_gradients_share_no_memory_with_arguments() -> None:
    call = exporting.function(code_of("sum(u*v) + sum(w)*2", "numpy", u=(3,), v=(3,), w=(3,)))
    u, v, w = np.ones(3), np.ones(3), np.ones(3)
    _, gradient = call(u, v, w)
    for part in gradient.values():
        part *= 7.0
    assert u.tolist() == v.tolist() == w.tolist() == [1.0] * 3
    _, gradient = exporting.function(code_of("sum(u + v)", "numpy", u=(3,), v=(3,)))(u, v)
    gradient["u"] *= 2.0
    assert gradient["v"].tolist() == [1.0] * 3


def test_a_compiler_error_is_told() -> None:
    need("c")
    graph = bp.parse("x*y").graph()
    _, layout = targets.written(graph, graph.output(), None, "c")
    wrong = layout.driver.replace("x * y", "x * z")
    with pytest.raises(self_test.SelfTestFault, match="stops with code 1") as caught:
        self_test.self_test(graph, graph.output(), None, "c", wrong)
    assert "undeclared" in str(caught.value.help)
