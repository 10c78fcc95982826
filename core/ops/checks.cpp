#include "ops/checks.h"

#include "generated/ops.h"
#include "ops/promotion.h"

namespace weft::ops::checks {

namespace {

bool holds(const Tensor& condition) { return weft::item(condition).to_bool(); }

}  // namespace

void no_zero_divisor(const Tensor& self, const Tensor& other) {
  if (!is_integral(result_type({&self, &other}))) return;
  check(other.numel() == 0 || holds(ops::all(other)), "ZeroDivisionError");
}

void no_negative_integer_power(const Tensor& self, const Tensor& exponent) {
  if (exponent.dim() != 0 || !is_integral(result_type({&self, &exponent}))) return;
  check(weft::item(exponent).to_int() >= 0, "Integers to negative integer powers are not allowed.");
}

}  // namespace weft::ops::checks
