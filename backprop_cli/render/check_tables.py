"""What `check` found: its tables, and its JSON documents."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backprop_cli.render.documents import Document
from backprop_cli.render.numbers import number, value
from backprop_cli.render.sheet import Column, Sheet
from backprop_cli.render.sheets import DERIVATIVE, NAME, said

if TYPE_CHECKING:
    from backprop_cli.engine.check import Check, Component
    from backprop_cli.engine.hand_check import HandCheck, WrittenComponent
    from backprop_cli.engine.mistakes import Mistake

SHOWN = 20  # components in a table for people, the worst ones
MOST_NAMES = 4  # of components that share a reason


def differences(found: Check, form: str, digits: int) -> list[Sheet]:
    """The components beside high-precision differences; for people the verdict below them."""
    columns = [
        NAME,
        DERIVATIVE,
        Column("reference", numeric=True),
        Column("relative error", numeric=True),
        Column("condition", numeric=True),
        Column("verdict"),
    ]
    if form == "csv":
        rows = [[c.label, *_exactly(c), _state(c.passed), c.kind, c.note] for c in found.components]
        titles = ("error", "condition", "verdict", "kind", "note")
        machine = [*columns[:3], *map(Column, titles)]
        return [Sheet(machine, rows, index_at=None)]
    listed = shown(found.components)
    rows = [[c.label, *_briefly(c, digits), _verdict(c)] for c in listed]
    title = f"{said(found.sweep.graph, found.sweep.output)} = {value(found.sweep.value, digits)}"
    return [Sheet(columns, rows, title, foot=_difference_foot(found, listed))]


def shown(components: list[Any]) -> list[Any]:
    """All components where they are few, else the worst ones."""
    if len(components) <= SHOWN:
        return components
    worst = sorted(components, key=lambda c: (c.passed is not False, -(c.error or 0.0)))[:SHOWN]
    return [component for component in components if component in worst]


def _exactly(component: Component) -> list[str]:
    return [
        "" if item is None else repr(item)
        for item in (
            component.derivative,
            component.reference,
            component.error,
            component.condition,
        )
    ]


def _briefly(component: Component, digits: int) -> list[str]:
    reference = "" if component.reference is None else number(component.reference, digits)
    if component.kind in ("kink", "jump"):
        sides = [s for s in (component.left, component.right) if s is not None]
        reference = " | ".join(number(s, min(digits, 6)) for s in sides)
    error, condition = component.error, component.condition
    return [
        number(component.derivative, digits),
        reference,
        "" if error is None else number(error, 2),
        "" if condition is None else number(condition, 3),
    ]


def _state(passed: bool | None) -> str:
    return "not checked" if passed is None else "ok" if passed else "wrong"


def _verdict(component: Component) -> str:
    """One word or two; `_reasons` says more below the table."""
    if component.passed and component.kind in ("kink", "jump"):
        return component.kind
    return _state(component.passed)


def _reasons(components: list[Component]) -> list[str]:
    """Each note once, with the components that it is about."""
    names: dict[str, list[str]] = {}
    for component in components:
        if component.note:
            names.setdefault(component.note, []).append(component.label)
    return [f"{_some(labels)}: {note}" for note, labels in names.items()]


def _some(labels: list[str]) -> str:
    more = len(labels) - MOST_NAMES
    return ", ".join(labels[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def _difference_foot(found: Check, listed: list[Component]) -> list[str]:
    count = sum(c.passed is not None for c in found.components)
    lines = _reasons(listed) if count else []
    if len(listed) < len(found.components):
        lines.append(f"the {len(listed)} least accurate of {len(found.components):,} components")
    if not found.components:
        lines.append("passed: there is no variable, so there is nothing to check")
    elif not count:
        lines.append("not passed: the value is not finite here, so there is nothing to check")
    elif found.passed:
        lines.append(f"passed: {_count(count, 'component')}{_accuracy(found)}")
    else:
        wrong = [c for c in found.components if c.passed is False]
        lines.append(
            f"not passed: {len(wrong)} of {_count(count, 'component')}, "
            f"the worst is {found.worst.label if found.worst else ''}"
        )
    return lines


def _accuracy(found: Check) -> str:
    """The least number of digits to which ours and the reference agree."""
    errors = [c.error for c in found.components if c.passed and c.error is not None and not c.note]
    if not errors:
        return ""
    worst = max(errors)
    digits = 16 if worst < 1e-16 else math.floor(-math.log10(worst))
    return f", right to {digits} digits" if digits > 0 else ""


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def written(found: HandCheck, form: str, digits: int) -> list[Sheet]:
    """Our gradient beside the written one; for people the verdict and the mistakes below."""
    columns = [
        NAME,
        DERIVATIVE,
        Column("yours", numeric=True),
        Column("relative error", numeric=True),
        Column("verdict"),
    ]
    if form == "csv":
        rows = [
            [c.label, repr(c.derivative), repr(c.written), repr(c.error), _state(c.passed)]
            for c in found.components
        ]
        machine = [*columns[:3], Column("error"), Column("verdict")]
        return [Sheet(machine, rows, index_at=None)]
    listed = shown(found.components)
    rows = [
        [
            c.label,
            number(c.derivative, digits),
            number(c.written, digits),
            number(c.error, 2),
            _state(c.passed),
        ]
        for c in listed
    ]
    title = f"{said(found.sweep.graph, found.sweep.output)} = {value(found.sweep.value, digits)}"
    return [Sheet(columns, rows, title, foot=_written_foot(found, len(listed), digits))]


def _written_foot(found: HandCheck, listed: int, digits: int) -> list[str]:
    lines = []
    if listed < found.total:
        lines.append(f"the {listed} worst of {found.total:,} components")
    where = "here" if found.points == 1 else f"here and at {_count(found.points - 1, 'point')}"
    where += "" if found.points == 1 else " around"
    if found.passed:
        return [*lines, f"passed: {where}"]
    assert found.worst is not None
    lines.append(f"not passed, {where}: the worst is {found.worst.label}")
    wrong = list(dict.fromkeys(c.label.partition("[")[0] for c in found.components if not c.passed))
    for name in wrong:
        mistake = found.mistakes.get(name)
        text = mistake.message if mistake else "no single mistake of a known kind explains it"
        lines.append(f"  {name}: {text}")
    if math.isclose(found.worst.derivative, found.worst.written, rel_tol=found.tolerance):
        at = ", ".join(f"{k}={value(v, min(digits, 6))}" for k, v in found.worst.at.items())
        lines.append(f"  it is right here, and wrong at {at}")
    return lines


def difference_document(found: Check) -> Document:
    return {
        "value": found.sweep.value,
        "passed": found.passed,
        "method": "differences",
        "tolerance": found.tolerance,
        "count": found.total,
        "components": [_component(component) for component in found.components],
        "worst": None if found.worst is None else found.worst.label,
    }


def _component(component: Component) -> Document:
    return {
        "name": component.label,
        "derivative": component.derivative,
        "reference": component.reference,
        "reference_digits": component.digits,
        "left": component.left,
        "right": component.right,
        "error": component.error,
        "condition": component.condition,
        "kind": component.kind,
        "passed": component.passed,
        "note": component.note,
    }


def written_document(found: HandCheck) -> Document:
    return {
        "value": found.sweep.value,
        "passed": found.passed,
        "method": "written",
        "tolerance": found.tolerance,
        "count": found.total,
        "points": found.points,
        "components": [_written_component(found, component) for component in found.components],
        "worst": None if found.worst is None else found.worst.label,
        "mistake": None if found.mistake is None else _mistake(found.mistake),
    }


def _written_component(found: HandCheck, component: WrittenComponent) -> Document:
    mistake = None
    if not component.passed:
        mistake = found.mistakes.get(component.label.partition("[")[0])
    return {
        "name": component.label,
        "derivative": component.derivative,
        "written": component.written,
        "error": component.error,
        "at": component.at,
        "passed": component.passed,
        "mistake": None if mistake is None else mistake.message,
    }


def _mistake(mistake: Mistake) -> Document:
    return {
        "kind": mistake.kind,
        "name": mistake.variable,
        "message": mistake.message,
        "path": mistake.path,
        "node": mistake.node,
        "factor": mistake.factor,
    }
