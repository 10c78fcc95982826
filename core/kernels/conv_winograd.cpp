// Correlations with fewer products than terms, by Winograd's schemes (conv_patches.h): matrix products between
// transformed patches and transformed weights (docs/notes/conv.md).
#include <atomic>
#include <cstdint>

#include "kernels/conv_geometry.h"
#include "kernels/conv_pack.h"
#include "kernels/conv_patches.h"
#include "kernels/conv_tile.h"
#include "kernels/conv_write.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t patch_bytes = 1 << 20;    // of a block's transformed patches: half of L2
constexpr int64_t fewest_patches = 28;      // of a block: it reads all weights once
constexpr int64_t most_weights = 16 * 512;  // products times depth: a panel of transformed weights is half of L2
constexpr int64_t least_saved = 19;         // multiplications for each element transformed

/// G w G^T of the taps that a chunk has: taps are `row` and `column` elements apart, products `apart`.
template <class T, class Y, class X>
[[gnu::noinline]] void transform_weights(T* to, int64_t apart, const T* taps, int64_t row, int64_t column, int64_t rows,
                                         int64_t columns, int64_t size) {
  for (int64_t k = 0; k < size; k += lanes<T>) {
    transform_both<T, Y::taps, X::taps, Y::products, X::products>(
        [&](int y, int x) __attribute__((always_inline)) {
          return y < rows && x < columns ? load(taps + y * row + x * column + k) : Vec<T>{};
        },
        [](Vec<T>* v, const Vec<T>* w) __attribute__((always_inline)) { Y::weights(v, w); },
        [](Vec<T>* v, const Vec<T>* w) __attribute__((always_inline)) { X::weights(v, w); },
        [&](int y, int x, Vec<T> v)
            __attribute__((always_inline)) { store(to + (y * X::products + x) * apart + k, v); });
  }
}

/// A^T m A of a row of patches, to rows of points that are `row` and `pixel` elements apart. Returns false if some
/// result is not finite.
template <class T, class Y, class X>
[[gnu::noinline]] bool transform_results(T* to, int64_t row, int64_t pixel, const T* sums, int64_t apart,
                                         int64_t patches, int64_t columns) {
  Vec<T> zero{};
  for (int64_t p = 0; p < patches; ++p, sums += tile_columns<T>, to += X::results * pixel) {
    for (int64_t o = 0; o < columns; o += lanes<T>) {
      transform_both<T, Y::products, X::products, Y::results, X::results>(
          [&](int y, int x) __attribute__((always_inline)) { return load(sums + (y * X::products + x) * apart + o); },
          [](Vec<T>* v, const Vec<T>* m) __attribute__((always_inline)) { Y::sums(v, m); },
          [](Vec<T>* v, const Vec<T>* m) __attribute__((always_inline)) { X::sums(v, m); },
          [&](int y, int x, Vec<T> v) __attribute__((always_inline)) {
            store(to + y * row + x * pixel + o, v);
            zero += v - v;
          });
    }
  }
  return is_zero<T>(zero);
}

/// The transforms of two axes' schemes.
template <class T>
struct Scheme {
  const SchemeSize* size;
  decltype(&transform_patches<T, Pair, Pair>) patches;
  decltype(&transform_weights<T, Pair, Pair>) weights;
  decltype(&transform_results<T, Pair, Pair>) results;
};
template <class T, class Y, class X>
constexpr Scheme<T> scheme{scheme_sizes<Y, X>, transform_patches<T, Y, X>, transform_weights<T, Y, X>,
                           transform_results<T, Y, X>};

/// The patches of one block, and the results of a panel of outputs in one of its slices.
template <class T>
class PatchBlock {
 public:
  PatchBlock(const Correlation<T>& c, const Scheme<T>& scheme, const PatchAxes& axes, const Blocks& blocks)
      : c_(c),
        scheme_(scheme),
        axes_(axes),
        patch_size_(axes.slices * axes.chunks * c.in_channels),
        patches_apart_(most_patches(axes, blocks) * patch_size_ + lanes<T>),
        sums_apart_(most_patches(axes, blocks) * tile_columns<T> + lanes<T>),
        window_(blocks.window_size(axes.axis, c.in_channels)),
        patches_(axes.products * patches_apart_),
        sums_(axes.products * sums_apart_),
        rows_(axes.y.size.results * blocks.columns_each * axes.x.points() * tile_columns<T>),
        source_(most_patches(axes, blocks)),
        place_(blocks.columns_each * axes.x.points()),
        writer_(c, 0, c.axis[2].dst_step * c.destination_stride[4]) {}

