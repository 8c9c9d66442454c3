"""The `numpy` backend: arrays of any rank, and the sweeps over graphs of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from backprop_cli.backends.python_floats import SQRT_HALF, polygamma_values
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.ir.ops import BY_NAME, OPERATIONS, Expr, Operand
from backprop_cli.ir.ops.contribution import Adjoint, combine, contributions
from backprop_cli.ir.shapes import Index

Array = Any  # np.ndarray or np.float64


def special(name: str) -> Callable[..., Array]:
    """A function of scipy.special, imported when it is first called."""

    def function(*x: Array) -> Array:
        import scipy.special

        return getattr(scipy.special, name)(*x)

    return function


def truth(condition: Array) -> Array:
    return np.asarray(condition, dtype=np.float64)


def stable_sigmoid(x: Array) -> Array:
    z = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + z), z / (1 + z))


def softplus(x: Array) -> Array:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def xlogy(x: Array, y: Array) -> Array:
    return np.where((x == 0) & (y == y), 0.0, x * np.log(y))


def logaddexp(x: Array, y: Array) -> Array:
    return np.logaddexp(x, y)


def nary(function: Callable[..., Array]) -> Callable[..., Array]:
    def folded(*x: Array) -> Array:
        result = x[0]
        for value in x[1:]:
            result = function(result, value)
        return result

    return folded


def larger(x: Array, y: Array) -> Array:
    """The first of equals, so that a tie of zeros keeps its sign; nan wins."""
    return np.where((y > x) | (y != y), y, x)


def smaller(x: Array, y: Array) -> Array:
    return np.where((y < x) | (y != y), y, x)


def power(x: Array, y: Array) -> Array:
    """C's pow: NumPy takes x^0.5 as sqrt(x), which differs at -0 and -inf."""
    return np.where((y == 0.5) & ((x == 0) | (x == -np.inf)), np.abs(x), np.power(x, y))


def erfc(x: Array) -> Array:
    """erfc with exp(-x^2) taken in two factors in the tail, where rounding x^2 costs digits."""
    head = np.round(x * 16) / 16
    tail = special("erfcx")(x) * (np.exp(-head * head) * np.exp((head - x) * (head + x)))
    return np.where((x > 1) & (x < 28), tail, special("erfc")(x))


def lgamma(x: Array) -> Array:
    tiny = np.abs(x) < 1e-20
    value = np.where(tiny, -np.log(np.abs(x)), special("gammaln")(x))
    return np.where(x == -np.inf, np.inf, value)


def sinc(x: Array) -> Array:
    u = np.pi * x
    return np.where(x == 0, 1.0, np.sin(u) / np.where(x == 0, 1.0, u))


def gamma(x: Array) -> Array:
    value = special("gamma")(x)
    return np.where((x < 0) & (x == np.floor(x)), np.nan, value)


ELEMENTWISE: dict[str, Callable[..., Array]] = {
    "identity": lambda x: x,
    "stop_grad": lambda x: x,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "mod": np.mod,
    "neg": np.negative,
    "pow": power,
    "lt": lambda x, y: truth(x < y),
    "le": lambda x, y: truth(x <= y),
    "gt": lambda x, y: truth(x > y),
    "ge": lambda x, y: truth(x >= y),
    "eq": lambda x, y: truth(x == y),
    "ne": lambda x, y: truth(x != y),
    "and": lambda x, y: truth((x != 0) & (y != 0)),
    "or": lambda x, y: truth((x != 0) | (y != 0)),
    "not": lambda x: truth(x == 0),
    "where": lambda c, x, y: np.where(c != 0, x, y),
    "maximum": nary(larger),
    "minimum": nary(smaller),
    "clip": lambda x, lo, hi: smaller(larger(x, lo), hi),
    "sqrt": lambda x: np.sqrt(x) + 0.0,
    "cbrt": np.cbrt,
    "square": np.square,
    "reciprocal": lambda x: 1.0 / x,
    "hypot": np.hypot,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "xlogy": xlogy,
    "logaddexp": logaddexp,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "sinc": sinc,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "erf": special("erf"),
    "erfc": erfc,
    "gamma": gamma,
    "lgamma": lgamma,
    "digamma": special("psi"),
    "sigmoid": stable_sigmoid,
    "log_sigmoid": lambda x: -softplus(-x),
    "softplus": softplus,
    "relu": lambda x: np.maximum(x, 0.0),
    "leaky_relu": lambda x, slope: np.where(x > 0, x, slope * x),
    "elu": lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)),
    "gelu": lambda x: 0.5 * x * erfc(-SQRT_HALF * x),
    "silu": lambda x: x * stable_sigmoid(x),
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.round,
    "heaviside": lambda x: np.heaviside(x, 0.5),
}


