"""A gradient written by hand against ours, at the point and at random points around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np

from backprop_cli.engine.check import MOST, SEED, TOLERANCE, unravel
from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.hand_gradient import Part, Written, written
from backprop_cli.engine.mistakes import Mistake, Sample, find_mistake
from backprop_cli.engine.sweep import Sweep, Value
from backprop_cli.engine.warning import Warning_
from backprop_cli.ir.graph import Graph

POINTS = 20
TRIES = 20  # of finding each random point inside the domain
ROUNDING = 1e-12  # of the largest element of a derivative


class WrittenComponent(NamedTuple):
    """One number of our gradient and of the one written by hand.

    `error` is the largest relative error at any point, and `at` where that is.
    """

    label: str
    derivative: float
    written: float
    error: float
    at: dict[str, Value]
    passed: bool


class HandCheck(NamedTuple):
    """The components that were compared, `total` in all, at `points` points."""

    sweep: Sweep
    components: list[WrittenComponent]
    total: int
    worst: WrittenComponent | None
    passed: bool
    points: int
    mistakes: dict[str, Mistake]  # by variable, those that are wrong and understood
    mistake: Mistake | None  # of the worst component
    tolerance: float
    warnings: list[Warning_]


DECIMALS = "numbers are compared to the decimals written; --tolerance asks for more"


def check_written(
    graph: Graph,
    point: Mapping[str, Value],
    output: int,
    parts: Mapping[str, Part],
    wrt: Sequence[int] | None = None,
    tolerance: float | None = None,
    points: int = POINTS,
    backend: str = "auto",
) -> HandCheck:
    """Compares a written gradient with ours, numbers to the decimals written.

    A `tolerance` is the relative error allowed instead. Raises the errors of
    `hand_gradient.written`.
    """
    relative = TOLERANCE if tolerance is None else tolerance
    wanted = list(graph.inputs if wrt is None else wrt)
    texts = written(parts, graph, wanted)
    sweep = differentiate(graph, point, output, wanted, backend=backend)
    samples = [sample_of(sweep, texts)]
    if any(text.symbolic for text in texts):
        samples += around(graph, point, output, wanted, texts, points, backend)
    found: list[WrittenComponent] = []
    mistakes: dict[str, Mistake] = {}
    for text in texts:
        rounded = text.allowance() if tolerance is None else 0.0
        parts_of = compared(samples, text, relative, rounded)
        found += parts_of
        if not all(part.passed for part in parts_of):
            understood = find_mistake(samples, text, texts)
            if understood is not None:
                mistakes[graph.labels()[text.node]] = understood
    last = max(found, key=lambda c: (not c.passed, c.error), default=None)
    name = "" if last is None else last.label.partition("[")[0]
    passed = all(component.passed for component in found)
    told = [*sweep.warnings]
    if not any(text.symbolic for text in texts) and texts:
        told.append(Warning_("note", None, None, "numbers are compared at this point only"))
    if tolerance is None and any(c.passed and c.error > relative for c in found):
        told.append(Warning_("note", None, None, DECIMALS))
    kept = sorted(found, key=lambda c: (c.passed, -c.error))[:MOST]
    shown = [component for component in found if component in kept] if len(found) > MOST else found
    return HandCheck(
        sweep,
        shown,
        len(found),
        last,
        passed,
        len(samples),
        mistakes,
        None if passed else mistakes.get(name),
        relative,
        told,
    )


def sample_of(sweep: Sweep, texts: Sequence[Written]) -> Sample:
    """Both gradients at one point."""
    ours = {node: np.asarray(value, dtype=np.float64) for node, value in sweep.gradient.items()}
    theirs = {
        text.node: np.asarray(text.value(sweep.evaluation), dtype=np.float64) for text in texts
    }
    return Sample(sweep, ours, theirs)


def around(
    graph: Graph,
    point: Mapping[str, Value],
    output: int,
    wanted: Sequence[int],
    texts: Sequence[Written],
    count: int,
    backend: str,
) -> list[Sample]:
    """Random points around the given one where both are finite and no convention is needed.

    At every second one signs are drawn, too. Where few points lie inside the domain, the later ones
    are drawn nearer to the given one.
    """
    random = Random(SEED)
    samples: list[Sample] = []
    for attempt in range(count * TRIES):
        if len(samples) == count:
            break
        spread = 0.5 ** (attempt // (2 * count))
        signs = (1, -1) if attempt % 2 else (1,)
        moved = {name: _moved(value, spread, signs, random) for name, value in point.items()}
        moved |= {name: point[name] for name in graph.parameters if name in point}
        sweep = differentiate(graph, moved, output, wanted, backend=backend)
        sample = sample_of(sweep, texts)
        arrays = [sweep.value, *sample.ours.values(), *sample.theirs.values()]
        if not sweep.flags and all(np.isfinite(a).all() for a in arrays):
            samples.append(sample)
    return samples


def _moved(value: Value, spread: float, signs: Sequence[int], random: Random) -> Value:
    """Each element moved at random, by about its size or by 1, and given one of the signs."""
    array = np.asarray(value, dtype=np.float64)
    moved = [
        random.choice(signs) * (x + spread * max(abs(x), 1.0) * random.uniform(-1, 1))
        for x in array.ravel().tolist()
    ]
    return np.array(moved).reshape(array.shape) if array.ndim else moved[0]


def compared(
    samples: Sequence[Sample], text: Written, tolerance: float, allowance: float = 0.0
) -> list[WrittenComponent]:
    """The elements of one derivative, each with its largest error at any point."""
    node, graph = text.node, samples[0].sweep.graph
    label = graph.labels()[node]
    ours = np.stack([sample.ours[node] for sample in samples])
    theirs = np.stack([sample.theirs[node] for sample in samples])
    errors, wrong = differences(ours, theirs, tolerance, allowance)
    count = ours[0].size
    flat_errors, flat_wrong = errors.reshape(-1, count), wrong.reshape(-1, count)
    result = []
    for k in range(count):
        index = unravel(k, ours.shape[1:])
        column = np.where(flat_wrong[:, k], flat_errors[:, k] + 1.0, flat_errors[:, k])
        at = int(np.argmax(column))
        result.append(
            WrittenComponent(
                label + (f"[{','.join(map(str, index))}]" if index else ""),
                float(ours.reshape(-1, count)[0, k]),
                float(theirs.reshape(-1, count)[0, k]),
                float(flat_errors[at, k]),
                point_of(samples[at].sweep),
                not flat_wrong[:, k].any(),
            )
        )
    return result


def differences(
    ours: Any, theirs: Any, tolerance: float, allowance: float = 0.0
) -> tuple[Any, Any]:
    """The relative errors of points by elements, and where they are more than is allowed."""
    with np.errstate(all="ignore"):
        same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
        miss = np.where(same, 0.0, np.abs(ours - theirs))
        size = np.maximum(np.abs(ours), np.abs(theirs))
        axes = tuple(range(1, ours.ndim))
        largest = np.max(np.abs(ours), axis=axes, keepdims=True, initial=0.0)
        error = np.where(same, 0.0, miss / size)
        error = np.where(np.isnan(error), np.inf, error)
        near = miss <= tolerance * size + ROUNDING * largest + allowance
        fine = same | (near & np.isfinite(size))
    return error, ~fine


def point_of(sweep: Sweep) -> dict[str, Value]:
    graph = sweep.graph
    return {graph.names[i]: sweep.values[i] for i in graph.inputs}
