// The base of weft.optim.Optimizer: what every training step goes through.
#pragma once

#include "bindings/python.h"

namespace weft::bindings {

/// Adds `_OptimizerBase` and `_drop_gradients` to the extension module.
void init_optimizer_base(PyObject* module);

}  // namespace weft::bindings
