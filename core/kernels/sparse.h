// Products of a sparse matrix in rows (CSR) with dense ones.
//
// Row i of the matrix holds the elements crow[i] ... crow[i + 1] - 1, at the columns `col`. Indices are valid: callers
// check them. Rows are independent, and each is summed in the order of its elements: the same bits at any thread count.
#pragma once

#include <cstdint>

namespace weft::kernels {

struct CsrPattern {
  int64_t rows;
  const int64_t *crow, *col;
};

/// Built for float and double, at 0 and 1.
struct SparseTable {
  /// out[i, :] = sum of values[p] * dense[col[p], :] over row i; `values` is read at `order[p]` unless order is null.
  void (*product[2])(CsrPattern a, const void* values, const int64_t* order, const void* dense, int64_t width,
                     void* out);
  /// out[p] = the inner product of a[i, :] and b[col[p], :] for each element p of row i.
  void (*sample[2])(CsrPattern pattern, const void* a, const void* b, int64_t width, void* out);
};

}  // namespace weft::kernels
