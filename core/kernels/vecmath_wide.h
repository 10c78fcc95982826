// Functions of vecmath*.h for whole vectors, on CPUs with instructions for a number's exponent (AVX-512): a third fewer
// instructions than the compiler makes of the scalar code. Accuracy and special cases are those stated there.
#pragma once

#include "kernels/gemm_simd.h"
#include "kernels/vecmath_special.h"
#include "kernels/vecmath_trig.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {
namespace vm {

#if defined(__AVX512F__)
/// Whether there are functions of Vec<T> here.
template <class T>
inline constexpr bool is_wide = __is_same(T, float);

/// Whether exp and log are among them.
template <class T>
inline constexpr bool has_wide_exp = is_wide<T> || __is_same(T, double);

// gcc 12 takes what the forms without a mask leave out for uninitialized.
constexpr __mmask16 every = 0xffff;
constexpr __mmask8 each = 0xff;

/// NaN stays.
[[gnu::always_inline]] inline Vec<float> at_most(Vec<float> x, float high) {
  return (Vec<float>)_mm512_maskz_min_ps(every, _mm512_set1_ps(high), (__m512)x);
}
[[gnu::always_inline]] inline Vec<double> at_most(Vec<double> x, double high) {
  return (Vec<double>)_mm512_maskz_min_pd(each, _mm512_set1_pd(high), (__m512d)x);
}
[[gnu::always_inline]] inline Vec<float> abs(Vec<float> x) { return (Vec<float>)((Lanes<float>)x & 0x7fffffff); }

/// exp(x) for x up to 89, or NaN.
[[gnu::always_inline]] inline Vec<float> exp_inner(Vec<float> x) {
  const auto [shifted, r] = reduce_exp(x);
  // What becomes 0 is left out: an underflow costs the instruction some 150 cycles.
  const __mmask16 some = _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(-104.f), _CMP_NLT_UQ);
  return (Vec<float>)_mm512_maskz_scalef_ps(some, (__m512)exp_poly(r), (__m512)(shifted - kRoundF));
}
[[gnu::always_inline]] inline Vec<float> exp(Vec<float> x) { return exp_inner(at_most(x, 89.f)); }
[[gnu::always_inline]] inline Vec<double> exp(Vec<double> x) {
  const auto [shifted, r] = reduce_exp(at_most(x, 710.));
  const __mmask8 some = _mm512_cmp_pd_mask((__m512d)x, _mm512_set1_pd(-746.), _CMP_NLT_UQ);
  return (Vec<double>)_mm512_maskz_scalef_pd(some, (__m512d)exp_poly(r), (__m512d)(shifted - kRound));
}

/// factor 2^x for x up to 126, or NaN, in the lanes of `some`, 0 elsewhere: the instruction that scales rounds the
/// exponent down, so that what remains is in [0, 1). Underflow is slow. 1 ulp where factor is a power of 2.
template <float factor = 1.f>
[[gnu::always_inline]] inline Vec<float> exp2_in(__mmask16 some, Vec<float> x) {
  const auto rest = (Vec<float>)_mm512_maskz_reduce_ps(every, (__m512)x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  const Vec<float> p = poly(rest, factor, factor * 0.69314706f, factor * 0.24022909f, factor * 0.055486184f,
                            factor * 0.009673775f, factor * 0.001248229f, factor * 0.00021565972f);
  return (Vec<float>)_mm512_maskz_scalef_ps(some, (__m512)p, (__m512)x);
}
/// 2^x for x up to 126, or NaN; 0 below 2^-126. Everywhere.
[[gnu::always_inline]] inline Vec<float> exp2_weight(Vec<float> x) {
  return exp2_in(_mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(-126.f), _CMP_NLT_UQ), x);
}

[[gnu::always_inline]] inline Vec<float> log(Vec<float> x) {
  Vec<float> m = (Vec<float>)_mm512_maskz_getmant_ps(every, (__m512)x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_nan);
  Vec<float> k = (Vec<float>)_mm512_maskz_getexp_ps(every, (__m512)x);  // -inf of 0
  const __mmask16 upper = _mm512_cmp_ps_mask((__m512)m, _mm512_set1_ps(1.41421354f), _CMP_GT_OQ);
  m = (Vec<float>)_mm512_mask_mul_ps((__m512)m, upper, (__m512)m, _mm512_set1_ps(0.5f));
  k = (Vec<float>)_mm512_mask_add_ps((__m512)k, upper, (__m512)k, _mm512_set1_ps(1.f));
  const Vec<float> f = m - 1.f;
  // The two parts of ln 2 have one sign, so that infinite k stays.
  return k * 0x1.62e4p-1f + (f + (log1p_rest(f) + k * 1.42860677e-6f));
}

