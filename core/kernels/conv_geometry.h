// What forward and backward-input convolutions have in common: a correlation of a source with taps, for some of the
// destination's elements (docs/notes/conv.md).
#pragma once

#include <cstdint>
#include <utility>

#include "kernels/conv.h"
#include "kernels/gemm_pack.h"
#include "kernels/gemm_scratch.h"
#include "kernels/gemm_simd.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {

struct TapRange {
  int64_t first, last;
  bool operator==(const TapRange&) const = default;
};
struct PointRange {
  int64_t first, last;
};

/// Along one axis, point q in [0, count) reads source elements q * step + base[t] and is written to destination
/// element q * dst_step + dst_first. base ascends; index[t] is tap t's place in the kernel.
struct Axis {
  int64_t count, source_size, step, taps, dst_step, dst_first;
  int64_t* base;
  int64_t* index;

  [[gnu::always_inline]] int64_t span() const noexcept { return taps == 0 ? 0 : base[taps - 1] - base[0] + 1; }
  /// Source elements that `points` neighbouring points touch, gaps included.
  [[gnu::always_inline]] int64_t extent(int64_t points) const noexcept { return (points - 1) * step + span(); }
  [[gnu::always_inline]] bool stays_inside() const noexcept {
    return base[0] >= 0 && (count - 1) * step + base[taps - 1] < source_size;
  }
  [[gnu::always_inline]] bool taps_are_neighbours() const noexcept { return span() == taps; }
  /// The taps of point q that lie inside the source; the others see padding.
  [[gnu::always_inline]] TapRange inside(int64_t q) const noexcept {
    TapRange range{0, taps};
    while (range.first < taps && q * step + base[range.first] < 0) ++range.first;
    while (range.last > range.first && q * step + base[range.last - 1] >= source_size) --range.last;
    return range;
  }
  /// The points for which tap t lies inside the source.
  [[gnu::always_inline]] PointRange reaching(int64_t t) const noexcept {
    const int64_t first = min_of(base[t] < 0 ? ceil_div(-base[t], step) : 0, count);
    const int64_t last = min_of(base[t] < source_size ? (source_size - 1 - base[t]) / step + 1 : 0, count);
    return {first, max_of(first, last)};
  }
};

/// destination[n, o, q] = activation(bias[o] + sum over c, t of source[n, c, q * step + base t] * weight[o, c, t]).
/// Channels count those of one group; the strides of a group follow from them.
template <class T>
struct Correlation {
  int64_t batch, groups, in_channels, out_channels;
  Axis axis[3];
  const T* source;
  const int64_t* source_stride;
  T* destination;
  const int64_t* destination_stride;
  const T* weight;
  int64_t weight_group, weight_out, weight_in;
  const int64_t* weight_tap;
  int64_t kernel[3];
  const T* bias;
  bool relu;
  bool winograd;
  /// Not 0: each group is a vector's worth of smaller groups of so many channels, in and out.
  int64_t mixed = 0;
};

namespace {

/// The channels of a group where groups of as many inputs as outputs lie side by side in a vector, or 0.
template <class T>
[[gnu::always_inline]] inline int64_t mixed_channels(int64_t groups, int64_t inputs, int64_t outputs) noexcept {
  const bool fits = inputs == outputs && inputs > 0 && inputs < lanes<T> && lanes<T> % inputs == 0;
  return fits && groups * inputs % lanes<T> == 0 ? inputs : 0;
}

template <class T, int... I>
[[gnu::always_inline]] inline Vec<T> even_lanes(Vec<T> a, Vec<T> b, std::integer_sequence<int, I...>) noexcept {
  return __builtin_shufflevector(a, b, (2 * I)...);
}

/// The part of the source that a block of points reads, channels innermost, zeros where it lies outside: copied, or in
/// place when that already is its form.
template <class T>
struct Window {
  const T* data;                     ///< what the first tap of the first point reads
  int64_t image, slice, row, pixel;  ///< strides in elements
  bool copied = false;               ///< a slice for each depth tap, one after the other

  /// What tap (z, y, x) reads, so many elements after the first.
  [[gnu::always_inline]] int64_t tap(const Axis* axis, int64_t z, int64_t y, int64_t x) const noexcept {
    return (copied ? z : axis[0].base[z] - axis[0].base[0]) * slice + (axis[1].base[y] - axis[1].base[0]) * row +
           (axis[2].base[x] - axis[2].base[0]) * pixel;
  }
};

struct Block {
  int64_t image, images, z, y, rows, x, columns;
};

/// Copies the window of `channels` channels from `source` (at the first channel wanted) into `to`. The depth taps of
/// block.z become slices 0 .. taps-1.
template <class T>
[[gnu::noinline]] Window<T> copy_window(T* to, const T* source, const int64_t* stride, int64_t channels,
                                        const Axis* axis, const Block& block) {
  const int64_t width = axis[2].extent(block.columns), height = axis[1].extent(block.rows);
  const int64_t row_size = width * channels;
  const Window<T> window{to, axis[0].taps * height * row_size, height * row_size, row_size, channels, true};
  const int64_t x_first = block.x * axis[2].step + axis[2].base[0];
  const int64_t left = min_of(max_of(-x_first, 0), width);
  const int64_t inside = max_of(min_of(axis[2].source_size - x_first, width) - left, 0);
  const auto clear = [](T* from, int64_t n) {
    if (n > 0) __builtin_memset(from, 0, static_cast<std::size_t>(n) * sizeof(T));
  };
  for (int64_t i = 0; i < block.images; ++i) {
    for (int64_t t = 0; t < axis[0].taps; ++t) {
      const int64_t z = block.z * axis[0].step + axis[0].base[t];
      for (int64_t r = 0; r < height; ++r, to += row_size) {
        const int64_t y = block.y * axis[1].step + axis[1].base[0] + r;
        if (z < 0 || z >= axis[0].source_size || y < 0 || y >= axis[1].source_size || inside == 0) {
          clear(to, row_size);
          continue;
        }
        const T* from =
            source + (block.image + i) * stride[0] + z * stride[2] + y * stride[3] + (x_first + left) * stride[4];
        T* pixels = to + left * channels;
        clear(to, left * channels);
        clear(pixels + inside * channels, (width - left - inside) * channels);
        if (channels == 1 && stride[4] == 1) {
          copy_run(pixels, from, inside);
        } else if (stride[1] == 1 && stride[4] == channels) {
          copy_run(pixels, from, inside * channels);
        } else if (stride[1] == 1) {
          for (int64_t x = 0; x < inside; ++x) copy_run(pixels + x * channels, from + x * stride[4], channels);
        } else if (stride[4] == 1) {
          for (int64_t c = 0; c < channels; c += lanes<T>) {
            transpose_strip<T, Strip::exact>(pixels + c, channels, from + c * stride[1], stride[1],
                                             min_of(lanes<T>, channels - c), inside, [](int64_t x) { return x; });
          }
        } else {
          for (int64_t x = 0; x < inside; ++x) {
            for (int64_t c = 0; c < channels; ++c) pixels[x * channels + c] = from[x * stride[4] + c * stride[1]];
          }
        }
      }
    }
  }
  return window;
}

/// How the points of the destination are cut into blocks: a function of the problem alone.
struct Blocks {
  int64_t images_each, rows_each, columns_each;
  int64_t images, slices, rows, columns;  ///< blocks along each axis

