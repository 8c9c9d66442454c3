"""`hessian`, `jvp`, `vjp`, `hvp` and `taylor` in a terminal and for programs."""

from __future__ import annotations

import csv
import io
import json
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from cli.running import Bprop
from scipy.sparse import csr_array

COMMANDS = {
    "hessian": [],
    "jvp": ["--along", "x=1"],
    "vjp": ["--seed", "2"],
    "hvp": ["--along", "x=1"],
    "taylor": ["--wrt", "x", "--order", "2"],
}
CURVE = ["x^2*y + sin(y)", "--at", "x=1,y=2"]


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_hessian(bprop: Bprop) -> None:
    assert bprop("hessian", *CURVE).out == (
        "x^2*y + sin(y) = 2.909297427\n"
        "\n"
        "         ∂/∂x            ∂/∂y\n"
        " ─────────────────────────────\n"
        "  ∂/∂x      4               2\n"
        "  ∂/∂y      2   -0.9092974268\n"
        "\n"
        "2 × 2, 4 of 4 entries can differ from 0: 2 products\n"
        "indefinite: eigenvalues -1.62092, 4.71163\n"
    )


def test_hessian_json(bprop: Bprop) -> None:
    document = bprop("hessian", "sum(x^4) + x[0]*x[1]", "--at", "x=[1,2,3]", "--json").json()
    assert document["hessian"] == {
        "x": {"x": [[12.0, 1.0, 0.0], [1.0, 48.0, 0.0], [0.0, 0.0, 108.0]]}
    }
    assert document["gradient"] == {"x": [6.0, 33.0, 108.0]}
    assert (document["size"], document["nonzeros"], document["products"]) == (3, 5, 2)
    assert document["definiteness"] == "positive definite"
    assert document["eigenvalues"] == pytest.approx([11.972243622680, 48.027756377320, 108])


def test_hessian_says_what_structure_saves(bprop: Bprop) -> None:
    chain = "sum(i=0..10, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)"
    out = bprop("hessian", chain, "--at", f"x={[1] * 12}").out
    assert "\n12 × 12, 34 of 144 entries can differ from 0: 3 products instead of 12\n" in out
    assert "\npositive definite: eigenvalues " in out
    out = bprop("hessian", "2x + 3y", "--at", "x=1,y=1").out
    assert out.endswith("\n2 × 2, linear: no entry can differ from 0, no product is needed\n")
    assert bprop("hessian", "1 + 2").out == "1 + 2 = 3\nthere is no variable to differentiate by\n"


def test_hessian_too_wide_for_a_matrix(bprop: Bprop) -> None:
    out = bprop("hessian", "sum(x^2) + x[0]*x[19]", "--at", f"x={[1] * 20}").out
    assert "  x[0]    x[19]            1\n" in out
    assert "x[19]   x[0]" not in out
    assert out.endswith("entries that are 0, and those below the diagonal, are left out\n")


def test_hessian_by_inner_nodes_and_elements(bprop: Bprop) -> None:
    document = bprop(
        "hessian", "p = x*y; p^2 + x*p", "--at", "x=2,y=3", "--wrt", "x,p", "--json"
    ).json()
    assert document["hessian"] == {"x": {"x": 24.0, "p": 7.0}, "p": {"x": 7.0, "p": 2.0}}
    document = bprop("hessian", "f = x^3", "--at", "x=[1,2]", "--of", "f[1]", "--json").json()
    assert document["hessian"] == {"x": {"x": [[0.0, 0.0], [0.0, 12.0]]}}


def test_hessian_csv(bprop: Bprop) -> None:
    out = bprop("hessian", "x[0]*y*x[1]", "--at", "x=[2,3],y=5", "--format", "csv").out
    assert rows(out) == [
        ["row", "row_index", "column", "column_index", "derivative"],
        ["x", "0", "x", "0", "0.0"],
        ["x", "0", "x", "1", "5.0"],
        ["x", "1", "x", "0", "5.0"],
        ["x", "1", "x", "1", "0.0"],
        ["x", "0", "y", "", "3.0"],
        ["x", "1", "y", "", "2.0"],
        ["y", "", "x", "0", "3.0"],
        ["y", "", "x", "1", "2.0"],
        ["y", "", "y", "", "0.0"],
    ]