def reduction(function: Callable[..., Array]) -> Callable[..., Array]:
    def reduced(static: tuple[tuple[int, ...] | None, bool], x: Array) -> Array:
        axes, keepdims = static
        return function(x, axis=axes, keepdims=keepdims)

    return reduced


def logsumexp(x: Array, axis: Any, keepdims: bool) -> Array:
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(top), top, 0.0)
    value = np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=True)) + shift
    return value if keepdims else np.squeeze(value, axis=axis)


def norm(x: Array, axis: Any, keepdims: bool) -> Array:
    """The Euclidean norm, scaled so that squares neither over- nor underflow."""
    top = np.max(np.abs(x), axis=axis, keepdims=True, initial=0.0)
    scale = np.where((top > 0) & np.isfinite(top), top, 1.0)
    value = scale * np.sqrt(np.sum(np.square(x / scale), axis=axis, keepdims=True))
    return value if keepdims else np.squeeze(value, axis=axis)


def log_softmax(axis: int, x: Array) -> Array:
    if np.ndim(x) == 0:
        return np.float64(0.0) * x
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    shifted = x - np.where(np.isfinite(top), top, 0.0)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def softmax(axis: int, x: Array) -> Array:
    if np.ndim(x) == 0:
        return np.float64(1.0) + 0.0 * x
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    weights = np.exp(x - np.where(np.isfinite(top), top, 0.0))
    return weights / np.sum(weights, axis=axis, keepdims=True)


def entries(index: Index) -> tuple[Any, ...]:
    """An index of a graph as NumPy takes it."""
    result = []
    for entry in index:
        if isinstance(entry, tuple):
            _, start, stop, step = entry
            if not range(start, stop, step):
                start = stop = 0
            result.append(slice(start, None if stop < 0 else stop, step))
        else:
            result.append(entry)
    return tuple(result)


def scatter(static: tuple[Index, tuple[int, ...]], x: Array) -> Array:
    index, shape = static
    result = np.zeros(shape)
    result[entries(index)] = x
    return result


def sum_to(shape: tuple[int, ...], x: Array) -> Array:
    lead = np.ndim(x) - len(shape)
    summed = np.sum(x, axis=tuple(range(lead))) if lead else x
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and summed.shape[i] != 1)
    return np.sum(summed, axis=axes, keepdims=True) if axes else summed


def of_regular(
    function: Callable[..., Array], shape: Callable[..., tuple[int, ...]]
) -> Callable[..., Array]:
    """A function of LAPACK, with nan where it finds a singular matrix."""

    def total(static: object, *x: Array) -> Array:
        try:
            return function(*x)
        except np.linalg.LinAlgError:
            return np.full(shape([np.shape(a) for a in x]), np.nan)

    return total


def logdet(static: object, x: Array) -> Array:
    sign, log_abs = np.linalg.slogdet(x)
    return np.where(sign > 0, log_abs, np.where(sign == 0, -np.inf, np.nan))


def solve_columns(a: Array, b: Array) -> Array:
    if np.ndim(b) == 1:
        return np.linalg.solve(a, b[:, np.newaxis])[..., 0]
    return np.linalg.solve(a, b)


