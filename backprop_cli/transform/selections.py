"""Conditions: what is decided without a point, and what a branch knows of its own condition."""

from __future__ import annotations

from operator import eq, ge, gt, le, lt, ne
from typing import TYPE_CHECKING

from backprop_cli.ir.ops import OPERATIONS
from backprop_cli.transform.forms import ONE, Sum
from backprop_cli.transform.rewrite import Rewriter

if TYPE_CHECKING:
    from backprop_cli.transform.algebra import Algebra

COMPARED = {"lt": lt, "le": le, "gt": gt, "ge": ge, "eq": eq, "ne": ne}
TRUTHS = frozenset((*COMPARED, "and", "or", "not"))
MOST_WALKED = 400  # nodes of a branch that are looked through for its own condition


def decided(algebra: Algebra, op: str, args: tuple[int, ...]) -> int | None:
    """The result of a condition or selection that numbers decide; None if they do not."""
    if op == "where":
        return _selected(algebra, *args)
    values = [algebra.number(a) for a in args]
    if op == "not":
        return None if values[0] is None else _truth(algebra, values[0] == 0)
    left, right = values
    if op in COMPARED:
        if left is None or right is None:
            return None
        return _truth(algebra, COMPARED[op](left, right))
    stops = op == "or"  # the truth value that decides alone
    for value, other in ((left, args[1]), (right, args[0])):
        if value is not None:
            if (value != 0) == stops:
                return _truth(algebra, stops)
            if is_truth(algebra, other):
                return other
    return None


def _truth(algebra: Algebra, value: bool) -> int:
    return algebra.builder.const(float(value))


def is_truth(algebra: Algebra, node: int) -> bool:
    """Whether a node is 0 or 1."""
    if algebra.number(node) in (0, 1):
        return True
    return OPERATIONS[algebra.builder.codes[node]].name in TRUTHS


def _selected(algebra: Algebra, condition: int, yes: int, no: int) -> int | None:
    """A selection whose branches know the condition; None where nothing changes."""
    value = algebra.number(condition)
    if value is not None:
        return yes if value != 0 else no
    known_yes = assuming(algebra, yes, facts(algebra, condition, True))
    known_no = assuming(algebra, no, facts(algebra, condition, False))
    if (known_yes, known_no) == (yes, no):
        return None
    # its branches know the condition now: asking them again might never end
    return Rewriter.make(algebra, "where", (condition, known_yes, known_no))


def facts(algebra: Algebra, condition: int, holds: bool) -> dict[int, bool]:
    """What is known of conditions where one holds: of 'a and b' both, of 'not a' the opposite."""
    found: dict[int, bool] = {}
    stack = [(condition, holds)]
    while stack:
        node, value = stack.pop()
        found[node] = value
        name = OPERATIONS[algebra.builder.codes[node]].name
        if name == "not":
            stack.append((algebra.builder.arguments(node)[0], not value))
        elif (name == "and" and value) or (name == "or" and not value):
            stack += [(a, value) for a in algebra.builder.arguments(node)]
    return found


def assuming(algebra: Algebra, node: int, known: dict[int, bool]) -> int:
    """A node made anew with the branches that are taken where conditions are known."""
    order = _walked(algebra, node, known)
    if order is None:
        return node
    builder = algebra.builder
    new: dict[int, int] = {}
    for i in order:
        taken = _taken(algebra, i, known)
        if taken is not None:
            new[i] = new.get(taken, taken)
            continue
        if not is_passed(algebra, i, known):
            continue
        arguments = builder.arguments(i)
        changed = tuple(algebra.normal(new.get(a, a)) for a in arguments)
        row = OPERATIONS[builder.codes[i]]
        new[i] = (
            i if changed == arguments else algebra.make(row.name, changed, builder.static.get(i))
        )
    return new.get(node, node)


def is_passed(algebra: Algebra, node: int, known: dict[int, bool]) -> bool:
    """Whether what is known of an element holds for the elements that it was computed from.

    In where(x > 0, sum(where(x > 0, x, y)), 0) the sum is of all elements.
    """
    if OPERATIONS[algebra.builder.codes[node]].elementwise:
        return True
    return not any(algebra.builder.shape(condition) for condition in known)


def _taken(algebra: Algebra, node: int, known: dict[int, bool]) -> int | None:
    """The branch of a selection whose condition is known."""
    name = OPERATIONS[algebra.builder.codes[node]].name
    if name in ("maximum", "minimum"):
        return _winner(algebra, node, name, known)
    if name != "where":
        return None
    condition, yes, no = algebra.builder.arguments(node)
    value = known.get(condition)
    return None if value is None else yes if value else no


def _winner(algebra: Algebra, node: int, name: str, known: dict[int, bool]) -> int | None:
    """The one that max or min of two takes, where it is known that a >= b, or not."""
    arguments = algebra.builder.arguments(node)
    for condition, holds in known.items():
        if OPERATIONS[algebra.builder.codes[condition]].name == "ge":
            a, b = algebra.builder.arguments(condition)
            if sorted((a, b)) == sorted(arguments):
                return a if holds == (name == "maximum") else b
    return None


def _walked(algebra: Algebra, node: int, known: dict[int, bool]) -> list[int] | None:
    """The nodes of a branch that may depend on known conditions, in order; None where none does."""
    names = {OPERATIONS[algebra.builder.codes[condition]].name for condition in known}
    # what was made before the conditions cannot depend on them, max and min of their operands aside
    first = -1 if "ge" in names else min(known)
    stack, seen = [node], {node}
    found = False
    order = []
    while stack:
        i = stack.pop()
        if i <= first:
            continue
        order.append(i)
        taken = _taken(algebra, i, known)
        found = found or taken is not None
        if taken is None and not is_passed(algebra, i, known):
            continue
        for a in algebra.builder.arguments(i) if taken is None else (taken,):
            if a not in seen:
                seen.add(a)
                stack.append(a)
        if len(seen) > MOST_WALKED:
            return None
    return sorted(order) if found else None


def met(algebra: Algebra, given: Sum) -> Sum:
    """where(c, a, b) + where(c, p, q) = where(c, a + p, b + q)."""
    by_condition: dict[int, list[int]] = {}
    for term in given.terms:
        if OPERATIONS[algebra.builder.codes[term]].name == "where":
            condition = algebra.builder.arguments(term)[0]
            by_condition.setdefault(condition, []).append(term)
    if all(len(terms) < 2 for terms in by_condition.values()):
        return given
    rest = dict(given.terms)
    const = given.const
    for condition, terms in by_condition.items():
        if len(terms) < 2:
            continue
        branches = [
            algebra.total([(rest[t], algebra.builder.arguments(t)[k]) for t in terms])
            for k in (1, 2)
        ]
        for term in terms:
            del rest[term]
        const += algebra.gather(rest, ONE, algebra.make("where", (condition, *branches)))
    return Sum(const, rest)
