#include "generated/impl.h"
#include "generated/ops.h"
#include "ops/promotion.h"
#include "runtime/error.h"

namespace weft::ops::impl {

Tensor view_as_real(const Tensor& self) {
  check(is_complex(self.dtype()), "view_as_real is only supported for complex tensors");
  Dims sizes = self.sizes(), strides = self.strides();
  for (auto& s : strides) s *= 2;
  sizes.push_back(2);
  strides.push_back(1);
  auto out = view_of(self, std::move(sizes), std::move(strides), self.offset() * 2);
  out.impl()->dtype = self.dtype() == DType::complex64 ? DType::float32 : DType::float64;
  return out;
}

Tensor view_as_complex(const Tensor& self) {
  check(self.dtype() == DType::float32 || self.dtype() == DType::float64,
        "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: {}",
        scalar_type_name(self.dtype()));
  check(self.dim() > 0, "Input tensor must have one or more dimensions");
  check(self.size(-1) == 2, "Tensor must have a last dimension of size 2");
  check(self.stride(-1) == 1, "Tensor must have a last dimension with stride 1");
  check(self.offset() % 2 == 0, "Tensor must have a storage_offset divisible by 2");
  Dims sizes = self.sizes(), strides = self.strides();
  sizes.erase(sizes.size() - 1);
  strides.erase(strides.size() - 1);
  for (int d = 0; d < strides.size(); ++d) {
    check(sizes[d] <= 1 || strides[d] % 2 == 0, "Tensor must have a stride divisible by 2 for all but last dimension");
    strides[d] /= 2;
  }
  auto out = view_of(self, std::move(sizes), std::move(strides), self.offset() / 2);
  out.impl()->dtype = self.dtype() == DType::float32 ? DType::complex64 : DType::complex128;
  return out;
}

Tensor real(const Tensor& self) {
  return is_complex(self.dtype()) ? ops::select(ops::view_as_real(self), -1, 0) : self;
}

Tensor imag(const Tensor& self) {
  check(is_complex(self.dtype()), "imag is not implemented for tensors with non-complex dtypes.");
  return ops::select(ops::view_as_real(self), -1, 1);
}

Tensor complex(const Tensor& real, const Tensor& imag) {
  check(real.dtype() == imag.dtype(), "Expected object of scalar type {} but got scalar type {} for second argument",
        scalar_type_name(real.dtype()), scalar_type_name(imag.dtype()));
  const Dims shape = broadcast_shapes(real.sizes(), imag.sizes());
  const Tensor parts[] = {ops::expand(real, shape), ops::expand(imag, shape)};
  return ops::view_as_complex(ops::stack(parts, -1));
}

Tensor conj(const Tensor& self) { return is_complex(self.dtype()) ? ops::conjugated(self) : self; }

Tensor angle_backward(const Tensor& grad, const Tensor& self) {
  if (!is_complex(self.dtype())) return ops::zeros_like(self);
  const auto length = ops::abs(self);
  const auto slope = ops::div(ops::mul(self, wrapped_number(Scalar(0, 1))), ops::mul(length, length));
  return ops::mul(grad, ops::where(ops::eq(length, wrapped_number(Scalar(0))), wrapped_number(Scalar(0)), slope));
}

Tensor sgn_backward(const Tensor& grad, const Tensor& self, const Tensor& out) {
  if (!is_complex(self.dtype())) return ops::zeros_like(self);
  const auto length = ops::abs(self);
  const auto along = ops::mul(out, ops::real(ops::mul(ops::conj(out), grad)));
  const auto across = ops::div(ops::sub(grad, along), length);
  return ops::where(ops::eq(length, wrapped_number(Scalar(0))), wrapped_number(Scalar(0)), across);
}

}  // namespace weft::ops::impl