def test_a_large_hessian_is_written_as_its_entries(bprop: Bprop, tmp_path: Path) -> None:
    """As coordinates in JSON, a row for each in CSV, and the first of them in a table."""
    at = np.linspace(0.0, 1.0, 1001)
    (tmp_path / "at.json").write_text(json.dumps({"x": at.tolist(), "y": 2.0}))
    line = ["hessian", "x[0]*y + sum(x[1:]^2*x[:-1])", "--at", f"@{tmp_path}/at.json"]
    document = bprop(*line, "--json").json()
    assert document["hessian"] is None
    entries = document["entries"]
    assert entries["names"] == ["x", "y"]
    found = csr_array((entries["values"], (entries["rows"], entries["columns"])), (1002, 1002))
    wanted = np.diag([0, *2 * at[:-1], 0]) + np.diag([*2 * at[1:], 0], 1)
    wanted += np.diag([*2 * at[1:], 0], -1)
    wanted[0, 1001] = wanted[1001, 0] = 1.0
    np.testing.assert_allclose(found.toarray(), wanted, rtol=1e-14)
    assert (document["size"], document["nonzeros"]) == (1002, len(entries["values"]))
    lines = rows(bprop(*line, "--format", "csv").out)
    assert len(lines) == document["nonzeros"] + 1
    assert lines[2] == ["x", "0", "y", "", "1.0"]
    out = bprop(*line).out
    assert "more (all: --json or --format csv)" in out
    assert len(out.splitlines()) < 1020


def test_too_large_a_hessian_is_refused(bprop: Bprop, tmp_path: Path) -> None:
    (tmp_path / "at.json").write_text(json.dumps({"x": [1.0] * 4000}))
    result = bprop("hessian", "sum(x)^2", "--at", f"@{tmp_path}/at.json")
    assert result.code == 2
    assert result.err == (
        "error: the Hessian by 4,000 numbers has 16,000,000 entries that can differ from 0\n"
        "help: products of it with vectors need no matrix: bprop hvp\n"
    )


def test_hessian_not_finite(bprop: Bprop) -> None:
    result = bprop("hessian", "x^1.5*y", "--at", "x=0,y=1", "--json", "--strict")
    assert result.code == 3
    document = result.json()
    assert document["hessian"]["x"] == {"x": None, "y": 0.0}
    assert document["eigenvalues"] is None
    assert [(w["path"], w["value"]) for w in document["warnings"]] == [("hessian.x.x", "inf")]
    assert result.err == (
        "warning: the second derivative by 'x' and 'x' is inf: "
        "the partial of x^0.5 by x is inf at x = 0\n"
        "error: --strict: a result is not finite\n"
    )


def test_jvp(bprop: Bprop) -> None:
    words = ["jvp", "[x*y, x + y]", "--at", "x=1,y=2"]
    assert bprop(*words, "--along", "x=1,y=3").out == (
        "[x*y, x + y] = [2, 3]\n"
        "\n"
        "  name            along\n"
        " ───────────────────────\n"
        "  [x*y, x + y]   [5, 4]\n"
    )
    split = bprop(*words, "--along", "x=1", "--along", "y=3", "--json").json()
    assert (split["value"], split["jvp"]) == ([2.0, 3.0], [5.0, 4.0])
    assert bprop(*words, "--along", "y=pi/4", "--json").json()["jvp"][1] == 0.7853981633974483
    several = bprop(
        "jvp", "u = x*y; (u, x/y)", "--at", "x=1,y=2", "--along", "x=1", "--json"
    ).json()
    assert several["outputs"] == {"u": 2.0, "output_2": 0.5}
    assert several["jvp"] == {"u": 2.0, "output_2": 0.5}
    arrays = bprop("jvp", "x^2", "--at", "x=[1,2]", "--along", "x=[1,0]", "--format", "csv").out
    assert rows(arrays)[1:] == [["x^2", "0", "1.0", "2.0"], ["x^2", "1", "4.0", "0.0"]]


