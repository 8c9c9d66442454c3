"""`bprop diff`: symbolic derivatives, simplified."""

from __future__ import annotations

from backprop_cli.cli.answer import Answer, respond
from backprop_cli.cli.environment import Environment
from backprop_cli.cli.options import (
    AT,
    COLOR,
    CSE,
    DIFF_ORDER,
    EXPRESSION,
    FORMAL,
    FORMAT,
    JSON,
    OF,
    OUTPUT,
    SIZES,
    SYMMETRIC,
    WRT,
    Command,
    Options,
)
from backprop_cli.engine.program import Bound
from backprop_cli.engine.selection import find_node, one_output
from backprop_cli.engine.symbolic import symbolic
from backprop_cli.engine.warning import Warning_
from backprop_cli.errors import UsageFault
from backprop_cli.ir.graph import Graph

LONG = 2_000  # operations from which shared subexpressions get names


def run(environment: Environment, options: Options) -> None:
    def solve(bound: Bound) -> Answer:
        graph, _, output = one_output(bound.graph, options.names("of"), "diff")
        wrt = variables(graph, options.names("wrt"))
        order = options.order or 1
        left_out: list[str] | None = None if options.names("wrt") else []
        alike = options.names("symmetric")
        found = symbolic(graph, output, wrt, order, options.formal, left_out, alike)

        def text(form: str, width: int | None, color: bool) -> str:
            from backprop_cli.render import derivatives

            return derivatives.text(found, form, options.cse)

        def document() -> dict[str, object]:
            from backprop_cli.render import derivatives

            return derivatives.document(found, order)

        notes = [
            Warning_("note", None, None, note) for note in (*notes_on(graph), *(left_out or ()))
        ]
        return Answer(document, lambda form: [], notes, text)

    respond(environment, options, "diff", solve)


def notes_on(graph: Graph) -> list[str]:
    """The program's notes, and what its derivatives leave out."""
    if not graph.shapes:
        return list(graph.notes)
    from backprop_cli.engine.matrix_calculus import remarks

    return [*graph.notes, *remarks(graph)]


def variables(graph: Graph, names: list[str]) -> list[int]:
    """The nodes to differentiate by: all variables if none is named."""
    if names:
        return list(dict.fromkeys(find_node(graph, name) for name in names))
    if not graph.inputs:
        raise UsageFault("diff needs a variable, and this program has none")
    return list(graph.inputs)


COMMAND = Command(
    name="diff",
    summary="Symbolic derivatives, simplified, to be fed back.",
    argument=EXPRESSION,
    options=(
        *(WRT, OF, DIFF_ORDER, CSE, FORMAL, SIZES, SYMMETRIC, AT),
        *(JSON, FORMAT, COLOR, OUTPUT),
    ),
    examples=(
        ('bprop diff "x*y + sin(x)" --wrt x', ""),
        ('bprop diff "exp(-x^2)" --order 3 --format latex', ""),
        ('bprop diff "x\' @ A @ x" --wrt x --shape x=n,A=n,n', "matrix notation"),
        ('bprop diff "sigmoid(a*x + b)" --cse', "by all variables, shared parts named"),
    ),
    run=run,
)
