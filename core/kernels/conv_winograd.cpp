// Convolutions of 3 x 3 by Winograd's F(2 x 2, 3 x 3): 16 products for the 4 results of a patch instead of 36, as 16
// matrix products between transformed patches and transformed weights (docs/notes/conv.md).
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.
#include <atomic>
#include <cstdint>

#include "kernels/conv_geometry.h"
#include "kernels/conv_pack.h"
#include "kernels/conv_tile.h"
#include "kernels/conv_write.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t products = 16;          // of a patch
constexpr int64_t patch_bytes = 1 << 20;  // of a block's transformed patches: half of L2
constexpr int64_t fewest_patches = 28;    // of a block: it reads all weights once
constexpr int64_t fewest_in_all = 96;     // transforming the weights takes what fewer save
constexpr int64_t most_channels = 512;

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

/// B^T d, down one column of four.
template <class T>
struct Column {
  Vec<T> v[4];
  [[gnu::always_inline]] Column(const T* from, int64_t row) noexcept {
    const Vec<T> d0 = load(from), d1 = load(from + row), d2 = load(from + 2 * row), d3 = load(from + 3 * row);
    v[0] = d0 - d2;
    v[1] = d1 + d2;
    v[2] = d2 - d1;
    v[3] = d1 - d3;
  }
};

