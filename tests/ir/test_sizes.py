"""Sizes known by name: numbers to shape rules, names to readers."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_cli.errors import ShapeFault
from backprop_cli.ir import shapes
from backprop_cli.ir.sizes import Monomial, Size, monomial, named_sizes, renamed, sizes_in

SIZES = named_sizes(["n", "m", "k"])
N, M, K = SIZES.values()


def test_names_are_equal_to_themselves_alone() -> None:
    assert N == N
    assert int(N) == N
    assert len({N, M, K}) == 3
    assert N not in (M, K, 1, 2, 3)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (N, "n"),
        (N + 1, "n + 1"),
        (2 + N, "n + 2"),
        (N + 0, "n"),
        (0 + N, "n"),
        (N - 1, "n - 1"),
        (5 - N, "-n + 5"),
        (N - 0, "n"),
        (N - N, "0"),
        (N + M - N, "m"),
        (N + N, "2*n"),
        (2 * N, "2*n"),
        (N * 2, "2*n"),
        (N * 1, "n"),
        (1 * N, "n"),
        (N * 0, "0"),
        (N * M, "n*m"),
        ((N + 1) * M, "(n + 1)*m"),
        (N // 1, "n"),
        (N + 1.0, "n + 1"),
        (N - 1.0, "n - 1"),
        (N * 2.0, "2*n"),
    ],
)
def test_arithmetic_keeps_the_names(size: int, text: str) -> None:
    assert str(size) == text
    assert repr((size,)) == f"({text},)"


def test_arithmetic_with_fractions_is_that_of_numbers() -> None:
    n = float(N)
    assert (
        n + 0.5,
        n - 0.5,
        n * 0.5,
        0.5 + n,
        0.5 - n,
        0.5 * n,
    ) == (N + 0.5, N - 0.5, N * 0.5, 0.5 + N, 0.5 - N, 0.5 * N)
    assert type(N // 2) is int


def test_a_size_is_copied_with_its_name() -> None:
    assert str(pickle.loads(pickle.dumps(N + 1))) == "n + 1"
    assert str(copy.deepcopy(N)) == "n"


def test_shape_rules_show_names() -> None:
    with pytest.raises(ShapeFault) as caught:
        shapes.matmul([(N, M), (N,)])
    assert caught.value.message == "(n, m) @ (n,): the inner sizes m and n differ"
    with pytest.raises(ShapeFault, match=r"shapes \(n,\) and \(m,\) do not broadcast"):
        shapes.broadcast([(N,), (M,)])
    with pytest.raises(ShapeFault, match="which of the sizes is less is not known"):
        shapes.diag([(N, M)])


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (shapes.matmul([(N, M), (M, K)]), "(n, k)"),
        (shapes.outer([(N,), (M,)]), "(n, m)"),
        (shapes.concat([(N,), (M,)], 0), "(n + m,)"),
        (shapes.stack([(N,), (N,)], 0), "(2, n)"),
        (shapes.diag([(N,)]), "(n, n)"),
        (shapes.diag([(N, N)]), "(n,)"),
        (shapes.reduced([(N, M)], ((0,), False)), "(m,)"),
        (shapes.index([(N,)], (("slice", 1, int(N), 1),)), "(n - 1,)"),
        (shapes.index([(N + M,)], (("slice", N, N + M, 1),)), "(m,)"),
        (shapes.index([(N,)], (("slice", 0, 3, 1),)), "(3,)"),
        (shapes.eye([], (N, M)), "(n, m)"),
        (shapes.sized((N, M, K, N)), "(n, m, k, n)"),
        (shapes.reshape([(N, M)], (N * M,)), "(n*m,)"),
    ],
)
def test_shape_rules_carry_names(found: tuple[int, ...], expected: str) -> None:
    assert str(found).replace("- -", "+ ") == expected


def test_numbers_are_still_limited() -> None:
    with pytest.raises(ShapeFault, match="too large"):
        shapes.sized((2**30, 2**30))


@given(
    st.integers(-8, 8).filter(bool),
    st.integers(1, 8),
    st.tuples(*[st.integers(-2, 2)] * 3),
)
def test_constants_of_sizes_are_told_by_name(
    top: int, bottom: int, powers: tuple[int, ...]
) -> None:
    value = top / bottom * float(N) ** powers[0] * float(M) ** powers[1] * float(K) ** powers[2]
    found = monomial(value, SIZES)
    assert found.number == pytest.approx(top / bottom, rel=1e-12)
    assert found.powers == tuple((name, k) for name, k in zip(SIZES, powers, strict=True) if k)


@given(st.integers(-(10**6), 10**6), st.integers(0, 6))
def test_decimal_numbers_are_no_sizes(digits: int, places: int) -> None:
    value = digits / 10**places
    found = monomial(value, SIZES)
    assert found == Monomial(value, ()) or abs(value) >= int(N)


@pytest.mark.parametrize("value", [0.0, float("inf"), float("-inf"), 1e300, 5e-324])
def test_extreme_numbers_are_no_sizes(value: float) -> None:
    assert monomial(value, SIZES) == Monomial(value, ())
    assert str(monomial(float("nan"), SIZES).number) == "nan"


def test_statics_get_their_names_back() -> None:
    static = ((int(N), int(M)), ("slice", 1, int(N) - 1, 1), 3, None)
    assert str(renamed(static, SIZES)) == "((n, m), ('slice', 1, n - 1, 1), 3, None)"
    assert str(renamed((int(N) + 2, int(N) + int(M), int(N) * int(K)), SIZES)) == (
        "(n + 2, n + m, n*k)"
    )
    assert renamed(12345, SIZES) == 12345
    assert renamed((3,), {}) == (3,)


def test_the_names_in_shapes() -> None:
    assert list(sizes_in([(N, 3), (M + 1,), (N,)])) == ["n"]
    assert isinstance(sizes_in([(N,)])["n"], Size)