  /// Transforms the block's patches: [product][image][row][phase][column][slice][chunk][channel].
  void read(const Block& block) {
    block_ = block;
    const int64_t channels = c_.in_channels;
    const auto from = copy_window(window_.data(), c_.source, c_.source_stride, channels, axes_.axis, block);
    for (int64_t z = 0; z < axes_.slices; ++z) {
      for (int64_t i = 0; i < rows(); ++i) {
        const Row at = row(i);
        T* to = patches_.data() + i * block.columns * patch_size_ + z * axes_.chunks * channels;
        for (int64_t y = 0; y < axes_.y.count; ++y) {
          for (int64_t x = 0; x < axes_.x.count; ++x, to += channels) {
            scheme_.patches(to, patches_apart_, patch_size_,
                            from.data + at.image * from.image + z * from.slice +
                                (at.y * axes_.y.step + axes_.y.chunks[y].offset) * from.row +
                                (at.x * axes_.x.step + axes_.x.chunks[x].offset) * channels,
                            axes_.y.apart * from.row, axes_.x.apart * channels, channels, block.columns);
          }
        }
      }
    }
  }

  /// The slices of the destination that the block has.
  int64_t slices() const noexcept { return min_of(axes_.deep, c_.axis[0].count - block_.z * axes_.deep); }

  /// Sums of the products of slice z and `n` outputs, whose transformed weights are panels of `size` elements.
  void multiply(const T* weights, int64_t size, int64_t z, int64_t n) {
    const RowTiles row_tiles(rows() * block_.columns);
    for (int64_t k = 0; k < axes_.products; ++k) {
      const T* patches = patches_.data() + k * patches_apart_ + z * axes_.chunks * c_.in_channels;
      for (int64_t p = 0; p < row_tiles.rows; ++p) source_[p] = patches + p * patch_size_;
      for (int64_t t = 0; t < row_tiles.count; ++t) {
        const int64_t first = row_tiles.begin(t), height = row_tiles.begin(t + 1) - first;
        point_tiles<T>().sum[height - 1][n > lanes<T> ? 1 : 0](
            source_.data() + first, weights + k * size, axes_.walk(k),
            sums_.data() + k * sums_apart_ + first * tile_columns<T>);
      }
    }
  }

  /// Writes outputs [o, o + n) of slice z; false if one is not finite.
  bool write(int64_t z, int64_t o, int64_t n) {
    const int64_t* dst = c_.destination_stride;
    const Axis* axis = c_.axis;
    const int64_t row_size = block_.columns * axes_.x.points() * tile_columns<T>;
    const int64_t x = block_.x * axes_.x.points(),
                  points = min_of(block_.columns * axes_.x.points(), axis[2].count - x);
    bool finite = true;
    for (int64_t i = 0; i < rows(); i += axes_.x.phases) {
      for (int64_t phase = 0; phase < axes_.x.phases; ++phase) {  // side by side
        finite &= scheme_.results(rows_.data() + phase * tile_columns<T>, row_size, axes_.x.phases * tile_columns<T>,
                                  sums_.data() + (i + phase) * block_.columns * tile_columns<T>, sums_apart_,
                                  block_.columns, n);
      }
      const Row at = row(i);
      for (int64_t r = 0; r < axes_.y.size.results; ++r) {
        const int64_t y = block_.y * axes_.y.points() + at.y + r * axes_.y.phases;
        if (y >= axis[1].count) break;
        const int64_t to = (block_.image + at.image) * dst[0] +
                           (axis[0].dst_first + (block_.z * axes_.deep + z) * axis[0].dst_step) * dst[2] +
                           (axis[1].dst_first + y * axis[1].dst_step) * dst[3] +
                           (axis[2].dst_first + x * axis[2].dst_step) * dst[4];
        for (int64_t p = 0; p < points; ++p) place_[p] = to + p * axis[2].dst_step * dst[4];
        writer_.write(rows_.data() + r * row_size, place_.data(), points, o, n);
      }
    }
    return finite;
  }

 private:
  /// A row of patches: its image, and its first point in the block.
  struct Row {
    int64_t image, y, x;
  };
  static int64_t most_patches(const PatchAxes& axes, const Blocks& blocks) noexcept {
    return blocks.images_each * blocks.rows_each * blocks.columns_each * axes.phases();
  }
  int64_t rows() const noexcept { return block_.images * block_.rows * axes_.phases(); }
  Row row(int64_t i) const noexcept {
    const int64_t phase = i % axes_.phases(), row = i / axes_.phases();
    return {row / block_.rows, row % block_.rows * axes_.y.points() + phase / axes_.x.phases, phase % axes_.x.phases};
  }

