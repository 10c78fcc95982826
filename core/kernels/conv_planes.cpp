// Convolutions from planes to planes: vectors run along the width of a padded copy, and a tile is a few output channels
// times two vectors of points. Nothing is transposed (docs/notes/conv.md).
#include <cstdint>
#include <utility>

#include "kernels/conv_geometry.h"
#include "kernels/gemm_epilogue.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

constexpr int64_t window_bytes = 256 << 10;
constexpr int64_t window_points = 448;
constexpr int64_t slab_slices = 4;

// Vectors of the source straddle cache lines, which costs a second access: three of them to a broadcast of each row
// leave the multiply-adds as the limit. All registers are in use.
constexpr int plane_vectors = 3;
constexpr int plane_rows = vector_bytes == 64 ? 9 : 4;
template <class T>
constexpr int64_t plane_places = plane_vectors * lanes<T>;
struct PlaneRows {
  int64_t rows, count;
  [[gnu::always_inline]] explicit PlaneRows(int64_t n) noexcept : rows(n), count(ceil_div(n, plane_rows)) {}
  [[gnu::always_inline]] int64_t begin(int64_t t) const noexcept { return rows * t / count; }
};

/// A plane of a copied window falls into the phases of the strides, so that neighbouring points read neighbouring
/// elements: a point (y, x) is place y * width + x of every tap, and the places between rows are computed in vain. Rows
/// that start and end with zeros share them. Only phases that some tap reads are there.
struct PlaneLayout {
  int64_t width, height, row;  ///< of a phase: from row to row, how many rows, and elements of one
  int64_t step_y, step_x, phases;
  Scratch<int64_t> index;  ///< of phase [y][x], or -1

  PlaneLayout(const Axis* axis, int64_t rows, int64_t columns)
      : height(rows + (axis[1].span() - 1) / axis[1].step),
        row(columns + (axis[2].span() - 1) / axis[2].step),
        step_y(axis[1].step),
        step_x(axis[2].step),
        phases(0),
        index(step_y * step_x) {
    const Axis& x = axis[2];
    const int64_t right = (columns - 1) * x.step + x.base[x.taps - 1] - (x.source_size - 1);
    const int64_t zeros = columns == x.count ? min_of(-x.base[0], right) / x.step : 0;
    width = row - max_of(min_of(zeros, row - columns), 0);
    const auto is_read = [](const Axis& a, int64_t phase) {
      for (int64_t t = 0; t < a.taps; ++t) {
        if ((a.base[t] - a.base[0]) % a.step == phase) return true;
      }
      return false;
    };
    for (int64_t i = 0; i < step_y * step_x; ++i) {
      index[i] = is_read(axis[1], i / step_x) && is_read(axis[2], i % step_x) ? phases++ : -1;
    }
  }
  [[gnu::always_inline]] int64_t slice() const noexcept { return phases * height * width; }
  /// What a tap reads at place 0, so many slices, rows and elements from the first.
  [[gnu::always_inline]] int64_t operator()(int64_t z, int64_t y, int64_t x) const noexcept {
    const int64_t phase = index[y % step_y * step_x + x % step_x];
    return z * slice() + (phase * height + y / step_y) * width + x / step_x;
  }
};

/// How a tile walks the taps of every channel.
struct PlaneWalk {
  int64_t channels, channel, taps;
  const int64_t* offset;  ///< of a tap within a channel
};

/// Sums of `Rows` output channels at `Vectors` vectors of places, from the bias on. Weights are [channel][tap][row].
template <class T, int Rows, int Vectors>
void plane_tile(const T* source, const T* weight, const PlaneWalk& walk, const T* bias, T* out) {
  Vec<T> sum[Rows][Vectors];
#pragma GCC unroll 9
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 3
    for (int j = 0; j < Vectors; ++j) sum[i][j] = bias == nullptr ? Vec<T>{} : Vec<T>{} + bias[i];
  }
  for (int64_t c = 0; c < walk.channels; ++c, source += walk.channel) {
    for (int64_t t = 0; t < walk.taps; ++t, weight += Rows) {
      const T* from = source + walk.offset[t];
      Vec<T> x[Vectors];
#pragma GCC unroll 3
      for (int j = 0; j < Vectors; ++j) x[j] = load(from + j * lanes<T>);
#pragma GCC unroll 9
      for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 3
        for (int j = 0; j < Vectors; ++j) sum[i][j] += weight[i] * x[j];
      }
    }
  }
