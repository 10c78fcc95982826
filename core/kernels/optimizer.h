// Optimizer steps over a whole list of tensors in one parallel region.
//
// Tensors are contiguous float (index Compute::f32) or double (Compute::f64). Formulas are those of torch.optim.
#pragma once

#include "kernels/compute.h"

namespace weft::kernels {

/// One parameter. SGD keeps its momentum in state[0] (null without momentum); Adam the first and second moments in
/// state[0..1] and, with amsgrad, the largest second moment in state[2].
struct OptimizerTensor {
  void* param;
  const void* grad;
  void* state[3];
  int64_t n;
  int64_t step;  ///< counts from 1, this step included
};

struct SgdOptions {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, maximize;
};
struct AdamOptions {
  double lr, beta1, beta2, eps, weight_decay;
  bool decoupled;  ///< AdamW: weight decay shrinks the parameter instead of joining the gradient
  bool amsgrad, maximize;
};

/// Rules whose step is one formula for each element, with numbers that the caller computed:
///   sign, decay, shrink: the gradient is sign * grad + decay * param; then param is multiplied by shrink;
///   rmsprop   lr, alpha, eps, momentum; states: mean square, mean (centered) or null, momentum or null
///   adagrad   lr, eps; sum of squares
///   adadelta  lr, rho, eps; mean square, mean square of steps
///   adamax    lr / (1 - beta1^t), beta1, beta2, eps; mean, largest
///   nadam     factor of the gradient, of the mean, beta1, beta2, eps, sqrt(1 - beta2^t); mean, mean square
///   radam     lr / (1 - beta1^t), beta1, beta2, eps, rectified sqrt(1 - beta2^t) or 0; mean, mean square
///   asgd      eta, mu; running average of the parameter
///   rprop     shrinking factor, growing factor, smallest step, largest step; last gradient, step
enum class UpdateRule : uint8_t { rmsprop, adagrad, adadelta, adamax, nadam, radam, asgd, rprop };
inline constexpr int update_rules = 8;
inline constexpr int64_t update_numbers[update_rules] = {7, 5, 6, 7, 9, 8, 5, 7};

struct OptimizerTable {
  void (*sgd[2])(const OptimizerTensor* tensors, int64_t count, SgdOptions options);
  void (*adam[2])(const OptimizerTensor* tensors, int64_t count, AdamOptions options);
  /// numbers: update_numbers[rule] for each tensor.
  void (*update[update_rules][2])(const OptimizerTensor* tensors, int64_t count, const double* numbers);
};

}  // namespace weft::kernels
