"""Values and derivatives: `eval`, `grad` and `jacobian`, in each format."""

from __future__ import annotations

import csv
import io

from cli.running import Bprop

CHAIN = ["c = a + b; d = b + 1; c*d", "--at", "a=2,b=1"]
LAYER = ["W @ x", "--at", "W=[[1,2],[3,4]],x=[1,1]"]


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_eval(bprop: Bprop) -> None:
    assert bprop("eval", "x*y + sin(x)", "--at", "x=1,y=2").out == "x*y + sin(x) = 2.841470985\n"
    assert bprop("eval", "pi/4", "--digits", "3").out == "pi/4 = 0.785\n"
    assert bprop("eval", *CHAIN).out == (
        "value = 6\n\n  name   value\n ──────────────\n  c          3\n  d          2\n"
    )


def test_eval_json(bprop: Bprop) -> None:
    document = bprop("eval", *CHAIN, "--json").json()
    assert document == {
        "schema": "bprop.eval/1",
        "expression": CHAIN[0],
        "at": {"a": 2.0, "b": 1.0},
        "value": 6.0,
        "values": {"a": 2.0, "b": 1.0, "c": 3.0, "d": 2.0},
        "warnings": [],
    }


def test_eval_of_several_outputs(bprop: Bprop) -> None:
    document = bprop("eval", "u = x*y; (u, x/y)", "--at", "x=1,y=2", "--json").json()
    assert document["outputs"] == {"u": 2.0, "output_2": 0.5}
    assert "value" not in document
    document = bprop("eval", *CHAIN, "--of", "c,d", "--json").json()
    assert document["outputs"] == {"c": 3.0, "d": 2.0}


def test_eval_of_tensors(bprop: Bprop) -> None:
    assert bprop("eval", *LAYER).out == "W @ x = [3, 7]\n"
    assert bprop("eval", *LAYER, "--json").json()["value"] == [3.0, 7.0]
    assert rows(bprop("eval", "f = W @ x", *LAYER[1:], "--format", "csv").out) == [
        ["name", "index", "value"],
        ["W", "0,0", "1.0"],
        ["W", "0,1", "2.0"],
        ["W", "1,0", "3.0"],
        ["W", "1,1", "4.0"],
        ["x", "0", "1.0"],
        ["x", "1", "1.0"],
        ["f", "0", "3.0"],
        ["f", "1", "7.0"],
    ]


def test_grad_json(bprop: Bprop) -> None:
    result = bprop("grad", "x*y+sin(x)", "--at", "x=1,y=2", "--json")
    assert result.out == (
        "{\n"
        '  "schema": "bprop.grad/1",\n'
        '  "expression": "x*y+sin(x)",\n'
        '  "at": {"x": 1.0, "y": 2.0},\n'
        '  "value": 2.8414709848078967,\n'
        '  "gradient": {"x": 2.5403023058681398, "y": 1.0},\n'
        '  "warnings": []\n'
        "}\n"
    )
    assert result.json()
    assert bprop("grad", "x*y+sin(x)", "--at", "x=1,y=2", "--format", "json").out == result.out


def test_grad_by_any_node_of_any_node(bprop: Bprop) -> None:
    document = bprop("grad", *CHAIN, "--wrt", "c,b", "--json").json()
    assert document["gradient"] == {"c": 2.0, "b": 5.0}
    document = bprop("grad", *CHAIN, "--of", "d", "--json").json()
    assert (document["value"], document["gradient"]["b"]) == (2.0, 1.0)
    assert document["gradient"]["a"] == 0.0
    assert document["warnings"][0]["kind"] == "no-path"


def test_grad_of_an_element(bprop: Bprop) -> None:
    document = bprop("grad", "f = W @ x", *LAYER[1:], "--of", "f[1]", "--json").json()
    assert document["value"] == 7.0
    assert document["gradient"] == {"W": [[0.0, 0.0], [1.0, 1.0]], "x": [3.0, 4.0]}
    document = bprop("grad", "f = W @ x", *LAYER[1:], "--of", "f[-1]", "--json").json()
    assert document["value"] == 7.0


