"""Tables for people, at a terminal or in a pipe. The only renderer that imports rich."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backprop_cli.render import sheet as sheets_
from backprop_cli.render.diagnostics import columns
from backprop_cli.render.sheet import Sheet

MANY = 1000  # rows; more are aligned without rich, which takes half a millisecond for each
UNBOUNDED = 100_000  # columns where there is no terminal: rows are never folded

_COLOR = re.compile(r"\x1b\[[0-9;]*m")
_STYLES = {"": "", "name": "cyan", "value": "", "derivative": "bold", "quiet": "dim"}


def text(
    sheets: Sequence[Sheet], digits: int, *, width: int | None = None, color: bool = False
) -> str:
    """The tables, one after another. Without `width`, rows are as long as they need to be."""
    parts = []
    for sheet in sheets:
        out = StringIO()
        console = _console(out, width, color)
        if sheet.title:
            console.print(Text(sheet.title), soft_wrap=width is None)
        if len(sheet.rows) > MANY:
            out.write(_plain(sheet, digits))
        elif sheet.rows:
            console.print(_table(sheet, digits))
        for line in sheet.foot:
            console.print(Text(line), soft_wrap=width is None)
        parts.append(_trimmed(out.getvalue()))
    return "\n".join(part for part in parts if part.strip())


def _console(out: StringIO, width: int | None, color: bool) -> Console:
    return Console(
        file=out,
        width=width or UNBOUNDED,
        color_system="standard" if color else None,
        force_terminal=color,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        _environ={},
    )


def _trimmed(text: str) -> str:
    """Without the spaces and empty lines that rich leaves at ends."""
    lines = [line.rstrip() for line in text.split("\n")]
    while lines and not _COLOR.sub("", lines[-1]).strip():
        lines.pop()
    return "\n".join(lines) + "\n"


def _table(sheet: Sheet, digits: int) -> Table:
    table = Table(
        box=SIMPLE_HEAD if sheet.header else None,
        show_header=sheet.header,
        header_style="bold",
        border_style="dim",
        pad_edge=True,
        padding=(0, 1) if sheet.header else (0, 1, 0, 2),
    )
    for column in sheet.columns:
        table.add_column(
            column.title,
            justify="right" if column.numeric else "left",
            style=_STYLES[column.style],
            overflow="fold",
        )
    for row in sheet.rows:
        table.add_row(*(Text(sheets_.text(cell, digits)) for cell in row))
    return table


def _plain(sheet: Sheet, digits: int) -> str:
    """A table of very many rows, in the same look without colour; rows are never folded."""
    rows = [[sheets_.text(cell, digits) for cell in row] for row in sheet.rows]
    titles = [column.title for column in sheet.columns]
    widths = [
        max(columns(row[k]) for row in ([titles, *rows] if sheet.header else rows))
        for k in range(len(titles))
    ]
    lines = []
    if sheet.header:
        lines += ["", _aligned(titles, widths, sheet), " " + "─" * (sum(widths) + 3 * len(widths))]
    lines += [_aligned(row, widths, sheet) for row in rows]
    return "\n".join(lines) + "\n"


def _aligned(row: Sequence[str], widths: Sequence[int], sheet: Sheet) -> str:
    parts = []
    for text, width, column in zip(row, widths, sheet.columns, strict=True):
        gap = " " * (width - columns(text))
        parts.append(gap + text if column.numeric else text + gap)
    return "  " + "   ".join(parts)
