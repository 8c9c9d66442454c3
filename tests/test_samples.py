"""Every program in samples/: value and gradient against results that were worked out elsewhere.

Programs of scalars have an oracle of 40 digits (a closed form or the definition, in mpmath), whose
derivatives are central differences; programs of arrays are written again in JAX, in float64.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

import backprop_cli as bp
from backprop_cli.engine.points import defaults

jax.config.update("jax_enable_x64", True)

SAMPLES = Path(__file__).parent.parent / "samples"
PROGRAMS = sorted(path.stem for path in SAMPLES.glob("*.bprop"))
TOLERANCE = 1e-10
Point = Mapping[str, Any]


def _van_der_waals(p: Point) -> Any:
    gas = mp.mpf("8.31446261815324")
    return gas * p["n"] * p["T"] / (p["V"] - p["n"] * p["b"]) - p["a"] * (p["n"] / p["V"]) ** 2


def _black_scholes(p: Point) -> Any:
    """The discounted mean of the pay-off under the lognormal law, by its two integrals."""
    spread = p["sigma"] * mp.sqrt(p["T"])
    forward = p["S"] * mp.exp(p["r"] * p["T"])
    d1 = mp.log(forward / p["K"]) / spread + spread / 2
    return mp.exp(-p["r"] * p["T"]) * (forward * mp.ncdf(d1) - p["K"] * mp.ncdf(d1 - spread))


def _planck(p: Point) -> Any:
    h, c, k = mp.mpf("6.62607015e-34"), mp.mpf(299792458), mp.mpf("1.380649e-23")
    frequency = c / p["wavelength"]
    per_frequency = 2 * h * frequency**3 / c**2 / mp.expm1(h * frequency / (k * p["temperature"]))
    return per_frequency * c / p["wavelength"] ** 2


def _projectile(p: Point) -> Any:
    """m y'' = -m g - drag y', y(0) = 0: the solution with its constants fitted to the start."""
    rate = p["drag"] / p["mass"]
    falling = -p["g"] / rate
    start = p["speed"] * mp.sin(p["angle"]) - falling
    return falling * p["t"] + start / rate * (1 - mp.exp(-rate * p["t"]))


def _pendulum(p: Point) -> Any:
    """The complete elliptic integral of the first kind."""
    quarter = mp.ellipk(mp.sin(p["amplitude"] / 2) ** 2)
    return 4 * mp.sqrt(p["length"] / p["g"]) * quarter


def _kepler(p: Point) -> Any:
    """Bessel's series for the eccentric anomaly."""
    return p["M"] + mp.nsum(
        lambda n: 2 / n * mp.besselj(n, n * p["ecc"]) * mp.sin(n * p["M"]), [1, mp.inf]
    )


def _great_circle(p: Point) -> Any:
    """The angle between two unit vectors."""
    places = [
        (mp.cos(lat) * mp.cos(lon), mp.cos(lat) * mp.sin(lon), mp.sin(lat))
        for lat, lon in ((p["lat1"], p["lon1"]), (p["lat2"], p["lon2"]))
    ]
    return mp.mpf("6371.0088") * mp.acos(mp.fdot(*places))


def _recurrent(p: Point) -> Any:
    state = mp.mpf(0)
    for name in ("x1", "x2", "x3", "x4"):
        grown = mp.exp(2 * (p["u"] * state + p["w"] * p[name] + p["b"]))
        state = (grown - 1) / (grown + 1)
    return (state - p["target"]) ** 2


SCALAR: dict[str, Callable[[Point], Any]] = {
    "product_of_sums": lambda p: p["a"] * p["b"] + p["a"] + p["b"] ** 2 + p["b"],
    "factoring_paths": lambda p: p["x"] * (p["o"] + p["p"] + p["q"]) * (p["r"] + p["s"] + p["t"]),
    "van_der_waals": _van_der_waals,
    "black_scholes": _black_scholes,
    "planck": _planck,
    "projectile_with_drag": _projectile,
    "pendulum_period": _pendulum,
    "kepler": _kepler,
    "great_circle": _great_circle,
    "recurrent_network": _recurrent,
    "michaelis_menten": lambda p: p["Vmax"] / (1 + p["Km"] / p["S"] + p["S"] / p["Ki"]),
}


def _two_layers(p: Point) -> Any:
    hidden = jnp.tanh(jnp.einsum("ij,j->i", p["W1"], p["x"]) + p["b1"])
    return jnp.mean((jnp.einsum("ij,j->i", p["W2"], hidden) + p["b2"] - p["target"]) ** 2)


