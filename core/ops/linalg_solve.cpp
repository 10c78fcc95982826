// Factorizations that solve systems of equations: LU, Cholesky, LDL, and triangular matrices.
#include "generated/impl.h"
#include "generated/ops.h"
#include "ops/linalg_support.h"
#include "ops/promotion.h"
#include "ops/support.h"

namespace weft::ops::impl {

namespace {

using lapack::Int;
using lapack::Routine;

int64_t batch_of(const Tensor& a, int matrix_dims = 2) { return weft::product(without_last(a, matrix_dims)); }

/// LU of column-major matrices, in place. `info` is each matrix's first zero pivot.
void factorize(const Tensor& lu, const Tensor& pivots, const Tensor& info, const char* op) {
  const Int m = to_int(lu.size(-2), op), n = to_int(lu.size(-1), op);
  const double work = static_cast<double>(m) * n * std::min(m, n) / 2.;
  with_type(lu.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    over_batch(info.numel(), work, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        info.data<Int>()[i] = lapack::call<T>(Routine::getrf, m, n, nth<T>(lu, i), leading(m), nth<Int>(pivots, i, 1));
    });
  });
}

struct Factors {
  Tensor lu, pivots, info;
};

Factors factorized(const Tensor& a, const char* op) {
  Factors f;
  f.lu = column_copy(a);
  f.pivots = weft::empty(joined(without_last(a, 2), {std::min(a.size(-2), a.size(-1))}), DType::int32);
  f.info = weft::empty(without_last(a, 2), DType::int32);
  factorize(f.lu, f.pivots, f.info, op);
  return f;
}

/// B = inv(op(A)) B for column-major LU factors and B of one batch. `trans` is N, T or C.
void solve_with_factors(const Tensor& lu, const Tensor& pivots, const Tensor& b, char trans, const char* op) {
  const Int n = to_int(lu.size(-1), op), k = to_int(b.size(-1), op);
  if (b.numel() == 0) return;
  with_type(lu.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    over_batch(batch_of(b), static_cast<double>(n) * n * k, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        lapack::call<T>(Routine::getrs, trans, n, k, nth<T>(lu, i), leading(n), nth<Int>(pivots, i, 1), nth<T>(b, i),
                        leading(n));
    });
  });
}

/// Shape of the solution's batch, and `b` as matrices.
struct Sides {
  Tensor b;
  Dims batch;
};

Sides right_side(const Tensor& a, const Tensor& b, bool left, bool vector, const char* op) {
  check_same_type(a, b, op, "A", "B");
  const Tensor matrices = vector ? ops::unsqueeze(b, -1) : b;
  check(matrices.dim() >= 2, "{}: The input tensor B must have at least 2 dimensions.", op);
  check(left ? a.size(-2) == matrices.size(-2) : a.size(-1) == matrices.size(-1),
        "{}: Incompatible shapes of A and B for the equation {} ({}x{} and {}x{})", op, left ? "AX = B" : "XA = B",
        a.size(-2), a.size(-1), matrices.size(-2), matrices.size(-1));
  return {matrices, broadcast_shapes(without_last(a, 2), without_last(matrices, 2))};
}

}  // namespace

// LU ----------------------------------------------------------------------------------------------------------------

std::tuple<Tensor, Tensor, Tensor> lu_factor_ex(const Tensor& A, bool pivot, bool check_errors) {
  check(A.dim() >= 2, "torch.lu_factor: Expected tensor with 2 or more dimensions. Got size: {} instead",
        Listed{A.sizes()});
  check_matrix(A, "linalg.lu_factor");
  check(pivot, "linalg.lu_factor: LU without pivoting is not implemented on the CPU");
  auto f = factorized(A, "linalg.lu_factor");
  if (check_errors) check_info(f.info, "linalg.lu_factor_ex", Failure::zero_pivot);
  return {f.lu, f.pivots, f.info};
}

std::tuple<Tensor, Tensor> lu_factor(const Tensor& A, bool pivot) {
  auto [lu, pivots, info] = ops::lu_factor_ex(A, pivot, false);
  check_info(info, "linalg.lu_factor", Failure::zero_pivot);
  return {lu, pivots};
}

