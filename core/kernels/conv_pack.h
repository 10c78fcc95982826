// The weights of a correlation as panels for its tiles.
#pragma once

#include <cstdint>

#include "kernels/conv_geometry.h"
#include "kernels/gemm_scratch.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

/// Makes panels [tap][in channel][tile_columns] of the weights.
template <class T>
class WeightPacker {
 public:
  explicit WeightPacker(const Correlation<T>& c)
      : c_(c),
        kernel_(c.kernel[0] * c.kernel[1] * c.kernel[2]),
        taps_(c.axis[0].taps * c.axis[1].taps * c.axis[2].taps),
        depth_(taps_ * (c.mixed == 0 ? c.in_channels : c.mixed)),
        panels_(ceil_div(c.out_channels, tile_columns<T>)),
        place_(kernel_),
        offset_(kernel_),
        taps_together_(c.weight_tap[2] == 1 && c.weight_tap[1] == c.kernel[2] &&
                       c.weight_tap[0] == c.kernel[1] * c.kernel[2] && kernel_ > 1) {
    for (int64_t k = 0; k < kernel_; ++k) place_[k] = -1;
    int64_t tap = 0;
    for (int64_t z = 0; z < c.axis[0].taps; ++z) {
      for (int64_t y = 0; y < c.axis[1].taps; ++y) {
        for (int64_t x = 0; x < c.axis[2].taps; ++x, ++tap) {
          const int64_t iz = c.axis[0].index[z], iy = c.axis[1].index[y], ix = c.axis[2].index[x];
          place_[(iz * c.kernel[1] + iy) * c.kernel[2] + ix] = tap;
          offset_[tap] = iz * c.weight_tap[0] + iy * c.weight_tap[1] + ix * c.weight_tap[2];
        }
      }
    }
  }

  int64_t taps() const noexcept { return taps_; }
  int64_t panels() const noexcept { return panels_; }
  /// Elements; the row past the end takes taps of other phases.
  int64_t panel_size() const noexcept { return (depth_ + 1) * tile_columns<T>; }

  void pack(int64_t group, int64_t panel, T* to) const {
    if (c_.mixed != 0)
      pack_mixed(group, to);
    else
      pack_channels(group, panel * tile_columns<T>, to);
  }
  /// The panels of one group after those of another.
  void pack_all(T* to) const {
    parallel_for(c_.groups * panels_, 1 + (1 << 16) / (depth_ * tile_columns<T> + 1), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) pack(i / panels_, i % panels_, to + i * panel_size());
    });
  }

 private:
  /// [tap][in channel of the group][lane]: a lane is an output channel, a group takes c.mixed of them.
  void pack_mixed(int64_t group, T* to) const {
    for (int64_t l = 0; l < lanes<T>; ++l) {
      const int64_t o = group * lanes<T> + l;
      const T* from = c_.weight + o / c_.mixed * c_.weight_group + o % c_.mixed * c_.weight_out;
      T* place = to + l;
      for (int64_t t = 0; t < taps_; ++t) {
        for (int64_t i = 0; i < c_.mixed; ++i, place += tile_columns<T>) *place = from[offset_[t] + i * c_.weight_in];
      }
    }
  }
  void pack_channels(int64_t group, int64_t first, T* to) const {
    constexpr int64_t width = tile_columns<T>;
    const int64_t channels = min_of(width, c_.out_channels - first), inputs = c_.in_channels;
    for (int64_t o = 0; o < channels; o += lanes<T>) {
      const int64_t n = min_of(lanes<T>, channels - o);
      const T* w = c_.weight + group * c_.weight_group + (first + o) * c_.weight_out;
      if (taps_together_ && c_.weight_in == kernel_) {  // the taps of all channels follow each other
        int64_t tap = 0, input = 0;
        transpose_strip<T, Strip::whole>(to + o, width, w, c_.weight_out, n, inputs * kernel_,
                                         [&](int64_t) __attribute__((always_inline)) {
                                           const int64_t at = place_[tap] < 0 ? depth_ : place_[tap] * inputs + input;
                                           if (++tap == kernel_) tap = 0, ++input;
                                           return at;
                                         });
        continue;
      }
      if (taps_together_) {
        for (int64_t i = 0; i < inputs; ++i) {
          transpose_strip<T, Strip::whole>(to + o, width, w + i * c_.weight_in, c_.weight_out, n, kernel_,
                                           [&](int64_t k) __attribute__((always_inline)) {
                                             return place_[k] < 0 ? depth_ : place_[k] * inputs + i;
                                           });
        }
        continue;
      }
      for (int64_t t = 0; t < taps_; ++t) {
        const T* tap = w + offset_[t];
        T* rows = to + t * inputs * width + o;
        if (c_.weight_in == 1) {
          transpose_strip<T, Strip::whole>(rows, width, tap, c_.weight_out, n, inputs, [](int64_t i) { return i; });
          continue;
        }
        for (int64_t i = 0; i < inputs; ++i) {
          if (c_.weight_out == 1) {
            store(rows + i * width, load_first(tap + i * c_.weight_in, n));
          } else {
            for (int64_t l = 0; l < lanes<T>; ++l) {
              rows[i * width + l] = l < n ? tap[i * c_.weight_in + l * c_.weight_out] : T(0);
            }
          }
        }
      }
    }
  }

  const Correlation<T>& c_;
  int64_t kernel_, taps_, depth_, panels_;
  Scratch<int64_t> place_;   // kernel position -> tap, or -1
  Scratch<int64_t> offset_;  // tap -> element offset in the weight
  bool taps_together_;
};

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
