"""Symbolic derivatives: adjoint graphs, simplified, as programs of the language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations_with_replacement
from math import comb
from typing import NamedTuple

from backprop_cli.errors import BpropError, UsageFault
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST, Graph
from backprop_cli.ir.ops.notation import apply
from backprop_cli.ir.shapes import show
from backprop_cli.transform import preparation
from backprop_cli.transform.prune import prune
from backprop_cli.transform.reverse import reverse
from backprop_cli.transform.rewrite import Rewriter, Rule, copied, named, rewrite
from backprop_cli.transform.simplify import shorter, simplify, unguarded

WITH_ITSELF = [  # whose two shares of a tie would be written out
    Rule(lambda x: apply("maximum", x, x), lambda x: x),  # max(x, x) = x
    Rule(lambda x: apply("minimum", x, x), lambda x: x),  # min(x, x) = x
]
MOST_DERIVATIVES = 1_000
LARGEST = 200_000  # nodes of a derivative that is differentiated again


class Derivative(NamedTuple):
    """The derivative by some variables in turn: a graph in these variables, with one output."""

    wrt: tuple[str, ...]
    graph: Graph


def symbolic(
    graph: Graph,
    output: int,
    wrt: Sequence[int],
    order: int = 1,
    formal: bool = False,
    left_out: list[str] | None = None,
    symmetric: Sequence[str] = (),
) -> list[Derivative]:
    """The derivatives of one order by named nodes; of a higher order, the mixed ones as well.

    A node that is not a variable stands in the result as one. Derivatives of programs with arrays
    are in matrix notation. Raises UsageFault where there are too many, or none can be written; with
    `left_out`, those that cannot are named there, unless that is all of them. `symmetric` names
    variables that equal their transposes.
    """
    labels = graph.labels()
    names = [labels[node] for node in wrt]
    count = comb(len(wrt) + order - 1, order)
    if count > MOST_DERIVATIVES:
        raise UsageFault(
            f"there are {count:,} derivatives of order {order} by {len(wrt)} variables",
            help=f"name fewer: --wrt {names[0]}",
        )
    alike = symmetric_inputs(graph, symmetric)
    if graph.shapes:
        return _of_arrays(graph, output, wrt, order, formal, left_out, alike)
    if set(wrt) <= set(graph.inputs):
        return _of_scalars(graph, output, wrt, order, formal)
    keys = combinations_with_replacement(wrt, order)  # an inner node is held in its own ones only
    return [
        found
        for key in keys
        for found in _of_scalars(graph, output, list(dict.fromkeys(key)), order, formal)
        if found.wrt == tuple(labels[node] for node in key)
    ]


def _of_scalars(
    graph: Graph, output: int, wrt: Sequence[int], order: int, formal: bool
) -> list[Derivative]:
    labels = graph.labels()
    names = [labels[node] for node in wrt]
    opened = _isolated(graph, output, wrt)
    found: dict[tuple[str, ...], Graph] = {(): opened}
    for depth in range(1, order + 1):
        found = _next(found, names, depth, formal)
    return [Derivative(key, shorter(found[key], formal)) for key in found]


def derivatives(
    graph: Graph, wrt: Sequence[int] | None = None, order: int = 1, formal: bool = False
) -> Graph:
    """One graph of the derivatives of the first output, each by one variable, of one order."""
    nodes = list(graph.inputs if wrt is None else wrt)
    output = graph.outputs[0][1]
    found = [symbolic(graph, output, [node], order, formal)[0] for node in nodes]
    builder = Builder()
    maker = Rewriter(builder, {})
    outputs = [(d.wrt[0], _copied(maker, d.graph)) for d in found]
    return builder.graph(outputs)


def _next(
    lower: dict[tuple[str, ...], Graph], names: list[str], depth: int, formal: bool
) -> dict[tuple[str, ...], Graph]:
    """The derivatives of one order more."""
    result: dict[tuple[str, ...], Graph] = {}
    for key, graph in lower.items():
        further = names[names.index(key[-1]) :] if key else names
        if len(graph) > LARGEST:
            what = f"the derivative of order {depth - 1}" if key else "the program"
            hint = "bprop taylor" if key else "bprop grad"
            hint += " gives derivatives at a point"
            raise UsageFault(
                f"{what} has {len(graph):,} operations, more than diff takes ({LARGEST:,})",
                help=hint,
            )
        for name, derivative in zip(further, gradient(graph, further, formal), strict=True):
            result[*key, name] = derivative
    in_order = combinations_with_replacement(names, depth)
    return {key: result[key] for key in in_order}


def gradient(graph: Graph, names: Sequence[str], formal: bool = False) -> list[Graph]:
    """The derivatives of a scalar output by variables, each simplified in a graph of its own."""
    start = len(graph)
    wanted = [graph.by_name[name] for name in names]
    found = reverse(graph, graph.outputs[0][1], wanted)
    bare, program = unguarded(found.graph, start, constants(graph))
    simple = simplify(bare, formal, program)
    if len(simple.outputs) == 1:
        return [simple]
    return [prune(simple.with_outputs([output]), simple.inputs)[0] for output in simple.outputs]


def constants(graph: Graph) -> dict[int, float]:
    """The values of the scalars that depend on no variable."""
    from backprop_cli.engine.evaluate import evaluate

    wanted = [i for i in range(len(graph)) if not graph.active[i] and not graph.shape(i)]
    wanted = [i for i in wanted if graph.op(i).name != "const"]
    if not wanted:
        return {}
    alone, place = prune(graph.with_outputs([(None, i) for i in wanted]))
    values = evaluate(alone, {}).values
    return {i: float(values[place[i]]) for i in wanted}


def _isolated(graph: Graph, output: int, wrt: Sequence[int]) -> Graph:
    """The program of one output, with the nodes of `wrt` as variables."""
    from backprop_cli.engine.matrix_calculus import anew

    labels = graph.labels()
    opened = {node: labels[node] for node in wrt if node not in graph.inputs}
    one = prune(graph.with_outputs([(None, output)]), graph.inputs)[0]
    if opened:
        one = anew(graph.with_outputs([(None, output)]), opened, {})
    used = {node.op.name for node in one}
    if preparation.USED & used:
        one = rewrite(one, preparation.RULES)
    return rewrite(one, WITH_ITSELF) if {"maximum", "minimum"} & used else one


def _of_arrays(
    graph: Graph,
    output: int,
    wrt: Sequence[int],
    order: int,
    formal: bool,
    left_out: list[str] | None,
    symmetric: frozenset[str],
) -> list[Derivative]:
    labels = graph.labels()
    found: list[Derivative] = []
    faults: list[BpropError] = []
    for nodes in combinations_with_replacement(wrt, order):
        key = tuple(labels[node] for node in nodes)
        try:
            found.append(Derivative(key, _of_array(graph, output, nodes, formal, symmetric)))
        except BpropError as fault:
            if left_out is None:
                raise
            faults.append(fault)
            left_out.append(f"by {', '.join(key)}: {fault.message}")
    if not found:
        raise faults[0]
    return found


def symmetric_inputs(graph: Graph, names: Sequence[str]) -> frozenset[str]:
    """The names as a set; raises UsageFault for what is no square matrix."""
    for name in names:
        node = graph.by_name.get(name)
        shape = None if node not in graph.inputs else graph.shape(node)
        if shape is None or len(shape) != 2 or shape[0] != shape[1]:
            what = "no variable" if shape is None else f"of shape {show(shape)}"
            raise UsageFault(
                f"--symmetric: '{name}' is {what}", help=f"a square matrix: --shape {name}=n,n"
            )
    return frozenset(names)


def _of_array(
    graph: Graph, output: int, nodes: Sequence[int], formal: bool, symmetric: frozenset[str]
) -> Graph:
    """In matrix notation; element by element if the program is, or if matrices cannot write it."""
    from backprop_cli.engine.element_calculus import element_derivative, reads_elements
    from backprop_cli.engine.matrix_calculus import matrix_derivative_by

    found = None
    if reads_elements(prune(graph.with_outputs([(None, output)]), graph.inputs)[0]):
        found = element_derivative(graph, output, nodes, formal)
    if found is not None:
        return found
    try:
        return matrix_derivative_by(graph, output, nodes, formal, symmetric)
    except BpropError:
        found = element_derivative(graph, output, nodes, formal)
        if found is None:
            raise
        return found


def title(derivative: Derivative, taken: Iterable[str] = ()) -> str:
    """A name for a derivative that no variable has: d_x, or d_x_y."""
    name = "_".join(("d", *derivative.wrt))
    while name in taken:
        name += "_"
    return name


def program(derivatives: Sequence[Derivative], share: bool = False) -> Graph:
    """One graph of all derivatives, the outputs named by `title` if there are several.

    With `share`, what is used more than once is a named node.
    """
    builder = Builder()
    maker = Rewriter(builder, {})
    inputs = {name for d in derivatives for name in map(d.graph.names.get, d.graph.inputs)}
    nodes = [_copied(maker, d.graph) for d in derivatives]
    if len(derivatives) == 1:
        outputs: list[tuple[str | None, int]] = [(None, nodes[0])]
    else:
        outputs = [
            (title(d, filter(None, inputs)), n) for d, n in zip(derivatives, nodes, strict=True)
        ]
    graph = builder.graph(outputs)
    return _shared(graph) if share else _named(graph)


def _copied(maker: Rewriter, graph: Graph) -> int:
    """A graph's output, copied into a builder with others."""
    place: dict[int, int] = {}
    inputs = set(graph.inputs)
    for i in range(len(graph)):
        if i in inputs:
            place[i] = maker.builder.input(graph.names[i], graph.shape(i))
        else:
            place[i] = copied(maker, graph, i, place, keep_names=False)
    return place[graph.outputs[0][1]]


def _named(graph: Graph) -> Graph:
    """The graph with its named outputs as nodes of these names."""
    builder = Builder(graph=graph)
    outputs = [
        (name, node if name is None else named(builder, node, name)) for name, node in graph.outputs
    ]
    return builder.graph(outputs)


def _shared(graph: Graph) -> Graph:
    """The graph with names for what is used more than once."""
    uses = [0] * len(graph)
    inputs = set(graph.inputs)
    for i in range(len(graph)):
        for a in graph.arguments(i):
            uses[a] += 1
    taken = {*graph.by_name, *(name for name, _ in graph.outputs)}
    builder = Builder()
    maker = Rewriter(builder, {})
    place: dict[int, int] = {}
    count = 0
    for i in range(len(graph)):
        if i in inputs:
            place[i] = builder.input(graph.names[i], graph.shape(i))
            continue
        place[i] = copied(maker, graph, i, place)
        if uses[i] > 1 and graph.active[i] and graph.codes[i] != CONST:
            count += 1
            while f"v{count}" in taken:
                count += 1
            place[i] = named(builder, place[i], f"v{count}")
    outputs = [(name, place[node]) for name, node in graph.outputs]
    made = builder.graph(outputs)
    return _named(prune(made, made.inputs)[0])