std::tuple<Tensor, Tensor, Tensor> lu(const Tensor& A, bool pivot) {
  check(A.dim() >= 2, "linalg.lu: Expected tensor with 2 or more dimensions. Got size: {} instead", Listed{A.sizes()});
  check_matrix(A, "linalg.lu");
  const auto [factors, pivots, info] = ops::lu_factor_ex(A, pivot, false);
  const auto [lower, upper] = ops::lu_parts(factors);
  return {ops::pivots_to_matrix(pivots, A.size(-2), A.dtype()), lower, upper};
}

std::tuple<Tensor, Tensor> lu_parts(const Tensor& LU) {
  const int64_t m = LU.size(-2), n = LU.size(-1), k = std::min(m, n);
  const auto rows = ops::contiguous(LU);  // as PyTorch lays them out
  const auto lower = ops::add(ops::tril(ops::narrow(rows, -1, 0, k), -1), ops::eye_m(m, k, LU.dtype()));
  return {ops::contiguous(lower), ops::contiguous(ops::triu(ops::narrow(rows, -2, 0, k)))};
}

Tensor pivots_to_rows(const Tensor& pivots, int64_t rows) {
  check(pivots.dtype() == DType::int32,
        "lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype. "
        "Note: this function is intended to be used with the output produced by torch.linalg.lu_factor");
  check(pivots.dim() >= 1, "lu_unpack: expected LU_pivots to have at least 1 dimension");
  const auto source = ops::contiguous(pivots);
  const int64_t k = pivots.size(-1);
  const auto out = weft::empty(joined(without_last(pivots, 1), {rows}), DType::int64);
  for (int64_t i = 0; i < weft::product(without_last(pivots, 1)); ++i) {
    auto* const order = out.data<int64_t>() + i * rows;
    const auto* const swaps = source.data<int32_t>() + i * k;
    for (int64_t r = 0; r < rows; ++r) order[r] = r;
    for (int64_t r = 0; r < k; ++r) {
      check(swaps[r] >= 1 && swaps[r] <= rows && r < rows,
            "lu_unpack: LU_pivots are expected to be 1-indexed and within [1, {}], got {}", rows, swaps[r]);
      std::swap(order[r], order[swaps[r] - 1]);
    }
  }
  return out;
}

Tensor pivots_to_matrix(const Tensor& pivots, int64_t rows, DType dtype) {
  // Row r of L U is row order[r] of A: P has its ones at [order[r], r].
  const auto order = ops::pivots_to_rows(pivots, rows);
  const auto every = ops::unsqueeze(ops::arange(Scalar(rows), DType::int64), -1);
  return ops::to(ops::eq(every, ops::unsqueeze(order, -2)), dtype);
}

Tensor lu_solve_native(const Tensor& LU, const Tensor& pivots, const Tensor& B, bool left, bool adjoint) {
  constexpr auto op = "linalg.lu_solve";
  check_square(LU, op, "LU");
  check(B.dim() >= 2, "{}: The input tensor B must have at least 2 dimensions.", op);
  check(pivots.dtype() == DType::int32, "{}: pivots should be a Tensor of scalar type torch.int32. Got {}", op,
        scalar_type_name(pivots.dtype()));
  check(same(without_last(LU, 1), pivots.sizes()),
        "{}: Number of pivots per batch should be same as the dimension of the matrix; shapes {} and {}", op,
        Listed{LU.sizes()}, Listed{pivots.sizes()});
  const auto [b, batch] = right_side(LU, B, left, false, op);
  for (const auto rows = ops::contiguous(pivots);
       const auto p : std::span(rows.data<int32_t>(), static_cast<std::size_t>(rows.numel())))
    check(p >= 1 && p <= LU.size(-1), "{}: pivots are expected to be 1-indexed and within [1, {}], got {}", op,
          LU.size(-1), p);
  const auto factors = columns_of(LU, batch);
  const auto swaps = ops::contiguous(ops::expand(pivots, joined(batch, {LU.size(-1)})));
  // X A = B is A^H X^H = B^H.
  const bool conjugate = !left && is_complex(b.dtype());
  const auto side = left ? b : ops::transpose(b, -2, -1);
  auto x = column_copy(conjugate ? ops::conj(side) : side, batch);
  solve_with_factors(factors, swaps, x, left == adjoint ? 'C' : 'N', op);
  if (left) return x;
  x = ops::transpose(x, -2, -1);
  return conjugate ? ops::conj(x) : x;
}

