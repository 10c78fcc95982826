// A node of the backward graph: one recorded operation, its saved values, and the edges to what it came from.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace weft {

class Node;

/// "The gradient for output `output` of `node` flows here." A null node means: no gradient is wanted.
struct Edge {
  Ref<Node> node;
  uint32_t output = 0;
};

/// What a gradient that arrives at one output of a node must look like.
struct OutputMeta {
  Dims sizes;
  DType dtype = DType::float32;
};

/// Called with the gradient of one tensor; a defined result replaces it.
class TensorHook : public RefCounted<TensorHook> {
 public:
  virtual ~TensorHook() = default;
  virtual Tensor operator()(const Tensor& grad) = 0;
  static void destroy(TensorHook* hook) noexcept { delete hook; }
};

/// Called around a node: before it with (nothing, its incoming gradients), after it with (its results, incoming).
class NodeHook : public RefCounted<NodeHook> {
 public:
  virtual ~NodeHook() = default;
  /// May replace the elements of `grads`.
  virtual void operator()(std::span<Tensor> grads, std::span<const Tensor> incoming) = 0;
  static void destroy(NodeHook* hook) noexcept { delete hook; }
};

/// Held for a few instructions, never across a call: guards a node's saved values and hook lists.
class SpinLock {
 public:
  void lock() noexcept {
    while (flag_.test_and_set(std::memory_order_acquire))
      while (flag_.test(std::memory_order_relaxed)) {
      }
  }
  void unlock() noexcept { flag_.clear(std::memory_order_release); }

 private:
  std::atomic_flag flag_;
};

/// What the layers above attach to a node: its metadata, where it was recorded.
class NodeNote : public RefCounted<NodeNote> {
 public:
  virtual ~NodeNote() = default;
  static void destroy(NodeNote* note) noexcept { delete note; }
};

struct OnOutput {
  uint32_t output;
  Ref<TensorHook> hook;
};

struct NodeHooks {
  struct Retained {
    uint32_t output;
    TensorImpl* tensor;  ///< not owned; it unregisters itself when it dies
  };
  std::vector<OnOutput> tensor;
  std::vector<Ref<NodeHook>> pre;
  std::vector<Ref<NodeHook>> post;
  std::vector<Retained> retained;
  Ref<NodeNote> note;
};

/// The hooks of a node at one moment, and the tensors that keep their gradients.
struct HookSnapshot {
  std::vector<OnOutput> tensor;
  std::vector<Ref<NodeHook>> pre;
  std::vector<Ref<NodeHook>> post;
  std::vector<std::pair<uint32_t, Tensor>> retained;
};

namespace detail {
/// Edges of the node whose backward this thread runs that lead to none of the inputs it was asked for.
struct SkippedEdges {
  const Node* node = nullptr;
  uint64_t mask = 0;  ///< of the first 64
};
extern thread_local SkippedEdges skipped_edges [[gnu::tls_model("initial-exec")]];
}  // namespace detail

class Node : public RefCounted<Node> {
 public:
  virtual ~Node();
  /// PyTorch's name for it, e.g. "AddBackward0".
  virtual std::string name() const = 0;
  /// Turns the gradients of the outputs (undefined where none came) into one gradient per edge; leaves undefined what
  /// no edge wants. With `keep` the saved values stay for another time. Safe to call from several threads.
  virtual void backward(std::span<Tensor> grads, std::span<Tensor> results, bool keep) = 0;

  std::vector<Edge> edges;
  /// Longest distance to a leaf. Every edge leads to a smaller level, so the order of levels is a topological order.
  uint32_t level = 0;
  /// Expected nanoseconds of backward, for the governor.
  int64_t cost = 0;
  /// One per output; set when the outputs are attached, before the node is shared.
  OutputMeta meta;
  std::vector<OutputMeta> more_meta;

  uint32_t outputs() const noexcept { return 1 + static_cast<uint32_t>(more_meta.size()); }
  const OutputMeta& output_meta(uint32_t i) const { return i == 0 ? meta : more_meta[i - 1]; }
  bool wants(std::size_t edge) const noexcept {
    const auto& skipped = detail::skipped_edges;
    return edges[edge].node && (skipped.node != this || edge >= 64 || (skipped.mask >> edge & 1) == 0);
  }

  void add_edge(Edge edge) {
    if (edge.node && edge.node->level >= level) level = edge.node->level + 1;
    edges.push_back(std::move(edge));
  }

  /// Guards hooks_ and the saved values of derived classes.
  SpinLock& lock() const noexcept { return lock_; }
  /// The hooks as they are now, null when there are none.
  virtual std::unique_ptr<HookSnapshot> hooks() const;
  Ref<NodeNote> note() const;
  template <class F>
  void change_hooks(F&& change) {
    std::lock_guard guard(lock_);
    if (!hooks_) hooks_ = std::make_unique<NodeHooks>();
    change(*hooks_);
    has_hooks_.store(true, std::memory_order_release);
  }
  bool has_hooks() const noexcept { return has_hooks_.load(std::memory_order_acquire); }

  std::atomic<void*> python{nullptr};  ///< the Python object that wraps this, if alive; bindings/ guards it

  /// Deletes without recursion however deep the graph is.
  static void destroy(Node* node) noexcept;
  static void* operator new(std::size_t bytes);
  static void operator delete(void* memory, std::size_t bytes) noexcept;

 private:
  mutable SpinLock lock_;
  std::atomic<bool> has_hooks_{false};
  std::unique_ptr<NodeHooks> hooks_;  // guarded by lock_
};

/// A node whose saved values are the plain struct `Saved`: moved out by the last backward, copied by an earlier one.
/// A `Saved` that holds no tensors says so by a member type `no_tensors`: there is nothing to free, and backward may
/// run as often as it is asked to.
template <class Saved>
class NodeSaving : public Node {
 public:
  Saved saved;  // once the node is shared: guarded by lock(), or never changed when it holds no tensors

 protected:
  Saved take(bool keep);

 private:
  bool released_ = false;  // guarded by lock()
};

[[noreturn]] void fail_released();

template <class Saved>
Saved NodeSaving<Saved>::take(bool keep) {
  if constexpr (requires { typename Saved::no_tensors; }) return saved;
  std::unique_lock guard(lock());
  if (released_) {
    guard.unlock();
    fail_released();
  }
  if (keep) return saved;
  released_ = true;
  return std::move(saved);
}

}  // namespace weft
