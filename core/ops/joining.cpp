#include <cstring>
#include <vector>

#include "generated/impl.h"
#include "generated/ops.h"
#include "ops/promotion.h"
#include "ops/strided_loop.h"
#include "ops/support.h"
#include "runtime/error.h"

namespace weft::ops::impl {

namespace {

/// PyTorch lets an empty 1-d tensor stand beside tensors of any shape.
bool is_legacy_empty(const Tensor& t) noexcept { return t.dim() == 1 && t.numel() == 0; }

/// Joins along dim d row by row of the output, so that it is written from one end to the other. False, and nothing
/// done, where rows are not runs of memory, or are short.
bool join_rows(TensorSpan tensors, int d, const Tensor& out) {
  struct Part {
    const char* from;
    int64_t bytes;
  };
  std::vector<Part> parts;
  int64_t rows = 1, row_bytes = 0;
  for (int k = 0; k < d; ++k) rows *= out.sizes()[k];
  if (rows <= 1 || !out.is_contiguous()) return false;
  for (const auto& t : tensors) {
    if (t.numel() == 0) continue;
    if (t.dtype() != out.dtype() || !t.is_contiguous()) return false;
    parts.push_back({t.bytes(), t.numel() / rows * t.element_size()});
    row_bytes += parts.back().bytes;
  }
  if (row_bytes < 64 * static_cast<int64_t>(parts.size())) return false;
  parallel_elements(rows, 0.03 * static_cast<double>(row_bytes), [&](int64_t begin, int64_t end) {
    char* to = out.bytes() + begin * row_bytes;
    for (int64_t row = begin; row < end; ++row) {
      for (const auto& [from, bytes] : parts) {
        std::memcpy(to, from + row * bytes, static_cast<std::size_t>(bytes));
        to += bytes;
      }
    }
  });
  return true;
}

}  // namespace

Tensor cat(TensorSpan tensors, int64_t dim) {
  check_value(!tensors.empty(), "cat(): expected a non-empty list of Tensors");
  const Tensor* model = nullptr;
  for (const auto& t : tensors) {
    check(t.dim() > 0, "zero-dimensional tensor (at position {}) cannot be concatenated", &t - tensors.data());
    if (model == nullptr && !is_legacy_empty(t)) model = &t;
  }
  if (model == nullptr) model = &tensors[0];
  const int d = normalize_dim(dim, model->dim());
  Dims shape = model->sizes();
  shape[d] = 0;
  for (const auto& t : tensors) {
    if (is_legacy_empty(t)) continue;
    check(t.dim() == model->dim(), "Tensors must have same number of dimensions: got {} and {}", model->dim(), t.dim());
    for (int k = 0; k < t.dim(); ++k)
      check(k == d || t.sizes()[k] == shape[k],
            "Sizes of tensors must match except in dimension {}. Expected size {} but got size {} for tensor number {} "
            "in "
            "the list.",
            d, shape[k], t.sizes()[k], &t - tensors.data());
    shape[d] += t.sizes()[d];
  }
  const auto out = model->is_channels_last() && !model->is_contiguous()
                       ? weft::empty(shape, result_type(tensors), MemoryFormat::channels_last)
                       : weft::empty(shape, result_type(tensors));
  if (join_rows(tensors, d, out)) return out;
  int64_t at = 0;
  for (const auto& t : tensors) {
    if (is_legacy_empty(t)) continue;
    Dims sizes = t.sizes();
    copy_elements(view_of(out, sizes, out.strides(), out.offset() + at * out.strides()[d]), t);
    at += t.sizes()[d];
  }
  return out;
}

TensorList cat_backward(const Tensor& g, std::span<const Dims> sizes, int64_t dim) {
  TensorList pieces;
  int64_t at = 0;
  for (const auto& s : sizes) {
    if (s.size() == 1 && s[0] == 0 && g.dim() != 1) {
      pieces.push_back(ops::zeros(s, g.dtype()));
      continue;
    }
    const int64_t length = s[normalize_dim(dim, s.size())];
    pieces.push_back(ops::narrow(g, dim, at, length));
    at += length;
  }
  return pieces;
}

Tensor stack(TensorSpan tensors, int64_t dim) {
  check(!tensors.empty(), "stack expects a non-empty TensorList");
  const int d = normalize_dim(dim, tensors[0].dim() + 1);
  TensorList raised;
  raised.reserve(tensors.size());
  for (const auto& t : tensors) {
    check(t.sizes() == tensors[0].sizes(),
          "stack expects each tensor to be equal size, but got {} at entry 0 and {} at entry {}", tensors[0].sizes(),
          t.sizes(), &t - tensors.data());
    raised.push_back(unsqueeze(t, d));
  }
  return cat(raised, d);
}

}  // namespace weft::ops::impl