Tensor lu_solve(const Tensor& LU, const Tensor& pivots, const Tensor& B, bool left, bool adjoint) {
  if (!must_record(LU)) return ops::lu_solve_native(LU, pivots, B, left, adjoint);
  if (!left) return weft::ops::adjoint(ops::lu_solve(LU, pivots, weft::ops::adjoint(B), true, !adjoint));
  check_square(LU, "linalg.lu_solve", "LU");
  const auto permutation = ops::pivots_to_matrix(pivots, LU.size(-1), LU.dtype());
  if (adjoint) {
    const auto factors = weft::ops::adjoint(LU);
    const auto y = ops::solve_triangular(factors, B, false);
    return ops::matmul(permutation, ops::solve_triangular(factors, y, true, true, true));
  }
  const auto y = ops::solve_triangular(LU, ops::matmul(ops::transpose(permutation, -2, -1), B), false, true, true);
  return ops::solve_triangular(LU, y, true);
}

Tensor lu_solve_backward(const Tensor& grad, const Tensor& LU, const Tensor& pivots, bool left, bool adjoint) {
  return ops::lu_solve_native(LU, pivots, grad, left, !adjoint);
}

std::tuple<Tensor, Tensor, Tensor, Tensor> solve_ex(const Tensor& A, const Tensor& B, bool left, bool check_errors) {
  constexpr auto op = "linalg.solve";
  check_square(A, op);
  const bool vector = is_vector(A, B);
  check(!vector || left,
        "{}: Vector broadcasting of the left hand side is not supported for left=False. In this case "
        "linalg.solve is equivalent to B / A.squeeze(-1)",
        op);
  const auto [b, batch] = right_side(A, B, left, vector, op);
  auto f = factorized(A, op);
  if (check_errors) check_info(f.info, op, Failure::singular_solve);
  const bool whole = same(without_last(A, 2), batch);
  const auto factors = whole ? f.lu : column_copy(f.lu, batch);
  const auto swaps = whole ? f.pivots : ops::contiguous(ops::expand(f.pivots, joined(batch, {A.size(-1)})));
  // X A = B is A^T X^T = B^T.
  auto x = column_copy(left ? b : ops::transpose(b, -2, -1), batch);
  solve_with_factors(factors, swaps, x, left ? 'N' : 'T', op);
  if (!left) x = column_copy(ops::transpose(x, -2, -1));
  if (vector) {
    x = ops::squeeze_dim(x, Dims{-1});
    // PyTorch lays a batch of vectors out as it does the columns of a matrix.
    if (x.dim() >= 2) x = column_copy(x);
  }
  return {x, f.info, factors, swaps};
}

Tensor solve(const Tensor& A, const Tensor& B, bool left) {
  auto [x, info] = ops::solve_ex(A, B, left, false);
  check_info(info, "linalg.solve", Failure::singular_solve);
  return x;
}

std::tuple<Tensor, Tensor> inv_ex(const Tensor& A, bool check_errors) {
  constexpr auto op = "linalg.inv";
  check_square(A, op);
  auto f = factorized(A, op);
  const Int n = to_int(A.size(-1), op);
  with_type(A.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T size{};
    lapack::call<T>(Routine::getri, n, static_cast<T*>(nullptr), leading(n), static_cast<Int*>(nullptr), &size,
                    Int{-1});
    const Int lwork = leading(lapack::queried(size));
    over_batch(f.info.numel(), static_cast<double>(n) * n * n, [&](int64_t begin, int64_t end) {
      const lapack::Scratch<T> work(lwork);
      for (int64_t i = begin; i < end; ++i) {
        Int& info = f.info.data<Int>()[i];
        if (info == 0)
          info = lapack::call<T>(Routine::getri, n, nth<T>(f.lu, i), leading(n), nth<Int>(f.pivots, i, 1), work.data(),
                                 lwork);
      }
    });
  });
  if (check_errors) check_info(f.info, op, Failure::singular_inverse);
  return {f.lu, f.info};
}

Tensor inv(const Tensor& A) {
  auto [inverse, info] = ops::inv_ex(A, false);
  check_info(info, "linalg.inv", Failure::singular_inverse);
  return inverse;
}

}  // namespace weft::ops::impl

