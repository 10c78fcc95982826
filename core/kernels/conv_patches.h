// How correlations fall into patches that take fewer products than terms: Winograd's schemes for one axis, their
// nesting for two, and axes cut into patches and chunks of taps (docs/notes/conv.md).
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.
#pragma once

#include <cstdint>

#include "kernels/conv_geometry.h"
#include "kernels/conv_tile.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t least_channels = 32;  // fewer do not pay for the transforms

// A scheme gives `results` neighbours of a correlation with `taps` taps as sums of `products` products: A^T [(G w)
// (B^T d)] with `source` for B^T, in place, `weights` for G and `sums` for A^T. The gradient of the weight is the
// adjoint in w, G^T [(A g) (B^T d)], with `gradient` for A and `terms` for G^T. The last product is that of the last
// tap, and nothing else depends on the last element of d.

/// One tap.
struct Single {
  static constexpr int results = 1, taps = 1, products = 1;
  template <class V>
  [[gnu::always_inline]] static void source(V*) noexcept {}
  template <class V>
  [[gnu::always_inline]] static void weights(V* v, const V* w) noexcept {
    v[0] = w[0];
  }
  template <class V>
  [[gnu::always_inline]] static void sums(V* y, const V* m) noexcept {
    y[0] = m[0];
  }
  template <class V>
  [[gnu::always_inline]] static void gradient(V* v, const V* g) noexcept {
    v[0] = g[0];
  }
  template <class V>
  [[gnu::always_inline]] static void terms(V* w, const V* m) noexcept {
    w[0] = m[0];
  }
};

/// F(2, 2) at 0, 1 and infinity.
struct Pair {
  static constexpr int results = 2, taps = 2, products = 3;
  template <class V>
  [[gnu::always_inline]] static void source(V* d) noexcept {
    d[0] -= d[1];
    d[2] = d[1] - d[2];
  }
  template <class V>
  [[gnu::always_inline]] static void weights(V* v, const V* w) noexcept {
    v[0] = w[0], v[1] = w[0] + w[1], v[2] = w[1];
  }
  template <class V>
  [[gnu::always_inline]] static void sums(V* y, const V* m) noexcept {
    y[0] = m[0] + m[1], y[1] = m[1] - m[2];
  }
  template <class V>
  [[gnu::always_inline]] static void gradient(V* v, const V* g) noexcept {
    v[0] = g[0], v[1] = g[0] + g[1], v[2] = -g[1];
  }
  template <class V>
  [[gnu::always_inline]] static void terms(V* w, const V* m) noexcept {
    w[0] = m[0] + m[1], w[1] = m[1] + m[2];
  }
};

/// F(2, 3) at 0, 1, -1 and infinity.
struct Triple {
  static constexpr int results = 2, taps = 3, products = 4;
  template <class V>
  [[gnu::always_inline]] static void source(V* d) noexcept {
    const V d1 = d[1];
    d[0] -= d[2];
    d[1] += d[2];
    d[2] -= d1;
    d[3] = d1 - d[3];
  }
  template <class V>
  [[gnu::always_inline]] static void weights(V* v, const V* w) noexcept {
    const V ends = w[0] + w[2];
    v[0] = w[0];
    v[1] = 0.5f * (ends + w[1]);
    v[2] = 0.5f * (ends - w[1]);
    v[3] = w[2];
  }
  template <class V>
  [[gnu::always_inline]] static void sums(V* y, const V* m) noexcept {
    y[0] = m[0] + m[1] + m[2];
    y[1] = m[1] - m[2] - m[3];
  }
  template <class V>
  [[gnu::always_inline]] static void gradient(V* v, const V* g) noexcept {
    v[0] = g[0], v[1] = g[0] + g[1], v[2] = g[0] - g[1], v[3] = -g[1];
  }
  template <class V>
  [[gnu::always_inline]] static void terms(V* w, const V* m) noexcept {
    const V m1 = 0.5f * m[1], m2 = 0.5f * m[2], both = m1 + m2;
    w[0] = m[0] + both, w[1] = m1 - m2, w[2] = both + m[3];
  }
};

