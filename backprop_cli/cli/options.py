"""Every option of every command, once; the commands name those they take.

This table is what the reader obeys, and what typer makes help and completion from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from backprop_cli.cli.environment import Environment

FORMATS = ("table", "json", "csv", "markdown", "latex")


class Option(NamedTuple):
    """An option: `name` is its field in Options; a flag has no `metavar`."""

    name: str
    flags: tuple[str, ...]
    help: str
    metavar: str = ""
    many: bool = False
    choices: tuple[str, ...] = ()
    least: int | None = None  # a whole number, at least this
    most: int | None = None

    @property
    def is_flag(self) -> bool:
        return not self.metavar


class Argument(NamedTuple):
    """The one argument of a command."""

    metavar: str
    help: str
    example: str


EXPRESSION = Argument("EXPR", "An expression, @file.bprop, @graph.json, or - for stdin.", '"x*y"')

AT = Option(
    "at",
    ("--at",),
    "Values: x=1,y=pi/4, 'w=[1,2,3]', @point.json, @points.jsonl, or - for stdin.",
    "POINT",
    many=True,
)
WRT = Option("wrt", ("--wrt",), "With respect to these nodes (any named ones).", "NAMES", many=True)
OF = Option(
    "of", ("--of",), "The outputs to take: any named node, or an element f[1].", "NAMES", many=True
)
SHAPE = Option(
    "shape",
    ("--shape",),
    "Shape of a variable without a value: x=3, A=2,3.",
    "NAME=SHAPE",
    many=True,
)
JSON = Option("json", ("--json",), "Print JSON.")
FORMAT = Option("format", ("--format",), "How to print the table.", "FORMAT", choices=FORMATS)
STRICT = Option(
    "strict", ("--strict",), "Exit 3 if a number is not finite or rests on a convention."
)
DIGITS = Option(
    "digits", ("--digits",), "Significant digits in tables.  [default: 10]", "N", least=1, most=17
)
COLOR = Option(
    "color", ("--color",), "Colour.  [default: auto]", "WHEN", choices=("auto", "always", "never")
)
BACKEND = Option(
    "backend",
    ("--backend",),
    "What evaluates.  [default: auto]",
    "NAME",
    choices=("auto", "python", "numpy"),
)
OUTPUT = Option("output", ("-o", "--output"), "Write to a file, whole or not at all.", "FILE")
PICTURE_DIGITS = DIGITS._replace(help="Significant digits.  [default: 4]")
PICTURE_OUTPUT = OUTPUT._replace(help="Write to a file; its suffix decides what. - is stdout.")
SEED = Option("seed", ("--seed",), "The output's adjoint.  [default: 1]", "VALUE")
FROM = Option("source", ("--from",), "Where the paths begin.  [default: the only variable]", "NODE")
TO = Option("target", ("--to",), "Where the paths end.  [default: the output]", "NODE")
THROUGH = Option("through", ("--through",), "Only paths through this node.", "NODE")
TOP = Option("top", ("--top",), "How many of the largest paths.  [default: 10]", "K", least=0)
LIST = Option("list", ("--list",), "List N paths, the largest first.", "N", least=0)
PICTURE = Option(
    "format",
    ("--format",),
    "Instead of the suffix of FILE.",
    "FORMAT",
    choices=("svg", "png", "pdf", "dot", "json", "html", "mmd", "tex"),
)
THEME = Option(
    "theme", ("--theme",), "Look of the picture.", "THEME", choices=("light", "dark", "auto")
)
MAX_NODES = Option(
    "max_nodes", ("--max-nodes",), "Nodes that are laid out at most.  [default: 1500]", "N", least=1
)

ANSWER = (JSON, FORMAT, STRICT, DIGITS, COLOR, BACKEND, OUTPUT)


class Options:
    """What a command line asked."""

    def __init__(self) -> None:
        self.expression: str | None = None
        self.at: list[str] = []
        self.wrt: list[str] = []
        self.of: list[str] = []
        self.shape: list[str] = []
        self.json = False
        self.format: str | None = None
        self.strict = False
        self.digits: int | None = None
        self.color = "auto"
        self.backend = "auto"
        self.output: str | None = None
        self.seed: str | None = None
        self.source: str | None = None
        self.target: str | None = None
        self.through: str | None = None
        self.top = 10
        self.list: int | None = None
        self.theme: str | None = None
        self.max_nodes: int | None = None

    @property
    def significant(self) -> int:
        """The significant digits of tables."""
        return 10 if self.digits is None else self.digits

    def names(self, field: str) -> list[str]:
        """The names of a repeated option whose values are lists with commas."""
        texts: list[str] = getattr(self, field)
        return split_names(texts)


def split_names(texts: list[str]) -> list[str]:
    """The parts between commas that stand outside brackets."""
    names, depth, word = [], 0, ""
    for letter in ",".join(texts) + ",":
        depth += (letter == "[") - (letter == "]")
        if letter == "," and depth <= 0:
            names.append(word.strip())
            word = ""
        else:
            word += letter
    return [name for name in (*names, word.removesuffix(",").strip()) if name]


class Command(NamedTuple):
    """A command: what it is called, takes and does."""

    name: str
    summary: str
    argument: Argument
    options: tuple[Option, ...]
    examples: tuple[tuple[str, str], ...]  # command line, what it shows
    run: Callable[[Environment, Options], None]
    optional: bool = False  # whether the argument may be missing

    @property
    def flags(self) -> dict[str, Option]:
        return {flag: option for option in self.options for flag in option.flags}
