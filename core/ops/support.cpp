#include "ops/support.h"

#include <algorithm>

#include "autograd/engine.h"
#include "generated/ops.h"
#include "ops/convert.h"
#include "runtime/error.h"

namespace weft::ops {

Tensor sum_to_size(const Tensor& t, const Dims& sizes) {
  if (t.sizes() == sizes) return t;
  const int leading = t.dim() - sizes.size();
  Dims dims;
  for (int d = 0; d < leading; ++d) dims.push_back(d);
  for (int d = 0; d < sizes.size(); ++d)
    if (sizes[d] == 1 && t.sizes()[leading + d] != 1) dims.push_back(leading + d);
  // An empty list of dimensions means all of them to sum.
  Tensor summed = dims.empty() ? t : sum_dim(t, dims, true);
  return summed.sizes() == sizes ? summed : view(summed, sizes);
}

std::vector<SavedTensor> save_all(TensorSpan tensors) {
  std::vector<SavedTensor> saved;
  saved.reserve(tensors.size());
  for (const auto& t : tensors) saved.emplace_back(t);
  return saved;
}

TensorList unpack_all(const std::vector<SavedTensor>& saved, Node* node) {
  TensorList tensors;
  tensors.reserve(saved.size());
  for (const auto& s : saved) tensors.push_back(s.unpack(node));
  return tensors;
}

Tensor gradient_or_zeros(const Tensor& grad, const OutputMeta& meta) {
  return grad.defined() ? grad : zeros(meta.sizes, meta.dtype);
}

Tensor conjugate(const Tensor& t) { return t.defined() && is_complex(t.dtype()) ? conjugated(t) : t; }

void check_implemented(bool has, const char* op, DType dtype) {
  if (!has) fail(ErrorKind::not_implemented, "\"{}\" not implemented for '{}'", op, scalar_type_name(dtype));
}
void check_fits(const Scalar& value, DType dtype) {
  check(fits(value, dtype), "value cannot be converted to type {} without overflow", dtype);
}

void check_out_dtype(DType result, DType out, const char* op) {
  check(result == out, "{}(): expected out= to have the dtype of the result, {}, but got {}", op, result, out);
}

void check_apart(const Tensor& out, const Dims& sizes, const Tensor& input, const char* op) {
  if (!input.defined() || !(out.storage() == input.storage()) || product(sizes) == 0) return;
  const bool same = out.impl() == input.impl();  // an empty input, too, that grows with out
  if (input.numel() == 0 && !same) return;
  const auto end = [](const Tensor& t, const Dims& shape, const Dims& strides) {  // byte after the last element
    int64_t at = t.offset();
    for (int d = 0; d < shape.size(); ++d) at += (shape[d] - 1) * strides[d];
    return (at + 1) * t.element_size();
  };
  const int64_t written = end(out, sizes, out.sizes() == sizes ? out.strides() : contiguous_strides(sizes));
  check(!same && (out.offset() * out.element_size() >= end(input, input.sizes(), input.strides()) ||
                  input.offset() * input.element_size() >= written),
        "{}(): unsupported operation: some elements of the input tensor and the written-to tensor out= refer to a "
        "single memory location. Please clone() the tensor before performing the operation.",
        op);
}

void resize_output(const Tensor& out, const Dims& shape) {
  check_no_internal_overlap(out);
  if (out.sizes() == shape) return;
  auto& impl = *out.impl();
  const auto bytes = static_cast<std::size_t>((impl.offset + product(shape)) * out.element_size());
  if (impl.storage->bytes() < bytes) impl.storage->resize(bytes);
  impl.sizes = shape;
  impl.strides = contiguous_strides(shape);
  refresh_geometry(impl);
}

void assign(const Tensor& out, const Tensor& result) {
  check(can_cast(result.dtype(), out.dtype()), "result type {} can't be cast to the desired output type {}",
        scalar_type_name(result.dtype()), scalar_type_name(out.dtype()));
  resize_output(out, result.sizes());
  copy_elements(out, result);
}

void assign_inplace(const Tensor& self, const Tensor& result) {
  check(self.sizes() == result.sizes(),
        "Bad in-place call: input tensor size {} and output tensor size {} should match", self.sizes(), result.sizes());
  assign(self, result);
}

void check_no_internal_overlap(const Tensor& t) {
  if (t.is_contiguous()) return;
  for (int d = 0; d < t.dim(); ++d)
    check(t.strides()[d] != 0 || t.sizes()[d] <= 1,
          "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
          "Please clone() the tensor before performing the operation.");
}

void check_no_history_for_out(bool record, const char* op) {
  check(!record,
        "{}(): functions with out=... arguments don't support automatic differentiation, but one of the "
        "arguments requires grad.",
        op);
}

namespace {

/// The gradient of a view put back into the gradient of its base: the history of an in-place write to a view.
class CopySlices final : public Node {
 public:
  CopySlices(const Tensor& base, const Tensor& view, Ref<Node> inner, std::size_t self_edge)
      : view_sizes_(view.sizes()),
        view_strides_(view.strides()),
        view_offset_(view.offset()),
        base_sizes_(base.sizes()),
        base_strides_(base.strides()),
        base_offset_(base.offset()),
        inner_(std::move(inner)),
        self_edge_(self_edge) {
    add_edge(gradient_edge(base));
    for (std::size_t i = 0; i < inner_->edges.size(); ++i)
      if (i != self_edge) add_edge(inner_->edges[i]);
    // The inner node's own edge for the view must ask for a gradient whenever the base wants one.
    inner_->edges[self_edge] = edges[0];
  }
  std::string name() const override { return "CopySlices"; }

