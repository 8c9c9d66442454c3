"""Printing, and printing then parsing."""

from __future__ import annotations

from math import inf, nan, pi
from typing import Any

import pytest
from hypothesis import given
from strategies import scalar_graphs

from backprop_cli.engine.lower import load, lower
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import OPERATIONS
from backprop_cli.syntax.unparse import expression, number, unparse
from backprop_cli.transform.reverse import reverse

from .structure import structure

SHAPES = {"A": (2, 3), "v": (3,), "w": (3,), "B": (3, 3), "T": (2, 3, 4)}


def reparsed(graph: Graph) -> Graph:
    """The graph that the printed program parses to."""
    shapes = {graph.names[i]: graph.shape(i) for i in graph.inputs}
    return lower(load(unparse(graph)), shapes)


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        ("x*y+sin(x)", "x*y + sin(x)"),
        ("a=x*y;a+sin(a)", "a = x*y\na + sin(a)"),
        ("b=x;c=b;c", "b = x\nc = b"),
        ("f=x;g=y+1;(f,g,x)", "f = x\ng = y + 1\n(f, g, x)"),
        ("f(u,v)=u*v;f(x,f(x,y))", "x*(x*y)"),
        ("-(3)", "-(3)"),
        ("- 3", "-3"),
        ("-0*x", "-0*x"),
        ("x^-3", "x^-3"),
        ("(-3)^x", "(-3)^x"),
        ("-x^2", "-x^2"),
        ("(-x)^2", "(-x)^2"),
        ("2^3^x", "2^(3^x)"),
        ("(2^3)^x", "(2^3)^x"),
        ("x-(y-z)", "x - (y - z)"),
        ("x-y-z", "x - y - z"),
        ("x/(y*z)", "x/(y*z)"),
        ("x*(y*z)", "x*(y*z)"),
        ("-(-x)", "-(-x)"),
        ("x*-y", "x*(-y)"),
        ("x - -3", "x - (-3)"),
        ("not x == y", "not x == y"),
        ("(x or y) and z", "(x or y) and z"),
        ("x<y<z", "x < y and y < z"),
        ("(x<y)<z", "(x < y) < z"),
        ("(x<y)+z", "(x < y) + z"),
        ("x?y:z", "where(x, y, z)"),
        ("max(x,y)", "max(x, y)"),
        ("max(T,axis=[0,1],keepdims=1)", "max(T, axis=[0, 1], keepdims=True)"),
        ("softmax(v)", "softmax(v)"),
        ("softmax(T,axis=0)", "softmax(T, axis=0)"),
        ("(A+1)'", "(A + 1)'"),
        ("A@v", "A @ v"),
        ("v[::-1]", "v[::-1]"),
        ("v[2::-2]", "v[::-2]"),
        ("v[3:1]", "v[:0]"),
        ("T[0,:,1:3]", "T[0, :, 1:3]"),
        ("T[:,-1]", "T[:, 2]"),
        ("[x,y]", "[x, y]"),
        ("stack(v,w,axis=1)", "stack(v, w, axis=1)"),
        ("concat(A,A,axis=1)", "concat(A, A, axis=1)"),
        ("sum_to(v,[])", "sum_to(v, [])"),
        ("scatter(v,[5],4:1:-1)", "scatter(v, [5], :1:-1)"),
        ("transpose(T,[1,0,2])", "transpose(T, [1, 0, 2])"),
        ("eye(2,3)", "eye(2, 3)"),
        ("arange(1,2,0.25)", "arange(1, 2, 0.25)"),
        ("polygamma(2,x)", "polygamma(2, x)"),
        ("pi*x - inf", "pi*x - inf"),
        ("-inf*x", "-inf*x"),
        ("1e-7+x", "1e-07 + x"),
        ("stop_grad(x) % y", "stop_grad(x) % y"),
    ],
)
def test_programs_print_with_the_fewest_brackets_and_parse_back(program: str, printed: str) -> None:
    graph = lower(load(program), SHAPES)
    assert unparse(graph) == printed
    assert structure(reparsed(graph)) == structure(graph)


@given(scalar_graphs())
def test_print_then_parse_is_the_identity(graph: Graph) -> None:
    """Any program on scalars."""
    assert structure(reparsed(graph)) == structure(graph)


