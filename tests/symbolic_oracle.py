"""Random scalar programs as SymPy expressions, from definitions of our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from backprop_cli.ir.graph import CONST, INPUT, Graph

ROWS: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "neg": lambda x: -x,
    "square": lambda x: x**2,
    "identity": lambda x: x,
    "sin": sp.sin,
    "cos": sp.cos,
    "exp": sp.exp,
    "tanh": sp.tanh,
    "atan": sp.atan,
    "asinh": sp.asinh,
    "erf": sp.erf,
    "sigmoid": lambda x: 1 / (1 + sp.exp(-x)),
    "softplus": lambda x: sp.log(1 + sp.exp(x)),
    "log_sigmoid": lambda x: -sp.log(1 + sp.exp(-x)),
    "silu": lambda x: x / (1 + sp.exp(-x)),
    "gelu": lambda x: x * (1 + sp.erf(x / sp.sqrt(2))) / 2,
    "logaddexp": lambda x, y: sp.log(sp.exp(x) + sp.exp(y)),
}


def expression(graph: Graph) -> tuple[Any, dict[str, Any]]:
    """The output as SymPy has it, and its symbols by name; constants are exact."""
    found: list[Any] = []
    symbols: dict[str, Any] = {}
    for i, code in enumerate(graph.codes):
        if code == INPUT:
            symbols[graph.names[i]] = sp.Symbol(graph.names[i], real=True)
            found.append(symbols[graph.names[i]])
        elif code == CONST:
            found.append(sp.Rational(graph.static[i]))
        else:
            found.append(ROWS[graph.op(i).name](*(found[a] for a in graph.arguments(i))))
    return found[graph.outputs[0][1]], symbols


def number(item: Any, symbols: dict[str, Any], point: dict[str, float]) -> float:
    """The value at a point, to 40 digits and then rounded."""
    exact = {symbol: sp.Rational(point[name]) for name, symbol in symbols.items()}
    return float(sp.N(item.subs(exact), 40))
