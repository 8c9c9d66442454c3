"""`bprop doctor`: what is not finite or not accurate, where it began, and what cures it."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
from cli.running import Bprop, Result, checked
from latex_checks import assert_sound


def doctor(bprop: Bprop, text: str, point: str, *more: str) -> dict[str, Any]:
    found = bprop("doctor", text, "--at", point, "--json", *more)
    document: dict[str, Any] = checked(found.out)
    assert found.code == (0 if document["healthy"] else 1), found.err
    return document


def flat(found: Result) -> str:
    return " ".join(found.out.split())


# the rows of the table of choices whose value or derivative is not finite
NOT_FINITE = [
    ("sqrt(x)", "x=0"),
    ("cbrt(x)", "x=0"),
    ("sqrt(x^2)", "x=0"),
    ("where(x >= 0, sqrt(x^2), 0)", "x=0"),
    ("log(x)", "x=0"),
    ("log(x)", "x=-1"),
    ("sqrt(x)", "x=-1"),
    ("asin(x)", "x=2"),
    ("1/x", "x=0"),
    ("x/y", "x=1,y=0"),
    ("x/y", "x=0,y=0"),
    ("x/x", "x=0"),
    ("sin(x)/x", "x=0"),
    ("x^y", "x=0,y=0.5"),
    ("x^y", "x=0,y=-1"),
    ("x^y", "x=-2,y=3"),
    ("x^(1/3)", "x=-8"),
    ("sqrt(x) + where(x > 0, sqrt(x), 0)", "x=0"),
    ("x*sqrt(x)", "x=0"),
    ("sqrt(2*x - x)", "x=0"),
    ("log(1 + exp(x))", "x=1000"),
    ("log(sum(exp(x)))", "x=[1000,1]"),
    ("xlogy(x, y)", "x=0,y=0"),
    ("atan2(x, y)", "x=0,y=0"),
    ("asin(x)", "x=1"),
    ("acosh(x)", "x=1"),
    ("atanh(x)", "x=1"),
    ("max(x, y)", "x=nan,y=1"),
    ("x*log(x)", "x=0"),
    ("sqrt(v)[0]", "v=[0,4]"),
]

# those where all is finite
FINITE = [
    ("abs(x)", "x=0"),
    ("sign(x)*x", "x=0"),
    ("relu(x)", "x=0"),
    ("max(x, y)", "x=1,y=1"),
    ("clip(x, 0, 1)", "x=1"),
    ("norm(v)", "v=[0,0]"),
    ("norm(v)^2", "v=[0,0]"),
    ("hypot(x, y)", "x=0,y=0"),
    ("sinc(x)", "x=0"),
    ("x^y", "x=0,y=0"),
    ("x^y", "x=0,y=2"),
    ("x^3", "x=-2"),
    ("where(x > 0, log(x), 0)", "x=0"),
    ("where(x > 0, sqrt(sin(sqrt(x))), x)", "x=0"),
    ("where(x < 2000, x, exp(x))", "x=1000"),
    ("relu(log(x))", "x=0"),
    ("sqrt(v)[1]", "v=[0,4]"),
    ("0*sqrt(x)", "x=0"),
    ("softplus(x)", "x=1000"),
    ("logsumexp(v)", "v=[1000,-1000]"),
    ("prod(v)", "v=[0,0,3]"),
    ("x % y", "x=4,y=2"),
    ("det([[x, 2], [2, 4]])", "x=1"),
    ("x^2 - 4", "x=2"),
    ("x*y + sin(x)", "x=1,y=2"),
    ("sum(softmax(v))", "v=[1,2,3]"),
    ("exp(x)", "x=-1000"),
]


@pytest.mark.parametrize(("text", "point"), NOT_FINITE)
def test_what_is_not_finite_is_explained(bprop: Bprop, text: str, point: str) -> None:
    found = doctor(bprop, text, point)
    assert not found["healthy"]
    assert found["verdict"].startswith("not healthy: ")
    where = found["first_bad_value"] or found["first_bad_edge"]
    assert where is not None
    assert where["span"] is not None or where["node"] in ("x", "y")
    if found["first_bad_edge"] is not None:
        assert any(factor["value"] in ("inf", "-inf", "nan") for factor in found["factors"])
    for entry in found["suggestions"]:
        assert entry["verified"]
    report = bprop("doctor", text, "--at", point)
    assert report.code == 1
    assert report.out.startswith("not healthy: ")


@pytest.mark.parametrize(("text", "point"), FINITE)
def test_what_is_finite_is_healthy(bprop: Bprop, text: str, point: str) -> None:
    found = doctor(bprop, text, point)
    assert found["healthy"]
    assert found["first_bad_value"] is found["first_bad_edge"] is None
    assert found["suggestions"] == found["cancellation"] == []


@pytest.mark.parametrize(
    ("text", "point", "rewrite", "value", "gradient"),
    [
        ("sqrt(x^2)", "x=0", "abs(x)", "0", "0"),
        ("x*sqrt(x)", "x=0", "x^1.5", "0", "0"),
        ("x^(1/3)", "x=-8", "cbrt(x)", "-2", None),
        ("sin(x)/x", "x=0", "sinc(x/pi)", "1", None),
        ("log(1 + exp(x))", "x=1000", "softplus(x)", "1000", "1"),
        ("log(1 + exp(x))", "x=-50", "softplus(x)", None, None),
        ("log(sum(exp(x)))", "x=[1000,1]", "logsumexp(x)", "1000", "[1, 0]"),
        ("(exp(x)/sum(exp(x)))[0]", "x=[1000,1]", "softmax(x)", "1", None),
        ("log(1 + x)", "x=1e-12", "log1p(x)", None, None),
        ("exp(x) - 1", "x=1e-12", "expm1(x)", None, None),
        ("1 - cos(x)", "x=1e-6", "2*square(sin(x/2))", None, None),
        ("sqrt(x + 1) - sqrt(x)", "x=1e12", "1/(sqrt(x + 1) + sqrt(x))", None, None),
        ("sqrt(x^2 + y^2)", "x=1e200,y=0", "hypot(x, y)", None, None),
        ("1/(1 + exp(-x))", "x=-800", "sigmoid(x)", None, None),
        ("(x + 1e-3)^2 - x^2", "x=1e9", None, None, None),
    ],
)
def test_cures(
    bprop: Bprop, text: str, point: str, rewrite: str | None, value: str, gradient: str
) -> None:
    """The first suggestion, and what it gives at the point."""
    found = doctor(bprop, text, point)
    assert not found["healthy"]
    if rewrite is None:
        return
    best = found["suggestions"][0]
    assert best["rewrite"] == rewrite
    assert best["healthy"]
    if value is not None:
        assert best["after"]["value"] == value
    if gradient is not None:
        assert best["after"]["gradient"]["x"] == gradient
    # what is suggested is healthy when it is asked about itself
    assert doctor(bprop, best["program"], point)["healthy"]


def test_zero_times_infinity(bprop: Bprop) -> None:
    found = bprop("doctor", "y + sqrt(x^2)", "--at", "x=0,y=1", "--wrt", "x")
    assert "0 × inf at sqrt(x^2), columns 5-13: the local derivative of x^2 is 0" in flat(found)
    assert "  y + sqrt(x^2)\n      ^^^^^^^^^\n" in found.out
    document = doctor(bprop, "y + sqrt(x^2)", "x=0,y=1")
    assert [(f["what"], f["value"], f["columns"]) for f in document["factors"]] == [
        ("partial", "0.0", "columns 10-12"),
        ("partial", "inf", "columns 5-13"),
    ]
    assert document["first_bad_edge"]["spoils"] == ["x"]
    assert document["classes"] == {"x": ["nan"]}


def test_the_zero_may_be_an_adjoint(bprop: Bprop) -> None:
    found = bprop("doctor", "log(1 + exp(x))", "--at", "x=1000")
    assert "0 × inf at exp(x), columns 9-14: the adjoint of exp(x) is 0, the local" in flat(found)


def test_the_line_of_a_longer_program(bprop: Bprop) -> None:
    found = bprop("doctor", "a = x + 1\nb = log(a)\nb*2", "--at", "x=-1")
    assert "log(a), line 2, columns 5-10" in flat(found)


def test_infinities_that_cancel(bprop: Bprop) -> None:
    found = bprop("doctor", "sqrt(2*x - x)", "--at", "x=0")
    assert "of the classes inf, -inf; inf - inf is nan." in flat(found)
    assert "2*x - x -> x" in flat(found)
    assert "is not finite or exact everywhere either" in flat(found)


def test_the_element_of_an_array_is_named(bprop: Bprop) -> None:
    found = doctor(bprop, "sum(log(v))", "v=[1,0,2]")
    assert found["first_bad_value"]["element"] == "[1]"
    assert found["verdict"] == "not healthy: the value is -inf, the derivative by v[1] is inf"
    found = doctor(bprop, "sum(1 - cos(v))", "v=[1,1e-6]")
    assert found["healthy"]  # the sum is dominated by its first term
    found = doctor(bprop, "(1 - cos(v))[1]", "v=[1,1e-6]")
    assert found["cancellation"][0]["text"] == "cancellation in v2 = 1 - v1: 11.9 of 16 digits lost"


def test_operations_that_mix_elements(bprop: Bprop) -> None:
    found = doctor(bprop, "log(v) @ w", "v=[0,1],w=[0,2]", "--wrt", "w")
    assert found["gradient"]["w"] == [None, 0.0]
    assert found["first_bad_edge"]["from"] == "w"
    assert found["first_bad_edge"]["element"] == "[0]"
    found = doctor(bprop, "sum(sqrt(A*v))", "A=[[0,1],[1,4]],v=[0,1]")
    assert found["first_bad_edge"]["element"] == "[0][0]"
    assert found["factors"][0]["value"] == "0.0"


def test_lost_digits_are_traced_to_their_operation(bprop: Bprop) -> None:
    found = bprop("doctor", "a = sqrt(x + 1); b = sqrt(x); 3*(a - b)", "--at", "x=1e12")
    assert "cancellation in v2 = a - b: 10.8 of 16 digits lost" in flat(found)
    assert "  a = sqrt(x + 1); b = sqrt(x); 3*(a - b)\n" in found.out
    document = doctor(bprop, "a = sqrt(x + 1); b = sqrt(x); 3*(a - b)", "x=1e12")
    value = document["cancellation"][0]
    assert (value["of"], value["cancels"], value["expression"]) == ("value", True, "a - b")
    assert value["relative_error"] == pytest.approx(7.6e-6, rel=0.1)
    assert document["relative_errors"]["value"] == value["relative_error"]
    assert document["measured"]


def test_a_healthy_point_says_how_well_it_is(bprop: Bprop) -> None:
    found = bprop("doctor", "x*y + sin(x)", "--at", "x=1,y=2")
    assert found.code == 0
    assert found.out == (
        "healthy: value and gradient are finite; about 16 digits are right\n"
        "\n"
        "  value = 2.84147\n"
        "  derivative by x = 2.5403, condition number 0.894\n"
        "  derivative by y = 1, condition number 0.704\n"
    )
    assert found.err == ""


def test_sensitivity_is_no_illness(bprop: Bprop) -> None:
    """The difference of two given numbers is exact, however small."""
    found = bprop("doctor", "x - y", "--at", "x=1.0000001,y=1")
    assert found.code == 0
    assert "is multiplied by 1e7: no formula makes the result better" in flat(found)


def test_choices_are_told(bprop: Bprop) -> None:
    found = bprop("doctor", "abs(x)", "--at", "x=0")
    assert found.code == 0
    assert "It rests on a choice where calculus is silent:" in found.out
    assert found.err.startswith("warning: |x| has a kink at 0")
    assert bprop("doctor", "abs(x)", "--at", "x=0", "--strict").code == 3


def test_named_nodes_and_other_outputs(bprop: Bprop) -> None:
    found = doctor(bprop, "a = x^2; b = sqrt(a); c = 2*x; b + c", "x=0", "--of", "c")
    assert found["healthy"]
    found = doctor(bprop, "a = x^2; b = sqrt(a); b", "x=0", "--wrt", "b")
    assert found["healthy"]
    assert found["gradient"] == {"b": 1.0}


def test_no_rewrite_is_known(bprop: Bprop) -> None:
    found = bprop("doctor", "1/x", "--at", "x=0")
    assert found.code == 1
    assert found.out.endswith("No rewrite that is known here cures it.\n")


def test_a_rewrite_of_many_places(bprop: Bprop) -> None:
    text = " + ".join(f"sqrt((x-{k})^2)" for k in range(6))
    assert "sqrt((x-2)^2), and 3 more -> abs(x - 0)" in flat(bprop("doctor", text, "--at", "x=3"))


def test_many_points(bprop: Bprop) -> None:
    found = bprop("doctor", "sqrt(x)", "--at", "-", "--json", stdin='{"x": 1}\n{"x": 0}\n')
    assert found.code == 1
    assert [line["healthy"] for line in found.lines()] == [True, False]
    assert bprop("doctor", "sqrt(x)", "--at", "-", stdin='{"x": 1}\n').code == 0


def test_markdown_and_latex(bprop: Bprop) -> None:
    words = ["doctor", "u_1 = x^2; sqrt(u_1)", "--at", "x=0", "--format"]
    markdown = bprop(*words, "markdown")
    assert markdown.code == 1
    assert "```text\nu_1 = x^2; sqrt(u_1)\n           ^^^^^^^^^\n```" in markdown.out
    assert markdown.out.startswith("# not healthy: the derivative by x is nan\n")
    starred = bprop("doctor", "x_1*sqrt(x_1)*y", "--at", "x_1=0,y=1", "--format", "markdown").out
    assert r"at sqrt(x\_1), columns 5-13" in starred
    tex = bprop(*words, "latex").out
    assert r"\begin{verbatim}" in tex
    assert_sound(re.sub(r"\\begin\{verbatim\}.*?\\end\{verbatim\}", "", tex, flags=re.S))
    assert r"0 $\times$ inf at sqrt(u\_1)" in tex


@pytest.fixture
def no_mpmath(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes mpmath one that is not installed."""
    for name in ("mpmath_numbers", "mpmath_arrays"):
        monkeypatch.delitem(sys.modules, f"backprop_cli.backends.{name}", raising=False)
        monkeypatch.delattr(f"backprop_cli.backends.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "mpmath", None)


@pytest.mark.usefixtures("no_mpmath")
def test_without_mpmath_errors_are_estimated(bprop: Bprop) -> None:
    found = doctor(bprop, "(1 + x) - 1 + 0*y", "x=1e-12,y=1")
    assert not found["healthy"]
    assert found["measured"] is False
    assert found["cancellation"][0]["text"] == (
        "cancellation in v2 = v1 - 1: about 12.0 of 16 digits lost"
    )
    healthy = bprop("doctor", "x*y + sin(x)", "--at", "x=1,y=2")
    assert healthy.out.startswith(
        "healthy: value and gradient are finite; by an estimate, at least"
    )
    assert doctor(bprop, "x^2 - 4", "x=2")["healthy"]
    assert doctor(bprop, "sum(x*x)", "x=[1,2]")["relative_errors"]["gradient.x"] is None


@pytest.mark.usefixtures("no_mpmath")
def test_without_mpmath_rewrites_are_tried_at_other_points(bprop: Bprop) -> None:
    best = doctor(bprop, "sqrt(x^2)", "x=0")["suggestions"][0]
    assert (best["rewrite"], best["at_point"], best["checks"]) == ("abs(x)", False, 24)


def test_much_work_is_estimated(bprop: Bprop) -> None:
    text = "+".join(f"sin({k}*x)" for k in range(1, 20_001))
    found = doctor(bprop, text, "x=1")
    assert found["healthy"]
    assert found["measured"] is False


def test_errors(bprop: Bprop) -> None:
    assert bprop("doctor", "x").err.startswith("error: no value for 'x'")
    assert bprop("doctor", "[x, x]", "--at", "x=1").err.startswith(
        "error: doctor needs a scalar output, and this one has the shape (2,)"
    )
    assert bprop("doctor", "x", "--at", "x=1", "--wrt", "q").code == 2
    assert bprop("doctor", "", "--at", "x=1").code == 2


def test_a_large_program(bprop: Bprop) -> None:
    text = "+".join(["sqrt(x^2)"] * 3000)
    found = bprop("doctor", text, "--at", "x=0")
    assert found.code == 1
    assert "0 × inf at sqrt(x^2)" in flat(found)
