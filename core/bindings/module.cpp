// The extension module weft._core.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include "autograd/engine.h"
#include "bindings/autocast.h"
#include "bindings/autograd.h"
#include "bindings/construct.h"
#include "bindings/dispatch.h"
#include "bindings/method.h"
#include "bindings/module_base.h"
#include "bindings/native.h"
#include "bindings/optimizer_base.h"
#include "bindings/overrides.h"
#include "bindings/profile.h"
#include "bindings/storage.h"
#include "bindings/tables.h"
#include "bindings/types.h"
#include "generated/ops.h"
#include "ops/convolution.h"
#include "ops/promotion.h"
#include "ops/support.h"
#include "runtime/allocator.h"
#include "runtime/cpu.h"
#include "runtime/error.h"
#include "runtime/governor.h"
#include "runtime/parallel.h"

namespace nb = nanobind;

namespace weft::bindings {

namespace {

governor::Policy policy_named(const std::string& name) {
  if (name == "auto") return governor::Policy::automatic;
  if (name == "release") return governor::Policy::release;
  if (name == "hold") return governor::Policy::hold;
  fail(ErrorKind::value, "gil policy must be 'auto', 'release' or 'hold', got '{}'", name);
}

std::string policy_name(governor::Policy policy) {
  constexpr const char* names[] = {"auto", "release", "hold"};
  return names[static_cast<int>(policy)];
}

PyObject* tensor(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    std::optional<DType> dtype;
    if (n > 1 && args[1] != Py_None) {
      dtype = as_dtype(args[1]);
      check_type(dtype.has_value(), "tensor(): dtype must be a weft.dtype, not {}", Py_TYPE(args[1])->tp_name);
    }
    const OpTrace trace("tensor", {});
    return wrap(tensor_from_data(args[0], dtype));
  });
}
PyObject* from_buffer(PyObject*, PyObject* object) {
  return guarded([&] { return wrap(tensor_over_buffer(object)); });
}
/// (type, tensor): the same tensor as an object of a subclass.
PyObject* as_subclass(PyObject*, PyObject* args) {
  PyObject *type, *object;
  if (PyArg_ParseTuple(args, "O!O", &PyType_Type, &type, &object) == 0) return nullptr;
  return guarded([&] {
    check_type(is_tensor(object) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(type), tensor_type),
               "_as_subclass: expected a subclass of Tensor and a Tensor");
    return wrap_as(reinterpret_cast<PyTypeObject*>(type), alias(unwrap_dense(object, "as_subclass")));
  });
}
/// (type, tensor): the same, with elements that only Python knows.
PyObject* as_opaque_subclass(PyObject* self, PyObject* args) {
  PyObject* const object = as_subclass(self, args);
  if (object != nullptr) unwrap(object).impl()->opaque = true;
  return object;
}
/// The engine adds gradients that only Python can add.
Tensor add_in_python(const Tensor& a, const Tensor& b) {
  const PythonScope python;
  const Object first = owned(wrap(a)), second = owned(wrap(b));
  return unwrap(owned(PyNumber_Add(first.get(), second.get())).get());
}
Tensor densify_in_python(const Tensor& a) {
  const PythonScope python;
  const Object object = owned(wrap(a));
  return unwrap(owned(PyObject_CallMethod(object.get(), "to_dense", nullptr)).get());
}
/// The same, with the history.
PyObject* as_differentiable_subclass(PyObject*, PyObject* args) {
  PyObject *type, *object;
  if (PyArg_ParseTuple(args, "O!O", &PyType_Type, &type, &object) == 0) return nullptr;
  return guarded([&] {
    check_type(is_tensor(object) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(type), tensor_type),
               "as_subclass: expected a subclass of Tensor and a Tensor");
    return wrap_as(reinterpret_cast<PyTypeObject*>(type), ops::view_alias(unwrap_dense(object, "as_subclass")));
  });
}
PyObject* default_dtype(PyObject*, PyObject*) { return wrap_dtype(ops::default_dtype()); }
PyObject* set_default_dtype(PyObject*, PyObject* value) {
  return guarded([&]() -> PyObject* {
    const auto dtype = as_dtype(value);
    check_type(dtype.has_value(), "set_default_dtype(): expected a weft.dtype, got {}", Py_TYPE(value)->tp_name);
    ops::set_default_dtype(*dtype);
    Py_RETURN_NONE;
  });
}
PyObject* promote_types(PyObject*, PyObject* args) {
  PyObject *a, *b;
  if (PyArg_ParseTuple(args, "OO", &a, &b) == 0) return nullptr;
  return guarded([&] {
    const auto x = as_dtype(a), y = as_dtype(b);
    check_type(x && y, "promote_types(): expected two dtypes");
    return wrap_dtype(promote(*x, *y));
  });
}
PyObject* can_cast_types(PyObject*, PyObject* args) {
  PyObject *from, *to;
  if (PyArg_ParseTuple(args, "OO", &from, &to) == 0) return nullptr;
  return guarded([&] {
    const auto x = as_dtype(from), y = as_dtype(to);
    check_type(x && y, "can_cast(): expected two dtypes");
    return PyBool_FromLong(can_cast(*x, *y));
  });
}
PyObject* result_dtype(PyObject*, PyObject* args) {
  PyObject *a, *b;
  if (PyArg_ParseTuple(args, "OO", &a, &b) == 0) return nullptr;
  return guarded([&] {
    const auto operand = [](PyObject* o) {
      check_type(is_tensor(o) || is_number(o), "result_type(): expected a Tensor or Number, got {}",
                 Py_TYPE(o)->tp_name);
      return is_tensor(o) ? unwrap(o) : wrapped_number(to_scalar(o));
    };
    const Tensor x = operand(a), y = operand(b);
    return wrap_dtype(ops::result_type({&x, &y}));
  });
}

