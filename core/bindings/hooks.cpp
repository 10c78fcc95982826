#include "bindings/hooks.h"

#include <algorithm>

#include "bindings/function.h"
#include "bindings/tensor_object.h"
#include "runtime/error.h"

namespace weft::bindings {

namespace {

constexpr const char* handle_name = "weft.hook";

/// The callable is shared by the hook and the handle that takes it away.
using Callback = std::shared_ptr<Kept>;

std::string name_of(PyObject* callable) {
  const Object name = Object::steal(PyObject_GetAttrString(callable, "__qualname__"));
  const char* const text = name ? PyUnicode_AsUTF8(name.get()) : nullptr;
  PyErr_Clear();
  return text == nullptr ? Py_TYPE(callable)->tp_name : text;
}

/// What a hook gave in place of a gradient; it must look like it.
Tensor replacement(PyObject* hook, PyObject* result, const Tensor& grad) {
  check_type(is_tensor(result), "expected Variable, but hook returned '{}'", Py_TYPE(result)->tp_name);
  const Tensor& replaced = unwrap(result);
  if (!grad.defined()) return replaced;
  check(replaced.dtype() == grad.dtype(), "hook '{}' has changed the type of value (was {} got {})", name_of(hook),
        grad.dtype(), replaced.dtype());
  check(replaced.sizes() == grad.sizes(), "hook '{}' has changed the size of value", name_of(hook));
  return replaced;
}

/// Copies what a hook returned over `grads`; None leaves them.
void replace(PyObject* hook, std::span<Tensor> grads, PyObject* result) {
  if (result == Py_None) return;
  const Object tuple = is_tensor(result) ? owned(PyTuple_Pack(1, result)) : owned(PySequence_Tuple(result));
  check(PyTuple_GET_SIZE(tuple.get()) == static_cast<Py_ssize_t>(grads.size()),
        "hook '{}' has returned an incorrect number of values (got {}, but expected {})", name_of(hook),
        PyTuple_GET_SIZE(tuple.get()), grads.size());
  for (std::size_t i = 0; i < grads.size(); ++i) {
    PyObject* const item = PyTuple_GET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i));
    if (item != Py_None) grads[i] = replacement(hook, item, grads[i]);
  }
}

class PythonTensorHook final : public TensorHook {
 public:
  PythonTensorHook(Callback callback, bool post) : callback_(std::move(callback)), post_(post) {}
  Tensor operator()(const Tensor& grad) override {
    const PythonScope python;
    const Object callable = callback_->get();
    if (!callable) return {};
    const Object argument = owned(wrap(grad));
    const Object result = owned(surviving_exit([&] { return PyObject_CallOneArg(callable.get(), argument.get()); }));
    if (post_ || result.get() == Py_None) return {};
    return replacement(callable.get(), result.get(), grad);
  }
  const Kept& kept() const noexcept { return *callback_; }

 private:
  Callback callback_;
  bool post_;
};

class PythonNodeHook final : public NodeHook {
 public:
  PythonNodeHook(Callback callback, bool post) : callback_(std::move(callback)), post_(post) {}
  void operator()(std::span<Tensor> grads, std::span<const Tensor> incoming) override {
    const PythonScope python;
    const Object callable = callback_->get();
    if (!callable) return;
    const Object first = tensors_to_tuple(grads);
    const Object second = post_ ? tensors_to_tuple(incoming) : Object();
    const Object result = owned(surviving_exit([&] {
      return PyObject_CallFunctionObjArgs(callable.get(), first.get(), post_ ? second.get() : nullptr, nullptr);
    }));
    replace(callable.get(), grads, result.get());
  }
  const Kept& kept() const noexcept { return *callback_; }

 private:
  Callback callback_;
  bool post_;
};

PyObject* make_handle(const Callback& callback) {
  auto owner = std::make_unique<Callback>(callback);
  PyObject* const handle = checked(PyCapsule_New(owner.get(), handle_name, [](PyObject* capsule) {
    delete static_cast<Callback*>(PyCapsule_GetPointer(capsule, handle_name));
  }));
  owner.release();
  return handle;
}

