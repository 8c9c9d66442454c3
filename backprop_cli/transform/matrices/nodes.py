"""Products of matrices as nodes of a graph, in the form that a person would write."""

from __future__ import annotations

from backprop_cli.ir.builder import Builder
from backprop_cli.ir.graph import CONST, INPUT, Shape
from backprop_cli.ir.ops import BY_NAME, OPERATIONS
from backprop_cli.transform.matrices import units
from backprop_cli.transform.matrices.terms import (
    Chain,
    Factor,
    Scalars,
    ratio_of,
    reversed_chain,
)

RESHAPE = BY_NAME["reshape"].code
SHAPING = frozenset(BY_NAME[name].code for name in ("reshape", "index", "transpose", "stack"))
DIAG = BY_NAME["diag"].code
LEFTWARD = ("mul", "div", "matmul")  # a number before the product goes to its first factor


class Nodes:
    """Appends products to a Builder; `solves` says whether inv(A) @ b is written solve(A, b)."""

    def __init__(self, builder: Builder, solves: bool = False) -> None:
        self.builder = builder
        self.solves = solves
        self.symmetric: set[int] = set()

    def add(self, op: str, *args: int, static: object = None) -> int:
        node = self.builder.add(op, *args, static=static)
        if self.symmetric and (op == "cofactor" or BY_NAME[op].elementwise):
            matrices = [a for a in args if self.builder.shape(a)]
            if matrices and self.symmetric.issuperset(matrices):
                self.symmetric.add(node)
        return node

    def number(self, value: float) -> int:
        return self.builder.const(value)

    def ones_node(self, size: int) -> int:
        return self.add("broadcast_to", self.number(1.0), static=(size,))

    def is_one(self, node: int) -> bool:
        return self.builder.codes[node] == CONST and self.builder.static[node] == 1

    def is_ones(self, node: int) -> bool:
        builder = self.builder
        if OPERATIONS[builder.codes[node]].name != "broadcast_to":
            return False
        filled = builder.first[node]
        return builder.codes[filled] == CONST and builder.static[filled] == 1

    def shaped_node(self, node: int, shape: Shape) -> int:
        """A node in another shape; a reshape of what has that shape is undone."""
        builder = self.builder
        while builder.shape(node) != shape and builder.codes[node] == RESHAPE:
            node = builder.first[node]
        if builder.shape(node) != shape and all(size == 1 for size in shape):
            node = self.core(node)
            while len(builder.shape(node)) < len(shape) and not any(
                n > 1 for n in builder.shape(node)
            ):
                node = self.add("stack", node, static=0)
        return node if builder.shape(node) == shape else self.add("reshape", node, static=shape)

    def core(self, node: int) -> int:
        """What an array of one element was made of by indexing and shaping."""
        builder = self.builder
        while builder.codes[node] in SHAPING:
            inner = builder.first[node]
            if any(size != 1 for size in builder.shape(inner)):
                break
            node = inner
        return node

    def scaled_node(self, number: float, scalars: Scalars, body: int | None) -> int:
        """number * scalars * body, powers below 0 as a division; `2*x' @ y`, `-A @ x`, `2*x*y`."""
        builder = self.builder
        while body is not None and OPERATIONS[builder.codes[body]].name == "neg":
            number, body = -number, builder.first[body]
        above, below = ratio_of(number)
        under = tuple(s for s in scalars if s[1] < 0)
        factors = [self.power(node, power) for node, power in scalars if power > 0]
        spine: list[int] = []
        if body is not None:
            while OPERATIONS[builder.codes[body]].name in LEFTWARD and (above, factors) != (1, []):
                spine.append(body)
                body = builder.first[body]
            if not spine or not self.is_one(body):
                factors.append(body)
        if abs(above) != 1 or not factors:
            factors.insert(0, self.number(above))
        elif above == -1:
            constant = builder.codes[factors[0]] == CONST
            value = self.number(-builder.static[factors[0]]) if constant else 0
            factors[0] = value if constant else self.add("neg", factors[0])
        result = factors[0]
        for factor in factors[1:]:
            result = self.add("mul", result, factor)
        for product in reversed(spine):
            op, right = OPERATIONS[builder.codes[product]].name, builder.second[product]
            if op == "div" and product == spine[0] and (below != 1 or under):
                right = self.multiplied([*self.divisors(below, under), right])  # (x/y)/2 = x/(2*y)
                return self.add("div", result, right)
            result = self.add(op, result, right)
        return self.divided(result, below, under)

    def divided(self, node: int, below: float, scalars: Scalars) -> int:
        factors = self.divisors(below, scalars)
        return self.add("div", node, self.multiplied(factors)) if factors else node

    def divisors(self, below: float, scalars: Scalars) -> list[int]:
        factors = [self.power(scalar, -power) for scalar, power in scalars]
        return factors if below == 1 else [self.number(below), *factors]

    def multiplied(self, factors: list[int]) -> int:
        result = factors[0]
        for factor in factors[1:]:
            result = self.add("mul", result, factor)
        return result

    def power(self, node: int, power: float) -> int:
        if power == 0.5:
            return self.add("sqrt", node)
        return node if power == 1 else self.add("pow", node, self.number(float(power)))

    def factor(self, factor: Factor) -> int:
        """The node of a factor as it stands."""
        node = factor.node
        if factor.kind == "diagonal":
            return self.add("diag", node)
        if factor.kind == "vector":
            place = units.place_of(self, node)
            node = node if place is None else units.unit(self, factor.rows * factor.cols, place)
            return self.add("transpose", node) if factor.transposed else node
        turned = factor.transposed and node not in self.symmetric
        if factor.inverse:
            node = self.add("inv", node)
        return self.add("transpose", node) if turned else node

    def chain(self, chain: Chain, first: int | None = None) -> int:
        """A column, a row (as a vector) or a matrix; `first` is written for its first factor."""
        if chain[-1].is_column:
            return self.column(chain, first)
        if chain[0].is_row:
            return self.column(reversed_chain(chain))
        if self.solves and any(f.inverse for f in chain[:-1]):
            return self._from_right(chain, first)
        if first is None and len(chain) > 1 and all(f.transposed for f in chain):
            return self.add("transpose", self.chain(reversed_chain(chain)))  # B' A' = (A B)'
        result = self.factor(chain[0]) if first is None else first
        for factor in chain[1:]:
            result = self.add("matmul", result, self.factor(factor))
        return result

    def column(self, chain: Chain, first: int | None = None) -> int:
        """A product that ends in a column, from the right: A (B x); A ones = sum(A, axis=1)."""
        if len(chain) == 2 and first is None and self.is_ones(chain[1].node):
            matrix = chain[0]
            name = self.builder.codes[matrix.node] == INPUT
            if matrix.kind == "matrix" and not matrix.inverse and not name:
                axis = 0 if matrix.transposed else 1
                return self.add("sum", matrix.node, static=((axis,), False))
        return self._from_right(chain, first)

    def _from_right(self, chain: Chain, first: int | None = None) -> int:
        result = self.factor(chain[-1]) if len(chain) > 1 or first is None else first
        for k in range(len(chain) - 2, -1, -1):
            factor = chain[k]
            if factor.inverse and self.solves:
                matrix = self.factor(factor._replace(inverse=False))
                result = self.add("solve", matrix, result)
            else:
                left = first if k == 0 and first is not None else self.factor(factor)
                result = self.add("matmul", left, result)
        return result

    def scalar(self, chain: Chain) -> int:
        """x' A y; sum(y) for a row of ones; sum(r^2) for r' r where r is not just a name."""
        if not self.is_ones(chain[0].node) and self.is_ones(chain[-1].node):
            chain = reversed_chain(chain)
        if self.is_ones(chain[0].node):
            inner = chain[1:]
            if self.is_ones(inner[-1].node):
                inner = inner[:-1]
            if len(inner) == 1 and self.builder.codes[inner[0].node] == DIAG:
                return self.add("trace", self.builder.first[inner[0].node])
            return self.add("sum", self.chain(inner), static=(None, False))
        name = self.builder.codes[chain[0].node] == INPUT
        if len(chain) == 2 and chain[0].node == chain[1].node and not name:
            squared = self.add("pow", chain[0].node, self.number(2.0))
            return self.add("sum", squared, static=(None, False))
        if self.solves and any(f.inverse for f in chain):
            return self.add("matmul", self.factor(chain[0]), self.column(chain[1:]))
        result = self.factor(chain[0])
        for factor in chain[1:]:
            result = self.add("matmul", result, self.factor(factor))
        return result
