// Sums of exponentials of a row or of a block of columns: the common part of softmax and cross entropy.
#pragma once

#include "kernels/rows.h"
#include "kernels/vecmath.h"
#include "kernels/vecmath_wide.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

inline constexpr int64_t exp_block = 512;     ///< elements exponentiated before they are summed, while in L1
inline constexpr int64_t column_block = 128;  ///< neighbouring columns reduced together when inner > 1

/// exp_row() in whole vectors, the last one too; nothing is written to a null y. Every block has a sum of its own.
template <class T>
[[gnu::always_inline]] inline T exp_vectors(const T* x, T m, int64_t n, T* y) noexcept {
  constexpr int64_t width = lanes<T>;
  constexpr int unroll = 4;
  Lanes<T> number;
  for (int l = 0; l < width; ++l) number[l] = l;
  Vec<T> total{};
  int64_t i = 0;
  while (i < n) {
    Vec<T> acc[unroll] = {};
    const int64_t last = min_of(n, i + exp_block);
    for (; i + unroll * width <= last; i += unroll * width) {
#pragma GCC unroll 4
      for (int u = 0; u < unroll; ++u) {
        const Vec<T> e = vm::exp(load(x + i + u * width) - m);
        if (y != nullptr) store(y + i + u * width, e);
        acc[u] += e;
      }
    }
    for (; i < last; i += width) {
      const int64_t count = min_of(width, last - i);
      const Vec<T> e = vm::exp(load_first(x + i, count) - m);
      if (y != nullptr) store_first(y + i, e, count);
      acc[0] += number < static_cast<LaneIndex<T>>(count) ? e : Vec<T>{};
    }
    total += (acc[0] + acc[1]) + (acc[2] + acc[3]);
  }
  return lane_sum<T>(total);
}

/// y = exp(x - m); returns the sum.
template <class T>
[[gnu::always_inline]] inline T exp_row(const T* x, T m, int64_t n, T* y) noexcept {
  if constexpr (vm::has_wide_exp<T>) return exp_vectors(x, m, n, y);
  T total = 0;
  for (int64_t b = 0; b < n; b += exp_block) {
    const int64_t count = min_of(exp_block, n - b);
    const T* in = x + b;
    T* out = y + b;
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) out[i] = vm::exp(in[i] - m);
    total += sum<T>(count, [&]<class V>(int64_t i) { return at<V>(out + i); });
  }
  return total;
}

/// The sum of exp(x - m).
template <class T>
[[gnu::always_inline]] inline T sum_exp_row(const T* x, T m, int64_t n) noexcept {
  if constexpr (vm::has_wide_exp<T>) return exp_vectors(x, m, n, static_cast<T*>(nullptr));
  T buffer[exp_block];
  T total = 0;
  for (int64_t b = 0; b < n; b += exp_block) total += exp_row(x + b, m, min_of(exp_block, n - b), buffer);
  return total;
}

/// m[j] = max over i of x[i * inner + j]; NaN is passed over.
template <class T>
[[gnu::always_inline]] inline void column_max(const T* x, int64_t n, int64_t inner, int64_t columns, T* m) noexcept {
  for (int64_t j = 0; j < columns; ++j) m[j] = -vm::infinity<T>;
  for (int64_t i = 0; i < n; ++i) {
    const T* row = x + i * inner;
    for (int64_t j = 0; j < columns; ++j) m[j] = row[j] > m[j] ? row[j] : m[j];
  }
}

/// s[j] = sum over i of exp(x[i * inner + j] - m[j]).
template <class T>
[[gnu::always_inline]] inline void column_sum_exp(const T* x, int64_t n, int64_t inner, int64_t columns, const T* m,
                                                  T* s) noexcept {
  for (int64_t j = 0; j < columns; ++j) s[j] = 0;
  for (int64_t i = 0; i < n; ++i) {
    const T* row = x + i * inner;
    for (int64_t j = 0; j < columns; ++j) s[j] += vm::exp(row[j] - m[j]);
  }
}

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
