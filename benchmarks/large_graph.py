"""One point on a large scalar graph: build, value and gradient, beside micrograd in the same run.

    python benchmarks/large_graph.py [nodes, by default 1000000]

Prints seconds of CPU, the ratio of reverse to forward, peak memory, and the peer's figures for few
nodes (it recurses; it builds objects with closures; `pip install micrograd` to have it measured).
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph

VARIABLES = 100


def build(nodes: int) -> Graph:
    """A chain of products and sums with 100 variables, a third of the nodes cos or tanh."""
    builder = Builder()
    x = [builder.input(f"x{i}") for i in range(VARIABLES)]
    add = builder.add
    last = x[0]
    for i in range(nodes):
        kind, other = i % 6, x[i * 7919 % VARIABLES]
        if kind < 2:
            last = add("mul", last, other)
        elif kind < 4:
            last = add("add", last, other)
        else:
            last = add("cos" if kind == 4 else "tanh", last)
    return builder.graph([(None, last)])


def peer(nodes: int) -> tuple[float, float] | None:
    """micrograd's seconds for forward (which builds) and backward."""
    try:
        from micrograd.engine import Value
    except ImportError:
        return None
    start = time.process_time()
    x = [Value(0.9 + 0.002 * k) for k in range(VARIABLES)]
    last: Any = x[0]
    for i in range(nodes):
        other = x[i * 7919 % VARIABLES]
        last = last * other if i % 6 < 2 else last + other if i % 6 < 4 else last.relu()
    forward = time.process_time() - start
    sys.setrecursionlimit(10**7)
    start = time.process_time()
    last.backward()
    return forward, time.process_time() - start


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    best, result = float("inf"), None
    for _ in range(3):
        start = time.process_time()
        result = work()
        best = min(best, time.process_time() - start)
    return best, result


def main() -> None:
    nodes = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    gc.disable()
    start = time.process_time()
    graph = build(nodes)
    print(f"nodes     {len(graph)}")
    print(f"build     {time.process_time() - start:.3f} s")
    point = {f"x{k}": 0.9 + 0.002 * k for k in range(VARIABLES)}
    forward, done = seconds(lambda: evaluate(graph, point))
    both, _ = seconds(lambda: differentiate(graph, point))
    print(f"forward   {forward:.3f} s")
    print(
        f"gradient  {both:.3f} s with the value; reverse/forward {(both - forward) / forward:.2f}"
    )
    print(f"memory    {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB at most")
    del done
    measured = peer(min(nodes // 10, 900))
    if measured is None:
        print("micrograd is not installed")
    else:
        small = build(min(nodes // 10, 900))
        ours, _ = seconds(lambda: differentiate(small, point))
        print(f"micrograd {sum(measured):.4f} s for {len(small)} nodes, ours {ours:.4f} s")


if __name__ == "__main__":
    main()
