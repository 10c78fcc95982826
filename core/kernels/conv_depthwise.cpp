// Depthwise convolutions: vectors run along the channels where those are consecutive, along the width otherwise.
#include <cstdint>
#include <type_traits>

#include "kernels/conv_geometry.h"
#include "kernels/gemm_epilogue.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t window_bytes = 128 << 10;
constexpr int64_t window_points = 1 << 12;
constexpr int64_t piece_work = 1 << 17;

/// Room past a copied window for vectors that start inside its last row.
template <class T>
constexpr int64_t slack = 4 * lanes<T>;

template <class T, int... I>
[[gnu::always_inline]] inline Vec<T> even_lanes(Vec<T> a, Vec<T> b, std::integer_sequence<int, I...>) noexcept {
  return __builtin_shufflevector(a, b, (2 * I)...);
}
/// Every `step`-th element from `from`; for steps 1 and 2 reads whole vectors, past the last one used.
template <class T>
[[gnu::always_inline]] inline Vec<T> load_spread(const T* from, int64_t step) noexcept {
  if (step == 1) return load(from);
  if (step == 2) {
    return even_lanes<T>(load(from), load(from + lanes<T>), std::make_integer_sequence<int, lanes<T>>());
  }
  Vec<T> v;
  for (int l = 0; l < lanes<T>; ++l) v[l] = from[l * step];
  return v;
}
/// All bits set in the first n lanes: `and` clears what lies in the others, NaN included.
template <class T>
struct LaneMask {
  using Bits = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  Vec<Bits> bits;
  [[gnu::always_inline]] explicit LaneMask(int64_t n) noexcept {
    for (int l = 0; l < lanes<T>; ++l) bits[l] = l < n ? -1 : 0;
  }
  [[gnu::always_inline]] Vec<T> operator()(Vec<T> v) const noexcept { return (Vec<T>)((Vec<Bits>)v & bits); }
};

/// The weights of one tap after the other: [tap][channel], rows of `row` elements; and where each tap reads.
template <class T>
struct Taps {
  int64_t count;
  Scratch<T> weight;
  Scratch<int64_t> offset;

  Taps(int64_t n, int64_t channels) : count(n), weight(n * channels), offset(n) {}

  void set_offsets(const Axis* axis, int64_t slice, int64_t row, int64_t pixel, bool in_place) noexcept {
    int64_t* to = offset.data();
    for (int64_t z = 0; z < axis[0].taps; ++z) {
      for (int64_t y = 0; y < axis[1].taps; ++y) {
        for (int64_t x = 0; x < axis[2].taps; ++x) {
          *to++ = in_place ? axis[0].base[z] * slice + axis[1].base[y] * row + axis[2].base[x] * pixel
                           : z * slice + (axis[1].base[y] - axis[1].base[0]) * row +
                                 (axis[2].base[x] - axis[2].base[0]) * pixel;
        }
      }
    }
  }
};

template <class T>
[[gnu::always_inline]] inline int64_t tap_count(const Axis* axis) noexcept {
  return axis[0].taps * axis[1].taps * axis[2].taps;
}

/// `Pixels` neighbouring points of one vector of channels. n <= lanes channels are read and written.
template <class T, int Pixels>
[[gnu::always_inline]] inline void channel_points(const T* source, int64_t source_step, const int64_t* offset,
                                                  const T* weight, int64_t weight_row, int64_t taps, Vec<T> bias,
                                                  bool is_relu, int64_t n, T* to, int64_t to_step) noexcept {
  Vec<T> sum[Pixels];
#pragma GCC unroll 4
  for (int i = 0; i < Pixels; ++i) sum[i] = bias;
  for (int64_t t = 0; t < taps; ++t) {
    const Vec<T> w = load_first(weight + t * weight_row, n);
    const T* from = source + offset[t];
#pragma GCC unroll 4
    for (int i = 0; i < Pixels; ++i) sum[i] += w * load_first(from + i * source_step, n);
  }
#pragma GCC unroll 4
  for (int i = 0; i < Pixels; ++i) store_first(to + i * to_step, is_relu ? relu<T>(sum[i]) : sum[i], n);
}

