"""`bprop diff` as a user meets it."""

from __future__ import annotations

import pytest
from cli.running import Bprop


def test_one_variable_is_the_derivative_alone(bprop: Bprop) -> None:
    assert bprop("diff", "x*y + sin(x)", "--wrt", "x").out == "y + cos(x)\n"


def test_it_can_be_fed_back(bprop: Bprop) -> None:
    first = bprop("diff", "x^3*exp(x)", "--wrt", "x").out
    again = bprop("diff", "-", "--wrt", "x", stdin=first).out
    assert again == bprop("diff", "x^3*exp(x)", "--wrt", "x", "--order", "2").out


def test_several_variables_are_a_program(bprop: Bprop) -> None:
    text = bprop("diff", "x*y + sin(x)").out
    assert text == "d_x = y + cos(x)\nd_y = x\n"
    found = bprop("eval", "-", "--of", "d_x,d_y", "--at", "x=0,y=2", "--json", stdin=text)
    assert found.json()["outputs"] == {"d_x": 3, "d_y": 0}


def test_names_do_not_collide(bprop: Bprop) -> None:
    assert bprop("diff", "d_x*x", "--wrt", "x,d_x").out == "d_x_ = d_x\nd_d_x = x\n"


def test_shared_parts_are_named_if_asked(bprop: Bprop) -> None:
    found = bprop("diff", "exp(x*y)*z", "--cse")
    assert found.out == "v1 = exp(x*y)\nd_x = y*z*v1\nd_y = x*z*v1\nd_z = v1\n"


def test_json_by_variable(bprop: Bprop) -> None:
    document = bprop("diff", "x^2*y", "--json").json()
    assert document["derivative"] == {"x": "2*x*y", "y": "x^2"}
    mixed = bprop("diff", "x^2*y", "--order", "2", "--json").json()
    assert mixed["derivative"] == {"x,x": "2*y", "x,y": "2*x", "y,y": "0"}
    single = bprop("diff", "x^3", "--order", "2", "--json").json()
    assert single["derivative"] == {"x": "6*x"}


def test_other_formats(bprop: Bprop) -> None:
    assert bprop("diff", "x^2/y", "--wrt", "y", "--format", "latex").out == (
        "-\\frac{x^{2}}{y^{2}}\n"
    )
    both = bprop("diff", "x^2*y", "--format", "latex").out
    assert both == (
        "\\begin{align*}\n\\frac{\\partial f}{\\partial x} &= 2 x y \\\\\n"
        "\\frac{\\partial f}{\\partial y} &= x^{2}\n\\end{align*}\n"
    )
    shared = bprop("diff", "exp(x*y)", "--cse", "--order", "2", "--format", "latex").out
    assert "v_{1} &= x y \\\\\nv_{2} &= e^{v_{1}}" in shared
    assert "\\frac{\\partial^{2} f}{\\partial x\\,\\partial y}" in shared
    assert bprop("diff", "x^2*y", "--format", "csv").out == "wrt,derivative\nx,2*x*y\ny,x^2\n"
    page = bprop("diff", "x^2", "--format", "markdown").out
    assert page == ("```math\n\\frac{\\partial f}{\\partial x} = 2 x\n```\n\n```text\n2*x\n```\n")


def test_matrix_notation(bprop: Bprop) -> None:
    shapes = ("--shape", "x=n", "--shape", "A=n,n")
    assert bprop("diff", "x' @ A @ x", "--wrt", "x", *shapes).out == "(A + A') @ x\n"
    twice = bprop("diff", "x' @ A @ x", "--wrt", "x", *shapes, "--order", "2")
    assert twice.out == "A + A'\n"


def test_parameters_come_from_the_point(bprop: Bprop) -> None:
    assert bprop("diff", "sum(i=0..n, x^i)", "--at", "n=3").out == "3*x^2 + 2*x + 1\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["3"], "diff needs a variable, and this program has none"),
        (["x*y", "--wrt", "z"], "the program has no node 'z'"),
        (["u = x; v = x^2; (u, v)"], "diff takes one output, and there are 2: u, v"),
        (["x", "--order", "0"], "--order"),
    ],
)
def test_refusals(bprop: Bprop, words: list[str], message: str) -> None:
    found = bprop("diff", *words)
    assert found.code == 2
    assert message in found.err
    assert not found.out


def test_a_product_of_elements_says_where_its_derivative_has_no_value(bprop: Bprop) -> None:
    found = bprop("diff", "prod(x)", "--wrt", "x", "--shape", "x=n")
    assert found.out == "prod(x)/x\n"
    assert found.err.startswith("note: prod(x)/x has no value where an element of x is 0")
