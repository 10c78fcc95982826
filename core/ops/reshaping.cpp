#include "autograd/meta.h"
#include "generated/impl.h"
#include "generated/ops.h"
#include "ops/support.h"
#include "runtime/error.h"

namespace weft::ops::impl {

Tensor flatten(const Tensor& self, int64_t start_dim, int64_t end_dim) {
  const int first = normalize_dim(start_dim, self.dim()), last = normalize_dim(end_dim, self.dim());
  check(first <= last, "flatten() has invalid args: start_dim cannot come after end_dim");
  if (self.dim() == 0) return ops::reshape(self, Dims{1});
  if (first == last) return self;
  const IntList sizes = self.sizes();
  Dims shape(sizes.first(first));
  shape.push_back(product(sizes.subspan(first, last - first + 1)));
  for (int d = last + 1; d < self.dim(); ++d) shape.push_back(sizes[d]);
  return ops::reshape(self, shape);
}

Tensor unflatten(const Tensor& self, int64_t dim, IntList sizes) {
  const int d = normalize_dim(dim, self.dim());
  check(!sizes.empty(), "unflatten: sizes must be non-empty");
  check(self.dim() > 0, "unflatten: expected at least one dimension, got a 0-dim tensor");
  const IntList old = self.sizes();
  int64_t known = 1, unknown = 0;
  for (const auto size : sizes) size == -1 ? ++unknown : known *= size;
  check(unknown == 0 ? known == old[d] : unknown == 1 && known != 0 && old[d] % known == 0,
        "unflatten: Provided sizes {} don't multiply up to the size of dim {} ({}) in the input tensor", Listed{sizes},
        dim, old[d]);
  Dims shape(old.first(d));
  for (const auto size : sizes) shape.push_back(size == -1 ? old[d] / known : size);
  for (int k = d + 1; k < self.dim(); ++k) shape.push_back(old[k]);
  return ops::view(self, shape);
}

Tensor ravel(const Tensor& self) { return ops::reshape(ops::contiguous(self), Dims{-1}); }

Tensor movedim(const Tensor& self, IntList source, IntList destination) {
  check(source.size() == destination.size(),
        "movedim: Invalid source or destination dims: source ({} dims) should contain the same number of dims as "
        "destination "
        "({} dims)",
        Listed{source}, Listed{destination});
  const int ndim = self.dim();
  Dims order(ndim, -1);
  uint64_t moved = 0;
  for (std::size_t i = 0; i < source.size(); ++i) {
    const int from = normalize_dim(source[i], ndim), to = normalize_dim(destination[i], ndim);
    if (ndim == 0) continue;
    check((moved >> from & 1) == 0, "movedim: repeated dim in `source` ({})", Listed{source});
    check(order[to] == -1, "movedim: repeated dim in `destination` ({})", Listed{destination});
    order[to] = from;
    moved |= uint64_t{1} << from;
  }
  int next = 0;
  for (auto& from : order) {
    if (from >= 0) continue;
    while ((moved >> next & 1) != 0) ++next;
    from = next++;
  }
  return ops::permute(self, order);
}

Tensor expand_as(const Tensor& self, const Tensor& other) { return ops::expand(self, other.sizes()); }
Tensor broadcast_to(const Tensor& self, IntList size) { return ops::expand(self, size); }
Tensor view_as(const Tensor& self, const Tensor& other) { return ops::view(self, other.sizes()); }
Tensor reshape_as(const Tensor& self, const Tensor& other) { return ops::reshape(self, other.sizes()); }

namespace {

/// Gives self the geometry and the history of a view of it: a change in place of what it is a view of changes nothing.
void become(const Tensor& self, const Tensor& view) {
  auto& impl = *self.impl();
  impl.sizes = view.sizes();
  impl.strides = view.strides();
  impl.offset = view.offset();
  refresh_geometry(impl);
  if (const auto node = grad_fn(view)) set_history(self, node, autograd_meta(view)->output);
}

}  // namespace

void as_strided_(const Tensor& self, IntList size, IntList stride, std::optional<int64_t> storage_offset) {
  become(self, ops::as_strided(self, size, stride, storage_offset));
}
void unsqueeze_(const Tensor& self, int64_t dim) { become(self, ops::unsqueeze(self, dim)); }
void squeeze_(const Tensor& self, const std::optional<Dims>& dim) {
  become(self, dim ? ops::squeeze_dim(self, *dim) : ops::squeeze(self));
}
void t_(const Tensor& self) { become(self, ops::t(self)); }
void transpose_(const Tensor& self, int64_t dim0, int64_t dim1) { become(self, ops::transpose(self, dim0, dim1)); }

void resize_(const Tensor& self, IntList size, std::optional<MemoryFormat> format) {
  check(!requires_grad(self), "cannot resize variables that require grad");
  auto& impl = *self.impl();
  const auto layout = format.value_or(MemoryFormat::contiguous);
  for (const auto s : size) check(s >= 0, "Trying to create tensor with negative dimension {}: {}", s, Listed{size});
  if (same(impl.sizes, size) && !format) return;
  // Memory first: it may refuse, and then the tensor must be as it was.
  const int64_t numel = product(size);
  const auto bytes = static_cast<std::size_t>((impl.offset + numel) * self.element_size());
  if (numel > 0 && impl.storage->bytes() < bytes) impl.storage->resize(bytes);
  impl.strides = strides_for(size, layout);
  impl.sizes = size;
  refresh_geometry(impl);
}

void resize_as_(const Tensor& self, const Tensor& the_template, std::optional<MemoryFormat> format) {
  resize_(self, Dims(the_template.sizes()), format);
}

void set_(const Tensor& self, const Tensor& source) {
  check(self.dtype() == source.dtype(), "Could not set tensor of type {} to a tensor of type {}", self.dtype(),
        source.dtype());
  auto& impl = *self.impl();
  impl.storage = source.storage();
  impl.sizes = source.sizes();
  impl.strides = source.strides();
  impl.offset = source.offset();
  refresh_geometry(impl);
}

}  // namespace weft::ops::impl
