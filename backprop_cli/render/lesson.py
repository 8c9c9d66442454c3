r"""A lesson before it has a format: headings, paragraphs and equations.

Every formula is written twice, as text and as LaTeX, by the same function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from backprop_cli.render import numbers
from backprop_cli.render.latex_names import latex_number


class Math(NamedTuple):
    """A formula, as a terminal shows it and as LaTeX's math mode takes it."""

    text: str
    tex: str

    def then(self, *others: Math) -> Math:
        """This formula with others directly behind it."""
        return join("", "", (self, *others))


class Heading(NamedTuple):
    text: str
    level: int = 2


class Words(NamedTuple):
    """A paragraph of plain texts and formulas."""

    parts: Sequence[str | Math]


class Row(NamedTuple):
    """An equation: a left side and what it equals, in turn; a remark stands behind it."""

    left: Math
    chain: Sequence[Math]
    remark: str = ""
    sign: str = "="  # before the first link


class Equations(NamedTuple):
    """Equations one below the other; `stacked` ones have a line for each link of the chain."""

    rows: Sequence[Row]
    stacked: bool = False


class Code(NamedTuple):
    """Lines that are shown as they are."""

    lines: Sequence[str]


Block = Heading | Words | Equations | Code
DOTS = Math("⋮", r"\vdots")


def join(text: str, tex: str, parts: Sequence[Math]) -> Math:
    return Math(text.join(p.text for p in parts), tex.join(p.tex for p in parts))


def product(factors: Sequence[Math]) -> Math:
    return join(" · ", r" \cdot ", factors)


def total(terms: Sequence[Math]) -> Math:
    """A sum; a term that begins with a sign stands in brackets, unless it is the first."""
    shown = [bracketed(t) if k and t.text.startswith("-") else t for k, t in enumerate(terms)]
    return join(" + ", " + ", shown)


def bracketed(formula: Math) -> Math:
    return Math(f"({formula.text})", rf"\left({formula.tex}\right)")


def factor(formula: Math) -> Math:
    """A formula as a factor: in brackets where it is a sum or has a sign."""
    text = formula.text
    if text.startswith("-") or any(sign in text for sign in (" + ", " - ", " where ", " else ")):
        return bracketed(formula)
    return formula


def number(value: float, digits: int) -> Math:
    return Math(numbers.number(value, digits), latex_number(value, digits))


def amount(value: Any, digits: int) -> Math:
    """A number or a tensor; of a large one, the first and last elements."""
    shape = getattr(value, "shape", ())
    if not shape:
        return number(float(value), digits)
    tex = _tensor_latex(numbers.nested(value, whole=False), digits, len(shape))
    return Math(numbers.value(value, digits), tex)


def _tensor_latex(item: list[Any], digits: int, rank: int) -> str:
    """A vector as a row, a matrix as its rows, any other tensor as the list of its matrices."""
    if rank > 2:
        parts = [
            r"\dots" if part is None else _tensor_latex(part, digits, rank - 1)
            for part in _ends(item)
        ]
        return rf"\left[{', '.join(parts)}\right]"
    lines = []
    for row in _ends(item if rank == 2 else [item]):
        cells = [] if row is None else [_cell(x, digits) for x in _ends(row)]
        lines.append(" & ".join(cells) or r"\vdots")
    return r"\begin{bmatrix} " + r" \\ ".join(lines) + r" \end{bmatrix}"


def _cell(item: float | None, digits: int) -> str:
    return r"\cdots" if item is None else latex_number(item, digits)


def _ends(items: list[Any]) -> list[Any]:
    """The items, None for what is left out of many."""
    if len(items) <= numbers.MOST:
        return items
    return [*items[: numbers.MOST - 2], None, items[-1]]
