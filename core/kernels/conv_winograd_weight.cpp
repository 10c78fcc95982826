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
constexpr int64_t window_bytes = 1 << 20;
constexpr int64_t most_sums = 16 * 128 * 128;  // more leave L2
constexpr int64_t most_partial_bytes = 6 << 20;
constexpr int64_t most_at_once = 32 << 20;  // of all transformed patches and gradients
// Multiplications for each element transformed: while it stays in L2, and where all are kept.
constexpr int64_t least_saved = 12, least_saved_at_once = 28;

/// A g A^T of a row of patches of gradients, to [panel][product][patch][columns].
template <class T, class Y, class X>
[[gnu::noinline]] void transform_gradients(T* to, int64_t panel, int64_t apart, const T* window, int64_t row,
                                           int64_t pixel, int64_t channels, int64_t patches) {
  for (int64_t o = 0; o < channels; o += lanes<T>) {
    const T* from = window + o;
    T* out = to + o / tile_columns<T> * panel + o % tile_columns<T>;
    for (int64_t p = 0; p < patches; ++p, from += X::results * pixel, out += tile_columns<T>) {
      transform_both<T, Y::results, X::results, Y::products, X::products>(
          [&](int y, int x) __attribute__((always_inline)) { return load(from + y * row + x * pixel); },
          [](Vec<T>* v, const Vec<T>* g) __attribute__((always_inline)) { Y::gradient(v, g); },
          [](Vec<T>* v, const Vec<T>* g) __attribute__((always_inline)) { X::gradient(v, g); },
          [&](int y, int x, Vec<T> v)
              __attribute__((always_inline)) { store(out + (y * X::products + x) * apart, v); });
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
    transform_both<T, Y::products, X::products, Y::taps, X::taps>(
        [&](int y, int x) __attribute__((always_inline)) { return load(sums + (y * X::products + x) * apart + k); },
        [](Vec<T>* w, const Vec<T>* m) __attribute__((always_inline)) { Y::terms(w, m); },
        [](Vec<T>* w, const Vec<T>* m) __attribute__((always_inline)) { X::terms(w, m); },
        [&](int y, int x, Vec<T> w) __attribute__((always_inline)) {
          if (y >= rows || x >= columns) return;
          store(to + y * row + x * column + k, w);
          zero += w - w;
        });
  }
  return is_zero<T>(zero);
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

/// The blocks of points, and what is done with each.
template <class T>
class GradientBlocks {
 public:
  static constexpr int64_t width = tile_columns<T>;

  /// `most`: pieces of a block.
  GradientBlocks(const ConvArgs& args, const Axis* points, const PatchAxes& axes, const Scheme<T>& scheme, int64_t most)
      : args_(args),
        axes_(axes),
        scheme_(scheme),
        slices_(points[0].count),
        grad_base_(axes.deep + axes.y.points() + axes.x.points()),
        slice_offset_(axes.deep),
        grad_axis_{gradient_axis(points[0].count, axes.deep, grad_base_.data()),
                   gradient_axis(points[1].count, axes.y.points(), grad_base_.data() + axes.deep),
                   gradient_axis(points[2].count, axes.x.points(), grad_base_.data() + axes.deep + axes.y.points())},
        blocks_(axes.axis, args.batch, args.in_channels * static_cast<int64_t>(sizeof(T)), most, window_bytes, most),
        patch_size_(axes.slices * axes.chunks * args.in_channels),
        patches_apart_(most_patches() * patch_size_ + lanes<T>),
        grads_apart_(axes.deep * most_patches() * width + lanes<T>) {
    for (int64_t z = 0; z < axes.deep; ++z) slice_offset_[z] = z * axes.chunks * args.in_channels;
  }

  int64_t count() const noexcept { return blocks_.count(); }
  /// Elements of a block's transformed patches, and of a panel's transformed gradients.
  int64_t patches_size() const noexcept { return axes_.products * patches_apart_; }
  int64_t grads_size() const noexcept { return axes_.products * grads_apart_; }
  int64_t window_size() const noexcept { return blocks_.window_size(axes_.axis, args_.in_channels); }
  int64_t grad_window_size(int64_t outputs) const noexcept { return blocks_.window_size(grad_axis_, outputs); }

  /// Transforms patches, to [product][patch][slice][chunk][channel], and the gradients of some outputs, to
  /// [panel][product][slice][patch][columns].
  void transform(int64_t b, int64_t first_output, int64_t outputs, T* patches, T* grads, T* window,
                 T* grad_window) const {
    const PatchAxis &down = axes_.y, &across = axes_.x;
    const int64_t channels = args_.in_channels, *dst = args_.output.stride;
    const Block block = blocks_(b, axes_.axis, args_.batch);
    const auto image =
        copy_window(window, static_cast<const T*>(args_.input.data), args_.input.stride, channels, axes_.axis, block);
    const auto grad = copy_window(grad_window, static_cast<const T*>(args_.output.data) + first_output * dst[1], dst,
                                  outputs, grad_axis_, block);
    const int64_t rows = block.images * block.rows * axes_.phases();
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t phase = i % axes_.phases(), row = i / axes_.phases(), n = row / block.rows;
      const int64_t y = row % block.rows * down.points() + phase / across.phases, x = phase % across.phases;
      for (int64_t z = 0; z < axes_.slices; ++z) {
        for (int64_t k = 0; k < axes_.chunks; ++k) {
          scheme_.patches(patches + i * block.columns * patch_size_ + (z * axes_.chunks + k) * channels, patches_apart_,
                          patch_size_,
                          image.data + n * image.image + z * image.slice +
                              (y * down.step + down.chunks[k / across.count].offset) * image.row +
                              (x * across.step + across.chunks[k % across.count].offset) * channels,
                          down.apart * image.row, across.apart * channels, channels, block.columns);
        }
      }
      for (int64_t z = 0; z < axes_.deep; ++z) {
        scheme_.gradients(grads + (z * rows + i) * block.columns * width, grads_size(), grads_apart_,
                          grad.data + n * grad.image + z * grad.slice + y * grad.row + x * outputs,
                          down.phases * grad.row, across.phases * outputs, outputs, block.columns);
      }
    }
  }

  /// Sums of product k over a block's patches, for the first `outputs` of a panel: to [channel][columns], or added.
  void multiply(int64_t b, int64_t k, int64_t outputs, const T* patches, const T* grads, T* sums, bool add) const {
    const Block block = blocks_(b, axes_.axis, args_.batch);
    const int64_t count = block.images * block.rows * axes_.phases() * block.columns;
    TileWalk walk{min_of(axes_.deep, slices_ - block.z * axes_.deep),
                  slice_offset_.data(),
                  count,
                  patch_size_,
                  width,
                  count * width,
                  8 * width};
    walk.add = add;
    for (int64_t r = 0; r < axes_.walk(k).runs; ++r) {
      const int64_t first = axes_.walk(k).run[r].source;
      const RowTiles row_tiles(axes_.walk(k).length);
      for (int64_t t = 0; t < row_tiles.count; ++t) {
        const int64_t c = first + row_tiles.begin(t), height = row_tiles.begin(t + 1) - row_tiles.begin(t);
        tiles<T>().sum[height - 1][outputs > lanes<T> ? 1 : 0](patches + k * patches_apart_ + c,
                                                               grads + k * grads_apart_, walk, sums + c * width);
      }
    }
  }

 private:
  static Axis gradient_axis(int64_t points, int64_t each, int64_t* base) noexcept {
    int64_t none = 0;
    return in_pieces({points, points, 1, 1, 1, 0, &none, &none}, each, each, base);
  }
  int64_t most_patches() const noexcept {
    return blocks_.images_each * blocks_.rows_each * blocks_.columns_each * axes_.phases();
  }

  const ConvArgs& args_;
  const PatchAxes& axes_;
  const Scheme<T>& scheme_;
  int64_t slices_;
  Scratch<int64_t> grad_base_, slice_offset_;
  Axis grad_axis_[3];
  Blocks blocks_;
  int64_t patch_size_;
  // A line more between products: at 4 KB they would share few sets of L1.
  int64_t patches_apart_, grads_apart_;
};

/// Sums of all products, [part][panel][product][depth][columns], of parts of the blocks: each block is transformed and
/// multiplied while it is in L2.
template <class T>
void sum_by_blocks(const GradientBlocks<T>& blocks, const ConvArgs& args, const PatchAxes& axes, T* sums, int64_t parts,
                   int64_t depth) {
  constexpr int64_t width = tile_columns<T>;
  const int64_t count = blocks.count(), panels = ceil_div(args.out_channels, width);
  const int64_t panel_blocks = min_of(panels, ceil_div(8, parts)), most_panels = ceil_div(panels, panel_blocks);
  parallel_for(parts * panel_blocks, 1, [&](int64_t begin, int64_t end) {
    Scratch<T> window(blocks.window_size()), grad_window(blocks.grad_window_size(most_panels * width));
    Scratch<T> patches(blocks.patches_size()), grads(most_panels * blocks.grads_size());
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t part = piece / panel_blocks, panel_block = piece % panel_blocks;
      const int64_t first_panel = panels * panel_block / panel_blocks;
      const int64_t last_panel = panels * (panel_block + 1) / panel_blocks;
      const int64_t first_output = first_panel * width, first_block = count * part / parts;
      for (int64_t b = first_block; b < count * (part + 1) / parts; ++b) {
        blocks.transform(b, first_output, min_of(last_panel * width, args.out_channels) - first_output, patches.data(),
                         grads.data(), window.data(), grad_window.data());
        for (int64_t k = 0; k < axes.products; ++k) {
          for (int64_t j = first_panel; j < last_panel; ++j) {
            blocks.multiply(b, k, args.out_channels - j * width, patches.data(),
                            grads.data() + (j - first_panel) * blocks.grads_size(),
                            sums + (((part * panels + j) * axes.products + k) * depth) * width, b > first_block);
          }
        }
      }
    }
  });
}

