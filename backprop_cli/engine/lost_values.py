"""Where the values of a forward pass have lost most of their digits."""

from __future__ import annotations

from collections.abc import Sequence

from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.findings import said
from backprop_cli.engine.stability import MOST_ELEMENTS, elements, may_lose_digits
from backprop_cli.engine.sweep import Evaluation
from backprop_cli.engine.warning import Warning_

MOST_OUTPUTS = 8
MOST_NODES = 100_000


def lost_values(evaluation: Evaluation, outputs: Sequence[tuple[str, int]]) -> list[Warning_]:
    """A warning for each scalar output, named by its path, that lost more than half its digits.

    A reverse pass estimates the rounding of each; large programs are not looked at.
    """
    graph = evaluation.graph
    if len(graph) > MOST_NODES or elements(graph) > MOST_ELEMENTS:
        return []
    found: list[Warning_] = []
    for path, node in outputs[:MOST_OUTPUTS]:
        if graph.shape(node):
            continue
        sweep = differentiate(graph, {}, node, backend=evaluation.backend, evaluation=evaluation)
        if may_lose_digits(sweep):
            from backprop_cli.engine.lost_digits import sweep_losses

            losses = sweep_losses(sweep, said, value_only=True)
            found += [loss._replace(path=path) for loss in losses]
    return found
