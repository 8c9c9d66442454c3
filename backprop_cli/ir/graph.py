"""The graph: flat, immutable, in execution order, a structure of arrays."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple

from backprop_cli.errors import NameFault, Span
from backprop_cli.ir.ops import BY_NAME, OPERATIONS, Operation

Shape = tuple[int, ...]
Output = tuple[str | None, int]

NONE, MORE = -1, -2
INPUT = BY_NAME["input"].code
CONST = BY_NAME["const"].code
IDENTITY = BY_NAME["identity"].code
_SCALAR_CODES = frozenset(row.code for row in OPERATIONS if row.elementwise) | {INPUT, CONST}


class Node(NamedTuple):
    """A view of one node, made on request."""

    index: int  # type: ignore[assignment]
    op: Operation
    arguments: tuple[int, ...]
    static: Any
    name: str | None
    shape: Shape


class Graph:
    """A computational graph: node `i` applies `op(i)` to earlier nodes.

    An edge is an argument position, so `x*x` has two edges from one node. Arguments stand in two
    columns, `first` and `second`: NONE (-1) where there is no such argument; a node of more than
    two has MORE (-2) as its second, and all of them in `rest`. Only shapes that are not scalar are
    in `shapes`; `static` holds a constant's value, a reduction's axes, an index. `active` is not 0
    where a node depends on a variable (see `activity`). `adjoint_of` maps a node that is an adjoint
    to the node whose adjoint it is; most graphs have none.
    """

    __slots__ = (
        "_by_name",
        "_labels",
        "_scalar",
        "active",
        "adjoint_of",
        "codes",
        "first",
        "inputs",
        "names",
        "notes",
        "outputs",
        "parameters",
        "rest",
        "second",
        "shapes",
        "source",
        "spans",
        "static",
    )

    def __init__(
        self,
        codes: array[int],
        first: array[int],
        second: array[int],
        rest: dict[int, tuple[int, ...]],
        active: bytearray,
        static: dict[int, Any],
        names: dict[int, str],
        shapes: dict[int, Shape],
        spans: dict[int, list[Span]],
        inputs: Sequence[int],
        outputs: Iterable[Output],
        source: str = "",
        parameters: Mapping[str, float] | None = None,
        notes: Iterable[str] = (),
        adjoint_of: dict[int, int] | None = None,
    ) -> None:
        self.codes = codes
        self.first = first
        self.second = second
        self.rest = rest
        self.active = active
        self.static = static
        self.names = names
        self.shapes = shapes
        self.spans = spans
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.source = source
        self.parameters = dict(parameters or {})
        self.notes = tuple(notes)
        self.adjoint_of = adjoint_of or {}
        self._by_name: dict[str, int] | None = None
        self._labels: list[str] | None = None
        self._scalar: bool | None = None

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[Node]:
        return map(self.node, range(len(self)))

    def __repr__(self) -> str:
        names = ", ".join(self.names[i] for i in self.inputs[:6])
        more = ", ..." if len(self.inputs) > 6 else ""
        return f"<Graph of {len(self)} nodes in {names}{more}>"

    def node(self, i: int) -> Node:
        return Node(
            i,
            self.op(i),
            self.arguments(i),
            self.static.get(i),
            self.names.get(i),
            self.shape(i),
        )

    def op(self, i: int) -> Operation:
        return OPERATIONS[self.codes[i]]

    def arguments(self, i: int) -> tuple[int, ...]:
        return arguments(self.first[i], self.second[i], self.rest, i)

    def shape(self, i: int) -> Shape:
        return self.shapes.get(i, ())

    @property
    def is_scalar(self) -> bool:
        """Whether every node is a scalar of an elementwise operation."""
        if self._scalar is None:
            self._scalar = not self.shapes and set(self.codes) <= _SCALAR_CODES
        return self._scalar

    @property
    def by_name(self) -> dict[str, int]:
        if self._by_name is None:
            self._by_name = {name: i for i, name in self.names.items()}
        return self._by_name

    def labels(self) -> list[str]:
        """A short id for each node: its name, or else v1, v2, ...; k1, ... for constants."""
        if self._labels is None:
            taken = self.by_name
            counts = {"v": 0, "k": 0}
            labels = []
            for i, code in enumerate(self.codes):
                label = self.names.get(i)
                if label is None:
                    letter = "k" if code == CONST else "v"
                    counts[letter] += 1
                    label = f"{letter}{counts[letter]}"
                    while label in taken:
                        label += "_"
                labels.append(label)
            self._labels = labels
        return self._labels

    def find(self, label: str) -> int | None:
        """The node with a name, or else with an id of `labels`."""
        found = self.by_name.get(label)
        if found is not None or label[:1] not in ("v", "k"):
            return found
        try:
            return self.labels().index(label)
        except ValueError:
            return None

    def output(self, name: str | None = None) -> int:
        """The only output, or the one with that name."""
        for label, node in self.outputs:
            if name is None or label == name:
                return node
        raise NameFault(f"no output is called '{name}'")

    def with_outputs(self, outputs: Iterable[Output]) -> Graph:
        """The same nodes, with other outputs."""
        other = copy(self)
        other.outputs = tuple(outputs)
        return other

    def activity(self, wrt: Iterable[int]) -> bytearray:
        """Not 0 where a node depends on a node of `wrt`; see `active`."""
        wanted = set(wrt)
        if wanted == set(self.inputs):
            return self.active
        return activity(self.first, self.second, self.rest, wanted)


def arguments(first: int, second: int, rest: dict[int, tuple[int, ...]], i: int) -> tuple[int, ...]:
    """The arguments of node `i`, from its columns."""
    if second >= 0:
        return (first, second)
    if second == MORE:
        return rest[i]
    return () if first == NONE else (first,)


def activity(
    first: array[int], second: array[int], rest: dict[int, tuple[int, ...]], wrt: Iterable[int]
) -> bytearray:
    """Which nodes depend on a node of `wrt`, as bits.

    4 for those nodes themselves; 1 where the first argument does, 2 where the second does; of a
    node of more than two arguments, 1 where any does.
    """
    active = bytearray(len(first))
    wanted = set(wrt)
    for i in wanted:
        active[i] = 4
    start = min(wanted, default=len(first))
    for i, a, b in zip(range(start, len(first)), first[start:], second[start:], strict=True):
        if b >= 0:
            if active[a]:
                active[i] |= 1
            if active[b]:
                active[i] |= 2
        elif b == MORE:
            if any(active[k] for k in rest[i]):
                active[i] |= 1
        elif a >= 0 and active[a]:
            active[i] |= 1
    return active
