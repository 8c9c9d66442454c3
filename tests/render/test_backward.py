"""Pictures of backward graphs and of levels: DOT source, ranks, ties, and that they are drawn."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from pictured import ALL, figure, hostile, infinite, network, traced

import backprop_cli as bp
from backprop_cli.engine.backward import backward_graph, lean_graph
from backprop_cli.engine.backward_trace import BackwardTrace, backward_trace, pairs, shown_backward
from backprop_cli.engine.schedule import schedule
from backprop_cli.errors import UsageFault
from backprop_cli.render.backward import backward_source, barred_labels
from backprop_cli.render.dot import graph_source
from backprop_cli.render.picture import draw, node_count
from backprop_cli.render.schedule_tables import critical_edges, ranked
from backprop_cli.render.theme import DARK, LIGHT

GOLDEN = Path(__file__).parent.parent / "golden"


def both(name: str, point: bool = True) -> str:
    graph, at = ALL[name]()
    backward = backward_graph(graph)
    view = backward_trace(backward, at)[0] if point else shown_backward(backward)
    return backward_source(view)


def levels(name: str, point: bool = True) -> str:
    pictured = ALL[name]()
    found = schedule(pictured[0])
    trace = traced(pictured) if point else None
    edges, ranks = critical_edges(found), ranked(found)
    return graph_source(pictured[0], trace, highlight=edges, levels=ranks)


def levels_of_both(name: str) -> str:
    lean = lean_graph(ALL[name]()[0])
    found = schedule(lean)
    view = BackwardTrace(lean, pairs(lean), None, {})
    return backward_source(view, highlight=critical_edges(found), levels=ranked(found))


SOURCES: dict[str, Callable[[], str]] = {
    "figure_backward": lambda: both("figure"),
    "figure_backward_bare": lambda: both("figure", False),
    "network_backward": lambda: both("network"),
    "choices_backward": lambda: both("choices"),
    "figure_levels": lambda: levels("figure"),
    "network_levels_bare": lambda: levels("network", False),
    "network_backward_levels": lambda: levels_of_both("network"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_golden(name: str) -> None:
    """The whole source is as it was; BPROP_GOLDEN=1 writes it anew."""
    source = SOURCES[name]()
    assert source == SOURCES[name]()
    path = GOLDEN / f"{name}.dot"
    if os.environ.get("BPROP_GOLDEN"):
        path.write_text(source, encoding="utf-8")
    assert source == path.read_text(encoding="utf-8")


def line(source: str, start: str) -> str:
    return re.sub(r"\s+", " ", source[source.index(f"\t{start} [") :].split('\n\t"')[0])


def test_each_adjoint_is_tied_to_its_node_on_its_rank() -> None:
    source = both("figure")
    for name in "abcde":
        assert f'{{rank="same" "{name}" "{name}_bar"}}' in source
        tie = line(source, f'"{name}" -> "{name}_bar"')
        assert 'class="edge-tie"' in tie
        assert 'style="dashed" dir="none"' in tie


def test_an_adjoint_has_a_bar_its_expression_and_its_number() -> None:
    found = line(both("figure"), '"c_bar"')
    assert "<b>c\u0304</b> = e\u0304 · d<" in found
    assert f'<font color="{LIGHT.adjoint}">2</font>' in found
    assert rb"c_bar = e\u0304*d".decode("unicode_escape") in found
    assert "∂e/∂c = 2" in found
    assert 'class="operation op-mul backward adjoint"' in found
    border, filling = LIGHT.boxes["adjoint"]
    assert f'color="{border}" bgcolor="{filling}"' in found


def test_edges_go_up_down_and_across() -> None:
    source = both("figure")
    assert 'class="edge-bare"' in line(source, '"c" -> "e"')
    # from ē to c̄, drawn from below, where c̄ is
    assert f'color="{LIGHT.adjoint}" dir="back"' in line(source, '"c_bar" -> "e_bar"')
    assert 'class="edge-cross"' in line(source, '"d" -> "c_bar"')
    assert 'constraint="false"' in line(source, '"d" -> "c_bar"')


def test_forward_and_backward_are_clusters_without_a_border() -> None:
    forward, backward = both("figure").split('subgraph "cluster_')[1:]
    assert re.findall(r'^\t"(\w+)" \[', forward, re.MULTILINE)[:3] == ["a", "b", "c"]
    assert '"b_bar" [' in backward
    assert '"b_bar" [' not in forward


def test_the_count_of_nodes_is_that_of_boxes() -> None:
    assert node_count(both("figure")) == 11
    assert node_count(levels("figure")) == 6
    assert both("figure").count(' id="node-') == 11


def test_an_edge_that_stops_is_dashed_and_has_no_adjoint() -> None:
    source = both("choices")
    assert 'style="dashed"' in line(source, '"v5" -> "frozen"')
    assert '"v5_bar"' not in source


def test_kinks_and_infinities_are_marked_as_in_the_forward_picture() -> None:
    assert ">kink</font>" in line(both("choices"), '"m"')
    found = both("infinite")
    assert f'<font color="{LIGHT.bad}">-inf</font>' in line(found, '"x_bar"')
    assert ">non-finite</font>" in line(found, '"q"')


def test_infinite_elements_of_arrays_are_drawn_without_a_warning_of_numpy() -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        graph = backward_graph(bp.parse("sum(1/x)", {"x": (2,)}).graph())
        source = backward_source(backward_trace(graph, {"x": np.array([0.0, 1.0])})[0])
    assert f'<font color="{LIGHT.bad}">inf</font>' in source


def test_no_name_can_break_the_source() -> None:
    graph, point = hostile()
    source = backward_source(backward_trace(backward_graph(graph), point)[0])
    assert "<script" not in re.sub(r'tooltip="[^\n]*"', "", source)
    ids = re.findall(r'^\t"([^"]*)" \[', source, re.MULTILINE)
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", name) for name in ids)


def test_levels_are_ranks_beside_their_numbers() -> None:
    source = levels("figure")
    assert '{rank="same" "level 0" "a" "b"}' in source
    assert '{rank="same" "level 1" "c" "d"}' in source
    assert '{rank="same" "level 2" "e"}' in source
    assert '"level 0" -> "level 1" [style="invis"]' in source
    assert 'tooltip="level 1: 2 operations"' in source
    assert 'tooltip="level 2: 1 operation"' in source


def test_the_critical_path_is_emphasised() -> None:
    source = levels("figure")
    for edge in ('"a" -> "c"', '"c" -> "e"'):
        assert f'color="{LIGHT.highlight}" penwidth="2.6"' in line(source, edge)
    for edge in ('"b" -> "d"', '"d" -> "e"'):
        assert LIGHT.highlight not in line(source, edge)
    assert 'class="operation output op-mul highlight"' in line(source, '"e"')
    both_ = levels_of_both("network")
    assert both_.count('class="edge-bare highlight"') == schedule(lean_graph(network()[0])).span


def test_a_critical_path_through_a_second_name() -> None:
    found = schedule(bp.parse("a = x*x; b = a; sin(b)").graph())
    names = found.graph.by_name
    assert set(critical_edges(found)) == {
        (names["a"], 0),
        (names["b"], 0),
        (len(found.graph) - 1, 0),
    }


def test_a_path_from_constants_alone_begins_at_an_operation() -> None:
    found = schedule(bp.parse("sin(2) + 1").graph())
    assert critical_edges(found) == [(found.critical_path[1], 0)]
    assert ranked(found)[0] == []


def test_variables_that_the_output_does_not_need_stand_anywhere() -> None:
    graph = bp.parse("y = 1*w; sin(x)").graph()
    found = ranked(schedule(graph))
    assert found[0] == [graph.by_name["x"]]


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("form", ["svg", "png"])
def test_the_source_is_drawn(name: str, form: str) -> None:
    picture = draw(SOURCES[name](), form)
    if form == "png":
        assert picture.startswith(b"\x89PNG")
        return
    root = ElementTree.fromstring(picture)
    text = "".join(root.itertext())
    assert "cluster" not in picture.decode()
    assert ("level 1" in text) == ("levels" in name)
    if "backward" in name:
        assert "\u0304" in text
        assert DARK.boxes["adjoint"][1] in text  # the style sheet for dark pages
    else:
        assert DARK.boxes["adjoint"][1] not in text


def test_nodes_and_adjoints_stand_side_by_side() -> None:
    """In the laid out picture each adjoint is as high as its node, and right of it."""
    root = ElementTree.fromstring(draw(both("figure"), "svg"))
    places = {}
    for group in root.iter("{http://www.w3.org/2000/svg}g"):
        name = group.get("id", "")
        corners = [p.get("points") for p in group.iter("{http://www.w3.org/2000/svg}polygon")]
        if name.startswith("node-") and corners:
            pairs_ = [tuple(map(float, c.split(","))) for c in str(corners[0]).split()]
            places[name[5:]] = (
                sum(x for x, _ in pairs_) / len(pairs_),
                sum(y for _, y in pairs_) / len(pairs_),
            )
    for name in "abcde":
        (x, y), (bar_x, bar_y) = places[name], places[f"{name}_bar"]
        assert abs(y - bar_y) < 30
        assert x < bar_x
    assert places["e"][1] < places["c"][1] < places["a"][1]


def test_labels_with_bars() -> None:
    graph = backward_graph(figure()[0])
    shown = barred_labels(graph)
    assert [shown[i] for i in sorted(graph.adjoint_of)][:2] == ["e\u0304", "d\u0304"]
    twice = backward_graph(graph, graph.by_name["b_bar"])
    assert len(set(barred_labels(twice))) > len(set(shown))


def test_themes() -> None:
    view = shown_backward(backward_graph(infinite()[0]))
    assert DARK.boxes["adjoint"][0] in backward_source(view, theme="dark")
    with pytest.raises(UsageFault, match="no theme 'pink'"):
        backward_source(view, theme="pink")
