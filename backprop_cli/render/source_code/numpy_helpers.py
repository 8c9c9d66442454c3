"""Functions that an exported NumPy or JAX file may need."""

from __future__ import annotations

import re

# the same in NumPy and, with jnp for np, in JAX
COMMON = {
    "_maximum": """\
def _maximum(x, y):
    return np.where((y > x) | (y != y), y, x)""",
    "_minimum": """\
def _minimum(x, y):
    return np.where((y < x) | (y != y), y, x)""",
    "_square": """\
def _square(x):
    return x * x""",
    "_sigmoid": """\
def _sigmoid(x):
    z = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + z), z / (1 + z))""",
    "_softplus": """\
def _softplus(x):
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))""",
    "_xlogy": """\
def _xlogy(x, y):
    return np.where((x == 0) & (y == y), 0.0, x * np.log(y))""",
    "_sinc": """\
def _sinc(x):
    u = np.pi * x
    return np.where(x == 0, 1.0, np.sin(u) / np.where(x == 0, 1.0, u))""",
    "_leaky_relu": """\
def _leaky_relu(x, slope):
    return np.where(x > 0, x, slope * x)""",
    "_elu": """\
def _elu(x, alpha):
    return np.where(x > 0, x, alpha * np.expm1(x))""",
    "_gelu": """\
def _gelu(x):
    return 0.5 * x * _erfc(-np.sqrt(0.5) * x)""",
    "_silu": """\
def _silu(x):
    return x * _sigmoid(x)""",
    "_heaviside": """\
def _heaviside(x):
    return np.where(x != x, x, np.where(x == 0, 0.5, np.where(x > 0, 1.0, 0.0)))""",
    "_cotangent": """\
def _cotangent(x):
    # of pi*x, exact where it is 0
    rest = x - np.round(x)
    other = np.copysign(0.5 - np.abs(rest), rest)
    return np.where(np.abs(rest) > 0.25, np.tan(np.pi * other), 1.0 / np.tan(np.pi * rest))""",
    "_cot_slopes": """\
def _cot_slopes(n):
    # the n-th derivative of cot(u) as a polynomial in cot(u), the highest power first
    slopes = [0.0, 1.0]
    for _ in range(n):
        slopes = [k * c for k, c in enumerate(slopes)][1:]
        slopes = [
            -(slopes[k] if k < len(slopes) else 0.0) - (slopes[k - 2] if k > 1 else 0.0)
            for k in range(len(slopes) + 2)
        ]
    return slopes[::-1]""",
    "_polygamma": """\
def _polygamma(n, x):
    # by the Hurwitz zeta function, left of 0 by reflection
    # (Abramowitz and Stegun 1964, 6.4.10 and 6.4.7)
    if n == 0:
        return _digamma(x)
    factorial = math.gamma(n + 1.0)
    zeta = factorial * _zeta(n + 1.0, np.where(x > 0, x, 1.0 - x))
    cotangent, value = _cotangent(x), 0.0
    for c in _cot_slopes(n):
        value = value * cotangent + c
    left = np.where(x == np.floor(x), np.nan, -zeta - np.pi ** (n + 1) * value)
    return np.where(x == 0, np.inf, np.where(x > 0, (-1.0) ** (n + 1) * zeta, left))""",
    "_norm": """\
def _norm(x, axis=None, keepdims=False):
    # scaled, so that squares neither over- nor underflow
    top = np.max(np.abs(x), axis=axis, keepdims=True, initial=0.0)
    scale = np.where((top > 0) & np.isfinite(top), top, 1.0)
    value = scale * np.sqrt(np.sum(_square(x / scale), axis=axis, keepdims=True))
    return value if keepdims else np.squeeze(value, axis=axis)""",
    "_logsumexp": """\
def _logsumexp(x, axis=None, keepdims=False):
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(top), top, 0.0)
    value = np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=True)) + shift
    return value if keepdims else np.squeeze(value, axis=axis)""",
    "_softmax": """\
def _softmax(x, axis):
    if np.ndim(x) == 0:
        return 1.0 + 0.0 * x
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    weights = np.exp(x - np.where(np.isfinite(top), top, 0.0))
    return weights / np.sum(weights, axis=axis, keepdims=True)""",
    "_log_softmax": """\
def _log_softmax(x, axis):
    if np.ndim(x) == 0:
        return 0.0 * x
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    shifted = x - np.where(np.isfinite(top), top, 0.0)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))""",
    "_sum_to": """\
def _sum_to(x, shape):
    lead = np.ndim(x) - len(shape)
    x = np.sum(x, axis=tuple(range(lead)))
    axes = tuple(k for k, n in enumerate(shape) if n == 1 and x.shape[k] != 1)
    return np.sum(x, axis=axes, keepdims=True)""",
    "_logdet": """\
def _logdet(x):
    sign, size = np.linalg.slogdet(x)
    return np.where(sign > 0, size, np.where(sign == 0, -np.inf, np.nan))""",
    "_cofactor": """\
def _cofactor(x):
    # from the singular value decomposition, exact if x is singular
    if x.shape[-1] < 2:
        return np.ones(x.shape)
    u, s, vt = np.linalg.svd(np.where(np.isfinite(x), x, 0.0))
    others = np.stack(
        [np.prod(np.delete(s, k, axis=-1), axis=-1) for k in range(s.shape[-1])], axis=-1
    )
    sign = np.linalg.det(u) * np.linalg.det(vt)
    value = sign[..., np.newaxis, np.newaxis] * (u * others[..., np.newaxis, :]) @ vt
    return np.where(np.all(np.isfinite(x)), value, np.nan)""",
}

