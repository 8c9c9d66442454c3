"""The likely mistake in a derivative written by hand: hypotheses tried at every sample point.

A hypothesis predicts what would have been written had one known mistake been made; the first whose
prediction fits at all points is named. The parts that a mistake drops, doubles or alters are paths
and edges of the graph, so the missing term has the name that `bprop paths` gives it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.mistake_constants import FITS, constants
from backprop_cli.engine.mistake_edges import (
    local_hypotheses,
    path_hypotheses,
    term_hypotheses,
)
from backprop_cli.engine.mistake_repairs import repairs
from backprop_cli.ir.ops import BY_NAME

if TYPE_CHECKING:
    from backprop_cli.engine.hand_gradient import Written
    from backprop_cli.engine.sweep import Sweep

MEAN = BY_NAME["mean"].code


class Mistake(NamedTuple):
    """What probably went wrong in the derivative by `variable`."""

    kind: str
    variable: str
    message: str
    path: list[str] | None = None  # the labels of a path's nodes
    node: str | None = None
    factor: float | None = None


class Sample(NamedTuple):
    """Our gradient and the written one at a point, by variable."""

    sweep: Sweep
    ours: dict[int, Any]
    theirs: dict[int, Any]


Prediction = Callable[[Sample], Any]  # what would have been written; None: it does not apply
Hypothesis = tuple[Mistake, Prediction]


def find_mistake(
    samples: Sequence[Sample], text: Written, texts: Sequence[Written]
) -> Mistake | None:
    """The first hypothesis that explains what is written at all samples; None where none does."""
    node = text.node
    usable = [s for s in samples if _finite(s.ours[node]) and _finite(s.theirs[node])]
    # what is wrong at one point only cannot be told from a coincidence there, so that goes first
    usable.sort(key=lambda s: -_miss(s.ours[node], s.theirs[node]))
    if not usable:
        return None
    for mistake, predict in hypotheses(usable, text, texts):
        if all(fits(predict(sample), sample.theirs[node]) for sample in usable):
            if len(usable) == 1 and usable[0].ours[node].size == 1:
                return mistake._replace(message="perhaps " + mistake.message)
            return mistake
    return None


def _finite(array: Any) -> bool:
    return bool(np.isfinite(array).all())


def _miss(ours: Any, theirs: Any) -> float:
    size = float(np.max(np.abs(ours), initial=0.0)) + float(np.max(np.abs(theirs), initial=0.0))
    return float(np.max(np.abs(ours - theirs), initial=0.0)) / (size or 1.0)


def fits(prediction: Any, theirs: Any) -> bool:
    if prediction is None or np.shape(prediction) != np.shape(theirs):
        return False
    size = max(float(np.max(np.abs(theirs), initial=0.0)), 1e-300)
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(prediction - theirs) <= FITS * size))


def hypotheses(
    samples: Sequence[Sample], text: Written, texts: Sequence[Written]
) -> Iterator[Hypothesis]:
    """The known mistakes, those that say most first."""
    graph, node = samples[0].sweep.graph, text.node
    name = graph.labels()[node]

    def made(kind: str, message: str, **fields: Any) -> Mistake:
        return Mistake(kind, name, message, **fields)

    yield (
        made("zero", f"the derivative by {name} is not 0: what depends on {name} was left out"),
        lambda s: 0.0 * s.ours[node],
    )
    yield made("sign", "the sign is flipped", factor=-1.0), lambda s: -s.ours[node]
    yield from swapped(samples, text, texts, mutual=True)
    shape = graph.shape(node)
    if len(shape) > 1 and shape[-1] == shape[-2]:
        yield (
            made("transposed", "it is the transpose of the derivative"),
            lambda s: np.swapaxes(s.ours[node], -1, -2),
        )
    yield from mean_for_sum(samples, node, made)
    yield from path_hypotheses(samples, node, made)
    yield from local_hypotheses(samples, node, made)
    yield from constants(samples, node, made)
    yield from term_hypotheses(samples, node, made)
    yield from swapped(samples, text, texts, mutual=False)
    yield from exchanged(samples, text)
    yield from transposed_inside(text, made)
    yield from symmetric_only(samples, text, made)
    yield from repairs(samples, text, made)


def swapped(
    samples: Sequence[Sample], text: Written, texts: Sequence[Written], *, mutual: bool
) -> Iterator[Hypothesis]:
    """The derivative by another variable; if `mutual`, whose own is this one."""
    graph, node = samples[0].sweep.graph, text.node
    labels = graph.labels()
    name = labels[node]
    for other in texts:
        if other.node == node or graph.shape(other.node) != graph.shape(node):
            continue
        second = labels[other.node]
        if mutual != all(fits(s.ours[node], s.theirs[other.node]) for s in samples):
            continue
        message = (
            f"the derivatives by {name} and {second} are swapped"
            if mutual
            else f"it is the derivative by {second}, not by {name}"
        )
        yield (
            Mistake("swapped", name, message),
            lambda s, k=other.node: s.ours[k],  # type: ignore[misc]
        )


def exchanged(samples: Sequence[Sample], text: Written) -> Iterator[Hypothesis]:
    """Two variables exchanged in it."""
    name = samples[0].sweep.graph.labels()[text.node]
    for first, second in _pairs(text, samples):
        swap = {first: second, second: first}
        yield (
            Mistake("swapped", name, f"{first} and {second} are exchanged in it"),
            lambda s, swap=swap: _exchanged(s, text, swap),  # type: ignore[misc]
        )


def _pairs(text: Written, samples: Sequence[Sample]) -> Iterator[tuple[str, str]]:
    """Variables of one shape of which at least one is read."""
    graph = samples[0].sweep.graph
    names = [graph.names[i] for i in graph.inputs][:8]
    for k, first in enumerate(names):
        for second in names[k + 1 :]:
            shapes = [graph.shape(graph.by_name[name]) for name in (first, second)]
            if shapes[0] == shapes[1] and (first in text.reads or second in text.reads):
                yield first, second


def _exchanged(sample: Sample, text: Written, swap: dict[str, str]) -> Any:
    """What is written fits this if it is right once the two variables are exchanged back."""
    right = np.asarray(text.value(sample.sweep.evaluation, swap), dtype=np.float64)
    return sample.theirs[text.node] if fits(sample.ours[text.node], right) else None


def transposed_inside(text: Written, made: Callable[..., Mistake]) -> Iterator[Hypothesis]:
    """A square matrix that stands in it where its transpose belongs."""
    for name, source in text.reads.items():
        if source is None:
            continue

        def predict(sample: Sample, node: int = source) -> Any:
            shape = sample.sweep.graph.shape(node)
            if len(shape) != 2 or shape[0] != shape[1]:
                return None
            done = _Transposed(sample.sweep.evaluation, node)
            right = np.asarray(text.value(done), dtype=np.float64)  # type: ignore[arg-type]
            return sample.theirs[text.node] if fits(sample.ours[text.node], right) else None

        yield made("transposed", f"{name}' belongs where {name} stands", node=name), predict


def symmetric_only(
    samples: Sequence[Sample], text: Written, made: Callable[..., Mistake]
) -> Iterator[Hypothesis]:
    """Right where a matrix is symmetric, and wrong where it is not."""
    graph = samples[0].sweep.graph
    for node in graph.inputs:
        shape = graph.shape(node)
        if len(shape) != 2 or shape[0] != shape[1]:
            continue

        def predict(sample: Sample, matrix: int = node) -> Any:
            sweep = sample.sweep
            point = {graph.names[i]: sweep.values[i] for i in graph.inputs}
            point[graph.names[matrix]] = (sweep.values[matrix] + sweep.values[matrix].T) / 2
            other = differentiate(graph, point, sweep.output, [text.node])
            right = np.asarray(text.value(other.evaluation), dtype=np.float64)
            return sample.theirs[text.node] if fits(other.gradient[text.node], right) else None

        name = graph.names[node]
        message = f"it is right only where {name} is symmetric: {name} and {name}' are taken as one"
        yield made("transposed", message, node=name), predict


class _Transposed:
    """An evaluation with one matrix transposed."""

    def __init__(self, done: Any, node: int) -> None:
        self.graph = done.graph
        self.values = {i: done.values[i] for i in done.graph.by_name.values()}
        self.values[node] = self.values[node].T


def mean_for_sum(
    samples: Sequence[Sample], node: int, made: Callable[..., Mistake]
) -> Iterator[Hypothesis]:
    """The factor n between a mean and a sum."""
    graph = samples[0].sweep.graph
    has_mean = MEAN in graph.codes
    for n in sorted({math.prod(shape) for shape in graph.shapes.values()} - {0, 1}):
        if has_mean:
            message = f"the factor 1/{n} of the mean is missing: it is the derivative of the sum"
            yield (
                made("mean", message, factor=1 / n),
                lambda s, n=n: n * s.ours[node],  # type: ignore[misc]
            )
        if n > 2 or has_mean:
            message = f"it is divided by n = {n}, as if a mean were taken"
            yield (
                made("mean", message, factor=float(n)),
                lambda s, n=n: s.ours[node] / n,  # type: ignore[misc]
            )
