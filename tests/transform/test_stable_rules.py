"""Each rule of `--stable` against 800 digits, in its values and at the edges of its domain."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from oracles import MPMATH

from backprop_cli.backends.numpy_arrays import CONTEXT
from backprop_cli.engine.sweep import FLOATS
from backprop_cli.ir.ops import Expr
from backprop_cli.transform.rewrite import Rule, parameters, pattern
from backprop_cli.transform.stable_rules import LOG_SUMS, RULES, log1mexp, log_cosh

DIGITS = 800
inf, nan = math.inf, math.nan
ORDINARY = [0.7, -1.3, 2.2, 0.3, -0.45, 0.9999, 5.0, -6.0]
NEAR = [1e-10, -1e-10, 1e-5, -1e-5, 1e-160, 1 + 1e-12, 1 - 1e-12]
FAR = [40.0, -40.0, 750.0, -750.0, 1500.0, -1500.0, 1e200, -1e200]
EDGES = [0.0, -0.0, inf, -inf, nan, 1.0, -1.0, 2.0]


def real(value: Any) -> Any:
    """A real number, or nan where it is complex."""
    return mp.nan if isinstance(value, mp.mpc) and value.imag != 0 else mp.mpf(mp.re(value))


class Exact:
    """Rules in this context compute with 800 digits, on numbers and lists of them."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        self.beyond = False  # whether an argument was too large for mpmath

    def shape(self, value: Any) -> tuple[int, ...]:
        return (len(value),) if isinstance(value, list) else ()

    def apply(self, op: str, operands: tuple[Any, ...], static: Any = None) -> Expr:
        self.used.add(op)
        values = [o.value if isinstance(o, Expr) else mp.mpf(o) for o in operands]
        if op in REDUCTIONS:
            return Expr(self, REDUCTIONS[op](values[0]))
        if any(isinstance(v, list) for v in values):
            size = next(len(v) for v in values if isinstance(v, list))
            rows = zip(*(v if isinstance(v, list) else [v] * size for v in values), strict=True)
            return Expr(self, [self.one(op, row) for row in rows])
        return Expr(self, self.one(op, values))

    def one(self, op: str, values: Any) -> Any:
        if op == "where":
            return values[1] if values[0] != 0 else values[2]
        if any(v != v for v in values):
            return mp.nan
        try:
            return real(MPMATH[op](*values))
        except OverflowError:
            self.beyond = True
            return mp.nan
        except (ZeroDivisionError, ValueError):
            return mp.nan


def average(x: list[Any]) -> Any:
    return mp.fsum(x) / len(x)


REDUCTIONS: dict[str, Any] = {
    "sum": lambda x: mp.fsum(x),
    "mean": average,
    "norm": lambda x: mp.sqrt(mp.fsum(v * v for v in x)),
    "var": lambda x: average([(v - average(x)) ** 2 for v in x]),
    "logsumexp": lambda x: mp.log(mp.fsum(map(mp.exp, x))),
    "softmax": lambda x: [mp.exp(v) / mp.fsum(map(mp.exp, x)) for v in x],
    "log_softmax": lambda x: [v - mp.log(mp.fsum(map(mp.exp, x))) for v in x],
}


def title(rule: Rule) -> str:
    return f"{RULES.index(rule)}-{pattern(rule.left).op}"


def variables(rule: Rule) -> list[str]:
    return [name for name in parameters(rule.left) if name != "s"]


def sides(rule: Rule, context: Any, point: list[Any]) -> tuple[Any, Any]:
    """Both sides at a point, in a context; a static parameter takes all elements together."""
    static: Any = 0 if "softmax" in str(pattern(rule.left)) else (None, False)
    values = iter(point)
    arguments = [
        static if name == "s" else Expr(context, next(values)) for name in parameters(rule.left)
    ]
    left, right = rule.left(*arguments), rule.right(*arguments)
    return left.value, right.value


def is_vector(rule: Rule) -> bool:
    return "s" in parameters(rule.left)


def points(rule: Rule) -> list[list[float]]:
    """Points of a rule of scalars: ordinary, near a cancellation, and far out."""
    names = variables(rule)
    if len(names) == 1:
        return [[v] for v in ORDINARY + NEAR + FAR]
    draw = random.Random(7)
    found = [
        list(p) for p in itertools.product([0.7, -1.3, 800.0, -800.0, 1e-9], repeat=len(names))
    ]
    found += [[draw.choice(ORDINARY + FAR) for _ in names] for _ in range(40)]
    for near in (1e-12, 1e-7):
        x = draw.uniform(1, 2)
        found.append([x, x * (1 + near), x][: len(names)])
    return found


