// Depthwise convolutions in planes: vectors run along the width, and a block of points copies its window of the source
// into a padded buffer. Where channels are consecutive, conv_depthwise_channels.cpp has them.
#include "kernels/conv_depthwise.h"

#include <cstdint>
#include <type_traits>

#include "kernels/gemm_epilogue.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t window_bytes = 128 << 10;
constexpr int64_t window_points = 1 << 12;

/// Room past a copied window for vectors that start inside its last row.
template <class T>
constexpr int64_t slack = 4 * lanes<T>;

/// Every `step`-th element from `from`; for steps 1 and 2 reads whole vectors, past the last one used.
template <class T>
[[gnu::always_inline]] inline Vec<T> load_spread(const T* from, int64_t step) noexcept {
  if (step == 1) return load(from);
  if (step == 2) {
    return even_lanes<T>(load(from), load(from + lanes<T>), std::make_integer_sequence<int, lanes<T>>());
  }
  Vec<T> v{};
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

/// The taps of one plane's points: columns of the kernel one after the other, with where each tap reads.
template <class T>
struct PlaneTaps {
  int64_t count;
  Scratch<int64_t> offset;
  Scratch<T> weight;

  explicit PlaneTaps(int64_t most) : count(0), offset(most), weight(most) {}

  void list(const Correlation<T>& c, const Axis* axis, int64_t group, const Window<T>& window, int64_t first_x) {
    const T* from = c.weight + group * c.weight_group;
    count = 0;
    for (int64_t z = 0; z < axis[0].taps; ++z) {
      for (int64_t x = 0; x < axis[2].taps; ++x) {
        for (int64_t y = 0; y < axis[1].taps; ++y, ++count) {
          offset[count] =
              z * window.slice + (axis[1].base[y] - axis[1].base[0]) * window.row + axis[2].base[x] - first_x;
          weight[count] = from[axis[0].index[z] * c.weight_tap[0] + axis[1].index[y] * c.weight_tap[1] +
                               axis[2].index[x] * c.weight_tap[2]];
        }
      }
    }
  }
};

template <class T>
struct PlaneBlock {
  const T* source;
  T* to;
  int64_t source_row, source_step, to_row, to_step;
  int64_t rows, points;
  const int64_t* offset[2];  ///< of every second point from the first, and from the second; or of all
  const T* weight[2];
  int64_t taps[2];
  T bias;
  bool is_relu;
};
template <class T, int... I>
[[gnu::always_inline]] inline Vec<T> interleave(Vec<T> a, Vec<T> b, int part,
                                                std::integer_sequence<int, I...>) noexcept {
  constexpr int half = lanes<T> / 2;
  return part == 0 ? __builtin_shufflevector(a, b, (I / 2 + I % 2 * lanes<T>)...)
                   : __builtin_shufflevector(a, b, (half + I / 2 + I % 2 * lanes<T>)...);
}

/// Writes lanes x to x + n - 1 of a row of `block`: those of `a`, or of `a` and `b` in turns.
template <class T>
[[gnu::always_inline]] inline void store_points(const PlaneBlock<T>& block, int64_t y, int64_t x, Vec<T> v) noexcept {
  if (block.is_relu) v = relu<T>(v);
  const int64_t n = min_of(lanes<T>, block.points - x);
  T* row = block.to + y * block.to_row + x * block.to_step;
  if (block.to_step == 1) {
    store_first(row, v, n);
  } else {
    for (int64_t l = 0; l < n; ++l) row[l * block.to_step] = v[l];
  }
}

/// `Count` rows of points from y on, together so that their sums do not wait for each other. Spread is the step along
/// the width, or 0 for any. Of two phases, the points are written in turns.
template <class T, int Count, int Spread, int Phases>
[[gnu::noinline]] void plane_rows(const PlaneBlock<T>& block, int64_t y) {
  constexpr auto all = std::make_integer_sequence<int, lanes<T>>();
  const int64_t step = Spread == 0 ? block.source_step : Spread;
  for (int64_t x = 0; x < block.points; x += Phases * lanes<T>) {
    Vec<T> sum[Phases][Count];
#pragma GCC unroll 2
    for (int p = 0; p < Phases; ++p) {
#pragma GCC unroll 8
      for (int r = 0; r < Count; ++r) sum[p][r] = Vec<T>{} + block.bias;
      const T* source = block.source + y * block.source_row + x / Phases * step;
      for (int64_t t = 0; t < block.taps[p]; ++t) {
        const T* from = source + block.offset[p][t];
        const T weight = block.weight[p][t];
#pragma GCC unroll 8
        for (int r = 0; r < Count; ++r) sum[p][r] += weight * load_spread(from + r * block.source_row, step);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < Count; ++r) {
      if constexpr (Phases == 1) {
        store_points(block, y + r, x, sum[0][r]);
      } else {
        store_points(block, y + r, x, interleave<T>(sum[0][r], sum[1][r], 0, all));
        if (x + lanes<T> < block.points) {
          store_points(block, y + r, x + lanes<T>, interleave<T>(sum[0][r], sum[1][r], 1, all));
        }
      }
    }
  }
}

/// The same for kernels of `Height` neighbouring rows of taps: a vector of the source is read once for all of them.
template <class T, int Count, int Height>
[[gnu::noinline]] void plane_columns(const PlaneBlock<T>& block, int64_t y) {
  for (int64_t x = 0; x < block.points; x += lanes<T>) {
    Vec<T> sum[Count];
#pragma GCC unroll 8
    for (int r = 0; r < Count; ++r) sum[r] = Vec<T>{} + block.bias;
    for (int64_t t = 0; t < block.taps[0]; t += Height) {
      const T* from = block.source + y * block.source_row + x + block.offset[0][t];
      Vec<T> weight[Height];
#pragma GCC unroll 8
      for (int k = 0; k < Height; ++k) weight[k] = Vec<T>{} + block.weight[0][t + k];
#pragma GCC unroll 16
      for (int j = 0; j < Count + Height - 1; ++j) {
        const Vec<T> v = load(from + j * block.source_row);
#pragma GCC unroll 8
        for (int k = 0; k < Height; ++k) {
          if (j >= k && j - k < Count) sum[j - k] += weight[k] * v;
        }
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < Count; ++r) store_points(block, y + r, x, sum[r]);
  }
}

/// All rows of a block, eight or four together, the last ones of a block again rather than fewer. `height` is that of
/// the kernel if its rows of taps are neighbours, as the rows of points are, else 0.
template <class T>
void correlate_block(const PlaneBlock<T>& block, int64_t phases, int64_t height) {
  const auto run = [&]<int Count>(int64_t y) {
    y = min_of(y, block.rows - Count);
    const int64_t step = block.source_step;
    if (phases == 2)
      plane_rows<T, Count, 1, 2>(block, y);
    else if (step == 1 && height == 3)
      plane_columns<T, Count, 3>(block, y);
    else if (step == 1 && height == 5)
      plane_columns<T, Count, 5>(block, y);
    else if (step == 1)
      plane_rows<T, Count, 1, 1>(block, y);
    else if (step == 2)
      plane_rows<T, Count, 2, 1>(block, y);
    else
      plane_rows<T, Count, 0, 1>(block, y);
  };
  for (int64_t y = 0; y < block.rows;) {
    if (block.rows >= 8 && block.rows - y > 4) {
      run.template operator()<8>(y);
      y += 8;
    } else if (block.rows >= 4) {
      run.template operator()<4>(y);
      y += 4;
    } else {
      run.template operator()<1>(y);
      ++y;
    }
  }
}

/// One phase, or two that take turns along the width and share a window.
template <class T>
struct PlaneJob {
  const Correlation<T>* phase;
  int64_t phases;
  Axis axis[3];  ///< of the window; points are those of the first phase
  int64_t reach[2];
};

template <class T>
void join_phases(PlaneJob<T>& job, const Correlation<T>* phase, int64_t left) {
  job.phase = phase;
  for (int d = 0; d < 3; ++d) job.axis[d] = phase->axis[d];
  const Axis& a = phase[0].axis[2];
  const bool two = left > 1 && a.dst_step == 2 && phase->destination_stride[4] == 1;
  job.phases = two ? 2 : 1;
  if (!two || phase[1].axis[2].taps == 0) return;
  const Axis& b = phase[1].axis[2];
  Axis& both = job.axis[2];
  both.base = job.reach;
  job.reach[0] = a.taps == 0 ? b.base[0] : min_of(a.base[0], b.base[0]);
  job.reach[1] = a.taps == 0 ? b.base[b.taps - 1] : max_of(a.base[a.taps - 1], b.base[b.taps - 1]);
  both.taps = 2;
}

/// Copies that part of a block's window which lies inside the source, as copy_window does; the rest stays.
template <class T>
void copy_inside(T* to, const T* source, const int64_t* stride, const Axis* axis, const Block& block) {
  const int64_t width = axis[2].extent(block.columns), height = axis[1].extent(block.rows);
  const int64_t x = block.x * axis[2].step + axis[2].base[0], left = max_of(-x, 0);
  const int64_t inside = min_of(axis[2].source_size - x, width) - left;
  if (inside <= 0) return;
  for (int64_t t = 0; t < axis[0].taps; ++t) {
    const int64_t z = block.z * axis[0].step + axis[0].base[t];
    for (int64_t r = 0; r < height; ++r, to += width) {
      const int64_t y = block.y * axis[1].step + axis[1].base[0] + r;
      if (z < 0 || z >= axis[0].source_size || y < 0 || y >= axis[1].source_size) continue;
      const T* from = source + z * stride[2] + y * stride[3] + (x + left) * stride[4];
      if (stride[4] == 1) {
        copy_run(to + left, from, inside);
      } else {
        for (int64_t i = 0; i < inside; ++i) to[left + i] = from[i * stride[4]];
      }
    }
  }
}

/// All phases of a plane one after the other, while it is in cache.
template <class T>
void correlate_planes(const Correlation<T>* phase, int64_t phases) {
  const int64_t *src = phase->source_stride, *dst = phase->destination_stride;
  Scratch<PlaneJob<T>> jobs(phases);
  int64_t job_count = 0, most_taps = 0, total_taps = 0, window_size = 0;
  const Blocks blocks(phase->axis, 1, static_cast<int64_t>(sizeof(T)), 4 * window_points, window_bytes);
  for (int64_t i = 0; i < phases; i += jobs[job_count++].phases) {
    PlaneJob<T>& job = jobs[job_count];
    join_phases(job, phase + i, phases - i);
    window_size = max_of(window_size, blocks.window_size(job.axis, 1));
  }
  for (int64_t i = 0; i < phases; ++i) {
    most_taps = max_of(most_taps, tap_count(phase[i].axis));
    total_taps += tap_count(phase[i].axis) + 2;
  }
  const int64_t per_plane = blocks.count(), work = blocks.rows_each * blocks.columns_each * total_taps;
  parallel_for(phase->batch * phase->groups * per_plane, 1 + piece_work / (work + 1), [&](int64_t begin, int64_t end) {
    Scratch<T> copy(window_size + slack<T>);
    PlaneTaps<T> taps[2] = {PlaneTaps<T>(most_taps), PlaneTaps<T>(most_taps)};
    int64_t cleared = -1;  // whose window surrounds the copied part with zeros
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t plane = piece / per_plane, image = plane / phase->groups, group = plane % phase->groups;
      for (int64_t j = 0; j < job_count; ++j) {
        const Correlation<T>& c = *jobs[j].phase;
        const Axis* axis = jobs[j].axis;
        Block part = blocks(piece % per_plane, axis, 1);
        if (part.z >= axis[0].count || part.rows <= 0 || part.columns <= 0) continue;
        const T* source = c.source + image * src[0] + group * src[1];
        Window<T> window{copy.data(), 0, axis[1].extent(part.rows) * axis[2].extent(part.columns),
                         axis[2].extent(part.columns), 1};
        if (tap_count(axis) > 0) {
          if (cleared == piece % per_plane * job_count + j)
            copy_inside(copy.data(), source, src, axis, part);
          else
            copy_window(copy.data(), source, src, 1, axis, part);
          cleared = piece % per_plane * job_count + j;
        }
        PlaneBlock<T> block{window.data,
                            c.destination + image * dst[0] + group * dst[1] +
                                (part.z * axis[0].dst_step + axis[0].dst_first) * dst[2] +
                                (part.y * axis[1].dst_step + axis[1].dst_first) * dst[3] +
                                (part.x * axis[2].dst_step + axis[2].dst_first) * dst[4],
                            axis[1].step * window.row,
                            axis[2].step,
                            axis[1].dst_step * dst[3],
                            axis[2].dst_step * dst[4],
                            part.rows,
                            part.columns,
                            {},
                            {},
                            {},
                            c.bias == nullptr ? T(0) : c.bias[group],
                            c.relu};
        for (int64_t p = 0; p < jobs[j].phases; ++p) {
          taps[p].list(c, jobs[j].phase[p].axis, group, window, tap_count(axis) > 0 ? axis[2].base[0] : 0);
          block.offset[p] = taps[p].offset.data();
          block.weight[p] = taps[p].weight.data();
          block.taps[p] = taps[p].count;
        }
        if (jobs[j].phases == 2) {
          block.to_step = 1;
          block.points += max_of(min_of(part.columns, jobs[j].phase[1].axis[2].count - part.x), 0);
        }
        const bool is_dense = axis[1].step == 1 && axis[1].taps_are_neighbours();
        correlate_block(block, jobs[j].phases, is_dense ? axis[1].taps : 0);
      }
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

/// The gradient of one block with consecutive widths.
template <class T>
void gather_gradient(T* to, const T* grad, const int64_t* stride, const Block& block) {
  for (int64_t y = 0; y < block.rows; ++y) {
    for (int64_t x = 0; x < block.columns; ++x) *to++ = grad[y * stride[3] + x * stride[4]];
  }
}

template <class T>
void weight_of_planes(const ConvArgs& args, const Axis* axis) {
  const int64_t kernel = tap_count(axis), groups = args.groups;
  const int64_t *src = args.input.stride, *dst = args.output.stride, *w = args.weight.stride;
  const bool is_empty = args.batch * axis[0].count * axis[1].count * axis[2].count == 0;
  const Blocks blocks(axis, is_empty ? 0 : 1, static_cast<int64_t>(sizeof(T)), 4 * window_points, window_bytes);
  const int64_t work = args.batch * axis[0].count * axis[1].count * axis[2].count * kernel + 1;
  parallel_for(groups, 1 + piece_work / work, [&](int64_t begin, int64_t end) {
    Scratch<T> copy(is_empty ? 0 : blocks.window_size(axis, 1) + slack<T>), sums(kernel * lanes<T>);
    Scratch<T> grad_copy(is_empty ? 0 : blocks.rows_each * blocks.columns_each);
    Scratch<int64_t> offset(kernel);
    for (int64_t group = begin; group < end; ++group) {
      __builtin_memset(sums.data(), 0, static_cast<std::size_t>(kernel * lanes<T>) * sizeof(T));
      for (int64_t i = 0; i < (is_empty ? 0 : args.batch * blocks.count()); ++i) {
        const int64_t image = i / blocks.count();
        const Block block = blocks(i % blocks.count(), axis, 1);
        const T* source = static_cast<const T*>(args.input.data) + image * src[0] + group * src[1];
        const Window<T> window = copy_window(copy.data(), source, src, 1, axis, block);
        int64_t* to = offset.data();
        for (int64_t z = 0; z < axis[0].taps; ++z) {
          for (int64_t y = 0; y < axis[1].taps; ++y) {
            for (int64_t x = 0; x < axis[2].taps; ++x) {
              *to++ = z * window.slice + (axis[1].base[y] - axis[1].base[0]) * window.row + axis[2].base[x] -
                      axis[2].base[0];
            }
          }
        }
        const T* grad = static_cast<const T*>(args.output.data) + image * dst[0] + group * dst[1] + block.z * dst[2] +
                        block.y * dst[3] + block.x * dst[4];
        Rows<T> rows{window.data,
                     grad,
                     block.rows,
                     axis[1].step * window.row,
                     dst[3],
                     block.columns / lanes<T>,
                     axis[2].step * lanes<T>,
                     lanes<T>,
                     block.columns % lanes<T>,
                     axis[2].step};
        if (dst[4] != 1) {
          gather_gradient(grad_copy.data(), grad, dst, block);
          rows.grad = grad_copy.data();
          rows.grad_row = block.columns;
        }
        add_all_products(rows, offset.data(), kernel, sums.data());
      }
      T* weight = static_cast<T*>(args.weight.data) + group * w[0];
      for (int64_t t = 0; t < kernel; ++t) {
        const int64_t z = t / (args.kernel[1] * args.kernel[2]), y = t / args.kernel[2] % args.kernel[1];
        T total = 0;
        for (int64_t l = 0; l < lanes<T>; ++l) total += sums[t * lanes<T> + l];
        weight[z * w[2] + y * w[3] + t % args.kernel[2] * w[4]] = total;
      }
    }
  });
}

template <class T>
void gradient_of_weight(const ConvArgs& args) {
  if (args.groups * args.kernel[0] * args.kernel[1] * args.kernel[2] == 0) return;
  Scratch<int64_t> taps(2 * (args.kernel[0] + args.kernel[1] + args.kernel[2]));
  Axis axis[3];
  forward_axes(args, taps.data(), axis);
  if (args.input.stride[1] == 1 && args.output.stride[1] == 1 && args.groups > 1)
    channels_backward_weight(args, axis, T{});
  else
    weight_of_planes<T>(args, axis);
}

template <class T>
void correlate_either(const Correlation<T>* phase, int64_t phases) {
  if (phase->source_stride[1] == 1 && phase->destination_stride[1] == 1 && phase->groups > 1) {
    for (int64_t i = 0; i < phases; ++i) correlate_channels(phase[i]);
  } else {
    correlate_planes(phase, phases);
  }
}

}  // namespace

void correlate_depthwise(const Correlation<float>* phase, int64_t phases) { correlate_either(phase, phases); }
void correlate_depthwise(const Correlation<double>* phase, int64_t phases) { correlate_either(phase, phases); }
void depthwise_backward_weight(const ConvArgs& args, float) { gradient_of_weight<float>(args); }
void depthwise_backward_weight(const ConvArgs& args, double) { gradient_of_weight<double>(args); }

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
