// The gradient of a convolution's weight: for each tap, (input channels) x (output channels) summed over the points.
// With channels innermost both operands are read where they lie (docs/notes/conv.md).
#include "kernels/conv_weight.h"

#include <cstdint>
#include <utility>

#include "kernels/gemm.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

// Points of a block: enough to pay for adding a tile to memory, few enough for both operands to stay in L2.
constexpr int64_t window_points = 512;
constexpr int64_t window_bytes = 256 << 10;
// Each block reads and writes all sums: where those are large, blocks are larger too.
constexpr int64_t most_window_bytes = 1 << 20;
constexpr int64_t most_partial_bytes = 16 << 20;
constexpr int64_t small_weight_bytes = 256 << 10;

/// Element `C` of its group in every lane, groups being `Mixed` neighbours.
template <class T, int Mixed, int C, int... L>
[[gnu::always_inline]] inline Vec<T> spread(Vec<T> v, std::integer_sequence<int, L...>) noexcept {
  return __builtin_shufflevector(v, v, (L / Mixed * Mixed + C)...);
}
template <class T, int Mixed, int... C>
[[gnu::always_inline]] inline void add_spread(Vec<T>* sum, Vec<T> x, Vec<T> g,
                                              std::integer_sequence<int, C...>) noexcept {
  ((sum[C] += spread<T, Mixed, C>(x, std::make_integer_sequence<int, lanes<T>>()) * g), ...);
}

/// One tap of groups that lie side by side in a vector: `out` gets, for each input channel of a group, a vector of its
/// products with the gradients of the group's outputs, summed over the points of `walk`.
template <class T, int Mixed>
[[gnu::noinline]] void mixed_tile(const T* source, const T* grad, const TileWalk& walk, T* out) {
  constexpr int points = 8 / Mixed;  // eight sums: none waits for its last multiply-add
  constexpr auto channels = std::make_integer_sequence<int, Mixed>();
  Vec<T> sum[points][Mixed] = {};
  for (int64_t r = 0; r < walk.runs; ++r) {
    const T *x = source + walk.a_offset[r], *g = grad + r * walk.b_run;
    int64_t k = 0;
    for (; k + points <= walk.length; k += points, x += points * walk.a_step, g += points * walk.b_step) {
#pragma GCC unroll 4
      for (int i = 0; i < points; ++i)
        add_spread<T, Mixed>(sum[i], load(x + i * walk.a_step), load(g + i * walk.b_step), channels);
    }
    for (; k < walk.length; ++k, x += walk.a_step, g += walk.b_step)
      add_spread<T, Mixed>(sum[0], load(x), load(g), channels);
  }
#pragma GCC unroll 8
  for (int c = 0; c < Mixed; ++c) {
#pragma GCC unroll 4
    for (int i = 1; i < points; ++i) sum[0][c] += sum[i][c];
    T* to = out + c * lanes<T>;
    store(to, walk.add ? sum[0][c] + load(to) : sum[0][c]);
  }
}
template <class T>
using MixedTile = void (*)(const T*, const T*, const TileWalk&, T*);
template <class T>
MixedTile<T> mixed_tile_for(int64_t mixed) noexcept {
  if constexpr (lanes<T> > 2) {
    if (mixed == 2) return mixed_tile<T, 2>;
  }
  if constexpr (lanes<T> > 4) {
    if (mixed == 4) return mixed_tile<T, 4>;
  }
  if constexpr (lanes<T> > 8) {
    if (mixed == 8) return mixed_tile<T, 8>;
  }
  return nullptr;
}

/// The places of an image lie at even distances.
bool is_even(const ConvTensor& t, const int64_t* size) {
  return t.stride[3] == size[2] * t.stride[4] && t.stride[2] == size[1] * t.stride[3];
}

