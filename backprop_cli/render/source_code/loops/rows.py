"""How reductions are written in loops."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan, prod

from backprop_cli.render.source_code.language import Text
from backprop_cli.render.source_code.loops.affine import (
    ZERO,
    Index,
)
from backprop_cli.render.source_code.loops.emitter import Emitter

Shape = tuple[int, ...]
Row = Callable[[Emitter, int], None]
Elements = Callable[[Callable[[Text], None]], None]  # does something with each of some elements


def per_output(e: Emitter, node: int, value: Callable[[Index], Text], fused: bool = True) -> None:
    """Each element of a node as what `value` computes by statements of its own.

    Where its reader takes each element once, they stand in the reader's loop if that is `fused`.
    """
    if e.is_single(node):
        e.settle(node, value(tuple(ZERO for _ in e.graph.shape(node))))
        return
    if fused and e.within[node]:
        e.lazy(node, value, e.graph.arguments(node))
        return
    shape = e.graph.shape(node)
    name = e.own(node)
    with e.nest(shape) as index:
        e.assign(e.element(name, index, shape), value(index))


def reduction(rule: Callable[[Emitter, Elements, int], Text]) -> Row:
    """A rule for the elements that go into one result, and their number."""

    def written(e: Emitter, node: int) -> None:
        x = e.graph.first[node]
        shape = e.graph.shape(x)
        axes, keepdims = e.graph.static[node]
        gone = sorted(
            {a % max(len(shape), 1) for a in axes} if axes is not None else range(len(shape))
        )
        count = prod(shape[a] for a in gone)

        def value(index: Index) -> Text:
            kept = iter(p for k, p in enumerate(index) if not (keepdims and k in gone))
            base = [ZERO if a in gone else next(kept) for a in range(len(shape))]

            def each(use: Callable[[Text], None]) -> None:
                flat = len(gone) == len(shape) and e.is_flat(x, shape)
                with e.all_of(tuple(shape[a] for a in gone), flat) as inner:
                    for a, part in zip(gone, inner, strict=True):
                        base[a] = part
                    use(e.at(x, tuple(base)))

            return rule(e, each, count)

        per_output(e, node, value)

    return written


def _folded(e: Emitter, each: Elements, name: str, start: float, op: str) -> Text:
    word = e.accumulator(name, e.number(start))
    each(lambda x: e.assign(word, e.op(op, e.word(word), x)))
    return e.word(word)


def total(e: Emitter, each: Elements, count: int) -> Text:
    word = e.accumulator("total", e.number(0.0))
    each(lambda x: e.assign(word, x, "+="))
    return e.word(word)


def product(e: Emitter, each: Elements, count: int) -> Text:
    word = e.accumulator("product", e.number(1.0))
    each(lambda x: e.assign(word, x, "*="))
    return e.word(word)


def mean(e: Emitter, each: Elements, count: int) -> Text:
    return e.op("div", total(e, each, count), e.number(float(count))) if count else e.number(nan)


def variance(e: Emitter, each: Elements, count: int) -> Text:
    middle = e.constant("middle", mean(e, each, count))

    def squares(use: Callable[[Text], None]) -> None:
        def squared(x: Text) -> None:
            off = e.constant("off", e.op("sub", x, middle))
            use(e.op("mul", off, off))

        each(squared)

    return mean(e, squares, count)


def largest(e: Emitter, each: Elements, count: int) -> Text:
    return _folded(e, each, "top", -inf, "maximum")


def smallest(e: Emitter, each: Elements, count: int) -> Text:
    return _folded(e, each, "bottom", inf, "minimum")


def finite_or(e: Emitter, top: Text, other: float, least: float) -> Text:
    inner = e.op("and", e.op("gt", top, e.number(least)), e.op("lt", top, e.number(inf)))
    return e.op("where", inner, top, e.number(other))


def norm(e: Emitter, each: Elements, count: int) -> Text:
    """Scaled, so that squares neither over- nor underflow."""
    word = e.accumulator("top", e.number(0.0))
    each(lambda x: e.assign(word, e.op("maximum", e.word(word), e.op("abs", x))))
    scale = e.constant("scale", finite_or(e, e.word(word), 1.0, 0.0))

    def squares(use: Callable[[Text], None]) -> None:
        def squared(x: Text) -> None:
            part = e.constant("part", e.op("div", x, scale))
            use(e.op("mul", part, part))

        each(squared)

    return e.op("mul", scale, e.op("sqrt", total(e, squares, count)))


def shifted_total(e: Emitter, each: Elements, count: int) -> tuple[Text, Text]:
    """The largest element where it is finite, and the sum of exponentials that it makes small."""
    top = largest(e, each, count)
    shift = e.constant("shift", finite_or(e, top, 0.0, -inf))

    def weights(use: Callable[[Text], None]) -> None:
        each(lambda x: use(e.op("exp", e.op("sub", x, shift))))

    return shift, total(e, weights, count)


def logsumexp(e: Emitter, each: Elements, count: int) -> Text:
    shift, weights = shifted_total(e, each, count)
    return e.op("add", e.op("log", weights), shift)


def soft(op: str) -> Row:
    """softmax, or its logarithm, along one axis."""

    def written(e: Emitter, node: int) -> None:
        x, shape = e.graph.first[node], e.graph.shape(node)
        axis = e.graph.static[node] % max(len(shape), 1)
        if not shape:
            value = e.scalar(x)
            zero = e.op("mul", value, e.number(0.0))
            e.settle(node, e.op("exp", zero) if op == "softmax" else zero)
            return
        name = e.own(node)
        with e.nest((*shape[:axis], *shape[axis + 1 :])) as outer:

            def each(use: Callable[[Text], None]) -> None:
                with e.loop(shape[axis]) as k:
                    use(e.at(x, (*outer[:axis], k, *outer[axis:])))

            shift, weights = shifted_total(e, each, shape[axis])
            if op == "log_softmax":
                weights = e.constant("log_total", e.op("log", weights))
            with e.loop(shape[axis]) as k:
                index = (*outer[:axis], k, *outer[axis:])
                off = e.op("sub", e.at(x, index), shift)
                result = (
                    e.op("sub", off, weights)
                    if op == "log_softmax"
                    else e.op("div", e.op("exp", off), weights)
                )
                e.assign(e.element(name, index, shape), result)

    return written


ROWS: dict[str, Row] = {
    "sum": reduction(total),
    "prod": reduction(product),
    "mean": reduction(mean),
    "var": reduction(variance),
    "std": reduction(lambda e, each, count: e.op("sqrt", variance(e, each, count))),
    "max": reduction(largest),
    "min": reduction(smallest),
    "norm": reduction(norm),
    "logsumexp": reduction(logsumexp),
    "softmax": soft("softmax"),
    "log_softmax": soft("log_softmax"),
}
