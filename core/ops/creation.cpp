#include <cmath>

#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/promotion.h"
#include "ops/strided_loop.h"
#include "ops/support.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace weft::ops::impl {

namespace {

DType number_type(const Scalar& value) {
  if (value.is_bool()) return DType::boolean;
  return value.is_integral() ? DType::int64 : value.is_floating() ? default_dtype() : DType::complex64;
}

Tensor filled(Tensor t, const Scalar& value) {
  check_fits(value, t.dtype());
  copy_elements(t, weft::scalar_tensor(value, t.dtype()));
  return t;
}

Tensor zeroed(Tensor t) {
  zero_(t);
  return t;
}

Tensor like(const Tensor& self, std::optional<DType> dtype, std::optional<MemoryFormat> format) {
  const auto layout = format.value_or(MemoryFormat::preserve);
  const DType type = dtype.value_or(self.dtype());
  return layout == MemoryFormat::preserve ? weft::empty_like(self, type) : weft::empty(self.sizes(), type, layout);
}

/// A tensor whose element i is value(i) in double or int64, converted to `dtype`.
template <class Value>
Tensor generated(int64_t n, DType dtype, Value&& value) {
  using T = decltype(value(int64_t{0}));
  const DType work = std::is_same_v<T, int64_t> ? DType::int64 : DType::float64;
  const auto between = weft::empty(Dims{n}, work);
  T* const out = between.data<T>();
  parallel_for(n, 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] = value(i);
  });
  if (work == dtype) return between;
  const auto result = weft::empty(Dims{n}, dtype);
  copy_elements(result, between);
  return result;
}

}  // namespace

Tensor empty(IntList size, std::optional<DType> dtype, std::optional<MemoryFormat> format) {
  return weft::empty(size, dtype.value_or(default_dtype()), format.value_or(MemoryFormat::contiguous));
}
Tensor empty_strided(IntList size, IntList stride, std::optional<DType> dtype) {
  return weft::empty_strided(size, stride, dtype.value_or(default_dtype()));
}
Tensor zeros(IntList size, std::optional<DType> dtype) {
  return zeroed(weft::empty(size, dtype.value_or(default_dtype())));
}
Tensor ones(IntList size, std::optional<DType> dtype) {
  return filled(weft::empty(size, dtype.value_or(default_dtype())), Scalar(int64_t{1}));
}
Tensor full(IntList size, const Scalar& value, std::optional<DType> dtype) {
  return filled(weft::empty(size, dtype.value_or(number_type(value))), value);
}
Tensor make_scalar_tensor(const Scalar& s, std::optional<DType> dtype) {
  return weft::scalar_tensor(s, dtype.value_or(default_dtype()));
}

Tensor empty_like(const Tensor& self, std::optional<DType> dtype, std::optional<MemoryFormat> format) {
  return like(self, dtype, format);
}
Tensor zeros_like(const Tensor& self, std::optional<DType> dtype, std::optional<MemoryFormat> format) {
  return zeroed(like(self, dtype, format));
}
Tensor ones_like(const Tensor& self, std::optional<DType> dtype, std::optional<MemoryFormat> format) {
  return filled(like(self, dtype, format), Scalar(int64_t{1}));
}
Tensor full_like(const Tensor& self, const Scalar& value, std::optional<DType> dtype,
                 std::optional<MemoryFormat> format) {
  return filled(like(self, dtype, format), value);
}
Tensor new_empty(const Tensor& self, IntList size, std::optional<DType> dtype) {
  return weft::empty(size, dtype.value_or(self.dtype()));
}
Tensor new_zeros(const Tensor& self, IntList size, std::optional<DType> dtype) {
  return zeroed(weft::empty(size, dtype.value_or(self.dtype())));
}
Tensor new_ones(const Tensor& self, IntList size, std::optional<DType> dtype) {
  return filled(weft::empty(size, dtype.value_or(self.dtype())), Scalar(int64_t{1}));
}
Tensor new_full(const Tensor& self, IntList size, const Scalar& value, std::optional<DType> dtype) {
  return filled(weft::empty(size, dtype.value_or(self.dtype())), value);
}

