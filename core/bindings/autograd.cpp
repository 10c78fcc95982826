#include "bindings/autograd.h"

#include <algorithm>
#include <unordered_set>

#include "autograd/engine.h"
#include "bindings/dispatch.h"
#include "bindings/function.h"
#include "bindings/hooks.h"
#include "bindings/native.h"
#include "bindings/profile.h"
#include "runtime/error.h"

namespace weft::bindings {

namespace {

// Backward, modes ----------------------------------------------------------------------------------------------------

/// A tensor, None or several of them.
TensorList to_list(PyObject* object) {
  TensorList list;
  if (object == Py_None) return list;
  if (is_tensor(object)) {
    list.push_back(unwrap(object));
    return list;
  }
  each_item(object, [&](PyObject* item) { list.push_back(item == Py_None ? Tensor() : expect_tensor(item)); });
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

/// Whether this thread's innermost backward pass computes gradients of named inputs only.
thread_local bool selective = false;

class SelectiveScope {
 public:
  explicit SelectiveScope(bool value) noexcept : before_(std::exchange(selective, value)) {}
  ~SelectiveScope() { selective = before_; }
  SelectiveScope(const SelectiveScope&) = delete;
  SelectiveScope& operator=(const SelectiveScope&) = delete;

 private:
  bool before_;
};
PyObject* is_selective(PyObject*, PyObject*) { return PyBool_FromLong(selective); }

/// (tensors, grads, retain_graph, create_graph, inputs, accumulate) -> gradients of the inputs, None if they accumulate
PyObject* backward(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    check_type(count == 6, "expected 6 arguments, got {}", count);
    const auto is_true = [](PyObject* object) {
      const int value = PyObject_IsTrue(object);
      checked(value);
      return value != 0;
    };
    const TensorList roots = to_list(args[0]), grads = to_list(args[1]), inputs = to_list(args[4]);
    const bool create = is_true(args[3]), accumulate = is_true(args[5]);
    const bool keep = args[2] == Py_None ? create : is_true(args[2]);
    check(args[4] == Py_None || !inputs.empty(), "`inputs` argument to `{}()` cannot be empty.",
          accumulate ? "backward" : "grad");
    check(grads.empty() || grads.size() == roots.size(), "got {} tensors and {} gradients", roots.size(), grads.size());
    const SelectiveScope scope(!inputs.empty());
    const BackwardOptions options{keep, create, inputs, accumulate};
    const OpTrace trace("backward", {});
    const TensorList found = native(backward_cost(roots), [&] { return run_backward(roots, grads, options); });
    return accumulate ? Py_NewRef(Py_None) : wrap(found);
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

// Anomaly mode -------------------------------------------------------------------------------------------------------

constexpr const char* traceback_key = "traceback_";

/// Keeps the Python stack with the node. Never fails: a node without a traceback is still a node.
void note_creation(Node& node) {
  const PythonScope python;
  const Object module = Object::steal(PyImport_ImportModule("traceback"));
  const Object lines = module ? Object::steal(PyObject_CallMethod(module.get(), "format_stack", nullptr)) : Object();
  const Object none = Object::steal(PyUnicode_FromString(""));
  const Object text = lines && none ? Object::steal(PyUnicode_Join(none.get(), lines.get())) : Object();
  if (!text || PyDict_SetItemString(node_metadata(node).get(), traceback_key, text.get()) != 0) PyErr_Clear();
}

/// Warns with the place where the failing node was recorded; the exception itself goes on.
void note_failure(const Node& node) {
  const PythonScope python;
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace);
  const Object metadata = node_metadata(const_cast<Node&>(node));
  PyObject* const stack = PyDict_GetItemString(metadata.get(), traceback_key);
  const std::string report =
      stack == nullptr
          ? "No forward pass information available. Enable detect anomaly during forward pass for more information."
          : std::string("Traceback of forward call that caused the error:\n") + PyUnicode_AsUTF8(stack);
  if (PyErr_WarnEx(PyExc_UserWarning, format("Error detected in {}. {}", node.name(), report).c_str(), 1) != 0)
    PyErr_Clear();
  PyErr_Restore(type, value, trace);
}

PyObject* is_anomaly_enabled(PyObject*, PyObject*) { return PyBool_FromLong(anomaly().enabled); }
PyObject* is_anomaly_check_nan_enabled(PyObject*, PyObject*) { return PyBool_FromLong(anomaly().check_nan); }
/// (enabled, check_nan)
PyObject* set_anomaly_enabled(PyObject*, PyObject* args) {
  int enabled = 0, check_nan = 1;
  if (PyArg_ParseTuple(args, "p|p", &enabled, &check_nan) == 0) return nullptr;
  anomaly().enabled = enabled != 0;
  anomaly().check_nan = check_nan != 0;
  Py_RETURN_NONE;
}

/// (tensor, callable, post_accumulate) -> handle
PyObject* add_hook(PyObject*, PyObject* args) {
  PyObject* object = nullptr;
  PyObject* callable = nullptr;
  int post = 0;
  if (PyArg_ParseTuple(args, "O!Op", tensor_type, &object, &callable, &post) == 0) return nullptr;
  return guarded([&] {
    PyObject* const handle = add_tensor_hook(unwrap(object), callable, post != 0);
    track(object);  // the callable may refer to the tensor
    return handle;
  });
}
PyObject* drop_hook(PyObject*, PyObject* handle) {
  return guarded([&] { return remove_hook(handle); });
}

/// (tensors) -> the leaves their graphs lead to
PyObject* graph_leaves(PyObject*, PyObject* tuple) {
  return guarded([&]() -> PyObject* {
    check_type(PyTuple_Check(tuple), "expected a tuple of Tensors");
    std::vector<const Node*> waiting;
    std::unordered_set<const Node*> seen;
    TensorList leaves;
    const auto enter = [&](const Node* node) {
      if (node != nullptr && seen.insert(node).second) waiting.push_back(node);
    };
    for (const auto& root : to_list(tuple)) {
      if (!requires_grad(root)) continue;
      if (const auto node = grad_fn(root))
        enter(node.get());
      else
        leaves.push_back(root);
    }
    while (!waiting.empty()) {
      const Node* const node = waiting.back();
      waiting.pop_back();
      if (const auto* leaf = dynamic_cast<const AccumulateGrad*>(node)) leaves.push_back(leaf->variable());
      for (const auto& edge : node->edges) enter(edge.node.get());
    }
    return wrap(leaves);
  });
}

PyObject* bump(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    check_type(is_tensor(object), "increment_version(): expected a Tensor, got {}", Py_TYPE(object)->tp_name);
    unwrap(object).bump_version();
    Py_RETURN_NONE;
  });
}

PyMethodDef functions[] = {
    {"_bump_version", bump, METH_O, nullptr},
    {"_graph_leaves", graph_leaves, METH_O, nullptr},
    {"_add_tensor_hook", add_hook, METH_VARARGS, nullptr},
    {"_remove_hook", drop_hook, METH_O, nullptr},
    {"_set_anomaly_enabled", set_anomaly_enabled, METH_VARARGS, nullptr},
    {"is_anomaly_enabled", is_anomaly_enabled, METH_NOARGS, "Whether nodes remember where they were recorded."},
    {"is_anomaly_check_nan_enabled", is_anomaly_check_nan_enabled, METH_NOARGS,
     "Whether anomaly mode raises on a NaN among gradients."},
    {"_record_function", record_function, METH_VARARGS, nullptr},
    {"_set_saved_hooks", set_saved_hooks, METH_O, nullptr},
    {"_run_backward", any_call(backward), METH_FASTCALL, nullptr},
    {"_is_backward_selective", is_selective, METH_NOARGS, nullptr},
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS, "Whether this thread records operations for backward."},
    {"is_inference_mode_enabled", is_inference_enabled, METH_NOARGS, "Whether this thread is in inference mode."},
    {"_set_grad_enabled", set_grad_enabled, METH_O, nullptr},
    {"_set_inference_enabled", set_inference_enabled, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

void init_autograd(PyObject* module) {
  init_node_type(module);
  anomaly().created = note_creation;
  anomaly().failed = note_failure;
  checked(PyModule_AddFunctions(module, functions));
}

}  // namespace weft::bindings
