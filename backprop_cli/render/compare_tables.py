"""What `compare` found: its table, and its JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backprop_cli.render.documents import Document
from backprop_cli.render.numbers import elements, value
from backprop_cli.render.sheet import Column, Sheet
from backprop_cli.render.sheets import NAME

if TYPE_CHECKING:
    from backprop_cli.engine.compare import Comparison, Counterexample
    from backprop_cli.engine.compare_gradients import GradientVerdict

SHORT = 6  # digits of a point in a sentence
ALL = 17  # digits that tell any two floats apart
WIDTH = 88  # of a line with arrays; one that is longer has a line for each of them
LEAST = 20  # of a point in a cell, however long the rest is
AT_GIVEN = {
    "equal": "at the given point both are equal",
    "first": "at the given point only the first has a value",
    "second": "at the given point only the second has a value",
    "neither": "at the given point neither has a value",
    "unknown": "at the given point their numbers are too large or too small to tell",
}


def comparison(found: Comparison, form: str, digits: int) -> list[Sheet]:
    """The verdict in the title, a row for the derivative by each variable."""
    if form == "csv":
        columns = [Column("what"), Column("equal"), Column("reason")]
        example = found.counterexample
        rows: list[list[Any]] = [["value", _word(found.equal), example.reason if example else ""]]
        rows += [[n, _word(g.equal), g.reason or ""] for n, g in found.gradients.items()]
        return [Sheet(columns, rows, index_at=None)]
    rows = [[name, said(verdict, digits)] for name, verdict in found.gradients.items()]
    title = "\n".join(lines(found, digits))
    return [Sheet([NAME, Column("derivatives")], rows, title)]


def _word(equal: bool) -> str:
    return "true" if equal else "false"


def lines(found: Comparison, digits: int) -> list[str]:
    """The verdict in words."""
    verdict = found.verdict + (f" with {place(found.fixed)}" if found.fixed else "")
    example = found.counterexample
    first = [verdict]
    if found.verdict == "equal":
        first = [f"{verdict}: their difference simplifies to 0"]
    if example is not None:
        first = counterexample(verdict, found, example, digits)
    told = AT_GIVEN.get(found.given or "")
    is_shown = example is not None and example.reason == "domain" and found.given != "equal"
    is_news = found.given != "equal" if found.equal else not is_shown
    last = [told] if told and is_news else []
    if found.remark is None:
        return first + last
    if not found.gradients or (example is None and not found.equal):
        return [f"{first[0]}: {found.remark}"]
    return [*first, found.remark, *last]


def counterexample(
    verdict: str, found: Comparison, example: Counterexample, digits: int
) -> list[str]:
    """On one line, or a line for each array where that is too long."""
    what = "the first"
    if example.reason == "gradient":
        wrong = next(g for g in found.gradients.values() if not g.equal)
        what = f"{wrong.element or 'the derivative'} of the first"
    at = f"at {place(example.at)} " if example.at else ""
    first, second = apart(example.first, example.second, digits)
    apart_at = differing(example.first, example.second) if first == second else None
    if first == second and apart_at is None:
        gap = example.difference
        end = "and differ" if gap is None else f"the first less the second is {value(gap, SHORT)}"
        return [f"{verdict}: {at}both are {first} in floats, {end}"]
    if apart_at is not None:
        index, one, other = apart_at
        what, (first, second) = f"value[{index}] of {what}", apart(one, other, digits)
    line = f"{verdict}: {at}{what} is {first}, the second {second}"
    if len(line) <= WIDTH:
        return [line]
    parts = [f"{what} is {first}", f"the second {second}"]
    parts += [f"at {name} = {value(item, SHORT)}" for name, item in example.at.items()]
    return [f"{verdict}:", *(f"  {fitting(part, WIDTH - 2)}" for part in parts)]


def differing(first: Any, second: Any) -> tuple[str, float, float] | None:
    """The first element that differs of two arrays that look the same, long axes being cut."""
    pairs = zip(elements(first), elements(second), strict=True)
    return next(((k, a, b) for (k, a), (_, b) in pairs if a != b and (a == a or b == b)), None)


def apart(first: Any, second: Any, digits: int) -> tuple[str, str]:
    """Two values with as many digits as tell them apart.

    >>> apart(1.0, 1.0 + 1e-12, 10)
    ('1', '1.000000000001')
    """
    for count in range(digits, max(digits, ALL) + 1):
        texts = value(first, count), value(second, count)
        if texts[0] != texts[1]:
            return texts
    return value(first, digits), value(second, digits)


def fitting(text: str, room: int) -> str:
    """A text cut to some columns."""
    return text if len(text) <= room else f"{text[: room - 1]}…"


def place(at: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value(item, SHORT)}" for name, item in at.items())


def said(verdict: GradientVerdict, digits: int) -> str:
    if verdict.at is None:
        return "equal"
    first, second = apart(verdict.first, verdict.second, digits)
    what = f"{verdict.element} = " if verdict.element else ""
    start = "equal but for a convention" if verdict.reason == "convention" else "differ"
    end = f": {what}{first} and {second}"
    room = max(LEAST, WIDTH - len(start) - len(end) - 16)
    point = f" at {fitting(place(verdict.at), room)}" if verdict.at else ""
    return start + point + end


def document(found: Comparison) -> Document:
    example = found.counterexample
    return {
        "equal": found.equal,
        "verdict": found.verdict,
        "shown": found.shown,
        "points": found.points,
        "fixed": found.fixed,
        "given": found.given,
        "counterexample": None
        if example is None
        else {
            "at": {**found.fixed, **example.at},
            "first": example.first,
            "second": example.second,
            "reason": example.reason,
            "difference": example.difference,
        },
        "remark": found.remark,
        "gradients": {name: _gradient(verdict, found) for name, verdict in found.gradients.items()},
    }


def _gradient(verdict: GradientVerdict, found: Comparison) -> Document:
    return {
        "equal": verdict.equal,
        "reason": verdict.reason,
        "at": None if verdict.at is None else {**found.fixed, **verdict.at},
        "element": verdict.element,
        "first": verdict.first,
        "second": verdict.second,
    }
