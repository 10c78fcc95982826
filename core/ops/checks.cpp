#include "ops/checks.h"

#include "generated/ops.h"
#include "ops/promotion.h"
#include "ops/support.h"

namespace weft::ops::checks {

namespace {

bool holds(const Tensor& condition) { return weft::item(condition).to_bool(); }

}  // namespace

void alpha_fits(const Tensor& self, const Tensor& other, const Scalar& alpha) {
  if (alpha.is_integral()) return;
  const DType type = result_type({&self, &other});
  check(!alpha.is_bool() || type == DType::boolean, "Boolean alpha only supported for Boolean results.");
  check(alpha.is_bool() || !is_integral(type),
        "For integral input tensors, argument alpha must not be a floating point number.");
  check(!alpha.is_complex() || is_complex(type),
        "For non-complex input tensors, argument alpha must not be a complex number.");
}

void value_fits(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value) {
  check_fits(value, result_type({&self, &tensor1, &tensor2}));
}

void same_dtype_step(const Tensor& self, const Tensor& values) {
  check(self.dtype() == values.dtype(), "heaviside is not yet implemented for tensors with different dtypes.");
}

void same_dtype_interpolation(const Tensor& self, const Tensor& end, const Tensor& weight) {
  check_implemented(!is_integral(self.dtype()), "lerp", self.dtype());
  check(self.dtype() == end.dtype(), "expected dtype {} for `end` but got dtype {}", self.dtype(), end.dtype());
  if (weight.impl()->wrapped_number) return check_fits(weft::item(weight), self.dtype());
  check(self.dtype() == weight.dtype(), "expected dtype {} for `weight` but got dtype {}", self.dtype(),
        weight.dtype());
}

void no_zero_divisor(const Tensor& self, const Tensor& other) {
  const DType type = result_type({&self, &other});
  if (!is_integral(type) || type == DType::boolean) return;
  check(other.numel() == 0 || holds(ops::all(other)), "ZeroDivisionError");
}

void no_negative_integer_power(const Tensor& self, const Tensor& exponent) {
  if (exponent.dim() != 0 || !is_integral(result_type({&self, &exponent}))) return;
  check(weft::item(exponent).to_int() >= 0, "Integers to negative integer powers are not allowed.");
}

}  // namespace weft::ops::checks
