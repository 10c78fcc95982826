// What happens to a finished register tile on its way to memory: scale, add, bias, activation.
#pragma once

#include <cstdint>

#include "kernels/gemm.h"
#include "kernels/gemm_tile.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

template <class T>
struct Epilogue {
  T alpha = 1;
  bool accumulate = false;
  const T* column_bias = nullptr;
  const T* row_bias = nullptr;
  Activation activation = Activation::none;

  [[gnu::always_inline]] bool is_plain() const noexcept {
    return alpha == T(1) && column_bias == nullptr && row_bias == nullptr && activation == Activation::none;
  }
  /// The epilogue of one stretch of k: only the first sees what C held, only the last adds bias and activates.
  [[gnu::always_inline]] Epilogue part(bool first, bool last) const noexcept {
    Epilogue e = *this;
    e.accumulate = accumulate || !first;
    if (!last) {
      e.column_bias = e.row_bias = nullptr;
      e.activation = Activation::none;
    }
    return e;
  }
};

template <class T>
[[gnu::always_inline]] inline Vec<T> relu(Vec<T> v) noexcept {
  if constexpr (__is_same(T, uint64_t)) {
    typedef int64_t Signed __attribute__((vector_size(vector_bytes)));
    return ((Signed)v > 0) ? v : Vec<T>{};
  } else {
    return v < T(0) ? Vec<T>{} : v;  // NaN stays
  }
}

// Standard normal distribution function of -|x|, as exp2(polynomial): docs/notes/gemm.md.
template <class T>
[[gnu::always_inline]] inline T gelu_element(T x) noexcept {
  constexpr T half_root = T(0.70710678118654752440);
  if constexpr (__is_same(T, float)) return T(0.5) * x * (1.0f + __builtin_erff(x * half_root));
  else return T(0.5) * x * (1.0 + __builtin_erf(x * half_root));
}

template <class T>
[[gnu::always_inline]] inline Vec<T> activate(Vec<T> v, Activation activation) noexcept {
  if (activation == Activation::relu) return relu<T>(v);
  if constexpr (!__is_same(T, uint64_t)) {
    if (activation == Activation::gelu) {
      for (int i = 0; i < lanes<T>; ++i) v[i] = gelu_element(v[i]);
    }
  }
  return v;
}

/// Writes `rows` x `columns` of a tile to c. `row` and `column` say where in C the tile lies, for the biases.
template <class T>
[[gnu::noinline]] void store_tile(const T* tile, int64_t rows, int64_t columns, T* c, int64_t c_row, int64_t row,
                                  int64_t column, const Epilogue<T>& e) {
  const bool plain = e.is_plain();
  for (int64_t i = 0; i < rows; ++i, tile += tile_columns<T>, c += c_row) {
    for (int64_t j = 0; j < columns; j += lanes<T>) {
      const int64_t n = columns - j;
      Vec<T> v = load(tile + j);
      if (!plain) {
        v *= e.alpha;
      }
      if (e.accumulate) v += load_first(c + j, n);
      if (!plain) {
        if (e.column_bias != nullptr) v += load_first(e.column_bias + column + j, n);
        if (e.row_bias != nullptr) v += e.row_bias[row + i];
        v = activate<T>(v, e.activation);
      }
      store_first(c + j, v, n);
    }
  }
}

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
