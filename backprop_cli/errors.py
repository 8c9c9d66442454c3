"""Facts of an error: what is wrong, where, and the way out; `render.diagnostics` lays them out."""

from __future__ import annotations

from typing import NamedTuple

EXIT_OK = 0
EXIT_NO = 1  # the answer is no: a check failed, a fit did not converge
EXIT_INPUT = 2  # usage, syntax, names, shapes, files
EXIT_NUMBERS = 3  # a non-finite or flagged result under --strict
EXIT_BUG = 70
EXIT_INTERRUPTED = 130


class Span(NamedTuple):
    """A half-open range of characters `[start, end)` of one source text."""

    start: int
    end: int


class BpropError(Exception):
    """Base of every error that bprop raises on purpose: one message, its place and the way out."""

    exit_code = EXIT_INPUT
    kind = "input"

    def __init__(
        self,
        message: str,
        span: Span | None = None,
        help: str | None = None,
        source: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.help = help
        self.source = source  # the text that `span` counts in, when it is not the program's
        self.origin: str | None = (
            None  # what that text is, if not an expression: a file's name, '--at'
        )

    def at(self, span: Span | None, source: str | None = None) -> BpropError:
        """This error, with a place if it has none yet."""
        if self.span is None and span is not None:
            self.span = Span(*span)
        if self.source is None:
            self.source = source
        return self


class SyntaxFault(BpropError):
    """The text is not a program of the language."""

    kind = "syntax"


class NameFault(BpropError):
    """A name is unknown, unbound, unused, assigned twice or recursive."""

    kind = "name"


class ShapeFault(BpropError):
    """Shapes do not fit, or an index or axis is out of range."""

    kind = "shape"


class ArityFault(BpropError):
    """An operation got the wrong number of arguments."""

    kind = "arity"


class UsageFault(BpropError):
    """The command line, a point or an option is wrong."""

    kind = "usage"


class FileFault(BpropError):
    """A file cannot be read, written or understood."""

    kind = "file"


class GraphFault(BpropError):
    """A graph (usually one read from JSON) breaks an invariant."""

    kind = "graph"


class NumbersFault(BpropError):
    """A result is not finite, or rests on a convention, and `--strict` was asked."""

    exit_code = EXIT_NUMBERS
    kind = "numbers"
