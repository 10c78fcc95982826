// What the matrix factorizations share: checks with PyTorch's words, column-major copies, loops over batches.
#pragma once

#include <algorithm>
#include <string_view>

#include "generated/ops.h"
#include "ops/lapack.h"
#include "runtime/error.h"
#include "runtime/parallel.h"
#include "tensor/tensor.h"

namespace weft::ops {

/// At least two dimensions, floating or complex, no half precision.
void check_matrix(const Tensor& a, std::string_view op, std::string_view name = "A");
void check_square(const Tensor& a, std::string_view op, std::string_view name = "A");
void check_same_type(const Tensor& a, const Tensor& b, std::string_view op, std::string_view a_name,
                     std::string_view b_name);

/// Sizes without the last `n`.
inline IntList without_last(const Tensor& t, int n) { return IntList(t.sizes()).first(t.sizes().size() - n); }
Dims joined(IntList batch, std::initializer_list<int64_t> last);
inline DType complex_type(DType dtype) noexcept {
  return dtype == DType::float32 ? DType::complex64 : dtype == DType::float64 ? DType::complex128 : dtype;
}

/// A batch of m x n matrices stored column by column, as LAPACK wants them; not initialised.
Tensor empty_columns(IntList batch, int64_t m, int64_t n, DType dtype);
/// Such a copy of matrices `a`, which broadcast to `batch`.
Tensor column_copy(const Tensor& a, IntList batch);
inline Tensor column_copy(const Tensor& a) { return column_copy(a, without_last(a, 2)); }
/// `a` itself when its matrices lie column by column already, else a copy.
Tensor columns_of(const Tensor& a, IntList batch);

/// Whether `b` is a vector, or a batch of vectors, beside the matrices `a`.
inline bool is_vector(const Tensor& a, const Tensor& b) {
  return b.dim() == 1 || (a.dim() - 1 == b.dim() && same(b.sizes(), without_last(a, 1)));
}

/// The elements of one matrix (or row of numbers) of a batch.
template <class T>
T* nth(const Tensor& t, int64_t i, int dims = 2) {
  int64_t step = 1;
  for (int d = 1; d <= dims; ++d) step *= t.size(-d);
  return t.data<T>() + i * step;
}

/// f(begin, end) over the matrices of a batch, in parallel; one takes about `operations` multiply-adds.
template <class F>
void over_batch(int64_t batch, double operations, F&& f) {
  const double nanoseconds = 300. + operations / 4.;
  parallel_for(batch, std::max<int64_t>(1, static_cast<int64_t>(20000. / nanoseconds)), f);
}

inline lapack::Int to_int(int64_t n, std::string_view op) {
  check(n <= INT32_MAX, "{}: a matrix dimension of {} is more than LAPACK takes", op, n);
  return static_cast<lapack::Int>(n);
}
/// A leading dimension: at least one.
inline lapack::Int leading(int64_t n) { return static_cast<lapack::Int>(std::max<int64_t>(n, 1)); }

/// f.template operator()<T>() for the four types of LAPACK.
template <class F>
auto with_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::float32:
      return f(TypeTag<float>{});
    case DType::float64:
      return f(TypeTag<double>{});
    case DType::complex64:
      return f(TypeTag<Complex<float>>{});
    default:
      return f(TypeTag<Complex<double>>{});
  }
}

/// The conjugate transposes of a batch of matrices; recorded.
inline Tensor adjoint(const Tensor& t) { return ops::conj(ops::transpose(t, -2, -1)); }

/// Of the product of LU factors.
Tensor determinant(const Tensor& LU, const Tensor& pivots);

/// How a factorization fails.
enum class Failure { not_positive_definite, singular_inverse, singular_solve, zero_pivot, no_convergence };
/// Raises LinAlgError for the first non-zero `info`.
void check_info(const Tensor& info, std::string_view op, Failure failure);

}  // namespace weft::ops
