#include "bindings/function.h"

#include "autograd/meta.h"
#include "bindings/hooks.h"
#include "bindings/tensor_object.h"
#include "runtime/error.h"

namespace weft::bindings {

namespace {

struct FunctionSaved {
  std::vector<SavedTensor> tensors;
};

}  // namespace

/// Calls `backward(ctx, saved, grads)`, a Python callable, with the lock; everything around it runs without.
class PythonFunction final : public NodeSaving<FunctionSaved> {
 public:
  PythonFunction(std::string name, PyObject* ctx, PyObject* backward, bool saves)
      : name_(std::move(name)), ctx_(ctx), backward_(backward), saves_(saves) {}
  std::string name() const override { return name_; }

  void backward(std::span<Tensor> grads, std::span<Tensor> results, bool keep) override {
    const PythonScope python;
    const Object saved = unpacked_or_reason(keep);
    const Object grad_tuple = tensors_to_tuple(grads);
    const Object result = owned(surviving_exit([&] {
      return PyObject_CallFunctionObjArgs(backward_.peek(), ctx_.peek(), saved.get(), grad_tuple.get(), nullptr);
    }));
    check(PyTuple_Check(result.get()) != 0 && PyTuple_GET_SIZE(result.get()) == static_cast<Py_ssize_t>(results.size()),
          "function {} returned an incorrect number of gradients (expected {})", name_, results.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      PyObject* const item = PyTuple_GET_ITEM(result.get(), static_cast<Py_ssize_t>(i));
      if (item == Py_None) continue;
      check(is_tensor(item), "expected Variable or None (got {})", Py_TYPE(item)->tp_name);
      results[i] = unwrap(item);
    }
  }

  Object unpacked(bool keep) {
    if (!saves_) return owned(PyTuple_New(0));
    const auto kept = take(keep);
    TensorList tensors;
    for (const auto& tensor : kept.tensors) tensors.push_back(tensor.unpack(this));
    return tensors_to_tuple(tensors);
  }

  PyObject* context() const noexcept { return ctx_.peek(); }
  int visit(visitproc visit, void* arg) const {
    Py_VISIT(ctx_.peek());
    Py_VISIT(backward_.peek());
    return 0;
  }

 private:
  /// The saved tensors, or the exception to raise should backward ask for them.
  Object unpacked_or_reason(bool keep) {
    try {
      return unpacked(keep);
    } catch (const Error& error) {
      return owned(PyObject_CallFunction(PyExc_RuntimeError, "s", error.what()));
    }
  }

  std::string name_;
  Kept ctx_;
  Kept backward_;
  bool saves_;
};

PythonFunction* as_python_function(Node& node) noexcept { return dynamic_cast<PythonFunction*>(&node); }
PyObject* context_of(const PythonFunction& function) noexcept { return function.context(); }
Object saved_tensors_of(PythonFunction& function) { return function.unpacked(true); }
int visit_function(const PythonFunction& function, visitproc visit, void* arg) { return function.visit(visit, arg); }

PyObject* record_function(PyObject*, PyObject* args) {
  const char* name = nullptr;
  PyObject *ctx, *backward, *inputs, *outputs, *saved, *dirty, *fixed;
  if (PyArg_ParseTuple(args, "sOOO!O!O!O!O!", &name, &ctx, &backward, &PyTuple_Type, &inputs, &PyTuple_Type, &outputs,
                       &PyTuple_Type, &saved, &PyTuple_Type, &dirty, &PyTuple_Type, &fixed) == 0)
    return nullptr;
  return guarded([&]() -> PyObject* {
    const Ref<PythonFunction> node(new PythonFunction(name, ctx, backward, PyTuple_GET_SIZE(saved) > 0));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(inputs); ++i)
      node->add_edge(gradient_edge(unwrap(PyTuple_GET_ITEM(inputs, i))));
    const auto position = [](PyObject* tuple, PyObject* item) -> Py_ssize_t {
      for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i)
        if (PyTuple_GET_ITEM(tuple, i) == item) return i;
      return -1;
    };
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(outputs); ++i) {
      PyObject* const object = PyTuple_GET_ITEM(outputs, i);
      const bool differentiable = is_tensor(object) && position(fixed, object) < 0;
      const Tensor out = is_tensor(object) ? unwrap(object) : Tensor();
      const auto edge = position(inputs, object);
      const auto index = static_cast<uint32_t>(i);
      if (differentiable && position(dirty, object) >= 0 && edge >= 0) {
        out.bump_version();
        rebase_history(out, node, static_cast<std::size_t>(edge), index);
      } else {
        set_history(differentiable ? out : Tensor(), node, index);
      }
      // The context may refer to an output, which refers to the context: a cycle that only the collector sees.
      if (differentiable) track(object);
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(saved); ++i) {
      PyObject* const object = PyTuple_GET_ITEM(saved, i);
      const auto out = position(outputs, object);
      node->saved.tensors.push_back(!is_tensor(object) ? SavedTensor()
                                    : out >= 0         ? SavedTensor::output(unwrap(object), static_cast<uint32_t>(out))
                                                       : SavedTensor(unwrap(object)));
    }
    Py_RETURN_NONE;
  });
}

}  // namespace weft::bindings
