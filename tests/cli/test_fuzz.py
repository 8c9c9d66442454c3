"""No command line ends in a bug of ours."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator

import pytest
from cli.running import checked, run_bprop
from hypothesis import given
from hypothesis import strategies as st

from backprop_cli.cli.commands import SUMMARIES, load

WITH_NO = ("check", "compare", "doctor", "export")  # commands whose answer may be no: code 1
PIECES = [
    "x",
    "y",
    "a",
    "b",
    "e",
    "pi",
    "1",
    "2",
    "0",
    "0.5",
    "-1",
    "1e3",
    "inf",
    "nan",
    "+",
    "-",
    "*",
    "/",
    "^",
    "**",
    "@",
    "%",
    "(",
    ")",
    "[",
    "]",
    ",",
    ";",
    "=",
    ":",
    "?",
    "<",
    "==",
    "&",
    "|",
    "!",
    "'",
    ".",
    "#",
    "\n",
    "sin(",
    "log(",
    "max(",
    "sum(",
    "softmax(",
    "where(",
    "x[0]",
    "[1,2]",
    "[[1,2],[3,4]]",
    "i=0..2",
    "f(u)=",
    "||",
    "√",
    "²",
    "·",
    "A",
    "@",
    "x",
    "A'",
    "det(",
    "norm(",
    "clip(",
    "stop_grad(",
    "diag(",
    "{}",
    "{",
    "}",
    '"',
    "\\",
    "\x00",
    "\t",
    "é",
    "名",
    "�",
]

expressions = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=9).map("".join),
    st.text(max_size=12),
    st.sampled_from(
        ["x*y", "a = x*y; a + y", "x", "A @ x", "sqrt(x)", "1/x", "-x", "(x, y)", "[x, y]", "x[0]"]
    ),
)
points = st.one_of(
    st.just("x=1,y=2"),
    st.sampled_from(
        ["x=[1,2],y=0", "A=[[1,2],[3,4]],x=[1,2]", "x=0,y=0", "x=inf,y=nan", "x=y", ""]
    ),
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join),
)
NAMES = ("x", "y", "a", "f", "x[0]", "x[9]", "v1", "v1[0]", "A[0,1]", "", "x[", "é", "-", ",")
VALUES = {
    "POINT": points,
    "NAMES": st.sampled_from(NAMES),
    "NODE": st.sampled_from(NAMES),
    "N": st.sampled_from(["0", "1", "3", "-1", "x", "99999999999999999999"]),
    "K": st.sampled_from(["0", "1", "3"]),
    "VALUE": points,
    "NAME=SHAPE": st.sampled_from(["x=3", "A=2,2", "x=", "=3", "3", "x=0", "x=2,x=3"]),
    "NAME": st.sampled_from(["python", "numpy", "auto", "llvm"]),
    "FILE": st.just("-"),
    "THEME": st.sampled_from(["light", "dark", "auto", "blue"]),
    "DIRECTION": points,
    "LANGUAGE": st.sampled_from(
        [
            "python",
            "numpy",
            "jax",
            "torch",
            "c",
            "javascript",
            "sympy",
            "latex",
            "mermaid",
            "dot",
            "json",
            "perl",
        ]
    ),
    "TEXT": st.one_of(st.sampled_from(["x: y, y: x", "x: 1", ":", "x: [1,2]", "@none"]), points),
    "NUMBER": st.sampled_from(["1e-9", "0", "-1", "x", "inf"]),
    "P": st.sampled_from(["0", "1", "2", "x"]),
    "WHEN": st.sampled_from(["always", "never", "auto", "x"]),
    "FORMAT": st.sampled_from(["json", "csv", "markdown", "latex", "table", "dot", "html", "?"]),
}


@pytest.fixture(autouse=True, scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A folder of their own for the files that random words name."""
    with contextlib.chdir(tmp_path_factory.mktemp("fuzz")):
        yield


@st.composite
def command_lines(draw: st.DrawFn, name: str) -> list[str]:
    """A command with options that it has, and values that may or may not be right."""
    command = load(name)
    words = [name]
    if draw(st.booleans()) and any(option.name == "at" for option in command.options):
        words += ["--at", draw(points)]
    for option in draw(st.lists(st.sampled_from(command.options), max_size=3)):
        words.append(draw(st.sampled_from(option.flags)))
        if not option.is_flag:
            words.append(draw(VALUES[option.metavar]))
    place = draw(st.integers(1, len(words)))
    words = [*words[:place], draw(expressions), *words[place:]]
    return [*words, draw(expressions)] if command.second is not None else words


@pytest.mark.parametrize("name", SUMMARIES)
@given(data=st.data())
def test_any_command_line(name: str, data: st.DataObject) -> None:
    """It succeeds, or says what is wrong in our form with nothing on stdout."""
    words = data.draw(command_lines(name))
    stdin = data.draw(st.sampled_from(["", "x*y", '{"x": 1, "y": 2}', '{"x": [1]}\n{"x": 2}']))
    result = run_bprop(*words, stdin=stdin)
    assert result.code in ((0, 1, 2, 3) if name in WITH_NO else (0, 2, 3)), result.err
    if result.code == 2:
        assert result.err.splitlines()[-1]
        assert re.search("error(\x1b\\[0m)?: ", result.err)
        if "--at" not in words or "-" not in words:
            assert result.out == ""
    elif "--json" in words and not result.out.startswith(("Usage", '{"schema": "bprop.graph')):
        for text in [result.out] if result.out.count("{\n") else result.out.splitlines():
            checked(text)


@given(
    st.lists(
        st.one_of(st.sampled_from([*SUMMARIES, "--help", "--at", "x=1"]), st.text()), max_size=4
    )
)
def test_any_words(words: list[str]) -> None:
    assert run_bprop(*words).code in (0, 1, 2)


@given(st.binary(max_size=40))
def test_any_graph(data: bytes) -> None:
    text = "{" + data.decode("latin-1")
    assert run_bprop("eval", text).code == 2


COLUMNS = st.one_of(
    st.none(),
    st.integers(-2, 9),
    st.text(max_size=3),
    st.lists(st.integers(-2, 70_000), max_size=5),
    st.dictionaries(
        st.sampled_from(["0", "1", "x", "-1", "99"]), st.integers(-1, 3) | st.text(max_size=2)
    ),
    st.lists(st.lists(st.one_of(st.none(), st.text(max_size=2), st.integers(-1, 3)), max_size=3)),
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "source",
                "ops",
                "codes",
                "offsets",
                "args",
                "first",
                "second",
                "rest",
                "static",
                "names",
                "shapes",
                "spans",
                "outputs",
                "parameters",
            ]
        ),
        COLUMNS,
    )
)
def test_any_columns_of_a_graph(columns: dict[str, object]) -> None:
    """A graph with any of its columns replaced runs, or is refused."""
    good = json.loads(run_bprop("render", "a = x*y; a + 2", "--format", "json").out)
    text = json.dumps({**good, **columns})
    for command in ("eval", "grad"):
        assert run_bprop(command, text, "--at", "x=1,y=2").code in (0, 2)
