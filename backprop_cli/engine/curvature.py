"""The matrix of second derivatives of a gradient graph, in the products that sparsity leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.engine.colouring import Colouring, colour_columns, members
from backprop_cli.engine.gradient_graph import GradientGraph
from backprop_cli.engine.sparsity import dependence
from backprop_cli.engine.tangents import Tangents

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Entries(NamedTuple):
    """A square sparse matrix: the entries that can differ from 0, row by row, on both sides.

    Three arrays of one shape: that of the matrix where all its entries can.
    """

    size: int
    rows: NDArray[Any]
    columns: NDArray[Any]
    values: NDArray[Any]

    def dense(self) -> NDArray[Any]:
        import numpy as np

        if self.values.ndim > 1:
            return self.values
        matrix = np.zeros((self.size, self.size))
        matrix[self.rows, self.columns] = self.values
        return matrix


class Curvature:
    """The matrix of second derivatives of a gradient graph."""

    def __init__(self, first: GradientGraph) -> None:
        self.first = first
        self.pattern = symmetric_pattern(first)
        self.size = len(self.pattern)
        self.nonzeros = sum(row.bit_count() for row in self.pattern)
        self.products = 0
        self.reasons: list[str] = []  # why entries are not finite

    def entries(self) -> Entries:
        """The entries that can differ from 0."""
        import numpy as np

        if self.nonzeros and self.first.is_nested():
            self.products = self.size
            matrix = self._by_rows(range(self.size), np.zeros((self.size, self.size)))
            return Entries(self.size, *_everywhere(self.size), matrix)
        if not self.nonzeros:
            return Entries(self.size, *self._places(), np.zeros(0))
        found = self._full() if self.nonzeros == self.size**2 else self._sparse()
        finite = np.isfinite(found.values)
        if finite.all():
            return found
        matrix = self._by_rows(np.unique(found.rows[~finite]).tolist(), found.dense())
        return found._replace(values=matrix[found.rows, found.columns])

    def _full(self) -> Entries:
        import numpy as np

        self.products = self.size
        products = self._products(np.eye(self.size))
        lower = np.tril_indices(self.size, -1)
        products[lower] = products.T[lower]
        return Entries(self.size, *_everywhere(self.size), products)

    def _sparse(self) -> Entries:
        import numpy as np

        colouring = colour_columns(self.pattern)
        self.products = len(colouring.groups)
        directions = np.zeros((self.products, self.size))
        for k, group in enumerate(colouring.groups):
            directions[k, group] = 1.0
        products = self._products(directions)
        rows, columns = self._places()
        return Entries(self.size, rows, columns, _read_off(products, colouring, rows, columns))

    def _places(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The rows and the columns of all entries."""
        import numpy as np

        counts = [row.bit_count() for row in self.pattern]
        columns = [np.array(members(row), dtype=np.intp) for row in self.pattern if row]
        rows = np.repeat(np.arange(self.size), counts)
        return rows, np.concatenate(columns) if columns else np.zeros(0, dtype=np.intp)

    def _products(self, directions: NDArray[Any]) -> NDArray[Any]:
        """The matrix times each row of `directions`, as rows."""
        first = self.first
        tangents = Tangents(first.graph, first.point, first.columns, first.gradient, first.backend)
        return tangents.products(directions)

    def _by_rows(self, rows: Sequence[int], matrix: NDArray[Any]) -> NDArray[Any]:
        """Some rows anew by reverse over reverse, which minds what is no edge at the point."""
        import numpy as np

        for row in rows:
            matrix[row], reasons = self.first.reversed_row(row)
            self.reasons += reasons
        for row in rows:  # one number on both sides, where the two differ by rounding
            other = matrix[:, row]
            both = np.isfinite(matrix[row]) & np.isfinite(other)
            matrix[row] = np.where(both, other, matrix[row])
        return matrix


def symmetric_pattern(first: GradientGraph) -> list[int]:
    """For each row the set of columns in which it can differ from 0."""
    found = [row for node in dependence(first.graph, first.columns, first.gradient) for row in node]
    if all(row == (1 << len(found)) - 1 for row in found):
        return found
    result = list(found)
    for i, row in enumerate(found):
        for j in members(row):
            result[j] |= 1 << i
    return result


def _everywhere(size: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The rows and the columns of all entries of a matrix, in its shape."""
    import numpy as np

    places = np.arange(size)
    rows, columns = np.broadcast_arrays(places[:, np.newaxis], places)
    return rows, columns


def _read_off(
    products: NDArray[Any], colouring: Colouring, rows: NDArray[Any], columns: NDArray[Any]
) -> NDArray[Any]:
    """Each entry from the product that holds it alone; those below the diagonal by symmetry."""
    import numpy as np

    values = np.empty(len(rows))
    above = rows <= columns
    values[above] = products[colouring.sources(rows[above], columns[above])]
    mirrored = values[np.lexsort((rows, columns))]
    values[~above] = mirrored[~above]
    return values