template <class T>
[[gnu::noinline]] void channel_row(const T* source, int64_t source_step, const int64_t* offset, const T* weight,
                                   int64_t weight_row, int64_t taps, const T* bias, bool is_relu, int64_t channels,
                                   int64_t points, T* to, int64_t to_step) {
  for (int64_t c = 0; c < channels; c += lanes<T>) {
    const int64_t n = min_of(lanes<T>, channels - c);
    const Vec<T> start = bias == nullptr ? Vec<T>{} : load_first(bias + c, n);
    int64_t x = 0;
    if (n == lanes<T>) {
      for (; x + 4 <= points; x += 4) {
        channel_points<T, 4>(source + c + x * source_step, source_step, offset, weight + c, weight_row, taps, start,
                             is_relu, lanes<T>, to + c + x * to_step, to_step);
      }
    }
    for (; x < points; ++x) {
      channel_points<T, 1>(source + c + x * source_step, source_step, offset, weight + c, weight_row, taps, start,
                           is_relu, n, to + c + x * to_step, to_step);
    }
  }
}

template <class T>
void correlate_channels(const Correlation<T>& c) {
  const Axis* axis = c.axis;
  const int64_t *src = c.source_stride, *dst = c.destination_stride;
  const int64_t channels_each = min_of(c.groups, 8 * lanes<T>), channel_blocks = ceil_div(c.groups, channels_each);
  const bool in_place = axis[0].stays_inside() && axis[1].stays_inside() && axis[2].stays_inside();
  const Blocks blocks(axis, c.batch, channels_each * static_cast<int64_t>(sizeof(T)), window_points, window_bytes);
  const int64_t taps = tap_count<T>(axis);
  Taps<T> weights(taps, c.groups);
  T* w = weights.weight.data();
  for (int64_t z = 0; z < axis[0].taps; ++z) {
    for (int64_t y = 0; y < axis[1].taps; ++y) {
      for (int64_t x = 0; x < axis[2].taps; ++x) {
        const T* from = c.weight + axis[0].index[z] * c.weight_tap[0] + axis[1].index[y] * c.weight_tap[1] +
                        axis[2].index[x] * c.weight_tap[2];
        for (int64_t g = 0; g < c.groups; ++g) *w++ = from[g * c.weight_group];
      }
    }
  }
  const int64_t work = blocks.images_each * blocks.rows_each * blocks.columns_each * channels_each * taps;
  parallel_for(blocks.count() * channel_blocks, 1 + piece_work / work, [&](int64_t begin, int64_t end) {
    Scratch<T> copy(in_place ? 0 : blocks.window_size(axis, channels_each));
    Taps<T> local(taps, 0);
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t channel = piece % channel_blocks * channels_each;
      const int64_t channels = min_of(channels_each, c.groups - channel);
      const Block block = blocks(piece / channel_blocks, axis, c.batch);
      Window<T> window{c.source + channel, src[0], src[2], src[3], src[4]};
      if (in_place) {
        window.data += block.image * src[0] + block.z * axis[0].step * src[2] + block.y * axis[1].step * src[3] +
                       block.x * axis[2].step * src[4];
      } else {
        window = copy_window(copy.data(), c.source + channel, src, channels, axis, block);
      }
      local.set_offsets(axis, window.slice, window.row, window.pixel, in_place);
      for (int64_t i = 0; i < block.images; ++i) {
        for (int64_t y = 0; y < block.rows; ++y) {
          T* to = c.destination + channel + (block.image + i) * dst[0] +
                  (block.z * axis[0].dst_step + axis[0].dst_first) * dst[2] +
                  ((block.y + y) * axis[1].dst_step + axis[1].dst_first) * dst[3] +
                  (block.x * axis[2].dst_step + axis[2].dst_first) * dst[4];
          channel_row(window.data + i * window.image + y * axis[1].step * window.row, axis[2].step * window.pixel,
                      local.offset.data(), weights.weight.data() + channel, c.groups, taps,
                      c.bias == nullptr ? nullptr : c.bias + channel, c.relu, channels, block.columns, to,
                      axis[2].dst_step * dst[4]);
        }
      }
    }
  });
}

