"""Python, of its standard library's `math` alone: functions that never raise, as IEEE has them."""

from __future__ import annotations

import json
import math
import re

from backprop_cli.render.source_code.language import Language, Row, call, infix, test
from backprop_cli.render.source_code.layout import Layout, nested, parts_of
from backprop_cli.render.source_code.lines import Function
from backprop_cli.render.source_code.loops.function import ArrayFunction
from backprop_cli.render.source_code.loops.helpers import PYTHON as OF_ARRAYS
from backprop_cli.render.source_code.loops.in_scripts import python
from backprop_cli.render.source_code.python_helpers import HELPERS


def number(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "math.nan" if value != value else "-math.inf" if value < 0 else "math.inf"


ROWS: dict[str, Row] = {
    "identity": Row("{0}", 0),
    "stop_grad": Row("{0}", 0),
    "add": infix("+", 5),
    "sub": infix("-", 5),
    "mul": infix("*", 6),
    "div": call("_div", 2),
    "mod": call("_mod", 2),
    "neg": Row("-{0:7}", 7),
    "pow": call("_pow", 2),
    "lt": test("<", 4),
    "le": test("<=", 4),
    "gt": test(">", 4),
    "ge": test(">=", 4),
    "eq": test("==", 4),
    "ne": test("!=", 4),
    "and": Row("{0:c2} and {1:c3}", 2, truth=True),
    "or": Row("{0:c1} or {1:c2}", 1, truth=True),
    "not": Row("not {0:c3}", 3, truth=True),
    "where": Row("{1:1} if {0:c1} else {2:1}", 0),
    "maximum": call("_maximum", 2),
    "minimum": call("_minimum", 2),
    "clip": Row("_minimum(_maximum({0}, {1}), {2})"),
    "sqrt": call("_sqrt"),
    "cbrt": call("math.cbrt"),
    "square": call("_square"),
    "reciprocal": Row("_div(1.0, {0})"),
    "hypot": call("math.hypot", 2),
    "exp": call("_exp"),
    "exp2": call("_exp2"),
    "expm1": call("_expm1"),
    "log": call("_log"),
    "log2": call("_log2"),
    "log10": call("_log10"),
    "log1p": call("_log1p"),
    "xlogy": call("_xlogy", 2),
    "logaddexp": call("_logaddexp", 2),
    "sin": call("_sin"),
    "cos": call("_cos"),
    "tan": call("_tan"),
    "asin": call("_asin"),
    "acos": call("_acos"),
    "atan": call("math.atan"),
    "atan2": call("math.atan2", 2),
    "sinc": call("_sinc"),
    "sinh": call("_sinh"),
    "cosh": call("_cosh"),
    "tanh": call("math.tanh"),
    "asinh": call("math.asinh"),
    "acosh": call("_acosh"),
    "atanh": call("_atanh"),
    "erf": call("math.erf"),
    "erfc": call("math.erfc"),
    "gamma": call("_gamma"),
    "lgamma": call("_lgamma"),
    "digamma": call("_digamma"),
    "polygamma": Row("_polygamma({n}, {0})"),
    "sigmoid": call("_sigmoid"),
    "log_sigmoid": Row("-_softplus(-{0:7})", 7),
    "softplus": call("_softplus"),
    "relu": call("_relu"),
    "leaky_relu": call("_leaky_relu", 2),
    "elu": call("_elu", 2),
    "gelu": call("_gelu"),
    "silu": call("_silu"),
    "abs": call("abs"),
    "sign": call("_sign"),
    "floor": call("_floor"),
    "ceil": call("_ceil"),
    "round": call("_round"),
    "heaviside": call("_heaviside"),
}

_WORDS = """
False None True and as assert async await break class continue def del elif else except finally for
from global if import in is lambda nonlocal not or pass raise return try while with yield match case
type print float len list range reversed abs min max math gradient
"""

LANGUAGE = Language(
    name="python",
    title="Python",
    rows=ROWS,
    number=number,
    as_number=Row("float({0})"),
    as_truth=Row("{0:5} != 0", 4, truth=True),
    negative=7,
    helpers=HELPERS | OF_ARRAYS,
    keywords=frozenset(_WORDS.split()),
    loops=True,
    comment="#",
    statics={"polygamma": lambda static, shapes, out: {"n": repr(static)}},
)


def layout(made: Function | ArrayFunction) -> Layout:
    """The file and, for a self-test, the lines that call the function on numbers from stdin."""
    if isinstance(made, ArrayFunction):
        lines, results = python(made)
    else:
        lines, results = _named(made)
    gradient = ", ".join(
        f"{json.dumps(block.name, ensure_ascii=False)}: {text}"
        for block, text in zip(made.export.gradient, results, strict=True)
    )
    body = [f"def {made.name}({', '.join(a.name for a in made.arguments)}):"]
    body += ['    """The value, and the gradient by name."""', *lines]
    body += [f"    return {made.value}, {{{gradient}}}"]
    text = "\n".join(body) + "\n"
    needed = made.language.needed(text)
    rest = "".join(f"\n\n{made.language.helpers[name]}\n" for name in needed) + f"\n\n{text}"
    imports = "import math\n" if re.search(r"\bmath\.", rest) else ""
    code = (parts_of(made, "#") + imports + rest).lstrip("\n")
    return Layout(code, code + DRIVER.format(name=made.name, shapes=_shapes(made)))


def _named(made: Function) -> tuple[list[str], list[str]]:
    """The statements, behind the elements of arrays by name; and the derivatives."""
    lines = [
        f"    {nested(argument.elements, argument.block.shape, '()')} = {argument.name}"
        for argument in made.arguments
        if argument.block.shape
    ]
    lines += [f"    {s.name} = {s.code}" for s in made.statements]
    results = [
        nested(parts, block.shape, "[]")
        for block, parts in zip(made.export.gradient, made.gradient, strict=True)
    ]
    return lines, results


def _shapes(made: Function | ArrayFunction) -> str:
    return repr([argument.block.shape for argument in made.arguments])


DRIVER = """

def _read(shape, numbers):
    if not shape:
        return next(numbers)
    return [_read(shape[1:], numbers) for _ in range(shape[0])]


def _numbers(item):
    if isinstance(item, list):
        return [x for part in item for x in _numbers(part)]
    return [item]


if __name__ == "__main__":
    import sys

    for line in sys.stdin:
        numbers = map(float, line.split())
        value, gradient = {name}(*[_read(shape, numbers) for shape in {shapes}])
        print(*map(repr, [value, *_numbers(list(gradient.values()))]))
"""
