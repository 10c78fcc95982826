#include "ops/convert.h"

#include "autograd/grad_mode.h"
#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/promotion.h"
#include "ops/strided_loop.h"
#include "ops/support.h"
#include "runtime/error.h"

namespace weft::ops {

namespace {

double copy_cost(const Tensor& t) noexcept { return 0.05 * static_cast<double>(t.element_size()); }

void check_broadcasts(const Tensor& source, const Tensor& out) {
  const int leading = out.dim() - source.dim();
  bool fits = leading >= 0;
  for (int d = 0; fits && d < source.dim(); ++d)
    fits = source.sizes()[d] == 1 || source.sizes()[d] == out.sizes()[leading + d];
  check(fits, "The expanded size of the tensor {} must match the existing size {} of the source", out.sizes(),
        source.sizes());
}

/// Between layouts of one dtype: the kernel knows transposes.
void copy_layout(const Tensor& out, const Tensor& source) {
  const int64_t size = out.element_size();
  const int ndim = out.dim(), leading = ndim - source.dim();
  check(ndim <= StridedLoop::max_dims, "tensors have at most {} dimensions, got {}", StridedLoop::max_dims, ndim);
  Dims to(ndim), from(ndim);
  for (int d = 0; d < ndim; ++d) {
    to[d] = out.strides()[d] * size;
    from[d] = d < leading || source.sizes()[d - leading] == 1 ? 0 : source.strides()[d - leading] * size;
  }
  kernels::table().cast.copy(out.bytes(), source.bytes(), ndim, out.sizes().data(), to.data(), from.data(), size);
}

}  // namespace

void copy_elements(const Tensor& out, const Tensor& source) {
  check_broadcasts(source, out);
  check_no_internal_overlap(out);
  if (out.numel() == 0) return;
  const bool overlaps =
      source.storage() == out.storage() &&
      !(source.offset() == out.offset() && source.strides() == out.strides() && source.sizes() == out.sizes());
  const Tensor from = overlaps ? clone_detached(source) : source;
  if (from.dtype() == out.dtype()) return copy_layout(out, from);
  StridedLoop loop(out.sizes());
  loop.add(out);
  loop.add(from);
  loop.run(kernels::table().cast.loop[static_cast<int>(from.dtype())][static_cast<int>(out.dtype())], nullptr,
           copy_cost(out));
}

Tensor clone_detached(const Tensor& source) { return converted(source, source.dtype()); }

Tensor converted(const Tensor& source, DType dtype) {
  const auto out = empty_like(source, dtype);
  copy_elements(out, source);
  return out;
}

Tensor packed(const Tensor& t) { return t.is_contiguous() ? t : packed_as(t, t.dtype()); }

Tensor packed_as(const Tensor& t, DType dtype) {
  if (t.is_contiguous() && t.dtype() == dtype) return t;
  const auto out = empty(t.sizes(), dtype);
  copy_elements(out, t);
  return out;
}

Tensor copy_to_format(const Tensor& t, MemoryFormat format) {
  const auto out = format == MemoryFormat::preserve ? empty_like(t, t.dtype()) : empty(t.sizes(), t.dtype(), format);
  copy_elements(out, t);
  return out;
}

namespace impl {

Tensor clone(const Tensor& self, std::optional<MemoryFormat> format) {
  return copy_to_format(self, format.value_or(MemoryFormat::preserve));
}

Tensor contiguous(const Tensor& self, MemoryFormat format) {
  check(format != MemoryFormat::preserve, "contiguous(): preserve_format is not a layout to convert to");
  const bool has = format == MemoryFormat::contiguous ? self.is_contiguous() : self.is_channels_last();
  return has ? self : ops::clone(self, format);
}

Tensor to_copy(const Tensor& self, DType dtype, bool, std::optional<MemoryFormat> format) {
  const auto layout = format.value_or(MemoryFormat::preserve);
  const auto out = layout == MemoryFormat::preserve ? empty_like(self, dtype) : empty(self.sizes(), dtype, layout);
  copy_elements(out, self);
  return out;
}

Tensor to(const Tensor& self, DType dtype, bool, bool copy, std::optional<MemoryFormat> format) {
  const auto layout = format.value_or(MemoryFormat::preserve);
  const bool same_layout = layout == MemoryFormat::preserve ||
                           (layout == MemoryFormat::contiguous ? self.is_contiguous() : self.is_channels_last());
  if (!copy && self.dtype() == dtype && same_layout) return self;
  return ops::to_copy(self, dtype, copy, format);
}

void copy_(const Tensor& self, const Tensor& src, bool) { copy_elements(self, src); }

void fill_(const Tensor& self, const Tensor& value) {
  if (value.impl()->wrapped_number) check_fits(weft::item(value), self.dtype());
  check(value.dim() == 0, "fill_ only supports 0-dimension value tensor but got tensor with {} dimensions.",
        value.dim());
  copy_elements(self, value);
}

void zero_(const Tensor& self) {
  if (self.is_dense()) {
    char* const bytes = self.bytes();
    parallel_for(self.numel() * self.element_size(), 1 << 18,
                 [&](int64_t begin, int64_t end) { __builtin_memset(bytes + begin, 0, end - begin); });
    return;
  }
  copy_elements(self, scalar_tensor(Scalar(int64_t{0}), self.dtype()));
}

Tensor fill(const Tensor& self, const Tensor& value) { return ops::fill_(ops::clone(self, std::nullopt), value); }

}  // namespace impl

}  // namespace weft::ops
