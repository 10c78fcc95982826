// Depthwise convolutions with the channels last: rows of points are read and written where they lie, eight points at a
// time; a point some of whose taps lie outside goes alone, with those inside.
#include <cstdint>

#include "kernels/conv_depthwise.h"
#include "kernels/gemm_epilogue.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

/// A stretch of taps or points of an axis.
struct Stretch {
  int64_t begin, end;
};
/// The taps of point q that lie inside the source.
[[gnu::always_inline]] inline Stretch taps_inside(const Axis& axis, int64_t q) noexcept {
  Stretch taps{0, axis.taps};
  while (taps.begin < taps.end && q * axis.step + axis.base[taps.begin] < 0) ++taps.begin;
  while (taps.end > taps.begin && q * axis.step + axis.base[taps.end - 1] >= axis.source_size) --taps.end;
  return taps;
}
/// The points of [begin, end) all of whose taps lie inside the source.
[[gnu::always_inline]] inline Stretch points_inside(const Axis& axis, int64_t begin, int64_t end) noexcept {
  if (axis.taps == 0) return {begin, end};
  const int64_t room = axis.source_size - 1 - axis.base[axis.taps - 1];
  const int64_t first = max_of(begin, ceil_div(max_of(-axis.base[0], 0), axis.step));
  return {min_of(first, end), max_of(min_of(end, room < 0 ? 0 : room / axis.step + 1), min_of(first, end))};
}

/// Where a tap reads, from its point's first channel on, and its weights (or the sums of their gradient).
template <class T>
struct ChannelTap {
  int64_t source;
  T* weight;
};

/// The taps that lie inside for the points of a row, weights as [tap][channel] in rows of `row` elements.
template <class T>
class TapList {
 public:
  TapList(const Axis* axis, const int64_t* stride, T* weight, int64_t row)
      : axis_(axis), stride_(stride), weight_(weight), row_(row), list_(tap_count(axis)) {}
  void set_row(int64_t z, int64_t y) noexcept {
    z_ = taps_inside(axis_[0], z);
    y_ = taps_inside(axis_[1], y);
    x_ = {-1, -1};
  }
  void set_columns(Stretch x) noexcept {
    if (x.begin == x_.begin && x.end == x_.end) return;
    x_ = x;
    size_ = 0;
    for (int64_t i = z_.begin; i < z_.end; ++i) {
      for (int64_t j = y_.begin; j < y_.end; ++j) {
        for (int64_t k = x.begin; k < x.end; ++k) {
          list_[size_++] = {
              axis_[0].base[i] * stride_[2] + axis_[1].base[j] * stride_[3] + axis_[2].base[k] * stride_[4],
              weight_ + ((i * axis_[1].taps + j) * axis_[2].taps + k) * row_};
        }
      }
    }
  }
  [[gnu::always_inline]] int64_t size() const noexcept { return size_; }
  [[gnu::always_inline]] const ChannelTap<T>& operator[](int64_t i) const noexcept { return list_[i]; }

 private:
  const Axis* axis_;
  const int64_t* stride_;
  T* weight_;
  int64_t row_, size_ = 0;
  Stretch z_{}, y_{}, x_{-1, -1};
  Scratch<ChannelTap<T>> list_;
};

/// Calls f<8>(x) for eight points, f<4>, f<2> and f<1> for what is left, after `taps` is set to theirs.
template <class T, class F>
[[gnu::always_inline]] inline void each_group(TapList<T>& taps, const Axis& axis, Stretch columns, F f) {
  const Stretch inside = points_inside(axis, columns.begin, columns.end);
  int64_t x = columns.begin;
  const auto edge = [&](int64_t end) {
    for (; x < end; ++x) {
      taps.set_columns(taps_inside(axis, x));
      f.template operator()<1>(x);
    }
  };
  edge(inside.begin);
  taps.set_columns({0, axis.taps});
  for (; x + 8 <= inside.end; x += 8) f.template operator()<8>(x);
  const auto rest = [&]<int Pixels>() {
    if (x + Pixels > inside.end) return;
    f.template operator()<Pixels>(x);
    x += Pixels;
  };
  rest.template operator()<4>();
  rest.template operator()<2>();
  rest.template operator()<1>();
  edge(columns.end);
}

