#include "autograd/engine.h"

#include <algorithm>

#include "runtime/error.h"
#include "runtime/interrupt.h"
#include "runtime/trace.h"

namespace weft {

namespace {

GradientOps installed;
OpaqueGradientOps opaque;

/// Open-addressing map from node to index; small graphs dominate, so it is two vectors and no allocation per entry.
class NodeIndex {
 public:
  /// The index of `node`, or `fresh` after entering it with that.
  uint32_t find_or_insert(const Node* node, uint32_t fresh) {
    if (2 * (used_ + 1) > slots_.size()) grow();
    auto& slot = locate(node);
    if (slot.node == nullptr) {
      slot = {node, fresh};
      ++used_;
    }
    return slot.index;
  }
  /// UINT32_MAX when unknown.
  uint32_t find(const Node* node) {
    if (slots_.empty()) return UINT32_MAX;
    const auto& slot = locate(node);
    return slot.node == nullptr ? UINT32_MAX : slot.index;
  }

 private:
  struct Slot {
    const Node* node = nullptr;
    uint32_t index = 0;
  };
  Slot& locate(const Node* node) {
    const auto mask = slots_.size() - 1;
    auto at = (reinterpret_cast<uintptr_t>(node) >> 6) * 0x9E3779B97F4A7C15u >> 20 & mask;
    while (slots_[at].node != nullptr && slots_[at].node != node) at = (at + 1) & mask;
    return slots_[at];
  }
  void grow() {
    std::vector<Slot> old(std::max<std::size_t>(16, 2 * slots_.size()));
    old.swap(slots_);
    for (const auto& slot : old)
      if (slot.node != nullptr) locate(slot.node) = slot;
  }
  std::vector<Slot> slots_;
  std::size_t used_ = 0;
};

/// For tensors that are no leaves: `.grad += grad`, in memory of its own.
void add_to_grad(const Tensor& t, const Tensor& grad) {
  const auto before = weft::grad(t);
  set_grad(t, before.defined()      ? sum_of_gradients(before, grad)
              : grad.impl()->opaque ? grad
                                    : installed.clone_like(grad, grad));
}

/// Whether a gradient of shape `from` is one of shape `to` after summing broadcast dimensions.
bool sums_to(const Dims& from, const Dims& to) noexcept {
  const int leading = from.size() - to.size();
  if (leading < 0) return false;
  for (int d = 0; d < to.size(); ++d)
    if (to[d] != 1 && to[d] != from[leading + d]) return false;
  return true;
}

/// A node waiting for its turn, with the gradients that have arrived.
struct Task {
  Ref<Node> node;
  Tensor first;
  TensorList rest;
  uint32_t order = 0;

  Tensor& grad(uint32_t i) { return i == 0 ? first : rest[i - 1]; }
};

/// Nests: backward of a Python Function may run another pass.
class SkipScope {
 public:
  explicit SkipScope(detail::SkippedEdges edges) noexcept : before_(std::exchange(detail::skipped_edges, edges)) {}
  ~SkipScope() { detail::skipped_edges = before_; }
  SkipScope(const SkipScope&) = delete;
  SkipScope& operator=(const SkipScope&) = delete;

 private:
  detail::SkippedEdges before_;
};

class Backward {
 public:
  Backward(TensorSpan roots, TensorSpan grads, const BackwardOptions& options);
  TensorList run();

 private:
  struct Target {
    Edge edge;
    uint32_t next;  ///< another target at the same node, or UINT32_MAX
  };

  void add_root(const Tensor& root, const Tensor& grad, std::size_t index);
  void find_targets();
  void mark_needed();
  void deliver(const Edge& edge, Tensor grad);
  void accumulate(Tensor& into, Tensor grad);
  void execute(Task& task);
  void run_watched(Node& node, std::span<Tensor> grads, std::span<Tensor> results);
  void capture(const Node& node, std::span<Tensor> grads);
  bool leads_to_target(const Edge& edge) { return edge.node && needed_.find(edge.node.get()) != UINT32_MAX; }
  detail::SkippedEdges skipped_edges(const Node& node);
  Task pop();
  bool before(uint32_t a, uint32_t b) const {
    const auto& x = tasks_[a];
    const auto& y = tasks_[b];
    return x.node->level != y.node->level ? x.node->level < y.node->level : x.order > y.order;
  }

