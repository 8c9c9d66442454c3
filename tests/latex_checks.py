"""What any LaTeX that is printed must hold: braces, brackets, environments, escapes, scripts."""

from __future__ import annotations

import re

_KNOWN = """
left right frac sqrt exp sin cos tan arcsin arccos arctan sinh cosh tanh ln log det max min sum prod
Gamma operatorname mathit mathrm mathbf mathtt text begin end cdot times odot bmod land lor lnot le
ge ne lfloor rfloor lceil rceil lVert rVert top infty partial bar overline quad to dots vdots cdots
leftarrow section subsection textbackslash textasciitilde textasciicircum pi tau alpha beta gamma
circ delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma varsigma
oslash upsilon phi varphi psi chi omega Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell
"""
COMMANDS = set(_KNOWN.split())
ENVIRONMENTS = ("align*", "bmatrix", "cases", "verbatim")
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[{}$_^&%#~]|.", re.S)


def assert_sound(text: str) -> None:
    """Fails where a LaTeX engine would: see the names of the parts."""
    body = "\n".join(line for line in text.split("\n") if not line.startswith("%"))
    tokens = _TOKEN.findall(body)
    _commands(tokens)
    _braces(tokens)
    _environments(body)
    assert body.count(r"\left") - body.count(r"\leftarrow") == body.count(r"\right"), body
    _scripts(tokens)
    assert not re.search(r"\\end\{align\*\}\s*\\\\", body)


def _commands(tokens: list[str]) -> None:
    for token in tokens:
        if re.fullmatch(r"\\[A-Za-z]+", token):
            assert token[1:] in COMMANDS, f"{token} in {''.join(tokens)}"
        elif token in "%#~":
            raise AssertionError(f"{token} is not escaped in {''.join(tokens)}")


def _braces(tokens: list[str]) -> None:
    depth = 0
    for token in tokens:
        depth += (token == "{") - (token == "}")
        assert depth >= 0, "".join(tokens)
    assert depth == 0, "".join(tokens)


def _environments(body: str) -> None:
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{([^}]*)\}", body):
        assert name in ENVIRONMENTS
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name, body
    assert stack == []


def _scripts(tokens: list[str]) -> None:
    """No second subscript or superscript on one base, and none without an argument."""
    k, had = 0, set()
    while k < len(tokens):
        token = tokens[k]
        if token in "_^":
            assert token not in had, "".join(tokens)
            assert tokens[k + 1 : k + 2] == ["{"], "".join(tokens)
            k = _closing(tokens, k + 1)
            had.add(token)
        elif token == "{":
            k, had = k, set()
        else:
            had = set()
        k += 1


def _closing(tokens: list[str], k: int) -> int:
    depth = 0
    while True:
        depth += (tokens[k] == "{") - (tokens[k] == "}")
        if depth == 0:
            return k
        k += 1