template <class T>
struct ChannelRow {
  const T* source;
  T* to;
  int64_t source_step, to_step;  ///< from one point to the next
  int64_t channels;
  const T* bias;
  bool is_relu;
};

/// `Pixels` neighbouring points from x on of `Vectors` vectors of channels from c on; n <= lanes channels of the last.
template <class T, int Pixels, int Vectors>
[[gnu::always_inline]] inline void channel_points(const ChannelRow<T>& row, const TapList<T>& taps, int64_t x,
                                                  int64_t c, int64_t n) noexcept {
  Vec<T> sum[Pixels][Vectors];
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) {
    const Vec<T> start = row.bias == nullptr ? Vec<T>{} : load_first(row.bias + c + v * lanes<T>, n);
#pragma GCC unroll 8
    for (int i = 0; i < Pixels; ++i) sum[i][v] = start;
  }
  const T* source = row.source + x * row.source_step + c;
  for (int64_t t = 0; t < taps.size(); ++t) {
    const T *from = source + taps[t].source, *weight = taps[t].weight + c;
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const Vec<T> w = load_first(weight + v * lanes<T>, n);
#pragma GCC unroll 8
      for (int i = 0; i < Pixels; ++i) sum[i][v] += w * load_first(from + i * row.source_step + v * lanes<T>, n);
    }
  }
  T* to = row.to + x * row.to_step + c;
#pragma GCC unroll 8
  for (int i = 0; i < Pixels; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      store_first(to + i * row.to_step + v * lanes<T>, row.is_relu ? relu<T>(sum[i][v]) : sum[i][v], n);
    }
  }
}

/// Every channel of `Pixels` points: enough sums at a time that none waits for another's multiply-add.
template <class T, int Pixels, int Vectors>
[[gnu::noinline]] void all_channels(const ChannelRow<T>& row, const TapList<T>& taps, int64_t x) {
  int64_t c = 0;
  for (; c + Vectors * lanes<T> <= row.channels; c += Vectors * lanes<T>) {
    channel_points<T, Pixels, Vectors>(row, taps, x, c, lanes<T>);
  }
  for (; c < row.channels; c += lanes<T>) {
    channel_points<T, Pixels, 1>(row, taps, x, c, min_of(lanes<T>, row.channels - c));
  }
}

/// Points [x, x + points), at most eight, of a kernel whose taps are `Width` neighbours, `Step` apart from one point to
/// the next: what several points read is read once, and what lies outside is passed over.
template <class T, int Width, int Step>
[[gnu::noinline]] void near_points(const ChannelRow<T>& row, const TapList<T>& taps, int64_t x, int64_t points,
                                   const Axis& axis) {
  constexpr int most = 8, inputs = (most - 1) * Step + Width;
  const int64_t pixel = row.source_step / Step, first = x * Step + axis.base[0];
  const int64_t begin = max_of(-first, 0), end = min_of(axis.source_size - first, inputs);
  const auto vector = [&](int64_t c, int64_t n) __attribute__((always_inline)) {
    const Vec<T> start = row.bias == nullptr ? Vec<T>{} : load_first(row.bias + c, n);
    Vec<T> sum[most];
#pragma GCC unroll 8
    for (int i = 0; i < most; ++i) sum[i] = start;
    const T* source = row.source + x * row.source_step + c;
    for (int64_t t = 0; t < taps.size(); t += Width) {
      Vec<T> weight[Width];
#pragma GCC unroll 8
      for (int k = 0; k < Width; ++k) weight[k] = load_first(taps[t + k].weight + c, n);
      const T* from = source + taps[t].source;
#pragma GCC unroll 32
      for (int j = 0; j < inputs; ++j) {
        if (j < begin || j >= end) continue;
        const Vec<T> v = load_first(from + j * pixel, n);
#pragma GCC unroll 8
        for (int k = 0; k < Width; ++k) {
          if (j >= k && (j - k) % Step == 0 && (j - k) / Step < most) sum[(j - k) / Step] += weight[k] * v;
        }
      }
    }
    T* to = row.to + x * row.to_step + c;
#pragma GCC unroll 8
    for (int i = 0; i < most; ++i) {
      if (i < points) store_first(to + i * row.to_step, row.is_relu ? relu<T>(sum[i]) : sum[i], n);
    }
  };
  int64_t c = 0;
  for (; c + lanes<T> <= row.channels; c += lanes<T>) vector(c, lanes<T>);
  if (c < row.channels) vector(c, row.channels - c);
}

