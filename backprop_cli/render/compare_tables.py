"""What `compare` found: its table, and its JSON document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backprop_cli.render.documents import Document
from backprop_cli.render.numbers import value
from backprop_cli.render.sheet import Column, Sheet
from backprop_cli.render.sheets import NAME

if TYPE_CHECKING:
    from backprop_cli.engine.compare import Comparison
    from backprop_cli.engine.compare_gradients import GradientVerdict

SHORT = 6  # digits of a point in a sentence


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
    first = found.verdict
    if found.verdict == "equal":
        first = "equal: their difference simplifies to 0"
    example = found.counterexample
    if example is not None:
        what = "the derivative of the first" if example.reason == "gradient" else "the first"
        first = (
            f"differ: at {place(example.at)} {what} is {value(example.first, digits)}, "
            f"the second {value(example.second, digits)}"
        )
    if found.remark is None:
        return [first]
    if not found.gradients or (example is None and not found.equal):
        return [f"{first}: {found.remark}"]
    return [first, found.remark]


def place(at: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value(item, SHORT)}" for name, item in at.items())


def said(verdict: GradientVerdict, digits: int) -> str:
    if verdict.at is None:
        return "equal"
    first, second = value(verdict.first, digits), value(verdict.second, digits)
    here = f"at {place(verdict.at)}: {first} and {second}"
    if verdict.reason == "convention":
        return f"equal but for a convention {here}"
    return f"differ {here}"


def document(found: Comparison) -> Document:
    example = found.counterexample
    return {
        "equal": found.equal,
        "verdict": found.verdict,
        "shown": found.shown,
        "points": found.points,
        "counterexample": None
        if example is None
        else {
            "at": example.at,
            "first": example.first,
            "second": example.second,
            "reason": example.reason,
        },
        "remark": found.remark,
        "gradients": {name: _gradient(verdict) for name, verdict in found.gradients.items()},
    }


def _gradient(verdict: GradientVerdict) -> Document:
    return {
        "equal": verdict.equal,
        "reason": verdict.reason,
        "at": verdict.at,
        "first": verdict.first,
        "second": verdict.second,
    }
