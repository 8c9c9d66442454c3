r"""A lesson as text for a terminal, as Markdown, and as LaTeX.

The LaTeX is a fragment for any document with amsmath and amssymb. The Markdown is what GitHub
shows: formulas as `math` blocks (whose sanitizer refuses \operatorname), names in a line as code.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence

from backprop_cli.errors import UsageFault
from backprop_cli.render.diagnostics import columns
from backprop_cli.render.folding import fold
from backprop_cli.render.latex_names import escaped
from backprop_cli.render.lesson import Block, Code, Equations, Heading, Math, Row, Words

WIDTH = 80  # columns of a paragraph where there is no terminal
WIDEST = 100
LONGEST = 70  # columns of a sum that LaTeX sets on one line
LEAST = 20  # of a folded formula, however narrow the terminal
INDENT = "  "
_HELD = "\ue000·\ue000"  # a product that is not broken
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
            title = _wrapped(block.text, width)
            parts.append(f"\x1b[1m{title}\x1b[0m" if color else title)
        elif isinstance(block, Words):
            parts.append(_wrapped(_said(block, lambda formula: formula.text), width))
        elif isinstance(block, Code):
            parts.append("\n".join(INDENT + line for line in block.lines))
        elif block.rows:
            parts.append("\n".join(_lines(block, _limit(width))))
    return "\n\n".join(parts) + "\n"


def _said(words: Words, formula: Callable[[Math], str], plain: Callable[[str], str] = str) -> str:
    return "".join(formula(p) if isinstance(p, Math) else plain(p) for p in words.parts)


def _wrapped(paragraph: str, width: int | None) -> str:
    return textwrap.fill(paragraph, _limit(width), break_long_words=False)


def _limit(width: int | None) -> int:
    return min(width or WIDTH, WIDEST)


def _lines(block: Equations, limit: int) -> list[str]:
    """Equations with their signs below one another; one that is too long takes several lines."""
    left = max(columns(row.left.text) for row in block.rows)
    lines = []
    for row in block.rows:
        line, bare = _line(row, left), _line(row._replace(remark=""), left)
        if block.stacked or columns(bare) > limit:
            lines += _stacked(row, limit)
        elif columns(line) > limit:
            lines += [bare, *_remark(row, columns(row.left.text) + len(INDENT) + 1, limit)]
        else:
            lines.append(line)
    return lines


def _line(row: Row, left: int) -> str:
    gap = " " * (left - columns(row.left.text))
    sign = f"{gap} = " if row.sign == "=" else f"{row.sign}{gap}  "
    chain = (sign if row.chain else gap) + " = ".join(link.text for link in row.chain)
    line = f"{INDENT}{row.left.text}{chain}"
    return f"{line}    ({row.remark})" if row.remark else line.rstrip()


def _stacked(row: Row, limit: int) -> list[str]:
    """A line for each link of the chain, or more where it is long; the remark at the end."""
    head = f"{INDENT}{row.left.text}"
    links = [f"= {link.text}" for link in row.chain]
    lead = columns(head) + 1
    lines: list[str] = []
    if row.sign != "=":
        lines += fold(head + row.sign, limit).split("\n")
        links[:1] = [link.text for link in row.chain[:1]]
        head, lead = " " * len(INDENT), 2 * len(INDENT)
    for link in links:
        first, *more = _terms(link, max(limit - lead, LEAST))
        start = f"{head} " if not lines else " " * lead
        lines.append(start + first)
        lines += [" " * (lead + len(INDENT)) + line for line in more]
    if row.remark and lines and columns(lines[-1]) + columns(row.remark) + 6 <= limit:
        lines[-1] += f"    ({row.remark})"
    elif row.remark:
        lines += [] if lines else [head]
        lines += _remark(row, lead, limit)
    return lines


def _remark(row: Row, lead: int, limit: int) -> list[str]:
    text = fold(f"({row.remark})", max(limit - lead, LEAST))
    return [" " * lead + line for line in text.split("\n")]


def _terms(link: str, room: int) -> list[str]:
    """A formula in lines, broken between terms; between factors only where a term is too long."""
    if columns(link) <= room:
        return [link]
    room -= len(INDENT)  # of all lines but the first
    if all(columns(term) <= room for term in link.split(" + ")):
        link = link.replace(" · ", _HELD)
    return fold(link, room).replace(_HELD, " · ").split("\n")


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
    """An equation on one line, or with a line for each link of its chain, and more of long sums."""
    first = "= " if row.sign == "=" else rf"{row.sign} \quad "
    signs = [first, *["= "] * len(row.chain)]
    if stacked or len(_line(row, 0)) > WIDEST:
        parts = [(sign, _summed(link)) for sign, link in zip(signs, row.chain, strict=False)]
        lines = [line for sign, (head, *rest) in parts for line in (sign + head, *rest)]
    else:
        pairs = zip(signs, row.chain, strict=False)
        lines = [" ".join(f"{sign}{link.tex}" for sign, link in pairs)]
    if row.remark:
        lines[-1:] = [rf"{''.join(lines[-1:])} \quad \text{{({escaped(row.remark)})}}"]
    return [f"{row.left.tex} &{lines[0]}", *(f"&{line}" for line in lines[1:])]


def _summed(link: Math) -> list[str]:
    """The LaTeX of a formula; of a long sum, a line for every few terms."""
    texts, terms = _terms_of(link.text), _terms_of(link.tex)
    if columns(link.text) <= LONGEST or len(texts) != len(terms):
        return [link.tex]
    lines, held = [terms[0]], columns(texts[0])
    for text, term in zip(texts[1:], terms[1:], strict=True):
        if held + columns(text) > LONGEST:
            lines.append(rf"\quad {{}} + {term}")
            held = columns(text)
        else:
            lines[-1] += f" + {term}"
            held += 3 + columns(text)
    return lines


def _terms_of(formula: str) -> list[str]:
    """The terms of a sum, whose brackets are left whole."""
    terms, depth = [""], 0
    for part in re.split(r"( \+ |[(){}\[\]])", formula):
        depth += (part in "([{") - (part in ")]}") if len(part) == 1 else 0
        if part == " + " and not depth:
            terms.append("")
        else:
            terms[-1] += part
    return terms