template <class T>
using NearPoints = void (*)(const ChannelRow<T>&, const TapList<T>&, int64_t, int64_t, const Axis&);

/// The one for such taps, or null.
template <class T>
NearPoints<T> near_points_for(const Axis& axis) noexcept {
  if (axis.taps == 0 || !axis.taps_are_neighbours()) return nullptr;
  switch (axis.step * 8 + axis.taps) {
    case 8 + 1:
      return near_points<T, 1, 1>;
    case 8 + 2:
      return near_points<T, 2, 1>;
    case 8 + 3:
      return near_points<T, 3, 1>;
    case 8 + 5:
      return near_points<T, 5, 1>;
    case 8 + 7:
      return near_points<T, 7, 1>;
    case 16 + 3:
      return near_points<T, 3, 2>;
    case 16 + 5:
      return near_points<T, 5, 2>;
    default:
      return nullptr;
  }
}

/// Calls f(image, z, y, columns) for rows [begin, end) of an output that is cut into `blocks` parts along the width.
template <class F>
[[gnu::always_inline]] inline void each_row(const Axis* axis, int64_t blocks, int64_t begin, int64_t end, F f) {
  const int64_t width = ceil_div(axis[2].count, blocks);
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = i / blocks, image = row / axis[1].count / axis[0].count;
    const Stretch columns{min_of(i % blocks * width, axis[2].count), min_of((i % blocks + 1) * width, axis[2].count)};
    f(image, row / axis[1].count % axis[0].count, row % axis[1].count, columns);
  }
}
[[gnu::always_inline]] inline int64_t row_blocks(const Axis* axis) noexcept {
  return max_of(ceil_div(axis[2].count, 256), 1);
}

template <class T>
void correlate(const Correlation<T>& c) {
  const Axis* axis = c.axis;
  const int64_t *src = c.source_stride, *dst = c.destination_stride;
  const int64_t taps = tap_count(axis), blocks = row_blocks(axis);
  const NearPoints<T> near = near_points_for<T>(axis[2]);
  Scratch<T> weights(taps * c.groups);
  T* w = weights.data();
  for (int64_t z = 0; z < axis[0].taps; ++z) {
    for (int64_t y = 0; y < axis[1].taps; ++y) {
      for (int64_t x = 0; x < axis[2].taps; ++x) {
        const T* from = c.weight + axis[0].index[z] * c.weight_tap[0] + axis[1].index[y] * c.weight_tap[1] +
                        axis[2].index[x] * c.weight_tap[2];
        for (int64_t g = 0; g < c.groups; ++g) *w++ = from[g * c.weight_group];
      }
    }
  }
  const int64_t work = ceil_div(axis[2].count, blocks) * c.groups * taps;
  const int64_t rows = c.batch * axis[0].count * axis[1].count * blocks;
  parallel_for(rows, 1 + piece_work / (work + 1), [&](int64_t begin, int64_t end) {
    TapList<T> list(axis, src, weights.data(), c.groups);
    each_row(axis, blocks, begin, end, [&](int64_t image, int64_t z, int64_t y, Stretch columns) {
      const ChannelRow<T> row{c.source + image * src[0] + z * axis[0].step * src[2] + y * axis[1].step * src[3],
                              c.destination + image * dst[0] + (z * axis[0].dst_step + axis[0].dst_first) * dst[2] +
                                  (y * axis[1].dst_step + axis[1].dst_first) * dst[3] + axis[2].dst_first * dst[4],
                              axis[2].step * src[4],
                              axis[2].dst_step * dst[4],
                              c.groups,
                              c.bias,
                              c.relu};
      list.set_row(z, y);
      if (near != nullptr) {
        list.set_columns({0, axis[2].taps});
        for (int64_t x = columns.begin; x < columns.end; x += 8) {
          near(row, list, x, min_of(8, columns.end - x), axis[2]);
        }
        return;
      }
      each_group(list, axis[2], columns,
                 [&]<int Pixels>(int64_t x) { all_channels<T, Pixels, Pixels == 1 ? 4 : 8 / Pixels>(row, list, x); });
    });
  });
}

/// A row of the gradient and the sums that its products with the source belong to, in the taps.
template <class T>
struct ProductRow {
  const T *source, *grad;
  int64_t source_step, grad_step, channels;
};