def test_a_direction_from_a_file(bprop: Bprop, tmp_path: Path) -> None:
    path = tmp_path / "direction.json"
    path.write_text('{"x": [1, 0]}')
    words = ["hvp", "sum(x^3)*y", "--at", "x=[1,2],y=1", "--along", f"@{path}", "--json"]
    assert bprop(*words).json()["hvp"] == {"x": [6.0, 0.0], "y": 3.0}
    assert bprop(*words, "--along", "y=1").json()["hvp"] == {"x": [9.0, 12.0], "y": 3.0}
    for text in ("[1]", "{"):
        path.write_text(text)
        assert bprop(*words).err == (
            f"error: {path} is not a JSON object of numbers and nested lists\n"
            'help: as in {"x": 1, "w": [1, 0]}\n'
        )
    missing = bprop("jvp", "x", "--at", "x=1", "--along", "@nowhere.json")
    assert (missing.code, missing.err) == (
        2,
        "error: cannot read nowhere.json: No such file or directory\n",
    )


def test_vjp(bprop: Bprop) -> None:
    words = ["vjp", "[x*y, x + y]", "--at", "x=1,y=2", "--seed", "[1,10]"]
    assert bprop(*words).out == (
        "[x*y, x + y] = [2, 3]\n\n  name   product\n ────────────────\n  x           12\n"
        "  y           11\n"
    )
    assert bprop(*words, "--wrt", "y", "--json").json()["vjp"] == {"y": 11.0}
    assert bprop("vjp", "x^2", "--at", "x=3", "--json").json()["vjp"] == {"x": 6.0}


def test_hvp(bprop: Bprop) -> None:
    assert bprop("hvp", *CURVE, "--along", "x=1").out == (
        "x^2*y + sin(y) = 2.909297427\n\n  name   product\n ────────────────\n  x            4\n"
        "  y            2\n"
    )
    document = bprop("hvp", "sum(x^3)", "--at", "x=[1,2]", "--along", "x=[1,1]", "--json").json()
    assert (document["value"], document["hvp"]) == (9.0, {"x": [6.0, 12.0]})


def test_taylor(bprop: Bprop) -> None:
    assert bprop("taylor", "exp(x)*y", "--at", "x=0,y=2", "--wrt", "x", "--order", "4").out == (
        "exp(x)*y around x = 0\n"
        "\n"
        "  order   derivative     coefficient\n"
        " ────────────────────────────────────\n"
        "      0            2               2\n"
        "      1            2               2\n"
        "      2            2               1\n"
        "      3            2    0.3333333333\n"
        "      4            2   0.08333333333\n"
        "\n"
        "2 + 2*x + x^2 + x^3/3 + x^4/12\n"
    )


def test_taylor_as_latex(bprop: Bprop) -> None:
    words = ["--wrt", "x_1", "--order", "3", "--format", "latex"]
    out = bprop("taylor", "sin(x_1)*y", "--at", "x_1=0,y=2", *words).out
    assert out.endswith("\n$2 x_{1} - \\frac{x_{1}^{3}}{3}$\n")


def test_trace_as_latex(bprop: Bprop) -> None:
    out = bprop("trace", "sin(x_1)*y", "--at", "x_1=1,y=2", "--format", "latex").out
    assert r"$v_{2}$ & $= v_{1} y$ & $= 0.8414709848 \cdot 2$ & $= 1.68294197$ \\" in out
    assert r"$\bar{x}_{1}$ & $= \bar{v}_{1} \cos\left(x_{1}\right)$ & $= 2 \cdot 0.54" in out


