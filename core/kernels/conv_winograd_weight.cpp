// The gradient of a 3 x 3 weight by patches: the adjoint of Winograd's F(2 x 2, 3 x 3), 16 products for each patch of
// the image and four gradients instead of 36 (docs/notes/conv.md).
#include <atomic>
#include <cstdint>

#include "kernels/conv_patches.h"
#include "kernels/conv_weight.h"
#include "kernels/gemm_tile.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t patch_bytes = 1 << 19;  // of a block's transformed patches; as many gradients, and the sums, share L2
constexpr int64_t most_partial_bytes = 4 << 20;
constexpr int64_t most_weights = 128 * 128;  // pairs of channels: 16 sums each leave L2
constexpr int64_t fewest_patches = 96;

/// A g A^T of a row of 2 x 2 gradients, to [panel][product][patch][columns].
template <class T>
[[gnu::noinline]] void transform_gradients(T* to, int64_t panel, int64_t apart, const T* window, int64_t row,
                                           int64_t channels, int64_t patches) {
  for (int64_t o = 0; o < channels; o += lanes<T>) {
    const T* from = window + o;
    T* out = to + o / tile_columns<T> * panel + o % tile_columns<T>;
    for (int64_t p = 0; p < patches; ++p, from += 2 * channels, out += tile_columns<T>) {
      Vec<T> left[4], right[4];
      left[0] = load(from), left[3] = load(from + row);
      right[0] = load(from + channels), right[3] = load(from + row + channels);
      left[1] = left[0] + left[3], left[2] = left[0] - left[3], left[3] = -left[3];
      right[1] = right[0] + right[3], right[2] = right[0] - right[3], right[3] = -right[3];
#pragma GCC unroll 4
      for (int y = 0; y < 4; ++y) {
        store(out + 4 * y * apart, left[y]);
        store(out + (4 * y + 1) * apart, left[y] + right[y]);
        store(out + (4 * y + 2) * apart, left[y] - right[y]);
        store(out + (4 * y + 3) * apart, -right[y]);
      }
    }
  }
}

/// G^T m G of the sums [product][channel][columns], to [tap][channel][columns]. False if some result is not finite.
template <class T>
bool transform_sums(T* to, int64_t tap, const T* sums, int64_t apart, int64_t elements, int64_t columns) {
  Vec<T> zero{};
  for (int64_t k = 0; k < elements; k += lanes<T>) {
    if (k % tile_columns<T> >= columns) continue;
    Vec<T> rows[3][4];
#pragma GCC unroll 4
    for (int x = 0; x < 4; ++x) {
      const T* m = sums + x * apart + k;
      const Vec<T> m1 = T(0.5) * load(m + 4 * apart), m2 = T(0.5) * load(m + 8 * apart), both = m1 + m2;
      rows[0][x] = load(m) + both;
      rows[1][x] = m1 - m2;
      rows[2][x] = both + load(m + 12 * apart);
    }
#pragma GCC unroll 3
    for (int y = 0; y < 3; ++y) {
      const Vec<T> m1 = T(0.5) * rows[y][1], m2 = T(0.5) * rows[y][2], both = m1 + m2;
      const Vec<T> w0 = rows[y][0] + both, w1 = m1 - m2, w2 = both + rows[y][3];
      T* out = to + 3 * y * tap + k;
      store(out, w0);
      store(out + tap, w1);
      store(out + 2 * tap, w2);
      zero += (w0 - w0) + (w1 - w1) + (w2 - w2);
    }
  }
  bool finite = true;
  for (int l = 0; l < lanes<T>; ++l) finite &= zero[l] == 0;
  return finite;
}

