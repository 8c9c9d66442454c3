"""DOT source: its look, what it says of every node and edge, and that no name can break it."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from pictured import ALL, HOSTILE, chain, choices, figure, long_names, network, traced

from backprop_cli.errors import UsageFault
from backprop_cli.ir.builder import Builder
from backprop_cli.render import labels
from backprop_cli.render.dot import SIZE, _cell, graph_source
from backprop_cli.render.scene import partial_label
from backprop_cli.render.theme import DARK, LIGHT, ROLES, Palette

GOLDEN = Path(__file__).parent.parent / "golden"


def line(source: str, start: str) -> str:
    """The statement of a node (`"a" [`) or edge (`"a" -> "c" [`)."""
    return re.sub(r"\s+", " ", source[source.index(f"\t{start} [") :].split('\n\t"')[0])


@pytest.mark.parametrize("name", ["figure", "choices", "network", "infinite"])
@pytest.mark.parametrize("point", [True, False])
def test_golden(name: str, point: bool) -> None:
    """The whole source is as it was; BPROP_GOLDEN=1 writes it anew."""
    pictured = ALL[name]()
    source = graph_source(pictured[0], traced(pictured) if point else None)
    path = GOLDEN / f"{name}{'' if point else '_bare'}.dot"
    if os.environ.get("BPROP_GOLDEN"):
        path.write_text(source, encoding="utf-8")
    assert source == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ALL)
def test_same_input_same_text(name: str) -> None:
    first, second = (graph_source(p[0], traced(p)) for p in (ALL[name](), ALL[name]()))
    assert first == second


def test_a_node_shows_name_expression_value_and_adjoint() -> None:
    found = line(graph_source(figure()[0], traced(figure())), '"c"')
    assert "<b>c</b> = a + b" in found
    assert f'<font color="{LIGHT.value}">3</font>' in found
    assert f'<font color="{LIGHT.adjoint}">∂ 2</font>' in found
    assert 'class="operation op-add"' in found


def test_kinds_of_nodes() -> None:
    source = graph_source(figure()[0], traced(figure()))
    assert 'class="variable op-input"' in line(source, '"a"')
    assert 'class="constant op-const"' in line(source, '"k1.d.1"')
    assert 'class="operation output op-mul"' in line(source, '"e"')
    for node, kind in (("a", "variable"), ("k1.d.1", "constant"), ("e", "output")):
        border, filling = LIGHT.boxes[kind]
        assert f'color="{border}" bgcolor="{filling}"' in line(source, f'"{node}"')


def test_edges_show_the_partial_as_rule_and_number() -> None:
    source = graph_source(figure()[0], traced(figure()))
    assert ">d = 2</td>" in line(source, '"c" -> "e"')
    assert ">1</td>" in line(source, '"a" -> "c"')
    assert "label" not in line(source, '"k1.d.1" -> "d"')


@pytest.mark.parametrize(
    ("rule", "partial", "text"),
    [
        ("1", 1.0, "1"),
        ("(-1.25e-07)", -1.25e-7, "-1.25e-7"),
        ("2*x", 3.0, "2·x = 3"),
        ("1 where x > 0", 0.0, "0"),
        ("v̄1 @ x'", None, "v̄1 @ x'"),
        ("cos(x)", 0.123456789, "cos(x) = 0.1235"),
        ("y", float("nan"), "y = nan"),
    ],
)
def test_partial_label(rule: str, partial: float | None, text: str) -> None:
    assert partial_label(rule, partial, 4) == text


def test_constants_are_drawn_once_per_use() -> None:
    b = Builder()
    x, two = b.input("x"), b.const(2)
    square = b.add("pow", x, two)
    source = graph_source(b.graph([(None, b.add("mul", b.add("mul", two, square), two))]))
    assert source.count('class="constant op-const"') == 3
    assert source.startswith("// 7 nodes, 6 edges")


def test_a_constant_alone_is_drawn() -> None:
    b = Builder()
    graph = b.graph([(None, b.const(3))])
    assert 'class="constant output op-const"' in graph_source(graph)
    assert 'class="constant output op-const"' in graph_source(graph, traced((graph, {})))


def test_a_named_constant_is_one_box() -> None:
    b = Builder()
    n, x = b.const(3, name="n"), b.input("x")
    source = graph_source(b.graph([(None, b.add("mul", b.add("mul", n, x), n))]))
    assert source.count("<b>n</b> = 3") == 1


def test_edges_that_do_not_exist_are_dashed_and_faint() -> None:
    source = graph_source(choices()[0], traced(choices()))
    faint = f'color="{LIGHT.faint}" style="dashed"'
    assert 'class="edge-none"' in line(source, '"v1" -> "r"')
    assert 'class="edge-none edge-stop"' in line(source, '"v5" -> "frozen"')
    for edge in ('"v1" -> "r"', '"v5" -> "frozen"', '"v4" -> "w"'):
        assert faint in line(source, edge)
    assert "dashed" not in line(source, '"v3" -> "w"')
    assert "dashed" in line(graph_source(choices()[0]), '"v5" -> "frozen"')


def test_kinks_are_marked() -> None:
    found = line(graph_source(choices()[0], traced(choices())), '"m"')
    assert "flag-kink" in found
    assert ">kink</font>" in found
    assert "tie" in found[found.index("tooltip") :]


def test_numbers_that_are_not_finite_stand_out() -> None:
    source = graph_source(ALL["infinite"]()[0], traced(ALL["infinite"]()))
    assert f'<font color="{LIGHT.bad}">∂ -inf</font>' in line(source, '"x"')
    assert "flag-non-finite" in line(source, '"q"')


def test_tensors_show_shape_and_a_few_elements() -> None:
    source = graph_source(network()[0], traced(network()))
    assert ">(2, 3) [0.1, 0.2, 0.3, …]</font>" in line(source, '"W"')
    assert ">(2, 3)</font>" in line(graph_source(network()[0]).replace("  (", "("), '"W"')
    assert "W&#39; @ v̄1<" in line(source, '"x" -> "v1"')


def test_only_what_wrt_asks_has_an_adjoint() -> None:
    source = graph_source(figure()[0], traced(figure(), ["a"]))
    assert "∂ 2" in line(source, '"a"')
    assert "∂" not in line(source, '"b"')
    assert 'class="edge-constant"' in line(source, '"b" -> "c"')


def test_a_variable_without_a_path_has_the_adjoint_zero() -> None:
    b = Builder()
    x = b.input("x")
    b.input("y")
    graph = b.graph([(None, b.add("sin", x))])
    found = line(graph_source(graph, traced((graph, {"x": 1.0, "y": 2.0}))), '"y"')
    assert "unreached" in found
    assert f'<font color="{LIGHT.muted}">∂ 0</font>' in found


def test_no_name_can_break_the_source() -> None:
    """Names with markup, quotes, escapes, ports and keywords are text, and ids are safe."""
    source = graph_source(ALL["hostile"]()[0], traced(ALL["hostile"]()))
    assert "<script" not in re.sub(r'tooltip="[^\n]*"', "", source)
    assert not re.search(r"(?<!\\)\\(?![n\"])", source)
    ids = re.findall(r'^\t"([^"]*)" \[', source, re.MULTILINE)
    assert len(set(ids)) == len(HOSTILE) + 1
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", name) for name in ids)
    source.encode()


def test_long_texts_are_cut_in_the_box_and_whole_in_the_tooltip() -> None:
    found = line(graph_source(long_names()[0], traced(long_names())), f'"{"W" * 400}"')
    box, tooltip = found.split("tooltip=")
    assert "W" * 400 in tooltip
    assert "W" * 30 not in box.split("label=")[1].split("</table>")[0]
    assert "…" in box


def test_tooltips_have_the_source_text() -> None:
    b = Builder("sin( x )  # \\N")
    x = b.input("x")
    node = b.add("sin", x)
    from backprop_cli.errors import Span

    b.mark(node, Span(0, 8))
    assert r"tooltip=\"v1 = sin(x)\nsin( x )\"".replace('\\"', '"') in graph_source(
        b.graph([(None, node)])
    )


def test_cells_are_wide_enough_for_wide_fonts() -> None:
    source = graph_source(figure()[0], traced(figure()))
    width = int(re.search(r'width="(\d+)" colspan="2"><b>c</b>', source)[1])  # type: ignore[index]
    assert width >= labels.points("c", 13, bold=True) + labels.points(" = a + b", 13) + 14


def test_themes() -> None:
    assert f'bgcolor="{DARK.background}"' in graph_source(figure()[0], theme="dark")
    assert 'class="bprop theme-auto"' in graph_source(figure()[0])
    with pytest.raises(UsageFault, match="no theme 'pink'"):
        graph_source(figure()[0], theme="pink")


def test_colours_of_texts_tell_roles_apart() -> None:
    for palette in (LIGHT, DARK):
        texts = [palette.text, palette.value, palette.adjoint, palette.rule, palette.muted]
        assert len({*texts, palette.bad, palette.flag}) == 7


def test_highlight() -> None:
    graph = figure()[0]
    edge = (graph.by_name["c"], 1)
    for trace in (None, traced(figure())):
        source = graph_source(graph, trace, highlight=[edge])
        assert LIGHT.highlight in line(source, '"b" -> "c"')
        assert LIGHT.highlight in line(source, '"b"')
        assert LIGHT.highlight not in line(source, '"a" -> "c"')


def test_digits() -> None:
    b = Builder()
    graph = b.graph([(None, b.add("sin", b.input("x")))])
    trace = traced((graph, {"x": 1.0}))
    assert ">0.841471</font>" in graph_source(graph, trace, digits=6)


def test_a_large_graph_needs_no_recursion_and_little_time() -> None:
    graph = chain(20_000)
    start = time.process_time()
    source = graph_source(graph)
    assert time.process_time() - start < 10
    assert source.startswith("// 20000 nodes, 19999 edges")


def test_ids_of_names_that_look_alike_differ() -> None:
    assert len(set(labels.identifiers(["a b", "a_b", "a.b", "", " "]))) == 5


def _luminance(color: str) -> float:
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """The contrast ratio of WCAG 2.1."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colors", [LIGHT, DARK])
def test_colors_can_be_told_apart(colors: Palette) -> None:
    fillings = [colors.background, *(filling for _, filling in colors.boxes.values())]
    for filling in fillings:
        for role in ROLES:
            assert contrast(getattr(colors, role), filling) >= 4.5, (role, filling)
    for color in (colors.edge, colors.faint, colors.highlight):
        assert contrast(color, colors.background) >= 3
    for border, filling in colors.boxes.values():
        assert contrast(border, filling) >= 3
        assert contrast(border, colors.background) >= 3


@pytest.mark.parametrize("text", ["f(i, j, l) = i.l.j", "tiltillit", "W @ M", "[[1, 2], [3, 4]]"])
def test_boxes_hold_their_text_in_a_monospaced_font(text: str) -> None:
    cell = _cell([("text", text)], 1, LIGHT)
    width = int(re.findall(r'width="(\d+)"', cell)[0])
    assert width > 0.602 * SIZE * len(text)