[[gnu::always_inline]] inline Vec<float> log1p(Vec<float> x) {
  const Vec<float> u = 1.f + x;
  const auto m = (Vec<float>)_mm512_maskz_getmant_ps(every, (__m512)u, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_nan);
  const __mmask16 upper = _mm512_cmp_ps_mask((__m512)m, _mm512_set1_ps(1.41421354f), _CMP_GT_OQ);
  __m512 k = _mm512_maskz_getexp_ps(every, (__m512)u);
  k = _mm512_mask_add_ps(k, upper, k, _mm512_set1_ps(1.f));
  // The mantissa of 1 + x from x itself, where 1 + x has rounded.
  const auto scale = (Vec<float>)_mm512_maskz_scalef_ps(every, _mm512_set1_ps(1.f), (__m512)(-(Vec<float>)k));
  const Vec<float> f = x * scale + (scale - 1.f);
  const Vec<float> result = (Vec<float>)k * 0x1.62e4p-1f + (f + (log1p_rest(f) + (Vec<float>)k * 1.42860677e-6f));
  const Vec<float> zero{}, infinite = zero + infinity<float>;
  const Vec<float> ends = u == zero ? -infinite : u == infinite ? infinite : zero + nan<float>;
  return x == zero ? x : (u > zero) & (u < infinite) ? result : ends;
}
/// log(1 + exp(-a)) for a >= 0.
[[gnu::always_inline]] inline Vec<float> log1p_exp_neg(Vec<float> a) {
  const Vec<float> e = exp(-a), zero{};
  const Vec<float> f = e > 0.41421356f ? 0.5f * e - 0.5f : e, k = e > 0.41421356f ? zero + 1.f : zero;
  return k * 0x1.62e4p-1f + (f + (log1p_rest(f) + k * 1.42860677e-6f));
}

[[gnu::always_inline]] inline Vec<double> log(Vec<double> x) {
  Vec<double> m = (Vec<double>)_mm512_maskz_getmant_pd(each, (__m512d)x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_nan);
  Vec<double> k = (Vec<double>)_mm512_maskz_getexp_pd(each, (__m512d)x);
  const __mmask8 upper = _mm512_cmp_pd_mask((__m512d)m, _mm512_set1_pd(1.4142135623730951), _CMP_GT_OQ);
  m = (Vec<double>)_mm512_mask_mul_pd((__m512d)m, upper, (__m512d)m, _mm512_set1_pd(0.5));
  k = (Vec<double>)_mm512_mask_add_pd((__m512d)k, upper, (__m512d)k, _mm512_set1_pd(1.));
  const Vec<double> f = m - 1.;
  return k * 0x1.62e42feep-1 + (f + (log1p_rest(f) + k * 0x1.a39ef35793c76p-33));
}

[[gnu::always_inline]] inline Vec<float> normal_cdf(Vec<float> x) {
  const Vec<float> a = abs(x);
  const __mmask16 some = _mm512_cmp_ps_mask((__m512)a, _mm512_set1_ps(10.f), _CMP_NGT_UQ);
  const Vec<float> tail = exp2_in<0.5f>(some, log2_twice_tail(a));
  const __mmask16 upper = _mm512_cmp_ps_mask((__m512)x, _mm512_setzero_ps(), _CMP_GE_OQ);
  return (Vec<float>)_mm512_mask_sub_ps((__m512)tail, upper, _mm512_set1_ps(1.f), (__m512)tail);
}

