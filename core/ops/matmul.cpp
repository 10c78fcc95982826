// Products of vectors and matrices: shapes and dtypes here, arithmetic in kernels/gemm.h.
#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/convert.h"
#include "ops/promotion.h"
#include "ops/support.h"
#include "runtime/error.h"

namespace weft::ops::impl {

namespace {

using kernels::Compute;
using kernels::GemmArgs;

/// The dtype a product of this dtype is computed in.
DType product_type(const char* op, DType dtype) {
  check_implemented(dtype != DType::boolean, op, dtype);
  if (is_integral(dtype)) return DType::int64;
  if (is_complex(dtype)) return dtype;
  return dtype == DType::float64 ? DType::float64 : DType::float32;
}

Compute compute_of(DType dtype) noexcept {
  return dtype == DType::float64 ? Compute::f64 : dtype == DType::int64 ? Compute::i64 : Compute::f32;
}

Tensor as_type(const Tensor& t, DType dtype) { return t.dtype() == dtype ? t : converted(t, dtype); }

/// The dtype in which a product takes its operands: bfloat16 and float16 as they are where there is enough to multiply,
/// else the dtype computed in.
DType operand_type(DType dtype, int64_t m, int64_t n, int64_t k, DType computed) {
  const bool large = m * n >= 256 && n >= 8 && k >= 16;
  return large && (dtype == DType::bfloat16 || dtype == DType::float16) ? dtype : computed;
}
DType operand_type(const Tensor& a, const Tensor& b, DType computed) {
  return operand_type(a.dtype(), a.size(-2), b.size(-1), a.size(-1), computed);
}

kernels::Param parameter(const Scalar& value) { return {value.to_double(), value.to_int()}; }

void check_same_dtype(const Tensor& a, const Tensor& b) {
  check(a.dtype() == b.dtype(), "expected m1 and m2 to have the same dtype, but got: {} != {}", dtype_name(a.dtype()),
        dtype_name(b.dtype()));
}

void multiply_complex(const Tensor& a, const Tensor& b, const Tensor& c, const Scalar& alpha, bool accumulate,
                      const Tensor& column_bias);

/// c = alpha * a b [+ c] (+ bias along columns). The last two dimensions are matrices, one before them the batch;
/// all of one compute dtype, c contiguous.
void multiply(const Tensor& a, const Tensor& b, const Tensor& c, const Scalar& alpha, bool accumulate,
              const Tensor& column_bias = {}) {
  if (is_complex(c.dtype())) return multiply_complex(a, b, c, alpha, accumulate, column_bias);
  GemmArgs args{.m = c.size(-2), .n = c.size(-1), .k = a.size(-1)};
  args.a = a.bytes();
  args.b = b.bytes();
  args.c = c.bytes();
  args.a_row = a.stride(-2);
  args.a_col = a.stride(-1);
  args.b_row = b.stride(-2);
  args.b_col = b.stride(-1);
  args.c_row = c.size(-1);
  args.alpha = parameter(alpha);
  args.accumulate = accumulate;
  args.column_bias = column_bias.defined() ? column_bias.bytes() : nullptr;
  if (c.dim() == 3) {
    args.batch = c.size(0);
    args.a_batch = a.stride(0);
    args.b_batch = b.stride(0);
    args.c_batch = args.m * args.n;
  }
  const auto& gemm = kernels::table().gemm;
  const auto run = a.dtype() == DType::bfloat16  ? gemm.bfloat16
                   : a.dtype() == DType::float16 ? gemm.float16
                                                 : gemm.gemm[static_cast<int>(compute_of(c.dtype()))];
  run(args);
}

/// Four products of the parts: their strides reach them where they are.
void multiply_complex(const Tensor& a, const Tensor& b, const Tensor& c, const Scalar& alpha, bool accumulate,
                      const Tensor& column_bias) {
  const DType part = real_type(c.dtype());
  const auto re = weft::empty(c.sizes(), part), im = weft::empty(c.sizes(), part);
  const auto a_re = ops::real(a), a_im = ops::imag(a), b_re = ops::real(b), b_im = ops::imag(b);
  multiply(a_re, b_re, re, Scalar(1), false);
  multiply(a_im, b_im, re, Scalar(-1), true);
  multiply(a_re, b_im, im, Scalar(1), false);
  multiply(a_im, b_re, im, Scalar(1), true);
  auto product = ops::scaled(ops::complex(re, im), alpha);
  if (column_bias.defined()) product = ops::add(product, column_bias);
  copy_elements(c, accumulate ? ops::add(product, c) : product);
}

Tensor multiplied(const char* op, const Tensor& a, const Tensor& b, IntList shape) {
  const DType type = product_type(op, a.dtype());
  const auto out = weft::empty(shape, type);
  const DType taken = operand_type(a, b, type);
  multiply(as_type(a, taken), as_type(b, taken), out, Scalar(int64_t{1}), false);
  return as_type(out, a.dtype());
}

bool equals(const Scalar& value, double number) { return value.to_double() == number && value.imag() == 0; }

/// beta * self + alpha * (a b), where self broadcasts to `shape`.
Tensor added_product(const char* op, const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& given_beta,
                     const Scalar& given_alpha, IntList shape) {
  check(self.dtype() == a.dtype(), "self and mat2 must have the same dtype, but got {} and {}",
        scalar_type_name(self.dtype()), scalar_type_name(a.dtype()));
  const DType type = product_type(op, a.dtype());
  check_fits(given_alpha, a.dtype());
  check_fits(given_beta, a.dtype());
  const Scalar alpha = wrapped_to(given_alpha, a.dtype()), beta = wrapped_to(given_beta, a.dtype());
  const auto out = weft::empty(shape, type);
  const DType taken = operand_type(a, b, type);
  const auto left = as_type(a, taken), right = as_type(b, taken);
  const int64_t columns = shape[shape.size() - 1];
  if (equals(beta, 0)) {
    multiply(left, right, out, alpha, false);
  } else if (equals(beta, 1) && self.dim() == 1 && self.size(0) == columns) {
    multiply(left, right, out, alpha, false, packed_as(self, type));
  } else {
    copy_elements(out, self);
    if (!equals(beta, 1)) ops::mul_(out, wrapped_number(beta));
    multiply(left, right, out, alpha, true);
  }
  return as_type(out, a.dtype());
}

void check_mm(const Tensor& a, const Tensor& b) {
  check(a.dim() == 2, "self must be a matrix");
  check(b.dim() == 2, "mat2 must be a matrix");
  check(a.size(1) == b.size(0), "mat1 and mat2 shapes cannot be multiplied ({}x{} and {}x{})", a.size(0), a.size(1),
        b.size(0), b.size(1));
  check_same_dtype(a, b);
}

void check_bmm(const Tensor& a, const Tensor& b) {
  check(a.dim() == 3, "batch1 must be a 3D tensor");
  check(b.dim() == 3, "batch2 must be a 3D tensor");
  check(a.size(0) == b.size(0) && a.size(2) == b.size(1),
        "Expected size for first two dimensions of batch2 tensor to be: [{}, {}] but got: [{}, {}].", a.size(0),
        a.size(2), b.size(0), b.size(1));
  check_same_dtype(a, b);
}

void check_mv(const Tensor& a, const Tensor& v) {
  check(a.dim() == 2 && v.dim() == 1, "vector + matrix @ vector expected, got 1, {}, {}", a.dim(), v.dim());
  check(a.size(1) == v.size(0), "size mismatch, got input ({}), mat ({}x{}), vec ({})", a.size(0), a.size(0), a.size(1),
        v.size(0));
  check_same_dtype(a, v);
}

void check_expandable(const Tensor& self, IntList shape) {
  const int leading = static_cast<int>(shape.size()) - self.dim();
  bool fits = leading >= 0;
  for (int d = 0; fits && d < self.dim(); ++d) fits = self.size(d) == 1 || self.size(d) == shape[leading + d];
  check(fits, "The expanded size of the tensor {} must match the existing size {} of the input", shape, self.sizes());
}

/// A vector as a column, without autograd.
Tensor column(const Tensor& v) { return view_of(v, {v.size(0), 1}, {v.stride(0), 1}, v.offset()); }

}  // namespace

Tensor mm(const Tensor& self, const Tensor& mat2) {
  check_mm(self, mat2);
  return multiplied("addmm_impl_cpu_", self, mat2, Dims{self.size(0), mat2.size(1)});
}

Tensor bmm(const Tensor& self, const Tensor& mat2) {
  check_bmm(self, mat2);
  return multiplied("bmm", self, mat2, Dims{self.size(0), self.size(1), mat2.size(2)});
}

Tensor mv(const Tensor& self, const Tensor& vec) {
  check_mv(self, vec);
  const auto out = multiplied("addmv_impl_cpu", self, column(vec), Dims{self.size(0), 1});
  return view_of(out, {self.size(0)}, {1}, 0);
}

Tensor dot(const Tensor& self, const Tensor& tensor) {
  check(self.dim() == 1 && tensor.dim() == 1, "1D tensors expected, but got {}D and {}D tensors", self.dim(),
        tensor.dim());
  check(self.dtype() == tensor.dtype(), "dot : expected both vectors to have same dtype, but found {} and {}",
        scalar_type_name(self.dtype()), scalar_type_name(tensor.dtype()));
  check(
      self.size(0) == tensor.size(0),
      "inconsistent tensor size, expected tensor {} and src {} to have the same number of elements, but got {} and {} "
      "elements respectively",
      self.sizes(), tensor.sizes(), self.numel(), tensor.numel());
  const auto row = view_of(self, {1, self.size(0)}, {1, self.stride(0)}, self.offset());
  const auto out = multiplied("dot", row, column(tensor), Dims{1, 1});
  return view_of(out, {}, {}, 0);
}

Tensor vdot(const Tensor& self, const Tensor& other) { return ops::dot(ops::conj(self), other); }

Tensor outer(const Tensor& self, const Tensor& vec2) {
  check(self.dim() == 1 && vec2.dim() == 1, "outer: Expected 1-D arguments self and vec2, but got {}-D and {}-D",
        self.dim(), vec2.dim());
  return ops::mul(ops::unsqueeze(self, 1), vec2);
}

Tensor inner(const Tensor& self, const Tensor& other) {
  if (self.dim() == 0 || other.dim() == 0) return ops::mul(self, other);
  check(self.size(-1) == other.size(-1),
        "inner() the last dimension must match on both input tensors but got shapes {} and {}", self.sizes(),
        other.sizes());
  if (other.dim() == 1) return ops::matmul(self, other);
  const auto rows = ops::reshape(other, Dims{-1, other.size(-1)});
  const auto flat = ops::matmul(self, ops::transpose(rows, 0, 1));
  Dims shape(IntList(self.sizes()).first(self.dim() - 1));
  for (int d = 0; d + 1 < other.dim(); ++d) shape.push_back(other.size(d));
  return ops::reshape(flat, shape);
}

Tensor matmul(const Tensor& self, const Tensor& other) {
  check(self.dim() > 0 && other.dim() > 0, "both arguments to matmul need to be at least 1D, but they are {}D and {}D",
        self.dim(), other.dim());
  if (other.dim() == 1) {
    if (self.dim() == 1) return ops::dot(self, other);
    if (self.dim() == 2) return ops::mv(self, other);
  } else if (self.dim() == 1) {
    return ops::squeeze_dim(ops::matmul(ops::unsqueeze(self, 0), other), Dims{-2});
  }
  if (self.dim() == 2 && other.dim() == 2) return ops::mm(self, other);
  if (other.dim() <= 2) {  // many rows on the left: one tall matrix
    const auto b = other.dim() == 1 ? ops::unsqueeze(other, 1) : other;
    check(self.size(-1) == b.size(0), "mat1 and mat2 shapes cannot be multiplied ({}x{} and {}x{})",
          self.numel() / std::max<int64_t>(self.size(-1), 1), self.size(-1), b.size(0), b.size(1));
    Dims shape(IntList(self.sizes()).first(self.dim() - 1));
    const int64_t rows = product(shape);
    const auto tall = ops::mm(ops::reshape(self, Dims{rows, self.size(-1)}), b);
    if (other.dim() == 2) shape.push_back(other.size(1));
    return ops::reshape(tall, shape);
  }
  const Dims self_batch(IntList(self.sizes()).first(self.dim() - 2));
  const Dims other_batch(IntList(other.sizes()).first(other.dim() - 2));
  Dims batch = broadcast_shapes(self_batch, other_batch);
  const int64_t count = product(batch);
  const auto batched = [&](const Tensor& t) {
    Dims full = batch;
    full.push_back(t.size(-2));
    full.push_back(t.size(-1));
    const auto spread = t.sizes() == full ? t : ops::expand(t, full);
    return batch.size() == 1 ? spread : ops::reshape(spread, Dims{count, t.size(-2), t.size(-1)});
  };
  const auto out = ops::bmm(batched(self), batched(other));
  batch.push_back(self.size(-2));
  batch.push_back(other.size(-1));
  return batch.size() == 3 ? out : ops::reshape(out, batch);
}

Tensor addmm(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta, const Scalar& alpha) {
  check_mm(mat1, mat2);
  const Dims shape{mat1.size(0), mat2.size(1)};
  check_expandable(self, shape);
  return added_product("addmm_impl_cpu_", self, mat1, mat2, beta, alpha, shape);
}

Tensor baddbmm(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta,
               const Scalar& alpha) {
  check_bmm(batch1, batch2);
  const Dims shape{batch1.size(0), batch1.size(1), batch2.size(2)};
  check_expandable(self, shape);
  return added_product("baddbmm", self, batch1, batch2, beta, alpha, shape);
}

Tensor addbmm(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta, const Scalar& alpha) {
  check_bmm(batch1, batch2);
  // The sum over the batch is one product: [a1 a2 ...] [b1; b2; ...].
  const auto wide = ops::reshape(ops::transpose(batch1, 0, 1), Dims{batch1.size(1), batch1.size(0) * batch1.size(2)});
  const auto tall = ops::reshape(batch2, Dims{batch2.size(0) * batch2.size(1), batch2.size(2)});
  return ops::addmm(self, wide, tall, beta, alpha);
}

Tensor addmv(const Tensor& self, const Tensor& mat, const Tensor& vec, const Scalar& beta, const Scalar& alpha) {
  check_mv(mat, vec);
  check_expandable(self, Dims{mat.size(0)});
  const auto raised = self.dim() == 0 ? self : view_of(self, {self.size(0), 1}, {self.stride(0), 1}, self.offset());
  const auto out = added_product("addmv_impl_cpu", raised, mat, column(vec), beta, alpha, Dims{mat.size(0), 1});
  return view_of(out, {mat.size(0)}, {1}, 0);
}

Tensor addr(const Tensor& self, const Tensor& vec1, const Tensor& vec2, const Scalar& beta, const Scalar& alpha) {
  constexpr DType boolean = DType::boolean;
  const bool truths = self.dtype() == boolean && vec1.dtype() == boolean && vec2.dtype() == boolean;
  const auto factor = [truths](const Scalar& s) { return truths ? Scalar(!equals(s, 0)) : s; };
  const auto added = ops::scaled(ops::outer(vec1, vec2), factor(alpha));
  check_expandable(self, added.sizes());
  return equals(beta, 0) ? added : ops::add(ops::scaled(self, factor(beta)), added);
}

Tensor linear(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  check(input.dim() >= 1, "linear(): input must have at least one dimension, got 0");
  check(weight.dim() == 1 || weight.dim() == 2, "linear(): weight must have one or two dimensions, got {}",
        weight.dim());
  const int64_t features = input.size(-1), columns = weight.dim() == 2 ? weight.size(0) : 1;
  const int64_t rows = product(IntList(input.sizes()).first(input.dim() - 1));
  check(features == weight.size(-1), "mat1 and mat2 shapes cannot be multiplied ({}x{} and {}x{})", rows, features,
        weight.size(-1), columns);
  check(input.dtype() == weight.dtype(), "mat1 and mat2 must have the same dtype, but got {} and {}",
        scalar_type_name(input.dtype()), scalar_type_name(weight.dtype()));
  const DType type = product_type("addmm_impl_cpu_", input.dtype());
  const DType taken = operand_type(input.dtype(), rows, columns, features, type);
  auto flat = as_type(input, taken);
  if (input.dim() != 2) {
    if (input.dim() > 2) flat = packed(flat);
    flat = view_of(flat, {rows, features}, {input.dim() == 1 ? 0 : features, flat.stride(-1)}, flat.offset());
  }
  const auto w = as_type(weight, taken);
  const auto turned = weight.dim() == 2 ? view_of(w, {features, columns}, {w.stride(1), w.stride(0)}, w.offset())
                                        : view_of(w, {features, 1}, {w.stride(0), 0}, w.offset());
  Dims shape(IntList(input.sizes()).first(input.dim() - 1));
  if (weight.dim() == 2) shape.push_back(columns);
  const auto out = weft::empty(Dims{rows, columns}, type);
  if (bias.defined()) {
    check(bias.dtype() == input.dtype(), "self and mat2 must have the same dtype, but got {} and {}",
          scalar_type_name(bias.dtype()), scalar_type_name(input.dtype()));
    check(bias.dim() <= 1 && (bias.numel() == columns || bias.numel() == 1),
          "linear(): bias has shape {}, expected [{}]", bias.sizes(), columns);
    auto row = packed_as(bias, type);
    if (row.numel() != columns || row.dim() == 0) {
      row = weft::empty(Dims{columns}, type);
      copy_elements(row, bias);
    }
    multiply(flat, turned, out, Scalar(int64_t{1}), false, row);
  } else {
    multiply(flat, turned, out, Scalar(int64_t{1}), false);
  }
  const auto result = as_type(out, input.dtype());
  return view_of(result, shape, contiguous_strides(shape), 0);
}

Tensor linear_input(const Tensor& g, const Tensor& weight) {
  if (weight.dim() == 1) return ops::mul(ops::unsqueeze(g, -1), weight);
  return ops::matmul(g, weight);
}

Tensor linear_weight(const Tensor& g, const Tensor& input, int64_t dim) {
  const int64_t count = product(IntList(input.sizes()).first(input.dim() - 1));
  const auto rows = ops::reshape(input, Dims{count, input.size(-1)});
  if (dim == 1) return ops::mv(ops::t(rows), ops::reshape(g, Dims{-1}));
  return ops::mm(ops::t(ops::reshape(g, Dims{count, g.size(-1)})), rows);
}

Tensor scaled(const Tensor& self, const Scalar& factor) {
  return equals(factor, 1) ? self : ops::mul(self, wrapped_number(factor));
}

}  // namespace weft::ops::impl
