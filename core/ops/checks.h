// Input checks that records name in their `checks` column.
#pragma once

#include "runtime/error.h"
#include "tensor/tensor.h"

namespace weft::ops::checks {

/// A factor of the dtype of the result: no float for integers, no bool for numbers.
void alpha_fits(const Tensor& self, const Tensor& other, const Scalar& alpha);
/// Of two operands at least one is a tensor.
inline void not_only_numbers(const Tensor& self, const Tensor& other) {
  check_type(!self.impl()->wrapped_number || !other.impl()->wrapped_number, "expected a Tensor among the operands");
}
/// A factor that the dtype of the result can hold.
void value_fits(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value);
/// heaviside and lerp do not promote, and lerp takes no integers.
void same_dtype_step(const Tensor& self, const Tensor& values);
void same_dtype_interpolation(const Tensor& self, const Tensor& end, const Tensor& weight);

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
