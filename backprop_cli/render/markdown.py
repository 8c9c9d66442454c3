"""Tables as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from backprop_cli.render import sheet as sheets_
from backprop_cli.render.sheet import Sheet


def text(sheets: Sequence[Sheet], digits: int) -> str:
    """The tables with their titles, one after another."""
    return "\n".join(_table(sheet, digits) for sheet in sheets)


def _table(sheet: Sheet, digits: int) -> str:
    lines = []
    if sheet.title:
        lines += [f"**{_escape(sheet.title)}**", ""]
    lines.append(_row([column.title for column in sheet.columns]))
    lines.append(_row(["---:" if column.numeric else "---" for column in sheet.columns], raw=True))
    lines += [_row([sheets_.text(cell, digits) for cell in row]) for row in sheet.rows]
    for line in sheet.foot:
        lines += ["", _escape(line)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str], raw: bool = False) -> str:
    return "| " + " | ".join(cell if raw else _escape(cell) for cell in cells) + " |"


def _escape(text: str) -> str:
    """Text that Markdown shows as it is."""
    text = text.replace("\\", "\\\\").replace("\n", " ")
    for mark in "|*_`<[]":
        text = text.replace(mark, "\\" + mark)
    return text
