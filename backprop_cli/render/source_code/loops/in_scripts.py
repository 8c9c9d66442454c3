"""Functions of loops in JavaScript and Python: nested arrays in and out, flat ones within."""

from __future__ import annotations

from backprop_cli.render.source_code.loops.function import ArrayFunction
from backprop_cli.render.source_code.loops.statements import Assign, Loop, Syntax, written


def _javascript_assign(s: Assign) -> str:
    declared = ("let " if s.varies else "const ") if s.new else ""
    return f"{declared}{s.target} {s.sign} {s.code};"


def _javascript_loop(s: Loop) -> str:
    v = s.variable
    return f"for (let {v} = 0; {v} < {s.turns}; {v} += 1) {{"


JAVASCRIPT = Syntax(
    lambda a: f"const {a.name} = new Float64Array({a.size});",
    _javascript_assign,
    _javascript_loop,
    "{};",
    "}",
    "  ",
)
PYTHON = Syntax(
    lambda a: f"{a.name} = [0.0] * {a.size}",
    lambda s: f"{s.target} {s.sign} {s.code}",
    lambda s: f"for {s.variable} in range({s.turns}):",
    "{}",
    "",
    "    ",
)


def javascript(made: ArrayFunction) -> tuple[list[str], list[str]]:
    """The lines of the body, and the derivatives."""
    lines = [
        f"  {a.name} = bp_flat({a.name}, {len(a.block.shape)});"
        for a in made.arguments
        if len(a.block.shape) > 1 and any(a.used)
    ]
    results = [
        _nested(text, block.shape) if block.shape else text
        for block, text in zip(made.export.gradient, made.gradient, strict=True)
    ]
    return [*lines, *written(made.body, JAVASCRIPT, "  ")], results


def _nested(name: str, shape: tuple[int, ...]) -> str:
    if len(shape) == 1:
        return f"Array.from({name})"
    return f"bp_nested({name}, [{', '.join(map(str, shape))}])"


def python(made: ArrayFunction) -> tuple[list[str], list[str]]:
    """The lines of the body, and the derivatives."""
    lines = [
        f"    {a.name} = _flat({a.name}, {len(a.block.shape)})"
        for a in made.arguments
        if len(a.block.shape) > 1 and any(a.used)
    ]
    results = [
        f"_nested({text}, {block.shape!r})" if len(block.shape) > 1 else text
        for block, text in zip(made.export.gradient, made.gradient, strict=True)
    ]
    return [*lines, *written(made.body, PYTHON, "    ")], results
