"""Tables as LaTeX `tabular` environments, with names and expressions in math mode."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from backprop_cli.render import sheet as sheets_
from backprop_cli.render.latex_cells import NAME, formula, math, math_name, plain
from backprop_cli.render.latex_names import latex_names
from backprop_cli.render.sheet import Cell, Column, Formula, Sheet

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    "·": r"$\cdot$",
    "×": r"$\times$",
    "∂": r"$\partial$",
    "→": r"$\to$",
    "−": r"$-$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "…": r"\dots{}",
    "π": r"$\pi$",
    "σ": r"$\sigma$",
    "∞": r"$\infty$",
}
_BARRED = re.compile("(\\w)\u0304")
_OVERLINED = re.compile("((?:\\w\u0305)+)")


def text(sheets: Sequence[Sheet], digits: int) -> str:
    """The tables, one after another."""
    names = _names(sheets)
    return "\n".join(_table(sheet, digits, names) for sheet in sheets)


def _names(sheets: Sequence[Sheet]) -> dict[str, str]:
    """The LaTeX of all names that stand in columns of names."""
    found: dict[str, None] = {}
    for sheet in sheets:
        for row in sheet.rows:
            for cell, column in zip(row, sheet.columns, strict=True):
                if _is_name(cell, column):
                    found[plain(cell)] = None
    return latex_names(found)


def _is_name(cell: Cell, column: Column) -> bool:
    return column.style == "name" and isinstance(cell, str) and NAME.fullmatch(cell) is not None


def _table(sheet: Sheet, digits: int, names: Mapping[str, str]) -> str:
    layout = "".join("r" if column.numeric else "l" for column in sheet.columns)
    lines = [f"% {line}" for line in sheet.title.splitlines()]
    lines += [rf"\begin{{tabular}}{{{layout}}}", r"\hline"]
    if sheet.header:
        lines += [_row([column.title for column in sheet.columns]), r"\hline"]
    for row in sheet.rows:
        cells = zip(row, sheet.columns, strict=True)
        lines.append(_line([_cell(cell, column, digits, names) for cell, column in cells]))
    lines += [r"\hline", r"\end{tabular}"]
    for line in sheet.foot:
        lines += ["", f"${formula(line, names)}$" if isinstance(line, Formula) else _escape(line)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return _line([_escape(cell) for cell in cells])


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(cell: Cell, column: Column, digits: int, names: Mapping[str, str]) -> str:
    """A name, or what follows an equals sign, as mathematics; else as text."""
    if _is_name(cell, column):
        return f"${math_name(cell, names)}$"
    if isinstance(cell, str) and cell.startswith("= "):
        return f"$= {math(cell[2:], names)}$"
    return _escape(sheets_.text(cell, digits))


def _escape(text: str) -> str:
    """Text that LaTeX sets as it is, bars over letters as accents."""
    text = "".join(_SPECIAL.get(c, c) for c in text)
    text = _BARRED.sub(r"$\\bar{\1}$", text)
    return _OVERLINED.sub(
        lambda found: rf"$\overline{{\mathit{{{found[1].replace(chr(0x305), '')}}}}}$", text
    )
