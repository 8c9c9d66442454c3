"""Propagation of uncertainty: the standard deviation of a result from those of its variables.

The law of JCGM 100:2008 (GUM), 5.1.2, for independent variables: the variance of the result is the
sum of the squares of derivative times deviation. Paths of one variable carry the same error, so
their products are added, with their signs, before the square: that sum is the gradient.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.engine.second_order import (
    SecondOrder,
    reach_warnings,
    second_order,
    second_order_warnings,
)
from backprop_cli.engine.sweep import Sweep, Value
from backprop_cli.engine.uncertain_point import flat
from backprop_cli.engine.warning import Warning_

if TYPE_CHECKING:
    from backprop_cli.engine.jacobian import Jacobian
    from backprop_cli.ir.graph import Graph

TOP = 10  # paths that are listed, and variables whose paths are looked for
MOST_NODES = 20_000  # of a graph whose paths are looked for


class Item(NamedTuple):
    """A variable in the budget. Tensors have value, sigma and derivative in one shape."""

    node: int
    name: str
    value: Value
    sigma: Value
    derivative: Value
    contribution: float  # to sigma of the result: the root of the sum over elements of squares
    share: float | None  # of the variance; None where there is none, or it is not finite


class PathItem(NamedTuple):
    """A path from an uncertain variable: its product times sigma, in the shape of the variable."""

    name: str
    nodes: list[str]
    product: Value
    contribution: Value


class Uncertainty(NamedTuple):
    """The standard deviation of a scalar result, and where it comes from."""

    value: float
    sigma: float
    budget: list[Item]
    paths: list[PathItem]  # the largest
    several: bool  # whether a variable has more than one path
    elasticities: dict[str, Value]  # x/f * df/dx, by variable; empty where f is 0
    condition: float | None  # the sum of |elasticity|: None where f is 0
    second_order: SecondOrder | None  # None where it would take long, or means nothing
    warnings: list[Warning_]


def uncertainty(sweep: Sweep, sigmas: Mapping[str, Value]) -> Uncertainty:
    """The uncertainty of the sweep's output, from a sweep with respect to all variables.

    `sigmas` has standard deviations by variable, numbers or arrays in the variable's shape.

    >>> from backprop_cli.engine.evaluate import differentiate
    >>> from backprop_cli.engine.program import bind
    >>> from backprop_cli.engine.program import open_program
    >>> graph, point, _, _ = bind(open_program("x - x + 3*y"), {"x": 1.0, "y": 2.0})
    >>> uncertainty(differentiate(graph, point), {"x": 0.5, "y": 0.1}).sigma
    0.30000000000000004
    """
    items = budget(sweep, sigmas)
    sigma = root([item.contribution for item in items])
    found, several = path_budget(sweep, items)
    rates = elasticities(sweep)
    second = second_order(sweep, {item.node: item.sigma for item in items}, sigma)
    return Uncertainty(
        float(sweep.value),
        sigma,
        items,
        found,
        several,
        rates,
        math.fsum(abs(part) for rate in rates.values() for part in flat(rate)) if rates else None,
        second,
        roughness_of(sweep, items, second, sigma),
    )


def roughness(sweep: Sweep, sigmas: Mapping[str, Value]) -> list[Warning_]:
    """A warning where first-order propagation says little: at a kink, or where it is not enough."""
    items = budget(sweep, sigmas)
    sigma = root([item.contribution for item in items])
    second = second_order(sweep, {item.node: item.sigma for item in items}, sigma)
    return roughness_of(sweep, items, second, sigma)


def roughness_of(
    sweep: Sweep, items: Sequence[Item], second: SecondOrder | None, sigma: float
) -> list[Warning_]:
    told = [*kink_warnings(sweep, items), *second_order_warnings(second, sigma)]
    return told or reach_warnings(sweep, {item.node: item.sigma for item in items}, sigma)


def kink_warnings(sweep: Sweep, items: Sequence[Item]) -> list[Warning_]:
    """A warning for each kink at the point that an uncertain variable may cross."""
    graph = sweep.graph
    kinks = [node for node, k in sweep.flags if graph.op(node).notes[k].kind == "kink"]
    if not kinks:
        return []
    from backprop_cli.engine.findings import MOST, place, said

    crossed = graph.activity([item.node for item in items if any(flat(item.sigma))])
    return [
        Warning_(
            "accuracy",
            graph.labels()[node],
            place(graph, node),
            f"{said(graph, node)} has a kink within σ: first-order propagation says nothing there",
        )
        for node in sorted(set(kinks))[:MOST]
        if crossed[node]
    ]


def root(parts: Sequence[float]) -> float:
    """The root of the sum of squares, without overflow; inf only where a part is, nan over inf."""
    return math.nan if any(part != part for part in parts) else math.hypot(*parts)


def budget(sweep: Sweep, sigmas: Mapping[str, Value]) -> list[Item]:
    """What each uncertain variable contributes, in the order of the variables."""
    names, gradient = sweep.graph.names, sweep.gradient
    wanted = [node for node in sweep.graph.inputs if names[node] in sigmas]
    parts = {
        node: root([_times(d, s) for d, s in _pairs(gradient[node], sigmas[names[node]])])
        for node in wanted
    }
    total = root(list(parts.values()))
    return [
        Item(
            node,
            names[node],
            sweep.values[node],
            sigmas[names[node]],
            gradient[node],
            parts[node],
            (parts[node] / total) ** 2 if 0 < total < math.inf else None,
        )
        for node in wanted
    ]


def _pairs(a: Value, b: Value) -> list[tuple[float, float]]:
    """The elements of two values, side by side; one number stands beside every element."""
    left, right = flat(a), flat(b)
    return list(zip(left, right * len(left) if len(right) == 1 else right, strict=True))


def _times(derivative: float, sigma: float) -> float:
    """What an exact element contributes is 0, whatever its derivative is."""
    return 0.0 if sigma == 0 else abs(derivative) * sigma


def elasticities(sweep: Sweep) -> dict[str, Value]:
    """x/f * df/dx by variable: by how many percent f grows where x grows by one percent."""
    value = float(sweep.value)
    if value == 0 or not math.isfinite(value):
        return {}
    names = sweep.graph.names
    return {
        names[node]: sweep.values[node] / value * slope
        for node, slope in sweep.gradient.items()
        if node in names
    }


def path_budget(sweep: Sweep, items: Sequence[Item]) -> tuple[list[PathItem], bool]:
    """The largest contributions of single paths, and whether a variable has several paths.

    None are looked for in a graph of more than 20,000 nodes.
    """
    from backprop_cli.engine.paths import paths

    found: list[PathItem] = []
    several = False
    if len(sweep.graph) > MOST_NODES:
        return found, several
    largest = sorted((i for i in items if i.contribution > 0 or i.share is None), key=_size)
    for item in largest[:TOP]:
        report = paths(sweep, item.node, sweep.output, top=TOP)
        several = several or report.count != 1
        found += [
            PathItem(item.name, path.labels, path.product, path.product * item.sigma)
            for path in report.paths
        ]
    found.sort(key=lambda path: -root(flat(path.contribution)))
    return found[:TOP], several


def _size(item: Item) -> float:
    return -item.contribution if item.contribution == item.contribution else -math.inf


def output_sigmas(found: Jacobian, sigmas: Mapping[str, Value]) -> list[Value]:
    """The standard deviation of each output, in its shape, from the Jacobian."""
    graph = found.graph
    return [_of_output(graph, node, found.blocks[node], sigmas) for _, node in found.outputs]


def _of_output(
    graph: Graph, output: int, block: Mapping[int, Value], sigmas: Mapping[str, Value]
) -> Value:
    import numpy as np

    shape = graph.shape(output)
    total: Any = np.zeros(shape)
    for node, slopes in block.items():
        sigma = sigmas.get(graph.names[node])
        if sigma is None:
            continue
        deviations = np.broadcast_to(sigma, graph.shape(node))
        with np.errstate(all="ignore"):
            parts = np.where(deviations == 0, 0.0, np.abs(slopes) * deviations)
            flat_parts = parts.reshape((*shape, -1))
            for k in range(flat_parts.shape[-1]):
                total = np.hypot(total, flat_parts[..., k])
    return total if shape else float(total)
