"""Rewrites that cure a result at a point, each tried in numbers before it is suggested."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.engine.accuracy import HALF, accuracy, digits_lost, precise
from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.engine.findings import is_finite
from backprop_cli.engine.sweep import Value
from backprop_cli.errors import BpropError
from backprop_cli.ir.graph import Graph

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Sweep
    from backprop_cli.transform.rewrite import Rewritten

LARGEST = 2_000  # nodes of a program that is searched for rewrites
SIMPLIFIED = 300  # nodes of one that is simplified
MOST = 4  # suggestions
LONGER = 4  # nodes, and twice as many as the shortest rewrite has
NEAR, FAR = 6, 18  # points at which a rewrite must agree with what it replaces
ENOUGH = 3  # of them must be ones where the original is finite and accurate
AGREE = 1e-9  # relative, of numbers with 16 digits
EXACT = 1e-30  # of numbers with 60
MOST_PLACES = 3  # of one rewrite that are written out
LONGEST = 400  # characters of a rewritten program that is shown whole


class Suggestion(NamedTuple):
    """A rewrite: `before` in the source becomes `after`; `program` is the whole with it."""

    before: str
    after: str
    program: str | None
    node: int  # in the old graph
    value: Value
    gradient: dict[str, Value]
    checks: int  # points at which it agrees
    at_point: bool  # whether it also agrees at the point itself, to 60 digits
    healthy: bool  # whether nothing is wrong any more


def suggestions(sweep: Sweep, point: Mapping[str, Value]) -> list[Suggestion]:
    """The rewrites that improve the result and agree with the original elsewhere, best first.

    Where some heal it, only these, the shortest first. Other forms of the whole count where they
    are shorter than what single rules make, all rules together where nothing else heals.
    """
    if len(sweep.graph) > LARGEST:
        return []
    worst = harm(sweep, point)
    found: dict[str, tuple[float, int, Suggestion]] = {}
    graph = sweep.graph.with_outputs([(None, sweep.output)])
    shortest = LARGEST
    for forms in (by_one_rule, other_forms, by_all_rules):
        if forms is by_all_rules and shortest < LARGEST:
            break
        for made in forms(graph):
            if not made.applied or (forms is other_forms and len(made.graph) >= shortest):
                continue
            tried = _tried(sweep, point, made, worst)
            if tried is not None:
                found.setdefault(tried[1].after, (tried[0], len(made.graph), tried[1]))
        shortest = min((size for left, size, _ in found.values() if left == 0), default=LARGEST)
    best = sorted(found.values(), key=lambda entry: entry[:2])
    healing = [entry for entry in best if entry[0] == 0 and entry[1] <= 2 * best[0][1] + LONGER]
    return [entry for _, _, entry in (healing or best)[:MOST]]


def by_one_rule(graph: Graph) -> Iterator[Rewritten]:
    """The program with each rule by itself."""
    from backprop_cli.transform.remedies import RULES
    from backprop_cli.transform.rewrite import rewritten
    from backprop_cli.transform.stable_rules import RULES as STABLE

    for rule in (*RULES, *STABLE):
        yield rewritten(graph, [rule])


def other_forms(graph: Graph) -> Iterator[Rewritten]:
    """The program in the fewest operations, and with polynomials in factors."""
    from backprop_cli.transform.factored import factored

    if len(graph) <= SIMPLIFIED:
        yield simplified(graph)
        yield factored(graph)


def by_all_rules(graph: Graph) -> Iterator[Rewritten]:
    from backprop_cli.transform.remedies import RULES
    from backprop_cli.transform.rewrite import rewritten
    from backprop_cli.transform.stable_rules import RULES as STABLE

    yield rewritten(graph, [*RULES, *STABLE])


def simplified(graph: Graph) -> Rewritten:
    from backprop_cli.transform.rewrite import Rewritten
    from backprop_cli.transform.simplify import simplify

    made = simplify(graph)
    return Rewritten(made, {}, [(None, graph.output(), made.output())])


def _tried(
    sweep: Sweep, point: Mapping[str, Value], made: Rewritten, worst: float
) -> tuple[float, Suggestion] | None:
    """What is left to complain of with a rewrite, and the rewrite; None where it does not help."""
    graph = made.graph
    wrt = [graph.by_name.get(name, -1) for name in _names(sweep)]
    if -1 in wrt:
        return None
    try:
        new = differentiate(graph, point, graph.output(), wrt, backend=sweep.backend)
        left = harm(new, point)
        if left >= worst:
            return None
        checks, at_point = agreement(sweep, new, point)
    except BpropError:
        return None
    if checks < ENOUGH and not at_point:
        return None
    before, after, node = wording(sweep.graph, made)
    labels = new.graph.labels()
    gradient = {labels[i]: part for i, part in new.gradient.items()}
    return left, Suggestion(
        before, after, program(made), node, new.value, gradient, checks, at_point, left == 0
    )


def _names(sweep: Sweep) -> list[str]:
    return [sweep.graph.labels()[i] for i in sweep.wrt]


def harm(sweep: Sweep, point: Mapping[str, Value]) -> float:
    """How bad a result is: 1000 for each number that is not finite, else the digits lost."""
    import numpy as np

    parts = [sweep.value, *sweep.gradient.values()]
    bad = sum(int(np.sum(~np.isfinite(part))) for part in parts)
    # nan says less than an infinity, which may be the true derivative
    bad += sum(int(np.sum(np.isnan(part))) for part in parts)
    if bad:
        return 1000.0 * bad
    errors = accuracy(sweep, point).errors.values()
    return sum(digits_lost(error) for error in errors if error is not None and error > HALF)


def agreement(old: Sweep, new: Sweep, point: Mapping[str, Value]) -> tuple[int, bool]:
    """At how many points both agree, and whether they do to 60 digits at the point itself.

    0 where they differ anywhere. Points are near the given one and farther away; those at which the
    original is not finite, or has lost digits, do not count.
    """
    exact = _exactly(old, new, point)
    if exact is False:
        return 0, False
    checks = 0
    for other in nearby(point):
        a = evaluate(old.graph, other, old.backend).values[old.output]
        b = evaluate(new.graph, other, new.backend).values[new.output]
        if not is_finite(a):
            continue
        same = _close(float(a), float(b), AGREE)
        if not same and not _close_exactly(old, new, other):
            return 0, False
        checks += 1
    return checks, exact is True


def _close_exactly(old: Sweep, new: Sweep, point: Mapping[str, Value]) -> bool:
    return _exactly(old, new, point) is True


def _exactly(old: Sweep, new: Sweep, point: Mapping[str, Value]) -> bool | None:
    """Whether both values agree to 60 digits; None where the original's is not known or real."""
    try:
        a = precise(old.graph, point, decimal=True)[old.output]
        b = precise(new.graph, point, decimal=True)[new.output]
    except (BpropError, KeyError):
        return None
    if not math.isfinite(a):
        return None
    return bool(abs(a - b) <= EXACT * abs(a) + 1e-50)