Tensor arange_start(const Scalar& start, const Scalar& end, const Scalar& step, std::optional<DType> dtype) {
  const bool integers = !start.is_floating() && !end.is_floating() && !step.is_floating();
  const DType type = dtype.value_or(integers ? DType::int64 : default_dtype());
  check_implemented(type != DType::boolean && !is_complex(type), "arange", type);
  const double first = start.to_double(), stride = step.to_double();
  check(stride != 0, "step must be nonzero");
  check(std::isfinite(first) && std::isfinite(end.to_double()), "unsupported range: {} -> {}", start, end);
  check((stride > 0) == (end.to_double() >= first) || end.to_double() == first,
        "upper bound and lower bound inconsistent with step sign");
  if (integers || is_integral(type)) {  // as in PyTorch, fractions are dropped before counting into integers
    const int64_t a = start.to_int(), s = step.to_int();
    check_value(s != 0, "arange: expected a step that is not zero as an integer, got {}", step);
    const int64_t span = end.to_int() - a;
    const int64_t n = std::max<int64_t>(0, span / s + (span % s != 0));
    return generated(n, type, [=](int64_t i) { return a + i * s; });
  }
  const auto n = static_cast<int64_t>(std::ceil((end.to_double() - first) / stride));
  return generated(n, type, [=](int64_t i) { return first + static_cast<double>(i) * stride; });
}

Tensor arange(const Scalar& end, std::optional<DType> dtype) {
  const Scalar zero(int64_t{0});
  return arange_start(zero, end, Scalar(int64_t{1}), dtype);
}

Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps, std::optional<DType> dtype) {
  check(steps >= 0, "number of steps must be non-negative");
  check_implemented(dtype != DType::boolean, "linspace", DType::boolean);
  const DType type = dtype.value_or(default_dtype());
  const bool whole = is_integral(type);  // integers are spaced between whole ends
  const double first = whole ? static_cast<double>(start.to_int()) : start.to_double();
  const double last = whole ? static_cast<double>(end.to_int()) : end.to_double();
  const double step = steps > 1 ? (last - first) / static_cast<double>(steps - 1) : 0;
  // From the nearer end, so that both ends are met exactly.
  return generated(steps, type, [=](int64_t i) {
    return i < steps / 2 || i == 0 ? first + step * static_cast<double>(i)
                                   : last - step * static_cast<double>(steps - 1 - i);
  });
}

namespace {

/// The two ends of a range given as 0-dim tensors.
std::pair<Scalar, Scalar> ends_of(const char* op, const Tensor& start, const Tensor& end) {
  check(start.dim() == 0 && end.dim() == 0,
        "{} only supports 0-dimensional start and end tensors, but got start with {} dimension(s) and end with {} "
        "dimension(s).",
        op, start.dim(), end.dim());
  return {weft::item(start), weft::item(end)};
}

}  // namespace

Tensor linspace_tensor(const Tensor& start, const Tensor& end, int64_t steps, std::optional<DType> dtype) {
  const auto [first, last] = ends_of("linspace", start, end);
  return ops::linspace(first, last, steps, dtype);
}

Tensor logspace_tensor(const Tensor& start, const Tensor& end, int64_t steps, double base, std::optional<DType> dtype) {
  const auto [first, last] = ends_of("logspace", start, end);
  return ops::logspace(first, last, steps, base, dtype);
}

Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base, std::optional<DType> dtype) {
  const DType type = dtype.value_or(default_dtype());
  const bool whole = is_integral(type) && steps > 1;  // as in PyTorch: powers between whole exponents, not of one alone
  const auto between = [whole](const Scalar& s) { return whole ? Scalar(s.to_int()) : s; };
  const auto exponents = linspace(between(start), between(end), steps, DType::float64);
  const double* const e = exponents.data<double>();
  return generated(steps, type, [=](int64_t i) { return std::pow(base, e[i]); });
}

Tensor eye_m(int64_t n, int64_t m, std::optional<DType> dtype) {
  check(n >= 0, "n must be greater or equal to 0, got {}", n);
  check(m >= 0, "m must be greater or equal to 0, got {}", m);
  const auto out = zeros(Dims{n, m}, dtype);
  const auto diagonal = view_of(out, {std::min(n, m)}, {m + 1}, 0);
  copy_elements(diagonal, weft::scalar_tensor(Scalar(int64_t{1}), out.dtype()));
  return out;
}
Tensor eye(int64_t n, std::optional<DType> dtype) { return eye_m(n, n, dtype); }

}  // namespace weft::ops::impl