PyObject* set_thread_default(PyObject*, PyObject* generator) {
  return guarded([&]() -> PyObject* {
    Generator* const own = generator == Py_None ? nullptr : as_generator(generator);
    check_type(own != nullptr || generator == Py_None, "_set_thread_generator: expected a Generator or None, got {}",
               Py_TYPE(generator)->tp_name);
    set_thread_generator(own);
    Py_RETURN_NONE;
  });
}

PyMethodDef functions[] = {
    {"_set_thread_generator", set_thread_default, METH_O, nullptr},
    {"_tensor", any_call(tensor), METH_FASTCALL, nullptr},
    {"_from_buffer", from_buffer, METH_O, nullptr},
    {"_as_subclass", as_subclass, METH_VARARGS, nullptr},
    {"_as_opaque_subclass", as_opaque_subclass, METH_VARARGS, nullptr},
    {"_as_differentiable_subclass", as_differentiable_subclass, METH_VARARGS, nullptr},
    {"get_default_dtype", default_dtype, METH_NOARGS,
     "The dtype of floating-point results of integers and Python floats."},
    {"set_default_dtype", set_default_dtype, METH_O, "Sets the default floating-point dtype of the process."},
    {"promote_types", promote_types, METH_VARARGS, "The smallest dtype that both convert to."},
    {"can_cast", can_cast_types, METH_VARARGS, "Whether a result of the first dtype may be written to the second."},
    {"result_type", result_dtype, METH_VARARGS, "The dtype an operation on the two operands computes in."},
    {nullptr, nullptr, 0, nullptr}};

void add_functions(nb::module_ module, PyMethodDef* definitions) {
  checked(PyModule_AddFunctions(module.ptr(), definitions));
}

/// What `from weft._core import *` gives: everything public but the namespaces.
void set_all(nb::module_& m) {
  nb::list names;
  for (auto item : nb::dict(m.attr("__dict__"))) {
    const nb::str name(item.first);
    if (*name.c_str() != '_' && !PyModule_Check(item.second.ptr())) names.append(name);
  }
  m.attr("__all__") = names;
}

void define_runtime(nb::module_& m) {
  m.def("get_num_threads", &num_threads, "Threads one operation may use, the caller included.");
  m.def("set_num_threads", &set_num_threads, nb::arg("n"), "Sets that number (>= 1).");
  m.def("_show_as_torch", &show_as_torch);
  m.def("_allowed_cpus", &allowed_cpus);
  m.def("_winograd_enabled", &ops::winograd_enabled);
  m.def("_set_winograd_enabled", &ops::set_winograd_enabled);
  m.def("_isa", [] { return std::string(isa_name(active_isa())); });
  m.def("_memory_stats", [] {
    const auto s = memory_stats();
    return std::tuple(s.allocated, s.cached, s.peak);
  });
  m.def("_empty_cache", &empty_cache);
  m.def("_reset_peak_memory", &reset_peak_memory);
  m.def("_gil_policy", [] { return policy_name(governor::process_policy()); });
  m.def("_gil_set_policy", [](const std::string& name) { governor::set_process_policy(policy_named(name)); });
  m.def("_gil_thread_policy", [] {
    const auto policy = governor::thread_policy();
    return policy ? std::optional(policy_name(*policy)) : std::nullopt;
  });
  m.def(
      "_gil_set_thread_policy",
      [](std::optional<std::string> name) {
        governor::set_thread_policy(name ? std::optional(policy_named(*name)) : std::nullopt);
      },
      nb::arg("name").none());
  m.def("_gil_stats", [] {
    const auto s = governor::stats();
    return std::tuple(s.held, s.released, s.waited);
  });
  m.def("_gil_reset_stats", &governor::reset_stats);
}

}  // namespace

}  // namespace weft::bindings

NB_MODULE(_core, m) {
  using namespace weft::bindings;
  nb::set_leak_warnings(false);  // singletons outlive the interpreter on purpose
  nb::register_exception_translator([](const std::exception_ptr& error, void*) {
    try {
      std::rethrow_exception(error);
    } catch (const weft::Error&) {
      translate_exception();
    } catch (const PythonError&) {
      translate_exception();
    }
  });
  try {
    weft::active_isa(), weft::multiplies_bfloat16_pairs();  // what the environment has wrong, it is told of here
    init_native();
    weft::install_opaque_gradient_ops({.add = add_in_python, .to_dense = densify_in_python});
    init_gil_probe(m.ptr());
    init_profile(m.ptr());
    init_types(m.ptr());
    init_tensor_type(m.ptr());
    init_autograd(m.ptr());
    init_overrides(m.ptr());
    init_method(m.ptr());
    init_module_base(m.ptr());
    init_optimizer_base(m.ptr());
    add_functions(m, functions);
    add_functions(m, storage_functions);
    add_functions(m, autocast_functions);
    add_functions(m, weft_functions);
    add_functions(m.def_submodule("nn"), nn_functions);
    auto linalg = m.def_submodule("linalg");
    add_functions(linalg, linalg_functions);
    init_linalg(linalg.ptr());
    add_functions(m.def_submodule("special"), special_functions);
    add_functions(m.def_submodule("fft"), fft_functions);
    init_fourier();
    add_functions(m.def_submodule("internal"), internal_functions);
    define_runtime(m);
    set_all(m);
    weft::ops::install();
  } catch (const weft::Error&) {
    translate_exception();
    throw nb::python_error();
  } catch (const PythonError&) {
    throw nb::python_error();
  }
}
