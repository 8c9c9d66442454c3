"""Random formulas that lean on the algebra: their simplified derivatives against the sweep."""

from __future__ import annotations

import math
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.engine.lower import load, lower
from backprop_cli.engine.symbolic import symbolic
from backprop_cli.syntax.unparse import unparse

ATOMS = ("x", "x", "y", "2", "3", "x + 1", "x - y", "pi", "0.5", "1 - x")
POWERS = ("2", "3", "-1", "0.5", "1.5", "(1/3)", "-2", "(2/3)", "y", "-0.5", "4")
ARGUMENTS = ("x", "2*x", "x - y", "x*y")
EXPONENTS = ("x", "-x", "2*x", "x*y", "-x^2", "x - y", "log(x)", "3*log(x*y)")
CONDITIONS = ("x > y", "x > 0", "y > 1 and x > 0", "x < y or x < 0", "3 < 0.5", "sin(0)", "2 - 1")
PAIRS = ("x, y", "x, 0", "x^2, y", "y, x", "x, x")
POINTS = ((-1.73, -0.81), (-0.62, 1.64), (0.43, 0.72), (0.97, 2.55), (2.28, -0.77), (-2.35, 0.74))


def formula(random: Random, depth: int) -> str:
    if depth == 0:
        return random.choice(ATOMS)

    def part() -> str:
        return f"({formula(random, depth - 1)})"

    kind = random.randrange(15)
    if kind < 8:
        return part() + random.choice(["+", "*", "*", "-", "/", "+"]) + part()
    if kind == 8:
        return f"{part()}^{random.choice(POWERS)}"
    if kind == 9:
        return random.choice(("sqrt", "exp", "log", "abs", "sign")) + part()
    if kind == 10:
        name = random.choice(("sin", "cos", "tan", "sinh", "cosh", "tanh"))
        return f"{name}({random.choice(ARGUMENTS)})" + random.choice(("", "^2", "^3", "^0.5"))
    if kind == 11:
        return f"exp({random.choice(EXPONENTS)})"
    if kind == 12:
        return f"where({random.choice(CONDITIONS)}, {part()}, {part()})"
    if kind == 13:
        return f"{random.choice(('max', 'min'))}({random.choice(PAIRS)})"
    return f"sqrt{part()}^{random.choice('234')}"


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_random_formulas(seed: int) -> None:
    """Where a program is finite and rests on no choice, its derivative is that of the sweep."""
    random = Random(seed)
    graph = lower(load(formula(random, random.choice((1, 2, 3)))))
    if not graph.inputs:
        return
    node = graph.inputs[0]
    text = unparse(symbolic(graph, graph.outputs[0][1], [node])[0].graph)
    written = lower(load(text))
    for x, y in POINTS:
        point = {name: {"x": x, "y": y}[name] for name in map(graph.names.get, graph.inputs)}
        sweep = differentiate(graph, point)
        numbers = [*sweep.values, *(a for a in sweep.adjoints if a is not None)]
        chosen = any(w.kind in ("kink", "jump", "domain", "non-finite") for w in sweep.warnings)
        if chosen or not all(math.isfinite(v) and abs(v) < 1e7 for v in numbers):
            continue
        bound = {name: value for name, value in point.items() if name in written.by_name}
        found, wanted = evaluate(written, bound).value, sweep.gradient[node]
        assert abs(found - wanted) <= 1e-6 * max(1, abs(wanted)), (graph, text, point)
