"""Hessians as tables and documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backprop_cli.render.numbers import elements, number, value
from backprop_cli.render.sheet import Column, Sheet
from backprop_cli.render.sheets import DERIVATIVE, WIDEST, said

if TYPE_CHECKING:
    from backprop_cli.engine.hessian import Hessian


def document(found: Hessian) -> dict[str, Any]:
    labels = found.graph.labels()
    return {
        "value": found.value,
        "gradient": {labels[i]: part for i, part in found.gradient.items()},
        "hessian": {
            labels[i]: {labels[j]: block for j, block in row.items()}
            for i, row in found.blocks.items()
        },
        "size": found.size,
        "nonzeros": found.nonzeros,
        "products": found.products,
        "eigenvalues": found.eigenvalues,
        "definiteness": found.definiteness,
    }


def sheets(found: Hessian, form: str, digits: int) -> list[Sheet]:
    """A matrix where it fits, else its entries above the diagonal; all entries for machines."""
    if form == "csv":
        return [_long(found)]
    title = f"{said(found.graph, found.output)} = {value(found.value, digits)}"
    heads = [head for head, _ in _rows(found)]
    foot = notes(found, digits)
    if len(heads) <= WIDEST:
        columns = [
            Column("", style="name"),
            *(Column(f"∂/∂{h}", True, "derivative") for h in heads),
        ]
        rows = [[f"∂/∂{head}", *row] for head, row in _rows(found)]
        return [Sheet(columns, rows if heads else [], title, foot)]
    listed = [
        [heads[i], heads[j], part]
        for i, (_, row) in enumerate(_rows(found))
        for j, part in enumerate(row)
        if j >= i and part != 0
    ]
    columns = [Column("by", style="name"), Column("and", style="name"), DERIVATIVE]
    foot.append("entries that are 0, and those below the diagonal, are left out")
    return [Sheet(columns, listed, title, foot)]


def notes(found: Hessian, digits: int) -> list[str]:
    """What structure saved, and what the signs of the eigenvalues say."""
    n, lines = found.size, []
    passes = f"{found.products} product{'' if found.products == 1 else 's'}"
    if not n:
        lines.append("there is no variable to differentiate by")
    elif not found.nonzeros:
        lines.append(f"{n} × {n}, linear: no entry can differ from 0, no product is needed")
    else:
        saved = f" instead of {n}" if found.products < n else ""
        entries = f"{found.nonzeros:,} of {n * n:,} entries can differ from 0"
        lines.append(f"{n} × {n}, {entries}: {passes}{saved}")
    if found.eigenvalues and found.nonzeros:
        listed = ", ".join(number(v, min(digits, 6)) for v in found.eigenvalues)
        lines.append(f"{found.definiteness}: eigenvalues {listed}")
    return lines


def _rows(found: Hessian) -> list[tuple[str, list[float]]]:
    """Each row of the matrix with the element that it is by."""
    labels = found.graph.labels()
    result = []
    for i in found.wrt:
        size = _size(found, i)
        parts = [[part for _, part in elements(found.blocks[i][j])] for j in found.wrt]
        for k, index in enumerate(_indices(found, i)):
            row = [x for part in parts for x in part[k * len(part) // size :][: len(part) // size]]
            result.append((f"{labels[i]}[{index}]" if index else labels[i], row))
    return result


def _size(found: Hessian, node: int) -> int:
    return len(_indices(found, node))


def _indices(found: Hessian, node: int) -> list[str]:
    """The index of each element of a node as text, '' for a scalar."""
    return [index for index, _ in elements(found.gradient[node])]


def _long(found: Hessian) -> Sheet:
    labels = found.graph.labels()
    rows: list[list[Any]] = []
    for i in found.wrt:
        depth = len(found.graph.shape(i))
        for j in found.wrt:
            for index, part in elements(found.blocks[i][j]):
                places = index.split(",") if index else []
                a, b = ",".join(places[:depth]), ",".join(places[depth:])
                rows.append([labels[i], a, labels[j], b, part])
    columns = [
        Column("row"),
        Column("row_index"),
        Column("column"),
        Column("column_index"),
        DERIVATIVE,
    ]
    return Sheet(columns, rows, index_at=None)
