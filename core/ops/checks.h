// Input checks that records name in their `checks` column.
#pragma once

#include "runtime/error.h"
#include "tensor/tensor.h"

namespace weft::ops::checks {

/// PyTorch has no subtraction of bools.
inline void no_bool_subtraction(const Tensor& self, const Tensor& other, const Scalar&) {
  check(self.dtype() != DType::boolean || other.dtype() != DType::boolean,
        "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator "
        "instead.");
}

}  // namespace weft::ops::checks
