// Python's side of autograd: graph nodes, backward, modes.
#pragma once

#include "autograd/node.h"
#include "bindings/python.h"

namespace weft::bindings {

/// The Python object of a node; None for no node.
PyObject* wrap_node(const Ref<Node>& node);
/// The dictionary that belongs to the node; made on first use.
Object node_metadata(Node& node);

void init_node_type(PyObject* module);
void init_autograd(PyObject* module);

}  // namespace weft::bindings
