"""Functions of loops in C: the body, and its memory."""

from __future__ import annotations

from backprop_cli.render.source_code.loops.function import ArrayFunction
from backprop_cli.render.source_code.loops.statements import (
    Array,
    Assign,
    Loop,
    Syntax,
    arrays,
    written,
)

ON_STACK = 8192  # numbers of arrays that are kept on the stack: 64 kB
MEMORY = "memory"  # what the rest is called


def looped(made: ArrayFunction) -> list[str]:
    """The lines between the braces of the function."""
    kept = [a for a in arrays(made.body) if a.place is None]
    size = sum(a.size for a in kept)
    starts: dict[str, int] | None = None
    lines = [f"  (void){a.name};" for a in made.arguments if not any(a.used)]
    if size > ON_STACK:
        place, starts = 0, {}
        for a in kept:
            starts[a.name] = place
            place += a.size
        lines.append(f"  double *const {MEMORY} = (double *)malloc({size} * sizeof(double));")
        lines.append(f"  if ({MEMORY} == NULL) return NAN;")
    lines += written(made.body, _syntax(starts), "  ")
    place = 0
    for block, text in zip(made.export.gradient, made.gradient, strict=True):
        if not block.shape:
            lines.append(f"  gradient[{place}] = {text};")
        place += block.size
    lines += [f"  free({MEMORY});"] if starts is not None else []
    lines += [] if made.export.gradient else ["  (void)gradient;"]
    return [*lines, f"  return {made.value};"]


def _syntax(starts: dict[str, int] | None) -> Syntax:
    """`starts`: where arrays begin in the memory that is asked for, if it is."""

    def array(a: Array) -> str:
        if a.place is not None:
            return f"double *const {a.name} = {_at('gradient', a.place)};"
        if starts is not None:
            return f"double *const {a.name} = {_at(MEMORY, starts[a.name])};"
        return f"double {a.name}[{max(a.size, 1)}];"

    def assign(s: Assign) -> str:
        kind = "int " if s.truth else "double "
        declared = ("" if s.varies else "const ") + kind if s.new else ""
        return f"{declared}{s.target} {s.sign} {s.code};"

    def loop(s: Loop) -> str:
        v = s.variable
        return f"for (int {v} = 0; {v} < {s.turns}; {v} += 1) {{"

    return Syntax(array, assign, loop, "{};", "}", "  ")


def _at(name: str, place: int) -> str:
    return f"{name} + {place}" if place else name
