"""Every command in README.md is run, and prints what stands there."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from backprop_cli.cli.commands import SUMMARIES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(*languages: str) -> list[str]:
    pattern = rf"^```(?:{'|'.join(languages)})\n(.*?)^```"
    return re.findall(pattern, README, re.S | re.M)


class Session(NamedTuple):
    """A command line, and what the README shows below it: stdout and stderr."""

    command: str
    output: str


def sessions() -> list[Session]:
    found = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            lines = part.splitlines(keepends=True)
            end = 1
            while lines[end - 1].rstrip().endswith("\\"):
                end += 1
            found.append(Session("".join(lines[:end]), "".join(lines[end:])))
    return found


@pytest.mark.parametrize("session", sessions(), ids=lambda session: session.command.strip()[:50])
def test_commands_print_what_is_shown(session: Session, tmp_path: Path) -> None:
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    tools = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-c", session.command],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.stdout.decode() == session.output


def test_there_are_examples_of_every_command() -> None:
    shown = " ".join(session.command for session in sessions())
    missing = [name for name in SUMMARIES if f"bprop {name}" not in shown]
    assert missing == []


def test_no_command_is_shown_that_does_not_exist() -> None:
    code = "\n".join(blocks("sh", "console")) + "\n".join(re.findall(r"`(bprop [^`]*)`", README))
    named = set(re.findall(r"\bbprop ([a-z]+)\b", code))
    assert named <= set(SUMMARIES)


def test_python_examples() -> None:
    source = "\n".join(blocks("python"))
    examples = doctest.DocTestParser().get_doctest(source, {}, "README.md", "README.md", 0)
    assert len(examples.examples) >= 5
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    text: list[str] = []
    runner.run(examples, out=text.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(text)


def test_a_newcomer_needs_two_command_lines() -> None:
    first, second = blocks("sh")[:2]
    assert first.count("\n") == second.count("\n") == 1
    assert "-m venv" in first
    assert 'bprop grad "x*y+sin(x)" --at x=1,y=2' in first
    assert second == "bash .ci/run\n"


def test_what_is_said_of_other_tools() -> None:
    import jax
    import jax.numpy as jnp
    import sympy

    import backprop_cli as bp

    guarded = "where(x > 0, sqrt(x), 0)"
    assert bp.parse(guarded).grad(x=0) == {"x": 0.0}
    assert jnp.isnan(jax.grad(lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0))(0.0))
    x = sympy.Symbol("x", real=True)
    piecewise = sympy.Piecewise((sympy.sqrt(x), x > 0), (0, True))
    assert sympy.diff(piecewise, x).subs(x, 0) == 0

    assert bp.parse("norm(x)").grad(x=[0, 0])["x"].tolist() == [0.0, 0.0]
    assert bp.parse("norm(x)").sweep(x=[0, 0]).warnings != []
    assert jnp.all(jnp.isnan(jax.grad(jnp.linalg.norm)(jnp.zeros(2))))

    chain = x
    for _ in range(6):
        chain = chain * sympy.sin(chain)
    derivative = sympy.diff(chain, x)
    assert derivative.count_ops() > 1000
    assert len(sympy.cse(derivative)[0]) < 100
    text = "s0 = x\n" + "\n".join(f"s{k + 1} = s{k}*sin(s{k})" for k in range(6))
    assert len(bp.parse(text).graph()) < 20