/// A 1 x 1 convolution over whole planes: gradient times image, summed over the images.
template <class T>
bool multiply_planes(const ConvArgs& args) {
  const int64_t plane = args.in_size[0] * args.in_size[1] * args.in_size[2];
  for (int d = 0; d < 3; ++d) {
    if (args.kernel[d] != 1 || args.stride[d] != 1 || args.padding[d] != 0 || args.in_size[d] != args.out_size[d])
      return false;
  }
  const int64_t *x = args.input.stride, *g = args.output.stride;
  if (args.groups != 1 || args.weight.stride[1] != 1 || plane * args.batch == 0 || plane < 64) return false;
  if (!is_even(args.input, args.in_size) || !is_even(args.output, args.out_size)) return false;
  // With channels last and many outputs the operands of a small product are read where they lie, once.
  const int64_t bytes = args.in_channels * args.out_channels * static_cast<int64_t>(sizeof(T));
  const bool many_outputs = args.out_channels >= max_of(args.in_channels, 8 * tile_columns<T>);
  if (x[1] == 1 && g[1] == 1 && many_outputs && args.out_channels % lanes<T> == 0 && bytes <= small_weight_bytes)
    return false;
  GemmTable table;
  fill(table);
  GemmArgs product{.m = args.out_channels, .n = args.in_channels, .k = plane};
  product.a_row = g[1];
  product.a_col = g[4];
  product.b_row = x[4];
  product.b_col = x[1];
  product.c = args.weight.data;
  product.c_row = args.weight.stride[0];
  int64_t batch = args.batch;
  if (x[0] == plane * x[4] && g[0] == plane * g[4]) {  // one long row of places
    product.k *= batch;
    batch = 1;
  }
  for (int64_t i = 0; i < batch; ++i) {
    product.a = static_cast<const T*>(args.output.data) + i * g[0];
    product.b = static_cast<const T*>(args.input.data) + i * x[0];
    product.accumulate = i > 0;
    table.gemm[static_cast<int>(sizeof(T) == 4 ? Compute::f32 : Compute::f64)](product);
  }
  return true;
}

