// What autograd knows about a tensor: where it came from, whether it wants a gradient, and the gradient.
#pragma once

#include <mutex>

#include "autograd/grad_mode.h"
#include "autograd/node.h"

namespace weft {

class AccumulateGrad;

struct AutogradMeta final : AutogradMetaBase {
  ~AutogradMeta() override;

  bool requires_grad = false;  ///< of a leaf
  bool retains_grad = false;
  uint32_t output = 0;  ///< which output of grad_fn this tensor is
  Ref<Node> grad_fn;    ///< replaced under the mutex once others may know the tensor
  TensorImpl* owner = nullptr;

  std::mutex mutex;  ///< guards the fields below
  Tensor grad;
  AccumulateGrad* accumulator = nullptr;  ///< not owned; clears itself when it dies
  std::vector<Ref<TensorHook>> hooks;     ///< of a leaf
  std::vector<Ref<TensorHook>> post_accumulate_hooks;
};

/// Null when autograd knows nothing about the tensor.
inline AutogradMeta* autograd_meta(const Tensor& t) noexcept {
  return static_cast<AutogradMeta*>(t.impl()->autograd.load(std::memory_order_acquire));
}
/// Made on first use.
AutogradMeta& require_meta(const Tensor& t);

/// Brings a view's history up to date when its base was written in place since.
void refresh_view_slow(const Tensor& view);
inline void refresh_view(const Tensor& t) {
  auto* impl = t.impl();
  if (impl->view_base && impl->view_version.load(std::memory_order_acquire) != impl->storage->version()) [[unlikely]]
    refresh_view_slow(t);
}

/// Whether gradients are wanted for it, as a leaf or through its history.
inline bool requires_grad(const Tensor& t) {
  if (!t.defined()) return false;
  refresh_view(t);
  const auto* meta = autograd_meta(t);
  return meta != nullptr && (meta->requires_grad || meta->grad_fn);
}
/// For leaves only; raises on tensors that are not, and on types without gradients.
void set_requires_grad(const Tensor& t, bool value);
bool is_leaf(const Tensor& t);
Ref<Node> grad_fn(const Tensor& t);
Tensor grad(const Tensor& t);
void set_grad(const Tensor& t, Tensor value);
void retain_grad(const Tensor& t);
/// Makes `t` a leaf that wants no gradient; raises on views, whose history is that of their base.
void detach_inplace(const Tensor& t);
/// Takes the history of a tensor away; call with its mutex held and drop the result after it.
[[nodiscard]] Ref<Node> forget_history(AutogradMeta& meta);
/// Lets `t` take over the memory and geometry of `source`; what autograd knows about it stays.
void set_data(const Tensor& t, const Tensor& source);

/// Whether an operation on these tensors must be recorded.
template <class... Ts>
bool must_record(const Ts&... tensors) {
  return grad_enabled() && (requires_grad(tensors) || ...);
}
bool must_record(TensorSpan tensors);

/// Where the gradient of `t` goes: its grad_fn, its accumulator if it is a leaf, or nowhere.
Edge gradient_edge(const Tensor& t);

/// Makes `out` output number `index` of `node`; outputs in order, before anybody else sees the node. Outputs that
/// cannot have gradients only reserve their number.
void set_history(const Tensor& out, const Ref<Node>& node, uint32_t index = 0);

/// Raises if `t` may not be written in place now (a leaf that wants gradients, or a view of one).
void check_inplace(const Tensor& t, const char* op);
/// After an in-place operation recorded as `node`, whose edge `self_edge` is the old value of `t`.
void rebase_history(const Tensor& t, Ref<Node> node, std::size_t self_edge, uint32_t output = 0);

/// Makes `view` a differentiable view of `source`. Whether writes to it can be recorded depends on how it came about.
inline void set_view(const Tensor& view, const Tensor& source, ViewKind kind = ViewKind::recorded) {
  auto* impl = view.impl();
  auto* base = source.impl();
  if (base->inference || detail::grad_mode == detail::GradMode::within) return;
  impl->view_base = base->view_base ? base->view_base : source.ref();
  impl->view_kind = !grad_enabled() ? ViewKind::unrecorded : kind == ViewKind::recorded ? base->view_kind : kind;
  impl->view_version.store(impl->storage->version(), std::memory_order_relaxed);
}

/// What a user's hook gave to keep in the place of a tensor.
class PackedTensor : public RefCounted<PackedTensor> {
 public:
  virtual ~PackedTensor() = default;
  virtual Tensor unpack() const = 0;
  static void destroy(PackedTensor* packed) noexcept { delete packed; }
};

namespace detail {
/// This thread's saved-tensor hooks; null, as nearly always, for none.
using Packer = Ref<PackedTensor> (*)(const Tensor& saved);
extern thread_local Packer packer [[gnu::tls_model("initial-exec")]];
}  // namespace detail

/// Keeps a tensor for backward, and notices if it was written meanwhile.
class SavedTensor {
 public:
  SavedTensor() = default;
  /// An input of the operation, or an undefined tensor.
  explicit SavedTensor(const Tensor& input);
  /// An output of it: kept without its history, or node and tensor would own each other.
  static SavedTensor output(const Tensor& out, uint32_t index = 0);

  /// The tensor as it was; `node` is the node that saved it. Raises if it was written in place since.
  Tensor unpack(Node* node) const;

 private:
  struct Packed final : RefCounted<Packed> {
    Ref<PackedTensor> value;
    Edge edge;  ///< where gradients of a saved input go
    static void destroy(Packed* packed) noexcept { delete packed; }
  };
  void pack(const Tensor& saved, Edge edge);
  [[noreturn]] void fail_version(const Node& node) const;

  Ref<Packed> packed_;  ///< instead of the tensor, when there were hooks
  Tensor tensor_;
  uint32_t version_ = 0;
  int32_t output_ = -1;
};

/// Adds what flows into a leaf to its `.grad`.
class AccumulateGrad final : public Node {
 public:
  explicit AccumulateGrad(const Tensor& variable);
  ~AccumulateGrad() override;
  std::string name() const override { return "AccumulateGrad"; }
  void backward(std::span<Tensor> grads, std::span<Tensor> results, bool keep) override;
  std::unique_ptr<HookSnapshot> hooks() const override;
  const Tensor& variable() const noexcept { return variable_; }

 private:
  Tensor variable_;
};

}  // namespace weft
