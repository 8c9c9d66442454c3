"""C99: a function of <math.h> alone that returns the value and fills in the gradient."""

from __future__ import annotations

import math

from backprop_cli.ir.shapes import show
from backprop_cli.render.source_code.c_family import SHARED
from backprop_cli.render.source_code.language import Language, Row, call, infix, test
from backprop_cli.render.source_code.layout import Layout, heading
from backprop_cli.render.source_code.lines import Argument, Function
from backprop_cli.render.source_code.loops.function import ArrayFunction
from backprop_cli.render.source_code.loops.helpers import SHARED as OF_ARRAYS
from backprop_cli.render.source_code.loops.in_c import looped
from backprop_cli.render.source_code.names import source_lines


def number(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NAN" if value != value else "-INFINITY" if value < 0 else "INFINITY"


ROWS: dict[str, Row] = {
    "identity": Row("{0}", 0),
    "stop_grad": Row("{0}", 0),
    "add": infix("+", 5),
    "sub": infix("-", 5),
    "mul": infix("*", 6),
    "div": infix("/", 6),
    "mod": call("bp_mod", 2),
    "neg": Row("-{0:8}", 7),
    "pow": call("pow", 2),
    "lt": test("<", 4),
    "le": test("<=", 4),
    "gt": test(">", 4),
    "ge": test(">=", 4),
    "eq": test("==", 3),
    "ne": test("!=", 3),
    "and": Row("{0:c3} && {1:c3}", 2, truth=True),
    "or": Row("{0:c3} || {1:c3}", 1, truth=True),
    "not": Row("!{0:c8}", 7, truth=True),
    "where": Row("{0:c3} ? {1:1} : {2:1}", 0),
    "maximum": call("bp_maximum", 2),
    "minimum": call("bp_minimum", 2),
    "clip": Row("bp_minimum(bp_maximum({0}, {1}), {2})"),
    "sqrt": call("sqrt"),
    "cbrt": call("cbrt"),
    "square": call("bp_square"),
    "reciprocal": Row("1.0 / {0:7}", 6),
    "hypot": call("hypot", 2),
    "exp": call("exp"),
    "exp2": call("exp2"),
    "expm1": call("expm1"),
    "log": call("log"),
    "log2": call("log2"),
    "log10": call("log10"),
    "log1p": call("log1p"),
    "xlogy": call("bp_xlogy", 2),
    "logaddexp": call("bp_logaddexp", 2),
    "sin": call("sin"),
    "cos": call("cos"),
    "tan": call("tan"),
    "asin": call("asin"),
    "acos": call("acos"),
    "atan": call("atan"),
    "atan2": call("atan2", 2),
    "sinc": call("bp_sinc"),
    "sinh": call("sinh"),
    "cosh": call("cosh"),
    "tanh": call("tanh"),
    "asinh": call("asinh"),
    "acosh": call("acosh"),
    "atanh": call("atanh"),
    "erf": call("erf"),
    "erfc": call("erfc"),
    "gamma": call("tgamma"),
    "lgamma": call("lgamma"),
    "digamma": call("bp_digamma"),
    "polygamma": Row("bp_polygamma({n}, {0})"),
    "sigmoid": call("bp_sigmoid"),
    "log_sigmoid": Row("-bp_softplus(-{0:8})", 7),
    "softplus": call("bp_softplus"),
    "relu": call("bp_relu"),
    "leaky_relu": call("bp_leaky_relu", 2),
    "elu": call("bp_elu", 2),
    "gelu": call("bp_gelu"),
    "silu": call("bp_silu"),
    "abs": call("fabs"),
    "sign": call("bp_sign"),
    "floor": call("floor"),
    "ceil": call("ceil"),
    "round": call("nearbyint"),
    "heaviside": call("bp_heaviside"),
}

_WORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int
long register restrict return short signed sizeof static struct switch typedef union unsigned void
volatile while _Bool _Complex _Imaginary asm typeof bool true false NULL main linux unix fmod
copysign gradient INFINITY NAN HUGE_VAL EOF stdin stdout malloc free memory bp_zeta bp_cotangent
"""
MOST_ORDER = 37  # of polygamma: its helper holds that many coefficients


def order(static: int, shapes: object, out: object) -> dict[str, str]:
    """polygamma's order as text; raises UsageFault beyond what the helper holds."""
    if not 0 <= static <= MOST_ORDER:
        from backprop_cli.errors import UsageFault

        raise UsageFault(
            f"polygamma of order {static} cannot be exported; at most {MOST_ORDER} can",
            help="--to numpy takes any order",
        )
    return {"n": str(static)}


LANGUAGE = Language(
    name="c",
    title="C",
    rows=ROWS,
    number=number,
    as_number=Row("(double){0:8}", 7),
    as_truth=Row("{0:4} != 0.0", 3, truth=True),
    negative=7,
    helpers=SHARED | OF_ARRAYS,
    keywords=frozenset(_WORDS.split()),
    loops=True,
    comment=" *",
    statics={"polygamma": order},
    most=2000,
)


def layout(made: Function | ArrayFunction) -> Layout:
    """The file; and with it a `main` that reads points from stdin."""
    size = sum(block.size for block in made.export.gradient)
    arguments = [*map(_parameter, made.arguments), f"double gradient[{max(size, 1)}]"]
    head = f"double {made.name}({', '.join(arguments)}) {{"
    if len(head) > WIDEST:
        head = f"double {made.name}(\n    " + ",\n    ".join(arguments) + ") {"
    body = [head]
    if isinstance(made, ArrayFunction):
        body += looped(made)
    elif made.large:
        body = [*_in_parts(made), *body, *_calls(made), *_ending(made)]
    else:
        body += [*_named(made), *_ending(made)]
    text = "\n".join([*body, "}"]) + "\n"
    slots = [f"gradient[{_range(first, last)}] is by {name}" for name, first, last in _slots(made)]
    lines = [*heading(made), "", "Returns the value, and writes:", *slots, "C99; link with -lm"]
    comment = "".join(f" * {line}".rstrip() + "\n" for line in lines)
    helpers = "".join(f"{made.language.helpers[name]}\n\n" for name in made.language.needed(text))
    includes = "#include <math.h>\n" + ("#include <stdlib.h>\n" if "malloc(" in text else "")
    code = f"/*\n{comment} */\n{includes}\n{helpers}{text}"
    return Layout(code, code + _driver(made, size))


def _named(made: Function) -> list[str]:
    """The statements, behind the elements of arrays by name."""
    lines = [line for argument in made.arguments for line in _opened(argument)]
    return lines + [
        f"  const {'int' if s.truth else 'double'} {s.name} = {s.code};" for s in made.statements
    ]


def _ending(made: Function) -> list[str]:
    parts = [part for group in made.gradient for part in group]
    lines = [f"  gradient[{k}] = {part};" for k, part in enumerate(parts)]
    return [*(lines or ["  (void)gradient;"]), f"  return {made.value};"]


WIDEST = 100  # letters of a line
PART = 100  # statements of one function: a compiler takes a square of their number in time
ON_STACK = 100_000  # numbers that are kept on the stack


def _in_parts(made: Function) -> list[str]:
    """The statements of a large program, in functions of a few each."""
    lines = []
    for k in range(0, len(made.statements), PART):
        lines.append(f"static void bp_part_{k // PART}(const double *x, double *t) {{")
        lines.append("  (void)x;")
        lines += [f"  {s.name} = {s.code};" for s in made.statements[k : k + PART]]
        lines += ["}", ""]
    parts = ", ".join(f"bp_part_{k}" for k in range(_part_count(made)))
    lines.append("/* in a table, or compilers put them all into one */")
    lines.append(f"static void (*const bp_parts[])(const double *, double *) = {{{parts}}};")
    return [*lines, ""]


def _part_count(made: Function) -> int:
    return -(-len(made.statements) // PART)


def _calls(made: Function) -> list[str]:
    """Their calls, one after the other, on the arguments in one array."""
    sizes = sum(argument.block.size for argument in made.arguments), len(made.statements)
    kept = "static " if sum(sizes) > ON_STACK else ""
    lines = [f"  {kept}double x[{max(sizes[0], 1)}], t[{sizes[1]}];"]
    if kept:
        lines.insert(0, "  /* too large for the stack: one call at a time */")
    place = 0
    for argument in made.arguments:
        for k in range(argument.block.size):
            element = f"[{k}]" if argument.block.shape else ""
            lines.append(f"  x[{place}] = {argument.name}{element};")
            place += 1
    lines.append(f"  for (int k = 0; k < {_part_count(made)}; k += 1) bp_parts[k](x, t);")
    return lines


def _slots(made: Function | ArrayFunction) -> list[tuple[str, int, int]]:
    slots, place = [], 0
    by_name = {argument.block.name: argument.name for argument in made.arguments}
    for block in made.export.gradient:
        name = by_name.get(block.name) or source_lines(block.name)[0]
        what = f"{name}, {show(block.shape)} row by row" if block.shape else name
        slots.append((what, place, place + block.size))
        place += block.size
    return slots


def _range(first: int, last: int) -> str:
    return str(first) if last == first + 1 else f"{first}..{last - 1}"


def _parameter(argument: Argument) -> str:
    if argument.block.shape:
        return f"const double {argument.name}[{max(argument.block.size, 1)}]"
    return f"double {argument.name}"


def _opened(argument: Argument) -> list[str]:
    """The elements of an array by name; and a use of what is not used."""
    if not any(argument.used):
        return [f"  (void){argument.name};"]
    if not argument.block.shape:
        return []
    return [
        f"  const double {element} = {argument.name}[{k}];"
        for k, element in enumerate(argument.elements)
        if argument.used[k]
    ]


def _driver(made: Function | ArrayFunction, count: int) -> str:
    total = sum(argument.block.size for argument in made.arguments)
    words, place = [], 0
    for argument in made.arguments:
        words.append(f"x + {place}" if argument.block.shape else f"x[{place}]")
        place += argument.block.size
    return f"""
#include <stdio.h>
#include <stdlib.h>

static double x[{max(total, 1)}], results[{max(count, 1)}];

int main(void) {{
  for (;;) {{
    static char word[64];
    for (int k = 0; k < {total}; k += 1) {{
      if (scanf("%63s", word) != 1) return 0;
      x[k] = strtod(word, NULL);
    }}
    printf("%.17g", {made.name}({", ".join([*words, "results"])}));
    for (int k = 0; k < {count}; k += 1) printf(" %.17g", results[k]);
    printf("\\n");
    if ({total} == 0) return 0;
  }}
}}
"""
