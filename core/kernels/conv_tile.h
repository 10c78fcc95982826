// The register tiles of convolutions: a few points, each with a pointer of its own, times two vectors of output
// channels.
#pragma once

#include <cstdint>

#include "kernels/gemm_tile.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {

/// A run of neighbouring taps starts so many elements after each point, and after the first weight of the panel.
struct PointRun {
  int64_t source, weights;
};

/// The runs that a tile sums over, all of `length` source elements. Each element has tile_columns weights.
struct PointWalk {
  int64_t runs;
  const PointRun* run;
  int64_t length;
};

/// Sums into `out`, rows of 2 vectors (the second is left alone by one-vector tiles). Indexed [points - 1][vectors -
/// 1].
template <class T>
struct PointTiles {
  void (*sum[tile_rows][tile_vectors])(const T* const* point, const T* panel, const PointWalk& walk, T* out);
};

extern const PointTiles<float> point_tiles_f32;
extern const PointTiles<double> point_tiles_f64;

namespace {

template <class T>
[[gnu::always_inline]] inline const PointTiles<T>& point_tiles() noexcept {
  if constexpr (__is_same(T, float))
    return point_tiles_f32;
  else
    return point_tiles_f64;
}

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