/// The same as one part: all blocks are transformed first, so that a piece is one product of a panel.
template <class T>
void sum_by_products(const GradientBlocks<T>& blocks, const ConvArgs& args, const PatchAxes& axes, T* sums,
                     int64_t depth) {
  constexpr int64_t width = tile_columns<T>;
  const int64_t outputs = args.out_channels, panels = ceil_div(outputs, width);
  const int64_t block_size = blocks.patches_size() + panels * blocks.grads_size();
  Scratch<T> all(blocks.count() * block_size);
  parallel_for(blocks.count(), 1, [&](int64_t begin, int64_t end) {
    Scratch<T> window(blocks.window_size()), grad_window(blocks.grad_window_size(outputs));
    for (int64_t b = begin; b < end; ++b) {
      T* patches = all.data() + b * block_size;
      blocks.transform(b, 0, outputs, patches, patches + blocks.patches_size(), window.data(), grad_window.data());
    }
  });
  parallel_for(axes.products * panels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t k = i / panels, j = i % panels;
      for (int64_t b = 0; b < blocks.count(); ++b) {
        const T* patches = all.data() + b * block_size;
        blocks.multiply(b, k, outputs - j * width, patches, patches + blocks.patches_size() + j * blocks.grads_size(),
                        sums + (j * axes.products + k) * depth * width, b > 0);
      }
    }
  });
}

