"""Two values to many digits, side by side, and how many digits it takes to tell them apart."""

from __future__ import annotations

from typing import Any, NamedTuple

DIGITS = 60  # of high-precision values
RELATIVE = "1e-50"  # the difference of equal values of 60 digits, at most
HUGE = 300  # the power of ten beyond which mpmath is not asked for functions


class Exact(NamedTuple):
    """The elements of both values to many digits, first and second side by side.

    `digits` are those that the numbers on the way to them span: with so many, none is lost beside
    another. `huge` is whether one is so large that functions of it are not computed.
    """

    pairs: list[tuple[Any, Any]]
    digits: int
    huge: bool


class Magnitudes:
    """The powers of ten of the largest and the smallest of some numbers, but for 0."""

    def __init__(self) -> None:
        self.top = self.bottom = 0

    @property
    def huge(self) -> bool:
        return self.top > HUGE

    def add_all(self, value: Any) -> None:
        """The elements of an array, or a number."""
        for number in value.ravel() if hasattr(value, "ravel") else (value,):
            self.add(number)

    def add(self, number: Any) -> None:
        from backprop_cli.backends.mpmath_numbers import mp

        bits = mp.mag(number)
        if isinstance(bits, int):  # neither 0 nor infinite nor nan
            power = bits * 3 // 10
            self.top, self.bottom = max(self.top, power), min(self.bottom, power)


def judged(a: Any, b: Any) -> str:
    from backprop_cli.backends.mpmath_numbers import mp

    known = [mp.isfinite(a), mp.isfinite(b)]
    if not all(known):
        return "first" if known[0] else "second" if known[1] else "neither"
    with mp.workdps(DIGITS):
        miss = abs(a - b)
        small = mp.mpf(RELATIVE) * max(abs(a), abs(b))
        return "equal" if miss <= small else "differ"
