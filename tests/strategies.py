"""Hypothesis strategies drawn from the operation table: programs as graphs, points, broken JSON."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import OPERATIONS, Operation

Shape = tuple[int, ...]

ELEMENTWISE = [row for row in OPERATIONS if row.elementwise]
# Bounded with bounded derivatives, so that programs of them stay well conditioned.
_SMOOTH = (
    "add sub mul neg square sin cos tanh atan sigmoid softplus silu gelu erf sinc identity asinh "
    "log_sigmoid logaddexp hypot elu"
)
SMOOTH = [row for row in ELEMENTWISE if row.name in _SMOOTH.split()]
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 3.0, math.inf, -math.inf, math.nan]
EXTREMES = [*EDGES, 1e300, -1e300, 1e-300, -1e-300, 5e-324, 1000.0, -1000.0, 0.1, -2.5]


def edge_values() -> st.SearchStrategy[float]:
    return st.sampled_from(EDGES)


def ordinary() -> st.SearchStrategy[float]:
    """Numbers of ordinary size, whole and otherwise."""
    return st.one_of(
        st.integers(-3, 3).map(float),
        st.floats(-3, 3, allow_subnormal=False).map(lambda x: x if abs(x) > 1e-3 else 0.5),
    )


def arity(row: Operation) -> st.SearchStrategy[int]:
    least, most = row.arity
    return st.integers(least, 3 if most is None else most)


@st.composite
def scalar_graphs(
    draw: st.DrawFn,
    rows: list[Operation] | None = None,
    constants: st.SearchStrategy[float] | None = None,
    variables: int = 3,
    size: int = 10,
    named: bool = True,
) -> Graph:
    """A program on scalars: the output is the last node, and depends on a variable."""
    rows = ELEMENTWISE if rows is None else rows
    builder = Builder()
    nodes = [builder.input(f"x{k}") for k in range(draw(st.integers(1, variables)))]
    numbers = draw(st.lists(ordinary() if constants is None else constants, max_size=2))
    nodes += map(builder.const, numbers)
    for k in range(draw(st.integers(1, size))):
        row = draw(st.sampled_from(rows))
        chosen = [draw(st.sampled_from(nodes)) for _ in range(draw(arity(row)))]
        static = draw(st.integers(0, 2)) if row.name == "polygamma" else None
        name = f"n{k}" if named and draw(st.booleans()) else None
        nodes.append(builder.add(row.name, *chosen, static=static, name=name))
    top = nodes[-1]
    if not builder.active[top]:
        top = builder.add("add", top, nodes[0])
    return builder.graph([(None, top)])


@st.composite
def points(
    draw: st.DrawFn, graph: Graph, values: st.SearchStrategy[float] | None = None
) -> dict[str, Any]:
    """A value for every variable of a graph."""
    numbers = ordinary() if values is None else values
    point: dict[str, Any] = {}
    for node in graph.inputs:
        shape = graph.shape(node)
        if shape == ():
            point[graph.names[node]] = draw(numbers)
        else:
            count = math.prod(shape)
            flat = draw(st.lists(numbers, min_size=count, max_size=count))
            point[graph.names[node]] = np.array(flat, dtype=np.float64).reshape(shape)
    return point


SHAPES: list[Shape] = [(), (3,), (2, 3), (3, 3), (1, 3), (2, 1)]
TENSOR_SMOOTH = [row for row in SMOOTH if row.name not in ("identity",)] + [
    row for row in ELEMENTWISE if row.name in ("maximum", "minimum", "where", "clip", "relu", "abs")
]


@st.composite
def axes(draw: st.DrawFn, rank: int) -> tuple[tuple[int, ...] | None, bool]:
    """A reduction's static parameter."""
    chosen = draw(st.lists(st.integers(0, max(rank - 1, 0)), unique=True, max_size=rank))
    some = tuple(chosen) if chosen else None
    return some, draw(st.booleans())


@st.composite
def indices(draw: st.DrawFn, shape: Shape) -> tuple[Any, ...]:
    """A static index: whole numbers of either sign, and slices with steps of either sign."""
    result: list[Any] = []
    for n in shape[: draw(st.integers(1, len(shape)))]:
        if n and draw(st.booleans()):
            result.append(draw(st.integers(-n, n - 1)))
        else:
            bound = st.none() | st.integers(-n - 1, n + 1)
            step = draw(st.sampled_from([1, 2, -1, -2]))
            result.append(("slice", *slice(draw(bound), draw(bound), step).indices(n)))
    return tuple(result)


