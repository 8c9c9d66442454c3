"""The derivatives of two programs at many points, and why they differ where they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.engine.evaluate import Sweep, Value, differentiate
from backprop_cli.engine.sample_points import Point

if TYPE_CHECKING:
    from backprop_cli.engine.pair import Pair

MOST = 60  # points
NEAR = 1e-7  # the relative difference of derivatives that are equal
SEED = 2


class GradientVerdict(NamedTuple):
    """Of one variable. `reason` is 'value', 'convention' (at a kink, say) or None."""

    equal: bool  # but for conventions and rounding
    reason: str | None
    at: Point | None
    first: Value
    second: Value


EQUAL = GradientVerdict(True, None, None, None, None)


def compare_gradients(pair: Pair, points: Sequence[Point]) -> dict[str, GradientVerdict]:
    """Both derivatives by each variable, at the points where both values are finite.

    An output that is no scalar is multiplied by the same random numbers on both sides, and summed.
    """
    found = dict.fromkeys(pair.shapes, EQUAL)
    seed = _seed(pair.output_shapes[0])
    for point in points[:MOST]:
        if not any(verdict.equal for verdict in found.values()):
            break
        sweeps = [
            differentiate(graph, pair.part(point, k), output, None, seed)
            for k, (graph, output) in enumerate(zip(pair.graphs, pair.outputs, strict=True))
        ]
        for name, verdict in found.items():
            if verdict.equal:
                found[name] = _at_point(pair, point, name, sweeps, verdict, seed)
    return found


def _seed(shape: tuple[int, ...]) -> Any:
    if not shape:
        return None
    import numpy as np

    random = Random(SEED)
    return np.array([random.uniform(1, 2) for _ in range(int(np.prod(shape)))]).reshape(shape)


def _at_point(
    pair: Pair, point: Point, name: str, sweeps: list[Sweep], known: GradientVerdict, seed: Any
) -> GradientVerdict:
    first, second = (_derivative(sweep, name, pair.shapes[name]) for sweep in sweeps)
    if _near(first, second):
        return known
    if any(sweep.flags for sweep in sweeps):
        if known.reason is not None:
            return known
        return GradientVerdict(True, "convention", point, first, second)
    if not (_finite(first) and _finite(second)):
        return known  # an overflow, or the edge of the domain
    if pair.precise and _rounded(pair, point, name, seed):
        return known
    return GradientVerdict(False, "value", point, first, second)


def _derivative(sweep: Sweep, name: str, shape: tuple[int, ...]) -> Value:
    """The derivative by a variable, 0 where the program has no such variable."""
    node = sweep.graph.by_name.get(name)
    if node is not None:
        return sweep.gradient[node]
    if not shape:
        return 0.0
    import numpy as np

    return np.zeros(shape)


def _finite(value: Value) -> bool:
    import numpy as np

    return bool(np.isfinite(value).all())


def _near(first: Value, second: Value) -> bool:
    import numpy as np

    with np.errstate(all="ignore"):
        size = float(np.max(np.maximum(np.abs(first), np.abs(second)), initial=0.0))
        gap = np.abs(np.subtract(first, second))
        same = np.equal(first, second) | (np.isnan(first) & np.isnan(second))
        return bool(np.all(same | (gap <= NEAR * size) | (gap <= 1e-12)))


def _rounded(pair: Pair, point: Mapping[str, Value], name: str, seed: Any) -> bool:
    """Whether high-precision differences say that the two derivatives are one."""
    from backprop_cli.engine.check import unravel
    from backprop_cli.engine.differences import Differences

    slopes: list[list[Any]] = []
    shape = pair.shapes[name]
    size = 1
    for n in shape:
        size *= n
    for k, (graph, output) in enumerate(zip(pair.graphs, pair.outputs, strict=True)):
        if name not in graph.by_name or seed is not None:
            return False
        differences = Differences(graph, pair.part(point, k), output)
        node = graph.by_name[name]
        slopes.append([differences.slope(node, unravel(flat, shape)) for flat in range(size)])
    for one, two in zip(*slopes, strict=True):
        if one.reference is None or two.reference is None:
            return False
        if abs(one.reference - two.reference) > NEAR * abs(one.reference) + 1e-12:
            return False
    return True
