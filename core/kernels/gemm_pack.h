// Copies of A and B in the order the register tiles read them.
#pragma once

#include <cstdint>

#include "kernels/gemm_tile.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

template <class T, class Stored>
[[gnu::always_inline]] inline void copy_run(T* to, const Stored* from, int64_t n) noexcept {
  int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) {
    __builtin_prefetch(from + i + 32 * lanes<T>);  // beyond the page that the hardware looks ahead in
    store(to + i, load_as<T>(from + i));
  }
  if (i < n) store_partial(to + i, load_first_as<T>(from + i, n - i), n - i);
}

enum class Strip { exact, whole };

/// Transposes `rows` rows of `length` consecutive elements (row stride `from_row`) so that element (i, p) lands at
/// to[place(p) * to_row + i]. 0 < rows <= lanes. Exact writes those elements alone; otherwise whole vectors are
/// written, and columns rows .. lanes-1 of `to` become zero.
template <class T, Strip kind, class Stored, class Place>
[[gnu::always_inline]] inline void transpose_strip(T* to, int64_t to_row, const Stored* from, int64_t from_row,
                                                   int64_t rows, int64_t length, Place place) noexcept {
  for (int64_t p = 0; p < length; p += lanes<T>) {
    Vec<T> square[lanes<T>];
    const int64_t n = min_of(lanes<T>, length - p);
    for (int64_t i = 0; i < rows; ++i) __builtin_prefetch(from + (rows + i) * from_row + p);  // the next strip
    if (n == lanes<T> && rows == lanes<T>) {
#pragma GCC unroll 16
      for (int i = 0; i < lanes<T>; ++i) square[i] = load_as<T>(from + i * from_row + p);
    } else {
#pragma GCC unroll 16
      for (int i = 0; i < lanes<T>; ++i) square[i] = i < rows ? load_first_as<T>(from + i * from_row + p, n) : Vec<T>{};
    }
    transpose<T>(square);
    if (n == lanes<T> && (kind == Strip::whole || rows == lanes<T>)) {
#pragma GCC unroll 16
      for (int i = 0; i < lanes<T>; ++i) store(to + place(p + i) * to_row, square[i]);
    } else {
#pragma GCC unroll 16
      for (int i = 0; i < lanes<T>; ++i) {
        if (i < n) store_first(to + place(p + i) * to_row, square[i], kind == Strip::whole ? lanes<T> : rows);
      }
    }
  }
}

/// Panel of B, k rows of tile_columns, from `columns` columns; missing ones become zero up to a whole vector.
template <class T, class Stored>
[[gnu::noinline]] void pack_columns(T* to, const Stored* b, int64_t b_row, int64_t b_col, int64_t k, int64_t columns) {
  constexpr int64_t width = tile_columns<T>, ahead = 16;
  if (b_col == 1 && columns == width) {
    for (int64_t p = 0; p < k; ++p) {
      const Stored* const row = b + p * b_row;
#pragma GCC unroll 2
      for (int j = 0; j < tile_vectors; ++j) {
        __builtin_prefetch(row + ahead * b_row + j * lanes<T>);
        store(to + p * width + j * lanes<T>, load_as<T>(row + j * lanes<T>));
      }
    }
    return;
  }
  for (int64_t j = 0; j < columns; j += lanes<T>) {
    const int64_t n = min_of(lanes<T>, columns - j);
    if (b_col == 1) {
      if (n == lanes<T>) {
        for (int64_t p = 0; p < k; ++p) store(to + p * width + j, load_as<T>(b + p * b_row + j));
      } else {
        for (int64_t p = 0; p < k; ++p) store(to + p * width + j, load_first_as<T>(b + p * b_row + j, n));
      }
    } else if (b_row == 1) {
      transpose_strip<T, Strip::whole>(to + j, width, b + j * b_col, b_col, n, k, [](int64_t p) { return p; });
    } else {
      for (int64_t p = 0; p < k; ++p) {
        for (int64_t i = 0; i < lanes<T>; ++i) {
          to[p * width + j + i] = i < n ? static_cast<T>(b[p * b_row + (j + i) * b_col]) : T(0);
        }
      }
    }
  }
}

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
