"""What is shipped, that it works from there, and that starting it stays cheap."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from backprop_cli.cli.commands import SUMMARIES

ROOT = Path(__file__).parent.parent
COMMANDS = tuple(SUMMARIES)
DEVELOPMENT = ("pytest", "hypothesis", "mpmath", "sympy", "jax", "jsonschema", "mypy")
HEAVY = ("numpy", "scipy", "rich", "graphviz", "pygraphviz", "pydantic", "typer", "click", "sympy")
SCALAR = ["grad", "x*y + sin(x)", "--at", "x=1,y=2"]

# a command line as `bprop` runs it, after `before`; stderr ends with what it imported
PROGRAM = """
import os, sys
{before}
def leave(code):
    sys.stdout.flush()
    print(code, *sorted({{name.partition('.')[0] for name in sys.modules}}), file=sys.stderr)
    sys.stderr.flush()
    real(0)
real, os._exit = os._exit, leave
from backprop_cli.cli.main import run
run()
"""


def run_loaded(words: Sequence[str], before: str = "") -> tuple[int, str, set[str], str]:
    """Exit code, stdout, the packages that were imported, and stderr."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before), *words],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=True,
        cwd=ROOT,
    )
    *messages, last = done.stderr.splitlines()
    code, *modules = last.split()
    return int(code), done.stdout, set(modules), "\n".join(messages)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of this tree, and the wheel made of that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder


@pytest.fixture(scope="module")
def unpacked(built: Path) -> Path:
    folder = built / "unpacked"
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    return folder


def tracked(folder: str, *suffixes: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*")
        if path.suffix in suffixes and "__pycache__" not in path.parts
    }


def test_wheel_has_the_package_and_nothing_else(unpacked: Path) -> None:
    files = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    info = {name for name in files if ".dist-info/" in name}
    assert files - info == {
        str(path.relative_to(ROOT))
        for path in (ROOT / "backprop_cli").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    } | {"backprop_cli/grammar/expression.lark"}
    assert {"backprop_cli/py.typed", "backprop_cli/schemas/grad.json"} <= files
    assert any(name.endswith("/licenses/LICENSE") for name in info)
    assert any(name.endswith("/entry_points.txt") for name in info)


def test_wheel_depends_on_nothing_that_tests_need(unpacked: Path) -> None:
    text = next(unpacked.glob("*.dist-info/METADATA")).read_text()
    needs = [line for line in text.splitlines() if line.startswith("Requires-Dist:")]
    core = " ".join(line for line in needs if "extra ==" not in line)
    assert "lark" in core
    assert not [name for name in DEVELOPMENT if name in core]


def test_sdist_has_what_its_tests_and_its_readme_need(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", ".ci/run"} <= files
    assert tracked("grammar", ".lark") <= files
    assert tracked("samples", ".bprop", ".json", ".md") <= files
    assert tracked("tests", ".py") <= files
    assert tracked("docs", ".svg", ".md", ".py") <= files
    assert not [name for name in files if "__pycache__" in name or name.startswith(".venv")]


def test_works_from_an_unpacked_wheel(unpacked: Path) -> None:
    before = f"sys.path.insert(0, {str(unpacked)!r})"
    code, out, _, _ = run_loaded([*SCALAR, "--json"], before)
    assert code == 0
    assert json.loads(out)["gradient"]["y"] == 1.0
    where = (
        f"{PROGRAM.format(before=before).partition('def leave')[0]}\n"
        "from backprop_cli.syntax import tables\nprint(tables.grammar_path())"
    )
    done = subprocess.run(
        [sys.executable, "-c", where], capture_output=True, text=True, check=True, cwd=unpacked
    )
    found = Path(done.stdout.strip())
    assert found == unpacked.resolve() / "backprop_cli/grammar/expression.lark"
    assert found.read_bytes() == (ROOT / "grammar/expression.lark").read_bytes()


def test_finds_the_grammar_where_it_is_edited() -> None:
    from backprop_cli.syntax.tables import grammar_path

    assert grammar_path() == ROOT.resolve() / "grammar/expression.lark"


def test_imports_run_one_way() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("words", [[*SCALAR, "--json"], ["--version"], ["eval", "1 + 1", "--json"]])
def test_scalars_load_nothing_heavy(words: list[str]) -> None:
    code, out, modules, _ = run_loaded(words)
    assert code == 0
    assert out
    assert not modules & set(HEAVY)


def test_the_library_loads_lazily() -> None:
    code = "import sys, backprop_cli; print(*sorted(m for m in sys.modules if 'backprop' in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["backprop_cli"]


def test_runs_as_a_module_and_as_a_command() -> None:
    from backprop_cli import __version__

    command = str(Path(sys.executable).with_name("bprop"))
    for start in ([sys.executable, "-m", "backprop_cli"], [command]):
        done = subprocess.run([*start, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"bprop {__version__}\n"


def without_development() -> str:
    """Python that makes every development package fail to import."""
    return f"for name in {DEVELOPMENT!r}: sys.modules[name] = None"


@pytest.mark.parametrize(
    "words",
    [
        SCALAR,
        ["eval", "@samples/planck.bprop"],
        ["trace", "@samples/product_of_sums.bprop"],
        ["paths", "@samples/pendulum_period.bprop", "--from", "amplitude"],
        ["jacobian", "[x*y, x/y]", "--at", "x=1,y=2"],
        ["grad", "@samples/attention.bprop", "--at", "@samples/attention.json"],
        ["ops", "tanh"],
        ["schema", "grad"],
        ["diff", "x*y + sin(x)"],
        ["explain", "x*y", "--at", "x=1,y=2"],
        ["doctor", "x*y", "--at", "x=1,y=2"],
        ["hessian", "x*y", "--at", "x=1,y=2"],
        ["taylor", "exp(x)", "--at", "x=0"],
        ["schedule", "x*y + sin(x)"],
        ["export", "x*y", "--to", "python"],
        *([command, "--help"] for command in COMMANDS),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_runs_without_development_dependencies(words: list[str]) -> None:
    code, out, _, err = run_loaded(words, without_development())
    assert code == 0, err
    assert out


def test_draws_without_development_dependencies(tmp_path: Path) -> None:
    picture = tmp_path / "graph.svg"
    words = ["render", "@samples/product_of_sums.bprop", "-o", str(picture)]
    code, _, _, err = run_loaded(words, without_development())
    assert code == 0, err
    assert "<svg" in picture.read_text()
