#include <numeric>

#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/convert.h"
#include "ops/support.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace weft::ops::impl {

namespace {

/// Indices `start` to `end` of dimension d, not recorded.
Tensor piece(const Tensor& t, int d, int64_t start, int64_t end) {
  Dims sizes = t.sizes();
  sizes[d] = end - start;
  return view_of(t, std::move(sizes), t.strides(), t.offset() + start * t.strides()[d]);
}

/// out = self rolled by shifts[i], all within the size, along dims[i]: two halves change places in each dimension.
void roll_into(const Tensor& out, const Tensor& self, IntList shifts, IntList dims) {
  if (dims.empty()) return copy_elements(out, self);
  const auto d = static_cast<int>(dims[0]);
  const int64_t size = self.sizes()[d], shift = shifts[0];
  const auto rest_shifts = shifts.subspan(1), rest_dims = dims.subspan(1);
  roll_into(piece(out, d, shift, size), piece(self, d, 0, size - shift), rest_shifts, rest_dims);
  if (shift > 0) roll_into(piece(out, d, 0, shift), piece(self, d, size - shift, size), rest_shifts, rest_dims);
}

Dims negated(IntList values) {
  Dims out(values);
  for (auto& v : out) v = -v;
  return out;
}

}  // namespace

Tensor roll(const Tensor& self, IntList shifts, IntList dims) {
  check(!shifts.empty(), "`shifts` required");
  const auto out = weft::empty(self.sizes(), self.dtype());
  if (dims.empty()) {
    check(shifts.size() == 1, "shifts and dimensions must align. shifts: {}, dims:0", shifts.size());
    if (self.numel() == 0) return out;
    const auto flat = packed(self);
    const Dims all{self.numel()}, one{1};
    const int64_t shift = (shifts[0] % self.numel() + self.numel()) % self.numel();
    roll_into(view_of(out, all, one, 0), view_of(flat, all, one, flat.offset()), Dims{shift}, Dims{0});
    return out;
  }
  check(shifts.size() == dims.size(), "shifts and dimensions must align. shifts: {}, dims:{}", shifts.size(),
        dims.size());
  if (self.numel() == 0) return out;
  check_index(self.dim() > 0, "Dimension specified as {} but tensor has no dimensions", dims[0]);
  // One shift a dimension: a dimension named twice is rolled by the sum.
  Dims total(self.dim());
  for (std::size_t i = 0; i < dims.size(); ++i) total[normalize_dim(dims[i], self.dim())] += shifts[i];
  Dims amounts, where;
  for (int d = 0; d < self.dim(); ++d) {
    const int64_t size = self.sizes()[d], shift = (total[d] % size + size) % size;
    if (shift == 0) continue;
    amounts.push_back(shift);
    where.push_back(d);
  }
  roll_into(out, self, amounts, where);
  return out;
}

Tensor roll_back(const Tensor& g, IntList shifts, IntList dims) { return ops::roll(g, negated(shifts), dims); }

Tensor flip(const Tensor& self, IntList dims) {
  const auto out = weft::empty_like(self, self.dtype());
  Dims strides = self.strides();
  for (auto& s : strides) s *= self.element_size();
  char* first = self.bytes();
  uint64_t seen = 0;
  for (const auto dim : dims) {
    const int d = normalize_dim(dim, self.dim());
    check((seen >> d & 1) == 0, "dim {} appears multiple times in the list of dims", d);
    seen |= uint64_t{1} << d;
    if (self.dim() == 0 || self.sizes()[d] == 0) continue;
    first += (self.sizes()[d] - 1) * strides[d];
    strides[d] = -strides[d];
  }
  Dims out_strides = out.strides();
  for (auto& s : out_strides) s *= out.element_size();
  kernels::table().cast.copy(out.bytes(), first, self.dim(), self.sizes().begin(), out_strides.begin(), strides.begin(),
                             self.element_size());
  return out;
}

namespace {

/// `sizes` with leading ones up to as many dimensions as `repeats` has.
Dims padded_sizes(IntList sizes, std::size_t ndim) {
  Dims out(static_cast<int>(ndim), 1);
  std::copy(sizes.begin(), sizes.end(), out.end() - static_cast<std::ptrdiff_t>(sizes.size()));
  return out;
}

}  // namespace

