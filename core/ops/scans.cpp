// Scans: running sums, products and extremes along a dimension.
#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/convert.h"
#include "ops/support.h"
#include "runtime/error.h"

namespace weft::ops::impl {

namespace {

using kernels::Compute;

/// A contiguous array as [outer, n, inner] around one dimension.
struct Lines {
  int64_t outer = 1, n = 1, inner = 1;

  Lines(const Tensor& t, int64_t dim) {
    const int along = normalize_dim(dim, t.dim());
    for (int d = 0; d < t.dim(); ++d) (d < along ? outer : d == along ? n : inner) *= t.sizes()[d];
  }
};

Compute compute_of(DType dtype, const char* op) {
  if (is_complex(dtype))
    fail(ErrorKind::not_implemented, "\"{}\" not implemented for '{}'", op, scalar_type_name(dtype));
  if (dtype == DType::boolean) return Compute::b8;
  if (is_integral(dtype)) return Compute::i64;
  return dtype == DType::float64 ? Compute::f64 : Compute::f32;
}
DType storage_of(Compute compute) noexcept {
  constexpr DType types[] = {DType::float32, DType::float64, DType::int64, DType::boolean};
  return types[static_cast<int>(compute)];
}

Tensor scanned(const Tensor& self, int64_t dim, DType result, const kernels::ScanKernel* kernels, const char* op) {
  const Lines lines(self, dim);
  const Compute compute = compute_of(result, op);
  const Tensor in = packed_as(self.dtype() == result ? self : converted(self, result), storage_of(compute));
  const auto out = weft::empty(self.sizes(), storage_of(compute));
  kernels[static_cast<int>(compute)](in.bytes(), lines.outer, lines.n, lines.inner, out.bytes());
  return out.dtype() == result ? out : converted(out, result);
}

DType sum_type(const Tensor& self, std::optional<DType> dtype, const char* op) {
  check_implemented(dtype != DType::boolean, op, DType::boolean);
  return dtype.value_or(is_integral(self.dtype()) ? DType::int64 : self.dtype());
}

std::tuple<Tensor, Tensor> extremes(const Tensor& self, int64_t dim, const kernels::IndexedScanKernel* kernels,
                                    const char* op) {
  const Lines lines(self, dim);
  const Compute compute = compute_of(self.dtype(), op);
  const Tensor in = packed_as(self, storage_of(compute));
  const auto out = weft::empty(self.sizes(), storage_of(compute)), indices = weft::empty(self.sizes(), DType::int64);
  kernels[static_cast<int>(compute)](in.bytes(), lines.outer, lines.n, lines.inner, out.bytes(),
                                     indices.data<int64_t>());
  return {out.dtype() == self.dtype() ? out : converted(out, self.dtype()), indices};
}

/// The derivative of logcumsumexp times v, or that derivative transposed times v.
Tensor logcumsumexp_product(const Tensor& v, const Tensor& self, const Tensor& sums, int64_t dim, bool along) {
  check_implemented(is_floating(self.dtype()), "logcumsumexp", self.dtype());
  check(v.sizes() == self.sizes() && sums.sizes() == self.sizes(),
        "logcumsumexp: expected tensors of one shape, got {}, {} and {}", v.sizes(), self.sizes(), sums.sizes());
  const Lines lines(self, dim);
  const Compute compute = compute_of(self.dtype(), "logcumsumexp");
  const DType type = storage_of(compute);
  const Tensor factor = packed_as(v, type), x = packed_as(self, type), totals = packed_as(sums, type);
  const auto out = weft::empty(self.sizes(), type);
  kernels::table().scan.logcumsumexp_product[static_cast<int>(compute)](
      factor.bytes(), x.bytes(), totals.bytes(), lines.outer, lines.n, lines.inner, along, out.bytes());
  return out.dtype() == self.dtype() ? out : converted(out, self.dtype());
}

/// Running products by doubling: after step k each place holds the product of the 2^k elements up to it.
Tensor complex_products(const Tensor& self, int64_t dim) {
  if (self.dim() == 0) return ops::clone(self);
  const int along = normalize_dim(dim, self.dim());
  const int64_t n = self.size(along);
  Tensor out = ops::clone(self);
  for (int64_t step = 1; step < n; step *= 2) {
    const Tensor later = ops::narrow(out, along, step, n - step), earlier = ops::narrow(out, along, 0, n - step);
    const Tensor parts[] = {ops::narrow(out, along, 0, step), ops::mul(later, earlier)};
    out = ops::cat(parts, along);
  }
  return out;
}

}  // namespace

Tensor cumsum(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
  const DType type = sum_type(self, dtype, "cumsum");
  if (is_complex(type)) {
    const Tensor in = self.dtype() == type ? self : converted(self, type);
    return ops::complex(ops::cumsum(ops::real(in), dim), ops::cumsum(ops::imag(in), dim));
  }
  return scanned(self, dim, type, kernels::table().scan.cumsum, "cumsum");
}
Tensor cumprod(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
  const DType type = sum_type(self, dtype, "cumprod");
  if (is_complex(type)) return complex_products(self.dtype() == type ? self : converted(self, type), dim);
  return scanned(self, dim, type, kernels::table().scan.cumprod, "cumprod");
}
Tensor logcumsumexp(const Tensor& self, int64_t dim) {
  check_implemented(is_floating(self.dtype()), "logcumsumexp", self.dtype());
  return scanned(self, dim, self.dtype(), kernels::table().scan.logcumsumexp, "logcumsumexp");
}
Tensor logcumsumexp_backward(const Tensor& grad, const Tensor& self, const Tensor& sums, int64_t dim) {
  return logcumsumexp_product(grad, self, sums, dim, false);
}
Tensor logcumsumexp_tangent(const Tensor& tangent, const Tensor& self, const Tensor& sums, int64_t dim) {
  return logcumsumexp_product(tangent, self, sums, dim, true);
}
std::tuple<Tensor, Tensor> cummax(const Tensor& self, int64_t dim) {
  return extremes(self, dim, kernels::table().scan.cummax, "cummax");
}
std::tuple<Tensor, Tensor> cummin(const Tensor& self, int64_t dim) {
  return extremes(self, dim, kernels::table().scan.cummin, "cummin");
}

Tensor reversed_along(const Tensor& self, int64_t dim) {
  const auto out = weft::empty(self.sizes(), self.dtype());
  if (self.dim() == 0) {
    kernels::table().cast.copy(out.bytes(), self.bytes(), 0, nullptr, nullptr, nullptr, self.element_size());
    return out;
  }
  const int along = normalize_dim(dim, self.dim());
  const int64_t element = self.element_size();
  Dims to = out.strides(), from = self.strides();
  for (int d = 0; d < self.dim(); ++d) {
    to[d] *= element;
    from[d] *= element;
  }
  if (self.numel() == 0) return out;
  const char* const last = self.bytes() + (self.sizes()[along] - 1) * from[along];
  from[along] = -from[along];
  kernels::table().cast.copy(out.bytes(), last, self.dim(), self.sizes().data(), to.data(), from.data(), element);
  return out;
}

Tensor cumprod_backward(const Tensor& grad, const Tensor& self, const Tensor& out, int64_t dim) {
  if (self.dim() == 0 || self.numel() == 0) return grad;
  const int along = normalize_dim(dim, self.dim());
  const auto from_here = [&](const Tensor& t) {
    return ops::reversed_along(ops::cumsum(ops::reversed_along(t, along), along), along);
  };
  const Tensor zero = wrapped_number(Scalar(0));
  if (!weft::item(ops::any(ops::eq(self, zero))).to_bool()) return ops::div(from_here(ops::mul(grad, out)), self);
  // With zeros: for each place, the products that contain it, without it.
  const int64_t n = self.sizes()[along];
  Dims one = self.sizes();
  one[along] = 1;
  const Tensor unit = ops::ones(one, self.dtype());
  TensorList parts;
  Tensor before = unit;
  for (int64_t k = 0; k < n; ++k) {
    const Tensor tail[] = {unit, ops::narrow(self, along, k + 1, n - k - 1)};
    const Tensor products = ops::cumprod(ops::cat(tail, along), along);
    const Tensor sum = ops::sum_dim(ops::mul(products, ops::narrow(grad, along, k, n - k)), Dims{along}, true);
    parts.push_back(ops::mul(before, sum));
    before = ops::mul(before, ops::narrow(self, along, k, 1));
  }
  return ops::cat(parts, along);
}

Tensor cumulative_extreme_backward(const Tensor& grad, const Tensor& indices, int64_t dim) {
  if (grad.dim() == 0 || grad.numel() == 0) return grad;
  return ops::scatter_add(ops::zeros_like(grad), dim, indices, grad);
}

}  // namespace weft::ops::impl
