#include "bindings/autograd.h"

#include <algorithm>

#include "autograd/engine.h"
#include "bindings/dispatch.h"
#include "bindings/identity.h"
#include "bindings/native.h"
#include "runtime/error.h"

namespace weft::bindings {

namespace {

// Objects that C++ owns but Python must free: dropped with the lock held, whatever thread drops them.
class Kept {
 public:
  explicit Kept(PyObject* object) : object_(Py_NewRef(object)) {}
  ~Kept() {
    if (!Py_IsInitialized()) return;
    const PythonScope python;
    Py_DECREF(object_);
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
  PyObject* get() const noexcept { return object_; }

 private:
  PyObject* object_;
};

// Nodes --------------------------------------------------------------------------------------------------------------

struct NodeObject {
  PyObject_HEAD
  Ref<Node> node;
};
PyTypeObject* node_type = nullptr;

Node& node_of(PyObject* self) { return *reinterpret_cast<NodeObject*>(self)->node; }

void node_dealloc(PyObject* self) {
  auto* object = reinterpret_cast<NodeObject*>(self);
  forget_wrapper(object->node->python, self);
  object->node.~Ref();
  auto* const type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* node_name(PyObject* self, PyObject*) {
  return guarded([&] { return PyUnicode_FromString(node_of(self).name().c_str()); });
}
PyObject* node_repr(PyObject* self) {
  return guarded([&] { return PyUnicode_FromFormat("<%s object at %p>", node_of(self).name().c_str(), self); });
}
PyObject* node_next(PyObject* self, void*) {
  return guarded([&]() -> PyObject* {
    const auto& edges = node_of(self).edges;
    const Object tuple = owned(PyTuple_New(static_cast<Py_ssize_t>(edges.size())));
    for (std::size_t i = 0; i < edges.size(); ++i) {
      const Object node = owned(wrap_node(edges[i].node));
      PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), checked(Py_BuildValue("OI", node.get(), edges[i].output)));
    }
    return Py_NewRef(tuple.get());
  });
}
PyObject* node_variable(PyObject* self, void*) {
  return guarded([&]() -> PyObject* {
    const auto* leaf = dynamic_cast<AccumulateGrad*>(&node_of(self));
    if (leaf == nullptr) {
      PyErr_SetString(PyExc_AttributeError, "only AccumulateGrad has a variable");
      throw PythonError{};
    }
    return wrap(leaf->variable());
  });
}

// Hooks --------------------------------------------------------------------------------------------------------------

std::string hook_name(PyObject* callable) {
  const Object name = Object::steal(PyObject_GetAttrString(callable, "__qualname__"));
  const char* const text = name ? PyUnicode_AsUTF8(name.get()) : nullptr;
  PyErr_Clear();
  return text == nullptr ? Py_TYPE(callable)->tp_name : text;
}

/// What a hook gave in place of a gradient; it must look like it.
Tensor checked_replacement(PyObject* hook, PyObject* result, const Tensor& grad) {
  check_type(is_tensor(result), "expected Variable, but hook returned '{}'", Py_TYPE(result)->tp_name);
  const Tensor& replaced = unwrap(result);
  if (!grad.defined()) return replaced;
  check(replaced.dtype() == grad.dtype(), "hook '{}' has changed the type of value (was {} got {})", hook_name(hook),
        grad.dtype(), replaced.dtype());
  check(replaced.sizes() == grad.sizes(), "hook '{}' has changed the size of value", hook_name(hook));
  return replaced;
}

class PythonTensorHook final : public TensorHook {
 public:
  explicit PythonTensorHook(PyObject* callable) : callable_(callable) {}
  Tensor operator()(const Tensor& grad) override {
    const PythonScope python;
    const Object argument = owned(wrap(grad));
    const Object result = owned(PyObject_CallOneArg(callable_.get(), argument.get()));
    if (result.get() == Py_None) return {};
    return checked_replacement(callable_.get(), result.get(), grad);
  }
  bool is(PyObject* callable) const noexcept { return callable_.get() == callable; }

 private:
  Kept callable_;
};

Object tensors_to_tuple(std::span<const Tensor> tensors) {
  Object tuple = owned(PyTuple_New(static_cast<Py_ssize_t>(tensors.size())));
  for (std::size_t i = 0; i < tensors.size(); ++i)
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), checked(wrap(tensors[i])));
  return tuple;
}

