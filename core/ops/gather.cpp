#include <limits>

#include "autograd/meta.h"
#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/promotion.h"
#include "ops/row_layout.h"
#include "ops/support.h"

namespace weft::ops::impl {

namespace {

const kernels::IndexTable& table() { return kernels::table().index; }

/// A tensor as kernels of gather and scatter take it: a 0-dim one has one dimension of one element.
struct Strided {
  Dims sizes, strides;
  explicit Strided(const Tensor& t) : sizes(t.sizes()), strides(t.strides()) {
    if (t.dim() == 0) {
      sizes = Dims{1};
      strides = Dims{1};
    }
    for (auto& s : strides) s *= t.element_size();
  }
};

Tensor index_of(const Tensor& index, const char* op) {
  check(index.dtype() == DType::int64 || index.dtype() == DType::int32 || index.numel() == 0,
        "{}(): Expected dtype int64 for index, got {}", op, index.dtype());
  return index.dtype() == DType::int64 ? index : converted(index, DType::int64);
}

/// Checks that `index` fits `self` (outside dim) and, when given, `src`.
void check_fits(const Tensor& index, const Tensor& self, const Tensor& src, int dim, const char* op) {
  const Strided i(index), s(self);
  check(i.sizes.size() == s.sizes.size() || index.numel() == 0,
        "Index tensor must have the same number of dimensions as {} tensor", src.defined() ? "self" : "input");
  for (int d = 0; d < i.sizes.size() && index.numel() > 0; ++d) {
    check(d == dim || i.sizes[d] <= s.sizes[d],
          "Size does not match at dimension {} expected index {} to be no larger than self {} apart from dimension {}",
          d, index.sizes(), self.sizes(), dim);
    if (src.defined())
      check(Strided(src).sizes.size() == s.sizes.size() && i.sizes[d] <= Strided(src).sizes[d],
            "{}(): expected index {} to be no larger than src {}", op, index.sizes(), src.sizes());
  }
}

[[noreturn]] void fail_index(ErrorKind kind, const Tensor& index, int64_t at, int dim, int64_t size) {
  fail(kind, "index {} is out of bounds for dimension {} with size {}", packed(index).data<int64_t>()[at], dim, size);
}

/// Runs a scatter kernel over self, which is written in place.
template <class Kernel>
void run_scatter(const Tensor& self, int64_t dim, const Tensor& index_, const Tensor& src, const char* op,
                 Kernel kernel) {
  const int d = normalize_dim(dim, self.dim());
  const Tensor index = index_of(index_, op);
  const bool spread = src.dim() == 0 && self.dim() > 0;
  check_fits(index, self, spread ? Tensor() : src, d, op);
  check_no_internal_overlap(self);
  if (index.numel() == 0) return;
  const Strided out(self), at(index), from(src);
  const Dims source_strides = spread ? Dims(out.sizes.size(), 0) : from.strides;
  const int64_t bad =
      kernel(self.bytes(), out.strides.data(), index.bytes(), at.strides.data(), src.bytes(), source_strides.data(),
             kernels::IndexedShape{at.sizes.size(), d, at.sizes.data(), out.sizes[d]});
  if (bad >= 0) fail_index(ErrorKind::runtime, index, bad, d, out.sizes[d]);
}

void check_same_type(const Tensor& self, const Tensor& src, const char* op) {
  check(self.dtype() == src.dtype(), "{}(): Expected self.dtype to be equal to src.dtype", op);
}

/// self in a type that additions are built for; `body(work)` changes it, then it is copied back.
template <class Body>
void with_sums(const Tensor& self, Body body) {
  const DType work = ordered_work(self.dtype());
  if (self.dtype() == work) return body(self);
  const Tensor wide = converted(self, work);
  body(wide);
  copy_elements(self, wide);
}

void reduce_into(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, kernels::ScatterReduce how,
                 const char* op) {
  if (is_complex(self.dtype())) {
    check(how == kernels::ScatterReduce::sum, "{}(): only sums of complex numbers are supported", op);
    reduce_into(ops::real(self), dim, index, ops::real(src), how, op);
    return reduce_into(ops::imag(self), dim, index, ops::imag(src), how, op);
  }
  with_sums(self, [&](const Tensor& work) {
    run_scatter(work, dim, index, finished(src, work.dtype()), op,
                table().scatter_reduce[ordered_index(work.dtype())][static_cast<int>(how)]);
  });
}

kernels::ScatterReduce reduce_of(std::string_view name) {
  if (name == "sum" || name == "add" || name == "mean") return kernels::ScatterReduce::sum;
  if (name == "prod" || name == "multiply") return kernels::ScatterReduce::prod;
  if (name == "amax") return kernels::ScatterReduce::amax;
  check(name == "amin", "reduce argument must be either sum, prod, mean, amax or amin, got {}", name);
  return kernels::ScatterReduce::amin;
}

/// What a reduction starts from where self does not count.
Scalar identity_of(kernels::ScatterReduce how, DType dtype) {
  const bool floating = is_floating(dtype), boolean = dtype == DType::boolean;
  // Of the dtype itself: a smaller one would make something else of the least int64.
  const auto bits = static_cast<int>(8 * element_size(dtype)) - (dtype == DType::uint8 ? 0 : 1);
  const int64_t largest = boolean ? 1 : bits >= 63 ? std::numeric_limits<int64_t>::max() : (int64_t{1} << bits) - 1;
  const int64_t least = boolean || dtype == DType::uint8 ? 0 : -largest - 1;
  switch (how) {
    case kernels::ScatterReduce::sum:
      return Scalar(int64_t{0});
    case kernels::ScatterReduce::prod:
      return Scalar(int64_t{1});
    case kernels::ScatterReduce::amax:
      return floating ? Scalar(-std::numeric_limits<double>::infinity()) : Scalar(least);
    default:
      return floating ? Scalar(std::numeric_limits<double>::infinity()) : Scalar(largest);
  }
}

/// How many contributions every element has: those of src, and its own.
Tensor contributions(const Tensor& self, int64_t dim, const Tensor& index, bool include_self) {
  const Tensor counts = weft::empty(self.sizes(), DType::int64);
  copy_elements(counts, weft::scalar_tensor(Scalar(int64_t{include_self ? 1 : 0}), DType::int64));
  const Tensor one = weft::scalar_tensor(Scalar(int64_t{1}), DType::int64);
  reduce_into(counts, dim, index, one, kernels::ScatterReduce::sum, "scatter_reduce");
  return counts;
}

/// An index of index_select and its kin: one dimension (or none) of int64.
Tensor slice_index(const Tensor& index, const char* op) {
  check_index(index.dim() <= 1, "{}(): Index is supposed to be a vector, got {} dims", op, index.dim());
  return packed(index_of(index, op));
}

/// Source slices that go to self[..., index, ...]: checked shape, contiguous, in `dtype`.
Tensor slice_source(const Tensor& self, int dim, const Tensor& index, const Tensor& source, DType dtype,
                    const char* op) {
  Dims expected = self.sizes();
  if (self.dim() > 0) expected[dim] = index.numel();
  check(source.sizes() == expected || (source.numel() == 1 && product(expected) == 1),
        "{}(): expected source of shape {} for self of shape {} and {} indices along dimension {}, got {}", op,
        expected, self.sizes(), index.numel(), dim, source.sizes());
  return packed_as(source, dtype);
}

kernels::SelectShape select_shape(const Tensor& t, int dim, int64_t unit) {
  const Lines lines = lines_of(t, dim);
  return {lines.outer, lines.n, lines.inner * unit};
}

/// `body` writes into a contiguous self: self itself, or a copy that is brought back.
template <class Body>
void with_packed(const Tensor& self, Body body) {
  if (self.is_contiguous()) return body(self);
  const Tensor copy = packed(self);
  body(copy);
  copy_elements(self, copy);
}

Dims flat(const Tensor& t) { return Dims{t.numel()}; }

Tensor bool_mask(const Tensor& mask, const Dims& shape, const char* op) {
  check(mask.dtype() == DType::boolean, "{}: expected BoolTensor for mask, got {}", op, scalar_type_name(mask.dtype()));
  if (mask.sizes() == shape) return packed(mask);
  const Tensor spread = weft::empty(shape, DType::boolean);
  copy_elements(spread, mask);
  return spread;
}

}  // namespace

Tensor gather(const Tensor& self, int64_t dim, const Tensor& index_, bool) {
  const int d = normalize_dim(dim, self.dim());
  const Tensor index = index_of(index_, "gather");
  check_fits(index, self, Tensor(), d, "gather");
  const Tensor out = weft::empty(index.sizes(), self.dtype());
  if (index.numel() == 0) return out;
  const Strided in(self), at(index);
  const int64_t bad =
      table().gather[size_class(self.element_size())](self.bytes(), in.strides.data(), index.bytes(), at.strides.data(),
                                                      {at.sizes.size(), d, at.sizes.data(), in.sizes[d]}, out.bytes());
  if (bad >= 0) fail_index(ErrorKind::runtime, index, bad, d, in.sizes[d]);
  return out;
}

void scatter_src_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  check_same_type(self, src, "scatter");
  const Tensor from = src.dim() == 0 && self.dim() > 0 ? ops::expand(src, Dims(self.dim(), 1)) : src;
  run_scatter(self, dim, index, from, "scatter", table().scatter[size_class(self.element_size())]);
}
void scatter_value_(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) {
  run_scatter(self, dim, index, weft::scalar_tensor(value, self.dtype()), "scatter",
              table().scatter[size_class(self.element_size())]);
}
void scatter_reduce_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce,
                     bool include_self) {
  check_same_type(self, src, "scatter_reduce");
  const auto how = reduce_of(reduce);
  const bool mean = reduce == "mean";
  const Tensor counts = mean ? contributions(self, dim, index, include_self) : Tensor();
  if (!include_self) {
    with_sums(self, [&](const Tensor& work) { scatter_value_(work, dim, index, identity_of(how, self.dtype())); });
  }
  reduce_into(self, dim, index, src, how, "scatter_reduce");
  if (!mean) return;
  // Elements that nothing was added to keep their value.
  const Tensor one = weft::scalar_tensor(Scalar(int64_t{1}), DType::int64);
  const Tensor divisor = include_self ? counts : converted(counts, DType::int64);
  if (!include_self) {
    int64_t* const n = divisor.data<int64_t>();
    for (int64_t i = 0; i < divisor.numel(); ++i) n[i] = n[i] == 0 ? 1 : n[i];
  }
  if (is_floating(self.dtype())) {
    copy_elements(self, ops::div(self, converted(divisor, self.dtype())));
  } else {
    const Tensor quotient = converted(self, DType::int64);
    int64_t* const q = quotient.data<int64_t>();
    const int64_t* const n = divisor.data<int64_t>();
    for (int64_t i = 0; i < quotient.numel(); ++i) q[i] = q[i] / n[i] - (q[i] % n[i] < 0);  // rounds down, as PyTorch
    copy_elements(self, quotient);
  }
}
void scatter_combining_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                        std::string_view reduce) {
  check(reduce == "add" || reduce == "multiply", "reduce argument must be either add or multiply.");
  reduce_into(self, dim, index, src, reduce_of(reduce), "scatter");
}
void scatter_add_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  check_same_type(self, src, "scatter_add");
  reduce_into(self, dim, index, src, kernels::ScatterReduce::sum, "scatter_add");
}

