"""`bprop render`: a picture of the graph."""

from __future__ import annotations

from backprop_cli.cli import pictures
from backprop_cli.cli.environment import Environment
from backprop_cli.cli.inputs import Inputs
from backprop_cli.cli.options import (
    AT,
    BACKEND,
    BACKWARD,
    COLOR,
    EXPRESSION,
    LEVELS,
    MAX_NODES,
    OF,
    PICTURE,
    PICTURE_DIGITS,
    PICTURE_OUTPUT,
    SHAPE,
    STABLE,
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
from backprop_cli.ir.shapes import has_names, show
from backprop_cli.ir.traverse import ancestors

FORMATS = ("svg", "png", "pdf", "dot", "json")
LATER = ("html", "mmd", "tex")
EXPORTS = {"mmd": "mermaid", "tex": "latex"}  # what export calls them


def run(environment: Environment, options: Options) -> None:
    form = picture_format(options)
    inputs = Inputs(environment, options, named_sizes=True)
    if inputs.points.many:
        raise UsageFault("render draws one point, not many", help="--at x=1,y=2 or @point.json")
    with inputs.errors():
        point = next(iter(inputs.points))
        bound = inputs.bind(point, "render")
        check_sizes(bound, form)
        for note in bound.notes:
            say(environment, options, note)
        content = draw(bound, options, form, environment)
    to_stdout = options.output in (None, "-")
    if isinstance(content, bytes) and to_stdout and environment.stdout.isatty():
        raise UsageFault(f"a {form} would disturb the terminal", help=f"-o graph.{form}")
    with Output(environment, options.output) as output:
        output.write(content)


def check_sizes(bound: Bound, form: str) -> None:
    """Raises UsageFault where named sizes (`--shape x=n`) would have to be numbers."""
    named = [shape for shape in bound.graph.shapes.values() if has_names(shape)]
    if named and (form == "json" or bound.point):
        what = "a saved graph" if form == "json" else "a point"
        raise UsageFault(
            f"{what} needs sizes in numbers, not {show(named[0])}",
            help=f"give their values: --at {named[0][0]}=3",
        )


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
        other = f"; bprop export --to {EXPORTS[form]}" if form in EXPORTS else ""
        raise UsageFault(f"render cannot make {form} yet", help=f"what works: {works}{other}")
    what = f"a format called '{form}'" if form else "of which format the picture is"
    raise UsageFault(f"render does not know {what}", help=f"what works: {works} (or --format)")


def draw(bound: Bound, options: Options, form: str, environment: Environment) -> str | bytes:
    graph, outputs = select_outputs(bound.graph, options.names("of"))
    graph = graph.with_outputs(outputs)
    if options.backward and graph.shape(outputs[0][1]):
        say(environment, options, pictures.SUMMED)
    if options.backward and not (options.levels and form != "json"):
        graph = pictures.with_backward(graph, outputs, options, "render")
    if form == "json":
        import json

        from backprop_cli.ir.saved import to_document

        return json.dumps(to_document(graph), ensure_ascii=False) + "\n"
    most = options.max_nodes
    if form != "dot":
        from backprop_cli.render import picture

        most = most or picture.MAX_NODES
        picture.check_size(sum(ancestors(graph, [node for _, node in graph.outputs])), most)
    source = picture_source(graph, outputs, bound, options, environment)
    if form == "dot":
        return source
    return picture.draw(source, form, max_nodes=most)


def picture_source(
    graph: Graph,
    outputs: list[tuple[str, int]],
    bound: Bound,
    options: Options,
    environment: Environment,
) -> str:
    """DOT source of what is asked for: the graph, its levels, or its backward graph."""
    from backprop_cli.render import dot

    digits = options.digits or dot.DIGITS

    def passes() -> Trace | None:
        return both_passes(graph, bound, outputs[0][1], options, environment)

    if options.levels:

        def tell(text: str) -> None:
            say(environment, options, text)

        return pictures.level_picture(graph, outputs, bound, options, digits, passes, tell)
    if options.backward or (graph.adjoint_of and not options.of):
        return pictures.backward_picture(graph, bound, options, digits)
    return dot.graph_source(graph, passes(), theme=options.theme or "auto", digits=digits)


def both_passes(
    graph: Graph, bound: Bound, output: int, options: Options, environment: Environment
) -> Trace | None:
    """The trace of an output at the point; None where no variable has a value."""
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
        say(environment, options, pictures.SUMMED)
    first, *others = [name for name, _ in graph.outputs]
    if others:
        what = f"the picture is of {first}, the first of {len(others) + 1} outputs"
        say(environment, options, f"{what}: --of {others[0]} shows another")
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
        STABLE,
        BACKWARD,
        LEVELS,
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
        ('bprop render "x*y + sin(x)" --at x=1,y=2 --backward -o both.svg', "with the adjoints"),
        ("bprop render @model.bprop -o graph.json", "the graph itself, to be read back"),
        ('bprop render "x*y" --format dot -o -', "DOT source on standard output"),
    ),
    run=run,
)
