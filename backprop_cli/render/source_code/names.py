"""Identifiers that any language takes, and comments that end where they should."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

MOST_LINES, MOST_LETTERS = 40, 4000
_NOT_WORD = re.compile(r"\W+", re.ASCII)
_SPELLED = {"lamda": "lambda", "final sigma": "sigma"}


def ascii_word(name: str) -> str:
    """A name in ASCII letters, digits and `_`, which does not begin with a digit.

    >>> ascii_word("λ"), ascii_word("é2"), ascii_word("A[0,1]"), ascii_word("变")
    ('lambda', 'e2', 'A_0_1', 'u53d8')
    """
    word = name if name.isascii() else "".join(map(_letter, name))
    word = _NOT_WORD.sub("_", word).rstrip("_") or "_"
    return f"_{word}" if word[0].isdigit() else word


def _letter(letter: str) -> str:
    if letter.isascii():
        return letter
    title = unicodedata.name(letter, "")
    if title.startswith("GREEK ") and " LETTER " in title:
        word = title.partition(" LETTER ")[2].partition(" WITH ")[0].lower()
        word = _SPELLED.get(word, word).replace(" ", "_")
        return word.capitalize() if "CAPITAL" in title else word
    plain = "".join(c for c in unicodedata.normalize("NFKD", letter) if c.isascii())
    if plain.isalnum():
        return plain
    return "" if unicodedata.combining(letter) else f"u{ord(letter):x}"


class Names:
    """Identifiers, all different, none of them reserved.

    >>> names = Names({"lambda"})
    >>> names.take("λ"), names.take("lambda"), names.take("x"), names.take("x")
    ('lambda_', 'lambda__', 'x', 'x_')
    """

    def __init__(self, reserved: Collection[str]) -> None:
        self._taken = set(reserved)
        self._counts: dict[str, int] = {}

    def take(self, name: str) -> str:
        word = ascii_word(name)
        while word in self._taken:
            word += "_"
        self._taken.add(word)
        return word

    def numbered(self, name: str) -> str:
        """The name, or with the first number behind it that makes it new."""
        word, count = name, self._counts.get(name, 1)
        while word in self._taken:
            count += 1
            word = f"{name}{count}"
        self._counts[name] = count
        self._taken.add(word)
        return word

    def release(self, word: str) -> None:
        """Lets a reserved word be taken after all."""
        self._taken.discard(word)


def comment(lines: Iterable[str], mark: str) -> str:
    """Lines of a comment, each behind `mark`."""
    return "".join(f"{mark} {line}".rstrip() + "\n" for line in lines)


def source_lines(source: str) -> list[str]:
    """A source text as lines that are safe in any comment, cut where it is long.

    No line holds what ends or begins a comment, and what is not printable is spelled out: a control
    letter, or one that turns the direction of writing.

    >>> source_lines("x*/y\\n# \\u202e")
    ['x* /y', '# <U+202E>']
    """
    text = source.strip()
    cut = len(text) > MOST_LETTERS
    lines = [_safe(line) for line in text[:MOST_LETTERS].split("\n")]
    if len(lines) > MOST_LINES or cut:
        lines = [*lines[:MOST_LINES], "... (the rest is left out)"]
    return lines


def _safe(line: str) -> str:
    spelled = "".join(
        c if c.isprintable() else " " if c == "\t" else f"<U+{ord(c):04X}>"
        for c in line.rstrip("\r ")
    )
    for pair in ("*/", "/*", "??", '"""', "'''", "{%", "-->"):
        while pair in spelled:
            spelled = spelled.replace(pair, " ".join(pair))
    return spelled + "." if spelled.endswith("\\") else spelled
