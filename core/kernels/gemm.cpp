// Matrix products: which of the few ways suits a shape, and the loops around the register tiles (docs/notes/gemm.md).
#include "kernels/gemm.h"

#include <cstdint>

#include "kernels/gemm_bfloat16.h"
#include "kernels/gemm_blocked.h"
#include "kernels/gemm_dot.h"
#include "kernels/gemm_epilogue.h"
#include "kernels/gemm_scratch.h"
#include "kernels/gemm_stream.h"
#include "kernels/gemm_tile.h"
#include "runtime/cpu.h"
#include "runtime/parallel.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {
namespace {

/// Few rows or few columns, k consecutive on both sides.
template <class T, class Stored>
void multiply_dot(const Problem<T, Stored>& p) {
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
template <class T, class Stored>
void multiply_streamed(const Problem<T, Stored>& p) {
  const int64_t column_block =
      (p.n * static_cast<int64_t>(sizeof(T)) > (1 << 13) ? 4096 : 2048) / static_cast<int64_t>(sizeof(T));
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
  if constexpr (std::is_arithmetic_v<T>) {
    if (from_row == 1) {
      for (int64_t p = 0; p < k; p += lanes<T>) {
        transpose_strip<T, Strip::exact>(to + p, k, from + p * from_col, from_col, min_of(lanes<T>, k - p), rows,
                                         [](int64_t i) { return i; });
      }
      return;
    }
  }
  for (int64_t p = 0; p < k; ++p) {
    for (int64_t i = 0; i < rows; ++i) to[i * k + p] = from[i * from_row + p * from_col];
  }
}

/// Few columns and consecutive rows in A: computes the transpose, whose vectors run along m, then turns it round.
template <class T, class Stored>
void multiply_transposed(const Problem<T, Stored>& p) {
  Scratch<T> turned(p.n * p.m);
  const Problem<T, Stored> q{p.n, p.m, p.k, p.b, p.b_col, p.b_row, p.a, p.a_col, p.a_row, turned.data(), p.m, {}};
  if (suits_stream(q))
    multiply_streamed(q);
  else
    multiply_blocked(q);
  constexpr int64_t strip = lanes<T>, width = tile_columns<T>;
  parallel_for(ceil_div(p.m, strip), 1 + piece_copy / (strip * p.n), [&](int64_t begin, int64_t end) {
    alignas(64) T tile[strip * width];
    for (int64_t i = begin * strip; i < min_of(end * strip, p.m); i += strip) {
      const int64_t rows = min_of(strip, p.m - i);
      for (int64_t j = 0; j < p.n; j += width) {
        const int64_t n = min_of(width, p.n - j);
        for (int64_t l = 0; l < n; l += strip) {
          transpose_strip<T, Strip::whole>(tile + l, width, turned.data() + (j + l) * p.m + i, p.m,
                                           min_of(strip, n - l), rows, [](int64_t r) { return r; });
        }
        store_tile(tile, rows, n, p.c + i * p.c_row + j, p.c_row, i, j, p.epilogue);
      }
    }
  });
}

/// One column times one row: written row by row, as it lies in memory.
template <class T, class Stored>
void multiply_outer(const Problem<T, Stored>& p) {
  parallel_for(p.m, 1 + piece_work / (p.n * element_work), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T a = static_cast<T>(p.a[i * p.a_row]);
      T* const c = p.c + i * p.c_row;
      for (int64_t j = 0; j < p.n; j += lanes<T>) {
        const int64_t n = p.n - j;
        const Vec<T> product = a * load_first_as<T>(p.b + j, n);
        store_first(c + j, p.epilogue.accumulate ? product + load_first(c + j, n) : product, n);
      }
    }
  });
}

template <class T, class Stored>
void store_empty_sum(const Problem<T, Stored>& p) {
  for (int64_t i = 0; i < p.m; ++i) {
    for (int64_t j = 0; j < p.n; j += tile_columns<T>) {
      alignas(64) T zero[tile_columns<T>] = {};
      store_tile(zero, 1, min_of(tile_columns<T>, p.n - j), p.c + i * p.c_row + j, p.c_row, i, j, p.epilogue);
    }
  }
}

/// Where streaming B beats tiles that read it in place.
template <class T, class Stored>
bool suits_stream(const Problem<T, Stored>& p) {
  if (p.b_col != 1 || p.n < 4 * lanes<T>) return false;
  return p.m <= 4 || (p.m <= 2 * stream_rows && p.n * p.k * static_cast<int64_t>(sizeof(Stored)) > (1 << 20));
}

/// Where A, consecutive along m, is better read as long rows than as a line of each of its columns for every tile.
template <class T, class Stored>
bool suits_transposed(const Problem<T, Stored>& p) {
  constexpr int64_t most_columns = 128;
  if (p.a_row != 1 || p.n > most_columns) return false;
  if (p.n <= tile_rows) return p.n * 4 <= lanes<T> * 3 && p.m >= 2 * lanes<T>;
  return p.m >= 4 * p.n && p.k >= (p.n % tile_columns<T> == 0 ? 256 : 128);
}

