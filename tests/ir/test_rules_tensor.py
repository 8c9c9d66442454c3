"""Every row on arrays against JAX in float64: value, gradient, second order, in every mode."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import oracles
import pytest

from backprop_cli.backends.tensor_functions import compute
from backprop_cli.engine.evaluate import differentiate, evaluate
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.ops import OPERATIONS, Operation
from backprop_cli.transform.forward import forward
from backprop_cli.transform.reverse import reverse

Shape = tuple[int, ...]
ROWS = [row for row in OPERATIONS if row.kind == "pullback"]
ALL = (None, False)


class Case(NamedTuple):
    """One operation on arrays of given shapes (or given values)."""

    op: str
    shapes: tuple[Shape, ...]
    static: Any = None
    values: tuple[Any, ...] | None = None
    square: bool = False  # the first argument is well conditioned, with a positive determinant


def reductions(op: str) -> list[Case]:
    return [
        Case(op, ((2, 3),), ALL),
        Case(op, ((2, 3),), ((0,), False)),
        Case(op, ((2, 3),), ((-1,), True)),
        Case(op, ((2, 3, 2),), ((0, 2), False)),
        Case(op, ((4,),), (None, True)),
        *([] if op == "std" else [Case(op, ((),), ALL)]),  # a kink
    ]


def whole(n: int) -> tuple[str, int, int, int]:
    return ("slice", 0, n, 1)


REDUCTIONS = ["sum", "prod", "mean", "var", "std", "max", "min", "norm", "logsumexp"]
TIES = ([[1.0, 3.0, 3.0], [3.0, -1.0, -1.0]],)
MATMUL = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3, 4)),
    ((4, 2, 3), (4, 3, 2)),
    ((4, 2, 3), (3, 2)),
    ((2, 3), (4, 3, 2)),
    ((4, 1, 2, 3), (5, 3, 2)),
    ((1, 2, 3), (4, 3, 1)),
    ((4, 2, 3), (3,)),
    ((3,), (4, 3, 2)),
    ((5, 1, 2, 3), (3,)),
]
SOLVE = [
    ((3, 3), (3,)),
    ((3, 3), (3, 2)),
    ((2, 3, 3), (3,)),
    ((2, 3, 3), (2, 3, 2)),
    ((2, 3, 3), (3, 2)),
    ((3, 3), (2, 3, 2)),
    ((2, 1, 2, 2), (3, 2, 1)),
]
INDICES: list[tuple[Shape, Any]] = [
    ((4,), (1,)),
    ((4,), (-1,)),
    ((3, 4), (1,)),
    ((3, 4), (whole(3), 2)),
    ((3, 4), (2, ("slice", 3, -1, -1))),
    ((5,), (("slice", 4, -1, -2),)),
    ((5,), (("slice", 3, 0, -1),)),
    ((5,), (("slice", 1, 5, 2),)),
    ((5,), (("slice", 2, 2, 1),)),
    ((5,), (("slice", -1, -1, -1),)),
    ((3, 4), (("slice", 2, -1, -1), ("slice", 0, 4, 3))),
    ((2, 3, 4), (whole(2), 1, ("slice", 3, 0, -2))),
]

CASES: list[Case] = [
    *itertools.chain.from_iterable(map(reductions, REDUCTIONS)),
    *(Case(op, ((2, 3),), static, TIES) for op in ("max", "min") for static in (ALL, ((1,), True))),
    *(Case("prod", ((n,),), ALL, (x,)) for n, x in ((3, [0.0, 2.0, 3.0]), (3, [0.0, 2.0, 0.0]))),
    Case("prod", ((2, 3),), ((1,), False), ([[0.0, 2.0, 3.0], [-1.0, 2.0, 0.0]],)),
    Case("prod", ((5,),), ALL, ([0.5, -2.0, 3.0, 1.5, 2.0],)),
    *(Case(op, (shape,), axis) for op in ("softmax", "log_softmax")
      for shape, axis in (((4,), -1), ((2, 3), 0), ((2, 3), -1), ((2, 3, 2), 1))),
    *(Case("matmul", shapes) for shapes in MATMUL),
    *(Case("solve", shapes, square=True) for shapes in SOLVE),
    *(Case(op, (shape,), square=True) for op in ("inv", "det", "logdet", "cofactor")
      for shape in ((1, 1), (2, 2), (3, 3), (2, 3, 3))),
    Case("outer", ((2,), (3,))),
    *(Case("cross", shapes) for shapes in (((3,), (3,)), ((2, 3), (3,)), ((1, 3), (2, 3)))),
    Case("trace", ((3, 3),)),
    Case("trace", ((2, 4),)),
    *(Case("diag", (shape,)) for shape in ((3,), (3, 3), (2, 4), (4, 2))),
    *(Case("transpose", (shape,), order)
      for shape, order in (((2, 3), None), ((2, 3, 4), (1, 2, 0)), ((2, 3, 4), (2, 0, 1)),
                           ((3,), None), ((2, 3, 4), None))),
    *(Case("reshape", (shape,), new)
      for shape, new in (((2, 3), (3, 2)), ((6,), (2, 3)), ((1,), ()), ((), (1, 1)))),
    Case("concat", ((2,), (3,)), 0),
    Case("concat", ((2, 3), (2, 1), (2, 2)), -1),
    Case("concat", ((2, 3), (1, 3)), 0),
    Case("concat", ((2, 3),), 1),
    Case("stack", ((), ()), 0),
    Case("stack", ((2, 3), (2, 3)), 0),
    Case("stack", ((2, 3), (2, 3), (2, 3)), 1),
    Case("stack", ((2, 3), (2, 3)), -1),
    *(Case("broadcast_to", (shape,), new)
      for shape, new in (((), (2, 3)), ((3,), (2, 3)), ((2, 1), (2, 3)),
                         ((1, 3, 1), (2, 2, 3, 4)))),
    *(Case("sum_to", (shape,), new)
      for shape, new in (((2, 3), ()), ((2, 3), (3,)), ((2, 3), (2, 1)), ((2, 2, 3), (1, 3)))),
    *(Case("index", (shape,), index) for shape, index in INDICES),
]  # fmt: skip


def scatters() -> list[Case]:
    """Each index, transposed."""
    row = next(row for row in ROWS if row.name == "index")
    return [
        Case("scatter", (row.shape([shape], index),), (index, shape)) for shape, index in INDICES
    ]


CASES += scatters()


def arguments(case: Case, generator: np.random.Generator) -> list[Any]:
    """Arrays of the case's shapes, away from singularities unless the case gives values."""
    if case.values is not None:
        return [np.array(v) for v in case.values]
    result = [generator.normal(size=shape) for shape in case.shapes]
    if case.square:
        n = case.shapes[0][-1]
        result[0] = 0.3 * result[0] + 2 * np.eye(n)
    return result


