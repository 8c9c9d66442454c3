"""Paths that no enumeration reaches: counted, summed and ranked, in seconds of CPU.

    python benchmarks/paths.py [stages of the long chain, by default 10000]

Prints, for each program, the number of paths, the seconds of the two passes, and the seconds that
the path report adds to them. The first program has 2^64 paths; its limit is 0.2 s.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.paths import paths
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph

Stage = Callable[[Builder, int, int], int]


def chain(stages: int, stage: Stage) -> Graph:
    """A program that applies `stage` again and again."""
    builder = Builder()
    node = builder.input("x")
    for k in range(stages):
        node = stage(builder, node, k)
    return builder.graph([("f", node)])


def doubled(b: Builder, node: int, k: int) -> int:
    """Two edges alike: every path ties with every other."""
    return b.add("add", node, node)


def rescaled(b: Builder, node: int, k: int) -> int:
    """Two edges alike, and a value that stays."""
    return b.add("sqrt", b.add("mul", node, node))


def curved(b: Builder, node: int, k: int) -> int:
    """Two ways of different weight."""
    return b.add("add", node, b.add("sin", node))


def terms(count: int) -> Graph:
    """A sum of many terms, a path each."""
    builder = Builder()
    x = total = builder.input("x")
    for k in range(count):
        term = builder.add("sin", builder.add("mul", builder.const(k + 0.5), x))
        total = builder.add("add", total, term)
    return builder.graph([("f", total)])


def main() -> None:
    stages = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    programs = {"64 stages x + x": chain(64, doubled)}
    for stage, text in ((doubled, "x + x"), (rescaled, "sqrt(x*x)"), (curved, "x + sin(x)")):
        programs[f"{stages} stages {text}"] = chain(stages, stage)
    programs[f"sum of {10 * stages} terms"] = terms(10 * stages)
    print(f"{'program':>28}  {'paths':>12}  {'passes':>7}  {'report':>7}")
    for name, graph in programs.items():
        start = time.process_time()
        sweep = differentiate(graph, {"x": 1.5})
        middle = time.process_time()
        found = paths(sweep, graph.inputs[0], graph.outputs[0][1])
        end = time.process_time()
        count = f"10^{found.count_log10:.2f}"
        print(f"{name:>28}  {count:>12}  {middle - start:7.3f}  {end - middle:7.3f}")
        assert found.agree


if __name__ == "__main__":
    main()
