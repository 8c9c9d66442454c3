"""Errors of calls: a wrong number of arguments, a function that is not known."""

from __future__ import annotations

from typing import Any

from backprop_cli.engine.lowering.form import REQUIRED, Form
from backprop_cli.errors import ArityFault, NameFault, Span, SyntaxFault
from backprop_cli.syntax.code import Call

CONSTANTS = frozenset(("pi", "π", "tau", "τ", "inf", "nan", "e"))


def wrong_count(call: Call, form: Form, span: Span) -> ArityFault:
    """The error for a wrong number of arguments, made from the form."""
    usual = [p for p in form.parameters if p[0] not in form.named]
    if call.name in ("max", "min") and form.name == call.name:
        usual = usual[:1]
    least = sum(default is REQUIRED for _, default, _ in usual) + form.least
    most = None if form.rest or call.name in ("max", "min") else len(usual)
    return arity_fault(call.name, least, most, call.size, span, f"{form.signature}: {form.summary}")


def arity_fault(
    name: str, least: int, most: int | None, count: int, span: Span, hint: str
) -> ArityFault:
    if most is None:
        wanted = f"at least {least}"
    elif least == most:
        wanted = str(least) if least else "no"
    else:
        wanted = f"{least} to {most}"
    plural = "argument" if wanted in ("1", "at least 1") else "arguments"
    return ArityFault(f"'{name}' takes {wanted} {plural}, not {count}", span, hint)


def by_a_name(function: str, span: Span) -> SyntaxFault:
    """The error for a derivative by what is no name."""
    return SyntaxFault(
        f"'{function}' differentiates by names",
        span,
        help="give what you differentiate by a name: u = x^2; diff(sin(u), u)",
    )


def unknown_function(
    call: Call, forms: Any, functions: Any, names: Any, source: str, span: Span
) -> NameFault:
    """The error for a call of what is no function."""
    name, place = call.name, call.name_span
    inner = " ".join(source[place.end : span.end].split())
    product = f"{name}*{inner}"
    if name in names:
        what = "constant" if name in CONSTANTS else "variable"
        return NameFault(
            f"'{name}' is a {what}, not a function",
            place,
            help=f"a product is written {product}" if len(inner) < 60 else "a product is written *",
        )
    from difflib import get_close_matches

    known = [*forms, *functions]
    near = get_close_matches(name.lower(), known, 1, 0.6) if len(name) > 1 else []
    if near:
        hint = f"did you mean '{near[0]}'?"
    elif call.size == 1 and len(inner) < 60:
        hint = f"a product is written {product}; a function is defined by {name}(u) = ..."
    else:
        parameters = ", ".join("uvwpqrst"[: call.size]) if call.size < 9 else "u, v"
        hint = f"define it: {name}({parameters}) = ...; 'bprop ops' lists those there are"
    return NameFault(f"unknown function '{name}'", place, hint)
