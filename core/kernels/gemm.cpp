// Matrix products: which of the few ways suits a shape, and the loops around the register tiles (docs/notes/gemm.md).
#include "kernels/gemm.h"

#include <cstdint>
#include <cstdlib>

#include "kernels/gemm_dot.h"
#include "kernels/gemm_epilogue.h"
#include "kernels/gemm_pack.h"
#include "kernels/gemm_scratch.h"
#include "kernels/gemm_stream.h"
#include "kernels/gemm_tile.h"
#include "runtime/parallel.h"
static const bool RA = getenv("RA") != nullptr;

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

// Multiply-adds below which a piece of work is not worth handing to another thread.
constexpr int64_t piece_work = 1 << 19;

// Cache blocks, in elements: an A block of 260 to 520 KB stays in L2, a B block in L3.
constexpr int64_t block_rows = 12 * 14;
constexpr int64_t block_columns = 3072;
constexpr int64_t copied_blocks = 16;  // A blocks copied at a time, for all columns to share: up to 4 MB of L3
template <class T>
constexpr int64_t block_depth = sizeof(T) == 4 ? 384 : 256;
// Rows of B read in place: each lies in a page of its own when B is wide, and there must be room for all in the TLB.
constexpr int64_t in_place_depth = 64;

template <class T>
struct Problem {
  int64_t m, n, k;
  const T* a;
  int64_t a_row, a_col;
  const T* b;
  int64_t b_row, b_col;
  T* c;
  int64_t c_row;
  Epilogue<T> epilogue;
};

/// A block of rows of A over one stretch of k: read in place, along rows or columns, or from a copy, tile by tile and
/// [k][height] within one.
template <class T>
class RowBlock {
 public:
  /// Reads `copied` unless that is null.
  RowBlock(const T* a, int64_t a_row, int64_t a_col, int64_t rows, int64_t k, const T* copied)
      : tiles_(rows), row_(a_row), col_(a_col), depth_(k), a_(a), copied_(copied) {}

  const RowTiles& row_tiles() const noexcept { return tiles_; }

  void copy_to(T* to) const {
    if (row_ == 1) {  // each line of A is read once, for all tiles
      for (int64_t p = 0; p < depth_; ++p) {
        for (int64_t t = 0; t < tiles_.count; ++t) {
          const int64_t begin = tiles_.begin(t), height = tiles_.begin(t + 1) - begin;
          copy_run(to + begin * depth_ + p * height, a_ + begin + p * col_, height);
        }
      }
      return;
    }
    for (int64_t t = 0; t < tiles_.count; ++t) {
      const int64_t begin = tiles_.begin(t), height = tiles_.begin(t + 1) - begin;
      const T* from = a_ + begin * row_;
      if (col_ == 1) {
        for (int64_t i = 0; i < height; i += lanes<T>) {
          transpose_strip<T, Strip::exact>(to + i, height, from + i * row_, row_, min_of(lanes<T>, height - i), depth_,
                                           [](int64_t p) { return p; });
        }
      } else {
        for (int64_t p = 0; p < depth_; ++p) {
          for (int64_t i = 0; i < height; ++i) to[p * height + i] = from[i * row_ + p * col_];
        }
      }
      to += depth_ * height;
    }
  }

  /// Tile t times one panel of B.
  [[gnu::always_inline]] void multiply(int64_t t, const T* b, int64_t b_step, int64_t b_ahead, int vectors,
                                       T* tile) const {
    const int64_t i = tiles_.begin(t), height = tiles_.begin(t + 1) - i;
    const int64_t no_offset = 0;
    TileWalk walk{1, &no_offset, depth_, height, b_step, 0, b_ahead};
    if (copied_ != nullptr) {
      tiles<T>().columns[height - 1][vectors - 1](copied_ + i * depth_, b, walk, tile);
    } else if (col_ != 1) {
      walk.a_step = col_;
      tiles<T>().columns[height - 1][vectors - 1](a_ + i, b, walk, tile);
    } else {
      const T* row[tile_rows];
      for (int64_t r = 0; r < height; ++r) row[r] = a_ + (i + r) * row_;
      walk.a_step = 1;
      tiles<T>().rows[height - 1][vectors - 1](row, b, walk, tile);
    }
  }

 private:
  RowTiles tiles_;
  int64_t row_, col_, depth_;
  const T* a_;
  const T* copied_;
};

