"""Tangents at one point: a graph's directional derivatives, many directions one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backprop_cli.engine.evaluate import Value, choose_backend, evaluate
from backprop_cli.ir.graph import Graph
from backprop_cli.transform.forward import forward

FEW = 8  # directions that floats are quicker for than arrays with an element for each direction


class Tangents:
    """The derivatives of `outputs` along directions of the nodes `wrt`, at a point.

    The tangent graph is made once, and what does not depend on the direction is computed once. No
    node of `wrt` may depend on another one.
    """

    def __init__(
        self,
        graph: Graph,
        point: Mapping[str, Value],
        wrt: Sequence[int],
        outputs: Sequence[int],
        backend: str = "auto",
    ) -> None:
        self.wrt = list(wrt)
        self.point = point
        names = {node: f" tangent {node}" for node in self.wrt}
        self.names = names
        made = forward(graph, names, outputs)
        self.graph = made.graph
        self.places = [made.tangents[node] for node in outputs]
        self.backend = choose_backend(made.graph, backend)
        # None for a node that no derivative here depends on
        self._inputs = [made.graph.by_name.get(names[node]) for node in self.wrt]
        self._shapes = [graph.shape(node) for node in outputs]
        self._values: list[Value] | None = None

    def along(self, directions: Sequence[Sequence[Value]]) -> list[list[Value]]:
        """For each direction, a tangent for each node of `wrt`, the tangents of the outputs."""
        if self.backend == "python" and len(directions) <= FEW:
            return [self._by_floats(direction) for direction in directions]
        if self.graph.is_scalar:
            return self._together(directions)
        return [self._by_arrays(direction) for direction in directions]

    def _by_floats(self, direction: Sequence[Value]) -> list[Value]:
        moved = {self.names[n]: float(t) for n, t in zip(self.wrt, direction, strict=True)}
        values = evaluate(self.graph, {**self.point, **moved}, "python").values
        return [values[place] for place in self.places]

    def _together(self, directions: Sequence[Sequence[Value]]) -> list[list[Value]]:
        """All directions in one pass over scalar nodes, an element of an array for each."""
        import numpy as np

        from backprop_cli.backends import numpy_arrays

        bound = self._bound([np.array(column) for column in zip(*directions, strict=True)])
        values = numpy_arrays.forward(self.graph, bound)
        columns = [np.broadcast_to(values[place], len(directions)) for place in self.places]
        return [list(row) for row in zip(*columns, strict=True)]

    def _by_arrays(self, direction: Sequence[Value]) -> list[Value]:
        """One direction: only the nodes that depend on it are computed again."""
        import numpy as np

        from backprop_cli.backends import numpy_arrays
        from backprop_cli.ir.ops import OPERATIONS

        if self._values is None:
            moved = {i for i in self._inputs if i is not None}
            zeros = [0.0 if i is None else np.zeros(self.graph.shape(i)) for i in self._inputs]
            self._values = numpy_arrays.forward(self.graph, self._bound(zeros))
            moves = self.graph.activity(moved)
            self._moving = [i for i in range(len(moves)) if moves[i] and i not in moved]
        values, graph = list(self._values), self.graph
        for i, tangent in zip(self._inputs, direction, strict=True):
            if i is not None:
                values[i] = np.asarray(tangent, dtype=np.float64)[()]
        with np.errstate(all="ignore"):
            for i in self._moving:
                x = [values[a] for a in graph.arguments(i)]
                name = OPERATIONS[graph.codes[i]].name
                values[i] = numpy_arrays.compute(name, graph.static.get(i), x)
        return [values[place] for place in self.places]

    def _bound(self, tangents: Sequence[Any]) -> dict[int, Value]:
        pairs = zip(self._inputs, tangents, strict=True)
        bound = {i: tangent for i, tangent in pairs if i is not None}
        for i in self.graph.inputs:
            if i not in bound:
                bound[i] = self.point[self.graph.names[i]]
        return bound
