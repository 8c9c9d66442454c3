"""Sources, arithmetic, comparisons, logic and selection."""

from __future__ import annotations

from backprop_cli.ir import shapes
from backprop_cli.ir.ops.notation import Expr, Operand, floor, log, where
from backprop_cli.ir.ops.operation import Note, Operation, Rule


def one(*_: Expr) -> float:
    return 1.0


def elementwise(name: str, family: str, signature: str, **fields: object) -> Operation:
    return Operation(name, "elementwise", family, signature, shape=shapes.broadcast, **fields)  # type: ignore[arg-type]


def comparison(name: str, symbol: str, summary: str) -> Operation:
    note = Note(
        "jump",
        lambda x, y, out: x == y,
        f"'{symbol}' jumps where both sides are equal; the derivative is taken as 0",
    )
    return elementwise(
        name,
        "comparison",
        "x y",
        summary=summary,
        derivative="0, 0",
        notation=symbol,
        precedence=4,
        partials=(None, None),
        notes=(note,),
        probes=((1.0, 2.0), (2.0, 1.0), (-1.5, 0.5)),
    )


def nary_count(x: tuple[Expr, ...], out: Expr) -> Operand:
    """How many operands attain the extremum."""
    count: Operand = x[0] == out
    for operand in x[1:]:
        count = count + (operand == out)
    return count


def share_of_tie(*operands: Expr) -> Operand:
    """1/k to each of the k operands of a tie: the subgradient of least norm."""
    *x, out = operands
    return 1 / nary_count(tuple(x), out)


def no_nan(*operands: Expr) -> Expr:
    out = operands[-1]
    return out == out


def extremum(name: str, alias: str, word: str) -> Operation:
    return elementwise(
        name,
        "selection",
        "x y",
        arity=(2, None),
        variadic=True,
        aliases=(alias,),
        summary=f"the {word} of two or more operands, element by element",
        derivative="1/k",
        partials=(share_of_tie,),
        exists=(lambda x, out: x == out,),
        domain=no_nan,
        selects=True,
        notes=(
            Note(
                "kink",
                lambda *xo: nary_count(xo[:-1], xo[-1]) > 1,
                f"a tie of {alias}; each of the k operands that attain it gets 1/k "
                "(for a derivative of 0 at 0, use relu)",
            ),
        ),
        probes=((1.0, 2.0), (2.0, -1.0), (0.5, 0.25)),
    )


def pow_x(x: Expr, y: Expr, out: Expr) -> Operand:
    return where(y == 0, 0.0, y * x ** (y - 1))


def pow_y(x: Expr, y: Expr, out: Expr) -> Operand:
    return where((x == 0) & (y >= 0), 0.0, out * log(x))


def _exponent_zero(x: Expr, y: Expr, out: Expr) -> Expr:
    return y == 0


def _inside(strict: bool) -> Rule:
    if strict:
        return lambda x, lo, hi, out: (lo < x) & (x < hi)
    return lambda x, lo, hi, out: (lo <= x) & (x <= hi)


PAIRS = ((1.5, 2.0), (-0.75, 3.0), (0.3, -1.25))

