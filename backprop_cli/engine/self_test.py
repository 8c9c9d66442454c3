"""Runs an exported program at random points and compares it with our own numbers."""

from __future__ import annotations

import math
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from backprop_cli.engine.evaluate import differentiate
from backprop_cli.errors import EXIT_NO, BpropError, UsageFault
from backprop_cli.ir.graph import Graph

POINTS = 20
TRIES = 400  # draws, before points outside the domain are taken too
TIMEOUT = 120  # seconds
TOLERANCE = 1e-9  # relative, of numbers whose rounding errors a program may have amplified
COMPILERS = ("cc", "gcc", "clang")
COMPILE = ("-std=c99", "-O1", "-Wall", "-Wextra", "-Werror")
MODULES = {"numpy": "numpy", "jax": "jax", "torch": "torch", "sympy": "sympy"}


class SelfTestFault(BpropError):
    """An exported program does not run, or gives other numbers than ours."""

    exit_code = EXIT_NO
    kind = "self-test"


class Outcome(NamedTuple):
    """How many points agreed, and the worst relative error among their numbers."""

    points: int
    worst: float
    finite: bool  # whether at any of them every number is finite


def self_test(
    graph: Graph,
    output: int,
    wrt: Sequence[int] | None,
    target: str,
    program: str,
    point: Mapping[str, Any] | None = None,
    tolerance: float = TOLERANCE,
) -> Outcome:
    """Compares `program`, which reads points from stdin and prints results, at random points.

    Raises UsageFault where the target cannot run here, SelfTestFault where numbers differ.
    """
    run = runner(target)
    points, wanted = draw(graph, output, wrt, point or {})
    lines = [" ".join(map(repr, flat(graph, values))) for values in points]
    found = run(program, "".join(line + "\n" for line in lines))
    return compare(graph, points, wanted, found, output, wrt, tolerance)


def flat(graph: Graph, point: Mapping[str, Any]) -> list[float]:
    """The numbers of a point in the order of the variables, arrays row by row."""
    return [x for i in graph.inputs for x in _numbers(point[graph.names[i]])]


def _numbers(value: Any) -> list[float]:
    return [float(x) for x in value.ravel()] if getattr(value, "shape", ()) else [float(value)]


def draw(
    graph: Graph, output: int, wrt: Sequence[int] | None, given: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[list[float]]]:
    """Points, and the value and gradient at each; those with finite numbers are preferred."""
    source = random.Random(0)
    points, wanted = list[dict[str, Any]](), list[list[float]]()
    spare: list[tuple[dict[str, Any], list[float]]] = []
    names = [graph.names[i] for i in graph.inputs]
    tries = 1 if not names else TRIES
    for k in range(tries):
        whole = k == 0 and names and all(name in given for name in names)
        point = {n: given[n] for n in names} if whole else random_point(graph, source)
        sweep = differentiate(graph, point, output, wrt)
        numbers = [x for value in (sweep.value, *sweep.gradient.values()) for x in _numbers(value)]
        if all(map(math.isfinite, numbers)):
            points.append(point)
            wanted.append(numbers)
        elif len(spare) < POINTS:
            spare.append((point, numbers))
        if len(points) == POINTS or (len(graph) > 10_000 and len(points) + len(spare) == POINTS):
            break
    if not points:
        points, wanted = [p for p, _ in spare], [n for _, n in spare]
    return points, wanted


def random_point(graph: Graph, source: random.Random) -> dict[str, Any]:
    """A value for every variable: of either sign, between 0 and 1, or positive."""
    kinds: list[Callable[[], float]] = [
        lambda: source.uniform(-3, 3),
        lambda: source.uniform(0, 1),
        lambda: source.lognormvariate(0, 1),
    ]
    kind = source.choice(kinds)
    point: dict[str, Any] = {}
    for i in graph.inputs:
        shape = graph.shape(i)
        if shape:
            import numpy as np

            values = [kind() for _ in range(math.prod(shape))]
            point[graph.names[i]] = np.array(values, dtype=np.float64).reshape(shape)
        else:
            point[graph.names[i]] = kind()
    return point