def cofactor(static: object, x: Array) -> Array:
    """The matrix of cofactors, from the singular value decomposition, exact if singular.

    With x = U diag(s) V', cof(x) = det(U) det(V) U diag(product of the other s) V'.
    """
    if x.shape[-1] == 0:
        return np.zeros(x.shape)
    if not np.all(np.isfinite(x)):
        return np.full(x.shape, np.nan)
    if x.shape[-1] == 1:
        return np.ones(x.shape)
    if x.shape[-1] == 2:
        flipped = x[..., ::-1, ::-1].copy()
        flipped[..., 0, 1] *= -1
        flipped[..., 1, 0] *= -1
        return np.swapaxes(flipped, -1, -2).swapaxes(-1, -2)
    u, s, vt = np.linalg.svd(x)
    n = s.shape[-1]
    others = np.stack([np.prod(np.delete(s, k, axis=-1), axis=-1) for k in range(n)], axis=-1)
    sign = np.linalg.det(u) * np.linalg.det(vt)
    return sign[..., np.newaxis, np.newaxis] * (u * others[..., np.newaxis, :]) @ vt


def _shape_of(name: str) -> Callable[..., tuple[int, ...]]:
    return BY_NAME[name].shape


def diag(static: object, x: Array) -> Array:
    return np.diag(x).copy()


# Each takes the static parameter first.
OTHER: dict[str, Callable[..., Array]] = {
    "polygamma": lambda n, x: polygamma_values(n, x),
    "sum": reduction(np.sum),
    "prod": reduction(np.prod),
    "mean": reduction(np.mean),
    "var": reduction(np.var),
    "std": reduction(np.std),
    "max": reduction(np.max),
    "min": reduction(np.min),
    "norm": reduction(norm),
    "logsumexp": reduction(logsumexp),
    "softmax": softmax,
    "log_softmax": log_softmax,
    "matmul": lambda _, a, b: np.matmul(a, b),
    "outer": lambda _, a, b: np.outer(a, b),
    "cross": lambda _, a, b: np.cross(a, b),
    "trace": lambda _, x: np.trace(x),
    "det": lambda _, x: np.linalg.det(x),
    "logdet": logdet,
    "inv": of_regular(np.linalg.inv, _shape_of("inv")),
    "solve": of_regular(solve_columns, _shape_of("solve")),
    "cofactor": cofactor,
    "diag": diag,
    "transpose": lambda order, x: np.transpose(x, order),
    "reshape": lambda shape, x: np.reshape(x, shape),
    "concat": lambda axis, *x: np.concatenate(x, axis=axis),
    "stack": lambda axis, *x: np.stack(x, axis=axis),
    "broadcast_to": lambda shape, x: np.broadcast_to(x, shape),
    "sum_to": sum_to,
    "index": lambda index, x: x[entries(index)],
    "scatter": scatter,
    "eye": lambda static: np.eye(*static),
    "arange": lambda static: np.arange(*static, dtype=np.float64),
}


def compute(op: str, static: Any, x: list[Array]) -> Array:
    """The value of one operation."""
    function = ELEMENTWISE.get(op)
    value = function(*x) if function is not None else OTHER[op](static, *x)
    return value[()]  # of an array without axes, the number


class ArrayContext:
    """Rules applied in this context compute at once, with arrays."""

    __slots__ = ()

    def shape(self, value: Array) -> tuple[int, ...]:
        return np.shape(value)

    def apply(self, op: str, operands: tuple[Operand, ...], static: Any = None) -> Expr:
        if op == "const":
            return Expr(self, np.float64(static))
        values = [o.value if isinstance(o, Expr) else np.float64(o) for o in operands]
        return Expr(self, compute(op, static, values))


CONTEXT = ArrayContext()
INDEX = BY_NAME["index"].code


def forward(graph: Graph, bound: Mapping[int, Array]) -> list[Array]:
    """The value of every node, given those of the inputs."""
    values: list[Array] = []
    with np.errstate(all="ignore"):
        for i, code in enumerate(graph.codes):
            if code == CONST:
                values.append(np.float64(graph.static[i]))
            elif code == INPUT:
                values.append(np.asarray(bound[i], dtype=np.float64)[()])
            else:
                x = [values[a] for a in graph.arguments(i)]
                values.append(compute(OPERATIONS[code].name, graph.static.get(i), x))
    return values


def node_contributions(
    graph: Graph, values: list[Array], i: int, g: Adjoint, active: bytearray, varies: bytearray
) -> list[tuple[int, Adjoint]]:
    """What node `i` hands back, by argument position; see `contributions`."""
    arguments = graph.arguments(i)
    x = [Expr(CONTEXT, values[a]) for a in arguments]
    flags = [bool(active[a]) for a in arguments]
    moving = [bool(varies[a]) for a in arguments]
    out = Expr(CONTEXT, values[i])
    with np.errstate(all="ignore"):
        return list(contributions(graph.op(i), x, out, g, flags, graph.static.get(i), moving))


