r"""A lesson as text for a terminal, as Markdown, and as LaTeX.

The LaTeX is a fragment for any document with amsmath and amssymb. The Markdown is what GitHub
shows: formulas as `math` blocks (whose sanitizer refuses \operatorname), names in a line as code.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

from backprop_cli.errors import UsageFault
from backprop_cli.render.diagnostics import columns
from backprop_cli.render.latex_names import escaped
from backprop_cli.render.lesson import Block, Code, Equations, Heading, Math, Row, Words

WIDTH = 80  # columns of a paragraph where there is no terminal
WIDEST = 100
INDENT = "  "
_MARKS = str.maketrans({mark: "\\" + mark for mark in "\\`*_<>[]|$"})  # what Markdown reads


def written(
    lesson: Sequence[Block],
    form: str = "text",
    source: str = "",
    width: int | None = None,
    color: bool = False,
) -> str:
    """The lesson in a format: text (or table), markdown or latex; raises UsageFault for others."""
    if form == "markdown":
        return markdown(lesson)
    if form == "latex":
        return latex(lesson, source)
    if form not in ("text", "table"):
        raise UsageFault(f"there is no format '{form}'", help="text, markdown or latex")
    return text(lesson, width, color)


def text(lesson: Sequence[Block], width: int | None = None, color: bool = False) -> str:
    """The lesson for a terminal; only headings have a style."""
    parts = []
    for block in lesson:
        if isinstance(block, Heading):
            parts.append(f"\x1b[1m{block.text}\x1b[0m" if color else block.text)
        elif isinstance(block, Words):
            parts.append(_wrapped(_said(block, lambda formula: formula.text), width))
        elif isinstance(block, Code):
            parts.append("\n".join(INDENT + line for line in block.lines))
        elif block.rows:
            parts.append("\n".join(_lines(block)))
    return "\n\n".join(parts) + "\n"


def _said(words: Words, formula: Callable[[Math], str], plain: Callable[[str], str] = str) -> str:
    return "".join(formula(p) if isinstance(p, Math) else plain(p) for p in words.parts)


def _wrapped(paragraph: str, width: int | None) -> str:
    return textwrap.fill(paragraph, min(width or WIDTH, WIDEST), break_long_words=False)


def _lines(block: Equations) -> list[str]:
    """Equations with their signs below one another."""
    left = max(columns(row.left.text) for row in block.rows)
    lines = []
    for row in block.rows:
        gap = " " * (left - columns(row.left.text))
        if block.stacked:
            first, *rest = row.chain
            lines.append(f"{INDENT}{row.left.text} = {first.text}")
            lead = " " * (len(INDENT) + columns(row.left.text))
            lines += [f"{lead} = {link.text}" for link in rest]
            continue
        sign = f"{gap} = " if row.sign == "=" else f"{row.sign}{gap}  "
        chain = (sign if row.chain else gap) + " = ".join(link.text for link in row.chain)
        line = f"{INDENT}{row.left.text}{chain}"
        lines.append(f"{line}    ({row.remark})" if row.remark else line.rstrip())
    return lines


def _plain(text: str) -> str:
    return text.translate(_MARKS)


def markdown(lesson: Sequence[Block]) -> str:
    parts = []
    for block in lesson:
        if isinstance(block, Heading):
            parts.append(f"{'#' * block.level} {_plain(block.text)}")
        elif isinstance(block, Words):
            parts.append(_said(block, lambda formula: f"`{formula.text}`", _plain))
        elif isinstance(block, Code):
            parts.append("\n".join(["```text", *block.lines, "```"]))
        elif block.rows:
            body = _align(block).replace(r"\operatorname{", r"\mathrm{")
            parts.append(f"```math\n{body}\n```")
    return "\n\n".join(parts) + "\n"


def latex(lesson: Sequence[Block], source: str = "") -> str:
    """The lesson as a fragment; the program stands in a comment above it."""
    parts = ["\n".join(f"% {line}" for line in source.splitlines())] if source.strip() else []
    for block in lesson:
        if isinstance(block, Heading):
            command = "section" if block.level == 1 else "subsection"
            parts.append(rf"\{command}*{{{escaped(block.text)}}}")
        elif isinstance(block, Words):
            parts.append(_said(block, lambda formula: f"${formula.tex}$", escaped))
        elif isinstance(block, Code):
            lines = [line.replace("\\end{verbatim}", "") for line in block.lines]
            parts.append("\n".join([r"\begin{verbatim}", *lines, r"\end{verbatim}"]))
        elif block.rows:
            parts.append(_align(block))
    return "\n\n".join(parts) + "\n"


def _align(block: Equations) -> str:
    lines = []
    for row in block.rows:
        lines += _aligned_row(row, block.stacked)
    body = " \\\\\n".join(f"  {line}" for line in lines)
    return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"


def _aligned_row(row: Row, stacked: bool) -> list[str]:
    links = [f"= {link.tex}" for link in row.chain]
    if links and row.sign != "=":
        links[0] = rf"{row.sign} \quad {row.chain[0].tex}"
    remark = rf" \quad \text{{({escaped(row.remark)})}}" if row.remark else ""
    if stacked:
        first, *rest = links
        return [f"{row.left.tex} &{first}", *(f"&{link}" for link in rest)]
    return [f"{row.left.tex} &{' '.join(links)}{remark}"]
