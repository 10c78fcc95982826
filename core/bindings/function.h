// Operations whose derivative is written in Python: the node behind weft.autograd.Function.
#pragma once

#include "autograd/node.h"
#include "bindings/python.h"

namespace weft::bindings {

class PythonFunction;

/// Null for nodes of other kinds.
PythonFunction* as_python_function(Node& node) noexcept;
/// The context that forward filled.
PyObject* context_of(const PythonFunction& function) noexcept;
/// The saved tensors as a new tuple; raises when they were freed or written in place.
Object saved_tensors_of(PythonFunction& function);
int visit_function(const PythonFunction& function, visitproc visit, void* arg);

/// (name, ctx, backward, inputs, outputs, saved, dirty, non_differentiable): records a Function.
PyObject* record_function(PyObject*, PyObject* args);

}  // namespace weft::bindings
