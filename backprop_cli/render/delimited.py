"""Tables as comma-separated values: numbers in full, one row for each element of a tensor."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from backprop_cli.render.sheet import Sheet, exploded


def text(sheets: Sequence[Sheet]) -> str:
    """The tables, one after another with an empty line between them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for k, sheet in enumerate(sheets):
        if k:
            out.write("\n")
        writer.writerows(exploded(sheet))
    return out.getvalue()
