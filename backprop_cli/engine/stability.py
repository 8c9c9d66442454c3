"""Forms that overflow or lose digits at a point although a stable function has the same meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.engine.warning import Warning_
from backprop_cli.errors import Span
from backprop_cli.ir.graph import CONST, Graph
from backprop_cli.ir.ops import BY_NAME

if TYPE_CHECKING:
    from backprop_cli.engine.evaluate import Sweep

HALF_THE_DIGITS = 1.5e-8  # the square root of the rounding error of 1


class Form(NamedTuple):
    """What stands at a node, by the stable function's name: `inner` is its argument."""

    stable: str
    inner: int
    negated: bool
    bad: Callable[[Any], Any]  # of the inner argument: where the form as written is inaccurate


def _exp_argument(graph: Graph, node: int) -> int | None:
    return graph.arguments(node)[0] if graph.op(node).name == "exp" else None


def _one_plus(graph: Graph, node: int) -> int | None:
    """The u of 1 + u or u + 1."""
    if graph.op(node).name != "add":
        return None
    a, b = graph.arguments(node)
    if _is_one(graph, a):
        return b
    return a if _is_one(graph, b) else None


def _is_one(graph: Graph, node: int) -> bool:
    return graph.codes[node] == CONST and bool(graph.static[node] == 1)


def _log_form(graph: Graph, node: int) -> Form | None:
    """log(1 + exp(x)), log(1 + x), log(sum(exp(x)))."""
    inner = graph.arguments(node)[0]
    u = _one_plus(graph, inner)
    if u is not None:
        x = _exp_argument(graph, u)
        if x is not None:
            return Form("softplus", x, False, lambda v: (v > 709.7) | (v < -18))
        return Form("log1p", u, False, lambda v: (abs(v) < HALF_THE_DIGITS) & (v != 0))
    if graph.op(inner).name == "sum":
        x = _exp_argument(graph, graph.arguments(inner)[0])
        if x is not None:
            return Form("logsumexp", x, False, lambda v: (v > 700) | (v < -700))
    return None


def _quotient_form(graph: Graph, node: int) -> Form | None:
    """1/(1 + exp(-x)) and 1/(1 + exp(x))."""
    top, bottom = graph.arguments(node)
    u = _one_plus(graph, bottom)
    x = _exp_argument(graph, u) if u is not None and _is_one(graph, top) else None
    if x is None:
        return None
    if graph.op(x).name == "neg":
        return Form("sigmoid", graph.arguments(x)[0], False, lambda v: v < -709.7)
    return Form("sigmoid", x, True, lambda v: v > 709.7)


def _difference_form(graph: Graph, node: int) -> Form | None:
    """exp(x) - 1."""
    a, b = graph.arguments(node)
    x = _exp_argument(graph, a)
    if x is None or not _is_one(graph, b):
        return None
    return Form("expm1", x, False, lambda v: (abs(v) < HALF_THE_DIGITS) & (v != 0))


def _product_form(graph: Graph, node: int) -> Form | None:
    """x*log(x) and log(x)*x."""
    a, b = graph.arguments(node)
    for x, other in ((a, b), (b, a)):
        if graph.op(other).name == "log" and graph.arguments(other)[0] == x:
            return Form("xlogy", x, False, lambda v: v == 0)
    return None


_FORMS: dict[int, Callable[[Graph, int], Form | None]] = {
    BY_NAME["log"].code: _log_form,
    BY_NAME["div"].code: _quotient_form,
    BY_NAME["sub"].code: _difference_form,
    BY_NAME["mul"].code: _product_form,
}
_TRIGGERS = {BY_NAME["exp"].code, BY_NAME["log"].code}


def inaccurate_forms(sweep: Sweep) -> Iterator[tuple[int, Form]]:
    """The nodes below the output whose form is inaccurate at this point."""
    graph = sweep.graph
    if not _TRIGGERS & set(graph.codes):
        return
    for node, code in enumerate(graph.codes):
        read = _FORMS.get(code)
        form = read(graph, node) if read is not None and sweep.adjoints[node] is not None else None
        if form is not None and _any(form.bad(sweep.values[form.inner])):
            yield node, form


def _any(condition: Any) -> bool:
    return bool(condition.any()) if hasattr(condition, "any") else bool(condition)


def stability_warnings(sweep: Sweep, said: Callable[[Graph, int], str]) -> list[Warning_]:
    """A warning for each form that is inaccurate at the point, naming the stable function."""
    graph, found = sweep.graph, []
    for node, form in inaccurate_forms(sweep):
        inner = said(graph, form.inner)
        argument = f"-{inner}" if form.negated else inner
        if form.stable == "xlogy":
            argument = f"{inner}, {inner}"
        spans = graph.spans.get(node)
        found.append(
            Warning_(
                "accuracy",
                graph.labels()[node],
                Span(*spans[0]) if spans else None,
                f"{said(graph, node)} overflows or loses digits here; "
                f"{form.stable}({argument}) does not",
            )
        )
    return found
