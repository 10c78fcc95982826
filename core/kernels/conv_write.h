// How tiles of points are written to either layout.
#pragma once

#include <cstdint>
#include <utility>

#include "kernels/conv_geometry.h"
#include "kernels/gemm_epilogue.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

/// Points from `first` that lie at even distances in the destination, at most `n`.
[[gnu::always_inline]] inline int64_t stretch(const int64_t* destination, int64_t first, int64_t n,
                                              int64_t step) noexcept {
  int64_t count = 1;
  while (count < n && destination[first + count] - destination[first + count - 1] == step) ++count;
  return count;
}

template <class T, int Half, int... I>
[[gnu::always_inline]] inline Vec<T> lanes_apart(Vec<T> v, Vec<T> between, std::integer_sequence<int, I...>) noexcept {
  return __builtin_shufflevector(v, between, ((I & 1) ? I + lanes<T> : (Half * lanes<T> + I) / 2)...);
}
/// Writes the first n lanes to every other element, and what is between them back to where it was.
template <class T>
[[gnu::always_inline]] inline void store_apart(T* to, Vec<T> v, int64_t n) noexcept {
  constexpr auto all = std::make_integer_sequence<int, lanes<T>>();
  const int64_t count = 2 * n - 1, more = count - lanes<T>;
  store_first(to, lanes_apart<T, 0>(v, load_first(to, count), all), count);
  if (more > 0) store_first(to + lanes<T>, lanes_apart<T, 1>(v, load_first(to + lanes<T>, more), all), more);
}

/// Writes a tile of points x channels where channels are not consecutive.
template <class T>
[[gnu::noinline]] void store_planes(const T* tile, int64_t points, int64_t channels, T* to, int64_t channel_stride,
                                    int64_t step, const int64_t* offset, const T* bias, bool is_relu) {
  for (int64_t o = 0; o < channels; o += lanes<T>) {
    for (int64_t p = 0; p < points; p += lanes<T>) {
      const int64_t n = min_of(lanes<T>, points - p), rows = min_of(lanes<T>, channels - o);
      Vec<T> square[lanes<T>];
#pragma GCC unroll 16
      for (int i = 0; i < lanes<T>; ++i) {
        square[i] = i < n ? load(tile + (p + i) * tile_columns<T> + o) : Vec<T>{};
      }
      transpose<T>(square);
      const int64_t even = step <= 2 && stretch(offset, p, n, step) == n ? step : 0;
      T* plane = to + o * channel_stride + offset[p];
#pragma GCC unroll 16
      for (int i = 0; i < lanes<T>; ++i, plane += channel_stride) {
        if (i == rows) break;
        Vec<T> v = square[i];
        if (bias != nullptr) v += bias[o + i];
        if (is_relu) v = relu<T>(v);
        if (even == 1) {
          store_first(plane, v, n);
        } else if (even == 2) {
          store_apart(plane, v, n);
        } else {
          alignas(64) T turned[lanes<T>];
          store(turned, v);
          for (int64_t l = 0; l < n; ++l) plane[offset[p + l] - offset[p]] = turned[l];
        }
      }
    }
  }
}

/// Writes tiles of points x channels of a group: places are the element offsets of the points, neighbours mostly `step`
/// apart.
template <class T>
class PointWriter {
 public:
  PointWriter(const Correlation<T>& c, int64_t group, int64_t step)
      : destination_(c.destination + group * c.out_channels * c.destination_stride[1]),
        bias_(c.bias == nullptr ? nullptr : c.bias + group * c.out_channels),
        channel_stride_(c.destination_stride[1]),
        step_(step),
        relu_(c.relu) {
    epilogue_.column_bias = bias_;
    epilogue_.activation = relu_ ? Activation::relu : Activation::none;
  }

  /// Fetches the lines of `channels` channels from `o` on.
  [[gnu::always_inline]] void prefetch(const int64_t* place, int64_t points, int64_t o,
                                       int64_t channels) const noexcept {
    if (channel_stride_ == 1) {
      for (int64_t p = 0; p < points; ++p) {
        __builtin_prefetch(destination_ + place[p] + o, 1);
        __builtin_prefetch(destination_ + place[p] + o + lanes<T>, 1);
      }
    } else {
      for (int64_t i = 0; i < channels; ++i) __builtin_prefetch(destination_ + (o + i) * channel_stride_ + place[0], 1);
    }
  }

  /// Leaves the tile in any state.
  [[gnu::always_inline]] void write(T* tile, const int64_t* place, int64_t points, int64_t o, int64_t channels) const {
    if (channel_stride_ != 1) {
      store_planes(tile, points, channels, destination_ + o * channel_stride_, channel_stride_, step_, place,
                   bias_ == nullptr ? nullptr : bias_ + o, relu_);
      return;
    }
    for (int64_t p = 0; p < points;) {
      const int64_t count = stretch(place, p, points - p, step_);
      store_tile(tile + p * tile_columns<T>, count, channels, destination_ + place[p] + o, step_, 0, o, epilogue_);
      p += count;
    }
  }

 private:
  T* destination_;
  const T* bias_;
  int64_t channel_stride_, step_;
  bool relu_;
  Epilogue<T> epilogue_;
};

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