/// Copies what a hook returned over `grads`; None leaves them.
void replace(PyObject* hook, std::span<Tensor> grads, PyObject* result) {
  if (result == Py_None) return;
  const Object tuple = is_tensor(result) ? owned(PyTuple_Pack(1, result)) : owned(PySequence_Tuple(result));
  check(PyTuple_GET_SIZE(tuple.get()) == static_cast<Py_ssize_t>(grads.size()),
        "hook '{}' has returned an incorrect number of values (got {}, but expected {})", hook_name(hook),
        PyTuple_GET_SIZE(tuple.get()), grads.size());
  for (std::size_t i = 0; i < grads.size(); ++i) {
    PyObject* const item = PyTuple_GET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i));
    if (item != Py_None) grads[i] = checked_replacement(hook, item, grads[i]);
  }
}

class PythonNodeHook final : public NodeHook {
 public:
  PythonNodeHook(PyObject* callable, bool post) : callable_(callable), post_(post) {}
  void operator()(std::span<Tensor> grads, std::span<const Tensor> incoming) override {
    const PythonScope python;
    const Object first = tensors_to_tuple(grads);
    Object result;
    if (post_) {
      const Object second = tensors_to_tuple(incoming);
      result = owned(PyObject_CallFunctionObjArgs(callable_.get(), first.get(), second.get(), nullptr));
    } else {
      result = owned(PyObject_CallOneArg(callable_.get(), first.get()));
    }
    replace(callable_.get(), grads, result.get());
  }
  bool is(PyObject* callable) const noexcept { return callable_.get() == callable; }

 private:
  Kept callable_;
  bool post_;
};

/// Registration goes through a wrapper callable that Python keeps in its handle; removal finds it by identity.
PyObject* node_add_hook(PyObject* self, PyObject* args) {
  PyObject* callable = nullptr;
  int post = 0;
  if (PyArg_ParseTuple(args, "Op", &callable, &post) == 0) return nullptr;
  return guarded([&]() -> PyObject* {
    const Ref<NodeHook> hook(new PythonNodeHook(callable, post != 0));
    node_of(self).change_hooks([&](NodeHooks& hooks) { (post != 0 ? hooks.post : hooks.pre).push_back(hook); });
    Py_RETURN_NONE;
  });
}
PyObject* node_remove_hook(PyObject* self, PyObject* callable) {
  return guarded([&]() -> PyObject* {
    std::vector<Ref<NodeHook>> removed;  // freed after the node's lock
    node_of(self).change_hooks([&](NodeHooks& hooks) {
      for (auto* list : {&hooks.pre, &hooks.post})
        std::erase_if(*list, [&](const auto& hook) {
          const auto* python = dynamic_cast<PythonNodeHook*>(hook.get());
          const bool found = python != nullptr && python->is(callable);
          if (found) removed.push_back(hook);
          return found;
        });
    });
    Py_RETURN_NONE;
  });
}

/// (tensor, callable, post_accumulate)
PyObject* add_tensor_hook(PyObject*, PyObject* args) {
  PyObject* object = nullptr;
  PyObject* callable = nullptr;
  int post = 0;
  if (PyArg_ParseTuple(args, "OOp", &object, &callable, &post) == 0) return nullptr;
  return guarded([&]() -> PyObject* {
    const Tensor& t = unwrap(object);
    check(requires_grad(t), "cannot register a hook on a tensor that doesn't require gradient");
    check(post == 0 || is_leaf(t), "post accumulate grad hooks cannot be registered on non-leaf tensors");
    const Ref<TensorHook> hook(new PythonTensorHook(callable));
    auto& meta = *autograd_meta(t);
    if (meta.grad_fn) {
      meta.grad_fn->change_hooks([&](NodeHooks& hooks) { hooks.tensor.push_back({meta.output, hook}); });
    } else {
      const std::lock_guard guard(meta.mutex);
      (post != 0 ? meta.post_accumulate_hooks : meta.hooks).push_back(hook);
    }
    Py_RETURN_NONE;
  });
}
PyObject* remove_tensor_hook(PyObject*, PyObject* args) {
  PyObject* object = nullptr;
  PyObject* callable = nullptr;
  if (PyArg_ParseTuple(args, "OO", &object, &callable) == 0) return nullptr;
  return guarded([&]() -> PyObject* {
    auto* meta = autograd_meta(unwrap(object));
    if (meta == nullptr) Py_RETURN_NONE;
    std::vector<Ref<TensorHook>> removed;  // freed after the locks
    const auto matches = [&](const Ref<TensorHook>& hook) {
      const auto* python = dynamic_cast<PythonTensorHook*>(hook.get());
      const bool found = python != nullptr && python->is(callable);
      if (found) removed.push_back(hook);
      return found;
    };
    if (meta->grad_fn)
      meta->grad_fn->change_hooks(
          [&](NodeHooks& hooks) { std::erase_if(hooks.tensor, [&](const auto& h) { return matches(h.hook); }); });
    const std::lock_guard guard(meta->mutex);
    std::erase_if(meta->hooks, matches);
    std::erase_if(meta->post_accumulate_hooks, matches);
    Py_RETURN_NONE;
  });
}

