"""Taylor coefficients as tables, documents, and a polynomial in the language."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from backprop_cli.render.numbers import finite, nested, value
from backprop_cli.render.sheet import Column, Formula, Sheet
from backprop_cli.render.sheets import DERIVATIVE, said

if TYPE_CHECKING:
    from backprop_cli.engine.taylor import Taylor

ROUNDING = 4e-16  # relative, of a coefficient, for each order
DENOMINATOR = 10_000  # up to which fractions are looked for
LARGEST = 10**9  # of the derivatives that are taken for whole numbers
LONGEST = 19  # digits of a whole number in a polynomial


def document(found: Taylor) -> dict[str, Any]:
    return {
        "value": found.coefficients[0],
        "wrt": found.name,
        "around": found.at,
        "order": len(found.coefficients) - 1,
        "coefficients": found.coefficients,
        "derivatives": found.derivatives,
        "polynomial": polynomial(found.coefficients, found.name, found.at),
    }


def sheets(found: Taylor, digits: int) -> list[Sheet]:
    """A row for each order; below them the polynomial, to be pasted."""
    columns = [
        Column("order", numeric=True, style="name"),
        DERIVATIVE,
        Column("coefficient", numeric=True, style="value"),
    ]
    rows = [
        [k, derivative, coefficient]
        for k, (derivative, coefficient) in enumerate(
            zip(found.derivatives, found.coefficients, strict=True)
        )
    ]
    title = f"{said(found.graph, found.output)} around {found.name} = {value(found.at, digits)}"
    written = polynomial(found.coefficients, found.name, found.at)
    return [Sheet(columns, rows, title, [Formula(written)] if written else [])]


def polynomial(coefficients: Sequence[Any], name: str, at: float) -> str | None:
    """The sum of the terms in the language; None where a coefficient is not finite.

    Fractions are written where a coefficient is one to rounding, else all digits. A tensor is
    written element by element.

    >>> polynomial([1.0, 1.0, 0.5, 1 / 6, 0.0], "x", 0.0)
    '1 + x + x^2/2 + x^3/6'
    >>> polynomial([0.0, -2.0, 0.1234567890123], "x", 1.0)
    '-2*(x - 1) + 0.1234567890123*(x - 1)^2'
    """
    if not math.isfinite(at) or not all(map(finite, coefficients)):
        return None
    shift = f"({name} {'-' if at > 0 else '+'} {_decimal(abs(at))})" if at else name
    return _written([nested(c) for c in coefficients], shift)


def _written(coefficients: list[Any], base: str) -> str:
    first = coefficients[0]
    if isinstance(first, list):
        parts = [_written([c[k] for c in coefficients], base) for k in range(len(first))]
        return f"[{', '.join(parts)}]"
    text = ""
    for k, c in enumerate(coefficients):
        if c == 0:
            continue
        sign = ("-" if c < 0 else "") if not text else (" - " if c < 0 else " + ")
        text += sign + _term(abs(c), k, base)
    return text or "0"


def _term(c: float, k: int, base: str) -> str:
    power = "" if k == 0 else base if k == 1 else f"{base}^{k}"
    fraction = rational(c, k)
    if fraction is None:
        return "*".join(part for part in (_decimal(c), power) if part)
    top = str(fraction.numerator)
    if power:
        top = power if fraction.numerator == 1 else f"{top}*{power}"
    return top if fraction.denominator == 1 else f"{top}/{fraction.denominator}"


def rational(c: float, k: int) -> Fraction | None:
    """The fraction that coefficient k is to rounding, if one of few digits, or over k!, is.

    >>> rational(1 / 3, 0), rational(0.3712345678, 2)
    (Fraction(1, 3), None)
    """
    rounding = ROUNDING * (k + 1)
    near = Fraction(c).limit_denominator(DENOMINATOR)
    if near and abs(float(near) - c) <= rounding * c and _is_short(near):
        return near
    scale = math.factorial(k)
    whole = round(min(c * scale, 2.0 * LARGEST)) if k <= 170 else 0
    if 1 <= whole <= LARGEST and abs(whole / scale - c) <= rounding * c:
        over = Fraction(whole, scale)
        return over if _is_short(over) else None
    return None


def _is_short(fraction: Fraction) -> bool:
    limit: int = 10**LONGEST
    return max(fraction.numerator, fraction.denominator) < limit


def _decimal(c: float) -> str:
    """All digits of a number, without a point where it is whole."""
    return str(int(c)) if c == int(c) and c < 1e16 else repr(c)
