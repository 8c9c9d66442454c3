"""Pictures: SVG that pages can style, PNG and PDF with letters, layouts that can be stopped."""

from __future__ import annotations

import os
import re
import stat
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pictured import ALL, HOSTILE, chain, figure, hostile, traced

from backprop_cli.errors import FileFault, UsageFault
from backprop_cli.render import labels, picture
from backprop_cli.render.dot import graph_source

SVG = "{http://www.w3.org/2000/svg}"
posix = pytest.mark.skipif(os.name != "posix", reason="a shell script stands in for dot")


@pytest.fixture
def no_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a system `dot`."""
    monkeypatch.setattr(picture.shutil, "which", lambda name: None)


def parsed(name: str, theme: str = "auto") -> ElementTree.Element:
    pictured = ALL[name]()
    source = graph_source(pictured[0], traced(pictured), theme=theme)
    return ElementTree.fromstring(picture.draw(source, "svg"))


def texts(element: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in element.iter(f"{SVG}text")]


@pytest.mark.usefixtures("no_dot")
@pytest.mark.parametrize("name", ALL)
def test_svg_has_a_class_and_a_tooltip_on_every_element(name: str) -> None:
    root = parsed(name)
    groups = [g for g in root.iter(f"{SVG}g") if g.get("class", "").startswith(("node", "edge"))]
    graph = traced(ALL[name]())
    assert sum(g.get("class", "").startswith("edge edge-") for g in groups) == len(graph.edges)
    for group in groups:
        title = group.find(f"{SVG}title")
        assert title is not None
        assert title.text
        assert group.get("id", "").startswith(("node-", "edge-"))
        assert all(shape.get("class") for shape in group if shape is not title)
    for element in root.iter():
        assert not element.tag.endswith("}a")
        assert "font-family" not in element.attrib or element is root


@pytest.mark.usefixtures("no_dot")
def test_svg_of_the_figure() -> None:
    root = parsed("figure")
    node = root.find(f".//{SVG}g[@id='node-c']")
    assert node is not None
    assert node.get("class") == "node operation op-add"
    assert texts(node) == ["c = a + b", "3", "∂ 2"]
    classes = [text.get("class") for text in node.iter(f"{SVG}text")]
    assert classes == ["title", "value", "adjoint"]
    edge = root.find(f".//{SVG}g[@id='edge-c-e-0']")
    assert edge is not None
    assert edge.get("class") == "edge edge-partial"
    assert texts(edge) == ["d = 2"]


@pytest.mark.usefixtures("no_dot")
def test_dark_mode_is_a_style_of_the_theme_auto_alone() -> None:
    style = parsed("figure").find(f"{SVG}style")
    assert style is not None
    assert "prefers-color-scheme:dark" in (style.text or "")
    assert all(".theme-auto" in rule for rule in re.findall(r"[^{}]+\{", style.text or "")[1:])
    for theme in ("light", "dark"):
        assert parsed("figure", theme).find(f"{SVG}style") is None


@pytest.mark.usefixtures("no_dot")
def test_no_name_escapes_into_markup() -> None:
    root = parsed("hostile")
    assert not list(root.iter(f"{SVG}script"))
    found = texts(root)
    for name in HOSTILE:
        assert labels.plain(labels.short(name, 24)) in found
    titles = [title.text or "" for title in root.iter(f"{SVG}title")]
    for name in HOSTILE:
        assert any(title.startswith(labels.plain(name)) for title in titles)


@pytest.mark.usefixtures("no_dot")
@pytest.mark.parametrize("name", ALL)
def test_texts_stay_inside_their_boxes_in_wide_fonts(name: str) -> None:
    """A text is centred in a cell that holds it in DejaVu Sans, the widest usual fallback."""
    for node in parsed(name).iter(f"{SVG}g"):
        cell = (0.0, 0.0)
        for shape in node:
            if shape.get("class") == "border":
                corners = [float(p.split(",")[0]) for p in shape.get("points", "").split()]
                cell = (min(corners), max(corners))
            elif shape.tag == f"{SVG}text" and "node" in node.get("class", ""):
                assert shape.get("text-anchor") == "middle"
                assert float(shape.get("x", "")) == pytest.approx(sum(cell) / 2, abs=0.1)
                size = float(shape.get("font-size", ""))
                runs = list(shape) or [shape]
                width = sum(
                    labels.points(r.text or "", size, bold="name" in r.get("class", ""))
                    for r in runs
                )
                assert width <= cell[1] - cell[0] - 4


@pytest.mark.usefixtures("no_dot")
def test_png_and_pdf() -> None:
    source = graph_source(figure()[0], traced(figure()))
    assert picture.draw(source, "png").startswith(b"\x89PNG")
    assert picture.draw(source, "pdf").startswith(b"%PDF")
    assert picture.draw(source, "dot").decode() == source
    with pytest.raises(UsageFault, match="'gif'"):
        picture.draw(source, "gif")


@pytest.mark.usefixtures("no_dot")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="fontconfig")
def test_letters_on_a_machine_without_fonts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "fonts.conf"
    empty.write_text('<?xml version="1.0"?><fontconfig><dir>/nowhere</dir></fontconfig>')
    monkeypatch.setenv("FONTCONFIG_FILE", str(empty))
    drawn = picture.draw(graph_source(figure()[0], traced(figure())), "pdf")
    assert b"BpropSans-Regular" in drawn
    assert b"BpropSans-Bold" in drawn
    fonts = Path(picture.__file__).parent / "fonts"
    assert {path.suffix for path in fonts.iterdir()} == {".ttf", ".txt"}


def test_svg_for_a_notebook() -> None:
    text = picture.svg(figure()[0], traced(figure()))
    assert text.startswith("<svg ")
    assert text.rstrip().endswith("</svg>")


def test_a_large_graph_is_refused_with_the_way_out() -> None:
    source = graph_source(chain(1600))
    with pytest.raises(UsageFault) as caught:
        picture.draw(source, "svg")
    assert "1,600 nodes" in caught.value.message
    assert "-o graph.dot" in (caught.value.help or "")
    assert "--max-nodes" in (caught.value.help or "")
    assert picture.draw(source, "dot")


@pytest.mark.usefixtures("no_dot")
def test_the_limit_can_be_moved() -> None:
    source = graph_source(chain(30))
    with pytest.raises(UsageFault, match="more than 20"):
        picture.draw(source, "svg", max_nodes=20)
    assert picture.draw(source, "svg", max_nodes=None)


def test_a_layout_that_takes_too_long_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = tmp_path / "pid"
    sleeper = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    monkeypatch.setattr(picture, "_engines", lambda format: [[sys.executable, "-c", sleeper]])
    start = time.monotonic()
    with pytest.raises(UsageFault, match="longer than 2 s"):
        picture.draw(graph_source(figure()[0]), "svg", timeout=2)
    assert time.monotonic() - start < 20
    if os.name == "posix":
        with pytest.raises(ProcessLookupError):
            os.kill(int(note.read_text()), 0)


@pytest.mark.usefixtures("no_dot")
def test_without_graphviz_the_message_names_both_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FileFault) as caught:
        picture.draw(graph_source(figure()[0]), "svg")
    for word in ("'dot'", "pygraphviz"):
        assert word in caught.value.message
    for word in ("graphviz.org", "pip install", "-o graph.dot"):
        assert word in (caught.value.help or "")


@pytest.mark.usefixtures("no_dot")
def test_a_failure_of_graphviz_is_told() -> None:
    with pytest.raises(FileFault, match="could not draw"):
        picture.draw("digraph {", "svg")


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@posix
def test_a_dot_on_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = script(tmp_path / "dot", 'cat >/dev/null; echo "drawn $*"')
    monkeypatch.setattr(picture.shutil, "which", lambda name: fake)
    source = graph_source(figure()[0])
    assert picture.draw(source, "pdf") == b"drawn -Tpdf\n"
    assert picture.draw(source, "png") == b"drawn -Tpng -Gdpi=144\n"


@posix
def test_a_dot_that_fails_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system Graphviz without cairo cannot make PDF; the one in pygraphviz can."""
    broken = script(tmp_path / "dot", "cat >/dev/null; echo no such format >&2; exit 1")
    monkeypatch.setattr(picture.shutil, "which", lambda name: broken)
    assert picture.draw(graph_source(figure()[0]), "pdf").startswith(b"%PDF")


def test_a_graph_without_nodes() -> None:
    assert b"<svg" in picture.draw("digraph {}", "svg")


def test_hostile_names_survive_every_format() -> None:
    source = graph_source(hostile()[0], traced(hostile()))
    assert picture.draw(source, "png").startswith(b"\x89PNG")


def test_a_dot_that_cannot_run_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture.shutil, "which", lambda name: str(Path(__file__).parent))
    assert b"<svg" in picture.draw(graph_source(figure()[0]), "svg")