def vectors() -> list[list[float]]:
    draw = random.Random(11)
    found = [[draw.uniform(-3, 3) for _ in range(4)] for _ in range(10)]
    found += [[800.0, 799.0, -3.0], [-900.0, -901.0, -899.5], [1e8, 1e8 + 1, 1e8 + 3]]
    return [*found, [1e180, 3e180, -1e180], [1e-180, 2e-180, 0.0], [0.5]]


def close(found: float, wanted: Any, slack: float) -> bool:
    if wanted != wanted:
        return found != found
    if abs(wanted) > mp.mpf(1.7e308):
        return math.isinf(found) and (found > 0) == (wanted > 0)
    error = abs(mp.mpf(found) - wanted)
    return bool(error <= mp.mpf(4e-13) * abs(wanted) + slack + 1e-300)


def same(left: Any, right: Any) -> bool:
    """Equal to 30 digits more than doubles have, or both no real number."""
    if left != left or right != right:
        return bool(left != left and right != right)
    if mp.isinf(left) or mp.isinf(right):
        return bool(left == right)
    return bool(abs(left - right) <= mp.mpf(10) ** -30 * max(abs(left), mp.mpf(10) ** -400))


SCALAR = [rule for rule in RULES if not is_vector(rule)]


@pytest.mark.parametrize("rule", SCALAR, ids=title)
def test_both_sides_are_one_number_and_floats_find_it(rule: Rule) -> None:
    """No number becomes nan, and nan none. The double log(2) on right sides is told apart."""
    met = 0
    for point in points(rule):
        with mp.workdps(DIGITS):
            exact = Exact()
            left, right = sides(rule, exact, [mp.mpf(v) for v in point])
            if exact.beyond or (max(map(abs, point)) > 1500 and mp.isinf(left)):
                continue  # 800 digits are too few here
            assert same(left, right) or (has_log_2(rule) and close(right, left, 0)), point
            slack = 4e-16 * max(map(abs, point)) if rule in LOG_SUMS else 0.0
            written, found = sides(rule, FLOATS, point)
            lost = written == found == 0  # 1e200*e^-750 by way of e^-750: neither form has it
            assert lost or close(found, left, slack), (point, found, mp.nstr(left, 20))
        met += left == left
    assert met >= 4


def has_log_2(rule: Rule) -> bool:
    return rule.right in (log_cosh, log1mexp)


@pytest.mark.parametrize("rule", [r for r in RULES if is_vector(r)], ids=title)
def test_rules_of_reductions(rule: Rule) -> None:
    for vector in vectors():
        with mp.workdps(DIGITS):
            exact = Exact()
            left, right = sides(rule, exact, [[mp.mpf(v) for v in vector]])
            with np.errstate(all="ignore"):
                found = sides(rule, CONTEXT, [np.array(vector)])[1]
            rows = [left, right, found.tolist()]
            if not isinstance(left, list):
                rows = [[row] for row in rows]
            slack = 4e-16 * max(1.0, *map(abs, vector)) if rule in LOG_SUMS else 0.0
            for a, b, c in zip(*rows, strict=True):
                assert same(a, b) or ("mean" in exact.used and close(b, a, slack)), vector
                far = "var" in exact.used and max(vector) > 1e154  # its square has no double
                assert close(c, a, slack) or far, (vector, c, mp.nstr(a, 20))


def kind(value: float) -> str:
    return "finite" if math.isfinite(value) else str(value)


# where the stable form is a number although one argument is nan, as IEEE and SciPy have it
OF_NAN = ("hypot", "xlogy")


@pytest.mark.parametrize("rule", SCALAR, ids=title)
def test_edges_have_the_same_class_or_a_number_instead_of_nan(rule: Rule) -> None:
    """An infinity stays that infinity, a number that number; nan may become the limit."""
    exact = Exact()
    with mp.workdps(30):
        sides(rule, exact, [mp.mpf(1) / 2 for _ in variables(rule)])
    for point in itertools.product(EDGES, repeat=len(variables(rule))):
        left, right = sides(rule, FLOATS, list(point))
        if variables(rule)[-1] == "c" and not 0 < abs(point[-1]) < inf:
            continue  # the rule asks for another constant
        if left == left:
            assert kind(left) == kind(right), point
            if math.isfinite(left):
                assert math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-15), point
        elif any(v != v for v in point) and not exact.used & set(OF_NAN):
            assert right != right, point
