// Register tiles, for every height, one or two vectors wide (docs/notes/gemm.md).
#include "kernels/gemm_tile.h"

#include <cstdint>
#include <utility>

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

template <class T, int Rows, int Vectors, bool packs = false>
void tile(const T* a, const T* b, const TileWalk& walk, T* out) {
  sum_tile<T, Rows, Vectors, packs>(a, b, walk, out, [](Vec<T> sum, T x, Vec<T> y) { return sum + x * y; });
}

template <class T, int... I>
constexpr Tiles<T> make_tiles(std::integer_sequence<int, I...>) {
  return {{{tile<T, I + 1, 1>, tile<T, I + 1, 2>}...}, {tile<T, I + 1, 2, true>...}};
}

constexpr auto heights = std::make_integer_sequence<int, tile_rows>();

}  // namespace

constinit const Tiles<float> tiles_f32 = make_tiles<float>(heights);
constinit const Tiles<double> tiles_f64 = make_tiles<double>(heights);
constinit const Tiles<uint64_t> tiles_u64 = make_tiles<uint64_t>(heights);

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
