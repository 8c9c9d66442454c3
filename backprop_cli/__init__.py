"""The calculus of computational graphs, as a library.

>>> import backprop_cli as bp
>>> f = bp.parse("x*y + sin(x)")
>>> f.grad(x=0, y=2)
{'x': 3.0, 'y': 0.0}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backprop_cli.engine.paths import PathReport
    from backprop_cli.engine.trace import Trace
    from backprop_cli.errors import BpropError
    from backprop_cli.ir.builder import Builder
    from backprop_cli.ir.graph import Graph, Node
    from backprop_cli.library import Function, from_graph, parse

__version__ = "0.2.0"

# what is exported, and where it is: imported when it is first asked for
_PLACES = {
    "BpropError": "backprop_cli.errors",
    "Builder": "backprop_cli.ir.builder",
    "Function": "backprop_cli.library",
    "Graph": "backprop_cli.ir.graph",
    "Node": "backprop_cli.ir.graph",
    "PathReport": "backprop_cli.engine.paths",
    "Trace": "backprop_cli.engine.trace",
    "from_graph": "backprop_cli.library",
    "parse": "backprop_cli.library",
}

__all__ = [
    "BpropError",
    "Builder",
    "Function",
    "Graph",
    "Node",
    "PathReport",
    "Trace",
    "__version__",
    "from_graph",
    "parse",
]


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module 'backprop_cli' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(place), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
