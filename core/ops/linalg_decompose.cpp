// Orthogonal and spectral decompositions, and least squares.
#include "generated/impl.h"
#include "generated/ops.h"
#include "ops/linalg_support.h"
#include "ops/promotion.h"
#include "ops/support.h"

namespace weft::ops::impl {

namespace {

using lapack::Int;
using lapack::Real;
using lapack::Routine;
using lapack::Scratch;

/// QR of column-major matrices, in place: R above, Householder vectors below, their factors in `tau`.
void factorize_qr(const Tensor& a, const Tensor& tau, const char* op) {
  const Int m = to_int(a.size(-2), op), n = to_int(a.size(-1), op);
  if (a.numel() == 0) return;
  with_type(a.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T size{};
    lapack::call<T>(Routine::geqrf, m, n, static_cast<T*>(nullptr), leading(m), static_cast<T*>(nullptr), &size,
                    Int{-1});
    const Int lwork = leading(lapack::queried(size));
    over_batch(weft::product(without_last(a, 2)), static_cast<double>(m) * n * std::min(m, n),
               [&](int64_t begin, int64_t end) {
                 const Scratch<T> work(lwork);
                 for (int64_t i = begin; i < end; ++i)
                   lapack::call<T>(Routine::geqrf, m, n, nth<T>(a, i), leading(m), nth<T>(tau, i, 1), work.data(),
                                   lwork);
               });
  });
}

/// The first columns of the product of `tau`'s reflections, over the vectors in `q`.
void form_q(const Tensor& q, const Tensor& tau, const char* op) {
  const Int m = to_int(q.size(-2), op), n = to_int(q.size(-1), op), k = to_int(tau.size(-1), op);
  if (q.numel() == 0) return;
  with_type(q.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T size{};
    lapack::call<T>(Routine::orgqr, m, n, k, static_cast<T*>(nullptr), leading(m), static_cast<T*>(nullptr), &size,
                    Int{-1});
    const Int lwork = leading(lapack::queried(size));
    over_batch(weft::product(without_last(q, 2)), static_cast<double>(m) * n * k, [&](int64_t begin, int64_t end) {
      const Scratch<T> work(lwork);
      for (int64_t i = begin; i < end; ++i)
        lapack::call<T>(Routine::orgqr, m, n, k, nth<T>(q, i), leading(m), nth<T>(tau, i, 1), work.data(), lwork);
    });
  });
}

/// Whether the numbers are finite: with others some routines of LAPACK print to the terminal, loop or crash.
template <class T>
bool all_finite(const T* numbers, int64_t count) {
  const auto* const parts = reinterpret_cast<const Real<T>*>(numbers);
  Real<T> sum = 0;
  for (int64_t i = 0; i < count * static_cast<int64_t>(sizeof(T) / sizeof(Real<T>)); ++i) sum += parts[i] * 0;
  return sum == 0;
}

constexpr Int not_finite = -1;  // as info

}  // namespace

std::tuple<Tensor, Tensor> geqrf(const Tensor& self) {
  check_matrix(self, "geqrf", "input");
  auto a = column_copy(self);
  auto tau = weft::empty(joined(without_last(self, 2), {std::min(self.size(-2), self.size(-1))}), self.dtype());
  factorize_qr(a, tau, "geqrf");
  return {a, tau};
}

