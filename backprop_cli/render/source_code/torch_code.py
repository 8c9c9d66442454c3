"""PyTorch: plain operations on tensors of 64-bit floats, without its own differentiation."""

from __future__ import annotations

from typing import Any

from backprop_cli.render.source_code.array_rows import OPERATORS, STATICS, subscript
from backprop_cli.render.source_code.language import Language, Row, Statics, call
from backprop_cli.render.source_code.layout import Layout
from backprop_cli.render.source_code.lines import Function
from backprop_cli.render.source_code.numpy_code import WORDS, Style, number, of_arrays
from backprop_cli.render.source_code.torch_helpers import HELPERS

Shape = tuple[int, ...]

_UNARY = """
exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh abs
floor ceil round
"""
_REDUCTIONS = "sum prod mean var std max min norm logsumexp"

ROWS: dict[str, Row] = {
    **OPERATORS,
    **{name: call(f"torch.{name}") for name in _UNARY.split()},
    **{name: Row(f"_{name}({{0}}, {{axes}}, {{keepdims}})") for name in _REDUCTIONS.split()},
    "mod": call("torch.remainder", 2),
    "pow": call("_pow", 2),
    "where": Row("_where({0:c}, {1}, {2})"),
    "maximum": call("_maximum", 2),
    "minimum": call("_minimum", 2),
    "sqrt": call("torch.sqrt"),
    "cbrt": call("_cbrt"),
    "sign": call("_sign"),
    "hypot": call("_hypot", 2),
    "xlogy": call("_xlogy", 2),
    "logaddexp": call("_logaddexp", 2),
    "atan2": call("_atan2", 2),
    "sinc": call("_sinc"),
    "erf": call("torch.special.erf"),
    "erfc": call("_erfc"),
    "gamma": call("_gamma"),
    "lgamma": call("torch.special.gammaln"),
    "digamma": call("_digamma"),
    "polygamma": Row("_polygamma({n}, {0})"),
    "sigmoid": call("_sigmoid"),
    "softplus": call("_softplus"),
    "relu": Row("_maximum({0}, 0.0)"),
    "leaky_relu": call("_leaky_relu", 2),
    "elu": call("_elu", 2),
    "gelu": call("_gelu"),
    "silu": call("_silu"),
    "heaviside": call("_heaviside"),
    "softmax": Row("_softmax({0}, {axis})"),
    "log_softmax": Row("_log_softmax({0}, {axis})"),
    "outer": call("torch.outer", 2),
    "cross": call("_cross", 2),
    "trace": call("torch.trace"),
    "det": call("torch.linalg.det"),
    "logdet": call("_logdet"),
    "inv": call("_inv"),
    "solve": call("_solve", 2),
    "cofactor": call("_cofactor"),
    "diag": call("torch.diag"),
    "reshape": Row("torch.reshape(_tensor({0}), {to})"),
    "concat": Row("torch.cat([{all}], dim={axis})"),
    "stack": Row("_stack([{all}], {axis})"),
    "broadcast_to": Row("torch.broadcast_to(_tensor({0}), {to})"),
    "sum_to": Row("_sum_to({0}, {to})"),
    "index": Row("{taken}"),
    "scatter": Row("_scatter({0}, {places}, {to})"),
    "eye": Row("torch.eye({n}, {m}, dtype=torch.float64)"),
    "arange": Row("torch.arange({bounds}, dtype=torch.float64)"),
}


def axes(static: tuple[Shape | None, bool], shapes: list[Shape], out: Shape) -> dict[str, str]:
    """The axes of a reduction, all by number, counted from 0."""
    rank = len(shapes[0])
    chosen = range(rank) if static[0] is None else (axis % rank for axis in static[0])
    return {"axes": repr(tuple(chosen)), "keepdims": repr(static[1])}


def method(static: Shape | None, shapes: list[Shape], out: Shape) -> dict[str, str]:
    """The method that transposes: PyTorch's `T` is for matrices."""
    rank = len(shapes[0])
    if rank == 2:
        return {"method": "T"}
    places = range(rank)[::-1] if static is None else static
    return {"method": f"permute({', '.join(map(str, places))})"}


def places(index: tuple[Any, ...], shape: Shape) -> str:
    """An index as a tuple, or as flat places: PyTorch has no slices with negative steps."""
    if all(not isinstance(e, tuple) or e[3] > 0 or not range(*e[1:]) for e in index):
        words = [
            f"slice({e[1]}, {e[2]}, {e[3]})" if isinstance(e, tuple) else str(e) for e in index
        ]
        return f"({', '.join(words)},)"
    import math

    import numpy as np

    numbers = np.arange(math.prod(shape)).reshape(shape)
    entries = tuple(
        slice(e[1], None if e[2] < 0 else e[2], e[3]) if isinstance(e, tuple) else e for e in index
    )
    return repr(numbers[entries].tolist())


def taken(static: tuple[Any, ...], shapes: list[Shape], out: Shape) -> dict[str, str]:
    found = places(static, shapes[0])
    text = f"[{subscript(static)}]" if found[0] == "(" else f".reshape(-1)[{found}]"
    return {"taken": text}


TORCH_STATICS: Statics = {
    **STATICS,
    **dict.fromkeys(_REDUCTIONS.split(), axes),
    "transpose": method,
    "index": taken,
    "scatter": lambda s, shapes, out: {"places": places(s[0], s[1]), "to": repr(tuple(s[1]))},
}
ROWS["index"] = Row("{0:100}{taken}")

LANGUAGE = Language(
    name="torch",
    title="PyTorch",
    rows=ROWS,
    number=number,
    as_number=Row("_number({0})"),
    as_truth=Row("{0:2} != 0", 1, truth=True),
    negative=7,
    helpers=HELPERS,
    keywords=frozenset(WORDS.split()),
    comment="#",
    arrays=True,
    statics=TORCH_STATICS,
)

STYLE = Style(
    {"math.": "import math\n", "torch.": "import torch\n"},
    "{0} = torch.as_tensor({0}, dtype=torch.float64)",
    "torch.tensor({0}, dtype=torch.float64)",
    copy="{0}.clone()",
    flat="np.ravel(torch.as_tensor(part))",
)


def layout(made: Function) -> Layout:
    return of_arrays(made, STYLE)
