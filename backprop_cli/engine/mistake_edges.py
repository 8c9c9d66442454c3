"""Mistakes in one path or one edge of the graph: dropped, doubled, or with a wrong factor."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from backprop_cli.engine.evaluate import differentiate
from backprop_cli.engine.findings import said
from backprop_cli.engine.path_graph import between
from backprop_cli.engine.trace import display_labels, rule_text
from backprop_cli.ir.graph import CONST, Graph
from backprop_cli.ir.ops import BY_NAME, Expr

if TYPE_CHECKING:
    from backprop_cli.engine.mistakes import Hypothesis, Mistake, Sample
    from backprop_cli.engine.path_result import Path
    from backprop_cli.engine.sweep import Sweep

PATHS = 200  # paths that are tried one by one
EDGES = 300  # edges that are tried
WORK = 100_000  # nodes times edges: each trial is a sweep or two over the graph
MATMUL, SOLVE, POW = BY_NAME["matmul"].code, BY_NAME["solve"].code, BY_NAME["pow"].code

Made = Callable[..., "Mistake"]
Edge = tuple[int, int]  # a node and an argument position


def path_hypotheses(samples: Sequence[Sample], node: int, made: Made) -> Iterator[Hypothesis]:
    """One path dropped, counted twice, or with a flipped sign."""
    sweep = samples[0].sweep
    listed = paths_of(sweep, node)
    if len(listed) < 2:
        return
    for path in listed:
        way = " → ".join(path.labels)
        term = f"{way}, whose product is {product_text(sweep.graph, path)},"

        def product(sample: Sample, path: Path = path) -> Any:
            return path_product(sample.sweep, path)

        yield (
            made("dropped path", f"the path {term} is missing", path=path.labels),
            lambda s, p=product: s.ours[node] - p(s),  # type: ignore[misc]
        )
        yield (
            made("sign", f"the path {term} has the wrong sign", path=path.labels),
            lambda s, p=product: s.ours[node] - 2 * p(s),  # type: ignore[misc]
        )
        yield (
            made("doubled path", f"the path {term} is counted twice", path=path.labels),
            lambda s, p=product: s.ours[node] + p(s),  # type: ignore[misc]
        )


def paths_of(sweep: Sweep, node: int) -> list[Path]:
    """The paths from a variable to the output; none where there are too many to try each."""
    from backprop_cli.engine.paths import paths
    from backprop_cli.errors import BpropError

    try:
        report = paths(sweep, node, sweep.output, top=PATHS)
    except BpropError:
        return []
    return report.paths if report.count is not None and report.count <= PATHS else []


def path_product(sweep: Sweep, path: Path) -> Any:
    """The adjoint 1 of the output, handed along one path only."""
    g: Any = None
    for node, position in reversed(path.edges):
        found = _handed(sweep, node, position, g)
        if found is None:
            return np.zeros(sweep.graph.shape(path.nodes[0]))
        g = found
    return 1.0 if g is None else np.asarray(g, dtype=np.float64)


def _handed(sweep: Sweep, node: int, position: int, g: Any) -> Any:
    """What a given adjoint of the node (None: its own) hands to one argument."""
    if sweep.backend == "python":
        slope = sweep.slopes(node)[position]
        return None if slope is None else slope * (1.0 if g is None else g)
    from backprop_cli.ir.ops.contribution import Adjoint

    _, out, _ = sweep.operands(node)
    start = np.ones(sweep.graph.shape(node))[()] if g is None else g
    found = sweep.contribution_of(node, position, Adjoint(Expr(out.context, start)))
    return None if found is None else found.value.value


def product_text(graph: Graph, path: Path) -> str:
    """The partials of a path as a product, in the names of the program."""
    plain = all(graph.op(node).elementwise for node, _ in path.edges)
    labels = worded(graph) if plain else display_labels(graph)
    factors = [single(rule_text(graph, node, place, labels)) for node, place in path.edges]
    written = [f for f in reversed(factors) if f not in ("1", "")]
    bare = len(written) < 2
    return "·".join(f if bare or not set(f) & set("+-*/^ ") else f"({f})" for f in written) or "1"


def edges_of(samples: Sequence[Sample], node: int) -> Iterator[Edge]:
    """The edges between a variable and the output, those next to the variable last."""
    sweep = samples[0].sweep
    inner = between(sweep.graph, node, sweep.output)
    inside = set(inner)
    count, most = 0, min(EDGES, WORK // len(sweep.graph))
    if not most:
        return
    for head in reversed(inner):
        for position, argument in enumerate(sweep.graph.arguments(head)):
            if argument in inside and sweep.has_edge(head, position):
                yield head, position
                count += 1
                if count == most:
                    return


def local_hypotheses(samples: Sequence[Sample], node: int, made: Made) -> Iterator[Hypothesis]:
    """A mistake in the derivative of one operation by one argument."""
    for edge in edges_of(samples, node):
        yield from _of_edge(samples, node, edge, made)


def term_hypotheses(samples: Sequence[Sample], node: int, made: Made) -> Iterator[Hypothesis]:
    """All that comes through one edge left out, with the wrong sign, or off by a factor 2."""
    for edge in edges_of(samples, node):
        yield from _of_term(samples, node, edge, made)


def _of_edge(samples: Sequence[Sample], node: int, edge: Edge, made: Made) -> Iterator[Hypothesis]:
    graph = samples[0].sweep.graph
    head, position = edge
    arguments = graph.arguments(head)
    words = worded(graph)
    factor = single(rule_text(graph, head, position, words))
    text = said(graph, head)
    here = {"node": graph.labels()[head]}
    below = said(graph, arguments[position])
    message = f"the factor {factor}, the derivative of {text} by {below}, is missing"
    if not graph.op(head).elementwise:  # its rule is not one factor
        message = f"the derivative of {text} by {below} is taken as 1"
    yield made("chain factor", message, **here), Altered(edge, node, unit)
    message = f"{text} stands where its derivative {factor} belongs"
    yield made("chain factor", message, **here), Altered(edge, node, own_value)
    other = transposable(graph, head, position)
    if other is not None:
        message = f"a transpose is missing or too many: {said(graph, other)} at {text}"
        yield made("transposed", message, **here), Altered(edge, node, untransposed)
    if graph.codes[head] == POW and position == 0 and graph.codes[arguments[1]] == CONST:
        n = graph.static[arguments[1]]
        if n:
            message = f"the exponent of {text} is missing as a factor"
            yield (
                made("factor", message, factor=n, **here),
                Altered(edge, node, scaled(1 / n)),
            )


def _of_term(samples: Sequence[Sample], node: int, edge: Edge, made: Made) -> Iterator[Hypothesis]:
    graph = samples[0].sweep.graph
    head, position = edge
    tail = graph.arguments(head)[position]
    term = f"the term that comes through {said(graph, head if tail == node else tail)}"
    here = {"node": graph.labels()[head if tail == node else tail]}
    yield made("dropped term", f"{term} is missing", **here), Altered(edge, node, scaled(0.0))
    yield made("sign", f"{term} has the wrong sign", **here), Altered(edge, node, scaled(-1.0))
    for k, message in (
        (2.0, f"the factor 2 is missing in {term}"),
        (0.5, f"there is a factor 2 too many in {term}"),
    ):
        yield made("factor", message, factor=k, **here), Altered(edge, node, scaled(1 / k))


def single(text: str) -> str:
    """Brackets around brackets as one pair."""
    return re.sub(r"\(\(([^()]*)\)\)", r"(\1)", text)


class Altered:
    """Our derivative with what one edge hands down replaced by what `how` says."""

    def __init__(self, edge: Edge, node: int, how: Callable[..., Any]) -> None:
        self.edge, self.node, self.how = edge, node, how

    def __call__(self, sample: Sample) -> Any:
        right = pulled(sample.sweep, self.edge, self.node, handed)
        wrong = pulled(sample.sweep, self.edge, self.node, self.how)
        return None if wrong is None else sample.ours[self.node] - right + wrong


def worded(graph: Graph) -> list[str]:
    """The labels, with nodes that have no name as the source has them."""
    words = display_labels(graph)
    for i in range(len(words)):
        if i in graph.names or graph.codes[i] == CONST or i not in graph.spans:
            continue
        text = said(graph, i)
        call = text.endswith(")") and text.partition("(")[0].isidentifier() and text.count("(") == 1
        words[i] = text if call or text.isidentifier() else f"({text})"
    return words


def pulled(sweep: Sweep, edge: Edge, node: int, how: Callable[..., Any]) -> Any:
    """The derivative by `node` of what `how` hands from an edge to its argument."""
    head, position = edge
    tail = sweep.graph.arguments(head)[position]
    g = None if sweep.adjoints[head] is None else how(sweep, head, position)
    if g is None:
        return None if how is not handed else np.zeros(sweep.graph.shape(node))
    if tail == node:
        return np.asarray(g, dtype=np.float64)
    seed = float(g) if sweep.backend == "python" else g
    lower = differentiate(
        sweep.graph, {}, tail, [node], seed, sweep.backend, evaluation=sweep.evaluation
    )
    return np.asarray(lower.gradient[node], dtype=np.float64)


def handed(sweep: Sweep, head: int, position: int) -> Any:
    """What the edge hands down as it should."""
    return sweep.contribution(head, position)


def scaled(by: float) -> Callable[[Sweep, int, int], Any]:
    def hand(sweep: Sweep, head: int, position: int) -> Any:
        found = handed(sweep, head, position)
        return None if found is None else by * found

    return hand


def unit(sweep: Sweep, head: int, position: int) -> Any:
    """The adjoint itself, as if the partial were 1."""
    graph = sweep.graph
    shape = graph.shape(graph.arguments(head)[position])
    return _fitted(sweep.adjoints[head], shape)


def own_value(sweep: Sweep, head: int, position: int) -> Any:
    """The adjoint times the node's value, as if that were the partial."""
    graph = sweep.graph
    if not graph.op(head).elementwise:
        return None
    shape = graph.shape(graph.arguments(head)[position])
    return _fitted(np.multiply(sweep.adjoints[head], sweep.values[head]), shape)


