"""Functions that C and JavaScript files may need, written once in what the two share.

JavaScript is made of the C text: `double` declares, functions of <math.h> are those of `Math`.
"""

from __future__ import annotations

import re

SHARED = {
    "bp_maximum": """\
static double bp_maximum(double x, double y) {
  return y > x || y != y ? y : x;
}""",
    "bp_minimum": """\
static double bp_minimum(double x, double y) {
  return y < x || y != y ? y : x;
}""",
    "bp_square": """\
static double bp_square(double x) {
  return x * x;
}""",
    "bp_mod": """\
static double bp_mod(double x, double y) {
  double r = fmod(x, y);
  if (r == 0.0) return copysign(0.0, y);
  return (r < 0.0) != (y < 0.0) ? r + y : r;
}""",
    "bp_xlogy": """\
static double bp_xlogy(double x, double y) {
  return x == 0.0 && y == y ? 0.0 : x * log(y);
}""",
    "bp_logaddexp": """\
static double bp_logaddexp(double x, double y) {
  if (x == y) return x + log(2.0);
  return bp_maximum(x, y) + log1p(exp(-fabs(x - y)));
}""",
    "bp_sinc": """\
static double bp_sinc(double x) {
  double u = 3.141592653589793 * x;
  return x == 0.0 ? 1.0 : sin(u) / u;
}""",
    "bp_sigmoid": """\
static double bp_sigmoid(double x) {
  double z = exp(-fabs(x));
  return x >= 0.0 ? 1.0 / (1.0 + z) : z / (1.0 + z);
}""",
    "bp_softplus": """\
static double bp_softplus(double x) {
  return bp_maximum(x, 0.0) + log1p(exp(-fabs(x)));
}""",
    "bp_relu": """\
static double bp_relu(double x) {
  return x > 0.0 || x != x ? x : 0.0;
}""",
    "bp_leaky_relu": """\
static double bp_leaky_relu(double x, double slope) {
  return x > 0.0 ? x : slope * x;
}""",
    "bp_elu": """\
static double bp_elu(double x, double alpha) {
  return x > 0.0 ? x : alpha * expm1(x);
}""",
    "bp_gelu": """\
static double bp_gelu(double x) {
  return 0.5 * x * erfc(-sqrt(0.5) * x);
}""",
    "bp_silu": """\
static double bp_silu(double x) {
  return x * bp_sigmoid(x);
}""",
    "bp_sign": """\
static double bp_sign(double x) {
  return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x;
}""",
    "bp_heaviside": """\
static double bp_heaviside(double x) {
  return x != x ? x : x == 0.0 ? 0.5 : x > 0.0 ? 1.0 : 0.0;
}""",
    "bp_cotangent": """\
static double bp_cotangent(double x) {
  /* of pi*x, exact where it is 0 */
  double rest = x - nearbyint(x);
  double size = fabs(rest);
  if (size > 0.25) return copysign(tan(3.141592653589793 * (0.5 - size)), rest);
  return 1.0 / tan(3.141592653589793 * rest);
}""",
    "bp_digamma": """\
static double bp_digamma(double x) {
  /* left of 0 by reflection, from 10 on by the asymptotic series (Abramowitz and Stegun 1964, 6.3.7
     and 6.3.18), else by recurrence to 1 <= x <= 2, where its zero is split off a rational function
     (Boost, J. Maddock 2006) */
  double shift = 0.0;
  if (x == 0.0) return -1.0 / x;
  if (x != x || (x < 0.0 && x == floor(x))) return NAN;
  if (x < 0.0) {
    shift = -3.141592653589793 * bp_cotangent(x);
    x = 1.0 - x;
  }
  if (x >= 10.0) {
    double y = 1.0 / (x * x);
    double series = y * (1.0 / 12.0 - y * (1.0 / 120.0 - y * (1.0 / 252.0 - y * (1.0 / 240.0
      - y * (1.0 / 132.0 - y * (691.0 / 32760.0 - y / 12.0))))));
    return log(x) - 0.5 / x - series + shift;
  }
  while (x > 2.0) {
    x -= 1.0;
    shift += 1.0 / x;
  }
  if (x < 1.0) {
    shift -= 1.0 / x;
    x += 1.0;
  }
  double u = x - 1.0;
  double root = x - 1569415565.0 / 1073741824.0 - 381566830.0 / 1152921504606846976.0;
  double above = 0.25479851061131551 + u * (-0.32555031186804491 + u * (-0.65031853770896507
    + u * (-0.28919126444774784 + u * (-0.045251321448739056 - u * 0.0020713321167745952))));
  double below = 1.0 + u * (2.0767117023730469 + u * (1.4606242909763515 + u * (0.43593529692665969
    + u * (0.054151797245674225 + u * (0.0021284987017821144 - u * 0.55789841321675513e-6)))));
  return shift + (root * 0.99558162689208984375 + root * (above / below));
}""",
    "bp_zeta": """\
static double bp_zeta(double n, double x) {
  /* zeta(n + 1, x)*n! for x > 0, by recurrence to x >= 20 + n and the asymptotic series
     (Abramowitz and Stegun 1964, 6.4.6 and 6.4.11); to about 1e-14 */
  double total = 0.0;
  double factorial = 1.0;
  if (x == INFINITY) return 0.0;
  for (double k = 2.0; k <= n; k += 1.0) factorial *= k;
  while (x < 20.0 + n) {
    total += pow(x, -n - 1.0);
    x += 1.0;
  }
  double y = 1.0 / (x * x);
  double term = (n + 1.0) * pow(x, -n - 2.0) / 2.0;
  total += pow(x, -n) / n + pow(x, -n - 1.0) / 2.0;
  double bernoulli[] = {1.0 / 6.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 5.0 / 66.0,
                        -691.0 / 2730.0, 7.0 / 6.0, -3617.0 / 510.0};
  for (int k = 1; k <= 8; k += 1) {
    total += bernoulli[k - 1] * term;
    term *= y * (n + 2.0 * k) * (n + 2.0 * k + 1.0) / ((2.0 * k + 1.0) * (2.0 * k + 2.0));
  }
  return factorial * total;
}""",
    "bp_polygamma": """\
static double bp_polygamma(int n, double x) {
  double sign = n % 2 == 0 ? -1.0 : 1.0;
  if (n == 0) return bp_digamma(x);
  if (x == 0.0) return INFINITY;
  if (x != x || (x < 0.0 && x == floor(x))) return NAN;
  if (x > 0.0) return sign * bp_zeta(n, x);
  /* by reflection (6.4.7): the n-th derivative of cot(u) as a polynomial in cot(u) */
  double slopes[40] = {0.0, 1.0};
  for (int m = 1; m <= n; m += 1) {
    double next[40] = {0.0};
    for (int k = 1; k <= m; k += 1) {
      next[k - 1] -= k * slopes[k];
      next[k + 1] -= k * slopes[k];
    }
    for (int k = 0; k <= m + 1; k += 1) slopes[k] = next[k];
  }
  double value = 0.0;
  for (int k = n + 1; k >= 0; k -= 1) value = value * bp_cotangent(x) + slopes[k];
  return -bp_zeta(n, 1.0 - x) - pow(3.141592653589793, n + 1.0) * value;
}""",
}

