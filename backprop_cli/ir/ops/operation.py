"""The shape of an operation's row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from backprop_cli.ir.ops.notation import Expr

Shape = tuple[int, ...]
# partial(x, y, ..., out); pullback(g, x, y, ..., out, static); condition(x, y, ..., out)
Rule = Callable[..., Any]
ShapeRule = Callable[[list[Shape], Any], Shape]


class Note(NamedTuple):
    """A choice a result rests on where `condition(x, ..., out)` holds and an adjoint comes."""

    kind: str  # 'kink', 'jump' or 'domain'
    condition: Rule
    message: str
    needs: int | None = None  # only where this argument depends on a variable


class Operation:
    """One row of the operation table: what an operation is called, means and differentiates to.

    An elementwise row states `partials`, one function an argument, `None` where there is no
    derivative. Other rows state `pullbacks`: the vector-Jacobian product for a cotangent `g`.
    A variadic row has one rule for all its arguments.

    `exists` says, per argument, where a selecting operation selected it. `vanishes` says where a
    partial is zero whatever the remaining arguments are; where all it reads is constant, there is
    no edge. Outside `domain` the derivative is nan.
    """

    __slots__ = (
        "aliases",
        "arity",
        "code",
        "derivative",
        "domain",
        "exists",
        "family",
        "kind",
        "masks",
        "name",
        "notation",
        "notes",
        "partials",
        "precedence",
        "probes",
        "pullbacks",
        "selects",
        "shape",
        "signature",
        "static",
        "summary",
        "vanishes",
        "variadic",
    )

    code: int  # its place in OPERATIONS

    def __init__(
        self,
        name: str,
        kind: str,
        family: str,
        signature: str,
        *,
        summary: str,
        derivative: str = "",
        shape: ShapeRule,
        arity: tuple[int, int | None] | None = None,
        aliases: tuple[str, ...] = (),
        partials: tuple[Rule | None, ...] = (),
        pullbacks: tuple[Rule | None, ...] = (),
        exists: tuple[Rule | None, ...] = (),
        vanishes: tuple[tuple[Rule, tuple[int, ...]] | None, ...] = (),
        domain: Rule | None = None,
        notes: tuple[Note, ...] = (),
        notation: str | None = None,
        precedence: int = 100,
        probes: tuple[tuple[float, ...], ...] = (),
        masks: str = "mix",
        selects: bool = False,
        static: str = "",
        variadic: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind  # 'source', 'elementwise' or 'pullback'
        self.family = family
        self.signature = tuple(signature.split())
        self.summary = summary
        self.derivative = derivative
        self.shape = shape
        self.arity = arity or (len(self.signature), len(self.signature))
        self.aliases = aliases
        self.partials = partials
        self.pullbacks = pullbacks
        self.exists = exists
        self.vanishes = vanishes
        self.domain = domain
        self.notes = notes
        self.notation = notation  # the infix or prefix symbol, if it is written with one
        self.precedence = precedence  # binds tighter where larger; 100 for calls and atoms
        self.probes = probes  # points inside the domain where tests check the rule
        self.masks = masks  # how existence flows back: 'mix', 'route' (like values), 'reduce'
        self.selects = selects
        self.static = static  # the names of its static parameters, for help
        self.variadic = variadic

    @property
    def elementwise(self) -> bool:
        return self.kind == "elementwise"

    def rule(self, position: int) -> Rule | None:
        """The partial (elementwise) or pullback of the argument at `position`."""
        rules = self.partials or self.pullbacks
        if self.variadic:
            return rules[0] if rules else None
        return rules[position] if position < len(rules) else None

    def existence(self, position: int) -> Rule | None:
        """Where a selecting operation selected the argument; None where it always does."""
        if self.variadic:
            return self.exists[0] if self.exists else None
        return self.exists[position] if position < len(self.exists) else None

    def vanishing(self, position: int) -> tuple[Rule, tuple[int, ...]] | None:
        """Where the partial is zero, and the arguments that this reads."""
        return self.vanishes[position] if position < len(self.vanishes) else None

    def __repr__(self) -> str:
        return f"<Operation {self.name}>"


def edge_condition(
    row: Operation, position: int, x: list[Expr], out: Expr, varies: list[bool] | list[Expr]
) -> Expr | None:
    """Where the edge from the argument at `position` exists; None: everywhere.

    The one answer to 'does this edge exist': the selection, or a partial that is a constant zero.
    A point outside the domain keeps its edge, whose partial is nan. `varies` says which arguments
    are not constants, as booleans or as operands.
    """
    condition: Expr | None = None
    exists = row.existence(position)
    if exists is not None:
        condition = exists(x[position], out) if row.variadic else exists(*x, out)
        if row.domain is not None:
            condition = condition | ~row.domain(*x, out)
    vanishes = row.vanishing(position)
    if vanishes is not None:
        reads = [varies[i] for i in vanishes[1]]
        if not any(flag is True for flag in reads):
            nonzero: Expr = ~vanishes[0](*x, out)
            for flag in reads:
                if isinstance(flag, Expr):
                    nonzero = flag | nonzero
            condition = nonzero if condition is None else condition & nonzero
    return condition


def partial(row: Operation, position: int, x: list[Expr], out: Expr, static: object = None) -> Any:
    """The local partial of an elementwise row: an operand or a float; nan outside the domain."""
    rule = row.rule(position)
    if rule is None:
        raise LookupError(f"{row.name} has no derivative for argument {position}")
    value = rule(*x, out, static) if row.static else rule(*x, out)
    if row.domain is None:
        return value
    inside = row.domain(*x, out)
    return inside.context.apply("where", (inside, value, float("nan")))
