// Register tiles of points, for every height, one or two vectors wide (docs/notes/conv.md).
#include "kernels/conv_tile.h"

#include <cstdint>
#include <utility>

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

// Pointers that find no general register are read from memory again. Left to itself, GCC keeps some in vector
// registers, and what moves them out takes the place of a multiply-add: tiles of 11 and 13 rows lost 5 and 11 %.
constexpr int pointer_registers = 9;
constexpr int64_t weights_ahead = 24;  // rows of the panel

template <class T, int Rows, int Vectors>
void point_tile(const T* const* point, const T* panel, const PointWalk& walk, T* out) {
  constexpr int64_t width = tile_columns<T>;
  const int64_t length = walk.length;
  Vec<T> sum[Rows][Vectors] = {};
  for (int64_t r = 0; r < walk.runs; ++r) {
    const T* row[Rows];
    const T* weights = panel + walk.run[r].weights;
    for (int i = 0; i < Rows; ++i) row[i] = point[i] + walk.run[r].source;
    for (int64_t k = 0; k < length; ++k, weights += width) {
      Vec<T> columns[Vectors];
#pragma GCC unroll 2
      for (int j = 0; j < Vectors; ++j) {
        columns[j] = load(weights + j * lanes<T>);
        __builtin_prefetch(weights + j * lanes<T> + weights_ahead * width);
      }
#pragma GCC unroll 14
      for (int i = 0; i < Rows; ++i) {
        const T* const from = i < pointer_registers ? row[i] : *static_cast<const T* volatile*>(&row[i]);
#pragma GCC unroll 2
        for (int j = 0; j < Vectors; ++j) sum[i][j] += from[k] * columns[j];
      }
    }
  }
#pragma GCC unroll 14
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < Vectors; ++j) store(out + i * width + j * lanes<T>, sum[i][j]);
  }
}

template <class T, int... I>
constexpr PointTiles<T> make_tiles(std::integer_sequence<int, I...>) {
  return {{{point_tile<T, I + 1, 1>, point_tile<T, I + 1, 2>}...}};
}

constexpr auto heights = std::make_integer_sequence<int, tile_rows>();

}  // namespace

constinit const PointTiles<float> point_tiles_f32 = make_tiles<float>(heights);
constinit const PointTiles<double> point_tiles_f64 = make_tiles<double>(heights);

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
