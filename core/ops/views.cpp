#include <numeric>

#include "generated/impl.h"
#include "generated/ops.h"
#include "ops/convert.h"
#include "ops/support.h"
#include "runtime/error.h"

namespace weft::ops::impl {

namespace {

/// `size` with its -1, if any, worked out.
Dims inferred_size(IntList size, int64_t numel) {
  Dims shape(size);
  int at = -1;
  int64_t known = 1;
  for (int d = 0; d < shape.size(); ++d) {
    if (shape[d] == -1) {
      check(at < 0, "only one dimension can be inferred");
      at = d;
    } else {
      check(shape[d] >= 0, "invalid shape dimension {} at index {} of shape {}", shape[d], d, shape);
      known *= shape[d];
    }
  }
  if (at >= 0) {
    check(known != 0,
          "cannot reshape tensor of {} elements into shape {} because the unspecified dimension size -1 can be "
          "any value and is ambiguous",
          numel, shape);
    check(numel % known == 0, "shape '{}' is invalid for input of size {}", shape, numel);
    shape[at] = numel / known;
  }
  check(product(shape) == numel, "shape '{}' is invalid for input of size {}", Dims(size), numel);
  return shape;
}

/// Strides that show the same elements in another shape, or nothing when only a copy can.
std::optional<Dims> view_strides(const Tensor& t, const Dims& shape) {
  if (t.is_contiguous()) return contiguous_strides(shape);
  Dims strides(shape.size());
  int to = shape.size() - 1;
  int64_t chunk_stride = t.dim() == 0 ? 1 : t.strides().back();
  int64_t old_numel = 1, new_numel = 1;
  for (int d = t.dim() - 1; d >= 0; --d) {
    old_numel *= t.sizes()[d];
    const bool ends = d == 0 || (t.sizes()[d - 1] != 1 && t.strides()[d - 1] != old_numel * chunk_stride);
    if (!ends) continue;
    while (to >= 0 && (new_numel < old_numel || shape[to] == 1)) {
      strides[to] = new_numel * chunk_stride;
      new_numel *= shape[to--];
    }
    if (new_numel != old_numel) return std::nullopt;
    if (d > 0) {
      chunk_stride = t.strides()[d - 1];
      old_numel = new_numel = 1;
    }
  }
  return to == -1 ? std::optional(strides) : std::nullopt;
}

Dims checked_permutation(IntList dims, int ndim) {
  check(static_cast<int>(dims.size()) == ndim,
        "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
        "ordering of "
        "dimensions i.e. input.dim() = {} is not equal to len(dims) = {}",
        ndim, dims.size());
  Dims order(ndim);
  uint64_t seen = 0;
  for (int d = 0; d < ndim; ++d) {
    order[d] = normalize_dim(dims[d], ndim);
    check((seen >> order[d] & 1) == 0, "permute(): duplicate dims are not allowed.");
    seen |= uint64_t{1} << order[d];
  }
  return order;
}

Tensor zeros_of(IntList sizes, DType dtype) { return ops::zeros(sizes, dtype); }

}  // namespace

Tensor view(const Tensor& self, IntList size) {
  Dims shape = inferred_size(size, self.numel());
  auto strides = view_strides(self, shape);
  check(strides.has_value(),
        "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
        "contiguous subspaces). Use .reshape(...) instead.");
  return view_of(self, std::move(shape), std::move(*strides), self.offset());
}

Tensor view_as_dtype(const Tensor& self, DType dtype) {
  const int64_t from = self.element_size();
  const int64_t to = element_size(dtype);
  Dims sizes(self.sizes());
  Dims strides(self.strides());
  int64_t offset = self.offset();
  if (from != to) {
    // The last dimension is cut into smaller elements, or packed into larger ones; everything else keeps its bytes.
    check(self.dim() > 0 && self.strides()[self.dim() - 1] == 1,
          "view(dtype): seeing {} as {} needs a last dimension of stride 1", self.dtype(), dtype);
    bool fits = offset * from % to == 0 && sizes.back() * from % to == 0;
    for (int d = 0; d + 1 < strides.size(); ++d) fits &= strides[d] * from % to == 0;
    check(fits, "view(dtype): sizes {} and strides {} of {} are not whole numbers of elements of {}",
          Listed{self.sizes()}, Listed{self.strides()}, self.dtype(), dtype);
    for (int d = 0; d + 1 < strides.size(); ++d) strides[d] = strides[d] * from / to;
    sizes.back() = sizes.back() * from / to;
    offset = offset * from / to;
  }
  auto out = view_of(self, sizes, strides, offset);
  out.impl()->dtype = dtype;
  return out;
}

Tensor reshape(const Tensor& self, IntList size) {
  const Dims shape = inferred_size(size, self.numel());
  return view_strides(self, shape) ? ops::view(self, shape)
                                   : ops::view(ops::clone(self, MemoryFormat::contiguous), shape);
}

Tensor as_strided(const Tensor& self, IntList size, IntList stride, std::optional<int64_t> storage_offset) {
  check(size.size() == stride.size(), "mismatch in length of strides and shape");
  const int64_t offset = storage_offset.value_or(self.offset());
  check(offset >= 0, "as_strided: storage_offset must be non-negative, got {}", offset);
  int64_t last = offset;
  bool empty = false;
  for (std::size_t d = 0; d < size.size(); ++d) {
    check(size[d] >= 0 && stride[d] >= 0, "as_strided: sizes and strides must be non-negative, got {} and {}",
          Listed{size}, Listed{stride});
    empty |= size[d] == 0;
    int64_t reach = 0;
    check(size[d] == 0 ||
              (!__builtin_mul_overflow(size[d] - 1, stride[d], &reach) && !__builtin_add_overflow(last, reach, &last)),
          "as_strided: sizes {} and strides {} overflow", Listed{size}, Listed{stride});
  }
  const auto available = static_cast<int64_t>(self.storage()->bytes()) / self.element_size();
  check(
      empty || last < available,
      "setStorage: sizes {}, strides {}, storage offset {}, and itemsize {} requiring a storage size of {} are out of "
      "bounds for storage of size {}",
      Listed{size}, Listed{stride}, offset, self.element_size(), (last + 1) * self.element_size(),
      self.storage()->bytes());
  return view_of(self, size, stride, offset);
}

int64_t relative_offset(std::optional<int64_t> view_offset, int64_t offset) {
  return view_offset ? *view_offset - offset : 0;
}

/// How many elements of storage a view takes from its first on.
int64_t reach(IntList sizes, IntList strides) {
  int64_t last = 0;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == 0) return 0;
    last += (sizes[d] - 1) * strides[d];
  }
  return last + 1;
}

