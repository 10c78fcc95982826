// Few rows times a B of consecutive columns: B is read once, row after row as it lies in memory, and the sums stay in
// cache. Serves vector times matrix, and few rows times a B too large or too wide for the tiles to read in place.
#pragma once

#include <cstdint>
#include <utility>

#include "kernels/gemm_epilogue.h"
#include "kernels/gemm_scratch.h"
#include "kernels/gemm_tile.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

// Rows of A for which B is read once: eight leave its lines time to arrive.
constexpr int stream_rows = 8;

/// sums[panel][row][tile_columns] += a * b over Depth rows of b. `sum_panel` is the size of a panel of sums.
template <class T, int Rows, int Depth, class Stored>
[[gnu::noinline]] void add_rows(const Stored* a, int64_t a_row, int64_t a_col, const Stored* b, int64_t b_row,
                                int64_t columns, T* sums, int64_t sum_panel) {
  T scale[Rows][Depth];
  const Stored* row[Depth];
  for (int p = 0; p < Depth; ++p) {
    row[p] = b + p * b_row;
    for (int i = 0; i < Rows; ++i) scale[i][p] = static_cast<T>(a[i * a_row + p * a_col]);
  }
  const auto add = [&](int64_t j, const auto& load_b) __attribute__((always_inline)) {
    T* to = sums + j / tile_columns<T> * sum_panel + j % tile_columns<T>;
    Vec<T> sum[Rows];
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) sum[i] = load(to + i * tile_columns<T>);
#pragma GCC unroll 8
    for (int p = 0; p < Depth; ++p) {
      const Vec<T> v = load_b(row[p] + j);
#pragma GCC unroll 8
      for (int i = 0; i < Rows; ++i) sum[i] += scale[i][p] * v;
    }
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) store(to + i * tile_columns<T>, sum[i]);
  };
  int64_t j = 0;
  for (; j + lanes<T> <= columns; j += lanes<T>) add(j, [](const Stored* from) { return load_as<T>(from); });
  if (j < columns) add(j, [n = columns - j](const Stored* from) { return load_first_as<T>(from, n); });
}

template <class T, int Rows, class Stored>
[[gnu::always_inline]] inline void add_all_rows(const Stored* a, int64_t a_row, int64_t a_col, const Stored* b,
                                                int64_t b_row, int64_t depth, int64_t columns, T* sums,
                                                int64_t sum_panel) {
  constexpr int step = Rows <= 2 ? 8 : 4;
  if (depth == step) return add_rows<T, Rows, step>(a, a_row, a_col, b, b_row, columns, sums, sum_panel);
  for (int64_t p = 0; p < depth; ++p) {
    add_rows<T, Rows, 1>(a + p * a_col, a_row, a_col, b + p * b_row, b_row, columns, sums, sum_panel);
  }
}

template <class T, int... I, class... Args>
[[gnu::always_inline]] inline void add_rows_of(int64_t rows, std::integer_sequence<int, I...>, Args... args) {
  ((rows == I + 1 ? add_all_rows<T, I + 1>(args...) : void()), ...);
}

/// All m rows times `columns` columns of B, through the epilogue. `column` says where in C they lie.
template <class T, class Stored>
void stream_columns(const Stored* a, int64_t a_row, int64_t a_col, const Stored* b, int64_t b_row, int64_t m,
                    int64_t columns, int64_t k, T* c, int64_t c_row, int64_t column, const Epilogue<T>& epilogue) {
  const int64_t panels = ceil_div(columns, tile_columns<T>), sum_panel = m * tile_columns<T>;
  if (panels * sum_panel == 0) return;  // attention without keys or queries
  Scratch<T> sums(panels * sum_panel);
  __builtin_memset(sums.data(), 0, static_cast<std::size_t>(panels * sum_panel) * sizeof(T));
  const int64_t step = m <= 2 ? 8 : 4;
  for (int64_t p = 0; p < k; p += step) {
    const int64_t depth = min_of(step, k - p);
    const int64_t groups = ceil_div(m, stream_rows);
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t i = m * g / groups, rows = m * (g + 1) / groups - i;
      add_rows_of<T>(rows, std::make_integer_sequence<int, stream_rows>(), a + i * a_row + p * a_col, a_row, a_col,
                     b + p * b_row, b_row, depth, columns, sums.data() + i * tile_columns<T>, sum_panel);
    }
  }
  for (int64_t j = 0; j < panels; ++j) {
    const int64_t done = j * tile_columns<T>;
    store_tile(sums.data() + j * sum_panel, m, min_of(tile_columns<T>, columns - done), c + done, c_row, 0,
               column + done, epilogue);
  }
}

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
