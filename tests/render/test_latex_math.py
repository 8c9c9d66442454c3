r"""LaTeX of expressions: what a person would write, and never what does not compile."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from latex_checks import assert_sound
from strategies import scalar_graphs, tensor_graphs

from backprop_cli.engine.lower import load, lower
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import OPERATIONS
from backprop_cli.render.latex_math import latex
from backprop_cli.render.latex_names import escaped, latex_name, latex_names, latex_number

SHAPES = {"A": (3, 3), "B": (3, 3), "x": (3,), "b": (3,), "M": (2, 3)}


def written(text: str, shapes: dict[str, tuple[int, ...]] | None = None) -> str:
    graph = lower(load(text), shapes or {})
    return latex(graph, graph.output())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x*y + sin(x)", r"x y + \sin\left(x\right)"),
        ("2*x*3*y", r"2 x \cdot 3 y"),
        ("x*2^y", r"x \cdot 2^{y}"),
        ("x*(y + 1)", r"x \cdot \left(y + 1\right)"),
        ("(x + 1)*y", r"\left(x + 1\right) y"),
        ("a - (b - c)", r"a - \left(b - c\right)"),
        ("a - (b + c)", r"a - \left(b + c\right)"),
        ("a - -b", r"a - \left(-b\right)"),
        ("-(a + b)", r"-\left(a + b\right)"),
        ("x^2^y", r"x^{2^{y}}"),
        ("(x^2)^y", r"\left(x^{2}\right)^{y}"),
        ("(-x)^2", r"\left(-x\right)^{2}"),
        ("-x^2", r"-x^{2}"),
        ("(-2)^x", r"\left(-2\right)^{x}"),
        ("(x/y)^2", r"\left(\frac{x}{y}\right)^{2}"),
        ("-x/y", r"-\frac{x}{y}"),
        ("sin(x)^2", r"\sin^{2}\left(x\right)"),
        ("sin(x)^-1", r"\left(\sin\left(x\right)\right)^{-1}"),
        ("softplus(x)^2", r"\left(\operatorname{softplus}\left(x\right)\right)^{2}"),
        ("exp(-x^2/2)", r"e^{-\frac{x^{2}}{2}}"),
        ("exp(x)^2", r"\left(e^{x}\right)^{2}"),
        ("sqrt(x)*cbrt(y)", r"\sqrt{x} \sqrt[3]{y}"),
        ("abs(x)*floor(y)", r"\left|x\right| \left\lfloor y \right\rfloor"),
        ("expm1(x)*y", r"\left(e^{x} - 1\right) y"),
        ("log1p(x) + log2(y)", r"\ln\left(1 + x\right) + \log_{2}\left(y\right)"),
        ("polygamma(2, x)", r"\psi^{(2)}\left(x\right)"),
        ("max(x, y, 0)", r"\max\left(x, y, 0\right)"),
        ("log_sigmoid(x)", r"\operatorname{log\_sigmoid}\left(x\right)"),
        ("(x > 0)*y", r"\left[x > 0\right] y"),
        ("not (x > 1)", r"\lnot \left[x > 1\right]"),
        (
            "where(x > 0, log(x), where(x < 0, -1, 0)) + 1",
            r"\left(\begin{cases} \ln\left(x\right) & \text{if } x > 0 \\ -1 & \text{if } x < 0 "
            r"\\ 0 & \text{otherwise} \end{cases}\right) + 1",
        ),
        ("1e-7*x", r"10^{-7} x"),
        ("x*1.5e20", r"x \cdot 1.5 \cdot 10^{20}"),
        ("pi*x + e", r"\pi x + e"),
        ("x % y", r"x \bmod y"),
        ("[x, y]", r"\begin{bmatrix} x \\ y \end{bmatrix}"),
        ("[[1, 2], [3, x]]", r"\begin{bmatrix} 1 & 2 \\ 3 & x \end{bmatrix}"),
        ("price*x", r"\mathit{price} \, x"),
        ("a = x*y; b = a; b + 1", "x y + 1"),
        ("eye(3)[0, 1]*x", "{I_{3}}_{0, 1} x"),
    ],
)
def test_scalars(text: str, expected: str) -> None:
    assert written(text) == expected
    assert_sound(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x' @ A @ x", r"x^{\top} \, A \, x"),
        ("(A @ x) @ b", r"\left(A \, x\right)^{\top} \, b"),
        ("A @ x * b", r"\left(A \, x\right) \odot b"),
        ("A @ (x * b)", r"A \, \left(x \odot b\right)"),
        ("(A @ B)'", r"\left(A \, B\right)^{\top}"),
        ("A'' @ x", r"\left(A^{\top}\right)^{\top} \, x"),
        ("A[0, 1]*x[0]", r"A_{0, 1} x_{0}"),
        ("A[:, 0]", r"A_{:, 0}"),
        ("(A @ x)[1]", r"{\left(A \, x\right)}_{1}"),
        ("2*A @ x", r"2 A \, x"),
        ("norm(x)^2", r"\left\lVert x \right\rVert^{2}"),
        ("sum(A, axis=0)", r"\sum_{\text{axis 0}}\left(A\right)"),
        ("solve(A, b)", r"A^{-1} b"),
        ("inv(A) @ b", r"A^{-1} \, b"),
        ("outer(x, b)", r"x \, b^{\top}"),
        ("trace(A)*det(A)", r"\operatorname{tr}\left(A\right) \det\left(A\right)"),
        ("ones(3)*x", r"{\mathbf{1}}_{3} \odot x"),
        ("reshape(A, [9])", r"\operatorname{reshape}\left(A\text{, [9]}\right)"),
        ("A @ x'", r"A \, x"),
        ("transpose(M, [1, 0])", r"M^{\top}"),
        ("stack(x, b, axis=1)", r"\operatorname{stack}\left(x, b,\ \text{axis}=1\right)"),
        ("norm(A, axis=1)", r"\left\lVert A \right\rVert_{\text{axis 1}}"),
        ("concat(x, b)", r"\operatorname{concat}\left(x, b\right)"),
        ("softmax(x)[0]", r"{\operatorname{softmax}\left(x\right)}_{0}"),
        ("(x' @ b)*x", r"\left(x^{\top} \, b\right) x"),
        ("2*(x' @ b)*x", r"\left(2 x^{\top} \, b\right) x"),
        ("A @ (A' @ (A @ x))", r"A \, A^{\top} \, A \, x"),
        ("x @ (b' @ A)", r"x^{\top} \, \left(b^{\top} \, A\right)"),
        ("A^2", r"A^{\circ 2}"),
        ("exp(A)", r"\exp\left(A\right)"),
        ("exp(x)^2", r"\left(e^{x}\right)^{2}"),
        ("A/exp(A)", r"A \oslash \exp\left(A\right)"),
        ("x/b", r"\frac{x}{b}"),
        ("A - 1", r"A - {\mathbf{1}}_{3 \times 3}"),
        ("eye(3) - x[0]/3", r"I_{3} - \frac{x_{0}}{3} {\mathbf{1}}_{3 \times 3}"),
        ("x - mean(x)", r"x - \operatorname{mean}\left(x\right)"),
        ("outer(x*b, b)", r"\left(x \odot b\right) \, b^{\top}"),
        ("[A @ x, b]", r"\begin{bmatrix} \left(A \, x\right)^{\top} \\ b^{\top} \end{bmatrix}"),
    ],
)
def test_arrays(text: str, expected: str) -> None:
    assert written(text, SHAPES) == expected
    assert_sound(expected)


def test_names() -> None:
    assert latex_name("theta1") == r"\theta_{1}"
    assert latex_name("Δt") == r"{\Delta t}"
    assert latex_name("x_max") == r"x_{\mathrm{max}}"
    assert latex_name("a_b_c") == r"\mathit{a\_b\_c}"
    assert latex_name("变") == r"\text{变}"
    assert latex_name("f[1, 0]") == "{f}_{1, 0}"
    assert latex_names(["x1", "x_1", "y"]) == {"x1": "x_{1}", "x_1": r"\mathtt{x\_1}", "y": "y"}
    assert escaped(r"a\b{c}_%&#$~^") == (
        r"a\textbackslash{}b\{c\}\_\%\&\#\$\textasciitilde{}\textasciicircum{}"
    )


@given(st.text(min_size=1, max_size=12).filter(str.isidentifier))
def test_every_name_is_sound(name: str) -> None:
    assert_sound(latex_name(name))


def test_numbers() -> None:
    assert latex_number(0.1) == "0.1"
    assert latex_number(float("nan")) == r"\mathrm{nan}"
    assert latex_number(float("-inf"), 4) == r"-\infty"
    assert latex_number(-1e22, 4) == "-10^{22}"
    assert latex_number(2 / 3, 4) == "0.6667"


def test_given_names_stand_and_the_node_itself_is_written_out() -> None:
    graph = lower(load("a = x*y; a^2 + a"))
    a = graph.by_name["a"]
    assert latex(graph, graph.output(), {a: r"\alpha"}) == r"\alpha^{2} + \alpha"
    assert latex(graph, a, {a: r"\alpha"}) == "x y"


def test_depth_and_sharing_are_no_limit() -> None:
    long = lower(load("+".join(f"x{k}" for k in range(20_000))))
    assert latex(long, long.output()).count("+") == 19_999
    deep = lower(load("(" * 3_000 + "x" + "+1)^2" * 3_000))
    assert latex(deep, deep.output()).count("^{2}") == 3_000
    shared = lower(load("a0 = x\n" + "\n".join(f"a{k + 1} = a{k}*sin(a{k})" for k in range(64))))
    assert latex(shared, shared.output()) == r"a_{63} \sin\left(a_{63}\right)"


@given(scalar_graphs(size=8))
@settings(max_examples=150)
def test_any_scalar_program_is_sound(graph: Graph) -> None:
    assert_sound(latex(graph, graph.output()))


@given(tensor_graphs())
@settings(max_examples=60)
def test_any_program_of_arrays_is_sound(graph: Graph) -> None:
    assert_sound(latex(graph, graph.output()))


def test_every_operation_is_written() -> None:
    """Of one argument or two, on scalars: no operation falls back to the way it is typed."""
    for row in OPERATIONS:
        if not row.elementwise or row.static:
            continue
        count = max(row.arity[0], 1)
        names = ["x", "y", "z"][:count]
        graph = lower(load(f"{row.name}({', '.join(names)})")) if row.notation is None else None
        if graph is not None:
            text = latex(graph, graph.output())
            assert_sound(text)
            assert all(re.search(rf"\b{name}\b", text) for name in names)