NUMPY = COMMON | {
    "_pow": """\
def _pow(x, y):
    # C's pow: NumPy takes x**0.5 as sqrt(x), which differs at -0 and -inf
    return np.where((y == 0.5) & ((x == 0) | (x == -np.inf)), np.abs(x), np.power(x, y))""",
    "_erfc": """\
def _erfc(x):
    # with exp(-x^2) in two factors in the tail, where rounding x^2 costs digits
    head = np.round(x * 16) / 16
    tail = scipy.special.erfcx(x) * (np.exp(-head * head) * np.exp((head - x) * (head + x)))
    return np.where((x > 1) & (x < 28), tail, scipy.special.erfc(x))""",
    "_gamma": """\
def _gamma(x):
    return np.where((x < 0) & (x == np.floor(x)), np.nan, scipy.special.gamma(x))""",
    "_lgamma": """\
def _lgamma(x):
    value = np.where(np.abs(x) < 1e-20, -np.log(np.abs(x)), scipy.special.gammaln(x))
    return np.where(x == -np.inf, np.inf, value)""",
    "_digamma": """\
def _digamma(x):
    return scipy.special.psi(x)""",
    "_zeta": """\
def _zeta(s, x):
    return scipy.special.zeta(s, x)""",
    "_inv": """\
def _inv(x):
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        return np.full(np.shape(x), np.nan)""",
    "_solve": """\
def _solve(a, b):
    columns = b[:, np.newaxis] if np.ndim(b) == 1 else b
    try:
        x = np.linalg.solve(a, columns)
    except np.linalg.LinAlgError:
        batch = np.broadcast_shapes(np.shape(a)[:-2], np.shape(columns)[:-2])
        x = np.full((*batch, *np.shape(columns)[-2:]), np.nan)
    return x[..., 0] if np.ndim(b) == 1 else x""",
    "_scatter": """\
def _scatter(x, index, shape):
    result = np.zeros(shape)
    result[index] = x
    return result""",
}

_NP = re.compile(r"\bnp\.")

JAX = {name: _NP.sub("jnp.", text) for name, text in COMMON.items()} | {
    "_pow": """\
def _pow(x, y):
    return jnp.power(x, y)""",
    "_erfc": """\
def _erfc(x):
    return jax.scipy.special.erfc(x)""",
    "_gamma": """\
def _gamma(x):
    size = jnp.exp(jax.scipy.special.gammaln(x))
    odd = jnp.floor(x) % 2 != 0
    value = jnp.where((x < 0) & odd, -size, size)
    value = jnp.where((x <= 0) & (x == jnp.floor(x)), jnp.nan, value)
    return jnp.where(x == 0, 1.0 / x, value)""",
    "_lgamma": """\
def _lgamma(x):
    tiny = jnp.abs(x) < 1e-20
    value = jax.scipy.special.gammaln(jnp.where(tiny, 1.0, x))
    value = jnp.where(tiny, -jnp.log(jnp.abs(x)), value)
    return jnp.where(jnp.abs(x) == jnp.inf, jnp.inf, value)""",
    "_digamma": """\
def _digamma(x):
    value = jax.scipy.special.digamma(x)
    value = jnp.where(x == jnp.inf, jnp.inf, jnp.where(x == -jnp.inf, jnp.nan, value))
    return jnp.where(x == 0, -1.0 / x, value)""",
    "_zeta": """\
def _zeta(s, x):
    return jnp.where(x == jnp.inf, 0.0, jax.scipy.special.zeta(s, x))""",
    "_inv": """\
def _inv(x):
    value = jnp.linalg.inv(x)
    singular = ~jnp.all(jnp.isfinite(value), axis=(-2, -1), keepdims=True)
    return jnp.where(singular, jnp.nan, value)""",
    "_solve": """\
def _solve(a, b):
    columns = b[:, jnp.newaxis] if jnp.ndim(b) == 1 else b
    x = jnp.linalg.solve(a, columns)
    x = jnp.where(jnp.all(jnp.isfinite(x), axis=(-2, -1), keepdims=True), x, jnp.nan)
    return x[..., 0] if jnp.ndim(b) == 1 else x""",
    "_scatter": """\
def _scatter(x, index, shape):
    return jnp.zeros(shape).at[index].set(x)""",
}
