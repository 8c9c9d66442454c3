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
    """An argument of a command."""

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
LIST = Option("list", ("--list",), "List N paths, the largest first.", "N", least=1)
PICTURE = Option(
    "format",
    ("--format",),
    "Instead of the suffix of FILE.",
    "FORMAT",
    choices=("svg", "png", "pdf", "dot", "json", "html", "mmd", "tex"),
)
ALONG = Option(
    "along",
    ("--along",),
    "The direction: x=1,y=2, 'x=[1,0]' or @file.json; variables that are not named stay.",
    "DIRECTION",
    many=True,
)
SIZES = SHAPE._replace(help="Shape of a variable; sizes may be names: x=3, A=n,n.")
SYMMETRIC = Option(
    "symmetric",
    ("--symmetric",),
    "Matrices that equal their transposes: S or S,A.",
    "NAMES",
    many=True,
)
DIFF_ORDER = Option("order", ("--order",), "How many times.  [default: 1]", "N", least=1, most=99)
CSE = Option("cse", ("--cse",), "Name what occurs more than once.")
FORMAL = Option(
    "formal",
    ("--formal",),
    "Rules that change the domain too: sqrt(x)^2 to x, log(x^2) to 2*log(x).",
)
TAYLOR_ORDER = Option(
    "order", ("--order",), "The highest order.  [default: 5]", "N", least=0, most=150
)
THEME = Option(
    "theme", ("--theme",), "Look of the picture.", "THEME", choices=("light", "dark", "auto")
)
BACKWARD = Option("backward", ("--backward",), "The backward graph, each adjoint with its node.")
LEVELS = Option("levels", ("--levels",), "Independent operations on one rank; the critical path.")
PROCESSORS = Option(
    "processors", ("--processors",), "Only for N processors.  [default: 1, 2, 4, ...]", "N", least=1
)
MAX_NODES = Option(
    "max_nodes", ("--max-nodes",), "Nodes that are laid out at most.  [default: 1500]", "N", least=1
)
STEPS = Option(
    "steps", ("--steps",), "Steps that are written out at most.  [default: 60]", "N", least=2
)
LESSON = FORMAT._replace(
    help="How to write the lesson.", choices=("text", "json", "markdown", "latex")
)
GRAD = Option(
    "grad",
    ("--grad",),
    "Your gradient, 'x: y + cos(x), y: x' or @file: compared with ours.",
    "TEXT",
)
TOLERANCE = Option(
    "tolerance", ("--tolerance",), "Relative error that passes.  [default: 1e-9]", "NUMBER"
)
POINTS = Option("points", ("--points",), "Random points to try.  [default: 20]", "N", least=0)
LANGUAGE = Option(
    "language",
    ("--to",),
    "The language: python, numpy, jax, torch, c, javascript, sympy, latex, mermaid, dot, json.",
    "LANGUAGE",
    choices=(
        *("python", "numpy", "jax", "torch", "c", "javascript"),
        *("sympy", "latex", "mermaid", "dot", "json"),
    ),
)
NAME = Option("name", ("--name",), "What the function is called.  [default: f]", "NAME")
SELF_TEST = Option(
    "self_test", ("--self-test",), "Run the code at random points and compare its numbers."
)
STABLE = Option(
    "stable", ("--stable",), "Rewrite forms that overflow or lose digits: log(1 + exp(x))."
)

ANSWER = (JSON, FORMAT, STRICT, DIGITS, COLOR, BACKEND, OUTPUT)


class Options:
    """What a command line asked."""

    def __init__(self) -> None:
        self.expression: str | None = None
        self.other: str | None = None  # the second argument
        self.at: list[str] = []
        self.wrt: list[str] = []
        self.of: list[str] = []
        self.shape: list[str] = []
        self.symmetric: list[str] = []
        self.json = False
        self.format: str | None = None
        self.strict = False
        self.stable = False
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
        self.along: list[str] = []
        self.order: int | None = None
        self.cse = False
        self.formal = False
        self.theme: str | None = None
        self.max_nodes: int | None = None
        self.backward = False
        self.levels = False
        self.processors: int | None = None
        self.steps: int | None = None
        self.grad: str | None = None
        self.tolerance: str | None = None
        self.points: int | None = None
        self.language: str | None = None
        self.name: str | None = None
        self.self_test = False

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
    second: Argument | None = None  # a second argument

    @property
    def flags(self) -> dict[str, Option]:
        return {flag: option for option in self.options for flag in option.flags}