std::tuple<Tensor, Tensor> qr(const Tensor& A, std::string_view mode) {
  constexpr auto op = "linalg.qr";
  check_matrix(A, op);
  check(mode == "reduced" || mode == "complete" || mode == "r",
        "qr received unrecognized mode '{}' but expected one of 'reduced' (default), 'r', or 'complete'", mode);
  const auto batch = without_last(A, 2);
  const int64_t m = A.size(-2), n = A.size(-1), k = std::min(m, n), columns = mode == "complete" ? m : k;
  auto factored = column_copy(A);
  const auto tau = weft::empty(joined(batch, {k}), A.dtype());
  factorize_qr(factored, tau, op);
  auto r = empty_columns(batch, columns, n, A.dtype());
  ops::zero_(r);
  copy_elements(ops::narrow(r, -2, 0, k), ops::triu(ops::narrow(factored, -2, 0, k)));
  if (mode == "r") return {weft::empty(Dims{0}, A.dtype()), r};
  auto q = empty_columns(batch, m, columns, A.dtype());
  if (k == 0) {
    copy_elements(q, ops::eye_m(m, columns, A.dtype()));
    return {q, r};
  }
  if (columns > k) ops::zero_(q);
  copy_elements(ops::narrow(q, -1, 0, k), ops::narrow(factored, -1, 0, k));
  form_q(q, tau, op);
  return {q, r};
}

// Singular values ---------------------------------------------------------------------------------------------------

namespace {

enum class Vectors : char { all = 'A', reduced = 'S', none = 'N' };

std::tuple<Tensor, Tensor, Tensor> singular(const Tensor& A, Vectors vectors, const char* op) {
  check_matrix(A, op);
  const auto batch = without_last(A, 2);
  const Int m = to_int(A.size(-2), op), n = to_int(A.size(-1), op), k = std::min(m, n);
  const bool none = vectors == Vectors::none, all = vectors == Vectors::all;
  const auto a = column_copy(A);
  auto u = empty_columns(batch, none ? 0 : m, none ? 0 : all ? m : k, A.dtype());
  auto vh = empty_columns(batch, none ? 0 : all ? n : k, none ? 0 : n, A.dtype());
  auto s = weft::empty(joined(batch, {k}), real_type(A.dtype()));
  if (k == 0) {
    if (all) copy_elements(u, ops::eye_m(m, m, A.dtype()));
    if (all) copy_elements(vh, ops::eye_m(n, n, A.dtype()));
    return {u, s, vh};
  }
  const auto info = weft::empty(batch, DType::int32);
  with_type(A.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const char job = static_cast<char>(vectors);
    const Int ldu = leading(u.size(-2)), ldvh = leading(vh.size(-2));
    const auto call = [&](T* at, Real<T>* values, T* left, T* right, T* work, Int lwork, Real<T>* rwork, Int* iwork) {
      if constexpr (lapack::is_complex_type<T>)
        return lapack::call<T>(Routine::gesdd, job, m, n, at, m, values, left, ldu, right, ldvh, work, lwork, rwork,
                               iwork);
      else
        return lapack::call<T>(Routine::gesdd, job, m, n, at, m, values, left, ldu, right, ldvh, work, lwork, iwork);
    };
    T size{};
    call(nullptr, nullptr, nullptr, nullptr, &size, -1, nullptr, nullptr);
    const Int lwork = leading(lapack::queried(size));
    const int64_t few = k, many = std::max(m, n);
    const int64_t reals = none ? 7 * few : few * std::max(5 * few + 7, 2 * many + 2 * few + 1);
    over_batch(info.numel(), 10. * m * n * k, [&](int64_t begin, int64_t end) {
      const Scratch<T> work(lwork);
      const Scratch<Real<T>> rwork(lapack::is_complex_type<T> ? reals : 1);
      const Scratch<Int> iwork(8 * few);
      for (int64_t i = begin; i < end; ++i)
        info.data<Int>()[i] = !all_finite(nth<T>(a, i), static_cast<int64_t>(m) * n)
                                  ? not_finite
                                  : call(nth<T>(a, i), nth<Real<T>>(s, i, 1), nth<T>(u, i), nth<T>(vh, i), work.data(),
                                         lwork, rwork.data(), iwork.data());
    });
  });
  check_info(info, op, Failure::no_convergence);
  return {u, s, vh};
}

