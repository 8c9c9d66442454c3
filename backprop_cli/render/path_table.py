"""The table of paths: their products and shares, their sum beside the gradient, and the cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backprop_cli.render.board import operand
from backprop_cli.render.numbers import number, value
from backprop_cli.render.sheet import Column, Sheet

if TYPE_CHECKING:
    from backprop_cli.engine.path_counts import Count, Work
    from backprop_cli.engine.paths import PathReport

LONGEST = 8  # nodes of a path that are shown; of a longer one, the ends
WRITTEN = 10**24  # counts below are written out


def paths(report: PathReport, digits: int) -> list[Sheet]:
    columns = [
        Column("path", style="name"),
        Column("partials", style="quiet"),
        Column("product", numeric=True, style="derivative"),
        Column("share", numeric=True),
    ]
    rows = [
        [
            " → ".join(shortened(path.labels)),
            " · ".join(shortened([_partial(p, digits) for p in path.partials])),
            path.product,
            percent(path.share, digits),
        ]
        for path in report.paths
    ]
    return [Sheet(columns, rows, title(report)), Sheet(_FACTS, facts(report, digits), header=False)]


_FACTS = [Column("what"), Column("value", style="derivative"), Column("remark", style="quiet")]


def listing(report: PathReport) -> list[Sheet]:
    """One row for each path (and element of its product), for machines."""
    columns = [
        Column("path"),
        Column("partials"),
        Column("product", numeric=True),
        Column("share", numeric=True),
    ]
    rows = [
        [
            " ".join(path.labels),
            " ".join("" if p is None else str(p) for p in path.partials),
            path.product,
            path.share,
        ]
        for path in report.paths
    ]
    return [Sheet(columns, rows, index_at=2)]


def title(report: PathReport) -> str:
    way = f"from {report.from_} to {report.to}"
    if report.through_label is not None:
        way += f" through {report.through_label}"
    plural = "path" if report.count == 1 else "paths"
    text = f"{count_text(report.count, report.count_log10)} {plural} {way}"
    listed = len(report.paths)
    if report.count is None or listed < report.count:
        text += f", the {listed} largest:" if listed > 1 else ", the largest:" if listed else ""
    return text


def facts(report: PathReport, digits: int) -> list[list[Any]]:
    """The sum over all paths beside the gradient, what cancels, and what either way costs."""
    rows: list[list[Any]] = []
    if len(report.paths) > 1 and (report.count is None or len(report.paths) < report.count):
        rows.append(["sum of these paths", value(report.listed_sum, digits), ""])
    agree = "they agree" if report.agree else "they differ"
    rows.append(["sum of all paths", value(report.sum, digits), ""])
    rows.append(["backpropagation", value(report.gradient, digits), agree])
    loss = report.cancellation
    if loss.positive and loss.negative:
        parts = f"{number(loss.positive, digits)} - {number(-loss.negative, digits)}"
        condition = loss.condition
        remark = "" if condition is None else f"condition number {number(condition, 3)}"
        rows.append(["cancellation", parts, remark])
    rows.append(["cost, path by path", work_text(report.enumeration), ""])
    rows.append(["cost, backpropagation", work_text(report.backpropagation), ""])
    return rows


def count_text(exact: int | None, log10: float | None) -> str:
    """A count in full, or as a power of ten where it is too long."""
    if exact is not None and exact < WRITTEN:
        return f"{exact:,}" if exact else "no"
    if log10 is None:
        return "0"
    exponent = int(log10)
    return f"about {10 ** (log10 - exponent):.3g}e{exponent}"


def work_text(work: Work) -> str:
    parts = [("multiplication", work.multiplications), ("addition", work.additions)]
    return ", ".join(f"{_number_of(count)} {word}{_s(count)}" for word, count in parts)


def _number_of(count: Count) -> str:
    return "0" if count.exact == 0 else count_text(count.exact, count.log10)


def _s(count: Count) -> str:
    return "" if count.exact == 1 else "s"


def shortened(parts: list[str]) -> list[str]:
    if len(parts) <= LONGEST:
        return parts
    return [*parts[: LONGEST - 3], "…", *parts[-2:]]


def percent(share: Any, digits: int) -> str:
    if share is None:
        return ""
    return f"{value(100 * share, min(digits, 4))} %"


def _partial(partial: Any, digits: int) -> str:
    """A partial; a pullback is no number."""
    return "∂" if partial is None else operand(value(partial, digits))
