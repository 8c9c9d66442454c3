"""`check` and `compare` from the command line: tables, JSON, formats, exit codes, messages."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from cli.running import Bprop, Result, checked

SUM = ["check", "x*y + sin(x)", "--at", "x=1,y=2"]
WRONG = [*SUM, "--grad", "x: y - cos(x), y: x"]


def document(result: Result) -> Any:
    """The document of an answer that may be no."""
    assert result.code in (0, 1), result.err
    return checked(result.out)


def test_check(bprop: Bprop) -> None:
    result = bprop(*SUM)
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "x*y + sin(x) = 2.841470985\n"
        "\n"
        "  name    derivative     reference   relative error   condition   verdict\n"
        " ─────────────────────────────────────────────────────────────────────────\n"
        "  x      2.540302306   2.540302306          1.9e-17        2.33   ok\n"
        "  y                1             1                0           1   ok\n"
        "\n"
        "passed: 2 components, right to 16 digits\n"
    )


def test_check_json(bprop: Bprop) -> None:
    found = document(bprop(*SUM, "--json"))
    assert (found["passed"], found["method"], found["count"]) == (True, "differences", 2)
    assert found["components"][1] == {
        "name": "y",
        "derivative": 1.0,
        "reference": 1.0,
        "reference_digits": "1.0",
        "left": 1.0,
        "right": 1.0,
        "error": 0.0,
        "condition": 1.0,
        "kind": "smooth",
        "passed": True,
        "note": "",
    }
    assert found["components"][0]["reference_digits"] == "2.540302305868139717400937"
    assert found["worst"] == "x"


def test_check_at_a_kink(bprop: Bprop) -> None:
    result = bprop("check", "abs(x)*y", "--at", "x=0,y=1")
    assert result.code == 0
    lines = result.out.splitlines()
    assert " ".join(lines[4].split()) == "x 0 -1 | 1 kink"
    assert lines[5].split() == ["y", "0", "0", "0", "ok"]
    assert lines[-2] == "x: kink, ours lies between both sides"
    assert lines[-1].startswith("passed: 2 components")
    assert max(map(len, lines)) < 80
    assert result.err.startswith("warning: |x| has a kink at 0")
    assert bprop("check", "abs(x)*y", "--at", "x=0,y=1", "--strict").code == 3


def test_components_that_share_a_reason_are_named_together(bprop: Bprop) -> None:
    out = bprop("check", "sum(abs(z))", "--at", "z=[0,0,0,0,0,0,1]").out
    wanted = "z[0], z[1], z[2], z[3] and 2 more: kink, ours lies between both sides\n"
    assert wanted in out
    assert out.count("between both sides") == 1


def test_check_that_fails(bprop: Bprop) -> None:
    result = bprop("check", "(1 - cos(x))/x^2", "--at", "x=1e-5")
    assert result.code == 1
    assert "\nx: lost to rounding; the rule is not at fault\n" in result.out
    assert result.out.endswith("not passed: 1 of 1 component, the worst is x\n")
    assert bprop("check", "(1 - cos(x))/x^2", "--at", "x=1e-5", "--tolerance", "1e5").code == 0


def test_check_where_there_is_no_value(bprop: Bprop) -> None:
    result = bprop("check", "log(x)", "--at", "x=0")
    assert result.code == 1
    assert "   not checked\n" in result.out
    assert result.out.count("the value is not finite here") == 1
    found = document(bprop("check", "log(x)", "--at", "x=0", "--json"))
    assert (found["passed"], found["components"][0]["passed"]) == (False, None)
    told = {w["path"]: w["value"] for w in found["warnings"]}
    assert told["components[0].derivative"] == "inf"


def test_a_hand_written_gradient(bprop: Bprop) -> None:
    result = bprop(*WRONG)
    assert result.code == 1
    assert result.out == (
        "x*y + sin(x) = 2.841470985\n"
        "\n"
        "  name    derivative         yours   relative error   verdict\n"
        " ─────────────────────────────────────────────────────────────\n"
        "  x      2.540302306   1.459697694              1.5   wrong\n"
        "  y                1             1                0   ok\n"
        "\n"
        "not passed, here and at 20 points around: the worst is x\n"
        "  x: the path x → v2 → v3, whose product is cos(x), has the wrong sign\n"
    )
    good = bprop(*SUM, "--grad", "x: y + cos(x), y: x")
    assert (good.code, good.err) == (0, "")
    assert good.out.endswith("\npassed: here and at 20 points around\n")


def test_a_hand_written_gradient_json(bprop: Bprop) -> None:
    found = document(bprop(*WRONG, "--json"))
    assert (found["passed"], found["worst"], found["points"]) == (False, "x", 21)
    assert found["mistake"] == {
        "kind": "sign",
        "name": "x",
        "message": "the path x → v2 → v3, whose product is cos(x), has the wrong sign",
        "path": ["x", "v2", "v3"],
        "node": None,
        "factor": None,
    }
    assert [c["passed"] for c in found["components"]] == [False, True]
    assert found["components"][1]["mistake"] is None
    good = document(bprop(*SUM, "--grad", "x: y + cos(x), y: x", "--json"))
    assert (good["passed"], good["mistake"]) == (True, None)


def test_right_here_and_wrong_elsewhere(bprop: Bprop) -> None:
    result = bprop("check", "x*y", "--at", "x=1,y=1", "--grad", "x: x, y: x")
    assert result.code == 1
    assert "\n  it is right here, and wrong at x=" in result.out


def test_a_gradient_from_files(bprop: Bprop, tmp_path: Path) -> None:
    text = tmp_path / "grad.txt"
    text.write_text("x: y + cos(x)  # by hand\ny: x\n")
    assert bprop(*SUM, "--grad", f"@{text}").code == 0
    data = tmp_path / "grad.json"
    data.write_text(json.dumps({"x": "y + cos(x)", "y": 1}))
    assert bprop(*SUM, "--grad", f"@{data}").code == 1
    assert bprop(*SUM, "--grad", f"@{tmp_path}/none.txt").code == 2
    data.write_text(json.dumps({"x": "y + coz(x)", "y": 1}))
    assert bprop(*SUM, "--grad", f"@{data}").err == (
        f"error: unknown function 'coz' ({data}, 'x')\n"
        "  y + coz(x)\n"
        "      ^^^\n"
        "help: did you mean 'cos'?\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--grad", "x: y, y: x*q"],
            "error: the program has no 'q' (--grad)\n  x: y, y: x*q\n             ^\n"
            "help: its names are x, y\n",
        ),
        (
            ["--grad", "x: y"],
            "error: no derivative is given by 'y'\nhelp: add y: ..., or check some: --wrt x\n",
        ),
        (
            ["--tolerance", "tiny"],
            "error: --tolerance needs a number that is not negative, not 'tiny'\n"
            "help: a relative error: --tolerance 1e-6\n",
        ),
        (
            ["--tolerance", "-1"],
            "error: --tolerance needs a number that is not negative, not '-1'\n"
            "help: a relative error: --tolerance 1e-6\n",
        ),
        (
            ["--points", "5"],
            "error: --points goes with --grad\nhelp: differences need one point only\n",
        ),
        (
            ["--wrt", "a"],
            "error: 'a' is not a variable, and a check moves variables\n"
            "help: its variables are x, y\n",
        ),
    ],
)
def test_errors_of_check(bprop: Bprop, words: list[str], message: str) -> None:
    result = bprop("check", "a = x*y; a^2", "--at", "x=1,y=2", *words)
    assert result.code == 2
    wanted = message.replace("its names are x, y", "its names are x, y, a")
    assert result.err == wanted


def test_check_needs_a_scalar(bprop: Bprop) -> None:
    result = bprop("check", "[x, y]", "--at", "x=1,y=2")
    assert result.code == 2
    assert "check needs a scalar output, and this one has the shape (2,)" in result.err
    assert bprop("check", "f = [x, y]", "--at", "x=1,y=2", "--of", "f[1]").code == 0


def test_check_in_each_format(bprop: Bprop) -> None:
    rows = list(csv.reader(io.StringIO(bprop(*SUM, "--format", "csv").out)))
    assert rows[0] == [
        "name", "derivative", "reference", "error", "condition", "verdict", "kind", "note",
    ]  # fmt: skip
    assert rows[2] == ["y", "1.0", "1.0", "0.0", "1.0", "ok", "smooth", ""]
    rows = list(csv.reader(io.StringIO(bprop(*WRONG, "--format", "csv").out)))
    assert rows[0] == ["name", "derivative", "yours", "error", "verdict"]
    assert [row[-1] for row in rows[1:]] == ["wrong", "ok"]
    for form in ("markdown", "latex"):
        assert "2.540302306" in bprop(*SUM, "--format", form).out
        assert "1.459697694" in bprop(*WRONG, "--format", form).out


def test_many_points(bprop: Bprop) -> None:
    points = '{"x": 1, "y": 2}\n{"x": 0, "y": 4}\n'
    result = bprop("check", "x*y", "--at", "-", stdin=points)
    assert (result.code, [line["passed"] for line in result.lines()]) == (0, [True, True])
    points = '{"x": 3, "y": 2}\n{"x": 2, "y": 4}\n'
    result = bprop("check", "x*y", "--at", "-", "--grad", "x: 2, y: 3", stdin=points)
    assert (result.code, [line["passed"] for line in result.lines()]) == (1, [True, False])


def test_many_components(bprop: Bprop) -> None:
    values = ",".join(str(k / 7) for k in range(1, 301))
    result = bprop("check", "sum(sin(v))", "--at", f"v=[{values}]")
    assert result.code == 0
    assert "the 20 least accurate of 200 components" in result.out
    assert result.err == "note: 200 of 300 components were checked, chosen at random\n"
    found = document(bprop("check", "sum(sin(v))", "--at", f"v=[{values}]", "--json"))
    assert (len(found["components"]), found["count"]) == (200, 300)


def test_compare(bprop: Bprop) -> None:
    result = bprop("compare", "(x + y)^2", "x^2 + 2*x*y + y^2")
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "equal: their difference simplifies to 0\n"
        "\n"
        "  name   derivatives\n"
        " ────────────────────\n"
        "  x      equal\n"
        "  y      equal\n"
    )


def test_compare_finds_where(bprop: Bprop) -> None:
    result = bprop("compare", "log(x^2)", "2*log(x)")
    assert result.code == 1
    assert result.out == (
        "differ: at x = -1 the first is 0, the second nan\n"
        "only the first has a value for x < 0\n"
        "\n"
        "  name   derivatives\n"
        " ────────────────────\n"
        "  x      equal\n"
    )
    found = document(bprop("compare", "log(x^2)", "2*log(x)", "--json"))
    assert found["equal"] is False
    assert found["counterexample"] == {
        "at": {"x": -1.0},
        "first": 0.0,
        "second": None,
        "reason": "domain",
        "difference": None,
    }
    assert found["warnings"][0]["path"] == "counterexample.second"


def test_compare_says_conventions(bprop: Bprop) -> None:
    words = ["compare", "relu(x)", "max(x, 0)"]
    result = bprop(*words)
    assert result.code == 0
    assert result.out.startswith("equal at 20 random points\n")
    assert "x      equal but for a convention at x = 0: 0 and 0.5" in result.out
    assert result.err == "warning: the derivatives by 'x' differ at x = 0\n"
    assert bprop(*words, "--strict").code == 3
    found = document(bprop(*words, "--json"))
    assert (found["shown"], found["verdict"]) == ("numerically", "equal at 20 random points")
    assert found["gradients"]["x"] == {
        "equal": True,
        "reason": "convention",
        "at": {"x": 0.0},
        "element": None,
        "first": 0.0,
        "second": 0.5,
    }


def test_compare_derivatives_that_differ(bprop: Bprop) -> None:
    result = bprop("compare", "stop_grad(x)", "x")
    assert result.code == 1
    assert result.out.startswith(
        "differ: at x = 1 the derivative of the first is 0, the second 1\n"
    )


def test_compare_shapes(bprop: Bprop) -> None:
    quadratic = ["compare", "x' @ A @ x", "x' @ A' @ x", "--shape", "x=3", "--shape", "A=3,3"]
    assert bprop(*quadratic).code == 0
    result = bprop("compare", "sum(x)", "x", "--shape", "x=2")
    assert (result.code, result.out) == (1, "differ: the first is a scalar, the second (2,)\n")
    assert document(bprop("compare", "sum(x)", "x", "--shape", "x=2", "--json"))["gradients"] == {}


def test_compare_points_and_formats(bprop: Bprop) -> None:
    assert bprop("compare", "x", "x*exp(0*x)", "--points", "3").code == 0
    out = bprop("compare", "exp(x) - 1", "expm1(x)", "--points", "1").out
    assert out.startswith("equal at 1 random point\n")
    rows = list(csv.reader(io.StringIO(bprop("compare", "x", "2*x", "--format", "csv").out)))
    assert rows == [
        ["what", "equal", "reason"],
        ["value", "false", "value"],
        ["x", "false", "value"],
    ]
    for form in ("markdown", "latex"):
        assert "derivatives" in bprop("compare", "x", "2*x", "--format", form).out


def test_compare_reads_stdin_and_files(bprop: Bprop, tmp_path: Path) -> None:
    file = tmp_path / "f.bprop"
    file.write_text("x*y")
    assert bprop("compare", "-", f"@{file}", stdin="y*x").code == 0
    assert bprop("compare", f"@{file}", "-", stdin="y + x").code == 1
    result = bprop("compare", "-", "-", stdin="x")
    assert result.code == 2
    assert result.err == (
        "error: standard input can be read once only\nhelp: put the others into files: @FILE\n"
    )


def test_compare_to_a_file(bprop: Bprop, tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    assert bprop("compare", "x", "2*x", "--json", "-o", str(file)).code == 1
    assert checked(file.read_text())["equal"] is False


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["x*y"],
            "error: bprop compare needs two expressions, and there is one\n"
            'help: bprop compare "x*y" "y*x"\n',
        ),
        ([], 'error: bprop compare needs two expressions\nhelp: bprop compare "x*y" "y*x"\n'),
        (
            ["x", "y", "z"],
            "error: unexpected argument 'z'\nhelp: are both expressions quoted?\n",
        ),
        (
            ["x", "sine(x)"],
            "error: unknown function 'sine'\n  sine(x)\n  ^^^^\nhelp: did you mean 'sin'?\n",
        ),
        (
            ["x", "y", "--at", "z=1"],
            "error: 'z' is bound, but neither program uses it\nhelp: their variables are x, y\n",
        ),
        (
            ["x", "y", "--json", "--format", "csv"],
            "error: --json and --format csv exclude each other\n",
        ),
    ],
)
def test_errors_of_compare(bprop: Bprop, words: list[str], message: str) -> None:
    result = bprop("compare", *words)
    assert (result.code, result.err) == (2, message)


def test_negative_second_argument(bprop: Bprop) -> None:
    assert bprop("compare", "-x", "-1*x").code == 0


def test_compare_takes_one_point(bprop: Bprop) -> None:
    result = bprop("compare", "x", "x", "--at", "-", stdin='{"x": 1}\n{"x": 2}\n')
    assert result.code == 2
    assert result.err.startswith("error: compare takes one point\n")


def test_help_shows_both_arguments(bprop: Bprop) -> None:
    out = bprop("compare", "--help").out
    assert "The other expression." in out
    assert "--points" in bprop("check", "--help").out


def answer(bprop: Bprop, *words: str) -> str:
    return bprop("compare", *words).out


def test_compare_arrays_prints_a_derivative(bprop: Bprop) -> None:
    found = answer(bprop, "[x, y]", "[y, x]")
    assert "x      differ at x = 1, y = 1: ∂value[0]/∂x = 1 and 0\n" in found
    content = document(bprop("compare", "[x, y]", "[y, x]", "--json"))
    assert content["gradients"]["x"] == {
        "equal": False,
        "reason": "value",
        "at": {"x": 1.0, "y": 1.0},
        "element": "∂value[0]/∂x",
        "first": 1.0,
        "second": 0.0,
    }


def test_compare_lines_are_short(bprop: Bprop) -> None:
    for shape in ("A=2,2,x=2", "A=12,12,x=12"):
        lines = answer(bprop, "A @ x", "x @ A", "--shape", shape).splitlines()
        assert max(map(len, lines)) <= 88
    assert lines[0] == "differ:"
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["the", "first"], ["the", "second"], ["at", "A"], ["at", "x"]
    ]  # fmt: skip


def test_compare_long_arrays_shows_the_element_that_differs(bprop: Bprop) -> None:
    found = answer(bprop, "x*ones(20)", "x*where(arange(20) == 7, 2, 1)")
    assert found.startswith("differ: at x = 1 value[7] of the first is 1, the second 2\n")


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (
            ["sin(x)", "x", "--at", "x=0"],
            "differ: at x = 1 the first is 0.8414709848, the second 1\n"
            "at the given point both are equal\n",
        ),
        (
            ["log(x^2)", "2*log(x)", "--at", "x=3"],
            "differ: at x = -1 the first is 0, the second nan\n"
            "only the first has a value for x < 0\n"
            "at the given point both are equal\n",
        ),
        (
            ["log(x^2)", "2*log(x)", "--at", "x=-3"],
            "differ: at x = -3 the first is 2.197224577, the second nan\n"
            "only the first has a value for x < 0\n\n",
        ),
        (
            ["x*n", "n*x", "--at", "n=3"],
            "equal with n = 3: their difference simplifies to 0\n\n"
            "  name   derivatives\n ────────────────────\n  x      equal\n",
        ),
        (["x^n", "x*x", "--at", "n=2"], "equal at 20 random points with n = 2\n"),
        (
            ["x*n", "n*x + 1", "--at", "n=3"],
            "differ with n = 3: at x = 1 the first is 3, the second 4\n",
        ),
        (["x", "x + 1e-15"], "differ: at x = 1 the first is 1, the second 1.000000000000001\n"),
        (
            ["x", "x + 1e-25"],
            "differ: at x = 1 both are 1 in floats, the first less the second is -1e-25\n",
        ),
        (
            ["x*1e300*1e300", "2*x*1e300*1e300"],
            "differ: at x = 1 both are inf in floats, and differ\n",
        ),
        (
            ["x*ones(9)", "x*ones(9) + 1e-20"],
            "differ: at x = 1 both are [1, 1, 1, 1, …, 1] in floats, "
            "the first less the second is -1e-20\n",
        ),
        (["22/7", "pi"], "differ: the first is 3.142857143, the second 3.141592654\n"),
    ],
)
def test_compare_says(bprop: Bprop, words: list[str], start: str) -> None:
    assert answer(bprop, *words).startswith(start)


def test_compare_json_has_the_whole_point(bprop: Bprop) -> None:
    content = document(bprop("compare", "x*n", "n*x + 1", "--at", "n=3", "--json"))
    assert content["fixed"] == {"n": 3.0}
    assert content["counterexample"]["at"] == {"n": 3.0, "x": 1.0}
    given = document(bprop("compare", "sin(x)", "x", "--at", "x=0", "--json"))
    assert (given["given"], given["at"]) == ("equal", {"x": 0.0})


def test_numbers_count_to_the_decimals_written_unless_a_tolerance_is_asked_for(
    bprop: Bprop,
) -> None:
    words = ["check", "x*y", "--at", "x=1,y=2.004", "--grad", "x: 2.00, y: 1"]
    found = bprop(*words)
    assert found.code == 0
    assert "compared to the decimals written; --tolerance asks for more" in found.err
    asked = bprop(*words, "--tolerance", "1e-9")
    assert asked.code == 1
    assert "decimals" not in asked.err


def test_a_deep_program_is_equal_to_itself(bprop: Bprop, tmp_path: Path) -> None:
    """What is one graph is not simplified, nor tried at many points."""
    deep = tmp_path / "deep.bprop"
    deep.write_text("sin(" * 5000 + "x" + ")" * 5000)
    found = bprop("compare", f"@{deep}", f"@{deep}")
    assert found.out.startswith("equal: their difference simplifies to 0")
