"""Graphs that the tests of pictures draw, made with the Builder, with a point each."""

from __future__ import annotations

from typing import Any

import numpy as np

from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.trace import Trace, trace
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph

Pictured = tuple[Graph, dict[str, Any]]
HOSTILE = [
    "<b>",
    'a"b',
    "c\\N",
    "d\\",
    "a:b:n",
    "&lt;",
    "]]>",
    "--><script>alert(1)</script>",
    "{|}",
    "node",
    "graph",
    "strict",
    "\x01",
    "\ud800",
    "变量",
    "θ_été",
]


def figure() -> Pictured:
    b = Builder("c = a+b; d = b+1; e = c*d")
    x, y = b.input("a"), b.input("b")
    c = b.add("add", x, y, name="c")
    d = b.add("add", y, b.const(1), name="d")
    return b.graph([("e", b.add("mul", c, d, name="e"))]), {"a": 2.0, "b": 1.0}


def choices() -> Pictured:
    """Ties, a kink, a branch not taken, stop_grad."""
    b = Builder()
    x, y = b.input("x"), b.input("y")
    m = b.add("maximum", x, y, name="m")
    r = b.add("relu", b.add("sub", x, y), name="r")
    w = b.add("where", b.add("gt", x, b.const(0)), b.add("log", x), b.add("sqrt", y), name="w")
    frozen = b.add("stop_grad", b.add("mul", x, y), name="frozen")
    top = b.add("add", b.add("mul", m, frozen), b.add("add", r, w))
    return b.graph([(None, top)]), {"x": 1.0, "y": 1.0}


def network() -> Pictured:
    b = Builder()
    x, big, bias = b.input("x", (3,)), b.input("W", (2, 3)), b.input("b", (2,))
    z = b.add("add", b.add("matmul", big, x), bias, name="z")
    h = b.add("tanh", z, name="h")
    loss = b.add("sum", b.add("square", h), static=(None, False), name="loss")
    point = {
        "x": np.array([1.0, -2.0, 0.5]),
        "W": np.array([[0.1, 0.2, 0.3], [0.0, -0.25, 1.0]]),
        "b": np.array([0.0, 0.5]),
    }
    return b.graph([("loss", loss)]), point


def infinite() -> Pictured:
    b = Builder()
    x, y = b.input("x"), b.input("y")
    return b.graph([("q", b.add("div", y, x, name="q"))]), {"x": 0.0, "y": 3.0}


def hostile() -> Pictured:
    b = Builder()
    nodes = [b.input(name) for name in HOSTILE]
    top = b.add("maximum", *nodes, name="\\G</table>>")
    return b.graph([(None, top)]), {name: float(i) for i, name in enumerate(HOSTILE)}


def long_names() -> Pictured:
    b = Builder()
    names = ["the_quick_brown_fox_jumps_over_the_lazy_dog", "W" * 400]
    top = b.add("mul", *(b.input(name) for name in names), name="M" * 300)
    return b.graph([(None, top)]), dict.fromkeys(names, 2.5)


def chain(length: int) -> Graph:
    b = Builder()
    node = b.input("x")
    for _ in range(length - 1):
        node = b.add("sin", node)
    return b.graph([(None, node)])


ALL = {
    "figure": figure,
    "choices": choices,
    "network": network,
    "infinite": infinite,
    "hostile": hostile,
    "long_names": long_names,
}


def traced(pictured: Pictured, wrt: list[str] | None = None) -> Trace:
    graph, point = pictured
    nodes = None if wrt is None else [graph.by_name[name] for name in wrt]
    return trace(differentiate(graph, point, wrt=nodes))
