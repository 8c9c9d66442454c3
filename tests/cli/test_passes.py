"""The two passes and the paths: `trace` and `paths`."""

from __future__ import annotations

import csv
import io

import pytest
from cli.running import Bprop

CHAIN = ["c = a + b; d = b + 1; c*d", "--at", "a=2,b=1"]
LAYER = ["W @ x", "--at", "W=[[1,2],[3,4]],x=[1,1]"]


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


BOARD = (
    "Forward\n"
    "  a                        = 2\n"
    "  b                        = 1\n"
    "  c    = a + b   = 2 + 1   = 3\n"
    "  d    = b + 1   = 1 + 1   = 2\n"
    "  v1   = c*d     = 3*2     = 6\n"
    "\n"
    "Backward\n"
    "  v\u03041                               = 1\n"
    "  d\u0304    = v\u03041·c        = 1·3         = 3\n"
    "  c\u0304    = v\u03041·d        = 1·2         = 2\n"
    "  b\u0304    = c\u0304·1 + d\u0304·1   = 2·1 + 3·1   = 5\n"
    "  a\u0304    = c\u0304·1         = 2·1         = 2\n"
)


def test_trace_is_a_board(bprop: Bprop) -> None:
    assert bprop("trace", *CHAIN).out == BOARD


def test_trace_without_variables(bprop: Bprop) -> None:
    out = bprop("trace", "1 + 2").out
    assert out.endswith("\nBackward\n  nothing: the output depends on no variable\n")


def test_trace_json(bprop: Bprop) -> None:
    document = bprop("trace", *CHAIN, "--json").json()
    adjoints = {node["id"]: node["adjoint"] for node in document["nodes"]}
    assert (adjoints["a"], adjoints["b"], adjoints["c"], adjoints["d"]) == (2.0, 5.0, 2.0, 3.0)
    assert [node["expression"] for node in document["nodes"] if node["name"] == "c"] == ["a + b"]
    into = [(e["from"], e["to"], e["position"], e["partial"]) for e in document["edges"]]
    assert ("b", "c", 1, 1.0) in into
    assert ("b", "d", 0, 1.0) in into
    assert document["value"] == 6.0


def test_trace_with_a_seed(bprop: Bprop) -> None:
    document = bprop("trace", "x^2", "--at", "x=3", "--seed", "1/2", "--json").json()
    assert document["nodes"][0]["adjoint"] == 3.0
    document = bprop("trace", *LAYER, "--seed", "[0,1]", "--json").json()
    adjoints = {node["id"]: node["adjoint"] for node in document["nodes"]}
    assert adjoints["x"] == [3.0, 4.0]
    assert bprop("trace", *LAYER, "--seed", "[0,1]").code == 0


def test_trace_csv(bprop: Bprop) -> None:
    nodes, edges = bprop("trace", *CHAIN, "--format", "csv").out.split("\n\n")
    assert rows(nodes)[0] == [
        "id",
        "name",
        "op",
        "expression",
        "level",
        "index",
        "value",
        "adjoint",
    ]
    assert ["b", "b", "input", "b", "0", "", "1.0", "5.0"] in rows(nodes)
    assert rows(edges)[0] == ["from", "to", "position", "rule", "index", "partial", "contribution"]
    assert ["b", "c", "1", "1", "", "1.0", "2.0"] in rows(edges)


def test_trace_of_tensors(bprop: Bprop) -> None:
    out = bprop("trace", "sum(W @ x)", *LAYER[1:]).out
    assert "= [3, 7]" in out
    assert "= [4, 6]" in out


def test_paths(bprop: Bprop) -> None:
    assert bprop("paths", *CHAIN, "--from", "b").out == (
        "2 paths from b to v1\n"
        "\n"
        "  path         partials   product   share\n"
        " ─────────────────────────────────────────\n"
        "  b → d → v1   1 · 3            3    60 %\n"
        "  b → c → v1   1 · 2            2    40 %\n"
        "\n"
        "  sum of all paths        5\n"
        "  backpropagation         5                               they agree\n"
        "  cost, path by path      2 multiplications, 1 addition\n"
        "  cost, backpropagation   2 multiplications, 1 addition\n"
    )


def test_paths_json(bprop: Bprop) -> None:
    document = bprop("paths", *CHAIN, "--from", "b", "--json").json()
    assert (document["from"], document["to"], document["count"]) == ("b", "v1", 2)
    assert document["sum"] == document["gradient"] == document["listed_sum"] == 5.0
    assert [path["product"] for path in document["paths"]] == [3.0, 2.0]
    assert [path["share"] for path in document["paths"]] == [0.6, 0.4]