/// `Count` rows of points of one plane, together so that their sums do not wait for each other. Spread is the step
/// along the width, or 0 for any.
template <class T, int Count, int Spread>
[[gnu::noinline]] void plane_rows(const T* source, int64_t source_row, int64_t step, const int64_t* offset,
                                  const T* weight, int64_t taps, T bias, bool is_relu, int64_t points, T* to,
                                  int64_t to_row, int64_t to_step) {
  for (int64_t x = 0; x < points; x += lanes<T>) {
    const int64_t n = min_of(lanes<T>, points - x);
    Vec<T> sum[Count];
#pragma GCC unroll 4
    for (int r = 0; r < Count; ++r) sum[r] = Vec<T>{} + bias;
    for (int64_t t = 0; t < taps; ++t) {
      const T* from = source + offset[t] + x * step;
#pragma GCC unroll 4
      for (int r = 0; r < Count; ++r) {
        if constexpr (Spread != 0) {
          sum[r] += weight[t] * load_spread(from + r * source_row, Spread);
        } else {
          for (int64_t l = 0; l < n; ++l) sum[r][l] += weight[t] * from[r * source_row + l * step];
        }
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < Count; ++r) {
      const Vec<T> v = is_relu ? relu<T>(sum[r]) : sum[r];
      T* row = to + r * to_row + x * to_step;
      if (to_step == 1) {
        store_first(row, v, n);
      } else {
        for (int64_t l = 0; l < n; ++l) row[l * to_step] = v[l];
      }
    }
  }
}

template <class T, int Spread>
void plane_block(const T* source, int64_t source_row, int64_t step, const int64_t* offset, const T* weight,
                 int64_t taps, T bias, bool is_relu, int64_t rows, int64_t points, T* to, int64_t to_row,
                 int64_t to_step) {
  int64_t y = 0;
  for (; y + 4 <= rows; y += 4) {
    plane_rows<T, 4, Spread>(source + y * source_row, source_row, step, offset, weight, taps, bias, is_relu, points,
                             to + y * to_row, to_row, to_step);
  }
  for (; y < rows; ++y) {
    plane_rows<T, 1, Spread>(source + y * source_row, source_row, step, offset, weight, taps, bias, is_relu, points,
                             to + y * to_row, to_row, to_step);
  }
}

template <class T>
void correlate_planes(const Correlation<T>& c) {
  const Axis* axis = c.axis;
  const int64_t *src = c.source_stride, *dst = c.destination_stride;
  const Blocks blocks(axis, 1, static_cast<int64_t>(sizeof(T)), 4 * window_points, window_bytes);
  const int64_t taps = tap_count<T>(axis);
  const int64_t per_plane = blocks.count(), work = blocks.rows_each * blocks.columns_each * (taps + 2);
  parallel_for(c.batch * c.groups * per_plane, 1 + piece_work / work, [&](int64_t begin, int64_t end) {
    Scratch<T> copy(blocks.window_size(axis, 1) + slack<T>);
    Taps<T> local(taps, 1);
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t plane = piece / per_plane, image = plane / c.groups, group = plane % c.groups;
      const Block block = blocks(piece % per_plane, axis, 1);
      const T* source = c.source + image * src[0] + group * src[1];
      const Window<T> window = copy_window(copy.data(), source, src, 1, axis, block);
      local.set_offsets(axis, window.slice, window.row, 1, false);
      T* w = local.weight.data();
      for (int64_t z = 0; z < axis[0].taps; ++z) {
        for (int64_t y = 0; y < axis[1].taps; ++y) {
          for (int64_t x = 0; x < axis[2].taps; ++x) {
            *w++ = c.weight[group * c.weight_group + axis[0].index[z] * c.weight_tap[0] +
                            axis[1].index[y] * c.weight_tap[1] + axis[2].index[x] * c.weight_tap[2]];
          }
        }
      }
      const T bias = c.bias == nullptr ? T(0) : c.bias[group];
      T* to = c.destination + image * dst[0] + group * dst[1] +
              (block.z * axis[0].dst_step + axis[0].dst_first) * dst[2] +
              (block.y * axis[1].dst_step + axis[1].dst_first) * dst[3] +
              (block.x * axis[2].dst_step + axis[2].dst_first) * dst[4];
      const int64_t step = axis[2].step;
      const auto run = step == 1 ? plane_block<T, 1> : step == 2 ? plane_block<T, 2> : plane_block<T, 0>;
      run(window.data, axis[1].step * window.row, step, local.offset.data(), local.weight.data(), taps, bias, c.relu,
          block.rows, block.columns, to, axis[1].dst_step * dst[3], axis[2].dst_step * dst[4]);
    }
  });
}