def _logistic(p: Point) -> Any:
    """-log of the probability of each label, the label being 1 or 0."""
    logits = p["X"] @ p["w"] + p["b"]
    likely = jax.nn.log_sigmoid(jnp.where(p["y"] > 0, logits, -logits))
    labels = p["y"] - jax.lax.stop_gradient(p["y"])  # the loss is linear in the labels
    return -jnp.mean(likely + labels * logits) + p["lambda"] / 2 * jnp.sum(p["w"] ** 2)


def _cross_entropy(p: Point) -> Any:
    return -jnp.sum(p["target"] * jax.nn.log_softmax(p["W"] @ p["x"] + p["b"]))


def _gaussian(p: Point) -> Any:
    residual = p["X"] - p["mu"]
    quadratic = jnp.einsum("ni,ij,nj->", residual, jnp.linalg.inv(p["S"]), residual)
    return (4 * jnp.log(jnp.linalg.det(2 * jnp.pi * p["S"])) + quadratic) / 2


def _attention(p: Point) -> Any:
    queries, keys, values = (p["X"] @ p[name] for name in ("Wq", "Wk", "Wv"))
    scores = jnp.exp(jnp.einsum("id,jd->ij", queries, keys) / jnp.sqrt(2.0))
    head = (scores / scores.sum(axis=1, keepdims=True)) @ values
    return jnp.mean((head - p["target"]) ** 2)


def _ridge(p: Point) -> Any:
    """The penalty as extra rows of the least-squares problem."""
    rows = jnp.concatenate([p["X"], jnp.sqrt(p["lambda"]) * jnp.eye(2)])
    q, r = jnp.linalg.qr(rows)
    weights = jax.scipy.linalg.solve_triangular(r, q.T @ jnp.concatenate([p["y"], jnp.zeros(2)]))
    return jnp.mean((p["X_new"] @ weights - p["y_new"]) ** 2)


def _rosenbrock(p: Point) -> Any:
    x = p["x"]
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def _lennard_jones(p: Point) -> Any:
    energy = 0.0
    for one, other in (("p", "q"), ("q", "r"), ("p", "r")):
        ratio = p["sigma"] / jnp.linalg.norm(p[one] - p[other])
        energy += 4 * p["epsilon"] * (ratio**12 - ratio**6)
    return energy


def _hinge(p: Point) -> Any:
    margins = p["y"] * (p["X"] @ p["w"] + p["b"])
    return jnp.mean(jnp.where(margins < 1, 1 - margins, 0)) + 0.05 * jnp.sum(p["w"] ** 2)


ARRAYS: dict[str, Callable[[Point], Any]] = {
    "two_layer_network": _two_layers,
    "logistic_loss": _logistic,
    "softmax_cross_entropy": _cross_entropy,
    "gaussian_likelihood": _gaussian,
    "attention": _attention,
    "ridge_regression": _ridge,
    "portfolio": lambda p: jnp.sqrt(jnp.einsum("i,ij,j->", p["w"], p["C"], p["w"])),
    "rosenbrock": _rosenbrock,
    "lennard_jones": _lennard_jones,
    "hinge_loss": _hinge,
}


def program(name: str) -> tuple[bp.Function, dict[str, Any]]:
    """A sample and its point."""
    source = (SAMPLES / f"{name}.bprop").read_text()
    beside = SAMPLES / f"{name}.json"
    point = json.loads(beside.read_text()) if beside.exists() else defaults(source)
    return bp.parse(source), point


def high_precision(name: str, point: Point) -> tuple[float, dict[str, float]]:
    with mp.workdps(40):
        exact = {key: mp.mpf(value) for key, value in point.items()}
        definition = SCALAR[name]

        def slope(key: str) -> float:
            step = mp.mpf(10) ** -13 * (abs(exact[key]) or 1)
            ends = [definition({**exact, key: exact[key] + k * step}) for k in (1, -1)]
            return float((ends[0] - ends[1]) / (2 * step))

        return float(definition(exact)), {key: slope(key) for key in exact}


def by_jax(name: str, point: Point) -> tuple[float, dict[str, Any]]:
    arrays = {key: jnp.asarray(value, dtype=jnp.float64) for key, value in point.items()}
    value, gradient = jax.value_and_grad(ARRAYS[name])(arrays)
    return float(value), {key: np.asarray(part) for key, part in gradient.items()}


