"""Hessians as tables and documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backprop_cli.render.numbers import elements, number, value
from backprop_cli.render.sheet import Column, Sheet
from backprop_cli.render.sheets import DERIVATIVE, WIDEST, entries, said

if TYPE_CHECKING:
    from backprop_cli.engine.hessian import Hessian

MOST_NESTED = (
    10**6
)  # entries of a matrix that is written whole; beyond, those that can differ from 0
_CSV = [
    *(Column(title) for title in ("row", "row_index", "column", "column_index")),
    DERIVATIVE,
]


def document(found: Hessian) -> dict[str, Any]:
    """The matrix by names where it is small, else its entries with their numbers."""
    labels = found.graph.labels()
    blocks = listed = None
    if found.size**2 <= MOST_NESTED:
        blocks = {
            labels[i]: {labels[j]: block for j, block in row.items()}
            for i, row in found.blocks.items()
        }
    else:
        rows, columns, values = (part.ravel() for part in found.entries[1:])
        listed = {
            "names": [labels[i] for i in found.wrt],
            "rows": rows,
            "columns": columns,
            "values": values,
        }
    return {
        "value": found.value,
        "gradient": {labels[i]: part for i, part in found.gradient.items()},
        "hessian": blocks,
        "entries": listed,
        "size": found.size,
        "nonzeros": found.nonzeros,
        "products": found.products,
        "eigenvalues": found.eigenvalues,
        "definiteness": found.definiteness,
    }


def sheets(found: Hessian, form: str, digits: int) -> list[Sheet]:
    """A matrix where it fits, else its entries above the diagonal; all entries for machines."""
    if form == "csv":
        return [_long(found) if found.size**2 <= MOST_NESTED else _listed(found)]
    title = f"{said(found.graph, found.output)} = {value(found.value, digits)}"
    foot = notes(found, digits)
    heads = [f"{name}[{index}]" if index else name for name, index in _elements(found)]
    if len(heads) <= WIDEST:
        return [Sheet(*_matrix(found, heads), title, foot)]
    columns = [Column("by", style="name"), Column("and", style="name"), DERIVATIVE]
    foot.append("entries that are 0, and those below the diagonal, are left out")
    return [entries(columns, _above(found, heads), title, foot)]


def _matrix(found: Hessian, heads: list[str]) -> tuple[list[Column], list[list[Any]]]:
    columns = [Column("", style="name"), *(Column(f"∂/∂{h}", True, "derivative") for h in heads)]
    rows = zip(heads, found.matrix.tolist(), strict=True)
    return columns, [[f"∂/∂{head}", *row] for head, row in rows]


def _above(found: Hessian, heads: list[str]) -> list[list[Any]]:
    """The entries that are not 0, without those below the diagonal."""
    rows, columns, values = (part.ravel() for part in found.entries[1:])
    kept = (columns >= rows) & (values != 0)
    parts = (part[kept].tolist() for part in (rows, columns, values))
    return [[heads[i], heads[j], part] for i, j, part in zip(*parts, strict=True)]


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


def _elements(found: Hessian) -> list[tuple[str, str]]:
    """The name and the index of each element that derivatives are by; '' for a scalar."""
    labels = found.graph.labels()
    return [(labels[i], index) for i in found.wrt for index, _ in elements(found.gradient[i])]


def _listed(found: Hessian) -> Sheet:
    """The entries that can differ from 0, row by row."""
    places = _elements(found)
    parts = zip(*(part.ravel().tolist() for part in found.entries[1:]), strict=True)
    return Sheet(_CSV, [[*places[i], *places[j], part] for i, j, part in parts], index_at=None)


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
    return Sheet(_CSV, rows, index_at=None)
