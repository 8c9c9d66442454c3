"""Functions that code in loops may need: elimination, and arrays in other forms."""

from __future__ import annotations

# as in `c_family`: C that is JavaScript too, after its words are replaced
SHARED = {
    "bp_eliminate": """\
static double bp_eliminate(int n, int m, double *a, double *b, int at, double tiny) {
  /* Solves a*x = b by elimination with partial pivoting: the n x m numbers of b from `at` on
     become x, the diagonal of a the pivots. Returns the sign of the order of rows; 0, and nan
     for x, if a is singular and no `tiny` pivot may stand for a 0. */
  double sign = 1.0;
  for (int k = 0; k < n; k += 1) {
    int p = k;
    for (int i = k + 1; i < n; i += 1) if (fabs(a[i * n + k]) > fabs(a[p * n + k])) p = i;
    if (a[p * n + k] == 0.0 && tiny == 0.0) {
      for (int i = 0; i < n * m; i += 1) b[at + i] = NAN;
      return 0.0;
    }
    if (a[p * n + k] == 0.0) a[p * n + k] = tiny;
    if (p != k) {
      sign = -sign;
      for (int j = 0; j < n; j += 1) {
        double x = a[k * n + j];
        a[k * n + j] = a[p * n + j];
        a[p * n + j] = x;
      }
      for (int j = 0; j < m; j += 1) {
        double x = b[at + k * m + j];
        b[at + k * m + j] = b[at + p * m + j];
        b[at + p * m + j] = x;
      }
    }
    for (int i = k + 1; i < n; i += 1) {
      double factor = a[i * n + k] / a[k * n + k];
      for (int j = k + 1; j < n; j += 1) a[i * n + j] -= factor * a[k * n + j];
      for (int j = 0; j < m; j += 1) b[at + i * m + j] -= factor * b[at + k * m + j];
    }
  }
  for (int k = n - 1; k >= 0; k -= 1) {
    for (int i = k + 1; i < n; i += 1) {
      double factor = a[k * n + i];
      for (int j = 0; j < m; j += 1) b[at + k * m + j] -= factor * b[at + i * m + j];
    }
    for (int j = 0; j < m; j += 1) b[at + k * m + j] /= a[k * n + k];
  }
  return sign;
}""",
    "bp_det": """\
static double bp_det(int n, double *a) {
  double value = bp_eliminate(n, 0, a, a, 0, 0.0);
  if (value == 0.0) return 0.0;
  for (int k = 0; k < n; k += 1) value *= a[k * n + k];
  return value;
}""",
    "bp_logdet": """\
static double bp_logdet(int n, double *a) {
  double sign = bp_eliminate(n, 0, a, a, 0, 0.0);
  double value = 0.0;
  if (sign == 0.0) return -INFINITY;
  for (int k = 0; k < n; k += 1) {
    if (a[k * n + k] < 0.0) sign = -sign;
    value += log(fabs(a[k * n + k]));
  }
  return sign > 0.0 ? value : NAN;
}""",
    "bp_cofactor": """\
static double bp_cofactor(int n, double *a, double *b, int at) {
  /* det(a)*inv(a)' as the n x n numbers of b from `at` on; where a pivot is 0, a tiny one stands
     for it, whose size cancels */
  double top = 0.0;
  for (int i = 0; i < n * n; i += 1) if (fabs(a[i]) > top) top = fabs(a[i]);
  for (int i = 0; i < n * n; i += 1) {
    b[at + i] = top > 0.0 ? 0.0 : n == 1 ? 1.0 : 0.0 * a[i];
  }
  if (top == 0.0) return 0.0;
  for (int k = 0; k < n; k += 1) b[at + k * n + k] = 1.0;
  double det = bp_eliminate(n, n, a, b, at, 2e-16 * top);
  for (int k = 0; k < n; k += 1) det *= a[k * n + k];
  for (int i = 0; i < n; i += 1) {
    b[at + i * n + i] *= det;
    for (int j = 0; j < i; j += 1) {
      double x = b[at + i * n + j];
      b[at + i * n + j] = det * b[at + j * n + i];
      b[at + j * n + i] = det * x;
    }
  }
  return det;
}""",
}

