// Convolution without im2col: register tiles read the padded image in place, one pointer per output pixel
// (docs/notes/conv.md). Backward-input is the same correlation with turned weights, one for each phase of the stride.
#include "kernels/conv.h"

#include <cstdint>

#include "kernels/conv_geometry.h"
#include "kernels/conv_pack.h"
#include "kernels/conv_pieces.h"
#include "kernels/conv_points.h"
#include "kernels/conv_tile.h"
#include "kernels/conv_write.h"
#include "kernels/gemm.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

// A block's window should leave half of L2 to the panel of weights; its points make a few dozen tiles.
constexpr int64_t window_bytes = 256 << 10;
constexpr int64_t window_points = 448;
constexpr int64_t shared_bytes = 2 * window_bytes;  // of several small images

/// The element of v that each lane names.
template <class T>
[[gnu::always_inline]] inline Vec<T> pick(Vec<T> v, Lanes<T> index) noexcept {
#if defined(__clang__)
  Vec<T> picked;
  for (int l = 0; l < lanes<T>; ++l) picked[l] = v[index[l]];
  return picked;
#else
  return __builtin_shuffle(v, index);
#endif
}

/// A tile of groups that lie side by side in one vector, `mixed` channels each: every input channel of a group is
/// spread over the group's lanes. Half a tile at a time; the rows past `height` hold copies of the last.
template <class T>
[[gnu::noinline]] void mixed_tile(const T* const* source, int64_t height, const T* panel, const PointWalk& walk,
                                  int64_t mixed, T* tile) {
  constexpr int half = tile_rows / 2;
  Lanes<T> first;
  for (int l = 0; l < lanes<T>; ++l) first[l] = static_cast<LaneIndex<T>>(l / mixed * mixed);
  for (int64_t begin = 0; begin < height; begin += half, tile += half * tile_columns<T>) {
    Vec<T> sum[half] = {};
    for (int64_t r = 0; r < walk.runs; ++r) {
      const T* row[half];
      const T* w = panel + walk.run[r].weights;
#pragma GCC unroll 7
      for (int i = 0; i < half; ++i) row[i] = source[min_of(begin + i, height - 1)] + walk.run[r].source;
      for (int64_t k = 0; k < walk.length; k += lanes<T>) {
        Vec<T> x[half];
#pragma GCC unroll 7
        for (int i = 0; i < half; ++i) x[i] = load(row[i] + k);
        Lanes<T> index = first;
        for (int64_t c = 0; c < mixed; ++c, w += tile_columns<T>, index += 1) {
          const Vec<T> factor = load(w);
#pragma GCC unroll 7
          for (int i = 0; i < half; ++i) sum[i] += pick<T>(x[i], index) * factor;
        }
      }
    }
#pragma GCC unroll 7
    for (int i = 0; i < half; ++i) store(tile + i * tile_columns<T>, sum[i]);
  }
}

/// Whether this is a 1 x 1 convolution over whole planes, whose points follow each other `source` and `destination`
/// elements apart.
template <class T>
bool reads_planes(const Correlation<T>& c, int64_t source, int64_t destination) noexcept {
  for (int d = 2; d >= 0; --d) {
    const Axis& a = c.axis[d];
    if (a.taps != 1 || a.step != 1 || a.dst_step != 1 || a.base[0] != 0 || a.count != a.source_size) return false;
    if (a.count != 1 && (c.source_stride[2 + d] != source || c.destination_stride[2 + d] != destination)) return false;
    source *= a.count;
    destination *= a.count;
  }
  return true;
}

/// Elements from one point to the next, if they are evenly spaced.
template <class T>
int64_t point_stride(const Correlation<T>& c, const int64_t* stride) noexcept {
  for (int d = 2; d >= 0; --d) {
    if (c.axis[d].count > 1) return stride[2 + d];
  }
  return stride[0];
}

