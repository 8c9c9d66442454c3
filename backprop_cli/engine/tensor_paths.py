"""Paths in a program with arrays: an edge is an argument, and a path carries a whole adjoint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.engine.path_counts import Count, count_paths
from backprop_cli.engine.path_graph import PathGraph, between, on_paths
from backprop_cli.engine.path_result import Cancellation, Path, PathReport, labels_of
from backprop_cli.engine.tensor_search import Found, Index, edge_norm, norm_of, search
from backprop_cli.errors import ShapeFault
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.shapes import show

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Sweep

NOT_APART = "a partial is not finite, and forward accumulation does not keep elements apart"
TANGENTS = 32  # elements of the source up to which each gets a forward pass of its own


def unit_seed(graph: Graph, target: int, index: Index) -> Any:
    """1 at one element of `target`, 0 elsewhere, where nothing exists. Raises ShapeFault."""
    seed = np.zeros(graph.shape(target))
    seed[element(graph, target, index, "--to")] = 1.0
    return seed


def element(graph: Graph, node: int, index: Index, option: str) -> tuple[int, ...]:
    """The index of one element of a node, counted from the front; raises ShapeFault."""
    shape, label = graph.shape(node), graph.labels()[node]
    first = f"{label}[{', '.join('0' for _ in shape)}]" if shape else label
    if index is None and shape:
        raise ShapeFault(
            f"paths end in a scalar, and '{label}' has the shape {show(shape)}",
            help=f'choose an element: {option} "{first}", or take all with bprop jacobian',
        )
    chosen = index or ()
    if len(chosen) != len(shape) or not all(
        -n <= k < n for k, n in zip(chosen, shape, strict=True)
    ):
        raise ShapeFault(
            f"'{label}' of the shape {show(shape)} has no element {list(chosen)}",
            help=f"indices count from 0: {first}",
        )
    return tuple(k % n for k, n in zip(chosen, shape, strict=True))


def tensor_paths(
    sweep: Sweep,
    source: int,
    target: int,
    through: int | None,
    most: int,
    source_index: Index,
    target_index: Index,
) -> PathReport:
    """The paths of a sweep with arrays; see `paths`."""
    graph = sweep.graph
    if graph.shape(target):
        target_index = element(graph, target, target_index, "--to")
    if source_index is not None:
        source_index = element(graph, source, source_index, "--from")
    network = node_paths(sweep, source, target, through)
    counts = count_paths(network)
    notes = []
    seed = sweep.adjoint_of(target)
    found: list[Found] = []
    open_bound = None
    if network.nodes and seed is not None:
        outcome = search(sweep, network, seed, most, source_index)
        found, open_bound = outcome.found, outcome.open_bound
        if outcome.complete and counts.paths.exact != len(found):
            counts = counts._replace(paths=Count.of(len(found)))
            notes.append("on some paths no element is left of what each edge selects")
        if open_bound is not None:
            notes.append(
                "the search ended at its budget: the norm of a path that is not listed is at most "
                f"{open_bound:.3g}"
            )
    elif not network.nodes:
        labels = graph.labels()
        notes.append(f"no path leads from '{labels[source]}' to '{labels[target]}' at this point")
    total = pick(sweep.gradient[source], source_index)
    gradient = total
    if through is not None:
        gradient = pick(_gradient_through(sweep, source, through), source_index)
    products = [path.product for path in found]
    listed = _add_up(products, gradient)
    whole = forward_sum(sweep, source, target, through, source_index, target_index, gradient)
    if norm_of(whole) < math.inf:
        agree = _close(whole, gradient)
    elif counts.paths.exact == len(found):  # where 0 and inf meet, elements are kept apart by paths
        whole = listed
        agree = _close(whole, gradient)
    else:
        whole, agree = gradient, False
        notes.append(
            "a partial is not finite, and forward accumulation does not keep elements apart"
        )
    return PathReport(
        source=source,
        target=target,
        through=through,
        labels=labels_of(graph, source, target, through, source_index, target_index),
        counts=counts,
        paths=[_path(sweep, network, path, whole) for path in found],
        listed_sum=listed,
        sum=whole,
        gradient=gradient,
        agree=agree,
        total_gradient=total,
        cancellation=_cancellation(products, whole, counts.paths.exact == len(found)),
        notes=notes,
        open_bound=open_bound,
    )


def pick(value: Any, index: Index) -> Any:
    return value if index is None else float(value[index])


def node_paths(sweep: Sweep, source: int, target: int, through: int | None) -> PathGraph:
    """The edges on paths, with upper bounds of their norms as partials.

    An edge exists where some element that the target's adjoint reaches has one.
    """
    graph = sweep.graph
    nodes = between(graph, source, target)
    below = set(nodes)
    tails: list[int] = []
    heads: list[int] = []
    positions: list[int] = []
    for node in nodes:
        if node == source:
            continue
        g = sweep.adjoint_of(node)
        for position, argument in enumerate(graph.arguments(node)):
            if argument not in below:
                continue
            if through is not None and argument < through < node:
                continue
            if sweep.contribution_of(node, position, g) is not None:
                tails.append(argument)
                heads.append(node)
                positions.append(position)
    used = on_paths((tails, heads, positions, [0.0] * len(tails)), source, target, through)
    norms = [
        edge_norm(sweep, used.nodes[head], position)
        for head, position in zip(used.heads, used.positions, strict=True)
    ]
    return used._replace(partials=norms)


def _gradient_through(sweep: Sweep, source: int, through: int) -> Any:
    """The reverse sweep's derivative over the paths through a node."""
    above = sweep.adjoints[through]
    zero = np.zeros(sweep.graph.shape(source))[()]
    if above is None:
        return zero
    lower = differentiate(
        sweep.graph, {}, through, sweep.wrt, above, sweep.backend, sweep.evaluation
    )
    return lower.gradient[source]