def seed_adjoint(seed: Array, shape: tuple[int, ...]) -> Adjoint:
    """A seed; what it multiplies by exactly 0 does not exist."""
    value = np.broadcast_to(np.asarray(seed, dtype=np.float64), shape)
    mask = Expr(CONTEXT, truth(value != 0)) if np.any(value == 0) else None
    return Adjoint(Expr(CONTEXT, value), mask)


class Collected:
    """The adjoints of the elements of one array, put in place as they come.

    What `scatter` would spread over a whole array for each element, in one array for all.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.value, self.mask = np.zeros(shape), np.zeros(shape)

    def add(self, index: Index, g: Adjoint) -> None:
        where = entries(index)
        with np.errstate(all="ignore"):
            self.value[where] += g.value.value
        self.mask[where] = 1.0 if g.mask is None else np.maximum(self.mask[where], g.mask.value)

    def adjoint(self) -> Adjoint:
        return Adjoint(Expr(CONTEXT, self.value), Expr(CONTEXT, self.mask))


def reverse(
    graph: Graph,
    values: list[Array],
    active: bytearray,
    varies: bytearray,
    output: int,
    seed: Array,
) -> tuple[list[Adjoint | None], list[tuple[int, int]]]:
    """The adjoint of every node that is reached, else None; and the notes that hold on the way.

    `active` marks what depends on the nodes asked for, `varies` what depends on any variable.
    """
    n = len(graph)
    pending: list[list[Adjoint] | None] = [None] * n
    collected: dict[int, Collected] = {}
    adjoints: list[Adjoint | None] = [None] * n
    flags: list[tuple[int, int]] = []
    if active[output]:
        pending[output] = [seed_adjoint(seed, graph.shape(output))]
    for i in range(output, -1, -1):
        parts = pending[i]
        if parts is None:
            continue
        if i in collected:
            parts.append(collected.pop(i).adjoint())
        with np.errstate(all="ignore"):
            g = combine(parts)
        pending[i] = None
        if g.mask is not None and not np.any(g.mask.value):
            continue
        adjoints[i] = g
        flags += notes_at(graph, values, i, g, active)
        if graph.codes[i] == INDEX:
            target = graph.first[i]
            if active[target]:
                pending[target] = pending[target] or []
                place = collected.setdefault(target, Collected(graph.shape(target)))
                place.add(graph.static[i], g)
            continue
        for position, contribution in node_contributions(graph, values, i, g, active, varies):
            target = graph.arguments(i)[position]
            waiting = pending[target]
            if waiting is None:
                pending[target] = [contribution]
            else:
                waiting.append(contribution)
    return adjoints, flags


def notes_at(
    graph: Graph, values: list[Array], i: int, g: Adjoint, active: bytearray
) -> list[tuple[int, int]]:
    """The notes of the row that hold at an element that the adjoint reaches."""
    row = graph.op(i)
    if not row.notes:
        return []
    arguments = graph.arguments(i)
    x, out = [values[a] for a in arguments], values[i]
    adjoint, mask = g.value.value, 1.0 if g.mask is None else g.mask.value
    if row.masks == "reduce":
        kept = row.shape([np.shape(x[0])], (graph.static[i][0], True))
        mask = np.reshape(np.broadcast_to(mask, np.shape(out)), kept)
        out, adjoint = np.reshape(out, kept), np.reshape(adjoint, kept)
    operands = [*(Expr(CONTEXT, value) for value in x), Expr(CONTEXT, out)]
    found = []
    with np.errstate(all="ignore"):
        for k, note in enumerate(row.notes):
            if note.needs is not None and not active[arguments[note.needs]]:
                continue
            holds = note.condition(*operands).value * mask
            if np.any(holds * (adjoint != 0) if note.kind == "kink" else holds):
                found.append((i, k))
    return found


def is_finite(value: Array) -> bool:
    return bool(np.all(np.isfinite(value)))


def inf_free(value: float) -> bool:
    return math.isfinite(value)