Tensor as_strided_backward(const Tensor& g, IntList sizes, IntList strides, int64_t offset, IntList view_size,
                           IntList view_stride, std::optional<int64_t> view_offset) {
  // The view may begin before its base and reach beyond: room for both.
  const int64_t view_at = view_offset.value_or(offset), first = std::min(view_at, offset);
  const int64_t room = std::max(view_at + reach(view_size, view_stride), offset + reach(sizes, strides)) - first;
  const auto room_of = [&](DType dtype) {
    const auto t = weft::empty(Dims{room}, dtype);
    zero_(t);
    return t;
  };
  const auto flat = room_of(g.dtype());
  const auto base = view_of(flat, sizes, strides, offset - first);
  const auto window = view_of(flat, view_size, view_stride, view_at - first);
  bool overlapping = false;
  for (int d = 0; d < window.dim(); ++d) overlapping |= window.sizes()[d] > 1 && window.strides()[d] == 0;
  if (window.is_dense() && !overlapping) {
    copy_elements(window, g);
    return relaid(base, sizes, strides);
  }
  // Elements may meet in one place: add them one by one, in order.
  const auto from = packed_as(g, DType::float64);
  const auto sum = room_of(DType::float64);
  const auto target = view_of(sum, view_size, view_stride, window.offset());
  const double* const values = from.data<double>();
  double* const out = sum.data<double>();
  Dims index(target.dim());
  for (int64_t i = 0; i < from.numel(); ++i) {
    int64_t at = target.offset();
    for (int d = 0; d < target.dim(); ++d) at += index[d] * target.strides()[d];
    out[at] += values[i];
    for (int d = target.dim() - 1; d >= 0 && ++index[d] == target.sizes()[d]; --d) index[d] = 0;
  }
  copy_elements(flat, sum);
  return relaid(base, sizes, strides);
}

Tensor relaid(const Tensor& self, IntList sizes, IntList strides) {
  if (self.strides() == Dims(strides) && self.offset() == 0) return weft::alias(self);
  const auto copy = empty_strided(sizes, strides, self.dtype());
  copy_elements(copy, self);
  return copy;
}