std::tuple<Tensor, Tensor> scatter_reduce_backward(const Tensor& grad, const Tensor& self, int64_t dim,
                                                   const Tensor& index, const Tensor& src, std::string_view reduce,
                                                   bool include_self, const Tensor& result) {
  const auto clear = [&](const Tensor& g) { return include_self ? g : ops::scatter_value(g, dim, index, Scalar(0)); };
  if (reduce == "sum") return {clear(grad), ops::gather(grad, dim, index)};
  if (reduce == "mean") {
    const Tensor counts = [&] {
      const GradModeScope no_grad(false);
      const Tensor n = contributions(self, dim, index, include_self);
      int64_t* const values = n.data<int64_t>();
      for (int64_t i = 0; i < n.numel(); ++i) values[i] = values[i] == 0 ? 1 : values[i];
      return converted(n, grad.dtype());
    }();
    const Tensor shared = ops::div(grad, counts);
    return {clear(shared), ops::gather(shared, dim, index)};
  }
  if (reduce == "prod") {
    // The product of the others: that of all that are not zero, by its own; 0 where another one is zero.
    const Tensor zero = wrapped_number(Scalar(0)), one = wrapped_number(Scalar(1));
    const Tensor self_zero = ops::eq(self, zero), src_zero = ops::eq(src, zero);
    const Tensor self_rest = ops::where(self_zero, one, self), src_rest = ops::where(src_zero, one, src);
    const Tensor rest = ops::scatter_reduce(self_rest, dim, index, src_rest, "prod", include_self);
    const Tensor counted = clear(ops::to(self_zero, DType::int64));
    const Tensor zeros = ops::scatter_add(counted, dim, index, ops::to(src_zero, DType::int64));
    const auto others = [&](const Tensor& all, const Tensor& count, const Tensor& own, const Tensor& own_zero) {
      return ops::where(ops::eq(count, own_zero), ops::div(all, own), zero);
    };
    return {clear(ops::mul(grad, others(rest, zeros, self_rest, self_zero))),
            ops::mul(ops::gather(grad, dim, index),
                     others(ops::gather(rest, dim, index), ops::gather(zeros, dim, index), src_rest, src_zero))};
  }
  // Extremes: every element equal to the result takes an equal share.
  const auto [own, theirs, shares] = [&] {
    const GradModeScope no_grad(false);
    const auto equal = [](const Tensor& a, const Tensor& b) {
      const Tensor x = packed_as(a, DType::float64), y = packed_as(b, DType::float64),
                   same = weft::empty(x.sizes(), DType::float64);
      for (int64_t i = 0; i < x.numel(); ++i) same.data<double>()[i] = x.data<double>()[i] == y.data<double>()[i];
      return same;
    };
    const Tensor from_self = converted(equal(self, result), grad.dtype());
    if (!include_self) scatter_value_(from_self, dim, index, Scalar(0));
    const Tensor from_src = converted(equal(src, gather(result, dim, index, false)), grad.dtype());
    const Tensor count = clone_detached(from_self);
    scatter_add_(count, dim, index, from_src);
    const Tensor counted = packed_as(count, DType::float64);
    for (int64_t i = 0; i < counted.numel(); ++i)
      if (counted.data<double>()[i] == 0) counted.data<double>()[i] = 1;
    return std::make_tuple(from_self, from_src, converted(counted, grad.dtype()));
  }();
  const Tensor shared = ops::div(grad, shares);
  return {ops::mul(shared, own), ops::mul(ops::gather(shared, dim, index), theirs)};
}