  const Correlation<T>& c_;
  const Scheme<T>& scheme_;
  const PatchAxes& axes_;
  int64_t patch_size_;
  // A line more between products: at 4 KB they would share few sets of L1.
  int64_t patches_apart_, sums_apart_;
  Block block_{};
  Scratch<T> window_, patches_, sums_, rows_;
  Scratch<const T*> source_;
  Scratch<int64_t> place_;
  PointWriter<T> writer_;
};

/// [panel][product][tap of the depth][chunk][channel][columns]
template <class T>
void transform_all_weights(T* to, const Correlation<T>& c, const Scheme<T>& scheme, const PatchAxes& axes,
                           int64_t panel_size) {
  const WeightPacker<T> packer(c);
  const int64_t tap_size = c.in_channels * tile_columns<T>, row_size = c.axis[2].taps * tap_size;
  parallel_for(packer.panels(), 1, [&](int64_t begin, int64_t end) {
    Scratch<T> packed(packer.panel_size());
    for (int64_t j = begin; j < end; ++j) {
      packer.pack(0, j, packed.data());
      T* panel = to + j * axes.products * panel_size;
      for (int64_t z = 0; z < c.axis[0].taps; ++z) {
        for (int64_t y = 0; y < axes.y.count; ++y) {
          for (int64_t x = 0; x < axes.x.count; ++x, panel += tap_size) {
            const Chunk &down = axes.y.chunks[y], &across = axes.x.chunks[x];
            scheme.weights(panel, panel_size,
                           packed.data() + (z * c.axis[1].taps + down.first) * row_size + across.first * tap_size,
                           axes.y.tap_step * row_size, axes.x.tap_step * tap_size, down.taps, across.taps, tap_size);
          }
        }
      }
    }
  });
}

template <class T>
bool correlate(const Correlation<T>& c, const Scheme<T>& scheme) {
  const PatchAxes axes(c.axis, c.in_channels, scheme.size);
  const Axis* axis = axes.axis;
  const int64_t in_all = axes.patches(c.batch) * c.axis[0].count;
  const int64_t depth = c.axis[0].taps * axes.chunks * c.in_channels;
  if (axes.products * depth > most_weights || !axes.pays(c.axis, c.batch, c.out_channels, least_saved, 0)) return false;

  const int64_t panels = ceil_div(c.out_channels, tile_columns<T>);
  const int64_t panel_size = depth * tile_columns<T>;
  Scratch<T> weights(panels * axes.products * panel_size);
  transform_all_weights(weights.data(), c, scheme, axes, panel_size);

  const int64_t pixel_bytes = c.in_channels * static_cast<int64_t>(sizeof(T));
  const int64_t most = min_of(patch_bytes / (axes.products * axes.slices * axes.chunks * pixel_bytes),
                              max_of(fewest_patches, in_all / (16 * axes.deep)));
  const int64_t most_pieces = max_of(most / axes.phases(), 1);
  const Blocks blocks(axis, c.batch, pixel_bytes, most_pieces, patch_bytes, most_pieces);
  const int64_t panel_blocks = min_of(panels, ceil_div(16, blocks.count()));
  std::atomic<bool> finite{true};
  parallel_for(blocks.count() * panel_blocks, 1, [&](int64_t begin, int64_t end) {
    PatchBlock<T> block(c, scheme, axes, blocks);
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t part = piece % panel_blocks;
      block.read(blocks(piece / panel_blocks, axis, c.batch));
      for (int64_t j = panels * part / panel_blocks; j < panels * (part + 1) / panel_blocks; ++j) {
        const int64_t o = j * tile_columns<T>, n = min_of(tile_columns<T>, c.out_channels - o);
        for (int64_t z = 0; z < block.slices(); ++z) {
          block.multiply(weights.data() + j * axes.products * panel_size, panel_size, z, n);
          if (!block.write(z, o, n)) finite.store(false, std::memory_order_relaxed);
        }
      }
    }
  });
  return finite.load(std::memory_order_relaxed);
}

}  // namespace

bool correlate_fewer(const Correlation<float>& c) {
  if (c.groups != 1 || c.in_channels % lanes<float> != 0 || c.out_channels < least_channels) return false;
  const PatchWay way = patch_way(c.axis, c.in_channels);
  if (way == PatchWay::none) return false;
  if (way == PatchWay::line) return correlate(c, scheme<float, Single, Triple>);
  if (way == PatchWay::small) return correlate(c, scheme<float, Pair, Pair>);
  return correlate(c, scheme<float, Triple, Triple>);
}
bool correlate_fewer(const Correlation<double>&) { return false; }

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
