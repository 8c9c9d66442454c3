"""The functions of the language, of the operation table and with forms of their own."""

from __future__ import annotations

from typing import Any

from backprop_cli.engine.lowering import definitions as d
from backprop_cli.engine.lowering import shaping as s
from backprop_cli.engine.lowering.call_faults import wrong_count
from backprop_cli.engine.lowering.form import REQUIRED, Form, Made, Plan
from backprop_cli.errors import ArityFault, NameFault, Span
from backprop_cli.ir.builder import Builder
from backprop_cli.ir.ops import BY_NAME, OPERATIONS
from backprop_cli.syntax.code import Call

REDUCTIONS = ("sum", "prod", "mean", "var", "std", "max", "min", "norm", "logsumexp")
HIDDEN = frozenset(("input", "const", "and", "or", "not", "eye", "arange", "max", "min"))
DEFAULTS = {("leaky_relu", "slope"): 0.01, ("elu", "alpha"): 1.0}
ALIASES = {"logistic": "sigmoid", "swish": "silu", "ln": "log", "tr": "trace", "sgn": "sign"}


def _value(*names: str) -> tuple[tuple[str, Any, bool], ...]:
    return tuple((name, REQUIRED, False) for name in names)


def _static(name: str, default: Any = REQUIRED) -> tuple[str, Any, bool]:
    return (name, default, True)


def _diff(b: Builder, values: list[Any], statics: dict[str, Any]) -> Made:
    from backprop_cli.engine.lowering.derivatives import diff

    return diff(b, values, statics)


def _grad(b: Builder, values: list[Any], statics: dict[str, Any]) -> Made:
    from backprop_cli.engine.lowering.derivatives import grad

    return grad(b, values, statics)


def _from_table() -> dict[str, Form]:
    forms = {}
    for row in OPERATIONS:
        if row.name in HIDDEN or (row.static and row.kind != "elementwise"):
            continue
        parameters = tuple(
            (name, DEFAULTS.get((row.name, name), REQUIRED), False) for name in row.signature
        )
        plain = all(default is REQUIRED for _, default, _ in parameters)
        forms[row.name] = Form(
            row.name,
            () if row.variadic else parameters,
            s.operation(row.name),
            row.summary,
            rest="value" if row.variadic else "",
            least=row.arity[0] if row.variadic else 0,
            rest_name=", ".join(row.signature),
            operation=row.name if plain else "",
        )
        for alias in row.aliases:
            if alias not in ("max", "min"):
                forms[alias] = forms[row.name]
    return forms


