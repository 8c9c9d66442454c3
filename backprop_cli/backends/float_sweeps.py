"""Forward and reverse sweeps over scalar graphs as two generated loops.

Each operation's row is printed once as Python expressions into a loop with an if-chain on the
operation code, the commonest first: one text for all graphs with the same operations, whatever
their size. The text comes from our own rows, never from the user. A node whose fast function raises
is redone, with all that follow, by a second text of functions that never raise.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from typing import Any

from backprop_cli.backends.python_floats import FAST, TOTAL, FloatContext
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.ir.ops import OPERATIONS, Expr, Operand, Operation, edge_condition, partial

# what of `Graph.active` the loops ask: which of up to two arguments depend on a variable
_ARGUMENT_BITS = bytes(k & 3 for k in range(256))

# the node at hand in the text of the loops: values grow by one a node; `left`, the adjoints in
# reverse, knows how many are left, and reads each when its turn comes
FORWARD, BACKWARD = "len(values)", "left.__length_hint__()"

WIDE = 9  # arguments of a variadic operation that the text does not spell out
FLOATS = FloatContext()

Key = tuple[int, int]  # operation code and number of arguments
Flag = tuple[int, int]  # a node and the index of the note that holds there

_INFIX = {"add": "+", "sub": "-", "mul": "*"}
_TEST = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}


class TextContext:
    """Rules applied in this context print Python expressions. Conditions print as booleans."""

    def __init__(self, safe: bool) -> None:
        self.safe = safe

    def shape(self, value: str) -> tuple[int, ...]:
        return ()

    def text(self, operand: Operand) -> str:
        if isinstance(operand, Expr):
            return str(operand.value)
        return number_text(float(operand))

    def apply(self, op: str, operands: tuple[Operand, ...], static: Any = None) -> Expr:
        x = [self.text(operand) for operand in operands]
        if op in _TEST:
            return Expr(self, f"({x[0]} {_TEST[op]} {x[1]})")
        if op == "where":
            return Expr(self, f"({x[1]} if {x[0]} else {x[2]})")
        if op in ("and", "or"):
            return Expr(self, f"({x[0]} {op} {x[1]})")
        if op == "not":
            return Expr(self, f"(not {x[0]})")
        if op == "mul":
            one = [i for i in (0, 1) if x[i] == "1.0"]
            if one:
                return Expr(self, x[1 - one[0]])
        return Expr(self, value_text(op, x, self.safe, static))


def number_text(value: float) -> str:
    return repr(value) if math.isfinite(value) else f"({value})"


def value_text(op: str, x: list[str], safe: bool, static: Any = None) -> str:
    """The value of `op` on argument texts, as Python."""
    if op in _INFIX:
        return f"({x[0]} {_INFIX[op]} {x[1]})"
    match op:
        case "neg":
            return f"(-{x[0]})"
        case "div" if not safe:
            return f"({x[0]} / {x[1]})"
        case "square":
            return f"({x[0]} * {x[0]})"
        case "identity" | "stop_grad":
            return x[0]
        case "where":
            return f"({x[1]} if {x[0]} else {x[2]})"
        case "polygamma" if isinstance(static, int):
            return f"op_polygamma({x[0]}, {static})"
        case "polygamma":
            return f"op_polygamma({x[0]}, {static or f'static[{FORWARD}]'})"
    return f"op_{op}({', '.join(x)})"


class StaticOrder:
    """polygamma's order in generated text, where the rule adds 1 to it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __add__(self, k: int) -> StaticOrder:
        return StaticOrder(f"({self.text} + {k})")

    def __str__(self) -> str:
        return self.text


def _keys(graph: Graph) -> tuple[Key, ...]:
    """The operations of a graph, commonest first; variadic ones by arity, up to WIDE."""
    counts: Counter[Key] = Counter()
    variadic: set[int] = set()
    for code, count in Counter(graph.codes).items():
        if OPERATIONS[code].variadic:
            variadic.add(code)
        elif code not in (INPUT, CONST):
            counts[code, OPERATIONS[code].arity[0]] = count
    if variadic:
        for i, code in enumerate(graph.codes):
            if code in variadic:
                counts[code, min(len(graph.arguments(i)), WIDE)] += 1
    return tuple(key for key, _ in sorted(counts.items(), key=lambda item: -item[1]))


