#include "autograd/meta.h"

#include "autograd/engine.h"
#include "runtime/error.h"
#include "runtime/interrupt.h"

namespace weft {

namespace {

/// The tensor's node shall no longer keep its gradient.
void withdraw_retained(AutogradMeta& meta) {
  meta.grad_fn->change_hooks(
      [&](NodeHooks& hooks) { std::erase_if(hooks.retained, [&](const auto& r) { return r.tensor == meta.owner; }); });
}

/// Gives a tensor another history. Call with its mutex held; the old one, returned, must go after the mutex.
[[nodiscard]] Ref<Node> exchange_history(AutogradMeta& meta, Ref<Node> node, uint32_t output) {
  if (meta.retains_grad && meta.grad_fn) {
    withdraw_retained(meta);
    // The gradient to keep is that of the new value.
    if (node) node->change_hooks([&](NodeHooks& hooks) { hooks.retained.push_back({output, meta.owner}); });
  }
  meta.retains_grad = meta.retains_grad && node;
  meta.output = output;
  std::swap(meta.grad_fn, node);
  return node;
}

OutputMeta meta_of(const Tensor& t) { return t.defined() ? OutputMeta{t.sizes(), t.dtype()} : OutputMeta{}; }

/// Notes what a gradient that arrives at an output of a fresh node must look like.
void describe_output(Node& node, const Tensor& out, uint32_t index) {
  if (index == 0) {
    node.meta = meta_of(out);
    if (anomaly().enabled.load(std::memory_order_relaxed)) [[unlikely]]
      anomaly().created(node);
  } else {
    if (node.more_meta.size() < index) node.more_meta.resize(index);
    node.more_meta[index - 1] = meta_of(out);
  }
}

/// Tensors in the hands of several threads change their history one at a time.
void replace_history(const Tensor& t, const Ref<Node>& node, uint32_t output) {
  auto& meta = require_meta(t);
  Ref<Node> old;
  const std::lock_guard guard(meta.mutex);
  old = exchange_history(meta, node, output);
}

}  // namespace

AutogradMeta::~AutogradMeta() {
  if (retains_grad && grad_fn) withdraw_retained(*this);
}

AutogradMeta& require_meta(const Tensor& t) {
  if (auto* known = autograd_meta(t)) return *known;
  auto meta = std::make_unique<AutogradMeta>();
  meta->owner = t.impl();
  AutogradMetaBase* other = nullptr;
  if (t.impl()->autograd.compare_exchange_strong(other, meta.get(), std::memory_order_acq_rel)) return *meta.release();
  return *static_cast<AutogradMeta*>(other);  // another thread was first
}

void refresh_view_slow(const Tensor& view) {
  auto* impl = view.impl();
  const uint32_t version = impl->storage->version();
  const Tensor base(impl->view_base);
  if (const auto* base_meta = autograd_meta(base); base_meta != nullptr && base_meta->grad_fn) {
    auto& meta = require_meta(view);
    Ref<Node> old;
    const std::lock_guard guard(meta.mutex);
    if (impl->view_version.load(std::memory_order_relaxed) == version) return;
    const auto node = gradient_ops().as_strided_node(base, view);
    node->meta = meta_of(view);
    old = exchange_history(meta, node, 0);
    impl->view_version.store(version, std::memory_order_release);
    return;
  }
  impl->view_version.store(version, std::memory_order_release);
}

void set_requires_grad(const Tensor& t, bool value) {
  check(is_leaf(t), "you can only change requires_grad flags of leaf variables.{}",
        value ? ""
              : " If you want to use a computed variable in a subgraph that doesn't require differentiation use "
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
  const std::lock_guard guard(meta.mutex);
  if (!meta.grad_fn || meta.retains_grad) return;
  meta.retains_grad = true;
  t.impl()->allow_try_retain();
  meta.grad_fn->change_hooks([&](NodeHooks& hooks) { hooks.retained.push_back({meta.output, t.impl()}); });
}

Ref<Node> forget_history(AutogradMeta& meta) { return exchange_history(meta, nullptr, 0); }

void detach_inplace(const Tensor& t) {
  check(!t.impl()->view_base, "Can't detach views in-place. Use detach() instead.");
  if (autograd_meta(t) == nullptr) return;
  replace_history(t, nullptr, 0);
  autograd_meta(t)->requires_grad = false;
}

void set_data(const Tensor& t, const Tensor& source) {
  auto& impl = *t.impl();
  if (auto* meta = autograd_meta(t);
      meta != nullptr && !(impl.sizes == source.sizes() && impl.dtype == source.dtype())) {
    const std::lock_guard guard(meta->mutex);
    meta->accumulator = nullptr;  // it expects gradients of the old shape
  }
  impl.storage = source.storage();
  impl.sizes = source.sizes();
  impl.strides = source.strides();
  impl.offset = source.offset();
  impl.dtype = source.dtype();
  impl.view_base = nullptr;
  refresh_geometry(impl);
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
  if (meta.accumulator != nullptr && meta.accumulator->try_retain()) return {Ref<Node>::adopt(meta.accumulator), 0};
  Ref<AccumulateGrad> accumulator(new AccumulateGrad(t));
  accumulator->allow_try_retain();
  meta.accumulator = accumulator.get();
  return {accumulator, 0};
}

void set_history(const Tensor& out, const Ref<Node>& node, uint32_t index) {
  describe_output(*node, out, index);
  if (!out.defined() || !is_differentiable(out.dtype())) return;
  // Made by an operation as a whole, whatever it did inside without recording.
  if (out.impl()->view_base && out.impl()->view_kind == ViewKind::unrecorded) out.impl()->view_base = nullptr;
  auto& meta = require_meta(out);
  meta.grad_fn = node;
  meta.output = index;
}

namespace {

void check_view_kind(const Tensor& t) {
  if (t.impl()->view_kind == ViewKind::recorded) return;
  check(
      t.impl()->view_kind != ViewKind::unrecorded,
      "A view was created in no_grad mode and is being modified inplace with grad mode enabled. Given that this use "
      "case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view and the "
      "inplace either both inside the no_grad block (if you don't want the inplace to be tracked) or both outside (if "
      "you want the inplace to be tracked).");
  const auto* meta = autograd_meta(t);
  const bool known = meta != nullptr && meta->grad_fn;
  fail(ErrorKind::runtime,
       "Output {} of {} is a view and is being modified inplace. This view is the output of a function that returns "
       "multiple views. Such functions do not allow the output views to be modified inplace. You should replace the "
       "inplace operation by an out-of-place one.",
       known ? meta->output : 0, known ? meta->grad_fn->name() : std::string("a function"));
}

}  // namespace

void check_inplace(const Tensor& t, const char* op) {
  check(!t.impl()->inference || inference_enabled(),
        "{}: Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a "
        "normal tensor before doing inplace update.",
        op);
  if (!grad_enabled()) return;
  if (t.impl()->view_base) {
    const Tensor base(t.impl()->view_base);
    const bool wanted = requires_grad(base);
    if (wanted || requires_grad(t)) check_view_kind(t);
    if (wanted && is_leaf(base))
      fail(ErrorKind::runtime, "a view of a leaf Variable that requires grad is being used in an in-place operation.");
  }
  if (requires_grad(t) && is_leaf(t))
    fail(ErrorKind::runtime, "a leaf Variable that requires grad is being used in an in-place operation.");
}

void rebase_history(const Tensor& t, Ref<Node> node, std::size_t self_edge, uint32_t output) {
  auto* impl = t.impl();
  describe_output(*node, t, output);
  if (!impl->view_base) return replace_history(t, node, output);
  check_view_kind(t);
  check(output == 0,
        "If your Function modifies inplace an input that is a view of another Tensor, your Function cannot "
        "return more than one Tensor. This is not supported by the current autograd engine.");
  const Tensor base(impl->view_base);
  const auto slices = gradient_ops().copy_slices(base, t, std::move(node), self_edge);
  describe_output(*slices, base, 0);
  replace_history(base, slices, 0);
  refresh_view_slow(t);
}

thread_local detail::Packer detail::packer = nullptr;

void SavedTensor::pack(const Tensor& saved, Edge edge) {
  packed_ = Ref<Packed>(new Packed);
  packed_->edge = std::move(edge);
  packed_->value = detail::packer(alias(saved));
  tensor_ = {};
}

SavedTensor::SavedTensor(const Tensor& input) : tensor_(input) {
  if (!input.defined()) return;
  check(!input.impl()->inference || inference_enabled(),
        "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
        "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it "
        "in autograd, or use `weft.no_grad()` instead of `weft.inference_mode()`.");
  version_ = input.version();
  if (detail::packer != nullptr && !input.impl()->wrapped_number) [[unlikely]]
    pack(input, gradient_edge(input));
}

SavedTensor SavedTensor::output(const Tensor& out, uint32_t index) {
  SavedTensor saved;
  if (!out.defined()) return saved;
  saved.tensor_ = alias(out);
  saved.version_ = out.version();
  saved.output_ = static_cast<int32_t>(index);
  if (detail::packer != nullptr) [[unlikely]]
    saved.pack(out, {});
  return saved;
}

Tensor SavedTensor::unpack(Node* node) const {
  if (packed_) [[unlikely]] {
    const Tensor fresh = alias(packed_->value->unpack());
    const Edge edge = output_ >= 0 ? Edge{Ref<Node>(node), static_cast<uint32_t>(output_)} : packed_->edge;
    if (!edge.node || !grad_enabled()) return fresh;
    // A leaf's accumulator serves as history too: what flows into it reaches the leaf.
    auto& meta = require_meta(fresh);
    meta.grad_fn = edge.node;
    meta.output = edge.output;
    return fresh;
  }
  if (!tensor_.defined()) return {};
  if (tensor_.version() != version_) [[unlikely]]
    fail_version(*node);
  if (output_ < 0 || !grad_enabled()) return tensor_;
  auto fresh = alias(tensor_);
  auto& meta = require_meta(fresh);
  meta.grad_fn = Ref<Node>(node);
  meta.output = static_cast<uint32_t>(output_);
  return fresh;
}

void SavedTensor::fail_version(const Node& node) const {
  std::string origin;
  if (output_ >= 0)
    origin = format(", which is output {} of {},", output_, node.name());
  else if (const auto made_by = grad_fn(tensor_))
    origin = format(", which is output {} of {},", autograd_meta(tensor_)->output, made_by->name());
  fail(ErrorKind::runtime,
       "one of the variables needed for gradient computation has been modified by an inplace operation: "
       "[weft.{}Tensor {}]{} is at version {}; expected version {} instead. Hint: {}",
       scalar_type_name(tensor_.dtype()), tensor_.sizes(), origin, tensor_.version(), version_,
       anomaly().enabled ? "the backtrace further above shows the operation that failed to compute its gradient. The "
                           "variable in question was changed in there or anywhere later. Good luck!"
                         : "enable anomaly detection to find the operation that failed to compute its gradient, with "
                           "weft.autograd.set_detect_anomaly(True, check_nan=False).");
}

AccumulateGrad::AccumulateGrad(const Tensor& variable) : variable_(variable) {
  meta = {variable.sizes(), variable.dtype()};
}

AccumulateGrad::~AccumulateGrad() {
  auto* meta = autograd_meta(variable_);
  std::lock_guard guard(meta->mutex);
  if (meta->accumulator == this) meta->accumulator = nullptr;
}

std::unique_ptr<HookSnapshot> AccumulateGrad::hooks() const {
  auto snapshot = Node::hooks();
  auto& meta = *autograd_meta(variable_);
  const std::lock_guard guard(meta.mutex);
  if (meta.hooks.empty()) return snapshot;
  if (!snapshot) snapshot = std::make_unique<HookSnapshot>();
  for (const auto& hook : meta.hooks) snapshot->tensor.push_back({0, hook});
  return snapshot;
}

void AccumulateGrad::backward(std::span<Tensor> grads, std::span<Tensor>, bool) {
  Tensor grad = std::move(grads[0]);
  if (!grad.defined()) return;
  auto& meta = *autograd_meta(variable_);
  // Ours alone and laid out like the leaf: it becomes the gradient without a copy, as nobody else can see or change it.
  const bool exclusive = grad.ref()->use_count() == 1 && grad.storage()->use_count() == 1;
  const bool alike = (grad.is_contiguous() && variable_.is_contiguous()) ||
                     (grad.is_dense() && (grad.strides() == variable_.strides() || !variable_.is_dense()));
  std::unique_lock guard(meta.mutex);
  while (meta.grad.defined() && (meta.grad.impl()->opaque || grad.impl()->opaque)) {
    // Python adds them, whose lock nobody waits for under the mutex: so take the old one away, and look again after.
    const Tensor before = std::exchange(meta.grad, Tensor());
    guard.unlock();
    grad = sum_of_gradients(before, grad);
    guard.lock();
  }
  if (!meta.grad.defined() && !(exclusive && alike) && !grad.impl()->opaque) {
    guard.unlock();
    grad = gradient_ops().clone_like(grad, variable_);
    guard.lock();
  }
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
