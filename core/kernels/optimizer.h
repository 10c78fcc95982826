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

struct OptimizerTable {
  void (*sgd[2])(const OptimizerTensor* tensors, int64_t count, SgdOptions options);
  void (*adam[2])(const OptimizerTensor* tensors, int64_t count, AdamOptions options);
};

}  // namespace weft::kernels
