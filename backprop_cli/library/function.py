"""A program as a function with values, derivatives, paths, code and pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backprop_cli.engine.program import Binder, open_program
from backprop_cli.engine.selection import find_node, one_output, scalar_output
from backprop_cli.errors import ShapeFault
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.shapes import show
from backprop_cli.library.base import Point, Shape, find_nodes, listed
from backprop_cli.library.calculus import Calculus

if TYPE_CHECKING:
    from backprop_cli.engine.paths import PathReport
    from backprop_cli.engine.schedule import Schedule
    from backprop_cli.engine.trace import Trace

Rows = Callable[..., tuple[Any, dict[str, Any]]]


def parse(text: str, shapes: Mapping[str, Shape] | None = None) -> Function:
    """The function that a program (or a saved graph, in JSON) means.

    `shapes` are those of variables that pictures without a point should know. Raises BpropError,
    whose `span` counts in `text`, where it is not a program.

    >>> parse("a*b + c").variables
    ['a', 'b', 'c']
    """
    if not isinstance(text, str):
        raise TypeError(f"parse takes a text, not {type(text).__name__}")
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


def broadcast(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns in their common shape; raises ShapeFault where there is none."""
    import numpy as np

    try:
        return dict(zip(columns, np.broadcast_arrays(*columns.values()), strict=True))
    except ValueError as error:
        shapes = ", ".join(f"'{name}' is {show(column.shape)}" for name, column in columns.items())
        raise ShapeFault(f"the rows do not match: {shapes}") from error


