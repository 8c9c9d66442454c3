"""Hessians beside jax.hessian in the same run: sparse ones of 1,000 variables, dense ones of 200.

    python benchmarks/hessian.py [variables of the sparse ones, by default 1000] [dense ones, 200]

Prints the products that gave each matrix, seconds of CPU from the graph to the matrix, those of JAX
compiled and to compile, and ratios. JAX knows no sparsity: it takes a product for each variable.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from backprop_cli import parse
from backprop_cli.engine.hessian import Hessian, hessian

CHAIN = "sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)"
BY_INDEX = "sum(i=0..n-2, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)"
ARROW = "sum(i=1..n-1, x[0]*x[i]^2 + sin(x[i]))"
BAND = "sum(x[2:]*x[1:-1]*x[:-2]) + sum(exp(x))"
DENSE = "sum(x^2)^2 + logsumexp(x)"
FORMS = "logsumexp(A @ x + b)"
NETWORK = "mean((tanh(X @ W) @ v - y)^2)"


def seconds(work: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    """The least CPU time of several runs, and the result."""
    best, result = float("inf"), None
    for _ in range(times):
        start = time.process_time()
        result = work()
        best = min(best, time.process_time() - start)
    return best, result


def ours(text: str, point: dict[str, Any], wrt: str) -> tuple[float, Hessian]:
    graph = parse(text).graph(point)
    values = {name: np.asarray(value, dtype=np.float64) for name, value in point.items()}
    nodes = [graph.by_name[wrt]]
    found: tuple[float, Hessian] = seconds(
        lambda: hessian(graph, values, graph.outputs[0][1], nodes)
    )
    return found


def peer(function: Callable[[Any], Any], x: Any) -> tuple[float, float, Any]:
    """JAX's seconds to compile and run, to run, and its matrix."""
    import jax

    compiled = jax.jit(jax.hessian(function))
    first, _ = seconds(lambda: compiled(x).block_until_ready(), 1)
    again, result = seconds(lambda: compiled(x).block_until_ready())
    return first, again, np.asarray(result)


def cases(count: int, dense: int) -> list[tuple[str, str, dict[str, Any], str, Any]]:
    """What each is called, its program, point and variable, and the same for JAX."""
    import jax
    import jax.numpy as jnp

    random = np.random.default_rng(0)
    x, y = random.normal(size=count), random.normal(size=dense)
    forms, shift = random.normal(size=(dense + 100, dense)), random.normal(size=dense + 100)
    inputs, wanted = random.normal(size=(100, 10)), random.normal(size=100)
    weights, last = random.normal(size=(10, 16)), random.normal(size=16)

    def chain(x: Any) -> Any:
        return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    def arrow(x: Any) -> Any:
        return jnp.sum(x[0] * x[1:] ** 2 + jnp.sin(x[1:]))

    def band(x: Any) -> Any:
        return jnp.sum(x[2:] * x[1:-1] * x[:-2]) + jnp.sum(jnp.exp(x))

    def mixed(x: Any) -> Any:
        return jnp.sum(x**2) ** 2 + jax.scipy.special.logsumexp(x)

    def of_forms(x: Any) -> Any:
        return jax.scipy.special.logsumexp(forms @ x + shift)

    def network(w: Any) -> Any:
        return jnp.mean((jnp.tanh(inputs @ w) @ last - wanted) ** 2)

    at = {"X": inputs, "W": weights, "v": last, "y": wanted}
    return [
        ("chain on slices", CHAIN, {"x": x}, "x", chain),
        ("chain by index", BY_INDEX, {"x": x, "n": count}, "x", chain),
        ("arrow by index", ARROW, {"x": x, "n": count}, "x", arrow),
        ("band on slices", BAND, {"x": x}, "x", band),
        ("dense", DENSE, {"x": y}, "x", mixed),
        ("logsumexp of forms", FORMS, {"A": forms, "x": y, "b": shift}, "x", of_forms),
        ("network in a matrix", NETWORK, at, "W", network),
    ]


def main() -> None:
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax

    jax.config.update("jax_enable_x64", True)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    dense = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    print(
        f"{'program':>20}  {'products':>12}  {'ours':>7}  {'jax':>7}  {'compile':>7}  "
        f"{'ours/jax':>8}  {'ours/both':>9}"
    )
    for name, text, point, variable, function in cases(count, dense):
        spent, found = ours(text, point, variable)
        first, again, wanted = peer(function, jax.numpy.asarray(point[variable]))
        scale = np.abs(wanted).max()
        wanted = wanted.reshape(found.size, found.size)
        np.testing.assert_allclose(found.matrix, wanted, rtol=1e-9, atol=1e-9 * scale)
        products = f"{found.products} of {found.size}"
        print(
            f"{name:>20}  {products:>12}  {spent:7.4f}  {again:7.4f}  {first - again:7.3f}  "
            f"{spent / again:8.2f}  {spent / first:9.2f}"
        )


if __name__ == "__main__":
    main()