def _fitted(adjoint: Any, shape: tuple[int, ...]) -> Any:
    """An adjoint in the shape of the argument, where there is one way to do that."""
    have = np.shape(adjoint)
    if have == shape:
        return adjoint
    if shape == ():
        return np.sum(adjoint)
    return np.broadcast_to(adjoint, shape) if have == () else None


def transposable(graph: Graph, head: int, position: int) -> int | None:
    """The square matrix whose transpose the rule of this edge needs; None where there is none."""
    code, arguments = graph.codes[head], graph.arguments(head)
    if code not in (MATMUL, SOLVE) or (code == SOLVE and position == 0):
        return None
    other = arguments[1 - position]
    shape = graph.shape(other)
    return other if len(shape) == 2 and shape[0] == shape[1] else None


def untransposed(sweep: Sweep, head: int, position: int) -> Any:
    """What the edge hands down if the other matrix is transposed."""
    row = sweep.graph.op(head)
    x, out, _ = sweep.operands(head)
    adjoint = sweep.adjoint_of(head)
    rule = row.rule(position)
    if adjoint is None or rule is None:
        return None
    x[1 - position] = x[1 - position].mT
    with np.errstate(all="ignore"):
        return rule(adjoint.value, *x, out, sweep.graph.static.get(head)).value
