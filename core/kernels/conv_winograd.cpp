// Convolutions of 3 x 3 by Winograd's F(2 x 2, 3 x 3): 16 products for the 4 results of a patch instead of 36, as 16
// matrix products between transformed patches and transformed weights (docs/notes/conv.md).
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.
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

constexpr int64_t patch_bytes = 1 << 20;  // of a block's transformed patches: half of L2
constexpr int64_t fewest_patches = 28;    // of a block: it reads all weights once
constexpr int64_t fewest_in_all = 96;     // transforming the weights takes what fewer save
constexpr int64_t most_depth = 512;       // channels times taps of the depth
constexpr int64_t slab_slices = 4;
constexpr int64_t most_apart = 2;  // dilation

/// G w G^T of a panel's 3 x 3 taps: [tap][channel][columns] becomes [product][channel][columns], products `apart`.
template <class T>
[[gnu::noinline]] void transform_weights(T* to, int64_t apart, const T* panel, int64_t channels) {
  const int64_t size = channels * tile_columns<T>;
  for (int64_t k = 0; k < size; k += lanes<T>) {
    Vec<T> rows[4][3];
#pragma GCC unroll 3
    for (int x = 0; x < 3; ++x) {
      const Vec<T> w0 = load(panel + x * size + k), w1 = load(panel + (3 + x) * size + k);
      const Vec<T> w2 = load(panel + (6 + x) * size + k), ends = w0 + w2;
      rows[0][x] = w0;
      rows[1][x] = T(0.5) * (ends + w1);
      rows[2][x] = T(0.5) * (ends - w1);
      rows[3][x] = w2;
    }
#pragma GCC unroll 4
    for (int y = 0; y < 4; ++y) {
      const Vec<T> ends = rows[y][0] + rows[y][2];
      T* out = to + 4 * y * apart + k;
      store(out, rows[y][0]);
      store(out + apart, T(0.5) * (ends + rows[y][1]));
      store(out + 2 * apart, T(0.5) * (ends - rows[y][1]));
      store(out + 3 * apart, rows[y][2]);
    }
  }
}

/// A^T m A of a row of patches, to two rows of points. Returns false if some result is not finite.
template <class T>
[[gnu::noinline]] bool transform_results(T* upper, T* lower, const T* sums, int64_t apart, int64_t patches,
                                         int64_t columns) {
  Vec<T> zero{};
  for (int64_t k = 0; k < patches * tile_columns<T>; k += lanes<T>) {
    if (k % tile_columns<T> >= columns) continue;
    Vec<T> top[4], bottom[4];
#pragma GCC unroll 4
    for (int x = 0; x < 4; ++x) {
      const T* m = sums + x * apart + k;
      const Vec<T> m1 = load(m + 4 * apart), m2 = load(m + 8 * apart);
      top[x] = load(m) + m1 + m2;
      bottom[x] = m1 - m2 - load(m + 12 * apart);
    }
    const int64_t place = k / tile_columns<T> * 2 * tile_columns<T> + k % tile_columns<T>;
    const Vec<T> y00 = top[0] + top[1] + top[2], y01 = top[1] - top[2] - top[3];
    const Vec<T> y10 = bottom[0] + bottom[1] + bottom[2], y11 = bottom[1] - bottom[2] - bottom[3];
    store(upper + place, y00);
    store(upper + place + tile_columns<T>, y01);
    store(lower + place, y10);
    store(lower + place + tile_columns<T>, y11);
    zero += (y00 - y00) + (y01 - y01) + (y10 - y10) + (y11 - y11);
  }
  bool finite = true;
  for (int l = 0; l < lanes<T>; ++l) finite &= zero[l] == 0;
  return finite;
}

/// The axes in pieces. Those of height and width are patches, as many side by side as the taps are apart, each of
/// points so far apart: the phases. A slab of slices shares the patches which their taps read.
template <class T>
struct PatchAxes {
  int64_t deep, slices;  ///< points and reads of a slab
  int64_t apart_y, apart_x;
  Scratch<int64_t> slab_base;
  int64_t base[2][4 * most_apart];
  Axis axis[3];

  explicit PatchAxes(const Correlation<T>& c)
      : deep(min_of(c.axis[0].taps > 1 ? slab_slices : 1, c.axis[0].count)),
        slices(deep + c.axis[0].taps - 1),
        apart_y(c.axis[1].base[1] - c.axis[1].base[0]),
        apart_x(c.axis[2].base[1] - c.axis[2].base[0]),
        slab_base(slices),
        axis{in_pieces(c.axis[0], deep, slab_base.data()), in_pieces(c.axis[1], 2 * apart_y, base[0]),
             in_pieces(c.axis[2], 2 * apart_x, base[1])} {}
  int64_t phases() const noexcept { return apart_y * apart_x; }
};

