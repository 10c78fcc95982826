// What the ways to the gradient of a weight share (docs/notes/conv.md).
#pragma once

#include "kernels/conv_geometry.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

/// Copies the gradient of a block, channels innermost and padded with zeros to whole vectors.
template <class T>
void copy_gradient(T* to, int64_t row, const T* grad, const int64_t* stride, int64_t channels, const Block& block) {
  for (int64_t i = 0; i < block.images; ++i) {
    for (int64_t y = 0; y < block.rows; ++y, to += block.columns * row) {
      const T* from =
          grad + (block.image + i) * stride[0] + block.z * stride[2] + (block.y + y) * stride[3] + block.x * stride[4];
      for (int64_t c = 0; c < channels; c += lanes<T>) {
        const int64_t n = min_of(lanes<T>, channels - c);
        if (stride[1] == 1) {
          for (int64_t x = 0; x < block.columns; ++x) store(to + x * row + c, load_first(from + x * stride[4] + c, n));
        } else if (stride[4] == 1) {
          transpose_strip<T, Strip::whole>(to + c, row, from + c * stride[1], stride[1], n, block.columns,
                                           [](int64_t x) { return x; });
        } else {
          for (int64_t x = 0; x < block.columns; ++x) {
            for (int64_t l = 0; l < lanes<T>; ++l) {
              to[x * row + c + l] = l < n ? from[x * stride[4] + (c + l) * stride[1]] : T(0);
            }
          }
        }
      }
    }
  }
}

/// Turns sums [tap][in][out], whose rows are `row` and taps `tap_size` elements apart, into the layout of the weight,
/// for at most a vector of input channels from that of `to` on.
template <class T>
void put_weights(T* to, const ConvArgs& args, const T* sum, int64_t row, int64_t tap_size, int64_t channels,
                 int64_t out_channels) {
  const int64_t *w = args.weight.stride, *kernel = args.kernel;
  const int64_t taps = kernel[0] * kernel[1] * kernel[2];
  const bool taps_together = w[4] == 1 && w[3] == kernel[2] && w[2] == kernel[1] * kernel[2];
  if (taps_together && w[1] == taps) {  // the taps of all these channels follow each other
    const int64_t run = channels * taps;
    for (int64_t p = 0; p < run; p += lanes<T>) {
      const int64_t n = min_of(lanes<T>, run - p);
      const T* from[lanes<T>];
      for (int64_t i = 0; i < n; ++i) from[i] = sum + (p + i) % taps * tap_size + (p + i) / taps * row;
      for (int64_t i = n; i < lanes<T>; ++i) from[i] = sum;
      for (int64_t o = 0; o < out_channels; o += lanes<T>) {
        Vec<T> square[lanes<T>];
#pragma GCC unroll 16
        for (int i = 0; i < lanes<T>; ++i) square[i] = load(from[i] + o);
        transpose<T>(square);
        T* out = to + o * w[0] + p;
        if (n == lanes<T> && o + lanes<T> <= out_channels) {
#pragma GCC unroll 16
          for (int i = 0; i < lanes<T>; ++i) store(out + i * w[0], square[i]);
        } else {
#pragma GCC unroll 16
          for (int i = 0; i < lanes<T>; ++i) {
            if (o + i < out_channels) store_first(out + i * w[0], square[i], n);
          }
        }
      }
    }
    return;
  }
  if (taps_together) {
    for (int64_t k = 0; k < channels; ++k) {
      for (int64_t t = 0; t < taps; t += lanes<T>) {
        transpose_strip<T, Strip::exact>(to + k * w[1] + t, w[0], sum + t * tap_size + k * row, tap_size,
                                         min_of(lanes<T>, taps - t), out_channels, [](int64_t o) { return o; });
      }
    }
    return;
  }
  for (int64_t t = 0; t < taps; ++t) {
    T* tap = to + t / (kernel[1] * kernel[2]) * w[2] + t / kernel[2] % kernel[1] * w[3] + t % kernel[2] * w[4];
    const T* from = sum + t * tap_size;
    if (w[1] == 1) {
      transpose_strip<T, Strip::exact>(tap, w[0], from, row, channels, out_channels, [](int64_t o) { return o; });
      continue;
    }
    for (int64_t k = 0; k < channels; ++k) {
      for (int64_t o = 0; o < out_channels; ++o) tap[o * w[0] + k * w[1]] = from[k * row + o];
    }
  }
}

}  // namespace

/// Where the weight is large and the points are few, else returns false.
bool large_backward_weight(const ConvArgs& args, float);
bool large_backward_weight(const ConvArgs& args, double);
/// With fewer multiplications, where that pays and all results are finite, else returns false.
bool backward_weight_by_patches(const ConvArgs& args, float);
bool backward_weight_by_patches(const ConvArgs& args, double);

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