/// The Python callable behind a hook of ours; null behind others and once removed.
PyObject* callable_of(const Ref<TensorHook>& hook) noexcept {
  const auto* python = dynamic_cast<const PythonTensorHook*>(hook.get());
  return python == nullptr ? nullptr : python->kept().peek();
}
PyObject* callable_of(const Ref<NodeHook>& hook) noexcept {
  const auto* python = dynamic_cast<const PythonNodeHook*>(hook.get());
  return python == nullptr ? nullptr : python->kept().peek();
}
PyObject* callable_of(const OnOutput& entry) noexcept { return callable_of(entry.hook); }

/// Adds a hook and sweeps out those that were removed: the list of a long-lived leaf stays short.
template <class List, class Entry>
void add(List& list, Entry entry) {
  std::erase_if(list, [](const auto& old) { return callable_of(old) == nullptr; });
  list.push_back(std::move(entry));
}

template <class List>
int visit_all(const List& list, visitproc visit, void* arg) {
  for (const auto& hook : list) Py_VISIT(callable_of(hook));
  return 0;
}

int visit_node(Node& node, visitproc visit, void* arg) {
  if (auto* function = as_python_function(node))
    if (const int stop = visit_function(*function, visit, arg)) return stop;
  int stop = 0;
  if (node.has_hooks())
    node.change_hooks([&](const NodeHooks& hooks) {
      stop = visit_all(hooks.tensor, visit, arg);
      if (stop == 0) stop = visit_all(hooks.pre, visit, arg);
      if (stop == 0) stop = visit_all(hooks.post, visit, arg);
    });
  return stop;
}

}  // namespace

Object tensors_to_tuple(std::span<const Tensor> tensors) {
  Object tuple = owned(PyTuple_New(static_cast<Py_ssize_t>(tensors.size())));
  for (std::size_t i = 0; i < tensors.size(); ++i)
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), checked(wrap(tensors[i])));
  return tuple;
}

PyObject* add_node_hook(Node& node, PyObject* callable, bool post) {
  const auto callback = std::make_shared<Kept>(callable);
  const Ref<NodeHook> hook(new PythonNodeHook(callback, post));
  node.change_hooks([&](NodeHooks& hooks) { add(post ? hooks.post : hooks.pre, hook); });
  return make_handle(callback);
}

PyObject* add_tensor_hook(const Tensor& t, PyObject* callable, bool post_accumulate) {
  check(requires_grad(t), "cannot register a hook on a tensor that doesn't require gradient");
  check(!post_accumulate || is_leaf(t), "post accumulate grad hooks cannot be registered on non-leaf tensors");
  const auto callback = std::make_shared<Kept>(callable);
  const Ref<TensorHook> hook(new PythonTensorHook(callback, post_accumulate));
  auto& meta = *autograd_meta(t);
  if (meta.grad_fn) {
    meta.grad_fn->change_hooks([&](NodeHooks& hooks) { add(hooks.tensor, OnOutput{meta.output, hook}); });
  } else {
    const std::lock_guard guard(meta.mutex);
    add(post_accumulate ? meta.post_accumulate_hooks : meta.hooks, hook);
  }
  return make_handle(callback);
}

PyObject* remove_hook(PyObject* handle) {
  auto* const callback = static_cast<Callback*>(PyCapsule_GetPointer(handle, handle_name));
  if (callback == nullptr) throw PythonError{};
  (*callback)->drop();
  Py_RETURN_NONE;
}

int visit_history(const Tensor& t, visitproc visit, void* arg) {
  // What native code or another tensor holds too is alive, and so is all it refers to.
  auto* const meta = autograd_meta(t);
  if (meta == nullptr || t.ref()->use_count() != 1) return 0;
  const std::unique_lock guard(meta->mutex, std::try_to_lock);
  if (!guard.owns_lock()) return 0;
  if (const int stop = visit_all(meta->hooks, visit, arg)) return stop;
  if (const int stop = visit_all(meta->post_accumulate_hooks, visit, arg)) return stop;
  return meta->grad_fn && meta->grad_fn->use_count() == 1 ? visit_node(*meta->grad_fn, visit, arg) : 0;
}

void clear_history(const Tensor& t) {
  auto* const meta = autograd_meta(t);
  if (meta == nullptr || t.ref()->use_count() != 1) return;
  std::vector<Ref<TensorHook>> hooks, after;
  Ref<Node> node;
  const std::lock_guard guard(meta->mutex);
  hooks.swap(meta->hooks);
  after.swap(meta->post_accumulate_hooks);
  if (meta->grad_fn && meta->grad_fn->use_count() == 1) node = forget_history(*meta);
}

}  // namespace weft::bindings
