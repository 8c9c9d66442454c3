"""Derivatives of textbook and physics formulas: length and time beside SymPy's simplify.

    python benchmarks/symbolic.py [--all]

Length is the number of operations of the printed text, counted by one parser for both. Time is
that of one derivative within a running process, the fastest of three.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import sympy

from backprop_cli.engine.lower import load, lower
from backprop_cli.engine.symbolic import symbolic
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.syntax.unparse import unparse

# formula and variable
FORMULAS = [
    line.rsplit("|", 1)
    for line in """
x^3 + 2*x^2 + 3*x + 1|x
(x^2 - 1)/(x^2 + 1)|x
x/(1 + x^2)|x
sqrt(x^2 + 1)|x
x*sqrt(x)|x
x^2*log(x)|x
x*log(x) - x|x
log(x)/x|x
log(x^2 + 1)|x
log(log(x))|x
exp(-x^2)|x
x*exp(-x)|x
exp(x)*sin(x)|x
exp(sin(x^2))|x
sin(x)^2|x
sin(x)*cos(x)|x
cos(2*x + 1)|x
tan(x)|x
sin(x)/x|x
x*exp(-x)*sin(x)|x
atan(x)|x
asin(x)|x
acos(2*x)|x
sinh(x)*cosh(x)|x
tanh(x)|x
asinh(x)|x
x^y|x
x^y|y
2^x|x
(x + 1)^3*(x - 1)^2|x
(1 + x)^2/(1 - x)^2|x
1/(1 + exp(-x))|x
1/(x^2 + y^2)|x
sqrt(x^2 + y^2)|y
x*y/(x + y)|x
exp(x*y)*cos(x)|x
erf(x)|x
gamma(x)|x
log(x + sqrt(x^2 + 1))|x
(a*x + b)/(c*x + d)|x
exp(-(x - m)^2/(2*s^2))/(s*sqrt(2*pi))|x
exp(-(x - m)^2/(2*s^2))/(s*sqrt(2*pi))|s
a*exp(-b*t)*cos(w*t)|t
A*sin(w*t + p)|t
G*m*M/r^2|r
-G*m*M/r|r
k*q*Q/r^2|r
m*c^2/sqrt(1 - v^2/c^2)|v
1/sqrt(1 - v^2/c^2)|v
p^2/(2*m) + k*x^2/2|x
4*D*((s/r)^12 - (s/r)^6)|r
D*(1 - exp(-a*(r - r0)))^2|r
R*T/(V - b) - a/V^2|V
n*R*T/V|V
8*pi*h*c/(l^5*(exp(h*c/(l*k*T)) - 1))|T
V*x/(K + x)|x
V*x^n/(K^n + x^n)|x
V*x/(K + x + x^2/L)|x
r*N*(1 - N/K)|N
K/(1 + (K - N)/N*exp(-r*t))|t
A*exp(-E/(R*T))|T
1/(exp(E/(k*T)) - 1)|T
1/(exp((E - m)/(k*T)) + 1)|E
sqrt(2*g*h)|h
2*pi*sqrt(L/g)|L
v^2*sin(2*a)/g|a
x*tan(a) - g*x^2/(2*v^2*cos(a)^2)|a
1/(1/a + 1/b)|a
P*(1 + r/n)^(n*t)|r
S*exp(-q*t) - K*exp(-r*t)|t
L/R*(1 - exp(-R*t/L))|t
V/sqrt(R^2 + (w*L - 1/(w*C))^2)|w
atan(w*L/R)|w
I*R^2*x/(R^2 + x^2)^(3/2)|x
sin(x)/(1 + cos(x))|x
cos(x)/(1 + sin(x))|x
log(tan(x))|x
log(sin(x))|x
sin(x)^3*cos(x)^2|x
exp(2*x)/(1 + exp(x))|x
(exp(x) - exp(-x))/(exp(x) + exp(-x))|x
sqrt(x + sqrt(x))|x
x^2/sqrt(4 - x^2)|x
(x - 1)/(x + 1)|x
x^3/(x - 1)^2|x
x^x|x
sin(x)^x|x
log(x)^2/x^3|x
cbrt(x^2 + 1)|x
a/(1 + exp(-k*(x - m)))|x
a*x^2*exp(-b*x^2)|x
y*log(p) + (1 - y)*log(1 - p)|p
(y - 1/(1 + exp(-(w*x + b))))^2|w
log(1 + exp(-y*w*x))|w
x1*x2/(x1^2 + x2^2)|x1
""".strip().splitlines()
]
SYMPY = {"cbrt": lambda x: x ** sympy.Rational(1, 3)}


def operations(text: str) -> int:
    """How many operations a text has, written out as a tree."""
    graph = lower(load(text))
    sizes: list[int] = []
    for i in range(len(graph)):
        arguments = graph.arguments(i)
        own = 0 if graph.codes[i] in (CONST, INPUT) else 1
        sizes.append(own + sum(sizes[a] for a in arguments))
    return sizes[graph.outputs[0][1]]


def fastest(run: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def ours(graph: Graph, name: str) -> str:
    return unparse(symbolic(graph, graph.outputs[0][1], [graph.by_name[name]])[0].graph)


def theirs(expression: sympy.Expr, symbol: sympy.Symbol) -> str:
    sympy.core.cache.clear_cache()
    return str(sympy.simplify(sympy.diff(expression, symbol)))


def main() -> None:
    shorter, ratios = 0, []
    for text, name in FORMULAS:
        graph = lower(load(text))
        symbols = {graph.names[i]: sympy.Symbol(graph.names[i]) for i in graph.inputs}
        expression = sympy.sympify(text.replace("^", "**"), locals={**SYMPY, **symbols})
        mine, yours = ours(graph, name), theirs(expression, symbols[name])
        yours = yours.replace("polygamma(0, ", "digamma(")
        mine_time = fastest(lambda g=graph, n=name: ours(g, n))
        your_time = fastest(lambda e=expression, s=symbols[name]: theirs(e, s))
        a, b = operations(mine), operations(yours)
        shorter += a <= b
        ratios.append(mine_time / your_time)
        if ratios[-1] > 0.1:
            print(f"{text}  takes {ratios[-1]:.2f} of SymPy's {your_time * 1e3:.1f} ms")
        if a > b or "--all" in sys.argv:
            print(f"{text}  d/d{name}\n  bprop {a:3}  {mine}\n  sympy {b:3}  {yours}")
    ratios.sort()
    print(f"no longer than SymPy: {shorter} of {len(FORMULAS)} ({shorter / len(FORMULAS):.0%})")
    print(f"time over SymPy's: median {ratios[len(ratios) // 2]:.3f}, largest {ratios[-1]:.2f}")


if __name__ == "__main__":
    main()
