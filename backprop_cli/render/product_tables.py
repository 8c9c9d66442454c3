"""Products of derivatives with vectors as tables and documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backprop_cli.render.numbers import value
from backprop_cli.render.sheet import Column, Sheet
from backprop_cli.render.sheets import NAME, VALUE, said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.engine.product import Product

ALONG = Column("along", numeric=True, style="derivative")


def forward_document(found: Product, outputs: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """The outputs' values and their derivatives along the direction; by name if several."""
    if len(outputs) == 1:
        node = outputs[0][1]
        return {"value": found.values[node], "jvp": found.parts[node]}
    return {
        "outputs": {name: found.values[node] for name, node in outputs},
        "jvp": {name: found.parts[node] for name, node in outputs},
    }


def forward_sheets(
    found: Product, outputs: Sequence[tuple[str, int]], form: str, digits: int
) -> list[Sheet]:
    """The values in the title, the derivatives below; for machines side by side."""
    named = [(name or said(found.graph, node), node) for name, node in outputs]
    if form == "csv":
        rows = [[name, found.values[node], found.parts[node]] for name, node in named]
        return [Sheet([NAME, VALUE, ALONG], rows)]
    title = "\n".join(f"{name} = {value(found.values[node], digits)}" for name, node in named)
    return [Sheet([NAME, ALONG], [[name, found.parts[node]] for name, node in named], title)]


def backward_document(found: Product, command: str) -> dict[str, Any]:
    """The output's value, and the product by each node it is derived by."""
    labels = found.graph.labels()
    (output,) = found.values
    return {
        "value": found.values[output],
        command: {labels[node]: part for node, part in found.parts.items()},
    }


def backward_sheets(found: Product, title: str, digits: int) -> list[Sheet]:
    labels = found.graph.labels()
    (output,) = found.values
    rows = [[labels[node], part] for node, part in found.parts.items()]
    heading = f"{said(found.graph, output)} = {value(found.values[output], digits)}"
    return [Sheet([NAME, Column(title, numeric=True, style="derivative")], rows, heading)]
