#include "bindings/module_base.h"

#include <array>

#include "bindings/method.h"
#include "bindings/types.h"

namespace weft::bindings {

namespace {

// All set once when the extension loads, and never freed.
PyTypeObject* base_type;
PyObject *name_getattr, *name_getattribute, *name_init_subclass, *name_forward, *name_compiled, *name_call_impl,
    *name_call_with_hooks;
PyObject* own_call_impl;               ///< what a class has by that name unless it defines it itself
std::array<PyObject*, 3> registries;   ///< names of what __setattr__ registers, in the order of lookup
std::array<PyObject*, 4> hook_tables;  ///< names of a module's hooks that change a call
/// The tables of hooks common to all modules, which weft.nn sets when it is imported.
PyObject* common_hooks;

Object item(PyObject* dict, PyObject* key) {
#if PY_VERSION_HEX >= 0x030D0000
  PyObject* found = nullptr;
  checked(PyDict_GetItemRef(dict, key, &found));
  return Object::steal(found);
#else
  PyObject* const found = PyDict_GetItemWithError(dict, key);
  if (found == nullptr && PyErr_Occurred() != nullptr) throw PythonError{};
  return Object::borrow(found);
#endif
}
Object state_of(PyObject* self) { return owned(PyObject_GenericGetDict(self, nullptr)); }

/// What the class says of `name`, not bound to anything; null if nothing. Before 3.13 it is the class's own and not
/// counted, for every thread would write the count: good until other code runs.
#if PY_VERSION_HEX >= 0x030D0000
Object found_in_class(PyObject* self, PyObject* name) { return Object::steal(_PyType_LookupRef(Py_TYPE(self), name)); }
#else
struct ClassMember {
  PyObject* object;
  PyObject* get() const noexcept { return object; }
  explicit operator bool() const noexcept { return object != nullptr; }
};
ClassMember found_in_class(PyObject* self, PyObject* name) { return {_PyType_Lookup(Py_TYPE(self), name)}; }
#endif

/// A parameter, buffer or submodule; null if there is none of that name.
Object registered(PyObject* state, PyObject* name) {
  for (PyObject* registry : registries) {
    const Object members = item(state, registry);
    if (!members || PyDict_Check(members.get()) == 0) continue;
    if (Object member = item(members.get(), name)) return member;
  }
  return {};
}

/// What neither the instance nor its class has as an attribute.
PyObject* module_getattr(PyObject* self, PyObject* name) {
  return guarded([&]() -> PyObject* {
    if (Object member = registered(state_of(self).get(), name)) return member.release();
    PyErr_Format(PyExc_AttributeError, "'%.100s' object has no attribute '%U'", Py_TYPE(self)->tp_name, name);
    throw PythonError{};
  });
}

/// tp_getattro of modules whose class has no other __getattr__: no exception made and cleared on the way (before 3.12
/// Python makes one), no method called.
PyObject* module_getattro(PyObject* self, PyObject* name) {
  return guarded([&]() -> PyObject* {
    if (!found_in_class(self, name)) {
      const Object state = state_of(self);
      if (Object own = item(state.get(), name)) return own.release();
      if (Object member = registered(state.get(), name)) return member.release();
    }
    PyObject* const found = PyObject_GenericGetAttr(self, name);
    if (found != nullptr || PyErr_ExceptionMatches(PyExc_AttributeError) == 0) return found;
    PyErr_Clear();  // of a property
    return module_getattr(self, name);
  });
}

bool inherits_lookup(PyObject* type) {
  const Object getattr = owned(PyObject_GetAttr(type, name_getattr));
  const Object own = owned(PyObject_GetAttr(reinterpret_cast<PyObject*>(base_type), name_getattr));
  const Object getattribute = owned(PyObject_GetAttr(type, name_getattribute));
  const Object generic = owned(PyObject_GetAttr(reinterpret_cast<PyObject*>(&PyBaseObject_Type), name_getattribute));
  return getattr.get() == own.get() && getattribute.get() == generic.get();
}

/// Python gives the new class a slot that calls __getattr__ by name. A later assignment to `cls.__getattr__` sets the
/// slot again, here and in the classes below.
PyObject* module_init_subclass(PyObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    const Object above =
        owned(PyObject_CallFunctionObjArgs(reinterpret_cast<PyObject*>(&PySuper_Type), base_type, type, nullptr));
    const Object next = owned(PyObject_GetAttr(above.get(), name_init_subclass));
    owned(PyObject_Call(next.get(), args, kwargs));
    if (inherits_lookup(type)) reinterpret_cast<PyTypeObject*>(type)->tp_getattro = module_getattro;
    Py_RETURN_NONE;
  });
}

bool has_hooks(PyObject* state) {
  for (PyObject* name : hook_tables) {
    const Object hooks = item(state, name);
    if (!hooks || !is_empty(hooks.get()))
      return true;  // without tables: Module.__init__ was not called, and Python says so
  }
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(common_hooks); ++i) {
    if (!is_empty(PyTuple_GET_ITEM(common_hooks, i))) return true;
  }
  return false;
}

