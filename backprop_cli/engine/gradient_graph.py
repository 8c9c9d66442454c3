"""The gradient of an output as a graph at a point: what second derivatives are the derivatives of.

Its Jacobian, the Hessian, has a row for each element of the nodes `rows` and a column for each
element of `columns`, numbered through.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.engine.sweep import Evaluation, Value
from backprop_cli.engine.warning import Warning_
from backprop_cli.ir.graph import Graph
from backprop_cli.transform.indexed import by_element
from backprop_cli.transform.reverse import reverse

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST = 60  # characters of an operation that is written out
_UNSAID = re.compile(r"\w+ \((v\d+_*)\)")  # 'add (v2)': a node that the source does not have
_ADDED_ZERO = re.compile(r"\(([\w.]+|\w+\([^()]*\)) \+ 0\)")


class GradientGraph:
    """The adjoint graph of a scalar output.

    Where the program reads its arrays one element at a time, `rows` and `columns` are the scalar
    variables that the elements then are; else the nodes that were asked for.
    """

    def __init__(
        self,
        graph: Graph,
        point: Mapping[str, Value],
        output: int,
        rows: Sequence[int],
        columns: Sequence[int],
        backend: str = "auto",
    ) -> None:
        self.backend = backend
        self.point: Mapping[str, Value] = point
        self.rows, self.columns = list(rows), list(columns)
        split = by_element(graph)
        if split is not None:
            graph, output = split.graph, split.place[output]
            self.point = _elements(point, split.elements, split.graph)
            known = split.elements | {old: [new] for old, new in split.place.items()}
            self.rows = [k for i in rows for k in known[i]]
            self.columns = [k for i in columns for k in known[i]]
        made = reverse(graph, output, self.rows)
        self.graph = made.graph
        self.gradient = [made.gradient[i] for i in self.rows]
        self.row_shapes = [graph.shape(i) for i in self.rows]
        self.column_shapes = [graph.shape(i) for i in self.columns]
        self._done: Evaluation | None = None

    def is_nested(self) -> bool:
        """Whether a column depends on another one: moving the one would then move the other."""
        if set(self.columns) <= set(self.graph.inputs):
            return False
        return any(
            self.graph.activity([i for i in self.columns if i != k])[k] for k in self.columns
        )

    def parted(self, flat: NDArray[Any]) -> list[Value]:
        """A vector with an element for each column, by node."""
        parts: list[Value] = []
        start = 0
        for shape in self.column_shapes:
            size = math.prod(shape)
            parts.append(flat[start : start + size].reshape(shape)[()])
            start += size
        return parts

    def reversed_row(self, row: int) -> tuple[NDArray[Any], list[str]]:
        """One row by a reverse sweep, and why it is not finite.

        What is no edge at the point is not multiplied, and where a path product is not finite the
        sum over paths is taken by its class.
        """
        import numpy as np

        if self._done is None:
            self._done = evaluate(self.graph, self.point, self.backend)
        k = 0
        while row >= math.prod(self.row_shapes[k]):
            row -= math.prod(self.row_shapes[k])
            k += 1
        seed = np.zeros(math.prod(self.row_shapes[k]))
        seed[row] = 1.0
        sweep = differentiate(
            self.graph,
            self.point,
            self.gradient[k],
            self.columns,
            seed.reshape(self.row_shapes[k])[()],
            self.backend,
            self._done,
        )
        reasons = [self._reason(w) for w in sweep.warnings if w.kind == "non-finite" and w.node]
        return joined([sweep.gradient[i] for i in self.columns]), reasons

    def _reason(self, warning: Warning_) -> str:
        """Why, with each operation written out that the source does not say."""
        text = warning.message.partition(": ")[2] or warning.message
        return _UNSAID.sub(lambda found: self._written(found[1]) or found[0], text)

    def _written(self, label: str) -> str | None:
        """A node as a short expression of the language; a zero that is added is left out."""
        from backprop_cli.syntax.unparse import Writer

        graph = self.graph
        node = graph.find(label)
        if node is None or not self._is_short(node):
            return None
        text = Writer(graph, graph.names).write(node).removesuffix(" + 0")
        text = _ADDED_ZERO.sub(r"\1", text)
        return text if len(text) <= LONGEST else None

    def _is_short(self, node: int) -> bool:
        """Whether an expression has so few operations that it can be written out."""
        graph, stack = self.graph, [node]
        for _ in range(LONGEST):
            if not stack:
                return True
            i = stack.pop()
            if i == node or i not in graph.names:
                stack += graph.arguments(i)
        return False


def joined(parts: Sequence[Value]) -> NDArray[Any]:
    """The elements of all parts in one vector."""
    import numpy as np

    return np.concatenate([np.ravel(part) for part in parts]) if parts else np.zeros(0)


def _elements(
    point: Mapping[str, Value], elements: Mapping[int, list[int]], graph: Graph
) -> dict[str, Value]:
    """A point with the elements of arrays by their own names."""
    import numpy as np

    result = dict(point)
    for nodes in elements.values():
        name = graph.names[nodes[0]].partition("[")[0]
        flat = np.ravel(result.pop(name)).tolist()
        result |= {graph.names[k]: item for k, item in zip(nodes, flat, strict=True)}
    return result
