"""The notation of derivative rules: operands that carry operators, and functions of them.

A rule is written once, as mathematics over operands (`Expr`). What an operator does is up to the
operand's context: a `Builder` appends nodes, the NumPy backend computes, the code generator prints.
"""

from __future__ import annotations

from typing import Any, Protocol


class Context(Protocol):
    """Where operations on operands happen."""

    def apply(self, op: str, operands: tuple[Operand, ...], static: object = None) -> Expr:
        """The operation `op` on operands; a bare float is a constant."""
        ...

    def shape(self, value: Any) -> tuple[int, ...]:
        """The shape of an operand's value."""
        ...


class Expr:
    """An operand of a rule: a value that only its context understands, with operators."""

    __slots__ = ("context", "value")

    def __init__(self, context: Context, value: Any) -> None:
        self.context = context
        self.value = value

    @property
    def shape(self) -> tuple[int, ...]:
        return self.context.shape(self.value)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def mT(self) -> Expr:
        """The transpose of the last two axes; itself below two axes."""
        n = self.ndim
        if n < 2:
            return self
        return self.context.apply("transpose", (self,), (*range(n - 2), n - 1, n - 2))

    def __add__(self, other: Operand) -> Expr:
        return self.context.apply("add", (self, other))

    def __radd__(self, other: Operand) -> Expr:
        return self.context.apply("add", (other, self))

    def __sub__(self, other: Operand) -> Expr:
        return self.context.apply("sub", (self, other))

    def __rsub__(self, other: Operand) -> Expr:
        return self.context.apply("sub", (other, self))

    def __mul__(self, other: Operand) -> Expr:
        return self.context.apply("mul", (self, other))

    def __rmul__(self, other: Operand) -> Expr:
        return self.context.apply("mul", (other, self))

    def __truediv__(self, other: Operand) -> Expr:
        return self.context.apply("div", (self, other))

    def __rtruediv__(self, other: Operand) -> Expr:
        return self.context.apply("div", (other, self))

    def __pow__(self, other: Operand) -> Expr:
        return self.context.apply("pow", (self, other))

    def __matmul__(self, other: Expr) -> Expr:
        return self.context.apply("matmul", (self, other))

    def __neg__(self) -> Expr:
        return self.context.apply("neg", (self,))

    def __lt__(self, other: Operand) -> Expr:
        return self.context.apply("lt", (self, other))

    def __le__(self, other: Operand) -> Expr:
        return self.context.apply("le", (self, other))

    def __gt__(self, other: Operand) -> Expr:
        return self.context.apply("gt", (self, other))

    def __ge__(self, other: Operand) -> Expr:
        return self.context.apply("ge", (self, other))

    def __eq__(self, other: Operand) -> Expr:  # type: ignore[override]
        return self.context.apply("eq", (self, other))

    def __ne__(self, other: Operand) -> Expr:  # type: ignore[override]
        return self.context.apply("ne", (self, other))

    __hash__ = None  # type: ignore[assignment]

    def __and__(self, other: Operand) -> Expr:
        return self.context.apply("and", (self, other))

    def __or__(self, other: Operand) -> Expr:
        return self.context.apply("or", (self, other))

    def __invert__(self) -> Expr:
        return self.context.apply("not", (self,))

    def __getitem__(self, index: tuple[object, ...]) -> Expr:
        return self.context.apply("index", (self,), index)


Operand = Expr | float


def apply(op: str, *operands: Operand, static: object = None) -> Expr:
    """The operation `op`, in the context of the first operand that has one."""
    for operand in operands:
        if isinstance(operand, Expr):
            return operand.context.apply(op, operands, static)
    raise TypeError(f"{op}: no operand carries a context")


def where(condition: Expr, yes: Operand, no: Operand) -> Expr:
    return apply("where", condition, yes, no)


def maximum(*operands: Operand) -> Expr:
    return apply("maximum", *operands)


def total(x: Expr, axes: tuple[int, ...] | None = None, keepdims: bool = False) -> Expr:
    """The sum over axes (all of them by default)."""
    return apply("sum", x, static=(axes, keepdims))


def unsigned(x: Expr) -> Expr:
    """`x` with its zero made positive: -0.0 + 0.0 is 0.0, so that 1/x at 0 has one sign."""
    return x + 0.0


def absolute(x: Expr) -> Expr:
    return apply("abs", x)


def sign(x: Expr) -> Expr:
    return apply("sign", x)


def floor(x: Expr) -> Expr:
    return apply("floor", x)


def sqrt(x: Expr) -> Expr:
    return apply("sqrt", x)


def exp(x: Expr) -> Expr:
    return apply("exp", x)


def expm1(x: Expr) -> Expr:
    return apply("expm1", x)


def log(x: Expr) -> Expr:
    return apply("log", x)


def sin(x: Expr) -> Expr:
    return apply("sin", x)


def cos(x: Expr) -> Expr:
    return apply("cos", x)


def sinh(x: Expr) -> Expr:
    return apply("sinh", x)


def cosh(x: Expr) -> Expr:
    return apply("cosh", x)


def hypot(x: Operand, y: Operand) -> Expr:
    return apply("hypot", x, y)


def square(x: Expr) -> Expr:
    return apply("square", x)


def sigmoid(x: Expr) -> Expr:
    return apply("sigmoid", x)


def erfc(x: Expr) -> Expr:
    return apply("erfc", x)


def digamma(x: Expr) -> Expr:
    return apply("digamma", x)


def polygamma(order: int, x: Expr) -> Expr:
    return apply("polygamma", x, static=order)


def reshape(x: Expr, shape: tuple[int, ...]) -> Expr:
    return x if x.shape == shape else apply("reshape", x, static=shape)


def broadcast_to(x: Expr, shape: tuple[int, ...]) -> Expr:
    return x if x.shape == shape else apply("broadcast_to", x, static=shape)


def sum_to(x: Expr, shape: tuple[int, ...]) -> Expr:
    return x if x.shape == shape else apply("sum_to", x, static=shape)


def fit(x: Expr, shape: tuple[int, ...]) -> Expr:
    """`x` in the shape `shape`: sums what was broadcast to it, broadcasts where it is too small."""
    have = x.shape
    if have == shape:
        return x
    pad = max(len(have), len(shape))
    a, b = (1,) * (pad - len(have)) + have, (1,) * (pad - len(shape)) + shape
    target = tuple(1 if n == 1 else m for m, n in zip(a, b, strict=True))
    return broadcast_to(sum_to(x, target[pad - min(len(have), len(shape)) :]), shape)
