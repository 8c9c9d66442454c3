"""`bprop render`: a picture of the graph."""

from __future__ import annotations

from backprop_cli.cli.environment import Environment
from backprop_cli.cli.inputs import Inputs
from backprop_cli.cli.options import (
    AT,
    BACKEND,
    COLOR,
    EXPRESSION,
    MAX_NODES,
    OF,
    PICTURE,
    PICTURE_DIGITS,
    PICTURE_OUTPUT,
    SHAPE,
    THEME,
    WRT,
    Command,
    Options,
)
from backprop_cli.cli.output import Output
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import find_node, select_outputs
from backprop_cli.engine.trace import Trace
from backprop_cli.errors import UsageFault
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.traverse import ancestors

FORMATS = ("svg", "png", "pdf", "dot", "json")
LATER = ("html", "mmd", "tex")


def run(environment: Environment, options: Options) -> None:
    form = picture_format(options)
    inputs = Inputs(environment, options)
    if inputs.points.many:
        raise UsageFault("render draws one point, not many", help="--at x=1,y=2 or @point.json")
    with inputs.errors():
        point = next(iter(inputs.points))
        bound = inputs.binder(point.values, point.typed)
        content = draw(bound, options, form, environment)
    to_stdout = options.output in (None, "-")
    if isinstance(content, bytes) and to_stdout and environment.stdout.isatty():
        raise UsageFault(f"a {form} would disturb the terminal", help=f"-o graph.{form}")
    with Output(environment, options.output) as output:
        output.write(content)


def picture_format(options: Options) -> str:
    """What to draw, from `--format` or the file's suffix; raises UsageFault."""
    path = options.output or "-"
    suffix = (
        path.rpartition(".")[2].lower() if "." in path.replace("\\", "/").rpartition("/")[2] else ""
    )
    form = options.format or suffix
    if not form and options.output is None:
        raise UsageFault("render needs a file to write", help='bprop render "x*y" -o graph.svg')
    if form in FORMATS:
        return form
    works = ", ".join(FORMATS)
    if form in LATER:
        raise UsageFault(f"render cannot make {form} yet", help=f"what works: {works}")
    what = f"a format called '{form}'" if form else "of which format the picture is"
    raise UsageFault(f"render does not know {what}", help=f"what works: {works} (or --format)")


def draw(bound: Bound, options: Options, form: str, environment: Environment) -> str | bytes:
    graph, outputs = select_outputs(bound.graph, options.names("of"))
    graph = graph.with_outputs(outputs)
    if form == "json":
        import json

        from backprop_cli.ir.saved import to_document

        return json.dumps(to_document(graph), ensure_ascii=False) + "\n"
    from backprop_cli.render import dot

    most = options.max_nodes
    if form != "dot":
        from backprop_cli.render import picture

        most = most or picture.MAX_NODES
        picture.check_size(sum(ancestors(graph, [node for _, node in outputs])), most)
    passes = both_passes(graph, bound, outputs[0][1], options, environment)
    source = dot.graph_source(
        graph, passes, theme=options.theme or "auto", digits=options.digits or dot.DIGITS
    )
    if form == "dot":
        return source
    return picture.draw(source, form, max_nodes=most)


def both_passes(
    graph: Graph, bound: Bound, output: int, options: Options, environment: Environment
) -> Trace | None:
    """The trace at the point; None where no variable has a value."""
    bindings = [graph.names[i] in bound.point for i in graph.inputs]
    if bindings and not any(bindings):
        return None
    from backprop_cli.engine.evaluate import differentiate
    from backprop_cli.engine.trace import trace

    wrt = [find_node(graph, name) for name in options.names("wrt")] or None
    found = trace(
        differentiate(graph, bound.point, output, wrt, ones(graph, output), options.backend)
    )
    if graph.shape(output):
        say(environment, options, "the output is no scalar: derivatives are those of its sum")
    return found


def ones(graph: Graph, output: int) -> object:
    if not graph.shape(output):
        return None
    import numpy as np

    return np.ones(graph.shape(output))


def say(environment: Environment, options: Options, text: str) -> None:
    from backprop_cli.render import diagnostics

    color = environment.color(environment.stderr, options.color)
    environment.stderr.write(diagnostics.note(text, color=color))


COMMAND = Command(
    name="render",
    summary="A picture of the graph, with values and derivatives.",
    argument=EXPRESSION,
    options=(
        AT,
        WRT,
        OF,
        SHAPE,
        PICTURE,
        THEME,
        PICTURE_DIGITS,
        MAX_NODES,
        COLOR,
        BACKEND,
        PICTURE_OUTPUT,
    ),
    examples=(
        ('bprop render "(a + b)*(b + 1)" --at a=2,b=1 -o graph.svg', ""),
        ('bprop render "x*y + sin(x)" -o graph.png', "the bare graph"),
        ('bprop render "sum(A @ x)" --shape A=2,3 --shape x=3 -o graph.pdf', ""),
        ("bprop render @model.bprop -o graph.json", "the graph itself, to be read back"),
        ('bprop render "x*y" --format dot -o -', "DOT source on standard output"),
    ),
    run=run,
)
