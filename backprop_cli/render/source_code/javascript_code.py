"""JavaScript: a function that runs as a script, in Node.js, or pasted into a module."""

from __future__ import annotations

import json
import math

from backprop_cli.render.source_code.c_code import ROWS as C_ROWS
from backprop_cli.render.source_code.c_code import order
from backprop_cli.render.source_code.javascript_helpers import HELPERS
from backprop_cli.render.source_code.language import Language, Row, call, test
from backprop_cli.render.source_code.layout import Layout, nested, parts_of
from backprop_cli.render.source_code.lines import Function
from backprop_cli.render.source_code.loops.function import ArrayFunction
from backprop_cli.render.source_code.loops.in_scripts import javascript


def number(value: float) -> str:
    if math.isfinite(value):
        return repr(value).removesuffix(".0")
    return "NaN" if value != value else "-Infinity" if value < 0 else "Infinity"


_MATH = """
cbrt hypot exp expm1 log log2 log10 log1p sin cos tan asin acos atan atan2 sinh cosh tanh asinh
acosh atanh floor ceil abs
"""
_OURS = "mod maximum minimum square xlogy logaddexp sinc erf erfc gamma lgamma digamma sigmoid"
_OURS += " softplus relu leaky_relu elu gelu silu sign round heaviside pow"
_TWO = {"hypot", "atan2", "mod", "maximum", "minimum", "xlogy", "logaddexp", "leaky_relu", "elu"}
_TWO |= {"pow"}

# like C, but for the names of functions and the equality of numbers
ROWS: dict[str, Row] = {
    **C_ROWS,
    **{name: call(f"Math.{name}", 1 + (name in _TWO)) for name in _MATH.split()},
    **{name: call(f"bp_{name}", 1 + (name in _TWO)) for name in _OURS.split()},
    "eq": test("===", 3),
    "ne": test("!==", 3),
    "sqrt": call("Math.sqrt"),
    "reciprocal": Row("1 / {0:7}", 6),
    "exp2": Row("bp_pow(2, {0})"),
}

_WORDS = """
abstract arguments await async boolean break byte case catch char class const continue debugger
default delete do double else enum eval export extends false final finally float for function get
goto if implements import in instanceof int interface let long native new null of package private
protected public return set short static super switch synchronized this throw throws transient true
try typeof undefined var void volatile while with yield Math Number Array Infinity NaN Object module
require process globalThis gradient
"""

LANGUAGE = Language(
    name="javascript",
    title="JavaScript",
    rows=ROWS,
    number=number,
    as_number=Row("Number({0})"),
    as_truth=Row("{0:4} !== 0", 3, truth=True),
    negative=7,
    helpers=HELPERS,
    keywords=frozenset(_WORDS.split()),
    loops=True,
    comment="//",
    statics={"polygamma": order},
)


def layout(made: Function | ArrayFunction) -> Layout:
    """The file; and with it a main part that reads points from stdin."""
    body = [f"function {made.name}({', '.join(a.name for a in made.arguments)}) {{"]
    if isinstance(made, ArrayFunction):
        lines, results = javascript(made)
    else:
        lines, results = _named(made)
    gradient = ", ".join(
        f"{key(block.name)}: {text}"
        for block, text in zip(made.export.gradient, results, strict=True)
    )
    result = f"value: {made.value}" if made.value != "value" else "value"
    body += [
        *lines,
        f"  return {{ {result}, gradient: {{{f' {gradient} ' if gradient else ''}}} }};",
    ]
    text = "\n".join([*body, "}"])
    helpers = "".join(f"{made.language.helpers[name]}\n\n" for name in made.language.needed(text))
    note = f'Returns {{ value, gradient }}; for import, put "export" before function {made.name}.'
    code = f'{parts_of(made, "//", note)}"use strict";\n\n{helpers}{text}'
    code += f'\n\nif (typeof module !== "undefined") module.exports = {{ {made.name} }};\n'
    shapes = json.dumps([argument.block.shape for argument in made.arguments])
    return Layout(code, code + DRIVER.replace("NAME", made.name).replace("SHAPES", shapes))


def _named(made: Function) -> tuple[list[str], list[str]]:
    """The statements, behind the elements of arrays by name; and the derivatives."""
    lines = []
    for argument in made.arguments:
        if argument.block.shape:
            opened = nested(argument.elements, argument.block.shape, "[]")
            lines.append(f"  const {opened} = {argument.name};")
    lines += [f"  const {s.name} = {s.code};" for s in made.statements]
    results = [
        nested(parts, block.shape, "[]")
        for block, parts in zip(made.export.gradient, made.gradient, strict=True)
    ]
    return lines, results


def key(name: str) -> str:
    """A property's name; the one that would set a prototype is computed."""
    text = json.dumps(name, ensure_ascii=False)
    return f"[{text}]" if name == "__proto__" else text


DRIVER = """
function read(shape, numbers) {
  if (shape.length === 0) return numbers.shift();
  return Array.from({ length: shape[0] }, () => read(shape.slice(1), numbers));
}

const special = { inf: Infinity, "-inf": -Infinity, nan: NaN };
for (const line of require("fs").readFileSync(0, "utf8").split("\\n").slice(0, -1)) {
  const words = line.split(" ").filter((word) => word !== "");
  const numbers = words.map((word) => (word in special ? special[word] : Number(word)));
  const result = NAME(...SHAPES.map((shape) => read(shape, numbers)));
  const results = [result.value, ...Object.values(result.gradient).flat(Infinity)];
  console.log(results.map((x) => (Object.is(x, -0) ? "-0" : String(x))).join(" "));
}
"""
