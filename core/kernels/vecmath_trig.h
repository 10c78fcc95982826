// Trigonometric functions and their inverses. Accuracy as in vecmath.h; docs/notes/vecmath.md.
#pragma once

#include "kernels/vecmath.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {
namespace vm {

/// Up to here sin, cos and tan of a float reduce their argument well; past it the functor calls the C library.
inline constexpr float kTrigLimit = 0x1p25f;

/// x as n pi/2 + r, |r| <= pi/4, reduced in double: r is right to a float's last place however small it is.
struct TrigReduction {
  float r;
  uint32_t n;  ///< modulo 2^32
};
[[gnu::always_inline]] inline TrigReduction reduce_trig(float x) {
  const auto d = static_cast<double>(x);
  const double t = d * 0x1.45f306dc9c883p-1 + kRound;
  const double n = t - kRound;
  const double r = (d - n * 0x1.921fb54p+0) - n * 0x1.10b4611a62633p-30;
  return {static_cast<float>(r), static_cast<uint32_t>(bits<uint64_t>(t))};
}
/// sin(r) - r, for a number or a vector of them.
template <class V>
[[gnu::always_inline]] inline V sin_rest(V r) {
  const V z = r * r;
  return r * z * poly(z, -1.6666654e-01f, 8.33211e-03f, -1.9508562e-04f);
}
template <class V>
[[gnu::always_inline]] inline V cos_poly(V r) {
  const V z = r * r;
  return 1.f - (0.5f * z - z * z * poly(z, 4.1666646e-02f, -1.3887302e-03f, 2.4430881e-05f));
}
[[gnu::always_inline]] inline float quadrant(TrigReduction a, uint32_t n) {
  const float value = n & 1u ? cos_poly(a.r) : a.r + sin_rest(a.r);
  return bits<float>(bits<uint32_t>(value) ^ ((n & 2u) << 30));
}

// f32, |x| <= kTrigLimit: 1.6 ulp (tan: 3 ulp). f64: the C library's.

[[gnu::always_inline]] inline float sin(float x) {
  const TrigReduction a = reduce_trig(x);
  return x == 0.f ? x : quadrant(a, a.n);
}
[[gnu::always_inline]] inline float cos(float x) {
  const TrigReduction a = reduce_trig(x);
  return quadrant(a, a.n + 1u);
}
[[gnu::always_inline]] inline float tan(float x) {
  const TrigReduction a = reduce_trig(x);
  const float z = a.r * a.r;
  const float t = a.r + a.r * z *
                            poly(z, 3.3333355e-01f, 1.3332486e-01f, 5.407933e-02f, 2.1184213e-02f, 1.1085588e-02f,
                                 -2.2319486e-04f, 4.5290794e-03f);
  const float value = a.n & 1u ? -1.f / t : t;
  return x == 0.f ? x : value;
}
[[gnu::always_inline]] inline double sin(double x) { return ::sin(x); }
[[gnu::always_inline]] inline double cos(double x) { return ::cos(x); }
[[gnu::always_inline]] inline double tan(double x) { return ::tan(x); }

// Inverses.

/// asin(x) for |x| <= 1/2.
[[gnu::always_inline]] inline float asin_poly(float x) {
  const float z = x * x;
  return x + x * z * poly(z, 1.6666755e-01f, 7.495202e-02f, 4.5481678e-02f, 2.4125928e-02f, 4.2254686e-02f);
}
/// f32: 2.5 ulp. f64: the C library's.
[[gnu::always_inline]] inline float asin(float x) {
  const float a = abs(x);
  const bool outer = a > 0.5f;
  const float p = asin_poly(outer ? sqrt(0.5f - 0.5f * a) : a);
  return copysign(outer ? 1.57079637f - (2.f * p + 4.37113883e-8f) : p, x);
}
/// f32: 2 ulp. f64: the C library's.
[[gnu::always_inline]] inline float acos(float x) {
  const float a = abs(x);
  const bool outer = a > 0.5f;
  const float p = asin_poly(outer ? sqrt(0.5f - 0.5f * a) : x);
  const float middle = 1.57079637f - (p + 4.37113883e-8f);
  const float right = 2.f * p;
  const float left = 3.14159274f - (right + 8.74227766e-8f);
  return outer ? (x < 0.f ? left : right) : middle;
}
[[gnu::always_inline]] inline float atan_poly(float x) {
  const float z = x * x;
  return x + x * z *
                 poly(z, -3.3333302e-01f, 1.9998626e-01f, -1.4265093e-01f, 1.0956681e-01f, -8.416589e-02f,
                      5.818152e-02f, -3.1399295e-02f, 1.1032371e-02f, -1.819666e-03f);
}
/// f32: 2 ulp. f64: the C library's.
[[gnu::always_inline]] inline float atan(float x) {
  const float a = abs(x);
  const bool outer = a > 1.f;
  const float p = atan_poly(outer ? 1.f / a : a);
  return copysign(outer ? 1.57079637f - (p + 4.37113883e-8f) : p, x);
}
/// The angle of the point (x, y). f32: 3 ulp; signed zeros and infinities as C's atan2. f64: the C library's.
[[gnu::always_inline]] inline float atan2(float y, float x) {
  const float a = abs(x), b = abs(y);
  const bool steep = b > a;
  const float large = steep ? b : a, small = steep ? a : b;
  // Scaled, so that neither a huge nor a subnormal pair loses its quotient.
  const float scale = large > 0x1p100f ? 0x1p-64f : large < 0x1p-60f ? 0x1p64f : 1.f;
  const float quotient = (small * scale) / (large * scale);
  const float ends = large == 0.f ? 0.f : 1.f;
  const float ratio = (large == 0.f) | (small == infinity<float>) ? ends : quotient;
  const float p = atan_poly(ratio);
  const float first = steep ? 1.57079637f - (p + 4.37113883e-8f) : p;
  const float angle = bits<int32_t>(x) < 0 ? 3.14159274f - (first + 8.74227766e-8f) : first;
  return x != x || y != y ? nan<float> : copysign(angle, y);
}
[[gnu::always_inline]] inline double asin(double x) { return ::asin(x); }
[[gnu::always_inline]] inline double acos(double x) { return ::acos(x); }
[[gnu::always_inline]] inline double atan(double x) { return ::atan(x); }
[[gnu::always_inline]] inline double atan2(double y, double x) { return ::atan2(y, x); }

}  // namespace vm
}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
