"""The float loops as Python text: each operation's row printed into a branch of an if-chain."""

from __future__ import annotations

import re
from collections import Counter

from backprop_cli.backends.float_expressions import (
    BACKWARD,
    COMPARISONS,
    FORWARD,
    StaticOrder,
    TextContext,
    value_text,
)
from backprop_cli.ir.graph import CONST, INPUT, Graph
from backprop_cli.ir.ops import OPERATIONS, Expr, Operation, edge_condition, partial

WIDE = 9  # arguments of a variadic operation that the text does not spell out

Key = tuple[int, int]  # operation code and number of arguments


def keys_of(graph: Graph) -> tuple[Key, ...]:
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
    if arity <= 2 and row.name not in ("square", *COMPARISONS):
        x = [f"values[{'ab'[k]}]" for k in range(arity)]
        return [f"values.append({value_text(row.name, x, safe)})"]
    names = [f"x{k}" for k in range(arity)]
    if row.name in COMPARISONS:
        text = f"1.0 if {names[0]} {COMPARISONS[row.name]} {names[1]} else 0.0"
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


def forward_text(keys: tuple[Key, ...], safe: bool) -> str:
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


def reverse_text(keys: tuple[Key, ...], safe: bool) -> str:
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
