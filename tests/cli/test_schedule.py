"""`schedule`, and `--backward` and `--levels` of the other commands."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from cli.running import Bprop

CHAIN = "c = a + b; d = b + 1; c*d"
NETWORK = ["sum(tanh(W @ x + b)^2)", "--shape", "W=2,3", "--shape", "x=3", "--shape", "b=2"]

TABLE = (
    "work 3 operations, span 2, width 2, parallelism 1.5\n"
    "critical path: c → v1\n"
    "\n"
    "  level   node   operation   slack\n"
    " ──────────────────────────────────\n"
    "      1   c      a + b           0\n"
    "          d      b + 1           0\n"
    "      2   v1     c*d             0\n"
    "\n"
    "Steps on p processors, one operation each a step\n"
    "\n"
    "  processors   at least   greedy   at most   speed-up\n"
    " ─────────────────────────────────────────────────────\n"
    "           1          3        3         3          1\n"
    "           2          2        2         2        1.5\n"
)


def test_the_table(bprop: Bprop) -> None:
    result = bprop("schedule", CHAIN)
    assert (result.code, result.err) == (0, "")
    assert result.out == TABLE


def test_json(bprop: Bprop) -> None:
    document = bprop("schedule", CHAIN, "--json").json()
    assert (document["work"], document["span"], document["width"]) == (3, 2, 2)
    assert document["levels"] == [
        {"level": 1, "operations": 2, "nodes": ["c", "d"]},
        {"level": 2, "operations": 1, "nodes": ["v1"]},
    ]
    assert document["critical_path"] == ["c", "v1"]
    assert document["speedup"][1] == {
        "processors": 2,
        "lower": 2,
        "greedy": 2,
        "upper": 2,
        "speedup": 1.5,
    }
    assert [node["slack"] for node in document["nodes"]] == [0, 0, 0]
    assert document["backward"] is False


def test_the_gradient_as_well(bprop: Bprop) -> None:
    document = bprop("schedule", "x*y + sin(x)", "--backward", "--json").json()
    assert (document["backward"], document["work"], document["span"]) == (True, 5, 2)
    ties = {node["id"]: node["adjoint_of"] for node in document["nodes"]}
    assert ties["x_bar"] == "x"
    assert ties["v1"] is None
    assert "x̄" in bprop("schedule", "x*y + sin(x)", "--backward").out
    only = bprop("schedule", "x*y + sin(x)", "--backward", "--wrt", "y", "--json").json()
    assert only["work"] == 3  # ȳ is x


def test_copied_adjoints_are_named(bprop: Bprop, tmp_path: Path) -> None:
    """What is no operation is in no level, so a note says where it went."""
    told = "note: adjoints that are copies count as no operations: "
    result = bprop("schedule", "x*y + sin(x)", "--backward")
    assert result.err == f"{told}v̄3 = 1, v̄2 = 1, v̄1 = 1, y\u0304 = x\n"
    words = ["(a + b)*(b + 1)", "--levels", "--backward", "-o", str(tmp_path / "a.dot")]
    assert bprop("render", *words).err == f"{told}v̄3 = 1, v̄2 = v1, v̄1 = v2, a\u0304 = v2\n"
    assert bprop("schedule", "exp(2*x)", "--backward").err == f"{told}v̄2 = 1, v̄1 = v2\n"
    many = bprop("schedule", "+".join(f"x{k}" for k in range(20)), "--backward").err
    assert many.endswith(" = 1, and 31 more\n")
    assert bprop("schedule", "x*y + sin(x)").err == ""


def test_processors(bprop: Bprop) -> None:
    document = bprop("schedule", CHAIN, "--processors", "7", "--json").json()
    assert [s["processors"] for s in document["speedup"]] == [7]
    result = bprop("schedule", CHAIN, "--processors", "0")
    assert result.code == 2
    assert result.err == "error: --processors 0 is out of range\nhelp: it is at least 1\n"


def test_formats(bprop: Bprop) -> None:
    text = bprop("schedule", "x*y + sin(x)", "--backward", "--format", "csv").out
    first, second = text.split("\n\n") if "\n\n" in text else text.split("\r\n\r\n")
    rows = list(csv.DictReader(io.StringIO(first)))
    assert [row["id"] for row in rows if row["critical"] == "1"] == ["v1", "v3"]
    assert {row["level"] for row in rows} == {"1", "2"}
    assert next(csv.reader(io.StringIO(second)))[0] == "processors"
    assert "| x̄ |" in bprop(
        "schedule", "x*y + sin(x)", "--backward", "--format", "markdown"
    ).out.replace("`", "")
    assert r"\begin{tabular}" in bprop("schedule", CHAIN, "--format", "latex").out


def test_arrays(bprop: Bprop) -> None:
    document = bprop("schedule", *NETWORK, "--json").json()
    assert (document["work"], document["element_work"]) == (5, 6 + 2 + 2 + 2 + 2)
    assert "(14 on elements)" in bprop("schedule", *NETWORK).out
    point = bprop("schedule", "sum(A @ x)", "--at", "A=[[1,2],[3,4]],x=[1,1]", "--json").json()
    assert point["element_work"] == 4 + 2


def test_nothing_to_do(bprop: Bprop) -> None:
    for text in ("x", "3", "y = x; y"):
        assert bprop("schedule", text).out == "work 0: there is no operation\n"
        document = bprop("schedule", text, "--json").json()
        assert (document["work"], document["parallelism"], document["speedup"]) == (0, None, [])


def test_a_row_of_whole_numbers_is_not_lost(bprop: Bprop) -> None:
    assert bprop("schedule", "x*y").out.endswith(
        "           1          1        1         1          1\n"
    )


def test_an_array_as_output_is_summed_and_says_so(bprop: Bprop) -> None:
    note = "note: the output is no scalar: derivatives are those of its sum\n"
    words = ["W @ x", "--shape", "W=2,3", "--shape", "x=3", "--backward"]
    result = bprop("schedule", *words)
    assert (result.code, result.err) == (0, note)
    assert bprop("schedule", *words, "--json").json()["warnings"][0]["kind"] == "note"
    for form in ("dot", "json"):
        assert bprop("render", *words, "--format", form).err == note


def test_several_outputs_and_points(bprop: Bprop, tmp_path: Path) -> None:
    assert bprop("schedule", "(x + y, sin(x))", "--json").json()["work"] == 2
    one = bprop("schedule", "(x + y, sin(x))", "--of", "output_2", "--json").json()
    assert [node["op"] for node in one["nodes"]] == ["sin"]
    lines = bprop("schedule", "sum(v)*2", "--at", "-", stdin='{"v": [1]}\n{"v": [1, 2]}\n').lines()
    assert [line["element_work"] for line in lines] == [2, 3]
    path = tmp_path / "graph.json"
    bprop("render", CHAIN, "-o", str(path))
    assert bprop("schedule", f"@{path}").out == TABLE


def test_a_long_schedule_is_cut_for_people_alone(bprop: Bprop) -> None:
    text = "+".join(f"sin(x*{k})" for k in range(1, 101))
    out = bprop("schedule", text).out
    assert "  ... and 239 more (all: --json or --format csv)\n" in out
    assert "(89 more)" in out
    assert len(bprop("schedule", text, "--json").json()["nodes"]) == 299
    assert bprop("schedule", text, "--format", "csv").out.count("\n") > 299


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x*y", "--wrt", "x"], "error: --wrt is about derivatives: it needs --backward\n"),
        (
            ["(a*2, b*3)", "--backward"],
            "error: schedule --backward takes one output, and there are 2: output_1, output_2\n"
            "help: choose one, --of output_1\n",
        ),
        (["x*y", "--json", "--format", "csv"], "error: --json and --format csv exclude"),
        (
            ["x*y", "--procesors", "2"],
            "error: bprop schedule has no option --procesors\nhelp: did ",
        ),
        (["x*", "--backward"], "error: "),
        (["A @ x"], "error: "),
    ],
)
def test_mistakes(bprop: Bprop, words: list[str], message: str) -> None:
    result = bprop("schedule", *words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(message)


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "dot"])
def test_pictures_of_levels(bprop: Bprop, suffix: str, tmp_path: Path) -> None:
    ours, same = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    for more in ([], ["--at", "a=2,b=1"], ["--backward"], ["--backward", "--at", "a=2,b=1"]):
        assert bprop("schedule", CHAIN, *more, "-o", str(ours)).code == 0
        assert bprop("render", CHAIN, *more, "--levels", "-o", str(same)).code == 0
        if suffix == "dot":
            assert ours.read_bytes() == same.read_bytes()
            assert b'"level 2"' in ours.read_bytes()
        assert ours.stat().st_size > 500


def test_levels_of_several_outputs(bprop: Bprop) -> None:
    for more in ([], ["--at", "x=1,y=2"], ["--at", "x=1,y=2", "--wrt", "x"]):
        words = ["render", "p = x*y; q = sin(p); r = y + 1; (q, r)", "--levels", *more]
        result = bprop(*words, "--format", "dot")
        assert result.code == 0
        named = {part for part in result.out.split('"') if part in ("p", "q", "r", "x", "y")}
        boxes = [n for n in named if f'\t"{n}" [label' in result.out]
        assert set(boxes) == named  # a rank names nothing that is not drawn


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "dot"])
def test_pictures_of_the_backward_graph(bprop: Bprop, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"graph.{suffix}"
    for words in (
        [CHAIN],
        [CHAIN, "--at", "a=2,b=1"],
        [CHAIN, "--at", "a=2,b=1", "--wrt", "c"],
        [*NETWORK],
        ["W @ x", "--at", "W=[[1,2],[3,4]],x=[1,1]"],
        ["3"],
    ):
        result = bprop("render", *words, "--backward", "-o", str(path))
        assert (result.code, result.out) == (0, ""), result.err
        assert path.stat().st_size > 300


def test_a_backward_graph_is_saved_read_back_and_differentiated(
    bprop: Bprop, tmp_path: Path
) -> None:
    path = tmp_path / "back.json"
    assert bprop("render", "x^3*y", "--backward", "-o", str(path)).code == 0
    import jsonschema

    document = json.loads(path.read_text())
    jsonschema.validate(document, json.loads(bprop("schema", "graph").out))
    assert document["adjoint_of"]
    at = ["--at", "x=2,y=5"]
    values = bprop("eval", f"@{path}", *at, "--json").json()["outputs"]
    assert values == {"value": 40.0, "x_bar": 60.0, "y_bar": 8.0}
    first = bprop("grad", f"@{path}", "--of", "value", *at, "--json").json()["gradient"]
    assert first == {"x": 60.0, "y": 8.0}
    assert bprop("grad", "(2*x, x*x)", "--of", "output_2", "--at", "x=3", "--json").json()[
        "gradient"
    ] == {"x": 6.0}
    second = bprop("grad", f"@{path}", "--of", "x_bar", *at, "--json").json()["gradient"]
    assert second == {"x": 60.0, "y": 12.0}
    again = tmp_path / "twice.json"
    words = ["render", f"@{path}", "--of", "x_bar", "--backward", "-o", str(again)]
    assert bprop(*words).code == 0
    third = bprop("grad", f"@{again}", "--of", "x_bar_", *at, "--json")
    assert third.code == 0, third.err
    picture = bprop("render", f"@{path}", "--format", "dot")
    assert 'class="edge-tie"' in picture.out
    plain = bprop("render", f"@{path}", "--of", "x_bar", *at, "--format", "dot")
    assert 'class="edge-tie"' not in plain.out
    assert bprop("trace", f"@{path}", "--of", "x_bar", *at).code == 0
    assert bprop("paths", f"@{path}", "--from", "x", "--to", "x_bar", *at).code == 0


def test_backward_of_several_outputs_asks_which(bprop: Bprop, tmp_path: Path) -> None:
    words = ["render", "u = x*y; v = x/y; (u, v)", "--backward", "-o", str(tmp_path / "a.json")]
    result = bprop(*words)
    assert result.code == 2
    assert result.err == (
        "error: render --backward takes one output, and there are 2: u, v\n"
        "help: choose one, --of u\n"
    )
    assert bprop(*words, "--of", "v").code == 0


BOARD = (
    "Forward, and backward beside it\n"
    "  a                = 2   a\u0304    = c\u0304        = 2\n"
    "  b                = 1   b\u0304    = d\u0304 + c\u0304    = 5\n"
    "  c    = a + b     = 3   c\u0304    = v\u03041*d     = 2\n"
    "  d    = b + 1     = 2   d\u0304    = v\u03041*c     = 3\n"
    "  v1   = c*d       = 6   v\u03041              = 1\n"
)


def test_trace_with_the_adjoints_beside(bprop: Bprop) -> None:
    result = bprop("trace", CHAIN, "--at", "a=2,b=1", "--backward")
    assert result.code == 0
    squeezed = [line.split() for line in result.out.splitlines()]
    assert squeezed == [line.split() for line in BOARD.splitlines()]


def test_trace_json_has_the_adjoint_graph(bprop: Bprop) -> None:
    words = ["trace", "x*y + sin(x)", "--at", "x=1,y=2", "--json"]
    document = bprop(*words, "--backward").json()
    nodes = {node["id"]: node for node in document["backward"]}
    assert nodes["y_bar"] == {
        "id": "y_bar",
        "adjoint_of": "y",
        "op": "mul",
        "expression": "v1_bar*x",
        "shape": [],
        "value": 1.0,
        "level": 2,
    }
    assert nodes["v4"]["adjoint_of"] is None
    assert nodes["v4"]["expression"] == "cos(x)"
    adjoints = {node["id"]: node["adjoint"] for node in document["nodes"]}
    for node in nodes.values():
        if node["adjoint_of"] is not None:
            assert node["value"] == adjoints[node["adjoint_of"]]
    assert "backward" not in bprop(*words).json()


def test_trace_csv_has_a_third_table(bprop: Bprop) -> None:
    words = ["trace", "sum(x^2)", "--at", "x=[1,2]", "--format", "csv"]
    out = bprop(*words, "--backward").out
    assert out.startswith(bprop(*words).out)
    assert "x_bar,x,mul," in out


def test_trace_backward_with_constants_arrays_and_long_adjoints(bprop: Bprop) -> None:
    out = bprop("trace", "n = 3; sum(x^n)", "--at", "x=[1,2]", "--backward").out
    assert "= [3, 12]" in out
    terms = "+".join("max(x, " + ",".join(f"y{k}" for k in range(50)) + ")" for _ in "a")
    point = ",".join(["x=60", *(f"y{k}={k}" for k in range(50))])
    result = bprop("trace", terms, "--at", point, "--backward")
    assert result.code == 0
    assert max(map(len, result.out.splitlines())) < 1500
    assert bprop("trace", "1 + 2", "--backward").code == 0


def test_trace_backward_says_its_warnings(bprop: Bprop) -> None:
    result = bprop("trace", "abs(x)", "--at", "x=0", "--backward", "--strict")
    assert result.code == 3
    assert "warning" in result.err


def test_trace_backward_has_no_seed(bprop: Bprop) -> None:
    result = bprop("trace", "x^2", "--at", "x=1", "--backward", "--seed", "2")
    assert result.code == 2
    assert result.err == "error: --backward has the seed 1\nhelp: leave out --seed\n"


def test_a_large_backward_graph_is_scheduled_and_not_drawn(bprop: Bprop, tmp_path: Path) -> None:
    text = "+".join(f"x*sin(x*{k})" for k in range(1, 700))
    assert bprop("schedule", text, "--backward", "--json").json()["work"] > 3000
    result = bprop("render", text, "--backward", "-o", str(tmp_path / "a.svg"))
    assert result.code == 2
    assert "more than 1,500" in result.err
    result = bprop("schedule", text, "--backward", "-o", str(tmp_path / "a.svg"))
    assert result.code == 2
    assert "more than 1,500" in result.err


def test_the_schema(bprop: Bprop) -> None:
    import jsonschema

    schema = json.loads(bprop("schema", "schedule").out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["schema"]["const"] == "bprop.schedule/1"


def test_text_is_not_written_to_a_picture(bprop: Bprop, tmp_path: Path) -> None:
    file = tmp_path / "s.svg"
    for words, asked, suffix in (
        (["--json"], "--json", "json"),
        (["--format", "csv"], "--format csv", "csv"),
        (["--format", "table"], "--format table", "txt"),
    ):
        result = bprop("schedule", "x*y", "-o", str(file), *words)
        assert (result.code, result.out) == (2, "")
        assert result.err == (
            f"error: {asked} is text, and -o {file} asks for a picture\n"
            f"help: leave out {asked} for the picture, or write to a file that does not end in "
            f".svg: -o schedule.{suffix}\n"
        )
        assert not file.exists()
    text = tmp_path / "s.json"
    assert bprop("schedule", "x*y", "-o", str(text), "--json").code == 0


def test_a_picture_at_a_point_is_of_one_output(bprop: Bprop, tmp_path: Path) -> None:
    path = tmp_path / "a.dot"
    words = ["render", "u = x*y; (u, x/y, sin(x))", "-o", str(path)]
    assert bprop(*words, "--at", "x=1,y=2").err == (
        "note: the picture is of u, the first of 3 outputs: --of output_2 shows another\n"
    )
    assert "x/y" not in path.read_text()
    assert bprop(*words, "--at", "x=1,y=2", "--of", "output_2").err == ""
    assert bprop(*words).err == ""
    assert "x/y" in path.read_text()