Tensor as_strided_scatter(const Tensor& self, const Tensor& src, IntList size, IntList stride,
                          std::optional<int64_t> storage_offset) {
  const auto out = empty_strided(self.sizes(), self.strides(), self.dtype());
  copy_elements(out, self);
  const Tensor part = as_strided(out, size, stride, storage_offset.value_or(self.offset()) - self.offset());
  check(src.sizes() == part.sizes(), "as_strided_scatter: expected src to have the size of the view, {}, but got {}",
        Listed{part.sizes()}, Listed{src.sizes()});
  copy_elements(part, src);
  return out;
}

Tensor permute(const Tensor& self, IntList dims) {
  const Dims order = checked_permutation(dims, self.dim());
  Dims sizes(self.dim()), strides(self.dim());
  for (int d = 0; d < self.dim(); ++d) {
    sizes[d] = self.sizes()[static_cast<int>(order[d])];
    strides[d] = self.strides()[static_cast<int>(order[d])];
  }
  return view_of(self, std::move(sizes), std::move(strides), self.offset());
}

Tensor permute_inverse(const Tensor& g, IntList dims) {
  Dims inverse(g.dim());
  for (int d = 0; d < g.dim(); ++d) inverse[normalize_dim(dims[d], g.dim())] = d;
  return ops::permute(g, inverse);
}

Tensor transpose(const Tensor& self, int64_t dim0, int64_t dim1) {
  const int a = normalize_dim(dim0, self.dim()), b = normalize_dim(dim1, self.dim());
  Dims sizes = self.sizes(), strides = self.strides();
  if (self.dim() > 0) {
    std::swap(sizes[a], sizes[b]);
    std::swap(strides[a], strides[b]);
  }
  return view_of(self, std::move(sizes), std::move(strides), self.offset());
}

Tensor t(const Tensor& self) {
  check(self.dim() <= 2, "t() expects a tensor with <= 2 dimensions, but self is {}D", self.dim());
  return self.dim() < 2 ? ops::view_alias(self) : ops::transpose(self, 0, 1);
}

Tensor expand(const Tensor& self, IntList size, bool) {
  const auto ndim = static_cast<int>(size.size());
  check(ndim >= self.dim(),
        "expand(Tensor{}, size={}): the number of sizes provided ({}) must be greater or equal to the number of "
        "dimensions "
        "in the tensor ({})",
        self.sizes(), Listed{size}, ndim, self.dim());
  Dims sizes(ndim), strides(ndim);
  const int leading = ndim - self.dim();
  for (int d = 0; d < ndim; ++d) {
    const int64_t old = d < leading ? 1 : self.sizes()[d - leading];
    check(size[d] >= 0 || (size[d] == -1 && d >= leading),
          "The expanded size of the tensor ({}) isn't allowed in {} "
          "dimension {}",
          size[d], d < leading ? "a leading, non-existing" : "an existing", d);
    sizes[d] = size[d] == -1 ? old : size[d];
    check(
        old == sizes[d] || old == 1,
        "The expanded size of the tensor ({}) must match the existing size ({}) at non-singleton dimension {}.  Target "
        "sizes: {}.  Tensor sizes: {}",
        sizes[d], old, d, Listed{size}, self.sizes());
    strides[d] = old == 1 && sizes[d] != 1 ? 0 : d < leading ? 0 : self.strides()[d - leading];
  }
  return view_of(self, std::move(sizes), std::move(strides), self.offset());
}

Tensor sum_to(const Tensor& g, IntList sizes) { return sum_to_size(g, sizes); }

Tensor unsqueeze(const Tensor& self, int64_t dim) {
  const int at = normalize_dim(dim, self.dim() + 1);
  Dims sizes = self.sizes(), strides = self.strides();
  strides.insert(at, at < self.dim() ? sizes[at] * strides[at] : 1);
  sizes.insert(at, 1);
  return view_of(self, std::move(sizes), std::move(strides), self.offset());
}

namespace {

template <class Drop>
Tensor without(const Tensor& self, Drop&& drop) {
  Dims sizes, strides;
  for (int d = 0; d < self.dim(); ++d) {
    if (self.sizes()[d] == 1 && drop(d)) continue;
    sizes.push_back(self.sizes()[d]);
    strides.push_back(self.strides()[d]);
  }
  return view_of(self, std::move(sizes), std::move(strides), self.offset());
}

}  // namespace

Tensor squeeze(const Tensor& self) {
  return without(self, [](int) { return true; });
}

Tensor squeeze_dim(const Tensor& self, IntList dim) {
  uint64_t chosen = 0;
  for (const auto d : dim) {
    const uint64_t bit = uint64_t{1} << normalize_dim(d, self.dim());
    check((chosen & bit) == 0, "dim {} appears multiple times in the list of dims", d);
    chosen |= bit;
  }
  return without(self, [&](int d) { return (chosen >> d & 1) != 0; });
}

