"""Functions that an exported PyTorch file may need."""

from __future__ import annotations

import re

from backprop_cli.render.source_code.numpy_helpers import COMMON


def _from_numpy(name: str) -> str:
    """A function that reads alike in both libraries, but for where a number is no tensor."""
    text = re.sub(r"\bnp\.where\(", "_where(", COMMON[name])
    text = text.replace("np.pi", "math.pi").replace("np.maximum", "_maximum")
    text = text.replace("np.nan", "math.nan").replace("np.inf", "math.inf")
    return re.sub(r"\bnp\.", "torch.", text)


_SHARED = (
    "_square _sigmoid _softplus _sinc _leaky_relu _elu _silu _heaviside _cotangent _cot_slopes"
)

HELPERS = {name: _from_numpy(name) for name in _SHARED.split()} | {
    "_tensor": """\
def _tensor(x):
    return torch.as_tensor(x, dtype=torch.float64)""",
    "_number": """\
def _number(condition):
    return _tensor(condition)""",
    "_where": """\
def _where(condition, x, y):
    return torch.where(torch.as_tensor(condition), _tensor(x), _tensor(y))""",
    "_maximum": """\
def _maximum(x, y):
    x, y = _tensor(x), _tensor(y)
    return torch.where((y > x) | (y != y), y, x)""",
    "_minimum": """\
def _minimum(x, y):
    x, y = _tensor(x), _tensor(y)
    return torch.where((y < x) | (y != y), y, x)""",
    "_pow": """\
def _pow(x, y):
    return torch.pow(_tensor(x), _tensor(y))""",
    "_cbrt": """\
def _cbrt(x):
    # the power, and one step of Newton's method
    root = torch.sign(x) * torch.pow(torch.abs(x), 1 / 3)
    better = root - (root - x / (root * root)) / 3
    return torch.where((x == 0) | ~torch.isfinite(better), root, better)""",
    "_hypot": """\
def _hypot(x, y):
    return torch.hypot(_tensor(x), _tensor(y))""",
    "_atan2": """\
def _atan2(y, x):
    return torch.atan2(_tensor(y), _tensor(x))""",
    "_xlogy": """\
def _xlogy(x, y):
    return torch.special.xlogy(_tensor(x), _tensor(y))""",
    "_logaddexp": """\
def _logaddexp(x, y):
    return torch.logaddexp(_tensor(x), _tensor(y))""",
    "_erfc": """\
def _erfc(x):
    return torch.special.erfc(x)""",
    "_gelu": """\
def _gelu(x):
    return 0.5 * x * _erfc(-math.sqrt(0.5) * x)""",
    "_gamma": """\
def _gamma(x):
    size = torch.exp(torch.special.gammaln(x))
    value = _where((x < 0) & (torch.floor(x) % 2 != 0), -size, size)
    value = _where((x < 0) & (x == torch.floor(x)), math.nan, value)
    return _where(x == 0, 1.0 / x, value)""",
    "_digamma": """\
def _digamma(x):
    return torch.special.digamma(x)""",
    "_polygamma": """\
def _polygamma(n, x):
    # by the Hurwitz zeta function, left of 0 by reflection
    # (Abramowitz and Stegun 1964, 6.4.10 and 6.4.7)
    if n == 0:
        return _digamma(x)
    right = _where(x > 0, x, 1.0 - x)
    zeta = math.gamma(n + 1.0) * torch.special.zeta(_tensor(n + 1.0), right)
    cotangent, value = _cotangent(x), 0.0
    for c in _cot_slopes(n):
        value = value * cotangent + c
    left = _where(x == torch.floor(x), math.nan, -zeta - math.pi ** (n + 1) * value)
    value = _where(x > 0, (-1.0) ** (n + 1) * zeta, left)
    return _where(x == 0, math.inf, _where(x == math.inf, 0.0, value))""",
    "_sign": """\
def _sign(x):
    return _where(x == x, torch.sign(x), math.nan)""",
    "_sum": """\
def _sum(x, axes, keepdims):
    return torch.sum(_tensor(x), dim=axes, keepdim=keepdims) if axes else _tensor(x)""",
    "_mean": """\
def _mean(x, axes, keepdims):
    return torch.mean(x, dim=axes, keepdim=keepdims) if axes else x""",
    "_var": """\
def _var(x, axes, keepdims):
    return _mean(_square(x - _mean(x, axes, True)), axes, keepdims)""",
    "_std": """\
def _std(x, axes, keepdims):
    return torch.sqrt(_var(x, axes, keepdims))""",
    "_max": """\
def _max(x, axes, keepdims):
    return torch.amax(x, dim=axes, keepdim=keepdims) if axes else x""",
    "_min": """\
def _min(x, axes, keepdims):
    return torch.amin(x, dim=axes, keepdim=keepdims) if axes else x""",
    "_prod": """\
def _prod(x, axes, keepdims):
    for axis in sorted(axes, reverse=True):
        x = torch.prod(x, dim=axis, keepdim=keepdims)
    return x""",
    "_norm": """\
def _norm(x, axes, keepdims):
    # scaled, so that squares neither over- nor underflow
    top = _max(torch.abs(x), axes, True)
    scale = _where((top > 0) & torch.isfinite(top), top, 1.0)
    return _sum(scale, (), keepdims) * torch.sqrt(
        _sum(_square(x / scale), axes, True)
    ) if keepdims or not axes else torch.sum(
        scale * torch.sqrt(_sum(_square(x / scale), axes, True)), dim=axes
    )""",
    "_logsumexp": """\
def _logsumexp(x, axes, keepdims):
    return torch.logsumexp(x, dim=axes, keepdim=keepdims) if axes else x""",
    "_softmax": """\
def _softmax(x, axis):
    return torch.softmax(x, dim=axis) if x.ndim else 1.0 + 0.0 * x""",
    "_log_softmax": """\
def _log_softmax(x, axis):
    return torch.log_softmax(x, dim=axis) if x.ndim else 0.0 * x""",
    "_cross": """\
def _cross(a, b):
    return torch.linalg.cross(*torch.broadcast_tensors(a, b))""",
    "_stack": """\
def _stack(parts, axis):
    return torch.stack([_tensor(part) for part in parts], dim=axis)""",
    "_sum_to": """\
def _sum_to(x, shape):
    lead = x.ndim - len(shape)
    axes = tuple(k for k in range(x.ndim) if k < lead or shape[k - lead] == 1)
    return torch.reshape(_sum(x, axes, True), shape)""",
    "_scatter": """\
def _scatter(x, places, shape):
    x = _tensor(x)
    result = torch.zeros(shape, dtype=x.dtype, device=x.device)
    if isinstance(places, tuple):
        result[places] = x
    else:
        result.reshape(-1)[places] = x
    return result""",
    "_logdet": """\
def _logdet(x):
    sign, size = torch.linalg.slogdet(x)
    return _where(sign > 0, size, _where(sign == 0, -math.inf, math.nan))""",
    "_inv": """\
def _inv(x):
    value, info = torch.linalg.inv_ex(x)
    return _where((info != 0)[..., None, None], math.nan, value)""",
    "_solve": """\
def _solve(a, b):
    columns = b[:, None] if b.ndim == 1 else b
    value, info = torch.linalg.solve_ex(a, columns)
    value = _where((info != 0)[..., None, None], math.nan, value)
    return value[..., 0] if b.ndim == 1 else value""",
    "_cofactor": """\
def _cofactor(x):
    # from the singular value decomposition, exact if x is singular
    if x.shape[-1] < 2:
        return torch.ones_like(x)
    u, s, vt = torch.linalg.svd(x)
    n = s.shape[-1]
    kept = [[j for j in range(n) if j != k] for k in range(n)]
    others = torch.stack([torch.prod(s[..., k], dim=-1) for k in kept], dim=-1)
    sign = torch.linalg.det(u) * torch.linalg.det(vt)
    return sign[..., None, None] * (u * others[..., None, :]) @ vt""",
}