void check_driver(const std::optional<std::string_view>& driver, const char* op) {
  check(!driver, "{}: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend.", op);
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> svd(const Tensor& A, bool full_matrices, std::optional<std::string_view> driver) {
  check_driver(driver, "torch.linalg.svd");
  return singular(A, full_matrices ? Vectors::all : Vectors::reduced, "linalg.svd");
}

Tensor singular_values(const Tensor& A) { return std::get<1>(singular(A, Vectors::none, "linalg.svd")); }

Tensor svdvals(const Tensor& A, std::optional<std::string_view> driver) {
  check_driver(driver, "torch.linalg.svd");
  return must_record(A) ? std::get<1>(ops::svd(A, false)) : ops::singular_values(A);
}

Tensor pinv_native(const Tensor& A, const Tensor& atol, const Tensor& rtol, bool hermitian_input) {
  constexpr auto op = "linalg.pinv";
  if (hermitian_input)
    check_square(A, op);
  else
    check_matrix(A, op);
  if (A.numel() == 0) return weft::empty(joined(without_last(A, 2), {A.size(-1), A.size(-2)}), A.dtype());
  const auto column = [](const Tensor& t) { return ops::unsqueeze(t, -1); };
  const auto cutoff = [&](const Tensor& s) {
    return ops::maximum(column(atol), ops::mul(column(rtol), ops::amax(s, Dims{-1}, true)));
  };
  // The reciprocals of what is not negligible.
  const auto inverted = [&](const Tensor& s, const Tensor& size) {
    return ops::where(ops::gt(size, cutoff(size)), ops::reciprocal(s), wrapped_number(Scalar(0.)));
  };
  if (hermitian_input) {
    const auto [w, v] = ops::eigh(A);
    return ops::matmul(ops::mul(v, ops::unsqueeze(inverted(w, ops::abs(w)), -2)), adjoint(v));
  }
  const auto [u, s, vh] = ops::svd(A, false);
  return ops::matmul(ops::mul(adjoint(vh), ops::unsqueeze(inverted(s, s), -2)), adjoint(u));
}

// Eigenvalues -------------------------------------------------------------------------------------------------------

namespace {

std::tuple<Tensor, Tensor> hermitian(const Tensor& A, std::string_view uplo, bool vectors, const char* op) {
  check_square(A, op);
  check(uplo == "L" || uplo == "U" || uplo == "l" || uplo == "u", "Expected UPLO argument to be 'L' or 'U', but got {}",
        uplo);
  const auto batch = without_last(A, 2);
  const bool lower = uplo == "L" || uplo == "l";
  auto v = column_copy(A);
  if (lower)  // the other triangle is not read, and may hold anything
    ops::tril_(v);
  else
    ops::triu_(v);
  auto w = weft::empty(joined(batch, {A.size(-1)}), real_type(A.dtype()));
  const Int n = to_int(A.size(-1), op);
  if (A.numel() == 0) return {w, v};
  const auto info = weft::empty(batch, DType::int32);
  with_type(A.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const char job = vectors ? 'V' : 'N', triangle = lower ? 'L' : 'U';
    const auto call = [&](T* at, Real<T>* values, T* work, Int lwork, Real<T>* rwork, Int lrwork, Int* iwork,
                          Int liwork) {
      if constexpr (lapack::is_complex_type<T>)
        return lapack::call<T>(Routine::syevd, job, triangle, n, at, n, values, work, lwork, rwork, lrwork, iwork,
                               liwork);
      else
        return lapack::call<T>(Routine::syevd, job, triangle, n, at, n, values, work, lwork, iwork, liwork);
    };
    T size{};
    Real<T> real_size{};
    Int int_size = 0;
    call(nullptr, nullptr, &size, -1, &real_size, -1, &int_size, -1);
    const Int lwork = leading(lapack::queried(size)), lrwork = leading(static_cast<Int>(real_size));
    over_batch(info.numel(), 4. * n * n * n, [&](int64_t begin, int64_t end) {
      const Scratch<T> work(lwork);
      const Scratch<Real<T>> rwork(lrwork);
      const Scratch<Int> iwork(int_size);
      for (int64_t i = begin; i < end; ++i)
        info.data<Int>()[i] = !all_finite(nth<T>(v, i), static_cast<int64_t>(n) * n)
                                  ? not_finite
                                  : call(nth<T>(v, i), nth<Real<T>>(w, i, 1), work.data(), lwork, rwork.data(), lrwork,
                                         iwork.data(), leading(int_size));
    });
  });
  check_info(info, op, Failure::no_convergence);
  return {w, v};
}

std::tuple<Tensor, Tensor> general(const Tensor& A, bool vectors, const char* op) {
  check_square(A, op);
  const auto batch = without_last(A, 2);
  const DType type = complex_type(A.dtype());
  auto w = weft::empty(joined(batch, {A.size(-1)}), type);
  auto v = empty_columns(batch, A.size(-2), A.size(-1), type);
  const Int n = to_int(A.size(-1), op);
  if (A.numel() == 0) return {w, v};
  const auto a = column_copy(A);
  const auto info = weft::empty(batch, DType::int32);
  with_type(A.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = Complex<Real<T>>;
    const char no = 'N', job = vectors ? 'V' : 'N';
    T size{};
    [[maybe_unused]] Real<T> real_size{};  // the complex query writes there too
    if constexpr (lapack::is_complex_type<T>) {
      lapack::call<T>(Routine::geev, no, job, n, nth<T>(a, 0), n, static_cast<T*>(nullptr), static_cast<T*>(nullptr), n,
                      static_cast<T*>(nullptr), n, &size, Int{-1}, &real_size);
    } else {
      lapack::call<T>(Routine::geev, no, job, n, nth<T>(a, 0), n, static_cast<T*>(nullptr), static_cast<T*>(nullptr),
                      static_cast<T*>(nullptr), n, static_cast<T*>(nullptr), n, &size, Int{-1});
    }
    const Int lwork = leading(lapack::queried(size));
    over_batch(info.numel(), 12. * n * n * n, [&](int64_t begin, int64_t end) {
      const Scratch<T> work(lwork);
      const Scratch<Real<T>> parts(2 * static_cast<int64_t>(n));
      const Scratch<T> packed(lapack::is_complex_type<T> ? 1 : static_cast<int64_t>(n) * n);
      for (int64_t i = begin; i < end; ++i) {
        Int& status = info.data<Int>()[i];
        check(all_finite(nth<T>(a, i), static_cast<int64_t>(n) * n),
              "torch.{}: input tensor should not contain infs or NaNs.", op);
        C* const values = nth<C>(w, i, 1);
        C* const columns = nth<C>(v, i);
        if constexpr (lapack::is_complex_type<T>) {
          status = lapack::call<T>(Routine::geev, no, job, n, nth<T>(a, i), n, values, static_cast<T*>(nullptr), n,
                                   columns, n, work.data(), lwork, parts.data());
        } else {
          Real<T>*const re = parts.data(), *const im = re + n;
          status = lapack::call<T>(Routine::geev, no, job, n, nth<T>(a, i), n, re, im, static_cast<T*>(nullptr), n,
                                   packed.data(), n, work.data(), lwork);
          for (Int j = 0; j < n; ++j) values[j] = {re[j], im[j]};
          // A conjugate pair's vectors are one column of real parts and one of imaginary parts.
          for (Int j = 0; vectors && j < n; ++j) {
            const T* const first = packed.data() + static_cast<int64_t>(j) * n;
            C* const out = columns + static_cast<int64_t>(j) * n;
            const bool pair = im[j] != 0 && j + 1 < n;
            for (Int r = 0; r < n; ++r) {
              out[r] = {first[r], pair ? first[n + r] : T(0)};
              if (pair) out[n + r] = {first[r], -first[n + r]};
            }
            if (pair) ++j;
          }
        }
      }
    });
  });
  check_info(info, op, Failure::no_convergence);
  return {w, v};
}

}  // namespace