def _test(key: Key, here: str) -> str:
    code, arity = key
    if not OPERATIONS[code].variadic:
        return f"code == {code}"
    relation = ">=" if arity == WIDE else "=="
    return f"code == {code} and " + (
        "b >= 0" if arity == 2 else f"b == -2 and len(rest[{here}]) {relation} {arity}"
    )


def _setup(arity: int, needs: set[str], here: str) -> list[str]:
    """Names for the arguments (a0, ...) and their values (x0, ...) where the text needs them."""
    lines: list[str] = []
    used = {name for name in needs if name[1:].isdigit()}
    if arity > 2:
        wanted = [k for k in range(arity) if {f"a{k}", f"x{k}"} & used]
        if wanted:
            lines.append(f"own = rest[{here}]")
        lines += [f"a{k} = own[{k}]" for k in wanted]
        lines += [f"x{k} = values[a{k}]" for k in wanted if f"x{k}" in used]
    else:
        lines += [f"x{k} = values[{'ab'[k]}]" for k in range(arity) if f"x{k}" in used]
    return lines


def _node(arity: int, k: int) -> str:
    """The name of an argument's node in the text."""
    return f"a{k}" if arity > 2 else "ab"[k]


def _words(lines: list[str]) -> set[str]:
    return set(re.findall(r"[a-z]+\d*", "\n".join(lines)))


def _forward_branch(key: Key, safe: bool) -> list[str]:
    row, arity = OPERATIONS[key[0]], key[1]
    if arity == WIDE:
        return [f"values.append(op_{row.name}(*[values[k] for k in rest[{FORWARD}]]))"]
    if arity <= 2 and row.name not in ("square", *_TEST):
        x = [f"values[{'ab'[k]}]" for k in range(arity)]
        return [f"values.append({value_text(row.name, x, safe)})"]
    names = [f"x{k}" for k in range(arity)]
    if row.name in _TEST:
        text = f"1.0 if {names[0]} {_TEST[row.name]} {names[1]} else 0.0"
    else:
        text = value_text(row.name, names, safe)
    return [*_setup(arity, set(names), FORWARD), f"values.append({text})"]


def _indent(lines: list[str], depth: int) -> list[str]:
    return ["    " * depth + line for line in lines]


def _chain(keys: tuple[Key, ...], branches: list[list[str]], depth: int, here: str) -> list[str]:
    lines: list[str] = []
    for key, branch in zip(keys, branches, strict=True):
        lines += _indent([f"{'elif' if lines else 'if'} {_test(key, here)}:"], depth)
        lines += _indent(branch, depth + 1)
    return lines


def _forward_text(keys: tuple[Key, ...], safe: bool) -> str:
    chain = _chain(keys, [_forward_branch(key, safe) for key in keys], 3, FORWARD)
    first = "elif" if keys else "if"
    tail = [
        f"{first} code == {CONST}:",
        f"    values.append(static[{FORWARD}])",
        "else:",
        f"    values.append(bound[{FORWARD}])",
    ]
    return "\n".join(
        [
            "def forward(codes, first, second, rest, static, bound, values):",
            "    start = len(values)",
            "    try:",
            "        for code, a, b in zip(codes[start:], first[start:], second[start:]):",
            *chain,
            *_indent(tail, 3),
            "    except (ArithmeticError, ValueError):",
            "        pass",
        ]
    )


Branch = tuple[list[str], list[str]]  # what computes the contributions, what adds them


