"""Points from texts, files and streams."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_cli.engine.point import nested, parse_point, shape_of
from backprop_cli.engine.points import defaults, read_points
from backprop_cli.errors import (
    BpropError,
    FileFault,
    NameFault,
    ShapeFault,
    SyntaxFault,
    UsageFault,
)
from backprop_cli.render import diagnostics


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("x=1", {"x": 1.0}),
        ("x=1,y=2", {"x": 1.0, "y": 2.0}),
        (" x = 1 , y=-2.5e3, ", {"x": 1.0, "y": -2500.0}),
        ("x=pi/4", {"x": math.pi / 4}),
        ("x=-e", {"x": -math.e}),
        ("x=max(1, 2),y=3", {"x": 2.0, "y": 3.0}),
        ("w=[1,2,3]", {"w": [1.0, 2.0, 3.0]}),
        ("A=[[1, 2], [3, 4]],b=[1,1]", {"A": [[1.0, 2.0], [3.0, 4.0]], "b": [1.0, 1.0]}),
        ("x=inf,y=-inf", {"x": math.inf, "y": -math.inf}),
        ("θ=1,\u00b5=2", {"θ": 1.0, "μ": 2.0}),
        ("e\u0301=1", {"é": 1.0}),
        ("x=0x1F,y=1_000", {"x": 31.0, "y": 1000.0}),
        ("x=1==1", {"x": 1.0}),
    ],
)
def test_texts(text: str, values: dict[str, Any]) -> None:
    assert parse_point(text) == values


def test_matrices_in_the_form_of_the_language() -> None:
    assert parse_point("A=[1,2;3,4]")["A"].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert parse_point("t=linspace(0,1,3)")["t"].tolist() == [0.0, 0.5, 1.0]
    assert parse_point("v=[pi, 2*pi]")["v"].tolist() == [math.pi, 2 * math.pi]


def test_nan() -> None:
    assert math.isnan(parse_point("x=nan")["x"])


@given(st.floats(allow_nan=False))
def test_a_printed_number_reads_back(number: float) -> None:
    assert parse_point(f"x={number!r}") == {"x": number}


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (
            "x=1,2",
            UsageFault,
            "error: '2' binds nothing (--at)\n  x=1,2\n      ^\nhelp: write name=value: x=1\n",
        ),
        (
            "2x=1",
            UsageFault,
            "error: '2x' is not a name (--at)\n  2x=1\n  ^^\nhelp: write name=value: x=1\n",
        ),
        (
            "x=1,y=",
            UsageFault,
            "error: 'y' gets no value (--at)\n  x=1,y=\n      ^^\nhelp: write y=1\n",
        ),
        (
            "x=1,x=2",
            UsageFault,
            "error: 'x' is bound twice (--at)\n  x=1,x=2\n      ^^^\n",
        ),
        (
            "x=1;y=2",
            UsageFault,
            "error: unexpected '=' in the value of 'x' (--at)\n"
            "  x=1;y=2\n"
            "       ^\n"
            "help: separate values with commas: x=1,y=2\n",
        ),
        (
            "x=1,y=2*z",
            NameFault,
            "error: the value of a variable must be constant, and 'z' is a variable (--at)\n"
            "  x=1,y=2*z\n"
            "          ^\n"
            "help: numbers, pi, e and functions of them make a constant: x=pi/4\n",
        ),
        (
            "x=1e999",
            UsageFault,
            "error: the number 1e999 is too large for a 64-bit float (--at)\n"
            "  x=1e999\n"
            "    ^^^^^\n"
            "help: write inf\n",
        ),
        (
            "A=[[1,2],[3]]",
            ShapeFault,
            "error: the rows of a list differ in length (--at)\n"
            "  A=[[1,2],[3]]\n"
            "    ^^^^^^^^^^^\n"
            "help: every row of a matrix has the same number of elements\n",
        ),
    ],
)
def test_mistakes_are_shown_in_their_place(text: str, kind: type, message: str) -> None:
    with pytest.raises(kind) as raised:
        parse_point(text)
    assert isinstance(raised.value, BpropError)
    assert diagnostics.error(raised.value) == message


def test_a_fault_of_the_language_is_shown_in_its_place() -> None:
    with pytest.raises(SyntaxFault) as raised:
        parse_point("x=1, y=2+*3")
    shown = diagnostics.error(raised.value).splitlines()
    assert shown[1:3] == ["  x=1, y=2+*3", "          ^^"]


def test_default_points() -> None:
    source = "# a model\n# at: x=1, y=2\n  # at: z=pi\nx*y*z # at: x=5\n"
    assert defaults(source) == {"x": 1.0, "y": 2.0, "z": math.pi}


def test_typed_stands_above_a_file_and_that_above_defaults(tmp_path: Path) -> None:
    file = tmp_path / "point.json"
    file.write_text('{"y": 20, "z": 30}')
    points = read_points([f"@{file}", "z=300"], source="# at: x=1, y=2, z=3\nx+y+z")
    (point,) = points
    assert point.values == {"x": 1.0, "y": 20.0, "z": 300.0}
    assert point.typed == {"z"}


def test_a_name_typed_twice_is_refused() -> None:
    with pytest.raises(UsageFault, match="'x' is bound twice by --at"):
        read_points(["x=1", "x=2"])


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "point.json"
    file.write_text('\ufeff{\n "x": 1,\n "w": [[1, 2]], "t": "pi/4", "n": NaN}\n', "utf-8")
    (point,) = read_points([f"@{file}"])
    assert point.values["x"] == 1.0
    assert point.values["w"] == [[1.0, 2.0]]
    assert point.values["t"] == math.pi / 4
    assert math.isnan(point.values["n"])


def test_many_points(tmp_path: Path) -> None:
    file = tmp_path / "points.jsonl"
    file.write_text('{"x": 1}\n\n{"x": 2, "y": 9}\n')
    points = read_points([f"@{file}", "y=5"])
    assert points.many
    assert [(p.values, p.place) for p in points] == [
        ({"x": 1.0, "y": 5.0}, f"{file}, line 1"),
        ({"x": 2.0, "y": 5.0}, f"{file}, line 3"),
    ]


def test_a_list_of_points(tmp_path: Path) -> None:
    file = tmp_path / "points.json"
    file.write_text(json.dumps([{"x": 1}, {"x": 2}]))
    points = read_points([f"@{file}"])
    assert [p.values for p in points] == [{"x": 1.0}, {"x": 2.0}]


@pytest.mark.parametrize(
    ("text", "many"),
    [
        ('{"x": 1}', True),
        ('{"x": 1}\n{"x": 1}\n', True),
        ('{\n"x": 1\n}', False),
        ("\n\n", True),
    ],
)
def test_standard_input(text: str, many: bool) -> None:
    points = read_points(["-"], io.StringIO(text))
    assert points.many == many
    assert all(point.values == {"x": 1.0} for point in points)


def test_standard_input_is_read_line_by_line() -> None:
    """A point is handed on before the next one is there."""
    lines = iter(['{"x": 1}\n', '{"x": 2}\n'])

    class Slow(io.StringIO):
        def __iter__(self) -> Any:
            return lines

    stream = iter(read_points(["-"], Slow()))
    assert next(stream).values == {"x": 1.0}
    assert list(lines) == ['{"x": 2}\n']


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "{0} holds no point"),
        ("1", "{0} holds no point"),
        ("x=1", "{0} is not JSON: Expecting value"),
        ("", "{0} is empty"),
        ('{"x": null}', "{0}: the value of 'x': null is not a number"),
        ('{"x": true}', "{0}: the value of 'x': true is not a number"),
        ('{"x": {"y": 1}}', "{0}: the value of 'x': an object is not a number"),
        ('{"x": [[1, 2], [3]]}', "{0}: the value of 'x': the rows of a list differ in length"),
        ('{"x": [1, [2]]}', "{0}: the value of 'x': the rows of a list differ in length"),
        ('{"x": []}', "{0}: the value of 'x': an empty list has no value"),
        ('{"x": 1, "x": 2}', "'x' is bound twice in one point"),
        ('{"x": ""}', "{0}: the value of 'x': an empty text is not a number"),
        (
            '{"x": 1' + "0" * 400 + "}",
            "{0}: the value of 'x': a number is too large for a 64-bit float",
        ),
        ("[" * 100_000, "{0} is not JSON: too deeply nested"),
        (
            '{"x": ' + "[" * 900 + "1" + "]" * 900 + "}",
            "{0}: the value of 'x': a list is nested more than 32 deep",
        ),
    ],
)
def test_mistakes_in_files(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "point.json"
    file.write_text(text)
    with pytest.raises(BpropError) as raised:
        list(read_points([f"@{file}"]))
    assert raised.value.message == message.format(file)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    for name, message in [
        ("none.json", f"cannot read {tmp_path}/none.json: No such file or directory"),
        ("", f"cannot read {tmp_path}/: Is a directory"),
        ("bytes.json", f"{tmp_path}/bytes.json is not text in UTF-8"),
        ("a\0b", f"cannot read {tmp_path}/a\0b: embedded null byte"),
    ]:
        with pytest.raises(FileFault) as raised:
            read_points([f"@{tmp_path}/{name}"])
        assert raised.value.message == message


def test_two_streams_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "points.jsonl"
    file.write_text('{"x": 1}\n')
    with pytest.raises(UsageFault, match="only one --at may hold many points"):
        read_points([f"@{file}", f"@{file}"])


def test_shapes() -> None:
    assert shape_of([[1.0, 2.0, 3.0]]) == (1, 3)
    assert shape_of(1.0) == ()
    assert nested([[1, "pi"]]) == [[1.0, math.pi]]


@given(st.text(alphabet='xy=,[]();0123.+-*/ "#@\u00b5∂', max_size=25))
def test_any_text_is_a_point_or_a_mistake(text: str) -> None:
    try:
        values = parse_point(text)
    except BpropError as fault:
        diagnostics.error(fault)
    else:
        assert all(name.isidentifier() for name in values)
