// Error functions, gamma functions, Bessel functions. Accuracy as in vecmath.h; docs/notes/vecmath.md.
#pragma once

#include "kernels/vecmath.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {
namespace vm {

/// erf(t) = 1 - exp(-t Q(t)), with one polynomial for Q. f32: 1.5 ulp. f64: the C library's.
[[gnu::always_inline]] inline float erf(float x) {
  const float a = abs(x);
  const float t = a > 4.f ? 4.f : a;
  const float q =
      t * 1.1283792f + t * poly(t, -5.911295e-08f, 6.366198e-01f, 1.0277167e-01f, -1.911965e-02f, -2.482837e-04f,
                                1.7929096e-03f, -7.356715e-04f, 1.652501e-04f, -2.0829862e-05f, 1.1428916e-06f);
  return copysign(-expm1_inner(-q), x);
}
[[gnu::always_inline]] inline double erf(double x) { return ::erf(x); }

/// exp(-x^2) times a polynomial, in double. f32: 1 ulp. f64: the C library's.
[[gnu::always_inline]] inline float erfc(float x) {
  const auto a = static_cast<double>(abs(x));
  const double t = a > 10.1 ? 10.1 : a;
  const double u = (t - 2.) / (t + 2.);
  const double tail =
      exp(-t * t) * poly(u, 0.2553956763242878, -0.4271858476591388, 0.24165819262518431, -0.07897856807300592,
                         0.0037329249521620813, 0.006997277772368522, -0.0008474201297485144, -0.0009808837694568022,
                         4.486259876586134e-05, 0.00017125232445947618, 2.3896621281544656e-05, -2.3526915437882133e-05,
                         -8.429387643221608e-06);
  return static_cast<float>(x < 0.f ? 2. - tail : tail);
}
[[gnu::always_inline]] inline double erfc(double x) { return ::erfc(x); }

/// log2(2 Phi(-a)), for a number or a vector of them.
template <class V>
[[gnu::always_inline]] inline V log2_twice_tail(V a) {
  return a * poly(a, -1.1511043f, -0.45922047f, -0.05243624f, 0.0069274907f, 2.8108743e-05f, -3.0030645e-04f,
                  8.484255e-05f, -1.2869937e-05f, 1.0841328e-06f, -3.965842e-08f);
}
/// The normal distribution function, Phi(x) = erfc(-x / sqrt 2) / 2, from its logarithm at -|x|. f32: absolute error
/// 1e-7, and in the lower tail relative error 2.2e-6 down to x = -4, 2.4e-5 at -5 and 7e-4 at -6; 0 below -10. f64:
/// from the C library's erfc.
[[gnu::always_inline]] inline float normal_cdf(float x) {
  const float a = abs(x);
  const float tail = a > 10.f ? 0.f : 0.5f * exp2(log2_twice_tail(a));
  return x < 0.f ? tail : 1.f - tail;
}
[[gnu::always_inline]] inline double normal_cdf(double x) { return 0.5 * ::erfc(x * -0.70710678118654752440); }

/// The inverse of erf: Giles, "Approximating the erfinv function", 2010, then two Newton steps in double.
[[gnu::always_inline]] inline double erfinv(double y) {
  const double a = abs(y);
  if (!(a < 1.)) return a == 1. ? copysign(infinity<double>, y) : nan<double>;
  double w = -::log((1. - y) * (1. + y)), x;
  if (w < 5.) {
    w -= 2.5;
    x = poly(w, 1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087, -4.39150654e-06, -3.5233877e-06,
             3.43273939e-07, 2.81022636e-08);
  } else {
    w = ::sqrt(w) - 3.;
    x = poly(w, 2.83297682, 1.00167406, 0.00943887047, -0.0076224613, 0.00573950773, -0.00367342844, 0.00134934322,
             0.000100950558, -0.000200214257);
  }
  x *= y;
  const double sign = y < 0. ? -1. : 1.;
  for (int step = 0; step < 2; ++step) {
    const double error = a < 0.5 ? ::erf(x) - y : sign * ((1. - a) - ::erfc(abs(x)));
    x -= error * 0.88622692545275801365 * ::exp(x * x);
  }
  return x;
}
[[gnu::always_inline]] inline float erfinv(float y) { return static_cast<float>(erfinv(static_cast<double>(y))); }

/// log |gamma(x)|; the C library's, by the entry that shares no sign variable between threads.
[[gnu::always_inline]] inline double lgamma(double x) {
  int sign;
  return ::lgamma_r(x, &sign);
}
[[gnu::always_inline]] inline float lgamma(float x) {
  int sign;
  return ::lgammaf_r(x, &sign);
}

/// Derivative of lgamma: recurrence up to 10, then the asymptotic series. NaN at negative integers, -inf at +0.
/// Relative error 1e-14 away from its zeros; f32 through f64.
[[gnu::always_inline]] inline double digamma(double x) {
  if (x == 0.) return copysign(infinity<double>, -x);
  double result = 0.;
  if (x < 0.) {
    if (x == ::trunc(x)) return nan<double>;
    constexpr double pi = 3.14159265358979323846;
    result = -pi / ::tan(pi * (x - ::trunc(x)));
    x = 1. - x;
  }
  for (; x < 10.; x += 1.) result -= 1. / x;
  if (x == 10.) return result + 2.25175258906672110764;
  const double z = 1. / (x * x);
  const double series = x < 1e17
                            ? z * poly(z, 8.33333333333333333333e-2, -8.33333333333333333333e-3,
                                       3.96825396825396825397e-3, -4.16666666666666666667e-3, 7.57575757575757575758e-3,
                                       -2.10927960927960927961e-2, 8.33333333333333333333e-2)
                            : 0.;
  return result + ::log(x) - 0.5 / x - series;
}
[[gnu::always_inline]] inline float digamma(float x) { return static_cast<float>(digamma(static_cast<double>(x))); }

/// Derivative of digamma, by reflection, recurrence and the asymptotic series. Relative error 1e-13.
[[gnu::always_inline]] inline double trigamma(double x) {
  double sign = 1., result = 0.;
  if (x < 0.5) {
    constexpr double pi = 3.14159265358979323846;
    const double s = ::sin(pi * x);
    result = -(pi * pi) / (s * s);
    x = 1. - x;
    sign = -1.;
  }
  for (; x < 10.; x += 1.) result += 1. / (x * x);
  const double z = 1. / (x * x);
  result += 1. / x + 0.5 * z + z / x * poly(z, 1. / 6, -1. / 30, 1. / 42, -1. / 30, 5. / 66, -691. / 2730, 7. / 6);
  return sign * result;
}
[[gnu::always_inline]] inline float trigamma(float x) { return static_cast<float>(trigamma(static_cast<double>(x))); }

/// exp(-|x|) I_order(x) for order 0 or 1: the power series up to 20, then the asymptotic series. Relative error 1e-14.
template <int order>
[[gnu::always_inline]] inline double bessel_i_scaled(double x) {
  const double a = abs(x);
  double sum = 1., term = 1.;
  if (a < 20.) {
    const double z = 0.25 * a * a;
    for (double k = 1.; term > 1e-17 * sum; k += 1.) sum += term *= z / (k * (k + order));
    sum *= ::exp(-a) * (order == 1 ? 0.5 * a : 1.);
  } else {
    for (double k = 1.; k < 40.; k += 1.) {
      const double next = term * ((2. * k - 1.) * (2. * k - 1.) - 4. * order) / (8. * k * a);
      if (!(abs(next) < abs(term)) || abs(next) < 1e-17) break;
      sum += term = next;
    }
    sum /= ::sqrt(2. * 3.14159265358979323846 * a);
  }
  if (x != x) return x;
  return order == 1 ? copysign(sum, x) : sum;
}

}  // namespace vm
}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
