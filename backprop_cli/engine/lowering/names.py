"""What the names of a program mean: variables, parameters, functions; and which code is static.

Static code gives whole numbers for bounds, indices, axes and shapes when the graph is made. The
names in it that the program does not assign are parameters.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple

from backprop_cli.engine.lowering.calls import CONSTANT_NAMES, Calls
from backprop_cli.errors import Span
from backprop_cli.syntax.code import NAME, Code, Function

VALUE, STATIC = 1, 2


class Parameter(NamedTuple):
    """A name that must be bound to a whole number before there is a graph."""

    kind: str  # what it is used as: 'index', 'bound', 'axis', 'shape', ...
    span: Span


class Locals:
    """The names that functions and indices bind, asked at places that only go up."""

    def __init__(self, scopes: list[tuple[int, int, frozenset[str]]], start: int) -> None:
        self.scopes = scopes
        self.next = bisect_left(scopes, start, key=itemgetter(0))
        self.open: list[tuple[int, frozenset[str]]] = []

    def has(self, name: str, place: int) -> bool:
        scopes, k = self.scopes, self.next
        while k < len(scopes) and scopes[k][0] <= place:
            _, end, names = scopes[k]
            while self.open and self.open[-1][0] <= scopes[k][0]:
                self.open.pop()
            self.open.append((end, names))
            k += 1
        self.next = k
        while self.open and self.open[-1][0] <= place:
            self.open.pop()
        return any(name in names for _, names in self.open)


class Names:
    """The analysis of one program's code. Raises NameFault and ArityFault."""

    def __init__(self, code: Code) -> None:
        self.code = code
        calls = Calls(code)
        self.built = calls.built
        self.differentiated = calls.differentiated
        self.own_calls = calls.own_calls
        self.ordered = calls.ordered
        self.uses: dict[str, tuple[int, ...]] = {}  # of each function's parameters
        self.skips: dict[int, tuple[int, str]] = {}  # code that is only static: end and kind
        self.both: dict[int, tuple[int, str]] = {}  # code that is static and a value as well
        self.static_assigned: set[str] = set()
        self.parameters: dict[str, Parameter] = {}
        self.variables: dict[str, Span] = {}  # with the place of the first use
        self.e: Span | None = None  # where `e` is used without being assigned
        self._marks: list[int] = []  # where static code starts, in order
        self._scopes = self._find_scopes()
        self._static_code()
        self._variables()

    # scopes

    def _find_scopes(self) -> list[tuple[int, int, frozenset[str]]]:
        """(start, end, names) of function bodies and of what an index is bound in."""
        code = self.code
        scopes = [(f.start, f.end, frozenset(f.parameters)) for f in code.functions.values()]
        for pc in code.loops:
            loop = code.args[pc]
            scopes.append((loop.start, loop.end, frozenset((loop.index,))))
        return sorted(scopes, key=lambda scope: (scope[0], -scope[1]))

    def _free(self) -> Iterator[tuple[int, str]]:
        """(place, name) of each NAME that is not local, in order."""
        ops, args = self.code.ops, self.code.args
        local = Locals(self._scopes, 0)
        pc = ops.find(NAME)
        while pc >= 0:
            if not local.has(args[pc], pc):
                yield pc, args[pc]
            pc = ops.find(NAME, pc + 1)

    # static code

    def _static_code(self) -> None:
        """Marks the static code, from functions inside out and from the last statement back."""
        code = self.code
        for place in code.subscripts:
            self._mark(self.skips, code.args[place][0], place, "index")
        for place in code.loops:
            self._mark(self.skips, code.args[place].low, place, "bound")
        for built in self.built.values():
            for _, start, end in built.statics:
                self._mark(self.skips, start, end, built.form.static_kind)
        if not self.skips:
            return
        self._marks = sorted(self.skips)
        found: dict[str, Parameter] = {}
        for function in self.ordered:
            self.uses[function.name] = self._uses_of(function, found)
        self._mark_arguments(0, len(code.ops))
        in_order = list(code.values.items())
        end = in_order[-1][1][1] if in_order else 0
        self._static_names(end, len(code.ops), found)
        for name, (start, end) in reversed(in_order):
            if name in found:
                self.static_assigned.add(name)
                self._mark(self.both, start, end, found[name].kind)
            self._static_names(start, end, found)
        self.parameters = {
            name: parameter
            for name, parameter in found.items()
            if name not in code.assigned and name not in CONSTANT_NAMES and name != "e"
        }

    def _mark(self, regions: dict[int, tuple[int, str]], start: int, end: int, kind: str) -> None:
        known = regions.get(start)
        if known is None or end > known[0]:
            regions[start] = (end, kind)
        if known is None and self._marks:
            insort(self._marks, start)

    def _mark_arguments(self, start: int, end: int) -> None:
        """Marks the arguments that the program's functions use statically."""
        for pc in self.own_calls[bisect_left(self.own_calls, start) :]:
            if pc >= end:
                break
            call = self.code.args[pc]
            kinds = self.uses.get(call.name, ())
            for k, use in enumerate(kinds):
                if use & STATIC:
                    regions = self.both if use & VALUE else self.skips
                    self._mark(regions, call.bounds[k], call.bounds[k + 1], "index")

    def _uses_of(self, function: Function, found: dict[str, Parameter]) -> tuple[int, ...]:
        """How the body uses each parameter; adds the other names in its static code to `found`."""
        self._mark_arguments(function.start, function.end)
        uses = dict.fromkeys(function.parameters, 0)
        local = Locals(self._scopes, function.start + 1)
        for pc, name, use, kind in self._occurrences(function.start, function.end):
            if local.has(name, pc):
                continue
            if name in uses:
                uses[name] |= use
            elif use & STATIC:
                found.setdefault(name, Parameter(kind, Span(*self.code.spans[pc])))
        return tuple(uses.values())

    def _static_names(self, start: int, end: int, found: dict[str, Parameter]) -> None:
        """Adds the names in the static code of one statement to `found`."""
        local = Locals(self._scopes, start)
        for pc, name, use, kind in self._occurrences(start, end):
            if not local.has(name, pc) and use & STATIC:
                found.setdefault(name, Parameter(kind, Span(*self.code.spans[pc])))

    def _occurrences(self, start: int, end: int) -> Iterator[tuple[int, str, int, str]]:
        """(place, name, how it is used, what for) of the names in a part of the code."""
        marks = self._marks
        k = bisect_left(marks, start)
        if k == len(marks) or marks[k] >= end:
            return
        open_kinds: list[tuple[int, str]] = []
        only = both = -1
        ops, args = self.code.ops, self.code.args
        pc = ops.find(NAME, start)
        while 0 <= pc < end:
            while k < len(marks) and marks[k] <= pc:
                for regions in (self.both, self.skips):
                    if marks[k] in regions:
                        stop, kind = regions[marks[k]]
                        open_kinds.append((stop, kind))
                        if regions is self.skips:
                            only = max(only, stop)
                        else:
                            both = max(both, stop)
                k += 1
            while open_kinds and open_kinds[-1][0] <= pc:
                open_kinds.pop()
            use = (STATIC if pc < max(only, both) else 0) | (VALUE if pc >= only else 0)
            yield pc, args[pc], use, open_kinds[-1][1] if open_kinds else ""
            pc = ops.find(NAME, pc + 1)

    # variables

    def _variables(self) -> None:
        code = self.code
        assigned, parameters, found = code.assigned, self.parameters, self.variables
        if self._scopes:
            free = ((name, code.spans[pc]) for pc, name in self._free())
        else:
            free = (
                (name, place)
                for op, name, place in zip(code.ops, code.args, code.spans, strict=True)
                if op == NAME
            )
        for name, place in free:
            if name in found or name in assigned:
                continue
            if name == "e":
                self.e = self.e or Span(*place)
            elif name not in parameters and name not in CONSTANT_NAMES:
                found[name] = Span(*place)
