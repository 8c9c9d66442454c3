"""Operations on stacks of arrays: those on each of their entries."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from backprop_cli.backends.stacked_arrays import stacked
from backprop_cli.backends.tensor_functions import compute

STACKED: list[tuple[str, Any, list[tuple[int, ...]]]] = [
    ("add", None, [(3,), (2, 3)]),
    ("where", None, [(2, 1), (), (2, 3)]),
    ("sum", (None, False), [(2, 3)]),
    ("sum", ((-1,), True), [(2, 3)]),
    ("mean", ((0,), False), [(2, 3)]),
    ("sum_to", (3,), [(2, 3)]),
    ("sum_to", (1, 3), [(4, 2, 3)]),
    ("sum_to", (), [(2, 3)]),
    ("broadcast_to", (2, 3), [(3,)]),
    ("broadcast_to", (2, 3), [()]),
    ("reshape", (6,), [(2, 3)]),
    ("transpose", None, [(2, 3)]),
    ("transpose", (1, 0, 2), [(2, 3, 4)]),
    ("index", (1,), [(2, 3)]),
    ("index", (("slice", 2, -1, -1), 0), [(3, 2)]),
    ("scatter", ((("slice", 0, 2, 1),), (3, 2)), [(2, 2)]),
    ("stack", 0, [(3,), (3,)]),
    ("stack", -1, [(3,), (3,)]),
    ("concat", -1, [(2, 3), (2, 1)]),
    ("matmul", None, [(3,), (3,)]),
    ("matmul", None, [(2, 3), (3,)]),
    ("matmul", None, [(3,), (3, 2)]),
    ("matmul", None, [(2, 3), (3, 4)]),
    ("matmul", None, [(5, 2, 3), (3, 4)]),
    ("matmul", None, [(3,), (5, 3, 4)]),
    ("outer", None, [(2,), (3,)]),
    ("solve", None, [(3, 3), (3,)]),
    ("solve", None, [(3, 3), (3, 2)]),
    ("diag", None, [(3,)]),
    ("diag", None, [(3, 3)]),
    ("trace", None, [(3, 3)]),
    ("cross", None, [(3,), (3,)]),
    ("inv", None, [(3, 3)]),
    ("softmax", 0, [(3, 2)]),
    ("norm", ((0,), False), [(3, 2)]),
]


@pytest.mark.parametrize(("op", "static", "shapes"), STACKED)
def test_an_operation_on_stacks_is_that_on_each_entry(
    op: str, static: Any, shapes: list[tuple[int, ...]]
) -> None:
    random = np.random.default_rng(3)
    for moves in itertools.product([True, False], repeat=len(shapes)):
        if not any(moves):
            continue
        x = [
            random.normal(size=(4, *shape) if moved else shape)
            for shape, moved in zip(shapes, moves, strict=True)
        ]
        each = [
            compute(op, static, [a[k] if m else a for a, m in zip(x, moves, strict=True)])
            for k in range(4)
        ]
        found = stacked(op, static, x, list(moves), [*shapes, np.shape(each[0])])
        np.testing.assert_allclose(found, each, rtol=1e-12, atol=1e-14)
