"""`bprop export` on the command line."""

from __future__ import annotations

from cli.running import Bprop


def test_python(bprop: Bprop) -> None:
    done = bprop("export", "x*y", "--to", "python")
    assert done.code == 0
    assert done.out.endswith('    value = x * y\n    return value, {"x": y, "y": x}\n')


def test_python_imports_only_what_it_uses(bprop: Bprop) -> None:
    def code(text: str) -> str:
        return bprop("export", text, "--to", "python").out

    assert code("x*y").startswith("# Value and gradient of\n#     x*y\n\n\ndef f(x, y):\n")
    assert "import" not in code("abs(x) > 1 ? x : y")
    assert code("sin(x)").startswith("# Value and gradient of\n#     sin(x)\nimport math\n\n\n")
    assert "import math\n" in code("inf*x")


def test_json(bprop: Bprop) -> None:
    words = ("export", "x*λ", "--to", "c", "--name", "area", "--json")
    document = bprop(*words).json()
    assert document["language"] == "c"
    assert document["name"] == "area"
    assert document["arguments"][1] == {"name": "λ", "identifier": "lambda", "shape": []}
    assert "double area(double x, double lambda, double gradient[2])" in document["code"]


def test_self_test(bprop: Bprop) -> None:
    done = bprop("export", "x*y", "--to", "python", "--self-test")
    assert done.err == "self-test passed: 20 points, worst relative error 0\n"
    done = bprop("export", "sqrt(-1 - x^2)", "--to", "python", "--self-test")
    assert done.err == "self-test passed: 20 points, inf or nan at all of them\n"


def test_a_variable_that_is_named_twice(bprop: Bprop) -> None:
    done = bprop("export", "x*y", "--to", "python", "--wrt", "y,y", "--self-test")
    assert done.code == 0
    assert done.out.endswith('return value, {"y": x}\n')


def test_graphs(bprop: Bprop) -> None:
    assert bprop("export", "x*y", "--to", "mermaid").out.startswith("flowchart BT\n")
    assert "digraph" in bprop("export", "x*y", "--to", "dot").out
    assert '"bprop.graph/1"' in bprop("export", "x*y", "--to", "json", "--backward").out
    assert "\\begin{align*}" in bprop("export", "x*y", "--to", "latex").out


def test_refusals(bprop: Bprop) -> None:
    for words, message in (
        (("x*y",), "export needs a language: --to python"),
        (("x*y", "--to", "latex", "--self-test"), "--self-test runs code, and latex is none"),
        (("[x, y]", "--to", "c"), "export needs a scalar output"),
        (("x", "--to", "c", "--backward"), "--backward is for a graph"),
        (("x", "--to", "c", "--name", "a b"), "'a b' cannot be the name of a function"),
    ):
        done = bprop("export", *words)
        assert done.code == 2
        assert done.err.startswith(f"error: {message}")