  /// `pixel_bytes` is what one source pixel of the window takes. Small images share a block up to `shared_points` and
  /// `shared_bytes` (0 for `most_bytes`).
  Blocks(const Axis* axis, int64_t batch, int64_t pixel_bytes, int64_t most_points, int64_t most_bytes,
         int64_t shared_points = 112, int64_t shared_bytes = 0) {
    const auto bytes = [&](int64_t r, int64_t c) {
      return axis[0].taps * axis[1].extent(r) * axis[2].extent(c) * pixel_bytes;
    };
    columns_each = axis[2].count;
    while (columns_each > 28 && (columns_each > most_points || bytes(1, columns_each) > most_bytes)) {
      columns_each = ceil_div(columns_each, 2);
    }
    rows_each = axis[1].count;
    while (rows_each > 1 && (rows_each * columns_each > most_points || bytes(rows_each, columns_each) > most_bytes)) {
      --rows_each;
    }
    rows_each = ceil_div(axis[1].count, ceil_div(axis[1].count, max_of(rows_each, 1)));
    images_each = 1;
    if (rows_each == axis[1].count && columns_each == axis[2].count) {
      const int64_t fits = max_of(shared_bytes, most_bytes) / max_of(bytes(rows_each, columns_each), 1);
      images_each = max_of(min_of(min_of(shared_points / max_of(rows_each * columns_each, 1), fits), batch), 1);
    }
    images = ceil_div(batch, images_each);
    slices = axis[0].count;
    rows = ceil_div(axis[1].count, max_of(rows_each, 1));
    columns = ceil_div(axis[2].count, max_of(columns_each, 1));
  }
  [[gnu::always_inline]] int64_t count() const noexcept { return images * slices * rows * columns; }
  [[gnu::always_inline]] Block operator()(int64_t i, const Axis* axis, int64_t batch) const noexcept {
    Block b;
    b.x = i % columns * columns_each;
    b.columns = min_of(columns_each, axis[2].count - b.x);
    i /= columns;
    b.y = i % rows * rows_each;
    b.rows = min_of(rows_each, axis[1].count - b.y);
    i /= rows;
    b.z = i % slices;
    b.image = i / slices * images_each;
    b.images = min_of(images_each, batch - b.image);
    return b;
  }
  /// Elements of the largest window.
  [[gnu::always_inline]] int64_t window_size(const Axis* axis, int64_t channels) const noexcept {
    return images_each * axis[0].taps * axis[1].extent(rows_each) * axis[2].extent(columns_each) * channels;
  }
};

/// The axes of a forward convolution; `taps` holds 2 * (sum of kernel sizes).
[[gnu::always_inline]] inline void forward_axes(const ConvArgs& args, int64_t* taps, Axis* axis) noexcept {
  for (int d = 0; d < 3; ++d) {
    Axis& a = axis[d];
    a = {args.out_size[d], args.in_size[d], args.stride[d], args.kernel[d], 1, 0, taps, taps + args.kernel[d]};
    taps += 2 * args.kernel[d];
    for (int64_t k = 0; k < args.kernel[d]; ++k) {
      a.base[k] = k * args.dilation[d] - args.padding[d];
      a.index[k] = k;
    }
  }
}

}  // namespace

/// Where source and destination are planes with wide rows, else returns false. There are taps and channels.
bool correlate_planes(const Correlation<float>& c);
bool correlate_planes(const Correlation<double>& c);
/// With fewer multiplications, where that pays and all results are finite, else returns false.
bool correlate_fewer(const Correlation<float>& c);
bool correlate_fewer(const Correlation<double>& c);
/// Depthwise convolutions: one channel in and out of each group. The phases are those of one convolution, the ones that
/// take turns along the width after each other; one for forward.
void correlate_depthwise(const Correlation<float>* phase, int64_t phases);
void correlate_depthwise(const Correlation<double>* phase, int64_t phases);
void depthwise_backward_weight(const ConvArgs& args, float);
void depthwise_backward_weight(const ConvArgs& args, double);
void backward_weight(const ConvArgs& args, float);
void backward_weight(const ConvArgs& args, double);

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