Tensor select(const Tensor& self, int64_t dim, int64_t index) {
  check_index(self.dim() > 0, "select() cannot be applied to a 0-dim tensor.");
  const int d = normalize_dim(dim, self.dim());
  const int64_t size = self.sizes()[d];
  check_index(index >= -size && index < size, "select(): index {} out of range for tensor of size {} at dimension {}",
              index, self.sizes(), d);
  const int64_t offset = self.offset() + (index < 0 ? index + size : index) * self.strides()[d];
  Dims sizes = self.sizes(), strides = self.strides();
  sizes.erase(d);
  strides.erase(d);
  return view_of(self, std::move(sizes), std::move(strides), offset);
}

Tensor select_backward(const Tensor& g, IntList sizes, int64_t dim, int64_t index) {
  const auto out = zeros_of(sizes, g.dtype());
  copy_elements(select(out, dim, index), g);
  return out;
}

Tensor slice(const Tensor& self, int64_t dim, int64_t start, int64_t end, int64_t step) {
  const int d = normalize_dim(dim, self.dim());
  Dims sizes = self.sizes(), strides = self.strides();
  sizes[d] = (std::max(end - start, int64_t{0}) + step - 1) / step;
  const int64_t offset = self.offset() + start * strides[d];
  strides[d] *= step;
  return view_of(self, std::move(sizes), std::move(strides), offset);
}

Tensor slice_backward(const Tensor& g, IntList sizes, int64_t dim, int64_t start, int64_t end, int64_t step) {
  const auto out = zeros_of(sizes, g.dtype());
  copy_elements(slice(out, dim, start, end, step), g);
  return out;
}

Tensor narrow(const Tensor& self, int64_t dim, int64_t start, int64_t length) {
  check(self.dim() > 0, "narrow() cannot be applied to a 0-dim tensor.");
  check(length >= 0, "narrow(): length must be non-negative.");
  const int d = normalize_dim(dim, self.dim());
  const int64_t size = self.sizes()[d];
  check_index(start >= -size && start <= size, "start out of range (expected to be in range of [{}, {}], but got {})",
              -size, size, start);
  if (start < 0) start += size;
  check(start + length <= size, "start ({}) + length ({}) exceeds dimension size ({}).", start, length, size);
  return ops::slice(self, d, start, start + length, 1);
}

Tensor narrow_tensor(const Tensor& self, int64_t dim, const Tensor& start, int64_t length) {
  check(start.dim() == 0 && is_integral(start.dtype()) && start.dtype() != DType::boolean,
        "narrow(): start must be an 0-dim integral Tensor, got {} of shape {}", start.dtype(), start.sizes());
  return ops::narrow(self, dim, weft::item(start).to_int(), length);
}

Tensor diagonal(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
  const int a = normalize_dim(dim1, self.dim()), b = normalize_dim(dim2, self.dim());
  check(a != b, "diagonal dimensions cannot be identical {}, {}", dim1, dim2);
  const int64_t rows = self.sizes()[a] - std::max<int64_t>(-offset, 0),
                columns = self.sizes()[b] - std::max<int64_t>(offset, 0);
  const int64_t length = std::max<int64_t>(0, std::min(rows, columns));
  int64_t start = self.offset();
  if (length > 0) start += offset >= 0 ? offset * self.strides()[b] : -offset * self.strides()[a];
  Dims sizes = self.sizes(), strides = self.strides();
  const int64_t step = strides[a] + strides[b];
  for (const int d : {std::max(a, b), std::min(a, b)}) {
    sizes.erase(d);
    strides.erase(d);
  }
  sizes.push_back(length);
  strides.push_back(step);
  return view_of(self, std::move(sizes), std::move(strides), start);
}

Tensor diagonal_backward(const Tensor& g, IntList sizes, int64_t offset, int64_t dim1, int64_t dim2) {
  const auto out = zeros_of(sizes, g.dtype());
  copy_elements(diagonal(out, offset, dim1, dim2), g);
  return out;
}

Tensor unfold(const Tensor& self, int64_t dimension, int64_t size, int64_t step) {
  const int d = normalize_dim(dimension, self.dim());
  const int64_t available = self.dim() == 0 ? 1 : self.sizes()[d];
  check(size >= 0 && size <= available, "maximum size for tensor at dimension {} is {} but size is {}", d, available,
        size);
  check(step > 0, "step is {} but must be > 0", step);
  Dims sizes = self.sizes(), strides = self.strides();
  if (self.dim() == 0) {
    sizes.push_back(size);
    strides.push_back(1);
  } else {
    sizes.push_back(size);
    strides.push_back(strides[d]);
    sizes[d] = (available - size) / step + 1;
    strides[d] *= step;
  }
  return view_of(self, std::move(sizes), std::move(strides), self.offset());
}