template <class T, class Stored>
void multiply_undivided(const Problem<T, Stored>& p) {
  if (p.k == 1 && p.b_col == 1 && p.epilogue.is_simple() && p.epilogue.column_bias == nullptr) return multiply_outer(p);
  if constexpr (__is_same(T, Stored)) {
    if (suits_small(p)) return multiply_small(p, 1, 0, 0, 0);
  }
  if (suits_stream(p)) return multiply_streamed(p);
  if constexpr (!__is_same(T, uint64_t)) {
    const bool long_k = p.k >= 2 * lanes<T>;
    constexpr bool reads_b_often = __is_same(T, Stored);  // converting its elements each time would cost too much
    const bool narrow = p.n * 4 <= lanes<T> * 3;
    const bool few_rows = p.m <= 4 || (p.m <= 16 && p.k > 8 * lanes<T>);  // folding many short sums is most of the work
    if (long_k && p.a_col == 1 && p.b_row == 1 && (few_rows || narrow || (reads_b_often && p.m <= 64 && p.k >= 512))) {
      return multiply_dot(p);
    }
    if (long_k && p.m <= 4 && p.b_row == 1) {
      Scratch<Stored> a(p.m * p.k);
      gather_rows(a.data(), p.a, p.a_row, p.a_col, p.m, p.k);
      Problem<T, Stored> q = p;
      q.a = a.data();
      q.a_row = p.k;
      q.a_col = 1;
      return multiply_dot(q);
    }
    if (long_k && narrow && p.m >= 8 && p.a_col == 1) {
      Scratch<Stored> b(p.n * p.k);
      gather_rows(b.data(), p.b, p.b_col, p.b_row, p.n, p.k);
      Problem<T, Stored> q = p;
      q.b = b.data();
      q.b_row = 1;
      q.b_col = p.k;
      return multiply_dot(q);
    }
    if (suits_transposed(p)) return multiply_transposed(p);
  }
  if (divides_by_columns(p))
    multiply_columns(p);
  else
    multiply_blocked(p);
}

/// A small C summed over a very long k: fixed stretches of k, each its own product, added in order.
template <class T, class Stored>
bool multiply_divided(const Problem<T, Stored>& p) {
  constexpr int64_t most = 64, shortest = 8192;
  if (p.m * p.n > 4096 || p.k < 4 * shortest) return false;
  const int64_t parts = min_of(most, p.k / shortest), size = p.m * p.n;
  Scratch<T> sums(parts * size);
  parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      const int64_t first = p.k * part / parts;
      multiply_undivided<T, Stored>({p.m,
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

template <class T, class Stored>
void multiply(const Problem<T, Stored>& p) {
  if (p.k == 0)
    store_empty_sum(p);
  else if (!multiply_divided(p))
    multiply_undivided(p);
}

// T is the type computed in, uint64_t for int64_t, whose overflow then wraps; Element that of alpha.
template <class T, class Element, class Stored = T>
void gemm(const GemmArgs& args) {
  if (args.m == 0 || args.n == 0 || args.batch == 0) return;
  const Epilogue<T> epilogue{static_cast<T>(args.alpha.as<Element>()), args.accumulate,
                             static_cast<const T*>(args.column_bias), static_cast<const T*>(args.row_bias),
                             args.activation};
  Problem<T, Stored> p{args.m,
                       args.n,
                       args.k,
                       static_cast<const Stored*>(args.a),
                       args.a_row,
                       args.a_col,
                       static_cast<const Stored*>(args.b),
                       args.b_row,
                       args.b_col,
                       static_cast<T*>(args.c),
                       args.c_row,
                       epilogue};
  if constexpr (__is_same(T, Stored)) {
    if (args.packed_b) return p.k == 0 ? store_empty_sum(p) : multiply_panels(p);
  }
  int64_t batch = args.batch;
  if (batch > 1 && args.b_batch == 0 && args.row_bias == nullptr && args.a_batch == args.m * args.a_row &&
      args.c_batch == args.m * args.c_row) {  // one tall matrix
    p.m *= batch;
    batch = 1;
  }
  if (batch == 1) return multiply(p);
  if (args.a_batch == 0 && shares_a(p)) {
    p.images = batch;
    p.b_image = args.b_batch;
    p.c_image = args.c_batch;
    return multiply_blocked(p);
  }
  const int64_t work = p.m * p.n * (p.k + 1);
  const bool small = suits_small(p);
  const auto run = [&](int64_t begin, int64_t end) {
    Problem<T, Stored> q = p;
    q.beside = work < largest_beside;
    q.a += begin * args.a_batch;
    q.b += begin * args.b_batch;
    q.c += begin * args.c_batch;
    if constexpr (__is_same(T, Stored)) {
      if (small) return multiply_small(q, end - begin, args.a_batch, args.b_batch, args.c_batch);
    }
    for (int64_t i = begin; i < end; ++i, q.a += args.a_batch, q.b += args.b_batch, q.c += args.c_batch) multiply(q);
  };
  // Large products share the threads one after the other: their copies of A and B need memory.
  if (work < largest_beside)
    parallel_for(batch, 1 + piece_work / work, run);
  else
    run(0, batch);
}

template <class T>
void pack(const GemmArgs& args, void* to) {
  Problem<T> p{};
  p.n = args.n;
  p.k = args.k;
  p.b = static_cast<const T*>(args.b);
  p.b_row = args.b_row;
  p.b_col = args.b_col;
  pack_panels(p, static_cast<T*>(to));
}

}  // namespace

void fill(GemmTable& table) {
  table = {{gemm<float, float>, gemm<double, double>, gemm<uint64_t, int64_t>, nullptr},
           {pack<float>, pack<double>, nullptr, nullptr},
           {tile_columns<float>, tile_columns<double>, 0, 0},
           multiplies_bfloat16_pairs() ? pairs_gemm() : gemm<float, float, BFloat16>,
           gemm<float, float, Half>};
}

}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
