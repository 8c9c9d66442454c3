"""The derivatives of the digamma function."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy import special


def polygamma_values(order: int, x: Any) -> Any:
    """polygamma(order, x) for a float or an array.

    By the Hurwitz zeta function right of 0, left of it by reflection (Abramowitz and Stegun 1964,
    6.4.10 and 6.4.7).
    """
    if order == 0:
        return special.psi(x)
    x = np.asarray(x, dtype=np.float64)
    sign = (-1.0) ** order
    with np.errstate(all="ignore"):
        positive = np.where(x > 0, x, 1.0 - x)
        zeta = special.gamma(order + 1.0) * special.zeta(order + 1.0, positive)
        left = -zeta - np.pi ** (order + 1) * np.polyval(_cot_derivative(order), _cotangent(x))
        value = np.where(x > 0, -sign * zeta, np.where(x == np.floor(x), np.nan, left))
        value = np.where(x == 0, np.inf, value)
    return value[()]


def _cotangent(x: Any) -> Any:
    """The cotangent of pi*x, exact where it is 0."""
    rest = x - np.round(x)
    other = np.copysign(0.5 - np.abs(rest), rest)
    return np.where(np.abs(rest) > 0.25, np.tan(np.pi * other), 1.0 / np.tan(np.pi * rest))


@cache
def _cot_derivative(order: int) -> list[float]:
    """The derivative of cot(u), `order` times, as a polynomial in cot(u), highest power first."""
    coefficients = [0.0, 1.0]  # lowest power first
    for _ in range(order):
        slopes = [k * c for k, c in enumerate(coefficients)][1:]
        coefficients = [0.0] * (len(slopes) + 2)
        for k, slope in enumerate(slopes):  # d cot = -(1 + cot^2) du
            coefficients[k] -= slope
            coefficients[k + 2] -= slope
    return coefficients[::-1]
