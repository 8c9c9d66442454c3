"""The power series of sinc(u), where its derivative's rule loses digits with each order.

The rule (cos(pi u) - sinc(u))/u divides by u again for each order. But u sinc(u) = sin(pi u)/pi, so
that of the coefficients s_k of sinc and c_k of sin(pi u)/pi each is c_k = u s_k + s_(k - 1). From
below this is stable while k < pi |u|, and from above beyond (Gautschi 1967, "Computational aspects
of three-term recurrence relations"). Those of sinc(u(t)) follow by the powers of u(t) - u(0).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Value

LARGEST = 170  # whose factorial is a float


class SincSeries:
    """The coefficients of sinc(u(t)) from those of u, a float or an array of numbers each."""

    def __init__(self, u: list[Value]) -> None:
        self.u = u
        self.outer: list[Value] = []  # the coefficients of sinc at u(0)
        self.powers: list[list[Value]] = []  # of u(t) - u(0): powers[m - 1][k] that of t^k

    def coefficient(self, k: int) -> Value:
        """The coefficient of t^k; those below have been asked for, and u[k] is known."""
        self.outer.append(self._outer(k))
        if k == 0:
            return self.outer[0]
        self.powers.append([0.0 * self.u[0]] * k)
        total: Value = 0.0
        for m in range(1, k + 1):
            power = self.u[k] if m == 1 else self._power(m, k)
            self.powers[m - 1].append(power)
            total = total + self.outer[m] * power
        return total

    def _power(self, m: int, k: int) -> Value:
        """Coefficient k of the m-th power: that of u - u(0) times the power below."""
        below = self.powers[m - 2]
        return sum(self.u[j] * below[k - j] for j in range(1, k - m + 2))

    def _outer(self, k: int) -> Value:
        x = self.u[0]
        if not hasattr(x, "ndim"):
            waves = _waves(x) if math.isfinite(x) else (math.nan, math.nan)
            if math.pi * abs(x) <= k + 1:
                return _from_above(x, k, waves)
            return self._from_below(x, k, waves)
        import numpy as np

        is_low: Any = np.pi * np.abs(x) <= k + 1
        low, high = np.where(is_low, x, 0.0), np.where(is_low, 1.0, x)
        above = _from_above(low, k, (np.sin(np.pi * low), np.cos(np.pi * low)))
        below = self._from_below(high, k, (np.sin(np.pi * high), np.cos(np.pi * high)))
        both: Any = np.where(is_low, above, below)
        return both[()]

    def _from_below(self, x: Value, k: int, waves: tuple[Value, Value]) -> Value:
        own = _wave(k, waves)
        return (own - self.outer[k - 1] if k else own) / x


def _from_above(x: Value, k: int, waves: tuple[Value, Value]) -> Value:
    """s_k = c_(k + 1) - x c_(k + 2) + x^2 c_(k + 3) - ..."""
    total: Value = 0.0
    for m in range(k + 30 + 9 * math.isqrt(k), k, -1):
        total = _wave(m, waves) - x * total
    return total + 0.0


def _waves(x: float) -> tuple[float, float]:
    return math.sin(math.pi * x), math.cos(math.pi * x)


def _wave(k: int, waves: tuple[Value, Value]) -> Value:
    """c_k, from the sine and the cosine of pi u."""
    whole = min(k, LARGEST)
    size = math.pi ** (whole - 1) / math.factorial(whole)
    for m in range(whole + 1, k + 1):
        size *= math.pi / m
    return waves[k % 2] * (-size if k % 4 in (2, 3) else size)
