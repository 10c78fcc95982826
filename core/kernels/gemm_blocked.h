// The general way to multiply: B packed in panels, A copied tile by tile, both by blocks that suit the caches
// (docs/notes/gemm.md). And the short way, for products so small that working out blocks would cost more than they do.
#pragma once

#include <cstdint>

#include "kernels/gemm_epilogue.h"
#include "kernels/gemm_pack.h"
#include "kernels/gemm_scratch.h"
#include "kernels/gemm_tile.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

// Multiply-adds below which a piece of work is not worth handing to another thread.
constexpr int64_t piece_work = 1 << 19;
// Multiply-adds up to which the products of a batch are computed side by side.
constexpr int64_t largest_beside = 64 * piece_work;
// Pieces of a product: alone, and beside others of its batch, which are pieces themselves.
constexpr int64_t product_piece = 2 * piece_work, beside_piece = 16 * piece_work;
// What an element of the result costs beside its sum, in multiply-adds: with few of them writing it is most of the
// work.
constexpr int64_t element_work = 16;
// Elements whose copying is worth it.
constexpr int64_t piece_copy = 1 << 15;

// Cache blocks, in elements: an A block of 340 KB, or 690 if it is the only one, stays in L2, a B block in L3.
constexpr int64_t block_rows = 12 * 14;
constexpr int64_t block_columns = 3072;
constexpr int64_t copied_blocks = 16;  // A blocks copied at a time, for all columns to share: up to 4 MB of L3
constexpr int64_t copied_tiles = 4;    // tiles of A that one thread copies at a time
template <class T>
constexpr int64_t block_depth = sizeof(T) == 4 ? 512 : 256;
// Long tiles fetch their lines of C in so many parts.
constexpr int64_t depth_parts = 4;
// Rows of B read in place: each lies in a page of its own when B is wide, and there must be room for all in the TLB.
constexpr int64_t in_place_depth = 64;
// Tiles of so few steps fetch the rows of C that the next one writes, a row a step.
constexpr int64_t short_depth = 64;
// Bytes of a whole B that tiles read in place.
constexpr int64_t small_b = 1 << 14;
// Bytes that an A of consecutive rows spans, times the panels that read it: up to so many it is left where it lies. A
// tile reads a line or two of each of its columns, and when they are far apart none is still there for the next tile.
constexpr int64_t strided_reads = 1 << 21;
// Rows that are fetched ahead, of a packed panel and of B while it is being packed: as many lines as L1 can wait for.
constexpr int64_t panel_ahead = 24;
constexpr int64_t b_ahead = 8;

/// C = A B, computed in T. With several images the columns of B and C go on in the next image.
template <class T, class Stored = T>
struct Problem {
  int64_t m, n, k;
  const Stored* a;
  int64_t a_row, a_col;
  const Stored* b;
  int64_t b_row, b_col;
  T* c;
  int64_t c_row;
  Epilogue<T> epilogue;
  int64_t images = 1, b_image = 0, c_image = 0;
  const Tiles<T>* kernels = &tiles<T>();
  bool beside = false;  ///< others of a batch are computed at the same time
};

/// A block of rows of A over one stretch of k: read in place, along rows or columns, or from a copy, tile by tile and
/// [k][height] within one. Rows whose elements are converted stay rows in the copy, which spares turning them.
template <class T, class Stored>
class RowBlock {
 public:
  /// Reads `copied` unless that is null, which it is not where elements are to be converted.
  RowBlock(const Problem<T, Stored>& p, const Stored* a, int64_t rows, int64_t k, const T* copied)
      : kernels_(p.kernels), tiles_(rows), row_(p.a_row), col_(p.a_col), depth_(k), a_(a), copied_(copied) {
    constexpr int64_t parts = depth_parts;
    walk_.a_row = copied == nullptr ? row_ : copies_rows() ? depth_ : 1;
    walk_.runs = is_long() && k % parts == 0 ? parts : 1;
    walk_.length = k / walk_.runs;
  }

  const RowTiles& row_tiles() const noexcept { return tiles_; }

