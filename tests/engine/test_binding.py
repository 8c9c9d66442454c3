"""Binding a point to a graph."""

from __future__ import annotations

import time

from backprop_cli.engine.program import bind
from backprop_cli.ir.builder import Builder


def test_the_time_is_linear_in_the_number_of_variables() -> None:
    builder = Builder()
    names = [f"x{k}" for k in range(30_000)]
    total = builder.const(0.0)
    for name in names:
        total = builder.add("add", total, builder.input(name))
    graph = builder.graph([("f", total)])
    start = time.process_time()
    assert len(bind(graph, dict.fromkeys(names, 1.0)).point) == len(names)
    assert time.process_time() - start < 1
