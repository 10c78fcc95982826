// The backward pass: walks the graph from the roots down, on the calling thread, in topological order.
#pragma once

#include "autograd/meta.h"

namespace weft {

/// The arithmetic on gradients the engine needs, given by the layer above: the engine names no operator.
struct GradientOps {
  Tensor (*add)(const Tensor& a, const Tensor& b);              ///< recorded when gradients are
  void (*add_inplace)(const Tensor& a, const Tensor& b);        ///< a += b, never recorded
  Tensor (*clone_like)(const Tensor& a, const Tensor& layout);  ///< a copy in the layout of another tensor
  bool (*has_nan)(const Tensor& a);
  Tensor (*ones_like)(const Tensor& a);
  Tensor (*to_meta)(const Tensor& grad, const OutputMeta&);  ///< sums over broadcast dimensions, converts the dtype
  /// For an in-place write to a view: the node that puts the gradient of the view back into that of its base.
  Ref<Node> (*copy_slices)(const Tensor& base, const Tensor& view, Ref<Node> node, std::size_t self_edge);
  /// The history of `view` as a strided look into `base`.
  Ref<Node> (*as_strided_node)(const Tensor& base, const Tensor& view);
};
void install_gradient_ops(const GradientOps& ops) noexcept;
const GradientOps& gradient_ops() noexcept;

/// The same for opaque gradients, which only Python can do; takes its lock. Set once by bindings/.
struct OpaqueGradientOps {
  Tensor (*add)(const Tensor& a, const Tensor& b);  ///< one of them is opaque
  Tensor (*to_dense)(const Tensor& a);
};
void install_opaque_gradient_ops(const OpaqueGradientOps& ops) noexcept;
/// The sum of two gradients in new memory; recorded when gradients are.
Tensor sum_of_gradients(const Tensor& a, const Tensor& b);

/// Anomaly mode: nodes remember where they were recorded, and a failing one is reported with that.
struct Anomaly {
  std::atomic<bool> enabled{false};
  std::atomic<bool> check_nan{true};  ///< whether a NaN among the gradients of a node is a failure
  void (*created)(Node& node) = nullptr;
  void (*failed)(const Node& node) = nullptr;  ///< called with the exception in flight
};
Anomaly& anomaly() noexcept;

struct BackwardOptions {
  bool keep_graph = false;
  bool create_graph = false;
  /// Gradients wanted by name: only these are computed. Empty: every leaf accumulates.
  TensorSpan inputs{};
  /// Whether `inputs` accumulate into `.grad` (backward(inputs=...)) or are returned (autograd.grad).
  bool accumulate = false;
};

/// Runs backward from `roots` with `grads` (same number; undefined means ones, for a root with one element).
/// Returns one gradient per input, undefined where a root does not depend on it; empty when accumulating.
TensorList run_backward(TensorSpan roots, TensorSpan grads, const BackwardOptions& options);

}  // namespace weft
