"""Makes a graph node by node."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping
from typing import Any

from backprop_cli.errors import ArityFault, BpropError, NameFault, Span
from backprop_cli.ir.graph import (
    CONST,
    INPUT,
    MORE,
    NONE,
    Graph,
    Output,
    Shape,
    arguments,
)
from backprop_cli.ir.graph_context import GraphContext
from backprop_cli.ir.ops import OPERATIONS, Expr, Operation

_CODES = {row.name: row.code for row in OPERATIONS}
# the arity of elementwise rows with one, which keep scalars scalar; others ask their shape rule
_ARITY = [
    row.arity[0] if row.elementwise and row.arity[0] == row.arity[1] else -1 for row in OPERATIONS
]


class Builder:
    """Makes a Graph node by node; the same operation on the same arguments is one node.

    The key of a node includes its name, so that every named node is its own. `x*y` is not `y*x`.

    >>> b = Builder()
    >>> x, y = b.input("x"), b.input("y")
    >>> b.add("mul", x, y) == b.add("mul", x, y) != b.add("mul", y, x)
    True
    """

    def __init__(self, source: str = "", graph: Graph | None = None) -> None:
        self.source = source
        self.codes = array("H")
        self.first = array("i")
        self.second = array("i")
        self.rest: dict[int, tuple[int, ...]] = {}
        self.active = bytearray()
        self.static: dict[int, Any] = {}
        self.names: dict[int, str] = {}
        self.shapes: dict[int, Shape] = {}
        self.spans: dict[int, list[Span]] = {}
        self.inputs: list[int] = []
        self.adjoint_of: dict[int, int] = {}
        self._interned: dict[Any, int] = {}
        if graph is not None:
            self._continue(graph)
        self._add_code = self.codes.append
        self._add_first = self.first.append
        self._add_second = self.second.append
        self._add_active = self.active.append

    def _continue(self, graph: Graph) -> None:
        """Starts from a copy of `graph`, to append to it."""
        self.source = graph.source
        self.codes = graph.codes[:]
        self.first = graph.first[:]
        self.second = graph.second[:]
        self.rest = dict(graph.rest)
        self.active = graph.active[:]
        self.static = dict(graph.static)
        self.names = dict(graph.names)
        self.shapes = dict(graph.shapes)
        self.spans = {i: list(spans) for i, spans in graph.spans.items()}
        self.inputs = list(graph.inputs)
        self.adjoint_of = dict(graph.adjoint_of)
        for i in range(len(graph)):
            code, static = self.codes[i], self.static.get(i)
            if i in self.names:
                self._interned["named", self.names[i]] = i
                continue
            if code == CONST:
                key: Any = ("const", _bits(static))
            else:
                key = _key(code, graph.arguments(i), static)
            self._interned.setdefault(key, i)

    def __len__(self) -> int:
        return len(self.codes)

    def _source(self, code: int, static: object, name: str | None, active: int) -> int:
        node = len(self.codes)
        self._add_code(code)
        self._add_first(NONE)
        self._add_second(NONE)
        self._add_active(active)
        if static is not None:
            self.static[node] = static
        if name is not None:
            self.names[node] = name
        return node

    def input(self, name: str, shape: Shape = (), span: Span | None = None) -> int:
        """A variable; the same name is the same node. Raises NameFault if that is no variable."""
        node = self._interned.get(("named", name))
        if node is None:
            node = self._source(INPUT, None, name, 4)
            self._interned["named", name] = node
            self.inputs.append(node)
            if shape:
                self.shapes[node] = tuple(shape)
        elif self.codes[node] != INPUT:
            raise taken(name)
        if span is not None:
            self.mark(node, span)
        return node

    def const(self, value: float, span: Span | None = None, name: str | None = None) -> int:
        """A number. Equal unnamed constants are one node (pictures draw one for each use)."""
        key: Any = ("const", _bits(value)) if name is None else ("named", name)
        node = self._interned.get(key)
        if node is None:
            node = self._interned[key] = self._source(CONST, float(value), name, 0)
        elif name is not None:
            raise taken(name)
        if span is not None:
            self.mark(node, span)
        return node

    def add(
        self,
        op: str,
        *args: int,
        static: Any = None,
        name: str | None = None,
        span: Span | None = None,
    ) -> int:
        """The node of `op` on `args`, made if it is not there yet.

        Raises ArityFault and ShapeFault, and NameFault for a name that is taken; none knows its
        place.
        """
        code = _CODES[op]
        count = len(args)
        if name is not None:
            key: Any = ("named", name)
        elif static is not None:
            key = (code, args, static)
        elif count == 2:
            key = args[0] << 42 | args[1] << 10 | code
        elif count == 1:
            key = ~(args[0] << 10 | code)
        else:
            key = (code, args)
        active = self.active
        node = len(active)
        known = self._interned.setdefault(key, node)
        if known != node:
            if name is not None:
                raise taken(name)
            if span is not None:
                self.mark(known, span)
            return known
        shapes = self.shapes
        if shapes or count != _ARITY[code]:
            try:
                shape = self._shape(code, args, static)
            except BpropError:
                del self._interned[key]
                raise
            if shape:
                shapes[node] = shape
        if count == 2:
            a, b = args
            self._add_first(a)
            self._add_second(b)
            self._add_active((active[a] and 1) | (active[b] and 2))
        elif count == 1:
            self._add_first(args[0])
            self._add_second(NONE)
            self._add_active(active[args[0]] and 1)
        else:
            self._add_first(args[0] if args else NONE)
            self._add_second(MORE if args else NONE)
            self._add_active(any(active[a] for a in args))
            if args:
                self.rest[node] = args
        self._add_code(code)
        if static is not None:
            self.static[node] = static
        if name is not None:
            self.names[node] = name
        if span is not None:
            self.mark(node, span)
        return node

    def _shape(self, code: int, args: tuple[int, ...], static: Any) -> Shape:
        """The shape of a new node; raises ArityFault and ShapeFault."""
        row = OPERATIONS[code]
        least, most = row.arity
        if len(args) < least or (most is not None and len(args) > most):
            raise arity_fault(row, len(args))
        return row.shape([self.shapes.get(a, ()) for a in args], static)

    def mark(self, node: int, span: Span) -> None:
        """Records that the source text at `span` means `node`."""
        places = self.spans.get(node)
        if places is None:
            self.spans[node] = [span]
        else:
            places.append(span)

    def shape(self, node: int) -> Shape:
        return self.shapes.get(node, ())

    def arguments(self, i: int) -> tuple[int, ...]:
        return arguments(self.first[i], self.second[i], self.rest, i)

    def expr(self, node: int) -> Expr:
        """The node as an operand of rules."""
        return Expr(self.context, node)

    @property
    def context(self) -> GraphContext:
        return GraphContext(self)

    def graph(
        self,
        outputs: Iterable[Output],
        parameters: Mapping[str, float] | None = None,
        notes: Iterable[str] = (),
    ) -> Graph:
        """The finished graph. The Builder must not be used afterwards."""
        return Graph(
            self.codes,
            self.first,
            self.second,
            self.rest,
            self.active,
            self.static,
            self.names,
            self.shapes,
            self.spans,
            self.inputs,
            outputs,
            self.source,
            parameters,
            notes,
            self.adjoint_of,
        )


def _bits(value: Any) -> Any:
    """A key that tells -0.0 from 0.0 and finds nan again."""
    return (value, math.copysign(1.0, value)) if value == value else "nan"


def _key(code: int, args: tuple[int, ...], static: object) -> Any:
    if static is not None:
        return (code, args, static)
    if len(args) == 2:
        return args[0] << 42 | args[1] << 10 | code
    return ~(args[0] << 10 | code) if len(args) == 1 else (code, args)


def taken(name: str) -> NameFault:
    return NameFault(f"'{name}' is the name of another node already")


def arity_fault(row: Operation, count: int) -> ArityFault:
    """The error for a wrong number of arguments, made from the row."""
    least, most = row.arity
    if most is None:
        wanted = f"at least {least}"
    elif least == most:
        wanted = str(least)
    else:
        wanted = f"{least} to {most}"
    plural = "argument" if wanted in ("1", "at least 1") else "arguments"
    return ArityFault(
        f"'{row.name}' takes {wanted} {plural}, not {count}",
        help=f"{row.name}({', '.join(row.signature)}{', ...' if row.variadic else ''}): "
        f"{row.summary}",
    )
