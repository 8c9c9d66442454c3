"""Each adjoint as the sum over its uses: in words, symbols, rules and numbers."""

from __future__ import annotations

from backprop_cli.engine.explanation import Step, Use
from backprop_cli.render.explained.voice import Voice, listed, times
from backprop_cli.render.lesson import (
    Block,
    Equations,
    Heading,
    Math,
    Row,
    Words,
    factor,
    product,
    total,
)


def adjoints(voice: Voice) -> list[Block]:
    found, symbols = voice.found, voice.symbols
    steps = [step for step in found.steps if step.active or step.node == found.output]
    if not any(step.active for step in steps):
        return []
    bar = symbols.bar(steps[0].node)
    blocks: list[Block] = [
        Heading("The adjoints, from the output down"),
        Words(
            [
                "The adjoint ",
                bar,
                " is the derivative ",
                symbols.derivative(steps[0].node),
                " of the output along every path; a ",
                Math("∂", r"\partial"),
                " is that of one step alone. Adjoints start with 1 at the output and are handed "
                "down, at each step times a local derivative.",
            ]
        ),
    ]
    after = None if found.gap is None else found.steps[found.gap].node
    for step in reversed(steps):
        blocks += adjoint(voice, step)
        if step.node == after:
            blocks.append(Words(["..."]))
    return blocks


def adjoint(voice: Voice, step: Step) -> list[Block]:
    symbols = voice.symbols
    left = symbols.bar(step.node)
    if step.node == voice.found.output:
        words: list[str | Math] = ["The output changes one to one with itself."]
        chain = [symbols.derivative(step.node), Math("1", "1")]
        return [Words(words), Equations([Row(left, chain)], stacked=False)]
    blocks: list[Block] = [Words(use_words(voice, step))]
    uses = [use for use in step.uses if use.rule]
    more = step.use_count - len(step.uses)
    if uses and not (voice.at_point and step.adjoint is None):
        row = Row(left, adjoint_chain(voice, step, uses, more))
        blocks.append(Equations([row], stacked=True))
    return blocks


def use_words(voice: Voice, step: Step) -> list[str | Math]:
    """How often a node is used, which of the two chain rules applies, and what is missing."""
    symbols = voice.symbols
    name = symbols.name(step.node)
    flowing = [use for use in step.uses if not use.reason]
    if not flowing and step.use_count <= len(step.uses):
        reasons = "; ".join(dict.fromkeys(use.reason for use in step.uses))
        return [name, f": {reasons or 'it is not used'}. Its derivative is 0."]
    users = list(dict.fromkeys(use.target for use in step.uses))
    more = step.use_count - len(step.uses)
    where = listed([symbols.name(node) for node in users], more)
    if step.use_count == 1:
        full = (
            ": one term. This is the chain rule along a single path: the adjoint of what uses "
            "it, times the local derivative."
        )
        return [name, " is used once, in ", *where, voice.once("single", full, ".")]
    words: list[str | Math] = [name, f" is used {times(step.use_count)}, in ", *where]
    full = (
        ". A small change acts through every use at once, and the effects add up: the chain "
        "rule for several paths is a sum over the uses."
    )
    words.append(voice.once("many", full, ": a sum over the uses."))
    for use in step.uses:
        if use.places > 1 and use.place == 1:
            words += [" Each place where it stands in ", symbols.name(use.target)]
            words.append(" is a use of its own.")
    lost = [use for use in step.uses if use.reason]
    for use in lost:
        words += [" Through ", symbols.name(use.target), f": {use.reason}."]
    return words


def adjoint_chain(voice: Voice, step: Step, uses: list[Use], more: int) -> list[Math]:
    """dz/dx as symbols, then with the rules, then in numbers."""
    symbols = voice.symbols
    rest = [Math(f"… ({more} more)", rf"\dots\ \text{{({more} more)}}")] if more else []
    flowing = [use for use in uses if not use.reason]
    chain = [
        symbols.derivative(step.node),
        total([*(symbols.chained(use) for use in flowing), *rest]),
        total([*(by_rule(voice, use) for use in flowing), *rest]),
    ]
    if not voice.at_point:
        return chain
    terms = [term(voice, use) for use in flowing]
    value = voice.value(step.adjoint)
    sums = total([*terms, *rest])
    chain.append(
        value
        if sums.text == value.text
        else Math(f"{sums.text} = {value.text}", f"{sums.tex} = {value.tex}")
    )
    return chain


def by_rule(voice: Voice, use: Use) -> Math:
    """One term by the rule; what was selected has the local derivative 1."""
    if voice.graph.op(use.target).selects and isinstance(use.partial, float) and use.partial == 1:
        return product([voice.symbols.bar(use.target), Math("1", "1")])
    return voice.symbols.contribution(use)


def term(voice: Voice, use: Use) -> Math:
    """One term in numbers: a product of two for scalars, else what arrives."""
    adjoint = voice.found.sweep.adjoints[use.target] if voice.found.sweep else None
    if use.partial is None or voice.graph.shape(use.target) or voice.graph.shape(use.source):
        return voice.value(use.contribution)
    return product([factor(voice.value(adjoint)), factor(voice.value(use.partial))])
