"""Forms that overflow or lose digits at a point although a stable one has the same meaning.

The forms are the rules of `transform.stable_rules`; that module is imported only where a graph has
all operations of one of them. And where no form is known, an estimate of whether rounding may have
taken more than half of the digits; `lost_digits`, imported only then, finds out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from backprop_cli.engine.warning import Warning_
from backprop_cli.errors import Span
from backprop_cli.ir.graph import INPUT, Graph
from backprop_cli.ir.ops import BY_NAME, OPERATIONS

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Evaluation, Sweep, Value
    from backprop_cli.transform.stable_search import Match

HALF_THE_DIGITS = 1.5e-8  # the square root of the rounding error of 1
UNIT = 2.0**-53  # the largest relative error of one rounding
MOST_ELEMENTS = 10_000  # of an array program whose rounding is estimated
MOST_NODES = 1_000  # of a program for whose derivatives it is
_EXACT = {"const", "identity", "stop_grad", "neg", "where", "maximum", "minimum", "clip", "relu"}
ROUNDS = [  # by the operation's code; a variable counts as rounded
    row.name not in _EXACT and row.family not in ("shaping", "comparison", "logic", "step")
    for row in OPERATIONS
]
UNDERFLOWING = {"mul", "div", "pow", "exp", "square"}
SUM, MEAN, MATMUL = (BY_NAME[name].code for name in ("sum", "mean", "matmul"))
MUL, SQUARE, SUB, SQRT = (BY_NAME[name].code for name in ("mul", "square", "sub", "sqrt"))
MOST = 50  # forms that are told of
# the operations without which no rule fits, `stable_search.triggers()`: stated here, so that the
# rules need not be read for a graph that lacks them (a test compares)
TRIGGERS = tuple(
    frozenset(BY_NAME[name].code for name in names.split())
    for names in (
        "add const erf",
        "add const log",
        "add const tanh",
        "const cos sub",
        "const cosh sub",
        "const erf sub",
        "const erfc sub",
        "const exp sub",
        "const hypot sub",
        "const log sub",
        "const pow sqrt",
        "const pow sub",
        "const sigmoid sub",
        "const sqrt sub",
        "const sub tanh",
        "cosh log",
        "div exp",
        "exp log",
        "exp mul",
        "expm1 log neg",
        "log mul",
        "log sigmoid",
        "log softmax",
        "sqrt square",
        "square sub",
    )
)


def inaccurate_forms(evaluation: Evaluation, reached: Callable[[int], bool]) -> Iterator[Match]:
    """The nodes with a form that is inaccurate at this point, of those that are `reached`."""
    graph = evaluation.graph
    codes = operations_of(graph)
    if not any(trigger <= codes for trigger in TRIGGERS):
        return
    from backprop_cli.transform.stable_search import search

    for match in search(graph, codes):
        if is_inaccurate(evaluation, match) and reached(match.node):
            yield match


def operations_of(graph: Graph) -> set[int]:
    """The codes of a graph's operations; that of square too, where a node is multiplied by itself.

    Products are common, and a rule with x*x fits few of them.
    """
    codes = set(graph.codes)
    if MUL in codes and SQUARE not in codes and codes & {SUB, SQRT}:
        places = zip(graph.codes, graph.first, graph.second, strict=True)
        if any(code == MUL and a == b for code, a, b in places):
            codes.add(SQUARE)
    return codes


def is_inaccurate(evaluation: Evaluation, match: Match) -> bool:
    """Whether a stable form is finite where the written one, or what it is made of, is not.

    Or whether the two differ in more than half of the digits, in some element.
    """
    from backprop_cli.transform.stable_rules import LOG_SUMS

    values, graph = evaluation.values, evaluation.graph
    if not all(_finite(values[x]) for x in match.operands):
        return False
    stable, written = computed(evaluation, match), values[match.node]
    least = 1.0 if match.rule in LOG_SUMS else 0.0
    if evaluation.backend == "python":
        return math.isfinite(stable) and (
            not abs(written - stable) <= HALF_THE_DIGITS * max(abs(stable), least)
            or not all(math.isfinite(values[i]) for i in match.inner(graph))
        )
    import numpy as np

    with np.errstate(all="ignore"):
        sound = np.isfinite(stable)
        size = np.maximum(np.abs(stable), least)
        close = np.abs(written - stable) <= HALF_THE_DIGITS * size
    if (sound & ~close).any():
        return True
    return bool(sound.all()) and not all(_finite(values[i]) for i in match.inner(graph))


def computed(evaluation: Evaluation, match: Match) -> Value:
    """The value of the stable form, from those of its operands."""
    from backprop_cli.engine.sweep import FLOATS, quiet
    from backprop_cli.ir.ops import Expr

    context: Any = FLOATS
    if evaluation.backend != "python":
        from backprop_cli.backends.numpy_arrays import CONTEXT

        context = CONTEXT
    with quiet(evaluation.backend):
        found = match.rule.right(*match.stand_ins(lambda x: Expr(context, evaluation.values[x])))
    return found.value


def _finite(value: Value) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    import numpy as np

    return bool(np.isfinite(value).all())


def taken(evaluation: Evaluation, outputs: Sequence[int]) -> bytearray:
    """What the outputs' values depend on at this point: not the branches that are not taken."""
    from backprop_cli.engine.findings import branches

    graph, values = evaluation.graph, evaluation.values
    needed = bytearray(len(graph))
    for node in outputs:
        needed[node] = 1
    for node in range(max(outputs, default=-1), -1, -1):
        if needed[node]:
            arguments = graph.arguments(node)
            if graph.op(node).name == "where":
                arguments = (arguments[0], *branches(values, arguments))
            for argument in arguments:
                needed[argument] = 1
    return needed