ROWS = [
    Operation("input", "source", "graph", "", summary="a variable", shape=shapes.source),
    Operation("const", "source", "graph", "", summary="a number", shape=shapes.source),
    elementwise(
        "identity",
        "graph",
        "x",
        summary="a second name for a node",
        derivative="1",
        partials=(one,),
        probes=((0.7,), (-1.3,)),
    ),
    elementwise(
        "stop_grad",
        "graph",
        "x",
        summary="the identity in value, and no path for derivatives",
        derivative="none",
        partials=(None,),
        probes=((0.7,),),
    ),
    elementwise(
        "add",
        "arithmetic",
        "x y",
        summary="sum",
        derivative="1, 1",
        notation="+",
        precedence=5,
        partials=(one, one),
        probes=PAIRS,
    ),
    elementwise(
        "sub",
        "arithmetic",
        "x y",
        summary="difference",
        derivative="1, -1",
        notation="-",
        precedence=5,
        partials=(one, lambda x, y, out: -1.0),
        probes=PAIRS,
    ),
    elementwise(
        "mul",
        "arithmetic",
        "x y",
        summary="product, element by element",
        derivative="y, x",
        notation="*",
        precedence=6,
        partials=(lambda x, y, out: y, lambda x, y, out: x),
        vanishes=((lambda x, y, out: y == 0, (1,)), (lambda x, y, out: x == 0, (0,))),
        probes=PAIRS,
    ),
    elementwise(
        "div",
        "arithmetic",
        "x y",
        summary="quotient",
        derivative="1/y, -out/y",
        notation="/",
        precedence=6,
        partials=(lambda x, y, out: 1 / y, lambda x, y, out: -out / y),
        probes=PAIRS,
    ),
    elementwise(
        "mod",
        "arithmetic",
        "x y",
        summary="floored remainder, with the sign of y",
        derivative="1, -floor(x/y)",
        notation="%",
        precedence=6,
        partials=(one, lambda x, y, out: -floor(x / y)),
        notes=(
            Note(
                "jump",
                lambda x, y, out: out == 0,
                "x % y jumps at a whole multiple; the derivative is the one from the right",
            ),
        ),
        probes=((5.5, 2.0), (-0.75, 3.0), (1.25, -0.5)),
    ),
    elementwise(
        "neg",
        "arithmetic",
        "x",
        summary="negation",
        derivative="-1",
        notation="-",
        precedence=7,
        partials=(lambda x, out: -1.0,),
        probes=((0.7,), (-2.0,)),
    ),
    elementwise(
        "pow",
        "arithmetic",
        "x y",
        summary="power",
        derivative="y*x^(y-1), out*log(x)",
        notation="^",
        precedence=8,
        partials=(pow_x, pow_y),
        vanishes=((_exponent_zero, (1,)), None),
        notes=(
            Note(
                "kink",
                lambda x, y, out: (x == 0) & (y == 0),
                "0^0 is taken as 1 with derivatives 0",
                needs=1,
            ),
            Note(
                "domain",
                lambda x, y, out: x < 0,
                "the derivative of x^y by its exponent does not exist for x < 0",
                needs=1,
            ),
        ),
        probes=((1.5, 2.0), (0.3, -1.25), (2.5, 0.5)),
    ),
    comparison("lt", "<", "less"),
    comparison("le", "<=", "less or equal"),
    comparison("gt", ">", "greater"),
    comparison("ge", ">=", "greater or equal"),
    comparison("eq", "==", "equal"),
    comparison("ne", "!=", "not equal"),
    elementwise(
        "and",
        "logic",
        "x y",
        summary="1 where both are not 0, else 0",
        derivative="0, 0",
        notation="and",
        precedence=2,
        partials=(None, None),
        probes=((1.0, 0.0), (1.0, 2.0)),
    ),
    elementwise(
        "or",
        "logic",
        "x y",
        summary="1 where one is not 0, else 0",
        derivative="0, 0",
        notation="or",
        precedence=1,
        partials=(None, None),
        probes=((1.0, 0.0), (0.0, 0.0)),
    ),
    elementwise(
        "not",
        "logic",
        "x",
        summary="1 where 0, else 0",
        derivative="0",
        notation="not",
        precedence=3,
        partials=(None,),
        probes=((1.0,), (0.0,)),
    ),
    elementwise(
        "where",
        "selection",
        "c x y",
        summary="x where c is not 0, else y",
        aliases=("if", "select"),
        derivative="none, 1 where c, 1 where not c",
        partials=(None, one, one),
        exists=(None, lambda c, x, y, out: c != 0, lambda c, x, y, out: c == 0),
        selects=True,
        probes=((1.0, 0.3, -2.0), (0.0, 0.3, -2.0)),
    ),
    extremum("maximum", "max", "largest"),
    extremum("minimum", "min", "smallest"),
    elementwise(
        "clip",
        "selection",
        "x lo hi",
        summary="x kept between lo and hi",
        derivative="1 where lo < x < hi, 1 where x < lo, 1 where x > hi",
        partials=(one, one, one),
        exists=(
            _inside(strict=True),
            lambda x, lo, hi, out: (x < lo) & (lo <= hi),
            lambda x, lo, hi, out: (x > hi) | (lo > hi),
        ),
        domain=no_nan,
        selects=True,
        notes=(
            Note(
                "kink",
                lambda x, lo, hi, out: (x == lo) | (x == hi),
                "clip has a kink at a bound; the derivative is taken as 0",
            ),
        ),
        probes=((0.5, -1.0, 1.0), (-2.0, -1.0, 1.0), (3.0, -1.0, 1.0)),
    ),
]
