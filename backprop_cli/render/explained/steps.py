"""The steps of an explanation, their local derivatives, and the gradient at the end."""

from __future__ import annotations

from itertools import islice

from backprop_cli.engine.explanation import Explanation, Step, Use
from backprop_cli.render.explained.voice import Voice, listed
from backprop_cli.render.lesson import (
    DOTS,
    Block,
    Equations,
    Heading,
    Row,
    Words,
    bracketed,
    product,
)

LONGEST = 200  # characters of a derivative that is written out
MOST_DERIVATIVES = 100  # in the gradient
MOST_REASONS = 5  # why one of them is not finite


def steps(voice: Voice) -> list[Block]:
    found, symbols = voice.found, voice.symbols
    blocks: list[Block] = [Heading("The steps, from the variables up")]
    variables = [step for step in found.steps if step.kind == "variable"]
    rows = []
    for k, step in enumerate(found.steps):
        if k == found.gap:
            rows.append(Row(DOTS, []))
        name = symbols.name(step.node)
        if step.kind == "variable":
            if voice.at_point:
                rows.append(Row(name, [voice.value(step.value)], step_remark(voice, step)))
            continue
        chain = [symbols.expression(step.node)]
        if voice.at_point and voice.value(step.value).text != chain[0].text:
            chain.append(voice.value(step.value))
        rows.append(Row(name, chain, step_remark(voice, step)))
    if variables and not voice.at_point:
        names = listed([symbols.name(step.node) for step in variables])
        blocks.append(Words(["Variables: ", *names, "."]))
    words = []
    if any(step.id not in voice.graph.by_name for step in found.steps):
        words = ["Each step is one simple operation; those without a name are called v1, v2, ..."]
    if any(voice.is_rounded(item) for step in found.steps for item in (step.value, step.adjoint)):
        words.append(f"Numbers are rounded to {voice.digits} digits.")
    if words:
        blocks.append(Words([" ".join(words)]))
    blocks.append(Equations(rows))
    if found.omitted:
        blocks.append(Words([_omission(found)]))
    return blocks


def step_remark(voice: Voice, step: Step) -> str:
    parts = ["the output"] if step.node == voice.found.output else []
    if step.shape:
        parts.append(f"shape {step.shape}")
    if step.kind == "constant":
        parts.append("a constant, which has no derivative")
    return ", ".join(parts)


def locals(voice: Voice) -> list[Block]:
    rows, remarks = [], []
    for k, step in enumerate(voice.found.steps):
        if k == voice.found.gap:
            rows.append(Row(DOTS, []))
        rows += [local_row(voice, step, use) for use in step.locals]
        if step.local_count > len(step.locals):
            rows.append(Row(DOTS, [], f"{step.local_count - len(step.locals)} more like these"))
        remarks += [
            Words([voice.symbols.name(step.node), f": {message}."]) for message in step.remarks
        ]
    if not rows:
        return []
    words = (
        "How fast each step changes when one of its arguments does and the others hold still. "
        "Numbers have no derivative."
    )
    if any(use.places > 1 for step in voice.found.steps for use in step.locals):
        words += " A raised number tells the places apart where one node stands twice in a step."
    return [
        Heading("Local derivatives, one for each argument"),
        Words([words]),
        Equations(rows),
        *remarks,
    ]


def local_row(voice: Voice, step: Step, use: Use) -> Row:
    symbols = voice.symbols
    if not voice.graph.op(step.node).elementwise:
        left = product([symbols.bar(step.node), symbols.local(use)])
        shape = voice.graph.shape(use.source)
        remark = use.reason or f"a vector-Jacobian product{f', shape {shape}' if shape else ''}"
        return Row(left, [] if use.reason else [symbols.rule(use)], remark)
    if use.reason:
        return Row(symbols.local(use), [], use.reason)
    rule = symbols.rule(use)
    chain = [bracketed(rule) if " where " in rule.text else rule]
    if use.partial is not None:
        value = voice.value(use.partial)
        if voice.graph.op(step.node).selects and value.text == "1":
            return Row(symbols.local(use), [value], "this one is selected")
        if value.text != chain[0].text:
            chain.append(value)
    shaped = bool(step.shape)
    return Row(symbols.local(use), chain, broadcast(voice, use) if shaped else "")


def broadcast(voice: Voice, use: Use) -> str:
    if voice.graph.shape(use.source) == voice.graph.shape(use.target):
        return voice.once("elementwise", "element by element")
    name = voice.graph.labels()[use.source]
    return f"element by element; {name} is repeated, so what comes back is summed"


def gradient(voice: Voice) -> list[Block]:
    found, symbols = voice.found, voice.symbols
    if not found.wrt:
        return [Words(["There are no variables, so there is nothing to differentiate."])]
    if found.gradient is None:
        return formulas(voice)
    rows = [
        Row(symbols.derivative(node), [voice.value(value)])
        for node, value in islice(found.gradient.items(), MOST_DERIVATIVES)
    ]
    more = len(found.gradient) - len(rows)
    left_out = f"{more:,} more derivatives are left out; bprop grad prints all of them."
    rest = [Words([left_out])] if more else []
    return [Heading("The gradient"), Equations(rows), *rest, *not_finite(voice)]


def not_finite(voice: Voice) -> list[Block]:
    """Why a derivative has no finite value, in the words of the warnings."""
    sweep = voice.found.sweep
    entries = [] if sweep is None else sweep.warnings
    told = [e.message for e in entries if (e.path or "").startswith("gradient")]
    shown = list(dict.fromkeys(told))[:MOST_REASONS]
    return [Words([f"{text[0].upper()}{text[1:]}."]) for text in shown]


def _omission(found: Explanation) -> str:
    return (
        f"{len(found.steps)} of {len(found.steps) + found.omitted} steps are shown. To see less, "
        "take a named node as the output with --of, or the variables of interest with --wrt; to "
        "see more, --steps N."
    )


def formulas(voice: Voice) -> list[Block]:
    """The gradient in symbols: what the adjoints are once all is put together."""
    symbols = voice.symbols
    rows = []
    for node, graph in voice.found.formulas.items():
        formula = symbols.program(graph)
        if len(formula.text) <= LONGEST:
            rows.append(Row(symbols.derivative(node), [formula]))
    blocks: list[Block] = [Heading("The gradient")]
    if rows:
        blocks += [Words(["All put together and simplified:"]), Equations(rows)]
    if len(rows) < len(voice.found.wrt):
        text = "The others are left out here; bprop diff prints them."
        blocks.append(Words([text if rows else "Put together, it is long: bprop diff prints it."]))
    return blocks