template <class T>
bool gradient_by_patches(const ConvArgs& args, const Axis* points, const Scheme<T>& scheme) {
  constexpr int64_t width = tile_columns<T>;
  const auto bytes = [](int64_t elements) { return elements * static_cast<int64_t>(sizeof(T)); };
  const int64_t channels = args.in_channels, outputs = args.out_channels, panels = ceil_div(outputs, width);
  const int64_t* w = args.weight.stride;
  const PatchAxes axes(points, channels, scheme.size);
  const PatchAxis &down = axes.y, &across = axes.x;
  const int64_t products = axes.products, parcels = axes.depth_taps * axes.chunks, depth = parcels * channels;
  const int64_t patch_size = axes.slices * axes.chunks * channels;
  const bool at_once = products * depth * outputs > most_sums;
  const int64_t most = max_of(
      (at_once ? 2 : 1) * patch_bytes / (bytes(products * max_of(patch_size, axes.deep * outputs)) * axes.phases()), 1);
  if (at_once) {
    const int64_t in_all = axes.patches(args.batch) * axes.axis[0].count * products;
    if (bytes(in_all * (patch_size + axes.deep * outputs)) > most_at_once) return false;
    if (!axes.pays(points, args.batch, outputs, least_saved_at_once, 0)) return false;
  } else {
    const int64_t moved = products * depth * outputs / (most * axes.phases() * axes.deep);  // sums of each patch
    if (!axes.pays(points, args.batch, outputs, least_saved, moved)) return false;
  }

  const GradientBlocks<T> blocks(args, points, axes, scheme, most);
  const int64_t panel_size = products * depth * width, part_size = panels * panel_size;
  const int64_t affordable = max_of(most_partial_bytes / bytes(part_size), 1);
  const int64_t parts = at_once ? 1 : min_of(min_of(blocks.count(), affordable), 16);
  Scratch<T> sums(parts * part_size);
  if (at_once)
    sum_by_products(blocks, args, axes, sums.data(), depth);
  else
    sum_by_blocks(blocks, args, axes, sums.data(), parts, depth);

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
  if (way == PatchWay::line) return gradient_by_patches(args, points, scheme<float, Single, Quad>);
  if (way == PatchWay::small) return gradient_by_patches(args, points, scheme<float, Pair, Pair>);
  return gradient_by_patches(args, points, scheme<float, Triple, Triple>);
}
bool backward_weight_by_patches(const ConvArgs&, double) { return false; }

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
