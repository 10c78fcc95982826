#include "autograd/meta.h"

#include "autograd/engine.h"
#include "runtime/error.h"
#include "runtime/interrupt.h"

namespace weft {

AutogradMeta::~AutogradMeta() {
  if (retains_grad && grad_fn)
    grad_fn->change_hooks([&](NodeHooks& hooks) {
      std::erase_if(hooks.retained, [&](const auto& r) { return r.tensor == owner; });
    });
}

AutogradMeta& require_meta(const Tensor& t) {
  auto* impl = t.impl();
  if (impl->autograd == nullptr) {
    auto meta = std::make_unique<AutogradMeta>();
    meta->owner = impl;
    impl->autograd = meta.release();
  }
  return *static_cast<AutogradMeta*>(impl->autograd);
}

void refresh_view_slow(const Tensor& view) {
  auto* impl = view.impl();
  impl->view_version = impl->storage->version();
  const Tensor base(impl->view_base);
  const auto* base_meta = autograd_meta(base);
  if (base_meta == nullptr || !base_meta->grad_fn) return;
  auto node = gradient_ops().as_strided_node(base, view);
  set_history(view, node);
}

void set_requires_grad(const Tensor& t, bool value) {
  check(is_leaf(t) || (value && requires_grad(t)),
        "you can only change requires_grad flags of leaf variables.{}",
        value ? "" : " If you want to use a computed variable in a subgraph that doesn't require differentiation use "
                     "var_no_grad = var.detach().");
  check(!value || is_differentiable(t.dtype()),
        "only Tensors of floating point and complex dtype can require gradients");
  check(!value || !t.impl()->inference || inference_enabled(),
        "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
  if (value || autograd_meta(t) != nullptr) {
    auto& meta = require_meta(t);
    if (!meta.grad_fn) meta.requires_grad = value;
  }
}

bool is_leaf(const Tensor& t) {
  refresh_view(t);
  const auto* meta = autograd_meta(t);
  return meta == nullptr || !meta->grad_fn;
}

Ref<Node> grad_fn(const Tensor& t) {
  refresh_view(t);
  const auto* meta = autograd_meta(t);
  return meta == nullptr ? nullptr : meta->grad_fn;
}

Tensor grad(const Tensor& t) {
  auto* meta = autograd_meta(t);
  if (meta == nullptr) return {};
  std::lock_guard guard(meta->mutex);
  return meta->grad;
}

void set_grad(const Tensor& t, Tensor value) {
  if (!value.defined() && autograd_meta(t) == nullptr) return;
  auto& meta = require_meta(t);
  std::lock_guard guard(meta.mutex);
  std::swap(meta.grad, value);  // the old one is freed after the lock
}

void retain_grad(const Tensor& t) {
  check(requires_grad(t), "can't retain_grad on Tensor that has requires_grad=False");
  auto& meta = require_meta(t);
  if (!meta.grad_fn || meta.retains_grad) return;
  meta.retains_grad = true;
  meta.grad_fn->change_hooks([&](NodeHooks& hooks) { hooks.retained.push_back({meta.output, t.impl()}); });
}

bool must_record(TensorSpan tensors) {
  if (!grad_enabled()) return false;
  for (const auto& t : tensors)
    if (requires_grad(t)) return true;
  return false;
}

Edge gradient_edge(const Tensor& t) {
  if (!requires_grad(t)) return {};
  auto& meta = *autograd_meta(t);
  if (meta.grad_fn) return {meta.grad_fn, meta.output};
  std::lock_guard guard(meta.mutex);
  if (meta.accumulator != nullptr && meta.accumulator->try_retain())
    return {Ref<Node>::adopt(meta.accumulator), 0};
  Ref<AccumulateGrad> accumulator(new AccumulateGrad(t));
  meta.accumulator = accumulator.get();
  return {accumulator, 0};
}

void set_history(const Tensor& out, const Ref<Node>& node, uint32_t index) {
  OutputMeta output{out.defined() ? out.sizes() : Dims{}, out.defined() ? out.dtype() : DType::float32};
  if (index == 0)
    node->meta = std::move(output);
  else {
    if (node->more_meta.size() < index) node->more_meta.resize(index);
    node->more_meta[index - 1] = std::move(output);
  }
  if (!out.defined() || !is_differentiable(out.dtype())) return;
  auto& meta = require_meta(out);
  meta.grad_fn = node;
  meta.output = index;
}

void check_inplace(const Tensor& t, const char* op) {
  check(!t.impl()->inference || inference_enabled(),
        "{}: Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a "
        "normal tensor before doing inplace update.", op);
  if (!grad_enabled()) return;
  if (requires_grad(t) && is_leaf(t)) {
    fail(ErrorKind::runtime, "a leaf Variable that requires grad is being used in an in-place operation.");
  }
  if (t.impl()->view_base) {
    const Tensor base(t.impl()->view_base);
    if (requires_grad(base) && is_leaf(base))
      fail(ErrorKind::runtime, "a view of a leaf Variable that requires grad is being used in an in-place operation.");
  }
}

void rebase_history(const Tensor& t, Ref<Node> node, std::size_t self_edge) {
  auto* impl = t.impl();
  if (!impl->view_base) {
    auto& meta = require_meta(t);
    if (meta.retains_grad && meta.grad_fn) {
      // The gradient to keep is that of the new value.
      meta.grad_fn->change_hooks([&](NodeHooks& hooks) {
        std::erase_if(hooks.retained, [&](const auto& r) { return r.tensor == impl; });
      });
      node->change_hooks([&](NodeHooks& hooks) { hooks.retained.push_back({0, impl}); });
    }
    set_history(t, node);
    return;
  }
  node->meta = {t.sizes(), t.dtype()};
  const Tensor base(impl->view_base);
  set_history(base, gradient_ops().copy_slices(base, t, std::move(node), self_edge));
  refresh_view_slow(t);
}

SavedTensor::SavedTensor(const Tensor& input) : tensor_(input), version_(input.defined() ? input.version() : 0) {}

SavedTensor SavedTensor::output(const Tensor& out, uint32_t index) {
  SavedTensor saved;
  if (!out.defined()) return saved;
  saved.tensor_ = alias(out);
  saved.version_ = out.version();
  saved.output_ = static_cast<int32_t>(index);
  return saved;
}

Tensor SavedTensor::unpack(Node* node) const {
  if (!tensor_.defined()) return {};
  if (tensor_.version() != version_) {
    fail(ErrorKind::runtime,
         "one of the variables needed for gradient computation has been modified by an inplace operation: "
         "[weft.{}Tensor {}], {}{}, is at version {}; expected version {} instead.",
         scalar_type_name(tensor_.dtype()), tensor_.sizes(),
         output_ >= 0 ? format("which is output {} of ", output_) : std::string("needed by "), node->name(),
         tensor_.version(), version_);
  }
  if (output_ < 0 || !grad_enabled()) return tensor_;
  auto fresh = alias(tensor_);
  auto& meta = require_meta(fresh);
  meta.grad_fn = Ref<Node>(node);
  meta.output = static_cast<uint32_t>(output_);
  return fresh;
}

AccumulateGrad::AccumulateGrad(const Tensor& variable) : variable_(variable) {
  meta = {variable.sizes(), variable.dtype()};
}

AccumulateGrad::~AccumulateGrad() {
  auto* meta = autograd_meta(variable_);
  std::lock_guard guard(meta->mutex);
  if (meta->accumulator == this) meta->accumulator = nullptr;
}

void AccumulateGrad::backward(std::span<Tensor> grads, std::span<Tensor>, bool) {
  Tensor grad = std::move(grads[0]);
  if (!grad.defined()) return;
  auto& meta = *autograd_meta(variable_);
  std::unique_lock guard(meta.mutex);
  const auto hooks = meta.hooks;
  guard.unlock();
  for (const auto& hook : hooks)
    if (auto replaced = (*hook)(grad); replaced.defined()) grad = std::move(replaced);

  // Ours alone: nobody else can see or change it, so it becomes the gradient without a copy.
  const bool exclusive = grad.ref()->use_count() == 1 && grad.storage()->use_count() == 1;
  if (!exclusive && !grad_enabled()) grad = gradient_ops().clone(grad);
  guard.lock();
  if (!meta.grad.defined()) {
    meta.grad = std::move(grad);
  } else if (grad_enabled()) {
    meta.grad = gradient_ops().add(meta.grad, grad);
  } else {
    // Ctrl-C waits: its poll takes the GIL, whose holder may be waiting for this mutex.
    const InterruptScope quiet(nullptr);
    gradient_ops().add_inplace(meta.grad, grad);
  }
  const auto after = meta.post_accumulate_hooks;
  guard.unlock();
  for (const auto& hook : after) (*hook)(variable_);
}

}  // namespace weft
