"""What `render` and `schedule -o` draw beside the graph itself: its backward graph, its levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from backprop_cli.cli.options import Options
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import find_node
from backprop_cli.errors import UsageFault
from backprop_cli.ir.graph import Graph

if TYPE_CHECKING:
    from backprop_cli.engine.trace import Trace

Outputs = list[tuple[str, int]]


def one_output(outputs: Outputs, command: str) -> None:
    """Raises UsageFault where there are several."""
    if len(outputs) > 1:
        raise UsageFault(
            f"{command} --backward takes one output, and there are {len(outputs)}: "
            + ", ".join(name for name, _ in outputs),
            help=f"choose one, --of {outputs[0][0]}",
        )


def wrt_nodes(graph: Graph, options: Options) -> list[int] | None:
    return [find_node(graph, name) for name in options.names("wrt")] or None


def with_backward(graph: Graph, outputs: Outputs, options: Options, command: str) -> Graph:
    """The output with the adjoints of its nodes, as one graph."""
    from backprop_cli.engine.backward import backward_graph

    one_output(outputs, command)
    return backward_graph(graph, outputs[0][1], wrt_nodes(graph, options))


def to_schedule(graph: Graph, outputs: Outputs, options: Options) -> tuple[Graph, str | None]:
    """What is to be computed: the outputs, or with `--backward` one of them and its gradient.

    Also a note about the adjoints that are not in it, because they are copies.
    """
    if not options.backward:
        return graph.with_outputs(outputs), None
    from backprop_cli.engine.backward import lean
    from backprop_cli.render.backward import copies

    one_output(outputs, "schedule")
    found = lean(graph.with_outputs(outputs), outputs[0][1], wrt_nodes(graph, options))
    return found.graph, copies(found)


SUMMED = "the output is no scalar: derivatives are those of its sum"


def at_point(graph: Graph, bound: Bound) -> bool:
    """Whether there are values to show: no variable is open, or one is bound."""
    bindings = [graph.names[i] in bound.point for i in graph.inputs]
    return not bindings or any(bindings)


def backward_picture(graph: Graph, bound: Bound, options: Options, digits: int) -> str:
    """DOT source of a graph with its backward graph."""
    from backprop_cli.engine.backward_trace import backward_trace, shown_backward
    from backprop_cli.render.backward import backward_source

    if at_point(graph, bound):
        found, _ = backward_trace(graph, bound.point, options.backend)
    else:
        found = shown_backward(graph)
    return backward_source(found, theme=options.theme or "auto", digits=digits)


def level_picture(
    graph: Graph,
    outputs: Outputs,
    bound: Bound,
    options: Options,
    digits: int,
    passes: Callable[[], Trace | None],
    say: Callable[[str], None],
) -> str:
    """DOT source with a rank for each level, and the critical path highlighted.

    What is not drawn is told to `say`.
    """
    from backprop_cli.engine.schedule import schedule
    from backprop_cli.render.schedule_tables import critical_edges, ranked

    theme = options.theme or "auto"
    if not options.backward:
        from backprop_cli.render.dot import graph_source

        trace = passes()
        found = schedule(graph if trace is None else graph.with_outputs(outputs[:1]))
        edges, levels = critical_edges(found), ranked(found)
        return graph_source(
            graph, trace, theme=theme, digits=digits, highlight=edges, levels=levels
        )
    from backprop_cli.engine.backward_trace import BackwardTrace, pairs
    from backprop_cli.engine.evaluate import evaluate
    from backprop_cli.render.backward import backward_source

    lean, note = to_schedule(graph, outputs, options)
    if note is not None:
        say(note)
    found, values = schedule(lean), None
    if at_point(lean, bound):
        values = evaluate(lean, bound.point, options.backend).values
    view = BackwardTrace(lean, pairs(lean), values, {})
    return backward_source(
        view, theme=theme, digits=digits, highlight=critical_edges(found), levels=ranked(found)
    )
