"""Mistakes in a number: a constant factor that is missing or too many, or a constant added."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from backprop_cli.engine.mistakes import Hypothesis, Mistake, Sample

FITS = 1e-7  # the relative error up to which a prediction fits
KNOWN = {
    math.log(10): "log(10)",
    math.log(2): "log(2)",
    1 / math.log(10): "1/log(10)",
    1 / math.log(2): "1/log(2)",
    math.pi: "pi",
    2 * math.pi: "2*pi",
    1 / math.pi: "1/pi",
    math.pi / 180: "pi/180, between degrees and radians,",
    180 / math.pi: "180/pi, between degrees and radians,",
    math.sqrt(2): "sqrt(2)",
    math.sqrt(0.5): "1/sqrt(2)",
    math.sqrt(math.pi): "sqrt(pi)",
}


def constants(
    samples: Sequence[Sample], node: int, made: Callable[..., Mistake]
) -> Iterator[Hypothesis]:
    """A constant factor, or a constant that was added."""
    graph = samples[0].sweep.graph
    known = {abs(value) for value in graph.static.values() if isinstance(value, float)}
    ratio = ratio_of(samples, node)
    if ratio is not None:
        several = sum(int(np.count_nonzero(s.ours[node])) for s in samples) > 1
        nice = fraction(ratio)
        if nice is not None and (several or abs(ratio) in known | {2.0, 0.5, 3.0, 4.0}):
            message = f"the factor {nice} is missing"
            if abs(ratio) < 1:
                message = f"there is a factor {fraction(1 / ratio) or 1 / ratio} too many"
            yield made("factor", message, factor=ratio), lambda s: s.ours[node] / ratio
        elif several:
            message = f"the constant factor {named(ratio)} is missing"
            yield made("factor", message, factor=ratio), lambda s: s.ours[node] / ratio
    if len(samples) > 1:
        shift = samples[0].theirs[node] - samples[0].ours[node]
        if shift.size == 1 or np.ptp(shift) <= FITS * np.max(np.abs(shift)):
            value = float(shift.flat[0])
            message = f"the constant {value:.6g} is added to it"
            yield made("constant", message), lambda s: s.ours[node] + value


def ratio_of(samples: Sequence[Sample], node: int) -> float | None:
    """Ours over theirs where it is one number for all elements of the first sample."""
    ours, theirs = samples[0].ours[node].ravel(), samples[0].theirs[node].ravel()
    with np.errstate(all="ignore"):
        ratios = (ours / theirs)[(ours != 0) | (theirs != 0)]
    if not ratios.size or not np.isfinite(ratios).all() or ratios[0] == 0:
        return None
    if np.ptp(ratios) > FITS * abs(ratios[0]):
        return None
    return float(ratios[0])


def named(value: float) -> str:
    """A number by the constants it is made of, where they are usual.

    >>> named(2.302585093), named(1.5)
    ('log(10)', '1.5')
    """
    for known, text in KNOWN.items():
        if math.isclose(abs(value), known, rel_tol=1e-8):
            return text if value > 0 else f"-{text}"
    return f"{value:.6g}"


def fraction(value: float) -> str | None:
    """A number as a small whole number or fraction; None where it is neither.

    >>> fraction(2.0), fraction(-0.5), fraction(1.3862943611)
    ('2', '-1/2', None)
    """
    for below in range(1, 13):
        above = round(value * below)
        if above and abs(above) <= 1000 and abs(value * below - above) <= 1e-9 * abs(above):
            return str(above) if below == 1 else f"{above}/{below}"
    return None
