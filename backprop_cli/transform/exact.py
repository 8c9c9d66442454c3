"""Rewrites for code: the same values in IEEE arithmetic, infinities and nan with them.

Unlike the simplifier's, these rules hold at every point; a small whole power becomes a product,
which may differ from `pow` in the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.ops import BY_NAME, OPERATIONS, Expr
from backprop_cli.ir.ops.notation import apply, reshape, total, where
from backprop_cli.transform.rewrite import Compiled, Rewriter, Rule, compiled
from backprop_cli.transform.selections import TRUTHS
from backprop_cli.transform.tidy import CONDITIONALS, PRODUCTS

Shape = tuple[int, ...]

BROADCAST = BY_NAME["broadcast_to"].code
REDUCTIONS = frozenset(("sum", "prod", "mean", "var", "std", "max", "min", "norm", "logsumexp"))
# results that are never -0, whatever their arguments
UNSIGNED = frozenset(("square", "abs", "exp", "exp2", "cosh", "hypot", "sigmoid", "norm", "erfc"))
UNSIGNED |= TRUTHS


def never_minus_zero(x: Expr) -> bool:
    """Whether a node is known not to be -0."""
    builder: Builder = x.context.builder  # type: ignore[attr-defined]
    return _unsigned(builder, x.value, 20)


def _unsigned(builder: Builder, node: int, depth: int) -> bool:
    op, arguments = OPERATIONS[builder.codes[node]].name, builder.arguments(node)
    if op == "const":
        return str(builder.static[node]) != "-0.0"
    if op == "mul":
        return arguments[0] == arguments[1]
    if depth and op == "add":
        return any(_unsigned(builder, a, depth - 1) for a in arguments)
    if depth and op in ("sub", "sqrt", "sum"):
        return _unsigned(builder, arguments[0], depth - 1)
    return op in UNSIGNED


def _exact_product(c: Expr, d: Expr, *_: Expr) -> bool:
    """Whether `c*(d*x)` is `(c*d)*x`, but for one rounding less; neither is huge or tiny."""
    a, b = (abs(e.context.constant(e)) for e in (c, d))  # type: ignore[attr-defined]
    moderate = all(1e-6 < number < 1e6 for number in (a, b))
    return moderate and Fraction(a) * Fraction(b) == Fraction(a * b)


def _column(x: Expr, shape: Shape) -> bool:
    return x.ndim == 1 and shape == (*x.shape, 1)


def _power(n: float, product: Any) -> Rule:
    return Rule(lambda x: x**n, product)


def _within(op: Callable[[Expr, Expr], Expr]) -> list[Rule]:
    """A choice by the same condition, as the operand of an operation inside a branch."""
    return [
        Rule(
            lambda b, x, y, u, z: where(b, op(where(b, x, y), u), z),
            lambda b, x, y, u, z: where(b, op(x, u), z),
        ),
        Rule(
            lambda b, x, y, u, z: where(b, z, op(where(b, x, y), u)),
            lambda b, x, y, u, z: where(b, z, op(y, u)),
        ),
    ]


def _solved(a: Expr, x: Expr) -> Expr:
    return apply("solve", a, x)


RULES = [
    # powers
    Rule(lambda x: apply("square", x), lambda x: x * x),  # x^2 = x*x
    _power(0.0, lambda x: 1.0),  # x^0 = 1, also of nan
    _power(1.0, lambda x: x),  # x^1 = x
    _power(-1.0, lambda x: 1 / x),  # x^-1 = 1/x
    _power(2.0, lambda x: x * x),  # x^2 = x*x
    _power(3.0, lambda x: x * x * x),  # x^3 = x*x*x
    _power(4.0, lambda x: (x * x) * (x * x)),  # x^4 = (x^2)^2
    # signs
    Rule(lambda x: apply("neg", -x), lambda x: x),  # -(-x) = x
    Rule(lambda x, y: x + -y, lambda x, y: x - y),  # x + (-y) = x - y
    Rule(lambda x, y: x - -y, lambda x, y: x + y),  # x - (-y) = x + y
    Rule(lambda x: x + 0.0, lambda x: x, never_minus_zero),  # x + 0 = x, but for x = -0
    # constants
    Rule(lambda x: x / 1.0, lambda x: x),  # x/1 = x
    Rule(lambda c, d, x: c * (d * x), lambda c, d, x: (c * d) * x, _exact_product),  # c(dx) = (cd)x
    # what a branch knows of its condition
    *CONDITIONALS,
    Rule(lambda b, x, y, z: where(b, where(b, x, y), z), lambda b, x, y, z: where(b, x, z)),
    Rule(lambda b, x, y, z: where(b, z, where(b, x, y)), lambda b, x, y, z: where(b, z, y)),
    *_within(lambda u, v: u * v),
    *_within(lambda u, v: u / v),
    Rule(lambda b, x, y, z: where(b, -where(b, x, y), z), lambda b, x, y, z: where(b, -x, z)),
    Rule(lambda b, x, y, z: where(b, z, -where(b, x, y)), lambda b, x, y, z: where(b, z, -y)),
    # shapes
    Rule(lambda x, s, t: _reshaped(_reshaped(x, s), t), lambda x, s, t: reshape(x, t)),
    Rule(lambda x, s: _reshaped(x, s), lambda x, s: x, lambda x, s: x.shape == s),
    Rule(
        lambda x, s: _reshaped(x, s),  # of a number
        lambda x, s: apply("broadcast_to", x, static=s),
        lambda x, s: x.ndim == 0,
    ),
    Rule(
        lambda x, s, t: apply("broadcast_to", apply("broadcast_to", x, static=s), static=t),
        lambda x, s, t: apply("broadcast_to", x, static=t),
    ),
    Rule(
        lambda x, axes: apply("transpose", x, static=axes),
        lambda x, axes: x,
        lambda x, axes: x.ndim < 2 or axes == tuple(range(x.ndim)),
    ),
    Rule(lambda x: apply("transpose", apply("transpose", x)), lambda x: x),  # (x')' = x
    *PRODUCTS,
    Rule(
        lambda g, s, a: apply("broadcast_to", g, static=s) @ a,  # of an inner product
        lambda g, s, a: g * a,
        lambda g, s, a: g.ndim == 0 and s == (1, 1) and a.ndim == 2,
    ),
    Rule(
        lambda g, s, a: a @ apply("broadcast_to", g, static=s),
        lambda g, s, a: g * a,
        lambda g, s, a: g.ndim == 0 and s == (1, 1) and a.ndim == 2,
    ),
    Rule(
        lambda a, x, s: _solved(a, _reshaped(x, s)),  # of one column
        lambda a, x, s: reshape(_solved(a, x), s),
        lambda a, x, s: a.ndim == 2 and _column(x, s),
    ),
]


def _reshaped(x: Expr, shape: Any) -> Expr:
    return apply("reshape", x, static=shape)


_COMPILED: dict[str, list[Compiled]] = {}


class Exact(Rewriter):
    """Makes nodes by RULES, and repeats numbers only where an operation needs them repeated."""

    __slots__ = ()

    def __init__(self, builder: Builder) -> None:
        if not _COMPILED:
            _COMPILED.update(compiled(RULES))
        super().__init__(builder, _COMPILED)

    def make(self, op: str, args: tuple[int, ...], static: Any = None) -> int:
        if op in REDUCTIONS:
            static = self._all_axes(static, args[0])
        elif op == "sum_to":
            return self._summed(args[0], static)
        elif BY_NAME[op].elementwise and any(self.builder.codes[a] == BROADCAST for a in args):
            return self._bare(op, args, static)
        return super().make(op, args, static)

    def _all_axes(self, static: Any, x: int) -> Any:
        """A reduction's axes; None where it is over all of them."""
        axes, keepdims = static
        rank = len(self.builder.shape(x))
        whole = axes is not None and len({axis % max(rank, 1) for axis in axes}) == rank
        return (None, keepdims) if whole and not keepdims else static

    def _summed(self, x: int, shape: Shape) -> int:
        """`sum_to` as a sum over the axes that go."""
        old = self.builder.shape(x)
        lead = len(old) - len(shape)
        kept = tuple(k for k in range(lead, len(old)) if shape[k - lead] == 1 != old[k])
        result = Expr(self, x)
        if lead or kept:
            result = total(result, (*range(lead), *kept), keepdims=bool(kept))
        return int(reshape(result, shape).value)

    def _bare(self, op: str, args: tuple[int, ...], static: Any) -> int:
        """An elementwise operation on operands before they are repeated, its result repeated."""
        builder = self.builder
        wanted = BY_NAME[op].shape([builder.shape(a) for a in args], static)
        bare = [builder.arguments(a)[0] if builder.codes[a] == BROADCAST else a for a in args]
        node = self.made(op, tuple(bare), static)
        if builder.shape(node) == wanted:
            return node
        return super().make("broadcast_to", (node,), wanted)

    def made(self, op: str, args: tuple[int, ...], static: Any = None) -> int:
        """The node of an operation, with constants folded."""
        node: int = self.apply(op, tuple(Expr(self, a) for a in args), static).value
        return node