OPERANDS: dict[str, list[tuple[Any, tuple[int, ...]]]] = {
    "matmul": [(None, ((2, 3), (3,))), (None, ((3,), (3, 2))), (None, ((2, 2, 3), (3, 4)))],
    "outer": [(None, ((2,), (3,)))],
    "cross": [(None, ((3,), (3,)))],
    "solve": [(None, ((3, 3), (3,))), (None, ((2, 2, 2), (2, 3)))],
    "diag": [(None, ((3,),)), (None, ((2, 3),))],
    "transpose": [(None, ((2, 3),)), ((1, 2, 0), ((2, 3, 4),))],
    "reshape": [((6,), ((2, 3),)), ((), ((1,),))],
    "concat": [(0, ((2, 3), (1, 3))), (1, ((2, 3), (2, 2), (2, 1)))],
    "stack": [(0, ((3,), (3,))), (1, ((2, 3), (2, 3)))],
    "broadcast_to": [((2, 3), ((3,),)), ((2, 2), ((),))],
    "sum_to": [((), ((2, 3),)), ((1, 3), ((2, 3),))],
    "index": [
        ((1,), ((3,),)),
        ((0, ("slice", 0, 3, 1)), ((2, 3),)),
        ((("slice", 2, -1, -1),), ((3,),)),
        ((("slice", 0, 2, 1), 1), ((2, 3),)),
    ],
    "scatter": [(((1,), (3,)), ((),)), (((("slice", 0, 2, 1),), (4,)), ((2,),))],
}


def cases() -> list[Any]:
    """Every row of the table, with operands that fit it."""
    found = []
    for row in OPERATIONS:
        if row.kind == "source":
            continue
        given = OPERANDS.get(row.name)
        if given is None and row.family == "reduction":
            given = [
                ((None, False), ((2, 3),)),
                (((1,), True), ((2, 3),)),
                (((0,), False), ((3,),)),
            ]
        elif given is None and row.static == "axis":
            given = [(0, ((2, 3),)), (1, ((2, 3),)), (0, ((3,),))]
        elif given is None and row.elementwise:
            count = max(row.arity[0], 2 if row.variadic else 0)
            static = 1 if row.static else None
            given = [(static, ((),) * count), (static, ((2, 3), (3,), ())[:count])]
        elif given is None:
            given = [(None, ((3, 3),))]
        found += [pytest.param(row.name, *case, id=f"{row.name}-{case[1]}") for case in given]
    return found


@pytest.mark.parametrize(("name", "static", "shapes"), cases())
def test_adjoint_graphs_of_every_row_print_and_parse(
    name: str, static: Any, shapes: tuple[Any, ...]
) -> None:
    """Once and twice differentiated: every operation of a derivative has a spelling."""
    builder = Builder()
    operands = [builder.input(f"x{k}", shape) for k, shape in enumerate(shapes)]
    graph = builder.graph([(None, builder.add(name, *operands, static=static))])
    for _ in range(3):
        again = reparsed(graph)
        names = graph.names.values()  # a large program gets more of them
        assert structure(again, names) == structure(graph, names), unparse(graph)
        graph = reverse(graph).graph
        if len(graph.outputs) > 1:
            graph.outputs = graph.outputs[:1] if len(graph) > 150 else graph.outputs


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (-0.0, "-0"), (0.1, "0.1"), (1e16, "1e+16"), (123456789.0, "123456789"),
     (5e-324, "5e-324"), (inf, "inf"), (-inf, "-inf"), (nan, "nan"), (pi, "pi"), (-pi, repr(-pi))],
)  # fmt: skip
def test_numbers_read_back_equal(value: float, text: str) -> None:
    assert number(value) == text
    graph = lower(load(f"x + ({text})"))
    assert repr(value) in map(repr, graph.static.values())


def test_one_operation_over_labels() -> None:
    """Constants in the labels are bracketed where a sign would be misread."""
    graph = lower(load("a = x*y + sin(x); a - -3^2"))
    ids = graph.labels()
    shown = [str(graph.static.get(i, label)) for i, label in enumerate(ids)]
    texts = [expression(graph, i, shown) for i in range(len(graph))]
    assert texts == ["x", "y", "x*y", "sin(x)", "v1 + v2", "3", "2", "3.0^2.0", "-v3", "a - v4"]


def test_brackets_of_labels() -> None:
    b = Builder()
    x, k = b.input("x"), b.const(-2.0)
    nodes = [b.add(op, *args) for op, *args in [("pow", k, x), ("mul", x, k), ("mul", k, x)]]  # type: ignore[list-item]
    g = b.graph([(None, nodes[-1])])
    assert [expression(g, node, ["x", "-2"]) for node in nodes] == ["(-2)^x", "x*(-2)", "-2*x"]


def test_shared_subexpressions_get_names_where_the_tree_is_large() -> None:
    """2^64 operations as a tree; a line each as a program."""
    program = "".join(f"f{k + 1}(u) = f{k}(u)*f{k}(u)\n" for k in range(1, 13)) + "f13(x + 1)"
    graph = lower(load("f1(u) = sin(u)\n" + program))
    text = unparse(graph)
    assert text.splitlines()[:3] == ["v2 = sin(x + 1)", "v3 = v2*v2", "v4 = v3*v3"]
    assert len(lower(load(text))) == len(graph)


def test_depth_is_bounded_by_memory_only() -> None:
    graph = lower(load("sin(" * 20_000 + "x" + ")" * 20_000))
    text = unparse(graph)
    assert text.count("(") == 20_000