#pragma GCC unroll 9
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 3
    for (int j = 0; j < Vectors; ++j) store(out + i * plane_places<T> + j * lanes<T>, sum[i][j]);
  }
}

template <class T>
using PlaneTile = void (*)(const T*, const T*, const PlaneWalk&, const T*, T*);
template <class T, int... I>
PlaneTile<T> plane_tile_for(int64_t rows, int64_t vectors, std::integer_sequence<int, I...>) noexcept {
  static constexpr PlaneTile<T> all[plane_rows][plane_vectors] = {
      {plane_tile<T, I + 1, 1>, plane_tile<T, I + 1, 2>, plane_tile<T, I + 1, 3>}...};
  return all[rows - 1][vectors - 1];
}

/// [tap][row tile][channel][tap][row of the tile], a block for each group.
template <class T>
void pack_weights(T* to, const Correlation<T>& c, const int64_t* tap_offset, int64_t taps) {
  const PlaneRows tiles(c.out_channels);
  const int64_t depth = c.in_channels * taps;
  parallel_for(c.groups * tiles.count, 1 + (1 << 15) / (depth * plane_rows), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t group = i / tiles.count, o = tiles.begin(i % tiles.count);
      const int64_t height = tiles.begin(i % tiles.count + 1) - o;
      T* tile = to + (group * c.out_channels + o) * depth;
      for (int64_t row = 0; row < height; ++row) {
        const T* from = c.weight + group * c.weight_group + (o + row) * c.weight_out;
        T* place = tile + row;
        for (int64_t k = 0; k < c.in_channels; ++k, from += c.weight_in) {
          for (int64_t t = 0; t < taps; ++t, place += height) *place = from[tap_offset[t]];
        }
      }
    }
  });
}

/// Elements first, first + step, ... of a row of `size` for `count` places, zero outside.
template <class T>
[[gnu::always_inline]] inline void copy_places(T* to, const T* row, int64_t first, int64_t step, int64_t size,
                                               int64_t count, int64_t ahead) noexcept {
  const int64_t begin = min_of(first < 0 ? ceil_div(-first, step) : 0, count);
  const int64_t end = max_of(min_of(first < size ? (size - 1 - first) / step + 1 : 0, count), begin);
  int64_t i = 0;
  for (; i < begin; ++i) to[i] = T(0);
  if (step == 1) {
    for (; i < end; i += lanes<T>) {
      __builtin_prefetch(row + first + i + ahead);
      store_first(to + i, load_first(row + first + i, end - i), end - i);
    }
    i = end;
  } else if (step == 2) {
    for (; i + lanes<T> < end; i += lanes<T>) {  // not the last one: the odd element after it may lie past the row
      const T* from = row + first + 2 * i;
      __builtin_prefetch(from + ahead);
      __builtin_prefetch(from + ahead + lanes<T>);
      store(to + i, even_lanes<T>(load(from), load(from + lanes<T>), std::make_integer_sequence<int, lanes<T>>()));
    }
  }
  for (; i < end; ++i) to[i] = row[first + i * step];
  for (; i < count; ++i) to[i] = T(0);
}

