"""The commands, a file each, imported only when its command runs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backprop_cli.cli.options import Command

SUMMARIES = {
    "eval": "The value of an expression, and of every named node.",
    "grad": "The derivatives of an expression, by backpropagation.",
    "trace": "Both passes, step by step, as on a board.",
    "paths": "The paths between two nodes, their products and their sum.",
    "render": "A picture of the graph, with values and derivatives.",
    "jacobian": "All derivatives of outputs that are not scalars.",
    "ops": "The operations and their derivative rules.",
    "schema": "The JSON Schema of what a command prints with --json.",
}


def load(name: str) -> Command:
    """The command called `name`; raises KeyError."""
    if name not in SUMMARIES:
        raise KeyError(name)
    module = import_module(f"backprop_cli.cli.commands.{name}_")
    command: Command = module.COMMAND
    return command
