"""The direction that `--along` gives."""

from __future__ import annotations

import json

from backprop_cli.cli.options import Options
from backprop_cli.engine.point import Value, nested, normal, parse_point
from backprop_cli.errors import FileFault, UsageFault


def read_along(options: Options, command: str) -> dict[str, Value]:
    """The tangent of each variable that is named; raises UsageFault where there is none."""
    tangents: dict[str, Value] = {}
    for text in options.along:
        for name, value in _tangents(text).items():
            if name in tangents:
                raise UsageFault(f"'{name}' is given twice in --along")
            tangents[name] = value
    if not tangents:
        raise UsageFault(
            f"{command} needs a direction",
            help="--along x=1,y=2: how each variable moves; those that are not named stay",
        )
    return tangents


def _tangents(text: str) -> dict[str, Value]:
    """Those of a text, or of the JSON object in `@file`."""
    if not text.startswith("@"):
        return parse_point(text, "--along")
    name = text[1:]
    try:
        with open(name, encoding="utf-8-sig") as file:
            found = json.load(file)
    except OSError as failure:
        raise FileFault(f"cannot read {name}: {failure.strerror}") from None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise FileFault(
            f"{name} is not a JSON object of numbers and nested lists",
            help='as in {"x": 1, "w": [1, 0]}',
        )
    return {normal(key): nested(item) for key, item in found.items()}
