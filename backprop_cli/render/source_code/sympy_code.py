"""SymPy: a script that builds the value and the gradient as expressions, and a function of them."""

from __future__ import annotations

import json
import math

from backprop_cli.render.source_code.language import Language, Row, call, infix
from backprop_cli.render.source_code.layout import Layout, nested, parts_of
from backprop_cli.render.source_code.lines import Function
from backprop_cli.render.source_code.numpy_code import WORDS


def number(value: float) -> str:
    if value != value:
        return "undefined"  # a symbol: SymPy refuses to order expressions that hold its nan
    if math.isinf(value):
        return "-sp.oo" if value < 0 else "sp.oo"
    whole = value == math.floor(value) and abs(value) < 1e15
    return f"sp.Integer({int(value)})" if whole else f"sp.Float({value!r})"


def both(name: str) -> Row:
    """A relation, a truth value of SymPy's own."""
    return Row(f"sp.{name}({{0}}, {{1}})", truth=True)


ROWS: dict[str, Row] = {
    "identity": Row("{0}", 0),
    "stop_grad": Row("{0}", 0),
    "add": infix("+", 5),
    "sub": infix("-", 5),
    "mul": infix("*", 6),
    "div": infix("/", 6),
    "mod": call("sp.Mod", 2),
    "neg": Row("-{0:7}", 7),
    "pow": Row("{0:9} ** {1:9}", 8),
    "lt": both("Lt"),
    "le": both("Le"),
    "gt": both("Gt"),
    "ge": both("Ge"),
    "eq": both("Eq"),
    "ne": both("Ne"),
    "and": Row("sp.And({0:c}, {1:c})", truth=True),
    "or": Row("sp.Or({0:c}, {1:c})", truth=True),
    "not": Row("sp.Not({0:c})", truth=True),
    "where": Row("sp.Piecewise(({1}, {0:c}), ({2}, True))"),
    "maximum": call("sp.Max", 2),
    "minimum": call("sp.Min", 2),
    "clip": Row("sp.Min(sp.Max({0}, {1}), {2})"),
    "sqrt": call("sp.sqrt"),
    "cbrt": Row("sp.sign({0}) * sp.Abs({0}) ** sp.Rational(1, 3)", 6),
    "square": Row("{0:9} ** 2", 8),
    "reciprocal": Row("1 / {0:7}", 6),
    "hypot": Row("sp.sqrt({0:9} ** 2 + {1:9} ** 2)"),
    "exp": call("sp.exp"),
    "exp2": Row("2 ** {0:9}", 8),
    "expm1": Row("sp.exp({0}) - 1", 5),
    "log": call("sp.log"),
    "log2": Row("sp.log({0}, 2)"),
    "log10": Row("sp.log({0}, 10)"),
    "log1p": Row("sp.log(1 + {0:6})"),
    "xlogy": Row("sp.Piecewise((0, sp.Eq({0}, 0)), ({0:6} * sp.log({1}), True))"),
    "logaddexp": Row("sp.log(sp.exp({0}) + sp.exp({1}))"),
    "sin": call("sp.sin"),
    "cos": call("sp.cos"),
    "tan": call("sp.tan"),
    "asin": call("sp.asin"),
    "acos": call("sp.acos"),
    "atan": call("sp.atan"),
    "atan2": call("sp.atan2", 2),
    "sinc": Row("sp.sinc(sp.pi * {0:7})"),
    "sinh": call("sp.sinh"),
    "cosh": call("sp.cosh"),
    "tanh": call("sp.tanh"),
    "asinh": call("sp.asinh"),
    "acosh": call("sp.acosh"),
    "atanh": call("sp.atanh"),
    "erf": call("sp.erf"),
    "erfc": call("sp.erfc"),
    "gamma": call("sp.gamma"),
    "lgamma": Row("sp.log(sp.Abs(sp.gamma({0})))"),
    "digamma": call("sp.digamma"),
    "polygamma": Row("sp.polygamma({n}, {0})"),
    "sigmoid": Row("1 / (1 + sp.exp(-{0:7}))", 6),
    "log_sigmoid": Row("-sp.log(1 + sp.exp(-{0:7}))", 7),
    "softplus": Row("sp.log(1 + sp.exp({0}))"),
    "relu": Row("sp.Max({0}, 0)"),
    "leaky_relu": Row("sp.Piecewise(({0}, {0} > 0), ({1:6} * {0:7}, True))"),
    "elu": Row("sp.Piecewise(({0}, {0} > 0), ({1:6} * (sp.exp({0}) - 1), True))"),
    "gelu": Row("{0:7} * sp.erfc(-{0:7} / sp.sqrt(2)) / 2", 6),
    "silu": Row("{0:7} / (1 + sp.exp(-{0:7}))", 6),
    "abs": call("sp.Abs"),
    "sign": call("sp.sign"),
    "floor": call("sp.floor"),
    "ceil": call("sp.ceiling"),
    "round": call("_round"),
    "heaviside": Row("sp.Heaviside({0}, sp.Rational(1, 2))"),
}

