// Running sums, products and extremes along one dimension.
//
// Arrays are contiguous [outer, n, inner], of the compute type that indexes the table; the scan runs over n. Results do
// not depend on the number of threads: a long line is scanned in parts that follow from the shape. An output may be
// the input.
#pragma once

#include "kernels/compute.h"

namespace weft::kernels {

using ScanKernel = void (*)(const void* x, int64_t outer, int64_t n, int64_t inner, void* y);
/// `indices`: where each running extreme was met last; NaN counts as extreme, as in PyTorch.
using IndexedScanKernel = void (*)(const void* x, int64_t outer, int64_t n, int64_t inner, void* y, int64_t* indices);

/// v times the matrix exp(x_i - sums_j) where i <= j, 0 elsewhere, of x and its logcumsumexp: summed over j, or
/// `along`, over i. No exponent is above 0, so nothing overflows.
using LogcumsumexpProductKernel = void (*)(const void* v, const void* x, const void* sums, int64_t outer, int64_t n,
                                           int64_t inner, bool along, void* y);

struct ScanTable {
  ScanKernel cumsum[3];   ///< f32 (accumulated in f64, as in PyTorch), f64, i64
  ScanKernel cumprod[3];  ///< the same
  ScanKernel logcumsumexp[2];
  LogcumsumexpProductKernel logcumsumexp_product[2];
  IndexedScanKernel cummax[compute_count];
  IndexedScanKernel cummin[compute_count];
};

}  // namespace weft::kernels