def test_paths_beyond_counting(bprop: Bprop) -> None:
    """2^64 paths, in a chain of 64 stages."""
    chain = "; ".join(f"s{k} = s{k - 1} + s{k - 1}" for k in range(1, 65))
    document = bprop("paths", chain, "--at", "s0=1", "--top", "3", "--json").json()
    assert document["count"] == 2**64
    assert document["sum"] == document["gradient"] == 2.0**64
    assert len(document["paths"]) == 3
    text = bprop("paths", chain, "--at", "s0=1", "--top", "3").out
    assert text.startswith("18,446,744,073,709,551,616 paths from s0 to s64, the 3 largest:\n")
    assert "sum of these paths      3\n" in text


def test_paths_that_cancel(bprop: Bprop) -> None:
    text = bprop("paths", "x*3 - x*2.5", "--at", "x=1").out
    assert "  cancellation" in text
    assert "3 - 2.5" in text
    assert "condition number 11" in text


def test_paths_through_a_node(bprop: Bprop) -> None:
    document = bprop("paths", *CHAIN, "--from", "b", "--through", "c", "--json").json()
    assert (document["through"], document["count"], document["sum"]) == ("c", 1, 2.0)


def test_paths_listed(bprop: Bprop) -> None:
    words = ["paths", "x*x*x*x", "--at", "x=1", "--top", "1", "--json"]
    assert len(bprop(*words).json()["paths"]) == 1
    assert len(bprop(*words, "--list", "3").json()["paths"]) == 3
    assert bprop("paths", "x*x", "--at", "x=3", "--format", "csv").out == (
        "path,partials,index,product,share\nx v1,3.0,,3.0,0.5\nx v1,3.0,,3.0,0.5\n"
    )


def test_a_variable_with_many_uses_has_a_short_line(bprop: Bprop) -> None:
    """For people the first terms and how many more there are; the JSON has every edge."""
    text = " + ".join(f"x*{k}" for k in range(2, 402))
    for form in ("table", "markdown", "latex"):
        out = bprop("trace", text, "--at", "x=1", "--format", form).out
        assert "392 " in out  # how many more
        assert " 80600" in out
        assert max(map(len, out.splitlines())) < 400
    edges = bprop("trace", text, "--at", "x=1", "--json").json()["edges"]
    assert sum(edge["from"] == "x" for edge in edges) == 400
    nine = " + ".join(f"x*{k}" for k in range(2, 11))
    assert "more" not in bprop("trace", nine, "--at", "x=1").out


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (["abs(x)*sqrt(x)", "--at", "x=0"], ["non-finite"]),
        (["sqrt(x)", "--at", "x=0"], ["non-finite"]),
        (["abs(x)*y", "--at", "x=0,y=1", "--from", "x"], ["kink"]),
        (["abs(x)*y", "--at", "x=0,y=1", "--from", "y"], []),
        (["u = x*x; v = sqrt(x); u + v", "--at", "x=0", "--through", "u"], []),
        (["u = x*x; v = sqrt(x); u + v", "--at", "x=0", "--through", "v"], ["non-finite"]),
        (["u = abs(x); 2*u", "--at", "x=0", "--through", "u"], ["kink"]),
        (["v = y + 1; abs(x*v) + y", "--at", "x=0,y=1", "--from", "x", "--through", "v"], []),
        (["sqrt(z)", "--at", "z=[0,1]", "--from", "z[1]", "--to", "v1[1]"], []),
        (["sum(sqrt(z))", "--at", "z=[0,1]", "--from", "z[1]"], []),
        (["sum(sqrt(z))", "--at", "z=[0,1]", "--from", "z[0]"], ["non-finite"]),
    ],
)
def test_paths_tell_what_grad_tells(bprop: Bprop, words: list[str], kinds: list[str]) -> None:
    """The warnings of the derivatives along these paths, each once, and --strict heeds them."""
    result = bprop("paths", *words, "--strict", "--json")
    assert result.code == (3 if kinds else 0)
    assert result.err.count("warning: ") == len(kinds)
    entries = [w for w in result.json()["warnings"] if w["node"] is not None]
    assert [w["kind"] for w in entries] == kinds
    assert [w["path"] for w in entries if w["kind"] == "non-finite"] == ["gradient"] * (
        "non-finite" in kinds
    )
