"""How long pictures take by their size: DOT source alone, and laid out to SVG.

    python benchmarks/layout.py [SECONDS, by default 60, after which a layout is stopped]

The limit of nodes that `bprop render` lays out unasked (`picture.MAX_NODES`) rests on this.
"""

from __future__ import annotations

import random
import sys
import time

from backprop_cli.errors import BpropError
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.render import picture
from backprop_cli.render.dot import graph_source

SIZES = (100, 500, 1000, 1500, 3000)
OPERATIONS = ("add", "mul", "sub", "sin", "tanh")


def chain(nodes: int) -> Graph:
    builder = Builder()
    last = builder.input("x")
    for _ in range(nodes - 1):
        last = builder.add("sin", last)
    return builder.graph([(None, last)])


def tangle(nodes: int, reach: int = 40) -> Graph:
    """Each node on two of the `reach` before it: hard to draw without crossings."""
    draw = random.Random(1)
    builder = Builder()
    made = [builder.input(f"x{i}") for i in range(10)]
    while len(made) < nodes:
        op = draw.choice(OPERATIONS)
        arguments = draw.choices(made[-reach:], k=1 if op in ("sin", "tanh") else 2)
        made.append(builder.add(op, *arguments, name=f"t{len(made)}"))
    return builder.graph([(f"t{i}", made[i]) for i in range(nodes - reach, nodes)])


def main() -> None:
    timeout = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    print(f"{'graph':<8} {'nodes':>7} {'dot s':>7} {'svg s':>7}")
    for make in (chain, tangle):
        for nodes in SIZES:
            graph = make(nodes)
            start = time.perf_counter()
            source = graph_source(graph)
            written = time.perf_counter() - start
            start = time.perf_counter()
            try:
                picture.draw(source, "svg", timeout, max_nodes=None)
                drawn = f"{time.perf_counter() - start:7.2f}"
            except BpropError as problem:
                drawn = problem.message
            print(f"{make.__name__:<8} {nodes:>7,} {written:7.2f} {drawn}", flush=True)
    start = time.process_time()
    size = len(graph_source(chain(100_000)))
    print(
        f"{'chain':<8} {100_000:>7,} {time.process_time() - start:7.2f}  {size / 1e6:.0f} MB of DOT"
    )


if __name__ == "__main__":
    main()
