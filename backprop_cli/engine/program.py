"""From a text and a point to a graph: what the commands and the Python API both begin with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.engine.point import Value, shape_of, why_not_json
from backprop_cli.errors import GraphFault, NameFault, ShapeFault, Span, UsageFault
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.shapes import has_names, show

if TYPE_CHECKING:
    from backprop_cli.engine.lower import Program

Shape = tuple[int, ...]


class Bound(NamedTuple):
    """A graph with the values of its variables and parameters, and notes about the point."""

    graph: Graph
    point: dict[str, Value]
    notes: list[str]
    sigmas: dict[str, Value] | None = None  # standard deviations of uncertain variables


def open_program(text: str) -> Program | Graph:
    """The program that a text holds; a text that begins with '{' is a graph in JSON."""
    if text.lstrip().startswith("{"):
        return _graph(text)
    from backprop_cli.engine.lower import load

    return load(text)


def _graph(text: str) -> Graph:
    import json

    from backprop_cli.ir.saved import from_document

    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as failure:
        reason = why_not_json(failure)
        place = getattr(failure, "pos", None)
        raise GraphFault(
            f"this is not a graph in JSON: {reason}",
            None if place is None else Span(place, place + 1),
            help="a text that begins with '{' is a graph, as bprop render -o graph.json saves it",
        ) from None
    return from_document(document)


class Binder:
    """Binds points to a program, one after another; the graph is made anew only if it must be.

    `shapes` are those of variables without a value.
    """

    def __init__(self, program: Program | Graph, shapes: Mapping[str, Shape] | None = None) -> None:
        self.program = program
        self.shapes = dict(shapes or {})
        self._key: Any = None
        self._graph: Graph | None = None

    def __call__(self, values: Mapping[str, Value], typed: Collection[str] | None = None) -> Bound:
        """The graph at a point. Each `typed` name (by default all) must be one the program uses.

        Raises NameFault for a name that is not used, or that the program assigns.
        """
        shapes = {**self.shapes, **self._shapes_of(values)}
        sizes = self._named_sizes()
        if sizes:
            shapes = {name: _numbered(shape, values) for name, shape in shapes.items()}
        graph = self._made(values, shapes)
        used = {graph.names[i] for i in graph.inputs}.union(graph.parameters)
        unused = [name for name in values if not (name in used or name in sizes)]
        notes = [
            f"'{name}' of the point is not used"
            for name in unused
            if typed is not None and name not in typed
        ]
        for name in unused:
            if typed is None or name in typed:
                raise _unused(graph, name, "bound")
        for name in self.shapes:
            if name not in used:
                raise _unused(graph, name, "given a shape")
        point = {name: _value(value) for name, value in values.items() if name in used}
        return Bound(graph, point, notes)

    def _named_sizes(self) -> dict[str, Any]:
        """The sizes that `shapes` names instead of giving numbers."""
        if not any(has_names(shape) for shape in self.shapes.values()):
            return {}
        from backprop_cli.ir.sizes import sizes_in

        return dict(sizes_in(self.shapes.values()))

    def _shapes_of(self, values: Mapping[str, Value]) -> dict[str, Shape]:
        found = {}
        for name, value in values.items():
            shape = () if isinstance(value, float) else shape_of(value)
            declared = self.shapes.get(name)
            if declared is not None and declared != shape:
                raise UsageFault(f"'{name}' {_described(shape)}, --shape says {show(declared)}")
            if shape:
                found[name] = shape
        return found

    def _made(self, values: Mapping[str, Value], shapes: dict[str, Shape]) -> Graph:
        if isinstance(self.program, Graph):
            return self._checked(self.program, values)
        parameters = self._graph.parameters if self._graph is not None else {}
        key = (frozenset(values), shapes, {name: values.get(name) for name in parameters})
        if self._graph is None or key != self._key:
            from backprop_cli.engine.lower import lower

            scalars = {name: float(value) for name, value in values.items() if not shapes.get(name)}
            scalars = {**self._named_sizes(), **scalars}
            try:
                self._graph = lower(self.program, shapes, scalars)
            except ShapeFault as fault:
                raise _unshaped(fault, self.program, {*values, *shapes}) from None
            parameters = self._graph.parameters
            self._key = (key[0], shapes, {name: values.get(name) for name in parameters})
        return self._graph

    def _checked(self, graph: Graph, values: Mapping[str, Value]) -> Graph:
        for name, built in graph.parameters.items():
            if name in values and values[name] != built:
                raise UsageFault(
                    f"this graph was made for {name} = {built:g}",
                    help="make it anew from its program for another value",
                )
        return graph


def bind(
    program: Program | Graph,
    values: Mapping[str, Value],
    typed: Collection[str] | None = None,
    shapes: Mapping[str, Shape] | None = None,
) -> Bound:
    """The graph of a program at one point."""
    return Binder(program, shapes)(values, typed)


def _described(shape: Shape) -> str:
    return f"has the shape {show(shape)}" if shape else "is a scalar"


def _unshaped(fault: ShapeFault, program: Program, known: Collection[str]) -> ShapeFault:
    """The fault, with a help that names the variables which have neither value nor shape."""
    names = [f"'{name}'" for name in program.variables() if name not in known]
    if names:
        one = len(names) == 1
        has = "has no value, so it is a scalar" if one else "have no value, so they are scalars"
        listed = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
        fault.help = (
            f"{listed} {has} here: --at {names[0][1:-1]}=..., or --shape where there is no point"
        )
    return fault


def _numbered(shape: Shape, values: Mapping[str, Value]) -> Shape:
    """A shape with the numbers that a point gives for its named sizes."""
    found = (values.get(str(size)) for size in shape)
    return tuple(
        int(number) if isinstance(number, float) and number == int(number) > 0 else size
        for size, number in zip(shape, found, strict=True)
    )


def _unused(graph: Graph, name: str, given: str) -> NameFault:
    """The error for a name that is given something and that is no variable."""
    variables = [graph.names[i] for i in graph.inputs] + list(graph.parameters)
    node = graph.by_name.get(name)
    if node is not None:
        spans = graph.spans.get(node)
        return NameFault(
            f"'{name}' cannot be {given}: the program assigns it",
            Span(*spans[0]) if spans else None,
            help="take its variables instead: " + ", ".join(variables) if variables else None,
        )
    if not variables:
        return NameFault(f"'{name}' is {given}, but the program has no variables")
    from difflib import get_close_matches

    near = get_close_matches(name, variables, 1)
    return NameFault(
        f"'{name}' is {given}, but the program does not use it",
        help=f"did you mean '{near[0]}'?" if near else f"its variables are {', '.join(variables)}",
    )


def _value(value: Value) -> Value:
    """A nested list as an array."""
    if isinstance(value, list):
        import numpy as np

        return np.array(value, dtype=np.float64)
    return value