/// The patches of one block, and the results of a panel of outputs in one of its slices.
template <class T>
class PatchBlock {
 public:
  PatchBlock(const Correlation<T>& c, const PatchAxes<T>& axes, const Blocks& blocks)
      : c_(c),
        axes_(axes),
        most_patches_(blocks.images_each * blocks.rows_each * blocks.columns_each * axes.phases()),
        patches_apart_(most_patches_ * axes.slices * c.in_channels + lanes<T>),
        sums_apart_(most_patches_ * tile_columns<T> + lanes<T>),
        window_(blocks.window_size(axes.axis, c.in_channels)),
        patches_(products * patches_apart_),
        sums_(products * sums_apart_),
        rows_(4 * blocks.columns_each * tile_columns<T>),
        source_(most_patches_),
        place_(2 * blocks.columns_each),
        writer_(c, 0, axes.apart_x * c.destination_stride[4]) {}

  /// Transforms the block's patches: [product][image][row][phase][column][slice][channel].
  void read(const Block& block) {
    block_ = block;
    const int64_t channels = c_.in_channels;
    const auto from = copy_window(window_.data(), c_.source, c_.source_stride, channels, axes_.axis, block);
    for (int64_t z = 0; z < axes_.slices; ++z) {
      for (int64_t i = 0; i < rows(); ++i) {
        const Row at = row(i);
        transform_patches(patches_.data() + (i * block.columns * axes_.slices + z) * channels, patches_apart_,
                          axes_.slices * channels,
                          from.data + at.image * from.image + z * from.slice + at.y * from.row + at.x * channels,
                          axes_.apart_y * from.row, axes_.apart_x * channels, channels, block.columns);
      }
    }
  }

  /// The slices of the destination that the block has.
  int64_t slices() const noexcept { return min_of(axes_.deep, c_.axis[0].count - block_.z * axes_.deep); }

  /// Sums of the products of slice z and `n` outputs, whose transformed weights are panels of `size` elements.
  void multiply(const T* weights, int64_t size, int64_t z, int64_t n) {
    const PointRun run{0, 0};
    const PointWalk walk{1, &run, c_.axis[0].taps * c_.in_channels};
    const RowTiles row_tiles(rows() * block_.columns);
    for (int64_t k = 0; k < products; ++k) {
      const T* patches = patches_.data() + k * patches_apart_ + z * c_.in_channels;
      for (int64_t p = 0; p < row_tiles.rows; ++p) source_[p] = patches + p * axes_.slices * c_.in_channels;
      for (int64_t t = 0; t < row_tiles.count; ++t) {
        const int64_t first = row_tiles.begin(t), height = row_tiles.begin(t + 1) - first;
        point_tiles<T>().sum[height - 1][n > lanes<T> ? 1 : 0](
            source_.data() + first, weights + k * size, walk, sums_.data() + k * sums_apart_ + first * tile_columns<T>);
      }
    }
  }

  /// Writes outputs [o, o + n) of slice z; false if one is not finite.
  bool write(int64_t z, int64_t o, int64_t n) {
    const int64_t* dst = c_.destination_stride;
    const Axis* axis = c_.axis;
    T *const upper = rows_.data(), *const lower = upper + 2 * block_.columns * tile_columns<T>;
    bool finite = true;
    for (int64_t i = 0; i < rows(); ++i) {
      finite &= transform_results(upper, lower, sums_.data() + i * block_.columns * tile_columns<T>, sums_apart_,
                                  block_.columns, n);
      const Row at = row(i);
      const int64_t y = block_.y * 2 * axes_.apart_y + at.y, x = block_.x * 2 * axes_.apart_x + at.x;
      const int64_t points = min_of(2 * block_.columns, ceil_div(axis[2].count - x, axes_.apart_x));
      for (int64_t r = 0; r < 2 && y + r * axes_.apart_y < axis[1].count && points > 0; ++r) {
        const int64_t to = (block_.image + at.image) * dst[0] +
                           (axis[0].dst_first + block_.z * axes_.deep + z) * dst[2] +
                           (axis[1].dst_first + y + r * axes_.apart_y) * dst[3] + (axis[2].dst_first + x) * dst[4];
        for (int64_t p = 0; p < points; ++p) place_[p] = to + p * axes_.apart_x * dst[4];
        writer_.write(r == 0 ? upper : lower, place_.data(), points, o, n);
      }
    }
    return finite;
  }