// Functions written in Python ----------------------------------------------------------------------------------------

struct FunctionSaved {
  std::vector<SavedTensor> tensors;
};

/// Calls `backward(ctx, saved, grads)`, a Python callable, with the lock; everything around it runs without.
class PythonFunction final : public NodeSaving<FunctionSaved> {
 public:
  PythonFunction(std::string name, PyObject* ctx, PyObject* backward)
      : name_(std::move(name)), ctx_(ctx), backward_(backward) {}
  std::string name() const override { return name_; }
  void backward(std::span<Tensor> grads, std::span<Tensor> results, bool keep) override {
    const auto kept = take(keep);
    TensorList saved;
    for (const auto& tensor : kept.tensors) saved.push_back(tensor.unpack(this));
    const PythonScope python;
    const Object saved_tuple = tensors_to_tuple(saved);
    const Object grad_tuple = tensors_to_tuple(grads);
    const Object result = owned(
        PyObject_CallFunctionObjArgs(backward_.get(), ctx_.get(), saved_tuple.get(), grad_tuple.get(), nullptr));
    check(PyTuple_GET_SIZE(result.get()) == static_cast<Py_ssize_t>(results.size()),
          "function {} returned an incorrect number of gradients (expected {}, got {})", name_, results.size(),
          PyTuple_GET_SIZE(result.get()));
    for (std::size_t i = 0; i < results.size(); ++i) {
      PyObject* const item = PyTuple_GET_ITEM(result.get(), static_cast<Py_ssize_t>(i));
      if (item == Py_None) continue;
      check_type(is_tensor(item), "function {}: expected a Tensor or None as gradient {}, got {}", name_, i,
                 Py_TYPE(item)->tp_name);
      results[i] = unwrap(item);
    }
  }

 private:
  std::string name_;
  Kept ctx_;
  Kept backward_;
};

/// (name, ctx, backward, inputs, outputs, saved, dirty, non_differentiable): records a Python Function.
PyObject* record_function(PyObject*, PyObject* args) {
  const char* name = nullptr;
  PyObject *ctx, *backward, *inputs, *outputs, *saved, *dirty, *fixed;
  if (PyArg_ParseTuple(args, "sOOO!O!O!O!O!", &name, &ctx, &backward, &PyTuple_Type, &inputs, &PyTuple_Type, &outputs,
                       &PyTuple_Type, &saved, &PyTuple_Type, &dirty, &PyTuple_Type, &fixed) == 0)
    return nullptr;
  return guarded([&]() -> PyObject* {
    const Ref<PythonFunction> node(new PythonFunction(name, ctx, backward));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(inputs); ++i)
      node->add_edge(gradient_edge(unwrap(PyTuple_GET_ITEM(inputs, i))));
    const auto position = [](PyObject* tuple, PyObject* item) -> Py_ssize_t {
      for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i)
        if (PyTuple_GET_ITEM(tuple, i) == item) return i;
      return -1;
    };
    // Reserve every output's number first: attaching fills in what each must look like.
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(outputs); ++i) {
      PyObject* const object = PyTuple_GET_ITEM(outputs, i);
      const Tensor out = is_tensor(object) ? unwrap(object) : Tensor();
      const bool differentiable = out.defined() && position(fixed, object) < 0;
      const auto edge = position(inputs, object);
      if (differentiable && position(dirty, object) >= 0 && edge >= 0 && i == 0)
        rebase_history(out, node, static_cast<std::size_t>(edge));
      else
        set_history(differentiable ? out : Tensor(), node, static_cast<uint32_t>(i));
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(saved); ++i) {
      PyObject* const object = PyTuple_GET_ITEM(saved, i);
      const auto out = position(outputs, object);
      node->saved.tensors.push_back(!is_tensor(object) ? SavedTensor()
                                    : out >= 0 ? SavedTensor::output(unwrap(object), static_cast<uint32_t>(out))
                                               : SavedTensor(unwrap(object)));
    }
    Py_RETURN_NONE;
  });
}

// Backward, modes ----------------------------------------------------------------------------------------------------

TensorList to_list(PyObject* tuple) {
  TensorList list;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
    PyObject* const item = PyTuple_GET_ITEM(tuple, i);
    check_type(item == Py_None || is_tensor(item), "expected Tensors, got {}", Py_TYPE(item)->tp_name);
    list.push_back(item == Py_None ? Tensor() : unwrap(item));
  }
  return list;
}

