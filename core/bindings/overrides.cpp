#include "bindings/overrides.h"

#include <string_view>
#include <unordered_map>
#include <vector>

#include "bindings/dispatch.h"
#include "bindings/tables.h"
#include "runtime/error.h"

namespace weft::bindings {

namespace detail {

thread_local OverrideState override_state;

}  // namespace detail

namespace {

PyObject* protocol_name = nullptr;  // "__torch_function__"
PyObject* disabled = nullptr;       // what a subclass sets its __torch_function__ to in order to have none
PyObject* mode_handler = nullptr;   // weft.overrides' function that asks the innermost mode; set once

/// Subclasses are passed over while one lives.
class NoSubclasses {
 public:
  NoSubclasses() noexcept : before_(detail::override_state.no_subclasses) {
    detail::override_state.no_subclasses = true;
  }
  ~NoSubclasses() { detail::override_state.no_subclasses = before_; }
  NoSubclasses(const NoSubclasses&) = delete;
  NoSubclasses& operator=(const NoSubclasses&) = delete;

 private:
  bool before_;
};

/// Each type once, a subclass before what it derives from, else in order of appearance.
void collect(PyObject* object, std::vector<PyObject*>& found) {
  if (!overrides(object)) return;
  for (auto* const other : found)
    if (Py_TYPE(other) == Py_TYPE(object)) return;
  auto at = found.begin();
  while (at != found.end() && !PyType_IsSubtype(Py_TYPE(object), Py_TYPE(*at))) ++at;
  found.insert(at, object);
}

std::vector<PyObject*> overriding(const CallArguments& call) {
  std::vector<PyObject*> found;
  if (call.self != nullptr) collect(call.self, found);
  for (Py_ssize_t i = 0; i < call.total(); ++i) {
    PyObject* const argument = call.args[i];
    collect(argument, found);
    if (PyTuple_Check(argument) || PyList_Check(argument))
      for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(argument); ++k)
        collect(PySequence_Fast_GET_ITEM(argument, k), found);
  }
  return found;
}

Object positional(const CallArguments& call) {
  const Py_ssize_t first = call.self == nullptr ? 0 : 1;
  Object tuple = owned(PyTuple_New(first + call.count));
  if (call.self != nullptr) PyTuple_SET_ITEM(tuple.get(), 0, Py_NewRef(call.self));
  for (Py_ssize_t i = 0; i < call.count; ++i) PyTuple_SET_ITEM(tuple.get(), first + i, Py_NewRef(call.args[i]));
  return tuple;
}

Object keywords(const CallArguments& call) {
  Object dict = owned(PyDict_New());
  for (Py_ssize_t k = call.count; k < call.total(); ++k)
    checked(PyDict_SetItem(dict.get(), PyTuple_GET_ITEM(call.names, k - call.count), call.args[k]));
  return dict;
}

/// cls.__torch_function__(func, types, args=(), kwargs=None) of a class that has none: the plain call.
PyObject* call_plainly(PyObject*, PyObject* args) {
  PyObject *function, *types, *positional = nullptr, *keyword = nullptr;
  if (PyArg_ParseTuple(args, "OO|OO", &function, &types, &positional, &keyword) == 0) return nullptr;
  return guarded([&] {
    const NoSubclasses scope;
    const Object arguments = positional == nullptr ? owned(PyTuple_New(0)) : owned(PySequence_Tuple(positional));
    return PyObject_Call(function, arguments.get(), keyword == Py_None ? nullptr : keyword);
  });
}

PyObject* set_modes(PyObject*, PyObject* args) {
  int count = 0;
  PyObject* handler = nullptr;
  if (PyArg_ParseTuple(args, "iO", &count, &handler) == 0) return nullptr;
  if (mode_handler == nullptr) mode_handler = Py_NewRef(handler);
  detail::override_state.modes = count;
  Py_RETURN_NONE;
}
PyObject* set_subclasses_off(PyObject*, PyObject* value) {
  const bool before = detail::override_state.no_subclasses;
  detail::override_state.no_subclasses = value == Py_True;
  return PyBool_FromLong(before);
}
PyObject* has_override(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return PyBool_FromLong(is_overridden({nullptr, args, count, nullptr}));
}
/// The names of keyword arguments; their values go behind the positional ones.
Object keyword_names(PyObject* keyword, std::vector<PyObject*>& all) {
  Object names = owned(PyTuple_New(PyDict_GET_SIZE(keyword)));
  PyObject *key, *value;
  Py_ssize_t at = 0, i = 0;
  while (PyDict_Next(keyword, &at, &key, &value) != 0) {
    PyTuple_SET_ITEM(names.get(), i++, Py_NewRef(key));
    all.push_back(value);
  }
  return names;
}

/// The namespace is where a name is looked for first: a method's may be in any.
const Callable* find_callable(std::string_view space, std::string_view name) {
  static const auto* const known = [] {
    auto* map = new std::unordered_map<std::string_view, std::vector<const NamedCallable*>>;
    for (const auto* entry = named_callables; entry->callable != nullptr; ++entry)
      (*map)[entry->callable->name].push_back(entry);
    return map;
  }();
  const auto found = known->find(name);
  if (found == known->end()) return nullptr;
  for (const auto* entry : found->second)
    if (entry->space == space) return entry->callable;
  return found->second.front()->callable;
}

/// (function, args, kwargs): what the modes and arguments say to the call.
PyObject* ask(PyObject*, PyObject* args) {
  PyObject *function, *positional, *keyword;
  if (PyArg_ParseTuple(args, "OO!O!", &function, &PyTuple_Type, &positional, &PyDict_Type, &keyword) == 0)
    return nullptr;
  return guarded([&] {
    std::vector<PyObject*> all(PySequence_Fast_ITEMS(positional),
                               PySequence_Fast_ITEMS(positional) + PyTuple_GET_SIZE(positional));
    const Object names = keyword_names(keyword, all);
    return call_override(function, {nullptr, all.data(), PyTuple_GET_SIZE(positional), names.get()});
  });
}

/// (namespace, name, is_method, args, kwargs) -> (batch family, {parameter: argument}), None for a name that is not of
/// the table.
PyObject* bind_call(PyObject*, PyObject* args) {
  const char *space, *name;
  int is_method = 0;
  PyObject *positional, *keyword;
  if (PyArg_ParseTuple(args, "sspO!O!", &space, &name, &is_method, &PyTuple_Type, &positional, &PyDict_Type,
                       &keyword) == 0)
    return nullptr;
  return guarded([&]() -> PyObject* {
    const auto* const callable = find_callable(space, name);
    if (callable == nullptr) Py_RETURN_NONE;
    std::vector<PyObject*> all(PySequence_Fast_ITEMS(positional),
                               PySequence_Fast_ITEMS(positional) + PyTuple_GET_SIZE(positional));
    const auto count = static_cast<Py_ssize_t>(all.size());
    const Object names = keyword_names(keyword, all);
    if (is_method == 0) return bind_form(*callable, nullptr, all.data(), count, names.get());
    check_type(count > 0, "{}: a method needs its receiver", name);
    return bind_form(*callable, all[0], all.data() + 1, count - 1, names.get());
  });
}

/// (family) -> the names of the table with a form in that batch family
PyObject* names_of_family(PyObject*, PyObject* family) {
  return guarded([&] {
    const char* const text = PyUnicode_AsUTF8(family);
    if (text == nullptr) throw PythonError{};
    Object names = owned(PyList_New(0));
    for (const auto* entry = named_callables; entry->callable != nullptr; ++entry)
      for (const auto* overload : entry->callable->overloads)
        if (std::string_view(overload->batch) == text)
          checked(PyList_Append(names.get(), owned(PyUnicode_FromString(entry->callable->name)).get()));
    return names.release();
  });
}

PyMethodDef disabled_definition = {"_disabled_torch_function_impl", call_plainly, METH_VARARGS, nullptr};

PyMethodDef functions[] = {{"_set_function_modes", set_modes, METH_VARARGS, nullptr},
                           {"_set_subclasses_off", set_subclasses_off, METH_O, nullptr},
                           {"_has_override", any_call(has_override), METH_FASTCALL, nullptr},
                           {"_ask_overrides", ask, METH_VARARGS, nullptr},
                           {"_bind_call", bind_call, METH_VARARGS, nullptr},
                           {"_names_of_family", names_of_family, METH_O, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

bool detail::type_overrides(PyTypeObject* type) noexcept {
  struct Known {
    PyTypeObject* type;
    unsigned version;  // Python changes it when the type, or a base, gets another attribute
    bool overrides;
  };
  constexpr std::size_t size = 8;
  static thread_local Known known[size];
  auto& entry = known[(reinterpret_cast<uintptr_t>(type) >> 5) % size];
  if (entry.type == type && entry.version == type->tp_version_tag && entry.version != 0) return entry.overrides;
  const Object function = Object::steal(PyObject_GetAttr(reinterpret_cast<PyObject*>(type), protocol_name));
  if (!function) PyErr_Clear();
  entry = {type, type->tp_version_tag, function && function.get() != disabled};
  return entry.overrides;
}

PyObject* call_override(PyObject* function, const CallArguments& call) {
  const auto found = detail::override_state.no_subclasses ? std::vector<PyObject*>() : overriding(call);
  const Object types = owned(PyTuple_New(static_cast<Py_ssize_t>(found.size())));
  for (std::size_t i = 0; i < found.size(); ++i)
    PyTuple_SET_ITEM(types.get(), static_cast<Py_ssize_t>(i),
                     Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(found[i]))));
  const Object args = positional(call), kwargs = keywords(call);
  if (detail::override_state.modes > 0) {
    Object result =
        owned(PyObject_CallFunctionObjArgs(mode_handler, function, types.get(), args.get(), kwargs.get(), nullptr));
    if (result.get() != Py_NotImplemented) return result.release();
  }
  for (auto* const object : found) {
    const Object handler = owned(PyObject_GetAttr(reinterpret_cast<PyObject*>(Py_TYPE(object)), protocol_name));
    Object result =
        owned(PyObject_CallFunctionObjArgs(handler.get(), function, types.get(), args.get(), kwargs.get(), nullptr));
    if (result.get() != Py_NotImplemented) return result.release();
  }
  const Object list = owned(PySequence_List(types.get())), text = owned(PyObject_Repr(list.get())),
               name = owned(PyObject_Repr(function));
  fail(ErrorKind::type, "no implementation found for {} on types that implement __torch_function__: {}",
       PyUnicode_AsUTF8(name.get()), PyUnicode_AsUTF8(text.get()));
}

PyObject* call_override(const char* name, const CallArguments& call) {
  const Object function = owned(PyObject_GetAttrString(reinterpret_cast<PyObject*>(tensor_type), name));
  return call_override(function.get(), call);
}

PyObject* call_attribute_override(const char* name, const char* accessor, PyObject* self, PyObject* value) {
  const Object attribute = owned(PyObject_GetAttrString(reinterpret_cast<PyObject*>(tensor_type), name));
  const Object function = owned(PyObject_GetAttrString(attribute.get(), accessor));
  PyObject* const args[] = {self, value};
  return call_override(function.get(), {nullptr, args, value == nullptr ? 1 : 2, nullptr});
}

void init_overrides(PyObject* module) {
  protocol_name = checked(PyUnicode_InternFromString("__torch_function__"));
  disabled = checked(PyCFunction_New(&disabled_definition, nullptr));
  checked(PyModule_AddObjectRef(module, disabled_definition.ml_name, disabled));
  checked(PyModule_AddFunctions(module, functions));
}

}  // namespace weft::bindings