Tensor unfold_backward(const Tensor& g, IntList sizes, int64_t dim, int64_t size, int64_t step) {
  const auto base = zeros_of(sizes, g.dtype());
  const auto window = unfold(base, dim, size, step);
  // One window position after the other: windows overlap, positions within one do not.
  for (int64_t k = 0; k < size; ++k) {
    const auto target = select(window, -1, k);
    const auto part = select(g, -1, k);
    ops::add_(target, part);
  }
  return base;
}

Tensor view_alias(const Tensor& self) { return weft::alias(self); }
Tensor detach(const Tensor& self) { return weft::alias(self); }

TensorList split(const Tensor& self, int64_t split_size, int64_t dim) {
  check(self.dim() > 0, "split expects at least a 1-dimensional tensor");
  check(split_size >= 0, "split expects split_size be non-negative, but got split_size={}", split_size);
  const int64_t size = self.sizes()[normalize_dim(dim, self.dim())];
  check(split_size > 0 || size == 0, "split_size can only be 0 if dimension size is 0, but got dimension size of {}",
        size);
  Dims lengths;
  for (int64_t at = 0; at < size; at += split_size) lengths.push_back(std::min(split_size, size - at));
  if (lengths.empty()) lengths.push_back(0);
  return ops::split_sizes(self, lengths, dim);
}

TensorList split_sizes(const Tensor& self, IntList lengths, int64_t dim) {
  check(self.dim() > 0, "split expects at least a 1-dimensional tensor");
  const int d = normalize_dim(dim, self.dim());
  TensorList pieces;
  int64_t at = 0;
  for (const auto length : lengths) {
    check(length >= 0, "split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={}",
          Listed{lengths});
    check(at + length <= self.sizes()[d],
          "split_with_sizes expects split_sizes to sum exactly to {} (input tensor's size at "
          "dimension {}), but got split_sizes={}",
          self.sizes()[d], d, Listed{lengths});
    pieces.push_back(slice(self, d, at, at + length, 1));
    at += length;
  }
  check(at == self.sizes()[d],
        "split_with_sizes expects split_sizes to sum exactly to {} (input tensor's size at dimension "
        "{}), but got split_sizes={}",
        self.sizes()[d], d, Listed{lengths});
  return pieces;
}

Tensor split_backward(TensorSpan grads, IntList sizes, DType dtype, IntList lengths, int64_t dim) {
  const int d = normalize_dim(dim, static_cast<int>(sizes.size()));
  TensorList pieces;
  for (std::size_t i = 0; i < grads.size(); ++i) {
    Dims shape(sizes);
    shape[d] = lengths[i];
    pieces.push_back(grads[i].defined() ? grads[i] : ops::zeros(shape, dtype));
  }
  return ops::cat(pieces, d);
}

TensorList chunk(const Tensor& self, int64_t chunks, int64_t dim) {
  check(self.dim() > 0, "chunk expects at least a 1-dimensional tensor");
  check(chunks > 0, "chunk expects `chunks` to be greater than 0, got: {}", chunks);
  const int64_t size = self.sizes()[normalize_dim(dim, self.dim())];
  const int64_t length = (size + chunks - 1) / chunks;
  if (length > 0) return ops::split(self, length, dim);
  constexpr int64_t most = 1 << 20;  // of nothing there could be any number of pieces
  check(chunks <= most, "chunk: expected at most {} chunks of a dimension of size 0, got {}", most, chunks);
  return ops::split_sizes(self, Dims(static_cast<int>(chunks), 0), dim);
}

TensorList unbind(const Tensor& self, int64_t dim) {
  check_index(self.dim() > 0, "Dimension specified as {} but tensor has no dimensions", dim);
  const int d = normalize_dim(dim, self.dim());
  TensorList slices;
  for (int64_t i = 0; i < self.sizes()[d]; ++i) slices.push_back(select(self, d, i));
  return slices;
}

Tensor unbind_backward(TensorSpan grads, IntList sizes, DType dtype, int64_t dim) {
  Dims shape(sizes);
  shape.erase(normalize_dim(dim, shape.size()));
  TensorList slices;
  for (const auto& g : grads) slices.push_back(g.defined() ? g : ops::zeros(shape, dtype));
  return ops::stack(slices, dim);
}

}  // namespace weft::ops::impl
