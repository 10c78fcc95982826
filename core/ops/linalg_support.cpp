#include "ops/linalg_support.h"

#include "ops/support.h"

namespace weft::ops {

void check_matrix(const Tensor& a, std::string_view op, std::string_view name) {
  check(a.dim() >= 2, "{}: The input tensor {} must have at least 2 dimensions.", op, name);
  check(a.dtype() != DType::float16 && a.dtype() != DType::bfloat16, "{}: Low precision dtypes not supported. Got {}",
        op, scalar_type_name(a.dtype()));
  check(!is_integral(a.dtype()), "{}: Expected a floating point or complex tensor as input. Got {}", op,
        scalar_type_name(a.dtype()));
}

void check_square(const Tensor& a, std::string_view op, std::string_view name) {
  check_matrix(a, op, name);
  check(a.size(-1) == a.size(-2), "{}: {} must be batches of square matrices, but they are {} by {} matrices", op, name,
        a.size(-2), a.size(-1));
}

void check_same_type(const Tensor& a, const Tensor& b, std::string_view op, std::string_view a_name,
                     std::string_view b_name) {
  check(a.dtype() == b.dtype(),
        "{}: Expected {} and {} to have the same dtype, but found {} of type {} and {} of type {} instead", op, a_name,
        b_name, a_name, scalar_type_name(a.dtype()), b_name, scalar_type_name(b.dtype()));
}

Dims joined(IntList batch, std::initializer_list<int64_t> last) {
  Dims sizes(batch);
  for (const auto n : last) sizes.push_back(n);
  return sizes;
}

Tensor empty_columns(IntList batch, int64_t m, int64_t n, DType dtype) {
  const auto rows = weft::empty(joined(batch, {n, m}), dtype);
  Dims sizes = rows.sizes(), strides = rows.strides();
  const int d = sizes.size();
  std::swap(sizes[d - 1], sizes[d - 2]);
  std::swap(strides[d - 1], strides[d - 2]);
  return view_of(rows, std::move(sizes), std::move(strides), rows.offset());
}

Tensor column_copy(const Tensor& a, IntList batch) {
  auto out = empty_columns(batch, a.size(-2), a.size(-1), a.dtype());
  copy_elements(out, a);
  return out;
}

Tensor columns_of(const Tensor& a, IntList batch) {
  if (same(without_last(a, 2), batch)) {
    const auto transposed = [&] {
      Dims sizes = a.sizes(), strides = a.strides();
      const int d = sizes.size();
      std::swap(sizes[d - 1], sizes[d - 2]);
      std::swap(strides[d - 1], strides[d - 2]);
      return view_of(a, std::move(sizes), std::move(strides), a.offset());
    }();
    if (transposed.is_contiguous()) return a;
  }
  return column_copy(a, batch);
}

namespace {

std::string reason(Failure failure, int info) {
  switch (failure) {
    case Failure::not_positive_definite:
      return format(
          "The factorization could not be completed because the input is not positive-definite (the leading minor of "
          "order {} is not positive-definite).",
          info);
    case Failure::singular_inverse:
      return format(
          "The diagonal element {} is zero, the inversion could not be completed because the input matrix is singular.",
          info);
    case Failure::singular_solve:
      return "The solver failed because the input matrix is singular.";
    case Failure::zero_pivot:
      return format(
          "The diagonal element {} of the factor is zero: the factorization is complete, but it cannot be used to "
          "solve "
          "a system.",
          info);
    default:
      if (info < 0) return "The algorithm failed to converge because the input matrix contained non-finite values.";
      return format(
          "The algorithm failed to converge because the input matrix is ill-conditioned or has too many repeated "
          "values (error code: {}).",
          info);
  }
}

}  // namespace

void check_info(const Tensor& info, std::string_view op, Failure failure) {
  const auto* const values = info.data<int32_t>();
  for (int64_t i = 0; i < info.numel(); ++i) {
    if (values[i] == 0) continue;
    const std::string where = info.dim() > 0 ? format("(Batch element {}): ", i) : std::string();
    fail(ErrorKind::linear_algebra, "{}: {}{}", op, where, reason(failure, values[i]));
  }
}

}  // namespace weft::ops
