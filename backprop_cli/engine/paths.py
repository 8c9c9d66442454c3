"""The chain rule path by path: how many paths, the largest products, their sum and its gradient."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from backprop_cli.engine import classes
from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.path_counts import count_paths
from backprop_cli.engine.path_graph import PathGraph, between, path_graph
from backprop_cli.engine.path_result import Cancellation, Path, PathReport, labels_of
from backprop_cli.engine.path_search import largest_paths
from backprop_cli.engine.path_sums import Sums, product, sum_paths

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Evaluation, Sweep, Value
    from backprop_cli.engine.warning import Warning_
    from backprop_cli.ir.graph import Graph

__all__ = ["Cancellation", "Path", "PathReport", "path_report", "paths"]

TOP = 10  # paths that are listed unless asked otherwise


def path_report(
    graph: Graph,
    point: Mapping[str, Value],
    source: int,
    target: int | None = None,
    *,
    through: int | None = None,
    top: int = TOP,
    limit: int | None = None,
    source_index: tuple[int, ...] | None = None,
    target_index: tuple[int, ...] | None = None,
    backend: str = "auto",
    evaluation: Evaluation | None = None,
) -> PathReport:
    """The paths from `source` to `target`, the first output by default, at a point.

    Raises UsageFault where the target is not a scalar and no element of it is chosen.
    """
    if target is None:
        target = graph.outputs[0][1]
    seed = element_seed(graph, target, target_index)
    sweep = differentiate(graph, point, target, [source], seed, backend, evaluation)
    report = paths(
        sweep,
        source,
        target,
        through=through,
        top=top,
        limit=limit,
        source_index=source_index,
        target_index=target_index,
    )
    report.warnings = path_warnings(sweep, source, through, source_index)
    return report


def path_warnings(
    sweep: Sweep, source: int, through: int | None, source_index: tuple[int, ...] | None
) -> list[Warning_]:
    """The warnings of `grad` about the derivatives along the paths that are asked for.

    A missing path is none of them: the report has a note of its own.
    """
    from backprop_cli.engine.findings import derivative_warnings
    from backprop_cli.engine.guards import beside_gradient, distinct

    *upper, last = [sweep] if through is None else _legs(sweep, source, through)
    found = [entry for leg in upper for entry in beside_gradient(derivative_warnings(leg))[0]]
    prefix = f"gradient.{sweep.graph.labels()[source]}"
    for entry in derivative_warnings(last, source_index):
        if entry.path is not None:
            entry = entry._replace(path="gradient" + entry.path.removeprefix(prefix))
        found.append(entry)
    return distinct(entry for entry in found if entry.kind != "no-path")


def _legs(sweep: Sweep, source: int, through: int) -> list[Sweep]:
    """The sweeps from the target down to a node, and on from there to the source."""
    if through in (source, sweep.output):
        return [sweep]
    done, backend = sweep.evaluation, sweep.backend
    upper = differentiate(sweep.graph, {}, sweep.output, [through], sweep.seed, backend, done)
    seed = upper.adjoints[through]
    if seed is None:  # no path leads there
        return [upper]
    lower = differentiate(sweep.graph, {}, through, [source], seed, backend, done)
    return [lower] if lower.adjoints[source] is None else [upper, lower]


def element_seed(graph: Graph, target: int, index: tuple[int, ...] | None) -> Value:
    """The seed of a sweep from one element of `target`; None for a scalar."""
    if not graph.shape(target):
        return None
    from backprop_cli.engine.tensor_paths import unit_seed

    return unit_seed(graph, target, index)


def paths(
    sweep: Sweep,
    source: int,
    target: int,
    *,
    through: int | None = None,
    top: int = TOP,
    limit: int | None = None,
    source_index: tuple[int, ...] | None = None,
    target_index: tuple[int, ...] | None = None,
) -> PathReport:
    """The paths from `source` to `target`, from a sweep of that output with `source` in its `wrt`.

    Lists the `top` largest, or `limit` if that is more. Counting and summing visit each edge once,
    whatever the number of paths. `path_report` makes the sweep as well.
    """
    most = max(top, limit or 0)
    if not _all_plain(sweep.graph, source, target):
        from backprop_cli.engine.tensor_paths import tensor_paths

        return tensor_paths(sweep, source, target, through, most, source_index, target_index)
    graph = path_graph(sweep, source, target, through)
    sums = sum_paths(graph)
    counts = count_paths(graph)
    total = float(sweep.gradient[source]) / float(_one(sweep.seed))
    gradient = total if through is None else _through(sweep, source, through)
    listed = listed_paths(sweep, graph, largest_paths(graph, most), sums.total)
    return PathReport(
        source=source,
        target=target,
        through=through,
        labels=labels_of(sweep.graph, source, target, through),
        counts=counts,
        paths=listed,
        listed_sum=add_up([path.product for path in listed]),
        sum=sums.total,
        gradient=gradient,
        agree=agrees(sums, gradient, graph),
        total_gradient=total,
        cancellation=Cancellation(sums.positive, sums.negative, sums.condition),
        notes=_notes(sweep, source, target, through, graph, sums),
    )


def _all_plain(graph: Graph, source: int, target: int) -> bool:
    """Whether all nodes between are scalars whose edges have partials."""
    if graph.is_scalar:
        return True
    return not any(graph.shape(i) for i in (source, target)) and all(
        not graph.shape(i) and graph.op(i).kind in ("source", "elementwise")
        for i in between(graph, source, target)
    )


def _one(seed: Value) -> float:
    return 1.0 if seed is None else seed


def _through(sweep: Sweep, source: int, through: int) -> float:
    """The reverse sweep's derivative over the paths through a node: into it times out of it."""
    above = sweep.adjoints[through]
    if above is None:
        return 0.0
    lower = differentiate(
        sweep.graph, {}, through, sweep.wrt, backend=sweep.backend, evaluation=sweep.evaluation
    )
    if lower.adjoints[source] is None:
        return 0.0
    return float(above) * float(lower.gradient[source])