def compare(
    graph: Graph,
    points: list[dict[str, Any]],
    wanted: list[list[float]],
    found: list[list[float]],
    output: int,
    wrt: Sequence[int] | None,
    tolerance: float,
) -> Outcome:
    """The worst relative error; raises SelfTestFault where it is too large."""
    if len(found) != len(points):
        raise SelfTestFault(
            f"self-test failed: the program answered {len(found)} of {len(points)} points"
        )
    worst = 0.0
    for point, ours, theirs in zip(points, wanted, found, strict=True):
        if len(ours) != len(theirs):
            raise SelfTestFault(
                f"self-test failed: the program gave {len(theirs)} numbers, not {len(ours)}"
            )
        scale = max((abs(x) for x in ours if math.isfinite(x)), default=0.0)
        for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            error = distance(a, b, scale)
            worst = max(worst, error)
            if not error <= tolerance:
                what = component(graph, wrt, k)
                shown = ", ".join(f"{n}={_short(v)}" for n, v in point.items())
                raise SelfTestFault(
                    f"self-test failed: {what} is {b!r}, and {a!r} by bprop",
                    help=f"at {shown}" if shown else None,
                )
    finite = any(all(map(math.isfinite, numbers)) for numbers in wanted)
    return Outcome(len(points), worst, finite)


def distance(ours: float, theirs: float, scale: float) -> float:
    """The relative error; beside numbers 1,000 times larger, relative to a thousandth of those."""
    if ours == theirs or not math.isfinite(ours):
        # where ours is not finite, another order of operations may give inf for nan
        return 0.0 if ours == theirs or not math.isfinite(theirs) else math.inf
    error = abs(ours - theirs) / max(abs(ours), 1e-3 * scale, 1e-290)
    return error if error == error else math.inf


def component(graph: Graph, wrt: Sequence[int] | None, k: int) -> str:
    """What the k-th number of a result is."""
    if k == 0:
        return "the value"
    place = 1
    for i in graph.inputs if wrt is None else wrt:
        size = math.prod(graph.shape(i))
        if k < place + size:
            element = f"[{k - place}] (row by row)" if graph.shape(i) else ""
            return f"the derivative by {graph.labels()[i]}{element}"
        place += size
    return f"number {k}"


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) < 60 else text[:57] + "..."


# where compilers, Node.js and Python say what is wrong
_COMPLAINT = re.compile(r"^\w*Error: |: error: ")

Run = Callable[[str, str], list[list[float]]]


def runner(target: str) -> Run:
    """What runs programs of a target; raises UsageFault where there is no tool for it."""
    if target == "c":
        compiler = next((path for path in map(shutil.which, COMPILERS) if path), None)
        if compiler is None:
            raise _missing("C", "a C compiler (cc)")
        return lambda text, stdin: _run_c(str(compiler), text, stdin)
    if target == "javascript":
        node = shutil.which("node")
        if node is None:
            raise _missing("JavaScript", "Node.js (node)")
        return lambda text, stdin: _run_file([str(node)], "program.js", text, stdin)
    module = MODULES.get(target)
    if target != "python" and module is None:
        raise UsageFault(
            f"--self-test runs code, and {target} is none",
            help="python, numpy, jax, torch, c, javascript or sympy",
        )
    if module is not None and find_spec(module) is None:
        raise _missing(module, f"the package {module}")
    return lambda text, stdin: _run_file([sys.executable], "program.py", text, stdin)


def _missing(title: str, tool: str) -> UsageFault:
    return UsageFault(
        f"--self-test of {title} needs {tool}, which is not here",
        help="export without --self-test, and test where it is",
    )


def _run_c(compiler: str, text: str, stdin: str) -> list[list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        path, program = Path(folder, "program.c"), Path(folder, "program")
        path.write_text(text, "utf-8")
        _output([compiler, *COMPILE, "-o", str(program), str(path), "-lm"], "", folder)
        return _parsed(_output([str(program)], stdin, folder))


def _run_file(start: list[str], name: str, text: str, stdin: str) -> list[list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_text(text, "utf-8")
        return _parsed(_output([*start, str(path)], stdin, folder))


def _output(command: list[str], stdin: str, folder: str) -> str:
    """What a command prints; raises SelfTestFault where it fails or takes too long."""
    variables = {"JAX_PLATFORMS": "cpu", "PYTHONIOENCODING": "utf-8"}
    try:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT,
            cwd=folder,
            env={**os.environ, **variables},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SelfTestFault(f"self-test failed: no answer in {TIMEOUT} seconds") from None
    if done.returncode != 0:
        told = [line for line in done.stderr.splitlines() if line.strip()]
        told = list(filter(_COMPLAINT.search, told))[:1] or told
        raise SelfTestFault(
            f"self-test failed: the exported program stops with code {done.returncode}",
            help=told[-1][:300] if told else None,
        )
    return done.stdout


def _parsed(text: str) -> list[list[float]]:
    words = {"Infinity": "inf", "-Infinity": "-inf", "NaN": "nan"}
    return [[float(words.get(w, w)) for w in line.split()] for line in text.splitlines()]
