"""What `eval` and `grad` answer where variables are uncertain; imported only then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backprop_cli.cli.answer import Answer
from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.jacobian import jacobian
from backprop_cli.engine.sweep import Evaluation
from backprop_cli.engine.uncertainty import output_sigmas, roughness, uncertainty
from backprop_cli.engine.warning import Warning_
from backprop_cli.render import uncertain

if TYPE_CHECKING:
    from backprop_cli.engine.program import Bound
    from backprop_cli.engine.sweep import Sweep

CHOICES = ("kink", "jump", "domain")


def gradient_answer(bound: Bound, sweep: Sweep, wrt: Sequence[int] | None, digits: int) -> Answer:
    """The gradient by `wrt` with the budget of all uncertain variables."""
    by_variable = sweep
    if wrt is not None:
        by_variable = differentiate(
            sweep.graph, bound.point, sweep.output, evaluation=sweep.evaluation
        )
    found = uncertainty(by_variable, bound.sigmas or {})
    return Answer(
        lambda: uncertain.gradient_document(sweep, found),
        lambda form: uncertain.gradient(sweep, found, form, digits),
        [*sweep.warnings, *found.warnings],
    )


def evaluation_answer(
    bound: Bound,
    found: Evaluation,
    outputs: list[tuple[str, int]],
    warnings: Sequence[Warning_],
    digits: int,
) -> Answer:
    """The outputs with their deviations."""
    sigmas: Mapping[str, Any] = bound.sigmas or {}
    slopes = jacobian(found.graph, bound.point, outputs, backend=found.backend)
    deviations = output_sigmas(slopes, sigmas)
    told = [w for w in slopes.warnings if w.kind in CHOICES]
    for _, node in outputs:
        if not found.graph.shape(node):
            sweep = differentiate(
                found.graph, bound.point, node, backend=found.backend, evaluation=found
            )
            told += roughness(sweep, sigmas)
    return Answer(
        lambda: uncertain.evaluation_document(found, outputs, deviations),
        lambda form: uncertain.evaluation(found, outputs, deviations, sigmas, form, digits),
        [*warnings, *told],
    )
