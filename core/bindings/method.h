// Methods of Python classes that need no Python frame: each function called costs threads that run beside one another
// 0.3 to 0.4 us, for its counts and its code's go from core to core.
#pragma once

#include "bindings/python.h"

namespace weft::bindings {

/// Whether it is one that lasts for good, so that who calls it need not count it: a module's forward.
bool is_lasting_method(PyObject* object) noexcept;

/// Whether a table of hooks has none.
bool is_empty(PyObject* table);

/// Adds `_NativeMethod`, and `_applies` and `_between_hooks` that make them, to the extension module.
void init_method(PyObject* module);

}  // namespace weft::bindings