  void copy_to(T* to, int64_t first, int64_t last) const {
    if (row_ == 1) {  // each line of A is read once, for all tiles
      int64_t begin[copied_tiles + 1];
      for (int64_t t = first; t <= last; ++t) begin[t - first] = tiles_.begin(t);
      for (int64_t p = 0; p < depth_; ++p) {
        for (int64_t t = 0; t < last - first; ++t) {
          const int64_t height = begin[t + 1] - begin[t];
          const Stored* const from = a_ + begin[t] + p * col_;
          __builtin_prefetch(from + 16 * col_);
          copy_run(to + begin[t] * depth_ + p * height, from, height);
        }
      }
      return;
    }
    if (copies_rows()) {
      for (int64_t i = tiles_.begin(first); i < tiles_.begin(last); ++i)
        copy_run(to + i * depth_, a_ + i * row_, depth_);
      return;
    }
    for (int64_t t = first; t < last; ++t) {
      const int64_t begin = tiles_.begin(t), height = tiles_.begin(t + 1) - begin;
      const Stored* from = a_ + begin * row_;
      T* tile = to + begin * depth_;
      if (col_ == 1) {
        for (int64_t i = 0; i < height; i += lanes<T>) {
          transpose_strip<T, Strip::exact>(tile + i, height, from + i * row_, row_, min_of(lanes<T>, height - i),
                                           depth_, [](int64_t p) { return p; });
        }
      } else {
        for (int64_t p = 0; p < depth_; ++p) {
          for (int64_t i = 0; i < height; ++i) tile[p * height + i] = static_cast<T>(from[i * row_ + p * col_]);
        }
      }
    }
  }

  /// Tile t times n columns of B, to c, which is the element (row, column) of C. Packs B, unless `packed` is null.
  [[gnu::always_inline]] void multiply(int64_t t, const T* b, int64_t b_step, int64_t ahead, T* packed, int64_t n, T* c,
                                       int64_t c_row, int64_t row, int64_t column, const Epilogue<T>& epilogue) {
    const int64_t i = tiles_.begin(t), height = tiles_.begin(t + 1) - i;
    const int vectors = n > lanes<T> ? 2 : 1;
    const bool direct = n % lanes<T> == 0 && epilogue.is_simple();
    alignas(64) T tile[tile_rows * tile_columns<T>];
    const T* a = copied_ + i * depth_;
    if constexpr (__is_same(T, Stored)) {
      if (copied_ == nullptr) a = a_ + i * row_;
    }
    walk_.a_step = copied_ != nullptr && !copies_rows() ? height : col_;
    walk_.b_step = b_step;
    walk_.b_run = walk_.length * b_step;
    walk_.b_ahead = ahead;
    walk_.packed = packed;
    // The first columns read A from afar; the last tile of them leaves what comes next to B.
    const bool first = column == 0 && packed == nullptr && t + 1 < tiles_.count;
    walk_.next_rows = first && copied_ == nullptr && col_ == 1 && row_ <= 2 * depth_ ? a + height * row_ : nullptr;
    walk_.next_step = vector_bytes;
    if (direct && depth_ <= short_depth && b_step == tile_columns<T> && walk_.next_rows == nullptr) {
      walk_.next_rows = t + 1 < tiles_.count ? c + height * c_row : c - i * c_row + tile_columns<T>;
      walk_.next_step = c_row * static_cast<int64_t>(sizeof(T));
    }
    walk_.out_row = direct ? c_row * static_cast<int64_t>(sizeof(T)) : tile_row_bytes;
    walk_.bias = direct ? epilogue.bias_at(column) : nullptr;
    walk_.add = direct && epilogue.accumulate;
    // Long tiles fetch their lines of C part by part: all at once they would hold up those of A and B. Shorter ones
    // leave lines that are only written to the store buffer, and the shortest, whose panel is in L1, fetch the next
    // tile's.
    walk_.fetch = direct && (epilogue.accumulate || is_long());
    if (!direct) {
      for (int64_t r = 0; r < height; ++r) {
        __builtin_prefetch(c + r * c_row, 1);
        __builtin_prefetch(c + r * c_row + lanes<T>, 1);
      }
    }
    const Tile<T> sum = packed != nullptr ? kernels_->sum_and_pack[height - 1] : kernels_->sum[height - 1][vectors - 1];
    sum(a, b, walk_, direct ? c : tile);
    if (!direct) store_tile(tile, height, n, c, c_row, row, column, epilogue);
  }

 private:
  bool copies_rows() const noexcept { return !__is_same(T, Stored) && col_ == 1; }
  bool is_long() const noexcept { return depth_ >= 128; }

  const Tiles<T>* kernels_;
  RowTiles tiles_;
  int64_t row_, col_, depth_;
  const Stored* a_;
  const T* copied_;
  // Of the tile at hand, and changed from one to the next field by field: an initializer would be a store of a whole
  // vector, which no load can be served from while it waits behind the last tile's result.
  TileWalk walk_{};
};

