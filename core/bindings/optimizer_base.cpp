#include "bindings/optimizer_base.h"

#include <vector>

#include "autograd/meta.h"
#include "bindings/autograd.h"
#include "bindings/types.h"

namespace weft::bindings {

namespace {

// Set once when the extension loads, and never freed.
PyObject *name_params, *name_param_groups, *name_set_to_none, *name_closure, *name_call, *name_step_together,
    *name_step_alone;

template <class F>
void each_group(PyObject* optimizer, F&& f) {
  const Object groups = owned(PyObject_GetAttr(optimizer, name_param_groups));
  each_item(groups.get(), [&](PyObject* group) { f(group, owned(PyObject_GetItem(group, name_params)).get()); });
}

PyObject* drop_gradients(PyObject*, PyObject* parameters) {
  return guarded([&]() -> PyObject* {
    each_item(parameters, [](PyObject* parameter) { set_grad(expect_tensor(parameter), Tensor()); });
    Py_RETURN_NONE;
  });
}

/// The only argument, which may be left out: null then.
PyObject* only_argument(const char* method, PyObject* name, PyObject* const* args, Py_ssize_t count,
                        PyObject* keywords) {
  const Py_ssize_t named = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
  if (count + named > 1) {
    PyErr_Format(PyExc_TypeError, "%s() takes at most 1 argument (%zd given)", method, count + named);
    throw PythonError{};
  }
  if (named == 1 && PyUnicode_Compare(PyTuple_GET_ITEM(keywords, 0), name) != 0) {
    PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", method,
                 PyTuple_GET_ITEM(keywords, 0));
    throw PythonError{};
  }
  return count + named == 0 ? nullptr : args[0];
}

PyObject* zero_grad(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    PyObject* const given = only_argument("zero_grad", name_set_to_none, args, count, keywords);
    const int set_to_none = given == nullptr ? 1 : PyObject_IsTrue(given);
    checked(set_to_none);
    each_group(self, [&](PyObject*, PyObject* parameters) {
      if (set_to_none != 0)
        owned(drop_gradients(nullptr, parameters));
      else
        call_python("weft.nn.parameter", "clear_gradients", parameters, Py_False);
    });
    Py_RETURN_NONE;
  });
}

Object tuple_of(std::vector<Object>& items) {
  Object tuple = owned(PyTuple_New(std::ssize(items)));
  for (std::size_t i = 0; i < items.size(); ++i)
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), items[i].release());
  return tuple;
}

/// Calls optimizer._step_together(group, parameters) with parameters of `group` that have gradients and can be treated
/// by one native step, float64 apart from the rest; and _step_alone for each whose gradient only Python knows, a sparse
/// one. If one step can treat all it gets the group's list: of threads that train small networks each makes its objects
/// from memory that another has just freed, in the cache of another core.
void step_group(PyObject* optimizer, PyObject* group, PyObject* parameters) {
  std::vector<Object> sorted[2], others;  // of float64 or not
  std::size_t count = 0;
  each_item(parameters, [&](PyObject* parameter) {
    const Tensor& tensor = expect_tensor(parameter);
    const Tensor gradient = grad(tensor);
    ++count;
    if (!gradient.defined()) return;
    auto& members = gradient.impl()->opaque ? others : sorted[tensor.dtype() == DType::float64];
    members.push_back(Object::borrow(parameter));
  });
  const auto call = [&](PyObject* name, PyObject* what) {
    PyObject* const args[] = {optimizer, group, what};
    owned(PyObject_VectorcallMethod(name, args, 3, nullptr));
  };
  for (auto& members : sorted) {
    if (members.empty()) continue;
    call(name_step_together, members.size() == count ? parameters : tuple_of(members).get());
  }
  for (const Object& parameter : others) call(name_step_alone, parameter.get());
}

PyObject* step(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return guarded([&] {
    PyObject* const closure = only_argument("step", name_closure, args, count, keywords);
    Object loss = closure == nullptr || closure == Py_None ? Object::borrow(Py_None)
                                                           : owned(PyObject_CallMethodOneArg(self, name_call, closure));
    each_group(self, [&](PyObject* group, PyObject* parameters) { step_group(self, group, parameters); });
    return loss.release();
  });
}

}  // namespace

void init_optimizer_base(PyObject* module) {
  name_params = immortal_name("params");
  name_param_groups = immortal_name("param_groups");
  name_set_to_none = immortal_name("set_to_none");
  name_closure = immortal_name("closure");
  name_call = immortal_name("_call");
  name_step_together = immortal_name("_step_together");
  name_step_alone = immortal_name("_step_alone");

  static PyMethodDef methods[] = {
      {"zero_grad", any_call(zero_grad), METH_FASTCALL | METH_KEYWORDS,
       "zero_grad($self, set_to_none=True)\n--\n\nDrops the gradients of all parameters, or sets them to zero."},
      {"step", any_call(step), METH_FASTCALL | METH_KEYWORDS,
       "step($self, closure=None)\n--\n\nChanges the parameters once; returns the loss of ``closure``."},
      {nullptr, nullptr, 0, nullptr}};
  PyType_Slot slots[] = {{Py_tp_methods, methods},
                         {Py_tp_doc, const_cast<char*>("The native part of weft.optim.Optimizer.")},
                         {0, nullptr}};
  PyType_Spec spec{"weft._core._OptimizerBase", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  auto* const type = reinterpret_cast<PyObject*>(make_type(spec));
  checked(PyModule_AddObjectRef(module, "_OptimizerBase", type));
  static PyMethodDef functions[] = {{"_drop_gradients", drop_gradients, METH_O, nullptr},
                                    {nullptr, nullptr, 0, nullptr}};
  checked(PyModule_AddFunctions(module, functions));
}

}  // namespace weft::bindings