Tensor index_select(const Tensor& self, int64_t dim, const Tensor& index_) {
  const int d = normalize_dim(dim, self.dim());
  const Tensor index = slice_index(index_, "index_select");
  const Tensor in = packed(self);
  Dims shape = self.sizes();
  if (self.dim() > 0)
    shape[d] = index.numel();
  else
    check_index(index.numel() == 1, "index_select(): Index to scalar can have only 1 value, got {} value(s)",
                index.numel());
  const Tensor out = weft::empty(shape, self.dtype());
  if (out.numel() == 0) return out;
  const int64_t bad = table().index_select(in.bytes(), select_shape(in, d, in.element_size()), index.data<int64_t>(),
                                           index.numel(), out.bytes());
  check_index(bad < 0, "index out of range in self");
  return out;
}

void index_add_(const Tensor& self, int64_t dim, const Tensor& index_, const Tensor& source, const Scalar& alpha) {
  const int d = normalize_dim(dim, self.dim());
  const Tensor index = slice_index(index_, "index_add_");
  check_same_type(self, source, "index_add_");
  if (is_complex(self.dtype())) {
    const Tensor added = ops::scaled(source, alpha);
    index_add_(ops::real(self), dim, index, ops::real(added), Scalar(1));
    return index_add_(ops::imag(self), dim, index, ops::imag(added), Scalar(1));
  }
  with_sums(self, [&](const Tensor& wide) {
    with_packed(wide, [&](const Tensor& work) {
      const Tensor from = slice_source(self, d, index, source, work.dtype(), "index_add_");
      if (from.numel() == 0) return;
      const int64_t bad = table().index_add[ordered_index(work.dtype())](
          work.bytes(), select_shape(work, d, 1), index.data<int64_t>(), index.numel(), -1, from.bytes(),
          {alpha.to_double(), alpha.to_int()});
      check_index(bad < 0, "index out of range in self");
    });
  });
}

