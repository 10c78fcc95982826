// Softmax and log-softmax along one dimension, forward and backward, and the log of a sum of exponentials.
//
// Tensors are contiguous [outer, n, inner], float (index Compute::f32) or double (Compute::f64); softmax runs over n.
// A row of -inf, or one that holds NaN or +inf, gives NaN, as in PyTorch. Error: 2 ulp plus that of the row's sum
// (log2(n) ulp in the worst case). An output may be one of the inputs.
#pragma once

#include "kernels/compute.h"

namespace weft::kernels {

struct SoftmaxTable {
  void (*softmax[2])(const void* x, int64_t outer, int64_t n, int64_t inner, void* y);
  void (*log_softmax[2])(const void* x, int64_t outer, int64_t n, int64_t inner, void* y);
  /// y[outer, inner] = log(sum(exp(x))); of -inf alone -inf, with +inf +inf, with NaN NaN.
  void (*log_sum_exp[2])(const void* x, int64_t outer, int64_t n, int64_t inner, void* y);
  /// dx = y * (g - sum(g * y))
  void (*softmax_backward[2])(const void* g, const void* y, int64_t outer, int64_t n, int64_t inner, void* dx);
  /// dx = g - exp(y) * sum(g)
  void (*log_softmax_backward[2])(const void* g, const void* y, int64_t outer, int64_t n, int64_t inner, void* dx);
};

}  // namespace weft::kernels
