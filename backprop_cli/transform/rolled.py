"""A program on single elements as one on arrays: the loops that index sums spelled out, rolled up.

Scalar nodes of one form, such as all the `(1 - x[i])^2`, become the elements of one array node, and
long sums become sums of arrays; `x[0]`, `x[1]`, ... become slices of `x`. A derivative of the
result takes a step for each form instead of one for each node. Sums are added in another order, so
values agree to rounding.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.ir.ops import BY_NAME
from backprop_cli.transform.gathering import Irregular, gathered
from backprop_cli.transform.indexed import flat_place
from backprop_cli.transform.prune import prune

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LEAST = 300  # nodes of a program that is worth the work
SHRUNK = 4  # times fewer nodes than before, or it is left as it is
FEW = 32  # constants that each have a form of their own; more are elements of an array
ADD, INDEX = BY_NAME["add"].code, BY_NAME["index"].code


class Rolled(NamedTuple):
    """A program of fewer nodes; the new place of each array, and of each node that was to stay."""

    graph: Graph
    place: dict[int, int]


def rolled(graph: Graph, keep: Iterable[int] = ()) -> Rolled | None:
    """The same program on arrays, or None where that would not make it much smaller."""
    if len(graph) < LEAST:
        return None
    kept = {*keep, *(node for _, node in graph.outputs)}
    for apart in (False, True):
        forms = _Forms(graph, kept, apart)
        if not forms.find(len(graph) // SHRUNK):
            return None
        try:
            return _Rolling(graph, forms).made(kept)
        except Irregular:
            continue
    return None


class _Forms:
    """The form of each scalar node; nodes of one form differ only in the elements they read.

    With `apart` there are more of them: operands that are elements are as far apart in all nodes of
    one form, and constants that are used often have forms of their own.
    """

    def __init__(self, graph: Graph, kept: set[int], apart: bool) -> None:
        self.graph = graph
        self.kept = kept
        self.apart = apart
        self.terms, self.inner = _sums(graph, kept)
        self.of: list[int] = [-1] * len(graph)  # -1 for arrays, and within sums
        self.members: list[list[int]] = []
        self._known: dict[Any, int] = {}
        numbers = {graph.static[i] for i, code in enumerate(graph.codes) if code == CONST}
        self._few = len(numbers) <= FEW
        self._uses = _uses(graph)

    def find(self, most: int) -> bool:
        """Whether there are at most so many forms."""
        graph = self.graph
        for i, code in enumerate(graph.codes):
            if self.inner[i]:
                continue
            form = self._known.setdefault(self._key(i, code), len(self.members))
            if form == len(self.members):
                if form > most:
                    return False
                self.members.append([])
            self.of[i] = form
            self.members[form].append(i)
        return True

    def _key(self, i: int, code: int) -> Any:
        graph, of = self.graph, self.of
        if code == CONST:
            value = graph.static[i]
            often = self.apart and self._uses[i] > FEW
            return ("const", repr(value)) if self._few or often else "const"
        if code == INPUT or i in self.kept or graph.shape(i):
            return ("own", i)
        if code == INDEX:
            whole = len(graph.static[i]) == len(graph.shape(graph.first[i]))
            return ("element", graph.first[i]) if whole else ("own", i)
        if not graph.op(i).elementwise:
            return ("own", i)
        if i in self.terms:
            return ("sum", tuple(sorted(Counter(of[a] for a in self.terms[i]).items())))
        a, b = graph.first[i], graph.second[i]
        gap = self._gap(a, b) if self.apart and b >= 0 else None
        return (code, graph.static.get(i), gap, *(of[a] for a in graph.arguments(i)))

    def _gap(self, a: int, b: int) -> int | None:
        """How far apart two elements are, within one array or arrays of one shape."""
        graph = self.graph
        if graph.codes[a] != INDEX or graph.codes[b] != INDEX:
            return None
        shape = graph.shape(graph.first[a])
        if graph.shape(graph.first[b]) != shape:
            return None
        return flat_place(graph.static[b], shape) - flat_place(graph.static[a], shape)


def _sums(graph: Graph, kept: set[int]) -> tuple[dict[int, list[int]], bytearray]:
    """The terms of each sum of three or more scalars, and the sums within, used there alone."""
    first, second, codes, shapes = graph.first, graph.second, graph.codes, graph.shapes
    uses = _uses(graph)
    inner = bytearray(len(graph))
    found: dict[int, list[int]] = {}
    for root in range(len(graph) - 1, -1, -1):
        if codes[root] != ADD or inner[root] or root in shapes:
            continue
        terms = []
        stack = [second[root], first[root]]
        while stack:
            i = stack.pop()
            if codes[i] == ADD and uses[i] == 1 and i not in shapes and i not in kept:
                inner[i] = 1
                stack += [second[i], first[i]]
            else:
                terms.append(i)
        if len(terms) > 2:
            found[root] = terms
    return found, inner


def _uses(graph: Graph) -> list[int]:
    uses = [0] * (len(graph) + 2)  # the last two are those of no argument
    for column in (graph.first, graph.second):
        for a in column:
            uses[a] += 1
    for arguments in graph.rest.values():
        for a in arguments[1:]:
            uses[a] += 1
    return uses


class _Rolling:
    """The program on arrays; `order[i]` is which element of its form node i is."""

    def __init__(self, graph: Graph, forms: _Forms) -> None:
        self.graph = graph
        self.forms = forms
        self.builder = Builder(graph.source)
        self.place: list[int] = []  # of each form
        self.order: list[int] = [0] * len(graph)

    def made(self, kept: set[int]) -> Rolled | None:
        """The program; None where it turns out not to be much smaller."""
        graph, forms = self.graph, self.forms
        for form, members in enumerate(forms.members):
            self.place.append(self._form(members))
            if len(self.builder) * SHRUNK > len(graph) and form:
                return None
        place = {i: self.place[forms.of[i]] for i in {*kept, *graph.shapes, *graph.inputs}}
        outputs = [(name, place[node]) for name, node in graph.outputs]
        whole = self.builder.graph(outputs, graph.parameters, graph.notes)
        pruned, moved = prune(whole, place.values())
        return Rolled(pruned, {i: moved[node] for i, node in place.items()})

    def _form(self, members: list[int]) -> int:
        """The node whose elements are the members of a form."""
        graph, builder = self.graph, self.builder
        i = members[0]
        code = graph.codes[i]
        if code == CONST:
            return builder.const(graph.static[i])
        if code == INPUT:
            return builder.input(graph.names[i], graph.shape(i))
        if code == INDEX and not graph.shape(i) and i not in self.forms.kept:
            return self._elements(members)
        failure = Irregular()
        for ordered in self._orders(members):
            for k, node in enumerate(ordered):
                self.order[node] = k
            try:
                return self._sum(ordered) if i in self.forms.terms else self._applied(ordered)
            except Irregular as found:
                failure = found
        raise failure

    def _orders(self, members: list[int]) -> Iterator[list[int]]:
        """The orders that the nodes of a form may stand in: by what they read, or as written."""
        lanes = [self._lanes(column) for column in self._columns(members)]
        if len(members) > 1 and lanes:
            yield [lane[-1] for lane in sorted(zip(*lanes, members, strict=True))]
        yield members

    def _applied(self, members: list[int]) -> int:
        graph, i = self.graph, members[0]
        parts = [self._part(column) for column in self._columns(members)]
        return self.builder.add(graph.op(i).name, *parts, static=graph.static.get(i))

    def _columns(self, members: list[int]) -> list[list[int]]:
        """The arguments of all members at each position; of sums the first term."""
        graph = self.graph
        if members[0] in self.forms.terms:
            return [[self.forms.terms[i][0] for i in members]]
        if graph.rest or graph.first[members[0]] < 0:
            return [list(column) for column in zip(*map(graph.arguments, members), strict=True)]
        columns = [[graph.first[i] for i in members]]
        if graph.second[members[0]] >= 0:
            columns.append([graph.second[i] for i in members])
        return columns

    def _lanes(self, nodes: list[int]) -> list[Any]:
        """What orders nodes of one form: which element each is; the values of constants."""
        if self.graph.codes[nodes[0]] == CONST:
            return [self.graph.static[i] for i in nodes]
        return [self.order[i] for i in nodes]

    def _elements(self, members: list[int]) -> int:
        """The array that single elements are read from, as a vector."""
        graph, builder = self.graph, self.builder
        array = graph.first[members[0]]
        shape = graph.shape(array)
        for i in members:
            self.order[i] = flat_place(graph.static[i], shape)
        node = self.place[self.forms.of[array]]
        if len(shape) == 1:
            return node
        return builder.add("reshape", node, static=(math.prod(shape),))

    def _part(self, nodes: list[int]) -> int:
        """The array of nodes of one form; a scalar where all are one."""
        form = self.forms.of[nodes[0]]
        if self.graph.codes[nodes[0]] == CONST:
            return self._numbers([self.graph.static[i] for i in nodes])
        node = self.place[form]
        if not self.builder.shape(node):
            return node
        if self.graph.shape(nodes[0]):
            return node
        return gathered(self.builder, node, [self.order[i] for i in nodes])

    def _numbers(self, values: list[float]) -> int:
        first, count = values[0], len(values)
        if values.count(first) == count:
            return self.builder.const(first)
        step = values[1] - first
        if [first + k * step for k in range(count)] == values:
            places = self.builder.add("arange", static=(0, count, 1))
            scaled = places if step == 1 else self._scaled(places, step)
            return scaled if not first else self._scaled(scaled, first, "add")
        parts = [self.builder.const(value) for value in values]
        return self.builder.add("stack", *parts, static=0)

    def _scaled(self, node: int, by: float, op: str = "mul") -> int:
        return self.builder.add(op, node, self.builder.const(by))

    def _sum(self, members: list[int]) -> int:
        """Sums over the terms of each form, added up."""
        builder, of = self.builder, self.forms.of
        parts: dict[int, list[int]] = {}
        for i in members:
            for term in self.forms.terms[i]:
                parts.setdefault(of[term], []).append(term)
        total = None
        for terms in parts.values():
            part = self._summed(terms, len(members))
            total = part if total is None else builder.add("add", total, part)
        assert total is not None
        return total

    def _summed(self, terms: list[int], rows: int) -> int:
        builder, count = self.builder, len(terms) // rows
        part = self._part(terms)
        if not builder.shape(part):
            return part if count == 1 else self._scaled(part, float(count))
        if count == 1:
            return part
        if rows > 1:
            part = builder.add("reshape", part, static=(rows, count))
            return builder.add("sum", part, static=((1,), False))
        return builder.add("sum", part, static=(None, False))
