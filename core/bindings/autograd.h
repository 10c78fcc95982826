// Python's side of autograd: graph nodes, hooks, Functions written in Python, backward.
#pragma once

#include "autograd/node.h"
#include "bindings/python.h"

namespace weft::bindings {

/// The Python object of a node; None for no node.
PyObject* wrap_node(const Ref<Node>& node);
void init_autograd(PyObject* module);

}  // namespace weft::bindings
