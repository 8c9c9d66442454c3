"""Functions that JavaScript lacks, in double precision, with their sources."""

from __future__ import annotations

from backprop_cli.render.source_code.c_family import SHARED, as_javascript
from backprop_cli.render.source_code.loops.helpers import JAVASCRIPT
from backprop_cli.render.source_code.loops.helpers import SHARED as OF_ARRAYS

HELPERS = {
    **{name: as_javascript(text) for name, text in (SHARED | OF_ARRAYS).items()},
    **JAVASCRIPT,
    "bp_pow": """\
function bp_pow(x, y) {
  // C's pow: 1 where x is 1 or x is -1 and y infinite, also for y nan
  if (x === 1 || (x === -1 && (y === Infinity || y === -Infinity))) return 1;
  return Math.pow(x, y);
}""",
    "bp_copysign": """\
function bp_copysign(x, y) {
  const size = Math.abs(x);
  return y < 0 || Object.is(y, -0) ? -size : size;
}""",
    "bp_round": """\
function bp_round(x) {
  // to the nearest whole number, halves to even
  const low = Math.floor(x);
  const above = x - low;
  if (!(above >= 0.5)) return low === 0 ? 0 * x : low;
  const result = above > 0.5 || low % 2 !== 0 ? low + 1 : low;
  return result === 0 ? bp_copysign(0, x) : result;
}""",
    "bp_polynomial": """\
function bp_polynomial(coefficients, x) {
  // the highest power first
  return coefficients.reduce((sum, c) => sum * x + c, 0);
}""",
    "bp_erf_small": """\
function bp_erf_small(x) {
  // erf(x)/x - 1 for |x| < 0.84375 (fdlibm's s_erf.c, Sun Microsystems 1993)
  const z = x * x;
  return bp_polynomial([-2.37630166566501626084e-05, -5.77027029648944159157e-03,
    -2.84817495755985104766e-02, -3.25042107247001499370e-01, 1.28379167095512558561e-01], z)
    / bp_polynomial([-3.96022827877536812320e-06, 1.32494738004321644526e-04,
      5.08130628187576562776e-03, 6.50222499887672944485e-02, 3.97917223959155352819e-01, 1], z);
}""",
    "bp_erf_middle": """\
function bp_erf_middle(a) {
  // erf(a) - 0.845062911510467529297 for 0.84375 <= a < 1.25
  const s = a - 1;
  return bp_polynomial([-2.16637559486879084300e-03, 3.54783043256182359371e-02,
    -1.10894694282396677476e-01, 3.18346619901161753674e-01, -3.72207876035701323847e-01,
    4.14856118683748331666e-01, -2.36211856075265944077e-03], s)
    / bp_polynomial([1.19844998467991074170e-02, 1.36370839120290507362e-02,
      1.26171219808761642112e-01, 7.18286544141962662868e-02, 5.40397917702171048937e-01,
      1.06420880400844228286e-01, 1], s);
}""",
    "bp_erfc_tail": """\
function bp_erfc_tail(a) {
  // erfc(a) for a >= 1.25
  const s = 1 / (a * a);
  const ratio = a < 1 / 0.35
    ? bp_polynomial([-9.81432934416914548592e+00, -8.12874355063065934246e+01,
      -1.84605092906711035994e+02, -1.62396669462573470355e+02, -6.23753324503260060396e+01,
      -1.05586262253232909814e+01, -6.93858572707181764372e-01, -9.86494403484714822705e-03], s)
      / bp_polynomial([-6.04244152148580987438e-02, 6.57024977031928170135e+00,
        1.08635005541779435134e+02, 4.29008140027567833386e+02, 6.45387271733267880336e+02,
        4.34565877475229228821e+02, 1.37657754143519042600e+02, 1.96512716674392571292e+01, 1], s)
    : bp_polynomial([-4.83519191608651397019e+02, -1.02509513161107724954e+03,
      -6.37566443368389627722e+02, -1.60636384855821916062e+02, -1.77579549177547519889e+01,
      -7.99283237680523006574e-01, -9.86494292470009928597e-03], s)
      / bp_polynomial([-2.24409524465858183362e+01, 4.74528541206955367215e+02,
        2.55305040643316442583e+03, 3.19985821950859553908e+03, 1.53672958608443695994e+03,
        3.25792512996573918826e+02, 3.03380607434824582924e+01, 1], s);
  const z = Math.fround(a);
  return Math.exp(-z * z - 0.5625) * Math.exp((z - a) * (z + a) + ratio) / a;
}""",
    "bp_erf": """\
function bp_erf(x) {
  const a = Math.abs(x);
  if (!(a >= 0.84375)) return x + x * bp_erf_small(x);
  const size = a < 1.25 ? 8.45062911510467529297e-01 + bp_erf_middle(a)
    : a < 6 ? 1 - bp_erfc_tail(a) : 1;
  return x < 0 ? -size : size;
}""",
    "bp_erfc": """\
function bp_erfc(x) {
  const a = Math.abs(x);
  if (!(a >= 0.84375)) {
    const y = bp_erf_small(x);
    return x < 0.25 ? 1 - (x + x * y) : 0.5 - (x * y + (x - 0.5));
  }
  if (a < 1.25) {
    const middle = bp_erf_middle(a);
    const known = 8.45062911510467529297e-01;
    return x > 0 ? 1 - known - middle : 1 + (known + middle);
  }
  const tail = a < 28 ? bp_erfc_tail(a) : 0;
  return x > 0 ? tail : 2 - tail;
}""",
    "bp_lanczos": """\
function bp_lanczos(x) {
  // Lanczos's sum with g = 6.024680040776729583740234375 and 13 terms (Pugh 2004, as in Boost)
  const above = [
    23531376880.410759688572, 42919803642.649098768957, 35711959237.355668049440,
    17921034426.037209699919, 6039542586.3520280050642, 1439720407.3117216736632,
    248874557.86205415651146, 31426415.585400194380614, 2876370.6289353724412254,
    186056.26539522349504029, 8071.6720023658162106380, 210.82427775157934587250,
    2.5066282746310002701649];
  const below = [0, 39916800, 120543840, 150917976, 105258076, 45995730, 13339535, 2637558, 357423,
    32670, 1925, 66, 1];
  if (x < 5) {
    return bp_polynomial(above.slice().reverse(), x) / bp_polynomial(below.slice().reverse(), x);
  }
  return bp_polynomial(above, 1 / x) / bp_polynomial(below, 1 / x);
}""",
    "bp_sinpi": """\
function bp_sinpi(x) {
  const y = x % 2;
  const n = Math.round(2 * y);
  if (n === 0) return Math.sin(Math.PI * y);
  if (n === 1) return Math.cos(Math.PI * (y - 0.5));
  if (n === 2) return Math.sin(Math.PI * (1 - y));
  return n === 3 ? -Math.cos(Math.PI * (y - 1.5)) : Math.sin(Math.PI * (y - 2));
}""",
    "bp_gamma": """\
function bp_gamma(x) {
  // by Lanczos's sum, left of 0 by reflection (the method of Python's math.gamma); to about 10 ulp
  const a = Math.abs(x);
  if (x !== x || x === Infinity) return x;
  if (x < 0 && x === Math.floor(x)) return NaN;
  if (a < 1e-20) return 1 / x;
  if (x === Math.floor(x) && x < 24) {
    let product = 1;
    for (let k = 2; k < x; k += 1) product *= k;
    return product;
  }
  if (a > 200) return x > 0 ? Infinity : 0 * -bp_sinpi(a);
  const y = a + 5.524680040776729583740234375;
  const rest = a > 5.524680040776729583740234375 ? y - a - 5.524680040776729583740234375
    : y - 5.524680040776729583740234375 - a;
  const z = rest * 6.024680040776729583740234375 / y;
  const power = a < 140 ? Math.pow(y, a - 0.5) : Math.pow(y, a / 2 - 0.25);
  let r = x < 0 ? -Math.PI / bp_sinpi(a) / a * Math.exp(y) / bp_lanczos(a)
    : bp_lanczos(a) / Math.exp(y);
  r = x < 0 ? (r - z * r) / power : (r + z * r) * power;
  return a < 140 ? r : x < 0 ? r / power : r * power;
}""",
    "bp_lgamma": """\
function bp_lgamma(x) {
  // log|gamma(x)|, by Lanczos's sum, left of 0 by reflection (the method of Python's math.lgamma)
  const a = Math.abs(x);
  if (x !== x) return x;
  if (a === Infinity || (x <= 0 && x === Math.floor(x))) return Infinity;
  if (x === 1 || x === 2) return 0;
  if (a < 1e-20) return -Math.log(a);
  let r = Math.log(bp_lanczos(a)) - 6.024680040776729583740234375;
  r += (a - 0.5) * (Math.log(a + 5.524680040776729583740234375) - 1);
  if (x > 0) return r;
  return 1.1447298858494001741 - Math.log(Math.abs(bp_sinpi(a))) - Math.log(a) - r;
}""",
}