  void backward(std::span<Tensor> grads, std::span<Tensor> results, bool keep) override {
    // The gradient takes the base's layout, so that the view's geometry holds in it.
    const Tensor grad = relaid(grads[0], base_sizes_, base_strides_);
    Tensor part[1] = {as_strided(grad, view_sizes_, view_strides_, view_offset_ - base_offset_)};
    TensorList inner_results(inner_->edges.size());
    inner_->backward(part, inner_results, keep);
    if (wants(0)) {
      const Tensor& replaced = inner_results[self_edge_];
      const Tensor slice = replaced.defined() ? replaced : zeros(view_sizes_, grad.dtype());
      results[0] = as_strided_scatter(grad, slice, view_sizes_, view_strides_, view_offset_ - base_offset_);
    }
    std::size_t to = 1;
    for (std::size_t i = 0; i < inner_results.size(); ++i)
      if (i != self_edge_) results[to++] = std::move(inner_results[i]);
  }

 private:
  Dims view_sizes_, view_strides_;
  int64_t view_offset_;
  Dims base_sizes_, base_strides_;
  int64_t base_offset_;
  Ref<Node> inner_;
  std::size_t self_edge_;
};

/// The history of a view whose base was written in place: a strided look into the base's new value.
class AsStridedView final : public Node {
 public:
  AsStridedView(const Tensor& base, const Tensor& view)
      : view_sizes_(view.sizes()),
        view_strides_(view.strides()),
        offset_(view.offset() - base.offset()),
        base_sizes_(base.sizes()),
        base_strides_(base.strides()) {
    add_edge(gradient_edge(base));
  }
  std::string name() const override { return "AsStridedBackward0"; }

  void backward(std::span<Tensor> grads, std::span<Tensor> results, bool) override {
    if (wants(0))
      results[0] = as_strided_backward(grads[0], base_sizes_, base_strides_, 0, view_sizes_, view_strides_, offset_);
  }

 private:
  Dims view_sizes_, view_strides_;
  int64_t offset_;
  Dims base_sizes_, base_strides_;
};

Tensor add_gradients(const Tensor& a, const Tensor& b) { return add(a, b); }
void add_gradient_inplace(const Tensor& a, const Tensor& b) {
  const GradModeScope no_grad(false);
  add_(a, b);
}
Tensor clone_gradient(const Tensor& t, const Tensor& layout) {
  const bool dense = layout.is_dense();
  const bool alike = t.is_dense() && (dense ? t.strides() == layout.strides() : t.is_contiguous());
  if (alike) return clone(t);
  return dense ? relaid(t, t.sizes(), layout.strides()) : clone(t, MemoryFormat::contiguous);
}
bool gradient_has_nan(const Tensor& t) {
  if (!is_floating(t.dtype())) return false;
  const auto values = packed_as(t, DType::float64);
  const auto* const data = values.data<double>();
  return std::any_of(data, data + values.numel(), [](double v) { return v != v; });
}
Tensor ones_gradient(const Tensor& t) { return ones(t.sizes(), t.dtype()); }
Tensor gradient_to_meta(const Tensor& grad, const OutputMeta& meta) {
  Tensor fitted = sum_to_size(grad, meta.sizes);
  return fitted.dtype() == meta.dtype ? fitted : to(fitted, meta.dtype);
}
Ref<Node> make_copy_slices(const Tensor& base, const Tensor& view, Ref<Node> node, std::size_t self_edge) {
  check(base.dtype() == view.dtype(),
        "an in-place operation on a view of dtype {} of a tensor of dtype {} cannot be recorded", view.dtype(),
        base.dtype());
  return Ref<Node>(new CopySlices(base, view, std::move(node), self_edge));
}
Ref<Node> make_as_strided_view(const Tensor& base, const Tensor& view) {
  return Ref<Node>(new AsStridedView(base, view));
}

}  // namespace

void install() {
  install_gradient_ops({.add = add_gradients,
                        .add_inplace = add_gradient_inplace,
                        .clone_like = clone_gradient,
                        .has_nan = gradient_has_nan,
                        .ones_like = ones_gradient,
                        .to_meta = gradient_to_meta,
                        .copy_slices = make_copy_slices,
                        .as_strided_node = make_as_strided_view});
}

}  // namespace weft::ops
