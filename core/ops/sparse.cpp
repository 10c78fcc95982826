// Sparse matrices in compressed rows, times dense ones.
#include "generated/impl.h"
#include "kernels/table.h"
#include "ops/row_layout.h"
#include "ops/support.h"

namespace weft::ops::impl {

namespace {

/// The pattern of a sparse matrix, checked: users can write to its indices.
struct Pattern {
  Tensor crow, col;
  int64_t columns;

  Pattern(const char* op, const Tensor& crow_indices, const Tensor& col_indices, int64_t m)
      : crow(packed_as(crow_indices, DType::int64)), col(packed_as(col_indices, DType::int64)), columns(m) {
    check(crow.dim() == 1 && crow.numel() > 0 && col.dim() == 1,
          "{}: expected crow_indices of shape (rows + 1,) and col_indices of one dimension, got {} and {}", op,
          crow.sizes(), col.sizes());
    const int64_t* const row = crow.data<int64_t>();
    bool ordered = row[0] == 0 && row[rows()] == col.numel();
    for (int64_t i = 0; i < rows(); ++i) ordered &= row[i] <= row[i + 1];
    check(ordered, "{}: crow_indices must rise from 0 to the number of elements, {}", op, col.numel());
    const int64_t* const at = col.data<int64_t>();
    bool inside = true;
    for (int64_t p = 0; p < col.numel(); ++p) inside &= static_cast<uint64_t>(at[p]) < static_cast<uint64_t>(m);
    check_index(inside, "{}: a column index is out of range for a matrix of {} columns", op, m);
  }
  int64_t rows() const noexcept { return crow.numel() - 1; }
  kernels::CsrPattern view() const noexcept { return {rows(), crow.data<int64_t>(), col.data<int64_t>()}; }
};

void check_values(const char* op, const Tensor& values, const Pattern& pattern) {
  check(values.dim() == 1 && values.numel() == pattern.col.numel(), "{}: expected {} values, got shape {}", op,
        pattern.col.numel(), values.sizes());
}

void check_matrix(const char* op, const Tensor& t, int64_t rows) {
  check(t.dim() == 2 && t.size(0) == rows, "{}: expected a dense matrix of {} rows, got shape {}", op, rows, t.sizes());
}

DType product_type(const char* op, const Tensor& a, const Tensor& b) {
  check_implemented(is_floating(a.dtype()), op, a.dtype());
  check(a.dtype() == b.dtype(), "{}: expected both of one dtype, got {} and {}", op, a.dtype(), b.dtype());
  return float_work(a.dtype());
}

}  // namespace

Tensor csr_mm(const Tensor& crow, const Tensor& col, const Tensor& values, const Tensor& dense) {
  check(dense.dim() == 2, "sparse.mm: expected a dense matrix, got shape {}", dense.sizes());
  const Pattern a("sparse.mm", crow, col, dense.size(0));
  check_values("sparse.mm", values, a);
  const DType work = product_type("sparse.mm", values, dense);
  const Tensor v = packed_as(values, work), d = packed_as(dense, work);
  const Tensor out = weft::empty(Dims{a.rows(), d.size(1)}, work);
  kernels::table().sparse.product[float_index(work)](a.view(), v.bytes(), nullptr, d.bytes(), d.size(1), out.bytes());
  return finished(out, values.dtype());
}

Tensor csr_mm_transposed(const Tensor& crow, const Tensor& col, const Tensor& values, const Tensor& dense,
                         IntList sizes) {
  check(sizes.size() == 2 && sizes[0] >= 0, "sparse.mm: expected the two sizes of the product");
  const Pattern a("sparse.mm", crow, col, sizes[0]);
  check_values("sparse.mm", values, a);
  check_matrix("sparse.mm", dense, a.rows());
  const DType work = product_type("sparse.mm", values, dense);
  // The transpose by counting: the elements of each column in the order of their rows, so that sums have one order.
  const int64_t count = a.col.numel(), columns = a.columns;
  const Tensor start = weft::empty(Dims{columns + 2}, DType::int64), row_of = weft::empty(Dims{count}, DType::int64),
               order = weft::empty(Dims{count}, DType::int64);
  zero_(start);
  // next[c], where the next element of column c goes, ends up as the start of column c + 1.
  int64_t* const next = start.data<int64_t>() + 1;
  const auto pattern = a.view();
  for (int64_t p = 0; p < count; ++p) ++next[pattern.col[p] + 1];
  for (int64_t c = 1; c < columns; ++c) next[c] += next[c - 1];
  for (int64_t row = 0; row < a.rows(); ++row)
    for (int64_t p = pattern.crow[row]; p < pattern.crow[row + 1]; ++p) {
      const int64_t at = next[pattern.col[p]]++;
      row_of.data<int64_t>()[at] = row;
      order.data<int64_t>()[at] = p;
    }
  const Tensor v = packed_as(values, work), d = packed_as(dense, work);
  const Tensor out = weft::empty(Dims{columns, d.size(1)}, work);
  kernels::table().sparse.product[float_index(work)]({columns, start.data<int64_t>(), row_of.data<int64_t>()},
                                                     v.bytes(), order.data<int64_t>(), d.bytes(), d.size(1),
                                                     out.bytes());
  return finished(out, values.dtype());
}

Tensor csr_sample(const Tensor& crow, const Tensor& col, const Tensor& a, const Tensor& b) {
  check(b.dim() == 2, "sparse.sampled_addmm: expected a matrix, got shape {}", b.sizes());
  const Pattern pattern("sparse.sampled_addmm", crow, col, b.size(0));
  check_matrix("sparse.sampled_addmm", a, pattern.rows());
  check(a.size(1) == b.size(1), "sparse.sampled_addmm: inner sizes {} and {} differ", a.size(1), b.size(1));
  const DType work = product_type("sparse.sampled_addmm", a, b);
  const Tensor x = packed_as(a, work), y = packed_as(b, work);
  const Tensor out = weft::empty(Dims{pattern.col.numel()}, work);
  kernels::table().sparse.sample[float_index(work)](pattern.view(), x.bytes(), y.bytes(), x.size(1), out.bytes());
  return finished(out, a.dtype());
}

}  // namespace weft::ops::impl
