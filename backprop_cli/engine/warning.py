"""What a user should know about a result: a choice it rests on, or a value that is not finite."""

from __future__ import annotations

from typing import Any, NamedTuple

from backprop_cli.errors import Span


class Warning_(NamedTuple):
    """One warning: `path` and `value` say which number of the result it is about."""

    kind: str  # 'kink', 'jump', 'domain', 'non-finite', 'no-path', 'accuracy' or 'note'
    node: str | None
    span: Span | None
    message: str
    path: str | None = None
    value: Any = None
