"""Truncated power series through a graph, a coefficient at a time, from the rows' own derivatives.

The series of a node z of x(t) follows from z' = sum of partial(x, z) * x', which is what forward
mode writes for the node: z_k is the coefficient k - 1 of that, over k. The partials are nodes like
any others, with series of their own by the same equation, so the functions close among themselves
(sin and cos) or reach as deep as the order asks (x^2.5, x^1.5, ...). Only the arithmetic of series,
products and quotients, is spelled out. Griewank and Walther (2008), "Evaluating derivatives",
chapter 13; asked for lazily as in McIlroy (1999), "Power series, power serious".
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping

from backprop_cli.backends.float_functions import div
from backprop_cli.backends.python_floats import FloatContext
from backprop_cli.engine.evaluate import bind
from backprop_cli.engine.sinc_series import SincSeries
from backprop_cli.engine.sweep import Value
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.ir.ops import OPERATIONS, Expr
from backprop_cli.ir.ops.contribution import Adjoint
from backprop_cli.transform.forward import tangent_of

# Operations whose coefficient k is theirs of the operands' coefficients k.
_LINEAR = {
    *("add", "sub", "neg", "identity", "sum", "mean", "trace", "sum_to", "broadcast_to"),
    *("transpose", "reshape", "index", "scatter", "diag", "stack", "concat"),
}
_PRODUCTS = {"mul", "matmul", "outer", "cross"}
_QUOTIENTS = {"div", "solve"}
ROUNDING = 2.0**-53
Need = tuple[int, int]  # a node and which coefficient


class Series:
    """The power series of the nodes of a graph at a point, along one node that moves.

    That node is its value plus t times `direction`; what is below it stays. No coefficient is
    computed before it is asked for, and none recurses over the graph's depth.
    """

    def __init__(
        self,
        graph: Graph,
        point: Mapping[str, Value],
        node: int,
        direction: Value,
        values: list[Value],
        backend: str,
        kinks: Mapping[int, Value] | None = None,
    ) -> None:
        self.backend = backend
        self.builder = Builder(graph=graph)
        self.node = node
        self.direction = direction
        self.moves = graph.activity([node])[:]
        self.coefficients: list[list[Value]] = [[value] for value in values]
        self._shifted: dict[int, int] = {}  # an input that is the derivative of another node
        self._tangents: dict[int, int | None] = {}
        self._sincs: dict[int, SincSeries] = {}
        self._kinks = dict(kinks or {})  # by node, True where one lies; an array for elements
        self._bound = bind(graph, point, backend)
        self.errors: dict[int, list[Value]] = defaultdict(lambda: [0.0])  # bounds, of quotients

    def coefficient(self, node: int, k: int) -> Value:
        """The coefficient of t^k in the series of a node."""
        stack: list[Need] = [(node, k)]
        while stack:
            i, order = stack[-1]
            self._grow()
            have = len(self.coefficients[i])
            if have > order:
                stack.pop()
                continue
            if have < order:
                stack.append((i, order - 1))
                continue
            missing = [n for n in self._needs(i, order) if len(self.coefficients[n[0]]) <= n[1]]
            if missing:
                stack += missing
                continue
            found = self._compute(i, order)
            if i in self._kinks and order:
                found = self._beside_kink(i, order, found)
            self.coefficients[i].append(found)
        return self.coefficients[node][k]

    def _grow(self) -> None:
        """Makes room for the nodes that were appended since."""
        builder = self.builder
        for i in range(len(self.moves), len(builder)):
            self.moves.append(
                1 if i in self._shifted else any(self.moves[a] for a in builder.arguments(i))
            )
            self.coefficients.append([])

    def _op(self, i: int) -> str:
        return OPERATIONS[self.builder.codes[i]].name

    def _needs(self, i: int, k: int) -> list[Need]:
        """What coefficient k of node i is computed from."""
        if i in self._shifted:
            return [(self._shifted[i], k + 1)]
        arguments = self.builder.arguments(i)
        if k == 0:
            return [(a, 0) for a in arguments]
        if i == self.node or not self.moves[i]:
            return []
        op = self._op(i)
        if op in _LINEAR or op in _PRODUCTS or op in _QUOTIENTS or op == "sinc":
            return [(a, k) for a in arguments if self.moves[a]]
        if op == "where":
            return [(arguments[0], 0), *((a, k) for a in arguments[1:] if self.moves[a])]
        tangent = self._tangent(i)
        return [] if tangent is None else [(tangent, k - 1)]

    def _tangent(self, i: int) -> int | None:
        """The node of z' for node i, made when it is first needed."""
        if i not in self._tangents:
            builder = self.builder
            tangents = {
                a: Adjoint(Expr(builder.context, self._derivative(a)))
                for a in dict.fromkeys(builder.arguments(i))
                if self.moves[a]
            }
            active = bytearray(len(builder))
            active[: len(self.moves)] = self.moves
            found = tangent_of(builder, builder, i, tangents, active)
            self._tangents[i] = None if found is None else found.value.value
            self._grow()
        return self._tangents[i]

    def _derivative(self, i: int) -> int:
        """An input that stands for the derivative of node i's series by t."""
        builder = self.builder
        made = builder.input(f" derivative {i}", builder.shape(i))
        if made >= len(self.moves):
            self._shifted[made] = i
            self._grow()
        return made

    def _compute(self, i: int, k: int) -> Value:
        if i in self._shifted:
            return (k + 1) * self.coefficients[self._shifted[i]][k + 1]
        if k == 0:
            return self._value(i)
        if i == self.node and k == 1:
            return self.direction
        op, arguments = self._op(i), self.builder.arguments(i)
        if i == self.node or not self.moves[i]:
            return self._zero(i)
        if op in _LINEAR:
            return self._apply(op, i, [self._at(a, k) for a in arguments])
        if op in _PRODUCTS:
            return self._product(i, op, k)
        if op == "div":
            return self._quotient(i, k)
        if op == "solve":
            return self._solution(i, k)
        if op == "where":
            condition = self.coefficients[arguments[0]][0]
            return self._apply(op, i, [condition, *(self._at(a, k) for a in arguments[1:])])
        if op == "sinc":
            return self._sinc(i, k)
        tangent = self._tangent(i)
        return self._zero(i) if tangent is None else self.coefficients[tangent][k - 1] / k

    def _sinc(self, i: int, k: int) -> Value:
        if i not in self._sincs:
            (u,) = self.builder.arguments(i)
            self._sincs[i] = SincSeries(self.coefficients[u])
            self._sincs[i].coefficient(0)
        return self._sincs[i].coefficient(k)

    def _beside_kink(self, i: int, k: int, found: Value) -> Value:
        """The coefficient, nan at a kink as soon as an operand moves: both sides differ from it."""
        moved: Value = False
        for a in self.builder.arguments(i):
            for coefficient in self.coefficients[a][1 : k + 1]:
                moved = moved | (coefficient != 0)
        if self.backend == "python":
            return math.nan if moved else found
        import numpy as np

        return np.where(self._kinks[i] & _fitting(moved, np.shape(found)), math.nan, found)[()]

    def _times(self, a: Value, b: Value) -> Value:
        """A product; 0 times what a kink leaves open, which is bounded, is 0."""
        if not self._kinks:
            return a * b
        if self.backend == "python":
            return 0.0 if (a == 0 and b != b) or (b == 0 and a != a) else a * b
        import numpy as np

        nothing = ((a == 0) & np.isnan(b)) | ((b == 0) & np.isnan(a))
        return np.where(nothing, 0.0, a * b)[()]

    def _value(self, i: int) -> Value:
        """The constant term of an appended node."""
        if self.builder.codes[i] == CONST:
            return self._number(self.builder.static[i])
        if self.builder.codes[i] == INPUT:
            return self._zero(i)
        x = [self.coefficients[a][0] for a in self.builder.arguments(i)]
        op = self._op(i)
        return self._times(*x) if op == "mul" else self._apply(op, i, x)

    def _number(self, value: float) -> Value:
        if self.backend == "python":
            return value
        import numpy as np

        return np.float64(value)

    def _zero(self, i: int) -> Value:
        if self.backend == "python":
            return 0.0
        import numpy as np

        return np.zeros(self.builder.shape(i))[()]

    def _at(self, i: int, k: int) -> Value:
        return self.coefficients[i][k] if self.moves[i] else self._zero(i)

    def _apply(self, op: str, i: int, x: list[Value]) -> Value:
        static = self.builder.static.get(i)
        if self.backend == "python":
            operands = tuple(Expr(_FLOATS, value) for value in x)
            return _FLOATS.apply(op, operands, static).value
        from backprop_cli.backends.tensor_functions import compute

        return compute(op, static, x)

    def _product(self, i: int, op: str, k: int) -> Value:
        """Sum of a_j * b_(k - j); a factor that is a constant 0 takes nothing with it."""
        a, b = self.builder.arguments(i)
        if not self.moves[a] or not self.moves[b]:
            constant = a if self.moves[b] else b
            if self.builder.codes[constant] == CONST and self.builder.static[constant] == 0:
                return self._zero(i)
            pair = (0, k) if constant == a else (k, 0)
            factors = [self.coefficients[a][pair[0]], self.coefficients[b][pair[1]]]
            return self._times(*factors) if op == "mul" else self._apply(op, i, factors)
        left, right = self.coefficients[a], self.coefficients[b]
        if self.backend == "python":
            return sum(self._times(left[j], right[k - j]) for j in range(k + 1))
        if op == "mul":
            return sum(self._times(left[j], right[k - j]) for j in range(k + 1))
        total = self._apply(op, i, [left[0], right[k]])
        for j in range(1, k + 1):
            total = total + self._apply(op, i, [left[j], right[k - j]])
        return total

    def _quotient(self, i: int, k: int) -> Value:
        """(a_k - sum of b_j * z_(k - j) for j >= 1) / b_0."""
        a, b = self.builder.arguments(i)
        top, own = self._at(a, k), self.coefficients[i]
        bottom = self.coefficients[b]
        error = abs(top) * ROUNDING
        if self.moves[b]:
            before = self.errors[i]
            for j in range(1, k + 1):
                top = top - bottom[j] * own[k - j]
                error = error + abs(bottom[j]) * (abs(own[k - j]) * ROUNDING + before[k - j])
        quotient: Callable[..., Value] = div
        if self.backend != "python":
            import numpy as np

            quotient = np.divide
        self.errors[i].append(quotient(error, abs(bottom[0])))
        return quotient(top, bottom[0])

    def _solution(self, i: int, k: int) -> Value:
        """The z_k with a_0 @ z_k = b_k - sum of a_j @ z_(k - j) for j >= 1."""
        import numpy as np

        a, b = self.builder.arguments(i)
        right, own = self._at(b, k), self.coefficients[i]
        if self.moves[a]:
            vector = right.ndim == 1
            for j in range(1, k + 1):
                left, part = self.coefficients[a][j], own[k - j]
                product = (left @ part[..., np.newaxis])[..., 0] if vector else left @ part
                right = right - product
            if vector and right.ndim > 1:  # a vector for each matrix of a stack
                columns = self._apply("solve", i, [self.coefficients[a][0], right[..., np.newaxis]])
                return columns[..., 0]
        return self._apply("solve", i, [self.coefficients[a][0], right])


def _fitting(moved: Value, shape: tuple[int, ...]) -> Value:
    """Which elements move: those of an elementwise row one by one, else all where any does."""
    import numpy as np

    try:
        return np.broadcast_to(moved, shape)
    except ValueError:
        return np.any(moved)


_FLOATS = FloatContext()
