"""The JSON of `bprop export`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backprop_cli.engine.self_test import Outcome
    from backprop_cli.render.source_code.lines import Function
    from backprop_cli.render.source_code.loops.function import ArrayFunction


def export_document(
    language: str, code: str, made: Function | ArrayFunction | None, outcome: Outcome | None
) -> dict[str, Any]:
    """The code, with what its function takes and returns; null where there is none."""
    found: dict[str, Any] = {"language": language, "name": None, "arguments": [], "gradient": []}
    if made is not None:
        found["name"] = made.name
        found["arguments"] = [
            {"name": a.block.name, "identifier": a.name, "shape": list(a.block.shape)}
            for a in made.arguments
        ]
        found["gradient"] = [
            {"name": block.name, "shape": list(block.shape)} for block in made.export.gradient
        ]
    found["code"] = code
    found["self_test"] = None
    if outcome is not None:
        found["self_test"] = {"points": outcome.points, "worst": outcome.worst}
    return found
