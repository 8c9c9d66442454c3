"""CPU of one derivative at one point: the command line beside a SymPy one-liner, interleaved.

    python benchmarks/start_up.py [ROUNDS]

Prints the median of user and system time of each, and its ratio to SymPy's. The last column is what
the project promises; the exit code is 1 if one is broken.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Sequence

SYMPY = (
    "from sympy import *; x, y = symbols('x y'); f = sympify('x*y+sin(x)'); "
    "print([f.diff(v).subs({x: 1, y: 2}).evalf() for v in (x, y)])"
)
RUN = [sys.executable, "-c", "from backprop_cli.cli.main import run; run()"]
GRAD = [*RUN, "grad", "x*y+sin(x)", "--at", "x=1,y=2"]

COMMANDS: dict[str, tuple[list[str], float | None]] = {
    "SymPy one-liner": ([sys.executable, "-c", SYMPY], None),
    "python -c pass": ([sys.executable, "-c", "pass"], None),
    "bprop grad --json": ([*GRAD, "--json"], 0.35),
    "bprop grad": (GRAD, 0.50),
    "bprop --help": ([*RUN, "--help"], 0.50),
    "bprop grad --help": ([*RUN, "grad", "--help"], 0.50),
    "bprop --version": ([*RUN, "--version"], 0.50),
}


ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def cpu(command: Sequence[str]) -> float:
    """User and system time of one run, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=ENVIRONMENT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(rounds: int) -> int:
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for command, _ in COMMANDS.values():
        cpu(command)  # the first run fills caches
    for _ in range(rounds):
        for name, (command, _) in COMMANDS.items():
            times[name].append(cpu(command))
    base = statistics.median(times["SymPy one-liner"])
    broken = 0
    print(f"{'':20} {'CPU ms':>7} {'ratio':>6} {'at most':>8}")
    for name, (_, promise) in COMMANDS.items():
        middle = statistics.median(times[name])
        ratio = middle / base
        limit = "" if promise is None else f"{promise:.2f}"
        print(f"{name:20} {1000 * middle:7.0f} {ratio:6.2f} {limit:>8}")
        broken |= promise is not None and ratio > promise
    return int(broken)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
