"""The grammar, its saved tables, and the parser that runs on them."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_cli.errors import BpropError, SyntaxFault
from backprop_cli.syntax import grammar, table_data, tables
from backprop_cli.syntax.lexer import OPERAND_ENDS, Tokens
from backprop_cli.syntax.parse import Emitter, parse

WORDS = [
    "x",
    "y",
    "f",
    "sin",
    "a1",
    "e",
    "pi",
    "and",
    "or",
    "not",
    "sum",
    "x̂",
    "βµ",
    "1",
    "2.5",
    ".5",
    "1e-3",
    "0x1F",
    "1_000",
    "3.",
    "1..",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "|",
    "||",
    "&&",
    "!",
    ",",
    ";",
    ":",
    "?",
    "..",
    "=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "@",
    "^",
    "**",
    ".*",
    "./",
    ".^",
    "'",
    ".T",
    "²",
    "⁻¹",
    "√",
    "·",
    "×",
    "÷",
    "−",
    "≤",
    "≥",
    "≠",
    "ᵀ",
    '"',
    "$",
    "#",
    "\\",
    "₁",
    "½",
]
texts = st.one_of(
    st.lists(st.sampled_from([*WORDS, " ", "\n"]), max_size=24).map("".join),
    st.lists(st.sampled_from(WORDS), max_size=24).map(" ".join),
    st.text(max_size=12),
)


def test_the_saved_tables_are_those_of_the_grammar() -> None:
    """After a change of the grammar: python -m backprop_cli.syntax.tables."""
    with open(table_data.__file__, encoding="utf-8") as file:
        assert file.read() == tables.source()


def test_every_production_has_a_callback() -> None:
    for _, _, method in table_data.RULES:
        assert not method or callable(getattr(Emitter, method))


@given(texts)
def test_any_text_is_a_program_or_an_error_of_ours(text: str) -> None:
    try:
        code = parse(text)
    except BpropError as error:
        fault = error
    else:
        assert len(code.ops) == len(code.args) == len(code.spans)
        assert all(0 <= start < end <= len(text) for start, end in code.spans)
        return
    assert fault.source == text
    assert fault.span is None or 0 <= fault.span.start < fault.span.end <= max(len(text), 1)


class Plain(grammar.Grammar):
    """The parser on Lark's own tables, without the shortcut past levels of precedence."""

    def __init__(self) -> None:
        data = tables.build(skip=False)
        names = ("rules", "states", "start", "end")
        saved = {name: getattr(table_data, name.upper()) for name in names}
        try:
            for name in names:
                setattr(table_data, name.upper(), data[name])
            super().__init__()
        finally:
            for name, value in saved.items():
                setattr(table_data, name.upper(), value)


PLAIN = Plain()


@given(texts)
def test_the_shortcuts_in_the_tables_change_nothing(text: str) -> None:
    """The same code, or a refusal, from Lark's tables as they are."""
    from lark.exceptions import UnexpectedToken

    emitter = Emitter(text)
    try:
        PLAIN.parse(Tokens(text), emitter)
        plain = [bytes(emitter.ops), emitter.spans]
    except (BpropError, UnexpectedToken):
        plain = None
    try:
        code = parse(text)
    except BpropError:
        if plain is not None:  # refused behind the parser
            assert not plain[0] or plain[0][-1:] == b"\x0e"
    else:
        assert plain == [bytes(code.ops), code.spans]


REFERENCE = tables.reference_parser()


@given(texts)
def test_tokens_are_those_of_larks_basic_lexer(text: str) -> None:
    """But for what the filter puts in and drops."""
    from lark.exceptions import UnexpectedCharacters

    try:
        wanted = [
            (token.start_pos, token.end_pos)
            for token in REFERENCE.parser.lexer.lexer.lex(_state(text), None)
            if token.type != "NEWLINE"
        ]
        mine = [
            (token.start_pos, token.end_pos)
            for token in Tokens(text).lex()
            if token.type not in ("IMPLICIT", "NEWLINE")
        ]
    except (UnexpectedCharacters, BpropError):
        return
    assert sorted(set(mine)) == wanted


def _state(text: str) -> object:
    from lark.lexer import LexerState, TextSlice

    return LexerState(TextSlice(text, 0, len(text)))


def kinds(text: str) -> list[str]:
    return [token.type for token in Tokens(text).lex()]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2x", ["NUMBER", "IMPLICIT", "NAME"]),
        ("2 (x)(y) z", None),
        ("x\n(y)", ["NAME", "NEWLINE", "LPAR", "NAME", "RPAR"]),
        ("(x\n+ y)", ["LPAR", "NAME", "PLUS", "NAME", "RPAR"]),
        ("|x|", ["BAR_OPEN", "NAME", "BAR_CLOSE"]),
        ("x || y", ["NAME", "BARS", "NAME"]),
        ("|1-|x||", None),
        ("|(x || y)|", None),
        ("1..n", ["NUMBER", "RANGE", "NAME"]),
        ("1.", ["NUMBER"]),
        ("x.T", ["NAME", "TRANSPOSE"]),
        ("order nothing", ["NAME", "NAME"]),
        ("not x", ["NOT", "NAME"]),
    ],
)
def test_filter(text: str, wanted: list[str] | None) -> None:
    found = kinds(text)
    if wanted is not None:
        assert found == wanted
    assert found.count("BAR_OPEN") == found.count("BAR_CLOSE")


def test_names_have_no_super_or_subscripts() -> None:
    """Every letter of Unicode that is one is told apart from the name before it."""
    for code in range(sys.maxunicode + 1):
        letter = chr(code)
        if letter.isalnum() and unicodedata.decomposition(letter).startswith(("<super>", "<sub>")):
            try:
                found = [token.value for token in Tokens(f"x{letter}").lex()]
            except SyntaxFault:
                continue
            assert found == ["x", letter]


def test_operand_ends_are_terminals() -> None:
    names = {symbol for _, expansion, _ in table_data.RULES for symbol in expansion}
    assert names >= OPERAND_ENDS


def test_lark_is_there_for_others_too() -> None:
    """The parser imports a part of Lark; whoever asks for the rest gets it."""
    program = (
        "from backprop_cli.syntax.parse import parse; parse('x'); import sys, lark;"
        "assert 'lark.parsers.earley' not in sys.modules;"
        "from lark import Lark; assert Lark('start: \"a\"').parse('a').data == 'start';"
        "assert lark.__version__ and 'lark.parsers.earley' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_lark_may_be_imported_before() -> None:
    program = "import lark; from backprop_cli.syntax.parse import parse; parse('x*y')"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000 + "x" + ")" * 100_000,
        "sin(" * 100_000 + "x" + ")" * 100_000,
        "[" * 20_000 + "x" + "]" * 20_000,
        "|" + "(|" * 20_000 + "x" + "|)" * 20_000 + "|",
        "-" * 100_000 + "x",
        "+".join(["x"] * 200_000),
        "^".join(["x"] * 100_000),
        "".join("x ? y : " for _ in range(50_000)) + "z",
        "\n".join(f"v{k + 1} = v{k}*x" for k in range(50_000)),
        "x" + "'" * 100_000,
        "x[" * 20_000 + "0" + "]" * 20_000,
    ],
    ids=lambda text: text[:12],
)
def test_size_is_bounded_by_memory_only(text: str) -> None:
    assert parse(text).ops
