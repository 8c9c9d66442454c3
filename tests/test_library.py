"""The Python API: what each method answers, and which errors it raises."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import backprop_cli as bp
from backprop_cli.errors import NameFault, ShapeFault, SyntaxFault, UsageFault

COS_1 = math.cos(1)
FIGURE = "c = a + b; d = b + 1; c*d"


def test_value_and_gradient() -> None:
    f = bp.parse("x*y + sin(x)")
    assert f.variables == ["x", "y"]
    assert f(x=1, y=2) == 2 + math.sin(1)
    assert f.grad(x=1, y=2) == {"x": 2 + COS_1, "y": 1.0}
    assert f.value_and_grad(x=1, y=2) == (f(x=1, y=2), f.grad(x=1, y=2))


def test_a_point_is_keywords_or_a_mapping_or_both() -> None:
    f = bp.parse("wrt*of + seed")
    assert f.grad({"wrt": 2, "of": 3, "seed": 1}) == {"wrt": 3.0, "of": 2.0, "seed": 1.0}
    assert bp.parse("x*y")({"x": 2}, y=5) == 10.0


def test_scalars_are_floats_and_arrays_are_arrays() -> None:
    f = bp.parse("sum(w*x) + b")
    value, gradient = f.value_and_grad(w=np.array([1.0, 2.0]), x=[3, 4], b=np.float64(1))
    assert type(value) is float
    assert type(gradient["b"]) is float
    assert gradient["w"].tolist() == [3.0, 4.0]
    assert gradient["x"].tolist() == [1.0, 2.0]
    assert type(bp.parse("x + 1")(x=np.array(2))) is float


def test_one_function_takes_points_of_different_shapes() -> None:
    f = bp.parse("sum(x^2)")
    assert f.grad(x=[1, 2])["x"].tolist() == [2.0, 4.0]
    assert f.grad(x=[[1, 2], [3, 4]])["x"].tolist() == [[2.0, 4.0], [6.0, 8.0]]
    assert f.grad(x=3) == {"x": 6.0}
    assert f(x=[1, 2]) == 5.0


def test_parameters_may_change_between_calls() -> None:
    f = bp.parse("sum(i=1..n, x^i)")
    assert f.grad(x=2, n=2) == {"x": 5.0}
    assert f.grad(x=2, n=3) == {"x": 17.0}


def test_values_of_named_nodes() -> None:
    assert bp.parse(FIGURE).values(a=2, b=1) == {"a": 2.0, "b": 1.0, "c": 3.0, "d": 2.0}


@pytest.mark.parametrize("wrt", ["c", ["c"]])
def test_gradients_by_inner_nodes_and_of_inner_nodes(wrt: str | list[str]) -> None:
    f = bp.parse(FIGURE)
    assert f.grad(a=2, b=1, wrt=wrt) == {"c": 2.0}
    assert f.grad(a=2, b=1, wrt=["b", "d"], of="d") == {"b": 1.0, "d": 1.0}


def test_seed() -> None:
    assert bp.parse("x^2").grad(x=3, seed=10) == {"x": 60.0}
    assert bp.parse("A @ x").grad(A=[[1, 2], [3, 4]], x=[1, 1], seed=[1, 0], wrt="x")[
        "x"
    ].tolist() == [1.0, 2.0]


def test_trace() -> None:
    found = bp.parse(FIGURE).trace(a=2, b=1)
    assert isinstance(found, bp.Trace)
    adjoints = {node.name: node.adjoint for node in found.nodes if node.name}
    assert adjoints == {"a": 2.0, "b": 5.0, "c": 2.0, "d": 3.0}
    into = [edge.contribution for edge in found.edges if edge.source == "b"]
    assert sorted(into) == [2.0, 3.0]


def test_paths() -> None:
    f = bp.parse(FIGURE)
    report = f.paths(a=2, b=1, start="b")
    assert isinstance(report, bp.PathReport)
    assert (report.count, report.sum, report.gradient) == (2, 5.0, 5.0)
    assert [path.product for path in report.paths] == [3.0, 2.0]
    assert f.paths(a=2, b=1, start="b", through="c").sum == 2.0
    assert f.paths(a=2, b=1, start="b", end="d").count == 1
    assert bp.parse("x*x").paths(x=3).count == 2


def test_paths_need_a_start_where_there_are_several_variables() -> None:
    with pytest.raises(UsageFault, match="start="):
        bp.parse("x*y").paths(x=1, y=2)


def test_a_chain_of_64_stages_has_2_to_the_64_paths() -> None:
    text = "x0 = x\n" + "\n".join(f"x{k + 1} = x{k}/2 + x{k}/2" for k in range(64)) + "\n"
    report = bp.parse(text.replace("/2", "*0.5")).paths(x=1, top=1)
    assert (report.count, report.sum, report.gradient) == (2**64, 1.0, 1.0)


def test_jacobian() -> None:
    f = bp.parse("[x*y, x + y, y^2]")
    found = f.jacobian(x=2, y=3)
    assert found["x"].tolist() == [3.0, 1.0, 0.0]
    assert found["y"].tolist() == [2.0, 1.0, 6.0]
    assert list(f.jacobian(x=2, y=3, wrt=["y"])) == ["y"]
    matrix = bp.parse("A @ x").jacobian(A=[[1, 2], [3, 4]], x=[5, 6])
    assert matrix["x"].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert matrix["A"].shape == (2, 2, 2)
    assert bp.parse("x^2").jacobian(x=3) == {"x": 6.0}


def test_hessian() -> None:
    found = bp.parse("x^2*y + exp(x)").hessian(x=2, y=3)
    assert found["x"]["x"] == pytest.approx(6 + math.exp(2), rel=1e-15)
    assert (found["x"]["y"], found["y"]["x"], found["y"]["y"]) == (4.0, 4.0, 0.0)
    quadratic = bp.parse("x' @ A @ x").hessian(x=[1, 2], A=[[1, 2], [3, 4]])
    assert quadratic["x"]["x"].tolist() == [[2.0, 5.0], [5.0, 8.0]]


def test_compile() -> None:
    rows = bp.parse("x*exp(y)").compile()
    x, y = np.linspace(-1, 1, 7), np.linspace(0, 2, 7)
    value, gradient = rows(x=x, y=y)
    np.testing.assert_allclose(value, x * np.exp(y), rtol=1e-15)
    np.testing.assert_allclose(gradient["x"], np.exp(y), rtol=1e-15)
    np.testing.assert_allclose(gradient["y"], x * np.exp(y), rtol=1e-15)
    with pytest.raises(UsageFault, match="scalars"):
        bp.parse("[x, y]").compile()(x=[1.0], y=[2.0])


def test_rows_take_the_branch_of_their_own_row() -> None:
    _, gradient = bp.parse("x > 0 ? x^2 : -x").compile()(x=[-1.0, 3.0])
    assert gradient["x"].tolist() == [-1.0, 6.0]


def test_graphs_made_by_hand() -> None:
    builder = bp.Builder()
    x, w = builder.input("x"), builder.input("w")
    product = builder.add("mul", x, w, name="p")
    f = bp.from_graph(builder.graph([(None, builder.add("tanh", product))]))
    assert f.variables == ["x", "w"]
    assert f.grad(x=0, w=2) == {"x": 2.0, "w": 0.0}
    assert f.grad(x=0, w=2, wrt="p") == {"p": 1.0}
    assert isinstance(f.graph(), bp.Graph)


def test_graph_has_the_shapes_of_the_point() -> None:
    f = bp.parse("A @ x", shapes={"A": (2, 3), "x": (3,)})
    graph = f.graph()
    assert graph.shape(graph.outputs[0][1]) == (2,)
    with pytest.raises(bp.BpropError):
        f(A=[[1.0, 2.0]], x=[1.0, 2.0])


def test_pictures(tmp_path: Path) -> None:
    f = bp.parse(FIGURE)
    assert "digraph bprop {" in str(f.render("dot"))
    svg = f.render("svg", a=2, b=1)
    assert isinstance(svg, str)
    assert "<svg" in svg
    png = f.render("png", a=2, b=1)
    assert isinstance(png, bytes)
    assert png.startswith(b"\x89PNG")
    assert "<svg" in (f._repr_svg_() or "")
    assert bp.parse("A @ x", shapes={"A": (2, 3), "x": (3,)})._repr_svg_() is not None


def test_a_notebook_shows_text_where_there_is_no_picture() -> None:
    assert bp.parse("x' @ x @ x")._repr_svg_() is None


def test_repr() -> None:
    assert repr(bp.parse("x*y + 1")) == "<Function of x, y: x*y + 1>"


def test_errors_know_their_place() -> None:
    with pytest.raises(SyntaxFault) as syntax:
        bp.parse("x * (y + ")
    assert syntax.value.span is not None
    with pytest.raises(NameFault, match="'y'"):
        bp.parse("x*y")(x=1)
    with pytest.raises(NameFault, match="z"):
        bp.parse("x*y")(x=1, y=2, z=3)
    with pytest.raises(NameFault, match="assigns"):
        bp.parse("a = x; a*a")(x=1, a=2)
    with pytest.raises(NameFault, match="q"):
        bp.parse("x*y").grad(x=1, y=2, wrt="q")
    with pytest.raises(ShapeFault) as shape:
        bp.parse("A @ x")(A=[[1, 2, 3], [4, 5, 6]], x=[1, 2])
    assert "3 and 2" in shape.value.message


def test_gradients_need_a_scalar() -> None:
    with pytest.raises(bp.BpropError):
        bp.parse("[x, x^2]").grad(x=1)


def test_a_saved_graph_is_a_program_too() -> None:
    import json

    from backprop_cli.ir.saved import to_document

    saved = json.dumps(to_document(bp.parse("a = x*y; sin(a)").graph(x=1, y=2)))
    assert bp.parse(saved).grad(x=1, y=2, wrt="a") == {"a": math.cos(2)}


def test_what_is_exported() -> None:
    assert set(bp.__all__) <= set(dir(bp))
    assert all(getattr(bp, name) is not None for name in bp.__all__)
    with pytest.raises(AttributeError, match="nothing_here"):
        bp.nothing_here  # noqa: B018


def test_several_outputs_are_answered_by_name() -> None:
    f = bp.parse("p = x*y; (x + 0, p)")
    assert f(x=2, y=3) == {"output_1": 2.0, "p": 6.0}
    assert f.jacobian(x=2, y=3) == {"output_1": {"x": 1.0, "y": 0.0}, "p": {"x": 3.0, "y": 2.0}}
    assert f.jvp({"y": 1}, x=2, y=3) == {"output_1": 0.0, "p": 2.0}
    assert f.vjp(1, x=2, y=3, of="p") == {"x": 3.0, "y": 2.0}
    assert f.grad(x=2, y=3, of="p", seed=2) == {"x": 6.0, "y": 4.0}
    assert f.diff("y", of="p").source == "x"
    assert f.taylor(x=2, y=3, wrt="x", of="p", order=1) == [6.0, 3.0]
    assert "x*y" in f.export("python", of="p")
    assert f.paths(x=2, y=3, start="x", end="p").count == 1


@pytest.mark.parametrize(
    "asked",
    [
        lambda f: f.vjp(1, x=1, y=2),
        lambda f: f.grad(x=1, y=2, seed=1),
        lambda f: f.diff("x"),
        lambda f: f.taylor(x=1, y=2, wrt="x"),
        lambda f: f.paths(x=1, y=2, start="x"),
        lambda f: f.export("python"),
    ],
)
def test_what_takes_one_output_does_not_choose_one(asked: Callable[[bp.Function], object]) -> None:
    with pytest.raises(UsageFault, match="takes one output, and there are 2: output_1, p"):
        asked(bp.parse("p = x*y; (x + 0, p)"))


def test_rows_without_a_row_and_rows_that_do_not_match() -> None:
    rows = bp.parse("x*y").compile()
    value, gradient = rows(x=[], y=[])
    assert value.shape == gradient["x"].shape == (0,)
    with pytest.raises(ShapeFault, match=r"'x' is \(2,\), 'y' is \(3,\)"):
        rows(x=[1, 2], y=[1, 2, 3])


def test_a_program_is_text_and_shapes_are_of_its_variables() -> None:
    with pytest.raises(TypeError, match="parse takes a text, not NoneType"):
        bp.parse(None)  # type: ignore[arg-type]
    with pytest.raises(NameFault, match="'X' is given a shape, but the program does not use it"):
        bp.parse("x*y", {"X": (3,)}).graph()
    assert bp.parse("sum(x*y)", {"x": (3,), "y": (3,)}).diff("x").source == "y"
