"""Derivatives of every kind of a program, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.program import open_program
from backprop_cli.engine.selection import find_node, one_output, scalar_output, select_outputs
from backprop_cli.engine.sweep import Value
from backprop_cli.library.base import (
    Evaluable,
    Point,
    by_output,
    find_nodes,
    listed,
    number,
    plain,
)

if TYPE_CHECKING:
    from backprop_cli.engine.check import Check
    from backprop_cli.engine.compare import Comparison
    from backprop_cli.engine.diagnosis import Diagnosis
    from backprop_cli.engine.hand_check import HandCheck
    from backprop_cli.engine.uncertainty import Uncertainty


class Calculus(Evaluable):
    """Jacobians, Hessians, products, series, symbolic derivatives and checks of a program."""

    def jacobian(
        self,
        point: Point | None = None,
        /,
        *,
        wrt: Sequence[str] | str | None = None,
        **values: Any,
    ) -> dict[str, Any]:
        """All derivatives of the output, by name, in the shape output + variable.

        Of several outputs, those of each by the output's name.

        >>> from backprop_cli import parse
        >>> parse("[x*y, x + y]").jacobian(x=2, y=3)
        {'x': array([3., 1.]), 'y': array([2., 1.])}
        """
        from backprop_cli.engine.jacobian import jacobian

        bound = self._at(point, values)
        graph = bound.graph
        _, outputs = select_outputs(graph, [])
        found = jacobian(graph, bound.point, outputs, find_nodes(graph, wrt)).blocks
        labels = graph.labels()
        blocks = {out: {labels[i]: plain(b) for i, b in of.items()} for out, of in found.items()}
        by_name: dict[str, Any] = by_output(graph, blocks.__getitem__)
        return by_name

    def hessian(
        self,
        point: Point | None = None,
        /,
        *,
        wrt: Sequence[str] | str | None = None,
        sparse: bool = False,
        **values: Any,
    ) -> dict[str, dict[str, Any]]:
        """Second derivatives of a scalar output, by two names, in as few products as it takes.

        With `sparse` each is a scipy.sparse.csr_array, a row for each element of the first name.

        >>> from backprop_cli import parse
        >>> parse("x^2*y").hessian(x=2, y=3)
        {'x': {'x': 6.0, 'y': 4.0}, 'y': {'x': 4.0, 'y': 0.0}}
        """
        from backprop_cli.engine.hessian import hessian

        bound = self._at(point, values)
        graph, output = scalar_output(bound.graph, [], "hessian")
        nodes = find_nodes(graph, wrt)
        found, labels = hessian(graph, bound.point, output, nodes), graph.labels()
        blocks = found.sparse_blocks() if sparse else found.blocks
        return {
            labels[i]: {labels[j]: block if sparse else plain(block) for j, block in row.items()}
            for i, row in blocks.items()
        }

    def diff(self, wrt: str, order: int = 1, formal: bool = False, of: str | None = None) -> Self:
        """The symbolic derivative by one named node, simplified, as a function; see `source`.

        Of a scalar or, in matrix notation, of arrays with the shapes that `parse` was given.
        `formal` allows rules that change the domain. Raises UsageFault where matrices cannot say
        it.

        >>> from backprop_cli import parse
        >>> parse("x^2*log(x)").diff("x").source
        'x + 2*x*log(x)'
        """
        from backprop_cli.engine.symbolic import symbolic
        from backprop_cli.syntax.unparse import unparse

        graph, _, output = one_output(self._bare(), listed(of), "diff")
        node = find_node(graph, wrt)
        text = unparse(symbolic(graph, output, [node], order, formal)[0].graph)
        program = open_program(text)
        names = set(type(self)(program, text).variables)
        return type(self)(program, text, {k: v for k, v in self._shapes.items() if k in names})

    def jvp(self, along: Point, point: Point | None = None, /, **values: Any) -> Value:
        """The derivative of the output along a direction, by forward mode; of several, by name.

        >>> from backprop_cli import parse
        >>> parse("[x*y, x + y]").jvp({"x": 1, "y": 3}, x=1, y=2)
        array([5., 4.])
        """
        from backprop_cli.engine.directional import jvp, read_direction

        bound = self._at(point, values)
        graph = bound.graph
        direction = read_direction(graph, {k: number(v) for k, v in along.items()})
        _, outputs = select_outputs(graph, [])
        found = jvp(graph, bound.point, direction, outputs).parts
        return by_output(graph, lambda node: plain(found[node]))

    def vjp(
        self, seed: Any, point: Point | None = None, /, *, of: str | None = None, **values: Any
    ) -> dict[str, Value]:
        """The gradient of the output's elements weighted by `seed`, by name.

        >>> from backprop_cli import parse
        >>> parse("[x*y, x + y]").vjp([1, 0], x=1, y=2)
        {'x': 2.0, 'y': 1.0}
        """
        from backprop_cli.engine.directional import vjp

        bound = self._at(point, values)
        graph, _, output = one_output(bound.graph, listed(of), "vjp")
        found = vjp(graph, bound.point, output, number(seed)).parts
        return {graph.labels()[i]: plain(part) for i, part in found.items()}

    def hvp(self, along: Point, point: Point | None = None, /, **values: Any) -> dict[str, Value]:
        """The Hessian of a scalar output times a direction, by name, without the Hessian.

        >>> from backprop_cli import parse
        >>> parse("x^2*y").hvp({"x": 1}, x=2, y=3)
        {'x': 6.0, 'y': 4.0}
        """
        from backprop_cli.engine.directional import read_direction
        from backprop_cli.engine.hessian_product import hvp

        bound = self._at(point, values)
        graph, output = scalar_output(bound.graph, [], "hvp")
        direction = read_direction(graph, {k: number(v) for k, v in along.items()})
        found = hvp(graph, bound.point, output, direction).parts
        return {graph.labels()[i]: plain(part) for i, part in found.items()}

    def taylor(
        self,
        point: Point | None = None,
        /,
        *,
        order: int = 5,
        wrt: str | None = None,
        of: str | None = None,
        **values: Any,
    ) -> list[Value]:
        """The Taylor coefficients of the output in one variable (by default the only one).

        >>> from backprop_cli import parse
        >>> parse("sqrt(1 + x)").taylor(x=0, order=3)
        [1.0, 0.5, -0.125, 0.0625]
        """
        from backprop_cli.engine.taylor import expansion_place, taylor

        bound = self._at(point, values)
        graph, _, output = one_output(bound.graph, listed(of), "taylor")
        name, place = expansion_place(graph, listed(wrt))
        found = taylor(graph, bound.point, output, place, name, order)
        return [plain(c) for c in found.coefficients]

    def uncertainty(
        self,
        sigma: Mapping[str, Any],
        point: Point | None = None,
        /,
        *,
        of: str | None = None,
        **values: Any,
    ) -> Uncertainty:
        """The standard deviation of the output, from those of variables, to first order.

        Variables are independent. With budgets by variable and path, the condition number, and
        the terms of second order; JCGM 100:2008. A deviation is a number, or as its variable is.

        >>> from backprop_cli import parse
        >>> found = parse("x*y").uncertainty({"x": 0.3, "y": 0.4}, x=1, y=1)
        >>> found.sigma, [(item.name, round(item.share, 2)) for item in found.budget]
        (0.5, [('x', 0.36), ('y', 0.64)])
        """
        from backprop_cli.engine.uncertain_point import of_variables
        from backprop_cli.engine.uncertainty import uncertainty

        bound = of_variables(self._at(point, values), sigma)
        graph, output = scalar_output(bound.graph, listed(of), "grad")
        return uncertainty(differentiate(graph, bound.point, output), bound.sigmas or {})

    def check(
        self,
        point: Point | None = None,
        /,
        *,
        gradient: str | Mapping[str, Any] | None = None,
        wrt: Sequence[str] | str | None = None,
        of: str | None = None,
        tolerance: float | None = None,
        **values: Any,
    ) -> Check | HandCheck:
        """The gradient against high-precision differences (which need mpmath), or one of yours.

        A `gradient` is a text 'x: y, y: x', or by name an expression, a number or an array; it is
        compared at random points around as well, and the likely mistake named.

        >>> from backprop_cli import parse
        >>> found = parse("x*sin(y)").check(x=1, y=2, gradient="x: sin(y), y: x")
        >>> found.passed, found.mistake.message
        (False, 'the factor cos(y), the derivative of sin(y) by y, is missing')
        """
        bound = self._at(point, values)
        graph, output = scalar_output(bound.graph, listed(of), "check")
        nodes = find_nodes(graph, wrt)
        if gradient is None:
            from backprop_cli.engine.check import check

            return check(graph, bound.point, output, nodes, tolerance)
        from backprop_cli.engine.hand_check import check_written
        from backprop_cli.engine.hand_gradient import parts_of, read_parts

        parts = read_parts(gradient) if isinstance(gradient, str) else parts_of(gradient)
        return check_written(graph, bound.point, output, parts, nodes, tolerance)

    def compare(
        self, other: Evaluable | str, point: Point | None = None, /, **values: Any
    ) -> Comparison:
        """Whether two functions are equal, and their derivatives, with a counterexample if not.

        >>> from backprop_cli import parse
        >>> parse("(x + y)^2").compare("x^2 + 2*x*y + y^2").verdict
        'equal'
        """
        from backprop_cli.engine.compare import compare

        second = type(self)(open_program(other), other) if isinstance(other, str) else other
        given = {name: number(v) for name, v in {**(point or {}), **values}.items()}
        shapes = {**second._shapes, **self._shapes}
        return compare(self._program, second._program, given, shapes)

    def doctor(self, point: Point | None = None, /, **options: Any) -> Diagnosis:
        """Whether value and gradient are finite and accurate, where not, and what to write instead.

        Options are `wrt` and `of`, as in `sweep`.

        >>> from backprop_cli import parse
        >>> found = parse("sqrt(x^2)").doctor(x=0)
        >>> found.healthy, [(s.before, s.after) for s in found.suggestions]
        (False, [('sqrt(x^2)', 'abs(x)')])
        """
        from backprop_cli.engine.diagnosis import diagnose

        wrt, of = options.pop("wrt", None), options.pop("of", None)
        bound = self._at(point, options)
        graph, output = scalar_output(bound.graph, listed(of), "doctor")
        return diagnose(graph, bound.point, output, find_nodes(graph, wrt))