def test_taylor_for_programs(bprop: Bprop) -> None:
    document = bprop("taylor", "sqrt(1 + x)", "--at", "x=0", "--json").json()
    assert document["coefficients"] == [1.0, 0.5, -0.125, 0.0625, -0.0390625, 0.02734375]
    assert document["derivatives"] == [1.0, 0.5, -0.25, 0.375, -0.9375, 3.28125]
    assert (document["wrt"], document["around"], document["order"]) == ("x", 0.0, 5)
    assert document["polynomial"] == "1 + x/2 - x^2/8 + x^3/16 - 5*x^4/128 + 7*x^5/256"
    again = bprop("taylor", document["polynomial"], "--at", "x=0", "--json").json()
    assert again["coefficients"] == document["coefficients"]
    out = bprop("taylor", "[x, x^2]", "--at", "x=1", "--order", "1", "--format", "csv").out
    assert rows(out) == [
        ["order", "index", "derivative", "coefficient"],
        ["0", "0", "1.0", "1.0"],
        ["0", "1", "1.0", "1.0"],
        ["1", "0", "1.0", "1.0"],
        ["1", "1", "2.0", "2.0"],
    ]


def test_taylor_at_a_singular_point(bprop: Bprop) -> None:
    result = bprop("taylor", "sqrt(x)", "--at", "x=0", "--order", "2", "--json", "--strict")
    assert result.code == 3
    assert result.json()["coefficients"] == [0.0, None, None]
    assert result.json()["polynomial"] is None
    assert result.err == (
        "warning: sqrt(x) has no Taylor series at x = 0: its coefficient of order 1 is inf\n"
        "  sqrt(x)\n  ^^^^^^^\n"
        "error: --strict: a result is not finite\n"
    )


def mistakes() -> list[tuple[str, str]]:
    """Command lines with what they print to stderr."""
    text = Path(__file__).with_name("higher_order.txt").read_text("utf-8")
    blocks = [block.partition("\n") for block in text.split("$ bprop ")[1:]]
    return [(line, message.rstrip("\n") + "\n") for line, _, message in blocks]


@pytest.mark.parametrize(("line", "message"), mistakes(), ids=lambda part: part[:40])
def test_mistakes(bprop: Bprop, line: str, message: str) -> None:
    result = bprop(*shlex.split(line))
    assert (result.code, result.out) == (2, "")
    assert result.err == message


@pytest.mark.parametrize("command", COMMANDS)
def test_many_points_and_saved_graphs(bprop: Bprop, command: str, tmp_path: Path) -> None:
    words = [command, "x^2*y", *COMMANDS[command]]
    points = '{"x": 1, "y": 2}\n{"x": 3, "y": 4}\n'
    lines = bprop(*words, "--at", "-", stdin=points).lines()
    assert [line["schema"] for line in lines] == [f"bprop.{command}/1"] * 2
    assert [line["value"] for line in lines] == [2.0, 36.0]
    graph = tmp_path / "graph.json"
    assert bprop("render", "x^2*y", "-o", str(graph)).code == 0
    saved = bprop(command, f"@{graph}", *COMMANDS[command], "--at", "x=3,y=4", "--json").json()
    assert saved == lines[1]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("form", ["table", "csv", "markdown", "latex", "json"])
def test_each_format(bprop: Bprop, command: str, form: str) -> None:
    result = bprop(command, *CURVE, *COMMANDS[command], "--format", form)
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith("\n")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("backend", ["python", "numpy"])
def test_backends_agree(bprop: Bprop, command: str, backend: str) -> None:
    def numbers(words: list[str]) -> Any:
        document = bprop(command, *CURVE, *COMMANDS[command], "--json", *words).json()
        return {k: v for k, v in document.items() if k not in ("at", "polynomial", "warnings")}

    def close(a: Any, b: Any) -> bool:
        if isinstance(a, dict):
            return a.keys() == b.keys() and all(close(a[k], b[k]) for k in a)
        if isinstance(a, list):
            return len(a) == len(b) and all(map(close, a, b))
        return a == (pytest.approx(b, rel=1e-13) if isinstance(b, float) else b)

    assert close(numbers(["--backend", backend]), numbers([]))


@pytest.mark.parametrize("command", COMMANDS)
def test_schemas(bprop: Bprop, command: str) -> None:
    schema = json.loads(bprop("schema", command).out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["schema"]["const"] == f"bprop.{command}/1"
