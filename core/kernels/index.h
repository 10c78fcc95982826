// Moving and adding elements by integer index: gather, scatter, row selection, advanced indexing, masks.
//
// Strides and offsets are in bytes. Kernels that return int64_t give the flat position (in row-major order of the
// indices) of the first index out of range, or -1. Writers check every index before they write anything. Results are
// the same at any thread count, duplicate indices included: additions happen in index order, and the last write wins.
#pragma once

#include "kernels/compute.h"

namespace weft::kernels {

/// Moves are built per element size: 1, 2, 4, 8, 16 bytes at 0 ... 4; additions per Compute::f32, f64, i64.
inline constexpr int size_count = 5;
inline constexpr int add_count = 3;

enum class ScatterReduce : uint8_t { sum, prod, amax, amin };
inline constexpr int scatter_reduce_count = 4;

inline constexpr int max_index_ndim = 32;

/// The shape of the indices of gather and scatter, and the dimension along which they select.
struct IndexedShape {
  int ndim;  ///< 1 ... max_index_ndim
  int dim;
  const int64_t* sizes;
  int64_t dim_size;  ///< of the indexed tensor
};
/// [outer, size, inner], contiguous; `size` is what indices select from.
struct SelectShape {
  int64_t outer, size, inner;
};
/// The elements at base + outer[o] + offsets[p] + inner[i]; null `inner` stands for contiguous elements.
struct OffsetGrid {
  const int64_t *outer, *offsets, *inner;
  int64_t outer_count, count, inner_count;
};

struct IndexTable {
  /// out[i][j][k] = in[i][index[i][j][k]][k] for dim = 1; out is contiguous in the shape of the index.
  int64_t (*gather[size_count])(const char* in, const int64_t* in_strides, const char* index,
                                const int64_t* index_strides, IndexedShape shape, char* out);
  /// out[i][index[i][j][k]][k] = src[i][j][k]; zero strides of src spread a scalar.
  int64_t (*scatter[size_count])(char* out, const int64_t* out_strides, const char* index, const int64_t* index_strides,
                                 const char* src, const int64_t* src_strides, IndexedShape shape);
  /// The same with out = reduce(out, src). NaN wins in amax and amin.
  int64_t (*scatter_reduce[add_count][scatter_reduce_count])(char* out, const int64_t* out_strides, const char* index,
                                                             const int64_t* index_strides, const char* src,
                                                             const int64_t* src_strides, IndexedShape shape);

  /// out[o, j, :] = in[o, index[j], :], [outer, n, inner]; inner counts bytes.
  int64_t (*index_select)(const char* in, SelectShape shape, const int64_t* index, int64_t n, char* out);
  /// out[b, :] = the sum over j < length of rows[index[b * length + j], :], divided by `divisor`; for f32 and f64.
  int64_t (*sum_bags[2])(const void* rows, int64_t size, int64_t inner, const int64_t* index, int64_t bags,
                         int64_t length, Param divisor, void* out);
  /// out[o, j, :] = the sum over t < taps of weight[t, j] * in[o, index[t, j], :], f32 and f64; and the transposed of
  /// that, which adds to out[o, index[t, j], :].
  int64_t (*mix_lines[2])(const void* in, SelectShape shape, const int64_t* index, const double* weight, int64_t taps,
                          int64_t n, void* out);
  int64_t (*mix_lines_back[2])(const void* in, SelectShape shape, const int64_t* index, const double* weight,
                               int64_t taps, int64_t n, void* out);
  /// out[o, index[j], :] = src[o, j, :]; inner counts bytes.
  int64_t (*index_copy)(char* out, SelectShape shape, const int64_t* index, int64_t n, const char* src);
  /// out[o, index[j], :] += alpha * src[o, j, :], in order of j; an index equal to `skip` adds nothing.
  int64_t (*index_add[add_count])(void* out, SelectShape shape, const int64_t* index, int64_t n, int64_t skip,
                                  const void* src, Param alpha);

  /// offsets[p] += wrapped index * stride, from nothing for the first; an index may count from the end. n contiguous
  /// indices.
  int64_t (*add_offsets)(const int64_t* index, int64_t n, int64_t size, int64_t stride, bool first, int64_t* offsets);
  /// out[o, p, i] = in at the grid point, contiguous.
  void (*get[size_count])(const char* in, OffsetGrid grid, char* out);
  /// The grid points = src[o, p, i], contiguous, or one element for all when `scalar`.
  void (*put[size_count])(char* out, OffsetGrid grid, const char* src, bool scalar);
  void (*put_add[add_count])(char* out, OffsetGrid grid, const char* src, bool scalar);

  int64_t (*count_nonzero)(const uint8_t* mask, int64_t n);
  /// Row-major coordinates of the nonzero bytes, [count, ndim]; `count` from count_nonzero.
  void (*nonzero)(const uint8_t* mask, int ndim, const int64_t* sizes, int64_t count, int64_t* out);
  /// out = in where mask, packed.
  void (*masked_select[size_count])(const char* in, const uint8_t* mask, int64_t n, int64_t count, char* out);
  /// The elements of out where mask = src, in order.
  void (*masked_scatter[size_count])(char* out, const uint8_t* mask, int64_t n, int64_t count, const char* src);
};

}  // namespace weft::kernels
