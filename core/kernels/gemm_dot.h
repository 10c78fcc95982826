// Products whose operands both have consecutive k: dot products over vectors of k, for matrices with few rows or few
// columns, where packing would cost as much as the product.
#pragma once

#include <cstdint>

#include "kernels/gemm_epilogue.h"
#include "kernels/gemm_tile.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

inline constexpr int dot_rows = 4;

// 16 accumulators where there are 32 registers, 8 or 9 where there are 16.
template <int Rows>
inline constexpr int dot_columns = vector_bytes == 64 ? (Rows == 1   ? 8
                                                         : Rows == 3 ? 5
                                                                     : 16 / Rows)
                                                      : (Rows == 1   ? 8
                                                         : Rows == 3 ? 3
                                                                     : 8 / Rows);

/// tile[i][j] = a[i] . b[j]; a and b are Rows and dot_columns<Rows> row pointers.
template <class T, int Rows, class Stored>
[[gnu::noinline]] void dot_tile(const Stored* const* a, const Stored* const* b, int64_t k, T* tile, int64_t columns) {
  constexpr int Columns = dot_columns<Rows>;
  constexpr int groups = (Rows * Columns + lanes<T> - 1) / lanes<T>;
  Vec<T> sum[groups * lanes<T>] = {};
  int64_t p = 0;
  for (; p + lanes<T> <= k; p += lanes<T>) {
    Vec<T> row[Rows];
#pragma GCC unroll 4
    for (int i = 0; i < Rows; ++i) row[i] = load_as<T>(a[i] + p);
#pragma GCC unroll 8
    for (int j = 0; j < Columns; ++j) {
      const Vec<T> column = load_as<T>(b[j] + p);
#pragma GCC unroll 4
      for (int i = 0; i < Rows; ++i) sum[i * Columns + j] += row[i] * column;
    }
  }
  if (p < k) {
    const int64_t n = k - p;
    Vec<T> row[Rows];
#pragma GCC unroll 4
    for (int i = 0; i < Rows; ++i) row[i] = load_first_as<T>(a[i] + p, n);
#pragma GCC unroll 8
    for (int j = 0; j < Columns; ++j) {
      const Vec<T> column = load_first_as<T>(b[j] + p, n);
#pragma GCC unroll 4
      for (int i = 0; i < Rows; ++i) sum[i * Columns + j] += row[i] * column;
    }
  }
  alignas(vector_bytes) T total[groups * lanes<T>];
#pragma GCC unroll 8
  for (int g = 0; g < groups; ++g) store(total + g * lanes<T>, lane_sums<T>(sum + g * lanes<T>));
  for (int i = 0; i < Rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) tile[i * tile_columns<T> + j] = total[i * Columns + j];
  }
}

template <class T, int Rows, class Stored>
[[gnu::always_inline]] inline void dot_strip(const Stored* const* a, const Stored* b, int64_t b_col, int64_t columns,
                                             int64_t k, T* tile) {
  constexpr int step = dot_columns<Rows>;
  for (int64_t j = 0; j < columns; j += step) {
    const int64_t n = min_of(step, columns - j);
    const Stored* column[step];
    for (int i = 0; i < step; ++i) column[i] = b + (j + min_of(i, n - 1)) * b_col;  // repeats the last: not stored
    dot_tile<T, Rows>(a, column, k, tile + j, n);
  }
}

/// rows x columns of the product for one stretch of k, through the epilogue.
template <class T, class Stored>
void dot_block(const Stored* a, int64_t a_row, const Stored* b, int64_t b_col, int64_t rows, int64_t columns, int64_t k,
               T* c, int64_t c_row, int64_t row, int64_t column, const Epilogue<T>& epilogue) {
  alignas(64) T tile[dot_rows * tile_columns<T>];
  for (int64_t j = 0; j < columns; j += tile_columns<T>) {
    const int64_t width = min_of(tile_columns<T>, columns - j);
    const int64_t strips = ceil_div(rows, dot_rows);
    for (int64_t s = 0; s < strips; ++s) {
      const int64_t i = rows * s / strips, height = rows * (s + 1) / strips - i;
      const Stored* rows_of_a[dot_rows];
      for (int64_t r = 0; r < height; ++r) rows_of_a[r] = a + (i + r) * a_row;
      const Stored* b_columns = b + j * b_col;
      switch (height) {
        case 1:
          dot_strip<T, 1>(rows_of_a, b_columns, b_col, width, k, tile);
          break;
        case 2:
          dot_strip<T, 2>(rows_of_a, b_columns, b_col, width, k, tile);
          break;
        case 3:
          dot_strip<T, 3>(rows_of_a, b_columns, b_col, width, k, tile);
          break;
        default:
          dot_strip<T, 4>(rows_of_a, b_columns, b_col, width, k, tile);
          break;
      }
      store_tile(tile, height, width, c + i * c_row + j, c_row, row + i, column + j, epilogue);
    }
  }
}

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
