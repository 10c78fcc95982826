// Input checks that records name in their `checks` column.
#pragma once

#include "runtime/error.h"
#include "tensor/tensor.h"

namespace weft::ops::checks {

/// PyTorch has no subtraction and no negation of bools.
inline void no_bool_subtraction(const Tensor& self, const Tensor& other, const Scalar&) {
  const bool left = self.dtype() == DType::boolean, right = other.dtype() == DType::boolean;
  check(
      !(left && right),
      "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator "
      "instead.");
  check(
      !left && !right,
      "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the "
      "`~` or `logical_not()` operator instead.");
}
inline void no_bool_negation(const Tensor& self) {
  check(self.dtype() != DType::boolean,
        "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the "
        "`~` or "
        "`logical_not()` operator instead.");
}

/// Integers have no infinity to divide by zero into.
void no_zero_divisor(const Tensor& self, const Tensor& other);
/// PyTorch refuses one negative exponent for integers; a tensor of exponents gives zeros.
void no_negative_integer_power(const Tensor& self, const Tensor& exponent);

}  // namespace weft::ops::checks