void index_copy_(const Tensor& self, int64_t dim, const Tensor& index_, const Tensor& source) {
  const int d = normalize_dim(dim, self.dim());
  const Tensor index = slice_index(index_, "index_copy_");
  check_same_type(self, source, "index_copy_");
  with_packed(self, [&](const Tensor& work) {
    const Tensor from = slice_source(self, d, index, source, work.dtype(), "index_copy_");
    if (from.numel() == 0) return;
    const int64_t bad = table().index_copy(work.bytes(), select_shape(work, d, work.element_size()),
                                           index.data<int64_t>(), index.numel(), from.bytes());
    check_index(bad < 0, "index_copy_(): index {} is out of bounds for dimension {} with size {}",
                bad < 0 ? 0 : index.data<int64_t>()[bad], d, self.dim() == 0 ? 1 : self.sizes()[d]);
  });
}

void index_fill_(const Tensor& self, int64_t dim, const Tensor& index_, const Tensor& value) {
  const int d = normalize_dim(dim, self.dim());
  const Tensor index = slice_index(index_, "index_fill_");
  check(value.dim() == 0,
        "index_fill_ only supports a 0-dimensional value tensor, but got tensor with {} dimension(s).", value.dim());
  const int64_t size = self.dim() == 0 ? 1 : self.sizes()[d];
  for (int64_t i = 0; i < index.numel(); ++i) {
    const int64_t given = index.data<int64_t>()[i], at = given < 0 ? given + size : given;
    check_index(at >= 0 && at < size, "index {} is out of bounds for dimension {} with size {}", given, d, size);
    copy_elements(self.dim() == 0 ? self
                                  : weft::view_of(
                                        self,
                                        [&] {
                                          Dims sizes = self.sizes();
                                          sizes.erase(d);
                                          return sizes;
                                        }(),
                                        [&] {
                                          Dims strides = self.strides();
                                          strides.erase(d);
                                          return strides;
                                        }(),
                                        self.offset() + at * self.strides()[d]),
                  value);
  }
}

