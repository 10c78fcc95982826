// Sources: Abramowitz and Stegun, Handbook of Mathematical Functions; DLMF, https://dlmf.nist.gov.
#include "kernels/special.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/vecmath_special.h"

namespace weft::kernels::special {

namespace {

constexpr double pi = 3.14159265358979323846, root_half = 0.70710678118654752440, euler_gamma = 0.57721566490153286061;
constexpr double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
constexpr double epsilon = std::numeric_limits<double>::epsilon();

/// c[0] / 2 + sum of c[k] T_k(t).
template <int n>
double chebyshev_sum(const double (&c)[n], double t) {
  double b = 0., before = 0.;
  for (int k = n - 1; k > 0; --k) {
    const double next = 2. * t * b - before + c[k];
    before = b;
    b = next;
  }
  return t * b - before + 0.5 * c[0];
}

// sqrt(x) exp(x) K(x) for x >= 2 as Chebyshev series in 4 / x - 1, interpolated in 40 digits.
constexpr double k0_series[] = {
    2.44030308206595545,      -0.0314481013119645005,   0.00156988388573005337,  -0.000128495495816278026,
    0.0000139498137188764994, -1.83175552271911948e-6,  2.76681363944501508e-7,  -4.66048989768794767e-8,
    8.57403401741422609e-9,   -1.69753450938906152e-9,  3.57739728140032845e-10, -7.95748924447739704e-11,
    1.85594911495492655e-11,  -4.51459788337451918e-12, 1.14034058820734423e-12, -2.98009692314817835e-13,
    8.03289077506837437e-14,  -2.22751332674629636e-14, 6.34007647627664597e-15, -1.84859337792090717e-15,
    5.51205599940433336e-16,  -1.67823112575490064e-16, 5.21039177764355411e-17};
constexpr double k1_series[] = {
    2.72062619048444267,       0.103923736576817238,    -0.00285781685962277939,  0.000195215518471351631,
    -0.0000193619797416608296, 2.40648494783721712e-6,  -3.50196060308781254e-7,  5.74108412545004929e-8,
    -1.0345762465678097e-8,    2.01504975519703462e-9,  -4.19035475934192558e-10, 9.21831518760531413e-11,
    -2.12996783842779102e-11,  5.13963967348234354e-12, -1.28917396094982294e-12, 3.34841966605224312e-13,
    -8.97670518201014607e-14,  2.47715442421959868e-14, -7.01983708921476885e-15, 2.03870316623986088e-15,
    -6.05704727064301782e-16,  1.83809357524304543e-16, -5.68946284919364837e-17};

/// What Ai is besides exponentials, sines and roots, as Chebyshev series interpolated in 40 digits: in 1 / zeta for
/// zeta from 2/3 on, where Ai decays; in 1 / zeta^2 for zeta from sqrt(12) on, where it oscillates, odd terms times
/// zeta.
constexpr double airy_decay[] = {
    1.92753672196993778,      -0.0324160001944859252,    0.00319412396136958355,  -0.0004942254050330157,
    0.0000970651794254659462, -0.0000222444451120029813, 5.69483898792034309e-6,  -1.58683970390298675e-6,
    4.73116099116600242e-7,   -1.49146792685371257e-7,   4.92820123945434708e-8,  -1.69559486608279131e-8,
    6.04332245918630218e-9,   -2.22208624859797657e-9,   8.40080833010141301e-10, -3.25649804979001669e-10,
    1.29133381281874967e-10,  -5.22787219141949599e-11,  2.15711201805596854e-11, -9.05822190980450429e-12,
    3.86614271817948972e-12,  -1.67527740939030563e-12,  7.36266363413378583e-13, -3.27895530789883625e-13,
    1.47856938738976867e-13,  -6.74592722770989893e-14,  3.1120984679855729e-14,  -1.45084419860074113e-14,
    6.83141656731561185e-15,  -3.24720755685844885e-15,  1.55748183415504703e-15, -7.5347628345166801e-16,
    3.67522340228383577e-16,  -1.80680710633734151e-16,  8.94975618550186081e-17, -4.46528818390057027e-17,
    2.24338193599912738e-17,  -1.13463752544101538e-17};
constexpr double airy_even[] = {
    1.99713992526218248,     -0.00139519957690537169,  0.0000326784150640024645, -1.9404091544431854e-6,
    1.88693307955583866e-7,  -2.50813983959403536e-8,  4.14766523533031619e-9,   -8.07083946535944582e-10,
    1.78279248056995634e-10, -4.3617052732019037e-11,  1.16118542736576492e-11,  -3.31977808727985383e-12,
    1.00897710123672451e-12, -3.23414246380143139e-13, 1.08633978346356408e-13,  -3.80393559863853517e-14,
    1.38255393686832096e-14, -5.19678543995160654e-15, 2.01396562263702083e-15,  -8.02575410998412538e-16,
    3.28128074479582656e-16, -1.37359722681634786e-16, 5.87725387635008121e-17,  -2.56636083224865888e-17,
    1.14207142210760352e-17};
constexpr double airy_odd[] = {
    0.136150689485127448,    -0.00130838545827725927,  0.0000555176303557202215, -4.54476586594654587e-6,
    5.46542871280018935e-7,  -8.49063298528918198e-8,  1.58636088972570444e-8,   -3.41073847728459244e-9,
    8.19529208427213303e-10, -2.15597040077895156e-10, 6.11753312335789561e-11,  -1.85118548714323206e-11,
    5.92173419816908235e-12, -1.98859013800793616e-12, 6.97091370140505183e-13,  -2.53903524573491913e-13,
    9.57203089338409433e-14, -3.72288771501750717e-14, 1.48966655952394176e-14,  -6.11776093046276254e-15,
    2.5732888544750706e-15,  -1.10659513561398966e-15, 4.85734685806115074e-16,  -2.17322619712157634e-16,
    9.89825782207556008e-17, -4.58427418911585439e-17, 2.15674962596126211e-17,  -1.02978891745258839e-17};

/// K0 and K1 for 0 < x <= 2 by their ascending series (A&S 9.6.13 and 9.6.11).
double k0_small(double x) {
  const double z = 0.25 * x * x, log_half = std::log(0.5 * x) + euler_gamma;
  double term = 1., harmonic = 0., sum = -log_half;
  for (double k = 1.; k < 30.; k += 1.) {
    term *= z / (k * k);
    harmonic += 1. / k;
    sum += term * (harmonic - log_half);
    if (term < 1e-19) break;
  }
  return sum;
}
double k1_small(double x) {
  const double z = 0.25 * x * x, log_half = std::log(0.5 * x) + euler_gamma;
  double term = 0.5 * x, harmonic = 0.5, sum = 1. / x + term * (log_half - harmonic);  // harmonic: (H_k + H_{k+1}) / 2
  for (double k = 1.; k < 30.; k += 1.) {
    term *= z / (k * (k + 1.));
    harmonic += 0.5 * (1. / k + 1. / (k + 1.));
    sum += term * (log_half - harmonic);
    if (term < 1e-19) break;
  }
  return sum;
}

template <int n>
double k_scaled(double x, double (*small)(double), const double (&series)[n]) {
  if (x == 0.) return infinity;
  if (!(x > 0.)) return nan;
  if (x <= 2.) return small(x) * std::exp(x);
  return chebyshev_sum(series, 4. / x - 1.) / std::sqrt(x);
}

}  // namespace

double log_gamma(double x) {
  int sign;
  return ::lgamma_r(x, &sign);
}

double bessel_j0(double x) { return ::j0(x); }
double bessel_j1(double x) { return ::j1(x); }
double bessel_y0(double x) { return x == 0. ? -infinity : x < 0. ? nan : ::y0(x); }
double bessel_y1(double x) { return x == 0. ? -infinity : x < 0. ? nan : ::y1(x); }

double bessel_k0_scaled(double x) { return k_scaled(x, k0_small, k0_series); }
double bessel_k1_scaled(double x) { return k_scaled(x, k1_small, k1_series); }
double bessel_k0(double x) { return x > 0. && x <= 2. ? k0_small(x) : bessel_k0_scaled(x) * std::exp(-x); }
double bessel_k1(double x) { return x > 0. && x <= 2. ? k1_small(x) : bessel_k1_scaled(x) * std::exp(-x); }

double spherical_bessel_j0(double x) {
  if (std::isinf(x)) return 0.;
  return std::abs(x) < 1e-4 ? 1. - x * x / 6. : std::sin(x) / x;
}

/// Near 0 the Maclaurin series (A&S 10.4.2), elsewhere exponentials or sines of zeta times series in its inverse
/// (10.4.59, 10.4.60). What zeta loses to rounding is made good, so that far from 0 errors stay those of the result.
double airy_ai(double x) {
  if (std::isinf(x)) return x > 0. ? 0. : nan;
  if (std::isnan(x)) return x;
  if (x > 110.) return 0.;  // below the least double
  if (x > -3. && x < 1.) {
    const double cube = x * x * x;
    double f = 0.35502805388781723926, g = 0.25881940379280679841 * x, sum = f - g;
    for (double k = 3.; k < 100.; k += 3.) {
      f *= cube / (k * (k - 1.));
      g *= cube / (k * (k + 1.));
      sum += f - g;
      if (std::abs(f) + std::abs(g) < 1e-18) break;
    }
    return sum;
  }
  const double z = std::abs(x), root = std::sqrt(z), cube = z * root, zeta = 2. * cube / 3.;
  const double root_rest = std::fma(-root, root, z) / (2. * root);
  const double cube_rest = std::fma(z, root, -cube) + z * root_rest;
  const double rest = (std::fma(-3., zeta, 2. * cube) + 2. * cube_rest) / 3.;
  if (x > 0.) {
    const double half = std::exp(-0.5 * zeta);  // twice: the whole may be subnormal
    return half * (chebyshev_sum(airy_decay, 4. / 3. / zeta - 1.) / (2. * std::sqrt(pi * root)) * (1. - rest)) * half;
  }
  // Sine and cosine of zeta + rest + pi / 4.
  const double s = std::sin(zeta), c = std::cos(zeta), s_rest = std::sin(rest), c_rest = std::cos(rest);
  const double sine = s * c_rest + c * s_rest, cosine = c * c_rest - s * s_rest, t = 24. / (zeta * zeta) - 1.;
  const double even = chebyshev_sum(airy_even, t), odd = chebyshev_sum(airy_odd, t) / zeta;
  return ((sine + cosine) * even - (cosine - sine) * odd) / std::sqrt(2. * pi * root);
}

// Error functions ---------------------------------------------------------------------------------------------------

double erfcx(double x) {
  if (x < -26.7) return infinity;
  if (x > 25.) {  // A&S 7.1.23
    const double z = 0.5 / (x * x);
    return (1. - z * (1. - 3. * z * (1. - 5. * z * (1. - 7. * z * (1. - 9. * z * (1. - 11. * z)))))) /
           (x * std::sqrt(pi));
  }
  // x^2 in two parts, the first of which is exact: its rounding would be magnified by the exponential.
  const double high = static_cast<float>(x), low = (x - high) * (x + high);
  return std::exp(high * high) * std::exp(low) * std::erfc(x);
}

double log_ndtr(double x) {
  if (x > -1.) return std::log1p(-0.5 * std::erfc(x * root_half));
  return std::log(0.5 * erfcx(-x * root_half)) - 0.5 * x * x;
}

double ndtri(double p) {
  if (p == 0.) return -infinity;
  if (p == 1.) return infinity;
  if (!(p > 0. && p < 1.)) return nan;
  if (p > 0.1 && p < 0.9) return std::sqrt(2.) * once::vm::erfinv(2. * p - 1.);
  if (p > 0.5) return -ndtri(1. - p);
  // Newton's method for log Phi(x) = log p, which is concave: after one step all come from below.
  const double target = std::log(p), tail = -2. * target;
  double x = -std::sqrt(std::max(1., tail - std::log(2. * pi * tail)));
  for (int step = 0; step < 20; ++step) {
    const double scaled = erfcx(-x * root_half);
    const double change = (std::log(0.5 * scaled) - 0.5 * x * x - target) * scaled * std::sqrt(pi / 2.);
    x -= change;
    if (std::abs(change) <= 1e-9 * std::abs(x)) break;  // the next would be the square of that
  }
  return x;
}

// Gamma and zeta ----------------------------------------------------------------------------------------------------

/// Euler and Maclaurin's summation from q + n >= max(12, s) on (DLMF 25.11.5).
double zeta(double s, double q) {
  if (s == 1.) return infinity;
  if (!(s > 1.) || std::isnan(q)) return nan;
  if (q <= 0.) {
    if (q == std::floor(q)) return infinity;
    if (s != std::floor(s)) return nan;
  }
  if (std::isinf(q)) return 0.;
  if (q < -1e6) return nan;  // as many terms
  double sum = 0.;
  for (const double enough = std::max(12., s); q < enough; q += 1.) {
    const double term = std::pow(q, -s);
    sum += term;
    // Written so that a sum that is NaN ends too.
    if (q > 0. && !(term > epsilon * 1e-3 * std::abs(sum))) return sum;
  }
  const double power = std::pow(q, -s);
  sum += power * q / (s - 1.) + 0.5 * power;
  // B_2k / (2k)!
  constexpr double weights[] = {1. / 12,
                                -1. / 720,
                                1. / 30240,
                                -1. / 1209600,
                                1. / 47900160,
                                -691. / 1307674368000.,
                                1. / 74724249600.,
                                -3617. / 10670622842880000.,
                                43867. / 5109094217170944000.};
  double factor = s * power / q;
  for (int k = 0; k < 9; ++k) {
    const double term = weights[k] * factor;
    sum += term;
    if (std::abs(term) < epsilon * 0.1 * std::abs(sum)) break;
    factor *= (s + 2 * k + 1) * (s + 2 * k + 2) / (q * q);
  }
  return sum;
}

namespace {

/// log(x / a) - (x - a) / a without cancellation.
double log_minus(double x, double a) {
  const double u = (x - a) / a;
  if (std::abs(u) > 0.3) return std::log(x / a) - u;
  const double r = u / (2. + u), square = r * r;  // log(1 + u) = 2 artanh(r), u = 2 r / (1 - r)
  double term = r, sum = 0.;
  for (double k = 3.; k < 60.; k += 2.) {
    term *= square;
    sum += term / k;
    if (std::abs(term) < 1e-20) break;
  }
  return 2. * sum - u * r;
}

/// x^a exp(-x) / Gamma(a + 1); for large a around its maximum, where the three of them would cancel.
double gamma_density(double a, double x) {
  if (a < 20.) return std::exp(a * std::log(x) - x) / std::tgamma(a + 1.);
  const double inverse = 1. / a, square = inverse * inverse;
  const double stirling =
      inverse * (1. / 12 - square * (1. / 360 - square * (1. / 1260 - square * (1. / 1680 - square / 1188.))));
  return std::exp(a * log_minus(x, a) - stirling) / std::sqrt(2. * pi * a);
}

/// The lower function by its series (A&S 6.5.29).
double gamma_series(double a, double x) {
  double term = 1., sum = 1.;
  for (double n = a + 1.; term > epsilon * 0.1 * sum; n += 1.) sum += term *= x / n;
  return sum * gamma_density(a, x);
}

/// The upper function by its continued fraction (A&S 6.5.31), evaluated as Lentz does.
double gamma_fraction(double a, double x) {
  constexpr double tiny = 1e-300;
  double b = x + 1. - a, c = 1. / tiny, d = 1. / b, product = d;
  for (double k = 1.; k < 1e7; k += 1.) {
    const double numerator = k * (a - k);
    b += 2.;
    d = numerator * d + b;
    d = 1. / (std::abs(d) < tiny ? tiny : d);
    c = b + numerator / c;
    if (std::abs(c) < tiny) c = tiny;
    const double factor = c * d;
    product *= factor;
    if (std::abs(factor - 1.) < epsilon) break;
  }
  return product * gamma_density(a, x) * a;
}

/// For a above 1e8: Temme's uniform expansion, whose second term is of the order a^-1.5 (DLMF 8.12).
double gamma_uniform(double a, double x, bool upper) {
  const double u = (x - a) / a, half_square = -log_minus(x, a);
  const double eta = std::copysign(std::sqrt(2. * half_square), u);
  const double c0 = std::abs(eta) < 1e-3 ? -1. / 3. + eta / 12. : 1. / u - 1. / eta;
  const double rest = std::exp(-a * half_square) / std::sqrt(2. * pi * a) * c0;
  const double root = eta * std::sqrt(0.5 * a);
  return upper ? 0.5 * std::erfc(root) + rest : 0.5 * std::erfc(-root) - rest;
}

double incomplete_gamma(double a, double x, bool upper) {
  if (!(a >= 0. && x >= 0.)) return nan;
  const double all = upper ? 0. : 1., nothing = 1. - all;
  if (a == 0.) return x > 0. ? all : nan;
  if (x == 0.) return nothing;
  if (std::isinf(a)) return std::isinf(x) ? nan : nothing;
  if (std::isinf(x)) return all;
  if (a > 1e8) return gamma_uniform(a, x, upper);
  if (x < a + 1. && !(upper && a < 1. && x > 0.5)) {
    const double lower = gamma_series(a, x);
    if (!upper || lower < 0.9) return upper ? 1. - lower : lower;
    if (a >= 1.) return 1. - lower;
    // Small a and x: 1 - lower from 1 - x^a / Gamma(a + 1) and the rest of the series (A&S 6.5.4, 6.5.29).
    double term = 1., rest = 0.;
    for (double k = 1.; k < 200.; k += 1.) {
      term *= -x / k;
      rest += term / (a + k);
      if (std::abs(term) < 1e-18) break;
    }
    const double exponent = a * std::log(x) - log_gamma(a + 1.);
    return -std::expm1(exponent) - std::exp(exponent) * a * rest;
  }
  const double above = gamma_fraction(a, x);
  return upper ? above : 1. - above;
}

}  // namespace

double gammainc(double a, double x) { return incomplete_gamma(a, x, false); }
double gammaincc(double a, double x) { return incomplete_gamma(a, x, true); }

// Orthogonal polynomials --------------------------------------------------------------------------------------------

namespace {

/// The n-th of a sequence that begins with 1 and `first`; next(k, p_k, p_{k-1}) gives p_{k+1}.
template <class Next>
double recurrence(double n, double first, Next next) {
  if (!(n > -1.)) return 0.;
  const double degree = std::trunc(n);
  if (degree == 0.) return 1.;
  double before = 1., value = first;
  for (double k = 1.; k < degree && !std::isnan(value); k += 1.) {
    const double following = next(k, value, before);
    before = value;
    value = following;
  }
  return value;
}

/// A Chebyshev polynomial: by its recurrence, or where that would be long, for |x| < 1 by `direct(angle, degree)` and
/// at the ends of that range by its values there, `at_one` and, but for the sign of odd degrees, `at_minus_one`.
template <class Direct>
double chebyshev(double x, double n, double first, Direct direct, double at_one, double at_minus_one) {
  if (n >= 9. && std::abs(x) < 1.) return direct(std::acos(x), std::trunc(n));
  if (n >= 9. && x == 1.) return at_one;
  if (n >= 9. && x == -1.) return std::fmod(std::trunc(n), 2.) == 0. ? at_minus_one : -at_minus_one;
  return recurrence(n, first, [x](double, double value, double before) { return 2. * x * value - before; });
}

}  // namespace

double chebyshev_t(double x, double n) {
  return chebyshev(x, n, x, [](double t, double k) { return std::cos(k * t); }, 1., 1.);
}
double chebyshev_u(double x, double n) {
  return chebyshev(
      x, n, 2. * x, [](double t, double k) { return std::sin((k + 1.) * t) / std::sin(t); }, std::trunc(n) + 1.,
      std::trunc(n) + 1.);
}
double chebyshev_v(double x, double n) {
  return chebyshev(
      x, n, 2. * x - 1., [](double t, double k) { return std::cos((k + 0.5) * t) / std::cos(0.5 * t); }, 1.,
      2. * std::trunc(n) + 1.);
}
double chebyshev_w(double x, double n) {
  return chebyshev(
      x, n, 2. * x + 1., [](double t, double k) { return std::sin((k + 0.5) * t) / std::sin(0.5 * t); },
      2. * std::trunc(n) + 1., 1.);
}
double hermite_h(double x, double n) {
  return recurrence(n, 2. * x, [x](double k, double p, double q) { return 2. * (x * p - k * q); });
}
double hermite_he(double x, double n) {
  return recurrence(n, x, [x](double k, double p, double q) { return x * p - k * q; });
}
double laguerre(double x, double n) {
  if (x == 0. && n > -1.) return 1.;
  return recurrence(n, 1. - x,
                    [x](double k, double p, double q) { return ((2. * k + 1. - x) * p - k * q) / (k + 1.); });
}
double legendre(double x, double n) {
  if (std::abs(x) == 1. && n > -1.) return x > 0. || std::fmod(std::trunc(n), 2.) == 0. ? 1. : -1.;
  return recurrence(n, x, [x](double k, double p, double q) { return ((2. * k + 1.) * x * p - k * q) / (k + 1.); });
}

}  // namespace weft::kernels::special
