// The register tiles every dense kernel is made of: a few rows times two vectors of columns, summed over k in order.
#pragma once

#include <cstdint>

#include "kernels/gemm_simd.h"

namespace weft::kernels::WEFT_ISA_NAMESPACE {

inline constexpr int tile_vectors = 2;
inline constexpr int64_t tile_row_bytes = tile_vectors * vector_bytes;

/// How a tile walks k: `runs` stretches of `length` steps. Stretch r starts a_offset[r] elements into a (null: where
/// the one before ended), and r * b_run into b. Within one, a advances by a_step and b by b_step. Each step prefetches
/// what lies b_ahead elements further in b: a few rows of a packed panel, or the next columns of a row in place; or
/// else what the next tile reads or writes, next_step bytes further at each step, if `next_rows` is given.
struct TileWalk {
  int64_t runs;
  const int64_t* a_offset;
  int64_t length;
  int64_t a_step;
  int64_t b_step;
  int64_t b_run;
  int64_t b_ahead;
  /// Elements from one row of a to the next.
  int64_t a_row = 1;
  /// Bytes from one row of the result to the next; it may be added to what is there, and its lines be fetched first,
  /// some before each run.
  int64_t out_row = tile_row_bytes;
  bool add = false;
  bool fetch = false;
  /// As many elements as the result has columns, added to every row of it; or null.
  const void* bias = nullptr;
  /// Where tiles that pack write the rows of b that they read, one after the other.
  void* packed = nullptr;
  const void* next_rows = nullptr;
  int64_t next_step = vector_bytes;
};

// 14 x 2 accumulators of 32 AVX-512 registers, 6 x 2 of 16: with two vectors of b and one broadcast, all are in use.
#if defined(__AVX512F__)
inline constexpr int tile_rows = 14;
#else
inline constexpr int tile_rows = 6;
#endif

/// Sums a[row] * b[columns] into `out`, rows of 2 vectors (the second is left alone by one-vector tiles).
template <class T>
using Tile = void (*)(const T* a, const T* b, const TileWalk& walk, T* out);
/// Indexed [rows - 1][vectors - 1], and [rows - 1] for two vectors that are copied on the way.
template <class T>
struct Tiles {
  Tile<T> sum[tile_rows][tile_vectors];
  Tile<T> sum_and_pack[tile_rows];
};

extern const Tiles<float> tiles_f32;
extern const Tiles<double> tiles_f64;
extern const Tiles<uint64_t> tiles_u64;

namespace {

template <class T>
[[gnu::always_inline]] inline const Tiles<T>& tiles() noexcept {
  if constexpr (__is_same(T, float))
    return tiles_f32;
  else if constexpr (__is_same(T, double))
    return tiles_f64;
  else
    return tiles_u64;
}
template <class T>
inline constexpr int tile_columns = tile_vectors * lanes<T>;

/// The rows of A that a tile reads, with one pointer for every three: fourteen do not fit the general registers.
template <class T, int Rows>
class StridedRows {
 public:
  [[gnu::always_inline]] StridedRows(const T* a, const TileWalk& walk) noexcept
      : row_(walk.a_row * static_cast<int64_t>(sizeof(T))), step_(walk.a_step * static_cast<int64_t>(sizeof(T))) {
#pragma GCC unroll 5
    for (int i = 0; i < bases; ++i) base_[i] = reinterpret_cast<const char*>(a) + 3 * i * row_;
  }
  [[gnu::always_inline]] T at(int i) const noexcept { return *reinterpret_cast<const T*>(base_[i / 3] + i % 3 * row_); }
  [[gnu::always_inline]] void advance() noexcept {
#pragma GCC unroll 5
    for (int i = 0; i < bases; ++i) base_[i] += step_;
  }