/// Rows of points that one call sums over, as vectors: of channels of a point, or of points of a plane.
template <class T>
struct Rows {
  const T *source, *grad;
  int64_t count, source_row, grad_row;
  int64_t vectors, source_step, grad_step;  ///< whole vectors in a row, and from one to the next
  int64_t last;                             ///< lanes of one more vector, in planes; 0 for none
  int64_t spread;                           ///< between the lanes of a source vector
};

/// sums[t] += grad * source at tap t. Spread is rows.spread, or 0 for any.
template <class T, int Taps, int Spread>
[[gnu::noinline]] void add_products(const Rows<T>& rows, const int64_t* offset, T* sums) {
  const int64_t spread = Spread == 0 ? rows.spread : Spread;
  Vec<T> sum[Taps];
#pragma GCC unroll 9
  for (int t = 0; t < Taps; ++t) sum[t] = load(sums + t * lanes<T>);
  const LaneMask<T> keep(rows.last);
  for (int64_t r = 0; r < rows.count; ++r) {
    const T* source = rows.source + r * rows.source_row;
    const T* grad = rows.grad + r * rows.grad_row;
    for (int64_t i = 0; i < rows.vectors; ++i, source += rows.source_step, grad += rows.grad_step) {
      const Vec<T> g = load(grad);
#pragma GCC unroll 9
      for (int t = 0; t < Taps; ++t) sum[t] += g * load_spread(source + offset[t], spread);
    }
    if (rows.last == 0) continue;
    const Vec<T> g = load_partial(grad, rows.last);
#pragma GCC unroll 9
    for (int t = 0; t < Taps; ++t) sum[t] += g * keep(load_spread(source + offset[t], spread));
  }
#pragma GCC unroll 9
  for (int t = 0; t < Taps; ++t) store(sums + t * lanes<T>, sum[t]);
}

template <class T, int Spread>
void add_taps(const Rows<T>& rows, const int64_t* offset, int64_t taps, T* sums) {
  int64_t t = 0;
  for (; t + 9 <= taps; t += 9) add_products<T, 9, Spread>(rows, offset + t, sums + t * lanes<T>);
  for (; t + 3 <= taps; t += 3) add_products<T, 3, Spread>(rows, offset + t, sums + t * lanes<T>);
  for (; t < taps; ++t) add_products<T, 1, Spread>(rows, offset + t, sums + t * lanes<T>);
}
template <class T>
void add_all_products(const Rows<T>& rows, const int64_t* offset, int64_t taps, T* sums) {
  if (rows.spread == 1)
    add_taps<T, 1>(rows, offset, taps, sums);
  else if (rows.spread == 2)
    add_taps<T, 2>(rows, offset, taps, sums);
  else
    add_taps<T, 0>(rows, offset, taps, sums);
}

/// The gradient of one block with `channels` channels innermost, zeros in lanes past them.
template <class T>
void gather_gradient(T* to, const T* grad, const int64_t* stride, int64_t channels, int64_t width, const Block& block) {
  for (int64_t y = 0; y < block.rows; ++y) {
    for (int64_t x = 0; x < block.columns; ++x, to += width) {
      const T* from = grad + y * stride[3] + x * stride[4];
      for (int64_t c = 0; c < width; ++c) to[c] = c < channels ? from[c * stride[1]] : T(0);
    }
  }
}

