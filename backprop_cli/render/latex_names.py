r"""Names and numbers of the language in LaTeX's math mode, which sets nothing else for any of them.

Letters outside ASCII that have no command stand in `\text{}`: an engine that knows them is needed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

_LETTERS = (  # noqa: SIM905 - a list would be 34 lines
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
).split()
_GREEK = dict.fromkeys(_LETTERS, "") | {
    "α": "alpha",
    "β": "beta",
    "γ": "gamma",
    "δ": "delta",
    "ε": "varepsilon",
    "ϵ": "epsilon",
    "ζ": "zeta",
    "η": "eta",
    "θ": "theta",
    "ϑ": "vartheta",
    "ι": "iota",
    "κ": "kappa",
    "λ": "lambda",
    "μ": "mu",
    "ν": "nu",
    "ξ": "xi",
    "π": "pi",
    "ρ": "rho",
    "σ": "sigma",
    "ς": "varsigma",
    "τ": "tau",
    "υ": "upsilon",
    "φ": "varphi",
    "ϕ": "phi",
    "χ": "chi",
    "ψ": "psi",
    "ω": "omega",
    "Γ": "Gamma",
    "Δ": "Delta",
    "Θ": "Theta",
    "Λ": "Lambda",
    "Ξ": "Xi",
    "Π": "Pi",
    "Σ": "Sigma",
    "Υ": "Upsilon",
    "Φ": "Phi",
    "Ψ": "Psi",
    "Ω": "Omega",
    "ℓ": "ell",
}
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "_": r"\_",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    "×": r"$\times$",
}
_NUMBERS = {
    math.pi: r"\pi",
    math.tau: r"\tau",
    math.e: "e",
    math.inf: r"\infty",
    -math.inf: r"-\infty",
}
_HEAD = re.compile(r"(.*?[^\W\d_])_?(\d+)$")


def escaped(text: str) -> str:
    r"""Text for a text mode: `\text{}` or a paragraph.

    >>> print(escaped("50% of x_1"))
    50\% of x\_1
    """
    return "".join(_SPECIAL.get(c, c) for c in text)


def latex_name(name: str) -> str:
    r"""A name as mathematics writes it: Greek letters, subscripts, longer words in one face.

    >>> for name in ("theta", "λ1", "x_12", "price", "x_max", "learning_rate_2"):
    ...     print(latex_name(name))
    \theta
    \lambda_{1}
    x_{12}
    \mathit{price}
    x_{\mathrm{max}}
    \mathit{learning\_rate}_{2}
    """
    name, bracket, index = name.partition("[")
    if bracket:
        return f"{{{latex_name(name)}}}_{{{escaped(index.removesuffix(']'))}}}"
    found = _HEAD.match(name)
    if found:
        return f"{_word(found[1])}_{{{found[2]}}}"
    head, mark, tail = name.partition("_")
    if mark and tail and "_" not in tail and (len(head) == 1 or head in _GREEK):
        return f"{_word(head)}_{{{_word(tail, 'mathrm')}}}"
    return _word(name)


def _word(text: str, face: str = "mathit") -> str:
    command = _GREEK.get(text)
    if command is not None:
        return "\\" + (command or text)
    if not text.isascii():
        parts = [_GREEK.get(c, c if c.isascii() and c.isalnum() else "?") for c in text]
        if "?" not in parts:
            return f"{{{''.join(c if c in text else f'{chr(92)}{c} ' for c in parts).strip()}}}"
        return rf"\text{{{escaped(text)}}}"
    if len(text) == 1 and text.isalpha():
        return text
    return rf"\{face}{{{escaped(text)}}}"


def latex_names(names: Iterable[str]) -> dict[str, str]:
    r"""Each name's LaTeX; of two that would look the same, the later is set as it is typed.

    >>> latex_names(["x1", "x_1"])["x_1"]
    '\\mathtt{x\\_1}'
    """
    result: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        text = latex_name(name)
        if text in taken:
            text = rf"\mathtt{{{escaped(name)}}}"
        taken.add(text)
        result[name] = text
    return result


def latex_number(value: float, digits: int | None = None) -> str:
    r"""A number, in full or to some significant digits; powers of ten as such.

    >>> print(latex_number(3.0), latex_number(-1.5e-7), latex_number(2.0 / 3, 4))
    3 -1.5 \cdot 10^{-7} 0.6667
    """
    if value != value:
        return r"\mathrm{nan}"
    known = _NUMBERS.get(value)
    if known is not None and (digits is None or math.isinf(value)):
        return known
    if digits is None:
        text = f"{value:.0f}" if value == int(value) and abs(value) < 1e16 else repr(value)
    else:
        text = f"{value:.{digits}g}"
    mantissa, mark, exponent = text.partition("e")
    if not mark:
        return text
    power = f"10^{{{int(exponent)}}}"
    if mantissa in ("1", "-1"):
        return mantissa[:-1] + power
    return rf"{mantissa} \cdot {power}"
