// Sorting, selection and search along lines.
//
// Tensors are contiguous [lines, n], float, double or int64 (index Compute::f32, f64, i64; smaller integers are
// converted by the caller). NaN counts as the largest value and -0 equals 0, as in PyTorch. Every sort is stable, and
// of equal values selection takes those with lower indices. A line has fewer than 2^32 elements.
#pragma once

#include "kernels/compute.h"

namespace weft::kernels {

struct SortTable {
  /// values and indices have the shape of x; values may be null.
  void (*sort[3])(const void* x, int64_t lines, int64_t n, bool descending, void* values, int64_t* indices);
  /// The k largest or smallest, best first: [lines, k].
  void (*topk[3])(const void* x, int64_t lines, int64_t n, int64_t k, bool largest, void* values, int64_t* indices);
  /// The k-th smallest, k from 0: [lines]. NaN counts as the largest; with `nan_first`, a line that has one
  /// gives its first NaN (median).
  void (*kth[3])(const void* x, int64_t lines, int64_t n, int64_t k, bool nan_first, void* values, int64_t* indices);
  /// Distinct values of n elements in ascending order; returns how many. `values` and `counts` have room for n;
  /// inverse and counts may be null. NaNs are distinct from one another.
  int64_t (*unique[3])(const void* x, int64_t n, void* values, int64_t* inverse, int64_t* counts);
  /// The first of every run of equal values; the same outputs.
  int64_t (*unique_consecutive[3])(const void* x, int64_t n, void* values, int64_t* inverse, int64_t* counts);
  /// Where each of m values belongs in its sorted row of n: before equal ones, or after them if `right`. `sorter`
  /// (may be null) holds the order of each row; with shared_row one row serves all.
  void (*searchsorted[3])(const void* sorted, const int64_t* sorter, const void* values, int64_t rows, int64_t n,
                          int64_t m, bool shared_row, bool right, int64_t* out);
};

}  // namespace weft::kernels