 private:
  static constexpr int bases = (Rows + 2) / 3;
  const char* base_[bases];
  int64_t row_, step_;
};

/// Brings in the lines of the result that run r of the walk is to fetch.
template <int Rows>
[[gnu::always_inline]] inline void fetch_result(const TileWalk& walk, int64_t r, const void* out) noexcept {
  if (!walk.fetch) return;
  for (int64_t i = r; i < Rows; i += walk.runs) {
    const char* const row = static_cast<const char*>(out) + i * walk.out_row;
    __builtin_prefetch(row, 1);
    __builtin_prefetch(row + vector_bytes, 1);
  }
}

/// Writes what a tile has summed.
template <class T, int Rows, int Vectors>
[[gnu::always_inline]] inline void put_sums(Vec<T> (&sum)[Rows][Vectors], const TileWalk& walk, T* out) noexcept {
  const int64_t row = walk.out_row / static_cast<int64_t>(sizeof(T));
  if (walk.add) {
#pragma GCC unroll 14
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 2
      for (int j = 0; j < Vectors; ++j) sum[i][j] += load(out + i * row + j * lanes<T>);
    }
  }
  if (walk.bias != nullptr) {
#pragma GCC unroll 2
    for (int j = 0; j < Vectors; ++j) {
      const Vec<T> bias = load(static_cast<const T*>(walk.bias) + j * lanes<T>);
#pragma GCC unroll 14
      for (int i = 0; i < Rows; ++i) sum[i][j] += bias;
    }
  }
#pragma GCC unroll 14
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < Vectors; ++j) store(out + i * row + j * lanes<T>, sum[i][j]);
  }
}

/// The body of every tile. `add_product` (sum, a, b) is sum + a b, where a is one element.
template <class T, int Rows, int Vectors, bool packs, class AddProduct>
[[gnu::always_inline]] inline void sum_tile(const T* a, const T* b, const TileWalk& walk, T* out,
                                            const AddProduct& add_product) noexcept {
  const int64_t length = walk.length, b_step = walk.b_step;
  const bool fetches_rows = walk.next_rows != nullptr;
  const char* fetch = static_cast<const char*>(walk.next_rows);
  const int64_t fetch_step = fetches_rows ? walk.next_step : b_step * static_cast<int64_t>(sizeof(T));
  T* packed = static_cast<T*>(walk.packed);
  Vec<T> sum[Rows][Vectors] = {};
  for (int64_t r = 0; r < walk.runs; ++r) {
    fetch_result<Rows>(walk, r, out);
    StridedRows<T, Rows> rows(a + (walk.a_offset == nullptr ? r * length * walk.a_step : walk.a_offset[r]), walk);
    const T* b_row = b + r * walk.b_run;
    if (!fetches_rows) fetch = reinterpret_cast<const char*>(b_row + walk.b_ahead);
    for (int64_t k = 0; k < length; ++k, b_row += b_step) {
      Vec<T> columns[Vectors];
#pragma GCC unroll 2
      for (int j = 0; j < Vectors; ++j) {
        columns[j] = load(b_row + j * lanes<T>);
        __builtin_prefetch(fetch + j * vector_bytes);
        if constexpr (packs) store(packed + j * lanes<T>, columns[j]);
      }
#pragma GCC unroll 14
      for (int i = 0; i < Rows; ++i) {
        const T element = rows.at(i);
#pragma GCC unroll 2
        for (int j = 0; j < Vectors; ++j) sum[i][j] = add_product(sum[i][j], element, columns[j]);
      }
      rows.advance();
      fetch += fetch_step;
      if constexpr (packs) packed += tile_columns<T>;
    }
  }
  put_sums<T>(sum, walk, out);
}

/// Tile t of `count` rows cut into near-equal tiles: 32 rows are 11 + 11 + 10, not 14 + 14 + 4.
struct RowTiles {
  int64_t rows, count;
  [[gnu::always_inline]] explicit RowTiles(int64_t n) noexcept : rows(n), count(ceil_div(n, tile_rows)) {}
  [[gnu::always_inline]] int64_t begin(int64_t t) const noexcept { return rows * t / count; }
};

}  // namespace
}  // namespace weft::kernels::WEFT_ISA_NAMESPACE
