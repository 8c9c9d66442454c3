"""The points of a run: from `--at` texts, from files of JSON, and from standard input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TextIO

from backprop_cli.engine.point import Uncertain, Value, nested, normal, parse_point, why_not_json
from backprop_cli.errors import BpropError, FileFault, UsageFault

STDIN = "standard input"


class Point(NamedTuple):
    """Values by name. What was `typed` must be used; what a file holds besides may go unused."""

    values: dict[str, Value]
    typed: frozenset[str] = frozenset()
    place: str = ""  # for messages: 'points.jsonl, line 3'
    sigmas: dict[str, Value] | None = None  # the standard deviations of uncertain values


class Points:
    """The points of one run: usually one, or `many` from a file of JSON Lines."""

    def __init__(self, typed: dict[str, Value], files: dict[str, Value]) -> None:
        self.typed = typed
        self.files = files
        self.stream: Iterator[tuple[str, dict[str, Value]]] | None = None

    @property
    def many(self) -> bool:
        return self.stream is not None

    def __iter__(self) -> Iterator[Point]:
        names = frozenset(self.typed)
        if self.stream is None:
            yield _point({**self.files, **self.typed}, names)
            return
        for place, values in self.stream:
            yield _point({**self.files, **values, **self.typed}, names, place)


def _point(found: dict[str, Value], typed: frozenset[str], place: str = "") -> Point:
    """A point, the uncertain values parted into values and deviations."""
    sigmas = {name: item.sigma for name, item in found.items() if isinstance(item, Uncertain)}
    if not sigmas:
        return Point(found, typed, place)
    values = {k: v.value if isinstance(v, Uncertain) else v for k, v in found.items()}
    return Point(values, typed, place, sigmas)


def read_points(texts: Sequence[str], stdin: TextIO | None = None, source: str = "") -> Points:
    """The points that `--at` texts and the program's own `# at:` lines give.

    A typed value stands above one from a file, and that above the program's own.
    """
    points = Points({}, defaults(source))
    for text in texts:
        stripped = text.strip()
        if stripped == "-":
            _add_file(points, STDIN, stdin)
        elif stripped.startswith("@"):
            _add_file(points, stripped[1:].strip(), None)
        else:
            for name, value in parse_point(text, uncertain=True).items():
                if name in points.typed:
                    raise UsageFault(f"'{name}' is bound twice by --at")
                points.typed[name] = value
    return points


def defaults(source: str) -> dict[str, Value]:
    """The values in the `# at: x=1, y=2` lines of a program."""
    values: dict[str, Value] = {}
    if "#" not in source:
        return values
    for line in source.split("\n"):
        comment = line.strip().removeprefix("#").lstrip()
        if line.lstrip().startswith("#") and comment.startswith("at:"):
            values.update(parse_point(comment[3:].strip(), "the '# at:' line", uncertain=True))
    return values


def _add_file(points: Points, name: str, stdin: TextIO | None) -> None:
    """Adds what a file holds: values for the one point, or a stream of points."""
    lines = _lines(name, stdin)
    found = _points_of(name, lines)
    if isinstance(found, dict):
        points.files.update(found)
    elif points.stream is not None:
        raise UsageFault("only one --at may hold many points")
    else:
        points.stream = found


def _lines(name: str, stdin: TextIO | None) -> Iterator[str]:
    """The lines of a file, one at a time; raises FileFault."""
    if not name:
        raise UsageFault("--at @ needs the name of a file", help="--at @point.json")
    try:
        if stdin is not None:
            yield from stdin
            return
        with open(name, encoding="utf-8-sig") as file:
            yield from file
    except UnicodeDecodeError:
        raise FileFault(f"{name} is not text in UTF-8") from None
    except (OSError, ValueError) as failure:
        raise FileFault(f"cannot read {name}: {_reason(failure)}") from None


def _reason(failure: Exception) -> str:
    return getattr(failure, "strerror", None) or str(failure)


def _points_of(
    name: str, lines: Iterator[str]
) -> dict[str, Value] | Iterator[tuple[str, dict[str, Value]]]:
    """One point for a JSON object; a stream for JSON Lines and for a list of objects."""
    import json

    first = next((line for line in _skip_blank(lines)), None)
    if first is None:
        if name.endswith((".jsonl", ".ndjson")) or name == STDIN:
            return iter(())
        raise FileFault(f"{name} is empty", help='a point is a JSON object: {"x": 1, "y": 2}')
    number, text = first
    as_lines = name.endswith((".jsonl", ".ndjson")) or name == STDIN
    whole = _complete(text)
    if as_lines and (whole or name != STDIN):
        return _stream(name, number, text, lines)
    rest = list(lines)
    if whole and any(line.strip() for line in rest):
        return _stream(name, number, text, iter(rest))
    try:
        document = json.loads(text + "".join(rest), object_pairs_hook=_object)
    except (ValueError, RecursionError) as failure:
        raise _not_json(name, failure) from None
    if isinstance(document, list) and all(isinstance(part, dict) for part in document):
        return ((f"{name}, entry {k}", _values(p, name)) for k, p in enumerate(document, 1))
    return _values(document, name)


def _skip_blank(lines: Iterator[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, line


def _complete(text: str) -> bool:
    """Whether one line is a JSON value by itself."""
    import json

    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return text.lstrip().startswith("{")


def _stream(
    name: str, number: int, first: str, lines: Iterator[str]
) -> Iterator[tuple[str, dict[str, Value]]]:
    import json
    from itertools import chain

    for k, line in enumerate(chain([first], lines), number):
        if not line.strip():
            continue
        place = f"{name}, line {k}"
        try:
            document = json.loads(line, object_pairs_hook=_object)
        except (ValueError, RecursionError) as failure:
            raise _not_json(place, failure) from None
        yield place, _values(document, place)


def _not_json(place: str, failure: Exception) -> FileFault:
    return FileFault(
        f"{place} is not JSON: {why_not_json(failure)}",
        help='a point is a JSON object: {"x": 1, "y": 2}',
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FileFault(f"'{twice}' is bound twice in one point")
    return found


def _values(document: Any, place: str) -> dict[str, Value]:
    if not isinstance(document, dict):
        raise FileFault(
            f"{place} holds no point", help='a point is a JSON object: {"x": 1, "y": 2}'
        )
    values = {}
    for name, item in document.items():
        try:
            values[normal(name)] = _value(item)
        except BpropError as fault:
            fault.message = f"{place}: the value of '{name}': {fault.message}"
            fault.origin = None
            if fault.span is not None and isinstance(item, str):
                fault.source = item
            else:
                fault.span = None
            raise
    return values


def _value(item: Any) -> Value:
    signed = isinstance(item, str) and ("±" in item or "+/-" in item)
    if not signed and not isinstance(item, dict):
        return nested(item)
    from backprop_cli.engine.uncertain_point import from_json

    return from_json(item)