template <class T>
bool gradient_by_patches(const ConvArgs& args) {
  constexpr int64_t width = tile_columns<T>;
  const int64_t channels = args.in_channels, outputs = args.out_channels, panels = ceil_div(outputs, width);
  const int64_t *src = args.input.stride, *dst = args.output.stride, *w = args.weight.stride;
  Scratch<int64_t> taps(2 * (args.kernel[0] + args.kernel[1] + args.kernel[2]));
  Axis points[3];
  forward_axes(args, taps.data(), points);
  int64_t base[4][4], none = 0;
  const Axis axis[3] = {points[0], in_pieces(points[1], 2, base[0]), in_pieces(points[2], 2, base[1])};
  const auto of_gradient = [&](int d, int64_t* to) {
    const int64_t n = args.out_size[d];
    return in_pieces({n, n, 1, 1, 1, 0, &none, &none}, 2, to);
  };
  const Axis grad_axis[3] = {{1, 1, 1, 1, 1, 0, &none, &none}, of_gradient(1, base[2]), of_gradient(2, base[3])};
  const int64_t in_all = args.batch * axis[1].count * axis[2].count;
  if (in_all < fewest_patches || 16 * in_all > 5 * args.batch * args.out_size[1] * args.out_size[2]) return false;

  const int64_t pixel_bytes = channels * static_cast<int64_t>(sizeof(T));
  const int64_t most = patch_bytes / (products * pixel_bytes);
  const Blocks blocks(axis, args.batch, pixel_bytes, most, patch_bytes, most);
  const int64_t count = blocks.count(), most_patches = blocks.images_each * blocks.rows_each * blocks.columns_each;
  const int64_t panel_size = products * channels * width, part_size = panels * panel_size;
  const int64_t affordable = max_of(most_partial_bytes / (part_size * static_cast<int64_t>(sizeof(T))), 1);
  const int64_t parts = min_of(min_of(count, affordable), 16);
  const int64_t panel_blocks = min_of(panels, ceil_div(8, parts));
  Scratch<T> sums(parts * part_size);
  parallel_for(parts * panel_blocks, 1, [&](int64_t begin, int64_t end) {
    // A line more between products: at 4 KB they would share few sets of L1.
    const int64_t patches_apart = most_patches * channels + lanes<T>, grads_apart = most_patches * width + lanes<T>;
    const int64_t most_panels = ceil_div(panels, panel_blocks);
    Scratch<T> window(blocks.window_size(axis, channels)), grad_window(4 * most_patches * most_panels * width);
    Scratch<T> patches(products * patches_apart), grads(most_panels * products * grads_apart);
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t part = piece / panel_blocks, panel_block = piece % panel_blocks;
      const int64_t first_panel = panels * panel_block / panel_blocks;
      const int64_t piece_panels = panels * (panel_block + 1) / panel_blocks - first_panel;
      const int64_t first_output = first_panel * width;
      const int64_t piece_outputs = min_of(piece_panels * width, outputs - first_output);
      const int64_t first_block = count * part / parts;
      for (int64_t b = first_block; b < count * (part + 1) / parts; ++b) {
        const Block block = blocks(b, axis, args.batch);
        const auto image =
            copy_window(window.data(), static_cast<const T*>(args.input.data), src, channels, axis, block);
        const auto grad =
            copy_window(grad_window.data(), static_cast<const T*>(args.output.data) + first_output * dst[1], dst,
                        piece_outputs, grad_axis, block);
        for (int64_t i = 0; i < block.images * block.rows; ++i) {
          const int64_t n = i / block.rows, y = i % block.rows * 2;
          transform_patches(patches.data() + i * block.columns * channels, patches_apart, channels,
                            image.data + n * image.image + y * image.row, image.row, channels, channels, block.columns);
          transform_gradients(grads.data() + i * block.columns * width, products * grads_apart, grads_apart,
                              grad.data + n * grad.image + y * grad.row, grad.row, piece_outputs, block.columns);
        }
        const int64_t start = 0;
        TileWalk walk{1, &start, block.images * block.rows * block.columns, channels, width, 0, 8 * width};
        walk.add = b > first_block;
        const RowTiles row_tiles(channels);
        for (int64_t k = 0; k < products; ++k) {
          for (int64_t j = 0; j < piece_panels; ++j) {
            const int64_t n = piece_outputs - j * width;
            T* to = sums.data() + part * part_size + (first_panel + j) * panel_size + k * channels * width;
            for (int64_t t = 0; t < row_tiles.count; ++t) {
              const int64_t r = row_tiles.begin(t), height = row_tiles.begin(t + 1) - r;
              tiles<T>().sum[height - 1][n > lanes<T> ? 1 : 0](patches.data() + k * patches_apart + r,
                                                               grads.data() + (j * products + k) * grads_apart, walk,
                                                               to + r * width);
            }
          }
        }
      }
    }
  });

  // Adds the parts in order and turns a vector of input channels at a time into the weight's layout.
  const int64_t strips = ceil_div(channels, lanes<T>);
  std::atomic<bool> finite{true};
  parallel_for(panels * strips, 1, [&](int64_t begin, int64_t end) {
    constexpr int64_t size = lanes<T> * width;
    Scratch<T> taps(9 * size);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t j = i / strips, c = i % strips * lanes<T>, n = min_of(width, outputs - j * width);
      T* sum = sums.data() + j * panel_size + c * width;
      for (int64_t part = 1; part < parts; ++part) {
        const T* other = sum + part * part_size;
        for (int64_t k = 0; k < products; ++k) {
          T* to = sum + k * channels * width;
          const T* from = other + k * channels * width;
          for (int64_t e = 0; e < size; e += lanes<T>) store(to + e, load(to + e) + load(from + e));
        }
      }
      if (!transform_sums(taps.data(), size, sum, channels * width, size, n))
        finite.store(false, std::memory_order_relaxed);
      put_weights(static_cast<T*>(args.weight.data) + j * width * w[0] + c * w[1], args, taps.data(), width, size,
                  lanes<T>, n);
    }
  });
  return finite.load(std::memory_order_relaxed);
}

}  // namespace

bool backward_weight_by_patches(const ConvArgs& args, float) {
  const int64_t channels = args.in_channels, outputs = args.out_channels;
  if (args.groups != 1 || channels % lanes<float> != 0 || outputs % lanes<float> != 0) return false;
  if (min_of(channels, outputs) < least_channels || channels * outputs > most_weights) return false;
  if (args.in_size[0] != 1 || args.out_size[0] != 1 || args.kernel[0] != 1 || args.padding[0] != 0) return false;
  for (int d = 1; d < 3; ++d) {
    if (args.kernel[d] != 3 || args.stride[d] != 1 || args.dilation[d] != 1) return false;
  }
  return gradient_by_patches<float>(args);
}
bool backward_weight_by_patches(const ConvArgs&, double) { return false; }

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