_OF_MATH = re.compile(r"(?<![\w.])(sin|cos|tan|log1p|log|expm1|exp|sqrt|floor|ceil|fabs)(?=\()")
_OURS = {"erfc": "bp_erfc", "pow": "bp_pow", "nearbyint": "bp_round", "copysign": "bp_copysign"}


def as_javascript(text: str) -> str:
    """One of the shared functions in JavaScript."""
    text = re.sub(r"^static double (\w+)\((.*?)\)", _head, text)
    text = re.sub(r"fmod\((\w+), (\w+)\)", r"\1 % \2", text)
    text = text.replace("double next[40] = {0.0}", "const next = new Array(40).fill(0)")
    text = text.replace("double slopes[40] = {0.0, 1.0}", "const slopes = [0, 1]")
    text = re.sub(r"double (\w+)\[\] = \{(.*?)\}", r"const \1 = [\2]", text, flags=re.S)
    text = _OF_MATH.sub(r"Math.\1", text).replace("Math.fabs", "Math.abs")
    for name, own in _OURS.items():
        text = re.sub(rf"(?<!\w){name}(?=\()", own, text)
    text = re.sub(r"\b(?:double|int) ", "let ", text)
    text = re.sub(r"\b(\d+)\.0\b(?!e)", r"\1", text)
    text = text.replace(" == ", " === ").replace(" != ", " !== ")
    return text.replace("INFINITY", "Infinity").replace("NAN", "NaN")


def _head(match: re.Match[str]) -> str:
    words = match[2].replace("double ", "").replace("int ", "").replace("*", "")
    return f"function {match[1]}({words})"
