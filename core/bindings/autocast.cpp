#include "bindings/autocast.h"

#include <unordered_map>
#include <vector>

#include "autograd/meta.h"
#include "bindings/dispatch.h"
#include "bindings/native.h"
#include "bindings/tensor_object.h"
#include "bindings/types.h"
#include "generated/ops.h"
#include "ops/cost.h"
#include "runtime/error.h"

namespace weft::bindings {

thread_local bool autocast_on = false;

namespace {

/// A thread's settings, and the parameters it has converted since the outermost `with` began.
struct State {
  DType dtype = DType::bfloat16;
  bool cache_enabled = true;
  int nesting = 0;
  std::unordered_map<const TensorImpl*, std::pair<Tensor, Tensor>> cache;  ///< original (kept alive), converted
};

State& state() {
  thread_local State own;
  return own;
}

bool is_eligible(PyObject* object) {
  return is_tensor(object) && is_floating(unwrap(object).dtype()) && unwrap(object).dtype() != DType::float64;
}

Tensor converted(const Tensor& source, DType dtype) {
  return native(static_cast<int64_t>(0.5 * static_cast<double>(source.numel())),
                [&] { return ops::to(source, dtype); });
}

/// `object` in `dtype`; a parameter's conversion is kept, so that its gradient flows through one conversion.
Object cast(PyObject* object, DType dtype) {
  if (!is_eligible(object) || unwrap(object).dtype() == dtype) return Object::borrow(object);
  const Tensor& source = unwrap(object);
  State& own = state();
  const bool keeps = own.cache_enabled && dtype == own.dtype && source.dtype() == DType::float32 &&
                     must_record(source) && is_leaf(source) && !source.impl()->view_base;
  if (!keeps) return owned(wrap(converted(source, dtype)));
  auto& entry = own.cache[source.impl()];
  if (!entry.second.defined()) entry = {source, converted(source, dtype)};
  return owned(wrap(entry.second));
}

bool is_list(Kind kind) { return kind == Kind::tensor_list || kind == Kind::optional_tensor_list; }

/// Calls `f` with every tensor argument.
template <class F>
void each_tensor(const Overload& overload, const Slots& slots, F&& f) {
  for (int i = 0; i < static_cast<int>(overload.params.size()); ++i) {
    PyObject* const value = slots.object(i);
    if (value == nullptr || overload.params[i].kind == Kind::out) continue;
    if (is_tensor(value)) f(value);
    if (is_list(overload.params[i].kind) && value != Py_None)
      for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(value); ++k) f(PySequence_Fast_GET_ITEM(value, k));
  }
}

DType target(const Overload& overload, const Slots& slots) {
  if (overload.autocast == Autocast::lower) return state().dtype;
  if (overload.autocast == Autocast::float32) return DType::float32;
  DType widest = state().dtype;
  each_tensor(overload, slots, [&](PyObject* object) {
    if (is_eligible(object) && unwrap(object).dtype() != widest) widest = DType::float32;
  });
  return widest;
}

/// Autocast off in this thread while it lives.
class Off {
 public:
  Off() noexcept { autocast_on = false; }
  ~Off() { autocast_on = true; }
  Off(const Off&) = delete;
  Off& operator=(const Off&) = delete;
};

PyObject* set_autocast(PyObject*, PyObject* args) {
  int enabled = 0, cache = 0;
  PyObject* type = nullptr;
  if (PyArg_ParseTuple(args, "pOp", &enabled, &type, &cache) == 0) return nullptr;
  return guarded([&]() -> PyObject* {
    const auto dtype = as_dtype(type);
    check_type(dtype.has_value(), "autocast: dtype must be a weft.dtype, got {}", Py_TYPE(type)->tp_name);
    const Object before = owned(Py_BuildValue("ONO", autocast_on ? Py_True : Py_False, wrap_dtype(state().dtype),
                                              state().cache_enabled ? Py_True : Py_False));
    autocast_on = enabled != 0;
    state().dtype = *dtype;
    state().cache_enabled = cache != 0;
    return Py_NewRef(before.get());
  });
}
PyObject* get_autocast(PyObject*, PyObject*) {
  return Py_BuildValue("ONO", autocast_on ? Py_True : Py_False, wrap_dtype(state().dtype),
                       state().cache_enabled ? Py_True : Py_False);
}
PyObject* clear_cache(PyObject*, PyObject*) {
  const auto dropped = std::move(state().cache);  // destructors may run Python: the map must be whole by then
  state().cache.clear();
  Py_RETURN_NONE;
}
PyObject* nest(PyObject*, PyObject* by) {
  const long step = PyLong_AsLong(by);
  if (step == -1 && PyErr_Occurred() != nullptr) return nullptr;
  return PyLong_FromLong(state().nesting += static_cast<int>(step));
}

}  // namespace

PyObject* call_autocast(const Overload& overload, Slots& slots) {
  const DType dtype = target(overload, slots);
  const Off off;
  std::vector<Object> kept;
  for (int i = 0; i < static_cast<int>(overload.params.size()); ++i) {
    PyObject* const value = slots.object(i);
    if (value == nullptr || overload.params[i].kind == Kind::out) continue;
    if (is_list(overload.params[i].kind) && value != Py_None) {
      const Py_ssize_t n = PySequence_Fast_GET_SIZE(value);
      kept.push_back(owned(PyTuple_New(n)));
      for (Py_ssize_t k = 0; k < n; ++k)
        PyTuple_SET_ITEM(kept.back().get(), k, cast(PySequence_Fast_GET_ITEM(value, k), dtype).release());
    } else if (is_eligible(value)) {
      kept.push_back(cast(value, dtype));
    } else {
      continue;
    }
    slots.replace(i, kept.back().get());
  }
  return overload.call(slots);
}

PyMethodDef autocast_functions[] = {{"_set_autocast", set_autocast, METH_VARARGS, nullptr},
                                    {"_get_autocast", get_autocast, METH_NOARGS, nullptr},
                                    {"clear_autocast_cache", clear_cache, METH_NOARGS,
                                     "Forgets the parameters that autocast has converted in this thread."},
                                    {"_nest_autocast", nest, METH_O, nullptr},
                                    {nullptr, nullptr, 0, nullptr}};

}  // namespace weft::bindings
