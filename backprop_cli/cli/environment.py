"""What surrounds a run: streams, terminal, variables. Tests replace it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO


class Environment:
    """The streams and variables of a run; nothing else reads `sys` or `os.environ`."""

    __slots__ = ("stderr", "stdin", "stdout", "variables", "width")

    def __init__(
        self,
        stdin: TextIO,
        stdout: TextIO,
        stderr: TextIO,
        variables: Mapping[str, str],
        width: int | None = None,
    ) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.variables = variables
        self.width = width  # columns of the terminal; None where there is none

    @classmethod
    def system(cls) -> Environment:
        """That of this process, its output made able to carry any character."""
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            if getattr(sys, name) is None:  # closed by who started us
                setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                encoding = None if stream.isatty() else "utf-8"
                errors = "strict" if stream is sys.stdin else "backslashreplace"
                reconfigure(encoding=encoding, errors=errors)
        width = _columns(os.environ) if sys.stdout.isatty() else None
        return cls(sys.stdin, sys.stdout, sys.stderr, os.environ, width)

    def color(self, stream: TextIO, choice: str = "auto") -> bool:
        """Whether to write colour: `--color`, then NO_COLOR, then whether it is a terminal."""
        if choice != "auto":
            return choice == "always"
        if self.variables.get("NO_COLOR") or self.variables.get("TERM") == "dumb":
            return False
        return stream.isatty()


def _columns(variables: Mapping[str, str]) -> int:
    """The width of the terminal. (`shutil.get_terminal_size` costs 15 ms to import.)"""
    asked = variables.get("COLUMNS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