template <class T>
void gradient_of_weight(const ConvArgs& args) {
  const int64_t kernel = args.kernel[0] * args.kernel[1] * args.kernel[2];
  const int64_t groups = args.groups;
  if (groups * kernel == 0) return;
  Scratch<int64_t> taps(2 * (args.kernel[0] + args.kernel[1] + args.kernel[2]));
  Axis axis[3];
  forward_axes(args, taps.data(), axis);
  const int64_t *src = args.input.stride, *dst = args.output.stride, *w = args.weight.stride;
  const bool by_channel = src[1] == 1 && dst[1] == 1 && groups > 1;
  const int64_t width = by_channel ? lanes<T> : 1;
  const bool is_empty = args.batch * axis[0].count * axis[1].count * axis[2].count == 0;
  const Blocks blocks(axis, is_empty ? 0 : 1, width * static_cast<int64_t>(sizeof(T)), 4 * window_points, window_bytes);
  const int64_t work = args.batch * axis[0].count * axis[1].count * axis[2].count * kernel * width + 1;
  parallel_for(ceil_div(groups, width), 1 + piece_work / work, [&](int64_t begin, int64_t end) {
    Scratch<T> copy(is_empty ? 0 : blocks.window_size(axis, width) + slack<T>), sums(kernel * lanes<T>);
    Scratch<T> grad_copy(is_empty ? 0 : blocks.rows_each * blocks.columns_each * width);
    Taps<T> local(kernel, 0);
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t group = piece * width, channels = min_of(width, groups - group);
      __builtin_memset(sums.data(), 0, static_cast<std::size_t>(kernel * lanes<T>) * sizeof(T));
      for (int64_t i = 0; i < (is_empty ? 0 : args.batch * blocks.count()); ++i) {
        const int64_t image = i / blocks.count();
        const Block block = blocks(i % blocks.count(), axis, 1);
        const T* source = static_cast<const T*>(args.input.data) + image * src[0] + group * src[1];
        const Window<T> window = copy_window(copy.data(), source, src, channels, axis, block);
        local.set_offsets(axis, window.slice, window.row, window.pixel, false);
        const T* grad = static_cast<const T*>(args.output.data) + image * dst[0] + group * dst[1] + block.z * dst[2] +
                        block.y * dst[3] + block.x * dst[4];
        Rows<T> rows{window.data, grad, block.rows, axis[1].step * window.row, dst[3], 0, 0, 0, 0, 1};
        if (by_channel ? channels < lanes<T> : dst[4] != 1) {
          gather_gradient(grad_copy.data(), grad, dst, channels, width, block);
          rows.grad = grad_copy.data();
          rows.grad_row = block.columns * width;
          rows.grad_step = width;
        } else {
          rows.grad_step = dst[4];
        }
        if (by_channel) {
          rows.vectors = block.columns;
          rows.source_step = axis[2].step * window.pixel;
        } else {
          rows.vectors = block.columns / lanes<T>;
          rows.source_step = axis[2].step * lanes<T>;
          rows.grad_step = lanes<T>;
          rows.last = block.columns % lanes<T>;
          rows.spread = axis[2].step;
        }
        add_all_products(rows, local.offset.data(), kernel, sums.data());
      }
      T* weight = static_cast<T*>(args.weight.data) + group * w[0];
      for (int64_t t = 0; t < kernel; ++t) {
        const int64_t z = t / (args.kernel[1] * args.kernel[2]), y = t / args.kernel[2] % args.kernel[1];
        T* to = weight + z * w[2] + y * w[3] + t % args.kernel[2] * w[4];
        const T* sum = sums.data() + t * lanes<T>;
        if (by_channel) {
          for (int64_t g = 0; g < channels; ++g) to[g * w[0]] = sum[g];
        } else {
          T total = 0;
          for (int64_t l = 0; l < lanes<T>; ++l) total += sum[l];
          *to = total;
        }
      }
    }
  });
}

template <class T>
void correlate_either(const Correlation<T>& c) {
  if (c.source_stride[1] == 1 && c.destination_stride[1] == 1 && c.groups > 1)
    correlate_channels(c);
  else
    correlate_planes(c);
}

}  // namespace

void correlate_depthwise(const Correlation<float>& c) { correlate_either(c); }
void correlate_depthwise(const Correlation<double>& c) { correlate_either(c); }
void depthwise_backward_weight(const ConvArgs& args, float) { gradient_of_weight<float>(args); }
void depthwise_backward_weight(const ConvArgs& args, double) { gradient_of_weight<double>(args); }

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
