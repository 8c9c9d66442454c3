"""Products and decompositions of vectors and matrices, in stacks along leading axes.

Pullbacks after Giles (2008), "Collected matrix derivative results for forward and reverse mode
algorithmic differentiation".
"""

from __future__ import annotations

from backprop_cli.ir import shapes
from backprop_cli.ir.ops.notation import Expr, Operand, apply, fit, reshape, total
from backprop_cli.ir.ops.operation import Operation, Rule, ShapeRule


def column(x: Expr) -> Expr:
    """A vector as a matrix of one column."""
    return reshape(x, (*x.shape, 1)) if x.ndim == 1 else x


def row(x: Expr) -> Expr:
    """A vector as a matrix of one row."""
    return reshape(x, (1, *x.shape)) if x.ndim == 1 else x


def product_matrix(g: Expr, a: Expr, b: Expr) -> Expr:
    """The cotangent of `a @ b` with the axes that vectors lost."""
    shape = list(g.shape)
    if a.ndim == 1:
        shape.insert(len(shape) - (b.ndim > 1), 1)
    if b.ndim == 1:
        shape.append(1)
    return reshape(g, tuple(shape))


def matmul_a(g: Expr, a: Expr, b: Expr, out: Expr, static: object) -> Expr:
    result = product_matrix(g, a, b) @ column(b).mT
    return reshape(fit(result, row(a).shape), a.shape)


def matmul_b(g: Expr, a: Expr, b: Expr, out: Expr, static: object) -> Expr:
    result = row(a).mT @ product_matrix(g, a, b)
    return reshape(fit(result, column(b).shape), b.shape)


def solve_columns(a: Expr, b: Expr, g: Expr) -> Expr:
    """solve(a', g), as columns even where the right side `b` was a vector."""
    if b.ndim == 1:
        g = reshape(g, (*g.shape, 1))
    return apply("solve", a.mT, g)


def solve_a(g: Expr, a: Expr, b: Expr, out: Expr, static: object) -> Expr:
    x = reshape(out, (*out.shape, 1)) if b.ndim == 1 else out
    return fit(-(solve_columns(a, b, g) @ x.mT), a.shape)


def solve_b(g: Expr, a: Expr, b: Expr, out: Expr, static: object) -> Expr:
    result = solve_columns(a, b, g)
    if b.ndim == 1:
        result = reshape(result, result.shape[:-1])
    return fit(result, b.shape)


def per_matrix(g: Expr) -> Expr:
    """One number a matrix, with two axes more."""
    return reshape(g, (*g.shape, 1, 1))


def inverse_transpose(x: Expr) -> Expr:
    return apply("inv", x).mT


def cofactor_pullback(g: Expr, x: Expr, out: Expr, static: object) -> Operand:
    """det(x) * (<g, B> B - B g' B) with B the inverse's transpose; nan where x is singular."""
    b = inverse_transpose(x)
    inner = total(g * b, (x.ndim - 2, x.ndim - 1), keepdims=True)
    return per_matrix(apply("det", x)) * (inner * b - b @ g.mT @ b)


def diag_pullback(g: Expr, x: Expr, out: Expr, static: object) -> Expr:
    result = apply("diag", g)
    if x.ndim == 1 or result.shape == x.shape:
        return result
    k = g.shape[0]
    corner = (("slice", 0, k, 1), ("slice", 0, k, 1))
    return apply("scatter", result, static=(corner, x.shape))


def linear(
    name: str,
    signature: str,
    summary: str,
    derivative: str,
    shape: ShapeRule,
    *pullbacks: Rule,
    **fields: object,
) -> Operation:
    return Operation(
        name,
        "pullback",
        "linear algebra",
        signature,
        summary=summary,
        derivative=derivative,
        shape=shape,
        pullbacks=pullbacks,
        **fields,  # type: ignore[arg-type]
    )


ROWS = [
    linear(
        "matmul",
        "a b",
        "matrix product",
        "out̄ @ b', a' @ out̄",
        shapes.matmul,
        matmul_a,
        matmul_b,
        notation="@",
        precedence=6,
    ),
    linear(
        "outer",
        "a b",
        "outer product of two vectors",
        "out̄ @ b, out̄' @ a",
        shapes.outer,
        lambda g, a, b, out, s: g @ b,
        lambda g, a, b, out, s: g.mT @ a,
    ),
    linear(
        "cross",
        "a b",
        "cross product of vectors of 3 elements",
        "cross(b, out̄), cross(out̄, a)",
        shapes.cross,
        lambda g, a, b, out, s: apply("cross", b, g),
        lambda g, a, b, out, s: apply("cross", g, a),
    ),
    linear(
        "trace",
        "x",
        "sum of the diagonal of a matrix",
        "out̄*eye(n)",
        shapes.trace,
        lambda g, x, out, s: g * x.context.apply("eye", (), x.shape),
        aliases=("tr",),
    ),
    linear(
        "det",
        "x",
        "determinant",
        "out̄*cofactor(x)",
        shapes.of_square,
        lambda g, x, out, s: per_matrix(g) * apply("cofactor", x),
    ),
    linear(
        "logdet",
        "x",
        "log(det(x)), nan where det(x) < 0",
        "out̄*inv(x)'",
        shapes.of_square,
        lambda g, x, out, s: per_matrix(g) * inverse_transpose(x),
    ),
    linear(
        "inv",
        "x",
        "inverse",
        "-out' @ out̄ @ out'",
        shapes.square_matrix,
        lambda g, x, out, s: -(out.mT @ g @ out.mT),
    ),
    linear(
        "solve",
        "a b",
        "the x with a @ x = b",
        "-solve(a', out̄) @ out', solve(a', out̄)",
        shapes.solve,
        solve_a,
        solve_b,
    ),
    linear(
        "cofactor",
        "x",
        "matrix of cofactors, det(x)*inv(x)' where x is not singular",
        "det(x)*(sum(out̄*B)*B - B @ out̄' @ B), B = inv(x)'",
        shapes.square_matrix,
        cofactor_pullback,
    ),
    linear(
        "diag",
        "x",
        "a vector as a diagonal matrix, or a matrix's diagonal",
        "diag(out̄)",
        shapes.diag,
        diag_pullback,
        masks="route",
    ),
]
