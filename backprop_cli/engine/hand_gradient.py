"""A gradient written by hand, `x: y + cos(x), y: x`: its parts, and their values at points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.engine.point import DEEPEST, normal, why_not_json
from backprop_cli.errors import BpropError, NameFault, ShapeFault, Span, UsageFault
from backprop_cli.ir.graph import Graph
from backprop_cli.ir.shapes import show

if TYPE_CHECKING:
    from backprop_cli.engine.sweep import Evaluation, Value

_OPEN, _CLOSE = "([{", ")]}"
FORM = "write name: derivative, as in x: y + cos(x), y: x"


class Part(NamedTuple):
    """The derivative written for one variable; `start` is where its text begins in `source`."""

    name: str
    text: str
    start: int
    source: str
    origin: str
    span: Span | None  # of the name, in `source`

    @property
    def place(self) -> Span:
        """The written derivative, in `source`."""
        lead = len(self.text) - len(self.text.lstrip())
        begin = self.start + lead
        return Span(begin, begin + max(len(self.text.strip()), 1))


def read_parts(text: str, origin: str = "--grad") -> dict[str, Part]:
    """The parts of a text, or of an object in JSON; raises UsageFault with the place.

    >>> [(p.name, p.text.strip()) for p in read_parts("x: y + cos(x), y: x").values()]
    [('x', 'y + cos(x)'), ('y', 'x')]
    """
    try:
        parts = _from_json(text, origin) if text.lstrip().startswith("{") else _split(text, origin)
        found: dict[str, Part] = {}
        for part in parts:
            if part.name in found:
                raise UsageFault(f"the derivative by '{part.name}' is given twice", part.span)
            found[part.name] = part
    except BpropError as fault:
        if fault.source is None:
            fault.source, fault.origin = text, origin
        raise
    if not found:
        raise UsageFault(f"{origin} holds no derivative", help=FORM)
    return found


def _split(text: str, origin: str) -> Iterator[Part]:
    """The parts between commas, semicolons and line ends that stand outside brackets."""
    plain = _without_comments(text)
    depth = start = 0
    for k, letter in enumerate(plain + "\n"):
        if letter in _OPEN:
            depth += 1
        elif letter in _CLOSE:
            depth -= 1
        elif (letter in ",;\n" and depth <= 0) or k == len(plain):
            if plain[start:k].strip():
                yield _part(plain[start:k], start, text, origin)
            start = k + 1


def _without_comments(text: str) -> str:
    """The text with comments as spaces, so that places stay."""
    lines = []
    for line in text.split("\n"):
        code, mark, comment = line.partition("#")
        lines.append(code + " " * len(mark + comment))
    return "\n".join(lines)


def _part(piece: str, start: int, source: str, origin: str) -> Part:
    left, colon, right = piece.partition(":")
    begin = start + len(piece) - len(piece.lstrip())
    span = Span(begin, begin + max(len(left.strip()), 1))
    if not colon:
        raise UsageFault(f"'{piece.strip()}' says no variable", span, help=FORM)
    name = normal(left.strip())
    if not name.isidentifier():
        raise UsageFault(f"'{left.strip()}' is not the name of a variable", span, help=FORM)
    if not right.strip():
        raise UsageFault(f"'{name}' gets no derivative", span, help=FORM)
    return Part(name, right, start + len(left) + 1, source, origin, span)


def _from_json(text: str, origin: str) -> Iterator[Part]:
    import json

    try:
        document = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as failure:
        place = getattr(failure, "pos", None)
        raise UsageFault(
            f"this is not JSON: {why_not_json(failure)}",
            None if place is None else Span(place, place + 1),
            help='a gradient in JSON is {"x": "y + cos(x)", "y": 3}',
        ) from None
    yield from _from_items(document, f"{origin}, ")


def parts_of(gradient: Mapping[str, Any]) -> dict[str, Part]:
    """The parts of a mapping from names to expressions, numbers, nested lists or arrays.

    >>> parts_of({"x": "y + cos(x)", "y": [1, 2.5]})["y"].text
    '[1, 2.5]'
    """
    return {part.name: part for part in _from_items(gradient, "")}


def _from_items(items: Mapping[str, Any], origin: str) -> Iterator[Part]:
    for key, item in items.items():
        name = normal(key.strip())
        if not name.isidentifier():
            raise UsageFault(f"'{key}' is not the name of a variable", help=FORM)
        written = _text(item, key)
        yield Part(name, written, 0, written, f"{origin}'{key}'", None)


def _text(item: Any, key: str, depth: int = 0) -> str:
    """A number, text, nested list or array as an expression."""
    if depth > DEEPEST:
        raise UsageFault(f"the list for '{key}' is nested more than {DEEPEST} deep")
    if hasattr(item, "tolist"):
        item = item.tolist()
    if isinstance(item, (int, float)) and not isinstance(item, bool):
        return repr(item)
    if isinstance(item, list) and item:
        return f"[{', '.join(_text(part, key, depth + 1) for part in item)}]"
    if isinstance(item, str) and item.strip():
        return item
    raise UsageFault(
        f"the derivative by '{key}' is no number, list or expression",
        help='a gradient in JSON is {"x": "y + cos(x)", "y": 3}',
    )


class Written:
    """One part made ready for a graph: its own graph, in the names of the program."""

    def __init__(self, part: Part, graph: Graph, node: int) -> None:
        self.part = part
        self.node = node
        try:
            self.graph = _lowered(part, graph)
        except BpropError as fault:
            if fault.span is not None and fault.source in (None, part.text):
                fault.span = Span(fault.span.start + part.start, fault.span.end + part.start)
            fault.source, fault.origin = part.source, part.origin
            raise
        self._check_shape(graph.shape(node))
        names = self.graph.names
        self.symbolic = bool(self.graph.inputs)
        self.reads = {names[i]: graph.by_name.get(names[i]) for i in self.graph.inputs}
        self.parameters = graph.parameters

    def _check_shape(self, wanted: tuple[int, ...]) -> None:
        found = self.graph.shape(self.graph.outputs[0][1])
        if found == wanted:
            return
        hint = f"a derivative has an entry for each element of '{self.part.name}'"
        if len(found) == 2 and found[::-1] == wanted:
            hint = "its transpose has the right shape"
        raise ShapeFault(
            f"the derivative by '{self.part.name}' is {show(found)}, its variable {show(wanted)}",
            self.part.place,
            help=hint,
            source=self.part.source,
        )

    def value(self, done: Evaluation, swap: Mapping[str, str] | None = None) -> Value:
        """What it says where the program has these values; `swap` exchanges variables in it."""
        from backprop_cli.engine.evaluate import evaluate

        return evaluate(self.graph, self.point(done, swap)).value

    def point(self, done: Evaluation, swap: Mapping[str, str] | None = None) -> dict[str, Value]:
        """The values of what it reads."""
        point = {}
        for name, node in self.reads.items():
            if swap and name in swap:
                node = done.graph.by_name[swap[name]]
            point[name] = self.parameters[name] if node is None else done.values[node]
        return point

    def allowance(self) -> float:
        """Half a unit of the last decimal written, for numbers of three digits or more, else 0."""
        import re

        found = re.findall(r"(?<![\w.])\d*\.\d+(?![\w.])", self.part.text)
        if self.symbolic or not found:
            return 0.0
        decimals = [len(text.partition(".")[2]) for text in found]
        digits = [len(text.replace(".", "").lstrip("0")) for text in found]
        return 0.5001 * 10.0 ** -min(decimals) if min(digits) >= 3 else 0.0


def _lowered(part: Part, graph: Graph) -> Graph:
    """The graph of a written derivative, whose variables are named nodes of the program."""
    from backprop_cli.engine.lower import load, lower

    program = load(part.text)
    shapes: dict[str, tuple[int, ...]] = {}
    numbers: dict[str, float] = dict(graph.parameters)
    for name, place in program.names.variables.items():
        node = graph.by_name.get(name)
        if node is None and name not in graph.parameters:
            raise _unknown(name, graph, Span(*place))
        if node is not None and graph.shape(node):
            shapes[name] = graph.shape(node)
    if "e" in graph.by_name:
        numbers["e"] = 1.0  # it is a name of the program here, and not Euler's number
    return lower(program, shapes, numbers)


def _unknown(name: str, graph: Graph, place: Span) -> NameFault:
    from difflib import get_close_matches

    known = list(graph.by_name) + list(graph.parameters)
    near = get_close_matches(name, known, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"its names are {', '.join(known[:12])}"
    return NameFault(f"the program has no '{name}'", place, help=hint if known else None)


def written(parts: Mapping[str, Part], graph: Graph, wanted: Sequence[int]) -> list[Written]:
    """The parts for the wanted variables. Raises NameFault, UsageFault for one too many or few."""
    names = [graph.labels()[node] for node in wanted]
    for name, part in parts.items():
        if name not in names:
            fault = _no_variable(name, part, graph, names)
            fault.source, fault.origin = part.source, part.origin
            raise fault
    missing = [name for name in names if name not in parts]
    if missing:
        rest = [name for name in names if name in parts]
        raise UsageFault(
            "no derivative is given by " + ", ".join(f"'{name}'" for name in missing),
            help=f"add {missing[0]}: ..." + (f", or check some: --wrt {','.join(rest)}"),
        )
    return [Written(parts[name], graph, node) for name, node in zip(names, wanted, strict=True)]


def _no_variable(name: str, part: Part, graph: Graph, names: Sequence[str]) -> NameFault:
    from difflib import get_close_matches

    span = part.span
    if name in graph.by_name or name in graph.parameters:
        return NameFault(f"'{name}' is not differentiated by here", span, help=f"--wrt {name}")
    near = get_close_matches(name, names, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"its variables are {', '.join(names)}"
    return NameFault(f"the program has no variable '{name}'", span, help=hint)