def forward_sum(
    sweep: Sweep,
    source: int,
    target: int,
    through: int | None,
    source_index: Index,
    target_index: Index,
    gradient: Any,
) -> Any:
    """The sum over all paths by forward accumulation.

    A source of many elements is not taken one by one: the sum is then the gradient, scaled by what
    forward accumulation along the gradient gives.
    """
    shape = sweep.graph.shape(source)
    push = Pushforward(sweep, [source, *([] if through is None else [through]), target])

    def along(direction: Any) -> float:
        return float(np.asarray(push(direction))[target_index or ()])

    if source_index is not None or math.prod(shape) <= TANGENTS:
        places = [source_index] if source_index is not None else list(np.ndindex(*shape))
        parts = []
        for place in places:
            direction = np.zeros(shape)
            direction[place] = 1.0
            parts.append(along(direction[()]))
        return parts[0] if source_index is not None else np.reshape(parts, shape)[()]
    size = norm_of(gradient)
    if not 0 < size < math.inf:
        return gradient
    return gradient * (along(gradient / size) / size)


def _add_up(products: Sequence[Any], like: Any) -> Any:
    with np.errstate(all="ignore"):
        return sum(products, np.zeros_like(like)[()] if np.ndim(like) else 0.0)


class Pushforward:
    """Derivatives along a direction, by forward mode, from node to node of a chain."""

    def __init__(self, sweep: Sweep, chain: Sequence[int]) -> None:
        from backprop_cli.transform.forward import forward

        graph = sweep.graph
        self.point = {graph.names[i]: sweep.values[i] for i in graph.inputs}
        steps = [(a, b) for a, b in pairwise(chain) if a != b]
        self.steps = [(forward(graph, {a: " tangent"}, [b]), b) for a, b in steps]

    def __call__(self, direction: Any) -> Any:
        for step, end in self.steps:
            done = evaluate(step.graph, {**self.point, " tangent": direction}, "numpy")
            direction = done.values[step.tangents[end]]
        return direction


def _close(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return bool(np.array_equal(a, b, equal_nan=True))
    scale = max(float(np.max(np.abs(a), initial=0.0)), float(np.max(np.abs(b), initial=0.0)))
    return bool(np.all(np.abs(a - b) <= 1e-9 * scale))


def _path(sweep: Sweep, network: PathGraph, path: Found, total: Any) -> Path:
    labels = sweep.graph.labels()
    nodes = [network.nodes[0], *(network.nodes[network.heads[e]] for e in path.edges)]
    edges = [(network.nodes[network.heads[e]], network.positions[e]) for e in path.edges]
    partials = [sweep.partial(node, position) for node, position in edges]
    share = _share(path.product, total)
    return Path(nodes, [labels[i] for i in nodes], edges, partials, path.product, share)


def _share(product: Any, total: Any) -> Any:
    """The product over the sum, element by element, 0 for 0; None where one says nothing."""
    with np.errstate(all="ignore"):
        part = np.where(np.equal(product, 0.0), 0.0, np.divide(product, total))
    if not np.isfinite(part).all():
        return None
    return part if part.ndim else float(part)


def _cancellation(products: list[Any], total: Any, complete: bool) -> Cancellation:
    """From the paths listed, where they are all."""
    size = norm_of(total)
    if not complete or not math.isfinite(size) or not products:
        return Cancellation(None, None, None)
    norms = math.fsum(norm_of(product) for product in products)
    condition = norms / size if size else (math.inf if norms else None)
    if np.ndim(total):
        return Cancellation(None, None, condition)
    numbers = [float(product) for product in products]
    return Cancellation(
        math.fsum(x for x in numbers if x > 0), math.fsum(x for x in numbers if x < 0), condition
    )
