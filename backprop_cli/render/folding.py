"""Lines of at most some columns: broken between words, else beside operators."""

from __future__ import annotations

import re
from collections.abc import Iterator

from backprop_cli.render.diagnostics import columns

_ATOM = re.compile(r"[\d.]+e[+-]?\d+|[\w.\u0304\u0305]+|.", re.DOTALL)
_LEADING = "([{+-*/^@·%−"  # stay with what follows
_BETWEEN_ROWS = re.compile(r"(?<=\],) (?=\[)")
_OPERATORS = frozenset("+-*/·@=→±")
_TRAILING = "([{)]},;^"  # stay with what is before


def fold(text: str, width: int) -> str:
    """A text with line breaks, so that no line is wider than `width` columns.

    A matrix that is too wide gets a line for each row, as in NumPy.

    >>> fold("= 12.5*x + sin(y)", 8)
    '= 12.5*x\\n+ sin(y)'
    >>> fold("1.5e-7*sin(y)*cos(z)", 14)
    '1.5e-7*sin(y)\\n*cos(z)'
    """
    return "\n".join(piece for line in text.split("\n") for piece in _lines(line, width))


def words(line: str, room: int) -> Iterator[str]:
    """The words of a line; an operator that stands alone begins the next one."""
    operator = ""
    for word in line.split():
        whole = f"{operator} {word}" if operator else word
        if operator and columns(whole) > room:
            yield operator
            whole = word
        operator = word if whole in _OPERATORS else ""
        if not operator:
            yield whole
    if operator:
        yield operator


def _lines(line: str, width: int) -> Iterator[str]:
    if columns(line) <= width:
        yield line
        return
    first, *rows = _BETWEEN_ROWS.split(line)
    yield from _folded(first, width)
    for row in rows:
        yield from (f" {part}" for part in _folded(row, max(width - 1, 1)))


def _folded(line: str, width: int) -> Iterator[str]:
    lead = line[: len(line) - len(line.lstrip(" "))] if width > 20 else ""
    room = max(width - len(lead), 1)
    held = ""
    for word in words(line, room):
        if columns(word) > room:
            if held:
                yield lead + held
            *full, held = _filled(_atoms(word, room), room)
            yield from (lead + part for part in full)
        elif held and columns(held) + 1 + columns(word) > room:
            yield lead + held
            held = word
        else:
            held = f"{held} {word}" if held else word
    yield lead + held


def _filled(atoms: Iterator[str], room: int) -> Iterator[str]:
    held = ""
    for atom in atoms:
        if held and columns(held) + columns(atom) > room:
            yield held
            held = ""
        held += atom
    yield held


def _atoms(word: str, room: int) -> Iterator[str]:
    """The parts of a word between which it may be broken, none wider than `room`."""
    held = ""
    for part in _ATOM.findall(word):
        if held and part not in _TRAILING and held[-1] not in _LEADING:
            yield from _pieces(held, room)
            held = ""
        held += part
    yield from _pieces(held, room)


def _pieces(text: str, room: int) -> Iterator[str]:
    """A text cut where a line is full; marks stay with their letter."""
    start = width = 0
    for k, letter in enumerate(text):
        size = columns(letter)
        if size and width + size > room and k > start:
            yield text[start:k]
            start, width = k, 0
        width += size
    yield text[start:]
