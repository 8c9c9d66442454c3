r"""Texts of tables that are mathematics, in LaTeX: names, adjoints, expressions.

A text is read as an expression of the language where it is one of scalars, so that it looks like
those of `latex_math`; otherwise it is set word by word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from backprop_cli.errors import BpropError
from backprop_cli.render.latex_math import latex
from backprop_cli.render.latex_names import escaped, latex_name

BARS = "\u0304\u0305"  # over one letter, and over each of several
NAME = re.compile(rf"[^\W\d][\w{BARS}]*")
LONGEST = 2_000  # characters that are read as an expression
_TOKEN = re.compile(rf"{NAME.pattern}|\d+\.?\d*(?:e-?\d+)?|\^\(?-?[\w.]+\)?|[<>=!]=|.", re.S)
_SIGNS = {
    "*": r" \cdot ", "·": r" \cdot ", "@": r" \, ", "'": r"^{\top}", ">=": r" \ge ",
    "<=": r" \le ", "==": r" = ", "!=": r" \ne ", "…": r"\dots ",
}  # fmt: skip
_WORDS = ("where", "else", "not", "and", "or", "of", "the", "to", "part", "each")
_SIGNED = re.compile(r"(?<![\w^])\(-")  # a number in brackets that are to stay: 2*(-1)
_SUBSCRIPT = re.compile(r"(.*?)(_\{(?:[^{}]|\{[^{}]*\})*\})$")


def plain(name: str) -> str:
    """A name without the bar of an adjoint."""
    return name.translate(dict.fromkeys(map(ord, BARS)))


def math_name(name: str, known: Mapping[str, str]) -> str:
    r"""A name's LaTeX; of an adjoint with a bar over the letters before the subscript.

    >>> print(math_name("v\u03041", {}), math_name("x\u0304_1", {}))
    \bar{v}_{1} \bar{x}_{1}
    """
    word = plain(name)
    text = known.get(word) or latex_name(word)
    if word == name:
        return text
    found = _SUBSCRIPT.match(text)
    head, tail = (found[1], found[2]) if found else (text, "")
    is_letter = len(head) == 1 or (head[0] == "\\" and head[1:].isalpha())
    return rf"\{'bar' if is_letter else 'overline'}{{{head}}}{tail}"


def math(text: str, known: Mapping[str, str]) -> str:
    r"""An expression's LaTeX, without the `$` around it; `known` has that of plain names.

    >>> print(math("v\u03044·cos(x)/2", {}))
    \frac{\bar{v}_{4} \cos\left(x\right)}{2}
    >>> print(math("W' @ v\u03041", {}))
    W^{\top} \, \bar{v}_{1}
    """
    if len(text) > LONGEST or _SIGNED.search(text) or text.startswith("["):
        return _set(text, known)
    return formula(text, known)


def formula(text: str, known: Mapping[str, str]) -> str:
    r"""As `math`, with arrays as matrices, and however long it is.

    >>> print(formula("[x, x^2]", {}))
    \begin{bmatrix} x \\ x^{2} \end{bmatrix}
    """
    return _read(text, known) or _set(text, known)


def _read(text: str, known: Mapping[str, str]) -> str | None:
    """As an expression of scalars; None where it is none."""
    from backprop_cli.engine.lower import load, lower

    stand_ins: dict[str, str] = {}

    def stand_in(found: re.Match[str]) -> str:
        if plain(found[0]) == found[0]:
            return found[0]
        return stand_ins.setdefault(found[0], f"adjoint_{len(stand_ins)}_of_cell")

    try:
        graph = lower(load(NAME.sub(stand_in, text.replace("·", "*"))))
    except BpropError:
        return None
    barred = {word: name for name, word in stand_ins.items()}
    given = {}
    for i in graph.inputs:
        name = graph.names[i]
        given[i] = math_name(barred.get(name, name), known)
    top = graph.output()
    return given[top] if top in given else latex(graph, top, given)


def _set(text: str, known: Mapping[str, str]) -> str:
    """The text word by word."""
    result, tokens = [], _TOKEN.findall(text)
    for k, token in enumerate(tokens):
        if token in _WORDS:
            result.append(rf"\text{{ {token} }}")
        elif token[0] == "^" and token[1:]:
            power = token[1:].strip("()")
            result.append(f"^{{{math_name(power, known) if power[0].isalpha() else power}}}")
        elif NAME.fullmatch(token):
            called = tokens[k + 1 : k + 2] == ["("]
            name = rf"\operatorname{{{escaped(token)}}}" if called else math_name(token, known)
            result.append(name)
        else:
            result.append(_SIGNS.get(token) or (escaped(token) if token in "\\{}_&%$#~" else token))
    return re.sub(" +", " ", "".join(result)).strip()
