// `__torch_function__`: calls whose arguments, or whose thread, want to answer for themselves in Python.
#pragma once

#include "bindings/tensor_object.h"

namespace weft::bindings {

namespace detail {
/// Per thread: how many function modes are entered, and whether subclasses are passed over just now.
struct OverrideState {
  int modes = 0;
  bool no_subclasses = false;
};
extern thread_local OverrideState override_state [[gnu::tls_model("initial-exec")]];

bool type_overrides(PyTypeObject* type) noexcept;
}  // namespace detail

/// Whether an object answers for itself. Plain tensors, numbers, strings, None cost a comparison or two.
inline bool overrides(PyObject* object) noexcept {
  auto* const type = Py_TYPE(object);
  if (type == tensor_type || (type->tp_flags & (Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_IMMUTABLETYPE)) != Py_TPFLAGS_HEAPTYPE)
    return false;
  return detail::type_overrides(type);
}

/// The arguments of a call as Python's vector call has them; `self` is a method's receiver or null.
struct CallArguments {
  PyObject* self;
  PyObject* const* args;
  Py_ssize_t count;  ///< positional ones
  PyObject* names;   ///< of the keyword arguments behind them, or null

  Py_ssize_t total() const noexcept { return count + (names == nullptr ? 0 : PyTuple_GET_SIZE(names)); }
};

/// Whether the call goes to Python: a mode is on, or an argument, also one within a list, overrides.
inline bool is_overridden(const CallArguments& call) noexcept {
  const auto state = detail::override_state;
  if (state.modes > 0) [[unlikely]]
    return true;
  if (state.no_subclasses) return false;
  if (call.self != nullptr && overrides(call.self)) return true;
  for (Py_ssize_t i = 0; i < call.total(); ++i) {
    PyObject* const argument = call.args[i];
    if (overrides(argument)) return true;
    if (PyTuple_Check(argument) || PyList_Check(argument))
      for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(argument); ++k)
        if (overrides(PySequence_Fast_GET_ITEM(argument, k))) return true;
  }
  return false;
}

/// Asks the modes, then the arguments, in PyTorch's order; `function` is what they are told was called.
PyObject* call_override(PyObject* function, const CallArguments& call);
/// The same for the method or attribute `name` of Tensor.
PyObject* call_override(const char* name, const CallArguments& call);
/// For Tensor's own attributes: tells the getter or setter ("__get__", "__set__").
PyObject* call_attribute_override(const char* name, const char* accessor, PyObject* self, PyObject* value);

void init_overrides(PyObject* module);

}  // namespace weft::bindings