def test_grad_in_each_format(bprop: Bprop) -> None:
    words = ["grad", "x*y + sin(x)", "--at", "x=1,y=2", "--digits", "5", "--format"]
    assert bprop(*words, "csv").out == (
        "name,index,value,derivative\nx,,1.0,2.5403023058681398\ny,,2.0,1.0\n"
    )
    assert bprop(*words, "markdown").out == (
        "**x\\*y + sin(x) = 2.8415**\n\n"
        "| name | value | derivative |\n| --- | ---: | ---: |\n| x | 1 | 2.5403 |\n| y | 2 | 1 |\n"
    )
    assert bprop(*words, "latex").out == (
        "% x*y + sin(x) = 2.8415\n\\begin{tabular}{lrr}\n\\hline\nname & value & derivative \\\\\n"
        "\\hline\n$x$ & 1 & 2.5403 \\\\\n$y$ & 2 & 1 \\\\\n\\hline\n\\end{tabular}\n"
    )


def test_grad_of_a_tensor(bprop: Bprop) -> None:
    assert bprop("grad", "s = sum(W @ x)", *LAYER[1:]).out == (
        "s = 10\n"
        "\n"
        "  name              value         derivative\n"
        " ────────────────────────────────────────────\n"
        "  W      [[1, 2], [3, 4]]   [[1, 1], [1, 1]]\n"
        "  x                [1, 1]             [4, 6]\n"
    )


def test_jacobian(bprop: Bprop) -> None:
    assert bprop("jacobian", "[x*y, x + y]", "--at", "x=1,y=2").out == (
        "[x*y, x + y] = [2, 3]\n"
        "\n"
        "             ∂/∂x   ∂/∂y\n"
        " ────────────────────────\n"
        "  value[0]      2      1\n"
        "  value[1]      1      1\n"
    )
    document = bprop("jacobian", *LAYER, "--json").json()
    assert document["jacobian"]["x"] == [[1.0, 2.0], [3.0, 4.0]]
    assert document["jacobian"]["W"][1] == [[0.0, 0.0], [1.0, 1.0]]


def test_jacobian_of_several_outputs(bprop: Bprop) -> None:
    document = bprop("jacobian", "u = x*y; (u, x + y)", "--at", "x=1,y=2", "--json").json()
    assert document["jacobian"] == {"u": {"x": 2.0, "y": 1.0}, "output_2": {"x": 1.0, "y": 1.0}}
    assert document["outputs"] == {"u": 2.0, "output_2": 3.0}
    out = bprop("jacobian", "u = x*y; (u, x + y)", "--at", "x=1,y=2", "--format", "csv").out
    assert rows(out)[1] == ["u", "", "x", "", "2.0"]


def test_jacobian_too_wide_for_a_matrix(bprop: Bprop) -> None:
    out = bprop("jacobian", "sum(v^2)", "--at", f"v={list(range(20))}").out
    assert "  value    v[19]" in out
    assert "  value    v[0]" not in out
    assert out.endswith("\nentries that are 0 are left out\n")


def test_the_entries_of_a_large_jacobian_are_cut(bprop: Bprop) -> None:
    out = bprop("jacobian", "v*sum(v)", "--at", f"v={list(range(1, 41))}").out
    assert out.endswith("25\n\n... and 600 more (all: --json or --format csv)\n")


def test_a_table_keeps_to_the_terminal(bprop: Bprop) -> None:
    """In a pipe rows are as long as they are."""
    words = ("jacobian", "[a*b, c*d, sin(e*f)]", "--at", "a=1.1,b=2,c=3.7,d=1.3,e=1.7,f=0.123")
    narrow, wide = bprop(*words, width=40).out, bprop(*words).out
    assert max(map(len, narrow.splitlines())) <= 40
    assert set(narrow.replace("─", "").split()) == set(wide.replace("─", "").split())


def test_not_finite(bprop: Bprop) -> None:
    document = bprop("grad", "log(x)", "--at", "x=0", "--json").json()
    assert document["value"] is None
    assert document["gradient"]["x"] is None
    told = {w["path"]: w["value"] for w in document["warnings"]}
    assert told["value"] == "-inf"
    assert told["gradient.x"] == "inf"
