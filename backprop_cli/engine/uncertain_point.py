"""Uncertain values: `1±0.1`, `[1, 2] +/- 0.1`, `[1±0.1, 2±0.2]`, and {"value": 1, "sigma": 0.1}.

What stands after the sign is a standard deviation, for each element where it is one number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backprop_cli.engine.point import Uncertain, Value, constant, nested, shape_of, shifted
from backprop_cli.errors import NameFault, ShapeFault, Span, UsageFault
from backprop_cli.ir.shapes import show

if TYPE_CHECKING:
    from backprop_cli.engine.program import Bound

INSIDE = "'±' stands after a value, or after an element of a list: x=1±0.1, 'w=[1±0.1, 2]'"
KEYS = {"value", "sigma"}


def uncertain_constant(text: str) -> Uncertain:
    """The value and the deviation in a text with a `±`; raises an error with its place.

    >>> uncertain_constant("[1±0.1, 2]")
    Uncertain(value=[1.0, 2.0], sigma=[0.1, 0.0])
    """
    text = text.replace("+/-", " ± ")  # as long, so that places stay
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "±" and depth <= 0:
            value, sigma = _sides(text, 0, at, len(text))
            deviation = shifted(constant, text[at + 1 :], at + 1)
            return checked(constant(value), deviation, Span(at, at + 1 + len(sigma.rstrip())))
    return _by_element(text)


def _sides(text: str, start: int, at: int, end: int) -> tuple[str, str]:
    """What stands before and after the `±` at a place; raises UsageFault."""
    value, sigma = text[start:at], text[at + 1 : end]
    if "±" in value + sigma:
        again = text.index("±", at + 1) if "±" in sigma else at
        raise UsageFault("a second '±' in one value", Span(again, again + 1), help=INSIDE)
    if not value.strip() or not sigma.strip():
        side = "after" if value.strip() else "before"
        raise UsageFault(f"a number is missing {side} '±'", Span(at, at + 1), help="x=1±0.1")
    return value, sigma


def _by_element(text: str) -> Uncertain:
    """A list in which elements have a `±`; those without one are exact."""
    values, sigmas = list(text), list(text)
    for start, end in _elements(text):
        at = text.find("±", start, end)
        if at >= 0:
            _sides(text, start, at, end)
            values[at:end] = " " * (end - at)
            sigmas[start : at + 1] = " " * (at + 1 - start)
        elif text[start:end].strip():
            sigmas[start:end] = "0".ljust(end - start)
    whole = Span(len(text) - len(text.lstrip()), len(text.rstrip()))
    return checked(constant("".join(values)), constant("".join(sigmas)), whole)


def _elements(text: str) -> list[tuple[int, int]]:
    """Where the elements of a list, or of lists in it, begin and end.

    Raises UsageFault where a `±` is in a call, or the list in an expression.
    """
    found = []
    start = calls = 0
    for at, letter in enumerate(text):
        calls += (letter in "({") - (letter in ")}")
        if letter == "±" and calls:
            raise UsageFault("'±' stands inside an expression", Span(at, at + 1), help=INSIDE)
        if calls or letter not in "[],;":
            continue
        outside = letter == "[" or (start > 0 and text[start - 1] == "]")
        if outside and text[start:at].strip():
            raise _in_expression(text)
        found.append((start, at))
        start = at + 1
    if text[start:].strip():
        raise _in_expression(text)
    return found


def _in_expression(text: str) -> UsageFault:
    at = text.index("±")
    return UsageFault("'±' stands inside an expression", Span(at, at + 1), help=INSIDE)


def checked(value: Value, sigma: Value, span: Span | None = None) -> Uncertain:
    """An uncertain value; raises where the deviation is no size, or has another shape."""
    if shape_of(sigma) and shape_of(sigma) != shape_of(value):
        raise ShapeFault(
            f"the uncertainty is {show(shape_of(sigma))}, the value is {show(shape_of(value))}",
            span,
            help="one number after '±' is for every element",
        )
    for part in flat(sigma):
        if not math.isfinite(part) or part < 0:
            raise UsageFault(
                f"an uncertainty is a standard deviation: {part:g} is not",
                span,
                help="write a number that is not negative: x=1±0.1",
            )
    return Uncertain(value, sigma)


def flat(value: Value) -> list[float]:
    """The elements of a number, a nested list or an array."""
    stack, found = [value], []
    while stack:
        part = stack.pop()
        part = part.tolist() if hasattr(part, "tolist") else part
        if isinstance(part, list):
            stack.extend(reversed(part))
        else:
            found.append(float(part))
    return found


def from_json(item: Any) -> Value | Uncertain:
    """A value of a point file: as `nested` has it, or uncertain."""
    if isinstance(item, str) and ("±" in item or "+/-" in item):
        return uncertain_constant(item)
    if isinstance(item, dict) and item.keys() & KEYS:
        if item.keys() != KEYS:
            missing = ", ".join(sorted(KEYS ^ item.keys()))
            raise UsageFault(
                f"an uncertain value has a value and a sigma, this one differs in {missing}",
                help='write {"value": 1, "sigma": 0.1}',
            )
        return checked(nested(item["value"]), nested(item["sigma"]))
    return nested(item)


def with_sigmas(bound: Bound, sigmas: Mapping[str, Value]) -> Bound:
    """The bound point with the deviations of the variables that the program uses.

    They are floats and arrays in the shapes of the values. Raises UsageFault for a parameter.
    """
    graph = bound.graph
    found: dict[str, Value] = {}
    for name, sigma in sigmas.items():
        if name in graph.parameters:
            raise UsageFault(
                f"'{name}' is a parameter, a whole number, and has no uncertainty",
                help=f"bind it without '±': {name}={graph.parameters[name]:g}",
            )
        if name in bound.point:
            found[name] = _in_shape(sigma, graph.shape(graph.by_name[name]))
    return bound._replace(sigmas=found)


def of_variables(bound: Bound, sigmas: Mapping[str, Any]) -> Bound:
    """The bound point with deviations given by name: numbers, lists or arrays.

    Raises NameFault for a name that is no variable, UsageFault and ShapeFault as for a point.
    """
    names = [bound.graph.names[i] for i in bound.graph.inputs]
    for name in sigmas:
        if name not in names and name not in bound.graph.parameters:
            raise NameFault(
                f"'{name}' is no variable of the program",
                help="its variables are " + ", ".join(names) if names else None,
            )
    found = {}
    for name, sigma in sigmas.items():
        size = sigma if isinstance(sigma, list) or shape_of(sigma) else float(sigma)
        found[name] = checked(bound.point.get(name), size).sigma
    return with_sigmas(bound, found)


def _in_shape(sigma: Value, shape: tuple[int, ...]) -> Value:
    if not shape:
        return float(sigma)
    import numpy as np

    return np.broadcast_to(np.asarray(sigma, dtype=np.float64), shape).copy()
