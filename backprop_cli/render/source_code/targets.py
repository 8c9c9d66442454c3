"""The targets of an export, by name; each is a module, imported when it is asked for."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from backprop_cli.engine.export import apart, export
from backprop_cli.errors import UsageFault
from backprop_cli.ir.graph import Graph
from backprop_cli.render.source_code.layout import Layout
from backprop_cli.render.source_code.lines import Function, function
from backprop_cli.render.source_code.loops.function import ArrayFunction, array_function
from backprop_cli.render.source_code.loops.plan import is_large

LANGUAGES = ("python", "numpy", "jax", "torch", "c", "javascript", "sympy")
DOCUMENTS = ("latex", "mermaid", "dot", "json")
TARGETS = (*LANGUAGES, *DOCUMENTS)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def module_of(target: str) -> Any:
    """The module of a target language; raises UsageFault for an unknown one."""
    if target not in LANGUAGES:
        raise UsageFault(
            f"there is no language '{target}' to export to", help=f"one of {', '.join(TARGETS)}"
        )
    return import_module(f"backprop_cli.render.source_code.{target}_code")


def written(
    graph: Graph, output: int, wrt: Sequence[int] | None, target: str, name: str = "f"
) -> tuple[Function | ArrayFunction, Layout]:
    """The function of a target language, and its file.

    Raises UsageFault for a name that the language cannot give, or an operation that it lacks.
    """
    module = module_of(target)
    language = module.LANGUAGE
    if not _IDENTIFIER.match(name):
        raise UsageFault(
            f"'{name}' cannot be the name of a function", help="ASCII letters, digits and '_'"
        )
    if name in language.reserved() or (target != "c" and keyword.iskeyword(name)):
        raise UsageFault(
            f"'{name}' has a meaning of its own in {language.title}", help=f"--name {name}_1"
        )
    found = export(graph, output, wrt)
    made: Function | ArrayFunction
    if language.arrays or found.graph.is_scalar:
        made = function(found, language, name)
    elif language.loops and is_large(found.graph):
        made = array_function(found, language, name)
    else:
        made = function(apart(found), language, name)
    return made, module.layout(made)


def document(
    graph: Graph, output: int, wrt: Sequence[int] | None, target: str, backward: bool = False
) -> str:
    """The program as LaTeX, or its graph as Mermaid, DOT or JSON, on request with its adjoints."""
    if target == "latex":
        from backprop_cli.render.source_code import latex_code

        return latex_code.text(graph, output, wrt)
    shown = graph
    if backward:
        from backprop_cli.engine.backward import backward_graph

        shown = backward_graph(graph, output, wrt)
    if target == "json":
        import json

        from backprop_cli.ir.saved import to_document

        return json.dumps(to_document(shown), ensure_ascii=False) + "\n"
    if target == "mermaid":
        from backprop_cli.render.source_code import mermaid_code

        return mermaid_code.text(shown)
    if backward:
        from backprop_cli.engine.backward_trace import shown_backward
        from backprop_cli.render.backward import backward_source

        return backward_source(shown_backward(shown))
    from backprop_cli.render import dot

    return dot.graph_source(shown)
