// The register tiles every dense kernel is made of: a few rows times two vectors of columns, summed over k in order.
#pragma once

#include <cstdint>

#include "kernels/gemm_simd.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {

/// How a tile walks k: `runs` stretches of `length` steps. Stretch r starts a_offset[r] elements into a, and
/// r * b_run into b. Within one, a advances by a_step (1 for row pointers) and b by b_step. Each step prefetches what
/// lies b_ahead elements further in b: a few rows of a packed panel, or the next columns of a row in place.
struct TileWalk {
  int64_t runs;
  const int64_t* a_offset;
  int64_t length;
  int64_t a_step;
  int64_t b_step;
  int64_t b_run;
  int64_t b_ahead;
};

// 14 x 2 accumulators of 32 AVX-512 registers, 6 x 2 of 16: with two vectors of b and one broadcast, all are in use.
#if defined(__AVX512F__)
inline constexpr int tile_rows = 14;
#else
inline constexpr int tile_rows = 6;
#endif
inline constexpr int tile_vectors = 2;

/// Sums a[row] * b[columns] into `tile`, rows of 2 vectors (the second is left alone by one-vector tiles).
/// Indexed [rows - 1][vectors - 1].
template <class T>
struct Tiles {
  /// a[i] points at row i, whose k are consecutive.
  void (*rows[tile_rows][tile_vectors])(const T* const* a, const T* b, const TileWalk& walk, T* tile);
  /// The rows are consecutive elements; k advances by a_step.
  void (*columns[tile_rows][tile_vectors])(const T* a, const T* b, const TileWalk& walk, T* tile);
};

extern const Tiles<float> tiles_f32;
extern const Tiles<double> tiles_f64;
extern const Tiles<uint64_t> tiles_u64;

namespace {

template <class T>
[[gnu::always_inline]] inline const Tiles<T>& tiles() noexcept {
  if constexpr (__is_same(T, float))
    return tiles_f32;
  else if constexpr (__is_same(T, double))
    return tiles_f64;
  else
    return tiles_u64;
}
template <class T>
inline constexpr int tile_columns = tile_vectors * lanes<T>;

/// Tile t of `count` rows cut into near-equal tiles: 32 rows are 11 + 11 + 10, not 14 + 14 + 4.
struct RowTiles {
  int64_t rows, count;
  [[gnu::always_inline]] explicit RowTiles(int64_t n) noexcept : rows(n), count(ceil_div(n, tile_rows)) {}
  [[gnu::always_inline]] int64_t begin(int64_t t) const noexcept { return rows * t / count; }
};

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
