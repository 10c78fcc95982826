// Elementwise operators that choose between kernels, or are made of others.
#include <cmath>
#include <limits>

#include "generated/impl.h"
#include "generated/ops.h"
#include "ops/convert.h"
#include "ops/promotion.h"
#include "ops/support.h"
#include "runtime/error.h"

namespace weft::ops::impl {

namespace {

Tensor number(double value) { return wrapped_number(Scalar(value)); }

/// The dtype of `self` clamped by these bounds, as PyTorch promotes them.
DType clamped_type(const Tensor& self, const std::optional<Scalar>& min, const std::optional<Scalar>& max) {
  TensorList operands{self};
  if (min) operands.push_back(wrapped_number(*min));
  if (max) operands.push_back(wrapped_number(*max));
  return result_type(operands);
}

/// An open bound that no element passes.
Scalar bound(const std::optional<Scalar>& given, DType type, bool upper) {
  if (given) return wrapped_to(*given, type);
  if (is_integral(type)) {
    return Scalar(upper ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min());
  }
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return Scalar(upper ? infinity : -infinity);
}

/// In floating point, also where an integer was given.
Scalar one_less(const Scalar& value) {
  return value.is_complex() ? Scalar(value.to_double() - 1, value.imag()) : Scalar(value.to_double() - 1);
}

double largest_finite(DType dtype) noexcept {
  switch (dtype) {
    case DType::float16:
      return 65504;
    case DType::bfloat16:
      return 0x1.fep127;
    case DType::float32:
      return static_cast<double>(std::numeric_limits<float>::max());
    default:
      return std::numeric_limits<double>::max();
  }
}

}  // namespace

Tensor clamp(const Tensor& self, const std::optional<Scalar>& min, const std::optional<Scalar>& max) {
  check(min || max, "torch.clamp: At least one of 'min' or 'max' must not be None");
  const DType type = clamped_type(self, min, max);
  check_implemented(!is_complex(type), "clamp", type);
  const Tensor x = self.dtype() == type ? self : converted(self, type);
  const bool undefined = (min && std::isnan(min->to_double())) || (max && std::isnan(max->to_double()));
  if (undefined) return ops::full_like(x, Scalar(std::numeric_limits<double>::quiet_NaN()));
  return ops::clamp_between(x, bound(min, type, false), bound(max, type, true));
}

Tensor clamp_tensor(const Tensor& self, const Tensor& min, const Tensor& max) {
  check(min.defined() || max.defined(), "torch.clamp: At least one of 'min' or 'max' must not be None");
  Tensor out = self;
  if (min.defined()) out = ops::clamp_min(out, min);
  if (max.defined()) out = ops::clamp_max(out, max);
  return out;
}

Tensor clamp_backward(const Tensor& grad, const Tensor& self, const std::optional<Scalar>& min,
                      const std::optional<Scalar>& max) {
  return ops::clamp_gradient(grad, self, bound(min, DType::float64, false), bound(max, DType::float64, true));
}

Tensor masked_fill(const Tensor& self, const Tensor& mask, const Tensor& value) {
  check(mask.dtype() == DType::boolean, "masked_fill only supports boolean masks, but got mask with dtype {}",
        mask.dtype());
  check(value.dim() == 0,
        "masked_fill only supports a 0-dimensional value tensor, but got tensor with {} dimension(s).", value.dim());
  check_fits(weft::item(value), self.dtype());
  return ops::where(mask, value.dtype() == self.dtype() ? value : converted(value, self.dtype()), self);
}

Tensor nan_to_num(const Tensor& self, std::optional<double> nan, std::optional<double> posinf,
                  std::optional<double> neginf) {
  if (is_integral(self.dtype())) return ops::clone(self);
  if (is_complex(self.dtype()))
    return ops::complex(nan_to_num(ops::real(self), nan, posinf, neginf),
                        nan_to_num(ops::imag(self), nan, posinf, neginf));
  const double largest = largest_finite(self.dtype());
  return ops::replace_nonfinite(self, nan.value_or(0), posinf.value_or(largest), neginf.value_or(-largest));
}

Tensor positive(const Tensor& self) { return self; }

Tensor div_mode(const Tensor& self, const Tensor& other, std::optional<std::string_view> rounding_mode) {
  if (!rounding_mode) return ops::div(self, other);
  if (*rounding_mode == "floor") return ops::floor_divide(self, other);
  check(*rounding_mode == "trunc", "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{}'",
        *rounding_mode);
  return ops::trunc_divide(self, other);
}

Tensor pow_backward_self(const Tensor& grad, const Tensor& self, const Tensor& exponent) {
  // A Python number stays one: as a tensor it would be rounded to the default dtype.
  const bool is_number = exponent.impl()->wrapped_number;
  const Tensor less =
      is_number ? wrapped_number(one_less(weft::item(exponent))) : ops::sub(exponent, wrapped_number(Scalar(1)));
  const Tensor slope = ops::mul(ops::pow(self, less), exponent);
  const Tensor result = ops::mul(grad, slope);
  if (exponent.dim() == 0 && weft::item(exponent).to_bool()) return result;
  return ops::where(ops::eq(exponent, number(0)), number(0), result);
}

Tensor pow_backward_exponent(const Tensor& grad, const Tensor& self, const Tensor& exponent, const Tensor& out) {
  const Tensor flat = ops::logical_and(ops::eq(self, number(0)), ops::ge(ops::real(exponent), number(0)));
  return ops::where(flat, number(0), ops::mul(grad, ops::mul(out, ops::log(self))));
}

Tensor logit(const Tensor& self, std::optional<double> eps) {
  return eps ? ops::logit_clamped(self, *eps) : ops::logit_plain(self);
}
Tensor logit_backward(const Tensor& grad, const Tensor& self, std::optional<double> eps) {
  const Tensor slope = ops::div(grad, ops::mul(self, ops::sub(wrapped_number(Scalar(1)), self)));
  if (!eps) return slope;
  const Tensor outside = ops::logical_or(ops::lt(self, number(*eps)), ops::gt(self, number(1 - *eps)));
  return ops::masked_fill(slope, outside, number(0));
}

// Activations.

Tensor relu6(const Tensor& self) { return ops::hardtanh(self, 0, 6); }

Tensor gelu(const Tensor& self, std::string_view approximate) {
  if (approximate == "tanh") return ops::gelu_tanh(self);
  check(approximate == "none", "approximate argument must be either none or tanh.");
  return ops::gelu_erf(self);
}

Tensor elu(const Tensor& self, const Scalar& alpha) { return ops::elu_scaled(self, alpha, Scalar(1), Scalar(1)); }

Tensor selu(const Tensor& self) {
  return ops::elu_scaled(self, Scalar(1.6732632423543772), Scalar(1.0507009873554805), Scalar(1));
}

Tensor celu(const Tensor& self, const Scalar& alpha) {
  check(alpha.to_double() != 0, "ZeroDivisionError: alpha cannot be 0 for CELU");
  return ops::elu_scaled(self, alpha, Scalar(1), Scalar(1 / alpha.to_double()));
}

Tensor prelu(const Tensor& self, const Tensor& weight) {
  check(weight.dim() <= 1, "prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {}", weight.dim());
  Tensor shaped = weight;
  if (weight.numel() != 1) {
    const int64_t channels = self.dim() > 1 ? self.sizes()[1] : 1;
    check(self.dim() > 0, "Not allow zero-dim input tensor.");
    check(channels == weight.numel(),
          "Mismatch of parameter numbers and input channel size. Found parameter numbers = {} and channel size = {}.",
          weight.numel(), channels);
    Dims shape(self.dim(), 1);
    shape[self.dim() > 1 ? 1 : 0] = weight.numel();
    shaped = ops::reshape(weight, shape);
  } else if (self.dim() == 0) {
    shaped = ops::reshape(weight, Dims{});
  }
  return ops::where(ops::gt(self, number(0)), self, ops::mul(shaped, self));
}

Tensor glu(const Tensor& self, int64_t dim) {
  check(self.dim() > 0, "glu does not support 0-dimensional tensors");
  const int along = normalize_dim(dim, self.dim());
  const int64_t size = self.sizes()[along];
  check(size % 2 == 0, "Halving dimension must be even, but dimension {} is size {}", along, size);
  return ops::mul(ops::narrow(self, along, 0, size / 2), ops::sigmoid(ops::narrow(self, along, size / 2, size / 2)));
}

Tensor polygamma(int64_t n, const Tensor& self) {
  check(n >= 0, "polygamma(n, x) does not support negative n.");
  if (n == 0) return ops::digamma(self);
  if (n == 1) return ops::trigamma(self);
  const double factor = std::tgamma(static_cast<double>(n) + 1.) * (n % 2 == 0 ? -1. : 1.);
  return ops::mul(ops::zeta(number(static_cast<double>(n) + 1.), self), number(factor));
}

}  // namespace weft::ops::impl