Tensor repeat(const Tensor& self, IntList repeats) {
  check(static_cast<int>(repeats.size()) >= self.dim(),
        "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor");
  const Dims sizes = padded_sizes(self.sizes(), repeats.size());
  Dims shape(sizes.size()), grid_sizes, source_strides;
  const int leading = sizes.size() - self.dim();
  for (int d = 0; d < sizes.size(); ++d) {
    check(repeats[d] >= 0, "Trying to create tensor with negative dimension {}: {}", repeats[d] * sizes[d],
          Listed{repeats});
    shape[d] = repeats[d] * sizes[d];
    grid_sizes.push_back(repeats[d]);
    grid_sizes.push_back(sizes[d]);
    source_strides.push_back(0);
    source_strides.push_back(d < leading ? 0 : self.strides()[d - leading]);
  }
  const auto out = weft::empty(shape, self.dtype());
  // Seen as (repeat, size) for each dimension, the result is the source with repeats broadcast.
  copy_elements(view_of(out, grid_sizes, contiguous_strides(grid_sizes), 0),
                view_of(self, grid_sizes, source_strides, self.offset()));
  return out;
}

Tensor repeat_backward(const Tensor& g, IntList sizes, IntList repeats) {
  const Dims padded = padded_sizes(sizes, repeats.size());
  Dims grid, summed;
  for (int d = 0; d < padded.size(); ++d) {
    if (repeats[d] != 1) {
      summed.push_back(grid.size());
      grid.push_back(repeats[d]);
    }
    grid.push_back(padded[d]);
  }
  const auto total = summed.empty() ? g : ops::sum_dim(ops::reshape(g, grid), summed, false);
  return ops::reshape(total, sizes);
}

Tensor tile(const Tensor& self, IntList dims) {
  return ops::repeat(self, padded_sizes(dims, std::max<std::size_t>(dims.size(), self.dim())));
}

Tensor repeat_interleave(const Tensor& self, int64_t repeats, std::optional<int64_t> dim, std::optional<int64_t>) {
  check(repeats >= 0, "Repeats must be non-negative");
  const Tensor from = dim ? self.dim() == 0 ? ops::reshape(self, Dims{1}) : self : ops::reshape(self, Dims{-1});
  return ops::interleaved(from, repeats, normalize_dim(dim.value_or(0), from.dim()));
}

Tensor interleaved(const Tensor& self, int64_t repeats, int64_t dim) {
  const auto d = static_cast<int>(dim);
  Dims shape = self.sizes();
  shape[d] *= repeats;
  const auto out = weft::empty(shape, self.dtype());
  if (out.numel() == 0) return out;
  Dims strides = out.strides();
  const int64_t step = strides[d];
  strides[d] *= repeats;
  // One pass for each repetition: all in one would run over strips of `repeats` elements where the dimension is the
  // last.
  for (int64_t k = 0; k < repeats; ++k) copy_elements(view_of(out, self.sizes(), strides, k * step), self);
  return out;
}

Tensor interleaved_backward(const Tensor& g, IntList sizes, int64_t repeats, int64_t dim) {
  Dims apart(sizes);
  apart.insert(static_cast<int>(dim) + 1, repeats);
  return ops::sum_dim(ops::reshape(g, apart), Dims{dim + 1}, false);
}

Tensor repeat_interleave_each(const Tensor& self, const Tensor& repeats, std::optional<int64_t> dim,
                              std::optional<int64_t> output_size) {
  const Tensor from = dim ? self.dim() == 0 ? ops::reshape(self, Dims{1}) : self : ops::reshape(self, Dims{-1});
  const int d = normalize_dim(dim.value_or(0), from.dim());
  const int64_t size = from.sizes()[d];
  check(repeats.dim() <= 1, "repeat_interleave only accept 1D vector as repeat");
  const bool single = repeats.dim() == 0 || repeats.numel() == 1;
  check(single || repeats.numel() == size,
        "repeats must have the same size as input along dim, but got repeats.size(0) = {} "
        "and input.size({}) = {}",
        repeats.numel(), d, size);
  const auto counts = single ? ops::expand(ops::reshape(repeats, Dims{1}), Dims{size}) : repeats;
  TensorList indices(d + 1);
  indices[d] = ops::repeat_interleave_indices(counts, output_size);
  return ops::index(from, indices);
}