/// F(4, 3) at 0, 1/2, -1/2, 3/2, -3/2 and infinity, for gradients of weights alone, whose errors are small.
struct Quad {
  static constexpr int results = 4, taps = 3, products = 6;
  template <class V>
  [[gnu::always_inline]] static void source(V* d) noexcept {
    const V near_even = d[4] - 2.25f * d[2], near_odd = 0.5f * (d[3] - 2.25f * d[1]);
    const V far_even = d[4] - 0.25f * d[2], far_odd = 1.5f * (d[3] - 0.25f * d[1]);
    d[0] = (0.5625f * d[0] - 2.5f * d[2]) + d[4];
    d[5] = (0.5625f * d[1] - 2.5f * d[3]) + d[5];
    d[1] = near_even + near_odd, d[2] = near_even - near_odd;
    d[3] = far_even + far_odd, d[4] = far_even - far_odd;
  }
  template <class V>
  [[gnu::always_inline]] static void gradient(V* v, const V* g) noexcept {
    const V near_even = g[0] + 0.25f * g[2], near_odd = 0.5f * g[1] + 0.125f * g[3];
    const V far_even = g[0] + 2.25f * g[2], far_odd = 1.5f * g[1] + 3.375f * g[3];
    v[0] = g[0];
    v[1] = near_even + near_odd, v[2] = near_even - near_odd;
    v[3] = far_even + far_odd, v[4] = far_even - far_odd;
    v[5] = g[3];
  }
  template <class V>
  [[gnu::always_inline]] static void terms(V* w, const V* m) noexcept {
    constexpr float ninth = 1.0f / 9;
    const V near_even = m[1] + m[2], near_odd = m[1] - m[2], far_even = m[3] + m[4], far_odd = m[3] - m[4];
    w[0] = 16 * ninth * m[0] + ninth * far_even - near_even;
    w[1] = 1.5f * ninth * far_odd - 0.5f * near_odd;
    w[2] = 0.25f * far_even - 0.25f * near_even + m[5];
  }
};

/// Scheme Y down and X across a row of patches, for each channel: elements of a patch are `row` and `pixel` apart.
/// Patches go to places `step` apart, products `apart`.
template <class T, class Y, class X>
[[gnu::noinline]] void transform_patches(T* to, int64_t apart, int64_t step, const T* window, int64_t row,
                                         int64_t pixel, int64_t channels, int64_t patches) {
  constexpr int shared = X::products - X::results;  // columns that a patch shares with the next
  for (int64_t c = 0; c < channels; c += lanes<T>) {
    const T* from = window + c;
    T* out = to + c;
    Vec<T> column[X::products][Y::products];
    const auto read = [&](int x) __attribute__((always_inline)) {
#pragma GCC unroll 4
      for (int y = 0; y < Y::products; ++y) column[x][y] = load(from + x * pixel + y * row);
      Y::source(column[x]);
    };
#pragma GCC unroll 6
    for (int x = 0; x < shared; ++x) read(x);
    for (int64_t p = 0; p < patches; ++p, from += X::results * pixel, out += step) {
#pragma GCC unroll 6
      for (int x = shared; x < X::products; ++x) read(x);
#pragma GCC unroll 4
      for (int y = 0; y < Y::products; ++y) {
        Vec<T> v[X::products];
#pragma GCC unroll 6
        for (int x = 0; x < X::products; ++x) v[x] = column[x][y];
        X::source(v);
#pragma GCC unroll 6
        for (int x = 0; x < X::products; ++x) store(out + (y * X::products + x) * apart, v[x]);
      }
#pragma GCC unroll 4
      for (int x = 0; x < shared; ++x) {
#pragma GCC unroll 4
        for (int y = 0; y < Y::products; ++y) column[x][y] = column[x + X::results][y];
      }
    }
  }
}

/// Both axes of a transform of InY x InX vectors to OutY x OutX: `down` every column that `read` (y, x) gives, `across`
/// every row of those, to `write` (y, x, vector).
template <class T, int InY, int InX, int OutY, int OutX>
[[gnu::always_inline]] inline void transform_both(const auto& read, const auto& down, const auto& across,
                                                  const auto& write) noexcept {
  Vec<T> half[InX][OutY];
#pragma GCC unroll 6
  for (int x = 0; x < InX; ++x) {
    Vec<T> column[InY];
#pragma GCC unroll 4
    for (int y = 0; y < InY; ++y) column[y] = read(y, x);
    down(half[x], column);
  }
#pragma GCC unroll 4
  for (int y = 0; y < OutY; ++y) {
    Vec<T> row[InX], out[OutX];
#pragma GCC unroll 6
    for (int x = 0; x < InX; ++x) row[x] = half[x][y];
    across(out, row);
#pragma GCC unroll 6
    for (int x = 0; x < OutX; ++x) write(y, x, out[x]);
  }
}

