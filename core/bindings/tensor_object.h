// weft.Tensor: the Python object around a Tensor handle.
#pragma once

#include "bindings/python.h"
#include "tensor/tensor.h"

namespace weft::bindings {

/// Layout of a Python tensor. Immutable after creation but for the two pointers, which Python guards.
struct TensorObject {
  PyObject_HEAD Tensor tensor;
  PyObject* dict;
  PyObject* weak_references;
};

/// The type weft.Tensor; created once by init_tensor_type.
extern PyTypeObject* tensor_type;
void init_tensor_type(PyObject* module);

inline bool is_tensor(PyObject* object) noexcept {
  return Py_IS_TYPE(object, tensor_type) || PyType_IsSubtype(Py_TYPE(object), tensor_type);
}
/// The handle inside; the object must be a tensor.
inline const Tensor& unwrap(PyObject* object) noexcept { return reinterpret_cast<TensorObject*>(object)->tensor; }

/// The same, where elements are needed: raises for a tensor whose elements only Python knows.
const Tensor& unwrap_dense(PyObject* object, const char* what);

/// Lets the garbage collector know a tensor that may take part in a cycle: most never do, and cost it nothing.
inline void track(PyObject* tensor) noexcept {
  if (PyObject_GC_IsTracked(tensor) == 0) PyObject_GC_Track(tensor);
}

/// The Python object of a tensor: the one that exists, or a new one. Undefined gives None.
PyObject* wrap(const Tensor& tensor);
/// A new object of a subclass around the tensor.
PyObject* wrap_as(PyTypeObject* type, const Tensor& tensor);

}  // namespace weft::bindings