def value_stability(
    evaluation: Evaluation, outputs: Sequence[int], said: Callable[[Graph, int], str]
) -> list[Warning_]:
    """A warning for each form below the outputs that is inaccurate, naming the stable one."""
    needed: list[bytearray] = []  # found out once it matters

    def reached(node: int) -> bool:
        if not needed:
            needed.append(taken(evaluation, outputs))
        return needed[0][node] != 0

    found = inaccurate_forms(evaluation, reached)
    return _warnings(evaluation.graph, found, said)


def stability_warnings(sweep: Sweep, said: Callable[[Graph, int], str]) -> list[Warning_]:
    """A warning for each form that an adjoint reaches and that is inaccurate, naming the stable."""
    adjoints = sweep.adjoints
    found = inaccurate_forms(sweep.evaluation, lambda node: adjoints[node] is not None)
    return _warnings(sweep.graph, found, said)


def _warnings(
    graph: Graph, found: Iterator[Match], said: Callable[[Graph, int], str]
) -> list[Warning_]:
    from itertools import islice

    return [_warning(graph, match, said) for match in islice(found, MOST)]


def _warning(graph: Graph, match: Match, said: Callable[[Graph, int], str]) -> Warning_:
    from backprop_cli.engine.stable_text import stable_text

    spans = graph.spans.get(match.node)
    return Warning_(
        "accuracy",
        graph.labels()[match.node],
        Span(*spans[0]) if spans else None,
        f"{said(graph, match.node)} overflows or loses digits here; "
        f"{stable_text(graph, match, said)} does not",
    )


def may_lose_digits(sweep: Sweep) -> bool:
    """Whether rounding may have taken more than half of the digits of the value or the gradient.

    To first order, variables taken as exact (Linnainmaa 1976); large programs are not looked at.
    """
    if sweep.graph.shape(sweep.output) or not _finite(sweep.value):
        return False
    value = abs(float(sweep.value))
    if sweep.backend == "python":
        size = _rounded(sweep)
        if size * UNIT > value * HALF_THE_DIGITS or (value == 0 and underflows(sweep)):
            return True
        return len(sweep.graph) <= MOST_NODES and _derivatives_may(sweep)
    if elements(sweep.graph) > MOST_ELEMENTS:
        return False
    return _rounded_arrays(sweep) * UNIT > value * HALF_THE_DIGITS


def elements(graph: Graph) -> int:
    """The size of all arrays of a graph."""
    return sum(map(math.prod, graph.shapes.values()))


def _rounded(sweep: Sweep) -> float:
    """The sum of |adjoint * value| over the results of operations that round, of a scalar graph."""
    total = 0.0
    rows = zip(sweep.graph.codes, sweep.adjoints, sweep.values, strict=True)
    for code, adjoint, value in rows:
        if adjoint is not None and ROUNDS[code] and code != INPUT:
            total += abs(adjoint * value)
    return total


def underflows(sweep: Sweep) -> bool:
    """Whether a product, quotient, power or exponential is 0 although no operand is."""
    graph, values = sweep.graph, sweep.values
    return any(
        value == 0 and graph.op(i).name in UNDERFLOWING and all(values[a] for a in nodes)
        for i, value in enumerate(values)
        if (nodes := graph.arguments(i))
    )


def _derivatives_may(sweep: Sweep) -> bool:
    """Whether a derivative is much smaller than the terms that were added up to make it.

    The terms of every node above it count too, multiplied down the paths without signs.
    """
    graph, adjoints = sweep.graph, sweep.adjoints
    terms = [0.0] * len(graph)
    for i in range(sweep.output, -1, -1):
        adjoint, arguments = adjoints[i], graph.arguments(i)
        if adjoint is None or not arguments:
            continue
        for argument, slope in zip(arguments, sweep.slopes(i), strict=True):
            if slope is not None:
                terms[argument] += abs(slope) * (terms[i] + abs(adjoint))
    return any(terms[i] * UNIT > abs(sweep.gradient[i]) * HALF_THE_DIGITS for i in sweep.wrt)


def _rounded_arrays(sweep: Sweep) -> float:
    """As `_rounded`, of a graph with arrays, and with the terms of its sums."""
    import numpy as np

    graph, values, total = sweep.graph, sweep.values, 0.0
    with np.errstate(all="ignore"):
        for i, (code, adjoint) in enumerate(zip(graph.codes, sweep.adjoints, strict=True)):
            if adjoint is None or not ROUNDS[code] or code == INPUT:
                continue
            total += float(np.sum(np.abs(np.multiply(adjoint, values[i]))))
            top = float(np.max(np.abs(adjoint), initial=0.0))
            x = [np.abs(values[a]) for a in graph.arguments(i)]
            if code == SUM:
                total += top * float(np.sum(x[0]))
            elif code == MEAN:
                total += top * float(np.mean(x[0])) * np.size(values[i])
            elif code == MATMUL:
                total += top * float(np.sum(x[0] @ x[1]))
    return total