class Function(Calculus):
    """A program to evaluate, differentiate and draw at points.

    A point is given by keywords, or as one mapping (for names such as `wrt`); values are numbers,
    nested lists or arrays. Numbers of scalar programs are floats, others NumPy arrays. `wrt` and
    `of` name any node of the program, not just variables and the output.
    """

    def stable(self, *keep: str) -> Function:
        """The function in forms that neither overflow nor lose digits where the written ones do.

        A form is not looked for across the named nodes of `keep`: the derivatives by them, and the
        paths through them, are those of the program as written.

        >>> parse("log(1 + exp(x))").stable()(x=1000)
        1000.0
        """
        from backprop_cli.engine.stable_binder import StableBinder

        made = Function(self._program, self.source, self._shapes)
        made._bind = StableBinder(Binder(self._program, self._shapes), keep)
        return made

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
        target = one_output(graph, [], "paths")[2] if end is None else find_node(graph, end)
        middle = None if through is None else find_node(graph, through)
        return path_report(graph, bound.point, source, target, through=middle, top=top)

    def explain(
        self, point: Point | None = None, /, *, format: str = "text", **options: Any
    ) -> str:
        """The chain rule step by step, as 'text', 'markdown' or 'latex'; options as in `sweep`.

        Without a point, in symbols alone.

        >>> print(parse("x^2").explain(x=3).splitlines()[-1])
          dv1/dx = 6
        """
        from backprop_cli.engine.explanation import explain
        from backprop_cli.render import lesson_formats
        from backprop_cli.render.explained.whole import lesson

        if point or options or not self.variables:
            sweep = self.sweep(point, **options)
            found = explain(sweep.graph, sweep.output, sweep.wrt, sweep)
        else:
            graph, output = scalar_output(self._bare(), [], "explain")
            found = explain(graph, output)
        blocks = lesson(found, 6)
        if format == "latex":
            return lesson_formats.latex(blocks, self.source)
        return (
            lesson_formats.markdown(blocks) if format == "markdown" else lesson_formats.text(blocks)
        )

    def schedule(
        self, point: Point | None = None, /, *, backward: bool = False, **values: Any
    ) -> Schedule:
        """Which operations are independent: levels, work, span, width and speed-up bounds.

        The point, or the shapes given to `parse`, says of which shapes variables are. `backward`
        adds the operations of the gradient.

        >>> found = parse("(a + b)*(c + d)").schedule()
        >>> found.work, found.span, found.speedup(2).greedy
        (3, 2, 2)
        """
        from backprop_cli.engine.schedule import schedule

        graph = self._at(point, values).graph
        if backward:
            from backprop_cli.engine.backward import lean_graph

            graph = lean_graph(graph)
        return schedule(graph)

    def backward(
        self,
        point: Point | None = None,
        /,
        *,
        wrt: Sequence[str] | str | None = None,
        of: str | None = None,
        **values: Any,
    ) -> Function:
        """The graph with its backward graph, as a function to evaluate and differentiate again.

        Each adjoint is a named node: `x_bar` is the derivative by `x`. Shapes as in `schedule`;
        of an output that is not a scalar the elements are summed.

        >>> backward = parse("x^3").backward()
        >>> backward.values(x=2)["x_bar"], backward.grad(x=2, of="x_bar")
        (12.0, {'x': 12.0})
        """
        from backprop_cli.engine.backward import backward_graph
        from backprop_cli.engine.selection import find_element

        graph = self._at(point, values).graph
        nodes = find_nodes(graph, wrt)
        graph, output = (graph, None) if of is None else find_element(graph, of)
        return from_graph(backward_graph(graph, output, nodes))

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
            columns = broadcast({k: np.asarray(v, dtype=np.float64) for k, v in given.items()})
            self._scalar_at({k: c.flat[0] if c.size else 1.0 for k, c in columns.items()})
            ones = np.ones(next(iter(columns.values())).shape) if columns else None
            sweep = self.sweep(columns, seed=ones)
            names = sweep.graph.names
            return sweep.value, {names[i]: value for i, value in sweep.gradient.items()}

        return rows

    def _scalar_at(self, point: Point) -> None:
        """Raises UsageFault if the program is not one of scalars: rows would be mixed."""
        from backprop_cli.errors import UsageFault

        if not Binder(self._program)({k: float(v) for k, v in point.items()}).graph.is_scalar:
            raise UsageFault("rows need a program of scalars; this one makes arrays")

    def export(
        self,
        target: str,
        point: Point | None = None,
        /,
        *,
        name: str = "f",
        wrt: Sequence[str] | str | None = None,
        of: str | None = None,
        **values: Any,
    ) -> str:
        """Code for value and gradient: 'python', 'c', ... as `bprop export --to` lists them.

        A point gives the shapes of arrays. Raises UsageFault for what the target lacks.

        >>> print(parse("x*y").export("python").splitlines()[-1].strip())
        return value, {"x": y, "y": x}
        """
        from backprop_cli.render.source_code import targets

        graph = self._at(point, values).graph if point or values else self._bare()
        nodes = find_nodes(graph, wrt)
        graph, output = scalar_output(graph, listed(of), "export")
        if target in targets.DOCUMENTS:
            return targets.document(graph, output, nodes, target)
        return targets.written(graph, output, nodes, target, name)[1].code

    def render(
        self, format: str = "svg", point: Point | None = None, /, **options: Any
    ) -> str | bytes:
        """A picture: 'svg' and 'dot' as text, 'png' and 'pdf' as bytes.

        Without a point, the bare graph; with one, values, adjoints and partials on it. A graph of
        `backward` is drawn with each adjoint beside its node.
        """
        from backprop_cli.render import dot, picture

        own = self._program if isinstance(self._program, Graph) else None
        if own is not None and own.adjoint_of and not {"of", "wrt", "seed"} & set(options):
            source = self._both_passes(own, {**(point or {}), **options})
        else:
            found = self.trace(point, **options) if point or options else None
            source = dot.graph_source(found.graph if found else self._bare(), found)
        if format == "dot":
            return source
        drawn = picture.draw(source, format)
        return drawn.decode() if format == "svg" else drawn

    def _both_passes(self, graph: Graph, values: Point) -> str:
        """The picture of a graph with its backward graph, in DOT."""
        from backprop_cli.engine.backward_trace import backward_trace, shown_backward
        from backprop_cli.render.backward import backward_source

        if not values:
            return backward_source(shown_backward(graph))
        bound = self._at(values, {})
        return backward_source(backward_trace(bound.graph, bound.point)[0])

    def _repr_svg_(self) -> str | None:
        """The picture in a notebook; None where the program is too large to draw."""
        from backprop_cli.errors import BpropError

        try:
            return str(self.render("svg"))
        except BpropError:
            return None
