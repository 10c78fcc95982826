// The gradient of a weight by patches: the adjoint of Winograd's schemes (conv_patches.h), products between
// transformed patches of the image and of the gradients (docs/notes/conv.md).
#include <atomic>
#include <cstdint>

#include "kernels/conv_patches.h"
#include "kernels/conv_weight.h"
#include "kernels/gemm_tile.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t patch_bytes = 1 << 19;  // of a block's transformed patches; as many gradients, and the sums, share L2
constexpr int64_t most_partial_bytes = 6 << 20;
constexpr int64_t most_sums = 320 << 10;  // more leave L2
constexpr int64_t least_saved = 12;       // multiplications for each element transformed

/// A g A^T of a row of patches of gradients, to [panel][product][patch][columns].
template <class T, class Y, class X>
[[gnu::noinline]] void transform_gradients(T* to, int64_t panel, int64_t apart, const T* window, int64_t row,
                                           int64_t pixel, int64_t channels, int64_t patches) {
  for (int64_t o = 0; o < channels; o += lanes<T>) {
    const T* from = window + o;
    T* out = to + o / tile_columns<T> * panel + o % tile_columns<T>;
    for (int64_t p = 0; p < patches; ++p, from += X::results * pixel, out += tile_columns<T>) {
      Vec<T> column[X::results][Y::products];
#pragma GCC unroll 4
      for (int x = 0; x < X::results; ++x) {
        Vec<T> g[Y::results];
#pragma GCC unroll 2
        for (int y = 0; y < Y::results; ++y) g[y] = load(from + y * row + x * pixel);
        Y::gradient(column[x], g);
      }
#pragma GCC unroll 4
      for (int y = 0; y < Y::products; ++y) {
        Vec<T> g[X::results], v[X::products];
#pragma GCC unroll 4
        for (int x = 0; x < X::results; ++x) g[x] = column[x][y];
        X::gradient(v, g);
#pragma GCC unroll 4
        for (int x = 0; x < X::products; ++x) store(out + (y * X::products + x) * apart, v[x]);
      }
    }
  }
}

/// G^T m G of the sums [product][channel][columns], to the taps that a chunk has, `row` and `column` elements apart.
/// False if some result is not finite.
template <class T, class Y, class X>
bool transform_sums(T* to, int64_t row, int64_t column, int64_t rows, int64_t columns, const T* sums, int64_t apart,
                    int64_t elements, int64_t outputs) {
  Vec<T> zero{};
  for (int64_t k = 0; k < elements; k += lanes<T>) {
    if (k % tile_columns<T> >= outputs) continue;
    Vec<T> down[X::products][Y::taps];
#pragma GCC unroll 4
    for (int x = 0; x < X::products; ++x) {
      Vec<T> m[Y::products];
#pragma GCC unroll 4
      for (int y = 0; y < Y::products; ++y) m[y] = load(sums + (y * X::products + x) * apart + k);
      Y::terms(down[x], m);
    }
#pragma GCC unroll 3
    for (int y = 0; y < Y::taps; ++y) {
      Vec<T> m[X::products], w[X::taps];
#pragma GCC unroll 4
      for (int x = 0; x < X::products; ++x) m[x] = down[x][y];
      X::terms(w, m);
#pragma GCC unroll 3
      for (int x = 0; x < X::taps; ++x) {
        if (y >= rows || x >= columns) continue;
        store(to + y * row + x * column + k, w[x]);
        zero += w[x] - w[x];
      }
    }
  }
  bool finite = true;
  for (int l = 0; l < lanes<T>; ++l) finite &= zero[l] == 0;
  return finite;
}

/// The transforms of two axes' schemes.
template <class T>
struct Scheme {
  const SchemeSize* size;
  decltype(&transform_patches<T, Pair, Pair>) patches;
  decltype(&transform_gradients<T, Pair, Pair>) gradients;
  decltype(&transform_sums<T, Pair, Pair>) sums;
};
template <class T, class Y, class X>
constexpr Scheme<T> scheme{scheme_sizes<Y, X>, transform_patches<T, Y, X>, transform_gradients<T, Y, X>,
                           transform_sums<T, Y, X>};

