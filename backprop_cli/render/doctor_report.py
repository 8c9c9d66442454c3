"""A diagnosis in words: what is wrong, where it began, by what factors, and what to write."""

from __future__ import annotations

from backprop_cli.engine.accuracy import Loss, digits_lost
from backprop_cli.engine.diagnosis import BadEdge, BadValue, Diagnosis, Factor
from backprop_cli.engine.findings import place, said
from backprop_cli.engine.remedy import Suggestion
from backprop_cli.engine.trace import display_labels
from backprop_cli.errors import Span
from backprop_cli.ir.graph import Graph
from backprop_cli.render.diagnostics import underlined
from backprop_cli.render.lesson import Block, Code, Heading, Words
from backprop_cli.render.numbers import number, value

MOST_NAMED = 6  # bad elements that are named


def report(found: Diagnosis, digits: int) -> list[Block]:
    """The diagnosis, the worst first; of a healthy point, how well it is."""
    blocks: list[Block] = [Heading(verdict(found), 1)]
    if found.first_bad_value is not None:
        blocks += _bad_value(found, found.first_bad_value, digits)
    if found.first_bad_edge is not None:
        blocks += _bad_edge(found, found.first_bad_edge, digits)
    if found.accuracy is not None:
        for loss in found.accuracy.losses:
            blocks += _loss(found, loss)
    if found.healthy:
        blocks += _healthy(found, digits)
    if found.conventions:
        blocks.append(Words(["It rests on a choice where calculus is silent:"]))
        blocks.append(Code([entry.message for entry in found.conventions]))
    if not found.healthy:
        blocks += _remedies(found, digits)
    return blocks


def verdict(found: Diagnosis) -> str:
    """One line: healthy, or what is not."""
    if found.healthy:
        accuracy = found.accuracy
        right = None if accuracy is None else accuracy.digits
        text = "healthy: value and gradient are finite"
        if right is None or accuracy is None:
            return text
        about = "about" if accuracy.measured else "by an estimate, at least"
        return f"{text}; {about} {right:.0f} digits are right"
    if found.bad_elements:
        parts = [
            f"{_called(path)} is {number(float(bad))}"
            for path, bad in found.bad_elements[:MOST_NAMED]
        ]
        more = len(found.bad_elements) - len(parts)
        return "not healthy: " + ", ".join(parts) + (f", and {more} more" if more else "")
    losses = found.accuracy.losses if found.accuracy is not None else []
    parts = [f"{_called(loss.what)} lost {_digits(loss)} of 16 digits" for loss in losses]
    return "not healthy: " + ", ".join(parts[:MOST_NAMED])


def _called(path: str) -> str:
    """'the value', 'the derivative by x[0]'."""
    if path.startswith("gradient."):
        return f"the derivative by {path.removeprefix('gradient.')}"
    return "the value"


def _digits(loss: Loss) -> str:
    return f"{'about ' if loss.estimated else ''}{digits_lost(loss.relative_error):.1f}"


def columns(graph: Graph, node: int) -> str:
    """'columns 12-18', or with the line of a longer program; '' where the place is not known."""
    span = place(graph, node)
    if span is None:
        return ""
    source = graph.source
    line = source.count("\n", 0, span.start) + 1
    start = span.start - (source.rfind("\n", 0, span.start) + 1) + 1
    end = start + max(span.end - span.start, 1) - 1
    text = f"columns {start}-{end}" if end > start else f"column {start}"
    return f"line {line}, {text}" if "\n" in source.strip() else text


def _underlined(graph: Graph, span: Span | None) -> list[Block]:
    if span is None or not graph.source:
        return []
    return [Code(underlined(graph.source, span.start, span.end))]


def _bad_value(found: Diagnosis, bad: BadValue, digits: int) -> list[Block]:
    graph = found.sweep.graph
    name = said(graph, bad.node) + bad.element
    text = f"The first bad value: {name} is {number(bad.value)}"
    at = [f"{said(graph, a)} = {value(v, digits)}" for a, v in bad.arguments]
    text += (" at " + ", ".join(at) if at else " itself") + "."
    return [Words([text]), *_underlined(graph, place(graph, bad.node))]


def _bad_edge(found: Diagnosis, bad: BadEdge, digits: int) -> list[Block]:
    graph = found.sweep.graph
    source, target = said(graph, bad.source), said(graph, bad.node)
    names = " and ".join(graph.labels()[i] for i in bad.towards)
    text = f"The first bad edge, on the way down to {names}: from {target} to {source}. "
    blocks: list[Block] = [Words([text + factors_text(graph, bad.factors) + "."])]
    blocks += _underlined(graph, place(graph, bad.node))
    blocks += [Words([_classes(name, kinds)]) for name, kinds in found.classes.items()]
    return blocks


