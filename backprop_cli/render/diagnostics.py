"""Messages to the person: what is wrong, the source line with the place underlined, what to do."""

from __future__ import annotations

from typing import Any

from backprop_cli.errors import BpropError, Span

WIDTH = 76  # columns of a source line that is shown; a longer one is cut around the place

_COLORS = {"error": "1;31", "warning": "1;33", "note": "1;36", "help": "1;32"}


def error(fault: BpropError, source: str = "", *, color: bool = False) -> str:
    """The message for `fault`, whose span counts in its own source, or else in `source`."""
    text = source if fault.source is None else fault.source
    return message(
        "error",
        fault.message,
        text,
        fault.span,
        help=fault.help,
        origin=fault.origin,
        color=color,
    )


def warning(entry: Any, source: str = "", *, color: bool = False) -> str:
    """The message for a warning of the engine (kind, node, span, message, path, value)."""
    word = "note" if entry.kind in ("note", "no-path") else "warning"
    return message(word, entry.message, source, entry.span, color=color)


def note(text: str, *, color: bool = False) -> str:
    return message("note", text, color=color)


def message(
    word: str,
    text: str,
    source: str = "",
    span: Span | None = None,
    *,
    help: str | None = None,
    origin: str | None = None,
    color: bool = False,
) -> str:
    """One message in the form of the language reference, ending in a newline.

    >>> print(message("error", "unknown function 'sine'", "x * sine(y)", Span(4, 8)), end="")
    error: unknown function 'sine'
      x * sine(y)
          ^^^^
    """
    start = 0 if span is None else min(max(span.start, 0), len(source))
    line = source.count("\n", 0, start) + 1
    place = _place(origin, line if span is not None and source.strip().count("\n") else None)
    lines = [f"{_paint(word, _COLORS[word], color)}: {printable(text, keep_lines=True)}{place}"]
    if span is not None:
        shown, under = underlined(source, start, max(span.end, start + 1))
        lines.append(f"  {shown}")
        lines.append(f"  {_paint(under, _COLORS[word], color, lead=True)}")
    if help:
        indented = printable(help, keep_lines=True).replace("\n", "\n      ")
        lines.append(f"{_paint('help', _COLORS['help'], color)}: {indented}")
    return "\n".join(lines) + "\n"


def bug(failure: BaseException, command: str) -> str:
    """The message for an exception of our own making."""
    import traceback

    place = "".join(traceback.format_tb(failure.__traceback__)[-3:])
    return (
        f"error: this is a bug in bprop: {type(failure).__name__}: {failure}\n"
        f"help: please report it, with these lines and the command\n"
        f"      {printable(command)}\n{place}"
    )


def _place(origin: str | None, line: int | None) -> str:
    parts = [part for part in (origin, f"line {line}" if line else None) if part]
    return f" ({', '.join(parts)})" if parts else ""


def _paint(text: str, code: str, color: bool, lead: bool = False) -> str:
    if not color:
        return text
    bare = text.lstrip(" ") if lead else text
    return f"{text[: len(text) - len(bare)]}\x1b[{code}m{bare}\x1b[0m"


def underlined(source: str, start: int, end: int) -> tuple[str, str]:
    """The source line of `start`, cut to WIDTH columns, and the carets under `[start, end)`."""
    first = source.rfind("\n", 0, start) + 1
    last = source.find("\n", first)
    line = source[first : len(source) if last < 0 else last].rstrip("\r")
    left, right = start - first, min(end - first, len(line) or 1)
    line, left, right = _cut(line, left, max(right, left + 1))
    shown = printable(line)
    return shown, " " * columns(shown[:left]) + "^" * max(columns(shown[left:right]), 1)


def _cut(line: str, left: int, right: int) -> tuple[str, int, int]:
    """A window of at most WIDTH characters of a long line that shows the place, with ellipses."""
    if len(line) <= WIDTH:
        return line, left, right
    begin = max(0, min(left - WIDTH // 3, len(line) - WIDTH))
    window = line[begin : begin + WIDTH]
    if begin > 0:
        window = "…" + window[1:]
    if begin + WIDTH < len(line):
        window = window[:-1] + "…"
    return window, left - begin, min(right - begin, WIDTH)


def printable(text: str, *, keep_lines: bool = False) -> str:
    """The text with control characters (which could move the cursor) as single marks."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or (keep_lines and c == "\n") or _invisible(c) else _mark(c)
        for c in text
    )


def _mark(character: str) -> str:
    return " " if character in "\t\v\f\u00a0\u2003\u3000" else "\ufffd"


def _invisible(character: str) -> bool:
    import unicodedata

    return unicodedata.category(character) in ("Mn", "Me")


def columns(text: str) -> int:
    """How many terminal columns a text takes: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    import unicodedata

    total = 0
    for c in text:
        if unicodedata.category(c) in ("Mn", "Me", "Cf"):
            continue
        total += 2 if unicodedata.east_asian_width(c) in "WF" else 1
    return total
