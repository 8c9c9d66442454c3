"""What the commands share: points, backends, graphs as input; and `render`, `ops`, `schema`."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pytest
from cli.running import Bprop

from backprop_cli.cli.commands.schema_ import KNOWN

CHAIN = ["c = a + b; d = b + 1; c*d", "--at", "a=2,b=1"]
LAYER = ["W @ x", "--at", "W=[[1,2],[3,4]],x=[1,1]"]


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_points_from_each_source(bprop: Bprop, tmp_path: Path) -> None:
    model, point = tmp_path / "model.bprop", tmp_path / "point.json"
    model.write_text("# at: x=1, y=2\nx*y\n")
    point.write_text('{"x": 3, "unused": 1}')
    assert bprop("grad", f"@{model}", "--json").json()["at"] == {"x": 1.0, "y": 2.0}
    result = bprop("grad", f"@{model}", "--at", f"@{point}", "--json")
    assert result.json()["at"] == {"x": 3.0, "y": 2.0}
    assert result.err == "note: 'unused' of the point is not used\n"
    assert result.json()["warnings"][0]["kind"] == "note"
    assert bprop("grad", f"@{model}", "--at", "").code == 0
    result = bprop("grad", f"@{model}", "--at", "x=pi/4", "--json")
    assert result.json()["at"]["x"] == math.pi / 4


def test_many_points(bprop: Bprop, tmp_path: Path) -> None:
    points = tmp_path / "points.jsonl"
    points.write_text('{"x": 1}\n{"x": 2}\n')
    for command in ("eval", "grad", "trace", "paths", "jacobian"):
        lines = bprop(command, "x^2", "--at", f"@{points}").lines()
        assert [line["at"]["x"] for line in lines] == [1.0, 2.0]
        assert [line["schema"] for line in lines] == [f"bprop.{command}/1"] * 2
    assert bprop("grad", "x*y", "--at", "-", "--at", "y=3", stdin='{"x": 1}').lines()[0]["at"] == {
        "x": 1.0,
        "y": 3.0,
    }
    assert bprop("grad", "x", "--at", "-").out == ""


def test_points_of_several_shapes(bprop: Bprop) -> None:
    points = '{"v": [1, 2]}\n{"v": [1, 2, 3]}\n{"v": 5}\n'
    lines = bprop("grad", "sum(v^2)", "--at", "-", stdin=points).lines()
    assert [line["gradient"]["v"] for line in lines] == [[2.0, 4.0], [2.0, 4.0, 6.0], 10.0]


def test_parameters(bprop: Bprop) -> None:
    words = ["grad", "sum(i=0..n-1, x[i]^2)", "--at", "x=[1,2,3]"]
    document = bprop(*words, "--at", "n=2", "--json").json()
    assert document["gradient"]["x"] == [2.0, 4.0, 0.0]
    assert document["at"]["n"] == 2.0
    lines = bprop(*words, "--at", "-", stdin='{"n": 1}\n{"n": 3}\n').lines()
    assert [line["value"] for line in lines] == [1.0, 14.0]


def test_strict(bprop: Bprop) -> None:
    for text, point, message in [
        ("log(x)", "x=0", "error: --strict: a result is not finite"),
        ("abs(x)", "x=0", "error: --strict: a result rests on a convention"),
    ]:
        result = bprop("grad", text, "--at", point, "--strict", "--json")
        assert result.code == 3
        assert result.json()["value"] in (None, 0.0)
        assert result.err.endswith(message + "\n")
        assert bprop("grad", text, "--at", point).code == 0
    assert bprop("grad", "x^2", "--at", "x=0", "--strict").code == 0
    assert bprop("grad", "x + 0*y", "--at", "x=0,y=1", "--strict").code == 0
    stream = '{"x": 1}\n{"x": 0}\n{"x": 2}\n'
    result = bprop("grad", "log(x)", "--at", "-", "--strict", stdin=stream)
    assert (result.code, len(result.lines())) == (3, 3)


@pytest.mark.parametrize("backend", ["auto", "python", "numpy"])
def test_backends(bprop: Bprop, backend: str) -> None:
    document = bprop(
        "grad", "x*y + sin(x)", "--at", "x=1,y=2", "--backend", backend, "--json"
    ).json()
    assert document["gradient"]["x"] == pytest.approx(2.5403023058681398, rel=1e-15)


def test_the_python_backend_has_scalars_only(bprop: Bprop) -> None:
    result = bprop("eval", *LAYER, "--backend", "python")
    assert result.code == 2
    assert result.err.startswith("error: the python backend has scalars only")


def test_scalars_need_no_numpy(bprop: Bprop) -> None:
    """numpy, scipy, rich and typer are imported only where they are needed."""
    import subprocess
    import sys

    code = (
        "import sys; from backprop_cli.cli.main import main; from backprop_cli.cli.environment "
        "import Environment; main(sys.argv[1:], Environment.system()); "
        "print([m for m in ('numpy', 'scipy', 'rich', 'typer', 'graphviz') if m in sys.modules])"
    )
    words = [sys.executable, "-c", code, "grad", "x*y+sin(x)", "--at", "x=1,y=2"]
    done = subprocess.run([*words, "--json"], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("['rich']\n")


def test_a_graph_is_saved_and_read_back(bprop: Bprop, tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    assert bprop("render", CHAIN[0], "-o", str(path)).code == 0
    graph = path.read_text()
    for command, more in [
        ("eval", []),
        ("grad", []),
        ("trace", []),
        ("paths", ["--from", "b"]),
        ("jacobian", []),
    ]:
        words = [*CHAIN[1:], *more, "--json"]
        ours = bprop(command, CHAIN[0], *words).json()
        assert bprop(command, f"@{path}", *words).json() == ours
        assert bprop(command, graph, *words).json() == ours
        assert bprop(command, "-", *words, stdin=graph).json() == ours


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "dot", "json"])
def test_render(bprop: Bprop, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"graph.{suffix}"
    for point in (CHAIN[1:], []):
        result = bprop("render", CHAIN[0], *point, "-o", str(path))
        assert (result.code, result.out, result.err) == (0, "", "")
        begins = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"//", "json": b"{"}
        assert path.read_bytes().lstrip()[:20].startswith((begins[suffix], b"<svg", b"digraph"))
    result = bprop("render", CHAIN[0], "--format", suffix)
    assert result.binary


def test_render_with_shapes(bprop: Bprop) -> None:
    words = ["render", "sum(A @ x)", "--format", "dot"]
    assert bprop(*words, "--shape", "A=2,3", "--shape", "x=3").code == 0
    assert bprop(*words, "--shape", "A=2,3,x=3").code == 0
    result = bprop(*words, "--shape", "A=2,3,x=4")
    assert result.code == 2


def test_ops(bprop: Bprop) -> None:
    document = bprop("ops", "--json").json()
    names = {row["name"]: row for row in document["operations"]}
    assert names["tanh"]["derivative"]
    assert {"mul", "where", "softmax", "matmul"} <= set(names)
    out = bprop("ops").out
    assert all(f"  {name}(" in out for name in names)
    assert rows(bprop("ops", "--format", "csv").out)[0][0] == "family"
    assert bprop("ops", "--format", "markdown").code == 0
    assert (
        bprop("ops", "sofmax").err
        == "error: there is no operation 'sofmax'\nhelp: did you mean 'softmax'?\n"
    )


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("+", ["add"]),
        ("-", ["sub", "neg"]),
        ("^", ["pow"]),
        ("@", ["matmul"]),
        ("<=", ["le"]),
        ("and", ["and"]),
        ("graph", ["identity", "stop_grad"]),
        ("ln", ["log"]),
    ],
)
def test_ops_by_symbol_and_family(bprop: Bprop, word: str, names: list[str]) -> None:
    document = bprop("ops", word, "--json").json()
    assert [row["name"] for row in document["operations"]] == names


def test_families_of_the_readme_are_those_of_ops(bprop: Bprop) -> None:
    """But for the families of functions that are no operations."""
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    table = readme.partition("| family | functions |\n| --- | --- |\n")[2].partition("<!--")[0]
    families = {line.split("|")[1].strip() for line in table.splitlines()}
    known = {row["family"] for row in bprop("ops", "--json").json()["operations"]}
    assert families - known == {"making", "derivative", "loss"}


@pytest.mark.parametrize("name", KNOWN)
def test_schema(bprop: Bprop, name: str) -> None:
    import jsonschema

    schema = json.loads(bprop("schema", name).out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["schema"]["const"] == f"bprop.{name}/1"


def test_schema_of_nothing(bprop: Bprop) -> None:
    result = bprop("schema", "x")
    assert result.code == 2
    assert result.err.startswith("error: there is no schema 'x'\nhelp: one of eval, grad")
