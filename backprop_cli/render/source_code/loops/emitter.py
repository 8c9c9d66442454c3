"""From a graph of arrays to loops over their elements, the arrays kept row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import NamedTuple

from backprop_cli.ir.graph import Graph
from backprop_cli.render.source_code import lines
from backprop_cli.render.source_code.language import ATOM, Language, Text, fill
from backprop_cli.render.source_code.loops.affine import ZERO, Affine, Index, fitted, offset
from backprop_cli.render.source_code.loops.statements import (
    Array,
    Assign,
    Call,
    Loop,
    Statement,
)
from backprop_cli.render.source_code.names import Names

Shape = tuple[int, ...]
VARIABLES = "ijklmpqr"
LONGEST, DEEPEST = 70, 8  # letters and operations of what is computed where it is read


class Form(NamedTuple):
    """How a node is read: an array of its own (`name`), or an element at a time."""

    read: Callable[[Index], Text]
    name: str | None = None
    depth: int = 0


class Emitter:
    """The statements of a function so far, and how each node's elements are read."""

    def __init__(
        self, graph: Graph, language: Language, names: Names, label: Callable[[int], str]
    ) -> None:
        self.graph = graph
        self.language = language
        self.names = names
        self.label = label
        self.forms: dict[int, Form] = {}
        self.body: list[Statement] = []
        self.places: dict[int, int] = {}  # of nodes that are parts of the gradient
        self.variables: list[str] = []
        self.locals: dict[str, list[str]] = {}
        self.in_use: set[str] = set()  # of the locals, in the loops that are open
        self.workspaces: dict[int, str] = {}
        self.depth = 0
        self.kept: set[int] = set()  # nodes that are arrays of their own
        self.within = bytearray()  # 1 for what may be computed where it is read

    def variable(self) -> str:
        """The variable of the next inner loop."""
        while len(self.variables) <= self.depth:
            k = len(self.variables)
            self.variables.append(self.names.take(VARIABLES[k % len(VARIABLES)]))
        return self.variables[self.depth]

    def local(self, name: str) -> str:
        """A name for a number; inside a loop, one that was used in a loop before."""
        if not self.depth:
            return self.names.numbered(name)
        known = self.locals.setdefault(name, [])
        free = next((word for word in known if word not in self.in_use), None)
        if free is None:
            free = self.names.numbered(name)
            known.append(free)
        self.in_use.add(free)
        return free

    def number(self, value: float) -> Text:
        code = self.language.number(value)
        return Text(self.language, code, self.language.negative if code[:1] == "-" else ATOM)

    def word(self, code: str) -> Text:
        return Text(self.language, code)

    def op(self, name: str, *x: Text) -> Text:
        return fill(self.language, self.language.rows[name], list(x))

    def at(self, node: int, index: Index) -> Text:
        """The element of a node at an index of its own shape."""
        return self.forms[node].read(index)

    def scalar(self, node: int) -> Text:
        return self.at(node, ())

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What is written inside is only looked at."""
        outer, self.body = self.body, []
        self.depth += 1
        in_use = set(self.in_use)
        yield
        self.depth -= 1
        self.body, self.in_use = outer, in_use

    @contextmanager
    def loop(self, count: int) -> Iterator[Affine]:
        """The statements that are made inside stand in a loop; of one turn, there is no loop."""
        if count == 1:
            yield ZERO
            return
        variable, outer = self.variable(), self.body
        self.body = []
        self.depth += 1
        yield Affine.of(variable)
        self.depth -= 1
        if not self.depth:
            self.in_use.clear()
        outer.append(Loop(variable, count, self.body))
        self.body = outer

    @contextmanager
    def nest(self, shape: Shape) -> Iterator[Index]:
        """Loops over all the indices of a shape."""
        if not shape:
            yield ()
            return
        with self.loop(shape[0]) as first, self.nest(shape[1:]) as rest:
            yield (first, *rest)

    def assign(self, target: str, value: Text, sign: str = "=") -> None:
        self.body.append(Assign(target, f"{value}", sign=sign))

    def constant(self, name: str, value: Text) -> Text:
        """A value under a name of its own."""
        word = self.local(name) if self.depth else self.names.take(name)
        self.body.append(
            Assign(word, f"{value:c}" if value.truth else f"{value}", True, truth=value.truth)
        )
        return Text(self.language, word, truth=value.truth)

    def accumulator(self, name: str, start: Text) -> str:
        """The name of a number that the loops after it change."""
        word = self.local(name)
        self.body.append(Assign(word, f"{start}", new=True, varies=True))
        return word

    def call(self, helper: str, *arguments: object) -> None:
        self.body.append(Call(f"{helper}({', '.join(f'{a}' for a in arguments)})"))

    def array(self, shape: Shape, name: str, place: int | None = None) -> str:
        """A new array, for a node or for work."""
        word = self.names.take(name)
        self.body.append(Array(word, prod(shape), place))
        return word

    def work(self, size: int) -> str:
        """An array that is overwritten, made where there is none of that size yet."""
        if size not in self.workspaces:
            self.workspaces[size] = self.names.numbered("work")
            self.body.append(Array(self.workspaces[size], size))
        return self.workspaces[size]

    def clear(self, name: str, size: int) -> None:
        """Zeros in all of an array."""
        with self.loop(size) as k:
            self.assign(f"{name}[{k}]", self.number(0.0))

    def own(self, node: int) -> str:
        """The array of a node, to be filled in by the caller; a scalar has none."""
        word = self.array(self.graph.shape(node), self.label(node), self.places.get(node))
        self.keep(node, word)
        return word

    def keep(self, node: int, name: str) -> None:
        """From now on the node is read from an array."""
        shape = self.graph.shape(node)

        def read(index: Index) -> Text:
            return self.word(self.element(name, index, shape))

        self.forms[node] = Form(read, name)

    def element(self, name: str, index: Index, shape: Shape) -> str:
        return f"{name}[{offset(index, shape)}]"

    def settle(self, node: int, value: Text) -> None:
        """A scalar node as a value with a name, or as the value where that is one or is short."""
        short = len(value.code) <= lines.LONGEST and value.depth <= lines.DEEPEST
        kept = value.code.isidentifier() or (short and self.within[node])
        if kept and node not in self.graph.names:
            self.forms[node] = Form(lambda index: value, depth=value.depth)
        else:
            word = self.constant(self.label(node), value)
            self.forms[node] = Form(lambda index: word)

    def is_single(self, node: int) -> bool:
        """Whether a node is an array of one number that need not be kept as an array."""
        return prod(self.graph.shape(node)) == 1 and node not in self.kept

    def apply(self, node: int, index: Index) -> Text:
        """The element of an elementwise operation's result at an index."""
        graph, op = self.graph, self.graph.op(node)
        fields: dict[str, str] = {}
        if op.name in self.language.statics:
            fields = self.language.statics[op.name](graph.static.get(node), [], ())
        x = [self.at(a, fitted(index, graph.shape(a))) for a in graph.arguments(node)]
        return fill(self.language, self.language.rows[op.name], x, **fields)

    def store(self, node: int, read: Callable[[Index], Text]) -> None:
        """A node as an array, each element what `read` says."""
        shape = self.graph.shape(node)
        flat = self.is_flat(node, shape)
        name = self.own(node)
        with self.all_of(shape, flat) as index:
            self.assign(self.element(name, index, shape), read(index))

    @contextmanager
    def all_of(self, shape: Shape, flat: bool) -> Iterator[Index]:
        """All the indices of a shape; if it is `flat`, in one loop, over the last index."""
        if not flat or len(shape) < 2 or shape[-1] == 1:
            with self.nest(shape) as index:
                yield index
            return
        with self.loop(prod(shape)) as k:
            yield (*(ZERO for _ in shape[1:]), k)

    def is_flat(self, node: int, shape: Shape) -> bool:
        """Whether every element is read or computed of the elements at the same place."""
        if node in self.forms and self.forms[node].name is not None:
            return True
        waiting = [node]
        while waiting:
            i = waiting.pop()
            if not self.graph.op(i).elementwise:
                return False
            for a in self.graph.arguments(i):
                mine = self.graph.shape(a)
                if mine and mine != shape:
                    return False
                if mine and self.forms[a].name is None:
                    waiting.append(a)
        return True

    def lazy(self, node: int, read: Callable[[Index], Text], sources: Sequence[int]) -> None:
        """A node that is computed where it is read."""
        depth = 1 + max((self.forms[a].depth for a in sources), default=0)
        self.forms[node] = Form(read, depth=depth)
