"""Rows that array libraries share, and their static parameters as text."""

from __future__ import annotations

from typing import Any

from backprop_cli.render.source_code.language import Row, Statics, call, infix, test

Shape = tuple[int, ...]

# of Python's operators: those of arrays bind tighter than comparisons
OPERATORS: dict[str, Row] = {
    "identity": Row("{0}", 0),
    "stop_grad": Row("{0}", 0),
    "add": infix("+", 5),
    "sub": infix("-", 5),
    "mul": infix("*", 6),
    "div": infix("/", 6),
    "neg": Row("-{0:7}", 7),
    "lt": test("<", 1),
    "le": test("<=", 1),
    "gt": test(">", 1),
    "ge": test(">=", 1),
    "eq": test("==", 1),
    "ne": test("!=", 1),
    "and": Row("{0:c4} & {1:c4}", 3, truth=True),
    "or": Row("{0:c3} | {1:c3}", 2, truth=True),
    "not": Row("~{0:c7}", 7, truth=True),
    "square": call("_square"),
    "reciprocal": Row("1.0 / {0:7}", 6),
    "log_sigmoid": Row("-_softplus(-{0:7})", 7),
    "clip": Row("_minimum(_maximum({0}, {1}), {2})"),
    "matmul": infix("@", 6),
    "transpose": Row("{0:100}.{method}"),
    "index": Row("{0:100}[{index}]"),
}


def options(static: tuple[Shape | None, bool], shapes: list[Shape], out: Shape) -> dict[str, str]:
    """axis= and keepdims= where they are not the default."""
    axes, keepdims = static
    axis = axes[0] if axes is not None and len(axes) == 1 else axes
    text = "" if axes is None else f", axis={axis!r}"
    return {"options": text + (", keepdims=True" if keepdims else "")}


def subscript(index: Any) -> str:
    """An index as it stands in brackets.

    >>> subscript((0, ("slice", 1, 3, 1), ("slice", 2, -1, -1)))
    '0, 1:3, 2::-1'
    """
    words = []
    for entry in index:
        if not isinstance(entry, tuple):
            words.append(str(entry))
            continue
        _, start, stop, step = entry
        if not range(start, stop, step):
            start = stop = 0
        end = "" if stop < 0 else str(stop)
        words.append(f"{start}:{end}" + (f":{step}" if step != 1 else ""))
    return ", ".join(words) if len(words) != 1 or ":" in words[0] else words[0]


def _item(static: object, shapes: list[Shape], out: Shape) -> dict[str, str]:
    return {"item": "" if out else "[()]"}


STATICS: Statics = {
    **dict.fromkeys(
        ("sum", "prod", "mean", "var", "std", "max", "min", "norm", "logsumexp"), options
    ),
    **dict.fromkeys(
        ("softmax", "log_softmax", "concat", "stack"), lambda s, shapes, out: {"axis": repr(s)}
    ),
    **dict.fromkeys(
        ("reshape", "broadcast_to", "sum_to"), lambda s, shapes, out: {"to": repr(tuple(s))}
    ),
    "where": _item,
    "transpose": lambda s, shapes, out: {
        "method": "T" if s is None else f"transpose({', '.join(map(str, s))})"
    },
    "index": lambda s, shapes, out: {"index": subscript(s)},
    "scatter": lambda s, shapes, out: {"index": subscript(s[0]), "to": repr(tuple(s[1]))},
    "eye": lambda s, shapes, out: {"n": repr(s[0]), "m": repr(s[1])},
    "arange": lambda s, shapes, out: {"bounds": ", ".join(map(repr, s))},
    "polygamma": lambda s, shapes, out: {"n": repr(s)},
}
