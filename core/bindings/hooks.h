// Hooks on tensors and nodes that are Python callables.
#pragma once

#include <memory>
#include <span>

#include "autograd/meta.h"
#include "bindings/kept.h"
#include "bindings/python.h"

namespace weft::bindings {

Object tensors_to_tuple(std::span<const Tensor> tensors);

/// A hook on a node: called with its incoming gradients, or (post) with its results and incoming gradients.
/// Both ways of registering return a handle for remove_hook.
PyObject* add_node_hook(Node& node, PyObject* callable, bool post);
PyObject* add_tensor_hook(const Tensor& t, PyObject* callable, bool post_accumulate);
PyObject* remove_hook(PyObject* handle);

/// Shows the garbage collector the Python objects that only this tensor keeps alive, through its hooks or its history.
int visit_history(const Tensor& t, visitproc visit, void* arg);
/// Drops them.
void clear_history(const Tensor& t);

/// (hooks) -> the ones before: this thread's saved-tensor hooks, a tuple (pack, unpack), or None for none.
PyObject* set_saved_hooks(PyObject* module, PyObject* hooks);

}  // namespace weft::bindings