Tensor take(const Tensor& self, const Tensor& index_) {
  const Tensor index = packed(index_of(index_, "take")), in = packed(self);
  const Tensor out = weft::empty(index.sizes(), self.dtype());
  if (out.numel() == 0) return out;
  check_index(self.numel() > 0, "take(): tried to take from an empty tensor");
  const Tensor offsets = weft::empty(flat(index), DType::int64);
  const int64_t bad = table().add_offsets(index.data<int64_t>(), index.numel(), in.numel(), in.element_size(), true,
                                          offsets.data<int64_t>());
  check_index(bad < 0, "out of range: tried to access index {} on a tensor of {} elements.",
              bad < 0 ? 0 : index.data<int64_t>()[bad], in.numel());
  const int64_t start = 0;
  table().get[size_class(in.element_size())](
      in.bytes(), {&start, offsets.data<int64_t>(), nullptr, 1, index.numel(), 1}, out.bytes());
  return out;
}
Tensor take_backward(const Tensor& grad, IntList sizes, const Tensor& index) {
  const Tensor zero = ops::zeros(Dims{product(sizes)}, grad.dtype());
  const Tensor at[1] = {ops::reshape(index, flat(index))};
  return ops::reshape(ops::index_put(zero, at, ops::reshape(grad, flat(grad)), true), sizes);
}
Tensor take_along_dim(const Tensor& self, const Tensor& given, std::optional<int64_t> dim) {
  const auto number = [](int64_t n) { return weft::scalar_tensor(Scalar(n), DType::int64); };
  const int64_t size = !dim ? self.numel() : self.dim() == 0 ? 1 : self.size(normalize_dim(*dim, self.dim()));
  const bool from_end = given.dtype() == DType::int64 && given.numel() > 0 && *ops::amin(given).data<int64_t>() < 0;
  const Tensor indices = from_end ? ops::where(ops::lt(given, number(0)), ops::add(given, number(size)), given) : given;
  if (!dim) return ops::gather(ops::reshape(self, flat(self)), 0, ops::reshape(indices, flat(indices)));
  check(
      self.dim() == indices.dim(),
      "torch.take_along_dim(): input and indices should have the same number of dimensions, but got {} dimensions for "
      "input, and {} dimensions for indices",
      self.dim(), indices.dim());
  const int d = normalize_dim(*dim, self.dim());
  Dims a = self.sizes(), b = indices.sizes();
  if (self.dim() > 0) a[d] = b[d] = 1;
  const Dims both = broadcast_shapes(a, b);
  Dims self_shape = both, index_shape = both;
  if (self.dim() > 0) {
    self_shape[d] = self.sizes()[d];
    index_shape[d] = indices.sizes()[d];
  }
  return ops::gather(ops::expand(self, self_shape), d, ops::expand(indices, index_shape));
}

