"""What a function of loops is made of, and its text in C, JavaScript and Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple


class Array(NamedTuple):
    """A new array of numbers; `place` is where it stands in the gradient, if it is a part of it."""

    name: str
    size: int
    place: int | None = None


class Assign(NamedTuple):
    """`target = code`; a `new` target is declared, and `varies` if it is assigned again."""

    target: str
    code: str
    new: bool = False
    varies: bool = False
    truth: bool = False
    sign: str = "="


class Loop(NamedTuple):
    variable: str
    turns: int
    body: list[Statement]


class Call(NamedTuple):
    code: str


Statement = Array | Assign | Loop | Call


class Syntax(NamedTuple):
    """How a language writes each of them; `indent` is that of the function's body."""

    array: Callable[[Array], str]
    assign: Callable[[Assign], str]
    loop: Callable[[Loop], str]
    call: str
    end: str
    step: str


def written(statements: Iterable[Statement], syntax: Syntax, indent: str) -> list[str]:
    """The lines of statements; loops are nested as deeply as arrays have axes."""
    lines = []
    for s in statements:
        if isinstance(s, Loop):
            lines.append(indent + syntax.loop(s))
            lines += written(s.body, syntax, indent + syntax.step)
            lines += [indent + syntax.end] if syntax.end else []
        elif isinstance(s, Array):
            lines.append(indent + syntax.array(s))
        elif isinstance(s, Assign):
            lines.append(indent + syntax.assign(s))
        else:
            lines.append(indent + syntax.call.format(s.code))
    return lines


def arrays(statements: Iterable[Statement]) -> list[Array]:
    """The arrays that are made; none is made inside a loop."""
    return [s for s in statements if isinstance(s, Array)]