Tensor repeat_interleave_indices(const Tensor& repeats, std::optional<int64_t> output_size) {
  check(repeats.dim() == 1, "repeat_interleave only accept 1D vector as repeat");
  check(repeats.dtype() == DType::int64 || repeats.dtype() == DType::int32,
        "repeats has to be Long or Int tensor, but got {}", scalar_type_name(repeats.dtype()));
  const auto counts = packed_as(repeats, DType::int64);
  const int64_t* const count = counts.data<int64_t>();
  const int64_t n = counts.numel();
  int64_t total = 0;
  for (int64_t i = 0; i < n; ++i) {
    check(count[i] >= 0, "repeats can not be negative");
    total += count[i];
  }
  check(!output_size || *output_size == total,
        "allocated size does not match required size: output_size is {}, repeats "
        "add up to {}",
        output_size.value_or(0), total);
  const auto out = weft::empty(Dims{total}, DType::int64);
  int64_t* at = out.data<int64_t>();
  for (int64_t i = 0; i < n; ++i) at = std::fill_n(at, count[i], i);
  return repeats.dtype() == DType::int64 ? out : converted(out, repeats.dtype());
}

Tensor constant_pad_nd(const Tensor& self, IntList pad, const Scalar& value) {
  check(pad.size() % 2 == 0, "Length of pad must be even but instead it equals {}", pad.size());
  const int ndim = self.dim(), n = static_cast<int>(pad.size() / 2);
  check(n <= ndim,
        "Length of pad should be no more than twice the number of dimensions of the input. Pad length is {} while the "
        "input "
        "has {} dimensions.",
        pad.size(), ndim);
  Dims shape = self.sizes();
  Tensor source = self;
  Dims starts(ndim);
  bool grows = false;
  for (int i = 0; i < n; ++i) {
    const int d = ndim - 1 - i;
    const int64_t left = pad[2 * i], right = pad[2 * i + 1], size = shape[d];
    shape[d] += left + right;
    check(shape[d] >= 0,
          "The input size {}, plus negative padding {} and {}, resulted in a negative output size, which is "
          "invalid. Check dimension {} of your input.",
          size, left, right, d);
    const int64_t begin = std::min(std::max<int64_t>(-left, 0), size),
                  end = std::max(begin, size + std::min<int64_t>(right, 0));
    source = piece(source, d, begin, end);
    starts[d] = std::max<int64_t>(left, 0);
    grows |= left > 0 || right > 0;
  }
  const auto out =
      self.is_channels_last() && !self.is_contiguous()
          ? weft::empty(shape, self.dtype(), ndim == 4 ? MemoryFormat::channels_last : MemoryFormat::channels_last_3d)
          : weft::empty(shape, self.dtype());
  if (grows) {
    if (value == Scalar(int64_t{0}) || value == Scalar(0.0))
      zero_(out);
    else
      copy_elements(out, weft::scalar_tensor(value, self.dtype()));
  }
  if (source.numel() == 0) return out;
  int64_t offset = 0;
  for (int d = 0; d < ndim; ++d) offset += starts[d] * out.strides()[d];
  copy_elements(view_of(out, source.sizes(), out.strides(), offset), source);
  return out;
}

Tensor constant_pad_back(const Tensor& g, IntList pad) {
  return ops::constant_pad_nd(g, negated(pad), Scalar(int64_t{0}));
}

namespace {

/// Which index of a dimension of `size` each index of the padded one shows.
std::vector<int64_t> pad_sources(int64_t size, int64_t left, int64_t right, std::string_view mode) {
  std::vector<int64_t> source(static_cast<std::size_t>(size + left + right));
  // What circular padding repeats has been cut by negative padding first.
  const int64_t first = std::max<int64_t>(-left, 0), kept = size - first - std::max<int64_t>(-right, 0);
  int64_t i = -left;
  for (auto& s : source) {
    const int64_t at = i++;
    if (mode == "reflect")
      s = (size - 1) - std::abs((size - 1) - std::abs(at));
    else if (mode == "replicate")
      s = std::clamp<int64_t>(at, 0, size - 1);
    else
      s = first + ((at - first) % kept + kept) % kept;
  }
  return source;
}

/// A contiguous tensor around dimension d; `unit` multiplies the inner extent.
kernels::SelectShape select_shape(IntList sizes, int d, int64_t unit) {
  return {product(sizes.first(d)), sizes[d], product(sizes.subspan(d + 1)) * unit};
}

/// A copy of a few bytes or many, without a call where it is one element.
void copy_unit(char* out, const char* in, int64_t bytes) noexcept {
  if (bytes == 4)
    __builtin_memcpy(out, in, 4);
  else if (bytes == 8)
    __builtin_memcpy(out, in, 8);
  else
    __builtin_memcpy(out, in, static_cast<std::size_t>(bytes));
}

}  // namespace

