"""Identities that make a program's derivatives short, applied before it is differentiated.

Each holds wherever its left side is finite.
"""

from __future__ import annotations

from backprop_cli.ir.ops import Expr
from backprop_cli.ir.ops.notation import apply, log, sigmoid
from backprop_cli.transform.rewrite import Rule


def log_sigmoid(x: Expr) -> Expr:
    return apply("log_sigmoid", x)


def softplus(x: Expr) -> Expr:
    return apply("softplus", x)


def xlogy(x: Expr, y: Expr) -> Expr:
    return apply("xlogy", x, y)


def det(x: Expr) -> Expr:
    return apply("det", x)


def logdet(x: Expr) -> Expr:
    return apply("logdet", x)


def inv(x: Expr) -> Expr:
    return apply("inv", x)


def matmul(x: Expr, y: Expr) -> Expr:
    return apply("matmul", x, y)


def are_square(x: Expr, y: Expr) -> bool:
    return x.shape == y.shape and x.ndim == 2 and len(set(x.shape)) == 1


def is_matrix(x: Expr, s: object) -> bool:
    return x.ndim == 2


def is_vector(x: Expr, s: object) -> bool:
    return x.ndim < 2


RULES = [
    Rule(lambda x, s: apply("transpose", x, static=s), lambda x, s: x, is_vector),  # x' = x
    # determinants of products of square matrices, and of inverses
    Rule(lambda x, s: det(apply("transpose", x, static=s)), lambda x, s: det(x), is_matrix),
    Rule(lambda x: log(apply("abs", det(x))), lambda x: logdet(x)),  # log|det A| = logdet(A)
    Rule(lambda x: det(inv(x)), lambda x: 1 / det(x)),  # det(A^-1) = 1/det(A)
    Rule(lambda x: logdet(inv(x)), lambda x: -logdet(x)),
    Rule(lambda x, y: det(matmul(x, y)), lambda x, y: det(x) * det(y), are_square),
    Rule(lambda x, y: logdet(matmul(x, y)), lambda x, y: logdet(x) + logdet(y), are_square),
    # the log-likelihood of a logistic model: log(sigmoid(x)) = x + log(1 - sigmoid(x))
    Rule(
        lambda x, y: y * log_sigmoid(x) + (1 - y) * log_sigmoid(-x),
        lambda x, y: y * x - softplus(x),
    ),
    Rule(
        lambda x, y: y * log(sigmoid(x)) + (1 - y) * log(1 - sigmoid(x)),
        lambda x, y: y * x - softplus(x),
    ),
    Rule(
        lambda x, y: xlogy(y, sigmoid(x)) + xlogy(1 - y, 1 - sigmoid(x)),
        lambda x, y: y * x - softplus(x),
    ),
    Rule(
        lambda x, y: matmul(y, log(sigmoid(x))) + matmul(1 - y, log(1 - sigmoid(x))),
        lambda x, y: matmul(y, x) - apply("sum", softplus(x), static=(None, False)),
    ),
    Rule(
        lambda x, y: y * softplus(-x) + (1 - y) * softplus(x),
        lambda x, y: softplus(x) - y * x,
    ),
]
USED = frozenset(("det", "logdet", "sigmoid", "log_sigmoid", "softplus"))  # or no rule applies
