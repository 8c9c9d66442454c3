"""`bprop export`: code for value and gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.cli.environment import Environment
from backprop_cli.cli.inputs import Inputs
from backprop_cli.cli.options import (
    AT,
    BACKWARD,
    COLOR,
    EXPRESSION,
    JSON,
    LANGUAGE,
    NAME,
    OF,
    OUTPUT,
    SELF_TEST,
    SHAPE,
    WRT,
    Command,
    Options,
)
from backprop_cli.cli.output import Output
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import find_node, scalar_output, select_outputs
from backprop_cli.engine.warning import Warning_
from backprop_cli.errors import UsageFault
from backprop_cli.ir.graph import Graph
from backprop_cli.render.source_code import targets

if TYPE_CHECKING:
    from backprop_cli.engine.self_test import Outcome
    from backprop_cli.render.source_code.lines import Function
    from backprop_cli.render.source_code.loops.function import ArrayFunction

GRAPHS = ("mermaid", "dot", "json")


class Code(NamedTuple):
    """What was exported; `function` is None of a target that is no programming language."""

    text: str
    function: Function | ArrayFunction | None
    outcome: Outcome | None


def run(environment: Environment, options: Options) -> None:
    if options.language is None:
        raise UsageFault(
            "export needs a language: --to python", help=f"one of {', '.join(targets.TARGETS)}"
        )
    inputs = Inputs(environment, options)
    if inputs.points.many:
        raise UsageFault("export takes one point, not many", help="--at x=1,y=2 or @point.json")
    with inputs.errors():
        point = next(iter(inputs.points))
        bound = inputs.bind(point, "export")
        code = exported(bound, options, options.language)
        text = document(bound, options.language, code) if options.json else code.text
    with Output(environment, options.output) as output:
        output.write(text)
    _tell(environment, options, bound.notes, code)


def exported(bound: Bound, options: Options, target: str) -> Code:
    """The code and, on request, what its test found."""
    named = (find_node(bound.graph, name) for name in options.names("wrt"))
    wrt = list(dict.fromkeys(named)) or None
    if target in targets.LANGUAGES:
        return _written(bound, options, target, wrt)
    if options.self_test:
        from backprop_cli.engine.self_test import runner

        runner(target)
    if options.name is not None:
        raise UsageFault(f"--name is for a function, and {target} has none")
    if options.backward and target not in GRAPHS:
        raise UsageFault(f"--backward is for a graph: {', '.join(GRAPHS)}")
    if target in GRAPHS and not options.backward:
        graph, outputs = select_outputs(bound.graph, options.names("of"))
        graph, output = graph.with_outputs(outputs), outputs[0][1]
    else:
        graph, output = scalar_output(bound.graph, options.names("of"), "export")
    text = targets.document(graph, output, wrt, target, options.backward)
    return Code(text, None, None)


def _written(bound: Bound, options: Options, target: str, wrt: list[int] | None) -> Code:
    if options.backward:
        raise UsageFault(f"--backward is for a graph: {', '.join(GRAPHS)}")
    graph, output = scalar_output(bound.graph, options.names("of"), "export")
    made, layout = targets.written(graph, output, wrt, target, options.name or "f")
    outcome = None
    if options.self_test:
        outcome = tested(graph, bound, output, wrt, target, layout.driver)
    return Code(layout.code, made, outcome)


def tested(
    graph: Graph, bound: Bound, output: int, wrt: list[int] | None, target: str, program: str
) -> Outcome:
    from backprop_cli.engine.self_test import self_test

    return self_test(graph, output, wrt, target, program, bound.point)


def document(bound: Bound, target: str, code: Code) -> str:
    """The JSON of the command."""
    from backprop_cli.render import documents, json_text
    from backprop_cli.render.source_code.document import export_document

    content = documents.head("export", bound) | export_document(
        target, code.text, code.function, code.outcome
    )
    notes = [Warning_("note", None, None, text) for text in bound.notes]
    return json_text.document(content | {"warnings": documents.warnings(notes)})


def _tell(environment: Environment, options: Options, notes: list[str], code: Code) -> None:
    """Notes, and what the test found, on stderr."""
    from backprop_cli.render import diagnostics

    color = environment.color(environment.stderr, options.color)
    for note in notes:
        environment.stderr.write(diagnostics.note(note, color=color))
    if code.outcome is not None:
        points, worst, finite = code.outcome
        word = "point" if points == 1 else "points"
        found = f"worst relative error {worst:.1g}" if finite else "inf or nan at all of them"
        environment.stderr.write(f"self-test passed: {points} {word}, {found}\n")


COMMAND = Command(
    name="export",
    summary="Code for value and gradient, in a language of your choice.",
    argument=EXPRESSION,
    options=(LANGUAGE, NAME, WRT, OF, AT, SHAPE, SELF_TEST, BACKWARD, JSON, COLOR, OUTPUT),
    examples=(
        ('bprop export "x*y + sin(x)" --to python', ""),
        ("bprop export @model.bprop --to c --name model --self-test -o model.c", ""),
        ('bprop export "sum(sigmoid(W @ x))" --to jax --shape W=2,3 --shape x=3', ""),
        ('bprop export "x*y" --to json --backward -o graph.json', "the adjoint graph"),
    ),
    run=run,
)
