"""Texts inside pictures: escaped, shortened, measured; numbers and tensors in few characters."""

from __future__ import annotations

import math
import re
from typing import Any

from backprop_cli.render import numbers

ELEMENTS = 3  # shown of a tensor
TENSOR_DIGITS = 3
_LETTERS = {"pi": "π", "tau": "τ"}
_NAMED = re.compile(r"\b(?:pi|tau)\b")
MONOSPACED = 61  # advance width in DejaVu Sans Mono and Courier, in 1/100 em, rounded up
MOST_NESTED = 4  # a tensor of no more elements is shown whole


class _Widths(dict[str, int]):
    """Widths of letters; those of rare ones are guessed from their kind."""

    def __missing__(self, letter: str) -> int:
        import unicodedata

        if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
            return 0
        return 104 if unicodedata.east_asian_width(letter) in "WF" else 84


# Advance widths of DejaVu Sans in 1/100 em, rounded up: of the fonts that a viewer falls back to,
# the widest. A box that holds these letters holds those of Helvetica or Arial.
_WIDTHS = _Widths(
    (letter, width)
    for width, letters in {
        28: "'ijl",
        32: " ,.IJ·",
        34: "/:;\\|",
        37: "-f",
        40: "!()[]t",
        42: "r",
        46: '"',
        50: "*_`",
        53: "?sz∂",
        56: "Lcεζνξ",
        60: "FPkvxyγκλπτυχ",
        62: "TYaeoδθ",
        64: "$0123456789ESbdghnpqu{}βημρσ",
        69: "ABKVXZαφψ",
        73: "CRU",
        78: "&DGHN",
        84: "#+<=>OQ^w~−×÷≤≥≠ω",
        100: "%@MWm…",
    }.items()
    for letter in letters
)
_BARS = "\u0304\u0305"  # over the letter before
_CONTROL = dict.fromkeys(
    (*range(32), *range(127, 160), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF), "\ufffd"
)
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_UNSAFE = re.compile(r"[^\w.]", re.ASCII)


def plain(text: str) -> str:
    """Text without what XML forbids, and without backslashes.

    Graphviz replaces `\\N`, `\\G`, ... in labels and tooltips, in some versions twice, so that no
    escape survives all of them; a mark that looks the same does.
    """
    return text.translate(_CONTROL).replace("\\", "∖") if not _is_plain(text) else text


def _is_plain(text: str) -> bool:
    return text.isprintable() and "\\" not in text


def html(text: str) -> str:
    """Text inside an HTML-like label."""
    return plain(text).translate(_HTML)


def quoted(text: str) -> str:
    r"""A DOT string, in which Graphviz reads entities and escapes: both stay text.

    >>> print(quoted('a "b" &lt; c'))
    "a \"b\" &amp;lt; c"
    """
    if "\n" in text:
        text = "\\n".join(plain(line) for line in text.split("\n"))
    else:
        text = plain(text)
    return '"' + text.replace("&", "&amp;").replace('"', '\\"') + '"'


def short(text: str, most: int) -> str:
    """Text on one line, cut in its middle to `most` characters.

    >>> short("abcdefghij", 7)
    'abcd…ij'
    """
    if len(text) > most or not text.isprintable():
        text = " ".join(text.split())
    if len(text) <= most:
        return text
    tail = (most - 1) // 3
    return text[: most - 1 - tail] + "…" + text[len(text) - tail :].lstrip(_BARS)


def points(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a text in points, in the widest font (not monospaced) that a viewer may take."""
    return sum(map(_WIDTHS.__getitem__, text)) / 100 * size * (1.12 if bold else 1.0)


def monospaced(text: str, size: float) -> float:
    """The width of a text in points where a viewer has letters of one width only."""
    widths = (_WIDTHS[letter] for letter in text)
    return sum(MONOSPACED if w <= 100 else w for w in widths if w) / 100 * size


def pretty(expression: str) -> str:
    """An expression with its products as dots, spaced where nothing else is, π and τ as letters.

    >>> pretty("2*x + y"), pretty("c*d")
    ('2·x + y', 'c · d')
    """
    text = expression.replace(" * ", "*")
    text = _NAMED.sub(lambda found: _LETTERS[found[0]], text)
    return text.replace("*", "·" if " " in text or "(" in text else " · ")


def number(value: float, digits: int) -> str:
    """A number with few digits; a whole one below a million in full."""
    if value == value // 1 and abs(value) < 1e6:
        return f"{value:.0f}"
    return numbers.number(value, digits)


def value(item: Any, digits: int) -> str:
    """A number, or the shape and first elements of a tensor.

    >>> value(2.718281828, 4)
    '2.718'
    """
    shape = getattr(item, "shape", ())
    if not shape:
        return number(float(item), digits)
    return f"{numbers.shape_text(shape)} {elements(item, digits)}"


def elements(item: Any, digits: int) -> str:
    """A number, or the first elements of a tensor in the order of its indices."""
    if not getattr(item, "shape", ()):
        return number(float(item), digits)
    digits = min(digits, TENSOR_DIGITS)
    if item.size <= MOST_NESTED:
        return numbers.value(item, digits)
    first = [number(float(x), digits) for x in item.flat[:ELEMENTS]]
    return f"[{', '.join(first)}, …]"


def whole(item: Any) -> str:
    """A number in full, or more of a tensor than fits in a box: for tooltips."""
    if not getattr(item, "shape", ()):
        return number(float(item), 12)
    return numbers.value(item, 6)


def uniform(item: Any) -> float | None:
    """The one number that every element of a tensor is, if there is one."""
    if not getattr(item, "shape", ()):
        return float(item)
    if not item.size:
        return None
    first = item.flat[0]
    return float(first) if bool((item == first).all()) else None


def finite(item: Any) -> bool:
    """Whether every element is finite."""
    if isinstance(item, float):
        return math.isfinite(item)  # a difference of NumPy's infinities warns
    import numpy as np

    return bool(np.isfinite(item).all())


def identifiers(texts: list[str]) -> list[str]:
    """For each text an id that is safe in DOT and XML, all different.

    >>> identifiers(["x", "a b", "a_b", "θ"])
    ['x', 'a_b', 'a_b_', 'u3b8']
    """
    result: list[str] = []
    taken: set[str] = set()
    for text in texts:
        name = text
        if not (text.isascii() and text.isidentifier()):
            name = _UNSAFE.sub(_code, text).replace(".", "_") or "_"
        while name in taken:
            name += "_"
        taken.add(name)
        result.append(name)
    return result


def _code(match: re.Match[str]) -> str:
    letter = match[0]
    return f"u{ord(letter):x}" if letter.isalnum() else "_"
