"""How much rounding the derivatives of a program can suffer: reverse mode on the adjoint graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.engine.stability import ROUNDS
from backprop_cli.engine.sweep import Value
from backprop_cli.ir.graph import Graph
from backprop_cli.transform.reverse import reverse

LARGEST = 5_000  # nodes of the program
MOST = 5_000_000  # nodes visited in all


class Rounding:
    """The sum over all results v on the way to a derivative g of |v * dg/dv|.

    A relative error of u in every variable and every operation changes g by at most u times this
    sum, to first order (Linnainmaa 1976); divided by |g| it is the condition number of g.
    """

    def __init__(self, graph: Graph, point: Mapping[str, Value], output: int, count: int) -> None:
        self.known = len(graph) <= LARGEST
        if not self.known:
            return
        adjoint = reverse(graph, output)
        self.graph, self.gradient = adjoint.graph, adjoint.gradient
        self.known = len(self.graph) * count <= MOST
        self.point = point
        self.evaluation = evaluate(self.graph, point) if self.known else None

    def sum(self, node: int, index: tuple[int, ...] = ()) -> float | None:
        """That of the derivative by one element of an input; None where it is too much work."""
        if not self.known:
            return None
        target = self.gradient[node]
        seed: Any = None
        if self.graph.shape(target):
            import numpy as np

            seed = np.zeros(self.graph.shape(target))
            seed[index] = 1.0
        sweep = differentiate(self.graph, self.point, target, None, seed, "auto", self.evaluation)
        return sum(
            _size(adjoint, value)
            for code, adjoint, value in zip(
                self.graph.codes, sweep.adjoints, sweep.values, strict=True
            )
            if adjoint is not None and ROUNDS[code]
        )


def _size(adjoint: Value, value: Value) -> float:
    """|adjoint * value|, added up over elements; what is not finite counts nothing."""
    if type(adjoint) is float and type(value) is float:  # numbers of NumPy would warn
        size = abs(adjoint * value)
        return size if size < float("inf") else 0.0
    import numpy as np

    with np.errstate(all="ignore"):
        return float(np.nansum(np.abs(np.multiply(adjoint, value))))
