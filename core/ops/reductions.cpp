// Reductions: which dimensions go, which kernel runs, what dtype comes out.
#include <cmath>
#include <limits>

#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/convert.h"
#include "ops/promotion.h"
#include "ops/row_layout.h"
#include "ops/support.h"
#include "runtime/error.h"

namespace weft::ops::impl {

namespace {

using kernels::Compute;
using kernels::Param;
using kernels::ReduceKernel;

/// The dimensions of a reduction as a set; none given means all.
class DimSet {
 public:
  DimSet(const std::optional<Dims>& dims, int ndim) : ndim_(ndim), bits_(dims && !dims->empty() ? 0 : ~uint64_t{0}) {
    check(ndim <= 64, "only tensors with up to 64 dims are supported, got {}", ndim);
    if (!dims) return;
    for (const auto d : *dims) {
      const uint64_t bit = uint64_t{1} << normalize_dim(d, ndim);
      check((bits_ & bit) == 0, "dim {} appears multiple times in the list of dims", d);
      bits_ |= bit;
    }
  }
  bool contains(int d) const noexcept { return (bits_ >> d & 1) != 0; }
  /// Sizes with 1 for every reduced dimension.
  Dims kept_as_one(const Dims& sizes) const {
    Dims out = sizes;
    for (int d = 0; d < ndim_; ++d)
      if (contains(d)) out[d] = 1;
    return out;
  }
  Dims without(const Dims& sizes) const {
    Dims out;
    for (int d = 0; d < ndim_; ++d)
      if (!contains(d)) out.push_back(sizes[d]);
    return out;
  }
  Dims shape(const Dims& sizes, bool keepdim) const { return keepdim ? kept_as_one(sizes) : without(sizes); }
  /// How many elements go into one result.
  int64_t count(const Dims& sizes) const {
    int64_t n = 1;
    for (int d = 0; d < ndim_; ++d)
      if (contains(d)) n *= sizes[d];
    return n;
  }

 private:
  int ndim_;
  uint64_t bits_;
};

/// The compute type that holds `dtype`, and the dtype stored for it.
Compute compute_of(DType dtype, const char* op) {
  switch (dtype) {
    case DType::boolean:
      return Compute::b8;
    case DType::float16:
    case DType::bfloat16:
    case DType::float32:
      return Compute::f32;
    case DType::float64:
      return Compute::f64;
    case DType::complex64:
    case DType::complex128:
      fail(ErrorKind::not_implemented, "\"{}\" not implemented for '{}'", op, scalar_type_name(dtype));
    default:
      return Compute::i64;
  }
}
DType storage_of(Compute compute) noexcept {
  constexpr DType types[] = {DType::float32, DType::float64, DType::int64, DType::boolean};
  return types[static_cast<int>(compute)];
}

/// One reduction on its way: the input as a compute type, the shape for the kernel.
struct Reduction {
  Tensor in;
  DimSet dims;
  Compute compute;
  Dims kept;  ///< sizes of the result with keepdim
  Dims final_sizes;

  /// `read`: the dtype that the kernel reads, if not the compute type's.
  Reduction(const Tensor& self, const std::optional<Dims>& dim, bool keepdim, DType type, const char* op,
            std::optional<DType> read = std::nullopt)
      : dims(dim, self.dim()), compute(compute_of(type, op)), kept(dims.kept_as_one(self.sizes())) {
    final_sizes = dims.shape(self.sizes(), keepdim);
    const DType wanted = read.value_or(storage_of(compute));
    in = self.dtype() == wanted ? self : converted(self, wanted);
  }
  int index() const noexcept { return static_cast<int>(compute); }
  int64_t count() const { return dims.count(in.sizes()); }

