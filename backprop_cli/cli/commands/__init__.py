"""The commands, a file each, imported only when its command runs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backprop_cli.cli.options import Command

SUMMARIES = {
    "eval": "The value of an expression, and of every named node.",
    "grad": "The derivatives of an expression, by backpropagation.",
    "diff": "Symbolic derivatives, simplified, to be fed back.",
    "trace": "Both passes, step by step, as on a board.",
    "paths": "The paths between two nodes, their products and their sum.",
    "explain": "The chain rule on this graph, step by step.",
    "render": "A picture of the graph, with values and derivatives.",
    "jacobian": "All derivatives of outputs that are not scalars.",
    "hessian": "The second derivatives of a scalar output, in few products.",
    "jvp": "Derivatives along a direction: the Jacobian times a vector.",
    "vjp": "Gradients weighted by a seed: a vector times the Jacobian.",
    "hvp": "The Hessian times a direction, without the Hessian.",
    "taylor": "The Taylor polynomial of an output in one variable.",
    "check": "The gradient against precise differences, or against yours.",
    "compare": "Whether two expressions are equal, and their derivatives.",
    "doctor": "Why a result is not finite or not accurate, and a cure.",
    "schedule": "Which operations are independent, and what more processors gain.",
    "export": "Code for value and gradient, in a language of your choice.",
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