def _close(a: float, b: float, tolerance: float) -> bool:
    return a == b or abs(a - b) <= tolerance * max(abs(a), abs(b))


def nearby(point: Mapping[str, Value]) -> Iterator[dict[str, Any]]:
    """Points around the given one, and others of either sign; the same ones in every run."""
    import numpy as np

    random = Random(1)

    def drawn(value: Value, far: bool) -> Value:
        shape = np.shape(value)
        noise = np.array([random.gauss(0, 1) for _ in range(math.prod(shape))]).reshape(shape)
        centre = np.nan_to_num(value, posinf=1e3, neginf=-1e3)
        around = centre + 1e-2 * noise * np.maximum(np.abs(centre), 1e-2)
        moved = 3 * noise if far else around
        return float(moved) if not shape else moved

    for k in range(NEAR + FAR):
        yield {name: drawn(value, k >= NEAR) for name, value in point.items()}


def wording(graph: Graph, made: Rewritten) -> tuple[str, str, int]:
    """The rewritten expressions in the source, and what they become."""
    from backprop_cli.engine.findings import said
    from backprop_cli.syntax.unparse import Writer

    parts: dict[str, str] = {}
    top = 0
    for _, old, new in made.applied:
        names = {i: name for i, name in made.graph.names.items() if i != new}
        parts.setdefault(said(graph, old), Writer(made.graph, names).write(new))
        top = max(top, old)
    return _listed(list(parts)), _listed(list(parts.values())), top


def _listed(texts: list[str]) -> str:
    more = len(texts) - MOST_PLACES
    return ", ".join(texts[:MOST_PLACES]) + (f", and {more} more" if more > 0 else "")


def program(made: Rewritten) -> str | None:
    """The rewritten program as text; None where it is long."""
    from backprop_cli.syntax.unparse import unparse

    text = unparse(made.graph)
    return text if len(text) <= LONGEST else None
