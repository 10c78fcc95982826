#include <vector>

#include "generated/impl.h"
#include "generated/ops.h"
#include "kernels/table.h"
#include "ops/convert.h"
#include "ops/promotion.h"
#include "ops/support.h"
#include "runtime/error.h"

namespace weft::ops::impl {

namespace {

int size_class(int64_t element_size) noexcept { return __builtin_ctzll(static_cast<uint64_t>(element_size)); }

/// Where the elements of self[indices] lie, as byte offsets, and the shape of the selection.
struct Selection {
  Dims shape;
  Tensor offsets;
  std::vector<int64_t> outer, inner;  // inner: empty where its elements lie side by side
  int64_t inner_count;

  kernels::OffsetGrid grid() const noexcept {
    return {outer.data(),
            offsets.data<int64_t>(),
            inner.empty() ? nullptr : inner.data(),
            static_cast<int64_t>(outer.size()),
            offsets.numel(),
            inner_count};
  }
};

/// Whether the elements of these dimensions lie side by side.
bool is_run(const Tensor& t, const std::vector<int>& dims) {
  int64_t expected = 1;
  for (auto d = dims.rbegin(); d != dims.rend(); ++d) {
    if (t.sizes()[*d] == 1) continue;
    if (t.strides()[*d] != expected) return false;
    expected *= t.sizes()[*d];
  }
  return true;
}

/// Byte offsets of all combinations of the given dimensions, row-major.
std::vector<int64_t> offsets_of(const Tensor& t, const std::vector<int>& dims) {
  std::vector<int64_t> offsets{0};
  for (const int d : dims) {
    std::vector<int64_t> wider;
    wider.reserve(offsets.size() * static_cast<std::size_t>(t.sizes()[d]));
    for (const auto base : offsets)
      for (int64_t i = 0; i < t.sizes()[d]; ++i) wider.push_back(base + i * t.strides()[d] * t.element_size());
    offsets = std::move(wider);
  }
  return offsets;
}

Dims broadcast_index(const Dims& shape, const Dims& next, TensorSpan indices) {
  try {
    return broadcast_shapes(shape, next);
  } catch (const Error&) {
    std::string shapes;
    for (const auto& index : indices)
      if (index.defined()) shapes += (shapes.empty() ? "" : ", ") + format("{}", index.sizes());
    fail(ErrorKind::index, "shape mismatch: indexing tensors could not be broadcast together with shapes {}", shapes);
  }
}

/// The indices with every mask replaced by the positions where it is set, one tensor for each of its dimensions.
std::vector<Tensor> without_masks(const Tensor& self, TensorSpan given) {
  std::vector<Tensor> indices;
  for (const auto& index : given) {
    if (!index.defined() || (index.dtype() != DType::boolean && index.dtype() != DType::uint8) || index.dim() == 0) {
      indices.push_back(index);
      continue;
    }
    const auto first = static_cast<int>(indices.size());
    check_index(first + index.dim() <= self.dim(), "too many indices for tensor of dimension {}", self.dim());
    for (int d = 0; d < index.dim(); ++d)
      check_index(index.sizes()[d] == self.sizes()[first + d],
                  "The shape of the mask {} at index {} does not match the shape of the indexed tensor {} at index {}",
                  index.sizes(), d, self.sizes(), first + d);
    const Tensor positions = ops::nonzero(index);
    for (int d = 0; d < index.dim(); ++d) indices.push_back(ops::select(positions, 1, d));
  }
  return indices;
}

Selection select(const Tensor& self, TensorSpan given) {
  const std::vector<Tensor> indices = without_masks(self, given);
  check_index(static_cast<int>(indices.size()) <= self.dim(), "too many indices for tensor of dimension {} (got {})",
              self.dim(), indices.size());
  std::vector<int> before, indexed, after;
  Dims index_shape;
  bool adjacent = true;
  for (int d = 0; d < self.dim(); ++d) {
    const bool given = d < static_cast<int>(indices.size()) && indices[d].defined();
    if (!given) {
      (indexed.empty() ? before : after).push_back(d);
      continue;
    }
    if (!after.empty()) adjacent = false;
    indexed.push_back(d);
    check_index(is_integral(indices[d].dtype()) && indices[d].dtype() != DType::boolean,
                "tensors used as indices must be long, int, byte or bool tensors");
    index_shape = broadcast_index(index_shape, indices[d].sizes(), indices);
  }
  if (!adjacent) {
    // Index tensors apart from each other: their dimensions come first, as in NumPy.
    after.insert(after.begin(), before.begin(), before.end());
    before.clear();
    after.clear();
    for (int d = 0; d < self.dim(); ++d)
      if (d >= static_cast<int>(indices.size()) || !indices[d].defined()) after.push_back(d);
  }
  Selection s;
  s.offsets = indexed.empty() ? ops::zeros(Dims(), DType::int64) : weft::empty(index_shape, DType::int64);
  for (const int d : indexed) {
    Tensor spread = indices[d];
    if (spread.dtype() != DType::int64 || spread.sizes() != index_shape || !spread.is_contiguous()) {
      spread = weft::empty(index_shape, DType::int64);
      copy_elements(spread, indices[d]);
    }
    const int64_t bad = kernels::table().index.add_offsets(spread.data<int64_t>(), spread.numel(), self.sizes()[d],
                                                           self.strides()[d] * self.element_size(),
                                                           d == indexed.front(), s.offsets.data<int64_t>());
    if (bad >= 0)
      fail(ErrorKind::index, "index {} is out of bounds for dimension {} with size {}", spread.data<int64_t>()[bad], d,
           self.sizes()[d]);
  }
  s.outer = offsets_of(self, before);
  s.inner_count = 1;
  for (const int d : after) s.inner_count *= self.sizes()[d];
  if (!is_run(self, after)) s.inner = offsets_of(self, after);
  for (const int d : before) s.shape.push_back(self.sizes()[d]);
  for (const auto n : index_shape) s.shape.push_back(n);
  for (const int d : after) s.shape.push_back(self.sizes()[d]);
  return s;
}

}  // namespace

Tensor index(const Tensor& self, TensorSpan indices) {
  if (indices.size() == 1 && indices[0].defined() && indices[0].dtype() == DType::boolean &&
      indices[0].sizes() == self.sizes() && self.dim() > 0)
    return masked_select(self, indices[0]);
  const Selection s = select(self, indices);
  const auto out = weft::empty(s.shape, self.dtype());
  if (out.numel() > 0) kernels::table().index.get[size_class(self.element_size())](self.bytes(), s.grid(), out.bytes());
  return out;
}

void index_put_(const Tensor& self, TensorSpan indices, const Tensor& values, bool accumulate) {
  check(values.dtype() == self.dtype(),
        "Index put requires the source and destination dtypes match, got {} for the destination and {} for the source.",
        scalar_type_name(self.dtype()), scalar_type_name(values.dtype()));
  const Selection s = select(self, indices);
  auto source = weft::empty(s.shape, self.dtype());
  if (source.numel() == 0) return;
  const bool scalar = values.numel() == 1;
  if (scalar)
    source = packed(values);
  else
    copy_elements(source, values);
  const auto& table = kernels::table().index;
  if (!accumulate) {
    table.put[size_class(self.element_size())](self.bytes(), s.grid(), source.bytes(), scalar);
    return;
  }
  if (is_complex(self.dtype())) {
    index_put_(ops::real(self), indices, ops::real(values), true);
    return index_put_(ops::imag(self), indices, ops::imag(values), true);
  }
  const int adder = self.dtype() == DType::float32   ? 0
                    : self.dtype() == DType::float64 ? 1
                    : self.dtype() == DType::int64   ? 2
                                                     : -1;
  if (adder < 0) {
    const DType wide = is_floating(self.dtype()) ? DType::float32 : DType::int64;
    const auto work = converted(self, wide);
    index_put_(work, indices, converted(values, wide), true);
    copy_elements(self, work);
    return;
  }
  table.put_add[adder](self.bytes(), s.grid(), source.bytes(), scalar);
}

Tensor index_put_self_backward(const Tensor& g, TensorSpan indices, bool accumulate) {
  return accumulate ? g : ops::index_put(g, indices, ops::zeros(Dims{}, g.dtype()), false);
}

Tensor nonzero(const Tensor& self) {
  const auto mask = packed_as(self, DType::boolean);
  const auto& table = kernels::table().index;
  const auto* bytes = mask.data<uint8_t>();
  const int64_t count = table.count_nonzero(bytes, mask.numel());
  // A dimension after the other, so that the indices of each are contiguous.
  const auto out = weft::empty(Dims{self.dim(), count}, DType::int64);
  if (out.numel() > 0) table.nonzero(bytes, self.dim(), mask.sizes().data(), count, out.data<int64_t>());
  return view_of(out, Dims{count, self.dim()}, Dims{1, std::max<int64_t>(count, 1)}, 0);
}

}  // namespace weft::ops::impl