PyObject* call_forward(PyObject* self, PyObject* state, PyObject* args, PyObject* kwargs) {
  constexpr Py_ssize_t most = 7;
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (kwargs == nullptr && count <= most && !item(state, name_forward)) {
    const auto forward = found_in_class(self, name_forward);
    // A function of the class: no bound method made, no count of a shared object written.
    if (forward && PyType_HasFeature(Py_TYPE(forward.get()), Py_TPFLAGS_METHOD_DESCRIPTOR)) {
      const bool lasts = PY_VERSION_HEX >= 0x030D0000 || is_lasting_method(forward.get());
      const Object kept = lasts ? Object() : Object::borrow(forward.get());
      std::array<PyObject*, most + 2> all{nullptr, self};
      for (Py_ssize_t i = 0; i < count; ++i) all[i + 2] = PyTuple_GET_ITEM(args, i);
      return checked(
          PyObject_Vectorcall(forward.get(), &all[1], (count + 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
    }
  }
  const Object forward = owned(PyObject_GetAttr(self, name_forward));
  return checked(PyObject_Call(forward.get(), args, kwargs));
}

/// forward(), with the hooks around it.
PyObject* call_with_hooks(PyObject* self, PyObject* state, PyObject* args, PyObject* kwargs) {
  if (!has_hooks(state)) return call_forward(self, state, args, kwargs);
  const Object keywords = kwargs == nullptr ? owned(PyDict_New()) : Object::borrow(kwargs);
  return checked(PyObject_CallMethodObjArgs(self, name_call_with_hooks, args, keywords.get(), nullptr));
}
PyObject* module_call_impl(PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded([&] { return call_with_hooks(self, state_of(self).get(), args, kwargs); });
}
PyObject* module_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    const Object state = state_of(self);
    const Object compiled = item(state.get(), name_compiled);
    if (compiled && compiled.get() != Py_None) return checked(PyObject_Call(compiled.get(), args, kwargs));
    if (found_in_class(self, name_call_impl).get() == own_call_impl)
      return call_with_hooks(self, state.get(), args, kwargs);
    const Object other = owned(PyObject_GetAttr(self, name_call_impl));
    return checked(PyObject_Call(other.get(), args, kwargs));
  });
}

/// What the submodules make of the input one after the other.
PyObject* call_in_turn(PyObject* self, PyObject* input) {
  return guarded([&] {
    const Object modules = owned(PyObject_GetAttr(self, registries.back()));
    const Object members = owned(PyMapping_Values(modules.get()));
    Object value = Object::borrow(input);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(members.get()); ++i)
      value = owned(PyObject_CallOneArg(PyList_GET_ITEM(members.get(), i), value.get()));
    return value.release();
  });
}

PyObject* set_common_hooks(PyObject*, PyObject* tables) {
  Py_XSETREF(common_hooks, Py_NewRef(tables));
  Py_RETURN_NONE;
}

}  // namespace

void init_module_base(PyObject* module) {
  name_getattr = immortal_name("__getattr__");
  name_getattribute = immortal_name("__getattribute__");
  name_init_subclass = immortal_name("__init_subclass__");
  name_forward = immortal_name("forward");
  name_compiled = immortal_name("_compiled_call_impl");
  name_call_impl = immortal_name("_call_impl");
  name_call_with_hooks = immortal_name("_call_with_hooks");
  registries = {immortal_name("_parameters"), immortal_name("_buffers"), immortal_name("_modules")};
  hook_tables = {immortal_name("_forward_hooks"), immortal_name("_forward_pre_hooks"), immortal_name("_backward_hooks"),
                 immortal_name("_backward_pre_hooks")};
  common_hooks = checked(PyTuple_New(0));

  static PyMethodDef methods[] = {
      {"__getattr__", module_getattr, METH_O, nullptr},
      {"__init_subclass__", any_call(module_init_subclass), METH_VARARGS | METH_KEYWORDS | METH_CLASS, nullptr},
      {"_call_impl", any_call(module_call_impl), METH_VARARGS | METH_KEYWORDS,
       "Calls forward(), with the hooks around it."},
      {"_call_in_turn", call_in_turn, METH_O, "Sends the input through all submodules."},
      {"_set_common_hooks", set_common_hooks, METH_O | METH_STATIC, nullptr},
      {nullptr, nullptr, 0, nullptr}};
  PyType_Slot slots[] = {{Py_tp_call, reinterpret_cast<void*>(module_call)},
                         {Py_tp_methods, methods},
                         {Py_tp_doc, const_cast<char*>("The native part of weft.nn.Module.")},
                         {0, nullptr}};
  PyType_Spec spec{"weft._core._ModuleBase", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  base_type = make_type(spec);
  own_call_impl = checked(PyObject_GetAttr(reinterpret_cast<PyObject*>(base_type), name_call_impl));
  make_immortal(own_call_impl);
  checked(PyModule_AddObjectRef(module, "_ModuleBase", reinterpret_cast<PyObject*>(base_type)));
}

}  // namespace weft::bindings
