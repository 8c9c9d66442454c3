"""Whether first-order propagation of uncertainty is enough: the terms of second order beside it.

For independent variables with normal errors, to the fourth power of the deviations (JCGM 100:2008,
5.1.2, note): the mean shifts by 1/2 sum_i f_ii s_i^2, and the variance gets
sum_ij (1/2 f_ij^2 + f_i f_ijj) s_i^2 s_j^2.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.sweep import Value
from backprop_cli.engine.uncertain_point import flat
from backprop_cli.engine.warning import Warning_

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Sweep
    from backprop_cli.ir.graph import Graph

MANY = 10  # σ, from which a percentage says nothing
FAR = 0.25  # of sigma: by how much a result may be off at one σ of a variable
SMALL = 0.1  # of sigma: what terms of second order may amount to unmentioned
MOST_WORK = 50_000  # uncertain numbers times nodes, from which nothing is computed


class SecondOrder(NamedTuple):
    """The terms of second order. `sigma` includes them; None where their variance is negative."""

    mean_shift: float
    variance: float  # what is added to the variance of first order
    sigma: float | None


class Curvature(NamedTuple):
    """The second directional derivative along d, then e, as a graph; bilinear in d and e."""

    graph: Graph
    output: int
    along: dict[int, tuple[str, str]]  # for each variable the inputs that hold d and e


def curvature(graph: Graph, output: int, variables: list[int]) -> Curvature:
    """The second derivative as a graph: forward mode, twice."""
    from backprop_cli.transform.forward import forward

    names = {i: (f"d({graph.names[i]})", f"e({graph.names[i]})") for i in variables}
    first = forward(graph, {i: d for i, (d, _) in names.items()}, [output])
    second = forward(first.graph, {i: e for i, (_, e) in names.items()}, [first.tangents[output]])
    return Curvature(second.graph, second.tangents[first.tangents[output]], names)


def second_order(sweep: Sweep, sigmas: Mapping[int, Value], first: float) -> SecondOrder | None:
    """The terms of second order, by variable node; None where that takes long, or is not finite.

    One reverse sweep for each uncertain number, of the second directional derivative along it: its
    value is f_kk s_k^2, its derivatives by d are the mixed f_jk s_k, those by x are f_jkk s_k^2.
    """
    uncertain = {node: sigma for node, sigma in sigmas.items() if any(flat(sigma))}
    count = sum(1 for sigma in uncertain.values() for part in flat(sigma) if part)
    if not math.isfinite(first) or count * len(sweep.graph) > MOST_WORK:
        return None
    if not uncertain:
        return SecondOrder(0.0, 0.0, 0.0)
    bent = curvature(sweep.graph, sweep.output, list(uncertain))
    squares = {node: [part * part for part in flat(uncertain[node])] for node in uncertain}
    gradient = sweep.gradient
    slopes = {node: flat(gradient[node]) for node in uncertain}
    shifts, variances = [], []
    for direction in _directions(sweep.graph, uncertain):
        value, mixed, third = _along(sweep, bent, direction)
        shifts.append(value / 2)
        for node, square in squares.items():
            rows = zip(square, slopes[node], mixed[node], third[node], strict=True)
            variances += [s * (h * h / 2 + f * t) for s, f, h, t in rows if s]
    if not all(map(math.isfinite, (*shifts, *variances))):
        return SecondOrder(math.nan, math.nan, None)
    variance = math.fsum(variances)
    whole = first * first + variance
    return SecondOrder(math.fsum(shifts), variance, math.sqrt(whole) if whole >= 0 else None)


def _directions(graph: Graph, sigmas: Mapping[int, Value]) -> Iterator[dict[int, Value]]:
    """For each uncertain number, its deviation in its place and 0 in all others."""
    nothing = {node: _zeros(graph.shape(node)) for node in sigmas}
    for node, sigma in sigmas.items():
        if not graph.shape(node):
            yield nothing | {node: float(sigma)}
            continue
        import numpy as np

        for place in np.argwhere(np.asarray(sigma)):
            one = np.zeros(graph.shape(node))
            one[tuple(place)] = sigma[tuple(place)]
            yield nothing | {node: one}


def _zeros(shape: tuple[int, ...]) -> Value:
    if not shape:
        return 0.0
    import numpy as np

    return np.zeros(shape)


def _along(
    sweep: Sweep, bent: Curvature, direction: Mapping[int, Value]
) -> tuple[float, dict[int, list[float]], dict[int, list[float]]]:
    """The curvature along a direction, and its derivatives by d and by x, by variable."""
    names = sweep.graph.names
    point: dict[str, Any] = {names[i]: sweep.values[i] for i in sweep.graph.inputs}
    for node, (d, e) in bent.along.items():
        point[d] = point[e] = direction[node]
    known = bent.graph.by_name  # a variable that the curvature does not depend on has no d
    moved = {node: known[d] for node, (d, _) in bent.along.items() if d in known}
    found = differentiate(
        bent.graph, point, bent.output, [*bent.along, *moved.values()], backend=sweep.backend
    )
    gradient = found.gradient
    mixed = {
        node: gradient[moved[node]] if node in moved else 0.0 * direction[node]
        for node in bent.along
    }
    return (
        float(found.value),
        {node: flat(part) for node, part in mixed.items()},
        {node: flat(gradient[node]) for node in bent.along},
    )


def second_order_warnings(found: SecondOrder | None, sigma: float) -> list[Warning_]:
    """A warning where the terms of second order are more than a tenth of sigma."""
    if found is None:
        return []
    if found.mean_shift != found.mean_shift:
        text = "the second derivatives are not finite here, so first-order propagation may be wrong"
    elif found.sigma is None:
        text = (
            f"first-order propagation is rough here: the variance is {sigma * sigma:.2g} to first "
            f"order, and the terms of second order are {found.variance:.2g}"
        )
    elif max(abs(found.mean_shift), abs(found.sigma - sigma)) > SMALL * sigma:
        text = (
            "first-order propagation is rough here: terms of second order shift the mean by "
            f"{found.mean_shift:.2g}{_percent(found.mean_shift, sigma)} and make σ "
            f"{found.sigma:.2g} instead of {sigma:.2g}"
        )
    else:
        return []
    return [Warning_("accuracy", None, None, text)]


def _percent(part: float, whole: float) -> str:
    return f" ({100 * abs(part) / whole:.0f} % of σ)" if abs(part) < MANY * whole else ""


def reach_warnings(sweep: Sweep, sigmas: Mapping[int, Value], sigma: float) -> list[Warning_]:
    """A warning where one σ of a variable does not move the result as its derivative says.

    That sees the kinks, jumps and edges of the domain within σ, which no derivative at the point
    does; only the first such number is named.
    """
    from backprop_cli.engine.evaluate import evaluate

    graph = sweep.graph
    point = {graph.names[i]: sweep.values[i] for i in graph.inputs}
    count = sum(1 for part in sigmas.values() for s in flat(part) if s)
    if not 0 < sigma < math.inf or count * len(graph) > MOST_WORK:
        return []
    for node, name, index, s in _uncertain(graph, sigmas):
        slope = sweep.gradient[node]
        expected = s * float(slope[index] if index else slope)
        moved = [
            evaluate(graph, point | {name: _moved(point[name], index, step)}) for step in (-s, s)
        ]
        down, up = (float(found.values[sweep.output]) - float(sweep.value) for found in moved)
        if abs((up - down) / 2 - expected) > FAR * sigma or not math.isfinite(up - down):
            what = name + "".join(f"[{k}]" for k in index)
            text = (
                f"first-order propagation is rough here: one σ of {what} to either side moves the "
                f"result by {down:.2g} and {up:.2g}, where its derivative says "
                f"{-expected:.2g} and {expected:.2g}"
            )
            return [Warning_("accuracy", None, None, text)]
    return []


def _uncertain(
    graph: Graph, sigmas: Mapping[int, Value]
) -> Iterator[tuple[int, str, tuple[int, ...], float]]:
    """Every uncertain number: node and name of its variable, its index, its deviation."""
    for node, sigma in sigmas.items():
        places = itertools.product(*map(range, graph.shape(node)))
        for index, s in zip(places, flat(sigma), strict=True):
            if s:
                yield node, graph.names[node], index, s


def _moved(value: Value, index: tuple[int, ...], step: float) -> Value:
    if not index:
        return float(value) + step
    moved = value.copy()
    moved[index] += step
    return moved
