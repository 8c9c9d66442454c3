"""The passes over a graph at a point, by one of the backends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from backprop_cli.backends import float_sweeps
from backprop_cli.engine.sweep import Evaluation, Sweep, Value
from backprop_cli.errors import NameFault, ShapeFault, UsageFault
from backprop_cli.ir.graph import INPUT, Graph
from backprop_cli.ir.shapes import show


def choose_backend(graph: Graph, backend: str = "auto") -> str:
    """'python' where all is scalar, else 'numpy'; raises UsageFault where it cannot be had."""
    if backend == "auto":
        return "python" if graph.is_scalar else "numpy"
    if backend == "python" and not graph.is_scalar:
        raise UsageFault(
            "the python backend has scalars only, and this program has arrays",
            help="use --backend numpy",
        )
    if backend not in ("python", "numpy"):
        raise UsageFault(f"there is no backend '{backend}'", help="python, numpy or auto")
    return backend


def _without_value(graph: Graph, missing: list[str]) -> NameFault:
    from backprop_cli.syntax.refusals import excerpt

    named = [excerpt(name, 0, len(name)) for name in missing[:12]]
    more = f" and {len(missing) - 12} more" if len(missing) > 12 else ""
    return NameFault(
        "no value for " + ", ".join(f"'{name}'" for name in named) + more,
        span=graph.spans.get(graph.by_name[missing[0]], [None])[0],
        help="bind it: --at " + ",".join(f"{name}=..." for name in named),
    )


def bind(graph: Graph, point: Mapping[str, Value], backend: str) -> dict[int, Value]:
    """The inputs' values by node; raises NameFault for a missing one, ShapeFault for a misfit."""
    bound: dict[int, Value] = {}
    missing = [graph.names[i] for i in graph.inputs if graph.names[i] not in point]
    if missing:
        raise _without_value(graph, missing)
    for i in graph.inputs:
        value = point[graph.names[i]]
        if backend == "python":
            bound[i] = float(value)
            continue
        import numpy as np

        array = np.asarray(value, dtype=np.float64)[()]
        if np.shape(array) != graph.shape(i):
            raise ShapeFault(
                f"'{graph.names[i]}' is {show(np.shape(array))}, the graph was built for "
                f"{show(graph.shape(i))}"
            )
        bound[i] = array
    return bound


def evaluate(graph: Graph, point: Mapping[str, Value], backend: str = "auto") -> Evaluation:
    """The forward pass. Raises NameFault for an unbound variable."""
    backend = choose_backend(graph, backend)
    bound = bind(graph, point, backend)
    if backend == "python":
        return Evaluation(graph, float_sweeps.forward(graph, bound), backend)
    from backprop_cli.backends import numpy_arrays

    return Evaluation(graph, numpy_arrays.forward(graph, bound), backend)


def differentiate(
    graph: Graph,
    point: Mapping[str, Value],
    output: int | None = None,
    wrt: Sequence[int] | None = None,
    seed: Value = None,
    backend: str = "auto",
    evaluation: Evaluation | None = None,
) -> Sweep:
    """Both passes: the values, and the adjoint of every node that `wrt` and the output enclose.

    `wrt` is all variables by default; any node may be in it. `seed` is the adjoint of the output, 1
    by default. An `evaluation` at the same point saves the forward pass.
    """
    done = evaluation if evaluation is not None else evaluate(graph, point, backend)
    if output is None:
        output = graph.outputs[0][1]
    wanted = list(graph.inputs if wrt is None else wrt)
    active = graph.active if wrt is None else graph.activity(wanted)
    varies = graph.active if wrt is None else graph.activity([*graph.inputs, *wanted])
    if done.backend == "python":
        number = 1.0 if seed is None else float(seed)
        values = done.values
        reached, flags = float_sweeps.reverse(graph, values, varies, output, number)
        if active is not varies:
            flags = _restrict(graph, active, reached, flags)
        flags = [flag for flag in flags if reached[flag[0]] != 0 or not _is_kink(graph, *flag)]
        sweep = Sweep(done, output, wanted, number, active, reached, [], flags, varies)
        # one sum meets any inf or nan
        if not math.isfinite(sum(filter(None, reached))):
            resolve_floats(sweep)
        return sweep
    from backprop_cli.backends import numpy_arrays

    start = 1.0 if seed is None else seed
    found, flags = numpy_arrays.reverse(graph, done.values, active, varies, output, start)
    adjoints = [None if a is None else a.value.value for a in found]
    masks = [None if a is None or a.mask is None else a.mask.value for a in found]
    sweep = Sweep(done, output, wanted, start, active, adjoints, masks, flags, varies)
    if not all(a is None or numpy_arrays.is_finite(a) for a in adjoints):
        from backprop_cli.engine.array_classes import resolve_arrays

        resolve_arrays(sweep)
    return sweep


def _is_kink(graph: Graph, node: int, note: int) -> bool:
    """Whether a note is about a kink: where its adjoint is 0, no choice was made."""
    return graph.op(node).notes[note].kind == "kink"


def _restrict(
    graph: Graph, active: bytearray, adjoints: list[float | None], flags: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Keeps the adjoints of active nodes, and the notes that are about them.

    The float sweep visits all that varies, since what is no edge must not depend on `wrt`.
    """
    for i, depends in enumerate(active):
        if not depends:
            adjoints[i] = None
    kept = []
    for node, k in flags:
        needs = graph.op(node).notes[k].needs
        if active[node] and (needs is None or active[graph.arguments(node)[needs]]):
            kept.append((node, k))
    return kept


def resolve_floats(sweep: Sweep) -> None:
    """Replaces adjoints by the sums over paths where a path product is not finite."""
    from backprop_cli.engine import classes

    graph, adjoints = sweep.graph, sweep.adjoints
    sets: dict[int, int] = {sweep.output: classes.class_of(sweep.seed)}
    for i in range(sweep.output, -1, -1):
        here = sets.get(i)
        if here is None or adjoints[i] is None or graph.codes[i] == INPUT:
            continue
        for argument, slope in zip(graph.arguments(i), sweep.slopes(i), strict=True):
            if slope is not None:
                sets[argument] = sets.get(argument, 0) | classes.times(here, slope)
    for i, found in sets.items():
        if adjoints[i] is not None:
            adjoints[i] = classes.total(found, adjoints[i])
    sweep.path_classes = dict(sets)
