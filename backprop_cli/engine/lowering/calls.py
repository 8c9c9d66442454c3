"""What the calls of a program mean, and in which order its functions depend on each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from backprop_cli.engine.lowering.call_faults import arity_fault, by_a_name, unknown_function
from backprop_cli.engine.lowering.form import Form
from backprop_cli.engine.lowering.functions import FORMS, form_of, plan
from backprop_cli.errors import ArityFault, NameFault, Span, SyntaxFault
from backprop_cli.syntax.code import (
    APPLY1,
    APPLY2,
    APPLY3,
    NAME,
    NUMBER,
    SLICE,
    STACK,
    Call,
    Code,
    Function,
)

CONSTANT_NAMES = frozenset(("pi", "π", "tau", "τ", "inf", "nan"))
NOP = 0  # where an instruction was taken away
APPLY = {1: APPLY1, 2: APPLY2, 3: APPLY3}
WORDS = {"True": 1.0, "true": 1.0, "False": 0.0, "false": 0.0}  # of keepdims=


class Built(NamedTuple):
    """A call of a form: the parameters of the operands on the stack, and the static code."""

    form: Form
    values: tuple[str | None, ...]
    statics: tuple[tuple[str | None, int, int], ...]


class Calls:
    """The calls of one program's code. Raises NameFault, ArityFault and SyntaxFault."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.built: dict[int, Built] = {}  # by the place of CALL
        self.differentiated: set[str] = set()  # the names in diff(f, x)
        self.own_calls: list[int] = []  # places of calls of the program's functions
        self.ordered: list[Function] = []  # each after those it calls
        self._resolve()
        self._order_functions()

    def _resolve(self) -> None:
        """Finds what each call means; a call of one plain operation becomes that instruction."""
        code = self.code
        ops, args, functions = code.ops, code.args, code.functions
        known: dict[tuple[str, int], str] = {}
        for pc in code.calls:
            call: Call = args[pc]
            name = call.name
            count = len(call.bounds) - 1
            operation = known.get((name, count)) if not call.keywords else None
            if operation is None:
                if name in functions:
                    self._check_own(call, functions[name], Span(*code.spans[pc]))
                    self.own_calls.append(pc)
                    continue
                form = form_of(call)
                if form is None:
                    raise self._unknown(call, pc)
                operation = self._form_call(pc, call, form)
                if not operation:
                    continue
                known[name, count] = operation
            self._refuse_slices(call, pc)
            ops[pc], args[pc] = APPLY[count], operation

    def _refuse_slices(self, call: Call, pc: int) -> None:
        ops = self.code.ops
        for end in call.bounds[1:]:
            if ops[end - 1] == SLICE:
                raise SyntaxFault(
                    f"'{call.name}' takes no slice",
                    Span(*self.code.spans[end - 1]),
                    help="a ':' stands in x[1:3], in c ? a : b and in piecewise(c: v, otherwise)",
                )

    def _check_own(self, call: Call, function: Function, span: Span) -> None:
        if call.keywords:
            keyword, place = call.keywords[0]
            raise NameFault(
                f"'{call.name}' takes no named argument '{keyword}'",
                place,
                help=f"it is {call.name}({', '.join(function.parameters)})",
            )
        self._refuse_slices(call, 0)
        wanted = len(function.parameters)
        if call.size != wanted:
            shown = f"{function.name}({', '.join(function.parameters)})"
            raise arity_fault(
                call.name, wanted, wanted, call.size, span, f"the program defines {shown}"
            )

    def _unknown(self, call: Call, pc: int) -> NameFault:
        code = self.code
        used = {name for op, name in zip(code.ops, code.args, strict=True) if op == NAME}
        names = used | set(code.assigned) | CONSTANT_NAMES | {"e"}
        span = Span(*code.spans[pc])
        return unknown_function(call, FORMS, code.functions, names, code.source, span)

    def _form_call(self, pc: int, call: Call, form: Form) -> str:
        """Records a call of a form; returns the operation's name where it is just that."""
        code = self.code
        span = Span(*code.spans[pc])
        if form.name == "piecewise":
            self._piecewise(pc, call, form, span)
            return ""
        places = list(pairwise(call.bounds))
        slots = plan(call, form, span).slots
        if form.operation and all(not static for _, static in slots) and len(slots) in APPLY:
            in_order = tuple(name for name, _ in slots)
            if form.rest or in_order == tuple(name for name, _, _ in form.parameters):
                return form.operation
        values: list[str | None] = []
        statics: list[tuple[str | None, int, int]] = []
        for (name, static), (start, end) in zip(slots, places, strict=True):
            if static:
                self._word(name, start, end)
                statics.append((name, start, end))
            elif code.ops[end - 1] == SLICE:
                self._refuse_slices(call, pc)
            else:
                values.append(name)
        last = places[0][1] - 1 if places else -1
        if form.name in ("concat", "stack") and len(values) == 1 and code.ops[last] == STACK:
            values = [None] * code.args[last]
            code.ops[last] = NOP
        if form.name in ("diff", "grad"):
            values = self._by_names(call, values, places)
        self.built[pc] = Built(form, tuple(values), tuple(statics))
        return ""

    def _by_names(
        self, call: Call, values: list[str | None], places: list[tuple[int, int]]
    ) -> list[str | None]:
        """The operands of diff and grad, whose variables must be names; grad's may be in [ ]."""
        code = self.code
        if call.keywords and call.keywords[0][0] != "n":
            raise by_a_name(call.name, call.keywords[0][1])
        start, end = places[1][0], places[len(values) - 1][1]
        if call.name == "grad" and len(values) == 2 and code.ops[end - 1] == STACK:
            values = [values[0], *[None] * code.args[end - 1]]
            code.ops[end - 1] = NOP
            end -= 1
        for pc in range(start, end):
            if code.ops[pc] != NAME:
                raise by_a_name(call.name, Span(*code.spans[end - 1]))
            self.differentiated.add(code.args[pc])
        return values

    def _word(self, name: str | None, start: int, end: int) -> None:
        """`keepdims=True`: the words are no names of the language elsewhere."""
        code = self.code
        if name == "keepdims" and end == start + 1 and code.ops[start] == NAME:
            value = WORDS.get(code.args[start])
            if value is not None:
                code.ops[start], code.args[start] = NUMBER, value

    def _piecewise(self, pc: int, call: Call, form: Form, span: Span) -> None:
        """Checks the form `condition: value, ..., otherwise`."""
        code = self.code
        ends = call.bounds[1:]
        for k, end in enumerate(ends):
            is_case = code.ops[end - 1] == SLICE
            last = k == len(ends) - 1
            if is_case and last and len(ends) > 1:
                raise SyntaxFault(
                    "piecewise has no value for when no condition holds",
                    Span(*code.spans[end - 1]),
                    help="the last argument stands alone: piecewise(c1: v1, c2: v2, otherwise)",
                )
            if (not is_case and not last) or (is_case and code.args[end - 1] != 3):
                raise SyntaxFault(
                    "an argument of piecewise is not 'condition: value'",
                    Span(*code.spans[end - 1]),
                    help="piecewise(c1: v1, c2: v2, otherwise)",
                )
        if call.keywords or len(ends) < 2:
            raise ArityFault(
                "'piecewise' takes at least one condition, and the value otherwise",
                span,
                help="piecewise(c1: v1, c2: v2, otherwise)",
            )
        self.built[pc] = Built(form, (None,) * len(ends), ())

    # functions

    def _order_functions(self) -> None:
        """Functions with those they call before them; raises NameFault for a recursion."""
        functions = list(self.code.functions.values())
        calls: dict[str, list[tuple[str, Span]]] = {function.name: [] for function in functions}
        k = 0
        for pc in self.own_calls if functions else ():
            while k < len(functions) and functions[k].end <= pc:
                k += 1
            if k < len(functions) and functions[k].start <= pc:
                call = self.code.args[pc]
                calls[functions[k].name].append((call.name, call.name_span))
        state: dict[str, int] = {}
        for function in functions:
            self._visit(function.name, calls, state)

    def _visit(
        self, root: str, calls: dict[str, list[tuple[str, Span]]], state: dict[str, int]
    ) -> None:
        """Depth first, without recursion: 1 on the path, 2 done."""
        path: list[tuple[str, Iterator[tuple[str, Span]]]] = []
        if root not in state:
            state[root] = 1
            path.append((root, iter(calls[root])))
        while path:
            name, rest = path[-1]
            for callee, span in rest:
                if state.get(callee) == 1:
                    raise self._recursion([step for step, _ in path], callee, span)
                if callee not in state:
                    state[callee] = 1
                    path.append((callee, iter(calls[callee])))
                    break
            else:
                state[name] = 2
                self.ordered.append(self.code.functions[name])
                path.pop()

    def _recursion(self, path: list[str], callee: str, span: Span) -> NameFault:
        ring = [*path[path.index(callee) :], callee]
        if len(ring) > 6:
            ring = [*ring[:3], "…", *ring[-2:]]
        around = "" if len(ring) == 2 else f": {' → '.join(ring)}"
        return NameFault(
            f"the function '{callee}' calls itself{around}",
            span,
            help="a function is expanded where it is called, so recursion has no end; "
            "for a fixed number of steps, write one function a step",
        )
