// Register tiles, for every height, one or two vectors wide (docs/notes/gemm.md).
#include "kernels/gemm_tile.h"

#include <cstdint>
#include <utility>

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

template <class T, int Rows, int Vectors>
void tile(const T* a, const T* b, const TileWalk& walk, T* out) {
  const int64_t length = walk.length, b_step = walk.b_step, ahead = walk.b_ahead;
  Vec<T> sum[Rows][Vectors] = {};
  for (int64_t r = 0; r < walk.runs; ++r) {
    fetch_result<Rows>(walk, r, out);
    StridedRows<T, Rows> rows(a + walk.a_offset[r], walk);
    const T* b_row = b + r * walk.b_run;
    for (int64_t k = 0; k < length; ++k, b_row += b_step) {
      Vec<T> columns[Vectors];
#pragma GCC unroll 2
      for (int j = 0; j < Vectors; ++j) {
        columns[j] = load(b_row + j * lanes<T>);
        __builtin_prefetch(b_row + j * lanes<T> + ahead);
      }
#pragma GCC unroll 14
      for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 2
        for (int j = 0; j < Vectors; ++j) sum[i][j] += rows.at(i) * columns[j];
      }
      rows.advance();
    }
  }
  put_sums<T>(sum, walk, out);
}

template <class T, int... I>
constexpr Tiles<T> make_tiles(std::integer_sequence<int, I...>) {
  return {{{tile<T, I + 1, 1>, tile<T, I + 1, 2>}...}};
}

constexpr auto heights = std::make_integer_sequence<int, tile_rows>();

}  // namespace

constinit const Tiles<float> tiles_f32 = make_tiles<float>(heights);
constinit const Tiles<double> tiles_f64 = make_tiles<double>(heights);
constinit const Tiles<uint64_t> tiles_u64 = make_tiles<uint64_t>(heights);

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
