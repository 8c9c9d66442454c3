"""`bprop check`: the gradient against high-precision differences, or one written by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.cli.answer import Answer, respond
from backprop_cli.cli.environment import Environment
from backprop_cli.cli.inputs import read_text
from backprop_cli.cli.options import (
    ANSWER,
    AT,
    EXPRESSION,
    GRAD,
    OF,
    POINTS,
    TOLERANCE,
    WRT,
    Command,
    Options,
)
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import find_node, scalar_output
from backprop_cli.errors import UsageFault

if TYPE_CHECKING:
    from backprop_cli.render.sheet import Sheet


def run(environment: Environment, options: Options) -> None:
    tolerance = read_tolerance(options.tolerance)
    if options.grad is None:
        if options.points is not None:
            raise UsageFault("--points goes with --grad", help="differences need one point only")
        respond(environment, options, "check", lambda bound: by_differences(bound, options))
        return
    from backprop_cli.engine.hand_gradient import read_parts

    name = options.grad
    text = read_text(name, environment) if name.startswith("@") else None
    parts = read_parts(text.content, name[1:]) if text else read_parts(name)

    def by_hand(bound: Bound) -> Answer:
        from backprop_cli.engine.hand_check import POINTS, check_written
        from backprop_cli.render import check_tables

        graph, output = scalar_output(bound.graph, options.names("of"), "check")
        wrt = [find_node(graph, name) for name in options.names("wrt")] or None
        points = POINTS if options.points is None else options.points
        found = check_written(
            graph, bound.point, output, parts, wrt, tolerance, points, options.backend
        )

        def sheets(form: str) -> list[Sheet]:
            return check_tables.written(found, form, options.significant)

        return Answer(
            lambda: check_tables.written_document(found),
            sheets,
            found.warnings,
            passed=found.passed,
        )

    respond(environment, options, "check", by_hand)


def by_differences(bound: Bound, options: Options) -> Answer:
    from backprop_cli.engine.check import check
    from backprop_cli.render import check_tables

    graph, output = scalar_output(bound.graph, options.names("of"), "check")
    wrt = [find_node(graph, name) for name in options.names("wrt")] or None
    found = check(
        graph, bound.point, output, wrt, read_tolerance(options.tolerance), options.backend
    )

    def sheets(form: str) -> list[Sheet]:
        return check_tables.differences(found, form, options.significant)

    return Answer(
        lambda: check_tables.difference_document(found), sheets, found.warnings, passed=found.passed
    )


def read_tolerance(text: str | None) -> float | None:
    """A relative error; raises UsageFault."""
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise UsageFault(
            f"--tolerance needs a number that is not negative, not '{text}'",
            help="a relative error: --tolerance 1e-6",
        )
    return number


COMMAND = Command(
    name="check",
    summary="The gradient against precise differences, or against yours.",
    argument=EXPRESSION,
    options=(AT, GRAD, WRT, OF, TOLERANCE, POINTS, *ANSWER),
    examples=(
        ('bprop check "x*y + sin(x)" --at x=1,y=2', "against high-precision differences"),
        ('bprop check "x*y + sin(x)" --at x=1,y=2 --grad "x: y - cos(x), y: x"', "yours"),
        ('bprop check "x\' @ A @ x" --at @point.json --grad @gradient.json', "from a file"),
    ),
    run=run,
)
