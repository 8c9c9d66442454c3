"""Hessians beside jax.hessian in the same run: a chain of 1,000 variables, and 200 dense ones.

    python benchmarks/hessian.py [variables of the chain, by default 1000] [dense ones, 200]

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
DENSE = "sum(x^2)^2 + logsumexp(x)"


def seconds(work: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    """The least CPU time of several runs, and the result."""
    best, result = float("inf"), None
    for _ in range(times):
        start = time.process_time()
        result = work()
        best = min(best, time.process_time() - start)
    return best, result


def ours(text: str, point: dict[str, Any]) -> tuple[float, Hessian]:
    graph = parse(text).graph(point)
    values = {name: np.asarray(value, dtype=np.float64) for name, value in point.items()}
    found: tuple[float, Hessian] = seconds(lambda: hessian(graph, values, graph.outputs[0][1]))
    return found


def peer(function: Callable[[Any], Any], x: Any) -> tuple[float, float, Any]:
    """JAX's seconds to compile and run, to run, and its matrix."""
    import jax

    compiled = jax.jit(jax.hessian(function))
    first, _ = seconds(lambda: compiled(x).block_until_ready(), 1)
    again, result = seconds(lambda: compiled(x).block_until_ready())
    return first, again, np.asarray(result)


def main() -> None:
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    dense = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    random = np.random.default_rng(0)
    x, y = random.normal(size=count), random.normal(size=dense)

    def chain(x: Any) -> Any:
        return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    def mixed(x: Any) -> Any:
        return jnp.sum(x**2) ** 2 + jax.scipy.special.logsumexp(x)

    print(
        f"{'program':>24}  {'products':>12}  {'ours':>7}  {'jax':>7}  {'compile':>7}  "
        f"{'ours/jax':>8}  {'ours/both':>9}"
    )
    for name, text, point, function, at in (
        ("chain on slices", CHAIN, {"x": x}, chain, x),
        ("chain by index", BY_INDEX, {"x": x, "n": count}, chain, x),
        ("dense", DENSE, {"x": y}, mixed, y),
    ):
        spent, found = ours(text, point)
        first, again, wanted = peer(function, jnp.asarray(at))
        block = found.blocks[found.wrt[0]][found.wrt[0]]
        np.testing.assert_allclose(block, wanted, rtol=1e-9, atol=1e-9 * np.abs(wanted).max())
        products = f"{found.products} of {found.size}"
        print(
            f"{name:>24}  {products:>12}  {spent:7.3f}  {again:7.3f}  {first - again:7.3f}  "
            f"{spent / again:8.2f}  {spent / first:9.2f}"
        )


if __name__ == "__main__":
    main()
