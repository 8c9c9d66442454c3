"""Tables that are wider than the terminal: cells folded between words, columns in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backprop_cli.render.diagnostics import columns
from backprop_cli.render.folding import fold, words
from backprop_cli.render.sheet import Block, Column, total

LONGEST_WORD = 24  # columns; only a longer word of a text is folded within
LEGIBLE = 16  # columns of a folded text, unless all of it is narrower
LEAST = 6  # the same without a header, where no column can move to another block


def blocks(table: Block, width: int) -> list[Block]:
    """A table as blocks of columns, each no wider than `width`; itself where it fits.

    What every table does in a narrow terminal is decided here, so a table of numbers may have any
    number of columns. Texts are folded between words, tensors between elements, numbers never
    (unless the terminal is narrower than a number). Where that is not enough, a table of one row
    stands on its side, and a larger one is cut into blocks of columns, each beside the leading
    columns of style 'name', as pandas does.
    """
    if table.width <= width:
        return [table]
    least = [_unbroken(table, k) for k in range(len(table.columns))]
    if total(least, table.header) <= width:
        return [_narrowed(table, least, width)]
    if not table.header or len(least) < 3:
        return [_narrowed(table, [min(n, LEAST) for n in least], width)]
    if len(table.rows) == 1:
        return blocks(_on_its_side(table), width)
    return [
        _narrowed(_part(table, kept), [least[k] for k in kept], width)
        for kept in _groups(table, least, width)
    ]


def _unbroken(table: Block, k: int) -> int:
    """The least width of a column: its widest word, and enough to be read."""
    parts = (part for row in table.rows for part in words(row[k], LONGEST_WORD))
    word = max(map(columns, parts), default=0)
    title = table.columns[k].title.split() if table.header else []
    return max([min(word, LONGEST_WORD), min(table.widths[k], LEGIBLE), *map(columns, title)])


def _on_its_side(table: Block) -> Block:
    """A table of one row as a table of two columns."""
    (row,) = table.rows
    first, *others = table.columns
    heads = [Column(first.title, style="name"), Column(row[0], True, others[0].style)]
    rows = [[column.title, cell] for column, cell in zip(others, row[1:], strict=True)]
    lines = ([first.title, row[0]], *rows)
    return Block(heads, rows, [max(columns(line[k]) for line in lines) for k in (0, 1)], True)


def _groups(table: Block, least: Sequence[int], width: int) -> Iterator[list[int]]:
    """The columns of each block: those of names that lead, and as many more as fit."""
    lead = next((k for k, c in enumerate(table.columns) if c.style != "name"), 0)
    keys = list(range(lead)) if 2 * total(least[:lead], True) <= width else []
    group = keys.copy()
    for k in range(len(keys), len(least)):
        if len(group) > len(keys) and total([least[i] for i in (*group, k)], True) > width:
            yield group
            group = keys.copy()
        group.append(k)
    yield group


def _part(table: Block, kept: Sequence[int]) -> Block:
    return Block(
        [table.columns[k] for k in kept],
        [[row[k] for k in kept] for row in table.rows],
        [table.widths[k] for k in kept],
        table.header,
    )


def _narrowed(table: Block, least: Sequence[int], width: int) -> Block:
    """A table with its cells folded: the widest columns give way, down to their least."""
    room = width - total([0] * len(least), table.header)
    widths = _shared(table.widths, least, room)
    rows = [
        [_set(cell, c, w) for cell, c, w in zip(row, table.columns, widths, strict=True)]
        for row in table.rows
    ]
    heads = [
        c._replace(title=_set(c.title, c, w), numeric=False)
        for c, w in zip(table.columns, widths, strict=True)
    ]
    return Block(heads, rows, widths, table.header)


def _set(cell: str, column: Column, width: int) -> str:
    """A cell folded, and moved to the right as one block if its column is of numbers."""
    lines = fold(cell, width).split("\n")
    lead = width - max(map(columns, lines)) if column.numeric else 0
    return "\n".join(" " * lead + line for line in lines)


def _shared(widest: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Widths with a sum of at most `room` where that is possible, as even as it can be."""
    for bound in range(max(widest), 0, -1):
        widths = [max(low, min(high, bound)) for low, high in zip(least, widest, strict=True)]
        if sum(widths) <= room:
            return widths
    share = max(room // len(least), 1)
    return [min(w, share) for w in widest]
