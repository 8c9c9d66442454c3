"""Sums of matrix products as nodes of a graph."""

from __future__ import annotations

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST, Shape
from backprop_cli.ir.ops import BY_NAME, OPERATIONS
from backprop_cli.transform.matrices import factoring
from backprop_cli.transform.matrices.nodes import Nodes
from backprop_cli.transform.matrices.terms import (
    Factor,
    Scalars,
    Sum,
    Term,
    collected,
    combined,
    common_scalars,
    content,
    is_scalar,
    ratio_of,
    reversed_chain,
    scaled,
    segments,
)

PLAIN = frozenset(("add", "sub", "mul", "neg"))  # no functions
SCATTER = BY_NAME["scatter"].code
COFACTOR = BY_NAME["cofactor"].code


class Writer(Nodes):
    """Appends sums. `meaning` keeps what a node that was written stands for."""

    def __init__(self, builder: Builder, solves: bool = False) -> None:
        super().__init__(builder, solves)
        self.meaning: dict[int, Sum] = {}
        self.depth = 0  # of what is factored within one another
        self._written: dict[tuple[frozenset[Term], int, int], int] = {}

    def node(self, total: Sum) -> int:
        """The node of a sum: a scalar, a vector (of a row as well) or a matrix."""
        if total.rows == 1 and total.cols > 1:
            return self.node(total.T)
        key = (frozenset(total.terms), total.rows, total.cols)
        known = self._written.get(key)
        if known is None:
            known = self._sum(total)
            self._written[key] = known
            self.means(known, total)
            terms = set(collected(map(self.settled, total.terms)))
            turned = set(collected(map(self.settled, total.T.terms)))
            if total.rows == total.cols > 1 and terms == turned:
                self.symmetric.add(known)
        return known

    def settled(self, term: Term) -> Term:
        """S' = S for the matrices that are known to be symmetric."""
        if not any(f.transposed and f.node in self.symmetric for f in term.chain):
            return term
        chain = (f.T if f.transposed and f.node in self.symmetric else f for f in term.chain)
        return term._replace(chain=tuple(chain))

    def means(self, node: int, total: Sum) -> None:
        """Notes what a node stands for, unless it is a factor of that."""
        for term in total.terms:
            if any(node == f.node for f in term.chain) or any(node == s for s, _ in term.scalars):
                return
        self.meaning.setdefault(node, total)

    def shaped(self, total: Sum, shape: Shape) -> int:
        """The node of a sum in a shape with as many elements."""
        return self.shaped_node(self.node(total), shape)

    def natural(self, total: Sum) -> Shape:
        if total.is_scalar:
            return ()
        return (max(total.rows, total.cols),) if total.is_vector else (total.rows, total.cols)

    def _sum(self, total: Sum) -> int:
        terms = collected(total.terms)
        if len(terms) > 1 and (abs(content(terms)) != 1 or common_scalars(terms)):
            return self.term(self.single(total, False), total.rows)  # c A + c B = c (A + B)
        if len(terms) > 1 and all(self.is_turned(t) for t in terms):
            return self.add("transpose", self.node(total.T))  # (A B)' + (C D)' = (A B + C D)'
        terms = tuple(factoring.factored(self, factoring.assembled(self, terms, total), total))
        if not terms:
            zero, shape = self.number(0.0), self.natural(total)
            return self.add("broadcast_to", zero, static=shape) if shape else zero
        if terms[0].number < 0:
            ranked = sorted(terms, key=lambda t: (t.number < 0, self.is_flat(t)))
            first = ranked[0] if ranked[0].number > 0 else terms[0]
            terms = (first, *(t for t in terms if t is not first))
        whole = any(not self.is_flat(t) for t in terms)
        result = None
        for term in terms:
            part = term._replace(chain=()) if whole and self.is_flat(term) else term
            size = 1 if part is not term else total.rows
            if result is None:
                result = self.term(part, size)
            elif part.number < 0:
                result = self.add("sub", result, self.term(scaled(part, -1.0), size))
            else:
                result = self.add("add", result, self.term(part, size))
        assert result is not None
        return result

    def is_turned(self, term: Term) -> bool:
        """Whether a term is a product of transposed matrices alone."""
        turned = (f.kind == "matrix" and f.transposed for f in term.chain)
        return len(term.chain) > 1 and all(turned)

    def is_flat(self, term: Term) -> bool:
        """Whether all elements of an array are one number: s*ones(n)."""
        return bool(term.chain) and all(
            f.kind == "vector" and self.is_ones(f.node) for f in term.chain
        )

    def single(self, total: Sum, signed: bool = True) -> Term:
        """The sum as one term: if it has several, they become one factor, written as a node.

        With `signed`, x - y and y - x become one factor.
        """
        terms = collected(total.terms)
        if len(terms) == 1:
            return terms[0]
        if not terms:
            return Term(0.0)
        number = content(terms)
        first = min(terms, key=lambda t: (not t.chain, [f.node for f in t.chain], t.scalars))
        if signed and number > 0 and first.number < 0 and not total.is_scalar:
            number = -number
        shared = common_scalars(terms)
        inverse = tuple((node, -power) for node, power in shared)
        inner = Sum(tuple(scaled(t, 1 / number, inverse) for t in terms), total.rows, total.cols)
        return self._atom(inner, number, shared)

    def _atom(self, total: Sum, number: float, scalars: Scalars) -> Term:
        node = self.node(total)
        if total.is_scalar:
            return Term(number, combined(scalars, ((node, 1),)))
        kind = "vector" if total.is_vector else "matrix"
        factor = Factor(node, kind, total.rows, total.cols, kind == "vector" and total.rows == 1)
        return Term(number, scalars, (factor,))

    def term(self, term: Term, rows: int) -> int:
        """The node of one term of an array with that many rows."""
        term = self.turned(self.without_cofactor(term))
        chain = term.chain
        if not chain:
            body = None if rows == 1 else self.add("eye", static=(rows, rows))
            return self.scaled_node(term.number, term.scalars, body)
        parts = segments(chain)
        unit = self._unit(term, rows)
        if unit is not None:
            return unit
        if len(parts) == 2 and self.is_flat(term):
            shape = (chain[0].rows, chain[1].cols)
            ones = self.add("broadcast_to", self.number(1.0), static=shape)
            return self.scaled_node(term.number, term.scalars, ones)
        if len(parts) == 2:
            left, right = (self.column(parts[0]), self.column(reversed_chain(parts[1])))
            return self.scaled_node(term.number, term.scalars, self.add("outer", left, right))
        if is_scalar(chain):
            return self.scaled_node(term.number, term.scalars, self.scalar(chain))
        summed = chain[-1].is_column and self.is_ones(chain[-1].node)
        whole = chain[0].kind == "diagonal" or (self.solves and chain[0].inverse)
        if len(chain) == 1 or whole or (summed and len(chain) == 2):
            return self.scaled_node(term.number, term.scalars, self.chain(chain))
        above = tuple((node, power) for node, power in term.scalars if power > 0)
        below = tuple((node, power) for node, power in term.scalars if power < 0)
        ratio = ratio_of(term.number)
        if all(f.transposed and f.kind == "matrix" for f in chain):
            return self.scaled_node(term.number, term.scalars, self.chain(chain))
        first = self.scaled_node(float(ratio[0]), above, self.factor(chain[0]))
        return self.divided(self.chain(chain, first), ratio[1], below)

    def turned(self, term: Term) -> Term:
        """-(x - y) as y - x, where that is all of the term; -A (y - exp(x)) as A (exp(x) - y)."""
        if term.number > 0:
            return term
        for k, factor in enumerate(term.chain):
            meaning = self.meaning.get(factor.node)
            if meaning is None or factor.kind == "diagonal" or not self.turns(factor, meaning):
                continue
            if len(term.chain) > 1 and not any(map(self.is_function, meaning.terms)):
                continue
            negated = Sum(tuple(scaled(t, -1.0) for t in meaning.terms), meaning.rows, meaning.cols)
            turned = factor._replace(node=self._sum(negated))
            chain = (*term.chain[:k], turned, *term.chain[k + 1 :])
            return term._replace(number=-term.number, chain=chain)
        return term

    def turns(self, factor: Factor, meaning: Sum) -> bool:
        """Whether a factor is a sum with both signs, no longer with them the other way round."""
        both = len({t.number < 0 for t in meaning.terms}) > 1
        return both and not factor.inverse and all(len(t.chain) < 2 for t in meaning.terms)

    def is_function(self, term: Term) -> bool:
        """Whether a term is an elementwise function, or softmax."""
        op = OPERATIONS[self.builder.codes[term.chain[0].node]] if term.chain else None
        return op is not None and (op.elementwise or op.name == "softmax") and op.name not in PLAIN

    def _unit(self, term: Term, rows: int) -> int | None:
        """A scalar at one place of a vector, s*eye(n)[i]; or a row, outer(eye(n)[i], r)."""
        builder, factor = self.builder, term.chain[0]
        if len(term.chain) > 1 or factor.inverse or builder.codes[factor.node] != SCATTER:
            return None
        (place, *more), shape = builder.static[factor.node]
        inner = builder.first[factor.node]
        if len(more) == 1 and isinstance(more[0], int) and builder.shape(inner) == shape[:1]:
            eye = self.add("eye", static=(shape[1], shape[1]))
            pair = (inner, self.add("index", eye, static=(more[0],)))
            pair = pair[::-1] if factor.transposed else pair
            return self.scaled_node(term.number, term.scalars, self.add("outer", *pair))
        if more or not isinstance(place, int) or len(shape) - len(builder.shape(inner)) != 1:
            return None
        eye = self.add("eye", static=(shape[0], shape[0]))
        unit = self.add("index", eye, static=(place,))
        if len(shape) == 2:
            pair = (inner, unit) if factor.transposed else (unit, inner)
            return self.scaled_node(term.number, term.scalars, self.add("outer", *pair))
        meaning = self.meaning.get(inner)
        if builder.codes[inner] == CONST:
            outside = Term(builder.static[inner])
        elif meaning is not None and len(meaning.terms) == 1 and not meaning.terms[0].chain:
            outside = meaning.terms[0]
        else:
            outside = Term(1.0, ((inner, 1),))
        whole = scaled(outside, term.number, term.scalars)
        return self.scaled_node(whole.number, whole.scalars, unit)

    def without_cofactor(self, term: Term) -> Term:
        """cofactor(A)/det(A) = inv(A)'."""
        builder, powers = self.builder, dict(term.scalars)
        for k, factor in enumerate(term.chain):
            if builder.codes[factor.node] != COFACTOR or factor.inverse:
                continue
            inner = builder.first[factor.node]
            det = builder.add("det", inner)
            if powers.get(det, 0) < 0:
                inverse = factor._replace(
                    node=inner, transposed=not factor.transposed, inverse=True
                )
                chain = (*term.chain[:k], inverse, *term.chain[k + 1 :])
                return Term(term.number, combined(term.scalars, ((det, 1),)), chain)
        return term
