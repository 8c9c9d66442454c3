r"""How each operation is written in LaTeX, where a template says it; see `latex_math` for the rest.

A level says how tightly a text holds together: an operand of a lower one than asked needs brackets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from backprop_cli.ir.graph import Graph

# An operand of a text: its node, the least level that needs no brackets, whether a sign does.
Operand = tuple[int, int, bool]
Part = str | Operand
Parts = tuple[int, list[Part]]  # with the level of the whole

CASES, OR, AND, NOT, COMPARISON, SUM, MOD, PRODUCT, FRACTION, CALL, POWER, ATOM = range(12)


class Template(NamedTuple):
    """A text with places `#0`, `#1` for the operands, each with the least level it needs there."""

    text: str
    level: int
    least: tuple[int, ...]


def _call(command: str) -> Template:
    return Template(rf"{command}\left(#0\right)", CALL, (CASES,))


_NAMED = {
    "sin": r"\sin",
    "cos": r"\cos",
    "tan": r"\tan",
    "asin": r"\arcsin",
    "acos": r"\arccos",
    "atan": r"\arctan",
    "sinh": r"\sinh",
    "cosh": r"\cosh",
    "tanh": r"\tanh",
    "asinh": r"\operatorname{arsinh}",
    "acosh": r"\operatorname{arcosh}",
    "atanh": r"\operatorname{artanh}",
    "log": r"\ln",
    "log2": r"\log_{2}",
    "log10": r"\log_{10}",
    "gamma": r"\Gamma",
    "digamma": r"\psi",
    "det": r"\det",
    "trace": r"\operatorname{tr}",
}
# functions whose powers are written sin^2(x)
POWERED = ("sin", "cos", "tan", "sinh", "cosh", "tanh", "log")

TEMPLATES: dict[str, Template] = {name: _call(command) for name, command in _NAMED.items()} | {
    "neg": Template("-#0", PRODUCT, (PRODUCT,)),
    "sqrt": Template(r"\sqrt{#0}", ATOM, (CASES,)),
    "cbrt": Template(r"\sqrt[3]{#0}", ATOM, (CASES,)),
    "square": Template("#0^{2}", POWER, (ATOM,)),
    "reciprocal": Template(r"\frac{1}{#0}", FRACTION, (CASES,)),
    "hypot": Template(r"\sqrt{#0^{2} + #1^{2}}", ATOM, (ATOM, ATOM)),
    "exp2": Template("2^{#0}", POWER, (CASES,)),
    "expm1": Template("e^{#0} - 1", SUM, (CASES,)),
    "log1p": Template(r"\ln\left(1 + #0\right)", CALL, (SUM,)),
    "xlogy": Template(r"#0 \ln\left(#1\right)", PRODUCT, (PRODUCT, CASES)),
    "logaddexp": Template(r"\ln\left(e^{#0} + e^{#1}\right)", CALL, (CASES, CASES)),
    "lgamma": Template(r"\ln\left|\Gamma\left(#0\right)\right|", CALL, (CASES,)),
    "abs": Template(r"\left|#0\right|", ATOM, (CASES,)),
    "floor": Template(r"\left\lfloor #0 \right\rfloor", ATOM, (CASES,)),
    "ceil": Template(r"\left\lceil #0 \right\rceil", ATOM, (CASES,)),
    "mod": Template(r"#0 \bmod #1", MOD, (PRODUCT, PRODUCT)),
    "lt": Template("#0 < #1", COMPARISON, (SUM, SUM)),
    "le": Template(r"#0 \le #1", COMPARISON, (SUM, SUM)),
    "gt": Template("#0 > #1", COMPARISON, (SUM, SUM)),
    "ge": Template(r"#0 \ge #1", COMPARISON, (SUM, SUM)),
    "eq": Template("#0 = #1", COMPARISON, (SUM, SUM)),
    "ne": Template(r"#0 \ne #1", COMPARISON, (SUM, SUM)),
    "and": Template(r"#0 \land #1", AND, (AND, AND)),
    "or": Template(r"#0 \lor #1", OR, (OR, OR)),
    "not": Template(r"\lnot #0", NOT, (ATOM,)),
    "logdet": Template(r"\ln\det\left(#0\right)", CALL, (CASES,)),
    "inv": Template("#0^{-1}", POWER, (ATOM,)),
    "solve": Template("#0^{-1} #1", PRODUCT, (ATOM, FRACTION)),
    "cross": Template(r"#0 \times #1", MOD, (PRODUCT, PRODUCT)),
}
# operands that may not begin with a sign where they stand
UNSIGNED = {
    "neg": (0,),
    "log1p": (0,),
    "mod": (0, 1),
    "solve": (1,),
    "cross": (0, 1),
}
REDUCTIONS = {
    "sum": r"\sum",
    "prod": r"\prod",
    "max": r"\max",
    "min": r"\min",
    "mean": r"\operatorname{mean}",
    "var": r"\operatorname{var}",
    "std": r"\operatorname{std}",
    "logsumexp": r"\operatorname{logsumexp}",
}
LISTED = {"maximum": r"\max", "minimum": r"\min"}


class Writer(Protocol):
    """What writes a graph; `names` are nodes that stand as given text."""

    graph: Graph
    names: dict[int, str]

    def operand(self, node: int) -> Parts: ...

    def call(self, node: int) -> Parts: ...

    def factor(self, node: int, other: str) -> int: ...


def listed(operands: Sequence[int], comma: str) -> list[Part]:
    result: list[Part] = []
    for operand in operands:
        result += [comma, (operand, CASES + 1, False)]
    return result[1:]