def listed_paths(
    sweep: Sweep, graph: PathGraph, found: Sequence[list[int]], total: float
) -> list[Path]:
    """The paths with their nodes, partials and products."""
    labels = sweep.graph.labels()
    heads = [graph.nodes[head] for head in graph.heads]
    places = list(zip(heads, graph.positions, strict=True))
    result = []
    for edges in found:
        nodes = [graph.nodes[0], *map(heads.__getitem__, edges)]
        partials = list(map(graph.partials.__getitem__, edges))
        value = product(partials)
        result.append(
            Path(
                nodes,
                list(map(labels.__getitem__, nodes)),
                list(map(places.__getitem__, edges)),
                [*partials],
                value,
                share_of(value, total),
            )
        )
    return result


def share_of(value: float, total: float) -> float | None:
    """A product as a part of the sum; None where that says nothing."""
    if not math.isfinite(value) or not math.isfinite(total) or total == 0:
        return None
    return value / total


def add_up(products: Sequence[float]) -> float:
    """The sum of path products, correctly rounded; by classes where one is not finite."""
    reached = 0
    for value in products:
        reached |= classes.class_of(value)
    if all(map(math.isfinite, products)):
        try:
            return math.fsum(products)
        except OverflowError:
            return sum(products)
    return classes.total(reached, 0.0)


def agrees(sums: Sums, gradient: float, graph: PathGraph) -> bool:
    """Whether forward and reverse accumulation give the same sum, to the rounding of both."""
    if sums.total == gradient or (sums.total != sums.total and gradient != gradient):
        return True
    if sums.magnitude is None or not math.isfinite(sums.magnitude) or not math.isfinite(gradient):
        return False
    steps = 2 * sums.depth + len(graph.heads) - len(graph.nodes) + 8
    return abs(sums.total - gradient) <= 2.0**-51 * steps * sums.magnitude + 5e-324 * steps


def _notes(
    sweep: Sweep, source: int, target: int, through: int | None, graph: PathGraph, sums: Sums
) -> list[str]:
    labels = sweep.graph.labels()
    notes = []
    if not graph.nodes:
        way = f"from '{labels[source]}' to '{labels[target]}'"
        if through is not None:
            way += f" through '{labels[through]}'"
        there = set(between(sweep.graph, source, target))
        if source in there and (through is None or through in there):
            notes.append(f"no path leads {way} at this point: an edge on each does not exist here")
        else:
            notes.append(f"no path leads {way}")
    if sums.ranged:
        notes.append(
            "products leave the range of floats on the way; the sum over the paths was carried "
            "with exponents of its own"
        )
    return notes
