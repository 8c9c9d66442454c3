"""Graphviz's SVG made fit for pages: classes, tooltips, centred texts, dark mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.render.theme import DARK, FONTS, LIGHT, ROLES, Palette, dark_style

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n'


def finish(picture: bytes) -> bytes:
    """The SVG with a class on every element, `title` elements as tooltips, and a theme.

    Texts are centred in their cells, so that a font of another width spills over neither edge.
    With the theme 'auto' the colours follow the reader's system.
    """
    from xml.etree import ElementTree

    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(picture)
    graph = root.find(f"{{{SVG}}}g")
    if graph is None:
        return picture
    classes = graph.get("class", "").split()
    theme = next((c[6:] for c in classes if c.startswith("theme-")), "light")
    roles = _roles(DARK if theme == "dark" else LIGHT)
    backward = False
    for element in list(graph):
        kind = element.get("class", "").split(" ")[0]
        if kind in ("node", "edge"):
            backward = backward or "adjoint" in element.get("class", "").split(" ")
            _finish_element(element, kind, roles)
        elif kind == "cluster" or element.tag == f"{{{SVG}}}title":
            graph.remove(element)
        elif element.tag == f"{{{SVG}}}polygon":
            element.set("class", "canvas")
    graph.set("class", "graph")
    graph.attrib.pop("id", None)
    root.set("class", f"bprop theme-{theme}")
    root.set("role", "img")
    root.set("aria-label", "computational graph")
    root.set("font-family", FONTS)
    if theme == "auto":
        style = ElementTree.Element(f"{{{SVG}}}style")
        style.text = dark_style(".bprop.theme-auto", backward)
        root.insert(0, style)
    text: str = ElementTree.tostring(root, encoding="unicode")
    return f"{HEADER}{text}\n".encode()


def _roles(colors: Palette) -> dict[str, str]:
    return {getattr(colors, role): role for role in ROLES}


def _finish_element(group: Element, kind: str, roles: dict[str, str]) -> None:
    """A node or edge: its drawing directly under it, with a tooltip and classes."""
    tooltip, shapes = _unwrapped(group)
    for child in list(group):
        group.remove(child)
    from xml.etree.ElementTree import SubElement

    SubElement(group, f"{{{SVG}}}title").text = tooltip
    cell: tuple[float, float] | None = None  # the edges of the cell that texts stand in
    line: Element | None = None
    for shape in shapes:
        if shape.tag != f"{{{SVG}}}text":
            shape.set("class", _shape_class(shape, kind))
            if kind == "node" and shape.get("fill") == "none":
                cell, line = _extent(shape), None
            group.append(shape)
        elif line is not None and line.get("y") == shape.get("y"):
            _join(line, shape, roles)
        else:
            line = _text(shape, cell, roles)
            group.append(line)


def _unwrapped(group: Element) -> tuple[str, list[Element]]:
    """The tooltip and the drawn elements of a node or edge, out of Graphviz's links."""
    tooltip, shapes = "", []
    for element in group.iter():
        name = element.tag.rpartition("}")[2]
        if name == "a":
            tooltip = tooltip or element.get(f"{{{XLINK}}}title", "")
        elif name == "title":
            title = element.text or ""
        elif name != "g":
            shapes.append(element)
    return tooltip or title, shapes


def _shape_class(shape: Element, kind: str) -> str:
    if kind == "edge":
        return "line" if shape.tag == f"{{{SVG}}}path" else "head"
    return "border" if shape.get("fill") == "none" else "box"


def _extent(shape: Element) -> tuple[float, float] | None:
    """The left and right edge of a polygon."""
    corners = [float(pair.split(",")[0]) for pair in shape.get("points", "").split()]
    return (min(corners), max(corners)) if corners else None


def _text(text: Element, cell: tuple[float, float] | None, roles: dict[str, str]) -> Element:
    """A line of text, centred where its cell is known."""
    if cell is not None:
        text.set("x", f"{(cell[0] + cell[1]) / 2:g}")
        text.set("text-anchor", "middle")
    text.attrib.pop("font-family", None)
    text.set("class", _role(text, roles))
    return text


def _join(line: Element, text: Element, roles: dict[str, str]) -> None:
    """Appends a run of text to a line, which becomes a row of spans."""
    from xml.etree.ElementTree import SubElement

    if not len(line):
        first = SubElement(line, f"{{{SVG}}}tspan")
        first.text, line.text = line.text, None
        for key in ("class", "fill", "font-weight"):
            if line.get(key):
                first.set(key, line.attrib.pop(key))
        line.set("class", "title")
    span = SubElement(line, f"{{{SVG}}}tspan", {"class": _role(text, roles)})
    for key in ("fill", "font-weight"):
        if text.get(key):
            span.set(key, text.get(key, ""))
    span.text = text.text


def _role(text: Element, roles: dict[str, str]) -> str:
    role = roles.get(text.get("fill", ""), "text")
    return f"{role} name" if text.get("font-weight") == "bold" else role
