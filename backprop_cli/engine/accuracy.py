"""How many digits of a value and its gradient are right, and at which operation others were lost.

With mpmath the program and its adjoint graph are computed once more to 60 digits and compared,
node by node. Without it, or for much work, the error is estimated to first order: each operation's
rounding times the adjoint of its result (Linnainmaa 1976).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.engine.rounding import Rounding
from backprop_cli.engine.stability import ROUNDS, elements
from backprop_cli.engine.sweep import Value
from backprop_cli.ir.graph import INPUT, Graph

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Sweep

UNIT = 2.0**-53  # the largest relative error of one rounding
HALF = 1.5e-8  # the relative error at which half of the 16 digits are lost
TINIEST = 2.3e-308  # errors below the smallest normal number are no loss
LARGEST = sys.float_info.max
NOTHING = 1e-12  # of the largest number beside it, what counts as 0
PRECISE, MOST_DIGITS = 60, 500  # digits
MOST_WORK = 50_000  # elements computed with so many digits
ADDITIVE = frozenset(("add", "sub", "sum", "mean", "matmul", "var", "det"))


class Loss(NamedTuple):
    """Where more than half the digits of a number went. `node` counts in `graph`."""

    what: str  # 'value', 'gradient.x', 'gradient.x[0]'
    graph: Graph  # the program, or its adjoint graph, which continues it
    node: int
    cause: str  # 'cancellation', 'underflow' or 'amplified rounding'
    relative_error: float
    estimated: bool

    @property
    def cancels(self) -> bool:
        return self.cause == "cancellation"


class Accuracy(NamedTuple):
    """Relative errors by what they are of; None where they are not known."""

    errors: dict[str, float | None]
    losses: list[Loss]
    measured: bool  # against 60 digits; else estimated to first order

    @property
    def digits(self) -> float | None:
        """How many digits of the worst number are right."""
        known = [error for error in self.errors.values() if error is not None]
        return min(map(digits_right, known), default=None)


def digits_right(error: float) -> float:
    return min(max(-math.log10(max(error, UNIT)), 0.0), 16.0)


def digits_lost(error: float) -> float:
    """Of 16: how many times larger the error is than that of one rounding, in digits."""
    return min(max(math.log10(max(error, UNIT) / UNIT), 0.0), 16.0)


def accuracy(sweep: Sweep, point: Mapping[str, Value]) -> Accuracy:
    """The accuracy of a finite value and gradient."""
    found = measured(sweep, point)
    return found if found is not None else estimated(sweep, point)


def measured(
    sweep: Sweep, point: Mapping[str, Value], most_work: int = MOST_WORK
) -> Accuracy | None:
    """Against values of 60 digits; None without mpmath, or where that is too much work."""
    from backprop_cli.errors import UsageFault
    from backprop_cli.transform.reverse import reverse

    graph = sweep.graph
    if len(graph) > most_work:
        return None
    adjoint = reverse(graph, sweep.output, sweep.wrt)
    work = sum(math.prod(adjoint.graph.shape(i)) for i in range(len(adjoint.graph)))
    if work > most_work:
        return None
    try:
        exact = precise(adjoint.graph, point)
    except (UsageFault, KeyError):
        return None
    values = evaluate(adjoint.graph, point, sweep.backend).values
    labels = graph.labels()
    targets = [("value", sweep.output, sweep.value)]
    targets += [
        (f"gradient.{labels[i]}", adjoint.gradient[i], part) for i, part in sweep.gradient.items()
    ]
    errors: dict[str, float | None] = {}
    losses = []
    scale = max(1.0, *(largest(value) for _, _, value in targets))
    for what, node, value in targets:
        worst, where = largest_error(value, exact[node], scale)
        errors[what] = worst
        if worst > HALF:
            culprit = origin(adjoint.graph, values, exact, node)
            cause = cause_of(adjoint.graph, culprit, values[culprit], exact[culprit])
            losses.append(Loss(what + where, adjoint.graph, culprit, cause, worst, False))
    return Accuracy(errors, losses, True)


def precise(graph: Graph, point: Mapping[str, Value], decimal: bool = False) -> list[Any]:
    """Every node's value to 60 digits, of the floats that a point is; raises UsageFault.

    More digits are carried where numbers so far apart are met that some would be lost. `decimal`
    constants are what their digits say.
    """
    from backprop_cli.backends import mpmath_numbers
    from backprop_cli.engine.exact_pair import Magnitudes

    def found(digits: int) -> list[Any]:
        with mpmath_numbers.mp.workdps(digits):
            bound = {i: mpmath_numbers.numbers(point[graph.names[i]]) for i in graph.inputs}
            return mpmath_numbers.forward(graph, bound, decimal)

    values, span = found(PRECISE), Magnitudes()
    for value in values:
        span.add_all(value)
    apart = span.top - span.bottom
    return values if apart <= PRECISE / 2 else found(min(PRECISE + apart, MOST_DIGITS))


def beyond_floats(sweep: Sweep, point: Mapping[str, Value]) -> str | None:
    """The value to 4 digits where it is a number beyond the largest float; None where it is not."""
    from backprop_cli.errors import UsageFault

    if len(sweep.graph) > MOST_WORK or elements(sweep.graph) > MOST_WORK:
        return None
    try:
        exact = precise(sweep.graph, point)[sweep.output]
    except (UsageFault, KeyError):
        return None
    from backprop_cli.backends.mpmath_numbers import mp

    if not mp.isfinite(exact) or abs(exact) <= LARGEST:
        return None
    return str(mp.nstr(exact, 4)).replace("e+", "e")


def largest(value: Value) -> float:
    import numpy as np

    return float(np.max(np.abs(value), initial=0.0))


def largest_error(value: Value, exact: Any, scale: float = 0.0) -> tuple[float, str]:
    """The largest relative error among elements, and its index as text.

    Where the exact number is 0, its error counts relative to `scale`; a number whose exact value is
    not real is left out.
    """
    import numpy as np

    computed, true = np.asarray(value, dtype=object), np.asarray(exact, dtype=object)
    worst, where = 0.0, ""
    for index in np.ndindex(*true.shape):
        error = relative(computed[index], true[index], scale)
        if error > worst:
            worst, where = error, "".join(f"[{k}]" for k in index)
    return worst, where


def relative(value: Any, exact: Any, scale: float) -> float:
    value = float(value)
    if not math.isfinite(value) or not math.isfinite(exact):
        return 0.0
    difference = abs(exact - value)
    if difference <= TINIEST:
        return 0.0
    # of a number that is exactly 0, rounding leaves a rest that no digit of the result can show
    if abs(exact) <= 1e-40 * difference:
        return 0.0 if difference <= NOTHING * scale else 1.0
    return float(difference / abs(exact))


def cause_of(graph: Graph, node: int, value: Value = 1.0, exact: Any = 1.0) -> str:
    if underflowed(value, exact):
        return "underflow"
    return "cancellation" if graph.op(node).name in ADDITIVE else "amplified rounding"


def underflowed(value: Value, exact: Any) -> bool:
    """Whether a number is 0, or of few digits, only because it is below the range of floats."""
    import numpy as np

    computed, true = np.asarray(value, dtype=object), np.asarray(exact, dtype=object)
    pairs = zip(computed.ravel(), true.ravel(), strict=True)
    return any(b and abs(b) < TINIEST and abs(a - b) > HALF * abs(b) for a, b in pairs)


def origin(graph: Graph, values: Sequence[Value], exact: Sequence[Any], node: int) -> int:
    """Followed down from an inaccurate node: the lowest whose arguments still had their digits."""
    while True:
        worst, below = HALF, None
        for argument in graph.arguments(node):
            error, _ = largest_error(values[argument], exact[argument])
            if underflowed(values[argument], exact[argument]):
                error = 1.0
            if error > worst:
                worst, below = error, argument
        if below is None:
            return node
        node = below


def estimated(sweep: Sweep, point: Mapping[str, Value]) -> Accuracy:
    """To first order, from the adjoints; nothing is said of a number that is 0."""
    graph = sweep.graph
    labels = graph.labels()
    whole = differentiate(graph, point, sweep.output, evaluation=sweep.evaluation)
    errors: dict[str, float | None] = {
        "value": _ratio(UNIT * rounding_size(whole), sweep.value),
    }
    rounding = Rounding(graph, point, sweep.output, len(sweep.wrt))
    for node, part in sweep.gradient.items():
        error = None
        if rounding.known and node in graph.inputs and not graph.shape(node):
            target, done = rounding.gradient[node], rounding.evaluation
            back = differentiate(rounding.graph, point, target, evaluation=done)
            error = _ratio(UNIT * rounding_size(back), part)
        errors[f"gradient.{labels[node]}"] = error
    losses = []
    for what, error in errors.items():
        if error is not None and error > HALF:
            node = most_cancelling(graph, sweep)
            cause = cause_of(graph, node)
            losses.append(Loss(what, graph, node, cause, min(error, 1.0), True))
    return Accuracy(errors, losses, False)


def rounding_size(sweep: Sweep) -> float:
    """The root of the sum of (adjoint * value)^2 over results of operations that round.

    Errors of single roundings do not conspire: their sum is of this size, not that of the sum of
    their sizes.
    """
    import numpy as np

    total = 0.0
    for code, adjoint, value in zip(sweep.graph.codes, sweep.adjoints, sweep.values, strict=True):
        if adjoint is not None and ROUNDS[code] and code != INPUT:
            total += float(np.sum(np.square(np.multiply(adjoint, value))))
    return math.sqrt(total)


def _ratio(error: float, value: Value) -> float | None:
    size = abs(float(value))
    return error / size if size else None


def most_cancelling(graph: Graph, sweep: Sweep) -> int:
    """The sum or difference whose result is smallest beside its larger operand."""
    worst, found = 1.0, sweep.output
    for i in range(sweep.output + 1):
        if sweep.adjoints[i] is None or graph.op(i).name not in ("add", "sub") or graph.shape(i):
            continue
        size = abs(float(sweep.values[i]))
        top = max(abs(float(sweep.values[a])) for a in graph.arguments(i))
        if size and top / size > worst:
            worst, found = top / size, i
    return found
