"""An explanation as a lesson, in the order in which it is taught."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from backprop_cli.engine.explanation import Explanation
from backprop_cli.render.explained.adjoints import adjoints
from backprop_cli.render.explained.steps import gradient, locals, steps
from backprop_cli.render.explained.voice import Voice
from backprop_cli.render.explained.ways import paths
from backprop_cli.render.lesson import Block, Heading


def lesson(found: Explanation, digits: int) -> list[Block]:
    """The whole lesson, with numbers of `digits` significant digits."""
    voice = Voice(found, digits)
    parts = [steps, locals, adjoints, paths, gradient]
    blocks = [block for part in parts for block in part(voice)]
    return [Heading("The chain rule on this graph", 1), *_numbered(blocks)]


def _numbered(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks with their headings counted: a part without content has none."""
    count = 0
    for block in blocks:
        if isinstance(block, Heading):
            count += 1
            yield Heading(f"{count}. {block.text}")
        else:
            yield block