template <class T, class Stored>
void multiply_blocked(const Problem<T, Stored>& p) {
  constexpr bool converts = !__is_same(T, Stored);
  constexpr int64_t width = tile_columns<T>;
  const int64_t image_panels = ceil_div(p.n, width), all_panels = p.images * image_panels;
  const bool one_block = p.m <= 2 * block_rows;
  const bool b_is_small = one_block && p.images == 1 && p.k * p.b_row * static_cast<int64_t>(sizeof(T)) <= small_b;
  const bool b_in_place = !converts && p.b_col == 1 && (p.m <= tile_rows || b_is_small);
  const int64_t a_span = p.a_col * min_of(p.k, block_depth<T>) * static_cast<int64_t>(sizeof(T));
  const bool a_in_place =
      !converts && (p.m <= tile_rows || (p.a_row == 1 && all_panels <= 8 && all_panels * a_span <= strided_reads) ||
                    (p.a_col == 1 && all_panels <= (b_in_place ? 4 : 64)));
  const int64_t depth_blocks = ceil_div(p.k, b_in_place && p.b_row > 8 * width ? in_place_depth : block_depth<T>);
  const auto depth_begin = [&](int64_t d) {
    return d == depth_blocks ? p.k : p.k * d / depth_blocks / depth_parts * depth_parts;
  };
  const int64_t depth_max = ceil_div(p.k, depth_blocks) + depth_parts;
  const int64_t row_blocks = one_block ? 1 : ceil_div(p.m, block_rows), rows_max = ceil_div(p.m, row_blocks);
  // With one block of rows each panel is used once: the first tile packs it as it reads it.
  const bool pack_late = one_block;
  const int64_t panels_most = min_of(all_panels, block_columns / width);
  const int64_t panel_size = depth_max * width, copy_size = rows_max * depth_max;
  Scratch<T> packed(pack_late ? 0 : panels_most * panel_size);
  const int64_t copies = a_in_place ? 0 : min_of(row_blocks, copied_blocks);
  const int64_t copy_parts = ceil_div(ceil_div(rows_max, tile_rows), copied_tiles);  // of one block
  Scratch<T> copied(copies * copy_size);
  const int64_t panels_each =
      max_of((p.beside ? beside_piece : product_piece) / (rows_max * width * (depth_max + element_work)), 1);

  for (int64_t first_panel = 0; first_panel < all_panels; first_panel += panels_most) {
    const int64_t panels = min_of(panels_most, all_panels - first_panel);
    const int64_t column_blocks = ceil_div(panels, panels_each);
    for (int64_t d = 0; d < depth_blocks; ++d) {
      const int64_t pc = depth_begin(d), depth = depth_begin(d + 1) - pc;
      const Epilogue<T> epilogue = p.epilogue.part(d == 0, d + 1 == depth_blocks);
      const auto block_of = [&](int64_t block, const T* copy) {
        const int64_t row = p.m * block / row_blocks, rows = p.m * (block + 1) / row_blocks - row;
        return RowBlock<T, Stored>(p, p.a + row * p.a_row + pc * p.a_col, rows, depth, copy);
      };
      const auto columns_of = [&](int64_t panel, int64_t& image, int64_t& column) {
        image = (first_panel + panel) / image_panels;
        column = (first_panel + panel) % image_panels * width;
        return p.b + image * p.b_image + pc * p.b_row + column * p.b_col;
      };
      for (int64_t some = 0; some < row_blocks; some += copied_blocks) {
        const int64_t these = min_of(copied_blocks, row_blocks - some);
        const int64_t to_pack = pack_late || some > 0 ? 0 : panels;
        const int64_t to_copy = copies > 0 ? these * copy_parts : 0;
        parallel_for(to_pack + to_copy, 1 + piece_copy / (depth * width), [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            if (i < to_pack) {
              int64_t image, column;
              const Stored* const from = columns_of(i, image, column);
              pack_columns(packed.data() + i * depth * width, from, p.b_row, p.b_col, depth,
                           min_of(width, p.n - column));
              continue;
            }
            const int64_t block = (i - to_pack) / copy_parts, first = (i - to_pack) % copy_parts * copied_tiles;
            const RowBlock<T, Stored> a = block_of(some + block, nullptr);
            a.copy_to(copied.data() + block * copy_size, first, min_of(first + copied_tiles, a.row_tiles().count));
          }
        });
        const int64_t work = rows_max * panels_each * width * (depth + element_work);
        parallel_for(these * column_blocks, 1 + piece_work / work, [&](int64_t begin, int64_t end) {
          Scratch<T> late_panel(pack_late ? depth * width : 0);
          for (int64_t piece = begin; piece < end; ++piece) {
            const int64_t i_block = piece / column_blocks, first = piece % column_blocks * panels_each;
            const int64_t row = p.m * (some + i_block) / row_blocks;
            RowBlock<T, Stored> a =
                block_of(some + i_block, copies > 0 ? copied.data() + i_block * copy_size : nullptr);
            for (int64_t j = first; j < min_of(first + panels_each, panels); ++j) {
              int64_t image, column;
              const Stored* const from = columns_of(j, image, column);
              const int64_t n = min_of(width, p.n - column);
              const bool in_place = b_in_place && n % lanes<T> == 0;
              const bool pack_along = !converts && pack_late && !in_place && p.b_col == 1 && n == width;
              T* const panel = pack_late ? late_panel.data() : packed.data() + j * depth * width;
              if (pack_late && !in_place && !pack_along) pack_columns(panel, from, p.b_row, p.b_col, depth, n);
              for (int64_t t = 0; t < a.row_tiles().count; ++t) {
                const int64_t i = row + a.row_tiles().begin(t);
                T* const c = p.c + image * p.c_image + i * p.c_row + column;
                if constexpr (!converts) {
                  if (in_place) {
                    a.multiply(t, from, p.b_row, width, nullptr, n, c, p.c_row, i, column, epilogue);
                    continue;
                  }
                  if (pack_along && t == 0) {
                    a.multiply(t, from, p.b_row, b_ahead * p.b_row, panel, n, c, p.c_row, i, column, epilogue);
                    continue;
                  }
                }
                a.multiply(t, panel, width, panel_ahead * width, nullptr, n, c, p.c_row, i, column, epilogue);
              }
            }
          }
        });
      }
    }
  }
}

