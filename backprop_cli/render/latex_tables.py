"""Tables as LaTeX `tabular` environments."""

from __future__ import annotations

import re
from collections.abc import Sequence

from backprop_cli.render import sheet as sheets_
from backprop_cli.render.sheet import Sheet

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
    return "\n".join(_table(sheet, digits) for sheet in sheets)


def _table(sheet: Sheet, digits: int) -> str:
    layout = "".join("r" if column.numeric else "l" for column in sheet.columns)
    lines = [f"% {line}" for line in sheet.title.splitlines()]
    lines += [rf"\begin{{tabular}}{{{layout}}}", r"\hline"]
    if sheet.header:
        lines += [_row([column.title for column in sheet.columns]), r"\hline"]
    lines += [_row([sheets_.text(cell, digits) for cell in row]) for row in sheet.rows]
    lines += [r"\hline", r"\end{tabular}"]
    for line in sheet.foot:
        lines += ["", _escape(line)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return " & ".join(_escape(cell) for cell in cells) + r" \\"


def _escape(text: str) -> str:
    """Text that LaTeX sets as it is, bars over letters as accents."""
    text = "".join(_SPECIAL.get(c, c) for c in text)
    text = _BARRED.sub(r"$\\bar{\1}$", text)
    return _OVERLINED.sub(
        lambda found: rf"$\overline{{\mathit{{{found[1].replace(chr(0x305), '')}}}}}$", text
    )
