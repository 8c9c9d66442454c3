"""`bprop explain`: the chain rule as a lesson, in every format, and its numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cli.running import Bprop
from latex_checks import assert_sound

from backprop_cli.render.diagnostics import columns

GOLDEN = Path(__file__).parent.parent / "golden"
FIGURE = ["c = a + b; d = b + 1; c*d", "--at", "a=2,b=1"]
LAYER = [
    "r_1 = relu(W @ x); sum(where(r_1 > 2, r_1, x*x))",
    "--at",
    "W=[[1,2],[-3,1]],x=[1,2]",
]
FORMATS = [("text", "txt"), ("markdown", "md"), ("latex", "tex")]


@pytest.mark.parametrize(("form", "suffix"), FORMATS)
@pytest.mark.parametrize(("name", "words"), [("figure", FIGURE), ("layer", LAYER)])
def test_golden(bprop: Bprop, name: str, words: list[str], form: str, suffix: str) -> None:
    found = bprop("explain", *words, "--format", form)
    assert found.code == 0
    assert found.out == (GOLDEN / f"explain_{name}.{suffix}").read_text("utf-8")


def paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split("\n\n")]


def test_the_single_and_the_many_path_rule_are_told_apart(bprop: Bprop) -> None:
    parts = paragraphs(bprop("explain", *FIGURE).out)
    single = next(part for part in parts if part.startswith("d is used once, in v1"))
    assert "chain rule along a single path" in single
    many = next(part for part in parts if part.startswith("b is used twice, in c and d"))
    assert "the chain rule for several paths is a sum over the uses" in many
    assert sum("along a single path" in part for part in parts) == 1  # explained once


def test_an_adjoint_is_symbols_then_rules_then_numbers(bprop: Bprop) -> None:
    out = bprop("explain", *FIGURE).out
    assert (
        "  b\u0304 = dv1/db\n"
        "    = dv1/dc · \u2202c/\u2202b + dv1/dd · \u2202d/\u2202b\n"
        "    = c\u0304 · 1 + d\u0304 · 1\n"
        "    = 2 · 1 + 3 · 1 = 5\n"
    ) in out


def test_the_path_sum_is_the_gradient(bprop: Bprop) -> None:
    out = bprop("explain", *FIGURE).out
    assert "  b → d → v1:  3 · 1 = 3\n  b → c → v1:  2 · 1 = 2\n" in out
    assert "  dv1/db = 3 + 2 = 5" in out
    assert "That is dynamic programming." in " ".join(out.split())
    assert out.endswith("5. The gradient\n\n  dv1/da = 2\n  dv1/db = 5\n")


def test_without_a_point_there_are_symbols_only(bprop: Bprop) -> None:
    out = bprop("explain", "x*y + sin(x)").out
    assert "Variables: x and y." in out
    assert "    = v\u03041 · y + v\u03042 · cos(x)\n" in out
    assert "x → v1 → v3:  \u2202v3/\u2202v1 · \u2202v1/\u2202x" in out
    steps = bprop("explain", "x*y + sin(x)", "--json").json()["steps"]
    assert {step["value"] for step in steps if "value" in step} == {None}
    assert [step["formula"] for step in steps if step["step"] == "gradient"] == ["y + cos(x)", "x"]
    assert out.endswith("simplified:\n\n  dv3/dx = y + cos(x)\n  dv3/dy = x\n")
    partly = bprop("explain", "x*y", "--at", "x=1")
    assert partly.code == 2
    assert partly.err.startswith("error: no value for 'y'")


def test_one_step_with_two_edges_from_one_node(bprop: Bprop) -> None:
    out = bprop("explain", "x*x", "--at", "x=3").out
    assert "  \u2202v1/\u2202x⁽¹⁾ = x = 3\n  \u2202v1/\u2202x⁽²⁾ = x = 3\n" in out
    assert "    = 1 · 3 + 1 · 3 = 6\n" in out
    flat = " ".join(out.split())
    assert "Each place where it stands in v1 is a use of its own." in flat
    tex = bprop("explain", "x*x", "--at", "x=3", "--format", "latex").out
    assert r"\frac{\partial v_{1}}{\partial x^{(1)}} &= x = 3" in tex


@pytest.mark.parametrize(
    ("text", "point", "said"),
    [
        ("where(x > 0, y, z)", "x=1,y=2,z=3", "this branch was not taken, so nothing flows"),
        ("max(x, y)", "x=1,y=2", "this operand is not the largest, so nothing flows"),
        ("min(x, y)", "x=1,y=2", "this operand is not the smallest, so nothing flows"),
        ("relu(x)", "x=-1", "relu is flat where its argument is not above 0, so nothing flows"),
        ("clip(x, 0, 1)", "x=2", "clip does not take its value from here, so nothing flows"),
        ("x + 0*y", "x=1,y=2", "it is multiplied by the constant 0, so nothing flows"),
        ("x + floor(x)", "x=1.5", "floor is flat between its jumps, so nothing flows"),
        ("x*stop_grad(x)", "x=1.5", "stop_grad lets the value through and stops the derivative"),
        ("x + (x > 1)", "x=1.5", "a comparison is 0 or 1 and does not change with small steps"),
        ("abs(x)", "x=0", "|x| has a kink at 0, subdifferential [-1, 1]; the derivative is taken"),
        ("x + 0*y", "x=1,y=2", "passes an edge that does not exist here, so its derivative is 0."),
        ("a = 3; a*x", "x=2", "a constant, which has no derivative"),
    ],
)
def test_where_nothing_flows_the_reason_is_said(
    bprop: Bprop, text: str, point: str, said: str
) -> None:
    found = bprop("explain", text, "--at", point)
    assert found.code == 0
    assert said in " ".join(found.out.split())


def test_a_term_that_does_not_exist_is_left_out_of_the_numbers(bprop: Bprop) -> None:
    out = bprop("explain", "where(c > 0, x, 2*x)", "--at", "c=-1,x=3", "--wrt", "x").out
    assert (
        "  x\u0304 = dv3/dx\n"
        "    = dv3/dv2 · \u2202v2/\u2202x\n"
        "    = v\u03042 · 2\n"
        "    = 1 · 2 = 2\n"
    ) in out


def test_negative_terms_stand_in_brackets(bprop: Bprop) -> None:
    out = bprop("explain", "5*x*x - x", "--at", "x=2").out
    assert "  dv3/dx = 10 + 10 + (-1) = 19" in out
    assert "v\u03043 · (-1)" in out


def test_a_variable_without_a_path(bprop: Bprop) -> None:
    found = bprop("explain", "u = x*2; v = y; u", "--at", "x=1,y=2", "--wrt", "x,y")
    assert "No path leads from y to u, so its derivative is 0." in found.out
    assert "du/dy = 0" in found.out
    assert "no path leads from 'y' to the output" in found.err


def test_nothing_to_differentiate(bprop: Bprop) -> None:
    found = bprop("explain", "1 + 2")
    assert found.code == 0
    assert "There are no variables, so there is nothing to differentiate." in found.out


def test_wrt_and_of_take_any_named_node(bprop: Bprop) -> None:
    found = bprop("explain", *FIGURE, "--wrt", "c", "--of", "d")
    assert "No path leads from c to d" in found.out
    found = bprop("explain", *FIGURE, "--wrt", "c")
    assert found.out.endswith("5. The gradient\n\n  dv1/dc = 2\n")
    assert "\u2202c/\u2202a" not in found.out


def test_arrays_have_vector_jacobian_products(bprop: Bprop) -> None:
    words = ["sum(W @ x)", "--at", "W=[[1,2],[3,4]],x=[1,-1]"]
    out = bprop("explain", *words).out
    assert (
        "v\u03041 · \u2202v1/\u2202x  = W' @ v\u03041    (a vector-Jacobian product, shape (2,))"
        in out
    )
    assert "v\u03041 · \u2202v1/\u2202W  = outer(v\u03041, x)" in out
    assert "    = [4, 6]\n" in out
    tex = bprop("explain", *words, "--format", "latex").out
    assert r"W^{\top} \, \bar{v}_{1}" in tex
    assert r"\bar{v}_{1} \, x^{\top}" in tex


def test_parts_of_arrays(bprop: Bprop) -> None:
    words = ["sum([x, y]*[3, 4])", "--at", "x=1,y=2"]
    assert "v\u03041 · \u2202v1/\u2202y = v\u03041[1]" in " ".join(
        bprop("explain", *words).out.split()
    )
    tex = bprop("explain", *words, "--format", "latex").out
    assert r"{\bar{v}_{1}}_{\text{its part}}" in tex


def test_large_arrays_are_abbreviated(bprop: Bprop) -> None:
    words = ["sum(x*x)", "--at", f"x={[float(k) for k in range(1000)]}"]
    found = bprop("explain", *words)
    assert "[0, 2, 4, 6, …, 1998]" in found.out
    assert max(map(len, found.out.splitlines())) < 200
    assert r"\cdots & 1998 \end{bmatrix}" in bprop("explain", *words, "--format", "latex").out


def test_many_steps(bprop: Bprop) -> None:
    text = "+".join(f"x{k}*y" for k in range(100))
    point = ",".join(f"x{k}={k}" for k in range(100)) + ",y=1"
    found = bprop("explain", text, "--at", point)
    flat = " ".join(found.out.split())
    assert "60 of 300 steps are shown" in flat
    assert "or the variables of interest with --wrt" in flat
    assert "The paths of 95 more variables are left out." in flat
    fewer = bprop("explain", text, "--at", point, "--wrt", "x99", "--json").json()
    values = [step["id"] for step in fewer["steps"] if step["step"] == "value"]
    assert values == ["x99", "v198", "v199"]
    assert fewer["omitted"] == 297
    assert len(found.out) < 30_000
    assert len(bprop("explain", text, "--at", point, "--steps", "4").out) < len(found.out)


def test_a_node_of_many_uses_shows_the_first(bprop: Bprop) -> None:
    text = "+".join(f"sin({k}*x)" for k in range(1, 15))
    found = bprop("explain", text, "--at", "x=1")
    assert "… (6 more)" in found.out
    assert "x is used 14 times" in found.out


def test_very_many_paths_are_counted_not_listed(bprop: Bprop) -> None:
    text = "a0 = x\n" + "\n".join(f"a{k + 1} = a{k}*a{k}" for k in range(60))
    found = bprop("explain", text, "--at", "x=1")
    assert "1,152,921,504,606,846,976 paths from x to a60, the 5 largest of them:" in " ".join(
        found.out.split()
    )
    steps = bprop("explain", text, "--at", "x=1", "--json").json()["steps"]
    assert next(s for s in steps if s["step"] == "paths")["count"] == 2**60
    bare = bprop("explain", text, "--json").json()["steps"]
    assert next(s for s in bare if s["step"] == "paths")["count"] == 2**60
    assert "the 5 first of them" in " ".join(bprop("explain", text).out.split())


def test_a_deep_program(bprop: Bprop) -> None:
    found = bprop("explain", "+".join(["x"] * 20_000), "--at", "x=1", "--format", "latex")
    assert found.code == 0
    assert_sound(found.out)


def test_json(bprop: Bprop) -> None:
    document = bprop("explain", *FIGURE, "--json").json()
    steps = document["steps"]
    assert [step["step"] for step in steps] == (
        ["value"] * 5 + ["partial"] * 5 + ["adjoint"] * 5 + ["paths"] * 2 + ["gradient"] * 2
    )
    b = next(step for step in steps if step["step"] == "adjoint" and step["of"] == "b")
    assert b["chain_rule"] == "several paths"
    assert b["numbers"] == "2 · 1 + 3 · 1 = 5"
    assert b["value"] == sum(term["contribution"] for term in b["terms"]) == 5.0
    for way in (step for step in steps if step["step"] == "paths"):
        assert sum(path["product"] for path in way["paths"]) == way["sum"] == way["gradient"]


def test_many_points_are_lines_of_json(bprop: Bprop) -> None:
    found = bprop("explain", "x^2", "--at", "-", stdin='{"x": 1}\n{"x": 2}\n')
    last = [line["steps"][-1] for line in found.lines()]
    assert last == [
        {"step": "gradient", "by": "x", "value": 2.0, "formula": None},
        {"step": "gradient", "by": "x", "value": 4.0, "formula": None},
    ]


def test_names_are_escaped(bprop: Bprop) -> None:
    words = ["learning_rate*θ_1^2 + 变*x_1*x1", "--at", "learning_rate=1,θ_1=2,变=3,x_1=4,x1=5"]
    tex = bprop("explain", *words, "--format", "latex").out
    assert_sound(tex)
    assert r"\mathit{learning\_rate}" in tex
    assert r"\theta_{1}" in tex
    assert r"\mathtt{x1}" in tex  # x_1 and x1 do not look alike
    markdown = bprop("explain", *words, "--format", "markdown").out
    outside = re.sub(r"```math.*?```|`[^`]*`", "", markdown, flags=re.S)
    assert "_" not in outside
    assert "operatorname" not in markdown  # which GitHub does not allow


@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
def test_not_finite(bprop: Bprop, form: str) -> None:
    found = bprop("explain", "sqrt(x^2)", "--at", "x=0", "--format", form)
    assert found.code == 0
    assert "nan" in found.out
    assert "warning: the derivative by 'x' is nan" in found.err
    assert bprop("explain", "sqrt(x^2)", "--at", "x=0", "--strict").code == 3


def test_color_is_on_headings_only(bprop: Bprop) -> None:
    plain = bprop("explain", *FIGURE).out
    colored = bprop("explain", *FIGURE, "--color", "always").out
    assert "\x1b[1m5. The gradient\x1b[0m" in colored
    assert re.sub(r"\x1b\[\d*m", "", colored) == plain
    assert "\x1b" not in plain


def test_paragraphs_fit_the_terminal(bprop: Bprop) -> None:
    narrow = bprop("explain", *FIGURE, tty=True, width=50, variables={"NO_COLOR": "1"}).out
    words = [line for line in narrow.splitlines() if not line.startswith("  ")]
    assert max(map(len, words)) <= 50


def test_errors(bprop: Bprop) -> None:
    assert bprop("explain", "[x, y]", "--at", "x=1,y=2").err == (
        "error: explain needs a scalar output, and this one has the shape (2,)\n"
        "  [x, y]\n"
        "  ^^^^^^\n"
        "help: take all derivatives with bprop jacobian, or an element: "
        '--of "v1[0]"\n'
    )
    assert bprop("explain", "x", "--at", "x=1", "--format", "csv").err == (
        "error: --format cannot be 'csv'\nhelp: it is one of text, json, markdown, latex\n"
    )


def test_a_saved_graph(bprop: Bprop, tmp_path: Path) -> None:
    saved = tmp_path / "graph.json"
    assert bprop("render", "x^2*y", "-o", str(saved)).code == 0
    found = bprop("explain", f"@{saved}", "--at", "x=2,y=3")
    assert found.out.endswith("  dv2/dx = 12\n  dv2/dy = 4\n")


def headings(text: str) -> list[str]:
    return re.findall(r"^(\d)\. ", text, re.M)


@pytest.mark.parametrize("words", [["x", "--at", "x=3"], ["2 + 3"], FIGURE, FIGURE[:1]])
def test_headings_are_counted_without_a_gap(bprop: Bprop, words: list[str]) -> None:
    found = headings(bprop("explain", *words).out)
    assert found == [str(k) for k in range(1, len(found) + 1)]


@pytest.mark.parametrize("width", [40, 50, 80, 100])
def test_no_line_is_wider_than_the_terminal(bprop: Bprop, width: int) -> None:
    """Equations are broken between links and terms, and no number is."""
    many = "+".join(f"sin(x{k})*y" for k in range(12))
    at = ",".join(f"x{k}=0.{k + 1}" for k in range(12))
    for words in ([many, "--at", f"{at},y=2"], LAYER, ["x*y + sin(x)", "--at", "x=1,y=2"]):
        out = bprop("explain", *words, width=width).out
        assert max(map(columns, out.splitlines())) <= width
        numbers = set(re.findall(r"\d\.\d+", out))
        assert numbers == set(re.findall(r"\d\.\d+", bprop("explain", *words, width=100).out))


def test_a_remark_too_long_for_its_line_stands_below(bprop: Bprop) -> None:
    out = bprop("explain", "x*y + sin(x)", "--at", "x=1,y=2").out
    assert (
        "  dv3/dx = 2 + 0.540302 = 2.5403\n"
        "         (the sum over all paths, and the adjoint found above)\n"
    ) in out
    assert "Numbers are rounded to 6 digits." in out


def test_the_places_of_one_node_are_told_apart(bprop: Bprop) -> None:
    out = bprop("explain", "x*x", "--at", "x=3").out
    assert "  x⁽¹⁾ → v1:  3\n  x⁽²⁾ → v1:  3\n" in out
    assert "A raised number tells the places apart" in " ".join(out.split())
    assert "Two paths from x to v1:" in out
    assert "rounded" not in out


def test_why_a_derivative_is_not_finite(bprop: Bprop) -> None:
    out = bprop("explain", "x*sqrt(x)", "--at", "x=0").out
    assert "The derivative by 'x' is nan: 0 × inf at sqrt(x)" in paragraphs(out)[-1]


def test_a_long_gradient_is_cut(bprop: Bprop) -> None:
    names = [f"x{k}" for k in range(130)]
    out = bprop("explain", " + ".join(names), "--at", ",".join(f"{n}=1" for n in names)).out
    assert out.endswith("\n30 more derivatives are left out; bprop grad prints all of them.\n")
    bare = bprop("explain", "*".join(names[:8])).out
    assert bare.endswith("\nThe others are left out here; bprop diff prints them.\n")


def test_an_elementwise_product_is_no_dot_in_latex(bprop: Bprop) -> None:
    out = bprop("explain", "sum(x*y)", "--at", "x=[1,2],y=[3,4]", "--format", "latex").out
    assert r"&= \bar{v}_{1} \odot y \\" in out
    assert (
        r"&= \bar{v}_{1} \cdot 2 \\"
        in bprop("explain", "sum(2*x)", "--at", "x=[1,2]", "--format", "latex").out
    )


def test_long_sums_are_broken_between_terms_in_latex(bprop: Bprop) -> None:
    many = "+".join(f"sin(x{k})*y" for k in range(12))
    at = ",".join(f"x{k}=0.{k + 1}" for k in range(12))
    out = bprop("explain", many, "--at", f"{at},y=2", "--format", "latex").out
    assert_sound(out)
    assert r"  &\quad {} + \bar{v}_{19} \cdot v_{18} + \bar{v}_{22} \cdot v_{21} + \dots" in out
    assert max(line.count(r"\frac") for line in out.splitlines()) <= 8