/// 1 / d within 0.6 ulp, for d whose inverse is normal; Newton's step from 14 bits takes a third of a division.
[[gnu::always_inline]] inline Vec<float> reciprocal(Vec<float> d) {
  const auto y = (Vec<float>)_mm512_maskz_rcp14_ps(every, (__m512)d);
  return y + y * (1.f - d * y);
}
/// 1.5 ulp.
[[gnu::always_inline]] inline Vec<float> rsqrt(Vec<float> x) {
  const auto y = (Vec<float>)_mm512_maskz_rsqrt14_ps(every, (__m512)x);
  const Vec<float> rest = 1.f - x * y * y;
  // 0 and infinity have their result already, and leave NaN.
  const __mmask16 some = _mm512_cmp_ps_mask((__m512)rest, (__m512)rest, _CMP_ORD_Q);
  return (Vec<float>)_mm512_mask3_fmadd_ps((__m512)(0.5f * y), (__m512)rest, (__m512)y, some);
}
/// n / (1 + exp(-x)), n 0 where x is below -88.72 and exp(-x) infinite; the quotient is rounded nearly as by a
/// division.
[[gnu::always_inline]] inline Vec<float> logistic(Vec<float> n, Vec<float> x) {
  const __mmask16 none = _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(-88.72f), _CMP_LT_OQ);
  const Vec<float> d = 1.f + exp_inner(at_most(-x, 88.72f)), y = reciprocal(d), q = n * y, rest = n - d * q;
  // Of 0 and infinity q is the result already.
  const __mmask16 some = _mm512_cmp_ps_mask((__m512)rest, _mm512_setzero_ps(), _CMP_NEQ_OQ);
  const __m512 result = _mm512_mask3_fmadd_ps((__m512)y, (__m512)rest, (__m512)q, some);
  return (Vec<float>)_mm512_mask_mul_ps(result, none, (__m512)n, _mm512_setzero_ps());
}

/// Up to here sines of vectors reduce their argument in float32: n pi/2 in three parts, of which the first leaves an
/// exact difference, and the third is added last. 1.6 ulp as those of numbers.
constexpr float kNearTrig = 0x1p15f;

/// Whether no element is farther from 0. NaN is not.
template <int64_t count>
[[gnu::always_inline]] inline bool are_near(const float* x) {
  __mmask16 far = 0;
  for (int64_t k = 0; k < count; k += lanes<float>)
    far |= _mm512_cmp_ps_mask((__m512)abs(load(x + k)), _mm512_set1_ps(kNearTrig), _CMP_GT_OQ);
  return far == 0;
}
/// sin(x + quarters pi/2).
template <uint32_t quarters>
[[gnu::always_inline]] inline Vec<float> near_sin(Vec<float> x) {
  using Words = uint32_t __attribute__((vector_size(vector_bytes)));
  const auto minus = [](Vec<float> from, Vec<float> n, float part) {
    return (Vec<float>)_mm512_fnmadd_ps((__m512)n, _mm512_set1_ps(part), (__m512)from);
  };
  const Vec<float> shifted = x * 0.636619747f + kRoundF, n = shifted - kRoundF;
  const Vec<float> r = minus(minus(x, n, 1.57079637f), n, -4.37113883e-8f);
  const Words quadrant = (Words)shifted + quarters;
  const Vec<float> sine = r + (sin_rest(r) + n * 1.71512489e-15f);
  const Vec<float> value = (quadrant & 1u) != 0u ? cos_poly(r) : sine;
  return (Vec<float>)((Words)value ^ ((quadrant & 2u) << 30));
}
[[gnu::always_inline]] inline Vec<float> sin(Vec<float> x) { return x == 0.f ? x : near_sin<0>(x); }
[[gnu::always_inline]] inline Vec<float> cos(Vec<float> x) { return near_sin<1>(x); }
#else
[[gnu::always_inline]] inline Vec<float> exp2_weight(Vec<float> x) {
  float y[lanes<float>];
  store(y, x);
  for (int i = 0; i < lanes<float>; ++i) y[i] = exp2(y[i]);
  return load(y);
}
// Named by code that is never compiled here, which looks them up all the same.
template <int64_t count>
bool are_near(const float* x) = delete;
template <class V>
V rsqrt(V x) = delete;
template <class V>
V logistic(V n, V x) = delete;
template <class V>
V reciprocal(V d) = delete;
template <class T>
inline constexpr bool is_wide = false;
template <class T>
inline constexpr bool has_wide_exp = false;
#endif

}  // namespace vm

/// One group of a pointwise loop by vectors: f(Vec<T>...).
template <int64_t count, class T, class F, class... In>
[[gnu::always_inline]] inline void by_vectors(const F& f, T* out, const In*... in) noexcept {
#pragma GCC unroll 4
  for (int64_t k = 0; k < count; k += lanes<T>) store<T>(out + k, f(load(in + k)...));
}

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