std::tuple<Tensor, Tensor> eigh(const Tensor& self, std::string_view UPLO) {
  return hermitian(self, UPLO, true, "linalg.eigh");
}

Tensor hermitian_values(const Tensor& self, std::string_view UPLO) {
  return std::get<0>(hermitian(self, UPLO, false, "linalg.eigh"));
}

Tensor eigvalsh(const Tensor& self, std::string_view UPLO) {
  return must_record(self) ? std::get<0>(ops::eigh(self, UPLO)) : ops::hermitian_values(self, UPLO);
}

std::tuple<Tensor, Tensor> eig(const Tensor& self) { return general(self, true, "linalg.eig"); }

Tensor general_values(const Tensor& self) { return std::get<0>(general(self, false, "linalg.eigvals")); }

Tensor eigvals(const Tensor& self) {
  return must_record(self) ? std::get<0>(ops::eig(self)) : ops::general_values(self);
}

// Least squares -----------------------------------------------------------------------------------------------------

namespace {

/// One system: a is m x n, b has max(m, n) rows; returns the rank, 0 for gels.
template <class T>
class LeastSquares {
 public:
  LeastSquares(Routine routine, Int m, Int n, Int k, Real<T> rcond)
      : routine_(routine), m_(m), n_(n), k_(k), rcond_(rcond) {
    const int64_t few = std::min(m, n), levels = 32;
    if (routine == Routine::gelsd || routine == Routine::gelss) values_.resize(few);
    ints_.resize(routine == Routine::gelsy ? n : 3 * few * levels + 11 * few);
    int64_t reals = std::max<int64_t>(2 * n, 5 * few);
    if (routine == Routine::gelsd)
      reals = 10 * few + 2 * few * 25 + 8 * few * levels + 3 * 25 * k + std::max<int64_t>(26 * 26, n * (1 + k) + 2 * k);
    if (lapack::is_complex_type<T>) reals_.resize(reals);
    T size{};
    Int rank = 0;
    run(nullptr, nullptr, &size, -1, rank, nullptr);
    lwork_ = leading(lapack::queried(size));
    work_.resize(lwork_);
  }

