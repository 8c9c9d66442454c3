"""Every kind of mistake gets one message, underlined at its place, with the way out."""

from __future__ import annotations

import pytest

from backprop_cli.engine.lower import load
from backprop_cli.errors import BpropError, SyntaxFault

from .refused import blocks, refusal

BLOCKS = list(blocks())


@pytest.mark.parametrize(
    ("program", "shapes", "values", "message"), BLOCKS, ids=[block[0] for block in BLOCKS]
)
def test_message(
    program: str, shapes: dict[str, tuple[int, ...]], values: dict[str, float], message: str
) -> None:
    """The whole message, as `golden/refusals.txt` has it."""
    assert refusal(program, shapes, values) == message


def fault(program: str) -> BpropError:
    with pytest.raises(BpropError) as caught:
        load(program)
    return caught.value


@pytest.mark.parametrize("program", ["", " ", "\n\n", "# a\n# b", ";", "\ufeff", "\t#"])
def test_a_program_without_a_value_is_refused(program: str) -> None:
    error = fault(program)
    assert isinstance(error, SyntaxFault)
    assert ("comments" in error.message) == ("#" in program)


def test_spans_count_characters_of_the_source() -> None:
    """Also behind wide and combining characters, and across lines."""
    error = fault("寬x̂ = 1\nβ = 2; sine(β)")
    assert error.span is not None
    assert error.source is not None
    assert error.source[error.span.start : error.span.end] == "sine"


def test_the_first_of_two_mistakes_is_reported() -> None:
    assert "operand" in fault("x * ) + (").message or ")" in fault("x * ) + (").message
    assert fault("x y + sine(z)").message.startswith("two names")


def test_long_operands_are_cut_in_messages() -> None:
    error = fault("1/2(" + " + ".join(f"x{k}" for k in range(50)) + ")")
    assert error.help is not None
    assert len(error.help) < 250
    assert "…" in error.help


def test_an_error_in_deep_brackets_takes_time_in_proportion() -> None:
    """The open brackets are followed token by token, not copied at each."""
    depth = 30_000
    with pytest.raises(SyntaxFault, match="never closed"):
        load("(" * depth + "x" + ")" * (depth - 1))