  const BackwardOptions& options_;
  std::vector<Edge> roots_;
  std::vector<Task> tasks_;     // waiting or free, addressed by heap_ and index_
  std::vector<uint32_t> heap_;  // by level, then by arrival
  NodeIndex index_;
  std::vector<Target> targets_;  // one per input
  NodeIndex target_at_;          // the first target at a node
  NodeIndex needed_;             // nodes on a path to a target; used when there are inputs
  TensorList captured_;
};

Backward::Backward(TensorSpan roots, TensorSpan grads, const BackwardOptions& options) : options_(options) {
  for (std::size_t i = 0; i < roots.size(); ++i) roots_.push_back(gradient_edge(roots[i]));
  if (!options.inputs.empty()) {
    find_targets();
    mark_needed();
  }
  for (std::size_t i = 0; i < roots.size(); ++i) add_root(roots[i], i < grads.size() ? grads[i] : Tensor(), i);
}

void Backward::add_root(const Tensor& root, const Tensor& grad, std::size_t index) {
  check(roots_[index].node.get() != nullptr, "element {} of tensors does not require grad and does not have a grad_fn",
        index);
  if (!grad.defined()) {
    check(root.numel() == 1, "grad can be implicitly created only for scalar outputs");
    check(!is_complex(root.dtype()), "grad can be implicitly created only for real scalar outputs but got {}",
          root.dtype());
    deliver(roots_[index], installed.ones_like(root));
    return;
  }
  check(same(grad.sizes(), root.sizes()),
        "Mismatch in shape: grad_output[{}] has a shape of weft.Size({}) and output[{}] has a shape of weft.Size({}).",
        index, grad.sizes(), index, root.sizes());
  deliver(roots_[index], grad);
}

void Backward::find_targets() {
  captured_.resize(options_.inputs.size());
  for (std::size_t i = 0; i < options_.inputs.size(); ++i) {
    check(requires_grad(options_.inputs[i]), "One of the differentiated Tensors does not require grad");
    auto edge = gradient_edge(options_.inputs[i]);
    const auto at = static_cast<uint32_t>(i);
    const auto first = target_at_.find_or_insert(edge.node.get(), at);
    targets_.push_back({std::move(edge), first == at ? UINT32_MAX : std::exchange(targets_[first].next, at)});
  }
}

void Backward::mark_needed() {
  // Depth first without recursion; a node is needed when it is a target or an edge of it leads to a needed one.
  // States: 0 entered, 1 needed, 2 not needed.
  std::vector<uint8_t> state;
  NodeIndex seen;
  struct Frame {
    Node* node;
    uint32_t index;
    std::size_t edge;
  };
  std::vector<Frame> stack;
  const auto enter = [&](Node* node) {
    const auto fresh = static_cast<uint32_t>(state.size());
    const auto index = seen.find_or_insert(node, fresh);
    if (index != fresh) return index;
    state.push_back(target_at_.find(node) != UINT32_MAX ? 1 : 0);
    stack.push_back({node, index, 0});
    return index;
  };
  for (const auto& root : roots_) {
    if (!root.node) continue;
    enter(root.node.get());
    while (!stack.empty()) {
      auto& frame = stack.back();
      if (frame.edge > 0) {  // back from the edge before
        const auto& edge = frame.node->edges[frame.edge - 1];
        if (edge.node && state[seen.find(edge.node.get())] == 1) state[frame.index] = 1;
      }
      if (frame.edge == frame.node->edges.size()) {
        if (state[frame.index] == 1) needed_.find_or_insert(frame.node, 0);
        stack.pop_back();
        continue;
      }
      const auto& edge = frame.node->edges[frame.edge++];
      if (edge.node) enter(edge.node.get());
    }
  }
}

void Backward::accumulate(Tensor& into, Tensor grad) {
  if (!into.defined()) {
    into = std::move(grad);
  } else if (into.impl()->opaque || grad.impl()->opaque) {
    into = opaque.add(into, grad);
  } else if (!options_.create_graph && into.ref()->use_count() == 1 && into.storage()->use_count() == 1 &&
             into.is_dense() && into.dtype() == grad.dtype()) {
    installed.add_inplace(into, grad);
  } else {
    into = installed.add(into, grad);
  }
}

void Backward::deliver(const Edge& edge, Tensor grad) {
  Node* const node = edge.node.get();
  if (!options_.inputs.empty() && needed_.find(node) == UINT32_MAX) return;
  const auto& meta = node->output_meta(edge.output);
  const bool fits = grad.dtype() == meta.dtype && grad.sizes() == meta.sizes;
  // Leaves take opaque gradients; what native nodes compute with must have its elements.
  if (grad.impl()->opaque && !(fits && node->edges.empty())) grad = opaque.to_dense(grad);
  if (!fits) grad = installed.to_meta(grad, meta);

  const auto fresh = static_cast<uint32_t>(tasks_.size());
  const auto at = index_.find_or_insert(node, fresh);
  if (at == fresh) {
    tasks_.push_back({edge.node, {}, TensorList(node->more_meta.size()), fresh});
    heap_.push_back(fresh);
    std::push_heap(heap_.begin(), heap_.end(), [this](auto a, auto b) { return before(a, b); });
  }
  accumulate(tasks_[at].grad(edge.output), std::move(grad));
}

void Backward::capture(const Node& node, std::span<Tensor> grads) {
  for (auto at = target_at_.find(&node); at != UINT32_MAX; at = targets_[at].next)
    captured_[at] = grads[targets_[at].edge.output];
}

detail::SkippedEdges Backward::skipped_edges(const Node& node) {
  if (targets_.empty()) return {};
  detail::SkippedEdges skipped{&node, 0};
  for (std::size_t i = 0; i < std::min<std::size_t>(node.edges.size(), 64); ++i)
    if (!leads_to_target(node.edges[i])) skipped.mask |= uint64_t{1} << i;
  return skipped;
}

void Backward::execute(Task& task) {
  Node& node = *task.node;
  TensorList many;
  std::span<Tensor> grads(&task.first, 1);
  if (!task.rest.empty()) {
    many.reserve(1 + task.rest.size());
    many.push_back(std::move(task.first));
    for (auto& g : task.rest) many.push_back(std::move(g));
    grads = many;
  }
  const auto hooks = node.hooks();
  if (hooks) {
    for (const auto& [output, hook] : hooks->tensor)
      if (grads[output].defined())
        if (auto replaced = (*hook)(grads[output]); replaced.defined()) grads[output] = std::move(replaced);
    for (const auto& [output, tensor] : hooks->retained)
      if (grads[output].defined()) add_to_grad(tensor, grads[output]);
    for (const auto& hook : hooks->pre) (*hook)(grads, {});
  }
  if (!targets_.empty()) {
    capture(node, grads);
    const bool is_leaf = node.edges.empty();
    if (is_leaf && !options_.accumulate) return;
    const bool leads_on = std::ranges::any_of(node.edges, [&](const auto& e) { return leads_to_target(e); });
    if (!is_leaf && !leads_on) return;
  }
  TensorList incoming;
  if (hooks && !hooks->post.empty()) incoming.assign(grads.begin(), grads.end());
  // Nearly every node has at most four edges.
  Tensor few[4];
  TensorList more;
  std::span<Tensor> results(few, std::min<std::size_t>(node.edges.size(), 4));
  if (node.edges.size() > 4) {
    more.resize(node.edges.size());
    results = more;
  }
  const bool any = std::ranges::any_of(grads, [](const auto& g) { return g.defined(); });
  if (any) {
    trace::Scope scope(trace::Kind::node, nullptr);
    if (scope.active()) [[unlikely]]
      scope.event().name = trace::intern(node.name())->c_str();
    const SkipScope skip(skipped_edges(node));
    if (anomaly().enabled.load(std::memory_order_relaxed)) [[unlikely]]
      run_watched(node, grads, results);
    else
      node.backward(grads, results, options_.keep_graph);
  }
  if (hooks)
    for (const auto& hook : hooks->post) (*hook)(results, incoming);
  for (auto& g : grads) g = {};  // gone before the next node allocates
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto& edge = node.edges[i];
    if (!results[i].defined() || !edge.node) continue;
    const auto& wanted = edge.node->output_meta(edge.output).sizes;
    check(sums_to(results[i].sizes(), wanted),
          "Function {} returned an invalid gradient at index {} - got {} but expected shape compatible with {}",
          node.name(), i, results[i].sizes(), wanted);
    deliver(edge, std::move(results[i]));
  }
}

void Backward::run_watched(Node& node, std::span<Tensor> grads, std::span<Tensor> results) {
  try {
    node.backward(grads, results, options_.keep_graph);
    if (!anomaly().check_nan) return;
    for (std::size_t i = 0; i < results.size(); ++i)
      check(!results[i].defined() || !installed.has_nan(results[i]),
            "Function '{}' returned nan values in its {}th output.", node.name(), i);
  } catch (...) {
    anomaly().failed(node);
    throw;
  }
}

Task Backward::pop() {
  std::pop_heap(heap_.begin(), heap_.end(), [this](auto a, auto b) { return before(a, b); });
  const auto at = heap_.back();
  heap_.pop_back();
  return std::move(tasks_[at]);
}

TensorList Backward::run() {
  const GradModeScope mode(options_.create_graph, false);
  while (!heap_.empty()) {
    check_interrupt();
    auto task = pop();
    execute(task);
  }
  if (!options_.accumulate) return std::move(captured_);
  for (std::size_t i = 0; i < options_.inputs.size(); ++i) {
    const auto& input = options_.inputs[i];
    if (is_leaf(input) || !captured_[i].defined()) continue;  // leaves accumulated by themselves
    add_to_grad(input, captured_[i]);
  }
  return {};
}

}  // namespace

void install_gradient_ops(const GradientOps& ops) noexcept { installed = ops; }
const GradientOps& gradient_ops() noexcept { return installed; }

void install_opaque_gradient_ops(const OpaqueGradientOps& ops) noexcept { opaque = ops; }

Tensor sum_of_gradients(const Tensor& a, const Tensor& b) {
  return a.impl()->opaque || b.impl()->opaque ? opaque.add(a, b) : installed.add(a, b);
}

Anomaly& anomaly() noexcept {
  static constinit Anomaly mode;
  return mode;
}

TensorList run_backward(TensorSpan roots, TensorSpan grads, const BackwardOptions& options) {
  // Gradients of the roots are prepared in the mode of the pass, not in the caller's.
  const GradModeScope mode(options.create_graph, false);
  return Backward(roots, grads, options).run();
}

}  // namespace weft
