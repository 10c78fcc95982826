// The base of weft.nn.Module: what every forward goes through, the call and the lookup of registered names.
#pragma once

#include "bindings/python.h"

namespace weft::bindings {

/// Adds `_ModuleBase` to the extension module.
void init_module_base(PyObject* module);

}  // namespace weft::bindings
