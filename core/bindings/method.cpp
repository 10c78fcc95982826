#include "bindings/method.h"

#include <structmember.h>

#include <array>
#include <cstddef>
#include <vector>

#include "bindings/types.h"
#include "runtime/error.h"

namespace weft::bindings {

namespace {

/// Bound to an instance as a function is. Nothing but `attributes`, which is Python's to guard, changes once it is
/// made.
struct MethodObject {
  PyObject_HEAD vectorcallfunc call;
  PyObject* attributes;  ///< __dict__: what functools.update_wrapper copies
  PyObject* function;    ///< what it runs
  PyObject* other;       ///< what it runs instead: in place, or around hooks
  PyObject* names;       ///< of the attributes that it reads, a tuple
  PyObject* tables;      ///< of hooks common to all, a tuple or null
};
constexpr Py_ssize_t most_names = 6;
PyTypeObject* method_type;
PyObject *name_inplace, *name_input;  // set when the extension loads, never freed

MethodObject* as_method(PyObject* self) { return reinterpret_cast<MethodObject*>(self); }

/// f(self, input) = function(input, self.a, self.b), or other(...) if self.inplace.
PyObject* call_applied(PyObject* self, PyObject* const* args, std::size_t flagged, PyObject* keywords) {
  return guarded([&] {
    const MethodObject& method = *as_method(self);
    const Py_ssize_t given = PyVectorcall_NARGS(flagged), named = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
    const bool fits =
        given == 2 ? named == 0
                   : given == 1 && named == 1 && PyUnicode_Compare(PyTuple_GET_ITEM(keywords, 0), name_input) == 0;
    if (!fits) {
      const Object declared = owned(PyObject_GetAttrString(self, "__wrapped__"));
      owned(PyObject_Vectorcall(declared.get(), args, flagged, keywords));  // says what is wrong
      PyErr_SetString(PyExc_TypeError, "forward(): expected the module by position");
      throw PythonError{};
    }
    std::array<Object, most_names> read;
    std::array<PyObject*, most_names + 2> all{nullptr, args[1]};
    const Py_ssize_t count = PyTuple_GET_SIZE(method.names);
    for (Py_ssize_t i = 0; i < count; ++i) {
      read[i] = owned(PyObject_GetAttr(args[0], PyTuple_GET_ITEM(method.names, i)));
      all[i + 2] = read[i].get();
    }
    PyObject* function = method.function;
    if (method.other != nullptr) {
      const int in_place = PyObject_IsTrue(owned(PyObject_GetAttr(args[0], name_inplace)).get());
      checked(in_place);
      if (in_place != 0) function = method.other;
    }
    return checked(PyObject_Vectorcall(function, &all[1], (count + 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
  });
}

bool has_hooks(const MethodObject& method, PyObject* owner) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(method.tables); ++i)
    if (!is_empty(PyTuple_GET_ITEM(method.tables, i))) return true;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(method.names); ++i)
    if (!is_empty(owned(PyObject_GetAttr(owner, PyTuple_GET_ITEM(method.names, i))).get())) return true;
  return false;
}
/// f(self, ...) = function(self, ...), or other(function, self, ...) if there are hooks.
PyObject* call_between_hooks(PyObject* self, PyObject* const* args, std::size_t flagged, PyObject* keywords) {
  return guarded([&] {
    const MethodObject& method = *as_method(self);
    const Py_ssize_t given = PyVectorcall_NARGS(flagged), named = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
    if (given == 0 || !has_hooks(method, args[0]))
      return checked(PyObject_Vectorcall(method.function, args, flagged, keywords));
    std::vector<PyObject*> all{method.function};
    all.insert(all.end(), args, args + given + named);
    return checked(PyObject_Vectorcall(method.other, all.data(), given + 1, keywords));
  });
}

PyObject* make_method(vectorcallfunc call, PyObject* function, PyObject* other, PyObject* names, PyObject* tables) {
  PyObject* const self = checked(method_type->tp_alloc(method_type, 0));
  MethodObject& method = *as_method(self);
  method.call = call;
  method.function = Py_NewRef(function);
  method.other = Py_XNewRef(other);
  method.names = Py_NewRef(names);
  method.tables = Py_XNewRef(tables);
  return self;
}

PyObject* applies(PyObject*, PyObject* args) {
  PyObject *function, *names, *in_place;
  if (PyArg_ParseTuple(args, "OO!O", &function, &PyTuple_Type, &names, &in_place) == 0) return nullptr;
  return guarded([&] {
    check_type(PyTuple_GET_SIZE(names) <= most_names, "_applies: expected at most {} names", most_names);
    PyObject* const self =
        make_method(call_applied, function, in_place == Py_None ? nullptr : in_place, names, nullptr);
    make_immortal(self);
    return self;
  });
}
PyObject* between_hooks(PyObject*, PyObject* args) {
  PyObject *function, *with_hooks, *names, *tables;
  if (PyArg_ParseTuple(args, "OOO!O!", &function, &with_hooks, &PyTuple_Type, &names, &PyTuple_Type, &tables) == 0)
    return nullptr;
  return guarded([&] { return make_method(call_between_hooks, function, with_hooks, names, tables); });
}

PyObject* bind(PyObject* self, PyObject* owner, PyObject*) {
  return owner == nullptr || owner == Py_None ? Py_NewRef(self) : PyMethod_New(self, owner);
}
PyObject* repr(PyObject* self) {
  return guarded([&] {
    const Object name = owned(PyObject_GetAttrString(self, "__qualname__"));
    return PyUnicode_FromFormat("<function %U at %p>", name.get(), self);
  });
}
int traverse(PyObject* self, visitproc visit, void* arg) {
  const MethodObject& method = *as_method(self);
  Py_VISIT(Py_TYPE(self));
  for (PyObject* member : {method.attributes, method.function, method.other, method.names, method.tables})
    Py_VISIT(member);
  return 0;
}
int clear(PyObject* self) {
  MethodObject& method = *as_method(self);
  Py_CLEAR(method.attributes);
  Py_CLEAR(method.function);
  Py_CLEAR(method.other);
  Py_CLEAR(method.names);
  Py_CLEAR(method.tables);
  return 0;
}
void dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  clear(self);
  auto* const type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyMethodDef functions[] = {{"_applies", applies, METH_VARARGS, nullptr},
                           {"_between_hooks", between_hooks, METH_VARARGS, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

bool is_lasting_method(PyObject* object) noexcept {
  return Py_IS_TYPE(object, method_type) && as_method(object)->call == call_applied;
}

bool is_empty(PyObject* table) {
  const Py_ssize_t size = PyObject_Size(table);
  checked(size < 0 ? -1 : 0);
  return size == 0;
}

void init_method(PyObject* module) {
  name_inplace = immortal_name("inplace");
  name_input = immortal_name("input");
  static PyMemberDef members[] = {{"__dictoffset__", T_PYSSIZET, offsetof(MethodObject, attributes), READONLY, nullptr},
                                  {"__vectorcalloffset__", T_PYSSIZET, offsetof(MethodObject, call), READONLY, nullptr},
                                  {nullptr, 0, 0, 0, nullptr}};
  static PyGetSetDef attributes[] = {{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
                                     {nullptr, nullptr, nullptr, nullptr, nullptr}};
  PyType_Slot slots[] = {{Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
                         {Py_tp_descr_get, reinterpret_cast<void*>(bind)},
                         {Py_tp_repr, reinterpret_cast<void*>(repr)},
                         {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                         {Py_tp_clear, reinterpret_cast<void*>(clear)},
                         {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                         {Py_tp_members, members},
                         {Py_tp_getset, attributes},
                         {0, nullptr}};
  PyType_Spec spec{"weft._core._NativeMethod", sizeof(MethodObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR |
                       Py_TPFLAGS_DISALLOW_INSTANTIATION,
                   slots};
  method_type = make_type(spec);
  checked(PyModule_AddFunctions(module, functions));
}

}  // namespace weft::bindings