class Programs(NamedTuple):
    """<weight, f(x)>, and the arrays that belong to it."""

    graph: Graph
    point: dict[str, Any]
    node: int  # f(x)


def program(case: Case, x: Sequence[Any], weight: Any) -> Programs:
    builder = Builder()
    inputs = [builder.input(f"x{k}", np.shape(v)) for k, v in enumerate(x)]
    node = builder.add(case.op, *inputs, static=case.static)
    w = builder.input("w", builder.shape(node))
    total = builder.add("sum", builder.add("mul", node, w), static=ALL)
    point = {f"x{k}": v for k, v in enumerate(x)} | {"w": weight}
    return Programs(builder.graph([(None, total)]), point, node)


def product(graph: Graph, nodes: Sequence[int], count: int) -> tuple[Graph, int]:
    """The graph with sum over k of <node k, input u_k> appended."""
    builder = Builder(graph=graph)
    terms = []
    for k in range(count):
        u = builder.input(f"u{k}", graph.shape(nodes[k]))
        term = builder.add("mul", nodes[k], u)
        terms.append(builder.add("sum", term, static=ALL))
    total = terms[0]
    for term in terms[1:]:
        total = builder.add("add", total, term)
    return builder.graph([(None, total)]), total


def agree(found: Any, wanted: Any, what: str) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-11, err_msg=what)
    assert np.shape(found) == np.shape(wanted), what


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_pullback_row_has_cases_and_an_oracle(row: Operation) -> None:
    """A row without a case here would be tested by nothing."""
    assert any(case.op == row.name for case in CASES)
    assert row.name in oracles.JAX


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_against_jax(row: Operation) -> None:
    """Value, gradient and second order of each case, by every mode."""
    generator = np.random.default_rng(7)
    cases = [case for case in CASES if case.op == row.name]
    problems = []
    for case in cases:
        x = arguments(case, generator)
        weight = generator.normal(size=np.shape(compute(case.op, case.static, x)))
        along = [generator.normal(size=np.shape(v)) for v in x]
        problems.append(oracles.Problem(case.op, case.static, x, weight, along))
    for case, problem, answer in zip(cases, problems, oracles.jax_answers(problems), strict=True):
        check(case, problem, answer)


def check(case: Case, problem: oracles.Problem, answer: oracles.Answer) -> None:
    """Sweep, reverse, forward, reverse of reverse, reverse of forward and forward of reverse."""
    graph, point, node = program(case, problem.x, problem.weight)
    count = len(problem.x)
    variables = list(graph.inputs[:count])
    point |= {f"u{k}": u for k, u in enumerate(problem.along)}

    assert graph.shape(node) == np.shape(answer.value)
    sweep = differentiate(graph, point, wrt=variables)
    agree(sweep.values[node], answer.value, f"value: {case}")
    once = reverse(graph, wrt=variables)
    values = evaluate(once.graph, point).values
    for variable, wanted in zip(variables, answer.first, strict=True):
        agree(sweep.gradient[variable], wanted, f"numeric sweep: {case}")
        agree(values[once.gradient[variable]], wanted, f"reverse: {case}")

    tangent = forward(graph, {v: f"u{k}" for k, v in enumerate(variables)})
    top = tangent.tangents[graph.outputs[0][1]]
    slope = sum(np.sum(g * u) for g, u in zip(answer.first, problem.along, strict=True))
    agree(evaluate(tangent.graph, point).values[top], slope, f"forward: {case}")

    # three ways to the same product with the Hessian
    gradients = [once.gradient[v] for v in variables]
    joined, total = product(once.graph, gradients, count)
    again = reverse(joined, total, variables)
    found = evaluate(again.graph, point).values
    names = [tangent.graph.by_name[f"x{k}"] for k in range(count)]
    of_forward = differentiate(tangent.graph, point, top, names)
    of_reverse = forward(once.graph, {v: f"u{k}" for k, v in enumerate(variables)}, gradients)
    moved = evaluate(of_reverse.graph, point).values
    for k, variable in enumerate(variables):
        wanted = answer.second[k]
        agree(found[again.gradient[variable]], wanted, f"reverse of reverse: {case}")
        agree(of_forward.gradient[names[k]], wanted, f"reverse of forward: {case}")
        agree(moved[of_reverse.tangents[gradients[k]]], wanted, f"forward of reverse: {case}")