/// Whether all lanes are zero, and not NaN.
template <class T>
[[gnu::always_inline]] inline bool is_zero(Vec<T> v) noexcept {
  bool zero = true;
  for (int l = 0; l < lanes<T>; ++l) zero &= v[l] == 0;
  return zero;
}

/// The sizes of a scheme for an axis.
struct SchemeSize {
  int64_t results, taps, products;
};
template <class Y, class X>
constexpr SchemeSize scheme_sizes[2] = {{Y::results, Y::taps, Y::products}, {X::results, X::taps, X::products}};

/// Neighbouring taps that one scheme takes together; those of its other taps are zero.
struct Chunk {
  int64_t first, taps, offset;  ///< the first, how many, and source elements from the axis's first tap
};

/// An axis in patches. Taps and steps that are not one apart make phases: of the taps, whose chunks read other
/// elements, and of the points, whose patches lie side by side.
struct PatchAxis {
  int64_t apart;      ///< source elements from one of a patch to the next
  int64_t step;       ///< source elements from point to point
  int64_t phases;     ///< points from one of a patch to the next
  int64_t tap_step;   ///< taps from one of a chunk to the next
  int64_t count = 0;  ///< of chunks
  Scratch<Chunk> chunks;
  SchemeSize size;

  static constexpr int64_t most_apart = 2;
  static int64_t apart_of(const Axis& a) noexcept {
    const int64_t taps_apart = a.taps > 1 ? a.base[1] - a.base[0] : 1;
    for (int64_t t = 1; t < a.taps; ++t) {
      if (a.base[t] - a.base[t - 1] != taps_apart) return most_apart + 1;
    }
    return max_of(taps_apart, a.step) <= most_apart ? max_of(taps_apart, a.step) : most_apart + 1;
  }
  /// The most taps that a phase has.
  static int64_t most_taps(const Axis& a) noexcept {
    return ceil_div(a.taps, a.taps > 1 ? apart_of(a) / (a.base[1] - a.base[0]) : 1);
  }

  PatchAxis(const Axis& a, SchemeSize scheme)
      : apart(apart_of(a)),
        step(a.step),
        phases(apart / a.step),
        tap_step(a.taps > 1 ? apart / (a.base[1] - a.base[0]) : 1),
        chunks(a.taps),
        size(scheme) {
    for (int64_t phase = 0; phase < tap_step; ++phase) {
      const int64_t taps = ceil_div(a.taps - phase, tap_step), parts = ceil_div(taps, size.taps);
      for (int64_t i = 0; i < parts; ++i) {
        const int64_t begin = taps * i / parts, first = phase + tap_step * begin;
        chunks[count++] = {first, taps * (i + 1) / parts - begin, a.base[first] - a.base[0]};
      }
    }
  }

  /// Points of a piece: the patches of all phases.
  int64_t points() const noexcept { return size.results * phases; }
  /// Source elements that a piece reads.
  int64_t reads() const noexcept {
    int64_t offset = 0;
    for (int64_t i = 0; i < count; ++i) offset = max_of(offset, chunks[i].offset);
    return offset + (size.products - 1) * apart + (phases - 1) * step + 1;
  }
  /// Products of all chunks that are not zero.
  int64_t work() const noexcept {
    int64_t sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += size.products - (chunks[i].taps < size.taps);
    return sum;
  }
  bool skips(int64_t product, int64_t chunk) const noexcept {
    return product == size.products - 1 && chunks[chunk].taps < size.taps;
  }
};

/// An axis in pieces of `n` points, each of which reads `reads` elements.
[[gnu::always_inline]] inline Axis in_pieces(const Axis& points, int64_t n, int64_t reads, int64_t* base) noexcept {
  for (int64_t i = 0; i < reads; ++i) base[i] = points.base[0] + i;
  return {ceil_div(points.count, n), points.source_size, n * points.step, reads, n, points.dst_first, base, nullptr};
}