template <class T>
void gradient_of_weight(const ConvArgs& args) {
  if (multiply_planes<T>(args)) return;
  if ((args.winograd && backward_weight_by_patches(args, T{})) || large_backward_weight(args, T{})) return;
  const int64_t mixed = mixed_channels<T>(args.groups, args.in_channels / args.groups, args.out_channels / args.groups);
  const MixedTile<T> mixed_sums = mixed_tile_for<T>(mixed);
  const int64_t groups = mixed == 0 ? args.groups : args.groups * mixed / lanes<T>;
  const int64_t in_channels = args.in_channels / groups, out_channels = args.out_channels / groups;
  const int64_t tap_rows = mixed == 0 ? in_channels : mixed;
  const int64_t kernel = args.kernel[0] * args.kernel[1] * args.kernel[2];
  const int64_t depth = kernel * tap_rows;  // rows of the gradient: (tap, input channel)
  if (groups * out_channels * depth == 0) return;
  const int64_t* src = args.input.stride;
  const int64_t* dst = args.output.stride;
  const int64_t* w = args.weight.stride;
  T* weight = static_cast<T*>(args.weight.data);
  Scratch<int64_t> taps(2 * (args.kernel[0] + args.kernel[1] + args.kernel[2]));
  Axis axis[3];
  forward_axes(args, taps.data(), axis);

  const bool is_empty = args.batch * axis[0].count * axis[1].count * axis[2].count == 0;
  const bool in_place = src[1] == 1 && axis[0].stays_inside() && axis[1].stays_inside() && axis[2].stays_inside();
  const bool whole_rows = axis[2].taps_are_neighbours() && (!in_place || src[4] == in_channels);
  const int64_t row_taps = whole_rows && mixed == 0 ? args.kernel[2] : 1;  // taps that one sweep of rows covers
  const int64_t sweeps = kernel / row_taps, sweep_rows = row_taps * tap_rows;
  const int64_t grad_columns = round_up(out_channels, lanes<T>);
  const bool grad_in_place = dst[1] == 1 && grad_columns == out_channels;
  const int64_t size = depth * grad_columns;  // of one group's gradient
  const int64_t bytes = min_of(max_of(window_bytes, size * static_cast<int64_t>(sizeof(T)) / 4), most_window_bytes);
  const Blocks blocks(axis, is_empty ? 0 : args.batch, in_channels * static_cast<int64_t>(sizeof(T)), window_points,
                      bytes, window_points);

  // Partial sums: consecutive blocks share one; how many there are follows from the problem.
  const int64_t count = is_empty ? 0 : blocks.count();
  const int64_t panels = ceil_div(out_channels, tile_columns<T>);
  const int64_t affordable = max_of(most_partial_bytes / (size * groups * static_cast<int64_t>(sizeof(T))), 1);
  // Panels divide the work first: every part is a copy of the gradient to be written and added. But operands that lie
  // in memory should be read once.
  const int64_t most_parts = max_of(min_of(count, affordable), 1);
  const int64_t parts_first = in_place && grad_in_place ? min_of(most_parts, ceil_div(16, groups)) : 1;
  const int64_t panel_blocks = min_of(panels, ceil_div(16, groups * parts_first));
  const int64_t parts = min_of(most_parts, ceil_div(16, groups * panel_blocks));
  Scratch<T> sums(parts * groups * size);

  parallel_for(parts * groups * panel_blocks, 1, [&](int64_t begin, int64_t end) {
    const int64_t most_points = blocks.images_each * blocks.rows_each * blocks.columns_each;
    Scratch<T> copy(in_place || is_empty ? 0 : blocks.window_size(axis, in_channels));
    Scratch<T> grad_copy(grad_in_place || is_empty ? 0 : most_points * grad_columns);
    Scratch<int64_t> offsets(is_empty ? 0 : blocks.images_each * blocks.rows_each);
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t panel_block = piece % panel_blocks, part = piece / panel_blocks / groups;
      const int64_t group = piece / panel_blocks % groups;
      const int64_t first_panel = panels * panel_block / panel_blocks;
      const int64_t last_panel = panels * (panel_block + 1) / panel_blocks;
      const T* source = static_cast<const T*>(args.input.data) + group * in_channels * src[1];
      const T* grad_all = static_cast<const T*>(args.output.data) + group * out_channels * dst[1];
      T* sum = sums.data() + (part * groups + group) * size;
      const int64_t first_column = first_panel * tile_columns<T>;
      const int64_t columns = min_of(last_panel * tile_columns<T>, grad_columns) - first_column;
      for (int64_t r = 0; is_empty && r < depth; ++r) {
        __builtin_memset(sum + r * grad_columns + first_column, 0, static_cast<std::size_t>(columns) * sizeof(T));
      }
      const int64_t first_block = count * part / parts;
      for (int64_t b = first_block; b < count * (part + 1) / parts; ++b) {
        const Block block = blocks(b, axis, args.batch);
        Window<T> window{source, src[0], src[2], src[3], src[4]};
        if (in_place) {
          window.data += block.image * src[0] + block.z * axis[0].step * src[2] + block.y * axis[1].step * src[3] +
                         block.x * axis[2].step * src[4];
        } else {
          window = copy_window(copy.data(), source, src, in_channels, axis, block);
        }
        const T* grad = grad_all + block.image * dst[0] + block.z * dst[2] + block.y * dst[3] + block.x * dst[4];
        int64_t grad_image = dst[0], grad_row = dst[3], grad_pixel = dst[4];
        if (!grad_in_place) {
          copy_gradient(grad_copy.data() + first_column, grad_columns, grad_all + first_column * dst[1], dst,
                        min_of(out_channels - first_column, columns), block);
          grad = grad_copy.data();
          grad_pixel = grad_columns;
          grad_row = block.columns * grad_columns;
          grad_image = block.rows * grad_row;
        }
        const int64_t pixel_step = axis[2].step * window.pixel;
        // The rows of several images are runs of one tile, if the gradient's go on from one image to the next.
        const int64_t together = grad_image == block.rows * grad_row ? block.images : 1;
        for (int64_t i = 0; i < together; ++i) {
          for (int64_t y = 0; y < block.rows; ++y)
            offsets.data()[i * block.rows + y] = i * window.image + y * axis[1].step * window.row;
        }
        TileWalk walk{together * block.rows, offsets.data(), block.columns, pixel_step, grad_pixel, grad_row,
                      8 * grad_pixel};
        walk.out_row = grad_columns * static_cast<int64_t>(sizeof(T));
        const RowTiles row_tiles(sweep_rows);
        // The next block is fetched during this one, a few lines for each tile.
        const bool fetches = in_place && grad_in_place && kernel == 1 && axis[1].step * axis[2].step == 1;
        const int64_t tile_count = fetches ? (last_panel - first_panel) * row_tiles.count : 1;
        const int64_t image_lines = ceil_div(block.rows * window.row, tile_count * lanes<T>);
        const int64_t grad_lines = ceil_div(block.rows * grad_row, tile_count * lanes<T>);
        const T *next_image = window.data + block.rows * window.row, *next_grad = grad + block.rows * grad_row;
        for (int64_t s = 0; s < sweeps; ++s) {
          const int64_t tap = s * row_taps;
          const int64_t x = tap % args.kernel[2], y = tap / args.kernel[2] % args.kernel[1];
          const int64_t z = tap / args.kernel[2] / args.kernel[1];
          const T* swept =
              window.data + (in_place ? axis[0].base[z] * src[2] + axis[1].base[y] * src[3] + axis[2].base[x] * src[4]
                                      : z * window.slice + (axis[1].base[y] - axis[1].base[0]) * window.row +
                                            (axis[2].base[x] - axis[2].base[0]) * in_channels);
          for (int64_t i = 0; mixed != 0 && i < block.images; i += together) {
            walk.add = b > first_block || i > 0;
            mixed_sums(swept + i * window.image, grad + i * grad_image, walk, sum + tap * tap_rows * grad_columns);
          }
          for (int64_t j = first_panel; mixed == 0 && j < last_panel; ++j) {
            const int64_t o = j * tile_columns<T>, n = min_of(tile_columns<T>, grad_columns - o);
            for (int64_t t = 0; t < row_tiles.count; ++t) {
              const int64_t r = row_tiles.begin(t), height = row_tiles.begin(t + 1) - r;
              T* to = sum + (tap * tap_rows + r) * grad_columns + o;
              for (int64_t i = 0; fetches && i < image_lines; ++i, next_image += lanes<T>)
                __builtin_prefetch(next_image, 0, 2);
              for (int64_t i = 0; fetches && i < grad_lines; ++i, next_grad += lanes<T>)
                __builtin_prefetch(next_grad, 0, 2);
              for (int64_t i = 0; i < height; ++i) {
                __builtin_prefetch(to + i * grad_columns, 1);
                __builtin_prefetch(to + i * grad_columns + lanes<T>, 1);
              }
              for (int64_t i = 0; i < block.images; i += together) {
                walk.add = b > first_block || i > 0;
                tiles<T>().sum[height - 1][n > lanes<T> ? 1 : 0](swept + i * window.image + r,
                                                                 grad + i * grad_image + o, walk, to);
              }
            }
          }
        }
      }
    }
  });

  // Adds the partial sums in order and turns [tap][in][out] into the weight's layout, a vector of input channels at a
  // time.
  const int64_t strips = ceil_div(tap_rows, lanes<T>), tap_size = tap_rows * grad_columns;
  parallel_for(groups * strips, 1 + (1 << 16) / (kernel * out_channels * lanes<T>), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t group = i / strips, c = i % strips * lanes<T>, channels = min_of(lanes<T>, tap_rows - c);
      T* sum = sums.data() + group * size + c * grad_columns;
      for (int64_t part = 1; part < parts; ++part) {
        const T* other = sum + part * groups * size;
        for (int64_t t = 0; t < kernel; ++t) {
          for (int64_t o = 0; o < channels * grad_columns; ++o) sum[t * tap_size + o] += other[t * tap_size + o];
        }
      }
      put_weights(weight + group * out_channels * w[0] + c * w[1], args, sum, grad_columns, tap_size, channels,
                  out_channels);
    }
  });
}

}  // namespace

void backward_weight(const ConvArgs& args, float) { gradient_of_weight<float>(args); }
void backward_weight(const ConvArgs& args, double) { gradient_of_weight<double>(args); }

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