def _classes(name: str, kinds: list[str]) -> str:
    """Which products of partials the paths of a variable have, and what their sum is."""
    if len(kinds) == 1:
        return f"Every product along a path from {name} is {kinds[0]}."
    text = f"The products along the paths from {name} are of the classes {', '.join(kinds)}"
    if "nan" in kinds:
        return text + "; one nan makes their sum nan."
    return text + ("; inf - inf is nan." if "inf" in kinds and "-inf" in kinds else ".")


def factors_text(graph: Graph, factors: list[Factor]) -> str:
    """`0 × inf at sqrt(x), columns 12-18: ...`, each factor with its place."""
    last = factors[-1]
    where = columns(graph, last.node)
    head = " × ".join(number(f.value) for f in factors) + f" at {said(graph, last.node)}"
    if where:
        head += f", {where}"
    return head + ": " + ", ".join(factor_text(graph, f) for f in factors)


def factor_text(graph: Graph, factor: Factor) -> str:
    about = said(graph, factor.node)
    what = "the adjoint of" if factor.what == "adjoint" else "the local derivative of"
    return f"{what} {about} is {number(factor.value)}"


def loss_text(loss: Loss) -> str:
    """`cancellation in v3 = a - b: 9.0 of 16 digits lost`."""
    graph = loss.graph
    where = f"{graph.labels()[loss.node]} = {operation(loss)}"
    return f"{loss.cause} in {where}: {_digits(loss)} of 16 digits lost"


def operation(loss: Loss) -> str:
    from backprop_cli.syntax.unparse import expression

    return expression(loss.graph, loss.node, display_labels(loss.graph))


def _loss(found: Diagnosis, loss: Loss) -> list[Block]:
    graph = found.sweep.graph
    inside = loss.node < len(graph)
    what = "" if inside else ", a step of the derivative"
    text = f"{_called(loss.what)}: {loss_text(loss)}{what}."
    blocks: list[Block] = [Words([text[0].upper() + text[1:]])]
    return blocks + (_underlined(graph, place(graph, loss.node)) if inside else [])


def _healthy(found: Diagnosis, digits: int) -> list[Block]:
    sweep = found.sweep
    labels = sweep.graph.labels()
    lines = [f"value = {value(sweep.value, digits)}"]
    for node, part in sweep.gradient.items():
        line = f"derivative by {labels[node]} = {value(part, digits)}"
        condition = found.conditions.get(labels[node])
        if condition is not None:
            line += f", condition number {number(condition, 3)}"
        lines.append(line)
    blocks: list[Block] = [Code(lines)]
    worst = max((c for c in found.conditions.values() if c is not None), default=0.0)
    if worst > 1e6:
        blocks.append(
            Words(
                [
                    "A relative error of an argument is multiplied by "
                    f"{number(worst, 3)}: no formula makes the result better than that."
                ]
            )
        )
    return blocks


def _remedies(found: Diagnosis, digits: int) -> list[Block]:
    if found.beyond is not None:
        text = f"The value itself is {found.beyond}, beyond the largest float: "
        return [Words([text + "no rewrite can hold it, but a program for its logarithm can."])]
    if not found.suggestions:
        return [Words(["No rewrite that is known here cures it."])]
    blocks: list[Block] = [Heading("What to write instead")]
    for entry in found.suggestions:
        lines = [f"{entry.before}  ->  {entry.after}"]
        if entry.program is not None and entry.program != entry.after:
            lines += entry.program.splitlines()
        blocks.append(Code(lines))
        blocks.append(Words([_verified(entry, digits)]))
    return blocks


def _verified(entry: Suggestion, digits: int) -> str:
    checks = f"at {entry.checks} other points" if entry.checks else ""
    here = "at this point to 60 digits" if entry.at_point else ""
    where = " and ".join(part for part in (here, checks) if part)
    gradient = ", ".join(f"{name}: {value(part, digits)}" for name, part in entry.gradient.items())
    cured = "" if entry.healthy else " It helps, and is not finite or exact everywhere either."
    return (
        f"Verified: both agree {where}. It gives the value {value(entry.value, digits)} and the "
        f"gradient {gradient}.{cured}"
    )
