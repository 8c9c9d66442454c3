"""What the terms of a sum of matrix products have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from backprop_cli.ir.ops import BY_NAME
from backprop_cli.transform.matrices import units
from backprop_cli.transform.matrices.terms import (
    Factor,
    Scalars,
    Sum,
    Term,
    combined,
    common_scalars,
    is_diagonal,
    is_scalar,
    scaled,
    segments,
)

if TYPE_CHECKING:
    from backprop_cli.transform.matrices.writer import Writer

SCATTER = BY_NAME["scatter"].code


DEEPEST = 12  # sums within sums that are factored


def assembled(writer: Writer, terms: Sequence[Term], total: Sum) -> list[Term]:
    """diag(a) + diag(b) = diag(a + b); elements scattered to all places are stacked."""
    result = list(terms)
    diagonal = [k for k, t in enumerate(result) if t.chain and is_diagonal(t)]
    if len(diagonal) > 1:
        vectors = [
            t._replace(chain=(Factor(t.chain[0].node, "vector", total.rows, 1),))
            for t in (result[k] for k in diagonal)
        ]
        inner = writer.single(Sum(tuple(vectors), total.rows, 1), False)
        column = writer.node(Sum((inner._replace(number=1.0, scalars=()),), total.rows, 1))
        whole = Factor(column, "diagonal", total.rows, total.rows)
        result[diagonal[0]] = inner._replace(chain=(whole,))
        gone = set(diagonal[1:])
        result = [t for k, t in enumerate(result) if k not in gone]
    return shared(writer, with_rows(writer, stacked(writer, result), total), total)


def shared(writer: Writer, terms: list[Term], total: Sum) -> list[Term]:
    """s A + s B = s (A + B) for scalars that only some terms have."""
    groups: dict[Scalars, list[Term]] = {}
    for term in terms:
        groups.setdefault(term.scalars, []).append(term)
    result = []
    for scalars, group in groups.items():
        if scalars and 1 < len(group) < len(terms) and not total.is_scalar:
            bare = tuple(term._replace(scalars=()) for term in group)
            whole = writer.single(Sum(bare, total.rows, total.cols), False)
            result.append(scaled(whole, 1.0, scalars))
        else:
            result += group
    return result


def stacked(writer: Writer, terms: list[Term]) -> list[Term]:
    """Scatters that fill an array along its first axis, as stack or concat."""
    builder = writer.builder
    places: dict[object, tuple[int, int]] = {}
    length = 0
    for k, term in enumerate(terms):
        factor = term.chain[0] if len(term.chain) == 1 else None
        if factor is None or factor.transposed or term.number != 1 or term.scalars:
            continue
        if builder.codes[factor.node] == SCATTER and builder.static[factor.node][0]:
            index, shape = builder.static[factor.node]
            length = shape[0]
            places[index[0]] = (k, builder.first[factor.node])
    whole = joined(writer, places, length)
    if whole is None:
        return terms
    gone = {k for k, _ in places.values()}
    first = terms[min(gone)].chain[0]._replace(node=whole)
    rest = [term for k, term in enumerate(terms) if k not in gone]
    return [Term(1.0, (), (first,)), *rest]


def with_rows(writer: Writer, terms: list[Term], total: Sum) -> list[Term]:
    """e_0 r_0' + e_1 r_1' + ... = stack(r_0, r_1, ...), where there is a row for each place."""
    found: dict[int, list[Term]] = {}
    rest = []
    for term in terms:
        first = term.chain[0] if len(term.chain) > 1 and total.cols > 1 else None
        place = units.place_of(writer, first.node) if first and first.is_column else None
        if place is None:
            rest.append(term)
        else:
            found.setdefault(place, []).append(term._replace(chain=term.chain[1:]))
    if len(found) < max(total.rows, 2):
        return terms
    rows = [writer.node(Sum(tuple(found[k]), 1, total.cols)) for k in sorted(found)]
    whole = Factor(writer.add("stack", *rows, static=0), "matrix", total.rows, total.cols)
    return [Term(1.0, (), (whole,)), *rest]


def joined(writer: Writer, places: dict[Any, tuple[int, int]], length: int) -> int | None:
    """The parts of an array along its first axis, joined; None where some are missing."""
    if not places:
        return None
    if len(places) == length and all(isinstance(i, int) for i in places):
        return writer.add("stack", *(places[i][1] for i in sorted(places)), static=0)
    slices = sorted(i for i in places if not isinstance(i, int))
    starts = [i[1] for i in slices]
    stops = [i[2] for i in slices]
    if len(slices) < max(len(places), 2) or any(i[3] != 1 for i in slices):
        return None
    if starts != [0, *stops[:-1]] or stops[-1] != length:
        return None
    return writer.add("concat", *(places[i][1] for i in slices), static=0)


def factored(writer: Writer, terms: Sequence[Term], total: Sum) -> list[Term]:
    """A x + B x = (A + B) x, A x + A y = A (x + y), of terms with the same scalars."""
    if writer.depth >= DEEPEST:
        return list(terms)
    result = centred(writer, terms, total)
    while len(result) > 1:
        groups: dict[tuple[bool, Factor, Scalars], list[int]] = {}
        for k, term in enumerate(result):
            if len(term.chain) > 1 and not any(is_scalar(s) for s in segments(term.chain)):
                groups.setdefault((True, term.chain[-1], term.scalars), []).append(k)
                groups.setdefault((False, term.chain[0], term.scalars), []).append(k)
        best = max(groups.items(), key=lambda group: len(group[1]), default=None)
        if best is None or len(best[1]) < 2:
            break
        (at_end, factor, _), places = best
        group = [result[k] for k in places]
        result[places[0]] = common(writer, group, at_end, factor, total)
        gone = set(places[1:])
        result = [term for k, term in enumerate(result) if k not in gone]
    return result


def centred(writer: Writer, terms: Sequence[Term], total: Sum) -> list[Term]:
    """x y' - (m ones) y' = (x - m) y', where s and m are scalars."""
    result = list(terms)
    for at_end in (True, False):
        groups: dict[Factor, list[int]] = {}
        for k, term in enumerate(result):
            if len(term.chain) == 2 and len(segments(term.chain)) == 2:
                groups.setdefault(term.chain[-1 if at_end else 0], []).append(k)
        for factor, places in groups.items():
            rest = [result[k].chain[0 if at_end else -1] for k in places]
            if len(places) == 2 and any(writer.is_ones(f.node) for f in rest):
                group = [result[k] for k in places]
                result[places[0]] = common(writer, group, at_end, factor, total)
                del result[places[1]]
                break
    return result


def common(writer: Writer, group: list[Term], at_end: bool, factor: Factor, total: Sum) -> Term:
    rest = [t.chain[:-1] if at_end else t.chain[1:] for t in group]
    rows, cols = (total.rows, factor.rows) if at_end else (factor.cols, total.cols)
    shared = common_scalars(group)
    inverse = tuple((node, -power) for node, power in shared)
    terms = [
        Term(t.number, combined(t.scalars, inverse), c) for t, c in zip(group, rest, strict=True)
    ]
    terms.sort(key=lambda term: sum(f.transposed for f in term.chain if f.kind == "matrix"))
    writer.depth += 1
    inner = writer.single(Sum(tuple(terms), rows, cols), rows == 1 or cols == 1)
    writer.depth -= 1
    chain = (*inner.chain, factor) if at_end else (factor, *inner.chain)
    return Term(inner.number, combined(shared, inner.scalars), chain)