/// As a matrix product: the weights times each image's planes, or all points times the weights.
template <class T>
bool multiply_matrices(const Correlation<T>& c) {
  const int64_t *src = c.source_stride, *dst = c.destination_stride;
  const int64_t plane = c.axis[0].count * c.axis[1].count * c.axis[2].count;
  const bool by_planes = plane >= 128 && reads_planes(c, 1, 1);
  const int64_t from = point_stride(c, src), to = point_stride(c, dst);
  const bool even = c.batch == 1 || (src[0] == plane * from && dst[0] == plane * to);
  const bool by_points = !by_planes && c.groups == 1 && src[1] == 1 && dst[1] == 1 && even && reads_planes(c, from, to);
  if (!by_planes && !by_points) return false;
  GemmTable table;
  fill(table);
  const auto gemm = table.gemm[static_cast<int>(sizeof(T) == 4 ? Compute::f32 : Compute::f64)];
  GemmArgs args{.m = c.out_channels, .n = plane, .k = c.in_channels};
  args.activation = c.relu ? Activation::relu : Activation::none;
  if (by_points) {
    args.m = c.batch * plane;
    args.n = c.out_channels;
    args.a = c.source;
    args.a_row = from;
    args.a_col = 1;
    args.b = c.weight;
    args.b_row = c.weight_in;
    args.b_col = c.weight_out;
    args.c = c.destination;
    args.c_row = to;
    args.column_bias = c.bias;
    gemm(args);
    return true;
  }
  args.a_row = c.weight_out;
  args.a_col = c.weight_in;
  args.b_row = src[1];
  args.c_row = dst[1];
  args.batch = c.batch;
  args.b_batch = src[0];
  args.c_batch = dst[0];
  for (int64_t g = 0; g < c.groups; ++g) {
    args.a = c.weight + g * c.weight_group;
    args.b = c.source + g * c.in_channels * src[1];
    args.c = c.destination + g * c.out_channels * dst[1];
    args.row_bias = c.bias == nullptr ? nullptr : c.bias + g * c.out_channels;
    gemm(args);
  }
  return true;
}

/// Small groups become groups of a vector's channels, where they can.
template <class T>
void mix_groups(Correlation<T>& c) {
  c.mixed = mixed_channels<T>(c.groups, c.in_channels, c.out_channels);
  if (c.mixed == 0) return;
  c.groups = c.groups * c.mixed / lanes<T>;
  c.in_channels = c.out_channels = lanes<T>;
}

template <class T>
void correlate(Correlation<T> c) {
  const Axis* axis = c.axis;
  if (c.batch * c.groups * c.out_channels * axis[0].count * axis[1].count * axis[2].count == 0) return;
  const bool empty = c.in_channels * axis[0].taps * axis[1].taps * axis[2].taps == 0;
  if (!empty && (multiply_matrices(c) || (c.winograd && correlate_fewer(c)) || correlate_planes(c))) return;

  if (!empty) mix_groups(c);
  const WeightPacker<T> packer(c);
  const int64_t* src = c.source_stride;
  const bool in_place =
      !empty && src[1] == 1 && axis[0].stays_inside() && axis[1].stays_inside() && axis[2].stays_inside();
  const int64_t channels = c.in_channels;
  const Blocks blocks(axis, c.batch, channels * static_cast<int64_t>(sizeof(T)), window_points, window_bytes,
                      window_points / 2, shared_bytes);
  const bool whole_rows = axis[2].taps_are_neighbours() && (!in_place || src[4] == channels);
  const Pieces<T> pieces(c, packer, blocks, in_place);

  parallel_for(pieces.count(), 1 + (1 << 19) / pieces.work(), [&](int64_t begin, int64_t end) {
    alignas(64) T tile[tile_rows * tile_columns<T>];
    Scratch<T> copy(pieces.copy_size());
    BlockPoints<T> points(c, blocks, whole_rows, (c.mixed == 0 ? channels : c.mixed) * tile_columns<T>);
    for (int64_t i = begin * pieces.turns_each(); i < end * pieces.turns_each(); ++i) {
      const auto turn = pieces.turn(i, copy.data());
      points.place(turn.block, turn.window);
      const PointWriter<T> writer(c, turn.group, axis[2].dst_step * c.destination_stride[4]);
      const T* panel = turn.panels;
      for (int64_t j = turn.first_panel; j < turn.last_panel; ++j, panel += packer.panel_size()) {
        const int64_t o = j * tile_columns<T>, n = min_of(tile_columns<T>, c.out_channels - o);
        for (int64_t i = 0; i < points.bands(); ++i) {
          const Band& band = points.band(i);
          const RowTiles row_tiles(band.last - band.first);
          for (int64_t t = 0; t < row_tiles.count; ++t) {
            const int64_t first = band.first + row_tiles.begin(t), height = row_tiles.begin(t + 1) - row_tiles.begin(t);
            const int64_t* to = points.destination() + first;
            writer.prefetch(to, height, o, n);
            const T* const* from = points.source() + first;
            if (c.mixed != 0)
              mixed_tile(from, height, panel, band.walk, c.mixed, tile);
            else
              point_tiles<T>().sum[height - 1][n > lanes<T> ? 1 : 0](from, panel, band.walk, tile);
            writer.write(tile, to, height, o, n);
          }
        }
      }
    }
  });
}