def _contribution_lines(
    row: Operation, arity: int, safe: bool, active: list[bool] | list[Expr]
) -> Branch:
    """The contributions of one operation to its active arguments."""
    context = TextContext(safe)
    x = [Expr(context, f"x{k}") for k in range(arity)]
    out = Expr(context, "out")
    body: list[str] = []
    adds: list[str] = []
    shared = row.variadic and arity > 1
    for k in range(arity):
        if row.rule(k) is None or active[k] is False:
            continue
        if shared and adds:
            slope = "share"
        else:
            static = StaticOrder(f"static[{BACKWARD}]") if row.static else None
            slope = context.text(partial(row, k, x, out, static))
            if shared:
                body.append(f"share = {slope}")
                slope = "share"
        tests = [str(flag.value) for flag in active[k : k + 1] if isinstance(flag, Expr)]
        condition = edge_condition(row, k, x, out, active)
        if condition is not None:
            tests.append(str(condition.value))
        node = _node(arity, k)
        if not tests:
            slope, hoisted = _hoist(slope)
            body += hoisted
        product = {"1.0": "g", "-1.0": "-g"}.get(slope, f"g * {slope}")
        at_once = not tests and not _may_raise(product)
        term = product if at_once else f"t{k}"
        add = [
            f"s = adjoints[{node}]",
            f"adjoints[{node}] = {term} if s is None else s + {term}",
        ]
        if tests:
            body += [f"t{k} = None", f"if {' and '.join(tests)}:", f"    t{k} = {product}"]
            adds += [f"if t{k} is not None:", *_indent(add, 1)]
        else:
            body += [] if at_once else [f"t{k} = {product}"]
            adds += add
    return body, adds


def _may_raise(text: str) -> bool:
    """Whether a product of the text may end in an exception: it divides or calls."""
    return "/" in text or "op_" in text or " if " in text


def _hoist(slope: str) -> tuple[str, list[str]]:
    """A call that occurs twice is made once, before; not where a condition guards it."""
    if " if " in slope:
        return slope, []
    for call in re.findall(r"op_\w+\([^()]*\)", slope):
        if slope.count(call) > 1:
            return slope.replace(call, "c"), [f"c = {call}"]
    return slope, []


def _note_lines(row: Operation, arity: int, safe: bool) -> list[str]:
    """Records the notes of the row that hold at the node."""
    context = TextContext(safe)
    operands = [*(Expr(context, f"x{k}") for k in range(arity)), Expr(context, "out")]
    lines = []
    for k, note in enumerate(row.notes):
        condition = str(note.condition(*operands).value)
        if note.needs is not None:
            condition = f"active[{_node(arity, note.needs)}] and {condition}"
        lines += [f"if {condition}:", f"    flags.append(({BACKWARD}, {k}))"]
    return lines


def wide_slopes(
    code: int, nodes: tuple[int, ...], values: list[float], active: bytearray, out: float
) -> tuple[list[tuple[int, float]], list[int]]:
    """The partials by the arguments that have an edge, and the notes that hold, of a wide node."""
    row = OPERATIONS[code]
    x, result = [Expr(FLOATS, values[k]) for k in nodes], Expr(FLOATS, out)
    slope = partial(row, 0, x, result).value  # one rule for all arguments
    inside = [True] * len(x)
    slopes = []
    for k, node in enumerate(nodes):
        if active[node]:
            condition = edge_condition(row, k, x, result, inside)
            if condition is None or condition.value:
                slopes.append((node, slope))
    holds = [k for k, note in enumerate(row.notes) if note.condition(*x, result).value]
    return slopes, holds


# A variadic row of WIDE arguments or more is computed by a call: its text would nest too deep.
_WIDE_BRANCH = [
    f"slopes, holds = wide_slopes(code, rest[{BACKWARD}], values, active, out)",
    "for k in holds:",
    f"    flags.append(({BACKWARD}, k))",
    "for k, slope in slopes:",
    "    s = adjoints[k]",
    "    adjoints[k] = g * slope if s is None else s + g * slope",
]