/// Whether nothing is copied that pieces of columns could share.
template <class T, class Stored>
bool divides_by_columns(const Problem<T, Stored>& p) {
  return p.b_col == 1 && p.m <= 4 * tile_rows && p.m * p.n * p.k > 4 * piece_work;
}

/// Pieces of columns, each over all of k: the stretches of k are too short to be shared out one by one. A piece is
/// wide, because B is read best in long rows.
template <class T, class Stored>
void multiply_columns(const Problem<T, Stored>& p) {
  constexpr int64_t width = tile_columns<T>;
  const int64_t grain = max_of(1 + product_piece / (p.m * p.k * width), 4);
  parallel_for(ceil_div(p.n, width), grain, [&](int64_t begin, int64_t end) {
    Problem<T, Stored> q = p;
    q.n = min_of(end * width, p.n) - begin * width;
    q.b += begin * width;
    q.c += begin * width;
    if (q.epilogue.column_bias != nullptr) q.epilogue.column_bias += begin * width;
    multiply_blocked(q);
  });
}

/// B as panels from end to end, packed once for many products.
template <class T>
void pack_panels(const Problem<T>& p, T* to) {
  constexpr int64_t width = tile_columns<T>;
  parallel_for(ceil_div(p.n, width), 1 + piece_copy / (p.k * width + 1), [&](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; ++j) {
      pack_columns(to + j * p.k * width, p.b + j * width * p.b_col, p.b_row, p.b_col, p.k,
                   min_of(width, p.n - j * width));
    }
  });
}

// Rows whose tiles are too low to keep the multiply-adds busy: they take two panels at a time.
constexpr int64_t lowest_rows = 3;

/// Rows of a times two panels, `next` elements apart, to two tiles.
template <class T, int Rows>
[[gnu::noinline]] void sum_two_panels(const T* a, int64_t a_row, int64_t a_col, const T* b, int64_t next, int64_t k,
                                      T* tile) {
  constexpr int64_t width = tile_columns<T>;
  Vec<T> sum[2][Rows][tile_vectors] = {};
  for (int64_t p = 0; p < k; ++p, a += a_col, b += width) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
#pragma GCC unroll 2
      for (int v = 0; v < tile_vectors; ++v) {
        const Vec<T> column = load(b + j * next + v * lanes<T>);
        __builtin_prefetch(b + j * next + v * lanes<T> + panel_ahead * width);
#pragma GCC unroll 3
        for (int i = 0; i < Rows; ++i) sum[j][i][v] += a[i * a_row] * column;
      }
    }
  }