/// The axes in pieces, and what the products sum over. A slab of slices shares the patches which their taps read.
struct PatchAxes {
  static constexpr int64_t slab_slices = 4;
  static constexpr int64_t saved_for_weight = 100;

  int64_t channels, depth_taps;
  int64_t deep, slices;  ///< points and reads of a slab
  PatchAxis y, x;
  int64_t chunks, products;
  Scratch<int64_t> base;
  Axis axis[3];

  PatchAxes(const Axis* points, int64_t channel_count, const SchemeSize* size)
      : channels(channel_count),
        depth_taps(points[0].taps),
        deep(min_of(points[0].taps > 1 ? slab_slices : 1, points[0].count)),
        slices(deep + points[0].taps - 1),
        y(points[1], size[0]),
        x(points[2], size[1]),
        chunks(y.count * x.count),
        products(y.size.products * x.size.products),
        base(slices + y.reads() + x.reads()),
        axis{in_pieces(points[0], deep, slices, base.data()),
             in_pieces(points[1], y.points(), y.reads(), base.data() + slices),
             in_pieces(points[2], x.points(), x.reads(), base.data() + slices + y.reads())},
        runs_(products * depth_taps * chunks),
        walks_(products) {
    for (int64_t k = 0; k < products; ++k) {
      PointRun* const first = runs_.data() + k * depth_taps * chunks;
      PointRun* last = first;
      for (int64_t i = 0; i < depth_taps * chunks; ++i) {
        if (!skips(k, i)) *last++ = {i * channels, i * channels * row_size};
      }
      walks_[k] = {last - first, first, channels};
      if (last - first == depth_taps * chunks) walks_[k] = {1, first, depth_taps * chunks * channels};
    }
  }

  int64_t phases() const noexcept { return y.phases * x.phases; }
  /// The patches that each slice of the results reads, of all images.
  int64_t patches(int64_t batch) const noexcept { return batch * axis[1].count * axis[2].count * phases(); }
  /// Whether the multiplications saved are `least` for each element that is transformed, or for another reason moved,
  /// `moved` for each patch, and many for each weight.
  bool pays(const Axis* points, int64_t batch, int64_t outputs, int64_t least, int64_t moved) const noexcept {
    const int64_t terms = points[1].taps * points[2].taps, each = patches(batch), pairs = channels * outputs;
    const int64_t saved =
        depth_taps * pairs * (batch * points[1].count * points[2].count * terms - each * y.work() * x.work());
    const int64_t transformed = each * (products * (chunks * channels * slices / deep + outputs) + moved);
    const int64_t weights = products * chunks * depth_taps * pairs;
    return saved * points[0].count >= least * transformed * points[0].count + saved_for_weight * weights;
  }
  /// Whether product k is zero for a chunk, of any tap of the depth.
  bool skips(int64_t k, int64_t chunk) const noexcept {
    return y.skips(k / x.size.products, chunk / x.count % y.count) || x.skips(k % x.size.products, chunk % x.count);
  }
  /// What product k of one slice's results sums over.
  const PointWalk& walk(int64_t k) const noexcept { return walks_[k]; }
  /// Elements of a chunk's transformed weights that one input channel has in a panel.
  static constexpr int64_t row_size = tile_columns<float>;

 private:
  Scratch<PointRun> runs_;
  Scratch<PointWalk> walks_;
};

/// Which schemes axes go by: 3 x 1 taps along the width alone, at most 2 x 2 of a phase, or any.
enum class PatchWay { none, line, small, large };
[[gnu::always_inline]] inline PatchWay patch_way(const Axis* axis, int64_t channels) noexcept {
  const Axis &z = axis[0], &y = axis[1], &x = axis[2];
  if (channels * z.taps < least_channels || z.taps == 0 || z.step != 1 || z.span() != z.taps) return PatchWay::none;
  if (y.taps == 0 || x.taps < 2) return PatchWay::none;
  if (PatchAxis::apart_of(y) > PatchAxis::most_apart || PatchAxis::apart_of(x) > PatchAxis::most_apart)
    return PatchWay::none;
  if (y.taps == 1) return PatchWay::line;
  return PatchAxis::most_taps(y) <= 2 && PatchAxis::most_taps(x) <= 2 ? PatchWay::small : PatchWay::large;
}

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
