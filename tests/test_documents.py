"""The documents are true: what is made from the program is in step, and links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import backprop_cli

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
FOLDERS = ("backprop_cli", "benchmarks", "docs", "grammar", "samples", "tests", ".ci")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(ROOT / "samples").glob("*.md")])
REGISTRIES = ("py" + "pi.org", "python" + "hosted", "ana" + "conda", "npm" + "js", "crates" + ".io")
PLACES = re.compile(r"(?<![\w.])/(?:work|root|home|Users|mnt)/\w")


def texts() -> list[Path]:
    """Every file of the project that is text."""
    found = [path for path in ROOT.iterdir() if path.is_file()]
    found += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    kinds = {".py", ".md", ".toml", ".json", ".bprop", ".lark", ".svg", ".dot"}
    names = {"LICENSE", ".gitignore", "run"}
    return [path for path in found if path.suffix in kinds or path.name in names]


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """docs/make.py as a module."""
    spec = importlib.util.spec_from_file_location("make", DOCS / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written(svg: str) -> list[str]:
    """The texts in a picture and its tooltips, which do not depend on the layout."""
    return sorted(re.findall(r"<(?:text|title)[^>]*>([^<]*)<", svg))


def test_the_readme_table_is_that_of_the_operations(make: ModuleType) -> None:
    assert make.readme() == (ROOT / "README.md").read_text("utf-8"), "run: python docs/make.py"


def test_operations_md_is_the_operation_table(make: ModuleType) -> None:
    stored = (DOCS / "operations.md").read_text("utf-8")
    assert stored == make.operations(), "run: python docs/make.py"


def test_pictures_show_what_the_tool_draws(make: ModuleType, tmp_path: Path) -> None:
    make.draw(tmp_path)
    assert sorted(path.name for path in DOCS.glob("*.svg")) == sorted(make.PICTURES)
    for name in make.PICTURES:
        fresh, stored = ((folder / name).read_text("utf-8") for folder in (tmp_path, DOCS))
        assert len(written(stored)) > 10
        assert written(stored) == written(fresh), f"{name}: run: python docs/make.py"


def test_the_readme_shows_every_picture(make: ModuleType) -> None:
    shown = re.findall(r"\]\(docs/([\w.]+\.svg)\)", (ROOT / "README.md").read_text("utf-8"))
    assert sorted(shown) == sorted(make.PICTURES)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_named_exist(path: Path) -> None:
    """`samples/x.bprop`, `docs/make.py` and their like, in code."""
    text = path.read_text("utf-8")
    for name in re.findall(r"`((?:samples|docs|tests|benchmarks|grammar)/[\w./]+)`", text):
        assert (ROOT / name).exists(), name


def test_no_registry_and_no_machine_is_named() -> None:
    for path in texts():
        text = path.read_text("utf-8")
        assert not [host for host in REGISTRIES if host in text], path
        assert not PLACES.search(text), path


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    newest = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)[0]
    assert backprop_cli.__version__ == project["version"] == newest
