// Patches of 4 x 4 elements, two apart, as Winograd's F(2 x 2, 3 x 3) transforms them (docs/notes/conv.md).
#pragma once

#include <cstdint>

#include "kernels/conv_geometry.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t products = 16;        // of a patch
constexpr int64_t least_channels = 32;  // fewer do not pay for the transforms

/// One axis in pieces of `n` points, each of which reads all that the points' taps span.
[[gnu::always_inline]] inline Axis in_pieces(const Axis& points, int64_t n, int64_t* base) noexcept {
  const int64_t reads = n + points.span() - 1;
  for (int64_t i = 0; i < reads; ++i) base[i] = points.base[0] + i;
  return {ceil_div(points.count, n), points.source_size, n, reads, n, points.dst_first, base, nullptr};
}

/// B^T d, down one column of four.
template <class T>
struct Column {
  Vec<T> v[4];
  [[gnu::always_inline]] Column(const T* from, int64_t row) noexcept {
    const Vec<T> d0 = load(from), d1 = load(from + row), d2 = load(from + 2 * row), d3 = load(from + 3 * row);
    v[0] = d0 - d2;
    v[1] = d1 + d2;
    v[2] = d2 - d1;
    v[3] = d1 - d3;
  }
};

/// B^T d B of a row of patches that lie two pixels apart, for each channel; elements of a patch are `row` and `pixel`
/// apart. Patches go to places `step` apart.
template <class T>
[[gnu::noinline]] void transform_patches(T* to, int64_t apart, int64_t step, const T* window, int64_t row,
                                         int64_t pixel, int64_t channels, int64_t patches) {
  for (int64_t c = 0; c < channels; c += lanes<T>) {
    const T* from = window + c;
    T* out = to + c;
    Column<T> left(from, row), right(from + pixel, row);
    for (int64_t p = 0; p < patches; ++p, out += step) {
      from += 2 * pixel;
      const Column<T> next(from, row), last(from + pixel, row);
#pragma GCC unroll 4
      for (int y = 0; y < 4; ++y) {
        store(out + 4 * y * apart, left.v[y] - next.v[y]);
        store(out + (4 * y + 1) * apart, right.v[y] + next.v[y]);
        store(out + (4 * y + 2) * apart, next.v[y] - right.v[y]);
        store(out + (4 * y + 3) * apart, right.v[y] - last.v[y]);
      }
      left = next;
      right = last;
    }
  }
}

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
