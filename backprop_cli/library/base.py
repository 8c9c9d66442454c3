"""A program at points: values, both passes and gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.engine.program import Binder, Bound
from backprop_cli.engine.selection import find_node, one_output, scalar_output, select_outputs
from backprop_cli.engine.sweep import Sweep, Value
from backprop_cli.ir.graph import Graph

if TYPE_CHECKING:
    from backprop_cli.engine.lower import Program
    from backprop_cli.engine.stable_binder import StableBinder

Point = Mapping[str, Any]
Shape = tuple[int, ...]


class Evaluable:
    """A program to evaluate and differentiate at points."""

    def __init__(
        self, program: Program | Graph, source: str, shapes: Mapping[str, Shape] | None = None
    ) -> None:
        self.source = source
        self._program = program
        self._shapes = dict(shapes or {})
        self._bind: Binder | StableBinder = Binder(program, self._shapes)

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
        return self._bind({name: number(value) for name, value in given.items()})

    def graph(self, point: Point | None = None, /, **values: Any) -> Graph:
        """The computational graph, with the shapes that a point gives; scalars without one."""
        return self._at(point, values).graph

    def __call__(self, point: Point | None = None, /, **values: Any) -> Value:
        """The value of the output; of several outputs the values, by name.

        >>> from backprop_cli import parse
        >>> parse("x' @ x")(x=[3, 4])
        25.0
        >>> parse("p = x*y; (x + y, p)")(x=3, y=4)
        {'output_1': 7.0, 'p': 12.0}
        """
        bound = self._at(point, values)
        found = evaluate(bound.graph, bound.point).values
        return by_output(bound.graph, lambda node: plain(found[node]))

    def values(self, point: Point | None = None, /, **values: Any) -> dict[str, Value]:
        """The value of every named node.

        >>> from backprop_cli import parse
        >>> parse("a = x + 1; b = a*a").values(x=2)
        {'x': 2.0, 'a': 3.0, 'b': 9.0}
        """
        bound = self._at(point, values)
        done = evaluate(bound.graph, bound.point)
        names = bound.graph.names
        return {names[i]: plain(done.values[i]) for i in sorted(names)}

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
        if seed is None:
            graph, output = scalar_output(graph, listed(of), "grad")
        else:
            graph, _, output = one_output(graph, listed(of), "grad")
        nodes = find_nodes(graph, wrt)
        return differentiate(graph, bound.point, output, nodes, seed)

    def value_and_grad(
        self, point: Point | None = None, /, **options: Any
    ) -> tuple[Value, dict[str, Value]]:
        """The value and the gradient, by name; options as in `sweep`.

        >>> from backprop_cli import parse
        >>> parse("x*y").value_and_grad(x=2, y=3)
        (6.0, {'x': 3.0, 'y': 2.0})
        """
        sweep = self.sweep(point, **options)
        labels = sweep.graph.labels()
        gradient = {labels[node]: plain(value) for node, value in sweep.gradient.items()}
        return plain(sweep.value), gradient

    def grad(self, point: Point | None = None, /, **options: Any) -> dict[str, Value]:
        """The derivatives of the output, by name, each in the shape of its variable.

        >>> from backprop_cli import parse
        >>> parse("a = x*y; a + sin(a)").grad(x=0, y=2, wrt="a")
        {'a': 2.0}
        """
        return self.value_and_grad(point, **options)[1]

    def _bare(self) -> Graph:
        from backprop_cli.engine.lower import lower

        program = self._program
        graph = program if isinstance(program, Graph) else lower(program, self._shapes)
        if isinstance(self._bind, Binder):
            return graph
        return self._bind.rewritten(graph)


def listed(names: Sequence[str] | str | None) -> list[str]:
    """Names as a list: one or none as well."""
    return [names] if isinstance(names, str) else list(names or ())


def find_nodes(graph: Graph, names: Sequence[str] | str | None) -> list[int] | None:
    """The nodes of `wrt`; None where it does not say. Raises NameFault for an unknown name."""
    return None if names is None else [find_node(graph, name) for name in listed(names)]


def by_output(graph: Graph, of_node: Callable[[int], Value]) -> Any:
    """What belongs to the output; where there are several, by their names."""
    _, outputs = select_outputs(graph, [])
    found = {name: of_node(node) for name, node in outputs}
    return found if len(outputs) > 1 else next(iter(found.values()))


def number(value: Any) -> Value:
    """A number as a float, lists and arrays as they are."""
    if isinstance(value, (list, float)):
        return value
    return value if getattr(value, "shape", ()) else float(value)


def plain(value: Value) -> Value:
    """A scalar as a float, arrays as they are."""
    return value if getattr(value, "shape", ()) else float(value)
