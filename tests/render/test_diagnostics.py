"""The form of messages."""

from __future__ import annotations

import pytest

from backprop_cli.errors import BpropError, NameFault, Span
from backprop_cli.render import diagnostics


def test_the_form_of_the_language_reference() -> None:
    fault = NameFault("unknown function 'sine'", Span(4, 8), "did you mean 'sin'?")
    assert diagnostics.error(fault, "x * sine(y)") == (
        "error: unknown function 'sine'\n  x * sine(y)\n      ^^^^\nhelp: did you mean 'sin'?\n"
    )


@pytest.mark.parametrize(
    ("source", "word", "line", "carets"),
    [
        ("名前 + 値段*x", "値段", "  名前 + 値段*x", "         ^^^^"),
        ("ē̄ + bad", "bad", "  ē̄ + bad", "      ^^^"),
        ("a\tb", "b", "  a b", "    ^"),
        ("x = 1\ny = bad\nz", "bad", "  y = bad", "      ^^^"),
        ("x = 1\r\ny = bad\r\nz", "bad", "  y = bad", "      ^^^"),
        ("😀 + bad", "bad", "  😀 + bad", "       ^^^"),
    ],
)
def test_carets_stand_under_the_place(source: str, word: str, line: str, carets: str) -> None:
    """Also after wide and combining characters, tabs and other lines."""
    start = source.index(word)
    text = diagnostics.error(BpropError("no", Span(start, start + len(word))), source)
    assert text.splitlines()[1:] == [line, carets]


def test_a_place_over_several_lines_is_underlined_on_the_first() -> None:
    text = diagnostics.error(BpropError("no", Span(0, 12)), "(a +\n b +\n c)")
    assert text == "error: no (line 1)\n  (a +\n  ^^^^\n"


def test_the_end_of_the_text_has_a_caret() -> None:
    text = diagnostics.error(BpropError("an operand is missing", Span(3, 3)), "x +")
    assert text == "error: an operand is missing\n  x +\n     ^\n"


def test_an_empty_text_has_a_caret() -> None:
    assert diagnostics.error(BpropError("nothing", Span(0, 0)), "") == "error: nothing\n  \n  ^\n"


def test_a_long_line_is_cut_around_the_place() -> None:
    source = "a + " * 1000 + "bad" + " + b" * 1000
    start = source.index("bad")
    _, line, carets = diagnostics.error(
        BpropError("no", Span(start, start + 3)), source
    ).splitlines()
    assert len(line) <= 80
    assert line.startswith("  …")
    assert line.endswith("…")
    assert line[carets.index("^") : carets.index("^") + 3] == "bad"


def test_a_file_and_a_line_are_named() -> None:
    fault = BpropError("no", Span(6, 7))
    fault.origin = "model.bprop"
    text = diagnostics.error(fault, "x = 1\ny")
    assert text.splitlines()[0] == "error: no (model.bprop, line 2)"


def test_control_characters_do_not_reach_the_terminal() -> None:
    text = diagnostics.error(BpropError("bad '\x1b[2J'", Span(0, 1)), "\x1b[2J + x")
    assert "\x1b" not in text


def test_a_place_outside_of_the_text_is_no_failure() -> None:
    assert "^" in diagnostics.error(BpropError("no", Span(50, 60)), "x")


def test_colors_touch_only_the_words_and_carets() -> None:
    fault = BpropError("no", Span(0, 1), "try y")
    colored = diagnostics.error(fault, "x", color=True)
    assert "\x1b[1;31merror\x1b[0m: no" in colored
    assert "\x1b[1;31m^\x1b[0m" in colored
    assert "\x1b[1;32mhelp\x1b[0m: try y" in colored


def test_help_of_several_lines_is_indented() -> None:
    text = diagnostics.error(BpropError("no", None, "either a\nor b"), "x")
    assert text == "error: no\nhelp: either a\n      or b\n"


def test_a_bug_asks_for_a_report() -> None:
    try:
        raise KeyError("node")
    except KeyError as failure:
        text = diagnostics.bug(failure, 'bprop grad "x"')
    assert text.startswith(
        "error: this is a bug in bprop: KeyError: 'node'\nhelp: please report it"
    )
    assert 'bprop grad "x"' in text