def _made_here() -> list[Form]:
    def summary(name: str) -> str:
        return BY_NAME[name].summary

    x = _value("x")
    forms = [
        Form(
            name, (*x, _static("axis", None), _static("keepdims", False)), s.reduction(name),
            summary(name), static_kind="axis", named=("axis", "keepdims") if name == "norm" else (),
        )
        for name in REDUCTIONS
    ]  # fmt: skip
    forms += [
        Form(name, (*x, _static("axis", -1)), s.along(name), summary(name), static_kind="axis")
        for name in ("softmax", "log_softmax")
    ]
    forms += [
        Form("polygamma", (_static("n"), *x), s.polygamma, summary("polygamma"),
             static_kind="order"),
        Form("transpose", (*x, _static("axes", None)), s.transpose, summary("transpose"),
             static_kind="axis"),
        Form("reshape", x, s.reshape, summary("reshape"), "static", 1, "size"),
        Form("broadcast_to", x, s.to_shape("broadcast_to"), summary("broadcast_to"), "static", 1,
             "size"),
        Form("sum_to", x, s.to_shape("sum_to"), summary("sum_to"), "static", 1, "size"),
        Form("zeros", (), s.filled(0.0), "an array of zeros", "static", 1, "size"),
        Form("ones", (), s.filled(1.0), "an array of ones", "static", 1, "size"),
        Form("eye", (_static("n"), _static("m", None)), s.eye, summary("eye")),
        Form("arange", (), s.arange, "numbers from start (0) up to, without, stop", "static", 1,
             "stop", static_kind="range"),
        Form("linspace", (*_value("start", "stop"), _static("n")), d.linspace,
             "n evenly spaced numbers, both ends included"),
        Form("concat", (_static("axis", 0),), s.joined("concat"), summary("concat"), "value", 1,
             "x", static_kind="axis", named=("axis",)),
        Form("stack", (_static("axis", 0),), s.joined("stack"), summary("stack"), "value", 1, "x",
             static_kind="axis", named=("axis",)),
        Form("scatter", (*x, _static("shape")), s.scatter, summary("scatter"), "static", 0,
             "index"),
        Form("index", x, s.index, summary("index"), "static", 0, "index", static_kind="index"),
        Form("dot", _value("x", "y"), d.dot, "the product of vectors or matrices, x @ y"),
        Form("log", (*x, ("base", None, False)), d.log, "natural logarithm, or to a base"),
        Form("piecewise", (), d.piecewise, "the value of the first condition that holds",
             "value", 2, "condition: value, otherwise"),
        Form("diff", (*_value("f", "x"), _static("n", 1.0)), _diff,
             "the derivative of f by the name x, n times", static_kind="order"),
        Form("grad", _value("f"), _grad,
             "the derivatives of the scalar f by names, as an array", "value", 1, "x"),
        Form("mse", _value("prediction", "target"), d.mse, "mean squared error"),
        Form("mae", _value("prediction", "target"), d.mae, "mean absolute error"),
        Form("huber", (*_value("prediction", "target"), ("delta", 1.0, False)), d.huber,
             "mean Huber loss: quadratic up to delta, then linear"),
        Form("bce", _value("probability", "target"), d.bce, "mean binary cross-entropy"),
        Form("bce_logits", _value("logit", "target"), d.bce_logits,
             "mean binary cross-entropy of logits"),
        Form("cross_entropy", _value("logits", "target"), d.cross_entropy,
             "mean cross-entropy of logits over the last axis; targets are probabilities"),
    ]  # fmt: skip
    return forms


FORMS: dict[str, Form] = _from_table()
FORMS.update((form.name, form) for form in _made_here())
FORMS.update((alias, FORMS[name]) for alias, name in ALIASES.items())


def form_of(call: Call) -> Form | None:
    """The form that a call means; `max` and `min` of one argument, or with an axis, reduce."""
    if call.name in ("max", "min") and (call.positional > 1 and not call.keywords):
        return FORMS["maximum" if call.name == "max" else "minimum"]
    return FORMS.get(call.name)


def plan(call: Call, form: Form, span: Span) -> Plan:
    """Where the arguments go. Raises ArityFault and NameFault."""
    positional = [p for p in form.parameters if p[0] not in form.named]
    if call.name in ("max", "min"):
        positional = positional[:1]
    slots: list[tuple[str | None, bool]] = []
    for k in range(call.positional):
        if k < len(positional):
            slots.append((positional[k][0], positional[k][2]))
        elif form.rest:
            slots.append((None, form.rest == "static"))
        else:
            raise wrong_count(call, form, span)
    shaped = form.rest == "static" and any(keyword == "shape" for keyword, _ in call.keywords)
    if form.rest and not shaped and max(call.positional - len(positional), 0) < form.least:
        raise wrong_count(call, form, span)
    given = {slot[0] for slot in slots}
    statics = {name: static for name, _, static in form.parameters}
    for keyword, place in call.keywords:
        if keyword == "shape" and form.rest == "static" and "shape" not in statics:
            slots.append((None, True))
            continue
        if keyword not in statics:
            known = ", ".join(f"{name}=" for name in statics)
            raise NameFault(
                f"'{call.name}' has no argument '{keyword}'",
                place,
                help=f"it has {known}" if known else f"it is {form.signature}",
            )
        if keyword in given:
            raise ArityFault(f"'{keyword}' is given twice", place)
        given.add(keyword)
        slots.append((keyword, statics[keyword]))
    if any(default is REQUIRED and name not in given for name, default, _ in form.parameters):
        raise wrong_count(call, form, span)
    return Plan(form, tuple(slots))
