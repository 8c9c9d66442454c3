"""The chain rule path by path: the products and their sum."""

from __future__ import annotations

from backprop_cli.engine.explained_paths import Way, WayPath
from backprop_cli.engine.explanation import Explanation
from backprop_cli.render.explained.voice import SPELLED, Voice, spelled
from backprop_cli.render.lesson import (
    Block,
    Equations,
    Heading,
    Math,
    Row,
    Words,
    factor,
    join,
    product,
    total,
)
from backprop_cli.render.path_table import count_text, shortened


def paths(voice: Voice) -> list[Block]:
    found = voice.found
    if not found.ways:
        return []
    blocks: list[Block] = [
        Heading("The same, path by path"),
        Words(
            [
                "A path is a way through the graph from a variable to the output. Its product "
                "of local derivatives is what it adds; the derivative is the sum over all "
                "paths."
            ]
        ),
    ]
    listed = [block for way in found.ways for block in paths_of(voice, way)]
    if not listed:
        return []
    blocks += listed
    if found.more_ways:
        blocks.append(Words([f"The paths of {found.more_ways} more variables are left out."]))
    counted = [way for way in found.ways if way.log10 is not None]
    if any(way.exact is None or way.exact > 1 for way in counted):
        blocks.append(Words([_programming(found, counted)]))
    return blocks


def paths_of(voice: Voice, way: Way) -> list[Block]:
    symbols, output = voice.symbols, voice.found.output
    name, top = symbols.name(way.node), symbols.name(output)
    if way.log10 is None:
        return [no_way(voice, way)]
    if way.node == output:
        return []
    count = count_text(way.exact, way.log10)
    listed = len(way.paths)
    count = spelled(way.exact).capitalize() if way.exact in SPELLED else count
    words: list[str | Math] = [f"{count} path{'' if way.exact == 1 else 's'} from "]
    words.append(name)
    words += [" to ", top]
    if way.exact is None or listed < way.exact:
        which = "largest" if voice.at_point else "first"
        words.append(f", the {listed} {which} of them:" if listed else ".")
    else:
        words.append(":")
    rows = [path_row(voice, path) for path in way.paths]
    blocks: list[Block] = [Words(words)]
    if rows:
        blocks.append(Equations(rows))
    if voice.at_point and (way.exact != 1 or not rows):
        blocks.append(Equations([sum_row(voice, way)]))
    return blocks


def no_way(voice: Voice, way: Way) -> Words:
    symbols, output = voice.symbols, voice.found.output
    name, top = symbols.name(way.node), symbols.name(output)
    words: list[str | Math] = ["No path leads from ", name, " to ", top]
    if way.blocked:
        words = [
            "Every path from ",
            name,
            " to ",
            top,
            " passes an edge that does not exist here",
        ]
    return Words([*words, ", so its derivative is 0."])


def path_row(voice: Voice, path: WayPath) -> Row:
    symbols = voice.symbols
    edges = list(zip(path.nodes, path.edges, strict=False))
    names = [symbols.name(source).then(symbols.place(source, *edge)) for source, edge in edges]
    names.append(symbols.name(path.nodes[-1]))
    locals_ = [symbols.edge(source, *edge) for source, edge in edges][::-1]
    chain = [product(_shortened(locals_))] if locals_ else []
    partials = list(reversed(path.partials))
    if path.product is not None:
        if all(p is not None and not getattr(p, "shape", ()) for p in partials):
            chain = [product(_shortened([factor(voice.value(p)) for p in partials]))]
        value = voice.value(path.product)
        if not chain or chain[-1].text != value.text:
            chain.append(value)
    return Row(join(" → ", r" \to ", _shortened(names)), chain, sign=":")


def sum_row(voice: Voice, way: Way) -> Row:
    symbols = voice.symbols
    products = [voice.value(path.product) for path in way.paths]
    chain = []
    if 1 < len(products) == way.exact and not voice.graph.shape(way.node):
        chain.append(total(products))
    remark = "the sum over all paths, and the adjoint found above"
    chain.append(voice.value(way.sum))
    return Row(symbols.derivative(way.node), chain, voice.once("sum", remark))


def _shortened(parts: list[Math]) -> list[Math]:
    """The ends of a long list, as paths are shown elsewhere."""
    kept = shortened([str(k) for k in range(len(parts))])
    return [parts[int(k)] if k.isdigit() else Math("…", r"\dots") for k in kept]


def _programming(found: Explanation, ways: list[Way]) -> str:
    known = [way.exact for way in ways]
    if any(count is None for count in known):
        count = "more paths than can be written down"
    else:
        every = sum(k or 0 for k in known)
        count = f"{spelled(every) if every in SPELLED else count_text(every, 0.0)} paths"
    return (
        f"These are {count}. Backpropagation lists none of them: it visits each of the "
        f"{found.edges} edges once, because the adjoint of a node is already the sum over all "
        "paths above it. That is dynamic programming."
    )