  Int operator()(T* a, T* b, Int& rank, Real<T>* values) {
    rank = 0;
    for (Int i = 0; routine_ == Routine::gelsy && i < n_; ++i) ints_.data()[i] = 0;
    return run(a, b, work_.data(), lwork_, rank, values != nullptr ? values : values_.data());
  }

 private:
  Int run(T* a, T* b, T* work, Int lwork, Int& rank, Real<T>* values) {
    const Int ldb = leading(std::max(m_, n_));
    if (routine_ == Routine::gels)
      return lapack::call<T>(routine_, 'N', m_, n_, k_, a, leading(m_), b, ldb, work, lwork);
    if constexpr (lapack::is_complex_type<T>) {
      if (routine_ == Routine::gelsy)
        return lapack::call<T>(routine_, m_, n_, k_, a, leading(m_), b, ldb, ints_.data(), rcond_, &rank, work, lwork,
                               reals_.data());
      if (routine_ == Routine::gelss)
        return lapack::call<T>(routine_, m_, n_, k_, a, leading(m_), b, ldb, values, rcond_, &rank, work, lwork,
                               reals_.data());
      return lapack::call<T>(routine_, m_, n_, k_, a, leading(m_), b, ldb, values, rcond_, &rank, work, lwork,
                             reals_.data(), ints_.data());
    } else {
      if (routine_ == Routine::gelsy)
        return lapack::call<T>(routine_, m_, n_, k_, a, leading(m_), b, ldb, ints_.data(), rcond_, &rank, work, lwork);
      if (routine_ == Routine::gelss)
        return lapack::call<T>(routine_, m_, n_, k_, a, leading(m_), b, ldb, values, rcond_, &rank, work, lwork);
      return lapack::call<T>(routine_, m_, n_, k_, a, leading(m_), b, ldb, values, rcond_, &rank, work, lwork,
                             ints_.data());
    }
  }