/// The general way: B packed in panels (or read in place when few rows share it), A copied block by block.
template <class T>
void multiply_blocked(const Problem<T>& p) {
  constexpr int64_t width = tile_columns<T>;
  const bool b_in_place = p.b_col == 1 && p.m <= 4 * tile_rows;
  const bool a_in_place = (p.a_row == 1 || p.a_col == 1) && (p.n <= 4 * width || p.m <= tile_rows);
  const int64_t depth_blocks = ceil_div(p.k, b_in_place && p.n > 8 * width ? in_place_depth : block_depth<T>);
  const int64_t row_blocks = ceil_div(p.m, block_rows);
  for (int64_t jc = 0; jc < p.n; jc += block_columns) {
    const int64_t columns = min_of(block_columns, p.n - jc);
    const int64_t panels = ceil_div(columns, width);
    const int64_t packed_from = b_in_place ? columns / lanes<T> * lanes<T> / width : 0;  // first packed panel
    const int64_t depth_max = ceil_div(p.k, depth_blocks);
    // With one block of rows each panel is used once: packed just before, it is still in cache.
    const bool pack_late = row_blocks == 1;
    Scratch<T> packed(pack_late ? 0 : (panels - packed_from) * depth_max * width);
    // Column blocks are narrowed until there is work for some 16 threads.
    int64_t panels_each = panels;
    while (panels_each > 4 && (panels_each * width > 1024 || row_blocks * ceil_div(panels, panels_each) < 16) &&
           panels_each * width * min_of(p.m, block_rows) * depth_max > 4 * piece_work) {
      panels_each = ceil_div(panels_each, 2);
    }
    const int64_t column_blocks = ceil_div(panels, panels_each);
    const int64_t rows_max = ceil_div(p.m, row_blocks), copy_size = rows_max * depth_max;
    const int64_t copies = a_in_place ? 0 : min_of(row_blocks, copied_blocks);
    Scratch<T> copied(copies * copy_size);
    for (int64_t d = 0; d < depth_blocks; ++d) {
      const int64_t pc = p.k * d / depth_blocks, depth = p.k * (d + 1) / depth_blocks - pc;
      const Epilogue<T> epilogue = p.epilogue.part(d == 0, d + 1 == depth_blocks);
      const T* b = p.b + pc * p.b_row + jc * p.b_col;
      const auto pack_panel = [&](int64_t panel, T* to) {
        const int64_t column = panel * width;
        pack_columns(to, b + column * p.b_col, p.b_row, p.b_col, depth, min_of(width, columns - column));
      };
      if (packed_from < panels && !pack_late) {
        const int64_t grain = 1 + piece_work / 8 / (depth * width);
        parallel_for(panels - packed_from, grain, [&](int64_t begin, int64_t end) {
          for (int64_t j = begin; j < end; ++j) pack_panel(packed_from + j, packed.data() + j * depth * width);
        });
      }
      const int64_t work = rows_max * panels_each * width * depth;
      const auto block_of = [&](int64_t block, const T* copy) {
        const int64_t row = p.m * block / row_blocks, rows = p.m * (block + 1) / row_blocks - row;
        return RowBlock<T>(p.a + row * p.a_row + pc * p.a_col, p.a_row, p.a_col, rows, depth, copy);
      };
      for (int64_t some = 0; some < row_blocks; some += copied_blocks) {
        const int64_t these = min_of(copied_blocks, row_blocks - some);
        if (copies > 0) {
          parallel_for(these, 1 + piece_work / 8 / (depth * rows_max), [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
              block_of(some + i, nullptr).copy_to(copied.data() + i * copy_size);
            }
          });
        }
        parallel_for(these * column_blocks, 1 + piece_work / work, [&](int64_t begin, int64_t end) {
          alignas(64) T tile[tile_rows * width];
          Scratch<T> late_panel(pack_late && packed_from < panels ? depth * width : 0);
          for (int64_t piece = begin; piece < end; ++piece) {
            const int64_t i_block = piece / column_blocks, first = piece % column_blocks * panels_each;
            const int64_t row = p.m * (some + i_block) / row_blocks;
            const RowBlock<T> a = block_of(some + i_block, copies > 0 ? copied.data() + i_block * copy_size : nullptr);
            const RowTiles& row_tiles = a.row_tiles();
            for (int64_t j = first; j < min_of(first + panels_each, panels); ++j) {
              const int64_t column = j * width, n = min_of(width, columns - column);
              const int vectors = n > lanes<T> ? 2 : 1;
              const bool is_packed = j >= packed_from;
              const T* panel = b + column;
              if (is_packed && pack_late) {
                pack_panel(j, late_panel.data());
                panel = late_panel.data();
              } else if (is_packed) {
                panel = packed.data() + (j - packed_from) * depth * width;
              }
              for (int64_t t = 0; t < row_tiles.count; ++t) {
                const int64_t i = row + row_tiles.begin(t), i_end = row + row_tiles.begin(t + 1);
                T* c = p.c + i * p.c_row + jc + column;
                for (int64_t r = 0; r < i_end - i; ++r) {
                  __builtin_prefetch(c + r * p.c_row, 1);
                  __builtin_prefetch(c + r * p.c_row + lanes<T>, 1);
                }
                // The last tile fetches the next panel, those before it the rows of their own that follow.
                const int64_t ahead = t + 1 == row_tiles.count ? depth * width : 8 * width;
                a.multiply(t, panel, is_packed ? width : p.b_row, is_packed ? ahead : width, vectors, tile);
                store_tile(tile, i_end - i, n, c, p.c_row, i, jc + column, epilogue);
              }
            }
          }
        });
      }
    }
  }
}