def _reverse_branch(key: Key, safe: bool) -> list[str]:
    """One operation of the reverse loop: all contributions are computed before any is added.

    `p` has a bit for each active argument, up to two; a node with more asks each.
    """
    row, arity = OPERATIONS[key[0]], key[1]
    if arity == WIDE:
        return _WIDE_BRANCH
    notes = _note_lines(row, arity, safe)
    if arity == 1:
        body, adds = _contribution_lines(row, 1, safe, [True])
        lines = [*notes, *body, *adds]
    elif arity == 2:
        lines = list(notes)
        for bits, word in ((3, "if"), (1, "elif"), (2, "elif")):
            body, adds = _contribution_lines(row, 2, safe, [bool(bits & 1), bool(bits & 2)])
            branch = [*body, *adds]
            loads = _setup(2, _words(branch) - _words(notes), BACKWARD)
            lines += [f"{word} p == {bits}:", *_indent([*loads, *branch] or ["pass"], 1)]
    else:
        flags = [Expr(TextContext(safe), f"active[a{k}]") for k in range(arity)]
        body, adds = _contribution_lines(row, arity, safe, flags)
        lines = [*notes, *body, *adds]
    words = _words(lines if arity != 2 else notes)
    return [*_setup(arity, words, BACKWARD), *lines] or ["pass"]


def _reverse_text(keys: tuple[Key, ...], safe: bool) -> str:
    chain = _chain(keys, [_reverse_branch(key, safe) for key in keys], 3, BACKWARD)
    has_out = "out" in _words(chain)
    return "\n".join(
        [
            "def reverse(codes, first, second, rest, static, active, patterns, values, adjoints,",
            "            flags):",
            "    i = len(adjoints) - 1",
            "    left = reversed(adjoints)",
            "    columns = zip(left, codes[i::-1], first[i::-1], second[i::-1], patterns[i::-1],",
            "                  "
            + ("islice(reversed(values), len(values) - 1 - i, None))" if has_out else ")"),
            "    try:",
            f"        for g, code, a, b, p{', out' if has_out else ''} in columns:",
            "            if g is None:",
            "                continue",
            *chain,
            "    except (ArithmeticError, ValueError):",
            "        return left.__length_hint__()",
            "    return -1",
        ]
    )


@lru_cache(maxsize=256)
def _compiled(keys: tuple[Key, ...], kind: str, safe: bool) -> Callable[..., Any]:
    """The loop for the operations `keys`, compiled."""
    text = _forward_text(keys, safe) if kind == "forward" else _reverse_text(keys, safe)
    functions = TOTAL if safe else TOTAL | FAST
    names: dict[str, Any] = {f"op_{name}": f for name, f in functions.items()}
    names |= {"inf": math.inf, "nan": math.nan, "islice": islice, "wide_slopes": wide_slopes}
    exec(compile(text, f"<{kind} sweep>", "exec"), names)
    return names[kind]  # type: ignore[no-any-return]


def forward(graph: Graph, bound: dict[int, float]) -> list[float]:
    """The value of every node, given those of the inputs."""
    keys = _keys(graph)
    values: list[float] = []
    columns = (graph.codes, graph.first, graph.second, graph.rest, graph.static, bound, values)
    _compiled(keys, "forward", False)(*columns)
    if len(values) < len(graph):
        _compiled(keys, "forward", True)(*columns)
    return values


def reverse(
    graph: Graph, values: list[float], active: bytearray, output: int, seed: float
) -> tuple[list[float | None], list[Flag]]:
    """The adjoint of every node that is reached, else None; and the notes that hold on the way."""
    keys = _keys(graph)
    adjoints: list[float | None] = [None] * (output + 1)
    flags: list[Flag] = []
    if seed != 0 and active[output]:
        adjoints[output] = seed
    patterns = active.translate(_ARGUMENT_BITS)
    graph_columns = (graph.codes, graph.first, graph.second, graph.rest, graph.static)
    columns = (*graph_columns, active, patterns, values)
    at = _compiled(keys, "reverse", False)(*columns, adjoints, flags)
    above: list[float | None] = []
    if at >= 0:
        flags[:] = [flag for flag in flags if flag[0] != at]
        above = adjoints[at + 1 :]
        del adjoints[at + 1 :]
        _compiled(keys, "reverse", True)(*columns, adjoints, flags)
    adjoints += above
    adjoints += [None] * (len(graph) - len(adjoints))
    if active is not graph.active:
        # a node of `wrt` with one argument hands on to what does not depend on `wrt`
        for i, depends in enumerate(active):
            if not depends:
                adjoints[i] = None
        flags = [flag for flag in flags if active[flag[0]]]
    return adjoints, flags
