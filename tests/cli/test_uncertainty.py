"""`--at "x=1±0.1"` and `--stable` on the command line."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from cli.running import Bprop

POINT = "x=1±0.1,y=2±0.05"


def test_grad_shows_the_budget(bprop: Bprop) -> None:
    result = bprop("grad", "m*g*h", "--at", "m=2±0.1,g=9.81,h=3±0.05")
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "m*g*h = 58.9 ± 3.1\n"
        "\n"
        "  name   value      σ   derivative   contribution   share   elasticity\n"
        " ──────────────────────────────────────────────────────────────────────\n"
        "  m          2    0.1        29.43          2.943    90 %            1\n"
        "  g       9.81                   6                                   1\n"
        "  h          3   0.05        19.62          0.981    10 %            1\n"
        "\n"
        "  value               58.86\n"
        "  σ of the value      3.102194385   5.27 % of the value\n"
        "  condition number    3             the sum of |elasticity|\n"
        "  σ to second order   3.102582135   mean shift 0\n"
    )


def test_paths_are_shown_where_a_variable_has_several(bprop: Bprop) -> None:
    out = bprop("grad", "x*x", "--at", "x=3±0.1").out
    assert "x → v1         3         0.3\n" in out
    assert "paths of one variable carry the same error: they are added" in out


def test_json_of_grad(bprop: Bprop) -> None:
    document = bprop("grad", "x*y + sin(x)", "--at", POINT, "--json").json()
    found = document["uncertainty"]
    c = 2 + math.cos(1)
    assert found["sigma"] == pytest.approx(math.hypot(0.1 * c, 0.05))
    assert [row["name"] for row in found["budget"]] == ["x", "y"]
    assert sum(row["share"] for row in found["budget"]) == pytest.approx(1)
    assert len(found["paths"]) == 3
    assert found["second_order"]["mean_shift"] == pytest.approx(-math.sin(1) * 0.01 / 2)
    assert document["gradient"] == {"x": pytest.approx(c), "y": 1.0}


def test_eval_shows_the_deviation(bprop: Bprop) -> None:
    assert bprop("eval", "x*y", "--at", POINT).out == "x*y = 2.00 ± 0.21\n"
    assert bprop("eval", "[x*y, x]", "--at", "x=1±.1,y=2").out == "[x*y, x] = [2, 1] ± [0.2, 0.1]\n"
    words = ["eval", "a = x*y; (a, x)", "--at", "x=1±.1,y=2"]
    assert bprop(*words).out == "a = 2.00 ± 0.20\nx = 1.00 ± 0.10\n"
    assert bprop(*words, "--json").json()["uncertainty"] == {"sigma": {"a": 0.2, "x": 0.1}}
    one = bprop("eval", "x*y", "--at", "x=1±.1,y=2", "--json").json()
    assert one["uncertainty"] == {"sigma": 0.2}
    table = bprop("eval", "x*y", "--at", "x=1±.1,y=2", "--format", "csv").out
    assert table == "name,index,value,σ\nx,,1.0,0.1\ny,,2.0,\nvalue,,2.0,0.2\n"


def test_other_formats(bprop: Bprop) -> None:
    words = ["grad", "sum(w*x)", "--at", "w=[1±0.1,2±0.2],x=[1,2]"]
    assert bprop(*words, "--format", "csv").out.splitlines()[:2] == [
        "name,index,value,σ,derivative,contribution,share,elasticity",
        "w,0,1.0,0.1,1.0,0.1,0.05882352941176471,0.2",
    ]
    assert "| w | \\[1, 2\\] | \\[0.1, 0.2\\]" in bprop(*words, "--format", "markdown").out.replace(
        "]", "\\]"
    ).replace("\\\\]", "\\]")
    assert "$\\sigma$ of the value" in bprop(*words, "--format", "latex").out


def test_some_nodes_only(bprop: Bprop) -> None:
    """The budget is that of all uncertain variables, whatever `--wrt` asks for."""
    words = ["grad", "a = x*y; a*x", "--at", "x=1±.1,y=2±1", "--wrt", "a"]
    document = bprop(*words, "--json").json()
    assert document["gradient"] == {"a": 1.0}
    assert document["uncertainty"]["sigma"] == pytest.approx(math.hypot(0.4, 1))
    names = [line.split()[0] for line in bprop(*words).out.splitlines()[4:7]]
    assert names == ["a", "x", "y"]


def test_points_of_files(bprop: Bprop, tmp_path: Path) -> None:
    path = tmp_path / "point.json"
    path.write_text(json.dumps({"x": {"value": 1, "sigma": 0.1}, "y": "2±0.05", "z": 1}))
    result = bprop("eval", "x*y", "--at", f"@{path}")
    assert result.out == "x*y = 2.00 ± 0.21\n"
    assert result.err == "note: 'z' of the point is not used\n"
    assert bprop("eval", "x*y", "--at", f"@{path}", "--at", "y=2").out == "x*y = 2.00 ± 0.20\n"
    lines = '{"x": {"value": 1, "sigma": 0.1}}\n{"x": 2}\n'
    first, second = bprop("grad", "x^2", "--at", "-", stdin=lines).lines()
    assert first["uncertainty"]["sigma"] == pytest.approx(0.2)
    assert "uncertainty" not in second
    model = tmp_path / "model.bprop"
    model.write_text("# at: x=1±0.1\nx^2\n")
    assert bprop("eval", f"@{model}").out == "value = 1.00 ± 0.20\n"
    path.write_text('{"x": {"value": 1}}')
    assert bprop("eval", "x", "--at", f"@{path}").err == (
        f"error: {path}: the value of 'x': an uncertain value has a value and a sigma, "
        'this one differs in sigma\nhelp: write {"value": 1, "sigma": 0.1}\n'
    )


@pytest.mark.parametrize("command", ["trace", "paths", "jacobian"])
def test_commands_that_do_not_use_it_say_so(bprop: Bprop, command: str) -> None:
    result = bprop(command, "x^2", "--at", "x=1±0.1")
    assert result.err == f"note: uncertainties are not used by {command}\n"
    assert result.out == bprop(command, "x^2", "--at", "x=1").out


def test_render_says_so_too(bprop: Bprop) -> None:
    result = bprop("render", "x^2", "--at", "x=1±0.1", "--format", "dot", "-o", "-")
    assert result.err == "note: uncertainties are not used by render\n"


def test_warnings(bprop: Bprop) -> None:
    result = bprop("eval", "x^2", "--at", "x=0±0.1")
    assert result.out == "x^2 = 0 ± 0\n"
    assert result.err == (
        "warning: first-order propagation is rough here: terms of second order shift the mean "
        "by 0.01 and make σ 0.014 instead of 0\n"
    )
    assert bprop("eval", "abs(x)", "--at", "x=0±0.1").err.startswith("warning: |x| has a kink at 0")
    assert bprop("grad", "abs(x)", "--at", "x=0±0.1", "--strict").code == 3
    document = bprop("grad", "sqrt(x)", "--at", "x=0±0.1", "--json").json()
    assert document["uncertainty"]["sigma"] is None
    assert any(w["path"] == "uncertainty.sigma" for w in document["warnings"])


@pytest.mark.parametrize("command", ["eval", "grad", "trace", "paths", "jacobian"])
def test_stable_forms(bprop: Bprop, command: str) -> None:
    result = bprop(command, "log(1 + exp(x))", "--at", "x=1000", "--stable")
    assert result.code == 0
    assert result.err == "note: log(1 + exp(x)) is computed as softplus(x)\n"
    assert "inf" not in result.out
    lines = bprop(command, "exp(x) - 1", "--at", "-", "--stable", stdin='{"x": 1}\n{"x": 2}\n')
    assert len(lines.lines()) == 2
    assert lines.err == "note: exp(x) - 1 is computed as expm1(x)\n"


def test_stable_forms_are_drawn_and_saved(bprop: Bprop, tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    result = bprop("render", "exp(x) - 1", "--stable", "-o", str(path))
    assert result.err == "note: exp(x) - 1 is computed as expm1(x)\n"
    assert bprop("eval", f"@{path}", "--at", "x=1e-12").out.endswith("= 1e-12\n")


def test_stable_forms_leave_what_is_asked_for(bprop: Bprop) -> None:
    words = ["grad", "u = exp(x); log(1 + u)", "--at", "x=1", "--stable"]
    assert bprop(*words, "--wrt", "u").err == "note: log(1 + u) is computed as log1p(u)\n"
    assert bprop(*words).err == "note: log(1 + u) is computed as softplus(x)\n"
    assert bprop(*words, "--wrt", "u", "--json").json()["gradient"]["u"] == pytest.approx(
        1 / (1 + math.e)
    )


def test_uncertain_points_in_stable_forms(bprop: Bprop) -> None:
    result = bprop("eval", "log(1 + exp(x))", "--at", "x=1000±1", "--stable")
    assert result.out == "log(1 + exp(x)) = 1000.0 ± 1.0\n"


@pytest.mark.parametrize("command", ["eval", "grad"])
def test_both_name_the_form_that_fails(bprop: Bprop, command: str) -> None:
    text = "log(1 + exp(x)) overflows or loses digits here; softplus(x) does not"
    assert text in bprop(command, "log(1 + exp(x))", "--at", "x=1000").err
    assert bprop(command, "log(1 + exp(x))", "--at", "x=1").err == ""
