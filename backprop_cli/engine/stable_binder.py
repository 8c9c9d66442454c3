"""Binds points to a program in stable forms."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from backprop_cli.engine.point import Value
from backprop_cli.engine.program import Binder, Bound
from backprop_cli.engine.stable_text import stable_notes
from backprop_cli.ir.graph import Graph
from backprop_cli.transform.stabilise import stabilised


class StableBinder:
    """A binder whose graphs are rewritten to stable forms; that of many points once.

    A form is not looked for across the named nodes of `keep`.
    """

    def __init__(self, binder: Binder, keep: Collection[str] = ()) -> None:
        self.binder = binder
        self.program = binder.program
        self.keep = keep
        self._written: Graph | None = None
        self._graph: Graph | None = None
        self._notes: list[str] = []

    def __call__(self, values: Mapping[str, Value], typed: Collection[str] | None = None) -> Bound:
        """The rewritten graph at a point, with notes of what was rewritten."""
        bound = self.binder(values, typed)
        graph = self.rewritten(bound.graph)
        return bound._replace(graph=graph, notes=[*bound.notes, *self._notes])

    def rewritten(self, graph: Graph) -> Graph:
        """A graph in stable forms."""
        if self._graph is None or self._written is not graph:
            done = stabilised(graph, self.keep)
            self._written, self._graph = graph, done.graph
            self._notes = stable_notes(graph, done)
        return self._graph
