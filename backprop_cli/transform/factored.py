"""A program with its polynomials and their quotients, of one operand, in factors.

x^2 - 2*x + 1 becomes (x - 1)^2, (x^2 - 4)/(x - 2) becomes x + 2; what has no factors is written in
Horner's form. Coefficients count as the decimals that they are written as.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from typing import NamedTuple

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST, Graph
from backprop_cli.ir.ops import Expr
from backprop_cli.transform.forms import fraction
from backprop_cli.transform.polynomials import (
    NOTHING,
    UNITY,
    Poly,
    common,
    divided,
    factors,
    plus,
    times,
    trimmed,
)
from backprop_cli.transform.prune import prune
from backprop_cli.transform.rewrite import Rewriter, Rewritten, Rule, copied

HIGHEST = 30  # degree


class Ratio(NamedTuple):
    """top(atom)/bottom(atom); `atom` is a node, None for a number.

    `degree` is the highest on the way there.
    """

    atom: int | None
    top: Poly
    bottom: Poly
    degree: int = 1


COMBINED: dict[str, Callable[..., tuple[Poly, Poly]]] = {
    "identity": lambda a: (a.top, a.bottom),
    "neg": lambda a: (plus(NOTHING, a.top, -1), a.bottom),
    "square": lambda a: (times(a.top, a.top), times(a.bottom, a.bottom)),
    "reciprocal": lambda a: (a.bottom, a.top),
    "add": lambda a, b: added(a, b, 1),
    "sub": lambda a, b: added(a, b, -1),
    "mul": lambda a, b: (times(a.top, b.top), times(a.bottom, b.bottom)),
    "div": lambda a, b: (times(a.top, b.bottom), times(a.bottom, b.top)),
    "pow": lambda a, b: power(a, b),
}


def added(a: Ratio, b: Ratio, sign: int) -> tuple[Poly, Poly]:
    top = plus(times(a.top, b.bottom), times(b.top, a.bottom), sign)
    return top, times(a.bottom, b.bottom)


def power(a: Ratio, b: Ratio) -> tuple[Poly, Poly]:
    """a^b; an empty denominator where that is no ratio of low degree."""
    exponent = b.top[0] if b.top else Fraction(0)
    degree = max(len(a.top), len(a.bottom), 2) - 1
    if b.atom is not None or exponent.denominator != 1 or degree * abs(exponent) > HIGHEST:
        return NOTHING, NOTHING
    top, bottom = UNITY, UNITY
    for _ in range(abs(int(exponent))):
        top, bottom = times(top, a.top), times(bottom, a.bottom)
    return (top, bottom) if exponent >= 0 else (bottom, top)


def ratios(graph: Graph) -> list[Ratio]:
    """Every node as a quotient of polynomials in one node, itself where it is none."""
    found: list[Ratio] = []
    for i in range(len(graph)):
        made = ratio(graph, i, [found[a] for a in graph.arguments(i)])
        found.append(made or Ratio(i, (Fraction(0), Fraction(1)), UNITY))
    return found


def ratio(graph: Graph, i: int, parts: list[Ratio]) -> Ratio | None:
    """What a node is in the atom of its operands; None where it is no polynomial in one."""
    if graph.shape(i):
        return None
    if graph.codes[i] == CONST:
        number = fraction(graph.static[i])
        return None if number is None else Ratio(None, trimmed([Fraction(number)]), UNITY)
    atoms = {part.atom for part in parts if part.atom is not None}
    combine = COMBINED.get(graph.op(i).name)
    if combine is None or len(atoms) > 1:
        return None
    top, bottom = combine(*parts)
    if not bottom or max(len(top), len(bottom)) > HIGHEST + 1:
        return None
    shared = common(top, bottom)
    atom = atoms.pop() if atoms else None
    degree = max(len(top) - 1, len(bottom) - 1, *(part.degree for part in parts))
    return Ratio(atom, divided(top, shared)[0], divided(bottom, shared)[0], degree)


def factored(graph: Graph) -> Rewritten:
    """The program with its largest polynomials and quotients of one operand in factors."""
    known, builder = ratios(graph), Builder(graph.source)
    inside = within(graph, known)
    maker = Rewriter(builder, {})
    place: dict[int, int] = {}
    applied: list[tuple[Rule | None, int, int]] = []
    inputs = set(graph.inputs)
    for i, (atom, top, bottom, degree) in enumerate(known):
        if i in inputs:
            place[i] = builder.input(graph.names[i], graph.shape(i))
            continue
        made = None
        if atom is not None and degree > 1 and not inside[i] and i not in graph.names:
            made = written(Expr(maker, place[atom]), top, bottom)
        if made is None:
            place[i] = copied(maker, graph, i, place)
        else:
            place[i] = maker.lift(made).value
            applied.append((None, i, place[i]))
    outputs = [(name, place[node]) for name, node in graph.outputs]
    whole = builder.graph(outputs, graph.parameters, graph.notes)
    result, moved = prune(whole, whole.inputs)
    return Rewritten(
        result,
        {i: moved[new] for i, new in place.items() if new in moved},
        [(rule, i, moved[new]) for rule, i, new in applied if new in moved],
    )


def within(graph: Graph, known: list[Ratio]) -> bytearray:
    """1 for nodes that only larger polynomials use."""
    found = bytearray(b"\1" * len(graph))
    for i, part in enumerate(known):
        if part.atom == i:
            for argument in graph.arguments(i):
                found[argument] = 0
    for _, node in graph.outputs:
        found[node] = 0
    return found


def is_written(p: Poly) -> bool:
    """Whether the coefficients are decimals that a float holds: 1/3 is not."""
    return all(fraction(float(c)) == c for c in p)


def written(x: Expr, top: Poly, bottom: Poly) -> Expr | float | None:
    """A quotient of products of factors, the highest coefficients in front or in a sum of terms.

    None where that takes coefficients that cannot be written.
    """
    if not top:
        return 0.0
    above, below = factors(top), factors(bottom)
    number = top[-1] / bottom[-1]
    for k, (q, n) in enumerate(above):
        if n == 1 and len(q) > 2:
            above[k], number = (tuple(number * c for c in q), 1), Fraction(1)
    if not all(map(is_written, [(number,), *(q for q, _ in above + below)])):
        return None
    over, under = product(x, above), product(x, below)
    if over is None:
        return float(number) if under is None else float(number) / under
    if number != 1:
        over = -over if number == -1 else float(number) * over
    return over if under is None else over / under


def product(x: Expr, parts: list[tuple[Poly, int]]) -> Expr | None:
    """The product of factors and their powers; None where there are none."""
    made = [horner(x, q) if k == 1 else horner(x, q) ** k for q, k in parts]
    return reduce(lambda a, b: a * b, made) if made else None


def horner(x: Expr, p: Poly) -> Expr:
    """A polynomial with a product and a sum for each power."""
    found = x if p[-1] == 1 else float(p[-1]) * x
    for k, c in enumerate(reversed(p[:-1])):
        if k:
            found = found * x
        if c:
            found = found + float(c) if c > 0 else found - float(-c)
    return found