/// Few rows or few columns, k consecutive on both sides.
template <class T>
void multiply_dot(const Problem<T>& p) {
  constexpr int64_t depth_block = 4096, row_block = 64, column_block = 64;
  const int64_t row_blocks = ceil_div(p.m, row_block), column_blocks = ceil_div(p.n, column_block);
  const int64_t work = min_of(p.m, row_block) * min_of(p.n, column_block) * p.k;
  parallel_for(row_blocks * column_blocks, 1 + piece_work / 4 / work, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t i = piece / column_blocks * row_block, j = piece % column_blocks * column_block;
      for (int64_t pc = 0; pc < p.k; pc += depth_block) {
        const int64_t depth = min_of(depth_block, p.k - pc);
        dot_block(p.a + i * p.a_row + pc, p.a_row, p.b + j * p.b_col + pc, p.b_col, min_of(row_block, p.m - i),
                  min_of(column_block, p.n - j), depth, p.c + i * p.c_row + j, p.c_row, i, j,
                  p.epilogue.part(pc == 0, pc + depth == p.k));
      }
    }
  });
}

/// Few rows, B in place.
template <class T>
void multiply_streamed(const Problem<T>& p) {
  constexpr int64_t column_block = 4096 / static_cast<int64_t>(sizeof(T));
  const int64_t work = min_of(p.n, column_block) * p.m * p.k;
  parallel_for(ceil_div(p.n, column_block), 1 + piece_work / 4 / work, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t j = piece * column_block;
      stream_columns(p.a, p.a_row, p.a_col, p.b + j, p.b_row, p.m, min_of(column_block, p.n - j), p.k, p.c + j, p.c_row,
                     j, p.epilogue);
    }
  });
}

/// Rows of consecutive k from a matrix stored the other way; copied so that dot products can read them.
template <class T>
void gather_rows(T* to, const T* from, int64_t from_row, int64_t from_col, int64_t rows, int64_t k) {
  for (int64_t p = 0; p < k; ++p) {
    for (int64_t i = 0; i < rows; ++i) to[i * k + p] = from[i * from_row + p * from_col];
  }
}

/// Few columns and consecutive rows in A: computes the transpose, whose vectors run along m, then turns it round.
template <class T>
void multiply_transposed(const Problem<T>& p) {
  Scratch<T> turned(p.n * p.m);
  const Problem<T> q{p.n, p.m, p.k, p.b, p.b_col, p.b_row, p.a, p.a_col, p.a_row, turned.data(), p.m, {}};
  if (suits_stream(q))
    multiply_streamed(q);
  else
    multiply_blocked(q);
  alignas(64) T tile[lanes<T> * tile_columns<T>];
  for (int64_t i = 0; i < p.m; i += lanes<T>) {
    const int64_t rows = min_of(lanes<T>, p.m - i);
    transpose_strip<T, Strip::whole>(tile, tile_columns<T>, turned.data() + i, p.m, p.n, rows,
                                     [](int64_t r) { return r; });
    store_tile(tile, rows, p.n, p.c + i * p.c_row, p.c_row, i, 0, p.epilogue);
  }
}

template <class T>
void store_empty_sum(const Problem<T>& p) {
  for (int64_t i = 0; i < p.m; ++i) {
    for (int64_t j = 0; j < p.n; j += tile_columns<T>) {
      alignas(64) T zero[tile_columns<T>] = {};
      store_tile(zero, 1, min_of(tile_columns<T>, p.n - j), p.c + i * p.c_row + j, p.c_row, i, j, p.epilogue);
    }
  }
}

/// Where streaming B beats tiles that read it in place.
template <class T>
bool suits_stream(const Problem<T>& p) {
  if (p.b_col != 1 || p.n < 4 * lanes<T>) return false;
  return p.m <= 2 || (p.m <= 14 && p.n * p.k * static_cast<int64_t>(sizeof(T)) > (1 << 23));
}

