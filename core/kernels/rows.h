// Passes over one contiguous row with vector accumulators: what softmax, norms and losses are made of.
//
// A pass takes a lambda `[&]<class V>(int64_t i, ...)` that is instantiated with V = Vec<T> for whole vectors and with
// V = T for the rest of the row; `at<V>(p + i)` and `put(p + i, v)` move either. The order of additions depends on the
// length of the row alone.
#pragma once

#include "kernels/gemm_simd.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

template <class V, class T>
[[gnu::always_inline]] inline V at(const T* from) noexcept {
  V v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}
template <class V, class T>
[[gnu::always_inline]] inline void put(T* to, V v) noexcept {
  __builtin_memcpy(to, &v, sizeof v);
}

template <class T, int Step, int... I>
[[gnu::always_inline]] inline Vec<T> exchange_lanes(Vec<T> v, std::integer_sequence<int, I...>) noexcept {
  return __builtin_shufflevector(v, v, (I ^ Step)...);
}
/// All lanes by f: neighbours first, then pairs of them, and so on.
template <class T, int Step = 1, class F>
[[gnu::always_inline]] inline T fold_lanes(Vec<T> v, F f) noexcept {
  if constexpr (Step == lanes<T>)
    return v[0];
  else
    return fold_lanes<T, 2 * Step>(f(v, exchange_lanes<T, Step>(v, std::make_integer_sequence<int, lanes<T>>())), f);
}
template <class T>
[[gnu::always_inline]] inline T lane_sum(Vec<T> v) noexcept {
  return fold_lanes<T>(v, [](Vec<T> a, Vec<T> b) { return a + b; });
}
template <class T>
[[gnu::always_inline]] inline T lane_max(Vec<T> v) noexcept {
  return fold_lanes<T>(v, [](Vec<T> a, Vec<T> b) { return a > b ? a : b; });
}

/// f<V>(i) for every i of [0, n), whole vectors first.
template <class T, class F>
[[gnu::always_inline]] inline void each(int64_t n, F f) {
  int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) f.template operator()<Vec<T>>(i);
  for (; i < n; ++i) f.template operator()<T>(i);
}

/// K sums over [0, n): f<V>(i, acc) adds the terms of element i to acc[0..K).
template <class T, int K, class F>
[[gnu::always_inline]] inline void sums(int64_t n, T* result, F f) {
  constexpr int64_t w = lanes<T>;
  constexpr int unroll = 4;
  Vec<T> acc[unroll][K] = {};
  T rest[K] = {};
  int64_t i = 0;
  for (; i + unroll * w <= n; i += unroll * w) {
#pragma GCC unroll 4
    for (int u = 0; u < unroll; ++u) f.template operator()<Vec<T>>(i + u * w, acc[u]);
  }
  for (; i + w <= n; i += w) f.template operator()<Vec<T>>(i, acc[0]);
  for (; i < n; ++i) f.template operator()<T>(i, rest);
  for (int k = 0; k < K; ++k) {
    result[k] = n < w ? rest[k] : rest[k] + lane_sum<T>((acc[0][k] + acc[1][k]) + (acc[2][k] + acc[3][k]));
  }
}

/// Sum over [0, n) of f<V>(i).
template <class T, class F>
[[gnu::always_inline]] inline T sum(int64_t n, F f) {
  T result;
  sums<T, 1>(n, &result, [&]<class V>(int64_t i, V* acc) { acc[0] += f.template operator()<V>(i); });
  return result;
}

/// The largest x[i], or -inf; NaN is passed over (the sums that follow bring it to the result).
template <class T>
[[gnu::always_inline]] inline T row_max(const T* x, int64_t n) noexcept {
  constexpr int64_t w = lanes<T>;
  const T lowest = -static_cast<T>(__builtin_inf());
  Vec<T> m[4] = {lowest - Vec<T>{}, lowest - Vec<T>{}, lowest - Vec<T>{}, lowest - Vec<T>{}};
  int64_t i = 0;
  for (; i + 4 * w <= n; i += 4 * w) {
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) {
      const Vec<T> v = load(x + i + u * w);
      m[u] = v > m[u] ? v : m[u];
    }
  }
  for (; i + w <= n; i += w) {
    const Vec<T> v = load(x + i);
    m[0] = v > m[0] ? v : m[0];
  }
  if (i < n) {
    const Vec<T> v = load_partial(x + i, n - i);
    Lanes<T> number;
    for (int l = 0; l < w; ++l) number[l] = l;
    m[1] = (v > m[1]) & (number < static_cast<LaneIndex<T>>(n - i)) ? v : m[1];
  }
  for (int u = 1; u < 4; ++u) m[0] = m[u] > m[0] ? m[u] : m[0];
  return lane_max<T>(m[0]);
}

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