def close(found: Any, wanted: Any) -> bool:
    """Equal to the tolerance, relative to the largest element."""
    scale = np.max(np.abs(wanted)) or 1.0
    return np.shape(found) == np.shape(wanted) and bool(
        np.max(np.abs(np.asarray(found) - wanted)) <= TOLERANCE * scale
    )


def test_every_sample_has_an_oracle() -> None:
    assert sorted([*SCALAR, *ARRAYS]) == PROGRAMS
    assert len(PROGRAMS) >= 14


@pytest.mark.parametrize("name", PROGRAMS)
def test_value_and_gradient(name: str) -> None:
    function, point = program(name)
    value, gradient = function.value_and_grad(point)
    oracle = high_precision if name in SCALAR else by_jax
    wanted_value, wanted = oracle(name, point)
    assert close(value, wanted_value)
    parameters = function.graph(point).parameters
    assert set(gradient) == set(point) - set(parameters)
    for variable, found in gradient.items():
        assert close(found, wanted[variable]), variable


@pytest.mark.parametrize("name", sorted(SCALAR))
def test_path_sums_are_the_gradient(name: str) -> None:
    function, point = program(name)
    assert function.graph(point).is_scalar
    for variable, derivative in function.grad(point).items():
        report = function.paths(point, start=variable, top=0)
        assert report.count > 0
        assert close(report.sum, derivative), variable
        if report.count <= 100:
            listed = function.paths(point, start=variable, top=100)
            assert len(listed.paths) == report.count
            products = [path.product for path in listed.paths]
            scale = sum(map(abs, products))
            assert abs(sum(products) - derivative) <= TOLERANCE * scale


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_sample_needs_a_warning(name: str) -> None:
    function, point = program(name)
    assert function.sweep(point).warnings == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_begins_with_what_it_shows(name: str) -> None:
    text = (SAMPLES / f"{name}.bprop").read_text()
    assert text.startswith("# ")
    assert text.isascii()
    assert all(len(line) <= 100 for line in text.splitlines())
    beside = (SAMPLES / f"{name}.json").exists()
    assert ("# at: " in text) != beside
    assert (f"@samples/{name}.json" in text) == beside


def test_the_list_of_samples_is_complete() -> None:
    lines = (SAMPLES / "README.md").read_text().splitlines()
    listed = [line.split("`")[1] for line in lines if line.startswith("| `")]
    assert listed == [f"{name}.bprop" for name in PROGRAMS]


def test_paths_double_at_each_step_of_the_mean() -> None:
    function, point = program("pendulum_period")
    counts = [function.paths(point, start=name, top=0).count for name in ("b3", "b2", "b1")]
    assert counts == [2, 4, 8]


def test_forces_add_up_to_zero() -> None:
    function, point = program("lennard_jones")
    gradient = function.grad(point)
    total = np.asarray(gradient["p"]) + gradient["q"] + gradient["r"]
    assert np.max(np.abs(total)) <= 1e-12 * np.max(np.abs(gradient["p"]))


def test_marginal_risks_add_up_to_the_risk() -> None:
    function, point = program("portfolio")
    risk, gradient = function.value_and_grad(point, wrt="w")
    assert np.dot(point["w"], gradient["w"]) == pytest.approx(risk, rel=1e-14)


def test_greeks() -> None:
    """Delta, vega and rho by their closed forms (Hull, Options, Futures and Other Derivatives)."""
    function, point = program("black_scholes")
    found = function.grad(point)
    share, strike, r, sigma, years = (float(point[name]) for name in ("S", "K", "r", "sigma", "T"))
    spread = sigma * np.sqrt(years)
    d1 = (np.log(share / strike) + (r + sigma**2 / 2) * years) / spread
    density = float(mp.npdf(d1))
    tail, discount = float(mp.ncdf(d1 - spread)), np.exp(-r * years)
    assert found["S"] == pytest.approx(float(mp.ncdf(d1)), rel=1e-12)
    assert found["sigma"] == pytest.approx(share * density * np.sqrt(years), rel=1e-12)
    assert found["r"] == pytest.approx(strike * years * discount * tail, rel=1e-12)
    theta = share * density * sigma / (2 * np.sqrt(years)) + r * strike * discount * tail
    assert found["T"] == pytest.approx(theta, rel=1e-12)
