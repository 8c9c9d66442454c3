"""The Python API: a program as a function with values, derivatives, paths and pictures."""

from backprop_cli.library.function import Function, from_graph, parse

__all__ = ["Function", "from_graph", "parse"]
