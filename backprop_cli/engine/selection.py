"""Nodes by what a user calls them: a name, an id of `labels`, or an element `f[1]`."""

from __future__ import annotations

from typing import NamedTuple

from backprop_cli.errors import NameFault, ShapeFault, UsageFault
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.shapes import show


def find_node(graph: Graph, name: str) -> int:
    """The node with this name or id; raises NameFault with what there is."""
    node = graph.find(name)
    if node is not None:
        return node
    if name in graph.parameters:
        raise NameFault(
            f"'{name}' is a parameter: a whole number in a bound, an index, an axis or a shape",
            help="there is no derivative with respect to it",
        )
    whole = name.partition("[")[0]
    if whole != name and graph.find(whole) is not None:
        raise NameFault(
            f"'{name}' is an element, not a node",
            help=f"take {whole}: its derivative has an entry for each element",
        )
    from difflib import get_close_matches

    names = list(graph.by_name)
    near = get_close_matches(name, names, 1)
    listed = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    hint = f"did you mean '{near[0]}'?" if near else f"its named nodes are {listed}"
    raise NameFault(f"the program has no node '{name}'", help=hint if names else None)


class Place(NamedTuple):
    """A node, or one element of it."""

    node: int
    element: tuple[int, ...] | None


def find_place(graph: Graph, text: str) -> Place:
    """The node or element that `f` or `f[1, 0]` means; raises NameFault, UsageFault, ShapeFault."""
    node = graph.find(text.strip())
    name, bracket, rest = text.strip().partition("[")
    if node is not None or not bracket:
        return Place(find_node(graph, text.strip()), None)
    node = find_node(graph, name)
    try:
        index = tuple(int(part) for part in rest.removesuffix("]").split(","))
    except ValueError:
        index = ()
    if not index or not rest.endswith("]"):
        raise UsageFault(f"'{text}' is not an element", help=f"write {name}[0], counting from 0")
    shape = graph.shape(node)
    if len(index) != len(shape) or not all(-n <= k < n for k, n in zip(index, shape, strict=True)):
        if not shape:
            raise ShapeFault(
                f"'{text}' is not an element: '{name}' is a scalar", help=f"take {name}"
            )
        raise ShapeFault(
            f"'{text}' is not an element: '{name}' has the shape {show(shape)}",
            help="indices count from 0",
        )
    return Place(node, tuple(k % n for k, n in zip(index, shape, strict=True)))


def find_element(graph: Graph, text: str) -> tuple[Graph, int]:
    """The node of `f`; for an element `f[1]`, one appended to a copy of the graph."""
    node, element = find_place(graph, text)
    if element is None:
        return graph, node
    builder = Builder(graph=graph)
    added = builder.add("index", node, static=element, name=text.strip())
    return builder.graph(graph.outputs, graph.parameters, graph.notes), added


def select_outputs(graph: Graph, texts: list[str]) -> tuple[Graph, list[tuple[str, int]]]:
    """The outputs asked for, or else the program's own, with their names.

    The only output may be without a name: ''. Unnamed ones among several are output_1, ..., and can
    be asked for by these names.
    """
    several = len(graph.outputs) > 1
    named = [
        (name or graph.names.get(node) or (f"output_{k}" if several else ""), node)
        for k, (name, node) in enumerate(graph.outputs, 1)
    ]
    if not texts:
        return graph, named
    outputs, chosen = dict(named), list[tuple[str, int]]()
    for text in texts:
        if text in outputs and graph.find(text) is None:
            node = outputs[text]
        else:
            graph, node = find_element(graph, text)
        chosen.append((text, node))
    return graph, chosen


def one_output(graph: Graph, texts: list[str], command: str) -> tuple[Graph, str, int]:
    """The one output, of any shape, and its name; raises UsageFault where there are several."""
    graph, chosen = select_outputs(graph, texts)
    if len(chosen) > 1:
        raise UsageFault(
            f"{command} takes one output, and there are {len(chosen)}: "
            + ", ".join(name for name, _ in chosen),
            help=f"choose one, {_CHOICE[command]} {chosen[0][0]}, "
            "or take all derivatives with bprop jacobian",
        )
    return graph, *chosen[0]


def scalar_output(graph: Graph, texts: list[str], command: str) -> tuple[Graph, int]:
    """The one scalar output; raises UsageFault or ShapeFault where there is none."""
    graph, name, node = one_output(graph, texts, command)
    shape = graph.shape(node)
    if shape:
        element = f"{name or graph.labels()[node]}[{', '.join('0' for _ in shape)}]"
        spans = graph.spans.get(node)
        raise ShapeFault(
            f"{command} needs a scalar output, and this one has the shape {show(shape)}",
            spans[0] if spans and not texts else None,
            help="take all derivatives with bprop jacobian, or an element: "
            f'{_CHOICE[command]} "{element}"',
        )
    return graph, node


_CHOICE = {
    "check": "--of",
    "diff": "--of",
    "explain": "--of",
    "export": "--of",
    "doctor": "--of",
    "grad": "--of",
    "trace": "--of",
    "paths": "--to",
    "hessian": "--of",
    "hvp": "--of",
    "vjp": "--of",
    "taylor": "--of",
}


def only_output(graph: Graph, command: str) -> int:
    """The program's one scalar output."""
    return scalar_output(graph, [], command)[1]