Tensor pad_dim(const Tensor& self, int64_t dim, int64_t left, int64_t right, std::string_view mode) {
  const auto d = static_cast<int>(dim);
  const auto from = packed(self);
  const auto source = pad_sources(self.sizes()[d], left, right, mode);
  Dims shape = self.sizes();
  shape[d] = static_cast<int64_t>(source.size());
  const auto out = weft::empty(shape, self.dtype());
  const auto around = select_shape(self.sizes(), d, self.element_size());
  const int64_t size = around.size, inner = around.inner;
  const int64_t before = std::max<int64_t>(left, 0), after = std::max<int64_t>(right, 0), n = shape[d];
  const int64_t row = n * inner, middle = (n - before - after) * inner, skipped = std::max<int64_t>(-left, 0) * inner;
  const char* const in = from.bytes();
  char* const to = out.bytes();
  parallel_for(around.outer, std::max<int64_t>(1, (1 << 16) / std::max<int64_t>(row, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t o = begin; o < end; ++o) {
                   const char* const line = in + o * size * inner;
                   char* const padded = to + o * row;
                   __builtin_memcpy(padded + before * inner, line + skipped, static_cast<std::size_t>(middle));
                   for (int64_t j = 0; j < before; ++j) copy_unit(padded + j * inner, line + source[j] * inner, inner);
                   for (int64_t j = n - after; j < n; ++j)
                     copy_unit(padded + j * inner, line + source[j] * inner, inner);
                 }
               });
  return out;
}

Tensor pad_dim_backward(const Tensor& g, IntList sizes, int64_t dim, int64_t left, int64_t right,
                        std::string_view mode) {
  const auto d = static_cast<int>(dim);
  const bool wide = g.dtype() == DType::float64;
  const auto from = packed_as(g, wide ? DType::float64 : DType::float32);
  const auto source = pad_sources(sizes[d], left, right, mode);
  const auto out = zeros(sizes, from.dtype());
  const auto compute = static_cast<int>(wide ? kernels::Compute::f64 : kernels::Compute::f32);
  if (g.numel() > 0)
    kernels::table().index.index_add[compute](out.bytes(), select_shape(sizes, d, 1), source.data(),
                                              static_cast<int64_t>(source.size()), -1, from.bytes(), {1.0, 1});
  return out.dtype() == g.dtype() ? out : converted(out, g.dtype());
}

Tensor pad(const Tensor& self, IntList pad, std::string_view mode, std::optional<double> value) {
  check(pad.size() % 2 == 0, "Padding length must be divisible by 2");
  const auto n = static_cast<int>(pad.size() / 2);
  check(n <= self.dim(),
        "Padding length should be less than or equal to two times the input dimension but got padding length "
        "{} and input of dimension {}",
        pad.size(), self.dim());
  if (mode == "constant") return ops::constant_pad_nd(self, pad, value ? Scalar(*value) : Scalar(int64_t{0}));
  check_value(!value || *value == 0, "Padding mode \"{}\" doesn't take in value argument", mode);
  if (mode != "reflect" && mode != "replicate" && mode != "circular")
    fail(ErrorKind::not_implemented, "Unrecognised padding mode {}", mode);
  if (n > 3 || (self.dim() != n + 1 && self.dim() != n + 2))
    fail(ErrorKind::not_implemented,
         "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now: padding of "
         "length {} needs an input of dimension {} or {}, got {}",
         pad.size(), n + 1, n + 2, self.dim());
  Tensor out = self;
  for (int i = 0; i < n; ++i) {
    const int d = self.dim() - 1 - i;
    const int64_t left = pad[2 * i], right = pad[2 * i + 1], size = self.sizes()[d];
    if (left == 0 && right == 0) continue;
    check(mode != "reflect" || std::max(left, right) < size,
          "Padding size should be less than the corresponding input dimension, but got: padding ({}, {}) at dimension "
          "{} of "
          "input {}",
          left, right, d, self.sizes());
    check(mode != "circular" || std::max(left, right) <= size, "Padding value causes wrapping around more than once.");
    check(mode == "replicate" ? size > 0 : size + std::min<int64_t>(left, 0) + std::min<int64_t>(right, 0) > 0,
          "{} padding needs elements to repeat, but dimension {} of input {} has none left", mode, d, self.sizes());
    check(size + left + right >= 0,
          "The input size {}, plus negative padding {} and {}, resulted in a negative output size", size, left, right);
    out = ops::pad_dim(out, d, left, right, mode);
  }
  return out.ref() == self.ref() ? ops::clone(self) : out;
}

}  // namespace weft::ops::impl