template <class T>
void multiply_undivided(const Problem<T>& p) {
  if (suits_stream(p)) return multiply_streamed(p);
  if constexpr (!__is_same(T, uint64_t)) {
    const bool long_k = p.k >= 2 * lanes<T>;
    const bool narrow = p.n * 4 <= lanes<T> * 3;
    if (long_k && p.a_col == 1 && p.b_row == 1 && (p.m <= 16 || narrow || (p.m <= 64 && p.k >= 512))) {
      return multiply_dot(p);
    }
    if (long_k && p.m <= 4 && p.b_row == 1) {
      Scratch<T> a(p.m * p.k);
      gather_rows(a.data(), p.a, p.a_row, p.a_col, p.m, p.k);
      Problem<T> q = p;
      q.a = a.data();
      q.a_row = p.k;
      q.a_col = 1;
      return multiply_dot(q);
    }
    if (long_k && narrow && p.m >= 8 && p.a_col == 1) {
      Scratch<T> b(p.n * p.k);
      gather_rows(b.data(), p.b, p.b_col, p.b_row, p.n, p.k);
      Problem<T> q = p;
      q.b = b.data();
      q.b_row = 1;
      q.b_col = p.k;
      return multiply_dot(q);
    }
    if (narrow && p.n <= tile_rows && p.m >= 2 * lanes<T> && p.a_row == 1) return multiply_transposed(p);
  }
  multiply_blocked(p);
}

/// A small C summed over a very long k: fixed stretches of k, each its own product, added in order.
template <class T>
bool multiply_divided(const Problem<T>& p) {
  constexpr int64_t most = 64, shortest = 8192;
  if (p.m * p.n > 4096 || p.k < 4 * shortest) return false;
  const int64_t parts = min_of(most, p.k / shortest), size = p.m * p.n;
  Scratch<T> sums(parts * size);
  parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      const int64_t first = p.k * part / parts;
      multiply_undivided<T>({p.m,
                             p.n,
                             p.k * (part + 1) / parts - first,
                             p.a + first * p.a_col,
                             p.a_row,
                             p.a_col,
                             p.b + first * p.b_row,
                             p.b_row,
                             p.b_col,
                             sums.data() + part * size,
                             p.n,
                             {}});
    }
  });
  for (int64_t part = 1; part < parts; ++part) {
    for (int64_t i = 0; i < size; ++i) sums.data()[i] += sums.data()[part * size + i];
  }
  alignas(64) T tile[tile_columns<T>] = {};
  for (int64_t i = 0; i < p.m; ++i) {
    for (int64_t j = 0; j < p.n; j += tile_columns<T>) {
      const int64_t columns = min_of(tile_columns<T>, p.n - j);
      copy_run(tile, sums.data() + i * p.n + j, columns);
      store_tile(tile, 1, columns, p.c + i * p.c_row + j, p.c_row, i, j, p.epilogue);
    }
  }
  return true;
}

template <class T>
void multiply(const Problem<T>& p) {
  if (p.k == 0)
    store_empty_sum(p);
  else if (!multiply_divided(p))
    multiply_undivided(p);
}

// T is the type computed in: uint64_t for int64_t, whose overflow then wraps.
template <class T, class Element>
void gemm(const GemmArgs& args) {
  if (args.m == 0 || args.n == 0 || args.batch == 0) return;
  const Epilogue<T> epilogue{static_cast<T>(args.alpha.as<Element>()), args.accumulate,
                             static_cast<const T*>(args.column_bias), static_cast<const T*>(args.row_bias),
                             args.activation};
  Problem<T> p{args.m,
               args.n,
               args.k,
               static_cast<const T*>(args.a),
               args.a_row,
               args.a_col,
               static_cast<const T*>(args.b),
               args.b_row,
               args.b_col,
               static_cast<T*>(args.c),
               args.c_row,
               epilogue};
  int64_t batch = args.batch;
  if (batch > 1 && args.b_batch == 0 && args.row_bias == nullptr && args.a_batch == args.m * args.a_row &&
      args.c_batch == args.m * args.c_row) {  // one tall matrix
    p.m *= batch;
    batch = 1;
  }
  if (batch == 1) return multiply(p);
  const int64_t work = p.m * p.n * (p.k + 1);
  const auto run = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Problem<T> q = p;
      q.a += i * args.a_batch;
      q.b += i * args.b_batch;
      q.c += i * args.c_batch;
      multiply(q);
    }
  };
  if (work < 8 * piece_work)
    parallel_for(batch, 1 + piece_work / work, run);
  else
    run(0, batch);
}

}  // namespace

void fill(GemmTable& table) { table = {{gemm<float, float>, gemm<double, double>, gemm<uint64_t, int64_t>, nullptr}}; }

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
