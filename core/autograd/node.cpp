#include "autograd/node.h"

#include "autograd/grad_mode.h"
#include "runtime/allocator.h"
#include "runtime/error.h"

namespace weft {

constinit thread_local detail::SkippedEdges detail::skipped_edges;

thread_local detail::GradMode detail::grad_mode = detail::GradMode::on;

Node::~Node() = default;

void* Node::operator new(std::size_t bytes) { return allocate(bytes); }
void Node::operator delete(void* memory, std::size_t bytes) noexcept { deallocate(memory, bytes); }

std::unique_ptr<HookSnapshot> Node::hooks() const {
  if (!has_hooks()) return nullptr;
  auto snapshot = std::make_unique<HookSnapshot>();
  std::lock_guard guard(lock_);
  snapshot->tensor = hooks_->tensor;
  snapshot->pre = hooks_->pre;
  snapshot->post = hooks_->post;
  // A tensor withdraws itself under this lock before its memory goes.
  for (const auto& [output, tensor] : hooks_->retained)
    if (tensor->try_retain()) snapshot->retained.emplace_back(output, Tensor(Ref<TensorImpl>::adopt(tensor)));
  return snapshot;
}

Ref<NodeNote> Node::note() const {
  if (!has_hooks()) return nullptr;
  std::lock_guard guard(lock_);
  return hooks_->note;
}

void Node::destroy(Node* node) noexcept {
  // Deleting a node drops its edges, which may delete the next node, and so on down a graph of any depth. The
  // outermost call on this thread works the chain off; the calls it causes only add to the list.
  thread_local std::vector<Node*> doomed;
  thread_local bool working = false;
  if (working) {
    doomed.push_back(node);
    return;
  }
  working = true;
  delete node;
  while (!doomed.empty()) {
    Node* const next = doomed.back();
    doomed.pop_back();
    delete next;
  }
  working = false;
}

void fail_released() {
  fail(ErrorKind::runtime,
       "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
       "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
       "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access "
       "saved tensors after calling backward.");
}

}  // namespace weft