 private:
  /// A row of patches: its image, and its first point in the block.
  struct Row {
    int64_t image, y, x;
  };
  int64_t rows() const noexcept { return block_.images * block_.rows * axes_.phases(); }
  Row row(int64_t i) const noexcept {
    const int64_t phase = i % axes_.phases(), row = i / axes_.phases();
    return {row / block_.rows, row % block_.rows * 2 * axes_.apart_y + phase / axes_.apart_x, phase % axes_.apart_x};
  }

  const Correlation<T>& c_;
  const PatchAxes<T>& axes_;
  int64_t most_patches_;
  // A line more between products: at 4 KB they would share few sets of L1.
  int64_t patches_apart_, sums_apart_;
  Block block_{};
  Scratch<T> window_, patches_, sums_, rows_;
  Scratch<const T*> source_;
  Scratch<int64_t> place_;
  PointWriter<T> writer_;
};

/// [panel][product][tap of the depth][channel][columns]
template <class T>
void transform_all_weights(T* to, const Correlation<T>& c, int64_t panel_size) {
  const WeightPacker<T> packer(c);
  const int64_t slice_size = c.in_channels * tile_columns<T>;
  parallel_for(packer.panels(), 1, [&](int64_t begin, int64_t end) {
    Scratch<T> packed(packer.panel_size());
    for (int64_t j = begin; j < end; ++j) {
      packer.pack(0, j, packed.data());
      for (int64_t z = 0; z < c.axis[0].taps; ++z) {
        transform_weights(to + j * products * panel_size + z * slice_size, panel_size,
                          packed.data() + z * 9 * slice_size, c.in_channels);
      }
    }
  });
}

template <class T>
bool correlate(const Correlation<T>& c) {
  const PatchAxes<T> axes(c);
  const Axis* axis = axes.axis;
  const int64_t in_all = c.batch * c.axis[0].count * axis[1].count * axis[2].count * axes.phases();
  const int64_t points = c.batch * c.axis[0].count * c.axis[1].count * c.axis[2].count;
  if (in_all < fewest_in_all || 16 * in_all > 5 * points) return false;  // 7 x 7 points take 4 x 4 patches

  const int64_t panels = ceil_div(c.out_channels, tile_columns<T>);
  const int64_t panel_size = c.axis[0].taps * c.in_channels * tile_columns<T>;
  Scratch<T> weights(panels * products * panel_size);
  transform_all_weights(weights.data(), c, panel_size);

  const int64_t pixel_bytes = c.in_channels * static_cast<int64_t>(sizeof(T));
  const int64_t most =
      min_of(patch_bytes / (products * axes.slices * pixel_bytes), max_of(fewest_patches, in_all / (16 * axes.deep)));
  const int64_t most_pieces = max_of(most / axes.phases(), 1);
  const Blocks blocks(axis, c.batch, pixel_bytes, most_pieces, patch_bytes, most_pieces);
  const int64_t panel_blocks = min_of(panels, ceil_div(16, blocks.count()));
  std::atomic<bool> finite{true};
  parallel_for(blocks.count() * panel_blocks, 1, [&](int64_t begin, int64_t end) {
    PatchBlock<T> block(c, axes, blocks);
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t part = piece % panel_blocks;
      block.read(blocks(piece / panel_blocks, axis, c.batch));
      for (int64_t j = panels * part / panel_blocks; j < panels * (part + 1) / panel_blocks; ++j) {
        const int64_t o = j * tile_columns<T>, n = min_of(tile_columns<T>, c.out_channels - o);
        for (int64_t z = 0; z < block.slices(); ++z) {
          block.multiply(weights.data() + j * products * panel_size, panel_size, z, n);
          if (!block.write(z, o, n)) finite.store(false, std::memory_order_relaxed);
        }
      }
    }
  });
  return finite.load(std::memory_order_relaxed);
}

}  // namespace

bool correlate_fewer(const Correlation<float>& c) {
  const int64_t depth = c.in_channels * c.axis[0].taps;
  if (c.groups != 1 || c.in_channels % lanes<float> != 0 || depth < least_channels || depth > most_depth) return false;
  if (c.out_channels < least_channels) return false;
  for (int d = 0; d < 3; ++d) {
    const Axis& a = c.axis[d];
    if (a.taps == 0 || a.step != 1 || a.dst_step != 1) return false;
    if (d == 0 ? a.span() != a.taps : a.taps != 3 || a.span() > 2 * most_apart + 1) return false;
  }
  return correlate(c);
}
bool correlate_fewer(const Correlation<double>&) { return false; }

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