/// What a backward pass from `roots` will cost: walks the first nodes and adds up the elements they handle.
int64_t backward_cost(TensorSpan roots) {
  constexpr std::size_t enough = 48;
  std::vector<const Node*> seen;
  int64_t cost = 0;
  for (const auto& root : roots)
    if (const auto node = root.defined() ? grad_fn(root) : nullptr) seen.push_back(node.get());
  for (std::size_t i = 0; i < seen.size() && seen.size() < enough; ++i)
    for (const auto& edge : seen[i]->edges)
      if (edge.node && std::ranges::find(seen, edge.node.get()) == seen.end()) seen.push_back(edge.node.get());
  for (const auto* node : seen) cost += 500 + node->cost;
  return cost;
}

/// (tensors, grads, keep_graph, create_graph, inputs, accumulate) -> gradients of the inputs
PyObject* backward(PyObject*, PyObject* args) {
  PyObject *roots_, *grads_, *inputs_;
  int keep = 0, create = 0, accumulate = 0;
  if (PyArg_ParseTuple(args, "O!O!ppO!p", &PyTuple_Type, &roots_, &PyTuple_Type, &grads_, &keep, &create, &PyTuple_Type,
                       &inputs_, &accumulate) == 0)
    return nullptr;
  return guarded([&]() -> PyObject* {
    const TensorList roots = to_list(roots_), grads = to_list(grads_), inputs = to_list(inputs_);
    const BackwardOptions options{keep != 0, create != 0, inputs, accumulate != 0};
    return wrap(native(backward_cost(roots), [&] { return run_backward(roots, grads, options); }));
  });
}

PyObject* is_grad_enabled(PyObject*, PyObject*) { return PyBool_FromLong(grad_enabled()); }
PyObject* is_inference_enabled(PyObject*, PyObject*) { return PyBool_FromLong(inference_enabled()); }
PyObject* set_grad_enabled(PyObject*, PyObject* value) {
  return guarded([&]() -> PyObject* {
    check_type(PyBool_Check(value), "set_grad_enabled: expected a bool, got {}", Py_TYPE(value)->tp_name);
    detail::grad_mode = value == Py_True ? detail::GradMode::on : detail::GradMode::off;
    Py_RETURN_NONE;
  });
}
PyObject* set_inference_enabled(PyObject*, PyObject* value) {
  detail::inference_mode = value == Py_True;
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"_add_tensor_hook", add_tensor_hook, METH_VARARGS, nullptr},
    {"_remove_tensor_hook", remove_tensor_hook, METH_VARARGS, nullptr},
    {"_record_function", record_function, METH_VARARGS, nullptr},
    {"_run_backward", backward, METH_VARARGS, nullptr},
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS, "Whether this thread records operations for backward."},
    {"is_inference_mode_enabled", is_inference_enabled, METH_NOARGS, "Whether this thread is in inference mode."},
    {"_set_grad_enabled", set_grad_enabled, METH_O, nullptr},
    {"_set_inference_enabled", set_inference_enabled, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

PyObject* wrap_node(const Ref<Node>& node) {
  if (!node) Py_RETURN_NONE;
  if (PyObject* const existing = existing_wrapper(node->python)) return existing;
  auto* object = reinterpret_cast<NodeObject*>(checked(node_type->tp_alloc(node_type, 0)));
  new (&object->node) Ref<Node>(node);
  return adopt_wrapper(node->python, reinterpret_cast<PyObject*>(object));
}

void init_autograd(PyObject* module) {
  static PyMethodDef methods[] = {{"name", node_name, METH_NOARGS, "The name of the operation, as PyTorch spells it."},
                                  {"_add_hook", node_add_hook, METH_VARARGS, nullptr},
                                  {"_remove_hook", node_remove_hook, METH_O, nullptr},
                                  {nullptr, nullptr, 0, nullptr}};
  static PyGetSetDef attributes[] = {
      {"next_functions", node_next, nullptr, "The nodes gradients flow to, with the output each stands for.", nullptr},
      {"variable", node_variable, nullptr, "The leaf that an AccumulateGrad adds to.", nullptr},
      {nullptr, nullptr, nullptr, nullptr, nullptr}};
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(node_dealloc)},
                         {Py_tp_repr, reinterpret_cast<void*>(node_repr)},
                         {Py_tp_methods, methods},
                         {Py_tp_getset, attributes},
                         {Py_tp_doc, const_cast<char*>("A recorded operation of the backward graph.")},
                         {0, nullptr}};
  PyType_Spec spec{"weft.autograd.Node", sizeof(NodeObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  node_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec)));
  checked(PyModule_AddObjectRef(module, "Node", reinterpret_cast<PyObject*>(node_type)));
  checked(PyModule_AddFunctions(module, functions));
}

}  // namespace weft::bindings
