"""Lowering: from a program's text to a Graph, for given shapes and parameters."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence

from backprop_cli.engine.lowering.machine import Machine
from backprop_cli.engine.lowering.names import Names
from backprop_cli.engine.lowering.statics import Statics
from backprop_cli.errors import NameFault, ShapeFault, Span, UsageFault
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import INPUT, Graph
from backprop_cli.ir.shapes import show
from backprop_cli.syntax.code import RETURN, Code
from backprop_cli.syntax.parse import parse

LARGE = 10_000  # instructions from which the garbage collector is worth stopping
Shape = tuple[int, ...]


class Program:
    """A program that was read: its code, and what its names mean. No shapes are known yet.

    >>> load("x*y + sin(x)").variables()
    ['x', 'y']
    """

    def __init__(self, code: Code) -> None:
        self.code = code
        self.names = Names(code)

    @property
    def source(self) -> str:
        return self.code.source

    def variables(self) -> list[str]:
        """The names that the program does not assign, in order of first appearance."""
        return list(self.names.variables)

    def parameters(self) -> list[str]:
        """The names used in bounds, indices, axes and shapes: whole numbers, no derivative."""
        return list(self.names.parameters)


def load(text: str) -> Program:
    """Reads a program. Raises SyntaxFault, NameFault and ArityFault with their places."""
    code = parse(text)
    pause = len(code.ops) > LARGE and gc.isenabled()
    if pause:
        gc.disable()
    try:
        return Program(code)
    except (NameFault, ShapeFault) as fault:
        raise fault.at(None, text) from None
    finally:
        if pause:
            gc.enable()


def lower(
    program: Program,
    shapes: Mapping[str, Shape] | None = None,
    values: Mapping[str, float] | None = None,
    of: Sequence[str] | None = None,
) -> Graph:
    """The graph of a program, for the shapes of its variables (by default scalars).

    `values` are scalars of the point; only parameters are taken from it. `of` names the outputs.
    Raises ShapeFault, NameFault for an unbound parameter or an unknown output.
    """
    shapes, values = shapes or {}, values or {}
    names, code = program.names, program.code
    notes = []
    bind_e = names.e is not None and ("e" in values or "e" in shapes)
    if bind_e or "e" in code.assigned:
        notes.append("'e' is bound here, so it is not Euler's number; that is exp(1)")
    _check_parameters(names, shapes, values)
    builder = Builder(code.source)
    table: dict[str, int] = {}
    variables = dict(names.variables)
    if bind_e and names.e is not None:
        variables["e"] = names.e
        variables = dict(sorted(variables.items(), key=lambda item: item[1]))
    for name in variables:
        table[name] = builder.input(name, tuple(shapes.get(name, ())))
    statics = Statics(names, values)
    machine = Machine(names, builder, statics, table)
    pause = gc.isenabled()  # a sum over an index makes any program large
    if pause:
        gc.disable()
    try:
        machine.run()
        for name, place in variables.items():
            builder.spans.setdefault(table[name], [place])
        for places in builder.spans.values():
            places[:] = map(Span._make, places)
        outputs = machine.outputs or _last_assigned(code, table)
        graph = builder.graph(outputs, statics.values, notes)
        if names.differentiated:
            graph = _without_leftovers(graph)
    finally:
        if pause:
            gc.enable()
    if of:
        graph.outputs = tuple((name, _named(graph, name)) for name in of)
    return graph


def _without_leftovers(graph: Graph) -> Graph:
    """The graph without what derivatives made on the way, which no value needs."""
    from backprop_cli.transform.prune import prune

    own = [i for i in graph.names if graph.codes[i] != INPUT]
    return prune(graph, [*graph.inputs, *own])[0]


def _last_assigned(code: Code, table: dict[str, int]) -> list[tuple[str | None, int]]:
    assert code.ops[-1] != RETURN
    name = list(code.assigned)[-1]
    return [(name, table[name])]


def _check_parameters(
    names: Names, shapes: Mapping[str, Shape], values: Mapping[str, float]
) -> None:
    """Raises NameFault where a parameter is unbound, UsageFault where it is no whole number."""
    source = names.code.source
    missing = [name for name in names.parameters if name not in values and not shapes.get(name)]
    for name, (kind, span) in names.parameters.items():
        what = f"'{name}' is used in {'an' if kind[0] in 'aio' else 'a'} {kind}"
        if shapes.get(name):
            raise UsageFault(
                f"{what}, so it must be one whole number, not an array {show(shapes[name])}",
                span,
                source=source,
            )
        if name in missing:
            bound = ",".join(f"{other}=..." for other in missing)
            raise NameFault(
                f"{what}, so it needs a value before there is a graph",
                span,
                help=f"bind it to a whole number: --at {bound}",
                source=source,
            )
        if kind != "shape" and hasattr(values[name], "text"):
            raise UsageFault(
                f"{what}, so it needs a number, and --shape gives it as the name of a size",
                span,
                help=f"give its value: --at {name}=3",
                source=source,
            )
        if kind != "range" and not float(values[name]).is_integer():
            raise UsageFault(
                f"{what}, so it must be a whole number, not {values[name]:g}", span, source=source
            )


def _named(graph: Graph, name: str) -> int:
    node = graph.find(name)
    if node is not None:
        return node
    from difflib import get_close_matches

    known = list(graph.by_name)
    near = get_close_matches(name, known, 1)
    listed = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    raise NameFault(
        f"no node is called '{name}'",
        help=f"did you mean '{near[0]}'?" if near else f"the names are {listed}" if known else None,
        source=graph.source,
    )
