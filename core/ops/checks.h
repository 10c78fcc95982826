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

/// Integers have no infinity to divide by zero into.
void no_zero_divisor(const Tensor& self, const Tensor& other);
/// PyTorch refuses one negative exponent for integers; a tensor of exponents gives zeros.
void no_negative_integer_power(const Tensor& self, const Tensor& exponent);

}  // namespace weft::ops::checks
