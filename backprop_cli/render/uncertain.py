"""Uncertain results: tables of the budget, and their JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backprop_cli.render import documents, sheets
from backprop_cli.render.numbers import finite, number, value
from backprop_cli.render.path_table import percent, shortened
from backprop_cli.render.sheet import Column, Sheet

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Evaluation, Sweep
    from backprop_cli.engine.uncertainty import Item, Uncertainty

SIGMA = Column("σ", numeric=True)
WRITTEN_OUT = 10  # digits before and after the point, beyond which a number has an exponent
TOGETHER = (
    "paths of one variable carry the same error: they are added, with their signs, then squared"
)


def gradient(sweep: Sweep, found: Uncertainty, form: str, digits: int) -> list[Sheet]:
    """The budget: a row for each node of `wrt`, and each uncertain variable besides."""
    labels = sweep.graph.labels()
    items = {item.node: item for item in found.budget}
    slopes = {item.node: item.derivative for item in found.budget}
    rows = [
        [
            labels[i],
            sweep.values[i],
            *_deviation(items.get(i), slope, form, digits),
            found.elasticities.get(labels[i]),
        ]
        for i, slope in (sweep.gradient | slopes).items()
    ]
    columns = [
        sheets.NAME,
        sheets.VALUE,
        SIGMA,
        sheets.DERIVATIVE,
        Column("contribution", numeric=True),
        Column("share", numeric=True),
        Column("elasticity", numeric=True),
    ]
    if form == "csv":
        return [Sheet(columns, rows)]
    title = f"{sheets.said(sweep.graph, sweep.output)} = {plus_minus(found.value, found.sigma)}"
    tables = [Sheet(columns, rows, title)]
    if found.several:
        tables.append(_paths(found, digits))
    return [*tables, Sheet(_FACTS, _facts(found, digits), header=False)]


def _deviation(item: Item | None, derivative: Any, form: str, digits: int) -> list[Any]:
    """Sigma, derivative, contribution and share; for machines one of each for each element."""
    if item is None:
        return [None, derivative, None, None]
    if form != "csv" or not getattr(item.value, "shape", ()):
        share = item.share if form == "csv" else percent(item.share, digits)
        return [item.sigma, derivative, item.contribution, share]
    parts = abs(derivative) * item.sigma
    total = item.share / item.contribution**2 if item.share and item.contribution else None
    return [item.sigma, derivative, parts, None if total is None else parts**2 * total]


def _paths(found: Uncertainty, digits: int) -> Sheet:
    columns = [
        Column("path", style="name"),
        Column("product", numeric=True, style="derivative"),
        Column("product·σ", numeric=True),
    ]
    rows = [
        [" → ".join(shortened(path.nodes)), path.product, path.contribution] for path in found.paths
    ]
    return Sheet(columns, rows, foot=[f"  {TOGETHER}"])


_FACTS = [Column("what"), Column("value", style="derivative"), Column("remark", style="quiet")]


def _facts(found: Uncertainty, digits: int) -> list[list[str]]:
    rows = [["value", number(found.value, digits), ""]]
    relative = abs(found.sigma / found.value) if found.value else math.nan
    remark = f"{number(100 * relative, 3)} % of the value" if math.isfinite(relative) else ""
    rows.append(["σ of the value", number(found.sigma, digits), remark])
    if found.condition is not None:
        rows.append(["condition number", number(found.condition, 4), "the sum of |elasticity|"])
    second = found.second_order
    if second is not None and second.sigma is not None:
        shift = f"mean shift {number(second.mean_shift, 3)}"
        rows.append(["σ to second order", number(second.sigma, digits), shift])
    return rows


def plus_minus(item: float, sigma: float) -> str:
    """A value with its deviation, this to two digits (GUM, 7.2.6), that to the same place.

    >>> plus_minus(2.8414709, 0.25890), plus_minus(12345.6, 120.0), plus_minus(1e-12, 3e-14)
    ('2.84 ± 0.26', '12350 ± 120', '(1.000 ± 0.030)e-12')
    """
    if not (math.isfinite(item) and math.isfinite(sigma)) or sigma == 0:
        return f"{number(item)} ± {number(sigma)}"
    last = int(f"{sigma:.1e}".partition("e")[2]) - 1  # the power of ten of sigma's second digit
    largest = max(abs(item), sigma)
    first = int(f"{largest:.0e}".partition("e")[2])
    if last > -WRITTEN_OUT and first < WRITTEN_OUT:
        if last < 0:
            return f"{item:.{-last}f} ± {sigma:.{-last}f}"
        return f"{round(item, -last):.0f} ± {round(sigma, -last):.0f}"
    places = max(first - last, 1)
    shown = [f"{part / 10.0**first:.{places}f}" for part in (item, sigma)]
    return f"({shown[0]} ± {shown[1]})e{first}"


def evaluation(
    found: Evaluation,
    outputs: Sequence[tuple[str, int]],
    deviations: Sequence[Any],
    sigmas: Mapping[str, Any],
    form: str,
    digits: int,
) -> list[Sheet]:
    """The tables of a value, with the deviations of the outputs and of the variables."""
    (plain,) = sheets.evaluation(found, outputs, form, digits)
    if form == "table":
        lines = [
            f"{name or sheets.said(found.graph, node)} = "
            + _shown(found.values[node], sigma, digits)
            for (name, node), sigma in zip(outputs, deviations, strict=True)
        ]
        return [plain._replace(title="\n".join(lines))]
    names = found.graph.names
    by_name = dict(sigmas) | {
        names.get(node) or name or "value": sigma
        for (name, node), sigma in zip(outputs, deviations, strict=True)
    }
    rows = [[*row, by_name.get(row[0])] for row in plain.rows]
    return [plain._replace(columns=[*plain.columns, SIGMA], rows=rows)]


def _shown(item: Any, sigma: Any, digits: int) -> str:
    if getattr(item, "shape", ()):
        return f"{value(item, digits)} ± {value(sigma, 2)}"
    return plus_minus(float(item), float(sigma))


def gradient_document(sweep: Sweep, found: Uncertainty) -> documents.Document:
    """The document of `grad`, with the whole budget."""
    second = found.second_order
    return documents.gradient(sweep) | {
        "uncertainty": {
            "sigma": found.sigma,
            "budget": [
                {
                    "name": item.name,
                    "value": item.value,
                    "sigma": item.sigma,
                    "derivative": item.derivative,
                    "contribution": item.contribution,
                    "share": item.share,
                    "elasticity": found.elasticities.get(item.name),
                }
                for item in found.budget
            ],
            "paths": [path._asdict() for path in found.paths],
            "elasticities": found.elasticities,
            "condition": found.condition,
            "second_order": None if second is None else _finite(second._asdict()),
        },
    }


def _finite(terms: Mapping[str, Any]) -> dict[str, Any]:
    """Terms that are not finite as null: their warning says so."""
    return {
        name: part if part is not None and finite(part) else None for name, part in terms.items()
    }


def evaluation_document(
    found: Evaluation, outputs: list[tuple[str, int]], deviations: Sequence[Any]
) -> documents.Document:
    """The document of `eval`, with a deviation for each output."""
    names = [name for name, _ in outputs]
    several = dict(zip(names, deviations, strict=True))
    sigma = several if len(outputs) > 1 else deviations[0]
    return documents.evaluation(found, outputs) | {"uncertainty": {"sigma": sigma}}