  kernels::ReduceShape shape(int64_t out_element) const {
    kernels::ReduceShape s;
    s.ndim = in.dim();
    const Dims strides = contiguous_strides(kept);
    for (int d = 0; d < s.ndim; ++d) {
      s.sizes[d] = in.sizes()[d];
      s.in_strides[d] = in.strides()[d] * in.element_size();
      s.out_strides[d] = dims.contains(d) ? 0 : strides[d] * out_element;
    }
    return s;
  }
  Tensor finished(const Tensor& out, DType result) const {
    const Tensor typed = out.dtype() == result ? out : converted(out, result);
    return view_of(typed, final_sizes, contiguous_strides(final_sizes), 0);
  }
  Tensor run(ReduceKernel kernel, DType between, DType result, Param p0 = {}, Param p1 = {}) const {
    const auto out = weft::empty(kept, between);
    const Param params[] = {p0, p1};
    kernel(shape(out.element_size()), in.bytes(), out.bytes(), params);
    return finished(out, result);
  }
};

const kernels::ReduceTable& table() { return kernels::table().reduce; }

Param number(double v) { return {v, static_cast<int64_t>(v)}; }

Tensor as_tensor(double value) { return wrapped_number(Scalar(value)); }

/// What is true or counts of a complex tensor: where either part is not zero.
Tensor truth_value(const Tensor& self) { return is_complex(self.dtype()) ? ops::ne(self, as_tensor(0)) : self; }

/// A linear function of a complex tensor, of its parts.
template <class F>
Tensor by_parts(const Tensor& self, const F& f) {
  return ops::complex(f(ops::real(self)), f(ops::imag(self)));
}

/// The product along a dimension, halved until one is left.
Tensor complex_product(Tensor x, int64_t dim) {
  int64_t n = x.size(static_cast<int>(dim));
  while (n > 1) {
    const int64_t half = n / 2;
    const Tensor halves = ops::mul(ops::narrow(x, dim, 0, half), ops::narrow(x, dim, half, half));
    const Tensor parts[] = {halves, ops::narrow(x, dim, 2 * half, n % 2)};
    x = n % 2 == 0 ? halves : ops::cat(parts, dim);
    n = half + n % 2;
  }
  return x;
}

/// The dtype sums and products of `self` have.
DType sum_type(const Tensor& self, std::optional<DType> dtype) {
  return dtype.value_or(is_integral(self.dtype()) ? DType::int64 : self.dtype());
}

/// What is summed: `self` in the wished dtype, but bools as they are, for the kernels count them.
Tensor summand(const Tensor& self, DType type) {
  const bool counts = self.dtype() == DType::boolean && type == DType::int64;
  return self.dtype() == type || counts ? self : converted(self, type);
}

DType between_type(const Reduction& r) { return r.compute == Compute::b8 ? DType::int64 : storage_of(r.compute); }

void check_floating(const Tensor& self, DType type, const char* op) {
  check(is_floating(type) || is_complex(type),
        "{}(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: {}", op,
        scalar_type_name(self.dtype()));
}

/// Raises where a dimension without elements is to be reduced by what has no identity, whether or not results remain.
void check_not_empty(const Tensor& self, const std::optional<Dims>& dims, const char* op, ErrorKind unnamed) {
  if (self.numel() > 0) return;
  if (!dims || dims->empty())
    fail(unnamed,
         "{}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the "
         "'dim' argument.",
         op);
  for (const auto d : *dims)
    check_index(self.size(normalize_dim(d, self.dim())) > 0, "{}(): Expected reduction dim {} to have non-zero size.",
                op, d);
}

Tensor extreme(const Tensor& self, const std::optional<Dims>& dim, bool keepdim, const ReduceKernel* kernels,
               const char* op) {
  check_not_empty(self, dim, op, ErrorKind::runtime);
  const Reduction r(self, dim, keepdim, self.dtype(), op);
  return r.run(kernels[r.index()], storage_of(r.compute), self.dtype());
}

using ArgKernel = void (*)(const kernels::ReduceShape&, const void*, void*, int64_t*);

std::tuple<Tensor, Tensor> extreme_with_index(const Tensor& self, int64_t dim, bool keepdim, const ArgKernel* kernels,
                                              const char* op) {
  check_not_empty(self, Dims{dim}, op, ErrorKind::runtime);
  const Reduction r(self, Dims{dim}, keepdim, self.dtype(), op);
  const auto values = weft::empty(r.kept, storage_of(r.compute));
  const auto indices = weft::empty(r.kept, DType::int64);
  kernels[r.index()](r.shape(indices.element_size()), r.in.bytes(), values.bytes(), indices.data<int64_t>());
  return {r.finished(values, self.dtype()), r.finished(indices, DType::int64)};
}

Tensor arg_extreme(const Tensor& self, std::optional<int64_t> dim, bool keepdim, const ArgKernel* kernels,
                   const char* op) {
  check(self.dtype() != DType::boolean, "{}(): does not support bool input", op);
  const auto dims = dim ? std::optional(Dims{*dim}) : std::nullopt;
  check_not_empty(self, dims, op, ErrorKind::index);
  const Reduction r(self, dims, keepdim, self.dtype(), op);
  const auto indices = weft::empty(r.kept, DType::int64);
  kernels[r.index()](r.shape(indices.element_size()), r.in.bytes(), nullptr, indices.data<int64_t>());
  return r.finished(indices, DType::int64);
}

Tensor truth(const Tensor& self, const std::optional<Dims>& dim, bool keepdim, const ReduceKernel* kernels,
             const char* op) {
  const Tensor in = truth_value(self);
  const Reduction r(in, dim, keepdim, in.dtype(), op);
  return r.run(kernels[r.index()], DType::boolean, self.dtype() == DType::uint8 ? DType::uint8 : DType::boolean);
}

double correction_of(const std::optional<Scalar>& correction) { return correction ? correction->to_double() : 1.0; }

/// Variance or standard deviation, and the mean.
std::pair<Tensor, Tensor> spread(const Tensor& self, const std::optional<Dims>& dim,
                                 const std::optional<Scalar>& correction, bool keepdim, bool root) {
  const char* const op = root ? "std" : "var";
  check(is_floating(self.dtype()), "{} only support floating point and complex dtypes", op);
  const Reduction r(self, dim, keepdim, self.dtype(), op);
  const auto out = weft::empty(r.kept, storage_of(r.compute)), mean = weft::empty(r.kept, storage_of(r.compute));
  const Param params[] = {number(correction_of(correction)), number(root)};
  table().var[r.index()](r.shape(out.element_size()), r.in.bytes(), out.bytes(), mean.bytes(), params);
  return {r.finished(out, self.dtype()), r.finished(mean, self.dtype())};
}

/// A result of a reduction with the reduced dimensions put back as size 1.
Tensor raised(const Tensor& t, int ndim, const std::optional<Dims>& dim, bool keepdim) {
  Tensor out = t;
  if (keepdim) return out;
  const DimSet dims(dim, ndim);
  for (int d = 0; d < ndim; ++d)
    if (dims.contains(d)) out = ops::unsqueeze(out, d);
  return out;
}

}  // namespace

Tensor sum(const Tensor& self, std::optional<DType> dtype) { return ops::sum_dim(self, std::nullopt, false, dtype); }

Tensor sum_dim(const Tensor& self, const std::optional<Dims>& dim, bool keepdim, std::optional<DType> dtype) {
  const DType type = sum_type(self, dtype);
  const Tensor in = summand(self, type);
  if (is_complex(type)) return by_parts(in, [&](const Tensor& x) { return ops::sum_dim(x, dim, keepdim); });
  if (in.dtype() == DType::bfloat16) {
    const Reduction r(in, dim, keepdim, type, "sum", DType::bfloat16);
    return r.run(table().sum_bfloat16, DType::float32, type);
  }
  const Reduction r(in, dim, keepdim, in.dtype(), "sum");
  return r.run(table().sum[r.index()], between_type(r), type);
}

Tensor unreduced(const Tensor& grad, IntList sizes, const std::optional<Dims>& dim, bool keepdim) {
  return ops::expand(raised(grad, static_cast<int>(sizes.size()), dim, keepdim), sizes);
}

Tensor mean(const Tensor& self, std::optional<DType> dtype) { return ops::mean_dim(self, std::nullopt, false, dtype); }

Tensor mean_dim(const Tensor& self, const std::optional<Dims>& dim, bool keepdim, std::optional<DType> dtype) {
  const DType type = dtype.value_or(self.dtype());
  check_floating(self, type, "mean");
  const Tensor in = self.dtype() == type ? self : converted(self, type);
  if (is_complex(type)) return by_parts(in, [&](const Tensor& x) { return ops::mean_dim(x, dim, keepdim); });
  const bool is_narrow = type == DType::bfloat16;
  const Reduction r(in, dim, keepdim, type, "mean", is_narrow ? std::optional(type) : std::nullopt);
  return r.run(is_narrow ? table().mean_bfloat16 : table().mean[r.index()], storage_of(r.compute), type,
               number(static_cast<double>(r.count())));
}

Tensor mean_backward(const Tensor& grad, IntList sizes, const std::optional<Dims>& dim, bool keepdim) {
  const auto count = static_cast<double>(DimSet(dim, static_cast<int>(sizes.size())).count(Dims(sizes)));
  return ops::unreduced(ops::div(grad, as_tensor(count)), sizes, dim, keepdim);
}

Tensor prod(const Tensor& self, std::optional<DType> dtype) {
  return ops::prod_dim(ops::reshape(self, Dims{-1}), 0, false, dtype);
}

Tensor prod_dim(const Tensor& self, int64_t dim, bool keepdim, std::optional<DType> dtype) {
  const DType type = sum_type(self, dtype);
  const Tensor in = summand(self, type);
  if (is_complex(type)) {
    if (self.dim() == 0) return ops::clone(in);
    const int along = normalize_dim(dim, self.dim());
    if (self.size(along) == 0) return ops::ones(DimSet(Dims{dim}, self.dim()).shape(self.sizes(), keepdim), type);
    const Tensor out = complex_product(in, along);
    return keepdim ? out : ops::squeeze_dim(out, Dims{along});
  }
  const Reduction r(in, Dims{dim}, keepdim, in.dtype(), "prod");
  return r.run(table().prod[r.index()], between_type(r), type);
}

Tensor prod_backward(const Tensor& grad, const Tensor& self, int64_t dim, bool keepdim) {
  const Tensor g = raised(grad, self.dim(), Dims{dim}, keepdim);
  if (self.dim() == 0 || self.numel() == 0) return ops::expand(g, self.sizes());
  // The product of what stands before times that of what stands after: right where elements are zero.
  const int along = normalize_dim(dim, self.dim());
  const int64_t n = self.sizes()[along];
  Dims one = self.sizes();
  one[along] = 1;
  const Tensor unit = ops::ones(one, self.dtype());
  const auto before = [&](const Tensor& t) {
    const Tensor parts[] = {unit, ops::narrow(t, along, 0, n - 1)};
    return ops::cumprod(ops::cat(parts, along), along);
  };
  return ops::mul(ops::mul(g, before(self)), ops::reversed_along(before(ops::reversed_along(self, along)), along));
}

Tensor amax(const Tensor& self, const std::optional<Dims>& dim, bool keepdim) {
  return extreme(self, dim, keepdim, table().max, "amax");
}
Tensor amin(const Tensor& self, const std::optional<Dims>& dim, bool keepdim) {
  return extreme(self, dim, keepdim, table().min, "amin");
}
Tensor extreme_backward(const Tensor& grad, const Tensor& self, const Tensor& out, const std::optional<Dims>& dim,
                        bool keepdim) {
  const Tensor chosen = ops::eq(self, raised(out, self.dim(), dim, keepdim));
  const Tensor count = ops::sum_dim(chosen, dim, true);
  return ops::where(chosen, ops::div(raised(grad, self.dim(), dim, keepdim), count), wrapped_number(Scalar(0)));
}

Tensor max(const Tensor& self) { return ops::amax(self, std::nullopt, false); }
Tensor min(const Tensor& self) { return ops::amin(self, std::nullopt, false); }
Tensor max_other(const Tensor& self, const Tensor& other) { return ops::maximum(self, other); }
Tensor min_other(const Tensor& self, const Tensor& other) { return ops::minimum(self, other); }

std::tuple<Tensor, Tensor> max_dim(const Tensor& self, int64_t dim, bool keepdim) {
  return extreme_with_index(self, dim, keepdim, table().arg_max, "max");
}
std::tuple<Tensor, Tensor> min_dim(const Tensor& self, int64_t dim, bool keepdim) {
  return extreme_with_index(self, dim, keepdim, table().arg_min, "min");
}
Tensor argmax(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  return arg_extreme(self, dim, keepdim, table().arg_max, "argmax");
}
Tensor argmin(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  return arg_extreme(self, dim, keepdim, table().arg_min, "argmin");
}

Tensor all(const Tensor& self) { return truth(self, std::nullopt, false, table().all, "all"); }
Tensor any(const Tensor& self) { return truth(self, std::nullopt, false, table().any, "any"); }
Tensor all_dim(const Tensor& self, const std::optional<Dims>& dim, bool keepdim) {
  return truth(self, dim, keepdim, table().all, "all");
}
Tensor any_dim(const Tensor& self, const std::optional<Dims>& dim, bool keepdim) {
  return truth(self, dim, keepdim, table().any, "any");
}
Tensor count_nonzero(const Tensor& self, const std::optional<Dims>& dim) {
  const Tensor in = truth_value(self);
  const Reduction r(in, dim, false, in.dtype(), "count_nonzero");
  return r.run(table().count_nonzero[r.index()], DType::int64, DType::int64);
}

Tensor var(const Tensor& self, const std::optional<Dims>& dim, const std::optional<Scalar>& correction, bool keepdim) {
  if (is_complex(self.dtype()))
    return ops::add(ops::var(ops::real(self), dim, correction, keepdim),
                    ops::var(ops::imag(self), dim, correction, keepdim));
  return spread(self, dim, correction, keepdim, false).first;
}
Tensor std(const Tensor& self, const std::optional<Dims>& dim, const std::optional<Scalar>& correction, bool keepdim) {
  if (is_complex(self.dtype())) return ops::sqrt(ops::var(self, dim, correction, keepdim));
  return spread(self, dim, correction, keepdim, true).first;
}
Tensor var_unbiased(const Tensor& self, bool unbiased) {
  return ops::var(self, std::nullopt, Scalar(int{unbiased}), false);
}
Tensor std_unbiased(const Tensor& self, bool unbiased) {
  return ops::std(self, std::nullopt, Scalar(int{unbiased}), false);
}
Tensor var_unbiased_dim(const Tensor& self, const std::optional<Dims>& dim, bool unbiased, bool keepdim) {
  return ops::var(self, dim, Scalar(int{unbiased}), keepdim);
}
Tensor std_unbiased_dim(const Tensor& self, const std::optional<Dims>& dim, bool unbiased, bool keepdim) {
  return ops::std(self, dim, Scalar(int{unbiased}), keepdim);
}
std::tuple<Tensor, Tensor> var_mean(const Tensor& self, const std::optional<Dims>& dim,
                                    const std::optional<Scalar>& correction, bool keepdim) {
  return {ops::var(self, dim, correction, keepdim), ops::mean_dim(self, dim, keepdim)};
}
std::tuple<Tensor, Tensor> std_mean(const Tensor& self, const std::optional<Dims>& dim,
                                    const std::optional<Scalar>& correction, bool keepdim) {
  return {ops::std(self, dim, correction, keepdim), ops::mean_dim(self, dim, keepdim)};
}
std::tuple<Tensor, Tensor> var_mean_unbiased(const Tensor& self, bool unbiased) {
  return ops::var_mean(self, std::nullopt, Scalar(int{unbiased}), false);
}
std::tuple<Tensor, Tensor> std_mean_unbiased(const Tensor& self, bool unbiased) {
  return ops::std_mean(self, std::nullopt, Scalar(int{unbiased}), false);
}
std::tuple<Tensor, Tensor> var_mean_unbiased_dim(const Tensor& self, const std::optional<Dims>& dim, bool unbiased,
                                                 bool keepdim) {
  return ops::var_mean(self, dim, Scalar(int{unbiased}), keepdim);
}
std::tuple<Tensor, Tensor> std_mean_unbiased_dim(const Tensor& self, const std::optional<Dims>& dim, bool unbiased,
                                                 bool keepdim) {
  return ops::std_mean(self, dim, Scalar(int{unbiased}), keepdim);
}

Tensor var_backward(const Tensor& grad, const Tensor& self, const std::optional<Dims>& dim,
                    const std::optional<Scalar>& correction, bool keepdim) {
  const auto count = static_cast<double>(DimSet(dim, self.dim()).count(self.sizes()));
  const Tensor deviation = ops::sub(self, ops::mean_dim(self, dim, true));
  const Tensor scale = as_tensor(2.0 / std::max(count - correction_of(correction), 0.0));
  return ops::mul(ops::mul(raised(grad, self.dim(), dim, keepdim), scale), deviation);
}
Tensor std_backward(const Tensor& grad, const Tensor& self, const Tensor& out, const std::optional<Dims>& dim,
                    const std::optional<Scalar>& correction, bool keepdim) {
  const Tensor halved = ops::div(grad, ops::mul(out, as_tensor(2)));
  const Tensor finite = ops::masked_fill(halved, ops::eq(out, as_tensor(0)), as_tensor(0));
  return ops::var_backward(finite, self, dim, correction, keepdim);
}

Tensor vector_norm(const Tensor& self, const Scalar& ord, const std::optional<Dims>& dim, bool keepdim,
                   std::optional<DType> dtype) {
  const DType type = dtype.value_or(self.dtype());
  check(is_complex(self.dtype()) || !is_complex(type),
        "linalg.vector_norm: dtype should be real for real inputs, but got {}", scalar_type_name(type));
  check(!is_integral(self.dtype()) && !is_integral(type),
        "linalg.vector_norm: Expected a floating point or complex tensor as input. Got {}",
        scalar_type_name(self.dtype()));
  const Tensor in = self.dtype() == type ? self : converted(self, type);
  if (is_complex(type)) return ops::vector_norm(ops::abs(in), ord, dim, keepdim);
  const Reduction r(in, dim, keepdim, type, "linalg.vector_norm");
  const double p = ord.to_double();
  check(p >= 0 || r.count() > 0 || product(r.final_sizes) == 0,
        "linalg.vector_norm cannot compute the {} norm on an empty tensor because the operation does not have an "
        "identity",
        p);
  const auto& t = table();
  if (p == 0) return r.run(t.count_nonzero[r.index()], DType::int64, type);
  const ReduceKernel* kernel = t.norm_p;
  if (p == 1) kernel = t.norm_1;
  if (p == 2) kernel = t.norm_2;
  if (std::isinf(p)) kernel = p > 0 ? t.norm_max : t.norm_min;
  return r.run(kernel[r.index()], storage_of(r.compute), type, {p, 0});
}

Tensor norm_backward(const Tensor& grad, const Tensor& self, const Tensor& out, const Scalar& ord,
                     const std::optional<Dims>& dim, bool keepdim) {
  const double p = ord.to_double();
  const Tensor g = raised(grad, self.dim(), dim, keepdim), norm = raised(out, self.dim(), dim, keepdim);
  const Tensor zero = as_tensor(0);
  if (p == 0) return ops::zeros_like(self);
  if (p == 1) return ops::mul(g, ops::sgn(self));
  const Tensor nothing = ops::eq(norm, zero);
  if (p == 2) return ops::mul(self, ops::masked_fill(ops::div(g, norm), nothing, zero));
  const Tensor magnitude = ops::abs(self);
  if (std::isinf(p)) {
    const Tensor chosen = ops::eq(magnitude, norm);
    const Tensor share = ops::div(g, ops::sum_dim(chosen, dim, true));
    return ops::mul(ops::where(chosen, share, zero), ops::sgn(self));
  }
  const Tensor slope = ops::masked_fill(ops::pow(magnitude, as_tensor(p - 1)), ops::eq(self, zero), zero);
  const Tensor scale = ops::masked_fill(ops::div(g, ops::pow(norm, as_tensor(p - 1))), nothing, zero);
  return ops::mul(ops::mul(ops::sgn(self), slope), scale);
}

Tensor norm(const Tensor& self, const std::optional<Scalar>& p, const std::optional<Dims>& dim, bool keepdim,
            std::optional<DType> dtype) {
  return ops::vector_norm(self, p.value_or(Scalar(2)), dim, keepdim, dtype);
}
Tensor norm_named(const Tensor& self, std::string_view p, const std::optional<Dims>& dim, bool keepdim,
                  std::optional<DType> dtype) {
  if (p == "inf" || p == "-inf") {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    return ops::vector_norm(self, Scalar(p == "inf" ? infinity : -infinity), dim, keepdim, dtype);
  }
  if (p == "nuc") {
    const Dims pair = dim.value_or(Dims{-2, -1});
    check(pair.size() == 2 && (dim || self.dim() == 2), "norm: the nuclear norm is of two dimensions, got {} of {}",
          dim ? dim->size() : self.dim(), self.dim());
    const Tensor typed = dtype ? ops::to(self, *dtype) : self;
    const Tensor total = ops::sum_dim(ops::svdvals(ops::movedim(typed, pair, Dims{-2, -1}), std::nullopt), Dims{-1},
                                      false, std::nullopt);
    if (!keepdim) return total;
    const int a = normalize_dim(pair[0], self.dim()), b = normalize_dim(pair[1], self.dim());
    return ops::unsqueeze(ops::unsqueeze(total, std::min(a, b)), std::max(a, b));
  }
  check_value(p == "fro", "norm: expected p to be a number, \"fro\", \"nuc\" or \"inf\", got \"{}\"", p);
  return ops::vector_norm(self, Scalar(2), dim, keepdim, dtype);
}

Tensor logsumexp(const Tensor& self, IntList dim, bool keepdim) {
  const Tensor x = is_floating(self.dtype()) ? self : converted(self, float_type(self.dtype()));
  const Dims dims(dim);
  if (x.numel() == 0) return ops::log(ops::sum_dim(ops::exp(x), dims, keepdim));
  if (dims.size() == 1 && x.dim() > 0 && is_floating(x.dtype())) {
    const int d = normalize_dim(dims[0], x.dim());
    const DType work = float_work(x.dtype());
    const Tensor in = packed_as(x, work);
    const Lines lines = lines_of(in, d);
    const Tensor out = weft::empty(DimSet(dims, x.dim()).shape(x.sizes(), keepdim), work);
    kernels::table().softmax.log_sum_exp[float_index(work)](in.bytes(), lines.outer, lines.n, lines.inner, out.bytes());
    return finished(out, x.dtype());
  }
  // An infinite largest element would make inf - inf of itself. Of complex numbers the real parts decide.
  const Tensor largest = ops::amax(ops::real(x), dims, true);
  const Tensor shift = ops::where(ops::isfinite(largest), largest, as_tensor(0));
  const Tensor total = ops::log(ops::sum_dim(ops::exp(ops::sub(x, shift)), dims, true));
  const Tensor out = ops::add(total, shift);
  if (keepdim) return out;
  const Dims sizes = DimSet(dims, x.dim()).without(x.sizes());
  return view_of(out, sizes, contiguous_strides(sizes), 0);
}
Tensor logsumexp_backward(const Tensor& grad, const Tensor& self, const Tensor& out, IntList dim, bool keepdim) {
  const Dims dims(dim);
  const Tensor shift = raised(out, self.dim(), dims, keepdim);
  return ops::mul(raised(grad, self.dim(), dims, keepdim), ops::exp(ops::sub(self, shift)));
}

}  // namespace weft::ops::impl
