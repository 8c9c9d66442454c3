"""The Python API: a program as a function with values, derivatives, paths and pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backprop_cli.engine.evaluate import Sweep, Value, differentiate, evaluate
from backprop_cli.engine.program import Binder, Bound, open_program
from backprop_cli.engine.selection import find_node, scalar_output
from backprop_cli.ir.graph import Graph

if TYPE_CHECKING:
    from backprop_cli.engine.lower import Program
    from backprop_cli.engine.paths import PathReport
    from backprop_cli.engine.trace import Trace

Point = Mapping[str, Any]
Shape = tuple[int, ...]
Rows = Callable[..., tuple[Any, dict[str, Any]]]


def parse(text: str, shapes: Mapping[str, Shape] | None = None) -> Function:
    """The function that a program (or a saved graph, in JSON) means.

    `shapes` are those of variables that pictures without a point should know. Raises BpropError,
    whose `span` counts in `text`, where it is not a program.

    >>> parse("a*b + c").variables
    ['a', 'b', 'c']
    """
    return Function(open_program(text), text, shapes)


def from_graph(graph: Graph) -> Function:
    """The function that a graph made with a Builder means.

    >>> from backprop_cli import Builder
    >>> b = Builder()
    >>> x = b.input("x")
    >>> from_graph(b.graph([(None, b.add("mul", x, x))])).grad(x=3)
    {'x': 6.0}
    """
    return Function(graph, graph.source)


class Function:
    """A program to evaluate, differentiate and draw at points.

    A point is given by keywords, or as one mapping (for names such as `wrt`); values are numbers,
    nested lists or arrays. Numbers of scalar programs are floats, others NumPy arrays. `wrt` and
    `of` name any node of the program, not just variables and the output.
    """

    def __init__(
        self, program: Program | Graph, source: str, shapes: Mapping[str, Shape] | None = None
    ) -> None:
        self.source = source
        self._program = program
        self._shapes = dict(shapes or {})
        self._bind = Binder(program, self._shapes)

    def __repr__(self) -> str:
        return f"<Function of {', '.join(self.variables)}: {' '.join(self.source.split())[:60]}>"

    @property
    def variables(self) -> list[str]:
        """The names that the program leaves open, in order of first appearance."""
        if isinstance(self._program, Graph):
            return [self._program.names[i] for i in self._program.inputs]
        return self._program.variables()

    def _at(self, point: Point | None, values: Point) -> Bound:
        given = {**(point or {}), **values}
        return self._bind({name: _number(value) for name, value in given.items()})

    def graph(self, point: Point | None = None, /, **values: Any) -> Graph:
        """The computational graph, with the shapes that a point gives; scalars without one."""
        return self._at(point, values).graph

    def __call__(self, point: Point | None = None, /, **values: Any) -> Value:
        """The value of the output.

        >>> parse("x' @ x")(x=[3, 4])
        25.0
        """
        bound = self._at(point, values)
        return _plain(evaluate(bound.graph, bound.point).value)

    def values(self, point: Point | None = None, /, **values: Any) -> dict[str, Value]:
        """The value of every named node.

        >>> parse("a = x + 1; b = a*a").values(x=2)
        {'x': 2.0, 'a': 3.0, 'b': 9.0}
        """
        bound = self._at(point, values)
        done = evaluate(bound.graph, bound.point)
        names = bound.graph.names
        return {names[i]: _plain(done.values[i]) for i in sorted(names)}

    def sweep(
        self,
        point: Point | None = None,
        /,
        *,
        wrt: Sequence[str] | str | None = None,
        of: str | None = None,
        seed: Any = None,
        **values: Any,
    ) -> Sweep:
        """Both passes at a point: values, adjoints, edges and warnings.

        `seed`, the adjoint of the output, is 1; an output that is not a scalar needs one in its
        shape. Raises NameFault for an unknown name, ShapeFault for a misfit.
        """
        bound = self._at(point, values)
        graph = bound.graph
        wanted = [wrt] if isinstance(wrt, str) else wrt
        nodes = None if wanted is None else [find_node(graph, name) for name in wanted]
        if seed is None:
            graph, output = scalar_output(graph, [] if of is None else [of], "grad")
        else:
            output = graph.outputs[0][1] if of is None else find_node(graph, of)
        return differentiate(graph, bound.point, output, nodes, seed)

    def value_and_grad(
        self, point: Point | None = None, /, **options: Any
    ) -> tuple[Value, dict[str, Value]]:
        """The value and the gradient, by name; options as in `sweep`.

        >>> parse("x*y").value_and_grad(x=2, y=3)
        (6.0, {'x': 3.0, 'y': 2.0})
        """
        sweep = self.sweep(point, **options)
        labels = sweep.graph.labels()
        gradient = {labels[node]: _plain(value) for node, value in sweep.gradient.items()}
        return _plain(sweep.value), gradient

    def grad(self, point: Point | None = None, /, **options: Any) -> dict[str, Value]:
        """The derivatives of the output, by name, each in the shape of its variable.

        >>> parse("a = x*y; a + sin(a)").grad(x=0, y=2, wrt="a")
        {'a': 2.0}
        """
        return self.value_and_grad(point, **options)[1]

    def trace(self, point: Point | None = None, /, **options: Any) -> Trace:
        """Both passes node by node and edge by edge; options as in `sweep`."""
        from backprop_cli.engine.trace import trace

        return trace(self.sweep(point, **options))

    def paths(
        self,
        point: Point | None = None,
        /,
        *,
        start: str | None = None,
        end: str | None = None,
        through: str | None = None,
        top: int = 10,
        **values: Any,
    ) -> PathReport:
        """The paths from one node (by default the only variable) to another (the output).

        >>> report = parse("x*x").paths(x=3)
        >>> report.count, report.sum
        (2, 6.0)
        """
        from backprop_cli.engine.paths import path_report
        from backprop_cli.errors import UsageFault

        bound = self._at(point, values)
        graph = bound.graph
        if start is None and len(graph.inputs) != 1:
            raise UsageFault("name the variable that the paths start from: start='...'")
        source = graph.inputs[0] if start is None else find_node(graph, start)
        target = graph.outputs[0][1] if end is None else find_node(graph, end)
        middle = None if through is None else find_node(graph, through)
        return path_report(graph, bound.point, source, target, through=middle, top=top)

    def jacobian(
        self, point: Point | None = None, /, *, wrt: Sequence[str] | None = None, **values: Any
    ) -> dict[str, Any]:
        """All derivatives of the output, by name, in the shape output + variable.

        >>> parse("[x*y, x + y]").jacobian(x=2, y=3)
        {'x': array([3., 1.]), 'y': array([2., 1.])}
        """
        from backprop_cli.engine.jacobian import jacobian

        bound = self._at(point, values)
        graph = bound.graph
        nodes = None if wrt is None else [find_node(graph, name) for name in wrt]
        output = graph.outputs[0][1]
        found = jacobian(graph, bound.point, [("", output)], nodes)
        return {graph.labels()[i]: _plain(block) for i, block in found.blocks[output].items()}

    def hessian(self, point: Point | None = None, /, **values: Any) -> dict[str, dict[str, Any]]:
        """Second derivatives of a scalar output, by two names: the adjoint graph's Jacobian.

        >>> parse("x^2*y").hessian(x=2, y=3)
        {'x': {'x': 6.0, 'y': 4.0}, 'y': {'x': 4.0, 'y': 0.0}}
        """
        from backprop_cli.engine.jacobian import jacobian
        from backprop_cli.transform.reverse import reverse

        bound = self._at(point, values)
        first = reverse(bound.graph)
        outputs = [(bound.graph.names[i], node) for i, node in first.gradient.items()]
        found = jacobian(first.graph, bound.point, outputs)
        names = first.graph.names
        return {
            name: {names[i]: _plain(block) for i, block in found.blocks[node].items()}
            for name, node in outputs
        }

    def compile(self) -> Rows:
        """Value and gradient of many rows at once: a function of arrays, one element a row.

        Variables broadcast against one another; the program must be one of scalars.

        >>> rows = parse("x*y").compile()
        >>> rows(x=[1, 2, 3], y=2)
        (array([2., 4., 6.]), {'x': array([2., 2., 2.]), 'y': array([1., 2., 3.])})
        """

        def rows(point: Point | None = None, /, **values: Any) -> tuple[Any, dict[str, Any]]:
            import numpy as np

            given = {**(point or {}), **values}
            columns = np.broadcast_arrays(
                *(np.asarray(value, dtype=np.float64) for value in given.values())
            )
            self._scalar_at(
                {name: column.flat[0] for name, column in zip(given, columns, strict=True)}
            )
            ones = np.ones(columns[0].shape) if columns else None
            sweep = self.sweep(dict(zip(given, columns, strict=True)), seed=ones)
            names = sweep.graph.names
            return sweep.value, {names[i]: value for i, value in sweep.gradient.items()}

        return rows

    def _scalar_at(self, point: Point) -> None:
        """Raises UsageFault if the program is not one of scalars: rows would be mixed."""
        from backprop_cli.errors import UsageFault

        if not Binder(self._program)({k: float(v) for k, v in point.items()}).graph.is_scalar:
            raise UsageFault("rows need a program of scalars; this one makes arrays")

    def render(
        self, format: str = "svg", point: Point | None = None, /, **options: Any
    ) -> str | bytes:
        """A picture: 'svg' and 'dot' as text, 'png' and 'pdf' as bytes.

        Without a point, the bare graph; with one, values, adjoints and partials on it.
        """
        from backprop_cli.render import dot, picture

        named = bool(point or options)
        found = self.trace(point, **options) if named else None
        source = dot.graph_source(found.graph if found else self._bare(), found)
        if format == "dot":
            return source
        drawn = picture.draw(source, format)
        return drawn.decode() if format == "svg" else drawn

    def _bare(self) -> Graph:
        if isinstance(self._program, Graph):
            return self._program
        from backprop_cli.engine.lower import lower

        return lower(self._program, self._shapes)

    def _repr_svg_(self) -> str | None:
        """The picture in a notebook; None where the program is too large to draw."""
        from backprop_cli.errors import BpropError

        try:
            return str(self.render("svg"))
        except BpropError:
            return None


def _number(value: Any) -> Value:
    """A number as a float, lists and arrays as they are."""
    if isinstance(value, (list, float)):
        return value
    return value if getattr(value, "shape", ()) else float(value)


def _plain(value: Value) -> Value:
    """A scalar as a float, arrays as they are."""
    return value if getattr(value, "shape", ()) else float(value)
