"""Derivatives of textbook and physics formulas: length and time beside SymPy's simplify.

    python benchmarks/symbolic.py [--all]

Length is the number of operations of the printed text, counted by one parser for both. Time is
that of the derivatives of one order within a running process, the fastest of three: by x and y
these are d/dx dx, d/dx dy and d/dy dy, of which the mixed one is shown.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import combinations_with_replacement
from pathlib import Path

import sympy

from backprop_cli.engine.lower import load, lower
from backprop_cli.engine.symbolic import symbolic
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.syntax.unparse import unparse

FORMULAS = [
    (formula, variables.split())
    for formula, variables in (
        line.rsplit("|", 1)
        for line in Path(__file__).with_name("formulas.txt").read_text().splitlines()
        if not line.startswith("#")
    )
]
SYMPY = {"cbrt": lambda x: x ** sympy.Rational(1, 3)}


def operations(text: str) -> int:
    """How many operations a text has, written out as a tree."""
    graph = lower(load(text))
    sizes: list[int] = []
    for i in range(len(graph)):
        arguments = graph.arguments(i)
        own = 0 if graph.codes[i] in (CONST, INPUT) else 1
        sizes.append(own + sum(sizes[a] for a in arguments))
    return sizes[graph.outputs[0][1]]


def timed(run: Callable[[], str]) -> tuple[str, float]:
    """What a run gives, and the time of the fastest of three; of one that takes over a second."""
    times: list[float] = []
    while len(times) < 3 and sum(times) < 1:
        start = time.perf_counter()
        text = run()
        times.append(time.perf_counter() - start)
    return text, min(times)


def ours(graph: Graph, names: list[str]) -> str:
    wrt = [graph.by_name[name] for name in dict.fromkeys(names)]
    found = symbolic(graph, graph.outputs[0][1], wrt, len(names))
    return unparse(next(d.graph for d in found if sorted(d.wrt) == sorted(names)))


def theirs(expression: sympy.Expr, symbols: list[sympy.Symbol]) -> str:
    sympy.core.cache.clear_cache()
    every = combinations_with_replacement(dict.fromkeys(symbols), len(symbols))
    found = {key: sympy.simplify(sympy.diff(expression, *key)) for key in every}
    return str(next(d for key, d in found.items() if Counter(key) == Counter(symbols)))


def main() -> None:
    shorter, ratios = 0, []
    for text, names in FORMULAS:
        graph = lower(load(text))
        symbols = {graph.names[i]: sympy.Symbol(graph.names[i], real=True) for i in graph.inputs}
        expression = sympy.sympify(text.replace("^", "**"), locals={**SYMPY, **symbols})
        wrt = [symbols[name] for name in names]
        mine, my_time = timed(lambda g=graph, n=names: ours(g, n))
        yours, your_time = timed(lambda e=expression, s=wrt: theirs(e, s))
        yours = yours.replace("polygamma(0, ", "digamma(").replace("Abs(", "abs(")
        a, b = operations(mine), operations(yours)
        shorter += a <= b
        ratios.append(my_time / your_time)
        if a > b or "--all" in sys.argv:
            print(f"{text}  d/d{' d'.join(names)}\n  bprop {a:3}  {mine}\n  sympy {b:3}  {yours}")
    ratios.sort()
    count = len(ratios)
    tenth = sum(ratio <= 0.1 for ratio in ratios)
    print(f"no longer than SymPy: {shorter} of {count} ({shorter / count:.0%})")
    print(f"in a tenth of SymPy's time: {tenth} of {count} ({tenth / count:.0%})")
    print(f"time over SymPy's: median {ratios[count // 2]:.3f}, largest {ratios[-1]:.2f}")


if __name__ == "__main__":
    main()
