"""How functions are called: names and kinds of arguments, and what a call becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from backprop_cli.ir.builder import Builder

# The last operation of a call: its name, its arguments and its static parameter. It is not made
# yet, because it may be given a name.
Made = tuple[str, tuple[int, ...], Any]
Build = Callable[[Builder, list[Any], dict[str, Any]], Made]
REQUIRED = object()


class Form(NamedTuple):
    """How a function is called.

    `parameters` are (name, default or REQUIRED, whether static); `rest` is what kind of arguments
    may follow without end, 'value' or 'static'; `operation` is set where the call is just that.
    """

    name: str
    parameters: tuple[tuple[str, Any, bool], ...]
    build: Build
    summary: str
    rest: str = ""
    least: int = 0  # of the rest
    rest_name: str = ""
    static_kind: str = "shape"
    operation: str = ""
    named: tuple[str, ...] = ()  # static parameters that are given by name only

    @property
    def signature(self) -> str:
        parts = [
            name if default is REQUIRED else f"{name}={_shown(default)}"
            for name, default, _ in self.parameters
            if name not in self.named
        ]
        if self.rest:
            parts.append(f"{self.rest_name}, ...")
        parts += [f"{name}=" for name in self.named]
        return f"{self.name}({', '.join(parts)})"


class Plan(NamedTuple):
    """Where the arguments of one way to call a form go: for each, (parameter or None, static)."""

    form: Form
    slots: tuple[tuple[str | None, bool], ...]


def _shown(default: Any) -> str:
    if default is None or default is False or default is True:
        return str(default)
    return f"{default:g}" if isinstance(default, (int, float)) else str(default)
