"""Colours of pictures: two palettes, and the style sheet that turns one into the other."""

from __future__ import annotations

from typing import NamedTuple

from backprop_cli.errors import UsageFault

THEMES = ("auto", "light", "dark")
FONTS = "Helvetica,Arial,Liberation Sans,DejaVu Sans,sans-serif"


class Palette(NamedTuple):
    """The colours of one look. Those of texts differ from one another: they tell texts apart.

    Contrast is at least that of WCAG 2.1, AA: 4.5 for texts, 3 for lines.
    """

    background: str
    text: str
    value: str
    adjoint: str
    rule: str  # the partial on an edge
    muted: str
    bad: str  # a number that is not finite
    flag: str  # a kink or another choice
    edge: str
    faint: str  # an edge that does not exist
    highlight: str
    boxes: dict[str, tuple[str, str]]  # kind of node -> its border and its filling


LIGHT = Palette(
    background="#ffffff",
    text="#111827",
    value="#1e40af",
    adjoint="#c2410c",
    rule="#9a3412",
    muted="#646b78",
    bad="#b91c1c",
    flag="#946200",
    edge="#6c727f",
    faint="#8a919e",
    highlight="#7c3aed",
    boxes={
        "variable": ("#1d4ed8", "#eff6ff"),
        "constant": ("#8a919e", "#f9fafb"),
        "operation": ("#6b7280", "#ffffff"),
        "output": ("#15803d", "#f0fdf4"),
        "adjoint": ("#c2410c", "#fff7ed"),
    },
)
DARK = Palette(
    background="#111827",
    text="#f3f4f6",
    value="#93c5fd",
    adjoint="#fdba74",
    rule="#fdab6b",
    muted="#9ca3af",
    bad="#fca5a5",
    flag="#fde047",
    edge="#9aa2b1",
    faint="#606a7c",
    highlight="#c4b5fd",
    boxes={
        "variable": ("#60a5fa", "#172554"),
        "constant": ("#6b7280", "#1f2937"),
        "operation": ("#9ca3af", "#1f2937"),
        "output": ("#4ade80", "#052e16"),
        "adjoint": ("#fb923c", "#431407"),
    },
)
ROLES = ("text", "value", "adjoint", "rule", "muted", "bad", "flag")  # of texts


def palette(theme: str) -> Palette:
    """The colours that are written into a picture; raises UsageFault for an unknown theme."""
    if theme not in THEMES:
        raise UsageFault(f"there is no theme '{theme}'", help="themes: " + ", ".join(THEMES))
    return DARK if theme == "dark" else LIGHT


def dark_style(scope: str, backward: bool = False) -> str:
    """CSS for the elements under `scope` where the reader's system is dark.

    With `backward` also for those that only pictures of a backward graph have.
    """
    boxes = {kind: look for kind, look in DARK.boxes.items() if backward or kind != "adjoint"}
    edges = [("edge-back", DARK.adjoint), ("edge-tie", DARK.adjoint), ("edge-cross", DARK.faint)]
    rules = [
        f"{scope} .canvas{{fill:{DARK.background}}}",
        *(f"{scope} text .{r},{scope} text.{r}{{fill:{getattr(DARK, r)}}}" for r in ROLES),
        *(
            f"{scope} .{kind} .border{{stroke:{border}}}{scope} .{kind} .box{{fill:{filling}}}"
            for kind, (border, filling) in boxes.items()
        ),
        *(
            f"{scope} .{name} .line{{stroke:{color}}}"
            f"{scope} .{name} .head{{fill:{color};stroke:{color}}}"
            for name, color in (
                ("edge", DARK.edge),
                ("edge-none", DARK.faint),
                *(edges if backward else ()),
                ("edge.highlight", DARK.highlight),
            )
        ),
        f"{scope} .node.highlight .border{{stroke:{DARK.highlight}}}",
    ]
    return "@media (prefers-color-scheme:dark){" + "".join(rules) + "}"
