#include "bindings/tensor_object.h"

#include <structmember.h>

#include <array>
#include <atomic>
#include <mutex>
#include <vector>

#include "bindings/hooks.h"
#include "bindings/identity.h"
#include "bindings/native.h"
#include "bindings/properties.h"
#include "bindings/protocols.h"
#include "bindings/tables.h"
#include "bindings/types.h"
#include "runtime/error.h"
#include "runtime/per_thread.h"

namespace weft::bindings {

PyTypeObject* tensor_type = nullptr;

namespace {

/// What makes a Python tensor more than its C++ one. It outlives the Python object when C++ (a graph, a list of saved
/// tensors) still holds the tensor, and goes to the next Python object made for it.
struct Left {
  PyTypeObject* type;
  PyObject* dict;
};

void drop(void* memory) noexcept {
  auto* const left = static_cast<Left*>(memory);
  if (Py_IsInitialized() != 0) {
    const PythonScope python;
    Py_XDECREF(left->dict);
    Py_DECREF(left->type);
  }
  delete left;
}

void leave_identity(TensorObject& object) {
  auto* const type = Py_TYPE(reinterpret_cast<PyObject*>(&object));
  if (type == tensor_type && (object.dict == nullptr || PyDict_GET_SIZE(object.dict) == 0)) return;
  auto* const impl = object.tensor.impl();
  if (impl->use_count() == 1) return;
  Py_INCREF(type);
  auto* const left = new Left{type, std::exchange(object.dict, nullptr)};
  if (void* const before = impl->left.exchange(left, std::memory_order_acq_rel)) drop(before);
}

#ifdef Py_GIL_DISABLED
// Here Python's own allocator keeps memory with the thread that freed it.
TensorObject* spare() noexcept { return nullptr; }
bool keep(TensorObject*) noexcept { return false; }
#else
/// Memory of tensors that died on a thread, for those it makes next. Out of Python's allocator, which would give it to
/// whichever thread has the lock then, and its cache lines would have to follow; so would the count of the type, if
/// they gave up their share in it.
struct Spares {
  static constexpr int most = 32;
  std::array<TensorObject*, most> objects;
  int count = 0;
  void retire();
};
using SparesOf = weft::detail::PerThread<Spares>;
std::vector<TensorObject*> orphans;              // of threads that ended; guarded by SparesOf::mutex()
constinit std::atomic<std::size_t> orphaned{0};  // how many

void Spares::retire() {
  orphans.insert(orphans.end(), objects.begin(), objects.begin() + count);
  orphaned.store(orphans.size(), std::memory_order_relaxed);
}
void adopt_orphans(Spares& spares) {
  const std::lock_guard lock(SparesOf::mutex());
  for (; spares.count < Spares::most && !orphans.empty(); orphans.pop_back())
    spares.objects[spares.count++] = orphans.back();
  orphaned.store(orphans.size(), std::memory_order_relaxed);
}

/// An object that still counts as one of its type, or null.
TensorObject* spare() {
  Spares* const spares = SparesOf::local();
  if (spares == nullptr) return nullptr;
  if (spares->count == 0) {
    if (orphaned.load(std::memory_order_relaxed) == 0) return nullptr;
    adopt_orphans(*spares);
    if (spares->count == 0) return nullptr;
  }
  return spares->objects[--spares->count];
}
/// Whether `object`, of no use to Python any more, is kept for later.
bool keep(TensorObject* object) noexcept {
  Spares* const spares = SparesOf::local();
  if (spares == nullptr || spares->count == Spares::most) return false;
  spares->objects[spares->count++] = object;
  return true;
}
#endif

void tensor_dealloc(PyObject* self) {
  auto* object = reinterpret_cast<TensorObject*>(self);
  auto* const type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (object->tensor.defined()) leave_identity(*object);
  // First of all: nobody may find the wrapper any more.
  if (object->tensor.defined()) forget_wrapper(object->tensor.impl()->python, self);
  if (object->weak_references != nullptr) PyObject_ClearWeakRefs(self);
  Py_CLEAR(object->dict);
  object->tensor.~Tensor();
  if (type == tensor_type && keep(object)) return;
  type->tp_free(self);
  Py_DECREF(type);
}

int tensor_traverse(PyObject* self, visitproc visit, void* arg) {
  auto* object = reinterpret_cast<TensorObject*>(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(object->dict);
  return object->tensor.defined() ? visit_history(object->tensor, visit, arg) : 0;
}

int tensor_clear(PyObject* self) {
  auto* object = reinterpret_cast<TensorObject*>(self);
  Py_CLEAR(object->dict);
  if (object->tensor.defined()) clear_history(object->tensor);
  return 0;
}

int tensor_setattr(PyObject* self, PyObject* name, PyObject* value) {
  const int status = PyObject_GenericSetAttr(self, name, value);
  if (reinterpret_cast<TensorObject*>(self)->dict != nullptr) track(self);
  return status;
}

PyObject* get_dict(PyObject* self, void* closure) {
  PyObject* const dict = PyObject_GenericGetDict(self, closure);
  if (dict != nullptr) track(self);
  return dict;
}

/// Tensor(data): another object of the class around the same memory. What else PyTorch's constructor takes is Python's.
PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    PyObject* const first = PyTuple_GET_SIZE(args) == 1 && kwargs == nullptr ? PyTuple_GET_ITEM(args, 0) : nullptr;
    if (type != tensor_type && first != nullptr && is_tensor(first))
      return wrap_as(type, alias(unwrap_dense(first, type->tp_name)));
    const Object named = kwargs == nullptr ? owned(PyDict_New()) : Object::borrow(kwargs);
    return call_python("weft._legacy", "construct", reinterpret_cast<PyObject*>(type), args, named.get()).release();
  });
}