HELPERS = {
    "_round": """\
def _round(x):
    # halves to even
    low = sp.floor(x)
    up = sp.Or(x - low > sp.Rational(1, 2), sp.And(sp.Eq(x - low, sp.Rational(1, 2)),
                                                   sp.Eq(sp.Mod(low, 2), 1)))
    return sp.Piecewise((low + 1, up), (low, True))"""
}

LANGUAGE = Language(
    name="sympy",
    title="SymPy",
    rows=ROWS,
    number=number,
    as_number=Row("sp.Piecewise((1, {0}), (0, True))"),
    as_truth=Row("sp.Ne({0}, 0)", truth=True),
    negative=7,
    helpers=HELPERS,
    keywords=frozenset(WORDS.split()) | {"sp", "undefined", "value"},
    comment="#",
    statics={"polygamma": lambda static, shapes, out: {"n": repr(static)}},
)


def layout(made: Function) -> Layout:
    """The script: symbols, `value`, `gradient`, and a numeric function of both."""
    helpers = made.language.needed(" ".join(s.code for s in made.statements) + made.value)
    symbols = [
        f'{word} = sp.Symbol("{word}", real=True)'
        for argument in made.arguments
        for word in argument.elements
    ]
    words = [word for argument in made.arguments for word in argument.elements]
    gradient = ", ".join(
        f"{json.dumps(block.name, ensure_ascii=False)}: {nested(parts, block.shape, '[]')}"
        for block, parts in zip(made.export.gradient, made.gradient, strict=True)
    )
    parts = [part for group in made.gradient for part in group]
    body = "".join(f"\n\n{made.language.helpers[name]}\n\n" for name in helpers)
    body += "\n".join([*symbols, *(f"{s.name} = {s.code}" for s in made.statements)])
    listed = f"{', '.join(words)}{',' if len(words) == 1 else ''}"
    results = ", ".join(["value", *parts])
    modules = ""
    if "undefined" in body:
        body = 'undefined = sp.Symbol("undefined")  # where there is no real number\n' + body
        modules = ', modules=[{"undefined": float("nan")}, "scipy", "numpy"]'
    ending = [
        *([f"value = {made.value}"] if made.value != "value" else []),
        f"gradient = {{{gradient}}}",
        f"{made.name} = sp.lambdify([{listed.rstrip(',')}], [{results}]{modules})",
    ]
    note = f"{made.name}({', '.join(words)}) gives the value, then the derivatives, in this order"
    text = parts_of(made, "#", note) + "import sympy as sp\n\n" + body + "\n" + "\n".join(ending)
    return Layout(text + "\n", text + "\n" + DRIVER.replace("NAME", made.name))


DRIVER = """
import sys

for line in sys.stdin:
    numbers = [float(word) for word in line.split()]
    print(*(repr(float(x)) for x in NAME(*numbers)))
"""