/// Copies the window of a block from slice z of the source on.
template <class T>
[[gnu::noinline]] void copy_planes(T* to, const T* source, const Correlation<T>& c, const Block& block, int64_t z,
                                   int64_t slices, const PlaneLayout& layout) {
  const Axis* axis = c.axis;
  const int64_t* stride = c.source_stride;
  const int64_t y_first = block.y * axis[1].step + axis[1].base[0];
  const int64_t x_first = block.x * axis[2].step + axis[2].base[0];
  for (int64_t k = 0; k < c.in_channels; ++k) {
    const T* plane = source + block.image * stride[0] + k * stride[1];
    for (int64_t slice = z; slice < z + slices; ++slice) {
      for (int64_t phase = 0; phase < layout.step_y * layout.step_x; ++phase) {
        if (layout.index[phase] < 0) continue;
        for (int64_t r = 0; r < layout.height; ++r, to += layout.width) {
          const int64_t y = y_first + r * layout.step_y + phase / layout.step_x;
          const bool inside = slice >= 0 && slice < axis[0].source_size && y >= 0 && y < axis[1].source_size;
          copy_places(to, plane + (inside ? slice * stride[2] + y * stride[3] : 0), x_first + phase % layout.step_x,
                      layout.step_x, inside ? axis[2].source_size : 0, layout.row, stride[1]);
        }
      }
    }
  }
}

/// Writes places [first, first + n) of `rows` channels, but those between the rows of points.
template <class T>
[[gnu::always_inline]] inline void store_places(const T* tile, int64_t rows, T* to, int64_t channel, int64_t row,
                                                int64_t first, int64_t n, int64_t width, int64_t columns,
                                                bool is_relu) noexcept {
  int64_t y = first / width, x = first % width;
  for (int64_t p = 0; p < n; ++y, x = 0) {
    const int64_t count = min_of(columns - x, n - p);
    for (int64_t i = 0; i < rows && count > 0; ++i) {
      const T* from = tile + i * plane_places<T> + p;
      T* out = to + i * channel + y * row + x;
      for (int64_t l = 0; l < count; l += lanes<T>) {
        const Vec<T> v = load(from + l);
        store_first(out + l, is_relu ? relu<T>(v) : v, count - l);
      }
    }
    p += width - x;
  }
}

