// What happens to a finished register tile on its way to memory: scale, add, bias, activation.
#pragma once

#include <cstdint>

#include "kernels/gemm.h"
#include "kernels/gemm_tile.h"
#include "kernels/vecmath_wide.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

template <class T>
struct Epilogue {
  T alpha = 1;
  bool accumulate = false;
  const T* column_bias = nullptr;
  const T* row_bias = nullptr;
  Activation activation = Activation::none;

  /// Whether a tile of whole vectors can write its sums itself.
  [[gnu::always_inline]] bool is_simple() const noexcept {
    return alpha == T(1) && row_bias == nullptr && activation == Activation::none;
  }
  [[gnu::always_inline]] const T* bias_at(int64_t column) const noexcept {
    return column_bias == nullptr ? nullptr : column_bias + column;
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

template <class T>
[[gnu::always_inline]] inline Vec<T> finish(Vec<T> v, const T* c, int64_t i, int64_t j, int64_t n, int64_t row,
                                            int64_t column, const Epilogue<T>& e) noexcept {
  v *= e.alpha;
  if (e.accumulate) v += load_first(c + j, n);
  if (e.column_bias != nullptr) v += load_first(e.column_bias + column + j, n);
  if (e.row_bias != nullptr) v += e.row_bias[row + i];
  return v;
}

/// In place over a whole tile row, so that the compiler vectorises it.
template <class T>
[[gnu::noinline]] void gelu_row(T* row) noexcept {
  if constexpr (vm::is_wide<T>) {
    by_vectors<tile_columns<T>>([](auto x) { return x * vm::normal_cdf(x); }, row, row);
  } else if constexpr (!__is_same(T, uint64_t)) {
    for (int i = 0; i < tile_columns<T>; ++i) row[i] *= vm::normal_cdf(row[i]);
  }
}

/// Writes `rows` x `columns` of a tile to c, and leaves the tile in any state. `row` and `column` say where in C it
/// lies, for the biases.
template <class T>
[[gnu::noinline]] void store_tile(T* tile, int64_t rows, int64_t columns, T* c, int64_t c_row, int64_t row,
                                  int64_t column, const Epilogue<T>& e) {
  const bool plain = e.is_simple() && e.column_bias == nullptr;
  for (int64_t i = 0; i < rows; ++i, tile += tile_columns<T>, c += c_row) {
    if (e.activation == Activation::gelu) {
      for (int64_t j = 0; j < columns; j += lanes<T>) {
        store(tile + j, finish(load(tile + j), c, i, j, columns - j, row, column, e));
      }
      gelu_row(tile);
    }
    for (int64_t j = 0; j < columns; j += lanes<T>) {
      const int64_t n = columns - j;
      Vec<T> v = load(tile + j);
      if (plain) {
        if (e.accumulate) v += load_first(c + j, n);
      } else if (e.activation != Activation::gelu) {
        v = finish(v, c, i, j, n, row, column, e);
        if (e.activation == Activation::relu) v = relu<T>(v);
      }
      store_first(c + j, v, n);
    }
  }
}

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
