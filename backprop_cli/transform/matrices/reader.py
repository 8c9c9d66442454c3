"""Reads a graph as sums of matrix products, node by node; see `terms`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from backprop_cli.ir.graph import CONST, Graph, Shape
from backprop_cli.ir.ops import BY_NAME, OPERATIONS
from backprop_cli.ir.sizes import renamed
from backprop_cli.transform.matrices.algebra import Algebra
from backprop_cli.transform.matrices.terms import Sum


class Value(NamedTuple):
    """What a node is: a sum, or for more than two axes a node of the new graph; and its shape."""

    total: Sum
    shape: Shape
    tensor: int | None = None


def extent(shape: Shape) -> tuple[int, int]:
    """Rows and columns of a scalar, a vector (a column) or a matrix."""
    return (shape[0] if shape else 1, shape[1] if len(shape) > 1 else 1)


class Reader:
    """Reads the nodes of one graph, in order, into an Algebra."""

    def __init__(
        self, graph: Graph, algebra: Algebra, symmetric: frozenset[str] = frozenset()
    ) -> None:
        self.graph = graph
        self.symmetric = symmetric
        self.algebra = algebra
        self.values: dict[int, Value] = {}

    def read(self, i: int) -> Value:
        """The value of node `i`, whose arguments were read before."""
        graph, algebra = self.graph, self.algebra
        code, shape = graph.codes[i], graph.shape(i)
        op = OPERATIONS[code].name
        if op == "input":
            node = algebra.builder.input(graph.names[i], shape)
            if graph.names[i] in self.symmetric:
                algebra.symmetric.add(node)
            value = self.held(node, shape)
        elif code == CONST:
            value = Value(algebra.constant(graph.static[i]), shape)
        else:
            x = [self.values[a] for a in graph.arguments(i)]
            static = renamed(graph.static.get(i), algebra.sizes)
            keeps = BY_NAME[op].masks == "reduce" and static[1] and len(shape) in (1, 2)
            if keeps and op != "sum" and x[0].tensor is None:
                return self.kept(i, op, x[0], static[0], shape)
            rule = None if any(v.tensor is not None for v in x) or len(shape) > 2 else RULES.get(op)
            total = rule(self, x, static, shape) if rule is not None else None
            value = self.other(op, x, static, shape) if total is None else Value(total, shape)
        self.values[i] = value
        return value

    def kept(self, i: int, op: str, x: Value, axes: Any, shape: Shape) -> Value:
        """A reduction that keeps its axes, as one that does not: a scalar, a column or a row."""
        algebra = self.algebra
        made = algebra.atom(algebra.add(op, self.node(x), static=(axes, False)))
        row = extent(shape) == (1, made.rows) and made.rows > 1
        self.values[i] = Value(made.T if row else made, shape)
        return self.values[i]

    def held(self, node: int, shape: Shape) -> Value:
        """The value of a node of the new graph."""
        if len(shape) > 2:
            return Value(Sum((), 0, 0), shape, node)
        return Value(self.algebra.atom(node), shape)

    def node(self, value: Value) -> int:
        """The new node of a value, in its own shape."""
        if value.tensor is not None:
            return value.tensor
        return self.algebra.shaped(value.total, value.shape)

    def other(self, op: str, x: list[Value], static: Any, shape: Shape) -> Value:
        """An operation that is a factor of its own."""
        algebra = self.algebra
        if BY_NAME[op].elementwise and shape and len(shape) <= 2:
            aligned = self.aligned(op, x, static, shape)
            if aligned is not None:
                return aligned
        node = algebra.add(op, *(self.node(v) for v in x), static=static)
        return self.held(node, algebra.builder.shape(node))

    def aligned(self, op: str, x: list[Value], static: Any, shape: Shape) -> Value | None:
        """Elementwise on scalars and arrays of one extent: rows as vectors, s*ones as s."""
        algebra = self.algebra
        rows, cols = extent(shape)
        if any(v.tensor is not None for v in x):
            return None
        full = [v for v in x if not v.total.is_scalar]
        if any((v.total.rows, v.total.cols) != (rows, cols) for v in full):
            return None
        spreads = BY_NAME[op].elementwise
        flat = [self.flat(v.total) if spreads else None for v in full]
        spare = any(s is None for s in flat)  # one array is left to give the shape
        numbers = {id(v): s for v, s in zip(full, flat, strict=True) if s is not None and spare}
        nodes = [algebra.node(numbers.get(id(v), v.total)) for v in x]
        made = algebra.atom(algebra.add(op, *nodes, static=static))
        return Value(made.T if rows == 1 and made.cols == 1 else made, shape)

    def flat(self, total: Sum) -> Sum | None:
        """The scalar s of an array s*ones, else None."""
        terms = total.terms
        if terms and all(self.algebra.is_flat(term) for term in terms):
            return Sum(tuple(term._replace(chain=()) for term in terms), 1, 1)
        return None if terms else Sum((), 1, 1)

    def spread(self, total: Sum, rows: int, cols: int) -> Sum | None:
        """A scalar, a row or a column repeated to an extent; None where it does not fit."""
        algebra = self.algebra
        if (total.rows, total.cols) == (rows, cols):
            return total
        if total.cols == 1 and total.rows == 1:
            ones = algebra.product(algebra.ones(rows), algebra.ones(cols).T)
            return algebra.times(total, ones)
        if total.cols == 1 and total.rows == rows:
            return algebra.distributed(total, algebra.ones(cols).T)
        if total.rows == 1 and total.cols == cols:
            return algebra.distributed(algebra.ones(rows), total)
        return None


Rule = Callable[[Reader, list[Value], Any, Shape], Sum | None]


RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    def enter(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return enter