Py_hash_t tensor_hash(PyObject* self) { return static_cast<Py_hash_t>(reinterpret_cast<uintptr_t>(self) >> 4); }

}  // namespace

void init_tensor_type(PyObject* module) {
  static PyMemberDef members[] = {
      {"__dictoffset__", T_PYSSIZET, offsetof(TensorObject, dict), READONLY, nullptr},
      {"__weaklistoffset__", T_PYSSIZET, offsetof(TensorObject, weak_references), READONLY, nullptr},
      {nullptr, 0, 0, 0, nullptr}};
  static PyGetSetDef dict_attribute[] = {{"__dict__", get_dict, PyObject_GenericSetDict, nullptr, nullptr},
                                         {nullptr, nullptr, nullptr, nullptr, nullptr}};
  static std::vector<PyGetSetDef> attributes;
  for (auto* a = tensor_attributes; a->name != nullptr; ++a) attributes.push_back(*a);
  attributes.push_back(dict_attribute[0]);
  attributes.push_back(dict_attribute[1]);
  static std::vector<PyMethodDef> methods;
  for (auto* m = tensor_own_methods; m->ml_name != nullptr; ++m) methods.push_back(*m);
  for (auto* m = tensor_methods; m->ml_name != nullptr; ++m) methods.push_back(*m);
  methods.push_back({nullptr, nullptr, 0, nullptr});

  std::vector<PyType_Slot> slots = {
      {Py_tp_new, reinterpret_cast<void*>(tensor_new)},
      {Py_tp_dealloc, reinterpret_cast<void*>(tensor_dealloc)},
      {Py_tp_traverse, reinterpret_cast<void*>(tensor_traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(tensor_clear)},
      {Py_tp_setattro, reinterpret_cast<void*>(tensor_setattr)},
      {Py_tp_hash, reinterpret_cast<void*>(tensor_hash)},
      {Py_tp_members, members},
      {Py_tp_getset, attributes.data()},
      {Py_tp_methods, methods.data()},
      {Py_tp_doc, const_cast<char*>("A strided array of numbers that can be differentiated.")},
  };
  add_number_slots(slots);
  add_indexing_slots(slots);
  add_buffer_slots(slots);
  slots.push_back({0, nullptr});
  PyType_Spec spec{"weft.Tensor", sizeof(TensorObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots.data()};
  tensor_type = make_type(spec);
  drop_left = &drop;
  checked(PyModule_AddObjectRef(module, "Tensor", reinterpret_cast<PyObject*>(tensor_type)));
}

const Tensor& unwrap_dense(PyObject* object, const char* what) {
  const Tensor& tensor = unwrap(object);
  if (tensor.impl()->opaque) [[unlikely]]
    fail(ErrorKind::not_implemented, "{}: not implemented for sparse tensors; densify with to_dense()", what);
  return tensor;
}

namespace {
/// Memory for a plain tensor.
TensorObject* plain_object() {
  TensorObject* object = spare();
  if (object != nullptr) {
    _Py_NewReference(reinterpret_cast<PyObject*>(object));
  } else {
    object = PyObject_GC_New(TensorObject, tensor_type);
    if (object == nullptr) throw PythonError{};
  }
  object->dict = object->weak_references = nullptr;
  return object;
}
}  // namespace

PyObject* wrap_as(PyTypeObject* type, const Tensor& tensor) {
  auto* const object =
      type == tensor_type ? plain_object() : reinterpret_cast<TensorObject*>(checked(type->tp_alloc(type, 0)));
  new (&object->tensor) Tensor(tensor);
  return adopt_wrapper(tensor.impl()->python, reinterpret_cast<PyObject*>(object));
}

PyObject* wrap(const Tensor& tensor) {
  if (!tensor.defined()) Py_RETURN_NONE;
  if (PyObject* const existing = existing_wrapper(tensor.impl()->python)) return existing;
  if (tensor.impl()->left.load(std::memory_order_acquire) == nullptr) [[likely]]
    return wrap_as(tensor_type, tensor);
  auto* const left = static_cast<Left*>(tensor.impl()->left.exchange(nullptr, std::memory_order_acq_rel));
  if (left == nullptr) return wrap_as(tensor_type, tensor);
  const Object type = Object::steal(reinterpret_cast<PyObject*>(left->type)), dict = Object::steal(left->dict);
  delete left;
  PyObject* const object = wrap_as(reinterpret_cast<PyTypeObject*>(type.get()), tensor);
  auto* const fresh = reinterpret_cast<TensorObject*>(object);
  if (dict && fresh->dict == nullptr) {
    fresh->dict = Py_NewRef(dict.get());
    track(object);
  }
  return object;
}

}  // namespace weft::bindings
