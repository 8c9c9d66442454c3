"""Tables for people, at a terminal or in a pipe. The only renderer that imports rich."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backprop_cli.render.diagnostics import columns, printable
from backprop_cli.render.sheet import Block, Sheet, whole

MANY = 1000  # rows; more are aligned without rich, which takes half a millisecond for each
UNBOUNDED = 100_000  # columns where there is no terminal: rows are never folded

_COLOR = re.compile(r"\x1b\[[0-9;]*m")
_STYLES = {"": "", "name": "cyan", "value": "", "derivative": "bold", "quiet": "dim"}


def text(
    sheets: Sequence[Sheet], digits: int, *, width: int | None = None, color: bool = False
) -> str:
    """The tables, one after another. Without `width`, rows are as long as they need to be."""
    parts = [_sheet(sheet, digits, width, color) for sheet in sheets]
    return "\n".join(part for part in parts if part)


def _sheet(sheet: Sheet, digits: int, width: int | None, color: bool) -> str:
    parts = [_fitted(sheet.title, width)] if sheet.title else []
    for block in _blocks(whole(sheet, digits), width) if sheet.rows else ():
        parts += [""] if sheet.header and parts else []
        parts.append(_block(block, width, color))
    parts += [""] if sheet.header and sheet.rows and sheet.foot else []
    parts += [_fitted(line, width) for line in sheet.foot]
    return "".join(f"{part}\n" for part in parts)


def _fitted(text: str, width: int | None) -> str:
    text = printable(text, keep_lines=True)
    if width is None or columns(text) <= width:
        return text
    from backprop_cli.render.folding import fold

    return fold(text, width)


def _blocks(table: Block, width: int | None) -> list[Block]:
    """What fits beside one another; all of it without a terminal."""
    if width is None or table.width <= width:
        return [table]
    from backprop_cli.render.widths import blocks

    return blocks(table, width)


def _block(block: Block, width: int | None, color: bool) -> str:
    if len(block.rows) > MANY:
        return _plain(block)
    out = StringIO()
    _console(out, width, color).print(_table(block))
    return _trimmed(out.getvalue())


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
    is_blank = [not _COLOR.sub("", line).strip() for line in lines]
    while is_blank and is_blank[-1]:
        is_blank.pop()
    first = is_blank.index(False) if False in is_blank else 0
    return "\n".join(lines[first : len(is_blank)])


def _table(block: Block) -> Table:
    header = block.header
    table = Table(
        box=SIMPLE_HEAD if header else None,
        show_header=header,
        header_style="bold",
        border_style="dim",
        pad_edge=True,
        padding=(0, 1) if header else (0, 1, 0, 2),
    )
    for column, width in zip(block.columns, block.widths, strict=True):
        table.add_column(
            column.title,
            justify="right" if column.numeric else "left",
            style=_STYLES[column.style],
            overflow="fold",
            width=width,
        )
    for row in block.rows:
        table.add_row(*map(Text, row))
    return table


def _plain(block: Block) -> str:
    """A table of very many rows, in the same look without colour."""
    lines: list[str] = []
    if block.header:
        lines += _aligned([column.title for column in block.columns], block)
        lines += [" " + "─" * (sum(block.widths) + 3 * len(block.widths))]
    for row in block.rows:
        lines += _aligned(row, block)
    return "\n".join(lines)


def _aligned(row: Sequence[str], block: Block) -> Iterator[str]:
    """A row as one line, or as several where its cells have several."""
    cells = [text.split("\n") for text in row]
    for k in range(max(map(len, cells))):
        parts = []
        for lines, width, column in zip(cells, block.widths, block.columns, strict=True):
            text = lines[k] if k < len(lines) else ""
            gap = " " * (width - columns(text))
            parts.append(gap + text if column.numeric else text + gap)
        yield "  " + "   ".join(parts)