namespace weft::ops {

namespace {

/// -1 where an odd number of rows were exchanged, else 1: batch-shaped, of `dtype`.
Tensor parity(const Tensor& pivots, DType dtype) {
  const int64_t n = pivots.size(-1);
  const auto steps = ops::arange_start(Scalar(int64_t{1}), Scalar(n + 1), Scalar(int64_t{1}), DType::int32);
  const auto odd = ops::remainder(ops::sum_dim(ops::to(ops::ne(pivots, steps), DType::int64), Dims{-1}),
                                  wrapped_number(Scalar(int64_t{2})));
  return ops::to(ops::sub(wrapped_number(Scalar(int64_t{1})), ops::mul(odd, wrapped_number(Scalar(int64_t{2})))),
                 dtype);
}

}  // namespace

Tensor determinant(const Tensor& LU, const Tensor& pivots) {
  return ops::mul(ops::prod_dim(ops::diagonal(LU, 0, -2, -1), -1), parity(pivots, LU.dtype()));
}

}  // namespace weft::ops

namespace weft::ops::impl {

std::tuple<Tensor, Tensor, Tensor> det(const Tensor& A) {
  check_square(A, "linalg.det");
  auto f = factorized(A, "linalg.det");
  return {determinant(f.lu, f.pivots), f.lu, f.pivots};
}

std::tuple<Tensor, Tensor, Tensor, Tensor> slogdet(const Tensor& A) {
  check_square(A, "linalg.slogdet");
  auto f = factorized(A, "linalg.slogdet");
  const auto diagonal = ops::diagonal(f.lu, 0, -2, -1);
  return {determinant(ops::diag_embed(ops::sign(diagonal)), f.pivots),
          ops::sum_dim(ops::log(ops::abs(diagonal)), Dims{-1}), f.lu, f.pivots};
}

// Cholesky ----------------------------------------------------------------------------------------------------------

std::tuple<Tensor, Tensor> cholesky_ex(const Tensor& self, bool upper, bool check_errors) {
  constexpr auto op = "linalg.cholesky";
  check_square(self, op);
  auto factor = column_copy(self);
  auto info = weft::empty(without_last(self, 2), DType::int32);
  const Int n = to_int(self.size(-1), op);
  with_type(self.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    over_batch(info.numel(), static_cast<double>(n) * n * n / 6., [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        info.data<Int>()[i] = lapack::call<T>(Routine::potrf, upper ? 'U' : 'L', n, nth<T>(factor, i), leading(n));
    });
  });
  if (upper)
    ops::triu_(factor);
  else
    ops::tril_(factor);
  if (check_errors) check_info(info, op, Failure::not_positive_definite);
  return {factor, info};
}

Tensor cholesky(const Tensor& self, bool upper) {
  auto [factor, info] = ops::cholesky_ex(self, upper, false);
  check_info(info, "linalg.cholesky", Failure::not_positive_definite);
  return factor;
}

// LDL ---------------------------------------------------------------------------------------------------------------

std::tuple<Tensor, Tensor, Tensor> ldl_factor_ex(const Tensor& self, bool hermitian, bool check_errors) {
  constexpr auto op = "linalg.ldl_factor_ex";
  check_square(self, op);
  auto factor = column_copy(self);
  const auto batch = without_last(self, 2);
  auto pivots = weft::empty(joined(batch, {self.size(-1)}), DType::int32);
  auto info = weft::empty(batch, DType::int32);
  const Int n = to_int(self.size(-1), op);
  with_type(self.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto routine = hermitian && lapack::is_complex_type<T> ? Routine::hetrf : Routine::sytrf;
    T size{};
    lapack::call<T>(routine, 'L', n, static_cast<T*>(nullptr), leading(n), static_cast<Int*>(nullptr), &size, Int{-1});
    const Int lwork = leading(lapack::queried(size));
    over_batch(info.numel(), static_cast<double>(n) * n * n / 6., [&](int64_t begin, int64_t end) {
      const lapack::Scratch<T> work(lwork);
      for (int64_t i = begin; i < end; ++i)
        info.data<Int>()[i] =
            lapack::call<T>(routine, 'L', n, nth<T>(factor, i), leading(n), nth<Int>(pivots, i, 1), work.data(), lwork);
    });
  });
  ops::tril_(factor);
  if (check_errors) check_info(info, op, Failure::zero_pivot);
  return {factor, pivots, info};
}

