"""Pictures: DOT laid out by Graphviz, as SVG, PNG or PDF."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from backprop_cli.errors import FileFault, UsageFault

if TYPE_CHECKING:
    from backprop_cli.engine.trace import Trace
    from backprop_cli.ir.graph import Graph

FORMATS = ("svg", "png", "pdf", "dot")
MAX_NODES = 1500  # beyond, a layout takes long (benchmarks/layout.py) and nobody can read it
TIMEOUT = 60.0  # seconds
DPI = 144  # of PNG: letters stay sharp on a dense screen

HERE = Path(__file__).parent
WITHOUT_LAYOUT = "write the graph without a layout (-o graph.dot)"
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <cachedir>{folder}/cache</cachedir>
  <include ignore_missing="yes">{system}</include>
  <dir>{folder}</dir>
  <match target="pattern">
    <test qual="any" name="family"><string>Helvetica</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Bprop Sans</string></edit>
  </match>
</fontconfig>
"""


def draw(
    source: str, format: str = "svg", timeout: float = TIMEOUT, *, max_nodes: int | None = MAX_NODES
) -> bytes:
    """The picture of DOT source made by `dot.graph_source`.

    A `dot` program on PATH lays it out, else the Graphviz inside pygraphviz, in a process that is
    stopped after `timeout` seconds. Raises UsageFault where the graph has more than `max_nodes`
    nodes (None: any number) or takes longer, FileFault where there is no Graphviz or it fails.
    """
    if format not in FORMATS:
        raise UsageFault(f"there is no picture format '{format}'", help=", ".join(FORMATS))
    if format == "dot":
        return source.encode()
    count = node_count(source)
    if count is not None and max_nodes is not None:
        check_size(count, max_nodes)
    picture = _lay_out(source, format, timeout, count)
    if format != "svg":
        return picture
    from backprop_cli.render.svg import finish

    return finish(picture)


def svg(graph: Graph, trace: Trace | None = None, *, theme: str = "auto", digits: int = 4) -> str:
    """A graph as an SVG element, to stand in an HTML page or a notebook."""
    from backprop_cli.render.dot import graph_source

    text = draw(graph_source(graph, trace, theme=theme, digits=digits), "svg").decode()
    return text[text.index("<svg") :]


def check_size(count: int, max_nodes: int) -> None:
    """Raises UsageFault where a picture of `count` nodes would take too long to lay out."""
    if count > max_nodes:
        raise UsageFault(
            f"the picture would have {count:,} nodes, more than {max_nodes:,}",
            help=f"{WITHOUT_LAYOUT}, draw a part (--of NAME), or raise the limit "
            f"(--max-nodes {count})",
        )


def node_count(source: str) -> int | None:
    """How many boxes DOT source draws, from its first line; None where that does not say."""
    found = re.match(r"// (\d+) nodes", source)
    return int(found[1]) if found else None


def _lay_out(source: str, format: str, timeout: float, count: int | None) -> bytes:
    """The picture by the first engine that can make it."""
    failure = ""
    for command in _engines(format):
        with _fonts() as environment:
            try:
                done = subprocess.run(
                    command,
                    input=source.encode(),
                    capture_output=True,
                    timeout=timeout,
                    env=environment,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                what = f"{count:,} nodes" if count else "the graph"
                raise UsageFault(
                    f"the layout of {what} took longer than {timeout:g} s",
                    help=f"{WITHOUT_LAYOUT}, or draw a part (--of NAME)",
                ) from None
            except OSError as problem:
                failure = str(problem)
                continue
        if done.returncode == 0 and done.stdout:
            return done.stdout
        failure = _reason(done)
    if failure:
        raise FileFault(f"Graphviz could not draw the graph: {failure}", help=WITHOUT_LAYOUT)
    raise FileFault(
        "a picture needs Graphviz, and neither a 'dot' program nor pygraphviz is here",
        help="install Graphviz (https://graphviz.org/download) so that 'dot' is on PATH,\n"
        f"or install pygraphviz, which carries it: pip install 'pygraphviz>=2.0.4';\n"
        f"or {WITHOUT_LAYOUT}",
    )


def _engines(format: str) -> Iterator[list[str]]:
    """The commands that can lay out a graph, best first."""
    from importlib.util import find_spec

    system = shutil.which("dot")
    if system:
        yield [system, f"-T{format}", *([f"-Gdpi={DPI}"] if format == "png" else [])]
    if sys.executable and find_spec("pygraphviz"):
        # -P: this directory has modules named as some of the standard library's
        child = [sys.executable, "-P", str(HERE / "layout_child.py"), format]
        yield [*child, str(DPI)] if format == "png" else child


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    """The last line that Graphviz wrote, or how it ended."""
    lines: Iterable[str] = done.stderr.decode(errors="replace").splitlines()
    said = [line.strip() for line in lines if line.strip() and "ontconfig" not in line]
    return said[-1] if said else f"it ended with code {done.returncode}"


@contextmanager
def _fonts() -> Iterator[dict[str, str]]:
    """An environment in which fontconfig finds our letters: a machine may have none."""
    environment = dict(os.environ)
    if sys.platform in ("darwin", "win32"):  # their Graphviz takes the system's own fonts
        yield environment
        return
    system = environment.get("FONTCONFIG_FILE", "/etc/fonts/fonts.conf")
    with tempfile.TemporaryDirectory(prefix="bprop-") as folder:
        # copied, for fontconfig writes files of its own beside fonts
        for font in (HERE / "fonts").glob("*.ttf"):
            shutil.copyfile(font, Path(folder, font.name))
        path = Path(folder, "fonts.conf")
        text = _FONTS.format(system=escape(system), folder=escape(folder))
        path.write_text(text, encoding="utf-8")
        environment["FONTCONFIG_FILE"] = str(path)
        yield environment
