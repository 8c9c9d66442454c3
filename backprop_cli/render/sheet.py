"""A table before it has a format: columns, rows of texts and values, and what stands around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from backprop_cli.render.diagnostics import columns
from backprop_cli.render.numbers import elements, exact, value

Cell = Any  # a text, a number, a tensor, or None where there is nothing to show


class Formula(str):
    """A line that is an expression of the language; LaTeX sets it as mathematics."""


class Column(NamedTuple):
    title: str
    numeric: bool = False
    style: str = ""  # a style of the table renderer: 'name', 'value', 'derivative', 'quiet'


class Sheet(NamedTuple):
    """One table.

    Where each element of a tensor has a row, its index goes before column `index_at`; None if no
    column holds tensors.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    foot: Sequence[str] = ()
    index_at: int | None = 1
    header: bool = True


class Block(NamedTuple):
    """Columns of a table that stand side by side: the text of each cell, and the widths."""

    columns: Sequence[Column]
    rows: list[list[str]]
    widths: list[int]
    header: bool

    @property
    def width(self) -> int:
        """The columns of a terminal that the table takes with its gaps."""
        return total(self.widths, self.header)


def total(widths: Sequence[int], header: bool) -> int:
    return sum(widths) + 3 * len(widths) + (1 if header else 0)


def whole(sheet: Sheet, digits: int) -> Block:
    """A table as one block, as wide as its texts are."""
    rows = [[text(cell, digits) for cell in row] for row in sheet.rows]
    titles = [column.title if sheet.header else "" for column in sheet.columns]
    widths = [max(columns(row[k]) for row in (titles, *rows)) for k in range(len(titles))]
    return Block(sheet.columns, rows, widths, sheet.header)


def text(cell: Cell, digits: int) -> str:
    """A cell as it is shown to people."""
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else value(cell, digits)


def exploded(sheet: Sheet) -> Iterator[list[str]]:
    """The header and the rows with one row for each element of a tensor, numbers in full."""
    titles = [column.title for column in sheet.columns]
    if sheet.index_at is None:
        yield titles
        for row in sheet.rows:
            yield [cell if isinstance(cell, str) else exact(cell) for cell in row]
        return
    yield [*titles[: sheet.index_at], "index", *titles[sheet.index_at :]]
    for row in sheet.rows:
        yield from _explode(row, sheet, sheet.index_at)


def _explode(row: Sequence[Cell], sheet: Sheet, place: int) -> Iterator[list[str]]:
    parts: list[dict[str, str] | str] = []
    indices: list[str] = [""]
    for cell, column in zip(row, sheet.columns, strict=True):
        if cell is None or isinstance(cell, str) or not column.numeric:
            parts.append("" if cell is None else str(cell))
            continue
        found = {
            index: str(item) if isinstance(item, int) else exact(item)
            for index, item in elements(cell)
        }
        if len(found) > 1 or "" not in found:
            indices = list(found)
        parts.append(found)
    for index in indices:
        line = [
            part if isinstance(part, str) else part.get(index, part.get("", "")) for part in parts
        ]
        yield [*line[:place], index, *line[place:]]
