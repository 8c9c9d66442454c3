"""What there is to say about the paths between two nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.engine.path_counts import Counts, Work

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Value
    from backprop_cli.engine.warning import Warning_
    from backprop_cli.ir.graph import Graph


class Path(NamedTuple):
    """A path from the source to the target, and what it adds to the derivative."""

    nodes: list[int]
    labels: list[str]
    edges: list[tuple[int, int]]  # node and argument position; one fewer than nodes
    partials: list[Value | None]  # None for a pullback, which is no number
    product: Value  # of the partials; for tensors the composed pullbacks, in the source's shape
    share: Value | None  # product / sum


class Cancellation(NamedTuple):
    """What the sum loses where terms of both signs meet; None where that is not known."""

    positive: float | None
    negative: float | None  # not above 0
    condition: float | None  # sum of |product| over |sum|: 1 without cancellation


class PathReport:
    """All paths between two nodes at a point, counted and summed; the largest of them listed."""

    def __init__(
        self,
        *,
        source: int,
        target: int,
        through: int | None,
        labels: tuple[str, str, str | None],
        counts: Counts,
        paths: list[Path],
        sum: Value,
        gradient: Value,
        agree: bool,
        listed_sum: Value,
        total_gradient: Value,
        cancellation: Cancellation,
        notes: list[str],
        open_bound: float | None = None,
    ) -> None:
        self.source = source
        self.target = target
        self.through = through
        self.from_, self.to, self.through_label = labels  # with an element's index
        self.count = counts.paths.exact  # None above 4,000 digits
        self.count_log10 = counts.paths.log10  # None for no paths
        self.paths = paths  # largest |product| first
        self.listed_sum = listed_sum
        self.sum = sum  # over all paths, by forward accumulation
        self.gradient = gradient  # of the reverse sweep, over the same paths
        self.agree = agree
        self.total_gradient = total_gradient  # over all paths; `gradient`, but with `through`
        self.cancellation = cancellation
        self.enumeration = counts.enumeration
        self.backpropagation = counts.backpropagation
        self.notes = notes
        self.warnings: list[Warning_] = []  # about the derivatives; `path_report` finds them
        self.open_bound = open_bound  # what no unlisted path's norm exceeds, where it was cut short

    @property
    def cost(self) -> dict[str, dict[str, float | None]]:
        """The work of both ways as plain numbers, for JSON."""
        result: dict[str, dict[str, float | None]] = {}
        for name in ("enumeration", "backpropagation"):
            work: Work = getattr(self, name)
            numbers: dict[str, float | None] = {}
            for key, count in zip(work._fields, work, strict=True):
                numbers[key] = count.exact
                numbers[f"{key}_log10"] = count.log10
            result[name] = numbers
        return result


def labels_of(
    graph: Graph,
    source: int,
    target: int,
    through: int | None,
    source_index: tuple[int, ...] | None = None,
    target_index: tuple[int, ...] | None = None,
) -> tuple[str, str, str | None]:
    """What the two ends and the node between are called."""
    labels = graph.labels()
    return (
        labels[source] + index_text(source_index),
        labels[target] + index_text(target_index),
        None if through is None else labels[through],
    )


def index_text(index: tuple[int, ...] | None) -> str:
    return f"[{', '.join(map(str, index))}]" if index else ""
