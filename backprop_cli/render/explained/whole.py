"""An explanation as a lesson, in the order in which it is taught."""

from __future__ import annotations

from backprop_cli.engine.explanation import Explanation
from backprop_cli.render.explained.adjoints import adjoints
from backprop_cli.render.explained.steps import gradient, locals, steps
from backprop_cli.render.explained.voice import Voice
from backprop_cli.render.explained.ways import paths
from backprop_cli.render.lesson import Block, Heading


def lesson(found: Explanation, digits: int) -> list[Block]:
    """The whole lesson, with numbers of `digits` significant digits."""
    voice = Voice(found, digits)
    return [
        Heading("The chain rule on this graph", 1),
        *steps(voice),
        *locals(voice),
        *adjoints(voice),
        *paths(voice),
        *gradient(voice),
    ]
