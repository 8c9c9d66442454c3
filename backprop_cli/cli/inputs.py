"""What a command line names as input: the program, its points and shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.cli.environment import Environment
from backprop_cli.cli.options import Options
from backprop_cli.engine.point import normal
from backprop_cli.engine.points import Point, Points, read_points
from backprop_cli.engine.program import Binder, Bound, open_program
from backprop_cli.errors import BpropError, FileFault, UsageFault
from backprop_cli.ir.graph import Graph

if TYPE_CHECKING:
    from backprop_cli.engine.stable_binder import StableBinder

WITH_UNCERTAINTY = ("eval", "grad")  # the commands that propagate it


class Text(NamedTuple):
    """The text of a program; `origin` says where it is from, unless it was typed."""

    content: str
    origin: str | None


def read_text(word: str, environment: Environment) -> Text:
    """What EXPR means: the text itself, `@file`, or `-` for standard input."""
    if word == "-":
        try:
            return Text(environment.stdin.read(), "standard input")
        except UnicodeDecodeError:
            raise FileFault("standard input is not text in UTF-8") from None
    if not word.startswith("@"):
        return Text(word, None)
    name = word[1:]
    if not name:
        raise UsageFault("@ needs the name of a file", help="@model.bprop")
    try:
        with open(name, encoding="utf-8-sig") as file:
            return Text(file.read(), name)
    except UnicodeDecodeError:
        raise FileFault(f"{name} is not text in UTF-8") from None
    except (OSError, ValueError) as failure:
        reason = getattr(failure, "strerror", None) or str(failure)
        raise FileFault(f"cannot read {name}: {reason}") from None


class Inputs:
    """The program and the points of one command line; `--shape` takes names with `named_sizes`."""

    def __init__(
        self, environment: Environment, options: Options, named_sizes: bool = False
    ) -> None:
        word = options.expression or ""
        stdin_twice = word == "-" and any(text.strip() == "-" for text in options.at)
        if stdin_twice or [text.strip() for text in options.at].count("-") > 1:
            raise UsageFault(
                "standard input can be read once only", help="put one of the two into a file: @FILE"
            )
        self.text = read_text(word, environment)
        with self.errors():
            self.points: Points = read_points(options.at, environment.stdin, self.text.content)
            program = open_program(self.text.content)
            binder = Binder(program, read_shapes(options.names("shape"), named_sizes))
        self.binder: Binder | StableBinder = binder
        if options.stable:
            from backprop_cli.engine.stable_binder import StableBinder

            self.binder = StableBinder(binder, asked_for(options))
        if isinstance(program, Graph):
            self.text = Text(program.source, None)  # what its spans count in

    def bind(self, point: Point, command: str) -> Bound:
        """The graph at a point; deviations go to the commands that propagate them."""
        bound = self.binder(point.values, point.typed)
        if point.sigmas and command in WITH_UNCERTAINTY:
            from backprop_cli.engine.uncertain_point import with_sigmas

            return with_sigmas(bound, point.sigmas)
        if point.sigmas:
            bound.notes.append(f"uncertainties are not used by {command}")
        return bound

    def errors(self) -> Placing:
        """A context in which errors without a text of their own get that of the program."""
        return Placing(self.text)


def asked_for(options: Options) -> list[str]:
    """The nodes that the options name: what depends on them stays as written."""
    ends = (options.source, options.target, options.through)
    names = [*options.names("wrt"), *options.names("of"), *(name for name in ends if name)]
    return [name.partition("[")[0].strip() for name in names]


class Placing:
    """Gives errors that know no source the text of the program, and its file's name."""

    def __init__(self, text: Text) -> None:
        self.text = text

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, BpropError) and error.source in (None, self.text.content):
            error.source = self.text.content
            if error.origin is None and error.span is not None:
                error.origin = self.text.origin


def read_shapes(texts: list[str], named: bool = False) -> dict[str, tuple[int, ...]]:
    """The shapes that `--shape x=3 --shape A=2,3` (also `x=3,A=2,3`) declares.

    With `named`, sizes may be names: `A=n,3`.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    words: list[str] = []
    name = ""
    for text in texts:
        left, equals, size = text.rpartition("=")
        if equals:
            name = normal(left.strip())
            if not name.isidentifier() or name in shapes:
                what = "is given twice" if name in shapes else "is not a name"
                raise UsageFault(f"--shape: '{left.strip()}' {what}", help="--shape A=2,3")
            shapes[name] = ()
        size = size.strip().strip("()")
        if name and size.isidentifier():
            if not named:
                raise UsageFault(
                    f"--shape: this command needs sizes in numbers, not '{size}'",
                    help="named sizes (x=n) are for 'diff', and for 'render' without a point",
                )
            words.append(normal(size))
            shapes[name] += (-len(words),)
            continue
        if not name or (size and not (size.isascii() and size.isdecimal())) or size == "0":
            raise UsageFault(f"--shape: '{text}' is not a size", help="--shape x=3 --shape A=2,3")
        if size:
            shapes[name] += (int(size),)
    return with_names(shapes, words) if words else shapes


def with_names(shapes: dict[str, tuple[int, ...]], words: list[str]) -> dict[str, tuple[int, ...]]:
    """The shapes with -k as the k-th name; raises UsageFault where a size has a variable's name."""
    from backprop_cli.ir.sizes import named_sizes

    sizes = named_sizes(dict.fromkeys(words))
    for word in sizes:
        if shapes.get(word):
            raise UsageFault(f"--shape: '{word}' is a size, and an array itself")
    return {
        name: tuple(sizes[words[-size - 1]] if size < 0 else size for size in shape)
        for name, shape in shapes.items()
    }
