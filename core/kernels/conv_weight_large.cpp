// The gradient of a large weight over few points: both operands are copied once, in blocks of channels, and every tile
// sums over all points in registers (docs/notes/conv.md).
#include <cstdint>

#include "kernels/conv_weight.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t least_weight_bytes = 1 << 19;
constexpr int64_t most_copied_bytes = 64 << 20;
// Points whose operands, a block of channels each, stay in L2.
constexpr int64_t most_points = 2048;

template <class T>
bool gradient_of_large(const ConvArgs& args) {
  constexpr int64_t width = tile_columns<T>;
  const int64_t in_channels = args.in_channels / args.groups, out_channels = args.out_channels / args.groups;
  const int64_t kernel = args.kernel[0] * args.kernel[1] * args.kernel[2];
  const int64_t points = args.batch * args.out_size[0] * args.out_size[1] * args.out_size[2];
  const auto bytes = [](int64_t elements) { return elements * static_cast<int64_t>(sizeof(T)); };
  if (bytes(in_channels * out_channels * kernel) < least_weight_bytes || points == 0) return false;
  if (in_channels < width || out_channels < width) return false;
  const int64_t *src = args.input.stride, *dst = args.output.stride, *w = args.weight.stride;
  Scratch<int64_t> taps(2 * (args.kernel[0] + args.kernel[1] + args.kernel[2]));
  Axis axis[3];
  forward_axes(args, taps.data(), axis);

  // An image is copied slice by slice, with the taps of its depth.
  const int64_t slices = args.batch * axis[0].count, rows = axis[1].count, columns = axis[2].count;
  const int64_t window_row = axis[2].extent(columns), window_rows = axis[1].extent(rows);
  const int64_t window_size = axis[0].taps * window_rows * window_row;  // of a slice, for each channel
  const int64_t panels = ceil_div(out_channels, width), strips = ceil_div(in_channels, width);
  const int64_t window_elements = args.groups * in_channels * slices * window_size;
  const int64_t grad_elements = args.groups * panels * width * points;
  if (bytes(window_elements + grad_elements) > most_copied_bytes) return false;
  Scratch<T> windows(window_elements), grads(grad_elements);
  const auto window_of = [&](int64_t group, int64_t c) {
    return windows.data() + (group * in_channels + c) * slices * window_size;
  };
  const auto grad_of = [&](int64_t group, int64_t panel) {
    return grads.data() + (group * panels + panel) * width * points;
  };
  // The gradient goes row by row through a chunk of slices, so that a tap leaves out rows that see the padding.
  const int64_t chunk = max_of(most_points / (rows * columns), 1);
  const auto slices_from = [&](int64_t first) { return min_of(chunk, slices - first); };
  parallel_for(
      args.groups * (strips + panels) * slices, 1 + (1 << 14) / (window_size * width), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t slice = i % slices, part = i / slices % (strips + panels);
          const int64_t group = i / slices / (strips + panels);
          Block block{slice / axis[0].count, 1, slice % axis[0].count, 0, rows, 0, columns};
          if (part < strips) {
            const int64_t c = part * width, channels = min_of(width, in_channels - c);
            copy_window(window_of(group, c) + slice * window_size * channels,
                        static_cast<const T*>(args.input.data) + (group * in_channels + c) * src[1], src, channels,
                        axis, block);
          } else {
            const int64_t panel = part - strips, o = panel * width;
            const int64_t first = slice / chunk * chunk, row_size = columns * width;
            T* to = grad_of(group, panel) + (first * rows + slice - first) * row_size;
            for (block.rows = 1; block.y < rows; ++block.y, to += slices_from(first) * row_size) {
              copy_gradient(to, width, static_cast<const T*>(args.output.data) + (group * out_channels + o) * dst[1],
                            dst, min_of(width, out_channels - o), block);
            }
          }
        }
      });

  const int64_t row_taps = axis[2].taps_are_neighbours() ? args.kernel[2] : 1;  // that one sweep of rows covers
  parallel_for(args.groups * strips * panels, 1, [&](int64_t begin, int64_t end) {
    Scratch<T> sums(kernel * width * width);
    Scratch<int64_t> offsets(chunk * rows);
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t panel = piece % panels, c = piece / panels % strips * width, group = piece / panels / strips;
      const int64_t channels = min_of(width, in_channels - c), outputs = min_of(width, out_channels - panel * width);
      const RowTiles row_tiles(row_taps * channels);
      for (int64_t first = 0; first < slices; first += chunk) {
        const int64_t count = slices_from(first);
        for (int64_t r = 0; r < count * rows; ++r) {
          offsets[r] = (r % count * window_size + r / count * axis[1].step * window_row) * channels;
        }
        for (int64_t tap = 0; tap < kernel; tap += row_taps) {
          const int64_t x = tap % args.kernel[2], y = tap / args.kernel[2] % args.kernel[1];
          const int64_t z = tap / args.kernel[2] / args.kernel[1];
          const PointRange inside = axis[1].reaching(y);
          TileWalk walk{(inside.last - inside.first) * count,
                        offsets.data() + inside.first * count,
                        columns,
                        axis[2].step * channels,
                        width,
                        columns * width,
                        24 * width};
          walk.add = first > 0;
          const T* grad = grad_of(group, panel) + (first * rows + inside.first * count) * columns * width;
          const T* swept = window_of(group, c) +
                           (first * window_size + (z * window_rows + axis[1].base[y] - axis[1].base[0]) * window_row +
                            axis[2].base[x] - axis[2].base[0]) *
                               channels;
          for (int64_t t = 0; t < row_tiles.count; ++t) {
            const int64_t r = row_tiles.begin(t), height = row_tiles.begin(t + 1) - r;
            tiles<T>().sum[height - 1][outputs > lanes<T> ? 1 : 0](swept + r, grad, walk,
                                                                   sums.data() + (tap * channels + r) * width);
          }
        }
      }
      T* to = static_cast<T*>(args.weight.data) + (group * out_channels + panel * width) * w[0] + c * w[1];
      for (int64_t k = 0; k < channels; k += lanes<T>) {
        put_weights(to + k * w[1], args, sums.data() + k * width, width, channels * width,
                    min_of(lanes<T>, channels - k), outputs);
      }
    }
  });
  return true;
}

}  // namespace

bool large_backward_weight(const ConvArgs& args, float) { return gradient_of_large<float>(args); }
bool large_backward_weight(const ConvArgs& args, double) { return gradient_of_large<double>(args); }

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
