"""Runs `bprop` in this process, with streams of our own."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any, NamedTuple

import jsonschema

from backprop_cli.cli.environment import Environment
from backprop_cli.cli.main import main


class Stream(io.TextIOWrapper):
    """A text stream over bytes in memory, that may pass for a terminal."""

    def __init__(self, text: str = "", tty: bool = False) -> None:
        self.bytes = io.BytesIO(text.encode())
        super().__init__(self.bytes, encoding="utf-8", newline="", write_through=True)
        self.tty = tty

    def isatty(self) -> bool:
        return self.tty

    def written(self) -> str:
        return self.bytes.getvalue().decode("utf-8", "replace")


class Result(NamedTuple):
    code: int
    out: str
    err: str
    binary: bytes

    def json(self) -> Any:
        """The document printed, checked against the schema that it names."""
        assert self.code in (0, 3), self.err
        return checked(self.out)

    def lines(self) -> list[Any]:
        return [checked(line) for line in self.out.splitlines()]


def checked(text: str) -> Any:
    document = json.loads(text)
    name = document["schema"].split(".")[1].split("/")[0]
    schema = json.loads(files("backprop_cli").joinpath("schemas", f"{name}.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(document)
    return document


def run_bprop(
    *words: str,
    stdin: str = "",
    tty: bool = False,
    width: int | None = None,
    variables: dict[str, str] | None = None,
) -> Result:
    out, err = Stream(tty=tty), Stream(tty=tty)
    environment = Environment(Stream(stdin), out, err, variables or {}, width)
    code = main(words, environment)
    return Result(code, out.written(), err.written(), out.bytes.getvalue())


Bprop = Callable[..., Result]
