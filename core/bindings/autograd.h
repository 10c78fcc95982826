// Python's side of autograd: graph nodes, backward, modes.
#pragma once

#include "autograd/node.h"
#include "bindings/python.h"
#include "bindings/tensor_object.h"
#include "runtime/error.h"

namespace weft::bindings {

/// The Python object of a node; None for no node.
PyObject* wrap_node(const Ref<Node>& node);
/// The dictionary that belongs to the node; made on first use.
Object node_metadata(Node& node);

void init_node_type(PyObject* module);
void init_autograd(PyObject* module);

/// Calls `f` with each item of a sequence, where it lies.
template <class F>
void each_item(PyObject* sequence, F&& f) {
  const Object items = owned(PySequence_Fast(sequence, "expected a sequence of Tensors"));
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i)
    f(Object::borrow(PySequence_Fast_GET_ITEM(items.get(), i)).get());
}

inline const Tensor& expect_tensor(PyObject* object) {
  check_type(is_tensor(object), "expected Tensors, got {}", Py_TYPE(object)->tp_name);
  return unwrap(object);
}

}  // namespace weft::bindings
