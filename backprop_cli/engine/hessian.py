"""Hessians: forward over reverse, with as few products as the sparsity of the graph allows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from backprop_cli.engine.curvature import Curvature, Entries
from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.findings import number
from backprop_cli.engine.gradient_graph import GradientGraph
from backprop_cli.engine.guards import higher_warnings
from backprop_cli.engine.product import on_arrays
from backprop_cli.engine.sweep import Value
from backprop_cli.engine.warning import Warning_
from backprop_cli.errors import UsageFault
from backprop_cli.ir.graph import Graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST = 10_000  # rows
MOST_ENTRIES = 10**8  # that can differ from 0: 0.8 GB
MOST_EIGENVALUES = 12  # variables of a Hessian whose eigenvalues are given


class Hessian:
    """Second derivatives of a scalar output by each pair of nodes of `wrt`.

    `entries` numbers the elements of all these nodes through; `nonzeros` of them can differ from 0
    at some point, and `products` are the passes it took.
    """

    def __init__(
        self,
        graph: Graph,
        output: int,
        wrt: list[int],
        value: Value,
        gradient: dict[int, Value],
        entries: Entries,
        nonzeros: int,
        products: int,
        warnings: list[Warning_],
    ) -> None:
        self.graph = graph
        self.output = output
        self.wrt = wrt
        self.value = value
        self.gradient = gradient
        self.entries = entries
        self.nonzeros = nonzeros
        self.products = products
        self.warnings = warnings

    @property
    def size(self) -> int:
        return self.entries.size

    @cached_property
    def matrix(self) -> NDArray[Any]:
        return self.entries.dense()

    @cached_property
    def blocks(self) -> dict[int, dict[int, Value]]:
        """By two nodes, in the shape of the first followed by that of the second."""
        shapes, spans = self.graph.shape, spans_of(self.graph, self.wrt)
        return {
            i: {j: self.matrix[a, b].reshape(shapes(i) + shapes(j))[()] for j, b in spans.items()}
            for i, a in spans.items()
        }

    def sparse_blocks(self) -> dict[int, dict[int, Any]]:
        """By two nodes, as sparse matrices with a row for each element of the first."""
        from scipy.sparse import csr_array

        shape = self.size, self.size
        rows, columns, values = (part.ravel() for part in self.entries[1:])
        matrix, spans = csr_array((values, (rows, columns)), shape), spans_of(self.graph, self.wrt)
        return {i: {j: matrix[a, b] for j, b in spans.items()} for i, a in spans.items()}

    @cached_property
    def eigenvalues(self) -> list[float] | None:
        """In ascending order; None for a large matrix, or one not finite or not symmetric."""
        if not 0 < self.size <= MOST_EIGENVALUES:
            return None
        import numpy as np

        matrix = self.matrix
        if not np.isfinite(matrix).all() or not np.array_equal(matrix, matrix.T):
            return None
        found: list[float] = np.linalg.eigvalsh(matrix).tolist()
        return found

    @property
    def definiteness(self) -> str | None:
        """What the signs of the eigenvalues say; None where there are none."""
        return None if not self.eigenvalues else definiteness(self.eigenvalues)


def hessian(
    graph: Graph,
    point: Mapping[str, Value],
    output: int,
    wrt: Sequence[int] | None = None,
    backend: str = "auto",
    most: int = MOST_ENTRIES,
) -> Hessian:
    """The Hessian of a scalar output by the nodes of `wrt` (by default all variables).

    Raises UsageFault for more than 10,000 numbers, and where more than `most` entries can differ
    from 0.
    """
    wanted = list(dict.fromkeys(graph.inputs if wrt is None else wrt))
    size = sum(math.prod(graph.shape(i)) for i in wanted)
    if size > LARGEST:
        raise _too_large(size, size * size)
    small = on_arrays(graph, [output, *wanted], backend)
    if small is not None:
        place = small.place
        found = _solved(
            small.graph, point, place[output], [place[i] for i in wanted], backend, most
        )
        if not found.warnings:  # what is to be said is said of the program as written
            gradient = {i: found.gradient[place[i]] for i in wanted}
            counts = found.nonzeros, found.products
            return Hessian(graph, output, wanted, found.value, gradient, found.entries, *counts, [])
    return _solved(graph, point, output, wanted, backend, most)


def _solved(
    graph: Graph,
    point: Mapping[str, Value],
    output: int,
    wanted: list[int],
    backend: str,
    most: int,
) -> Hessian:
    sweep = differentiate(graph, point, output, wanted, backend=backend)
    curvature = Curvature(GradientGraph(graph, point, output, wanted, wanted, backend))
    if curvature.nonzeros > most:
        raise _too_large(curvature.size, curvature.nonzeros, " that can differ from 0")
    entries = curvature.entries()
    return Hessian(
        graph,
        output,
        wanted,
        sweep.value,
        sweep.gradient,
        entries,
        curvature.nonzeros,
        curvature.products,
        [*higher_warnings(sweep), *_not_finite(graph, wanted, entries, curvature.reasons)],
    )


def _too_large(size: int, entries: int, which: str = "") -> UsageFault:
    return UsageFault(
        f"the Hessian by {size:,} numbers has {entries:,} entries{which}",
        help="products of it with vectors need no matrix: bprop hvp",
    )


def spans_of(graph: Graph, nodes: Sequence[int]) -> dict[int, slice]:
    """The numbers of each node's elements, where those of all nodes are numbered through."""
    spans, start = {}, 0
    for i in nodes:
        end = start + math.prod(graph.shape(i))
        spans[i] = slice(start, end)
        start = end
    return spans


def definiteness(eigenvalues: Sequence[float]) -> str:
    """What the signs of eigenvalues say, those that are 0 to rounding taken as 0.

    >>> definiteness([1.0, 2.0]), definiteness([-1.0, 1e-20]), definiteness([-1.0, 1.0])
    ('positive definite', 'negative semidefinite', 'indefinite')
    """
    rounding = len(eigenvalues) * 2.3e-16 * max(abs(v) for v in eigenvalues)
    below = any(v < -rounding for v in eigenvalues)
    above = any(v > rounding for v in eigenvalues)
    if above and below:
        return "indefinite"
    if not above and not below:
        return "zero"
    kind = "definite" if all(abs(v) > rounding for v in eigenvalues) else "semidefinite"
    return f"{'positive' if above else 'negative'} {kind}"


def _not_finite(
    graph: Graph, wrt: Sequence[int], entries: Entries, reasons: Sequence[str]
) -> list[Warning_]:
    """A warning for each entry that is not finite."""
    import numpy as np

    bad = np.flatnonzero(~np.isfinite(entries.values))
    why = f": {reasons[0]}" if reasons else ""
    labels, spans = graph.labels() if len(bad) else [], spans_of(graph, wrt)
    found = []
    for k in bad.tolist():
        item = float(entries.values.flat[k])
        names, places = [], []
        for number_ in (int(entries.rows.flat[k]), int(entries.columns.flat[k])):
            node = next(i for i, span in spans.items() if span.start <= number_ < span.stop)
            names.append(labels[node])
            index = np.unravel_index(number_ - spans[node].start, graph.shape(node))
            places += [f"[{k}]" for k in index]
        message = f"the second derivative by '{names[0]}' and '{names[1]}' is {number(item)}{why}"
        path = f"hessian.{names[0]}.{names[1]}{''.join(places)}"
        found.append(Warning_("non-finite", None, None, message, path, item))
    return found
