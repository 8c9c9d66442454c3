"""Sizes by name on the command line: `--shape A=n,m`."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.running import Bprop

QUADRATIC = ("diff", "x' @ A @ x", "--wrt", "x")


def test_a_derivative_with_named_sizes(bprop: Bprop) -> None:
    assert bprop(*QUADRATIC, "--shape", "x=n", "--shape", "A=n,n").out == "(A + A') @ x\n"
    assert bprop(*QUADRATIC, "--shape", "x=n,A=(n, n)", "--order", "2").out == "A + A'\n"
    assert bprop(*QUADRATIC, "--shape", "x=3,A=3,3").out == "(A + A') @ x\n"


def test_names_and_numbers_mix(bprop: Bprop) -> None:
    result = bprop("diff", "mean((X @ w - y)^2)", "--wrt", "w", "--shape", "X=m,3,w=3,y=m")
    assert result.out == "2*X' @ (X @ w - y)/m\n"


def test_what_is_printed_can_be_fed_back(bprop: Bprop) -> None:
    printed = bprop("diff", "norm(x)", "--wrt", "x", "--order", "2", "--shape", "x=n").out.strip()
    assert printed == "(eye(n) - outer(x, x)/norm(x)^2)/norm(x)"
    again = bprop("eval", printed, "--at", "x=[3,4],n=2", "--json").json()
    rows = [[0.128, -0.096], [-0.096, 0.072]]
    assert again["value"] == [pytest.approx(row) for row in rows]


def test_a_point_gives_sizes_their_numbers(bprop: Bprop) -> None:
    result = bprop("diff", "mean(x)", "--wrt", "x", "--shape", "x=n", "--at", "n=4")
    assert (result.code, result.out) == (0, "ones(4)/4\n")


def test_errors_show_the_names(bprop: Bprop) -> None:
    result = bprop("diff", "sum(A @ x)", "--wrt", "x", "--shape", "A=n,m,x=n")
    assert result.code == 2
    assert result.err == (
        "error: A @ x: (n, m) @ (n,): the inner sizes m and n differ\n"
        "  sum(A @ x)\n"
        "      ^^^^^\n"
        "help: transpose the matrix with '\n"
    )


def test_a_bound_needs_a_number(bprop: Bprop) -> None:
    result = bprop("diff", "sum(i=0..n-1, x[i]^2)", "--wrt", "x", "--shape", "x=n")
    assert result.code == 2
    assert result.err.startswith(
        "error: 'n' is used in a bound, so it needs a number, and --shape gives it as the name "
        "of a size\n"
    )
    assert result.err.endswith("help: give its value: --at n=3\n")
    given = bprop("diff", "sum(i=0..n-1, x[i]^2)", "--wrt", "x", "--shape", "x=n", "--at", "n=2")
    assert given.code == 0


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ("x=n+1", "error: --shape: 'x=n+1' is not a size"),
        ("x=2n", "error: --shape: 'x=2n' is not a size"),
        ("n", "error: --shape: 'n' is not a size"),
        ("x=n,x=m", "error: --shape: 'x' is given twice"),
        ("x=n,n=3", "error: --shape: 'n' is a size, and an array itself"),
    ],
)
def test_what_is_no_size(bprop: Bprop, shape: str, message: str) -> None:
    result = bprop("diff", "sum(x)", "--wrt", "x", "--shape", shape)
    assert result.code == 2
    assert result.err.splitlines()[0] == message


def test_a_size_is_no_variable(bprop: Bprop) -> None:
    result = bprop("diff", "sum(x)/n", "--wrt", "n", "--shape", "x=n")
    assert result.code == 2
    assert result.err.startswith("error: 'n' is the size of an array here: a whole number\n")
    assert bprop("diff", "sum(x)/n", "--wrt", "x", "--shape", "x=n").out == "ones(n)/n\n"


def test_a_picture_shows_the_names(bprop: Bprop, tmp_path: Path) -> None:
    result = bprop("render", "A @ x", "--shape", "A=n,m,x=m", "--format", "dot", "-o", "-")
    assert "(n, m)" in result.out
    for words, what in (
        (["--format", "json"], "a saved graph"),
        (["--format", "dot", "--at", "x=[1,2]"], "--shape says (m,)"),
    ):
        refused = bprop("render", "A @ x", "--shape", "A=n,m,x=m", *words, "-o", "-")
        assert refused.code == 2
        assert what in refused.err


def test_other_commands_want_numbers(bprop: Bprop) -> None:
    result = bprop("explain", "sum(x)", "--shape", "x=n")
    assert result.code == 2
    assert result.err == (
        "error: --shape: this command needs sizes in numbers, not 'n'\n"
        "help: named sizes (x=n) are for 'diff', and for 'render' without a point\n"
    )
