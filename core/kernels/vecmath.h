// Elementary functions as branch-free scalar code that the compiler vectorises: exponentials, logarithms, powers,
// and what is built on them. Accuracy is stated as the largest error in units in the last place (ulp) over all
// finite arguments, measured against double; docs/notes/vecmath.md says how, and where the coefficients come from.
//
// Unless a comment says otherwise: NaN gives NaN, infinities and signed zeros give the C library's results, results
// are subnormal where they should be.
#pragma once

#include <math.h>

#include <cstdint>

#include "tensor/dtype.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {
namespace vm {

template <class T>
inline constexpr T infinity = static_cast<T>(__builtin_inf());
template <class T>
inline constexpr T nan = static_cast<T>(__builtin_nan(""));

using detail::bits;

// Exact operations, one instruction each.

[[gnu::always_inline]] inline float abs(float x) { return __builtin_fabsf(x); }
[[gnu::always_inline]] inline double abs(double x) { return __builtin_fabs(x); }
[[gnu::always_inline]] inline float sqrt(float x) { return __builtin_sqrtf(x); }
[[gnu::always_inline]] inline double sqrt(double x) { return __builtin_sqrt(x); }
[[gnu::always_inline]] inline float floor(float x) { return __builtin_floorf(x); }
[[gnu::always_inline]] inline double floor(double x) { return __builtin_floor(x); }
[[gnu::always_inline]] inline float ceil(float x) { return __builtin_ceilf(x); }
[[gnu::always_inline]] inline double ceil(double x) { return __builtin_ceil(x); }
[[gnu::always_inline]] inline float trunc(float x) { return __builtin_truncf(x); }
[[gnu::always_inline]] inline double trunc(double x) { return __builtin_trunc(x); }
[[gnu::always_inline]] inline float rint(float x) { return __builtin_rintf(x); }
[[gnu::always_inline]] inline double rint(double x) { return __builtin_rint(x); }
[[gnu::always_inline]] inline float copysign(float x, float y) { return __builtin_copysignf(x, y); }
[[gnu::always_inline]] inline double copysign(double x, double y) { return __builtin_copysign(x, y); }
[[gnu::always_inline]] inline float fmod(float x, float y) { return ::fmodf(x, y); }
[[gnu::always_inline]] inline double fmod(double x, double y) { return ::fmod(x, y); }

/// Whether V is double or a vector of it.
template <class V>
constexpr bool is_double() {
  if constexpr (requires(V v) { v[0]; })
    return sizeof(V{}[0]) == sizeof(double);
  else
    return sizeof(V) == sizeof(double);
}

/// c0 + c1 x + c2 x^2 + ..., for a number or a vector of them.
template <class V, class T>
[[gnu::always_inline]] inline V poly(V x, T c0, T c1) {
  return c0 + x * c1;
}
template <class V, class T, class... Rest>
[[gnu::always_inline]] inline V poly(V x, T c0, T c1, Rest... rest) {
  return c0 + x * poly(x, c1, rest...);
}

// Adding 1.5 * 2^mantissa_bits rounds to an integer, and leaves that integer in the low bits of the sum.
inline constexpr float kRoundF = 0x1.8p23f;
inline constexpr double kRound = 0x1.8p52;

/// p * 2^k, where `biased` is k + 2 * bias: in two factors, so that subnormal results round once and k may be max + 1.
[[gnu::always_inline]] inline float scale2(float p, uint32_t biased) {
  const uint32_t half = biased >> 1;
  return p * bits<float>(half << 23) * bits<float>((biased - half) << 23);
}
[[gnu::always_inline]] inline double scale2(double p, uint64_t biased) {
  const uint64_t half = biased >> 1;
  return p * bits<double>(half << 52) * bits<double>((biased - half) << 52);
}

/// An argument as n ln 2 + r, |r| <= ln 2 / 2; `shifted` holds n in its low bits.
template <class T>
struct ExpReduction {
  T shifted, r;
};
template <class V>
[[gnu::always_inline]] inline ExpReduction<V> reduce_exp(V x) {
  if constexpr (is_double<V>()) {
    const V shifted = x * 1.4426950408889634 + kRound;
    const V n = shifted - kRound;
    return {shifted, (x - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33};
  } else {
    const V shifted = x * 1.44269504f + kRoundF;
    const V n = shifted - kRoundF;
    return {shifted, (x - n * 0.693359375f) - n * -2.12194440e-4f};
  }
}
[[gnu::always_inline]] inline uint32_t exponent_of(float shifted, int bias) {
  return bits<uint32_t>(shifted) - bits<uint32_t>(kRoundF) + static_cast<uint32_t>(bias);
}
[[gnu::always_inline]] inline uint64_t exponent_of(double shifted, int bias) {
  return bits<uint64_t>(shifted) - bits<uint64_t>(kRound) + static_cast<uint64_t>(bias);
}

template <class V>
[[gnu::always_inline]] inline V exp_poly(V r) {
  if constexpr (is_double<V>())
    return 1. + (r + r * r *
                         poly(r, 0.5000000000000013, 0.1666666666666669, 0.041666666666511254, 0.008333333333312124,
                              0.0013888888948007548, 0.0001984126990735709, 2.4801488979812734e-05,
                              2.7557224844985365e-06, 2.7631608431973526e-07, 2.5115257485475927e-08));
  else
    return 1.f + (r + r * r * poly(r, 5.e-01f, 1.6666512e-01f, 4.1666426e-02f, 8.369662e-03f, 1.3938632e-03f));
}
/// exp(r) - 1 for |r| <= ln 2 / 2, to full relative accuracy.
[[gnu::always_inline]] inline float expm1_poly(float r) {
  return r + r * r * poly(r, 5.e-01f, 1.6666667e-01f, 4.1666474e-02f, 8.333191e-03f, 1.3934234e-03f, 1.9959077e-04f);
}
[[gnu::always_inline]] inline double expm1_poly(double r) {
  return r + r * r *
                 poly(r, 0.5, 0.16666666666666677, 0.041666666666666685, 0.008333333333321428, 0.0013888888888872954,
                      0.00019841269886631307, 2.480158735040074e-05, 2.7557243702503527e-06, 2.755725043883818e-07,
                      2.5109214359717564e-08, 2.0922279997595424e-09);
}

template <class T>
[[gnu::always_inline]] inline T clamp(T x, T low, T high) {
  const T raised = x < low ? low : x;
  return raised > high ? high : raised;
}

/// f32: 1 ulp. f64: 1 ulp.
[[gnu::always_inline]] inline float exp(float x) {
  const auto [shifted, r] = reduce_exp(clamp(x, -104.f, 89.f));
  return scale2(exp_poly(r), exponent_of(shifted, 254));
}
[[gnu::always_inline]] inline double exp(double x) {
  const auto [shifted, r] = reduce_exp(clamp(x, -746., 710.));
  return scale2(exp_poly(r), exponent_of(shifted, 2046));
}
/// exp(x) / 2, finite up to where cosh is.
[[gnu::always_inline]] inline float half_exp(float x) {
  const auto [shifted, r] = reduce_exp(clamp(x, -104.f, 90.f));
  return scale2(exp_poly(r), exponent_of(shifted, 253));
}
[[gnu::always_inline]] inline double half_exp(double x) {
  const auto [shifted, r] = reduce_exp(clamp(x, -746., 711.));
  return scale2(exp_poly(r), exponent_of(shifted, 2045));
}
/// f32: 1 ulp. f64: the C library's.
[[gnu::always_inline]] inline float exp2(float x) {
  const float bounded = clamp(x, -151.f, 129.f);
  const float shifted = bounded + kRoundF;
  const float r = bounded - (shifted - kRoundF);
  const float p =
      1.f + r * poly(r, 6.931472e-01f, 2.402265e-01f, 5.550357e-02f, 9.618071e-03f, 1.3392388e-03f, 1.5459378e-04f);
  return scale2(p, exponent_of(shifted, 254));
}
[[gnu::always_inline]] inline double exp2(double x) { return ::exp2(x); }

/// expm1 for x in [-80, 80] (f64: [-700, 700]): 2^n (exp(r) - 1) + (2^n - 1).
template <class T>
[[gnu::always_inline]] inline T expm1_inner(T x) {
  const auto [shifted, r] = reduce_exp(x);
  T scale;
  if constexpr (sizeof(T) == 4)
    scale = bits<T>(exponent_of(shifted, 127) << 23);
  else
    scale = bits<T>(exponent_of(shifted, 1023) << 52);
  return scale * expm1_poly(r) + (scale - T(1));
}
/// f32: 1.5 ulp. f64: the C library's.
[[gnu::always_inline]] inline float expm1(float x) {
  const auto [shifted, r] = reduce_exp(clamp(x, -20.f, 89.f));
  const float half = bits<float>(exponent_of(shifted, 126) << 23);
  const float result = 2.f * (half * expm1_poly(r) + (half - 0.5f));
  return x == 0.f ? x : result;
}
[[gnu::always_inline]] inline double expm1(double x) { return ::expm1(x); }

/// A positive number as 2^k (1 + f), f in [sqrt(1/2) - 1, sqrt(2) - 1]; subnormals too.
template <class T>
struct LogReduction {
  T k, f;
};
[[gnu::always_inline]] inline LogReduction<float> reduce_log(float x) {
  const bool tiny = x < 0x1p-126f;
  const uint32_t u = bits<uint32_t>(tiny ? x * 0x1p23f : x) - 0x3f3504f3u;
  const auto k = static_cast<float>(static_cast<int32_t>(u) >> 23);
  return {tiny ? k - 23.f : k, bits<float>((u & 0x7fffffu) + 0x3f3504f3u) - 1.f};
}
[[gnu::always_inline]] inline LogReduction<double> reduce_log(double x) {
  const bool tiny = x < 0x1p-1022;
  // A bias of 2^11 keeps the exponent positive: no ISA below AVX-512 converts 64-bit integers.
  const uint64_t u = bits<uint64_t>(tiny ? x * 0x1p52 : x) - 0x3fe6a09e667f3bcdu;
  const double k = bits<double>(((u >> 52) ^ 0x800u) | 0x4330000000000000u) - (0x1p52 + 2048.);
  return {tiny ? k - 52. : k, bits<double>((u & 0xfffffffffffffu) + 0x3fe6a09e667f3bcdu) - 1.};
}
/// What every logarithm gives at the ends of its range.
template <class T>
[[gnu::always_inline]] inline T log_ends(T x, T result) {
  const T upper = x < infinity<T> ? result : x;  // inf, and NaN
  const T lower = x == T(0) ? -infinity<T> : nan<T>;
  return x <= T(0) ? lower : upper;
}
/// log(1 + f) - f, for a reduced f.
template <class V>
[[gnu::always_inline]] inline V log1p_rest(V f) {
  if constexpr (is_double<V>()) {
    const V s = f / (2. + f), z = s * s, half = 0.5 * f * f;
    const V r = z * poly(z, 0.6666666666666735130, 0.3999999999940941908, 0.2857142874366239149, 0.2222219843214978396,
                         0.1818357216161805012, 0.1531383769920937332, 0.1479819860511658591);
    return s * (half + r) - half;
  } else {
    const V p = poly(f, 3.333331e-01f, -2.4999988e-01f, 2.0002238e-01f, -1.6669199e-01f, 1.4218187e-01f,
                     -1.23845965e-01f, 1.18775666e-01f, -1.1792374e-01f, 6.908204e-02f);
    const V square = f * f;
    return square * f * p - 0.5f * square;
  }
}
[[gnu::always_inline]] inline float log_reduced(LogReduction<float> a) {
  return a.k * 0.693359375f + (a.f + (log1p_rest(a.f) + a.k * -2.12194440e-4f));
}
[[gnu::always_inline]] inline double log_reduced(LogReduction<double> a) {
  return a.k * 0x1.62e42feep-1 + (a.f + (log1p_rest(a.f) + a.k * 0x1.a39ef35793c76p-33));
}

/// f32: 1 ulp. f64: 1 ulp.
template <class T>
[[gnu::always_inline]] inline T log(T x) {
  return log_ends(x, log_reduced(reduce_log(x)));
}
/// f32: 2 ulp. f64: the C library's.
[[gnu::always_inline]] inline float log2(float x) {
  const auto [k, f] = reduce_log(x);
  const float p = poly(f, 1.9219023e-08f, -7.2134733e-01f, 4.8089823e-01f, -3.6069807e-01f, 2.8856885e-01f,
                       -2.3958775e-01f, 2.0455629e-01f, -1.9125009e-01f, 1.8653063e-01f, -1.0995035e-01f);
  return log_ends(x, k + (f * 1.4426950216293335f + f * p));
}
[[gnu::always_inline]] inline double log2(double x) { return ::log2(x); }
/// f32: 1.5 ulp. f64: the C library's.
[[gnu::always_inline]] inline float log10(float x) {
  const auto [k, f] = reduce_log(x);
  const float p = poly(f, -1.0115274e-08f, -2.1714719e-01f, 1.447648e-01f, -1.08580805e-01f, 8.686762e-02f,
                       -7.212544e-02f, 6.1583098e-02f, -5.756098e-02f, 5.6116235e-02f, -3.308069e-02f);
  return log_ends(x, k * 0.30102539f + (f * 0.4342944920063019f + (f * p + k * 4.6050390e-06f)));
}
[[gnu::always_inline]] inline double log10(double x) { return ::log10(x); }

/// log(1 + x) for x > -1: the mantissa of 1 + x from x itself, where 1 + x would round.
[[gnu::always_inline]] inline float log1p_inner(float x) {
  const float u = 1.f + x;
  const uint32_t k = (bits<uint32_t>(u) - 0x3f3504f3u) & 0xff800000u;
  const float scale = bits<float>(0x3f800000u - k);  // 2^-k
  const float f = x * scale + (scale - 1.f);
  return log_reduced(LogReduction<float>{static_cast<float>(static_cast<int32_t>(k) >> 23), f});
}
/// f32: 1.5 ulp. f64: the C library's.
[[gnu::always_inline]] inline float log1p(float x) {
  const float huge = log_reduced(reduce_log(x));  // 1 + x == x, and 2^-k might be subnormal
  const float result = log_ends(1.f + x, x > 0x1p60f ? huge : log1p_inner(x));
  return x == 0.f ? x : result;
}
[[gnu::always_inline]] inline double log1p(double x) { return ::log1p(x); }

/// f32: 2.5 ulp. f64: the C library's.
[[gnu::always_inline]] inline float tanh(float x) {
  const float a = abs(x);
  const float e = expm1_inner(2.f * (a > 10.f ? 10.f : a));
  return copysign(e / (e + 2.f), x);
}
/// f64: 3 ulp.
[[gnu::always_inline]] inline double tanh(double x) {
  const double a = abs(x);
  const double e = expm1_inner(2. * (a > 20. ? 20. : a));
  return copysign(e / (e + 2.), x);
}
/// 1 / (1 + exp(-x)). f32: 2.5 ulp, 0 below -88.7. f64: 2.5 ulp.
template <class T>
[[gnu::always_inline]] inline T sigmoid(T x) {
  return T(1) / (T(1) + exp(-x));
}
/// log(1 + exp(-|x|)): in [0, ln 2]. f32: 2 ulp of the result.
[[gnu::always_inline]] inline float log1p_exp_neg(float a) {
  const float e = exp(-a);
  const float f = e > 0.41421356f ? 0.5f * e - 0.5f : e;  // 1 + e = 2 (1 + f), or 1 + f
  const float k = e > 0.41421356f ? 1.f : 0.f;
  return log_reduced(LogReduction<float>{k, f});
}
[[gnu::always_inline]] inline double log1p_exp_neg(double a) {
  const double e = exp(-a);
  const double f = e > 0.41421356 ? 0.5 * e - 0.5 : e;
  const double k = e > 0.41421356 ? 1. : 0.;
  return log_reduced(LogReduction<double>{k, f});
}

/// f32: 2 ulp. f64: the C library's.
[[gnu::always_inline]] inline float sinh(float x) {
  const float a = abs(x), z = a * a;
  const float small = a + a * z * poly(z, 1.6666667e-01f, 8.333313e-03f, 1.984208e-04f, 2.787813e-06f);
  const float h = half_exp(a);
  return copysign(a < 1.f ? small : h - 0.25f / h, x);
}
[[gnu::always_inline]] inline double sinh(double x) { return ::sinh(x); }
/// f32: 2 ulp. f64: the C library's.
[[gnu::always_inline]] inline float cosh(float x) {
  const float h = half_exp(abs(x));
  return h + 0.25f / h;
}
[[gnu::always_inline]] inline double cosh(double x) { return ::cosh(x); }

/// f32: 3 ulp. f64: the C library's.
[[gnu::always_inline]] inline float asinh(float x) {
  const float a = abs(x);
  const bool large = a > 0x1p30f;
  const float z = large ? 0.f : a;
  const float near = z + z * z / (1.f + sqrt(z * z + 1.f));
  const float result = log1p_inner(large ? 1.f : near);
  const float far = log_reduced(reduce_log(a)) + 0.69314718f;
  return copysign(large ? (a < infinity<float> ? far : a) : result, x);
}
[[gnu::always_inline]] inline double asinh(double x) { return ::asinh(x); }
/// f32: 3 ulp. f64: the C library's.
[[gnu::always_inline]] inline float acosh(float x) {
  const bool large = x > 0x1p30f;
  const float t = (large ? 2.f : x) - 1.f;
  const float near = log1p_inner(t + sqrt(t * (t + 2.f)));
  const float far = log_reduced(reduce_log(x)) + 0.69314718f;
  const float result = large ? (x < infinity<float> ? far : x) : near;
  return x >= 1.f ? result : nan<float>;
}
[[gnu::always_inline]] inline double acosh(double x) { return ::acosh(x); }
/// f32: 3 ulp. f64: the C library's.
[[gnu::always_inline]] inline float atanh(float x) {
  const float a = abs(x);
  const float result = 0.5f * log1p_inner(2.f * a / (1.f - a));
  const float ends = a == 1.f ? infinity<float> : nan<float>;
  return copysign(a < 1.f ? result : ends, x);
}
[[gnu::always_inline]] inline double atanh(double x) { return ::atanh(x); }

/// log2 of a positive double that was a float, to 2^-42 relative.
[[gnu::always_inline]] inline double log2_of_float(double x) {
  const uint64_t u = bits<uint64_t>(x) - 0x3fe6a09e667f3bcdu;
  const double k = bits<double>(((u >> 52) ^ 0x800u) | 0x4330000000000000u) - (0x1p52 + 2048.);
  const double m = bits<double>((u & 0xfffffffffffffu) + 0x3fe6a09e667f3bcdu);
  const double s = (m - 1.) / (m + 1.), z = s * s;
  return k + s * poly(z, 2.8853900817778486, 0.9617966941158749, 0.5770779415998888, 0.41220933279730604,
                      0.3199022728928081, 0.28295081303994446);
}
/// f32: 0.6 ulp, computed in double; every special case is C's pow. f64: the C library's.
[[gnu::always_inline]] inline float pow(float x, float y) {
  const float a = abs(x), b = abs(y);
  const double magnitude = log2_of_float(static_cast<double>(a));
  const double ends = a == 0.f ? -infinity<double> : static_cast<double>(a);  // 0, inf or NaN
  const double l = a > 0.f && a < infinity<float> ? magnitude : ends;
  const double product = l == 0. || y == 0.f ? 0. : static_cast<double>(y) * l;
  const double t = clamp(product, -160., 160.);
  const double shifted = t + kRound;
  const double p =
      poly(t - (shifted - kRound), 0.9999999999588973, 0.6931471805357285, 0.24022651219833221, 0.055504109739130426,
           0.009618024772319546, 0.0013333424361313161, 0.00015469997328551718, 1.5316078847305052e-05);
  const auto power = static_cast<float>(p * bits<double>(exponent_of(shifted, 1023) << 52));
  const float whole = (b + 0x1p23f) - 0x1p23f, half = 0.5f * b;
  const bool integer = b >= 0x1p23f || whole == b;
  const bool odd = integer && b < 0x1p24f && (half + 0x1p23f) - 0x1p23f != half;
  const bool negative = bits<int32_t>(x) < 0;
  const bool undefined = negative && !integer && a > 0.f && a < infinity<float>;
  const float signed_power = negative && odd ? -power : power;
  return undefined ? nan<float> : signed_power;
}
[[gnu::always_inline]] inline double pow(double x, double y) { return ::pow(x, y); }

}  // namespace vm
}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
