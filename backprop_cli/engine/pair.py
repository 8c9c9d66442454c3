"""Two programs over the same variables, and their values at a point, equal or not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.engine.evaluate import evaluate
from backprop_cli.engine.exact_pair import DIGITS, Exact, Magnitudes, judged
from backprop_cli.engine.program import Binder
from backprop_cli.engine.selection import select_outputs
from backprop_cli.engine.sweep import Value
from backprop_cli.errors import BpropError, NameFault, UsageFault
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph

if TYPE_CHECKING:
    from backprop_cli.engine.lower import Program

Shape = tuple[int, ...]
MORE = 400  # digits, at least, with which a difference must be the same
MOST = 5_000  # digits: where numbers are further apart than that, nothing is said
CONSTANTS = 12  # of the two programs that are looked at
LOOSE = 1e-7  # that of floats, where mpmath is not installed
LARGE = 3_000  # nodes up to which a difference is simplified


class Values(NamedTuple):
    """What two programs give at a point.

    `verdict` is 'equal', 'differ', 'first' or 'second' (only that one has a value), 'neither', or
    'unknown', where numbers are too large or too far apart.
    """

    verdict: str
    first: Value
    second: Value


class Pair:
    """Two programs whose variables of one name are the same variable."""

    def __init__(
        self,
        first: Program | Graph,
        second: Program | Graph,
        shapes: Mapping[str, Shape],
        given: Mapping[str, Value],
    ) -> None:
        uses = [_uses(first), _uses(second)]
        _refuse_unused({*shapes, *given}, uses)
        self.graphs = tuple(
            Binder(program, {k: v for k, v in shapes.items() if k in names})(
                {k: v for k, v in given.items() if k in names}
            ).graph
            for program, names in zip((first, second), uses, strict=True)
        )
        self.outputs = tuple(map(_only_output, self.graphs, ("first", "second")))
        self.parameters = {k: v for graph in self.graphs for k, v in graph.parameters.items()}
        joined = _joined(*self.graphs)
        self.shapes = {k: v for k, v in joined.items() if k not in self.parameters}
        self.given = {k: _value(given[k], v) for k, v in self.shapes.items() if k in given}
        self.fixed: dict[str, Value] = {}  # where only some variables are given, these
        if len(self.given) < len(self.shapes):
            self.fixed = self.given
            self.shapes = {k: v for k, v in self.shapes.items() if k not in self.fixed}
        self.precise = _has_mpmath()

    @property
    def output_shapes(self) -> tuple[Shape, Shape]:
        one, two = (g.shape(o) for g, o in zip(self.graphs, self.outputs, strict=True))
        return one, two

    def lone(self, k: int) -> list[str]:
        """The variables that only one of the two programs has."""
        other = {*_names(self.graphs[1 - k]), *self.parameters, *self.fixed}
        return [name for name in _names(self.graphs[k]) if name not in other]

    def part(self, point: Mapping[str, Value], k: int) -> dict[str, Value]:
        """The values of the variables that one of the programs has.

        What is fixed, or the other has as a parameter, keeps its value.
        """
        known = {**point, **self.fixed, **self.parameters}
        return {name: known[name] for name in _names(self.graphs[k])}

    def values(self, point: Mapping[str, Value]) -> Values:
        """Both values, and whether they are one number, beyond what rounding explains."""
        floats = [
            evaluate(graph, self.part(point, k)).values[output]
            for k, (graph, output) in enumerate(zip(self.graphs, self.outputs, strict=True))
        ]
        if not self.precise:
            return Values(_of_floats(*floats), *floats)
        return Values(self._of_exact(point), *floats)

    def gap(self, point: Mapping[str, Value]) -> float | None:
        """The first value less the second, of arrays where they are furthest apart.

        It is right where floats would show no difference; None without mpmath.
        """
        if not self.precise:
            return None
        from backprop_cli.backends.mpmath_numbers import mp

        digits = self._exact(point, DIGITS).digits
        with mp.workdps(min(digits, MOST)):
            gaps = [a - b for a, b in self._exact(point, digits).pairs if mp.isfinite(a - b)]
            return float(max(gaps, key=abs, default=0))

    def _of_exact(self, point: Mapping[str, Value]) -> str:
        found = self._exact(point, DIGITS)
        verdicts = {judged(a, b) for a, b in found.pairs}
        if "differ" in verdicts:  # rounding would shrink with more digits
            if found.digits > MOST:
                return "unknown"
            if not self._same_gaps(point, found):
                verdicts.remove("differ")
                verdicts.add("equal")
        if found.huge and "differ" not in verdicts and verdicts & {"first", "second"}:
            return "unknown"
        return next((v for v in ("differ", "first", "second", "equal") if v in verdicts), "neither")

    def _same_gaps(self, point: Mapping[str, Value], found: Exact) -> bool:
        """Whether a difference is the same with more digits."""
        from backprop_cli.backends.mpmath_numbers import mp

        again = self._exact(point, found.digits)
        with mp.workdps(found.digits):
            return any(
                mp.isfinite(a - b) and abs((a - b) - (c - d)) <= abs(c - d) / 10
                for (a, b), (c, d) in zip(found.pairs, again.pairs, strict=True)
                if judged(a, b) == "differ"
            )

    def _exact(self, point: Mapping[str, Value], digits: int) -> Exact:
        """The elements of both values, constants taken as their digits say."""
        import numpy as np

        from backprop_cli.backends import mpmath_numbers as high
        from backprop_cli.backends.mpmath_numbers import mp

        ends, span = [], Magnitudes()
        with mp.workdps(digits):
            for k, (graph, output) in enumerate(zip(self.graphs, self.outputs, strict=True)):
                part = self.part(point, k)
                bound = {i: high.numbers(part[graph.names[i]]) for i in graph.inputs}
                values = high.forward(graph, bound, decimal=True)
                ends.append(list(np.asarray(values[output], dtype=object).ravel()))
                for value in values:
                    span.add_all(value)
            pairs = list(zip(*ends, strict=True))
            for a, b in pairs:
                span.add(a - b)
        return Exact(pairs, max(MORE, DIGITS + span.top - span.bottom), span.huge)

    def constants(self) -> list[float]:
        """The finite constants of both programs, without repetition."""
        found = dict.fromkeys(
            value
            for graph in self.graphs
            for value in graph.static.values()
            if isinstance(value, float) and math.isfinite(value)
        )
        return list(found)[:CONSTANTS]

    def is_same(self) -> bool:
        """Whether the two are one graph."""
        graph = self.difference()
        first, second = graph.arguments(graph.outputs[0][1])
        return first == second

    def is_zero(self) -> bool:
        """Whether the difference of the two simplifies to the constant 0."""
        if sum(map(len, self.graphs)) > LARGE or self.output_shapes[0] != self.output_shapes[1]:
            return False
        from backprop_cli.transform.simplify import simplify

        graph = simplify(self.difference())
        node = graph.outputs[0][1]
        while graph.op(node).name in ("broadcast_to", "reshape", "identity"):
            node = graph.arguments(node)[0]
        return graph.op(node).name == "const" and graph.static[node] == 0

    def difference(self) -> Graph:
        """One graph of the first program less the second."""
        builder = Builder()
        for name, shape in self.shapes.items():
            builder.input(name, shape)
        ends = []
        for graph, output in zip(self.graphs, self.outputs, strict=True):
            place: dict[int, int] = {}
            for i in range(output + 1):
                op = graph.op(i).name
                if op == "input":
                    place[i] = builder.input(graph.names[i], graph.shape(i))
                elif op == "const":
                    place[i] = builder.const(graph.static[i])
                else:
                    arguments = [place[a] for a in graph.arguments(i)]
                    place[i] = builder.add(op, *arguments, static=graph.static.get(i))
            ends.append(place[output])
        return builder.graph([(None, builder.add("sub", *ends))])


def _value(given: Value, shape: Shape) -> Value:
    if not shape:
        return float(given)
    import numpy as np

    return np.asarray(given, dtype=np.float64).reshape(shape)


def _names(graph: Graph) -> list[str]:
    return [graph.names[i] for i in graph.inputs]


def _uses(program: Program | Graph) -> set[str]:
    if isinstance(program, Graph):
        return {*_names(program), *program.parameters}
    extra = {"e"} if program.names.e is not None else set()
    return {*program.variables(), *program.parameters(), *extra}


def _refuse_unused(names: set[str], uses: list[set[str]]) -> None:
    for name in sorted(names - uses[0] - uses[1]):
        known = sorted(uses[0] | uses[1])
        raise NameFault(
            f"'{name}' is bound, but neither program uses it",
            help=f"their variables are {', '.join(known)}" if known else None,
        )


def _only_output(graph: Graph, which: str) -> int:
    _, chosen = select_outputs(graph, [])
    if len(chosen) > 1:
        raise UsageFault(
            f"compare takes programs of one output, and the {which} has {len(chosen)}",
            help="make it one array: [f, g]",
        )
    return chosen[0][1]


def _joined(first: Graph, second: Graph) -> dict[str, Shape]:
    """The shapes of all variables; raises UsageFault where the two programs do not agree."""
    shapes = {first.names[i]: first.shape(i) for i in first.inputs}
    for i in second.inputs:
        name = second.names[i]
        if shapes.setdefault(name, second.shape(i)) != second.shape(i):
            raise UsageFault(
                f"'{name}' has one shape in the first program and another in the second"
            )
    return shapes


def _has_mpmath() -> bool:
    try:
        from backprop_cli.backends import mpmath_numbers  # noqa: F401
    except BpropError:
        return False
    return True


def _of_floats(first: Value, second: Value) -> str:
    import numpy as np

    verdicts = set()
    for a, b in zip(np.ravel(first).tolist(), np.ravel(second).tolist(), strict=True):
        if math.isfinite(a) and math.isfinite(b):
            near = abs(a - b) <= LOOSE * max(abs(a), abs(b), LOOSE)
            verdicts.add("equal" if near else "differ")
        elif math.isfinite(a) or math.isfinite(b):
            verdicts.add("first" if math.isfinite(a) else "second")
    for verdict in ("differ", "first", "second", "equal"):
        if verdict in verdicts:
            return verdict
    return "neither"