Tensor ldl_solve(const Tensor& LD, const Tensor& pivots, const Tensor& B, bool hermitian) {
  constexpr auto op = "linalg.ldl_solve";
  check_square(LD, op, "LD");
  check(pivots.dtype() == DType::int32, "{}: Expected pivots to be integers of type int32. Got {}", op,
        scalar_type_name(pivots.dtype()));
  check(same(without_last(LD, 1), pivots.sizes()),
        "{}: Expected LD.shape[:-1] and pivots.shape to be the same, but got {} and {}", op, Listed{LD.sizes()},
        Listed{pivots.sizes()});
  check(B.dim() >= 2, "{}: Expected B to have at least 2 dimensions, but it has {} dimensions instead", op, B.dim());
  const auto [b, batch] = right_side(LD, B, true, false, op);
  for (const auto rows = ops::contiguous(pivots);
       const auto p : std::span(rows.data<int32_t>(), static_cast<std::size_t>(rows.numel())))
    check(p != 0 && std::abs(static_cast<int64_t>(p)) <= LD.size(-1), "{}: pivots are out of range: {}", op, p);
  const auto factors = columns_of(LD, batch);
  const auto swaps = ops::contiguous(ops::expand(pivots, joined(batch, {LD.size(-1)})));
  auto x = column_copy(b, batch);
  const Int n = to_int(LD.size(-1), op), k = to_int(b.size(-1), op);
  if (x.numel() == 0) return x;
  with_type(LD.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto routine = hermitian && lapack::is_complex_type<T> ? Routine::hetrs : Routine::sytrs;
    over_batch(weft::product(batch), static_cast<double>(n) * n * k, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        lapack::call<T>(routine, 'L', n, k, nth<T>(factors, i), leading(n), nth<Int>(swaps, i, 1), nth<T>(x, i),
                        leading(n));
    });
  });
  return x;
}

// Triangles ---------------------------------------------------------------------------------------------------------

Tensor cholesky_solve(const Tensor& self, const Tensor& L, bool upper) {
  const auto other = adjoint(L);
  const auto half = ops::solve_triangular(upper ? other : L, self, false);
  return ops::solve_triangular(upper ? L : other, half, true);
}

Tensor solve_triangular(const Tensor& self, const Tensor& B, bool upper, bool left, bool unitriangular) {
  constexpr auto op = "linalg.solve_triangular";
  check_square(self, op);
  check_matrix(B, op, "B");
  const auto [b, batch] = right_side(self, B, left, false, op);
  // A transposed matrix is as good as its other triangle: no copy of either layout.
  const bool transposed = self.stride(-1) == 1 && self.size(-1) > 1;
  const auto a = transposed ? ops::transpose(self, -2, -1) : self;
  const auto matrices = columns_of(a, batch);
  auto x = column_copy(b, batch);
  if (x.numel() == 0) return x;
  const Int m = to_int(b.size(-2), op), n = to_int(b.size(-1), op), lda = leading(self.size(-1));
  const char uplo = upper != transposed ? 'U' : 'L', trans = transposed ? 'T' : 'N', diag = unitriangular ? 'U' : 'N';
  // Columns of X are independent of each other when A stands on the left, else its rows: one big matrix is cut.
  const int64_t free = left ? n : m, side = self.size(-1);
  const int64_t piece = std::max<int64_t>(16, 1'000'000 / std::max<int64_t>(side * side, 1));
  const int64_t pieces = (free + piece - 1) / piece;
  with_type(self.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    over_batch(weft::product(batch) * pieces, static_cast<double>(side) * side * std::min(piece, free) / 2.,
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t first = i % pieces * piece, count = std::min(piece, free - first);
                   T* const to = nth<T>(x, i / pieces) + (left ? first * m : first);
                   lapack::solve_triangle<T>(left ? 'L' : 'R', uplo, trans, diag, left ? m : static_cast<Int>(count),
                                             left ? static_cast<Int>(count) : n, nth<T>(matrices, i / pieces), lda, to,
                                             leading(m));
                 }
               });
  });
  return x;
}

}  // namespace weft::ops::impl
