r"""A row's derivative, which the operation table has as text, in LaTeX.

The text is read as an expression of the language where it is one, so that fractions and roots look
like those of `latex_math`; otherwise it is set word by word.
"""

from __future__ import annotations

import re
from functools import cache

from backprop_cli.engine.explanation import rule_template
from backprop_cli.engine.trace import power_rule
from backprop_cli.errors import BpropError
from backprop_cli.ir.graph import CONST, Graph, Shape
from backprop_cli.ir.ops import BY_NAME
from backprop_cli.render.latex_math import latex
from backprop_cli.render.latex_names import escaped, latex_name

BAR = "out\u0304"
_STAND_IN = "adjoint_of_out"
_TOKEN = re.compile("[^\\W\\d]\\w*\u0304?|\\d+\\.?\\d*(?:e-?\\d+)?|\\^|'|[<>=!]=|.", re.S)
_SIGNS = {"*": r" \cdot ", "@": r" \, ", "'": r"^{\top}", ">=": r"\ge ", "<=": r"\le "}
_WORDS = ("where", "else", "not", "of", "the", "others", "product", "to", "part", "each", "s")


def rule_latex(graph: Graph, node: int, position: int, names: dict[str, str]) -> str:
    """The local partial of one edge; `names` has the LaTeX of the row's signature, out and BAR."""
    row = graph.op(node)
    arguments = graph.arguments(node)
    if row.name == "pow" and position == 0 and graph.codes[arguments[1]] == CONST:
        return _read(power_rule("x", graph.static[arguments[1]]), ("x",), names, {})
    if row.name in ("stack", "concat"):
        return rf"{{{names[BAR]}}}_{{\text{{its part}}}}"
    text = rule_template(graph, node, position)
    known = ("out", BAR) if row.variadic else (*row.signature, "out", BAR)
    shapes = {"out": graph.shape(node), _STAND_IN: graph.shape(node)}
    if not row.variadic:
        shapes |= dict(zip(row.signature, map(graph.shape, arguments), strict=False))
    return _read(text, known, names, {} if row.elementwise else shapes)


def _read(
    text: str, known: tuple[str, ...], names: dict[str, str], shapes: dict[str, Shape]
) -> str:
    made = _parsed(text, tuple(shapes.items())) or _parsed(text, ())
    if made is None:
        return _set(text, {name: names[name] for name in known})
    given = {
        i: names[BAR if made.names[i] == _STAND_IN else made.names[i]]
        for i in made.inputs
        if made.names[i] == _STAND_IN or made.names[i] in known
    }
    top = made.output()
    return given[top] if top in given else latex(made, top, given)


@cache
def _parsed(text: str, shapes: tuple[tuple[str, Shape], ...]) -> Graph | None:
    """The graph that the text means; None where it is no expression of operands in these shapes."""
    from backprop_cli.engine.lower import load, lower

    try:
        return lower(load(text.replace(BAR, _STAND_IN)), dict(shapes))
    except BpropError:
        return None


def _set(text: str, names: dict[str, str]) -> str:
    """The text word by word."""
    result, tokens = [], _TOKEN.findall(text)
    for k, token in enumerate(tokens):
        if token in names:
            result.append(names[token])
        elif token in _WORDS:
            result.append(rf"\text{{ {token} }}")
        elif token[0].isalpha():
            called = tokens[k + 1 : k + 2] == ["("]
            command = rf"\operatorname{{{escaped(token)}}}" if called else latex_name(token)
            result.append(command if called or token not in BY_NAME else escaped(token))
        else:
            result.append(_SIGNS.get(token, token))
    joined = re.sub(r" \}\s*\\text\{ ", " ", "".join(result))  # words in a row are one text
    return re.sub(" +", " ", joined)
