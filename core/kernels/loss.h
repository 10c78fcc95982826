// Cross entropy and negative log likelihood with class indices as targets, forward and backward.
//
// Scores are contiguous [batch, classes, inner], float (index Compute::f32) or double (Compute::f64); targets int64
// [batch, inner]; `weight` has one entry per class and may be null. A target equal to ignore_index adds nothing. The
// sums over the batch are taken in double, in order.
#pragma once

#include "kernels/compute.h"

namespace weft::kernels {

enum class Reduction : uint8_t { none, mean, sum };

struct LossShape {
  int64_t batch, classes, inner;
};
struct LossOptions {
  int64_t ignore_index;
  double label_smoothing;
  Reduction reduction;
};

struct LossTable {
  /// Cross entropy of logits. Saves `lse`, the log-sum-exp of every position, and writes the loss (one element, or
  /// [batch, inner] for Reduction::none) and `total_weight`, what the mean divides by (one element). Returns the
  /// position of the first target that is neither a class nor ignore_index, or -1; then nothing written counts.
  int64_t (*cross_entropy[2])(const void* x, const int64_t* target, const void* weight, LossShape shape,
                              LossOptions options, void* loss, void* lse, void* total_weight);
  /// dx from the gradient of the loss (one element, or [batch, inner]); targets have been checked by the forward.
  void (*cross_entropy_backward[2])(const void* g, const void* x, const int64_t* target, const void* weight,
                                    const void* lse, const void* total_weight, LossShape shape, LossOptions options,
                                    void* dx);
  /// -weight[t] * x[t] of log-probabilities; label_smoothing is ignored. Returns as cross_entropy does.
  int64_t (*nll[2])(const void* x, const int64_t* target, const void* weight, LossShape shape, LossOptions options,
                    void* loss, void* total_weight);
  void (*nll_backward[2])(const void* g, const int64_t* target, const void* weight, const void* total_weight,
                          LossShape shape, LossOptions options, void* dx);
};

}  // namespace weft::kernels
