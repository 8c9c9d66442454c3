"""A point as text, `x=1, w=[1, 2]`: values for variables.

A value is a number, a nested list of numbers, or a constant expression of the language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from backprop_cli.errors import BpropError, NameFault, ShapeFault, Span, UsageFault

Value = Any  # a float, a nested list of floats, or an array
DEEPEST = 32  # dimensions, as many as NumPy has had for long
_OPEN, _CLOSE = "([{", ")]}"
_JSON_WORDS = {"None": "null", "True": "true", "False": "false"}


class Uncertain(NamedTuple):
    """A value with its standard deviation: a number, or a list in the shape of the value."""

    value: Value
    sigma: Value


def why_not_json(failure: Exception) -> str:
    """What `json.loads` has against a text."""
    if isinstance(failure, RecursionError):
        return "too deeply nested"
    return getattr(failure, "msg", "a number has thousands of digits")


def parse_point(text: str, origin: str = "--at", *, uncertain: bool = False) -> dict[str, Value]:
    """The values in a text like `x=1, w=[1, 2], t=pi/4`; raises an error that shows the place.

    Where `uncertain`, a value may be one like `1±0.1` or `1 +/- 0.1`, and is then an Uncertain.

    >>> parse_point("x=1, w=[1, 2]")
    {'x': 1.0, 'w': [1.0, 2.0]}
    """
    values: dict[str, Value] = {}
    try:
        for start, part in _split(text):
            name, value = _binding(part, start, uncertain)
            if name in values:
                raise UsageFault(f"'{name}' is bound twice", _span_of(part, start))
            values[name] = value
    except BpropError as fault:
        fault.source, fault.origin = text, origin
        raise
    return values


def _split(text: str) -> Iterator[tuple[int, str]]:
    """The parts between commas that stand outside brackets, with where they begin."""
    depth = start = 0
    for k, letter in enumerate(text + ","):
        if letter in _OPEN:
            depth += 1
        elif letter in _CLOSE:
            depth -= 1
        elif letter == "," and (depth <= 0 or k == len(text)):
            part = text[start:k]
            if part.strip():
                yield start, part
            start = k + 1


def _span_of(part: str, start: int) -> Span:
    begin = start + len(part) - len(part.lstrip())
    return Span(begin, begin + len(part.strip()))


def _binding(part: str, start: int, uncertain: bool) -> tuple[str, Value]:
    left, equals, right = part.partition("=")
    if not equals:
        raise UsageFault(
            f"'{part.strip()}' binds nothing", _span_of(part, start), help="write name=value: x=1"
        )
    name = normal(left.strip())
    if not name.isidentifier():
        raise UsageFault(
            f"'{left.strip()}' is not a name",
            _span_of(left or "=", start),
            help="write name=value: x=1",
        )
    begin = start + len(left) + 1
    if not right.strip():
        raise UsageFault(f"'{name}' gets no value", _span_of(part, start), help=f"write {name}=1")
    alone = right.replace("==", "  ").replace("<=", "  ").replace(">=", "  ").replace("!=", "  ")
    for mark in "=;":
        if mark in alone and not ("[" in right and mark == ";"):
            at = begin + alone.index(mark)
            raise UsageFault(
                f"unexpected '{mark}' in the value of '{name}'",
                Span(at, at + 1),
                help="separate values with commas: x=1,y=2",
            )
    if uncertain and ("±" in right or "+/-" in right):
        from backprop_cli.engine.uncertain_point import uncertain_constant

        return name, shifted(uncertain_constant, right, begin)
    return name, shifted(constant, right, begin)


def shifted(read: Any, text: str, by: int) -> Value:
    """What `read` makes of a text that begins at `by` in a longer one."""
    try:
        return read(text)
    except BpropError as fault:
        span = fault.span or Span(len(text) - len(text.lstrip()), len(text.rstrip()))
        fault.span = Span(span.start + by, span.end + by)
        raise


def normal(name: str) -> str:
    """A name as the language has it: NFC, and the micro sign as mu."""
    if name.isascii():
        return name
    from unicodedata import normalize

    return normalize("NFC", name).replace("\u00b5", "\u03bc")


def constant(text: str) -> Value:
    """The value of a constant expression, `1`, `-pi/4` or `[1, 2, 3]`."""
    stripped = text.strip()
    _refuse_notation(text)
    if stripped[0].isdigit() or (stripped[0] in "-." and stripped[1:2].isdigit()):
        try:
            return _in_range(float(stripped), stripped)
        except ValueError:
            pass
    if stripped[0] == "[" and not any(c.isalpha() for c in stripped.replace("e", "")):
        import json

        try:
            return nested(json.loads(stripped))
        except (ValueError, RecursionError):
            pass
    return _evaluated(text)


NOTATION = r"(\d\.?\d*)\((\d+)\)|(?<=[\w.)]) *\+ ?- *(?=[\d.])"


def _refuse_notation(text: str) -> None:
    """Refuses what means an uncertainty elsewhere: `1.234(5)` and `1 +- 0.1`."""
    if "+" not in text and "(" not in text:
        return
    found = re.search(NOTATION, text)
    if found is None or (found[2] and "." not in text[: found.end(1)]):
        return
    span = Span(found.start(), found.end())
    if found[2]:
        raise UsageFault(
            f"'{found[0]}' in a value may be a product, or digits with their uncertainty",
            span,
            help=f"a product: {found[1]}*{found[2]}; an uncertainty: x=1.234±0.005",
        )
    raise UsageFault(
        "'+-' in a value may be a difference, or an uncertainty",
        span,
        help="a difference: 1 - 0.1; an uncertainty: 1±0.1, also 1+/-0.1",
    )


def _in_range(value: float, text: str) -> float:
    if value in (float("inf"), float("-inf")):
        raise UsageFault(f"the number {text} is too large for a 64-bit float", help="write inf")
    return value


def _evaluated(text: str) -> Value:
    from backprop_cli.engine.evaluate import evaluate
    from backprop_cli.engine.lower import load, lower

    graph = lower(load(text))
    if graph.inputs:
        first = graph.inputs[0]
        spans = graph.spans.get(first)
        raise NameFault(
            f"the value of a variable must be constant, and '{graph.names[first]}' is a variable",
            Span(*spans[0]) if spans else None,
            help="numbers, pi, e and functions of them make a constant: x=pi/4",
        )
    value = evaluate(graph, {}).value
    return float(value) if graph.shape(graph.outputs[0][1]) == () else value


def nested(item: Any, depth: int = 0) -> Value:
    """JSON's value as a float or nested list of floats; raises where it is neither."""
    if isinstance(item, str):
        if not item.strip():
            raise UsageFault("an empty text is not a number")
        return constant(item)
    if isinstance(item, (int, float)) and not isinstance(item, bool):
        return _float(item)
    if not isinstance(item, list):
        raise UsageFault(
            f"{_JSON_WORDS.get(str(item), 'an object')} is not a number",
            help='numbers that JSON lacks are texts: "inf"',
        )
    if depth == DEEPEST:
        raise ShapeFault(f"a list is nested more than {DEEPEST} deep")
    if all(type(part) is float for part in item):
        parts = item
    else:
        parts = [nested(part, depth + 1) for part in item]
    if depth == 0:
        shape_of(parts)
    return parts


def _float(item: float) -> float:
    try:
        return float(item)
    except OverflowError:
        raise UsageFault("a number is too large for a 64-bit float") from None


def shape_of(value: Value) -> tuple[int, ...]:
    """The shape of a float, an array or a nested list; raises ShapeFault where rows differ."""
    if not isinstance(value, list):
        return tuple(getattr(value, "shape", ()))
    if not value:
        raise ShapeFault("an empty list has no value")
    first = shape_of(value[0])
    if first or not all(type(part) is float for part in value):
        for part in value[1:]:
            if shape_of(part) != first:
                raise ShapeFault(
                    "the rows of a list differ in length",
                    help="every row of a matrix has the same number of elements",
                )
    return (len(value), *first)


def constant_option(flag: str, text: str) -> Value:
    """The value of an option that is a constant expression, lists as arrays."""
    if not text.strip():
        raise UsageFault(f"{flag} needs a value")
    try:
        value = constant(text)
    except BpropError as fault:
        fault.source, fault.origin = text, flag
        raise
    if isinstance(value, list):
        import numpy as np

        return np.array(value)
    return value