JAVASCRIPT = {
    "bp_flat": """\
function bp_flat(x, rank) {
  return rank < 2 ? Array.from(x) : Array.from(x).flatMap((part) => bp_flat(part, rank - 1));
}""",
    "bp_nested": """\
function bp_nested(x, shape) {
  if (shape.length < 2) return Array.from(x);
  const step = x.length / shape[0];
  const parts = Array.from({ length: shape[0] }, (_, k) => x.subarray(k * step, (k + 1) * step));
  return parts.map((part) => bp_nested(part, shape.slice(1)));
}""",
}

PYTHON = {
    "_flat": """\
def _flat(x, rank):
    return list(x) if rank < 2 else [y for part in x for y in _flat(part, rank - 1)]""",
    "_nested": """\
def _nested(x, shape):
    for size in reversed(shape[1:]):
        x = [x[k : k + size] for k in range(0, len(x), size)]
    return x""",
    "bp_eliminate": '''\
def bp_eliminate(n, m, a, b, at, tiny):
    """Solves a*x = b by elimination with partial pivoting.

    The n x m numbers of b from `at` on become x, the diagonal of a the pivots. Returns the sign of
    the order of rows; 0, and nan for x, if a is singular and no `tiny` pivot may stand for a 0.
    """
    sign = 1.0
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if abs(a[i * n + k]) > abs(a[p * n + k]):
                p = i
        if a[p * n + k] == 0:
            if tiny == 0:
                b[at : at + n * m] = [math.nan] * (n * m)
                return 0.0
            a[p * n + k] = tiny
        if p != k:
            sign = -sign
            for x, first, size in ((a, 0, n), (b, at, m)):
                one, other = first + k * size, first + p * size
                row = x[one : one + size]
                x[one : one + size] = x[other : other + size]
                x[other : other + size] = row
        for i in range(k + 1, n):
            factor = a[i * n + k] / a[k * n + k]
            for j in range(k + 1, n):
                a[i * n + j] -= factor * a[k * n + j]
            for j in range(m):
                b[at + i * m + j] -= factor * b[at + k * m + j]
    for k in reversed(range(n)):
        for j in range(m):
            for i in range(k + 1, n):
                b[at + k * m + j] -= a[k * n + i] * b[at + i * m + j]
            b[at + k * m + j] /= a[k * n + k]
    return sign''',
    "bp_det": """\
def bp_det(n, a):
    value = bp_eliminate(n, 0, a, a, 0, 0.0)
    for k in range(n if value else 0):
        value *= a[k * n + k]
    return value""",
    "bp_logdet": """\
def bp_logdet(n, a):
    sign = bp_eliminate(n, 0, a, a, 0, 0.0)
    if sign == 0:
        return -math.inf
    value = 0.0
    for k in range(n):
        sign = math.copysign(sign, sign * a[k * n + k])
        value += math.log(abs(a[k * n + k]))
    return value if sign > 0 else math.nan""",
    "bp_cofactor": '''\
def bp_cofactor(n, a, b, at):
    """Puts det(a)*inv(a)' into the n x n numbers of b from `at` on.

    Where a pivot is 0, a tiny one stands for it, whose size cancels.
    """
    top = max([0.0, *(abs(x) for x in a if x == x)])
    if top == 0:
        b[at : at + n * n] = [1.0 if n == 1 else 0.0 * x for x in a]
        return
    b[at : at + n * n] = [float(i == j) for i in range(n) for j in range(n)]
    det = bp_eliminate(n, n, a, b, at, 2e-16 * top)
    for k in range(n):
        det *= a[k * n + k]
    b[at : at + n * n] = [det * b[at + j * n + i] for i in range(n) for j in range(n)]''',
}