/// Adds the products of `Pixels` neighbouring points from x on. A row of sums is whole vectors.
template <class T, int Pixels>
[[gnu::noinline]] void add_points(const ProductRow<T>& row, const TapList<T>& taps, int64_t x) {
  const auto vector = [&](int64_t c, int64_t n) __attribute__((always_inline)) {
    const T *grad = row.grad + x * row.grad_step + c, *source = row.source + x * row.source_step + c;
    Vec<T> g[Pixels];
#pragma GCC unroll 8
    for (int i = 0; i < Pixels; ++i) g[i] = load_first(grad + i * row.grad_step, n);
    for (int64_t t = 0; t < taps.size(); ++t) {
      const T* from = source + taps[t].source;
      Vec<T> sum = load(taps[t].weight + c);
#pragma GCC unroll 8
      for (int i = 0; i < Pixels; ++i) sum += g[i] * load_first(from + i * row.source_step, n);
      store(taps[t].weight + c, sum);
    }
  };
  int64_t c = 0;
  for (; c + lanes<T> <= row.channels; c += lanes<T>) vector(c, lanes<T>);
  if (c < row.channels) vector(c, row.channels - c);
}

/// Rows of points in parts with sums of their own, which are added in order: the same bits at any thread count.
template <class T>
void weight_gradient(const ConvArgs& args, const Axis* axis) {
  const int64_t *src = args.input.stride, *dst = args.output.stride, *w = args.weight.stride;
  const int64_t kernel = tap_count(axis), blocks = row_blocks(axis);
  const int64_t each = min_of(round_up(args.groups, lanes<T>), 8 * lanes<T>);
  const int64_t channel_blocks = ceil_div(args.groups, each), size = kernel * each;
  const int64_t rows = args.batch * axis[0].count * axis[1].count * blocks;
  const int64_t work = args.batch * axis[0].count * axis[1].count * axis[2].count * size;
  const int64_t parts = max_of(min_of(min_of(ceil_div(64, channel_blocks), rows), work >> 19), 1);
  Scratch<T> sums(channel_blocks * parts * size);
  parallel_for(channel_blocks * parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t part = piece % parts, channel = piece / parts * each;
      T* sum = sums.data() + piece * size;
      __builtin_memset(sum, 0, static_cast<std::size_t>(size) * sizeof(T));
      TapList<T> taps(axis, src, sum, each);
      const auto add_row = [&](int64_t image, int64_t z, int64_t y, Stretch columns) {
        const ProductRow<T> row{
            static_cast<const T*>(args.input.data) + channel + image * src[0] + z * axis[0].step * src[2] +
                y * axis[1].step * src[3],
            static_cast<const T*>(args.output.data) + channel + image * dst[0] + z * dst[2] + y * dst[3],
            axis[2].step * src[4], dst[4], min_of(each, args.groups - channel)};
        taps.set_row(z, y);
        each_group(taps, axis[2], columns, [&]<int Pixels>(int64_t x) { add_points<T, Pixels>(row, taps, x); });
      };
      each_row(axis, blocks, rows * part / parts, rows * (part + 1) / parts, add_row);
    }
  });
  for (int64_t piece = 0; piece < channel_blocks * parts; ++piece) {
    T* total = sums.data() + piece / parts * parts * size;
    const T* part = sums.data() + piece * size;
    for (int64_t i = 0; piece % parts > 0 && i < size; ++i) total[i] += part[i];
  }
  for (int64_t g = 0; g < args.groups; ++g) {
    const T* from = sums.data() + g / each * parts * size + g % each;
    T* weight = static_cast<T*>(args.weight.data) + g * w[0];
    for (int64_t t = 0; t < kernel; ++t) {
      const int64_t z = t / (args.kernel[1] * args.kernel[2]), y = t / args.kernel[2] % args.kernel[1];
      weight[z * w[2] + y * w[3] + t % args.kernel[2] * w[4]] = from[t * each];
    }
  }
}

}  // namespace

void correlate_channels(const Correlation<float>& c) { correlate(c); }
void correlate_channels(const Correlation<double>& c) { correlate(c); }
void channels_backward_weight(const ConvArgs& args, const Axis* axis, float) { weight_gradient<float>(args, axis); }
void channels_backward_weight(const ConvArgs& args, const Axis* axis, double) { weight_gradient<double>(args, axis); }

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