template <class T>
void forward(const ConvArgs& args) {
  const int64_t out_channels = args.out_channels / args.groups;
  Scratch<int64_t> taps(2 * (args.kernel[0] + args.kernel[1] + args.kernel[2]));
  const int64_t* w = args.weight.stride;
  Correlation<T> c{args.batch,
                   args.groups,
                   args.in_channels / args.groups,
                   out_channels,
                   {},
                   static_cast<const T*>(args.input.data),
                   args.input.stride,
                   static_cast<T*>(args.output.data),
                   args.output.stride,
                   static_cast<const T*>(args.weight.data),
                   out_channels * w[0],
                   w[0],
                   w[1],
                   w + 2,
                   {args.kernel[0], args.kernel[1], args.kernel[2]},
                   static_cast<const T*>(args.bias),
                   args.relu,
                   args.winograd};
  forward_axes(args, taps.data(), c.axis);
  if (c.in_channels == 1 && c.out_channels == 1)
    correlate_depthwise(&c, 1);
  else
    correlate(c);
}

/// Input element q * stride + phase receives from output element q + base through those kernel positions k for which
/// phase + padding - k * dilation is base * stride.
[[gnu::always_inline]] inline Axis backward_axis(const ConvArgs& args, int d, int64_t phase, int64_t* taps) noexcept {
  const int64_t stride = args.stride[d];
  Axis a{max_of(ceil_div(args.in_size[d] - phase, stride), 0),
         args.out_size[d],
         1,
         0,
         stride,
         phase,
         taps,
         taps + args.kernel[d]};
  for (int64_t k = args.kernel[d] - 1; k >= 0; --k) {
    const int64_t distance = phase + args.padding[d] - k * args.dilation[d];
    if (distance % stride != 0) continue;
    a.base[a.taps] = distance / stride;
    a.index[a.taps++] = k;
  }
  return a;
}

template <class T>
void backward_input(const ConvArgs& args) {
  const int64_t in_channels = args.in_channels / args.groups, out_channels = args.out_channels / args.groups;
  const bool is_depthwise = in_channels == 1 && out_channels == 1;
  const int64_t phases = args.stride[0] * args.stride[1] * args.stride[2];
  const int64_t taps_each = 2 * (args.kernel[0] + args.kernel[1] + args.kernel[2]);
  Scratch<int64_t> taps(taps_each * (is_depthwise ? phases : 1));
  Scratch<Correlation<T>> all(is_depthwise ? phases : 0);
  const int64_t* w = args.weight.stride;
  Correlation<T> c{args.batch,
                   args.groups,
                   out_channels,
                   in_channels,
                   {},
                   static_cast<const T*>(args.output.data),
                   args.output.stride,
                   static_cast<T*>(args.input.data),
                   args.input.stride,
                   static_cast<const T*>(args.weight.data),
                   out_channels * w[0],
                   w[1],
                   w[0],
                   w + 2,
                   {args.kernel[0], args.kernel[1], args.kernel[2]},
                   static_cast<const T*>(args.bias),
                   args.relu,
                   args.winograd};
  for (int64_t i = 0; i < phases; ++i) {
    int64_t* to = taps.data() + (is_depthwise ? i * taps_each : 0);
    c.axis[0] = backward_axis(args, 0, i / args.stride[2] / args.stride[1], to);
    c.axis[1] = backward_axis(args, 1, i / args.stride[2] % args.stride[1], to += 2 * args.kernel[0]);
    c.axis[2] = backward_axis(args, 2, i % args.stride[2], to += 2 * args.kernel[1]);
    if (is_depthwise)
      all[i] = c;
    else
      correlate(c);
  }
  if (is_depthwise) correlate_depthwise(all.data(), phases);
}

template <class T>
void weight_gradient(const ConvArgs& args) {
  if (args.in_channels == args.groups && args.out_channels == args.groups)
    depthwise_backward_weight(args, T{});
  else
    backward_weight(args, T{});
}

}  // namespace

void fill(ConvTable& table) {
  table = {{forward<float>, forward<double>, nullptr, nullptr},
           {backward_input<float>, backward_input<double>, nullptr, nullptr},
           {weight_gradient<float>, weight_gradient<double>, nullptr, nullptr}};
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
