"""JSON: a document a command prints, its numbers in full, what is not finite as null."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any


def document(content: dict[str, Any], *, line: bool = False) -> str:
    """The document as JSON text ending in a newline: laid out for reading, or as one `line`.

    Numbers that are not finite become null, each with an entry in `warnings`.
    """
    content = dict(content)
    warnings = list(content.pop("warnings", ()))
    told = {entry.get("path") for entry in warnings}
    for key, item in content.items():
        clean, lost = _finite(item, key)
        content[key] = clean
        warnings += [_lost(path, found) for path, found in lost if path not in told]
    content["warnings"] = [_finite(entry, "")[0] for entry in warnings]
    if line:
        return _compact(content) + "\n"
    body = ",\n".join(f"  {_compact(key)}: {_item(item)}" for key, item in content.items())
    return f"{{\n{body}\n}}\n"


def _compact(item: Any) -> str:
    return json.dumps(item, ensure_ascii=False, allow_nan=False)


def _item(item: Any) -> str:
    """Lists of objects get a line for each; everything else stands on one line."""
    if isinstance(item, list) and item and isinstance(item[0], dict):
        return "[\n" + ",\n".join(f"    {_compact(entry)}" for entry in item) + "\n  ]"
    return _compact(item)


def _lost(path: str, found: float) -> dict[str, Any]:
    return {
        "kind": "non-finite",
        "node": None,
        "span": None,
        "message": f"{path} is {found}",
        "path": path,
        "value": str(found),
    }


def _finite(item: Any, path: str) -> tuple[Any, list[tuple[str, float]]]:
    """A copy with null for inf and nan, and those numbers by path. Depth is that of the schema."""
    lost: list[tuple[str, float]] = []
    return _clean(item, path, lost), lost


def _clean(item: Any, path: str, lost: list[tuple[str, float]]) -> Any:
    if isinstance(item, float):
        if math.isfinite(item):
            return item
        lost.append((path, item))
        return None
    if item is None or isinstance(item, (str, int)):
        return item
    if isinstance(item, dict):
        return {key: _clean(part, f"{path}.{key}", lost) for key, part in item.items()}
    if not isinstance(item, (list, tuple)):  # an array
        item = item.tolist()
        if isinstance(item, float):
            return _clean(item, path, lost)
    return [_clean(part, f"{path}[{k}]", lost) for k, part in _parts(item)]


def _parts(items: Any) -> Iterator[tuple[int, Any]]:
    return enumerate(items)