@st.composite
def tensor_graphs(draw: st.DrawFn, size: int = 6) -> Graph:
    """A program on arrays of small shapes: the output is the sum of its last node."""
    builder = Builder()
    nodes = [
        builder.input(f"x{k}", draw(st.sampled_from(SHAPES)))
        for k in range(draw(st.integers(1, 3)))
    ]
    nodes.append(builder.const(draw(ordinary())))
    for _ in range(draw(st.integers(1, size))):
        nodes.append(draw(_tensor_node(builder, nodes)))
    top = builder.add("sum", nodes[-1], static=(None, False))
    if not builder.active[top]:
        top = builder.add("add", top, builder.add("sum", nodes[0], static=(None, False)))
    return builder.graph([(None, top)])


@st.composite
def _tensor_node(draw: st.DrawFn, builder: Builder, nodes: list[int]) -> int:
    x = draw(st.sampled_from(nodes))
    shape = builder.shape(x)
    kinds = ["elementwise", "elementwise", "reduce", "stack", "broadcast"]
    if shape:
        kinds += ["transpose", "index", "softmax", "concat", "reshape", "sum_to"]
        kinds += ["matmul"] if shape[-1] == 3 else []
    if len(shape) == 1:
        kinds += ["diag", "outer"]
    if shape == (3, 3):
        kinds += ["det", "cofactor", "trace"]
    match draw(st.sampled_from(kinds)):
        case "elementwise":
            return _elementwise(draw, builder, nodes, x)
        case "reduce":
            op = draw(st.sampled_from(["sum", "mean", "prod", "var", "max", "min", "logsumexp"]))
            return builder.add(op, x, static=draw(axes(len(shape))))
        case "stack":
            return builder.add("stack", x, x, static=draw(st.integers(0, len(shape))))
        case "broadcast":
            return builder.add("broadcast_to", x, static=(2, *shape))
        case "transpose":
            order = tuple(draw(st.permutations(range(len(shape)))))
            return builder.add("transpose", x, static=order)
        case "index":
            return builder.add("index", x, static=draw(indices(shape)))
        case "softmax":
            return builder.add("softmax", x, static=draw(st.integers(0, len(shape) - 1)))
        case "concat":
            return builder.add("concat", x, x, static=draw(st.integers(0, len(shape) - 1)))
        case "reshape":
            return builder.add("reshape", x, static=(math.prod(shape),))
        case "sum_to":
            return builder.add("sum_to", x, static=(*(1 for _ in shape[:-1]), shape[-1]))
        case "matmul":
            fits = [n for n in nodes if builder.shape(n) in ((3,), (3, 3))]
            return builder.add("matmul", x, draw(st.sampled_from(fits))) if fits else x
        case "outer":
            return builder.add("outer", x, x)
        case op:
            return builder.add(op, x)


def _elementwise(draw: st.DrawFn, builder: Builder, nodes: list[int], x: int) -> int:
    row = draw(st.sampled_from(TENSOR_SMOOTH))
    chosen = [x]
    shape = builder.shape(x)
    for _ in range(draw(arity(row)) - 1):
        fits = [n for n in nodes if _fits(builder.shape(n), shape)]
        chosen.append(draw(st.sampled_from(fits)))
        shape = np.broadcast_shapes(shape, builder.shape(chosen[-1]))
    return builder.add(row.name, *chosen)


def _fits(a: Shape, b: Shape) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False))


def json_values(depth: int = 3) -> st.SearchStrategy[Any]:
    """Any JSON, with numbers that no column holds."""
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-5, 5),
        st.sampled_from([2**16, 2**31, 2**63, -(2**70), 10**400]),
        st.floats(),
        st.text(max_size=4),
        st.sampled_from(["0", "-1", "nan", "slice", "add", "x"]),
    )
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text(max_size=3) | st.sampled_from(["0", "1"]), inner, max_size=3)
        ),
        max_leaves=8,
    )