Tensor masked_select(const Tensor& self, const Tensor& mask_) {
  const Dims shape = broadcast_shapes(self.sizes(), mask_.sizes());
  const Tensor mask = bool_mask(mask_, shape, "masked_select");
  const Tensor in = self.sizes() == shape ? packed(self) : packed(ops::expand(self, shape));
  const auto* const marks = mask.data<uint8_t>();
  const int64_t count = table().count_nonzero(marks, mask.numel());
  const Tensor out = weft::empty(Dims{count}, self.dtype());
  if (count > 0)
    table().masked_select[size_class(in.element_size())](in.bytes(), marks, mask.numel(), count, out.bytes());
  return out;
}
Tensor masked_select_backward(const Tensor& grad, IntList sizes, const Tensor& mask) {
  const Dims shape = broadcast_shapes(sizes, mask.sizes());
  return sum_to_size(ops::masked_scatter(ops::zeros(shape, grad.dtype()), mask, grad), Dims(sizes));
}

void masked_scatter_(const Tensor& self, const Tensor& mask_, const Tensor& source) {
  check(self.dtype() == source.dtype(),
        "masked_scatter: expected self and source to have same dtypes but got {} and {}",
        scalar_type_name(self.dtype()), scalar_type_name(source.dtype()));
  const Tensor mask = bool_mask(mask_, self.sizes(), "masked_scatter_"), from = packed(source);
  const auto* const marks = mask.data<uint8_t>();
  const int64_t count = table().count_nonzero(marks, mask.numel());
  check(count <= from.numel(), "masked_scatter_: expected at least {} elements in source, got {}", count, from.numel());
  if (count == 0) return;
  with_packed(self, [&](const Tensor& work) {
    table().masked_scatter[size_class(work.element_size())](work.bytes(), marks, mask.numel(), count, from.bytes());
  });
}
Tensor masked_scatter(const Tensor& self, const Tensor& mask, const Tensor& source) {
  const Tensor out =
      ops::clone(ops::expand(self, broadcast_shapes(self.sizes(), mask.sizes())), MemoryFormat::contiguous);
  masked_scatter_(out, mask, source);
  return out;
}
Tensor masked_scatter_source_backward(const Tensor& grad, const Tensor& mask, IntList sizes) {
  const Tensor picked = ops::masked_select(grad, mask);
  const int64_t n = product(sizes);
  if (picked.numel() == n) return ops::reshape(picked, sizes);
  const Tensor parts[2] = {picked, ops::zeros(Dims{n - picked.numel()}, grad.dtype())};
  return ops::reshape(ops::cat(parts, 0), sizes);
}

namespace {

using MixKernel = std::remove_extent_t<decltype(kernels::IndexTable::mix_lines)>;

/// `size`: of the dimension of the result.
Tensor mix(const Tensor& self, const Tensor& index, const Tensor& weight, int64_t dim, int64_t size,
           const MixKernel* kernels, int64_t source_size) {
  check_floating(self, "mix_lines");
  check(index.dim() == 2 && index.dtype() == DType::int64 && weight.sizes() == index.sizes(),
        "mix_lines: expected an index and weights of shape (taps, n), got {} and {}", index.sizes(), weight.sizes());
  const int d = normalize_dim(dim, self.dim());
  const DType work = float_work(self.dtype());
  const Tensor in = packed_as(self, work), at = packed(index), weights = packed_as(weight, DType::float64);
  Dims shape = self.sizes();
  shape[d] = size;
  const Tensor out = weft::empty(shape, work);
  const Lines lines = lines_of(out, d);
  const int64_t bad =
      kernels[float_index(work)](in.bytes(), {lines.outer, source_size, lines.inner}, at.data<int64_t>(),
                                 weights.data<double>(), index.sizes()[0], index.sizes()[1], out.bytes());
  check_index(bad < 0, "mix_lines: index out of range for dimension {} of size {}", d, source_size);
  return finished(out, self.dtype());
}

}  // namespace

Tensor mix_lines(const Tensor& self, const Tensor& index, const Tensor& weight, int64_t dim) {
  const int64_t size = self.sizes()[normalize_dim(dim, self.dim())];
  return mix(self, index, weight, dim, index.size(-1), table().mix_lines, size);
}

Tensor mix_lines_back(const Tensor& grad, const Tensor& index, const Tensor& weight, int64_t dim, IntList sizes) {
  const int64_t size = sizes[normalize_dim(dim, grad.dim())];
  check(grad.sizes()[normalize_dim(dim, grad.dim())] == index.size(-1),
        "mix_lines_back: expected {} lines of the gradient, got {}", index.size(-1), grad.sizes());
  return mix(grad, index, weight, dim, size, table().mix_lines_back, size);
}

}  // namespace weft::ops::impl
