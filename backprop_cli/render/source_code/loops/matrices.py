"""How products and decompositions of matrices are written in loops, on stacks of them."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from backprop_cli.render.source_code.language import Text
from backprop_cli.render.source_code.loops.affine import ZERO, Affine, Index, fitted, offset
from backprop_cli.render.source_code.loops.emitter import Emitter
from backprop_cli.render.source_code.loops.rows import Row, per_output

Shape = tuple[int, ...]
Read = Callable[[Index, Affine, Affine], Text]


def _reader(e: Emitter, x: int, row: bool) -> Read:
    """An element of a matrix of a stack, or of a vector as a matrix of one row or column."""
    shape = e.graph.shape(x)

    def read(lead: Index, i: Affine, k: Affine) -> Text:
        if len(shape) == 1:
            return e.at(x, (k if row else i,))
        return e.at(x, (*fitted(lead, shape[:-2]), i, k))

    return read


def matmul(e: Emitter, node: int) -> None:
    """By inner products where both run along rows in memory, else by sums of whole rows."""
    a, b = e.graph.arguments(node)
    shape, count = e.graph.shape(node), e.graph.shape(a)[-1]
    tall, wide = len(e.graph.shape(a)) > 1, len(e.graph.shape(b)) > 1
    left, right = _reader(e, a, True), _reader(e, b, False)

    def split(index: Index) -> tuple[Index, Affine, Affine]:
        lead = index[: len(index) - tall - wide]
        own = index[len(lead) :]
        return lead, own[0] if tall else ZERO, own[-1] if wide else ZERO

    def inner(index: Index) -> Text:
        lead, i, j = split(index)
        word = e.accumulator("total", e.number(0.0))
        with e.loop(count) as k:
            e.assign(word, e.op("mul", left(lead, i, k), right(lead, k, j)), "+=")
        return e.word(word)

    along_a = not tall or e.graph.op(a).name != "transpose"
    along_b = not wide or e.graph.op(b).name == "transpose"
    if not shape or (along_a and along_b):
        per_output(e, node, inner)
        return
    name = e.own(node)
    e.clear(name, prod(shape))
    rows = shape[:-1] if wide else shape[:-2]
    with e.nest(rows) as first, e.loop(count) as k, e.loop(shape[-1]) as last:
        index = (*first, last)
        lead, i, j = split(index)
        value = e.op("mul", left(lead, i, k), right(lead, k, j))
        e.assign(e.element(name, index, shape), value, "+=")


def outer(e: Emitter, node: int) -> None:
    a, b = e.graph.arguments(node)
    per_output(e, node, lambda ij: e.op("mul", e.at(a, ij[:1]), e.at(b, ij[1:])))


def cross(e: Emitter, node: int) -> None:
    a, b = e.graph.arguments(node)
    shape = e.graph.shape(node)
    name = e.own(node)

    def times(lead: Index, i: int, j: int) -> Text:
        places = ((*lead, Affine((), i)), (*lead, Affine((), j)))
        x = [
            e.at(operand, fitted(place, e.graph.shape(operand)))
            for operand, place in zip((a, b), places, strict=True)
        ]
        return e.op("mul", *x)

    with e.nest(shape[:-1]) as lead:
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            value = e.op("sub", times(lead, i, j), times(lead, j, i))
            e.assign(e.element(name, (*lead, Affine((), k)), shape), value)


def trace(e: Emitter, node: int) -> None:
    x = e.graph.first[node]

    def value(index: Index) -> Text:
        word = e.accumulator("total", e.number(0.0))
        with e.loop(min(e.graph.shape(x))) as k:
            e.assign(word, e.at(x, (k, k)), "+=")
        return e.word(word)

    per_output(e, node, value)


def _copied(e: Emitter, x: int, lead: Index) -> str:
    """The work array with a matrix of a stack in it, which elimination destroys."""
    shape = e.graph.shape(x)
    n = shape[-1]
    with e.nest((n, n)) as (i, j):
        place = offset((i, j), (n, n))
        e.assign(f"{e.work(n * n)}[{place}]", e.at(x, (*fitted(lead, shape[:-2]), i, j)))
    return e.work(n * n)


def number_of(helper: str) -> Row:
    """An operation whose result for each matrix is one number, by a helper."""

    def written(e: Emitter, node: int) -> None:
        x = e.graph.first[node]
        n = e.graph.shape(x)[-1]
        e.work(n * n)

        def value(lead: Index) -> Text:
            # under a name at once: the work array is used again
            return e.constant(
                e.graph.op(node).name, e.word(f"{helper}({n}, {_copied(e, x, lead)})")
            )

        per_output(e, node, value, fused=False)

    return written


def solve(e: Emitter, node: int) -> None:
    a, b = e.graph.arguments(node)
    shape, right = e.graph.shape(node), e.graph.shape(b)
    own = 1 if len(right) == 1 else 2
    n, m = e.graph.shape(a)[-1], right[-1] if own == 2 else 1
    e.work(n * n)
    name = e.own(node)
    with e.nest(shape[: len(shape) - own]) as lead:
        work = _copied(e, a, lead)
        with e.nest(shape[len(shape) - own :]) as index:
            value = e.at(b, (*fitted(lead, right[: len(right) - own]), *index))
            e.assign(e.element(name, (*lead, *index), shape), value)
        e.call("bp_eliminate", n, m, work, name, _start(lead, shape, own), e.language.number(0.0))


def inverse(e: Emitter, node: int) -> None:
    x, shape = e.graph.first[node], e.graph.shape(node)
    n = shape[-1]
    e.work(n * n)
    name = e.own(node)
    with e.nest(shape[:-2]) as lead:
        work = _copied(e, x, lead)
        with e.nest((n, n)) as index:
            e.assign(e.element(name, (*lead, *index), shape), e.number(0.0))
        with e.loop(n) as k:
            e.assign(e.element(name, (*lead, k, k), shape), e.number(1.0))
        e.call("bp_eliminate", n, n, work, name, _start(lead, shape, 2), e.language.number(0.0))


def cofactor(e: Emitter, node: int) -> None:
    x, shape = e.graph.first[node], e.graph.shape(node)
    n = shape[-1]
    e.work(n * n)
    name = e.own(node)
    with e.nest(shape[:-2]) as lead:
        e.call("bp_cofactor", n, _copied(e, x, lead), name, _start(lead, shape, 2))


def _start(lead: Index, shape: Shape, own: int) -> Affine:
    """Where a matrix of a stack begins in its array."""
    return offset((*lead, *(ZERO for _ in range(own))), shape)


ROWS: dict[str, Row] = {
    "matmul": matmul,
    "outer": outer,
    "cross": cross,
    "trace": trace,
    "det": number_of("bp_det"),
    "logdet": number_of("bp_logdet"),
    "solve": solve,
    "inv": inverse,
    "cofactor": cofactor,
}