template <class T>
bool gradient_by_patches(const ConvArgs& args, const Axis* points, const Scheme<T>& scheme) {
  constexpr int64_t width = tile_columns<T>;
  const int64_t channels = args.in_channels, outputs = args.out_channels, panels = ceil_div(outputs, width);
  const int64_t *src = args.input.stride, *dst = args.output.stride, *w = args.weight.stride;
  const PatchAxes axes(points, channels, scheme.size);
  const PatchAxis &down = axes.y, &across = axes.x;
  const Axis* axis = axes.axis;
  const int64_t products = axes.products, parcels = axes.depth_taps * axes.chunks, depth = parcels * channels;
  const int64_t patch_size = axes.slices * axes.chunks * channels;
  const int64_t all_bytes = products * max_of(patch_size, axes.deep * outputs) * static_cast<int64_t>(sizeof(T));
  const int64_t most = max_of(patch_bytes / (all_bytes * axes.phases()), 1);
  const int64_t sums_each = products * depth * outputs / (most * axes.phases() * axes.deep);  // read and written
  if (products * depth * outputs > most_sums || !axes.pays(points, args.batch, outputs, least_saved, sums_each))
    return false;

  const int64_t steps[3] = {axes.deep, down.points(), across.points()};
  int64_t none = 0;
  Scratch<int64_t> grad_base(steps[0] + steps[1] + steps[2]);
  Axis grad_axis[3];
  for (int64_t d = 0, first = 0; d < 3; first += steps[d++]) {
    const int64_t n = points[d].count;
    grad_axis[d] = in_pieces({n, n, 1, 1, 1, 0, &none, &none}, steps[d], steps[d], grad_base.data() + first);
  }
  const int64_t pixel_bytes = channels * static_cast<int64_t>(sizeof(T));
  const Blocks blocks(axis, args.batch, pixel_bytes, most, patch_bytes, most);
  const int64_t count = blocks.count();
  const int64_t most_patches = blocks.images_each * blocks.rows_each * blocks.columns_each * axes.phases();
  const int64_t panel_size = products * depth * width, part_size = panels * panel_size;
  const int64_t affordable = max_of(most_partial_bytes / (part_size * static_cast<int64_t>(sizeof(T))), 1);
  const int64_t parts = min_of(min_of(count, affordable), 16);
  const int64_t panel_blocks = min_of(panels, ceil_div(8, parts));
  Scratch<T> sums(parts * part_size);
  parallel_for(parts * panel_blocks, 1, [&](int64_t begin, int64_t end) {
    // A line more between products: at 4 KB they would share few sets of L1.
    const int64_t patches_apart = most_patches * patch_size + lanes<T>;
    const int64_t grads_apart = axes.deep * most_patches * width + lanes<T>;
    const int64_t most_panels = ceil_div(panels, panel_blocks);
    Scratch<T> window(blocks.window_size(axis, channels));
    Scratch<T> grad_window(blocks.window_size(grad_axis, most_panels * width));
    Scratch<T> patches(products * patches_apart), grads(most_panels * products * grads_apart);
    Scratch<int64_t> slice_offset(axes.deep);
    for (int64_t z = 0; z < axes.deep; ++z) slice_offset[z] = z * axes.chunks * channels;
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
        const int64_t rows = block.images * block.rows * axes.phases();
        for (int64_t i = 0; i < rows; ++i) {
          const int64_t phase = i % axes.phases(), row = i / axes.phases(), n = row / block.rows;
          const int64_t y = row % block.rows * down.points() + phase / across.phases, x = phase % across.phases;
          for (int64_t z = 0; z < axes.slices; ++z) {
            for (int64_t k = 0; k < axes.chunks; ++k) {
              scheme.patches(patches.data() + i * block.columns * patch_size + (z * axes.chunks + k) * channels,
                             patches_apart, patch_size,
                             image.data + n * image.image + z * image.slice +
                                 (y * down.step + down.chunks[k / across.count].offset) * image.row +
                                 (x * across.step + across.chunks[k % across.count].offset) * channels,
                             down.apart * image.row, across.apart * channels, channels, block.columns);
            }
          }
          for (int64_t z = 0; z < axes.deep; ++z) {
            scheme.gradients(grads.data() + (z * rows + i) * block.columns * width, products * grads_apart, grads_apart,
                             grad.data + n * grad.image + z * grad.slice + y * grad.row + x * piece_outputs,
                             down.phases * grad.row, across.phases * piece_outputs, piece_outputs, block.columns);
          }
        }
        const int64_t patch_count = rows * block.columns;
        TileWalk walk{min_of(axes.deep, points[0].count - block.z * axes.deep),
                      slice_offset.data(),
                      patch_count,
                      patch_size,
                      width,
                      patch_count * width,
                      8 * width};
        walk.add = b > first_block;
        for (int64_t k = 0; k < products; ++k) {
          for (int64_t r = 0; r < axes.walk(k).runs; ++r) {
            const int64_t first = axes.walk(k).run[r].source;
            const RowTiles row_tiles(axes.walk(k).length);
            for (int64_t j = 0; j < piece_panels; ++j) {
              const int64_t n = piece_outputs - j * width;
              T* to = sums.data() + part * part_size + (first_panel + j) * panel_size + (k * depth + first) * width;
              for (int64_t t = 0; t < row_tiles.count; ++t) {
                const int64_t c = row_tiles.begin(t), height = row_tiles.begin(t + 1) - c;
                tiles<T>().sum[height - 1][n > lanes<T> ? 1 : 0](patches.data() + k * patches_apart + first + c,
                                                                 grads.data() + (j * products + k) * grads_apart, walk,
                                                                 to + c * width);
              }
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
    const int64_t row = args.kernel[2] * size;
    Scratch<T> taps(args.kernel[0] * args.kernel[1] * row);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t j = i / strips, c = i % strips * lanes<T>, n = min_of(width, outputs - j * width);
      for (int64_t parcel = 0; parcel < parcels; ++parcel) {
        T* sum = sums.data() + j * panel_size + (parcel * channels + c) * width;
        for (int64_t part = 1; part < parts; ++part) {
          for (int64_t k = 0; k < products; ++k) {
            if (axes.skips(k, parcel)) continue;
            T* to = sum + k * depth * width;
            const T* from = to + part * part_size;
            for (int64_t e = 0; e < size; e += lanes<T>) store(to + e, load(to + e) + load(from + e));
          }
        }
        const Chunk& y = down.chunks[parcel / across.count % down.count];
        const Chunk& x = across.chunks[parcel % across.count];
        T* to = taps.data() + (parcel / axes.chunks * args.kernel[1] + y.first) * row + x.first * size;
        if (!scheme.sums(to, down.tap_step * row, across.tap_step * size, y.taps, x.taps, sum, depth * width, size, n))
          finite.store(false, std::memory_order_relaxed);
      }
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
  Scratch<int64_t> taps(2 * (args.kernel[0] + args.kernel[1] + args.kernel[2]));
  Axis points[3];
  forward_axes(args, taps.data(), points);
  const PatchWay way = patch_way(points, channels);
  if (way == PatchWay::none || outputs < least_channels) return false;
  if (way == PatchWay::line) return gradient_by_patches(args, points, scheme<float, Single, Triple>);
  if (way == PatchWay::small) return gradient_by_patches(args, points, scheme<float, Pair, Pair>);
  return gradient_by_patches(args, points, scheme<float, Triple, Triple>);
}
bool backward_weight_by_patches(const ConvArgs&, double) { return false; }

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