  Routine routine_;
  Int m_, n_, k_, lwork_ = 0;
  Real<T> rcond_;
  Scratch<Int> ints_;
  Scratch<Real<T>> reals_, values_;
  Scratch<T> work_;
};

Routine driver_named(const std::optional<std::string_view>& driver) {
  const auto name = driver.value_or("gelsy");
  if (name == "gels") return Routine::gels;
  if (name == "gelsy") return Routine::gelsy;
  if (name == "gelsd") return Routine::gelsd;
  check(name == "gelss", "torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got {}",
        name);
  return Routine::gelss;
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor, Tensor> lstsq(const Tensor& self, const Tensor& b, std::optional<double> rcond,
                                                 std::optional<std::string_view> driver) {
  constexpr auto op = "torch.linalg.lstsq";
  check_matrix(self, op, "input");
  check(b.dim() >= 1, "{}: other must have at least 1 dimension.", op);
  check_same_type(self, b, op, "input", "other");
  const Routine routine = driver_named(driver);
  const bool vector = is_vector(self, b);
  const auto right = vector ? ops::unsqueeze(b, -1) : b;
  check(right.dim() >= 2 && self.size(-2) == right.size(-2),
        "{}: input.size(-2) should match other.size({}), but got shapes {} and {}", op, vector ? "-1" : "-2",
        Listed{self.sizes()}, Listed{b.sizes()});
  const Int m = to_int(self.size(-2), op), n = to_int(self.size(-1), op), k = to_int(right.size(-1), op);
  const Dims batch = broadcast_shapes(without_last(self, 2), without_last(right, 2));
  const auto a = column_copy(self, batch);
  const auto tall = empty_columns(batch, std::max(m, n), k, self.dtype());
  ops::zero_(tall);
  copy_elements(ops::narrow(tall, -2, 0, m), right);
  const DType real = real_type(self.dtype());
  const bool ranks = routine != Routine::gels, spectrum = routine == Routine::gelsd || routine == Routine::gelss;
  const auto rank = ranks ? weft::empty(batch, DType::int32) : weft::empty(Dims{0}, DType::int32);
  auto values = spectrum ? weft::empty(joined(batch, {std::min(m, n)}), real) : weft::empty(Dims{0}, real);
  const auto info = weft::empty(batch, DType::int32);
  const double epsilon = real == DType::float32 ? 0x1p-23 : 0x1p-52;
  if (self.numel() > 0 && k > 0) {
    with_type(self.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      over_batch(info.numel(), 2. * m * n * std::min(m, n), [&](int64_t begin, int64_t end) {
        LeastSquares<T> solver(routine, m, n, k, static_cast<Real<T>>(rcond.value_or(epsilon * std::max(m, n))));
        for (int64_t i = begin; i < end; ++i) {
          Int found = 0;
          info.data<Int>()[i] =
              !all_finite(nth<T>(a, i), static_cast<int64_t>(m) * n)
                  ? not_finite
                  : solver(nth<T>(a, i), nth<T>(tall, i), found, spectrum ? nth<Real<T>>(values, i, 1) : nullptr);
          if (ranks) rank.data<Int>()[i] = found;
        }
      });
    });
    check_info(info, op, Failure::no_convergence);
  } else if (ranks) {
    ops::zero_(rank);
  }
  auto solution = ops::narrow(tall, -2, 0, n);
  // Rows past n hold what is left over, when the rank is full.
  auto residuals = weft::empty(Dims{0}, real);
  if (m > n && routine != Routine::gelsy &&
      (!ranks || item(ops::all(ops::eq(rank, wrapped_number(Scalar(int64_t{n}))))).to_bool())) {
    const auto rest = ops::abs(ops::narrow(tall, -2, n, m - n));
    residuals = ops::sum_dim(ops::mul(rest, rest), Dims{-2});
  }
  if (vector) solution = ops::squeeze_dim(solution, Dims{-1});
  return {solution, residuals, ops::to(rank, DType::int64), values};
}

}  // namespace weft::ops::impl
