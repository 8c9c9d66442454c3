"""The derivatives of two programs at many points, and why they differ where they do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.sample_points import Point
from backprop_cli.engine.sweep import Evaluation, Sweep, Value
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph

if TYPE_CHECKING:
    from backprop_cli.engine.pair import Pair

MOST = 150  # points
NEAR = 1e-7  # the relative difference of derivatives that are equal
ROUNDING = 1e-12  # of value over variable, or of 1: what rounding leaves of a derivative that is 0
NOISE = 1e-20  # the same of high-precision differences
CHECKED = 16  # derivatives of arrays that are told from rounding at a point
SEED = 2

Index = tuple[int, ...]


class GradientVerdict(NamedTuple):
    """Of one variable. `reason` is 'value', 'convention' (at a kink, say) or None.

    Where the output or the variable is an array, `element` names the one derivative that is shown,
    as in `∂value[0]/∂x[1]`.
    """

    equal: bool  # but for conventions and rounding
    reason: str | None
    at: Point | None
    first: Value
    second: Value
    element: str | None = None


EQUAL = GradientVerdict(True, None, None, None, None)


def compare_gradients(pair: Pair, points: Sequence[Point]) -> dict[str, GradientVerdict]:
    """Both derivatives by each variable, at the points where both values are finite.

    An output that is no scalar is multiplied by the same random numbers on both sides, and summed:
    that tells whether its derivatives differ, and then they are looked at one by one.
    """
    found = dict.fromkeys(pair.shapes, EQUAL)
    seed = _seed(pair.output_shapes[0])
    for point in points[:MOST]:
        if not any(verdict.equal for verdict in found.values()):
            break
        sweeps = _sweeps(pair, point, seed)
        for name, verdict in found.items():
            slack = ROUNDING * _scale(pair, sweeps, point, name)
            if verdict.equal and _apart(*_derivatives(pair, sweeps, name), slack):
                found[name] = _at_point(pair, point, name, sweeps, verdict)
    return found


def _seed(shape: Index) -> Any:
    if not shape:
        return None
    import numpy as np

    random = Random(SEED)
    return np.array([random.uniform(1, 2) for _ in range(int(np.prod(shape)))]).reshape(shape)


def _sweeps(pair: Pair, point: Point, seed: Any, known: Sequence[Sweep] = ()) -> list[Sweep]:
    """Both backward passes; `known` ones of the same point save the forward passes."""
    done: list[Evaluation | None] = [sweep.evaluation for sweep in known] or [None, None]
    return [
        differentiate(graph, pair.part(point, k), output, None, seed, evaluation=done[k])
        for k, (graph, output) in enumerate(zip(pair.graphs, pair.outputs, strict=True))
    ]


def _at_point(
    pair: Pair, point: Point, name: str, sweeps: list[Sweep], known: GradientVerdict
) -> GradientVerdict:
    """The verdict on derivatives that differ in floats at a point."""
    shape = pair.output_shapes[0]
    checked = 0
    for place in _indices(shape):
        if shape:
            sweeps = _sweeps(pair, point, _unit(shape, place), sweeps)
        derivatives = _derivatives(pair, sweeps, name)
        for index in _apart(*derivatives, ROUNDING * _scale(pair, sweeps, point, name)):
            first, second = (d[index] if index else d for d in derivatives)
            text = _element(name, place, index)
            if any(sweep.flags for sweep in sweeps):
                if known.reason is None:
                    known = GradientVerdict(True, "convention", point, first, second, text)
                continue
            if not (_finite(first) and _finite(second)):
                continue  # an overflow, or the edge of the domain
            if checked == CHECKED:
                return known
            checked += 1
            if not (pair.precise and _rounded(pair, point, name, place, index)):
                return GradientVerdict(False, "value", point, first, second, text)
    return known


def _indices(shape: Index) -> Iterator[Index]:
    from itertools import product

    return product(*map(range, shape))


def _unit(shape: Index, place: Index) -> Any:
    import numpy as np

    seed = np.zeros(shape)
    seed[place] = 1.0
    return seed


def _element(name: str, place: Index, index: Index) -> str | None:
    """`∂value[0]/∂x[1]`; None for a scalar's derivative by a scalar."""
    if not place and not index:
        return None
    ends = [f"[{','.join(map(str, k))}]" if k else "" for k in (place, index)]
    return f"∂value{ends[0]}/∂{name}{ends[1]}"


def _derivatives(pair: Pair, sweeps: list[Sweep], name: str) -> tuple[Value, Value]:
    first, second = (_derivative(sweep, name, pair.shapes[name]) for sweep in sweeps)
    return first, second


def _derivative(sweep: Sweep, name: str, shape: Index) -> Value:
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


def _scale(pair: Pair, sweeps: Sequence[Sweep], point: Point, name: str) -> float:
    """Value over variable, a size that the derivative may have; at most 1, as in floats alone."""
    import numpy as np

    if not pair.precise:
        return 1.0
    with np.errstate(all="ignore"):
        top = max(float(np.max(np.abs(sweep.value), initial=0.0)) for sweep in sweeps)
        size = float(np.max(np.abs(point[name]), initial=0.0)) or 1.0
        return float(np.fmin(1.0, np.divide(top, size)))


def _apart(first: Value, second: Value, slack: float) -> list[Index]:
    """The indices of the elements that differ."""
    import numpy as np

    with np.errstate(all="ignore"):
        size = float(np.max(np.maximum(np.abs(first), np.abs(second)), initial=0.0))
        gap = np.abs(np.subtract(first, second))
        same = np.equal(first, second) | (np.isnan(first) & np.isnan(second))
        far = ~(same | (gap <= NEAR * size) | (gap <= slack))
    if not np.shape(far):
        return [()] if far else []
    return [tuple(map(int, index)) for index in np.argwhere(far)]


def _rounded(pair: Pair, point: Point, name: str, place: Index, index: Index) -> bool:
    """Whether high-precision differences do not tell two derivatives of an element apart."""
    from backprop_cli.engine.differences import Differences

    slopes: list[Any] = []
    scale: Any = 0
    for k, (graph, output) in enumerate(zip(pair.graphs, pair.outputs, strict=True)):
        node = graph.by_name.get(name)
        if node is None:
            slopes.append(0)
            continue
        scalar, end = _scalar(graph, output, place)
        differences = Differences(scalar, pair.part(point, k), end)
        slopes.append(differences.slope(node, index).reference)
        scale = max(scale, abs(differences.value()))
    one, two = slopes
    if one is None or two is None:
        return True  # no slope that is known to enough digits tells them apart
    size = abs(float(point[name][index] if index else point[name])) or 1.0
    return bool(abs(one - two) <= NEAR * abs(one) + NOISE * scale / size)


def _scalar(graph: Graph, output: int, place: Index) -> tuple[Graph, int]:
    """A graph with the one element of the output that is differentiated."""
    if not place:
        return graph, output
    builder = Builder(graph=graph)
    node = builder.add("index", output, static=place)
    return builder.graph(graph.outputs, graph.parameters), node
