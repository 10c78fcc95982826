// Derivatives of the matrix factorizations, composed of recorded operators: so they differentiate again. An undefined
// gradient means that none arrived. Sources: Giles (2008), An extended collection of matrix derivative results;
// Walter, Lehmann, Lamour (2012), On evaluating higher-order derivatives of the QR decomposition; Wan, Zhang (2019),
// Automatic differentiation for complex valued SVD.
#include "autograd/grad_mode.h"
#include "generated/impl.h"
#include "generated/ops.h"
#include "ops/linalg_support.h"
#include "ops/support.h"

namespace weft::ops::impl {

namespace {

Tensor number(double value) { return wrapped_number(Scalar(value)); }
Tensor column(const Tensor& t) { return ops::unsqueeze(t, -1); }
Tensor row(const Tensor& t) { return ops::unsqueeze(t, -2); }
Tensor diagonal_of(const Tensor& t) { return ops::diagonal(t, 0, -2, -1); }
Tensor without_diagonal(const Tensor& t) { return ops::sub(t, ops::diag_embed(diagonal_of(t))); }
Tensor skew(const Tensor& t) { return ops::sub(t, adjoint(t)); }
/// a + b, where either may be undefined.
Tensor plus(const Tensor& a, const Tensor& b) { return !a.defined() ? b : !b.defined() ? a : ops::add(a, b); }

/// The Hermitian matrix with this strict triangle, and the real part of this diagonal.
Tensor hermitian_from(const Tensor& strict, Tensor diagonal) {
  if (is_complex(diagonal.dtype())) diagonal = ops::to(ops::real(diagonal), diagonal.dtype());
  return ops::add(ops::add(strict, adjoint(strict)), ops::diag_embed(diagonal));
}

/// values[j] - values[i], with 1 on the diagonal.
Tensor gaps(const Tensor& values) {
  const auto one = ops::eye(values.size(-1), values.dtype());
  return ops::add(ops::sub(row(values), column(values)), one);
}

/// For every number of a batch its multiple of the identity.
Tensor multiples_of_identity(const Tensor& factors, int64_t n) {
  return ops::mul(column(column(factors)), ops::eye(n, factors.dtype()));
}

/// A phase of the vectors that the loss depends on has no derivative.
void check_gauge(const Tensor& diagonal, const char* name) {
  if (!is_complex(diagonal.dtype()) || diagonal.numel() == 0) return;
  const GradModeScope off(false);
  check(item(ops::amax(ops::abs(ops::imag(diagonal)), Dims{}, false)).to_double() <= 1e-2,
        "{}: The vectors in the complex case are specified up to multiplication by e^{{i phi}}. The specified loss "
        "function "
        "depends on this quantity, so it is ill-defined.",
        name);
}

}  // namespace

Tensor cholesky_backward(const Tensor& grad, const Tensor& factor, bool upper) {
  const auto lower = upper ? adjoint(factor) : factor;
  const auto g = upper ? adjoint(grad) : grad;
  const auto phi = ops::matmul(adjoint(lower), g);
  const auto symmetric = ops::mul(hermitian_from(ops::tril(phi, -1), diagonal_of(phi)), number(0.5));
  const auto left = ops::solve_triangular(adjoint(lower), symmetric, true);
  return ops::solve_triangular(lower, left, false, false);
}

std::tuple<Tensor, Tensor> solve_backward(const Tensor& grad, const Tensor& A, const Tensor& B, const Tensor& X,
                                          const Tensor& LU, const Tensor& pivots, bool left, bool wants_A) {
  const bool vector = is_vector(A, B);
  const auto g = vector ? column(grad) : grad;
  const auto x = vector ? column(X) : X;
  // The factors serve a first derivative; a second one needs the gradient's dependence on A.
  const auto grad_b =
      grad_enabled() ? ops::solve(adjoint(A), g, left) : ops::lu_solve_native(LU, pivots, g, left, true);
  Tensor grad_a;
  if (wants_A) grad_a = ops::neg(left ? ops::matmul(grad_b, adjoint(x)) : ops::matmul(adjoint(x), grad_b));
  return {grad_a, vector ? ops::squeeze_dim(grad_b, Dims{-1}) : grad_b};
}

Tensor inv_backward(const Tensor& grad, const Tensor& inverse) {
  const auto h = adjoint(inverse);
  return ops::neg(ops::matmul(h, ops::matmul(grad, h)));
}

Tensor det_backward(const Tensor& grad, const Tensor& A, const Tensor& det, const Tensor& LU, const Tensor& pivots) {
  if (A.numel() == 0) return ops::zeros_like(A);
  if (!grad_enabled()) {
    // A zero pivot becomes a tiny one: the product below stays finite, and right to rounding.
    const auto zero = ops::to(ops::eq(diagonal_of(LU), number(0.)), LU.dtype());
    const auto tiny = number(real_type(A.dtype()) == DType::float32 ? 0x1p-23 : 0x1p-52);
    const auto factors = ops::add(LU, ops::diag_embed(ops::mul(zero, tiny)));
    const auto scale = ops::mul(grad, ops::conj(determinant(factors, pivots)));
    return ops::lu_solve_native(factors, pivots, multiples_of_identity(scale, A.size(-1)), true, true);
  }
  const bool singular = [&] {
    const GradModeScope off(false);
    return item(ops::any(ops::eq(det, number(0.)))).to_bool();
  }();
  if (!singular) return ops::mul(column(column(ops::mul(grad, ops::conj(det)))), adjoint(ops::inv(A)));
  // With A = U diag(s) Vh the cofactors are det(U Vh) times the products of the other singular values.
  const auto [u, s, vh] = ops::svd(A);
  const auto self = ops::to(ops::eye(s.size(-1), s.dtype()), DType::boolean);
  const auto others = ops::prod_dim(ops::where(self, number(1.), row(s)), -1);
  const auto sign = ops::conj(ops::mul(ops::det(u), ops::det(vh)));
  return ops::matmul(ops::mul(u, row(ops::mul(column(ops::mul(sign, grad)), others))), vh);
}

Tensor slogdet_backward(const Tensor& grad_sign, const Tensor& grad_log, const Tensor& A, const Tensor& sign,
                        const Tensor& LU, const Tensor& pivots) {
  auto g = grad_log.defined() ? grad_log : ops::zeros_like(ops::real(sign));
  if (is_complex(A.dtype())) {
    const auto turn =
        grad_sign.defined() ? ops::neg(ops::imag(ops::mul(ops::conj(grad_sign), sign))) : ops::zeros_like(g);
    g = ops::complex(g, turn);
  }
  if (grad_enabled()) return ops::mul(column(column(g)), adjoint(ops::inv(A)));
  return ops::lu_solve_native(LU, pivots, multiples_of_identity(g, A.size(-1)), true, true);
}

Tensor cholesky_solve_backward(const Tensor& grad, const Tensor& factor, const Tensor& X, bool upper) {
  const auto half = ops::matmul(ops::cholesky_solve(grad, factor, upper), adjoint(X));
  const auto whole = ops::neg(ops::add(half, adjoint(half)));
  return upper ? ops::matmul(factor, whole) : ops::matmul(whole, factor);
}

std::tuple<Tensor, Tensor> solve_triangular_backward(const Tensor& grad, const Tensor& A, const Tensor& X, bool upper,
                                                     bool left, bool unitriangular, bool wants_A) {
  const auto grad_b = ops::solve_triangular(adjoint(A), grad, !upper, left, unitriangular);
  if (!wants_A) return {Tensor(), grad_b};
  const auto g = ops::neg(left ? ops::matmul(grad_b, adjoint(X)) : ops::matmul(adjoint(X), grad_b));
  return {upper ? ops::triu(g, unitriangular ? 1 : 0) : ops::tril(g, unitriangular ? -1 : 0), grad_b};
}

Tensor lu_factor_backward(const Tensor& grad, const Tensor& LU, const Tensor& pivots) {
  const int64_t m = LU.size(-2), n = LU.size(-1), k = std::min(m, n);
  const auto permutation = ops::pivots_to_matrix(pivots, m, LU.dtype());
  const auto lower = ops::narrow(ops::narrow(LU, -2, 0, k), -1, 0, k);  // its strict lower part and ones
  const auto upper = ops::triu(lower);
  const auto unit = ops::add(ops::tril(lower, -1), ops::eye(k, LU.dtype()));
  const auto grad_square = ops::narrow(ops::narrow(grad, -2, 0, k), -1, 0, k);
  auto phi_l = ops::matmul(adjoint(unit), ops::tril(grad_square, -1));
  auto phi_u = ops::matmul(ops::triu(grad_square), adjoint(upper));
  Tensor beside;
  if (n > k) {
    const auto wide = ops::narrow(LU, -1, k, n - k), grad_wide = ops::narrow(grad, -1, k, n - k);
    phi_l = ops::sub(phi_l, ops::matmul(grad_wide, adjoint(wide)));
    beside = ops::solve_triangular(adjoint(unit), grad_wide, true, true, true);
  } else if (m > k) {
    const auto tall = ops::narrow(LU, -2, k, m - k), grad_tall = ops::narrow(grad, -2, k, m - k);
    phi_u = ops::sub(phi_u, ops::matmul(adjoint(tall), grad_tall));
    beside = ops::solve_triangular(adjoint(upper), grad_tall, false, false);
  }
  const auto phi = ops::add(ops::tril(phi_l, -1), ops::triu(phi_u));
  const auto right = ops::solve_triangular(adjoint(upper), phi, false, false);
  auto g = ops::solve_triangular(adjoint(unit), right, true, true, true);
  if (beside.defined()) {
    const Tensor parts[] = {g, beside};
    g = ops::cat(parts, n > k ? -1 : -2);
  }
  return ops::matmul(permutation, g);
}

Tensor qr_backward(const Tensor& grad_q, const Tensor& grad_r, const Tensor& Q, const Tensor& R,
                   std::string_view mode) {
  check(mode != "r",
        "linalg.qr: the derivative depends on Q, which is not computed when mode='r'. Please use "
        "mode='reduced' or mode='complete'.");
  const int64_t m = Q.size(-2), n = R.size(-1);
  check(mode != "complete" || m <= n,
        "linalg.qr: the derivative is not unique when mode='complete' and there are more rows than columns.");
  Tensor g_q = grad_q, g_r = grad_r, beside, r = R;
  if (m < n) {
    // A = [X Y], R = [U V] with X = Q U square and V = Q^H Y.
    r = ops::narrow(R, -1, 0, m);
    if (grad_r.defined()) {
      const auto v = ops::narrow(R, -1, m, n - m), g_v = ops::narrow(grad_r, -1, m, n - m);
      g_r = ops::narrow(grad_r, -1, 0, m);
      beside = ops::matmul(Q, g_v);
      g_q = plus(grad_q, ops::matmul(ops::matmul(Q, v), adjoint(g_v)));
    } else {
      beside = weft::ops::zeros(joined(without_last(R, 2), {m, n - m}), R.dtype());
    }
  }
  Tensor inner;
  if (g_r.defined()) inner = ops::matmul(g_r, adjoint(r));
  if (g_q.defined()) inner = plus(inner, ops::neg(ops::matmul(adjoint(Q), g_q)));
  const auto symmetric = hermitian_from(ops::triu(inner, 1), diagonal_of(inner));
  auto g = plus(ops::matmul(Q, symmetric), g_q);
  g = ops::solve_triangular(adjoint(r), g, false, false);
  if (!beside.defined()) return g;
  const Tensor parts[] = {g, beside};
  return ops::cat(parts, -1);
}

Tensor svd_backward(const Tensor& grad_u, const Tensor& grad_s, const Tensor& grad_vh, const Tensor& U, const Tensor& S,
                    const Tensor& Vh) {
  const int64_t k = S.size(-1), m = U.size(-2), n = Vh.size(-1);
  const auto u = ops::narrow(U, -1, 0, k), vh = ops::narrow(Vh, -2, 0, k);
  if (!grad_u.defined() && !grad_vh.defined())
    return m >= n ? ops::matmul(u, ops::mul(column(grad_s), vh)) : ops::matmul(ops::mul(u, row(grad_s)), vh);
  const auto g_u = grad_u.defined() ? ops::narrow(grad_u, -1, 0, k) : Tensor();
  const auto g_vh = grad_vh.defined() ? ops::narrow(grad_vh, -2, 0, k) : Tensor();
  const auto gap = gaps(ops::mul(S, S));
  Tensor inner = grad_s.defined() ? ops::diag_embed(ops::to(grad_s, u.dtype())) : Tensor(), phase;
  if (g_u.defined()) {
    const auto uhgu = ops::matmul(adjoint(u), g_u), turned = skew(uhgu);
    phase = diagonal_of(uhgu);
    inner = plus(inner, ops::mul(without_diagonal(ops::div(turned, gap)), row(S)));
    if (is_complex(u.dtype()))  // what turns u against v
      inner = ops::add(inner, ops::diag_embed(ops::div(diagonal_of(turned), ops::mul(S, number(2.)))));
  }
  if (g_vh.defined()) {
    const auto vhgv = ops::matmul(vh, adjoint(g_vh)), turned = skew(vhgv);
    phase = plus(phase, diagonal_of(vhgv));
    inner = plus(inner, ops::mul(column(S), without_diagonal(ops::div(turned, gap))));
  }
  check_gauge(phase, "svd_backward");
  auto g = ops::matmul(ops::matmul(u, inner), vh);
  if (m > k && g_u.defined()) {
    const auto scaled = ops::div(g_u, row(S));
    const auto outside = ops::sub(scaled, ops::matmul(u, ops::matmul(adjoint(u), scaled)));
    g = ops::add(g, ops::matmul(outside, vh));
  }
  if (n > k && g_vh.defined()) {
    const auto scaled = ops::div(g_vh, column(S));
    const auto outside = ops::sub(scaled, ops::matmul(ops::matmul(scaled, adjoint(vh)), vh));
    g = ops::add(g, ops::matmul(u, outside));
  }
  return g;
}

Tensor eigh_backward(const Tensor& grad_w, const Tensor& grad_v, const Tensor& w, const Tensor& V) {
  const auto vh = adjoint(V);
  if (!grad_v.defined()) return ops::matmul(ops::mul(V, row(grad_w)), vh);
  const auto vhgv = ops::matmul(vh, grad_v);
  check_gauge(diagonal_of(vhgv), "linalg_eigh_backward");
  // The part that keeps the gradient Hermitian, as its input is.
  auto inner = without_diagonal(ops::div(ops::mul(skew(vhgv), number(.5)), gaps(w)));
  if (grad_w.defined()) inner = ops::add(inner, ops::diag_embed(ops::to(grad_w, V.dtype())));
  return ops::matmul(V, ops::matmul(inner, vh));
}

Tensor eig_backward(const Tensor& grad_w, const Tensor& grad_v, const Tensor& w, const Tensor& V, DType dtype) {
  const auto vh = adjoint(V);
  Tensor inner = grad_w.defined() ? ops::diag_embed(grad_w) : Tensor();
  if (grad_v.defined()) {
    const auto vhgv = ops::matmul(vh, grad_v);
    const auto diagonal = diagonal_of(vhgv);
    check_gauge(diagonal, "linalg_eig_backward");
    // The vectors keep unit length: what changes their length is projected out.
    const auto projected = ops::sub(vhgv, ops::mul(ops::matmul(vh, V), row(ops::real(diagonal))));
    inner = plus(inner, without_diagonal(ops::div(projected, ops::conj(gaps(w)))));
  }
  const auto g = ops::solve(vh, ops::matmul(inner, vh));
  return is_complex(dtype) ? g : ops::real(g);
}

Tensor pinv_backward(const Tensor& grad, const Tensor& pinv, const Tensor& A) {
  // Golub and Pereyra (1973), The differentiation of pseudo-inverses; the smaller products first.
  const auto p_h = adjoint(pinv), g_h = adjoint(grad);
  if (A.size(-2) <= A.size(-1)) {
    const auto k = ops::matmul(g_h, pinv), kp = ops::matmul(k, p_h);
    const auto outside = ops::sub(kp, ops::matmul(ops::matmul(A, pinv), kp));
    const auto inside = ops::matmul(ops::matmul(p_h, pinv), ops::sub(g_h, ops::matmul(k, A)));
    return ops::sub(ops::add(outside, inside), adjoint(ops::matmul(pinv, k)));
  }
  const auto k = ops::matmul(pinv, g_h), pk = ops::matmul(p_h, k);
  const auto outside = ops::matmul(ops::matmul(ops::sub(g_h, ops::matmul(A, k)), pinv), p_h);
  const auto inside = ops::sub(pk, ops::matmul(ops::matmul(pk, pinv), A));
  return ops::sub(ops::add(outside, inside), adjoint(ops::matmul(k, pinv)));
}

std::tuple<Tensor, Tensor> lstsq_backward(const Tensor& grad, const Tensor& grad_residuals, const Tensor& A,
                                          const Tensor& B, const Tensor& X) {
  const bool vector = is_vector(A, B);
  const auto b = vector ? column(B) : B;
  Tensor grad_a, grad_b;
  if (grad.defined()) {
    const auto g = vector ? column(grad) : grad;
    const auto pinv = ops::pinv_native(A, number(0.),
                                       number((real_type(A.dtype()) == DType::float32 ? 0x1p-23 : 0x1p-52) *
                                              static_cast<double>(std::max(A.size(-2), A.size(-1)))),
                                       false);
    grad_b = ops::matmul(adjoint(pinv), g);
    grad_a = ops::pinv_backward(ops::matmul(g, adjoint(b)), pinv, A);
  }
  if (grad_residuals.defined() &&
      grad_residuals.numel() > 0) {  // squared norms of the columns of A X - B, which X makes least
    const auto x = vector ? column(X) : X;
    const auto weights = ops::mul(vector ? column(grad_residuals) : row(grad_residuals), number(2.));
    const auto rest = ops::mul(ops::sub(ops::matmul(A, x), b), weights);
    grad_a = plus(grad_a, ops::matmul(rest, adjoint(x)));
    grad_b = plus(grad_b, ops::neg(rest));
  }
  return {grad_a, vector && grad_b.defined() ? ops::squeeze_dim(grad_b, Dims{-1}) : grad_b};
}

}  // namespace weft::ops::impl