/// B^T d B of a row of patches that lie two pixels apart, for each channel.
template <class T>
[[gnu::noinline]] void transform_patches(T* to, int64_t apart, const T* window, int64_t row, int64_t channels,
                                         int64_t patches) {
  for (int64_t c = 0; c < channels; c += lanes<T>) {
    const T* from = window + c;
    T* out = to + c;
    Column<T> left(from, row), right(from + channels, row);
    for (int64_t p = 0; p < patches; ++p, out += channels) {
      from += 2 * channels;
      const Column<T> next(from, row), last(from + channels, row);
#pragma GCC unroll 4
      for (int y = 0; y < 4; ++y) {
        store(out + 4 * y * apart, left.v[y] - next.v[y]);
        store(out + (4 * y + 1) * apart, right.v[y] + next.v[y]);
        store(out + (4 * y + 2) * apart, next.v[y] - right.v[y]);
        store(out + (4 * y + 3) * apart, right.v[y] - last.v[y]);
      }
      left = next;
      right = last;
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

/// One axis in patches: each reads four elements and is written to two.
Axis in_patches(const Axis& points, int64_t* base) noexcept {
  for (int64_t i = 0; i < 4; ++i) base[i] = points.base[0] + i;
  return {ceil_div(points.count, 2), points.source_size, 2, 4, 2, points.dst_first, base, nullptr};
}

template <class T>
bool correlate(const Correlation<T>& c) {
  constexpr int64_t width = tile_columns<T>;
  const int64_t channels = c.in_channels, panels = ceil_div(c.out_channels, width);
  int64_t base[2][4];
  const Axis axis[3] = {c.axis[0], in_patches(c.axis[1], base[0]), in_patches(c.axis[2], base[1])};
  const int64_t in_all = c.batch * axis[1].count * axis[2].count;
  const int64_t points = c.batch * c.axis[1].count * c.axis[2].count;
  if (in_all < fewest_in_all || 16 * in_all > 5 * points) return false;  // 7 x 7 points take 4 x 4 patches

  const WeightPacker<T> packer(c);
  const int64_t panel_size = channels * width, product_size = panels * panel_size;
  Scratch<T> weights(products * product_size);
  parallel_for(panels, 1, [&](int64_t begin, int64_t end) {
    Scratch<T> packed(packer.panel_size());
    for (int64_t j = begin; j < end; ++j) {
      packer.pack(0, j, packed.data());
      transform_weights(weights.data() + j * products * panel_size, panel_size, packed.data(), channels);
    }
  });

  const int64_t bytes = products * channels * static_cast<int64_t>(sizeof(T));
  const int64_t most = min_of(patch_bytes / bytes, max_of(fewest_patches, in_all / 16));
  const Blocks blocks(axis, c.batch, channels * static_cast<int64_t>(sizeof(T)), most, patch_bytes, most);
  const int64_t block_count = blocks.count();
  const int64_t panel_blocks = min_of(panels, ceil_div(16, block_count));
  const int64_t most_patches = blocks.images_each * blocks.rows_each * blocks.columns_each;
  const int64_t* dst = c.destination_stride;
  std::atomic<bool> finite{true};
  parallel_for(block_count * panel_blocks, 1, [&](int64_t begin, int64_t end) {
    // A line more between products: at 4 KB they would share few sets of L1.
    const int64_t patches_apart = most_patches * channels + lanes<T>, sums_apart = most_patches * width + lanes<T>;
    Scratch<T> window(blocks.window_size(axis, channels)), patches(products * patches_apart);
    Scratch<T> sums(products * sums_apart), rows(4 * blocks.columns_each * width);
    Scratch<const T*> source(most_patches);
    Scratch<int64_t> place(2 * blocks.columns_each);
    T *const upper = rows.data(), *const lower = upper + 2 * blocks.columns_each * width;
    const PointWriter<T> writer(c, 0);
    const PointRun run{0, 0};
    const PointWalk walk{1, &run, channels};
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t panel_block = piece % panel_blocks;
      const Block block = blocks(piece / panel_blocks, axis, c.batch);
      const auto from = copy_window(window.data(), c.source, c.source_stride, channels, axis, block);
      const int64_t count = block.images * block.rows * block.columns;
      for (int64_t i = 0; i < block.images * block.rows; ++i) {
        transform_patches(patches.data() + i * block.columns * channels, patches_apart,
                          from.data + i / block.rows * from.image + i % block.rows * 2 * from.row, from.row, channels,
                          block.columns);
      }
      const RowTiles row_tiles(count);
      for (int64_t j = panels * panel_block / panel_blocks; j < panels * (panel_block + 1) / panel_blocks; ++j) {
        const int64_t o = j * width, n = min_of(width, c.out_channels - o);
        for (int64_t k = 0; k < products; ++k) {
          for (int64_t p = 0; p < count; ++p) source[p] = patches.data() + k * patches_apart + p * channels;
          for (int64_t t = 0; t < row_tiles.count; ++t) {
            const int64_t first = row_tiles.begin(t), height = row_tiles.begin(t + 1) - first;
            point_tiles<T>().sum[height - 1][n > lanes<T> ? 1 : 0](source.data() + first,
                                                                   weights.data() + (j * products + k) * panel_size,
                                                                   walk, sums.data() + k * sums_apart + first * width);
          }
        }
        for (int64_t i = 0; i < block.images * block.rows; ++i) {
          if (!transform_results(upper, lower, sums.data() + i * block.columns * width, sums_apart, block.columns, n))
            finite.store(false, std::memory_order_relaxed);
          const int64_t y = 2 * (block.y + i % block.rows), x = 2 * block.x;
          const int64_t points = min_of(2 * block.columns, c.axis[2].count - x);
          for (int64_t r = 0; r < min_of(2, c.axis[1].count - y); ++r) {
            const int64_t to = (block.image + i / block.rows) * dst[0] + (c.axis[1].dst_first + y + r) * dst[3];
            for (int64_t p = 0; p < points; ++p) place[p] = to + (c.axis[2].dst_first + x + p) * dst[4];
            writer.write(r == 0 ? upper : lower, place.data(), points, o, n);
          }
        }
      }
    }
  });
  return finite.load(std::memory_order_relaxed);
}

}  // namespace

bool correlate_fewer(const Correlation<float>& c) {
  if (c.groups != 1 || c.in_channels % lanes<float> != 0 || c.in_channels > most_channels) return false;
  if (c.in_channels < tile_columns<float> || c.out_channels < tile_columns<float>) return false;
  if (c.axis[0].count != 1 || c.axis[0].source_size != 1 || c.axis[0].taps != 1 || c.axis[0].base[0] != 0) return false;
  for (int d = 1; d < 3; ++d) {
    const Axis& a = c.axis[d];
    if (a.taps != 3 || a.span() != 3 || a.step != 1 || a.dst_step != 1) return false;
  }
  return correlate(c);
}
bool correlate_fewer(const Correlation<double>&) { return false; }

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
