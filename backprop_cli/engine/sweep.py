"""What a sweep over a graph leaves: the values of all nodes, the adjoints, what crosses an edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from backprop_cli.backends.float_partials import slopes_at
from backprop_cli.backends.python_floats import FloatContext
from backprop_cli.engine.warning import Warning_
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import Expr
from backprop_cli.ir.ops.contribution import Adjoint, contributions, elementwise

if TYPE_CHECKING:
    from backprop_cli.ir.ops import Operation

Value = Any  # float with the python backend, numpy.ndarray or numpy.float64 with the numpy backend
FLOATS = FloatContext()


class Evaluation:
    """The values of all nodes at a point."""

    def __init__(self, graph: Graph, values: list[Value], backend: str) -> None:
        self.graph = graph
        self.values = values
        self.backend = backend

    @property
    def value(self) -> Value:
        """The value of the first output."""
        return self.values[self.graph.outputs[0][1]]

    @property
    def warnings(self) -> list[Warning_]:
        """What is not finite among the outputs, and where it began."""
        from backprop_cli.engine.findings import value_warnings

        return [w for _, node in self.graph.outputs for w in value_warnings(self, node)]


class Sweep:
    """Both passes at a point: values, adjoints and, on request, what crosses each edge.

    An adjoint has the shape of its node; it is None where nothing reaches the node. Where a path
    product is not finite, adjoints are the sums over paths (see `classes`).
    """

    def __init__(
        self,
        evaluation: Evaluation,
        output: int,
        wrt: Sequence[int],
        seed: Value,
        active: bytearray,
        adjoints: list[Value],
        masks: list[Value],
        flags: list[tuple[int, int]],
        varies: bytearray,
    ) -> None:
        self.evaluation = evaluation
        self.graph = evaluation.graph
        self.values = evaluation.values
        self.backend = evaluation.backend
        self.output = output
        self.wrt = tuple(wrt)
        self.seed = seed
        self.active = active  # what depends on a node of `wrt`
        self.varies = varies  # what depends on a variable, or on a node of `wrt`
        self.adjoints = adjoints
        self.masks = masks  # where adjoints exist; empty for the python backend
        self.flags = flags
        self.path_classes: dict[int, Any] = {}
        self._warnings: list[Warning_] | None = None

    @property
    def value(self) -> Value:
        return self.values[self.output]

    @property
    def gradient(self) -> dict[int, Value]:
        """The adjoint of each node of `wrt`; zero where no path leads there."""
        result = {}
        for node in self.wrt:
            found = self.adjoints[node]
            result[node] = found[()] if hasattr(found, "ndim") else found
            if found is None:
                result[node] = self._zero(node)
        return result

    def _zero(self, node: int) -> Value:
        if self.backend == "python":
            return 0.0
        import numpy as np

        return np.zeros(self.graph.shape(node))[()]

    @property
    def warnings(self) -> list[Warning_]:
        if self._warnings is None:
            from backprop_cli.engine.findings import sweep_warnings

            self._warnings = sweep_warnings(self)
        return self._warnings

    def operands(self, node: int) -> tuple[list[Expr], Expr, list[bool]]:
        """The arguments and the value of a node as operands of its row, and which vary."""
        arguments = self.graph.arguments(node)
        context: Any = FLOATS
        if self.backend != "python":
            from backprop_cli.backends.numpy_arrays import CONTEXT

            context = CONTEXT
        x = [Expr(context, self.values[a]) for a in arguments]
        varies = [bool(self.varies[a]) for a in arguments]
        return x, Expr(context, self.values[node]), varies

    def slopes(self, node: int) -> tuple[float | None, ...]:
        """The partials by all arguments of a scalar node; None where no edge exists."""
        graph, values = self.graph, self.values
        arguments = graph.arguments(node)
        return slopes_at(
            graph.codes[node],
            tuple([self.varies[a] != 0 for a in arguments]),
            tuple([self.active[a] != 0 for a in arguments]),
            [values[a] for a in arguments],
            values[node],
            graph.static.get(node),
        )

    def edge(self, node: int, position: int) -> Adjoint | None:
        """The partial of an elementwise row on one edge, with where it exists; None: nowhere."""
        row: Operation = self.graph.op(node)
        argument = self.graph.arguments(node)[position]
        if not self.active[argument] or not row.elementwise or row.rule(position) is None:
            return None
        x, out, varies = self.operands(node)
        static = self.graph.static.get(node)
        with quiet(self.backend):
            unit = Adjoint(out.context.apply("const", (), 1.0))
            found = elementwise(row, position, x, out, unit, varies, static)
        if found is None or (found.mask is not None and not any_true(found.mask.value)):
            return None
        return found

    def partial(self, node: int, position: int) -> Value | None:
        """The local partial on an edge; None where it does not exist, or for a pullback row."""
        if self.backend == "python":
            return self.slopes(node)[position]
        found = self.edge(node, position)
        return None if found is None else found.value.value

    def has_edge(self, node: int, position: int) -> bool:
        """Whether the edge exists at this point and the output's adjoint reaches it."""
        return self.contribution(node, position) is not None

    def contribution(self, node: int, position: int) -> Value | None:
        """What the node's adjoint hands to the argument at `position`, in the argument's shape."""
        if self.backend == "python":
            slope, adjoint = self.slopes(node)[position], self.adjoints[node]
            return None if slope is None or adjoint is None else adjoint * slope
        found = self.contribution_of(node, position, self.adjoint_of(node))
        return None if found is None else found.value.value

    def adjoint_of(self, node: int) -> Adjoint | None:
        value = self.adjoints[node]
        if value is None:
            return None
        _, out, _ = self.operands(node)
        mask = self.masks[node] if self.masks else None
        context = out.context
        return Adjoint(Expr(context, value), None if mask is None else Expr(context, mask))

    def contribution_of(self, node: int, position: int, g: Adjoint | None) -> Adjoint | None:
        """What a given adjoint of the node hands to one argument; None where no edge exists."""
        row: Operation = self.graph.op(node)
        argument = self.graph.arguments(node)[position]
        if g is None or not self.active[argument] or row.rule(position) is None:
            return None
        x, out, varies = self.operands(node)
        only = [k == position for k in range(len(x))]
        static = self.graph.static.get(node)
        with quiet(self.backend):
            found = list(contributions(row, x, out, g, only, static, varies))
        if not found:
            return None
        _, adjoint = found[0]
        if adjoint.mask is not None and not any_true(adjoint.mask.value):
            return None
        return adjoint


def any_true(mask: Value) -> bool:
    return bool(mask) if isinstance(mask, float) else bool(mask.any())


def quiet(backend: str) -> Any:
    """A context in which IEEE results are answers, not NumPy warnings."""
    if backend == "python":
        from contextlib import nullcontext

        return nullcontext()
    import numpy as np

    return np.errstate(all="ignore")
