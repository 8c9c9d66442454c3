"""Functions that an exported Python file may need: total, as IEEE has them.

Each calls only `math` and the others here.
"""

from __future__ import annotations

_TRY = """\
def _{name}({x}):
    try:
        return math.{name}({x})
    except {error}:
        return {other}"""


def guarded(name: str, other: str, error: str = "ValueError", x: str = "x") -> str:
    return _TRY.format(name=name, other=other, error=error, x=x)


HELPERS = {
    "_div": """\
def _div(x, y):
    if y != 0:
        return x / y
    if x == 0 or x != x:
        return math.nan
    return math.copysign(math.inf, x) * math.copysign(1.0, y)""",
    "_mod": """\
def _mod(x, y):
    return x % y if y != 0 else math.nan""",
    "_pow": """\
def _pow(x, y):
    try:
        return math.pow(x, y)
    except OverflowError:
        return -math.inf if x < 0 and y % 2 == 1 else math.inf
    except ValueError:
        if x == 0:
            return math.copysign(math.inf, x) if y % 2 == 1 else math.inf
        return math.nan""",
    "_maximum": """\
def _maximum(x, y):
    return y if y > x or y != y else x""",
    "_minimum": """\
def _minimum(x, y):
    return y if y < x or y != y else x""",
    "_sqrt": """\
def _sqrt(x):
    return math.sqrt(x) if x >= 0 else math.nan""",
    "_square": """\
def _square(x):
    return x * x""",
    "_exp": guarded("exp", "math.inf", "OverflowError"),
    "_exp2": guarded("exp2", "math.inf", "OverflowError"),
    "_expm1": guarded("expm1", "math.inf", "OverflowError"),
    "_cosh": guarded("cosh", "math.inf", "OverflowError"),
    "_sinh": guarded("sinh", "math.copysign(math.inf, x)", "OverflowError"),
    "_log": guarded("log", "-math.inf if x == 0 else math.nan"),
    "_log2": guarded("log2", "-math.inf if x == 0 else math.nan"),
    "_log10": guarded("log10", "-math.inf if x == 0 else math.nan"),
    "_log1p": guarded("log1p", "-math.inf if x == -1 else math.nan"),
    "_sin": guarded("sin", "math.nan"),
    "_cos": guarded("cos", "math.nan"),
    "_tan": guarded("tan", "math.nan"),
    "_asin": guarded("asin", "math.nan"),
    "_acos": guarded("acos", "math.nan"),
    "_acosh": guarded("acosh", "math.nan"),
    "_atanh": guarded("atanh", "math.copysign(math.inf, x) if abs(x) == 1 else math.nan"),
    "_xlogy": """\
def _xlogy(x, y):
    return 0.0 if x == 0 and y == y else x * _log(y)""",
    "_logaddexp": """\
def _logaddexp(x, y):
    if x == y:
        return x + math.log(2.0)
    return _maximum(x, y) + math.log1p(math.exp(-abs(x - y)))""",
    "_sinc": """\
def _sinc(x):
    return 1.0 if x == 0 else _div(_sin(math.pi * x), math.pi * x)""",
    "_gamma": """\
def _gamma(x):
    try:
        return math.gamma(x)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.copysign(math.inf, x) if x == 0 else math.nan""",
    "_lgamma": guarded("lgamma", "math.inf", "(OverflowError, ValueError)"),
    "_cotangent": """\
def _cotangent(x):
    # of pi*x, exact where it is 0
    rest = x - round(x)
    if abs(rest) > 0.25:
        return math.copysign(math.tan(math.pi * (0.5 - abs(rest))), rest)
    return _div(1.0, math.tan(math.pi * rest))""",
    "_digamma": """\
def _digamma(x):
    # left of 0 by reflection, from 10 on by the asymptotic series (Abramowitz and Stegun 1964,
    # 6.3.7 and 6.3.18), else by recurrence to 1 <= x <= 2, where its zero is split off a rational
    # function (Boost, J. Maddock 2006)
    shift = 0.0
    if x == 0:
        return -math.copysign(math.inf, x)
    if x != x or (x < 0 and x == _floor(x)):
        return math.nan
    if x < 0:
        shift = -math.pi * _cotangent(x)
        x = 1.0 - x
    if x >= 10:
        y = 1.0 / (x * x)
        series = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y * (
            1 / 132 - y * (691 / 32760 - y / 12))))))
        return math.log(x) - 0.5 / x - series + shift
    while x > 2:
        x -= 1.0
        shift += 1.0 / x
    if x < 1:
        shift -= 1.0 / x
        x += 1.0
    u = x - 1.0
    root = x - 1569415565 / 1073741824 - 381566830 / 1152921504606846976
    above = 0.25479851061131551 + u * (-0.32555031186804491 + u * (-0.65031853770896507
        + u * (-0.28919126444774784 + u * (-0.045251321448739056 - u * 0.0020713321167745952))))
    below = 1.0 + u * (2.0767117023730469 + u * (1.4606242909763515 + u * (0.43593529692665969
        + u * (0.054151797245674225 + u * (0.0021284987017821144 - u * 0.55789841321675513e-6)))))
    return shift + (root * 0.99558162689208984375 + root * (above / below))""",
    "_polygamma": """\
def _polygamma(n, x):
    # by recurrence to x >= 20 + n and the asymptotic series, left of 0 by reflection
    # (Abramowitz and Stegun 1964, 6.4.6, 6.4.11 and 6.4.7); to about 1e-14
    if n == 0:
        return _digamma(x)
    if x != x or x == -math.inf:
        return math.nan
    if x == 0:
        return math.inf
    if x < 0:
        if x == math.floor(x):
            return math.nan
        slopes = [0.0, 1.0]  # the n-th derivative of cot(u) as a polynomial in cot(u)
        for _ in range(n):
            slopes = [k * c for k, c in enumerate(slopes)][1:]
            slopes = [
                -(slopes[k] if k < len(slopes) else 0.0) - (slopes[k - 2] if k > 1 else 0.0)
                for k in range(len(slopes) + 2)
            ]
        cotangent, value = _cotangent(x), 0.0
        for c in reversed(slopes):
            value = value * cotangent + c
        return (-1) ** n * _polygamma(n, 1.0 - x) - math.pi ** (n + 1) * value
    if x == math.inf:
        return 0.0
    total = 0.0
    while x < 20 + n:
        total += _pow(x, -n - 1.0)
        x += 1.0
    y = 1.0 / (x * x)
    term = (n + 1) * _pow(x, -n - 2.0) / 2
    total += _pow(x, -float(n)) / n + _pow(x, -n - 1.0) / 2
    for k, b in enumerate(
        (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510), 1
    ):
        total += b * term
        term *= y * (n + 2 * k) * (n + 2 * k + 1) / ((2 * k + 1) * (2 * k + 2))
    return (1.0 if n % 2 else -1.0) * math.gamma(n + 1.0) * total""",
    "_sigmoid": """\
def _sigmoid(x):
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    z = math.exp(x)
    return z / (1.0 + z)""",
    "_softplus": """\
def _softplus(x):
    return _maximum(x, 0.0) + math.log1p(math.exp(-abs(x)))""",
    "_relu": """\
def _relu(x):
    return x if x > 0 or x != x else 0.0""",
    "_leaky_relu": """\
def _leaky_relu(x, slope):
    return x if x > 0 else slope * x""",
    "_elu": """\
def _elu(x, alpha):
    return x if x > 0 else alpha * math.expm1(x)""",
    "_gelu": """\
def _gelu(x):
    return 0.5 * x * math.erfc(-math.sqrt(0.5) * x)""",
    "_silu": """\
def _silu(x):
    return x * _sigmoid(x)""",
    "_sign": """\
def _sign(x):
    return math.copysign(1.0, x) if x != 0 and x == x else x""",
    "_floor": """\
def _floor(x):
    return (float(math.floor(x)) or x * 0.0) if math.isfinite(x) else x""",
    "_ceil": """\
def _ceil(x):
    return (float(math.ceil(x)) or x * 0.0) if math.isfinite(x) else x""",
    "_round": """\
def _round(x):
    return math.copysign(float(round(x)), x) if math.isfinite(x) else x""",
    "_heaviside": """\
def _heaviside(x):
    return x if x != x else 0.5 if x == 0 else float(x > 0)""",
}