template <class T>
void correlate(const Correlation<T>& c) {
  constexpr auto heights = std::make_integer_sequence<int, plane_rows>();
  const Axis* axis = c.axis;
  const int64_t *src = c.source_stride, *dst = c.destination_stride;
  const int64_t taps = axis[0].taps * axis[1].taps * axis[2].taps, depth = c.in_channels * taps;
  // Slices of a block share what their taps read.
  Axis slabs[3] = {axis[0], axis[1], axis[2]};
  const int64_t deep = min_of(axis[0].taps > 1 ? slab_slices : 1, axis[0].count);
  slabs[0].count = ceil_div(axis[0].count, deep);
  const Blocks blocks(slabs, c.batch, c.in_channels * static_cast<int64_t>(sizeof(T)), window_points, window_bytes, 1);
  const PlaneLayout layout(axis, blocks.rows_each, blocks.columns_each);

  Scratch<int64_t> weight_tap(taps), source_tap(taps);
  int64_t tap = 0;
  for (int64_t z = 0; z < axis[0].taps; ++z) {
    for (int64_t y = 0; y < axis[1].taps; ++y) {
      for (int64_t x = 0; x < axis[2].taps; ++x, ++tap) {
        source_tap[tap] = layout(axis[0].base[z] - axis[0].base[0], axis[1].base[y] - axis[1].base[0],
                                 axis[2].base[x] - axis[2].base[0]);
        weight_tap[tap] = axis[0].index[z] * c.weight_tap[0] + axis[1].index[y] * c.weight_tap[1] +
                          axis[2].index[x] * c.weight_tap[2];
      }
    }
  }
  Scratch<T> weights(c.groups * c.out_channels * depth);
  pack_weights(weights.data(), c, weight_tap.data(), taps);

  const PlaneRows row_tiles(c.out_channels);
  const int64_t per_group = blocks.count();
  const int64_t tile_blocks = min_of(row_tiles.count, ceil_div(16, per_group * c.groups));
  const PlaneWalk walk{c.in_channels, axis[0].extent(deep) * layout.slice(), taps, source_tap.data()};
  const int64_t window_size = c.in_channels * walk.channel;
  const int64_t work = blocks.rows_each * layout.width * ceil_div(c.out_channels, tile_blocks) * (depth + 16);
  parallel_for(per_group * c.groups * tile_blocks, 1 + (1 << 19) / work, [&](int64_t begin, int64_t end) {
    alignas(64) T tile[(plane_rows + 1) * plane_places<T>];
    const int64_t past = plane_places<T> + layout.row - layout.width;  // the last vectors reach past the last row
    Scratch<T> window(window_size + past);
    for (int64_t i = 0; i < past; ++i) window[window_size + i] = T(0);
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t tile_block = piece % tile_blocks, group = piece / tile_blocks % c.groups;
      const Block block = blocks(piece / tile_blocks / c.groups, slabs, c.batch);
      const int64_t z = block.z * deep, slices = min_of(deep, axis[0].count - z);
      copy_planes(window.data(), c.source + group * c.in_channels * src[1], c, block,
                  z * axis[0].step + axis[0].base[0], axis[0].extent(slices), layout);
      T* destination = c.destination + group * c.out_channels * dst[1] + block.image * dst[0] +
                       (z * axis[0].dst_step + axis[0].dst_first) * dst[2] +
                       (block.y * axis[1].dst_step + axis[1].dst_first) * dst[3] + block.x + axis[2].dst_first;
      const int64_t places = (block.rows - 1) * layout.width + block.columns, row = axis[1].dst_step * dst[3];
      const int64_t first_tile = row_tiles.count * tile_block / tile_blocks;
      const int64_t tiles = row_tiles.count * (tile_block + 1) / tile_blocks - first_tile;
      for (int64_t i = 0; i < tiles * slices; ++i) {
        const int64_t t = first_tile + i / slices, slice = i % slices;
        const int64_t o = row_tiles.begin(t), height = row_tiles.begin(t + 1) - o;
        const T* weight = weights.data() + (group * c.out_channels + o) * depth;
        const T* bias = c.bias == nullptr ? nullptr : c.bias + group * c.out_channels + o;
        const T* source = window.data() + slice * axis[0].step * layout.slice();
        T* to = destination + o * dst[1] + slice * axis[0].dst_step * dst[2];
        for (int64_t p = 0; p < places; p += plane_places<T>) {
          const int64_t n = min_of(plane_places<T>, places - p);
          T* first = to + p / layout.width * row + min_of(p % layout.width, block.columns - 1);
          for (int64_t k = 0; k < height; ++k) {
            for (int v = 0; v < plane_vectors; ++v) __builtin_prefetch(first + k * dst[1] + v * lanes<T>, 1);
          }
          plane_tile_for<T>(height, ceil_div(n, lanes<T>), heights)(source + p, weight, walk, bias, tile);
          store_places(tile, height, to, dst[1], row, p, n, layout.width, block.columns, c.relu);
        }
      }
    }
  });
}

/// Where the other way would turn and fill its tiles badly, or turn much for few multiplications, and the places
/// between rows are few.
template <class T>
bool correlate_wide(const Correlation<T>& c) {
  const Axis* axis = c.axis;
  if (c.source_stride[4] != 1 || c.destination_stride[4] != 1 || axis[2].dst_step != 1) return false;
  if (axis[0].span() > 2 * axis[0].taps) return false;
  const bool narrow = c.in_channels <= lanes<T> || c.out_channels <= lanes<T>;
  const int64_t depth = c.in_channels * axis[0].taps * axis[1].taps * axis[2].taps;
  if (axis[2].count < (narrow ? 24 : 48) || depth > (narrow ? 1024 : 640)) return false;
  correlate(c);
  return true;
}

}  // namespace

bool correlate_planes(const Correlation<float>& c) { return correlate_wide(c); }
bool correlate_planes(const Correlation<double>& c) { return correlate_wide(c); }

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
