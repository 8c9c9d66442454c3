"""Tangents at one point: a graph's directional derivatives, many directions together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backprop_cli.engine.evaluate import choose_backend, evaluate
from backprop_cli.engine.sweep import Value
from backprop_cli.ir.graph import Graph
from backprop_cli.transform.forward import forward

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW = 8  # directions that floats are quicker for than arrays with an element for each direction
MOST = 1 << 16  # numbers of a stack that is computed at once, on average: half a MB, for the cache
MOST_IN_ALL = 1 << 24  # numbers of all of them: 128 MB


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
        self._sizes = [math.prod(graph.shape(node)) for node in self.wrt]
        self._values: list[Value] | None = None

    def along(self, direction: Sequence[Value]) -> list[Value]:
        """The tangents of the outputs along one for each node of `wrt`."""
        if self.backend == "python":
            return self._by_floats(direction)
        import numpy as np

        flat = np.concatenate([np.ravel(part) for part in direction])
        found = self._stacks(flat[np.newaxis])
        return [found[place][0] for place in self.places]

    def products(self, directions: NDArray[Any]) -> NDArray[Any]:
        """The elements of all outputs' tangents, a row for each row of `directions`."""
        import numpy as np

        if self.backend == "python" and len(directions) <= FEW:
            return np.array([self._by_floats(row) for row in directions.tolist()])
        count = len(directions)
        self._still()
        total = sum(math.prod(self.graph.shape(i)) for i in self._moving) or 1
        rows = max(min(MOST * len(self._moving), MOST_IN_ALL) // total, 1)
        result = np.empty((count, sum(math.prod(self.graph.shape(i)) for i in self.places)))
        for start in range(0, count, rows):
            part = directions[start : start + rows]
            found = self._stacks(part)
            columns = [found[place].reshape(len(part), -1) for place in self.places]
            result[start : start + rows] = np.concatenate(columns, axis=1)
        return result

    def _by_floats(self, direction: Sequence[Value]) -> list[Value]:
        moved = {self.names[n]: float(t) for n, t in zip(self.wrt, direction, strict=True)}
        values = evaluate(self.graph, {**self.point, **moved}, "python").values
        return [values[place] for place in self.places]

    def _stacks(self, directions: NDArray[Any]) -> dict[int, Any]:
        """The outputs' tangents along all rows of `directions`, with one axis more."""
        import numpy as np

        from backprop_cli.backends.stacked_arrays import stacked
        from backprop_cli.ir.ops import OPERATIONS

        graph, still = self.graph, self._still()
        found: dict[int, Any] = {}
        start, count = 0, len(directions)
        for i, size in zip(self._inputs, self._sizes, strict=True):
            if i is not None:
                found[i] = directions[:, start : start + size].reshape(count, *graph.shape(i))
            start += size
        with np.errstate(all="ignore"):
            for i in self._moving:
                arguments = graph.arguments(i)
                moves = [a in found for a in arguments]
                x = [found[a] if m else still[a] for a, m in zip(arguments, moves, strict=True)]
                shapes = [*map(graph.shape, arguments), graph.shape(i)]
                row = OPERATIONS[graph.codes[i]]
                found[i] = stacked(row.name, graph.static.get(i), x, moves, shapes)
        for place in self.places:
            if place not in found:
                found[place] = np.broadcast_to(still[place], (count, *graph.shape(place)))
        return found

    def _still(self) -> list[Value]:
        """The values of all nodes along no direction."""
        if self._values is None:
            import numpy as np

            from backprop_cli.backends import numpy_arrays

            moved = {i for i in self._inputs if i is not None}
            bound = {i: np.zeros(self.graph.shape(i)) for i in moved}
            for i in self.graph.inputs:
                if i not in moved:
                    bound[i] = self.point[self.graph.names[i]]
            self._values = numpy_arrays.forward(self.graph, bound)
            moves = self.graph.activity(moved)
            self._moving = [i for i in range(len(moves)) if moves[i] and i not in moved]
        return self._values
