"""Taylor coefficients of an output along one number that moves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.engine.findings import is_finite, number, place, said
from backprop_cli.engine.guards import beside_gradient, guards, higher_warnings
from backprop_cli.engine.product import on_arrays
from backprop_cli.engine.selection import Place, find_place
from backprop_cli.engine.series import Series
from backprop_cli.engine.sweep import Sweep, Value, quiet
from backprop_cli.engine.warning import Warning_
from backprop_cli.errors import ShapeFault, UsageFault
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.shapes import show

HALF_THE_DIGITS = 2.0**-26


class Taylor(NamedTuple):
    """`coefficients[k]` of (x - at)^k, each in the shape of the output; `name` is what x is."""

    graph: Graph
    output: int
    name: str
    at: float
    coefficients: list[Value]
    warnings: list[Warning_]

    @property
    def derivatives(self) -> list[Value]:
        """The derivatives, order by order: k! times each coefficient."""
        return [c * _factorial(k) for k, c in enumerate(self.coefficients)]


def _factorial(k: int) -> float:
    return float(math.factorial(k)) if k <= 170 else math.inf


def expansion_place(graph: Graph, names: list[str]) -> tuple[str, Place]:
    """The one scalar to expand in, a node or an element, and what it is called.

    By default the only variable. Raises UsageFault and ShapeFault where it is not one scalar.
    """
    if len(names) > 1:
        raise UsageFault(
            f"taylor expands in one variable, not in {len(names)}",
            help=f"choose one: --wrt {names[0]}; all second derivatives: bprop hessian",
        )
    if not names:
        names = [graph.names[i] for i in graph.inputs]
        if not names:
            raise UsageFault("taylor needs a variable, and this program has none")
        if len(names) > 1:
            raise UsageFault(
                f"taylor expands in one variable, and there are {len(names)}: {', '.join(names)}",
                help=f"choose one: --wrt {names[0]}",
            )
    found = find_place(graph, names[0])
    shape = graph.shape(found.node)
    if shape and found.element is None:
        element = f"{names[0]}[{', '.join('0' for _ in shape)}]"
        raise ShapeFault(
            f"taylor expands in one number, and '{names[0]}' has the shape {show(shape)}",
            help=f'take an element: --wrt "{element}"',
        )
    return names[0], found


def taylor(
    graph: Graph,
    point: Mapping[str, Value],
    output: int,
    wrt: Place,
    name: str,
    order: int,
    backend: str = "auto",
) -> Taylor:
    """The coefficients up to `order` of an output of any shape."""
    small = on_arrays(graph, [output, wrt.node], backend)
    if small is not None:
        there = Place(small.place[wrt.node], wrt.element)
        found = _expanded(small.graph, point, small.place[output], there, name, order, backend)
        if not found.warnings:  # what is to be said is said of the program as written
            return found._replace(graph=graph, output=output)
    return _expanded(graph, point, output, wrt, name, order, backend)


def _expanded(
    graph: Graph,
    point: Mapping[str, Value],
    output: int,
    wrt: Place,
    name: str,
    order: int,
    backend: str,
) -> Taylor:
    done = evaluate(graph, point, backend)
    seed: Value = None
    direction: Value = 1.0
    if graph.shape(output) or wrt.element is not None:
        import numpy as np

        seed = np.ones(graph.shape(output))[()]
        if wrt.element is not None:
            direction = np.zeros(graph.shape(wrt.node))
            direction[wrt.element] = 1.0
    sweep = differentiate(graph, point, output, [wrt.node], seed, done.backend, done)
    rough = unsmooth(sweep)
    kinks = {node: where for node, (kind, where) in rough.items() if kind == "kink"}
    series = Series(graph, point, wrt.node, direction, done.values, done.backend, kinks)
    with quiet(done.backend):
        coefficients = [series.coefficient(output, k) for k in range(order + 1)]
        if len(kinks) < len(rough):  # what a jump leads to cannot be told from either side
            coefficients[1:] = [c * math.nan for c in coefficients[1:]]
    start = done.values[wrt.node]
    at = float(start if wrt.element is None else start[wrt.element])
    kept, _ = beside_gradient(higher_warnings(sweep))
    if sweep.adjoints[wrt.node] is None and not rough:
        kept += [w for w in sweep.warnings if w.kind == "no-path"]
    found = Taylor(graph, output, name, at, coefficients, kept)
    lost = _lost(found, series) if done.backend == "python" else []
    return found._replace(warnings=[*kept, *_singular(found, series, rough), *lost])


def unsmooth(sweep: Sweep) -> dict[int, tuple[str, Value]]:
    """The nodes with a kink or a jump at the point, by kind, and the elements of it."""
    found: dict[int, tuple[str, Value]] = {}
    for node, k in guards(sweep):
        row = sweep.graph.op(node)
        if row.notes[k].kind not in ("kink", "jump"):
            continue
        where: Value = True
        if sweep.backend != "python" and row.elementwise:
            x, out, _ = sweep.operands(node)
            with quiet(sweep.backend):
                where = row.notes[k].condition(*x, out).value != 0
        found[node] = row.notes[k].kind, where
    return found


def _lost(found: Taylor, series: Series) -> list[Warning_]:
    """The first quotient of numbers whose rounding its denominator has blown up, and from where.

    Errors grow by 1/b_0 an order in sin(x)/x beside 0, where the coefficients do not.
    """
    graph = found.graph
    for node, errors in series.errors.items():
        own = series.coefficients[node]
        for k in range(1, len(errors)):
            error, scale = errors[k], max(abs(own[k]), abs(own[k - 1]))
            if node < len(graph) and HALF_THE_DIGITS * scale < error < math.inf:
                return [
                    Warning_(
                        "accuracy",
                        graph.labels()[node],
                        place(graph, node),
                        f"from order {k} on, less than half of the digits are sure: "
                        f"{said(graph, node)} divides by a number near 0, which multiplies "
                        "rounding at every order",
                    )
                ]
    return []


def _singular(
    found: Taylor, series: Series, rough: Mapping[int, tuple[str, Value]]
) -> list[Warning_]:
    """Where the first coefficient that is not finite comes from."""
    bad = [k for k, c in enumerate(found.coefficients) if not is_finite(c)]
    if not bad:
        return []
    graph = found.graph
    jumps = [(1, node) for node, (kind, _) in rough.items() if kind == "jump"]
    order, node = (
        min(jumps)
        if jumps and bad[0]
        else min(
            (k, i)
            for i in range(found.output + 1)
            for k, c in enumerate(series.coefficients[i][: bad[0] + 1])
            if not is_finite(c)
        )
    )
    message = f"{said(graph, node)} has no Taylor series at {found.name} = {number(found.at)}"
    if node in rough:
        message += ", where it has a " + rough[node][0]
    else:
        worst = series.coefficients[node][order]
        shown = number(worst) if isinstance(worst, float) else "not finite"
        message += f": its coefficient of order {order} is {shown}"
    first = found.coefficients[bad[0]]
    scalar = isinstance(first, float)
    return [
        Warning_(
            "non-finite",
            graph.labels()[node],
            place(graph, node),
            message,
            f"coefficients[{bad[0]}]" if scalar else None,
            first if scalar else None,
        )
    ]