#pragma GCC unroll 2
  for (int j = 0; j < 2; ++j) {
#pragma GCC unroll 3
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 2
      for (int v = 0; v < tile_vectors; ++v) store(tile + (j * Rows + i) * width + v * lanes<T>, sum[j][i][v]);
    }
  }
}

/// At most lowest_rows rows times the two panels from `column` on.
template <class T>
void multiply_two_panels(const Problem<T>& p, int64_t column) {
  constexpr int64_t width = tile_columns<T>;
  alignas(64) T tile[2 * lowest_rows * width];
  const T* const b = p.b + column * p.k;
  const auto sum = p.m == 1 ? sum_two_panels<T, 1> : p.m == 2 ? sum_two_panels<T, 2> : sum_two_panels<T, 3>;
  sum(p.a, p.a_row, p.a_col, b, width * p.k, p.k, tile);
  for (int64_t j = 0; j < 2; ++j, column += width)
    store_tile(tile + j * p.m * width, p.m, min_of(width, p.n - column), p.c + column, p.c_row, 0, column, p.epilogue);
}

/// A few rows of consecutive k times such panels.
template <class T>
void multiply_panels(const Problem<T>& p) {
  constexpr int64_t width = tile_columns<T>;
  parallel_for(ceil_div(p.n, width), 1 + piece_work / (p.m * p.k * width), [&](int64_t begin, int64_t end) {
    RowBlock<T, T> a(p, p.a, p.m, p.k, nullptr);
    const RowTiles& row_tiles = a.row_tiles();
    for (int64_t j = begin; j < end; ++j) {
      const int64_t column = j * width, n = min_of(width, p.n - column);
      if (p.m <= lowest_rows && j + 1 < end) {
        multiply_two_panels(p, column);
        ++j;
        continue;
      }
      for (int64_t t = 0; t < row_tiles.count; ++t) {
        const int64_t i = row_tiles.begin(t);
        a.multiply(t, p.b + column * p.k, width, panel_ahead * width, nullptr, n, p.c + i * p.c_row + column, p.c_row,
                   i, column, p.epilogue);
      }
    }
  });
}

/// Whether several B deserve one copy of A.
template <class T, class Stored>
bool shares_a(const Problem<T, Stored>& p) {
  return p.m > 4 * tile_rows && p.n >= lanes<T> && p.k > 0;
}

// Products of at most so many multiply-adds are computed in place, on the calling thread.
constexpr int64_t small_work = 1 << 17;

/// Both operands can be read where they lie, in a few tiles.
template <class T, class Stored>
bool suits_small(const Problem<T, Stored>& p) {
  if (!__is_same(T, Stored)) return false;
  return p.b_col == 1 && (p.a_col == 1 || p.a_row == 1) && p.n % lanes<T> == 0 && p.m > 2 && p.m <= 4 * tile_rows &&
         p.k <= in_place_depth && p.m * p.n * p.k <= small_work;
}

/// `count` such products; the operands and the result of the next lie so far on.
template <class T>
void multiply_small(const Problem<T>& p, int64_t count, int64_t a_next, int64_t b_next, int64_t c_next) {
  constexpr int64_t width = tile_columns<T>;
  const bool direct = p.epilogue.is_simple();  // the columns are whole vectors
  TileWalk walk{1, nullptr, p.k, p.a_col, p.b_row, 0, p.b_row, p.a_row};
  if (direct) {
    walk.out_row = p.c_row * static_cast<int64_t>(sizeof(T));
    walk.add = p.epilogue.accumulate;
  }
  const RowTiles row_tiles(p.m);
  int64_t rows[5];
  for (int64_t t = 0; t <= row_tiles.count; ++t) rows[t] = row_tiles.begin(t);
  alignas(64) T tile[tile_rows * width];
  const T *a = p.a, *b = p.b;
  T* c = p.c;
  for (int64_t i = 0; i < count; ++i, a += a_next, b += b_next, c += c_next) {
    for (int64_t j = 0; j < p.n; j += width) {
      const int64_t n = min_of(width, p.n - j);
      const int vectors = n > lanes<T> ? 2 : 1;
      for (int64_t t = 0; t < row_tiles.count; ++t) {
        const int64_t height = rows[t + 1] - rows[t];
        T* const to = c + rows[t] * p.c_row + j;
        if (direct) walk.bias = p.epilogue.bias_at(j);
        tiles<T>().sum[height - 1][vectors - 1](a + rows[t] * p.a_row, b + j, walk, direct ? to : tile);
        if (!direct) store_tile(tile, height, n, to, p.c_row, rows[t], j, p.epilogue);
      }
    }
  }
}

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
