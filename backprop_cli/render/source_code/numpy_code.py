"""NumPy, with SciPy where a program needs its special functions; and the layout JAX shares."""

from __future__ import annotations

import json
import math

from backprop_cli.render.source_code.array_rows import OPERATORS, STATICS
from backprop_cli.render.source_code.language import Language, Row, call
from backprop_cli.render.source_code.layout import Layout, parts_of
from backprop_cli.render.source_code.lines import Function
from backprop_cli.render.source_code.numpy_helpers import NUMPY


def number(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "math.nan" if value != value else "-math.inf" if value < 0 else "math.inf"


ROWS: dict[str, Row] = {
    **OPERATORS,
    "mod": call("np.mod", 2),
    "pow": call("_pow", 2),
    "where": Row("np.where({0:c}, {1}, {2}){item}"),
    "maximum": call("_maximum", 2),
    "minimum": call("_minimum", 2),
    "sqrt": call("np.sqrt"),
    "cbrt": call("np.cbrt"),
    "hypot": call("np.hypot", 2),
    "exp": call("np.exp"),
    "exp2": call("np.exp2"),
    "expm1": call("np.expm1"),
    "log": call("np.log"),
    "log2": call("np.log2"),
    "log10": call("np.log10"),
    "log1p": call("np.log1p"),
    "xlogy": call("_xlogy", 2),
    "logaddexp": call("np.logaddexp", 2),
    "sin": call("np.sin"),
    "cos": call("np.cos"),
    "tan": call("np.tan"),
    "asin": call("np.arcsin"),
    "acos": call("np.arccos"),
    "atan": call("np.arctan"),
    "atan2": call("np.arctan2", 2),
    "sinc": call("_sinc"),
    "sinh": call("np.sinh"),
    "cosh": call("np.cosh"),
    "tanh": call("np.tanh"),
    "asinh": call("np.arcsinh"),
    "acosh": call("np.arccosh"),
    "atanh": call("np.arctanh"),
    "erf": call("scipy.special.erf"),
    "erfc": call("_erfc"),
    "gamma": call("_gamma"),
    "lgamma": call("_lgamma"),
    "digamma": call("_digamma"),
    "polygamma": Row("_polygamma({n}, {0})"),
    "sigmoid": call("_sigmoid"),
    "softplus": call("_softplus"),
    "relu": Row("np.maximum({0}, 0.0)"),
    "leaky_relu": call("_leaky_relu", 2),
    "elu": call("_elu", 2),
    "gelu": call("_gelu"),
    "silu": call("_silu"),
    "abs": call("np.abs"),
    "sign": call("np.sign"),
    "floor": call("np.floor"),
    "ceil": call("np.ceil"),
    "round": call("np.round"),
    "heaviside": call("_heaviside"),
    "sum": Row("np.sum({0}{options})"),
    "prod": Row("np.prod({0}{options})"),
    "mean": Row("np.mean({0}{options})"),
    "var": Row("np.var({0}{options})"),
    "std": Row("np.std({0}{options})"),
    "max": Row("np.max({0}{options})"),
    "min": Row("np.min({0}{options})"),
    "norm": Row("_norm({0}{options})"),
    "logsumexp": Row("_logsumexp({0}{options})"),
    "softmax": Row("_softmax({0}, {axis})"),
    "log_softmax": Row("_log_softmax({0}, {axis})"),
    "outer": call("np.outer", 2),
    "cross": call("np.cross", 2),
    "trace": call("np.trace"),
    "det": call("np.linalg.det"),
    "logdet": call("_logdet"),
    "inv": call("_inv"),
    "solve": call("_solve", 2),
    "cofactor": call("_cofactor"),
    "diag": call("np.diag"),
    "reshape": Row("np.reshape({0}, {to})"),
    "concat": Row("np.concatenate([{all}], axis={axis})"),
    "stack": Row("np.stack([{all}], axis={axis})"),
    "broadcast_to": Row("np.broadcast_to({0}, {to})"),
    "sum_to": Row("_sum_to({0}, {to})"),
    "scatter": Row("_scatter({0}, np.s_[{index}], {to})"),
    "eye": Row("np.eye({n}, {m})"),
    "arange": Row("np.arange({bounds}, dtype=np.float64)"),
}

WORDS = """
False None True and as assert async await break class continue def del elif else except finally for
from global if import in is lambda nonlocal not or pass raise return try while with yield match case
type print float len range abs min max math gradient np numpy scipy jnp jax torch sympy
"""

LANGUAGE = Language(
    name="numpy",
    title="NumPy",
    rows=ROWS,
    number=number,
    as_number=Row("{0:6} * 1.0", 6),
    as_truth=Row("{0:2} != 0", 1, truth=True),
    negative=7,
    helpers=NUMPY,
    keywords=frozenset(WORDS.split()),
    comment="#",
    arrays=True,
    statics=STATICS,
)


class Style:
    """What differs between files of the array libraries."""

    def __init__(
        self,
        imports: dict[str, str],
        opened: str,
        array: str,
        decorator: str = "",
        notes: tuple[str, ...] = (),
        copy: str = "{0}",
        prepared: str = "",
        flat: str = "np.ravel(part)",
    ) -> None:
        self.imports = imports  # the line for each module, if the file has its name
        self.opened = opened  # what makes an array of an argument
        self.array = array  # what makes an array of a constant result
        self.decorator = decorator
        self.notes = notes
        self.copy = copy  # what keeps a result from being an argument's own memory
        self.prepared = prepared  # what the self-test does first
        self.flat = flat


NUMPY_STYLE = Style(
    {"math.": "import math\n", "np.": "import numpy as np\n", "scipy.": "import scipy.special\n"},
    "{0} = np.asarray({0}, dtype=np.float64)[()]",
    "np.float64({0})",
    decorator='@np.errstate(all="ignore")',
    copy="np.array({0})",
)


def layout(made: Function) -> Layout:
    return of_arrays(made, NUMPY_STYLE)


def of_arrays(made: Function, style: Style) -> Layout:
    """The file; and with it a main part that reads points from stdin."""
    results = [made.value, *(part for parts in made.gradient for part in parts)]
    needed = made.language.needed(" ".join([*(s.code for s in made.statements), *results]))
    helpers = "".join(f"\n\n{made.language.helpers[name]}\n" for name in needed)
    constants = {
        made.language.number(v) for v in made.export.graph.static.values() if isinstance(v, float)
    }
    value, *parts = (style.array.format(r) if r in constants else r for r in results)
    shared = _shared(made)
    parts = [style.copy.format(p) if k in shared else p for k, p in enumerate(parts)]
    gradient = ", ".join(
        f"{json.dumps(block.name, ensure_ascii=False)}: {part}"
        for block, part in zip(made.export.gradient, parts, strict=True)
    )
    body = [style.decorator] if style.decorator else []
    body += [f"def {made.name}({', '.join(a.name for a in made.arguments)}):"]
    body += ['    """The value, and the gradient by name."""']
    body += [f"    {style.opened.format(argument.name)}" for argument in made.arguments]
    body += [f"    {s.name} = {s.code}" for s in made.statements]
    body += [f"    return {value}, {{{gradient}}}"]
    text = helpers + "\n\n" + "\n".join(body) + "\n"
    imports = "".join(line for word, line in style.imports.items() if word in text)
    code = f"{parts_of(made, '#', *style.notes)}{imports}{text}"
    shapes = repr([argument.block.shape for argument in made.arguments])
    driver = DRIVER.format(name=made.name, shapes=shapes, flat=style.flat, ready=style.prepared)
    return Layout(code, code + driver)


_VIEWS = frozenset(("identity", "stop_grad", "reshape", "transpose", "index", "diag"))


def _shared(made: Function) -> set[int]:
    """Which derivatives, by place, are memory of an argument or of one before, or repeat one."""
    graph, seen = made.export.graph, set(made.export.graph.inputs)
    shared = set()
    for k, block in enumerate(made.export.gradient):
        node = block.nodes[0]
        while (op := graph.op(node).name) in _VIEWS:
            node = graph.first[node]
        if graph.shape(block.nodes[0]) and (node in seen or op == "broadcast_to"):
            shared.add(k)
        seen.add(node)
    return shared


DRIVER = """

if __name__ == "__main__":
    import sys

    import numpy as np
{ready}
    for line in sys.stdin:
        numbers, arguments = [float(word) for word in line.split()], []
        for shape in {shapes}:
            size = int(np.prod(shape))
            arguments.append(np.reshape(numbers[:size], shape))
            del numbers[:size]
        value, gradient = {name}(*arguments)
        parts = [value, *gradient.values()]
        print(*(repr(float(x)) for part in parts for x in {flat}))
"""
